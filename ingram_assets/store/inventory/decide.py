"""What each inventory operation does to an entry, or why it is refused. Pure: no clock, no network.

The order of the steps is part of the rule: between two of them a shopper may order, and then too few copies
may be for sale, never too many. So a level falls before a reservation ends, and copies leave one location
before they arrive at another.
"""

from ingram_assets.store.inventory.model import (
    MAX_QUANTITY,
    Adjust,
    Decision,
    Delete,
    Fulfill,
    Hold,
    LevelChange,
    NewReservation,
    Operation,
    Refusal,
    RefusalKind,
    Release,
    ReservationChange,
    Reserve,
    SetQuantity,
    StockEntry,
    Transfer,
    Unfulfill,
)

OF_THE_SYNC = (
    "The quantity at this location is Ingram's and belongs to the sync: it can be reserved, released and "
    "fulfilled, not changed by hand."
)


def decide(
    operation: Operation,
    entry: StockEntry,
    *,
    expected_quantity: int | None = None,
    target: StockEntry | None = None,
) -> Decision | Refusal:
    """What the operation does to the entry.

    Args:
        entry: as it is in Medusa now.
        expected_quantity: the physical quantity that the caller saw; `None`: whatever it is now.
        target: the entry that a transfer goes to.

    Returns:
        The steps to write, none where all is as asked for already; or why nothing is done.
    """
    refusal = _why_not(operation, entry, expected_quantity, target)
    if refusal or entry.is_unlimited:
        return refusal or Decision(())
    match operation:
        case SetQuantity(quantity=quantity):
            return _set(entry, quantity)
        case Adjust(delta=delta):
            return _adjust(entry, delta)
        case Reserve():
            return _reserve(entry, operation)
        case Unfulfill():
            return _unfulfill(entry, operation)
        case Release(quantity=quantity, reservation_id=chosen):
            taken = _take(entry, quantity, chosen, "released")
            return taken if isinstance(taken, Refusal) else Decision(taken)
        case Fulfill(quantity=quantity, reservation_id=chosen):
            return _fulfill(entry, quantity, chosen)
        case Transfer(quantity=quantity):
            assert target is not None, "it was asked about in _why_not"
            return _transfer(entry, target, quantity)
        case Delete():
            return _delete(entry)


def _why_not(
    operation: Operation, entry: StockEntry, expected_quantity: int | None, target: StockEntry | None
) -> Refusal | None:
    """What forbids an operation, whatever copies there are."""
    if entry.is_unlimited:
        # Its copies are held and fulfilled without end, and there is nothing to count.
        if isinstance(operation, Reserve | Release | Fulfill):
            return _wrong_quantity(operation)
        why = "The title is digital: its copies have no end and are not counted."
        return Refusal(RefusalKind.UNLIMITED, why)
    if expected_quantity is not None and expected_quantity != entry.quantity:
        why = f"The quantity is {entry.quantity} now, not {expected_quantity}: read it again, and ask again."
        return Refusal(RefusalKind.STALE, why)
    if isinstance(operation, Transfer) and (target is None or target.location_id == entry.location_id):
        return Refusal(RefusalKind.INVALID, "A transfer goes from one location to another.")
    is_synced = entry.is_synced or (target is not None and target.is_synced)
    if is_synced and isinstance(operation, SetQuantity | Adjust | Transfer | Delete):
        return Refusal(RefusalKind.OWNED_BY_SYNC, OF_THE_SYNC)
    if refusal := _wrong_quantity(operation):
        return refusal
    if entry.level_id is None and isinstance(operation, Reserve | Unfulfill | Transfer | Delete):
        why = "The title is not kept at this location: set its quantity first."
        return Refusal(RefusalKind.NO_ENTRY, why)
    return None


def _wrong_quantity(operation: Operation) -> Refusal | None:
    """Why the quantity that is asked for can't be meant."""
    quantity, least = getattr(operation, "quantity", None), int(not isinstance(operation, SetQuantity))
    return None if quantity is None or least <= quantity <= MAX_QUANTITY else _out_of_range(quantity, least)


def _set(entry: StockEntry, quantity: int) -> Decision | Refusal:
    if entry.level_id is not None and quantity == entry.quantity:
        return Decision(())
    return Decision((_level(entry, quantity),))


