"""A title as the queue stages it and the storefront brings it to the store: one row, in our words."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from ingram_assets.domain.stock import DcStock


class Contributor(NamedTuple):
    """Who had a part in a book, and which: "Author", "Illustrator"; `None` where the page does not say."""

    name: str
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Title:
    """The current queue row of one ISBN. Money in US dollars, weight in pounds, times in UTC."""

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
