"""Entries in Medusa: read with their reservations, and written one step at a time, through its Admin API."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ingram_assets.domain.isbn import isbn_spelled
from ingram_assets.store.client import MedusaClient, MedusaRefused
from ingram_assets.store.inventory.model import (
    Hold,
    LevelChange,
    NewReservation,
    OperationRefused,
    Refusal,
    RefusalKind,
    ReservationChange,
    StockEntry,
)
from ingram_assets.store.inventory.settle import OrderEffect
from ingram_assets.store.inventory.stock_locations import StockLocation
from ingram_assets.store.journal import Journal
from ingram_assets.store.location import OURS
from ingram_assets.store.plan import which
from ingram_assets.store.read import read_store, spelled_by
from ingram_assets.store.returns import RETURN_FIELDS, read_returned

_LEVEL = "id,location_id,stocked_quantity,reserved_quantity,updated_at"
_HOLD = "id,location_id,quantity,line_item_id,metadata,created_at"
_EFFECTS = (
    "id,fulfillments.id,fulfillments.created_at,fulfillments.canceled_at,fulfillments.location_id,"
    f"fulfillments.items.quantity,{RETURN_FIELDS}"
)
_AT_ONCE = timedelta(seconds=1)
"""Medusa says that a return was received while it writes the level: either may come first."""

# The routes for levels and reservations take no negative level and know no back-order; the workflows that
# they run do both.
_RUN = "/admin/workflows-executions/{}/run"
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FoundTitle:
    """A title in the store. `item_id` is "" where nothing of it is counted."""

    isbn: str
    item_id: str
    allow_backorder: bool
    is_unlimited: bool


@dataclass(frozen=True, slots=True)
class SeenEntry:
    """An entry as it was read. `level_at`: when Medusa last wrote its level."""

    entry: StockEntry
    level_at: datetime

    @property
    def of_orders(self) -> frozenset[tuple[str, int]]:
        """What orders hold of it: whatever an order does to the level changes this too."""
        return frozenset((one.id, one.quantity) for one in self.entry.reservations if one.line_item_id)


def read_places(client: MedusaClient) -> list[StockLocation]:
    """All stock locations."""
    rows = client.list_all("/admin/stock-locations", "stock_locations", {"fields": "id,name"})
    return [StockLocation(row["id"], row["name"]) for row in rows]


class StoreEntries:
    """The entries of one store."""

    def __init__(self, client: MedusaClient, journal: Journal) -> None:
        self._client, self._journal = client, journal

    def places(self) -> list[StockLocation]:
        """All stock locations."""
        return read_places(self._client)

    def synced_location(self) -> str | None:
        """The id of Ingram's location; `None`: there is none yet."""
        known = self._journal.known("location", [OURS])
        return known[-1].id if known else None

    def find_title(self, product: str) -> FoundTitle:
        """A title by its ISBN in any spelling, or by Medusa's id of its product.

        Raises:
            OperationRefused: the store has no such title, or it can't be told which is meant.
        """
        isbn = self.isbn_of(product)
        actual = read_store(self._client, [isbn], "", journal=self._journal)[isbn]
        variant, item, problem = which(actual)
        if variant and not variant.manage_inventory:
            return FoundTitle(isbn, "", variant.allow_backorder, is_unlimited=True)
        if variant is None or item is None:
            raise _unknown(problem or f"The variant of {isbn} has no inventory item: ingram push {isbn}.")
        return FoundTitle(isbn, item.id, variant.allow_backorder, is_unlimited=False)

    def isbn_of(self, product: str) -> str:
        """The 13 digits of an ISBN in any spelling, or of the product with this id in Medusa.

        Raises OperationRefused: it is neither.
        """
        if isbn := isbn_spelled(product):
            return isbn
        product_id = product.strip()
        shown = product_id if len(product_id) <= 60 else product_id[:59] + "…"
        if not product_id.startswith("prod_") or not product_id.replace("_", "").isalnum():
            raise _unknown(f"{shown!r} is neither an ISBN nor the id of a product in Medusa (prod_…).")
        fields = {"fields": "id,variants.sku,variants.ean,variants.upc,variants.barcode"}
        try:
            found = self._client.get(f"/admin/products/{product_id}", fields)["product"]
        except MedusaRefused as error:
            if error.status != 404:
                raise
            raise _unknown(f"The store has no product {shown!r}.") from None
        isbns = sorted({isbn for row in found["variants"] or [] for isbn in spelled_by(row)})
        if len(isbns) != 1:
            named = f"several: {', '.join(isbns)}" if isbns else "none"
            raise _unknown(f"One ISBN of the product {shown!r} is needed, and its variants have {named}.")
        return isbns[0]

    def read(self, title: FoundTitle, location_id: str) -> SeenEntry:
        """An entry as it is now.

        Reservations are read before the level: what an order took of the level is held or known as its
        effect at that time.
        """
        entry = StockEntry(
            title.isbn,
            title.item_id,
            location_id,
            None,
            is_synced=location_id == self.synced_location(),
            allow_backorder=title.allow_backorder,
            is_unlimited=title.is_unlimited,
        )
        if title.is_unlimited:
            return SeenEntry(entry, _NEVER)
        asked = {"inventory_item_id": [title.item_id], "location_id": [location_id], "fields": _HOLD}
        holds = [_hold(row) for row in self._client.list_all("/admin/reservations", "reservations", asked)]
        levels = self._client.list_all(
            f"/admin/inventory-items/{title.item_id}/location-levels",
            "inventory_levels",
            {"location_id": [location_id], "fields": _LEVEL},
        )
        held = tuple(sorted(holds, key=lambda one: (one.created_at, one.id)))
        if not levels:
            return SeenEntry(replace(entry, reservations=held), _NEVER)
        (level,) = levels
        entry = replace(
            entry,
            level_id=level["id"],
            quantity=_whole(level["stocked_quantity"]),
            reserved=_whole(level["reserved_quantity"]),
            reservations=held,
        )
        return SeenEntry(entry, datetime.fromisoformat(level["updated_at"]))

    def made_by(self, entry: StockEntry, mark: str) -> list[str]:
        """Ids of the reservations of an entry that bear an operation's mark, oldest first."""
        return self.marked((entry.item_id, entry.location_id)).get(mark, [])

    def marked(self, shelf: tuple[str, str]) -> dict[str, list[str]]:
        """Operation's mark to the ids of the reservations that bear it, oldest first."""
        item_id, location_id = shelf
        asked = {"inventory_item_id": [item_id], "location_id": [location_id], "fields": "id,metadata"}
        rows = self._client.list_all("/admin/reservations", "reservations", asked | {"order": "created_at"})
        found: dict[str, list[str]] = {}
        for row in rows:
            if mark := (row["metadata"] or {}).get("ingram_operation"):
                found.setdefault(mark, []).append(row["id"])
        return found

    def free(self, reservation_id: str) -> None:
        """Ends a reservation; one that is gone is no harm."""
        try:
            self._client.delete(f"/admin/reservations/{reservation_id}")
        except MedusaRefused as error:
            if error.status != 404:
                raise

    def effects(self, shelf: tuple[str, str], since: datetime) -> list[OrderEffect]:
        """What orders did to an entry's level, at least as far back as is asked for."""
        item_id, location_id = shelf
        asked = {"updated_at[$gte]": since.isoformat(), "fields": _EFFECTS}
        rows = self._client.list_all("/admin/orders", "orders", asked)
        found = [
            effect
            for row in rows
            for one in row["fulfillments"] or []
            if one and one["location_id"] == location_id
            for effect in _effects_of(row["id"], one, item_id)
        ]
        for row in rows:
            for one in read_returned(self._client, row, location_id, [item_id]).get(item_id, ()):
                # After it left, whatever clock says when.
                left = min(datetime.fromisoformat(each["created_at"]) for each in row["fulfillments"] if each)
                at = max(left, one.received_at - _AT_ONCE)
                found.append(OrderEffect(f"return:{one.id}", _whole(one.quantity), at, row["id"]))
        return sorted(found, key=lambda effect: (effect.made_at, effect.id))

    def write_level(self, entry: StockEntry, step: LevelChange) -> None:
        """Makes, changes or ends a level. Again is no harm. Raises MedusaError."""
        item = {"inventory_item_id": entry.item_id, "location_id": entry.location_id}
        if step.after is None:
            if entry.level_id is not None:
                self._levels({"delete": [entry.level_id], "force": True})
        elif step.before is None:
            try:
                self._levels({"create": [item | {"stocked_quantity": step.after}]})
            except MedusaRefused as error:
                if "already exists" not in error.detail:
                    raise
                self._set_level(item, step.after)  # Made by our own request, whose answer got lost.
        else:
            self._set_level(item, step.after)

    def _set_level(self, item: Mapping[str, Any], copies: int) -> None:
        row = {**item, "stocked_quantity": copies}
        if copies >= 0:
            self._levels({"update": [row]})
        else:
            self._run("update-inventory-levels-workflow", {"updates": [row]})

    def _levels(self, body: Mapping[str, Any]) -> None:
        self._client.post("/admin/inventory-items/location-levels/batch", body)

    def hold(self, entry: StockEntry, step: NewReservation, mark: str, reference: str | None) -> str:
        """Makes a reservation that bears an operation's mark; returns its id. Where it is there, it is that.

        Raises:
            OperationRefused: somebody took the copies meanwhile.
            MedusaError: as the client has it.
        """
        if made := self.made_by(entry, mark):
            return self._first_of(made)
        metadata = {
            "ingram_operation": mark,
            "owner": step.owner,
            "reference": reference,
            "expires_at": step.expires_at.isoformat() if step.expires_at else None,
        }
        row = {
            "inventory_item_id": entry.item_id,
            "location_id": entry.location_id,
            "quantity": step.quantity,
            "metadata": {name: value for name, value in metadata.items() if value is not None},
        }
        try:
            if entry.allow_backorder or step.copies_follow:
                reservation = row | {"allow_backorder": True}
                self._run("create-reservations-workflow", {"reservations": [reservation]})
            else:
                self._client.post("/admin/reservations", row, {"fields": "id"})
        except MedusaRefused as error:
            # The request may have come through, its answer got lost, and its repetition been refused.
            if made := self.made_by(entry, mark):
                return self._first_of(made)
            if "Not enough stock" not in error.detail:
                raise
            message = "The copies were taken while this was under way: read the entry again."
            raise OperationRefused(Refusal(RefusalKind.NOT_ENOUGH, message)) from error
        return self._first_of(self.made_by(entry, mark))

    def _first_of(self, made: list[str]) -> str:
        """The reservation; what a repeated request made beside it is freed."""
        for extra in made[1:]:
            self.free(extra)
        return made[0]

    def change_hold(self, step: ReservationChange) -> None:
        """Ends a reservation, or makes it smaller. Again is no harm, and neither is one that is gone."""
        if step.after == 0:
            self.free(step.id)
            return
        # The route refuses even a smaller quantity where an entry is oversold.
        change = {"id": step.id, "quantity": step.after, "allow_backorder": True}
        try:
            self._run("update-reservations-workflow", {"updates": [change]})
        except MedusaRefused as error:
            if "not found" not in error.detail:
                raise

    def _run(self, workflow: str, given: Mapping[str, Any]) -> None:
        self._client.post(_RUN.format(workflow), {"input": given})


