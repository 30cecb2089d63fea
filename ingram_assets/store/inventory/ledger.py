"""The ledger of inventory operations in the journal's database: lines, keys, reservations, and locks."""

import json
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from pydantic import TypeAdapter

from ingram_assets.domain.failures import Transient
from ingram_assets.domain.position import Fulfillment, Returned
from ingram_assets.store.inventory.model import Actor, NewReservation, OperationDone, Step
from ingram_assets.store.journal_connections import JournalPool
from ingram_assets.store.one_run import name_session

State = Literal["pending", "done", "taken_back"]

Shelf = tuple[str, str]
"""An entry's address: inventory item's id, location's id."""

_ASK_AGAIN = "What was begun is finished or taken back once it is there again: ask again with the same key."

_STEPS: TypeAdapter[tuple[Step, ...]] = TypeAdapter(tuple[Step, ...])
_DONE: TypeAdapter[OperationDone] = TypeAdapter(OperationDone)
_LOOK_AGAIN_SECONDS = 0.1


class EntryBusy(Transient):
    """Another operation was at work on the entry for longer than one may wait."""


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line to enter. Quantities are copies; `delta` is the quantity's."""

    isbn: str
    item_id: str
    location_id: str
    operation: str
    actor: Actor
    quantity_before: int
    quantity_after: int
    reserved_before: int
    reserved_after: int
    reason: str | None = None
    note: str | None = None
    reference: str | None = None
    effect: str | None = None
    undoes: UUID | None = None
    steps: tuple[Step, ...] = ()

    @property
    def shelf(self) -> Shelf:
        """The entry's address."""
        return self.item_id, self.location_id


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """A line as it stands. Pending: whether its steps reached Medusa is not known yet.

    Attributes:
        undone_by: the line that took it back; known of lines that `JournalViews` reads alone.
    """

    id: int
    operation_id: UUID
    isbn: str
    item_id: str
    location_id: str
    operation: str
    actor_kind: str
    actor_name: str
    quantity_before: int
    quantity_after: int
    reserved_before: int
    reserved_after: int
    delta: int
    reason: str | None
    note: str | None
    reference: str | None
    idempotency_key: str | None
    effect: str | None
    undoes: UUID | None
    steps: Any
    state: State
    detail: str | None
    at: datetime
    closed_at: datetime | None
    undone_by: int | None = None

    @property
    def shelf(self) -> Shelf:
        """The entry's address."""
        return self.item_id, self.location_id

    @property
    def actor(self) -> Actor:
        """Who asked for it."""
        return Actor(self.actor_kind, self.actor_name)  # type: ignore[arg-type]

    def planned(self) -> tuple[Step, ...]:
        """What is written to Medusa for it, in order."""
        return _STEPS.validate_python(self.steps)

    @property
    def moves(self) -> str:
        """What it changed, in words: "12 → 10, held 0 → 2"; empty if nothing."""
        copies = f"{self.quantity_before} → {self.quantity_after}" if self.delta else ""
        is_held = self.reserved_before != self.reserved_after
        held = f"held {self.reserved_before} → {self.reserved_after}" if is_held else ""
        return ", ".join(filter(None, (copies, held)))

    @property
    def why(self) -> str:
        """Why, and for whom, in words; empty if nothing was told. An order is who, and no reason beside."""
        made = [step for step in self.planned() if isinstance(step, NewReservation)]
        held = [(step.owner and f"for {step.owner}", until_words(step.expires_at)) for step in made]
        words = (" ".join(filter(None, each)) for each in held)
        reference = None if self.reference == self.actor_name else self.reference
        told = (self.reason, *words, self.note, reference, self.detail)
        return "; ".join(filter(None, told)).removesuffix(".")


def until_words(expires_at: datetime | None) -> str:
    """When a reservation ends, in words; empty if it has no end."""
    return f"until {expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if expires_at else ""


@dataclass(frozen=True, slots=True)
class KeyUse:
    """What became of an idempotency key. `answer` is `None` while its request is not finished."""

    request: str
    operation_id: UUID
    answer: OperationDone | None


@dataclass(frozen=True, slots=True)
class EntryRecord:
    """What the ledger knows of an entry.

    Attributes:
        quantity: the sum of its lines.
        opened_at: when its first line was entered. What came before is in that line.
        scanned_at: when orders were last asked about.
        written_at: Medusa's time of our last write, while it waits for a second look.
    """

    quantity: int
    opened_at: datetime
    scanned_at: datetime
    written_at: datetime | None


