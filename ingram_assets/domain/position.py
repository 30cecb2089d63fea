"""How many copies may be for sale: those counted, less what orders took since. A copy is never sold twice."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

InventoryMode = Literal["on_hand", "on_hand_plus_reserved"]
"""When Ingram's count falls: as a copy ships (`on_hand`), or as it is ordered (`on_hand_plus_reserved`)."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Copies that the store has promised to one order. `made_at`: when it was placed."""

    quantity: float
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Fulfillment:
    """Copies of one order that left our location in the store's book, and came back if it was canceled."""

    quantity: float
    ordered_at: datetime
    made_at: datetime
    canceled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Returned:
    """Copies of one order that came back, and that the store put on our level. They are in no count.

    Attributes:
        id: the store's, of what was received at once: one return may come in parts. `line`: the order's.
        order: the number by which people know the order.
    """

    id: str
    line: str
    quantity: float
    received_at: datetime
    order: int

    @property
    def words(self) -> str:
        """What a person reads of it, after an article: "return of 1 copy, order #12"."""
        copies = "1 copy" if self.quantity == 1 else f"{self.quantity:g} copies"
        return f"return of {copies}, order #{self.order}"


@dataclass(frozen=True, slots=True)
class Orders:
    """What a store's orders did to the copies of one title at our location, as far back as was read."""

    reservations: tuple[Reservation, ...] = ()
    fulfillments: tuple[Fulfillment, ...] = ()
    returns: tuple[Returned, ...] = ()

    def reserved_before(self, at: datetime) -> int:
        """Copies still reserved for orders that were placed before this time. Never below 0."""
        return _whole(each.quantity for each in self.reservations if each.made_at < at)

    def fulfilled_since(self, at: datetime, *, of_orders_since: bool = False) -> int:
        """Copies fulfilled at or after this time and not canceled. Never below 0.

        A canceled one is out of this sum: Medusa puts its copies back and promises them to the order again.

        Args:
            of_orders_since: only those of orders placed at or after this time, too.
        """
        return _whole(
            each.quantity
            for each in self.fulfillments
            if each.made_at >= at and each.canceled_at is None
            if not of_orders_since or each.ordered_at >= at
        )

    def taken_from_level(self, since: datetime) -> float:
        """Copies that fulfillments took out of the level since then, less what cancellations put back."""
        taken = 0.0
        for each in self.fulfillments:
            was_made, was_canceled = each.made_at >= since, each.canceled_at is not None
            if was_made != was_canceled:
                taken += each.quantity if was_made else -each.quantity
        return taken

    def returned_since(self, at: datetime) -> tuple[Returned, ...]:
        """What came back at or after this time."""
        return tuple(each for each in self.returns if each.received_at >= at)


@dataclass(frozen=True, slots=True)
class Taken:
    """What is to be taken off, and added to, the copies of one reading.

    Attributes:
        sold: copies that orders took of what was counted, and that the count does not know of.
        reserved: copies that the store still holds for orders that the count does know of.
    """

    sold: int = 0
    reserved: int = 0


def taken_since(read_at: datetime | None, orders: Orders, mode: InventoryMode) -> Taken:
    """What orders did to the copies that were counted at `read_at`.

    With `on_hand` the store's own reservations hold what is ordered, until it is fulfilled. With
    `on_hand_plus_reserved` an order's copies are out of a count that was made after it, so those that are
    still reserved for such orders are added to the level, from which the store takes them off.
    """
    if read_at is None:
        return Taken()
    if mode == "on_hand":
        return Taken(sold=orders.fulfilled_since(read_at))
    return Taken(
        sold=orders.fulfilled_since(read_at, of_orders_since=True),
        reserved=orders.reserved_before(read_at),
    )


def _whole(quantities: Iterable[float]) -> int:
    return max(0, int(sum(quantities)))
