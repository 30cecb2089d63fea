"""What entries add up to. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from ingram_assets.domain.low_stock import LEAST, has_few_left
from ingram_assets.store.inventory.channels import VisibleLocations
from ingram_assets.store.inventory.listing import ListedEntry


@dataclass(frozen=True, slots=True)
class StockFigures:
    """Sums over entries, in copies.

    Attributes:
        low: entries with at most so many available as is asked about, those with none among them.
        none_left: entries with none available; `oversold`: those of them with fewer than none.
        stores: sales channels that sell from a location that has entries.
    """

    entries: int
    quantity: int
    reserved: int
    available: int
    low: int
    none_left: int
    oversold: int
    stores: int
    locations: int

    @classmethod
    def of(cls, entries: Iterable[ListedEntry], visible: VisibleLocations, low: int) -> Self:
        """Of these entries; `low`: LOW_STOCK_THRESHOLD."""
        count = quantity = reserved = available = few = none_left = oversold = 0
        places = set()
        for each in entries:
            count += 1
            quantity += each.quantity
            reserved += each.reserved
            available += each.available
            few += has_few_left(each.available, low)
            none_left += each.available < LEAST
            oversold += each.available < 0
            places.add(each.location_id)
        stores = {one.id for place in places for one in visible.sellers.get(place, ())}
        return cls(
            count,
            quantity,
            reserved,
            available,
            few + none_left,
            none_left,
            oversold,
            len(stores),
            len(places),
        )

    @property
    def few(self) -> int:
        """Entries of which few copies are left, and not none: what pages call low."""
        return self.low - self.none_left
