"""What whole levels are written beside: inventory operations on the same entries."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from ingram_assets.domain.position import Orders
from ingram_assets.store.inventory.ledger import NewLine, Shelf
from ingram_assets.store.inventory.model import Actor
from ingram_assets.store.inventory.service import InventoryService
from ingram_assets.store.plan import NO_ORDERS, TitleWrites
from ingram_assets.store.read import read_orders
from ingram_assets.store.session import StoreSession

PATIENCE = 3.0
"""Seconds for which a push waits for entries at which operations are at work."""

_SYNC = Actor("sync", "ingram")


def read_began(session: StoreSession) -> datetime | None:
    """The ledger's time, to be asked for before the store is read; `None` where there is no ledger."""
    return session.ledger.now() if session.ledger else None


def taken_by_all(
    session: StoreSession, since: Mapping[str, datetime], reserved: Collection[str] = ()
) -> dict[str, Orders]:
    """What orders, and operations without an order, took of inventory items at our location.

    The store's levels must have been read before: an operation that ends in between is then known here.

    Args:
        since, reserved: as for `read_orders`.
    """
    orders = read_orders(session.client, since, session.location.id, reserved)
    if session.ledger:
        for item_id, more in session.ledger.fulfillments(session.location.id, since).items():
            known = orders.get(item_id, NO_ORDERS)
            orders[item_id] = replace(known, fulfillments=(*known.fulfillments, *more))
    return orders


@contextmanager
def beside_operations(
    session: StoreSession, shelves: Collection[Shelf], read_at: datetime | None
) -> Iterator[Collection[Shelf]]:
    """Keeps operations off these entries until the block ends, and yields those that may be written.

    The others are in the middle of an operation, or were changed by one since the store was read.

    Args:
        read_at: from `read_began`; `None`: what the levels were before does not matter.
    """
    if session.ledger is None or not shelves:
        yield shelves
        return
    service = InventoryService(session.client, session.journal, session.ledger)
    with service.beside_operations(shelves, read_at, wait_seconds=PATIENCE) as free:
        yield free


def enter_levels(session: StoreSession, written: Mapping[str, TitleWrites]) -> None:
    """Enters levels that were written in the ledger, where it has lines of the entries already.

    Args:
        written: inventory item's id to what was written.
    """
    if session.ledger is None or not written:
        return
    place = session.location.id
    opened = session.ledger.opened([(item_id, place) for item_id in written])
    lines = [_line(item_id, place, each, session.run_id) for item_id, each in written.items()]
    changed = [each for each in lines if each.quantity_before != each.quantity_after]
    session.ledger.record(uuid4(), [each for each in changed if each.shelf in opened])


def _line(item_id: str, location_id: str, title: TitleWrites, run_id: str) -> NewLine:
    level, quantities = title.level_before, title.quantities
    before, reserved = (level.stocked, level.reserved) if level else (0, 0)
    after = quantities["stocked_quantity"] if quantities else 0
    return NewLine(
        *(title.isbn, item_id, location_id, "sync", _SYNC),
        *(int(before // 1), int(after // 1), int(reserved // 1), int(reserved // 1)),
        note=" ".join(title.reasons),
        reference=f"run {run_id}",
    )
