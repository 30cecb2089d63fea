"""The routes of one store: its entries, and operations on them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from ingram_assets.desk.api import answers, bodies, common
from ingram_assets.desk.api.common import Id, Seeing, Writing
from ingram_assets.store.inventory.model import Adjust, Fulfill, Release, Reserve, SetQuantity, Transfer

router = APIRouter(
    prefix="/api/v1/store/inventory", tags=["store"], dependencies=[Depends(common.refuse_unknown_parameters)]
)


@router.get("")
def list_entries(seen: Seeing, query: Annotated[bodies.EntriesQuery, Query()]) -> answers.EntriesPage:
    """List entries, a page at a time: what is there all the while is in exactly one page."""
    return common.page_of(seen, query)


@router.post("/set")
def set_quantity(body: bodies.SetBody, write: Writing) -> answers.OperationAnswer:
    """Set the physical quantity to what was counted; makes the entry where there is none."""
    return common.perform(write, SetQuantity(body.quantity), body)


@router.post("/adjust")
def adjust_quantity(body: bodies.AdjustBody, write: Writing) -> answers.OperationAnswer:
    """Change the physical quantity by so much, up or down."""
    return common.perform(write, Adjust(body.quantity), body)


@router.post("/reserve")
def reserve_copies(body: bodies.ReserveBody, write: Writing) -> answers.OperationAnswer:
    """Hold copies for somebody. More than are available: 409, unless the title may be back-ordered."""
    return common.perform(write, Reserve(body.quantity, body.owner, body.expires_at), body)


@router.post("/release")
def release_copies(body: bodies.HeldBody, write: Writing) -> answers.OperationAnswer:
    """Put held copies on sale again. Those of orders stay held."""
    return common.perform(write, Release(body.quantity, body.reservation_id), body)


@router.post("/fulfill")
def fulfill_copies(body: bodies.HeldBody, write: Writing) -> answers.OperationAnswer:
    """Let held copies leave: neither here nor held any more. Those of orders are fulfilled in Medusa."""
    return common.perform(write, Fulfill(body.quantity, body.reservation_id), body)


@router.post("/transfer")
def transfer_copies(body: bodies.TransferBody, write: Writing) -> answers.OperationAnswer:
    """Move copies that nobody holds to another location."""
    return common.perform(write, Transfer(body.quantity), body, body.target_location)


@router.get("/product/{product_id}")
def show_product(seen: Seeing, product_id: Id) -> answers.ProductSummary:
    """A title over the store's locations, by an ISBN in any spelling or a product's id in Medusa."""
    return common.product_summary(seen, product_id)


common.add_entry_routes(router, "entry")
