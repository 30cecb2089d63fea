"""The routes over all stores: entries, figures, and quantities."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from ingram_assets.desk.api import common
from ingram_assets.desk.api.answers import (
    EntriesPage,
    EntryAnswer,
    InventoryFigures,
    LocationsAnswer,
    LocationSummary,
    LowPage,
    LowRow,
    OperationAnswer,
    ProductSummary,
    StoreAnswer,
    StoreName,
    StoresAnswer,
    StoreSummary,
)
from ingram_assets.desk.api.bodies import (
    AdminAdjustBody,
    AdminEntriesQuery,
    AdminSetBody,
    DeleteQuery,
    EntriesQuery,
    EntryBody,
    LowQuery,
    PageQuery,
)
from ingram_assets.desk.api.common import Id, Key, Seeing
from ingram_assets.store.inventory.listing import ListedEntry, WantedEntries
from ingram_assets.store.inventory.model import Adjust, Delete, SetQuantity

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
    wanted = WantedEntries(seen.places(), threshold)
    entries, onward = seen.room.entries.page(wanted, query.limit, common.after_cursor(query.cursor))
    rows = [LowRow.of(each, seen.floor) for each in entries]
    return LowPage(threshold=threshold, items=rows, next_cursor=str(onward) if onward else None)


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
    listed = common.page_of(own, EntriesQuery.model_validate(query.model_dump()), channel.id)
    entries = list(seen.room.entries.all(WantedEntries(own.places(store=channel.id))))
    summary = StoreSummary.of_store(channel, entries, seen.floor, seen.room.low)
    return StoreAnswer(store=summary, items=listed.items, next_cursor=listed.next_cursor)


@router.get("/locations")
def list_locations(seen: Seeing) -> LocationsAnswer:
    """The locations that have inventory, each with its sums."""
    at: dict[str, list[ListedEntry]] = {}
    for each in seen.room.entries.all(WantedEntries(seen.places())):
        at.setdefault(each.location_id, []).append(each)
    return LocationsAnswer(
        items=[
            LocationSummary(
                id=place.id,
                location=place.code,
                name=place.name,
                stores=[StoreName(id=one.id, name=one.name) for one in seen.floor.sellers.get(place.id, ())],
                total_entries=len(at[place.id]),
                total_quantity=sum(each.quantity for each in at[place.id]),
                total_reserved=sum(each.reserved for each in at[place.id]),
                total_available=sum(each.available for each in at[place.id]),
            )
            for place in seen.floor.places
            if place.id in at
        ]
    )


@router.get("/products/{product_id}")
def show_product_everywhere(seen: Seeing, product_id: Id) -> ProductSummary:
    """A title over all locations, by an ISBN in any spelling or a product's id in Medusa."""
    return common.product_summary(seen, product_id)


@router.post("/set")
def set_quantity_of_store(seen: Seeing, body: AdminSetBody, key: Key, response: Response) -> OperationAnswer:
    """Set the physical quantity to what was counted; makes the entry where there is none."""
    wanted, own = SetQuantity(body.quantity), seen.of_store(body.store_id)
    return common.perform(own, wanted, body, key, response, product=body.product_id, location=body.location)


@router.post("/adjust")
def adjust_quantity_of_store(
    seen: Seeing, body: AdminAdjustBody, key: Key, response: Response
) -> OperationAnswer:
    """Change the physical quantity by so much, up or down."""
    wanted, own = Adjust(body.quantity), seen.of_store(body.store_id)
    return common.perform(own, wanted, body, key, response, product=body.product_id, location=body.location)


@router.get("/{id}")
def show_any_entry(seen: Seeing, id: Id) -> EntryAnswer:
    """An entry, with all that is held of it."""
    return common.entry_answer(seen, id)


@router.put("/{id}")
def put_any_entry(seen: Seeing, id: Id, body: EntryBody, key: Key, response: Response) -> OperationAnswer:
    """Set an entry's physical quantity."""
    return common.perform_on_entry(seen, SetQuantity(body.quantity), body, key, response, id)


@router.delete("/{id}")
def delete_any_entry(
    seen: Seeing, id: Id, query: Annotated[DeleteQuery, Query()], key: Key, response: Response
) -> OperationAnswer:
    """Stop keeping a title at a location. Refused while copies are held there."""
    return common.perform_on_entry(seen, Delete(), query, key, response, id)