@dataclass(frozen=True, slots=True)
class HeldFor:
    """A reservation of ours: whose, what for, and until when."""

    reservation_id: str
    isbn: str
    location_id: str
    owner: str | None
    reference: str | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class NotedReturn:
    """Copies that came back to Ingram's location. `isbn`: as the order's line has it; "": it has none."""

    item_id: str
    order_id: str
    isbn: str
    received: Returned

    @property
    def key(self) -> str:
        """The idempotency key of the operation that puts them on the shop's own shelf."""
        return f"{self.received.id} {self.item_id}"


class StockLedger(JournalPool):
    """The ledger. It may be shared by threads.

    Args:
        run_id: of the run that has the store's lock: who ends its session ends those of its entries, too.
    """

    def __init__(
        self, url: str, *, connections: int = 8, wait_seconds: float = 30.0, run_id: str | None = None
    ) -> None:
        self._run_id = run_id
        super().__init__(url, connections, wait_seconds=wait_seconds, consequence=_ASK_AGAIN)
        # Two pools: an operation that holds a lock must not wait for one that waits for the lock.
        self._lock_pool = self._open(autocommit=False)

    def close(self) -> None:
        """Closes the connections."""
        self._lock_pool.close()
        super().close()

    @contextmanager
    def locks(self) -> Iterator["Locks"]:
        """Locks of one caller, which end with the block, or with the process.

        They are a transaction's, so that a pooler can't hand them to somebody else.
        """
        with self._connection(self._lock_pool) as connection:
            limit = f"SET LOCAL lock_timeout = {int(self._wait_seconds * 1000)}"
            try:
                connection.execute(limit.encode())
                if self._run_id:
                    name_session(connection, self._run_id)
                yield Locks(connection)
            finally:
                connection.rollback()

    def key_use(self, actor: Actor, key: str) -> KeyUse | None:
        """What the key was used for; `None`: nothing yet."""
        query = "SELECT request, operation_id, answer FROM inventory_key WHERE actor = %s AND key = %s"
        for request, operation_id, answer in self._run(query, [str(actor), key]):
            return KeyUse(request, operation_id, None if answer is None else _DONE.validate_python(answer))
        return None

    def begin(
        self, operation_id: UUID, lines: Sequence[NewLine], actor: Actor, key: str, request: str
    ) -> tuple[int, ...]:
        """Enters an operation's lines as pending, and that the key is used for it. Returns their ids."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO inventory_key (actor, key, request, operation_id) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (actor, key) DO UPDATE SET request = excluded.request,"
                " operation_id = excluded.operation_id, answer = NULL, at = clock_timestamp()",
                [str(actor), key, request, operation_id],
            )
            return tuple(_enter(connection, operation_id, each, "pending", key) for each in lines)

    def record(self, operation_id: UUID, lines: Iterable[NewLine]) -> None:
        """Enters what others did: lines that are done already. An order's effect is entered once."""
        with self._transaction() as connection:
            for each in lines:
                _enter(connection, operation_id, each, "done", None)

    def close_operation(
        self, operation_id: UUID, answer: OperationDone, held: HeldFor | None, ended: Collection[str]
    ) -> None:
        """Closes the lines of an operation that was written, with its answer for whoever asks again.

        Args:
            held: the reservation that it made.
            ended: ids of the reservations that it ended.
        """
        reserved = {
            each.location_id: each.reserved
            for each in (answer.after, answer.target_after)
            if each is not None
        }
        with self._transaction() as connection:
            connection.execute(
                "UPDATE inventory_ledger SET state = 'done', closed_at = clock_timestamp(),"
                " reserved_after = coalesce((%s::jsonb ->> location_id)::bigint, reserved_after)"
                " WHERE operation_id = %s AND state = 'pending'",
                [json.dumps(reserved), operation_id],
            )
            connection.execute(
                "UPDATE inventory_key SET answer = %s::jsonb WHERE operation_id = %s",
                [_DONE.dump_json(answer).decode(), operation_id],
            )
            if held:
                connection.execute(
                    "INSERT INTO inventory_reservation (reservation_id, operation_id, isbn, item_id,"
                    " location_id, owner, reference, expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
                    " ON CONFLICT DO NOTHING",
                    [
                        *(held.reservation_id, operation_id, held.isbn, answer.after.item_id),
                        *(held.location_id, held.owner, held.reference, held.expires_at),
                    ],
                )
            connection.execute(_END, [list(ended)])

    def take_back(self, operation_id: UUID, why: str) -> None:
        """Closes the lines of an operation that changed nothing; its key is free again."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE inventory_ledger SET state = 'taken_back', detail = %s, closed_at = clock_timestamp()"
                " WHERE operation_id = %s AND state = 'pending'",
                [why, operation_id],
            )
            key = "DELETE FROM inventory_key WHERE operation_id = %s AND answer IS NULL"
            connection.execute(key, [operation_id])

    def pending(self, shelves: Collection[Shelf] | None = None) -> list[LedgerLine]:
        """Lines whose operation broke off, oldest first: with all lines of each; of all entries, or these."""
        chosen = None if shelves is None else _addresses(shelves)
        return self._lines(
            "operation_id IN (SELECT operation_id FROM inventory_ledger WHERE state = 'pending' AND"
            " (%s::text[] IS NULL OR item_id || ' ' || location_id = ANY(%s::text[])))"
            " AND state = 'pending' ORDER BY id",
            chosen,
            chosen,
        )

    def lines(self, isbn: str, limit: int = 1_000) -> list[LedgerLine]:
        """The newest lines of a title at all its locations, oldest first."""
        return self._lines("isbn = %s ORDER BY id DESC LIMIT %s", isbn, limit)[::-1]

    def shelves_of(self, isbn: str) -> list[Shelf]:
        """The entries of a title that have a book."""
        query = "SELECT item_id, location_id FROM inventory_entry WHERE isbn = %s ORDER BY location_id"
        return self._run(query, [isbn])

    def of_operation(self, operation_id: UUID) -> list[LedgerLine]:
        """The lines of one operation."""
        return self._lines("operation_id = %s ORDER BY id", operation_id)

    def book(self, shelf: Shelf) -> EntryRecord | None:
        """What the ledger knows of an entry; `None`: it has no line of it yet."""
        rows = self._run(
            """
            SELECT coalesce((
                SELECT sum(delta) FROM inventory_ledger AS line
                WHERE line.item_id = entry.item_id AND line.location_id = entry.location_id AND state = 'done'
            ), 0)::bigint, opened_at, scanned_at, written_at
            FROM inventory_entry AS entry WHERE item_id = %s AND location_id = %s
            """,
            shelf,
        )
        return EntryRecord(*rows[0]) if rows else None

    def books(self) -> dict[Shelf, tuple[str, int]]:
        """Every entry that has a line, to its ISBN and the copies of all its lines: one read of all lines."""
        rows = self._run(
            """
            SELECT entry.item_id, entry.location_id, entry.isbn, coalesce(lines.copies, 0)::bigint
            FROM inventory_entry AS entry LEFT JOIN (
                SELECT item_id, location_id, sum(delta) AS copies FROM inventory_ledger
                WHERE state = 'done' GROUP BY item_id, location_id
            ) AS lines USING (item_id, location_id)
            """
        )
        return {(item_id, place): (isbn, copies) for item_id, place, isbn, copies in rows}

    def due(self, now: datetime, *, broken_off: float, unseen: float) -> list[str]:
        """What a sweep has to do, each as a text that names it and never comes again once it is done.

        Args:
            broken_off: seconds after which an operation that is pending counts as broken off.
            unseen: seconds after a write by when its second look is due.
        """
        rows = self._run(
            """
            SELECT DISTINCT 'operation ' || operation_id FROM inventory_ledger
                WHERE state = 'pending' AND at <= clock_timestamp() - make_interval(secs => %s)
            UNION ALL SELECT 'reservation ' || reservation_id FROM inventory_reservation
                WHERE ended_at IS NULL AND expires_at <= %s
            UNION ALL SELECT 'entry ' || item_id || ' ' || location_id || ' ' || unseen_since::text
                FROM inventory_entry WHERE unseen_since <= clock_timestamp() - make_interval(secs => %s)
            """,
            [broken_off, now, unseen],
        )
        return sorted(row[0] for row in rows)

    def entered_since(self, at: datetime) -> dict[str, int]:
        """How many lines were entered since a time, by operation."""
        counts = "SELECT operation, count(*) FROM inventory_ledger WHERE at >= %s GROUP BY 1"
        return dict(self._run(counts, [at]))

    def moved_between(self, since: datetime, until: datetime, besides: Collection[str]) -> list[str]:
        """ISBNs of lines that were done after `since`, by `until`; none at the locations `besides`."""
        rows = self._run(
            "SELECT DISTINCT isbn FROM inventory_ledger WHERE state = 'done'"
            " AND coalesce(closed_at, at) > %s AND coalesce(closed_at, at) <= %s AND location_id <> ALL(%s)",
            [since, until, list(besides)],
        )
        return sorted(isbn for (isbn,) in rows)

    def operation_called(self, called: str) -> UUID | None:
        """The operation with this id, or that a line with this number is of; `None`: there is none."""
        called = called.strip()
        number = int(called) if called.isascii() and called.isdecimal() and len(called) < 19 else -1
        rows = self._run(
            "SELECT operation_id FROM inventory_ledger WHERE id = %s OR operation_id::text = %s LIMIT 1",
            [number, called.lower()],
        )
        return rows[0][0] if rows else None

    def undone_by(self, operation_id: UUID) -> UUID | None:
        """The operation that undid this one; `None`: none did."""
        rows = self._run(
            "SELECT operation_id FROM inventory_ledger WHERE undoes = %s AND state <> 'taken_back' LIMIT 1",
            [operation_id],
        )
        return rows[0][0] if rows else None

    def held_for(self, operation_id: UUID, ids: Collection[str]) -> list[HeldFor]:
        """Reservations that an operation made, and those with these ids, ended or not; oldest first."""
        mine = "operation_id = %s OR reservation_id = ANY(%s::text[]) ORDER BY at"
        return self._held(mine, operation_id, list(ids))

    def note_scan(self, shelf: Shelf, isbn: str, at: datetime) -> None:
        """Orders were asked about, as of `at`."""
        self._run(
            "INSERT INTO inventory_entry (item_id, location_id, isbn, opened_at, scanned_at)"
            " VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (item_id, location_id) DO UPDATE SET scanned_at = excluded.scanned_at",
            [*shelf, isbn, at, at],
        )

    def note_write(self, shelf: Shelf, at: datetime | None) -> None:
        """We wrote its level, at Medusa's time `at`, or a reservation: it waits for a second look."""
        self._run(
            "UPDATE inventory_entry SET written_at = coalesce(%s, written_at),"
            " unseen_since = clock_timestamp() WHERE item_id = %s AND location_id = %s",
            [at, *shelf],
        )

    def seen_again(self, shelf: Shelf) -> None:
        """Nothing that met our last write can still come to light."""
        self._run(
            "UPDATE inventory_entry SET written_at = NULL, unseen_since = NULL"
            " WHERE item_id = %s AND location_id = %s",
            shelf,
        )

    def unseen(self, seconds: float) -> list[tuple[Shelf, str]]:
        """Entries, with their ISBN, whose level we wrote at least so long ago, and not looked at since."""
        rows = self._run(
            "SELECT item_id, location_id, isbn FROM inventory_entry"
            " WHERE unseen_since <= clock_timestamp() - make_interval(secs => %s) ORDER BY unseen_since",
            [seconds],
        )
        return [((item_id, location_id), isbn) for item_id, location_id, isbn in rows]

    def states(self, operations: Collection[str]) -> dict[str, str]:
        """State of each of these operations that the ledger has."""
        query = (
            "SELECT operation_id::text, min(state) FROM inventory_ledger"
            " WHERE operation_id::text = ANY(%s::text[]) GROUP BY operation_id"
        )
        return dict(self._run(query, [list(operations)]))

    def fulfillments(self, location_id: str, since: Mapping[str, datetime]) -> dict[str, list[Fulfillment]]:
        """Copies that operations fulfilled at a location without an order, as far back as is asked for.

        One that is pending counts: of what may have left, nothing is sold.

        Args:
            since: inventory item's id to the time from which they matter.

        Returns:
            Item id to its fulfillments. Items without any are missing.
        """
        if not since:
            return {}
        rows = self._run(
            """
            SELECT line.item_id, -line.delta, line.at, back.at
            FROM inventory_ledger AS line LEFT JOIN inventory_ledger AS back
                ON back.undoes = line.operation_id AND back.item_id = line.item_id AND back.state = 'done'
            WHERE line.item_id = ANY(%s::text[]) AND line.location_id = %s
                AND line.operation = 'fulfill' AND line.state <> 'taken_back'
                AND greatest(line.at, back.at) >= %s
            ORDER BY line.id
            """,
            [list(since), location_id, min(since.values())],
        )
        found: dict[str, list[Fulfillment]] = {}
        for item_id, copies, at, undone_at in rows:
            found.setdefault(item_id, []).append(Fulfillment(copies, at, at, undone_at))
        return found

    def follow_returns(self) -> tuple[datetime, datetime]:
        """Since when returns are followed, from now on if they were not; and until when orders were seen."""
        self._run("INSERT INTO store_returns_followed DEFAULT VALUES ON CONFLICT (one) DO NOTHING")
        ((since, seen_until),) = self._run("SELECT since, seen_until FROM store_returns_followed")
        return since, seen_until

    def leave_returns(self) -> None:
        """Returns are followed no more; what waited to be moved is forgotten."""
        self._run("WITH ended AS (DELETE FROM store_returns_followed) DELETE FROM store_return")

    def note_returns(self, found: Iterable[NotedReturn], seen_until: datetime) -> None:
        """Enters what came back, each once, and until when orders were seen."""
        with self._transaction() as connection:
            for each in found:
                one = each.received
                connection.execute(
                    "INSERT INTO store_return (item_id, order_id, isbn, received_id, line_id, copies,"
                    " received_at, order_number) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
                    " ON CONFLICT DO NOTHING",
                    [
                        *(each.item_id, each.order_id, each.isbn, one.id, one.line),
                        *(int(one.quantity), one.received_at, one.order),
                    ],
                )
            connection.execute("UPDATE store_returns_followed SET seen_until = %s", [seen_until])

    def waiting_returns(self, items: Collection[str] | None = None) -> list[NotedReturn]:
        """What came back, of these inventory items or of all, and was not moved yet, in its order."""
        rows = self._run(
            """
            SELECT item_id, order_id, isbn, received_id, line_id, copies, received_at, order_number
            FROM store_return AS back
            WHERE (%s::text[] IS NULL OR item_id = ANY(%s::text[])) AND NOT EXISTS (
                SELECT FROM inventory_ledger AS line
                WHERE line.actor_name = 'returns' AND line.state = 'done'
                    AND line.idempotency_key = back.received_id || ' ' || back.item_id
            ) ORDER BY received_at, received_id
            """,
            [None if items is None else list(items)] * 2,
        )
        return [
            NotedReturn(item_id, order_id, isbn, Returned(*received))
            for item_id, order_id, isbn, *received in rows
        ]

    def worked_on(self, shelves: Collection[Shelf], since: datetime) -> set[Shelf]:
        """Those of the entries at which an operation began or ended since a time, or is pending."""
        rows = self._run(
            "SELECT DISTINCT item_id, location_id FROM inventory_ledger"
            " WHERE item_id || ' ' || location_id = ANY(%s::text[])"
            " AND (state = 'pending' OR at >= %s OR closed_at >= %s) AND actor_kind <> 'sync'",
            [_addresses(shelves), since, since],
        )
        return set(rows)

    def opened(self, shelves: Collection[Shelf]) -> set[Shelf]:
        """Those of the entries of which the ledger has lines."""
        rows = self._run(
            "SELECT item_id, location_id FROM inventory_entry"
            " WHERE item_id || ' ' || location_id = ANY(%s::text[])",
            [_addresses(shelves)],
        )
        return set(rows)

    def entered(self, shelf: Shelf, effects: Iterable[str]) -> set[str]:
        """Those of orders' effects that the ledger has for an entry."""
        rows = self._run(
            "SELECT effect FROM inventory_ledger"
            " WHERE item_id = %s AND location_id = %s AND effect = ANY(%s::text[])",
            [*shelf, list(effects)],
        )
        return {row[0] for row in rows}

    def expired(self, now: datetime) -> list[HeldFor]:
        """Reservations whose time has come, those longest over first."""
        return self._held("ended_at IS NULL AND expires_at <= %s ORDER BY expires_at", now)

    def _held(self, where: str, *values: Any) -> list[HeldFor]:
        columns = "reservation_id, isbn, location_id, owner, reference, expires_at"
        rows = self._run(f"SELECT {columns} FROM inventory_reservation WHERE {where}", values)
        return [HeldFor(*row) for row in rows]

    def end_reservations(self, ids: Collection[str]) -> None:
        """Enters that reservations are over."""
        self._run(_END, [list(ids)])

    def forget_keys(self, before: datetime) -> int:
        """Drops the answers that were given before a time. Returns how many."""
        old = "DELETE FROM inventory_key WHERE at < %s AND answer IS NOT NULL RETURNING 1"
        return len(self._run(old, [before]))

    def now(self) -> datetime:
        """The database's time."""
        moment: datetime = self._run("SELECT clock_timestamp()")[0][0]
        return moment

    def _lines(self, where: str, *values: Any) -> list[LedgerLine]:
        query = f"SELECT * FROM inventory_ledger WHERE {where}"
        with (
            self._connection() as connection,
            connection.cursor(row_factory=class_row(LedgerLine)) as cursor,
        ):
            return cursor.execute(query.encode(), values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection]:
        with self._connection() as connection, connection.transaction():
            yield connection


