"""Keeps the ledger and Medusa's levels in agreement: enters what others did, puts right what met ours."""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from ingram_assets.domain.failures import Transient
from ingram_assets.store.inventory.ledger import LedgerLine, NewLine, Shelf, StockLedger
from ingram_assets.store.inventory.medusa import FoundTitle, SeenEntry, StoreEntries
from ingram_assets.store.inventory.model import Actor, LevelChange, StockEntry
from ingram_assets.store.inventory.settle import LevelState, OrderEffect, OwnWrite, judge

log = logging.getLogger(__name__)

_CLOCKS_APART = timedelta(minutes=2)
"""Orders are asked about from so long before: Medusa's clock and the ledger's need not agree."""

_QUIET = timedelta(seconds=15)
"""No order is in the middle of a level that was not written for so long."""

_WAITS = (0.05, 0.1, 0.2, 0.4, 0.8, 0)
"""Seconds between looks at a level that nothing explains yet; 0: the last look."""

_ATTEMPTS = 6
"""So many orders in a row may meet our writes of one level."""

_HAND = Actor("unknown", "hand")
_SYNC = Actor("sync", "ingram")


class StillMoving(Transient):
    """A level, or what is pending at it, changed under us again and again."""


class Bookkeeper:
    """The book of entries whose lock the caller holds."""

    def __init__(self, shelves: StoreEntries, ledger: StockLedger) -> None:
        self._shelves, self._ledger = shelves, ledger

    def settled(self, title: FoundTitle, location_id: str, *, scan: bool = False) -> SeenEntry:
        """An entry as it is now, with all that others did to it entered in the ledger.

        Args:
            scan: look for orders even where all seems to agree.
        """
        seen = self._shelves.read(title, location_id)
        if title.is_unlimited:
            return seen
        book = self._ledger.book((title.item_id, location_id))
        if book is None:
            return self._opened(title, seen)
        if book.quantity == seen.entry.quantity and not scan:
            return seen
        return self._agreed(title, seen, OwnWrite(0, book.written_at) if book.written_at else None, None)

    def write(self, line: LedgerLine, title: FoundTitle, before: SeenEntry, step: LevelChange) -> SeenEntry:
        """Writes a level, reads it again, and puts right what met it. Returns the entry as it ends.

        Args:
            line: the pending line that the step is of.
            before: read under the entry's lock, and in agreement with the ledger.
        """
        self._shelves.write_level(before.entry, step)
        after = self._shelves.read(title, step.location_id)
        if step.after is None:
            return after
        if after.entry.quantity == step.after and after.of_orders == before.of_orders:
            self._ledger.note_write(line.shelf, after.level_at)
            return after
        return self.wrote(line, title, after)

    def wrote(self, line: LedgerLine, title: FoundTitle, after: SeenEntry) -> SeenEntry:
        """Brings to agreement an entry whose level a pending line has just changed."""
        self._ledger.note_write(line.shelf, after.level_at)
        return self._agreed(title, after, OwnWrite(line.delta, after.level_at), line)

    def unentered(self, shelf: Shelf) -> tuple[int, list[OrderEffect]]:
        """The ledger's copies of an entry, and what orders did to it that the ledger does not have."""
        book = self._ledger.book(shelf)
        if book is None:
            return 0, []
        effects = self._shelves.effects(shelf, book.scanned_at - _CLOCKS_APART)
        # An order tells all that it ever did. What it did before the book was opened is in the first line.
        effects = [each for each in effects if each.made_at >= book.opened_at - _CLOCKS_APART]
        entered = self._ledger.entered(shelf, [each.id for each in effects])
        return book.quantity, [each for each in effects if each.id not in entered]

    def _opened(self, title: FoundTitle, seen: SeenEntry) -> SeenEntry:
        """Opens an entry's book: with what it has, and orders' last effects beside, so that each is known."""
        entry, at = seen.entry, self._ledger.now()
        shelf = (title.item_id, entry.location_id)
        effects = self._shelves.effects(shelf, at - _CLOCKS_APART)
        start = entry.quantity - sum(each.delta for each in effects)
        by = _SYNC if entry.is_synced else _HAND
        opening = _past_us(entry, "opening", by, 0, start, "As it was in Medusa.")
        # Of an entry that is not there yet nothing is to be told.
        first = [opening] if entry.level_id is not None or effects else []
        self._ledger.record(uuid4(), [*first, *_of_orders(entry, start, effects)])
        self._ledger.note_scan(shelf, title.isbn, at)
        return seen

    def _agreed(
        self, title: FoundTitle, seen: SeenEntry, own: OwnWrite | None, ours: LedgerLine | None
    ) -> SeenEntry:
        """Brings ledger and level to agree: enters what orders did, puts right what met, enters the rest.

        Args:
            own: our last write of the level, if an order may have met it.
            ours: the pending line that it was for.
        """
        shelf = (title.item_id, seen.entry.location_id)
        for _ in range(_ATTEMPTS):
            at = self._ledger.now()
            seen, standing, quantity, effects = self._judged(title, seen, own, ours)
            self._ledger.record(uuid4(), _of_orders(seen.entry, quantity, effects))
            self._ledger.note_scan(shelf, title.isbn, at)
            right, copies = quantity + sum(each.delta for each in effects), seen.entry.quantity
            if standing is LevelState.AGREES:
                return seen
            if standing is LevelState.UNEXPLAINED or seen.entry.level_id is None:
                note = "The level was changed in Medusa, past the ledger."
                self._ledger.record(uuid4(), [_past_us(seen.entry, "found", _HAND, right, copies, note)])
                return seen
            log.warning("%s: an order met our write of the level: it is put right.", title.isbn)
            self._shelves.write_level(seen.entry, LevelChange(seen.entry.location_id, copies, right))
            seen = self._shelves.read(title, seen.entry.location_id)
            self._ledger.note_write(shelf, seen.level_at)
            own = OwnWrite(right - copies, seen.level_at)
        raise StillMoving(
            f"The level of {title.isbn} changes again and again while it is written. Ask again with the same "
            "key."
        )

    def _judged(
        self, title: FoundTitle, seen: SeenEntry, own: OwnWrite | None, ours: LedgerLine | None
    ) -> tuple[SeenEntry, LevelState, int, list[OrderEffect]]:
        """How an entry stands once nothing seems to be in the middle of it, beside the ledger's copies.

        An order makes its fulfillment, writes the level, and only then says that it has one.
        """
        for wait in _WAITS:
            book, effects = self.unentered((title.item_id, seen.entry.location_id))
            quantity = book + (ours.delta if ours else 0)
            standing = judge(quantity, seen.entry.quantity, effects, own)
            if standing is LevelState.AGREES or not wait:
                break
            if not effects and own is None and self._ledger.now() - seen.level_at > _QUIET:
                break  # Nothing can be in the middle of changing it.
            time.sleep(wait)
            seen = self._shelves.read(title, seen.entry.location_id)
        return seen, standing, quantity, effects


def _past_us(
    entry: StockEntry, operation: str, by: Actor, before: int, after: int, note: str | None = None
) -> NewLine:
    """The line of what somebody did to a level past the ledger."""
    return NewLine(
        *(entry.isbn, entry.item_id, entry.location_id, operation, by),
        *(before, after, entry.reserved, entry.reserved),
        note=note,
    )


def _of_orders(entry: StockEntry, quantity: int, effects: Sequence[OrderEffect]) -> list[NewLine]:
    """The lines of what orders did, one after the other from a quantity on."""
    lines = []
    for each in effects:
        by, after = Actor("order", each.order), quantity + each.delta
        line = _past_us(entry, each.operation, by, quantity, after)
        lines.append(replace(line, reference=each.order, effect=each.id))
        quantity = after
    return lines
