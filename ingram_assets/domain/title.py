"""A title as the queue stages it and the storefront brings it to the store: one row, in our words."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from ingram_assets.domain.readings import KnownStock
from ingram_assets.domain.restrictions import Restrictions
from ingram_assets.domain.stock import DcStock


class Contributor(NamedTuple):
    """Who had a part in a book, and which: "Author", "Illustrator"; `None` where the page does not say."""

    name: str
    role: str | None = None


class Aged(NamedTuple):
    """Copies of a title were counted too long ago to be sold (`lifetime.age`).

    `fresh` is how many are on hand by the counts that still hold, `since` the oldest of those counts' times,
    `policy` what becomes of a title that has none of them. `centers` are those whose counts are too old.
    """

    fresh: int
    since: datetime | None
    policy: Literal["backorder", "out_of_stock"]
    centers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Title:
    """The current queue row of one ISBN. Money in US dollars, weight in pounds, times in UTC.

    Attributes:
        stock: the counts of the centers that count, whatever their age; `None`: never read.
        known: the same with their times, and with the centers that count no longer.
        aged: set by `lifetime.age`, where copies in `stock` are too old to be sold.
        wanted_at: when a person last asked for this title to be in the store (`ingram enrich`).
        restrictions: what its page last said of who may buy it; none, too, where no page was read yet.
    """

    id: int
    isbn: str
    title: str
    author: str | None = None
    publisher: str | None = None
    publication_date: date | None = None
    binding: str | None = None
    page_count: int | None = None
    srp_price: Decimal | None = None
    weight: Decimal | None = None
    cover_url: str | None = None
    category_hint: str | None = None
    description: str | None = None
    series: str | None = None
    publisher_status: str | None = None
    stock: dict[str, DcStock] | None = field(default=None)
    stock_observed_at: datetime | None = None
    stock_changed_at: datetime | None = None
    imported_at: datetime | None = None
    failed_reason: str | None = None
    created_at: datetime | None = None
    contributors: tuple[Contributor, ...] = ()
    bisac: tuple[str, ...] = ()
    """Heading paths, such as "Fiction | Fantasy | Epic"."""
    cover_sha256: str | None = None
    stock_source: str | None = None
    known: KnownStock | None = None
    aged: Aged | None = None
    wanted_at: datetime | None = None
    restrictions: Restrictions = ()

    @property
    def is_wanted_again(self) -> bool:
        """Whether a person has asked for it since it was imported."""
        return bool(self.wanted_at and self.imported_at and self.wanted_at > self.imported_at)
