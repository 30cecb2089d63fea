"""The routes over all stores: entries, figures, and quantities."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from ingram_assets.desk.api import common
from ingram_assets.desk.api.answers import (
    EntriesPage,
    EntryRow,
    InventoryFigures,
    LocationsAnswer,
    LocationSummary,
    LowPage,
    LowRow,
    OperationAnswer,
    ProductSummary,
    StoreAnswer,
    StoresAnswer,
    StoreSummary,
)
from ingram_assets.desk.api.bodies import (
    AdminAdjustBody,
    AdminEntriesQuery,
    AdminSetBody,
    LowQuery,
    PageQuery,
)
from ingram_assets.desk.api.common import Id, Seeing, Writing
from ingram_assets.store.inventory.listing import WantedEntries
from ingram_assets.store.inventory.model import Adjust, SetQuantity

router = APIRouter(
    prefix="/api/v1/admin/inventory", tags=["admin"], dependencies=[Depends(common.refuse_unknown_parameters)]
)


@router.get("")
def list_all_entries(seen: Seeing, query: Annotated[AdminEntriesQuery, Query()]) -> EntriesPage:
    """List the entries of all stores, a page at a time."""
    return common.page_of(seen, query, query.store_id)


@router.get("/stats")
def show_figures(seen: Seeing) -> InventoryFigures:
    """Sums over all entries."""
    return InventoryFigures.of(seen.room.entries.all(WantedEntries(seen.places())), seen.floor, seen.room.low)


@router.get("/low-stock")
def list_low_stock(seen: Seeing, query: Annotated[LowQuery, Query()]) -> LowPage:
    """List the entries of which little is left."""
    threshold = seen.room.low if query.threshold is None else query.threshold
    entries, cursor = common.page(seen, WantedEntries(seen.places(), threshold), query)
    rows = [LowRow.of(each, seen.floor) for each in entries]
    return LowPage(threshold=threshold, items=rows, next_cursor=cursor)


@router.get("/stores")
def list_stores(seen: Seeing) -> StoresAnswer:
    """The sales channels that have inventory, each with its sums."""
    entries = list(seen.room.entries.all(WantedEntries(seen.places())))
    found = [StoreSummary.of_store(each, entries, seen.floor, seen.room.low) for each in seen.floor.channels]
    return StoresAnswer(items=[each for each in found if each.total_entries])


@router.get("/stores/{store_id}")
def show_store(seen: Seeing, store_id: Id, query: Annotated[PageQuery, Query()]) -> StoreAnswer:
    """A sales channel by its id or name, with its sums and a page of its entries."""
    channel = seen.floor.channel(store_id)
    own = seen.of_store(channel.id)
    wanted = WantedEntries(own.places())
    entries, cursor = common.page(own, wanted, query)
    rows = [EntryRow.of(each, own.floor) for each in entries]
    summary = StoreSummary.of_store(channel, list(own.room.entries.all(wanted)), seen.floor, own.room.low)
    return StoreAnswer(store=summary, items=rows, next_cursor=cursor)


@router.get("/locations")
def list_locations(seen: Seeing) -> LocationsAnswer:
    """The locations that have inventory, each with its sums."""
    entries = list(seen.room.entries.all(WantedEntries(seen.places())))
    found = [LocationSummary.of(place, entries, seen.floor) for place in seen.floor.places]
    return LocationsAnswer(items=[each for each in found if each.total_entries])


@router.get("/products/{product_id}")
def show_product_everywhere(seen: Seeing, product_id: Id) -> ProductSummary:
    """A title over all locations, by an ISBN in any spelling or a product's id in Medusa."""
    return common.product_summary(seen, product_id)


@router.post("/set")
def set_quantity_of_store(body: AdminSetBody, write: Writing) -> OperationAnswer:
    """Set the physical quantity to what was counted; makes the entry where there is none."""
    return common.perform(write.of_store(body.store_id), SetQuantity(body.quantity), body)


@router.post("/adjust")
def adjust_quantity_of_store(body: AdminAdjustBody, write: Writing) -> OperationAnswer:
    """Change the physical quantity by so much, up or down."""
    return common.perform(write.of_store(body.store_id), Adjust(body.quantity), body)


common.add_entry_routes(router, "any_entry")
