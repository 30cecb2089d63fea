"""The routes of one store: its entries, and operations on them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from ingram_assets.desk.api import common
from ingram_assets.desk.api.answers import EntriesPage, EntryAnswer, OperationAnswer, ProductSummary
from ingram_assets.desk.api.bodies import (
    AdjustBody,
    DeleteQuery,
    EntriesQuery,
    EntryBody,
    HeldBody,
    ReserveBody,
    SetBody,
    TransferBody,
)
from ingram_assets.desk.api.common import Id, Key, Seeing
from ingram_assets.store.inventory.model import (
    Adjust,
    Delete,
    Fulfill,
    Release,
    Reserve,
    SetQuantity,
    Transfer,
)

router = APIRouter(
    prefix="/api/v1/store/inventory", tags=["store"], dependencies=[Depends(common.refuse_unknown_parameters)]
)


@router.get("")
def list_entries(seen: Seeing, query: Annotated[EntriesQuery, Query()]) -> EntriesPage:
    """List entries, a page at a time: what is there all the while is in exactly one page."""
    return common.page_of(seen, query)


@router.post("/set")
def set_quantity(seen: Seeing, body: SetBody, key: Key, response: Response) -> OperationAnswer:
    """Set the physical quantity to what was counted; makes the entry where there is none."""
    wanted = SetQuantity(body.quantity)
    return common.perform(seen, wanted, body, key, response, product=body.product_id, location=body.location)


@router.post("/adjust")
def adjust_quantity(seen: Seeing, body: AdjustBody, key: Key, response: Response) -> OperationAnswer:
    """Change the physical quantity by so much, up or down."""
    wanted = Adjust(body.quantity)
    return common.perform(seen, wanted, body, key, response, product=body.product_id, location=body.location)


@router.post("/reserve")
def reserve_copies(seen: Seeing, body: ReserveBody, key: Key, response: Response) -> OperationAnswer:
    """Hold copies for somebody. More than are available: 409, unless the title may be back-ordered."""
    wanted = Reserve(body.quantity, body.owner, body.expires_at)
    return common.perform(seen, wanted, body, key, response, product=body.product_id, location=body.location)


@router.post("/release")
def release_copies(seen: Seeing, body: HeldBody, key: Key, response: Response) -> OperationAnswer:
    """Put held copies on sale again. Those of orders stay held."""
    wanted = Release(body.quantity, body.reservation_id)
    return common.perform(seen, wanted, body, key, response, product=body.product_id, location=body.location)


@router.post("/fulfill")
def fulfill_copies(seen: Seeing, body: HeldBody, key: Key, response: Response) -> OperationAnswer:
    """Let held copies leave: neither here nor held any more. Those of orders are fulfilled in Medusa."""
    wanted = Fulfill(body.quantity, body.reservation_id)
    return common.perform(seen, wanted, body, key, response, product=body.product_id, location=body.location)


@router.post("/transfer")
def transfer_copies(seen: Seeing, body: TransferBody, key: Key, response: Response) -> OperationAnswer:
    """Move copies that nobody holds to another location."""
    return common.perform(
        seen,
        Transfer(body.quantity),
        body,
        key,
        response,
        product=body.product_id,
        location=body.location,
        target=body.target_location,
    )


@router.get("/product/{product_id}")
def show_product(seen: Seeing, product_id: Id) -> ProductSummary:
    """A title over the store's locations, by an ISBN in any spelling or a product's id in Medusa."""
    return common.product_summary(seen, product_id)


@router.get("/{id}")
def show_entry(seen: Seeing, id: Id) -> EntryAnswer:
    """An entry, with all that is held of it."""
    return common.entry_answer(seen, id)


@router.put("/{id}")
def put_entry(seen: Seeing, id: Id, body: EntryBody, key: Key, response: Response) -> OperationAnswer:
    """Set an entry's physical quantity."""
    return common.perform_on_entry(seen, SetQuantity(body.quantity), body, key, response, id)


@router.delete("/{id}")
def delete_entry(
    seen: Seeing, id: Id, query: Annotated[DeleteQuery, Query()], key: Key, response: Response
) -> OperationAnswer:
    """Stop keeping a title at a location. Refused while copies are held there."""
    return common.perform_on_entry(seen, Delete(), query, key, response, id)