def _hold(row: Mapping[str, Any]) -> Hold:
    told = row["metadata"] or {}
    return Hold(
        row["id"],
        _whole(row["quantity"]),
        datetime.fromisoformat(row["created_at"]),
        _text(told.get("owner")),
        _text(told.get("reference")),
        _time(told.get("expires_at")),
        row["line_item_id"],
    )


def _effects_of(order: str, row: Mapping[str, Any], item_id: str) -> Iterator[OrderEffect]:
    lines = [line for line in row["items"] or [] if line and line["inventory_item_id"] == item_id]
    copies = sum(_whole(line["quantity"]) for line in lines)
    if not copies:
        return
    yield OrderEffect(f"fulfillment:{row['id']}", -copies, datetime.fromisoformat(row["created_at"]), order)
    if row["canceled_at"]:
        canceled = datetime.fromisoformat(row["canceled_at"])
        yield OrderEffect(f"cancellation:{row['id']}", copies, canceled, order)


def _whole(quantity: float) -> int:
    # A hand edit may have left a fraction: half a copy is none.
    return int(quantity // 1)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _time(value: object) -> datetime | None:
    """A time that somebody may have edited by hand; what is none never comes."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at and at.tzinfo is None else at


def _unknown(message: str) -> OperationRefused:
    return OperationRefused(Refusal(RefusalKind.UNKNOWN_TITLE, message))
