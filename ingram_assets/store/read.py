"""What the store has now of our titles: variants, their inventory items, and the levels at our location."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any

from ingram_assets.domain.isbn import isbn_spelled
from ingram_assets.domain.ownership import is_our_item, may_write_level
from ingram_assets.domain.position import Fulfillment, Orders, Reservation, Returned
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.journal import Journal, Known
from ingram_assets.store.model import FIXED_BACKORDER, Item, Level, OtherLevel, TagRow, TitleInStore, Variant
from ingram_assets.store.returns import RETURN_FIELDS, read_returned

Row = Mapping[str, Any]
"""A row as Medusa answers it: a variant, with its numbers, a reservation."""

_LEVEL_FIELDS = ("id", "location_id", "stocked_quantity", "reserved_quantity", "incoming_quantity")
_VARIANT_FIELDS = (
    *("id", "sku", "ean", "upc", "barcode"),
    *("title", "product_id", "manage_inventory", "allow_backorder", "metadata", "product.metadata"),
    *("inventory_items.inventory_item_id", "inventory_items.required_quantity"),
    *(f"inventory_items.inventory.{name}" for name in ("sku", "title", "variants.id")),
    *(f"inventory_items.inventory.location_levels.{name}" for name in _LEVEL_FIELDS),
)
_TAG_FIELDS = ("product.tags.id", "product.tags.value")
_NUMBERS = ("sku", "ean", "upc", "barcode")
_ORDER_FIELDS = (
    "id,created_at,items.id,fulfillments.created_at,fulfillments.canceled_at,fulfillments.location_id,"
    f"fulfillments.items.quantity,{RETURN_FIELDS}"
)
_LISTED_AT_ONCE = 5_000
_ITEM_FIELDS = ("id", "sku", "title", "variants.id", *(f"location_levels.{name}" for name in _LEVEL_FIELDS))


def read_store(
    client: MedusaClient,
    isbns: Iterable[str],
    location_id: str,
    unmanaged: Collection[str] = (),
    journal: Journal | None = None,
    spellings: "Spellings | None" = None,
    *,
    tags: bool = False,
) -> dict[str, TitleInStore]:
    """ISBN to what the store has of it, for every ISBN given.

    One read for each 500 ISBNs when all is well. A variant that is not found by its SKU is looked for by
    its EAN, by the id that an import has remembered (`Spellings`), and through its inventory item, since a
    person may have renamed it; an item is looked for where a variant has none. Only such titles cost
    further reads. A second product with the number, spelled otherwise, is seen where all variants are
    listed, and from then on by its id, which is remembered.

    Args:
        unmanaged: ISBNs that are to keep no inventory, so that a variant of theirs needs no item.
        journal: knows what was remembered, and which items this project made. Without it an item is the
            title's own by its SKU alone.
        spellings: all variants of the store, by what their numbers spell.
        tags: the products' tags are asked for, too.
    """
    wanted = list(dict.fromkeys(isbns))
    by_isbn: dict[str, list[Variant]] = {isbn: [] for isbn in wanted}

    def find(by: str, numbers: Mapping[str, str]) -> None:
        """Looks for variants by numbers, each of which stands for an ISBN."""
        for row in _variants(client, by, list(numbers), tags=tags):
            isbn = numbers[row[by] or ""]
            if _may_be(isbn, row):
                by_isbn[isbn].append(_variant(row, location_id))

    def not_found() -> list[str]:
        return [isbn for isbn in wanted if not by_isbn[isbn]]

    find("sku", {isbn: isbn for isbn in wanted})
    find("ean", {isbn: isbn for isbn in not_found()})
    if journal:
        _find_remembered(client, location_id, journal.known("variant", wanted), by_isbn, tags=tags)
    leftovers = _items_by_sku(client, _without_item(by_isbn, unmanaged), location_id)
    gone = {isbn: leftovers[isbn] for isbn in not_found() if isbn in leftovers}
    find("id", {variant_id: isbn for isbn, item in gone.items() for variant_id in item.variants})
    actual = {isbn: _actual(isbn, variants, leftovers.get(isbn)) for isbn, variants in by_isbn.items()}
    if spellings:
        actual |= spellings.look_up(wanted, actual)
    return _as_journaled(actual, journal) if journal else actual


def _without_item(by_isbn: Mapping[str, Sequence[Variant]], unmanaged: Collection[str]) -> list[str]:
    """The ISBNs none of whose variants has an inventory item, though it is to be managed."""
    return [
        isbn
        for isbn, variants in by_isbn.items()
        if not any(each.items or (each.sku in unmanaged and not each.manage_inventory) for each in variants)
    ]


def _find_remembered(
    client: MedusaClient,
    location_id: str,
    remembered: Sequence[Known],
    by_isbn: dict[str, list[Variant]],
    *,
    tags: bool,
) -> None:
    """Adds the variants of remembered ids: of titles not found otherwise, and the doubles of those found."""
    isbns = {
        each.id: each.called
        for each in remembered
        if each.id not in {variant.id for variant in by_isbn[each.called]}
    }
    for row in _variants(client, "id", list(isbns), tags=tags):
        isbn = isbns[row["id"]]
        there = by_isbn[isbn]
        products = {each.product_id for each in there}
        if _is_the_title_too(isbn, row, products) if there else _may_be(isbn, row):
            there.append(_variant(row, location_id))


class Spellings:
    """All variants of the store by the ISBNs that their numbers spell.

    Medusa finds a number by its exact text alone, and a person writes an ISBN with hyphens or blanks, or in
    the field for a barcode. So all of them are listed, once, when the first product is to be made and where
    all titles are looked at: one read for each 5,000 variants of the store.
    """

    def __init__(self, client: MedusaClient, location_id: str, journal: Journal) -> None:
        self._client, self._location_id, self._journal = client, location_id, journal

    @cached_property
    def _by_isbn(self) -> dict[str, list[Row]]:
        fields = {"fields": ",".join(("id", "product_id", *_NUMBERS)), "order": "id"}
        found: dict[str, list[Row]] = {}
        for row in self._client.list_all("/admin/product-variants", "variants", fields, _LISTED_AT_ONCE):
            for isbn in spelled_by(row):
                found.setdefault(isbn, []).append(row)
        return found

    def look_up(self, isbns: Collection[str], actual: Mapping[str, TitleInStore]) -> dict[str, TitleInStore]:
        """Those of the ISBNs of which the store has more than `actual` says, in another spelling: all of it.

        Only what `actual` does not have costs reads.
        """
        ids: dict[str, list[str]] = {}
        for isbn in isbns:
            there = actual[isbn].variants
            found, products = {each.id for each in there}, {each.product_id for each in there}
            others = [row for row in self._by_isbn.get(isbn, ()) if row["id"] not in found]
            if more := [row["id"] for row in others if _is_the_title_too(isbn, row, products)]:
                ids[isbn] = more
        wanted = _variants(self._client, "id", [each for some in ids.values() for each in some])
        variants = {row["id"]: _variant(row, self._location_id) for row in wanted}
        all_of: dict[str, TitleInStore] = {}
        for isbn, some in ids.items():
            if more_variants := [variants[each] for each in some if each in variants]:
                before = actual[isbn]
                all_of[isbn] = _actual(isbn, [*before.variants, *more_variants], before.leftover)
        return _as_journaled(all_of, self._journal)

    def remember_doubles(self) -> None:
        """Remembers one double of each title that its exact number finds, for who looks at some titles alone.

        Nothing is remembered where nobody has looked.
        """
        doubles: list[Known] = []
        for isbn, there in vars(self).get("_by_isbn", {}).items():
            exact = [row for row in there if isbn in (row["sku"], row["ean"])]
            products = {row["product_id"] for row in exact}
            others = [row for row in there if row not in exact and _is_the_title_too(isbn, row, products)]
            if exact and others:
                doubles.append(Known(isbn, others[0]["id"], others[0]["sku"] or ""))
        if doubles:
            self._journal.know("variant", doubles)


def _may_be(isbn: str, row: Row) -> bool:
    """Whether a variant that was found may be the title: else it is another book, its EAN mistyped."""
    return isbn_spelled(row["sku"]) in (None, isbn_spelled(isbn))


def _is_the_title_too(isbn: str, row: Row, products: Collection[str]) -> bool:
    """Whether a variant is the title once more, beside its variants of these products.

    One of the same product with a SKU of its own is something else of that book: its used copies, say.
    """
    has_own_sku = row["sku"] and not isbn_spelled(row["sku"])
    return isbn in spelled_by(row) and not (has_own_sku and row["product_id"] in products)


def spelled_by(row: Row) -> set[str]:
    """The ISBNs that a variant's numbers spell. Its SKU outranks the rest, which may be mistyped."""
    if isbn := isbn_spelled(row["sku"]):
        return {isbn}
    return {isbn for name in _NUMBERS if (isbn := isbn_spelled(row[name]))}


