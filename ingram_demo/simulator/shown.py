"""What the site shows of a title under the present dials: one answer for the page and for the book."""

import dataclasses
import zlib
from datetime import date
from typing import Any, NamedTuple

from ingram_demo.simulator import hostile
from ingram_demo.simulator.catalog import CatalogTitle
from ingram_demo.simulator.site import Site


class Row(NamedTuple):
    """One DC's row. `None` is a cell that shows no number."""

    dc: str
    on_hand: int | None
    on_order: int | None
    role: str


def shown_stock(site: Site, isbn: str) -> list[Row] | None:
    """The rows of both stock tables in the account's order; `None` where the page has no table."""
    stock = site.book.stock[isbn]
    if stock is None:
        return None
    dials = site.dials
    rows = []
    for place, dc in enumerate(dials.dcs):
        on_hand: int | None
        on_order: int | None
        on_hand, on_order = stock.get(dc, (0, 0))
        if _is_unread(f"{isbn} {dc} on hand", dials.unknown_cells_share):
            on_hand = None
        if _is_unread(f"{isbn} {dc} on order", dials.unknown_cells_share):
            on_order = None
        rows.append(Row(dc, on_hand, on_order, ("primary", "secondary")[place] if place < 2 else "other"))
    return rows


def shown_title(site: Site, isbn: str) -> CatalogTitle:
    """The title as it stands in the book, or with a hostile text where the dial says so."""
    title = site.book.titles[isbn]
    if site.dials.hostile_share and site.book.in_share(isbn, site.dials.hostile_share, "hostile"):
        text = hostile.TITLES[zlib.crc32(isbn.encode()) % len(hostile.TITLES)]
        return dataclasses.replace(
            title, title=text, contributors=((text[:2000], "Author"),), annotation=hostile.ANNOTATION
        )
    return title


def book_entry(site: Site, isbn: str) -> dict[str, Any]:
    """The truth about one title, in JSON's types. Weight in pounds, price in dollars, dates in ISO form."""
    title, rows = shown_title(site, isbn), shown_stock(site, isbn)
    stock = None
    if rows is not None:
        stock = {row.dc: {"type": row.role, "onHand": row.on_hand, "onOrder": row.on_order} for row in rows}
    return {
        "isbn": isbn,
        "record_id": title.record_id,
        "kind": title.kind,
        "title": title.title,
        "author": title.author,
        "contributors": [list(contributor) for contributor in title.contributors],
        "publisher": title.publisher,
        "publication_date": title.publication_date.isoformat(),
        "forthcoming": title.publication_date > date.today(),  # noqa: DTZ011 - the shop's day, as the page shows it
        "binding": title.binding,
        "page_count": title.page_count,
        "srp_price": str(title.srp_price),
        "weight": str(title.weight) if title.binding != "E-Book" else None,
        "series": title.series,
        "bisac": list(title.bisac),
        "annotation": title.annotation,
        "messages": list(title.messages),
        "availability": title.availability,
        "publisher_status": title.publisher_status,
        "cover": title.cover,
        "open_library": title.open_library,
        "stock": stock,
        "on_hand": _sum(rows, "on_hand"),
        "on_order": _sum(rows, "on_order"),
    }


def _sum(rows: list[Row] | None, column: str) -> int | None:
    """The sum over DCs, `None` where nothing is known; 0 only where every DC shows 0."""
    counts = [getattr(row, column) for row in rows or []]
    known = sum(count for count in counts if count is not None)
    return known if known or (counts and None not in counts) else None


def _is_unread(cell: str, percent: float) -> bool:
    """Whether a cell is among that percent of cells: about as many, and always the same ones."""
    return percent > 0 and zlib.crc32(cell.encode()) % 10_000 < percent * 100