def _adjust(entry: StockEntry, delta: int) -> Decision | Refusal:
    after = entry.quantity + delta
    if delta < 0 and after < 0:
        return _too_few(f"There are {entry.quantity} copies here: {-delta} can't be taken away.")
    if after > MAX_QUANTITY:
        return _out_of_range(after)
    return Decision((_level(entry, after),) if delta else ())


def _reserve(entry: StockEntry, request: Reserve) -> Decision | Refusal:
    if request.quantity > entry.available and not entry.allow_backorder:
        return _too_few(
            f"{entry.available} of {entry.quantity} copies are available: {request.quantity} can't be held."
        )
    return Decision((NewReservation(request.quantity, request.owner, request.expires_at),))


def _fulfill(entry: StockEntry, quantity: int | None, chosen: str | None) -> Decision | Refusal:
    taken = _take(entry, quantity, chosen, "fulfilled")
    if isinstance(taken, Refusal):
        return taken
    copies = sum(change.before - change.after for change in taken)
    if copies > entry.quantity and not entry.allow_backorder:
        return _too_few(f"There are {entry.quantity} copies here: {copies} can't be fulfilled.")
    return Decision((_level(entry, entry.quantity - copies), *taken))


def _unfulfill(entry: StockEntry, request: Unfulfill) -> Decision | Refusal:
    after = entry.quantity + request.quantity
    if after > MAX_QUANTITY:
        return _out_of_range(after)
    held = NewReservation(request.quantity, request.owner, request.expires_at, copies_follow=True)
    return Decision((held, _level(entry, after)))


def _transfer(entry: StockEntry, target: StockEntry, quantity: int) -> Decision | Refusal:
    if quantity > entry.available:
        return _too_few(
            f"{entry.available} of {entry.quantity} copies are not held for anybody: {quantity} can't leave."
        )
    if target.quantity + quantity > MAX_QUANTITY:
        return _out_of_range(target.quantity + quantity)
    return Decision((_level(entry, entry.quantity - quantity), _level(target, target.quantity + quantity)))


def _delete(entry: StockEntry) -> Decision | Refusal:
    if entry.reservations:
        why = f"{max(0, entry.reserved)} copies are held here: release or fulfill them first."
        return Refusal(RefusalKind.HAS_RESERVATIONS, why)
    return Decision((LevelChange(entry.location_id, entry.quantity, None),))


def _take(
    entry: StockEntry, quantity: int | None, chosen: str | None, done: str
) -> tuple[ReservationChange, ...] | Refusal:
    """The reservations that so many held copies come from: the one chosen, or the oldest first.

    Those of the store's orders are the orders' own: only an order's fulfillment or cancellation ends them.
    """
    if chosen is None and quantity is None:
        return Refusal(RefusalKind.INVALID, "Give a quantity, or a reservation's id.")
    free = [one for one in entry.reservations if one.line_item_id is None]
    if chosen is not None:
        held = [one for one in entry.reservations if one.id == chosen]
        if not held:
            return Refusal(RefusalKind.NO_RESERVATION, f"There is no reservation {chosen} here.")
        if held[0].line_item_id is not None:
            why = f"The reservation {chosen} is an order's: fulfill or cancel the order in Medusa."
            return Refusal(RefusalKind.HELD_BY_ORDER, why)
        free = held
    wanted = sum(one.quantity for one in free) if quantity is None else quantity
    changes = _oldest_first(free, wanted)
    if sum(change.before - change.after for change in changes) < wanted:
        held_copies = sum(one.quantity for one in free)
        return _too_few(
            f"{held_copies} copies are held here, orders' own left aside: {wanted} can't be {done}."
        )
    return tuple(changes)


def _oldest_first(reservations: list[Hold], wanted: int) -> list[ReservationChange]:
    changes = []
    for one in reservations:
        if wanted <= 0:
            break
        taken = min(wanted, one.quantity)
        changes.append(ReservationChange(one.id, one.quantity, one.quantity - taken))
        wanted -= taken
    return changes


def _level(entry: StockEntry, after: int) -> LevelChange:
    return LevelChange(entry.location_id, None if entry.level_id is None else entry.quantity, after)


def _too_few(message: str) -> Refusal:
    return Refusal(RefusalKind.NOT_ENOUGH, message)


def _out_of_range(quantity: int, least: int = 0) -> Refusal:
    why = f"A quantity is a whole number from {least} to {MAX_QUANTITY}, not {quantity}."
    return Refusal(RefusalKind.INVALID, why)
