"""The lock of the one run that may be at work on the store: who has it, and for how long.

Two pushes at once would make a product twice, and an undo would put back what a push has just read. Dagster's
queue keeps them apart, but a command without `ingram up` starts its run beside it, and so does one on another
machine. The lock is a transaction's, on a connection of its own: it goes when the run dies, and a pooler
cannot hand it to somebody else.

Who has it says every few seconds that it lives. Who said nothing for a minute is frozen, or its machine is
gone: the next run ends its session and goes on. So a run looks before each write whether it has the lock yet:
one that awakes, or was cut off for a while, writes nothing more.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg

from ingram_assets.store.journal_connections import RUN_AGAIN, JournalLost, journal_failures

SPEAK_SECONDS = 5.0
FROZEN_AFTER = 60.0
"""Seconds. The same as for runs and workers (`runtime/advisory_locks.py`)."""

_LOCK = 0x1A6A4D5B
_AT_WORK = "ingram writes to the store: "
"""Before a run's id; PostgreSQL keeps 63 bytes of such a name."""
_LOOK_AGAIN_SECONDS = 0.3
_END_SESSIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = %s AND datname = current_database()
"""
_HOLDER = """
    SELECT application_name, state_change < clock_timestamp() - make_interval(secs => %s)
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
        AND classid::bigint = 0 AND objid::bigint = %s
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class StoreHold:
    """The right of one run to write to the store, as long as its connection lasts."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def see(self) -> None:
        """Look whether it is ours yet, and say that this run lives.

        Raises:
            JournalLost: it is not; another run may be at work on the store by now.
        """
        try:
            self._connection.execute("SELECT 1")
        except psycopg.Error as error:
            raise JournalLost(
                "The journal database of STOREFRONT_DB_URL ended this run's right to write to the store "
                f"({type(error).__name__}): another run may be at work there. Nothing more is sent to the "
                "store. What is left is brought there by the next push."
            ) from None


@contextmanager
def holding_store(
    connection: psycopg.Connection, run_id: str, waiting: Callable[[str], None]
) -> Iterator[StoreHold]:
    """Wait until no other run is at work on the store, and hold off others until the block ends.

    Args:
        connection: for this alone, in autocommit.
        run_id: by which others know who is at work.
        waiting: called with the id of each run that there is to wait for; "": it can't be told.

    Raises:
        JournalLost: the database is gone.
    """
    told: str | None = None
    with journal_failures(RUN_AGAIN):
        while not _takes_lock(connection, run_id):
            if (other := _holder_that_lives(connection)) != told:
                told = other
                waiting(other)
            time.sleep(_LOOK_AGAIN_SECONDS)
    left = threading.Event()

    def speak() -> None:
        with suppress(psycopg.Error):  # The run itself finds out, before its next write.
            while not left.wait(SPEAK_SECONDS):
                connection.execute("SELECT 1")

    thread = threading.Thread(target=speak, name="store-hold", daemon=True)
    thread.start()
    try:
        yield StoreHold(connection)
    finally:
        left.set()
        thread.join(SPEAK_SECONDS)


def name_session(connection: psycopg.Connection, run_id: str) -> None:
    """Names a session after the run at work on the store, until its transaction ends."""
    connection.execute("SELECT set_config('application_name', %s, true)", [f"{_AT_WORK}{run_id}"])


def _takes_lock(connection: psycopg.Connection, run_id: str) -> bool:
    """Begins a transaction that holds the lock of the one run; where another run has it, ends it again."""
    connection.execute("BEGIN")
    name_session(connection, run_id)
    if connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK]).fetchone() == (True,):
        return True
    connection.execute("ROLLBACK")
    return False


def _holder_that_lives(connection: psycopg.Connection) -> str:
    """The id of the run at work on the store; "": it has just ended, or a pooler hides it.

    The sessions of one that is frozen are ended: that of this lock, and those that hold its entries.
    """
    found = connection.execute(_HOLDER, [FROZEN_AFTER, _LOCK]).fetchone()
    if found is None:
        return ""
    name, is_silent = found
    if not (name or "").startswith(_AT_WORK):
        return ""
    if is_silent:
        connection.execute(_END_SESSIONS, [name])
    return str(name).removeprefix(_AT_WORK)
