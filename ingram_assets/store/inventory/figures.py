"""What entries add up to. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from ingram_assets.store.inventory.channels import Floor
from ingram_assets.store.inventory.listing import ListedEntry


@dataclass(frozen=True, slots=True)
class StockFigures:
    """Sums over entries, in copies.

    Attributes:
        low: entries with at most so many available as is asked about; `oversold`: with fewer than none.
        stores: sales channels that sell from a location that has entries.
    """

    entries: int
    quantity: int
    reserved: int
    available: int
    low: int
    oversold: int
    stores: int
    locations: int

    @classmethod
    def of(cls, entries: Iterable[ListedEntry], floor: Floor, low: int) -> Self:
        """Of these entries; `low`: with at most so many available one is low."""
        count = quantity = reserved = available = few = oversold = 0
        places = set()
        for each in entries:
            count += 1
            quantity += each.quantity
            reserved += each.reserved
            available += each.available
            few += each.available <= low
            oversold += each.available < 0
            places.add(each.location_id)
        stores = {one.id for place in places for one in floor.sellers.get(place, ())}
        return cls(count, quantity, reserved, available, few, oversold, len(stores), len(places))
