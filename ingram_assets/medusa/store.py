"""What the store has now of our titles: variants, their inventory items, and the levels at our location."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ingram_assets.domain.isbn import InvalidIsbn, parse_isbn
from ingram_assets.domain.position import Fulfillment, Orders, Reservation
from ingram_assets.medusa.client import MedusaClient

_LEVEL_FIELDS = ("id", "location_id", "stocked_quantity", "reserved_quantity", "incoming_quantity")
_VARIANT_FIELDS = (
    *("id", "sku", "ean", "product_id", "manage_inventory", "allow_backorder", "metadata"),
    *("inventory_items.inventory_item_id", "inventory_items.required_quantity"),
    "inventory_items.inventory.sku",
    *(f"inventory_items.inventory.location_levels.{name}" for name in _LEVEL_FIELDS),
)
_ORDER_FIELDS = (
    *("id", "created_at", "items.id"),
    *("fulfillments.created_at", "fulfillments.canceled_at", "fulfillments.location_id"),
    *("fulfillments.items.inventory_item_id", "fulfillments.items.quantity"),
)
_ITEM_FIELDS = ("id", "sku", "variants.id", *(f"location_levels.{name}" for name in _LEVEL_FIELDS))


@dataclass(frozen=True, slots=True)
class Level:
    """A level at our location, in copies. A hand edit may have left fractions."""

    id: str
    stocked: float
    reserved: float
    incoming: float


@dataclass(frozen=True, slots=True)
class LastLevel:
    """The level that we wrote last, as (stocked, incoming), and when.

    More than one where a run broke off: it may have been written or not.
    """

    quantities: tuple[tuple[float, float], ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Item:
    """An inventory item, and its level at our location if it has one there.

    `elsewhere`: it has a level at another location, which is somebody else's.
    """

    id: str
    sku: str | None
    level: Level | None
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant as it stands in the store, with the items that are linked to it."""

    id: str
    product_id: str
    sku: str | None
    ean: str | None
    manage_inventory: bool
    allow_backorder: bool
    metadata: dict[str, Any]
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Actual:
    """What the store has of one ISBN. No variants: the title is not in the store (any more).

    Attributes:
        variants: more than one only where something is wrong: two products with the number.
        leftover: an inventory item with this SKU that no variant of ours is linked to.
    """

    isbn: str
    variants: tuple[Variant, ...] = field(default=())
    leftover: Item | None = None


def read_store(
    client: MedusaClient, isbns: Iterable[str], location_id: str, unmanaged: Collection[str] = ()
) -> dict[str, Actual]:
    """ISBN to what the store has of it, for every ISBN given.

    One read for each 500 ISBNs when all is well. A variant that is not found by its SKU is looked for by
    its EAN and through its inventory item, since a person may have renamed it; an item is looked for where
    a variant has none. Only such titles cost further reads.

    Args:
        unmanaged: ISBNs that are to keep no inventory, so that a variant of theirs needs no item.
    """
    wanted = list(dict.fromkeys(isbns))
    rows = _variants(client, "sku", wanted)
    by_isbn: dict[str, list[Variant]] = {isbn: [] for isbn in wanted}
    for row in rows:
        by_isbn[row["sku"]].append(_variant(row, location_id))

    not_found = [isbn for isbn in wanted if not by_isbn[isbn]]
    for row in _variants(client, "ean", not_found):
        if not _is_isbn(row["sku"]):  # else it is another book, with a mistyped EAN
            by_isbn[row["ean"]].append(_variant(row, location_id))

    without_item = [
        isbn
        for isbn in wanted
        if not any(each.items or _may_go_without(each, unmanaged) for each in by_isbn[isbn])
    ]
    leftovers = _items_by_sku(client, without_item, location_id) if without_item else {}
    renamed = {
        variant_id: isbn
        for isbn, (_, variant_ids) in leftovers.items()
        for variant_id in variant_ids
        if not by_isbn[isbn]
    }
    for row in _variants(client, "id", list(renamed)):
        if _is_isbn(row["sku"]):
            continue
        by_isbn[renamed[row["id"]]].append(_variant(row, location_id))
    return {
        isbn: Actual(
            isbn,
            tuple(by_isbn[isbn]),
            leftovers[isbn][0] if isbn in leftovers and not any(v.items for v in by_isbn[isbn]) else None,
        )
        for isbn in wanted
    }


