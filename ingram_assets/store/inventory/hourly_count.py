"""The hourly count: each entry's sum in the ledger beside its level, where others may have been at work."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ingram_assets.domain.failures import IngramError
from ingram_assets.store.inventory.ledger import Shelf
from ingram_assets.store.inventory.listing import ListedEntry
from ingram_assets.store.inventory.service import InventoryService
from ingram_assets.store.journal_connections import JournalLost

log = logging.getLogger(__name__)

AT_ONCE = 2_000
"""So many entries are settled in one count, a few reads of Medusa each. The others come in the next."""


@dataclass(frozen=True, slots=True)
class HourlyCount:
    """What an hourly count did.

    Attributes:
        settled: entries whose book was brought to agree with the level.
        left: why others could not be, the first words of each.
        waiting: entries that come in the next one.
        entered: lines that it entered in the ledger, by operation: "order_return", "found", "opening".
    """

    settled: int
    left: tuple[str, ...]
    waiting: int
    entered: Mapping[str, int]


def to_settle(
    entries: Iterable[ListedEntry], books: Mapping[Shelf, tuple[str, int]], synced: str | None
) -> dict[Shelf, str]:
    """The entries whose book is not their level, with their ISBN. Pure.

    Every entry at a location of the shop's own gets a book. At Ingram's only what was operated on has one:
    there the journal has what the sync wrote.

    Args:
        books: every book that is open, as ISBN and copies.
        synced: Ingram's location.
    """
    differing: dict[Shelf, str] = {}
    unopened: dict[Shelf, str] = {}
    gone = dict(books)
    for each in entries:
        shelf = (each.item_id, each.location_id)
        if book := gone.pop(shelf, None):
            if book[1] != each.quantity:
                differing[shelf] = book[0]
        elif each.isbn and each.location_id != synced:
            unopened[shelf] = each.isbn
    differing |= {shelf: isbn for shelf, (isbn, copies) in gone.items() if copies}
    return differing | unopened


def count_all(
    service: InventoryService, entries: Iterable[ListedEntry], *, at_most: int = AT_ONCE
) -> HourlyCount:
    """Brings every book to agree with its level: enters what orders did, and what nobody told of.

    Raises:
        MedusaError, JournalLost: nothing can be read. What goes wrong at one entry is left for the next.
    """
    began = service.ledger.now()
    listed = list(entries)
    wanted = to_settle(listed, service.ledger.books(), service.shelves.synced_location())
    settled, left = 0, []
    for shelf, isbn in list(wanted.items())[:at_most]:
        try:
            service.settle(shelf, isbn)
            settled += 1
        except JournalLost:
            raise
        except IngramError as error:
            log.warning("The book of %s is left as it is: %s", isbn, error)
            left.append(f"{isbn}: {error}")
    waiting = max(0, len(wanted) - at_most)
    return HourlyCount(settled, tuple(left), waiting, service.ledger.entered_since(began))
