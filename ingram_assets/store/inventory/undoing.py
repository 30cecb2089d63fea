"""Which operation takes another one back. Pure.

Copies are moved back, whatever came and went meanwhile: a count that was undone leaves a later sale sold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ingram_assets.store.inventory.ledger import HeldFor, LedgerLine
from ingram_assets.store.inventory.model import (
    Adjust,
    Fulfill,
    Operation,
    Reason,
    Refusal,
    RefusalKind,
    Release,
    ReservationChange,
    Reserve,
    Transfer,
    Unfulfill,
)


@dataclass(frozen=True, slots=True)
class TakenBack:
    """An operation that takes another one back. `location_id`, `target_id`: where, and where to."""

    operation: Operation
    location_id: str
    target_id: str | None = None


def taking_back(lines: Sequence[LedgerLine], held: Sequence[HeldFor], now: datetime) -> TakenBack | Refusal:
    """What takes an operation back, or why nothing does.

    Args:
        lines: of the operation, in their order.
        held: the reservations that it made, changed or ended.
    """
    first = lines[0]
    if first.state != "done":
        words = "is not finished yet: ingram stock sweep" if first.state == "pending" else "changed nothing"
        return _refused(f"The operation {words}.")
    if not first.item_id:
        return _refused("The title is digital: nothing is counted of it.")
    here = first.location_id
    match first.operation:
        case "set" | "adjust" | "delete" if first.delta:
            return TakenBack(Adjust(-first.delta, Reason.CORRECTION), here)
        case "transfer":
            return TakenBack(Transfer(-first.delta), lines[1].location_id, here)
        case "reserve" if held:
            return TakenBack(Release(reservation_id=held[0].reservation_id), here)
        case "unfulfill" if held:
            return TakenBack(Fulfill(first.delta, held[0].reservation_id), here)
        case "release" | "fulfill" if copies := _let_go(first):
            owner = held[0].owner if held else None
            until = held[0].expires_at if held else None
            again = Reserve if first.operation == "release" else Unfulfill
            return TakenBack(again(copies, owner, until if until and until > now else None), here)
        case "set" | "adjust" | "delete" | "release" | "fulfill":
            return _refused("The operation changed nothing.")
    return _refused(
        f"{first.actor.kind} {first.actor.name} did it, by no operation: change it where it was done, or set "
        "the quantity."
    )


def _let_go(line: LedgerLine) -> int:
    """Copies that a release or a fulfillment took out of reservations."""
    return sum(each.before - each.after for each in line.planned() if isinstance(each, ReservationChange))


def changed_holds(line: LedgerLine) -> list[str]:
    """Ids of the reservations that an operation changed or ended."""
    return [each.id for each in line.planned() if isinstance(each, ReservationChange)]


def _refused(message: str) -> Refusal:
    return Refusal(RefusalKind.INVALID, message)
