"""The simulated site: what a title's page shows at a moment, or the failure that comes in its place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from ingram_assets.domain.completeness import Shape
from ingram_assets.domain.stock import MAX_COUNT, DcStock, Role
from ingram_assets.sources.ipage.access.answers import Refused, SiteFailed
from ingram_assets.sources.ipage.pages.page_failures import NotFound, PageChanged
from ingram_assets.sources.ipage.pages.product_page import ProductPage
from ingram_assets_tests.world.events import CENTERS

OWN = CENTERS[:2]
ROLES: dict[str, Role] = {"TN": "primary", "PA": "secondary"}


@dataclass(slots=True)
class SiteTitle:
    """A title as Ingram has it. `hand` and `order` by center; `shown`: the centers that its page names."""

    isbn: str
    hand: dict[str, int]
    order: dict[str, int]
    shown: set[str]
    published: date = date(2020, 1, 1)
    price: Decimal = Decimal("20.00")
    broken: str | None = None
    broken_until: float = 0.0
    sound_since: float = 0.0


class Served(NamedTuple):
    """A page that came: when it was asked for, what it said, and whether it said all and the truth."""

    at: float
    stock: Mapping[str, DcStock] | None
    is_whole: bool
    is_true: bool


def copies_on(page: Served) -> int:
    """Copies on hand that a page showed."""
    return sum(counts.on_hand or 0 for counts in (page.stock or {}).values())


@dataclass(slots=True)
class SimulatedSite:
    """The site. `asked` are the times of all requests; `served` ISBN to the pages that came."""

    own_table_only: bool
    titles: dict[str, SiteTitle] = field(default_factory=dict)
    down_until: float = 0.0
    blocking_until: float = 0.0
    wrong: str | None = None
    wrong_since: float = 0.0
    wrong_until: float = 0.0
    sound_since: float = 0.0
    asked: list[float] = field(default_factory=list)
    blocked_at: list[float] = field(default_factory=list)
    served: dict[str, list[Served]] = field(default_factory=dict)

    def look_at_clock(self, now: float) -> None:
        """What was broken until now is mended."""
        if self.wrong and self.wrong_until <= now:
            self.wrong = None
        for title in self.titles.values():
            if title.broken and title.broken_until <= now:
                title.broken, title.sound_since = None, now

    def break_until(self, now: float, until: float) -> None:
        """The site as a whole is not to be relied on until then."""
        self.sound_since = max(self.sound_since, until)

    def page(self, isbn: str, now: float) -> ProductPage:
        """The page of a title.

        Raises:
            IngramError: what came in its place.
        """
        self.asked.append(now)
        if now < self.blocking_until:
            self.blocked_at.append(now)
            raise Refused("The site blocks this machine (status 403).")
        if now < self.down_until:
            raise SiteFailed("The site failed with status 503.")
        title = self.titles[isbn]
        if self.wrong == "all_404" or title.broken == "not_found":
            raise NotFound("The site lists nothing here (status 404).")
        if title.broken == "changed":
            raise PageChanged("stock table", "its columns are not those that are known.")
        page, is_whole = self._page(title)
        is_true = self.wrong is None
        self.served.setdefault(isbn, []).append(Served(now, page.stock, is_whole, is_true))
        return page

    def _page(self, title: SiteTitle) -> tuple[ProductPage, bool]:
        wrong = self.wrong
        centers = [center for center in CENTERS if center in title.shown]
        if self.own_table_only or title.broken in ("in_part", "half"):
            centers = [center for center in centers if center in OWN]
        factor = {"times_1000": 1000, "zeros": 0}.get(wrong or "", 1)
        stock = None
        if title.broken != "no_table":
            stock = {
                center: DcStock(
                    0 if title.broken == "in_part" else min(MAX_COUNT, title.hand[center] * factor),
                    title.order[center],
                    ROLES.get(center, "other"),
                )
                for center in centers
            }
        others = stock is not None and any(center not in OWN for center in centers)
        page = ProductPage(
            isbn=title.isbn,
            title=f"Book {title.isbn}",
            publication_date=date(2099, 1, 1) if wrong == "preorder" else title.published,
            binding="E-Book" if wrong == "digital" else "Trade Paper",
            srp_price=Decimal("0.01") if wrong == "one_cent" else title.price,
            stock=stock,
            stock_shape=None if stock is None else Shape(own=True, others=int(others)),
        )
        return page, title.broken is None or (self.own_table_only and title.broken == "half")
