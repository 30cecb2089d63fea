"""What is right of a book, in our words: its page and its queue row are compared with this."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from ingram_assets.domain.restrictions import Restriction, in_order
from ingram_assets.domain.stock import UNSEEN, DcStock
from ingram_assets_tests.other_site.books import Book

SITE_FILE = Path(__file__).with_name("site.toml")
LETTERS = {"Nord": "IN", "Süd": "TN", "Zentrallager Ost": "PA", "West": "OR"}
"""Of the centers, as the site file has them."""
_POUND = Decimal("453.59237")
"""In grams."""
Counts = dict[str, tuple[int | None, int | None]]


def details_of(book: Book) -> dict[str, Any]:
    return {
        "isbn": book.ean,
        "title": book.title,
        "srp_price": book.price,
        "contributors": [book.author],
        "publisher": book.publisher,
        "publication_date": book.published,
        "binding": book.binding,
        "page_count": book.pages or None,
        "series": book.series or None,
        "description": book.text,
        "restrictions": in_order(_restrictions_of(book)),
        "weight": book.grams or None,
    }


def _restrictions_of(book: Book) -> Iterator[Restriction]:
    if not book.returnable:
        yield Restriction.NOT_RETURNABLE
    if book.notice:
        yield Restriction.SOME_CUSTOMERS


def details_in(read: Any, book: Book) -> dict[str, Any]:
    """The same of a page or a row. Its weight, in hundredths of a pound, is the book's if it is near."""
    found = {name: getattr(read, name) for name in details_of(book)}
    grams = None if read.weight is None else read.weight * _POUND
    is_near = grams is not None and abs(grams - book.grams) < 5
    return found | {
        "contributors": [person.name for person in read.contributors],
        "weight": book.grams if is_near else grams,
    }


def stock_of(book: Book) -> Counts | None:
    if book.stock is None:
        return None
    return {LETTERS[name]: (copies.on_hand, copies.on_order) for name, copies in book.stock.items()}


def stock_in(stock: Mapping[str, DcStock] | None) -> Counts | None:
    if stock is None:
        return None
    return {center: counts[:2] for center, counts in stock.items() if center != UNSEEN}
