"""Lists of entries, a page at a time: what is there all the while is in exactly one of the pages.

Entries stand in the order of their item's id and their own, which never change, and a cursor is the last
entry of a page. Medusa pages by number alone, so a page that is asked for begins with a row that was seen:
if rows before it went meanwhile, the numbers moved, and it is stepped back until nothing can be missing.
"""

import re
import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

from ingram_assets.domain.isbn import isbn_spelled
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.read import spelled_by

POSITION = r"[0-9]{1,9}\.[0-9A-Za-z_]{1,60}\.[0-9A-Za-z_]{1,60}"
"""What a position looks like as text, as a regular expression."""

_ROWS = 1_000
"""Rows of a request to Medusa."""

_NEAREST = 3
_FIELDS = (
    "id,sku,variants.id,variants.product_id,variants.allow_backorder,variants.sku,variants.ean,variants.upc,"
    "variants.barcode,variants.product.title,location_levels.id,location_levels.location_id,"
    "location_levels.stocked_quantity,location_levels.reserved_quantity"
)


@dataclass(frozen=True, slots=True)
class ListedEntry:
    """An entry with the product that it is of. Ids are Medusa's; `isbn`, `product_id`: `None` if unknown."""

    level_id: str
    item_id: str
    location_id: str
    sku: str
    isbn: str | None
    product_id: str | None
    title: str
    allow_backorder: bool
    quantity: int
    reserved: int

    @property
    def available(self) -> int:
        """What may still be sold; negative where it is oversold."""
        return self.quantity - max(0, self.reserved)


@dataclass(frozen=True, slots=True)
class SoldProduct:
    """A product of the store, and ids of the sales channels that it is sold in. `id`: `None` if unknown."""

    id: str | None
    title: str
    channels: frozenset[str]


