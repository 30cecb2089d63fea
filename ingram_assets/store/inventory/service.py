"""Inventory operations, each done exactly once, whatever breaks off in the middle.

An operation is entered in the ledger as pending before anything of it is sent to Medusa, and closed when all
of it is there. Whoever next works on the entry, or the sweep, finishes what broke off after its first step,
and takes back what did not come so far. An entry's operations wait for each other; orders do not, see
`settle`.

What holds without a part of our own inside Medusa:
- A copy that an order takes while we write is never lost: at once where the order shows by our reading after
  the write, else by the sweep's second look, `SECOND_LOOK` seconds later or more. Until then too many may be
  for sale.
- A person's edit of a level in Medusa's admin within the tenth of a second between our reading and our
  writing is overwritten, and can't be told. At any other time it is entered in the ledger as somebody's, and
  stands.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from pydantic import TypeAdapter

from ingram_assets.domain.failures import IngramError
from ingram_assets.store.client import MedusaClient, MedusaRefused
from ingram_assets.store.inventory.bookkeeper import Bookkeeper, StillMoving
from ingram_assets.store.inventory.decide import decide
from ingram_assets.store.inventory.ledger import (
    HeldFor,
    LedgerLine,
    Locks,
    NewLine,
    Shelf,
    StockLedger,
)
from ingram_assets.store.inventory.medusa import FoundTitle, SeenEntry, StoreEntries
from ingram_assets.store.inventory.model import (
    Actor,
    Adjust,
    Decision,
    LevelChange,
    NewReservation,
    Operation,
    OperationDone,
    OperationRefused,
    Reason,
    Refusal,
    RefusalKind,
    Release,
    ReservationChange,
    SetQuantity,
    Step,
    StockEntry,
    operation_name,
)
from ingram_assets.store.inventory.settle import arrived
from ingram_assets.store.inventory.stock_locations import find_place
from ingram_assets.store.inventory.undoing import TakenBack, changed_holds, taking_back
from ingram_assets.store.journal import Journal
from ingram_assets.store.journal_connections import JournalLost

log = logging.getLogger(__name__)

KEYS_KEPT = timedelta(hours=48)
"""How long the first answer is given again for the same key."""

SECOND_LOOK = 5.0
"""Seconds after a write of a level, by when an order that met it has come to light."""

_ON_ITS_WAY = 2.0
"""Seconds for which a request of a caller who is gone may still be on its way through Medusa."""

_ATTEMPTS = 6
"""So often what is pending at an entry may reach for one more entry."""

_EXPIRY = Actor("system", "expiry")
_REQUEST: TypeAdapter[Any] = TypeAdapter(dict[str, Any])


@dataclass(frozen=True, slots=True)
class OperationNote:
    """What is told of an operation beside what it does."""

    reason: Reason | None = None
    note: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a sweep did. `finished`, `taken_back`: operations; `looked_at`: entries; `left`: what stays."""

    finished: int = 0
    taken_back: int = 0
    looked_at: int = 0
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request. `request` tells it from another one under the same key."""

    operation: Operation
    actor: Actor
    key: str
    request: str
    expected_quantity: int | None
    about: OperationNote
    undoes: UUID | None = None


class InventoryService:
    """Inventory operations on one store, with what they work on. It may be shared by threads."""

    def __init__(self, client: MedusaClient, journal: Journal, ledger: StockLedger) -> None:
        self.shelves = StoreEntries(client, journal)
        self.journal, self.ledger = journal, ledger
        self.sleep: Callable[[float], None] = time.sleep
        self._books = Bookkeeper(self.shelves, ledger)

    def apply(
        self,
        operation: Operation,
        *,
        isbn: str,
        location: str,
        actor: Actor,
        key: str,
        target: str | None = None,
        expected_quantity: int | None = None,
        about: OperationNote | None = None,
        undoes: UUID | None = None,
    ) -> OperationDone:
        """Does an operation once, however often it is asked for with the same key.

        Args:
            isbn: in any spelling, or a product's id in Medusa.
            location: its name in any case, or its id; `target`: where a transfer goes.
            key: the caller's idempotency key. A refusal is not kept: it is judged anew.
            expected_quantity: the quantity that the caller saw; another one is refused.
            undoes: the operation that this one takes back (`undo`).

        Raises:
            OperationRefused: nothing was changed, for the reason that it has.
            EntryBusy, StillMoving, JournalLost, MedusaError: ask again with the same key: what was begun is
                finished or taken back then.
        """
        about = about or OperationNote()
        request = _fingerprint(operation, [isbn, location, target, expected_quantity, about])
        asked = _Asked(operation, actor, key, request, expected_quantity, about, undoes)
        with self.ledger.locks() as locks, locks.hold([f"key {actor} {key}"]):
            if answer := self._answer_again(locks, asked):
                return answer
            title = self.shelves.find_title(isbn)
            places = self.shelves.places()
            names = [location] if target is None else [location, target]
            shelves = [(title.item_id, find_place(places, name).id) for name in names]
            with self._alone_at(locks, shelves):
                return self._do(asked, title, shelves)

    def plan_undo(self, operation_id: UUID) -> tuple[TakenBack, LedgerLine]:
        """What would take an operation back, and its first line. Raises OperationRefused: nothing does."""
        lines = self.ledger.of_operation(operation_id)
        held = self.ledger.held_for(operation_id, changed_holds(lines[0]))
        plan = taking_back(lines, held, self.ledger.now())
        if isinstance(plan, Refusal):
            raise OperationRefused(plan)
        return plan, lines[0]

    def undo(self, operation_id: UUID, *, actor: Actor) -> OperationDone:
        """Takes an operation back, once: by an operation of its own, which can itself be undone.

        Raises as `plan_undo` and `apply`.
        """
        plan, line = self.plan_undo(operation_id)
        done = [operation_id]
        while by := self.ledger.undone_by(done[-1]):
            done.append(by)
        # An even number of undos: the operation stands, done again by the last of them.
        if len(done) > 1 and len(done) % 2 == 1:
            (last, *_) = self.ledger.of_operation(done[-1])
            words = f"It was taken back, and done again by line {last.id}: ingram undo {last.id}"
            raise OperationRefused(Refusal(RefusalKind.INVALID, words))
        return self.apply(
            plan.operation,
            isbn=line.isbn,
            location=plan.location_id,
            target=plan.target_id,
            actor=actor,
            key=f"undo {operation_id}",
            about=OperationNote(
                Reason.CORRECTION, f"Undo of {line.operation}, line {line.id}.", line.reference
            ),
            undoes=operation_id,
        )

    def settle(self, shelf: Shelf, isbn: str) -> None:
        """Enters in an entry's book what others did to its level; opens the book where there is none.

        Raises EntryBusy, StillMoving, JournalLost, MedusaError: it is left as it is.
        """
        with self.ledger.locks() as locks, self._alone_at(locks, [shelf]):
            self._books.settled(self._title_of(shelf, isbn), shelf[1], scan=True)

    def settle_title(self, isbn: str) -> list[str]:
        """Settles a title's entries that have a book. Returns why some are left. Raises JournalLost."""
        left: list[str] = []
        for shelf in self.ledger.shelves_of(isbn):
            with _left_for_later(f"entry of {isbn}", left):
                self.settle(shelf, isbn)
        return left

    @contextmanager
    def beside_operations(
        self, shelves: Collection[Shelf], since: datetime | None, *, wait_seconds: float
    ) -> Iterator[set[Shelf]]:
        """Keeps operations off entries, for who writes their levels whole: a push, or its undo.

        What is pending there is ended first.

        Args:
            since: the ledger's time when the store was read, or a little before; `None`: it does not matter
                what the levels were.
            wait_seconds: how long entries are waited for at which an operation is at work.

        Yields:
            The entries that may be written: those that came free in time, and that are as they were read.
        """
        by_name = dict(zip(_names(shelves), shelves, strict=True))
        with self.ledger.locks() as locks, locks.take(by_name, wait_seconds) as taken:
            ours = {by_name[name] for name in taken}
            for operation_id in dict.fromkeys(line.operation_id for line in self.ledger.pending(ours)):
                if {line.shelf for line in self.ledger.of_operation(operation_id)} <= ours:
                    with _left_for_later(f"operation {operation_id}", []):
                        self._end(operation_id)
            # One that closed right before that had written to Medusa by then, and was read.
            yield ours - self.ledger.worked_on(ours, since or self.ledger.now())

    def recover(self) -> Recovered:
        """Finishes or takes back what broke off, looks again at levels written lately, drops old keys.

        Raises:
            JournalLost: the database is gone. What else goes wrong is left for the next sweep.
        """
        ended: list[str] = []
        left: list[str] = []
        for operation_id in dict.fromkeys(line.operation_id for line in self.ledger.pending()):
            shelves = [line.shelf for line in self.ledger.of_operation(operation_id)]
            with (
                _left_for_later(f"operation {operation_id}", left),
                self.ledger.locks() as locks,
                locks.hold(_names(shelves)),
            ):
                ended.append(self._end(operation_id))
        looked_at = 0
        for shelf, isbn in self.ledger.unseen(SECOND_LOOK):
            with _left_for_later(f"entry of {isbn}", left), self.ledger.locks() as locks:
                with self._alone_at(locks, [shelf]):
                    self._look_again(shelf, isbn)
                looked_at += 1
        self.ledger.forget_keys(self.ledger.now() - KEYS_KEPT)
        return Recovered(ended.count("finished"), ended.count("taken back"), looked_at, tuple(left))

    def expire_reservations(self, now: datetime) -> list[HeldFor]:
        """Frees the reservations whose time has come. Returns those freed. Raises JournalLost."""
        freed: list[HeldFor] = []
        for each in self.ledger.expired(now):
            with _left_for_later(f"reservation {each.reservation_id}", []):
                if self._is_freed(each):
                    freed.append(each)
        return freed

    def _is_freed(self, over: HeldFor) -> bool:
        """Frees a reservation whose time has come; False: it was ended by others, or its title is gone."""
        try:
            self.apply(
                Release(reservation_id=over.reservation_id),
                isbn=over.isbn,
                location=over.location_id,
                actor=_EXPIRY,
                key=f"expiry {over.reservation_id}",
                about=OperationNote(note=f"Held until {over.expires_at}.", reference=over.reference),
            )
        except OperationRefused as error:
            log.info("The reservation %s is over: %s", over.reservation_id, error)
            if error.refusal.kind is RefusalKind.UNKNOWN_LOCATION:  # It was deleted, and Medusa keeps all.
                self.shelves.free(over.reservation_id)
            self.ledger.end_reservations([over.reservation_id])
            return False
        return True

    def _answer_again(self, locks: Locks, asked: _Asked) -> OperationDone | None:
        """The answer that was given to this request before; finds out first what became of it."""
        use = self.ledger.key_use(asked.actor, asked.key)
        if use and use.request != asked.request:
            message = f"The key {asked.key!r} was used for another request: take a new one for each request."
            raise OperationRefused(Refusal(RefusalKind.KEY_REUSED, message))
        if use and use.answer is None:
            shelves = [line.shelf for line in self.ledger.of_operation(use.operation_id)]
            with locks.hold(_names(shelves)):
                self._end(use.operation_id)
            use = self.ledger.key_use(asked.actor, asked.key)
        return replace(use.answer, replayed=True) if use and use.answer else None

    @contextmanager
    def _alone_at(self, locks: Locks, shelves: Sequence[Shelf]) -> Iterator[None]:
        """Holds the entries' locks, with nothing left pending there.

        What broke off may have been a transfer, to an entry that is not locked yet: then all are let go, and
        taken again in their order.
        """
        needed = set(shelves)
        for _ in range(_ATTEMPTS):
            with locks.hold(_names(needed)):
                pending = self.ledger.pending(shelves)
                involved = {line.shelf for line in pending}
                if involved <= needed:
                    for operation_id in dict.fromkeys(line.operation_id for line in pending):
                        self._end(operation_id)
                    yield
                    return
            needed |= involved
        raise StillMoving("Transfers at this entry break off again and again. Ask again with the same key.")

    def _do(self, asked: _Asked, title: FoundTitle, shelves: Sequence[Shelf]) -> OperationDone:
        seen = [self._books.settled(title, location_id) for _, location_id in shelves]
        entries = [each.entry for each in seen]
        target = entries[1] if len(entries) > 1 else None
        expected = asked.expected_quantity
        decision = decide(asked.operation, entries[0], expected_quantity=expected, target=target)
        if asked.undoes and (by := self.ledger.undone_by(asked.undoes)):
            decision = Refusal(RefusalKind.INVALID, f"It is undone already, by the operation {by}.")
        if isinstance(decision, Refusal):
            raise OperationRefused(decision)
        operation_id = uuid4()
        lines = [_line(asked, entry, decision) for entry in entries]
        self.ledger.begin(operation_id, lines, asked.actor, asked.key, asked.request)
        try:
            return self._carry_out(operation_id, title, seen)
        except MedusaRefused as error:
            self._end(operation_id, at_once=True)
            use = self.ledger.key_use(asked.actor, asked.key)
            if use and use.answer:
                return use.answer
            raise OperationRefused(Refusal(RefusalKind.REFUSED_BY_STORE, str(error))) from error

    def _carry_out(
        self, operation_id: UUID, title: FoundTitle, seen: Sequence[SeenEntry], *, again: bool = False
    ) -> OperationDone:
        """Writes a pending operation, or with `again` what of it is missing, and closes it."""
        lines = self.ledger.of_operation(operation_id)
        made: str | None = None
        after = {each.entry.location_id: each for each in seen}
        moved = again
        for line, before, step in _steps(lines, seen):
            match step:
                case LevelChange() if again:
                    self._finish_level(line, title, before, step)
                case LevelChange():
                    after[line.location_id] = self._books.write(line, title, before, step)
                case NewReservation():
                    made, moved = self._hold(operation_id, line, before.entry, step), True
                case ReservationChange():
                    moved = True
                    if not again or _quantity_held(before.entry, step.id) > step.after:
                        self.shelves.change_hold(step)
        if moved:
            after = {place: self.shelves.read(title, place) for place in after}
        return self._close(operation_id, lines, [after[line.location_id].entry for line in lines], made)

    def _hold(self, operation_id: UUID, line: LedgerLine, entry: StockEntry, step: NewReservation) -> str:
        try:
            made = self.shelves.hold(entry, step, str(operation_id), line.reference)
        except OperationRefused:
            self.ledger.take_back(operation_id, "Medusa had too few copies left.")
            raise
        # A request that was repeated may be done twice, the second time after we look.
        self.ledger.note_write(line.shelf, None)
        return made

    def _close(
        self, operation_id: UUID, lines: Sequence[LedgerLine], after: Sequence[StockEntry], made: str | None
    ) -> OperationDone:
        before = [_before(line, entry) for line, entry in zip(lines, after, strict=True)]
        ids = tuple(line.id for line in lines)
        target = (before[1], after[1]) if len(lines) > 1 else (None, None)
        answer = OperationDone(before[0], after[0], ids, made, *target)
        steps = [step for line in lines for step in line.planned()]
        ended = [step.id for step in steps if isinstance(step, ReservationChange) and step.after == 0]
        self.ledger.close_operation(operation_id, answer, _held_for(lines[0], steps, made), ended)
        return answer

    def _end(self, operation_id: UUID, *, at_once: bool = False) -> str:
        """Finishes an operation that broke off, or takes it back where nothing of it arrived.

        Args:
            at_once: Medusa answered, so that nothing of it can still be on its way.
        """
        lines = self.ledger.of_operation(operation_id)
        if not any(line.state == "pending" for line in lines):
            return "ended before"
        age = (self.ledger.now() - lines[-1].at).total_seconds()
        if not at_once and age < _ON_ITS_WAY:
            self.sleep(_ON_ITS_WAY - age)
        title = self._title_of(lines[0].shelf, lines[0].isbn)
        seen = [self.shelves.read(title, line.location_id) for line in lines]
        if self._began(operation_id, lines, seen):
            self._carry_out(operation_id, title, seen, again=True)
            return "finished"
        self.ledger.take_back(operation_id, "It broke off before anything of it reached Medusa.")
        for line, each in zip(lines, seen, strict=True):
            self.ledger.note_write(line.shelf, each.level_at)
        return "taken back"

    def _began(self, operation_id: UUID, lines: Sequence[LedgerLine], seen: Sequence[SeenEntry]) -> bool:
        """Whether any step of an operation reached Medusa, or it has none."""
        steps = list(_steps(lines, seen))
        for line, before, step in steps:
            match step:
                case LevelChange():
                    if self._level_arrived(line, before.entry, step):
                        return True
                case NewReservation():
                    if self.shelves.made_by(before.entry, str(operation_id)):
                        return True
                case ReservationChange():
                    if _quantity_held(before.entry, step.id) <= step.after:
                        return True
        return not steps

    def _level_arrived(self, line: LedgerLine, entry: StockEntry, step: LevelChange) -> bool:
        if step.before is None or step.after is None:
            return (entry.level_id is None) == (step.after is None)
        _, effects = self._books.unentered(line.shelf)
        # What can't be told was changed by a hand since: it is entered as that, and the step did not come.
        return arrived(line.quantity_before, line.quantity_after, entry.quantity, effects) is True

    def _finish_level(
        self, line: LedgerLine, title: FoundTitle, before: SeenEntry, step: LevelChange
    ) -> None:
        """A level changes by as much as was meant, from what it is by now."""
        if not self._level_arrived(line, before.entry, step):
            copies = before.entry.quantity
            was = None if before.entry.level_id is None else copies
            right = None if step.after is None else copies + line.delta
            self.shelves.write_level(before.entry, LevelChange(step.location_id, was, right))
        if step.after is not None:
            self._books.wrote(line, title, self.shelves.read(title, line.location_id))

    def _look_again(self, shelf: Shelf, isbn: str) -> None:
        """Finds what came to light late: an order that met our write, a request that Medusa did late."""
        self._books.settled(self._title_of(shelf, isbn), shelf[1], scan=True)
        marked = self.shelves.marked(shelf)
        states = self.ledger.states(marked)
        for mark, ids in marked.items():
            for extra in ids if states.get(mark) == "taken_back" else ids[1:]:
                log.warning("%s: the reservation %s was made twice, or late: it is freed.", isbn, extra)
                self.shelves.free(extra)
        self.ledger.seen_again(shelf)

    def _title_of(self, shelf: Shelf, isbn: str) -> FoundTitle:
        """A title as an entry of it is known: what broke off is ended even where its variant is gone."""
        try:
            allow_backorder = self.shelves.find_title(isbn).allow_backorder
        except OperationRefused:
            allow_backorder = False
        return FoundTitle(isbn, shelf[0], allow_backorder, is_unlimited=not shelf[0])


