"""Locks of Dagster's PostgreSQL by which machines know of each other's processes.

A lock goes with the process that has it: PostgreSQL ends it at once where the process was killed, and within
half a minute where its machine is gone. Whoever has one says every few seconds that it lives.
"""

import contextlib
import hashlib
from collections.abc import Sequence
from typing import Any

import psycopg

SPOKEN_WITHIN = 60.0
"""Seconds. Who holds a lock and said nothing for longer is frozen, as on a machine that was put to sleep."""
_CONNECT: dict[str, Any] = {
    "connect_timeout": 10,
    **{"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000},
}
_GONE_MACHINES_SESSION_ENDS = """
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;
    SET idle_session_timeout = 0
"""
_HELD = """
    SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (classid::bigint << 32) | objid::bigint = ANY (%s)
        AND coalesce(state_change > clock_timestamp() - make_interval(secs => %s), TRUE)
"""


def lock_number(called: str) -> int:
    """A name's number among PostgreSQL's advisory locks; the first of its 64 bits is unset."""
    return int.from_bytes(hashlib.sha256(f"ingram {called}".encode()).digest()[:8], "big") >> 1


def connected(database: str, application: str) -> psycopg.Connection:
    """A connection that ends soon after the machine at its other end is gone.

    Raises:
        psycopg.Error: the database does not answer.
    """
    return psycopg.connect(database, autocommit=True, application_name=application, **_CONNECT)


def count_held(connection: psycopg.Connection, locks: Sequence[int]) -> int:
    """How many of these locks somebody has who is not frozen."""
    row = connection.execute(_HELD, [list(locks), SPOKEN_WITHIN]).fetchone()
    return int(row[0]) if row else 0


class HeldLocks:
    """Locks that this process has, on a connection of their own.

    Args:
        application: what PostgreSQL's administrator reads of the connection.
    """

    def __init__(self, database: str, application: str) -> None:
        self._database, self._application = database, application
        self._connection: psycopg.Connection | None = None

    def take(self, locks: Sequence[int], most: int = 1) -> int:
        """Connect anew and take as many of them as are free, up to `most`; how many. It waits for nobody.

        Raises:
            psycopg.Error: the database does not answer.
        """
        self.leave()
        self._connection = connected(self._database, self._application)
        self._connection.execute(_GONE_MACHINES_SESSION_ENDS)
        taken = 0
        for lock in locks:
            query = "SELECT pg_try_advisory_lock(%s)"
            if taken < most and self._connection.execute(query, [lock]).fetchone() == (True,):
                taken += 1
        return taken

    def are_there(self) -> bool:
        """Say that this process lives; `False`: the connection is gone, and the locks with it."""
        try:
            if self._connection is not None and not self._connection.closed:
                self._connection.execute("SELECT 1")
                return True
        except psycopg.Error:
            self.leave()
        return False

    def leave(self) -> None:
        """Give them back."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
