"""What inventory operations speak of: an entry, its reservations, a request, and what becomes of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from ingram_assets.domain.failures import Permanent

UNLIMITED = 999_999
"""What is available of a digital title: any number, without an entry."""

MAX_QUANTITY = 1_000_000
"""More copies of one title at one location are taken for a mistake."""


class Reason(StrEnum):
    """Why a quantity changes. A free text may stand beside it."""

    CORRECTION = "correction"
    CYCLE_COUNT = "cycle_count"
    """A physical count: the quantity is what somebody counted, whatever was written before."""
    DAMAGED = "damaged"
    RECEIVED = "received"
    RESTOCK = "restock"
    RETURNED = "returned"
    SHRINKAGE = "shrinkage"
    PROMOTION = "promotion"
    TRANSFER = "transfer"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Hold:
    """Copies held for somebody at one location."""

    id: str
    quantity: int
    created_at: datetime
    owner: str | None = None
    reference: str | None = None
    expires_at: datetime | None = None
    line_item_id: str | None = None
    """Set where an order of the store holds the copies: fulfilling the order ends it, nothing else."""


@dataclass(frozen=True, slots=True)
class StockEntry:
    """A title at one location, as Medusa has it."""

    isbn: str
    item_id: str
    location_id: str
    level_id: str | None
    """`None`: the title has no level at the location yet."""
    quantity: int = 0
    """Physical copies; negative where a back-order was fulfilled beyond them."""
    reserved: int = 0
    """A negative number, as Medusa has shown it, counts as none."""
    reservations: tuple[Hold, ...] = ()
    """Oldest first."""
    is_synced: bool = False
    """Whether the quantity belongs to the sync (the Ingram location)."""
    allow_backorder: bool = False
    is_unlimited: bool = False
    """A digital title, of which nothing is counted: it has no item, no level and no end."""

    @property
    def available(self) -> int:
        """What may still be sold. Negative: oversold, and shown so."""
        return UNLIMITED if self.is_unlimited else self.quantity - max(0, self.reserved)


ActorKind = Literal["person", "token", "order", "sync", "system", "unknown"]
"""`unknown`: somebody who wrote to Medusa past this ledger."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for an operation. Idempotency keys of two actors have nothing to do with each other."""

    kind: ActorKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class SetQuantity:
    """The physical quantity is exactly this."""

    quantity: int
    reason: Reason = Reason.CORRECTION


@dataclass(frozen=True, slots=True)
class Adjust:
    """The physical quantity changes by so much."""

    delta: int
    reason: Reason = Reason.OTHER


@dataclass(frozen=True, slots=True)
class Reserve:
    """Copies are held."""

    quantity: int
    owner: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """Held copies are for sale again: of one reservation, or so many, oldest first."""

    quantity: int | None = None
    reservation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Fulfill:
    """Held copies leave the location: of one reservation, or so many, oldest first."""

    quantity: int | None = None
    reservation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Unfulfill:
    """Copies that had left are back, and held again: a fulfillment is undone."""

    quantity: int
    owner: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """Copies go from this entry's location to another."""

    quantity: int


@dataclass(frozen=True, slots=True)
class Delete:
    """The entry ends: the title is no longer kept at the location."""


Operation = SetQuantity | Adjust | Reserve | Release | Fulfill | Unfulfill | Transfer | Delete


_NAMES: dict[type[Operation], str] = {
    SetQuantity: "set",
    Adjust: "adjust",
    Reserve: "reserve",
    Release: "release",
    Fulfill: "fulfill",
    Unfulfill: "unfulfill",
    Transfer: "transfer",
    Delete: "delete",
}


def operation_name(operation: Operation) -> str:
    """What the ledger calls it."""
    return _NAMES[type(operation)]


class RefusalKind(StrEnum):
    """Why an operation is not done. Each is one kind of problem document."""

    INVALID = "invalid"
    NO_ENTRY = "no_entry"
    NO_RESERVATION = "no_reservation"
    STALE = "stale"
    OWNED_BY_SYNC = "owned_by_sync"
    NOT_ENOUGH = "not_enough"
    HELD_BY_ORDER = "held_by_order"
    UNLIMITED = "unlimited"
    """Nothing is counted of a digital title."""
    HAS_RESERVATIONS = "has_reservations"
    UNKNOWN_TITLE = "unknown_title"
    UNKNOWN_LOCATION = "unknown_location"
    KEY_REUSED = "key_reused"
    """The idempotency key was used for another request."""
    REFUSED_BY_STORE = "refused_by_store"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing is changed, for this reason. `nearest`: names that may have been meant."""

    kind: RefusalKind
    message: str
    nearest: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LevelChange:
    """The physical quantity at a location goes from one number to another."""

    location_id: str
    before: int | None
    """`None`: there is no level yet, so that one is made."""
    after: int | None
    """`None`: the level ends."""


@dataclass(frozen=True, slots=True)
class NewReservation:
    """A reservation to make."""

    quantity: int
    owner: str | None
    expires_at: datetime | None
    copies_follow: bool = False
    """The copies that it holds arrive right after it: it is made whatever is available."""


@dataclass(frozen=True, slots=True)
class ReservationChange:
    """A reservation shrinks to a quantity, or ends with 0."""

    id: str
    before: int
    after: int


Step = LevelChange | NewReservation | ReservationChange


@dataclass(frozen=True, slots=True)
class Decision:
    """What an operation does: its steps, in the order in which they must be written."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class OperationDone:
    """What an operation did.

    Attributes:
        ledger_ids: of its lines in the ledger; none where all was as asked for already.
        reservation_id: of the reservation that it made.
        target_before, target_after: the entry that a transfer went to.
        replayed: it was done before, under the same key, and this is the first answer again.
    """

    before: StockEntry
    after: StockEntry
    ledger_ids: tuple[int, ...] = ()
    reservation_id: str | None = None
    target_before: StockEntry | None = None
    target_after: StockEntry | None = None
    replayed: bool = False


class OperationRefused(Permanent):
    """Nothing was changed; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