def _actual(isbn: str, variants: Sequence[Variant], leftover: Item | None) -> TitleInStore:
    return TitleInStore(isbn, tuple(variants), None if any(each.items for each in variants) else leftover)


def _as_journaled(actual: dict[str, TitleInStore], journal: Journal) -> dict[str, TitleInStore]:
    """The same, with what the journal says where the store does not say whose an item or a flag is."""
    doubtful = [
        isbn
        for isbn, each in actual.items()
        if any(not is_our_item(isbn, item) for variant in each.variants for item in variant.items)
    ]
    unread = [isbn for isbn, each in actual.items() if any(map(_sells_unread, each.variants))]
    made = journal.made_items(doubtful) if doubtful else {}
    switched_on = journal.switched_on_backorders(unread) if unread else set()

    def told(isbn: str, variant: Variant) -> Variant:
        ids = made.get(isbn, ())
        items = tuple(replace(item, made=item.made or item.id in ids) for item in variant.items)
        return replace(variant, items=items, our_backorder=isbn in switched_on)

    return actual | {
        isbn: replace(actual[isbn], variants=tuple(told(isbn, each) for each in actual[isbn].variants))
        for isbn in {*made, *switched_on}
    }


def _sells_unread(variant: Variant) -> bool:
    """Whether it takes back-orders, while the store says that nothing is known of its copies."""
    return variant.allow_backorder and variant.metadata.get("availability") == "unknown"