class Locks:
    """Names that one caller has for itself."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    @contextmanager
    def hold(self, names: Iterable[str]) -> Iterator[None]:
        """Holds names until the block ends. All take them in one order, so that no two wait for each other.

        Raises:
            EntryBusy: they were not free in time.
        """
        with self._connection.transaction(force_rollback=True):
            try:
                for name in sorted(set(names)):
                    self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 3))", [name])
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                raise EntryBusy(
                    "Other operations are at work on this entry, and it took too long to wait for them: "
                    "nothing was changed. Ask again with the same key."
                ) from None
            yield

    @contextmanager
    def take(self, names: Collection[str], seconds: float) -> Iterator[set[str]]:
        """Holds until the block ends those names that come free in time, and yields them.

        It waits for none while it holds others, so that no two callers wait for each other.
        """
        taken: set[str] = set()
        until = time.monotonic() + seconds
        with self._connection.transaction(force_rollback=True):
            while True:
                rows = self._connection.execute(
                    "SELECT name FROM unnest(%s::text[]) AS name"
                    " WHERE pg_try_advisory_xact_lock(hashtextextended(name, 3))",
                    [sorted(set(names) - taken)],
                ).fetchall()
                taken |= {name for (name,) in rows}
                if len(taken) == len(set(names)) or time.monotonic() >= until:
                    break
                time.sleep(_LOOK_AGAIN_SECONDS)
            yield taken


def _addresses(shelves: Iterable[Shelf]) -> list[str]:
    return [f"{item_id} {location_id}" for item_id, location_id in shelves]


_END = (
    "UPDATE inventory_reservation SET ended_at = clock_timestamp()"
    " WHERE reservation_id = ANY(%s::text[]) AND ended_at IS NULL"
)


def _enter(
    connection: psycopg.Connection, operation_id: UUID, line: NewLine, state: State, key: str | None
) -> int:
    """The id of the line; 0 where it is an order's effect that was entered before."""
    row = connection.execute(
        """
        INSERT INTO inventory_ledger (
            operation_id, isbn, item_id, location_id, operation, actor_kind, actor_name,
            quantity_before, quantity_after, reserved_before, reserved_after, delta,
            reason, note, reference, idempotency_key, effect, undoes, steps, state, closed_at
        ) VALUES (
            %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s,
            CASE WHEN %s THEN clock_timestamp() END
        ) ON CONFLICT (item_id, location_id, effect) DO NOTHING RETURNING id
        """,
        [
            *(operation_id, line.isbn, line.item_id, line.location_id, line.operation),
            *(line.actor.kind, line.actor.name, line.quantity_before, line.quantity_after),
            *(line.reserved_before, line.reserved_after, line.quantity_after - line.quantity_before),
            *(line.reason, line.note, line.reference, key, line.effect, line.undoes),
            *(_STEPS.dump_json(line.steps).decode(), state, state == "done"),
        ],
    ).fetchone()
    return row[0] if row else 0
