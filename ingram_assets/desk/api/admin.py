"""The routes over all stores: entries, figures, and quantities."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from ingram_assets.desk.api import answers, bodies, common
from ingram_assets.desk.api.common import Id, Seeing, Writing
from ingram_assets.store.inventory.listing import WantedEntries
from ingram_assets.store.inventory.model import Adjust, SetQuantity

router = APIRouter(
    prefix="/api/v1/admin/inventory", tags=["admin"], dependencies=[Depends(common.refuse_unknown_parameters)]
)


@router.get("")
def list_all_entries(
    seen: Seeing, query: Annotated[bodies.AdminEntriesQuery, Query()]
) -> answers.EntriesPage:
    """List the entries of all stores, a page at a time."""
    return common.page_of(seen, query, query.store_id)


@router.get("/stats")
def show_figures(seen: Seeing) -> answers.InventoryFigures:
    """Sums over all entries."""
    return answers.InventoryFigures.of(seen.entries(), seen.visible, seen.store_access.low)


@router.get("/low-stock")
def list_low_stock(seen: Seeing, query: Annotated[bodies.LowQuery, Query()]) -> answers.LowPage:
    """List the entries of which few copies are left, or none."""
    threshold = seen.store_access.low if query.threshold is None else query.threshold
    entries, cursor = common.page(seen, WantedEntries(seen.visible.place_ids, threshold), query)
    rows = [answers.LowRow.of(each, seen.visible) for each in entries]
    return answers.LowPage(threshold=threshold, items=rows, next_cursor=cursor)


@router.get("/stores")
def list_stores(seen: Seeing) -> answers.StoresAnswer:
    """The sales channels that have inventory, each with its sums."""
    entries, visible, low = seen.entries(), seen.visible, seen.store_access.low
    found = [answers.StoreSummary.of_store(each, entries, visible, low) for each in visible.channels]
    return answers.StoresAnswer(items=[each for each in found if each.total_entries])


@router.get("/stores/{store_id}")
def show_store(
    seen: Seeing, store_id: Id, query: Annotated[bodies.PageQuery, Query()]
) -> answers.StoreAnswer:
    """A sales channel by its id or name, with its sums and a page of its entries."""
    channel = seen.visible.channel(store_id)
    own = seen.of_store(channel.id)
    entries, cursor = common.page(own, WantedEntries(own.visible.place_ids), query)
    rows = [answers.EntryRow.of(each, own.visible) for each in entries]
    summary = answers.StoreSummary.of_store(channel, own.entries(), seen.visible, own.store_access.low)
    return answers.StoreAnswer(store=summary, items=rows, next_cursor=cursor)


@router.get("/locations")
def list_locations(seen: Seeing) -> answers.LocationsAnswer:
    """The locations that have inventory, each with its sums."""
    entries = seen.entries()
    found = [answers.LocationSummary.of(place, entries, seen.visible) for place in seen.visible.places]
    return answers.LocationsAnswer(items=[each for each in found if each.total_entries])


@router.get("/products/{product_id}")
def show_product_everywhere(seen: Seeing, product_id: Id) -> answers.ProductSummary:
    """A title over all locations, by an ISBN in any spelling or a product's id in Medusa."""
    return common.product_summary(seen, product_id)


@router.post("/set")
def set_quantity_of_store(body: bodies.AdminSetBody, write: Writing) -> answers.OperationAnswer:
    """Set the physical quantity to what was counted; makes the entry where there is none."""
    return common.perform(write.of_store(body.store_id), SetQuantity(body.quantity), body)


@router.post("/adjust")
def adjust_quantity_of_store(body: bodies.AdminAdjustBody, write: Writing) -> answers.OperationAnswer:
    """Change the physical quantity by so much, up or down."""
    return common.perform(write.of_store(body.store_id), Adjust(body.quantity), body)


common.add_entry_routes(router, "any_entry")
