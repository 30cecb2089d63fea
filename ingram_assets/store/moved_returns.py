"""Copies that came back to Ingram's location go to the location of the shop's own that RETURNS_TO names.

They lie in the shop: Ingram's level is the sync's, which takes them off again. Each is put on the shop's
shelf once, whatever breaks off: what was received is noted before the levels are written, and the ledger
knows by the operation's key what was put there.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ingram_assets.domain.isbn import isbn_spelled
from ingram_assets.domain.position import Returned
from ingram_assets.store.inventory.ledger import NotedReturn
from ingram_assets.store.inventory.model import Actor, Adjust, OperationRefused, Reason
from ingram_assets.store.inventory.service import InventoryService, OperationNote
from ingram_assets.store.returns import RETURN_FIELDS, read_returned
from ingram_assets.store.session import StoreSession

RETURNS = Actor("system", "returns")
"""By whom the ledger says that it was done."""

_CLOCKS_APART = timedelta(minutes=10)
"""Orders are asked about from so long before: Medusa's clock and the ledger's need not agree."""

_FIELDS = f"id,items.id,items.variant_sku,items.variant_barcode,{RETURN_FIELDS}"


@dataclass(frozen=True, slots=True)
class MovedReturn:
    """What became of copies that came back. `words`: which; `problem`: why they were not put there."""

    isbn: str
    words: str
    place: str
    problem: str | None = None

    @property
    def sentence(self) -> str:
        """What a person reads of it."""
        if self.problem:
            return f"A {self.words}, of {self.isbn} is not at {self.place} yet: {self.problem}"
        return f"A {self.words}, of {self.isbn} went to {self.place}."


def find_returns(session: StoreSession) -> None:
    """Notes what came back since the last look: one read of the orders, and one of each with a return."""
    ledger, ours = session.ledger, session.location
    if ledger is None:
        return
    if ours.returns_to is None:
        ledger.leave_returns()
        return
    began = ledger.now()
    since, seen_until = ledger.follow_returns()
    asked = {"updated_at[$gte]": (seen_until - _CLOCKS_APART).isoformat(), "fields": _FIELDS}
    noted = []
    for row in session.client.list_all("/admin/orders", "orders", asked):
        for item_id, some in read_returned(session.client, row, ours.id).items():
            noted += [_noted(row, item_id, one) for one in some if one.received_at >= since]
    ledger.note_returns(noted, began)


def _noted(order: Mapping[str, Any], item_id: str, one: Returned) -> NotedReturn:
    (line,) = (each for each in order["items"] if each["id"] == one.line)
    numbers = map(isbn_spelled, (line.get("variant_sku"), line.get("variant_barcode")))
    return NotedReturn(item_id, order["id"], next(filter(None, numbers), ""), one)


def move_returns(
    session: StoreSession, titles: Mapping[str, str], in_step: Collection[str]
) -> list[MovedReturn]:
    """Puts what came back of titles on the shop's own shelf; what was put there before is not again.

    Args:
        titles: inventory item's id to ISBN.
        in_step: ISBNs of those whose level at Ingram's location is right. A copy leaves there before it
            arrives in the shop, so that it is never on sale twice.

    Raises:
        EntryBusy, StillMoving, JournalLost, MedusaError: what was not put there yet is by the next push.
    """
    ledger, place = session.ledger, session.location.returns_to
    if ledger is None or place is None:
        return []
    service = InventoryService(session.client, session.journal, ledger)
    moved: list[MovedReturn] = []
    for each in ledger.waiting_returns(titles):
        isbn, why = titles[each.item_id], "Its level at Ingram's location is not in step."
        problem = _why_not_put(service, each, isbn, place.id) if isbn in in_step else why
        moved.append(MovedReturn(isbn, each.received.words, place.name, problem))
    return moved


def _why_not_put(service: InventoryService, each: NotedReturn, isbn: str, location_id: str) -> str | None:
    """Puts copies on the shelf of a location, once. Returns why they are not there; `None`: they are."""
    try:
        service.apply(
            Adjust(int(each.received.quantity), Reason.RETURNED),
            isbn=isbn,
            location=location_id,
            actor=RETURNS,
            key=each.key,
            about=OperationNote(note=f"A {each.received.words}.", reference=each.order_id),
        )
    except OperationRefused as error:
        return str(error)
    return None