def read_orders(
    client: MedusaClient, since: Mapping[str, datetime], location_id: str, reserved: Collection[str] = ()
) -> dict[str, Orders]:
    """What orders did to inventory items at our location, at least as far back as is asked for.

    One read of the orders that changed since the earliest time, one of each order of which something came
    back, and one more of reservations if any are asked for.

    Args:
        since: inventory item's id to the time from which its orders matter.
        reserved: ids of items of which the orders' reservations matter, too. A hold that a person made is no
            order's.

    Returns:
        Item id to its orders. Items without any are missing.
    """
    if not since:
        return {}
    rows = client.list_all(
        "/admin/orders",
        "orders",
        {"updated_at[$gte]": min(since.values()).isoformat(), "fields": _ORDER_FIELDS},
    )
    fulfillments: dict[str, list[Fulfillment]] = {}
    returns: dict[str, list[Returned]] = {}
    ordered_at: dict[str, datetime] = {}
    for row in rows:
        placed = datetime.fromisoformat(row["created_at"])
        ordered_at |= {line["id"]: placed for line in row.get("items") or [] if line}
        for each in row["fulfillments"] or []:
            if each["location_id"] != location_id:
                continue
            canceled = each["canceled_at"] and datetime.fromisoformat(each["canceled_at"])
            made = datetime.fromisoformat(each["created_at"])
            for line in each["items"] or []:
                if line["inventory_item_id"] in since:
                    done = Fulfillment(line["quantity"], placed, made, canceled or None)
                    fulfillments.setdefault(line["inventory_item_id"], []).append(done)
        for item_id, came_back in read_returned(client, row, location_id, since).items():
            returns.setdefault(item_id, []).extend(came_back)
    reservations = _reservations(read_reservations(client, reserved, location_id), ordered_at)
    return {
        item_id: Orders(
            tuple(reservations.get(item_id, ())),
            tuple(fulfillments.get(item_id, ())),
            tuple(returns.get(item_id, ())),
        )
        for item_id in {*fulfillments, *reservations, *returns}
    }


def _reservations(rows: Iterable[Row], ordered_at: Mapping[str, datetime]) -> dict[str, list[Reservation]]:
    """Item id to its reservations. `ordered_at`: an order's line to when it was placed, where known."""
    found: dict[str, list[Reservation]] = {}
    for row in rows:
        # Medusa makes one anew when a fulfillment is canceled: the order's own time counts, where known.
        at = ordered_at.get(row["line_item_id"]) or datetime.fromisoformat(row["created_at"])
        found.setdefault(row["inventory_item_id"], []).append(Reservation(row["quantity"], at))
    return found


