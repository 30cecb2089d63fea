"""What the desk answers: entries, products, stores and figures, as JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, Field

from ingram_assets.store.inventory.channels import Channel, VisibleLocations
from ingram_assets.store.inventory.figures import StockFigures
from ingram_assets.store.inventory.listing import ListedEntry
from ingram_assets.store.inventory.model import Hold, OperationDone, StockEntry
from ingram_assets.store.inventory.stock_locations import StockLocation


class StoreName(BaseModel):
    """A sales channel."""

    id: str = Field(examples=["sc_01JCD3P4Z8"])
    name: str = Field(examples=["Online Store"])


class EntryRow(BaseModel):
    """A title at one location."""

    id: str = Field(description="Of the level in Medusa.", examples=["ilev_01JCD3P4Z8"])
    product_id: str | None = Field(examples=["prod_01JCD3P4Z8"])
    isbn: str | None = Field(examples=["9781639739134"])
    sku: str = Field(examples=["9781639739134"])
    product_title: str = Field(examples=["Between Two Fires"])
    location: str = Field(examples=["CELLAR"])
    location_id: str = Field(examples=["sloc_01JCD3P4Z8"])
    quantity: int = Field(description="Physical copies; negative where back-orders left.", examples=[12])
    reserved_quantity: int = Field(examples=[2])
    available_quantity: int = Field(description="Negative: oversold.", examples=[10])
    allow_backorder: bool
    stores: list[StoreName] = Field(description="That sell from the location.")

    @classmethod
    def of(cls, entry: ListedEntry, visible: VisibleLocations) -> Self:
        """As it is listed."""
        return cls(
            **_told(entry, visible),
            product_id=entry.product_id,
            sku=entry.sku,
            product_title=entry.title,
            allow_backorder=entry.allow_backorder,
            stores=_stores(entry.location_id, visible),
        )


class HeldCopies(BaseModel):
    """A reservation."""

    id: str
    quantity: int
    created_at: datetime
    owner: str | None
    reference: str | None
    expires_at: datetime | None
    of_order: bool = Field(description="An order of the store holds them, and ends it.")

    @classmethod
    def of(cls, hold: Hold) -> Self:
        """As Medusa has it."""
        return cls(**asdict(hold), of_order=hold.line_item_id is not None)


class EntryAnswer(EntryRow):
    """An entry with all that is held of it, oldest first."""

    reservations: list[HeldCopies]


class EntriesPage(BaseModel):
    """A page of entries."""

    items: list[EntryRow]
    next_cursor: str | None = Field(description="Of the next page; null: this was the last.")


class EntryState(BaseModel):
    """An entry before or after an operation."""

    id: str | None = Field(
        description="Null: there is none, or it was deleted since.", examples=["ilev_01JCD3P4Z8"]
    )
    isbn: str = Field(examples=["9781639739134"])
    location: str = Field(examples=["CELLAR"])
    location_id: str = Field(examples=["sloc_01JCD3P4Z8"])
    quantity: int = Field(examples=[12])
    reserved_quantity: int = Field(examples=[0])
    available_quantity: int = Field(examples=[12])
    is_synced: bool = Field(description="The quantity belongs to the sync.")
    is_unlimited: bool = Field(description="A digital title, of which nothing is counted.")

    @classmethod
    def of(cls, entry: StockEntry, visible: VisibleLocations) -> Self:
        """As the operation had it."""
        return cls(**_told(entry, visible), is_synced=entry.is_synced, is_unlimited=entry.is_unlimited)


class OperationAnswer(BaseModel):
    """What an operation did. Asked for again with the same key, the answer is the same."""

    before: EntryState
    after: EntryState
    target_before: EntryState | None = Field(description="Of a transfer: where it went.")
    target_after: EntryState | None
    reservation_id: str | None = Field(description="The reservation that it made.")
    ledger_ids: list[int] = Field(description="Of its lines in the ledger; none where nothing had to change.")

    @classmethod
    def of(cls, done: OperationDone, visible: VisibleLocations) -> Self:
        """As the service has it."""
        return cls(
            before=EntryState.of(done.before, visible),
            after=EntryState.of(done.after, visible),
            target_before=EntryState.of(done.target_before, visible) if done.target_before else None,
            target_after=EntryState.of(done.target_after, visible) if done.target_after else None,
            reservation_id=done.reservation_id,
            ledger_ids=list(done.ledger_ids),
        )


class ProductSummary(BaseModel):
    """A title over all its locations."""

    product_id: str | None
    isbn: str
    product_title: str
    is_unlimited: bool = Field(description="A digital title: it needs no entry, and 999999 are available.")
    total_quantity: int
    total_reserved: int
    total_available: int
    entries: list[EntryRow]


class InventoryFigures(BaseModel):
    """Sums over entries."""

    total_entries: int = Field(examples=[120])
    total_quantity: int = Field(examples=[4_180])
    total_reserved: int = Field(examples=[31])
    total_available: int = Field(examples=[4_149])
    low_stock_count: int = Field(
        examples=[6], description="With at most LOW_STOCK_THRESHOLD available, or none."
    )
    stores_with_inventory: int = Field(examples=[1])
    unique_locations: int = Field(examples=[3])

    @classmethod
    def of(cls, entries: Iterable[ListedEntry], visible: VisibleLocations, low: int) -> Self:
        """Of these entries; `low`: LOW_STOCK_THRESHOLD."""
        figures = StockFigures.of(entries, visible, low)
        return cls(
            total_entries=figures.entries,
            total_quantity=figures.quantity,
            total_reserved=figures.reserved,
            total_available=figures.available,
            low_stock_count=figures.low,
            stores_with_inventory=figures.stores,
            unique_locations=figures.locations,
        )


class LowRow(BaseModel):
    """An entry of which little is left."""

    id: str
    product_id: str | None
    isbn: str | None
    product_title: str
    store_name: str | None = Field(description="Of the stores that sell it; null: none does.")
    location: str
    quantity: int
    available_quantity: int

    @classmethod
    def of(cls, entry: ListedEntry, visible: VisibleLocations) -> Self:
        """As it is listed."""
        names = ", ".join(one.name for one in visible.sellers.get(entry.location_id, ()))
        return cls(
            **_told(entry, visible),
            product_id=entry.product_id,
            product_title=entry.title,
            store_name=names or None,
        )


class LowPage(BaseModel):
    """A page of entries of which little is left."""

    threshold: int
    items: list[LowRow]
    next_cursor: str | None


class StoreSummary(InventoryFigures):
    """A store with inventory."""

    id: str
    name: str
    locations: list[str]

    @classmethod
    def of_store(
        cls, channel: Channel, entries: Sequence[ListedEntry], visible: VisibleLocations, low: int
    ) -> Self:
        """Of the entries at its own locations."""
        own = visible.of_channel(channel.id)
        there = {place.id for place in own.places}
        figures = InventoryFigures.of((each for each in entries if each.location_id in there), own, low)
        codes = sorted(place.code for place in own.places)
        return cls(id=channel.id, name=channel.name, locations=codes, **figures.model_dump())


class StoresAnswer(BaseModel):
    """The stores with inventory."""

    items: list[StoreSummary]


class StoreAnswer(BaseModel):
    """A store, with a page of its entries."""

    store: StoreSummary
    items: list[EntryRow]
    next_cursor: str | None


class LocationSummary(BaseModel):
    """A location with inventory."""

    id: str
    location: str = Field(examples=["CELLAR"])
    name: str = Field(examples=["Warehouse A"])
    stores: list[StoreName]
    total_entries: int
    total_quantity: int
    total_reserved: int
    total_available: int

    @classmethod
    def of(cls, place: StockLocation, entries: Iterable[ListedEntry], visible: VisibleLocations) -> Self:
        """Of the entries that are there."""
        sums = InventoryFigures.of((each for each in entries if each.location_id == place.id), visible, 0)
        stores = _stores(place.id, visible)
        return cls(id=place.id, location=place.code, name=place.name, stores=stores, **sums.model_dump())


class LocationsAnswer(BaseModel):
    """The locations with inventory."""

    items: list[LocationSummary]


def _stores(location_id: str, visible: VisibleLocations) -> list[StoreName]:
    """The stores that sell from a location."""
    return [StoreName(id=one.id, name=one.name) for one in visible.sellers.get(location_id, ())]


def _told(entry: ListedEntry | StockEntry, visible: VisibleLocations) -> dict[str, Any]:
    """What every answer tells of an entry. One that has less takes what it has."""
    codes = {place.id: place.code for place in visible.places}
    return {
        "id": entry.level_id,
        "isbn": entry.isbn,
        "location": codes.get(entry.location_id, entry.location_id),
        "location_id": entry.location_id,
        "quantity": entry.quantity,
        "reserved_quantity": entry.reserved,
        "available_quantity": entry.available,
    }