def _steps(
    lines: Sequence[LedgerLine], seen: Sequence[SeenEntry]
) -> Iterator[tuple[LedgerLine, SeenEntry, Step]]:
    """The steps of an operation in their order, each with its line and the entry that it is of."""
    for line, each in zip(lines, seen, strict=True):
        for step in line.planned():
            yield line, each, step


def _quantity_held(entry: StockEntry, reservation_id: str) -> int:
    return sum(one.quantity for one in entry.reservations if one.id == reservation_id)


def _names(shelves: Iterable[Shelf]) -> list[str]:
    return [f"entry {item_id} {location_id}" for item_id, location_id in shelves]


@contextmanager
def _left_for_later(what: str, left: list[str]) -> Iterator[None]:
    """What can't be ended now is left for the next sweep, holds up nothing else, and is added to `left`."""
    try:
        yield
    except JournalLost:
        raise
    except IngramError as error:
        log.warning("The %s is left for later: %s", what, error)
        left.append(f"The {what}: {error}")


def _fingerprint(operation: Operation, given: list[Any]) -> str:
    """What tells one request from another under the same key."""
    told = {"operation": operation_name(operation), "of": operation, "given": given}
    return hashlib.sha256(_REQUEST.dump_json(told)).hexdigest()


def _line(asked: _Asked, entry: StockEntry, decision: Decision) -> NewLine:
    """The line of an operation for one of its entries, with the steps that are the entry's."""
    # Reservations change at the first entry alone, and only a transfer has two.
    steps = tuple(
        each
        for each in decision.steps
        if not isinstance(each, LevelChange) or each.location_id == entry.location_id
    )
    quantity, reserved = entry.quantity, entry.reserved
    for step in steps:
        match step:
            case LevelChange(after=after):
                quantity = after or 0
            case NewReservation(quantity=copies):
                reserved += copies
            case ReservationChange(before=held, after=kept):
                reserved -= held - kept
    operation, about = asked.operation, asked.about
    reason = about.reason or (operation.reason if isinstance(operation, SetQuantity | Adjust) else None)
    return NewLine(
        *(entry.isbn, entry.item_id, entry.location_id, operation_name(operation), asked.actor),
        *(entry.quantity, quantity, entry.reserved, reserved),
        *(reason, about.note, about.reference),
        undoes=asked.undoes,
        steps=steps,
    )


def _before(line: LedgerLine, after: StockEntry) -> StockEntry:
    """The entry as it was before an operation, as its line has it. Its reservations are not told."""
    made = any(isinstance(step, LevelChange) and step.before is None for step in line.planned())
    return replace(
        after,
        level_id=None if made else after.level_id,
        quantity=line.quantity_before,
        reserved=line.reserved_before,
        reservations=(),
    )


def _held_for(line: LedgerLine, steps: Iterable[Step], made: str | None) -> HeldFor | None:
    """The reservation that an operation made."""
    for step in steps:
        if isinstance(step, NewReservation) and made:
            return HeldFor(made, line.isbn, line.location_id, step.owner, line.reference, step.expires_at)
    return None
