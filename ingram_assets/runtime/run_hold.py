"""What a run at work on a worker holds in Dagster's PostgreSQL: a lock, for as long as its process lives.

Whoever has the lock does the run, so that no run is done twice, however often its message is delivered. And
anyone who asks is told whether a run is still at work, whatever becomes of the broker that carried it.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ingram_assets.runtime.advisory_locks import HeldLocks, connected, count_held, lock_number

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""How often a run looks whether it still has the lock, and whether somebody stopped it."""
TAKEN_AGAIN_WITHIN = 10.0
"""A lock that went with its connection, as when PostgreSQL is started anew, is taken again in less."""
KILLED_AFTER = 60.0
"""A run that was told to end, and is over for everybody else, ends by force."""


def is_held(database: str, run_id: str, *, patience: float | None = None) -> bool:
    """Whether a process has the run; one that lost its connection just now has a while for it.

    Raises:
        psycopg.Error: the database does not answer: nothing is known.
    """
    until = time.monotonic() + (TAKEN_AGAIN_WITHIN if patience is None else patience)
    with connected(database, "ingram run") as connection:
        while True:
            if count_held(connection, [_lock_of(run_id)]):
                return True
            if time.monotonic() >= until:
                return False
            time.sleep(0.5)


@contextmanager
def holding(
    database: str, run_id: str, is_stopped: Callable[[], bool], is_over: Callable[[], bool]
) -> Iterator[bool]:
    """Holds the run within the block, if nobody else does: whether it is held.

    Who has it looks whether it was stopped, and is then interrupted as by Ctrl-C.

    Args:
        is_stopped: whether somebody asked the run to stop.
        is_over: whether it ended, for all that others know.
    """
    hold = _Hold(database, run_id, is_stopped, is_over)
    is_ours = hold.take()
    try:
        if is_ours:
            hold.thread.start()
        yield is_ours
    finally:
        hold.leave()


class _Hold:
    def __init__(
        self, database: str, run_id: str, is_stopped: Callable[[], bool], is_over: Callable[[], bool]
    ) -> None:
        self._locks, self._lock = HeldLocks(database, "ingram run"), _lock_of(run_id)
        self._is_stopped, self._is_over = is_stopped, is_over
        self._left = threading.Event()
        self._over_since: float | None = None
        self._told = False
        self.thread = threading.Thread(target=self._keep, name="run-hold", daemon=True)

    def take(self) -> bool:
        """Whether the lock is ours now. It waits for nobody."""
        return bool(self._locks.take([self._lock]))

    def leave(self) -> None:
        """Gives it back."""
        self._left.set()
        if self.thread.is_alive():
            self.thread.join(LOOK_SECONDS * 5)
        self._locks.leave()

    def _keep(self) -> None:
        while not self._left.wait(LOOK_SECONDS):
            try:
                self._look()
            except Exception as error:  # Of two drivers. What is away now is asked again.
                log.warning("A run can't ask Dagster's database (%s).", type(error).__name__)

    def _look(self) -> None:
        if not self._locks.are_there() and not self.take():
            self._locks.leave()  # The server has not seen yet that the old connection is gone.
        if self._is_stopped():
            self._interrupt()
        self._end_what_is_over()

    def _end_what_is_over(self) -> None:
        """Ends a run that others take for dead, and begin anew: two would do the same work.

        One that has just come to its own end is let be.
        """
        now = time.monotonic()
        if not self._is_over():
            self._over_since = None
            return
        self._over_since = self._over_since or now
        if now - self._over_since > KILLED_AFTER:
            os.kill(os.getpid(), signal.SIGKILL)
        elif now - self._over_since > TAKEN_AGAIN_WITHIN:
            self._interrupt()

    def _interrupt(self) -> None:
        if not self._told:
            self._told = True
            os.kill(os.getpid(), signal.SIGTERM)


def _lock_of(run_id: str) -> int:
    return lock_number(f"run {run_id}")