def read_reservations(client: MedusaClient, item_ids: Collection[str], location_id: str) -> list[Row]:
    """The orders' reservations of items at our location. A hold that a person made is no order's."""
    fields = "inventory_item_id,line_item_id,quantity,created_at"
    wanted = {"location_id": [location_id], "fields": fields}
    path, by = "/admin/reservations", "inventory_item_id"
    rows = client.list_matching(path, "reservations", by, sorted(item_ids), wanted)
    return [row for row in rows if row["line_item_id"]]


def read_touched(client: MedusaClient, since: datetime, until: datetime) -> dict[str, bool]:
    """ISBNs of the titles of orders that changed after `since`, by `until`.

    Returns:
        ISBN to whether one of these orders is fulfilled or canceled. One that is only placed moved no level:
        the store reserves its copies.
    """
    rows = client.list_all(
        "/admin/orders",
        "orders",
        {
            "updated_at[$gt]": since.isoformat(),
            "updated_at[$lte]": until.isoformat(),
            "fields": "id,status,canceled_at,fulfillments.id,items.variant_sku,items.variant_barcode",
        },
    )
    touched: dict[str, bool] = {}
    for row in rows:
        moved = bool(row["fulfillments"] or row["canceled_at"] or row["status"] == "canceled")
        for line in row["items"] or []:
            numbers = map(isbn_spelled, (line.get("variant_sku"), line.get("variant_barcode")))
            touched |= {isbn: moved or touched.get(isbn, False) for isbn in numbers if isbn}
    return touched


def _variants(client: MedusaClient, by: str, values: Sequence[str], *, tags: bool = False) -> list[Row]:
    params = {"fields": ",".join((*_VARIANT_FIELDS, *(_TAG_FIELDS if tags else ())))}
    return client.list_matching("/admin/product-variants", "variants", by, values, params)


def _items_by_sku(client: MedusaClient, skus: Sequence[str], location_id: str) -> dict[str, Item]:
    path, asked = "/admin/inventory-items", {"fields": ",".join(_ITEM_FIELDS)}
    rows = client.list_matching(path, "inventory_items", "sku", skus, asked)
    return {row["sku"]: _item(row["id"], row, location_id) for row in rows}


def _variant(row: Row, location_id: str) -> Variant:
    return Variant(
        row["id"],
        row["product_id"],
        row["sku"],
        row["ean"],
        row["manage_inventory"],
        row["allow_backorder"],
        row["metadata"] or {},
        tuple(
            _item(link["inventory_item_id"], link["inventory"], location_id)
            for link in row.get("inventory_items") or []
            # A link outlives its item when that is deleted by itself.
            if link.get("inventory")
        ),
        _fixed_backorder((row.get("product") or {}).get("metadata") or {}),
        _tags(row.get("product") or {}),
        row.get("title"),
    )


def _tags(product: Row) -> tuple[TagRow, ...] | None:
    return tuple(each for each in product["tags"] or [] if each) if "tags" in product else None


def _fixed_backorder(metadata: Row) -> bool | None:
    """What a person fixed, as Medusa's admin or a program writes it; other words say nothing."""
    said = str(metadata.get(FIXED_BACKORDER, "")).strip().casefold()
    return {"true": True, "yes": True, "false": False, "no": False}.get(said)


def _item(item_id: str, row: Row, location_id: str) -> Item:
    levels = [each for each in row.get("location_levels") or [] if each]
    ours = [
        Level(each["id"], each["stocked_quantity"], each["reserved_quantity"], each["incoming_quantity"])
        for each in levels
        if may_write_level(each["location_id"], location_id)
    ]
    return Item(
        item_id,
        row["sku"],
        ours[0] if ours else None,
        elsewhere=tuple(
            OtherLevel(each["location_id"], each["stocked_quantity"] - each["reserved_quantity"])
            for each in levels
            if not may_write_level(each["location_id"], location_id)
        ),
        title=row.get("title"),
        variants=tuple(each["id"] for each in row.get("variants") or [] if each),
    )
