"""How many runs the workers of a code location take at a time, on all machines.

Each worker holds a lock in Dagster's PostgreSQL for each run that it takes at a time: its places, which go
with its process. Dagster's queue counts them, and sends no more runs than that. What is sent while all are
taken would count as starting, and fail after two minutes as one that nobody takes.
"""

import logging
import threading
import time
from collections.abc import Collection

import psycopg

from ingram_assets.runtime.advisory_locks import HeldLocks, connected, count_held, lock_number

log = logging.getLogger(__name__)

MOST = 64
"""Places that are counted of a location."""
_LOOK_SECONDS = 5.0


class WorkerPlaces:
    """A worker's own, held from `hold` to `leave` by a thread, which takes again what was lost."""

    def __init__(self, database: str, location: str, runs: int) -> None:
        self._locks = HeldLocks(database, f"ingram worker of {location}")
        self._places, self._runs = _places_of(location), runs
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
                if not self._locks.are_there():
                    self._locks.take(self._places, self._runs)
            except psycopg.Error as error:
                log.warning("A worker can't ask Dagster's database (%s).", type(error).__name__)
            if self._left.wait(_LOOK_SECONDS):
                break
        self._locks.leave()


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
                with connected(self._database, "ingram queue of runs") as connection:
                    self._counted = {name: count_held(connection, _places_of(name)) for name in locations}
            except psycopg.Error:
                self._counted = {}
        return self._counted


def _places_of(location: str) -> list[int]:
    return [lock_number(f"worker of {location}, place {number}") for number in range(MOST)]