def read_orders(
    client: MedusaClient, since: Mapping[str, datetime], location_id: str, reserved: Collection[str] = ()
) -> dict[str, Orders]:
    """What orders did to inventory items at our location, at least as far back as is asked for.

    One read of the orders that changed since the earliest time, and one more of reservations if any are asked
    for.

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
        {"updated_at[$gte]": min(since.values()).isoformat(), "fields": ",".join(_ORDER_FIELDS)},
    )
    fulfillments: dict[str, list[Fulfillment]] = {}
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
    reservations = _reservations(client, reserved, location_id, ordered_at)
    return {
        item_id: Orders(tuple(reservations.get(item_id, ())), tuple(fulfillments.get(item_id, ())))
        for item_id in {*fulfillments, *reservations}
    }


def _reservations(
    client: MedusaClient, item_ids: Collection[str], location_id: str, ordered_at: Mapping[str, datetime]
) -> dict[str, list[Reservation]]:
    """Item id to the orders' reservations of it.

    Medusa makes one anew when a fulfillment is canceled: the order's own time counts, where it was read.
    """
    found: dict[str, list[Reservation]] = {}
    if not item_ids:
        return found
    rows = client.list_matching(
        "/admin/reservations",
        "reservations",
        "inventory_item_id",
        sorted(item_ids),
        {"location_id": [location_id], "fields": "inventory_item_id,line_item_id,quantity,created_at"},
    )
    for row in rows:
        if row["line_item_id"]:
            made = ordered_at.get(row["line_item_id"]) or datetime.fromisoformat(row["created_at"])
            found.setdefault(row["inventory_item_id"], []).append(Reservation(row["quantity"], made))
    return found


def _may_go_without(variant: Variant, unmanaged: Collection[str]) -> bool:
    return variant.sku in unmanaged and not variant.manage_inventory


def _is_isbn(sku: str | None) -> bool:
    try:
        return parse_isbn(sku or "") == sku
    except InvalidIsbn:
        return False


def _variants(client: MedusaClient, by: str, values: Sequence[str]) -> list[dict[str, Any]]:
    params = {"fields": ",".join(_VARIANT_FIELDS)}
    return client.list_matching("/admin/product-variants", "variants", by, values, params)


def _items_by_sku(
    client: MedusaClient, skus: Sequence[str], location_id: str
) -> dict[str, tuple[Item, list[str]]]:
    """SKU to its inventory item and the ids of the variants linked to that."""
    rows = client.list_matching(
        "/admin/inventory-items", "inventory_items", "sku", skus, {"fields": ",".join(_ITEM_FIELDS)}
    )
    return {
        row["sku"]: (
            _item(row["id"], row["sku"], row["location_levels"], location_id),
            [each["id"] for each in row.get("variants") or [] if each],
        )
        for row in rows
    }


def _variant(row: dict[str, Any], location_id: str) -> Variant:
    return Variant(
        row["id"],
        row["product_id"],
        row["sku"],
        row["ean"],
        row["manage_inventory"],
        row["allow_backorder"],
        row["metadata"] or {},
        tuple(
            _item(
                link["inventory_item_id"],
                link["inventory"]["sku"],
                link["inventory"].get("location_levels"),
                location_id,
            )
            for link in row.get("inventory_items") or []
            # A link outlives its item when that is deleted by itself.
            if link.get("inventory")
        ),
    )


def _item(item_id: str, sku: str | None, levels: list[dict[str, Any]] | None, location_id: str) -> Item:
    elsewhere = any(row and row["location_id"] != location_id for row in levels or [])
    return Item(item_id, sku, _level(levels, location_id), elsewhere)


def _level(rows: list[dict[str, Any]] | None, location_id: str) -> Level | None:
    for row in rows or []:
        if row and row["location_id"] == location_id:
            return Level(
                row["id"], row["stocked_quantity"], row["reserved_quantity"], row["incoming_quantity"]
            )
    return None