@dataclass(frozen=True, slots=True)
class Position:
    """The last entry that was listed. `row`: about where Medusa's list has it; being wrong is no harm."""

    row: int
    item_id: str
    level_id: str

    def __str__(self) -> str:
        return f"{self.row}.{self.item_id}.{self.level_id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """A position from its text, which looks like `POSITION`."""
        row, item_id, level_id = text.split(".")
        return cls(int(row), item_id, level_id)


@dataclass(frozen=True, slots=True)
class WantedEntries:
    """Which entries are listed.

    Attributes:
        places: ids of locations; `None`: all, deleted ones too.
        low: with at most so many available; `least`: with at least so many.
        search: a part of the product's title or the SKU, in any case; or an ISBN in any spelling.
    """

    places: Collection[str] | None = None
    low: int | None = None
    search: str | None = None
    least: int | None = None

    def has(self, entry: ListedEntry) -> bool:
        """Whether the entry is one of them."""
        if self.places is not None and entry.location_id not in self.places:
            return False
        if self.low is not None and entry.available > self.low:
            return False
        if self.least is not None and entry.available < self.least:
            return False
        if not self.search:
            return True
        words, isbn = self.search.casefold(), isbn_spelled(self.search)
        is_named = any(words in text.casefold() for text in (entry.title, entry.sku))
        return is_named or (isbn is not None and isbn == entry.isbn)


class EntryList:
    """The entries of one store as lists. It may be shared by threads."""

    def __init__(self, client: MedusaClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._item_of: dict[str, str] = {}

    def page(
        self, wanted: WantedEntries, limit: int, after: Position | None = None
    ) -> tuple[list[ListedEntry], Position | None]:
        """At most `limit` entries after a position, and the position to go on from; `None`: that is all."""
        found = list(islice(self._entries(wanted, after, limit + 2), limit + 1))
        entries = [entry for _, entry in found[:limit]]
        if len(found) <= limit:
            return entries, None
        return entries, Position(found[limit - 1][0], entries[-1].item_id, entries[-1].level_id)

    def all(self, wanted: WantedEntries) -> Iterator[ListedEntry]:
        """Every entry that is wanted."""
        return (entry for _, entry in self._entries(wanted, None, _ROWS))

    def of_items(self, item_ids: Collection[str]) -> list[ListedEntry]:
        """The entries of some inventory items."""
        return [entry for row in self._by_id(sorted(item_ids)) for entry in self._levels(row)]

    def find(self, level_id: str) -> ListedEntry | None:
        """The entry with this id, as it is now; `None`: there is none.

        Medusa can't be asked for it. Whoever names an entry has seen it here as a rule, and then it is known
        what it is of; else all are looked through.
        """
        if level_id not in self._item_of:
            for _ in self.all(WantedEntries()):
                if level_id in self._item_of:
                    break
        item_id = self._item_of.get(level_id)
        entries = self.of_items([item_id]) if item_id else []
        return next((each for each in entries if each.level_id == level_id), None)

    def product(self, product: str, isbn: str) -> SoldProduct:
        """The product with an ISBN. `product`: its id, if it is known."""
        if not product.startswith("prod_"):
            asked = {"q": isbn, "fields": "sku,ean,upc,barcode,product_id"}
            variants = self._client.list_all("/admin/product-variants", "variants", asked)
            product = next((row["product_id"] for row in variants if isbn in spelled_by(row)), "")
        if not product:
            return SoldProduct(None, "", frozenset())
        fields = {"fields": "id,title,sales_channels.id"}
        row = self._client.get(f"/admin/products/{product}", fields)["product"]
        channels = frozenset(each["id"] for each in row["sales_channels"] or [] if each)
        return SoldProduct(row["id"], row["title"], channels)

    def nearest(self, called: str, channel_id: str | None = None) -> list[str]:
        """Titles of the store that may be meant by what names none, each as "ISBN (title)"; often none.

        Args:
            channel_id: look among what this sales channel sells alone.
        """
        called = called.strip()[:100]
        digits = re.sub(r"[\s-]", "", called)
        tries = [digits[:10], digits[:7]] if digits.isdecimal() else [called]
        for words in tries:
            if len(words) < 3:
                continue
            asked = {"q": words, "fields": "title,variants.sku", "limit": _NEAREST}
            if channel_id is not None:
                asked["sales_channel_id[]"] = channel_id
            rows = self._client.get("/admin/products", asked)["products"]
            variants = [(row, one) for row in rows for one in row["variants"] or [] if one["sku"]]
            if variants:
                return [f"{one['sku']} ({row['title']})" for row, one in variants[:_NEAREST]]
        return []

    def _entries(
        self, wanted: WantedEntries, after: Position | None, rows: int
    ) -> Iterator[tuple[int, ListedEntry]]:
        if wanted.places is not None and not wanted.places:
            return
        passed = (after.item_id, after.level_id) if after else ("", "")
        search = wanted.search
        listed = self._found(search, passed[0]) if search else self._rows_from(wanted, after, rows)
        for number, row in listed:
            for entry in self._levels(row):
                if (entry.item_id, entry.level_id) > passed and wanted.has(entry):
                    yield number, entry

    def _rows_from(
        self, wanted: WantedEntries, after: Position | None, rows: int
    ) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Medusa's rows from a position's item on, each with its number."""
        offset, last = (after.row, after.item_id) if after else (0, "")
        asked: dict[str, Any] = {"fields": _FIELDS, "order": "id"}
        if wanted.places is not None:
            asked["location_levels[location_id]"] = sorted(wanted.places)
        back, begun, limit = 1, False, min(rows, _ROWS)
        while True:
            answer = self._client.get("/admin/inventory-items", asked | {"limit": limit, "offset": offset})
            found = answer["inventory_items"]
            if offset and (not found or found[0]["id"] > last):
                offset, back = max(0, offset - back), back * 2
                continue
            for number, row in enumerate(found, offset):
                if row["id"] > last or (row["id"] == last and not begun):
                    last, begun = row["id"], True
                    yield number, row
            if not found or offset + len(found) >= answer["count"]:
                return
            # The last row leads the next request: so it shows whether rows before it went.
            offset, back, limit = offset + len(found) - 1, 1, _ROWS

    def _found(self, search: str, least: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """The rows of items that a search may mean, from an id on. Their numbers say nothing."""
        words = isbn_spelled(search) or search
        by_title = {"q": words, "fields": "id,variants.inventory_items.inventory_item_id"}
        ids = {
            link["inventory_item_id"]
            for row in self._client.list_all("/admin/products", "products", by_title)
            for variant in row["variants"] or []
            for link in variant["inventory_items"] or []
        }
        by_sku = {"q": words, "fields": "id"}
        items = self._client.list_all("/admin/inventory-items", "inventory_items", by_sku)
        ids |= {row["id"] for row in items}
        for row in self._by_id(sorted(each for each in ids if each >= least)):
            yield 0, row

    def _by_id(self, ids: list[str]) -> Iterator[Mapping[str, Any]]:
        for start in range(0, len(ids), 200):
            asked = {"fields": _FIELDS, "order": "id", "id": ids[start : start + 200]}
            yield from self._client.list_all("/admin/inventory-items", "inventory_items", asked)

    def _levels(self, row: Mapping[str, Any]) -> list[ListedEntry]:
        """The entries of a row, in their order."""
        variants = [each for each in row["variants"] or [] if each]
        first = variants[0] if variants else {}
        spelled = (one for each in variants for one in sorted(spelled_by(each)))
        isbn = isbn_spelled(row["sku"]) or next(spelled, None)
        entries = [
            ListedEntry(
                level["id"],
                row["id"],
                level["location_id"],
                row["sku"] or "",
                isbn,
                first.get("product_id"),
                (first.get("product") or {}).get("title") or "",
                any(each["allow_backorder"] for each in variants),
                int(level["stocked_quantity"] // 1),
                int(level["reserved_quantity"] // 1),
            )
            for level in row["location_levels"] or []
            if level
        ]
        with self._lock:
            self._item_of |= {each.level_id: each.item_id for each in entries}
        return sorted(entries, key=lambda each: each.level_id)
