"""What people look up in the journal's database: quick or not at all, and never in the way of a write."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import psycopg
from psycopg.rows import class_row

from ingram_assets.postgres import takes_writes
from ingram_assets.store.inventory.ledger import LedgerLine
from ingram_assets.store.journal import Entry, HeldTitle, InStep, read_held, read_in_step
from ingram_assets.store.journal_connections import JournalPool
from ingram_assets.store.observe_mode import ModeSetting, Outlook, StoreMode, read_mode, read_outlook

T = TypeVar("T")

_CONNECTIONS = 3
_SECONDS = 4.0
"""So long a look may wait for a connection, and take."""

_UNDONE_BY = """
    (SELECT min(back.id) FROM inventory_ledger AS back
     WHERE back.undoes = line.operation_id AND back.state <> 'taken_back') AS undone_by
"""


@dataclass(frozen=True, slots=True)
class RunChanges:
    """How many changes of a run there are in the journal, by what became of them; and of how many titles."""

    run_id: str
    titles: int
    written: int
    failed: int
    pending: int


@dataclass(frozen=True, slots=True)
class FailedRequest:
    """A request that Medusa refused or did not answer (`status` is `None`)."""

    id: int
    run_id: str
    method: str
    path: str
    status: int | None
    body: str
    at: datetime


@dataclass(frozen=True, slots=True)
class WantedLines:
    """Which lines of the inventory ledger are wanted; `None`: whatever it is.

    Attributes:
        operation: by its name in the ledger: set, adjust, …
        actor: a part of who asked for it, in any case.
    """

    isbn: str | None = None
    location_id: str | None = None
    operation: str | None = None
    reason: str | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class JournalViews(JournalPool):
    """Looks at the journal and the inventory's ledger. It may be shared by threads.

    Raises:
        NeedsPerson: the address is malformed, or its role may not use the database.
        JournalLost: the database is gone, or too slow. From any method.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url, _CONNECTIONS, wait_seconds=_SECONDS, consequence="See that PostgreSQL is up.")

    def of_runs(self, run_ids: Collection[str]) -> dict[str, RunChanges]:
        """What each of these runs changed; one that wrote nothing is missing."""
        query = """
            SELECT run_id, count(DISTINCT isbn) AS titles,
                count(*) FILTER (WHERE outcome = 'written') AS written,
                count(*) FILTER (WHERE outcome = 'failed') AS failed,
                count(*) FILTER (WHERE outcome = 'pending') AS pending
            FROM store_change WHERE run_id = ANY(%s) GROUP BY run_id
        """
        return {each.run_id: each for each in self._rows(RunChanges, query, [list(run_ids)])}

    def asked_by(self, run_id: str) -> str | None:
        """The person who asked for a run; `None`: none did, or it was before the journal kept it."""
        query = "SELECT asked_by FROM store_run WHERE run_id = %s"
        with self._hasty() as connection:
            row = connection.execute(query.encode(), [run_id]).fetchone()
        return str(row[0]) if row else None

    def changes(
        self, run_id: str, limit: int, *, after: int = 0, isbn: str | None = None, failed: bool = False
    ) -> list[Entry]:
        """Changes of a run in the order in which they were written.

        Args:
            after: those behind the one with this id.
            isbn: of this title alone; `failed`: those alone that did not arrive.
        """
        query = """
            SELECT * FROM store_change WHERE run_id = %s AND id > %s AND (%s::text IS NULL OR isbn = %s)
                AND (NOT %s OR outcome <> 'written')
            ORDER BY id LIMIT %s
        """
        return self._rows(Entry, query, [run_id, after, isbn, isbn, failed, limit])

    def failed_requests(
        self,
        limit: int,
        *,
        run_id: str | None = None,
        words: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        before: int | None = None,
    ) -> list[FailedRequest]:
        """Requests to Medusa that failed, newest first.

        Args:
            run_id: of this run alone.
            words: whose path or answer has these words, in any case.
            before: older than the one with this id.
        """
        query = """
            SELECT * FROM store_failed_request
            WHERE (%(run)s::text IS NULL OR run_id = %(run)s)
                AND (%(before)s::bigint IS NULL OR id < %(before)s)
                AND (%(words)s::text IS NULL OR strpos(lower(path || ' ' || body), %(words)s) > 0)
                AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
                AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
            ORDER BY id DESC LIMIT %(limit)s
        """
        values = {"run": run_id, "before": before, "words": words and words.lower(), "limit": limit}
        return self._rows(FailedRequest, query, values | {"since": since, "until": until})

    def ledger(self, wanted: WantedLines, limit: int, *, before: int | None = None) -> list[LedgerLine]:
        """Lines of the inventory's ledger, newest first; `before`: older than the one with this id."""
        query = f"""
            SELECT *, {_UNDONE_BY} FROM inventory_ledger AS line
            WHERE (%(before)s::bigint IS NULL OR id < %(before)s)
                AND (%(isbn)s::text IS NULL OR isbn = %(isbn)s)
                AND (%(place)s::text IS NULL OR location_id = %(place)s)
                AND (%(operation)s::text IS NULL OR operation = %(operation)s)
                AND (%(reason)s::text IS NULL OR reason = %(reason)s)
                AND (%(actor)s::text IS NULL OR strpos(lower(actor_kind || ' ' || actor_name), %(actor)s) > 0)
                AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
                AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
            ORDER BY id DESC LIMIT %(limit)s
        """
        values = {
            "before": before,
            "isbn": wanted.isbn,
            "place": wanted.location_id,
            "operation": wanted.operation,
            "reason": wanted.reason,
            "actor": wanted.actor and wanted.actor.lower(),
            "since": wanted.since,
            "until": wanted.until,
            "limit": limit,
        }
        return self._rows(LedgerLine, query, values)

    def line(self, id: int) -> LedgerLine | None:
        """One line of the ledger; `None`: there is none with this number."""
        query = f"SELECT *, {_UNDONE_BY} FROM inventory_ledger AS line WHERE id = %s"
        found = self._rows(LedgerLine, query, [id])
        return found[0] if found else None

    def history(self, isbn: str, limit: int) -> list[Entry]:
        """The last changes of one title, oldest first."""
        query = "SELECT * FROM store_change WHERE isbn = %s ORDER BY id DESC LIMIT %s"
        return self._rows(Entry, query, [isbn, limit])[::-1]

    def in_step(self) -> dict[str, InStep]:
        """ISBN to what the store was last told of it; as `Journal.in_step`."""
        with self._hasty() as connection:
            return read_in_step(connection)

    def held(self) -> list[HeldTitle]:
        """The titles that wait behind guardrails; as `Journal.held`."""
        with self._hasty() as connection:
            return read_held(connection)

    def takes_writes(self) -> bool:
        """Whether the database does. Raises, as all methods, where its tables can't even be read."""
        with self._hasty() as connection:
            read_mode(connection, None)
            return takes_writes(connection)

    def mode(self, setting: ModeSetting) -> StoreMode:
        """Whether what is planned is written to the store; as `Journal.mode`."""
        with self._hasty() as connection:
            return read_mode(connection, setting)

    def outlook(self, mode: StoreMode) -> Outlook | None:
        """What a push would do, where nothing is written; as `Journal.outlook`."""
        with self._hasty() as connection:
            return read_outlook(connection, mode)

    def _rows(self, of: type[T], query: str, values: Sequence[Any] | dict[str, Any]) -> list[T]:
        with self._hasty() as connection, connection.cursor(row_factory=class_row(of)) as cursor:
            return cursor.execute(query.encode(), values).fetchall()

    @contextmanager
    def _hasty(self) -> Iterator[psycopg.Connection]:
        # Of the transaction, so that a pooler can't hand it to somebody else.
        limit = f"SET LOCAL statement_timeout = {int(_SECONDS * 1000)}"
        with self._connection() as connection, connection.transaction():
            connection.execute(limit.encode())
            yield connection
