"""A session at the queue database that all threads of a process share. What it locks vanishes with it."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import psycopg

from ingram_assets.domain.failures import Transient
from ingram_assets.postgres import Server, break_off, failure

log = logging.getLogger(__name__)
T = TypeVar("T")

_SECONDS = 20.0
"""So long a statement may last; a server that says nothing at all is given up a little later."""


class Coordinator:
    """One connection, opened when it is first needed, made anew when it is lost. Thread-safe.

    Its locks are of the session (advisory ones), so a pooler between it and the server has to leave a session
    its own ("session pooling").

    Args:
        url: of the queue's writer role.

    Raises, from every method:
        Transient: the database can't be reached, was lost twice, or took too long. Names the host.
        NeedsPerson: it refused the sign-in, or is not migrated.
    """

    def __init__(self, url: str) -> None:
        self._server = Server(url)
        self._mutex = threading.RLock()
        self._connection: psycopg.Connection | None = None
        self._closed = threading.Event()
        self._until: float | None = None  # When the statement under way is given up (monotonic).
        self._held: dict[str, psycopg.Connection | None] = {}

    def __repr__(self) -> str:
        return f"Coordinator({self._server.name})"

    def close(self) -> None:
        """Ends the session, and with it all that it locked. Once more is harmless."""
        with self._mutex:
            self._closed.set()
            self._drop()

    def rows(self, doing: str, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one statement. `doing` completes "could not …" in a message."""
        return self.run(doing, lambda connection: connection.execute(query.encode(), values).fetchall())

    def write(self, doing: str, query: str, values: Sequence[Any] = ()) -> None:
        """One statement without rows."""
        self.run(doing, lambda connection: connection.execute(query.encode(), values))

    def run(self, doing: str, work: Callable[[psycopg.Connection], T]) -> T:
        """Does `work` on the connection, once more on a new one if that was lost.

        So `work` has to leave the same behind when it is done twice. Each statement is a transaction, but for
        those in `connection.transaction()`.
        """
        with self._mutex:
            try:
                return self._once(work)
            except psycopg.OperationalError as error:
                if isinstance(error, psycopg.errors.QueryCanceled) or self._connection is None:
                    raise failure(error, self._server, doing) from None
                log.warning("Lost %s while about to %s; trying once more.", self._server.name, doing)
                self._drop()
            except psycopg.Error as error:
                raise failure(error, self._server, doing) from None
            try:
                return self._once(work)
            except psycopg.Error as error:
                raise failure(error, self._server, doing) from None

    def take(self, name: str) -> bool:
        """Takes the lock of this name for the process, if nobody has it: no thread, no run, no machine."""
        with self._mutex:
            if name in self._held:
                return False
            query = "SELECT pg_try_advisory_lock(scraper.lock_key(%s))"
            ((taken,),) = self.rows(f"take the lock {name}", query, [name])
            if taken:
                self.note_held(name)
            return bool(taken)

    def holds(self, name: str) -> bool:
        """Whether a lock that was taken is still this session's. Asks, so that a loss is seen."""
        with self._mutex:
            self.rows(f"see whether the lock {name} holds", "SELECT 1")
            return self._held.get(name) is self._connection

    def give_back(self, name: str) -> None:
        """Gives a lock back. It raises nothing: what a lost session held is free."""
        with self._mutex:
            of = self._held.pop(name, None)
            if of is None or of is not self._connection:
                return
            try:
                query = "SELECT pg_advisory_unlock(scraper.lock_key(%s))"
                self._once(lambda each: each.execute(query, [name]))
            except (psycopg.Error, Transient):
                self._drop()  # With the session its locks are gone, this one among them.

    def note_held(self, name: str) -> None:
        """Remembers a lock that a statement of the caller's took in this session."""
        with self._mutex:
            self._held[name] = self._connection

    def held(self, prefix: str) -> list[str]:
        """Names of the locks that this process has, or had when a session was lost and has not given back."""
        with self._mutex:
            return [name for name in self._held if name.startswith(prefix)]

    def alone(self) -> threading.RLock:
        """Held by who takes locks in statements of its own, until it has noted them."""
        return self._mutex

    def _once(self, work: Callable[[psycopg.Connection], T]) -> T:
        if self._closed.is_set():
            raise Transient("The run ends: nothing is asked any more of what runs share.")
        connection = self._connection
        if connection is None or connection.closed:
            connection = self._connection = self._server.connect()
            connection.autocommit = True
            connection.prepare_threshold = None  # A pooler may hand out another session.
            connection.execute(f"SET statement_timeout = {int(_SECONDS * 1000)}")
            threading.Thread(target=self._watch, args=[connection], daemon=True).start()
        self._until = time.monotonic() + 2 * _SECONDS
        try:
            return work(connection)
        finally:
            self._until = None

    def _watch(self, connection: psycopg.Connection) -> None:
        """Breaks off a connection whose other side says nothing any more.

        A thread of its own, since a timer for each statement takes longer than most of them.
        """
        while not self._closed.wait(1.0) and connection is self._connection:
            if (until := self._until) is not None and time.monotonic() > until:
                break_off(connection)
                return

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
