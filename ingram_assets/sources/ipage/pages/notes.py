"""What is noted of a product page beside its values: where each stands, and what was not understood."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingram_assets.sources.ipage.pages.labels import Labels
from ingram_assets.sources.ipage.pages.page_failures import PageChanged
from ingram_assets.sources.ipage.pages.stock_tables import PageStock
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile

T = TypeVar("T")

Spot = tuple[LexborNode, str]
"""Where a value stands: an element, and the words there that say what it is."""


LABEL = ":"
"""In place of the words of a spot: the element is the label, and has them."""


@dataclass(slots=True)
class Notes:
    """Filled while a page is read. Cheap: elements are kept as they are, and described when somebody asks.

    Attributes:
        profile: what is believed of the site, by which the page is read.
        labels: all that are known on the page.
        stock: what was read of the stock tables, up to what could not be told.
        spots: by a field of `ProductPage`, where its value stands.
        warnings: sentences on what was there and not understood.
        refused: why this is no reading: what is required and could not be told.
    """

    tree: LexborHTMLParser
    profile: SiteProfile
    labels: Labels
    stock: PageStock
    spots: dict[str, list[Spot]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    refused: list[PageChanged] = field(default_factory=list)

    def at(self, name: str, node: LexborNode, words: str = "") -> None:
        """The value of a field stands in this element, which is no label."""
        self.spots.setdefault(name, []).append((node, words))

    def under(self, name: str, label: str) -> None:
        """The value of a field stands under the label of this kind that was read last, if there is one."""
        if (node := self.labels.read_at.get(label)) is not None:
            self.spots.setdefault(name, []).append((node, LABEL))

    def required(self, read: Callable[[], T], otherwise: T) -> T:
        """What has to be there; where it can't be told, that is noted, and the rest is read all the same."""
        try:
            return read()
        except PageChanged as error:
            self.refused.append(error)
            return otherwise
