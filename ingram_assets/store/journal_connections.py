"""Connections to the journal's database, for all that keeps tables there; their failures in words."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import psycopg

from ingram_assets.domain.addresses import MalformedAddress, database_address
from ingram_assets.domain.failures import IngramError, NeedsPerson, Transient
from ingram_assets.postgres import broken_off_after, takes_no_writes
from ingram_assets.store.journal_schema import ensure_tables

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

log = logging.getLogger(__name__)

CONNECT_SECONDS = 20
"""So long a server may take to answer a new connection."""
RUN_AGAIN = "Nothing more is sent to the store. Run it again once it is back."
"""What becomes of a run at work on the store when the journal's database goes away."""


class JournalLost(Transient):
    """The journal database went away in the middle of the work, or takes no writes any more."""


def journal_address(url: str) -> str:
    """The address as the driver takes it. Raises NeedsPerson: it is malformed."""
    try:
        return database_address(url)
    except MalformedAddress as error:
        raise NeedsPerson(f"STOREFRONT_DB_URL is malformed: {error}.") from None


class JournalPool:
    """Up to so many connections for threads, none opened before it is needed; use it as a context manager.

    Args:
        wait_seconds: so long a connection is waited for, and the answer to a single statement.

    Raises:
        NeedsPerson: the address is malformed, or its role may not use the database.
        JournalLost: the database is gone. From any method.
    """

    def __init__(
        self,
        url: str,
        connections: int,
        *,
        wait_seconds: float,
        consequence: str,
        connect_seconds: int = CONNECT_SECONDS,
    ) -> None:
        self._wait_seconds, self._consequence = wait_seconds, consequence
        self._connect_seconds = connect_seconds
        self._address, self._connections = journal_address(url), connections
        with journal_failures(consequence):
            with psycopg.connect(
                self._address, autocommit=True, connect_timeout=connect_seconds
            ) as connection:
                ensure_tables(connection, self._address)
            self._pool = self._open()

    def _open(self, *, autocommit: bool = True) -> "ConnectionPool":
        from psycopg_pool import ConnectionPool  # Most of what opens the journal needs no pool.

        return ConnectionPool(
            self._address,
            min_size=0,
            max_size=self._connections,
            num_workers=1,
            open=True,
            kwargs={"autocommit": autocommit, "connect_timeout": self._connect_seconds},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._pool.close()

    @contextmanager
    def _connection(self, pool: "ConnectionPool | None" = None) -> Iterator[psycopg.Connection]:
        with (
            journal_failures(self._consequence),
            (pool or self._pool).connection(self._wait_seconds) as connection,
        ):
            yield connection

    def _run(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._connection() as connection, broken_off_after(connection, self._wait_seconds):
            result = connection.execute(statement.encode(), values)
            return result.fetchall() if result.description else []

    def _note(self, statement: str, values: Sequence[Any] = ()) -> None:
        """Enters what may as well be lost: who only looks does not fail since that can't be noted."""
        try:
            self._run(statement, values)
        except IngramError as error:
            log.warning("Not noted: %s", error)


@contextmanager
def journal_failures(consequence: str) -> Iterator[None]:
    """The failures of connections as ours.

    Args:
        consequence: a sentence on what becomes of the work, and what to do once the database is back.

    Raises:
        JournalLost: the database is gone, or all connections stay taken, or it takes no writes.
        NeedsPerson: its role may not do it.
    """
    try:
        yield
    except psycopg.OperationalError as error:  # A pool's timeout is one, too.
        raise JournalLost(
            f"The journal database of STOREFRONT_DB_URL went away ({type(error).__name__}). {consequence}"
        ) from error
    except psycopg.errors.ReadOnlySqlTransaction as error:
        told = takes_no_writes("STOREFRONT_DB_URL")
        raise JournalLost(f"The journal database {told} {consequence}") from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise NeedsPerson(
            "The journal's role may not make or write its tables: let the role of STOREFRONT_DB_URL own its "
            "database."
        ) from error
