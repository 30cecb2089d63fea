"""Who may send a request, and when: slots and pace that all processes of the machine share by file locks.

A process that is killed loses its locks with its life.
"""

import fcntl
import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ingram_assets.sources.ipage.access.cancellation import Cancellation
from ingram_assets.sources.ipage.access.limits import Limits, next_gap

_POLL = (0.002, 0.006)
"""Seconds between two looks at the slots while another run holds them all."""


class Slots:
    """`concurrency` file locks: who holds one may have one request in flight.

    The threads of one process queue up for them in memory; between processes it is the locks that count.
    Held for one request each, so that a short run gets its share of a long one's slots.
    """

    def __init__(self, folder: Path, concurrency: int, canceled: Cancellation) -> None:
        self._files = [folder / f"slot-{number}" for number in range(concurrency)]
        self._threads = threading.Semaphore(concurrency)
        self._waiting = folder / "waiting"
        self._canceled = canceled

    @contextmanager
    def one(self, at_most: Callable[[], int | None]) -> Iterator[None]:
        """A slot, once one is free, for the block. `at_most()` narrows the slots to the first so many."""
        while not self._threads.acquire(timeout=0.25):
            self._canceled.raise_if_set()
        try:
            slot = self._take(at_most)
            try:
                yield
            finally:
                os.close(slot)
        finally:
            self._threads.release()

    def _take(self, at_most: Callable[[], int | None]) -> int:
        if not self._someone_waits() and (slot := self._try(at_most())) is not None:
            return slot
        # Whoever waits says so by a shared lock, and who has just had a slot then queues up behind:
        # otherwise the run that is in possession would take each slot again before the other one looks.
        with opened(self._waiting) as waiting:
            fcntl.flock(waiting, fcntl.LOCK_SH)
            while True:
                self._canceled.sleep(random.uniform(*_POLL))
                if (slot := self._try(at_most())) is not None:
                    return slot

    def _try(self, at_most: int | None) -> int | None:
        """An open file with the lock on it, of the first that is free; to close it gives the slot back."""
        for path in self._files[:at_most]:
            slot = _open(path)
            if _lock_now(slot):
                return slot
            os.close(slot)
        return None

    def _someone_waits(self) -> bool:
        with opened(self._waiting) as probe:
            return not _lock_now(probe)


class RateState:
    """When the next request may start. One small file: next start, last start, gap.

    Times are the machine's monotonic clock, which all its processes share; a value that can't be (after a
    restart of the machine) starts anew.
    """

    _CREDIT = 2
    """Starts that a run may catch up on after the site held it up, so that jitter costs no throughput."""
    _STALE = 120.0

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        self._limits = limits

    def reserve(self) -> float:
        """Takes the next start; the seconds until it."""
        now = time.monotonic()
        with locked(self._path) as file:
            due, last, gap = self._read(file, now)
            due = max(due, now - self._CREDIT * gap)
            start = max(now, due, last + self._limits.min_gap)
            _write(file, due + gap * random.uniform(0.5, 1.5), start, gap)
        return start - now

    def follow(self, latency: float, answered: bool) -> None:
        """Sets the gap by an answer's latency."""
        with locked(self._path) as file:
            due, last, gap = self._read(file, time.monotonic())
            _write(file, due, last, next_gap(gap, latency, answered, self._limits))

    def _read(self, file: int, now: float) -> tuple[float, float, float]:
        try:
            due, last, gap = map(float, json.loads(os.pread(file, 1_000, 0)))
        except (ValueError, TypeError):
            return 0.0, 0.0, self._limits.min_gap
        # After a night, yesterday's slowness says nothing.
        if abs(last - now) < self._STALE and self._limits.min_gap <= gap <= self._limits.max_gap:
            return due, last, gap
        return 0.0, 0.0, self._limits.min_gap


def _write(file: int, *times: float) -> None:
    data = json.dumps(times).encode()
    os.pwrite(file, data, 0)
    os.ftruncate(file, len(data))


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """The file, made if it is not there, until the block ends; with it goes the lock on it."""
    file = _open(path)
    try:
        yield file
    finally:
        os.close(file)


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """The file, locked for the block against every other thread and process."""
    with opened(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _lock_now(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
