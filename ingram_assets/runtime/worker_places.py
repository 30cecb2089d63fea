"""How many runs the workers of a code location take at a time, on all machines.

Each worker holds a lock in Dagster's PostgreSQL for each run that it takes at a time: its places, which go
with its process. Dagster's queue counts them, and sends no more runs than that. What is sent while all are
taken would count as starting, and fail after two minutes as one that nobody takes.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Collection

import psycopg

from ingram_assets.runtime.run_hold import CONNECT, GONE_MACHINES_SESSION_ENDS, count_held, lock_number

log = logging.getLogger(__name__)

MOST = 64
"""Places that are counted of a location."""
_LOOK_SECONDS = 5.0


class WorkerPlaces:
    """A worker's own, held from `hold` to `leave` by a thread, which takes again what was lost."""

    def __init__(self, database: str, location: str, runs: int) -> None:
        self._database, self._location, self._runs = database, location, runs
        self._connection: psycopg.Connection | None = None
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="worker-places", daemon=True)

    def hold(self) -> None:
        """Begin."""
        self._thread.start()

    def leave(self) -> None:
        """It takes no more runs."""
        self._left.set()

    def _keep(self) -> None:
        while True:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = self._take()
                self._connection.execute("SELECT 1")
            except psycopg.Error as error:
                log.warning("A worker can't ask Dagster's database (%s).", type(error).__name__)
                self._close()
            if self._left.wait(_LOOK_SECONDS):
                break
        self._close()

    def _take(self) -> psycopg.Connection:
        name = {"application_name": f"ingram worker of {self._location}"}
        connection = psycopg.connect(self._database, autocommit=True, **(CONNECT | name))
        connection.execute(GONE_MACHINES_SESSION_ENDS)
        missing = self._runs
        for key in _keys(self._location):
            if missing and connection.execute("SELECT pg_try_advisory_lock(%s)", [key]).fetchone() == (True,):
                missing -= 1
        return connection

    def _close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()


class PlaceCount:
    """Counts the places of locations, every few seconds at most."""

    def __init__(self, database: str) -> None:
        self._database = database
        self._counted: dict[str, int] = {}
        self._next = 0.0

    def of(self, locations: Collection[str]) -> dict[str, int]:
        """Each location's places; of none where the database does not answer: nothing is known then."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _LOOK_SECONDS
            try:
                with psycopg.connect(self._database, autocommit=True, **CONNECT) as connection:
                    self._counted = {name: count_held(connection, _keys(name)) for name in locations}
            except psycopg.Error:
                self._counted = {}
        return self._counted


def _keys(location: str) -> list[int]:
    return [lock_number(f"worker of {location}, place {number}") for number in range(MOST)]
