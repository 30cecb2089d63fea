"""Who may send a request, and when: slots and pace that all processes of the machine share by file locks.

`flock` itself, not a library on it: it costs a microsecond, and this is done for every request. A process
that is killed loses its locks with its life.
"""

import fcntl
import os
import random
import struct
import threading
import time
import weakref
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
        self._fds = [_open_for(self, folder / f"slot-{number}") for number in range(concurrency)]
        self._free = set(range(concurrency))
        self._taken = 0
        self._mutex = threading.Lock()
        self._released = threading.Condition(self._mutex)
        self._waiting = folder / "waiting"
        self._probe = _open_for(self, self._waiting)
        self._canceled = canceled

    def acquire(self, at_most: Callable[[], int | None]) -> int:
        """The number of a slot, once one is free. `at_most()` narrows the slots to the first so many.

        Raises:
            Canceled: the caller closed the site.
        """
        with self._released:
            while self._taken >= len(self._fds):
                self._canceled.raise_if_set()
                self._released.wait(0.25)
            self._taken += 1
        try:
            return self._acquire_from_others(at_most)
        except BaseException:
            self._give_back(None)
            raise

    def _acquire_from_others(self, at_most: Callable[[], int | None]) -> int:
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

    def release(self, slot: int) -> None:
        fcntl.flock(self._fds[slot], fcntl.LOCK_UN)
        self._give_back(slot)

    def _give_back(self, slot: int | None) -> None:
        with self._released:
            self._taken -= 1
            if slot is not None:
                self._free.add(slot)
            self._released.notify()

    def _try(self, at_most: int | None) -> int | None:
        with self._mutex:
            for slot in self._free:
                if at_most is not None and slot >= at_most:
                    continue
                if _lock_now(self._fds[slot]):
                    self._free.remove(slot)
                    return slot
        return None

    def _someone_waits(self) -> bool:
        with self._mutex:
            if _lock_now(self._probe):
                fcntl.flock(self._probe, fcntl.LOCK_UN)
                return False
        return True


class RateState:
    """When the next request may start. One small file: next start, last start, gap (doubles).

    Times are the machine's monotonic clock, which all its processes share; a value that can't be (after a
    restart of the machine) starts anew.
    """

    _FORM = struct.Struct("3d")
    _CREDIT = 2
    """Starts that a run may catch up on after the site held it up, so that jitter costs no throughput."""
    _STALE = 120.0

    def __init__(self, path: Path, limits: Limits) -> None:
        self._fd = _open_for(self, path)
        self._limits = limits
        self._mutex = threading.Lock()

    def reserve(self) -> float:
        """Takes the next start; the seconds until it."""
        now = time.monotonic()
        with self._locked():
            due, last, gap = self._read(now)
            due = max(due, now - self._CREDIT * gap)
            start = max(now, due, last + self._limits.min_gap)
            self._write(due + gap * random.uniform(0.5, 1.5), start, gap)
        return start - now

    def follow(self, latency: float, answered: bool) -> None:
        """Sets the gap by an answer's latency."""
        with self._locked():
            due, last, gap = self._read(time.monotonic())
            self._write(due, last, next_gap(gap, latency, answered, self._limits))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._mutex:  # flock is per file descriptor: it does not part the threads of one process
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _read(self, now: float) -> tuple[float, float, float]:
        data = os.pread(self._fd, self._FORM.size, 0)
        if len(data) == self._FORM.size:
            due, last, gap = self._FORM.unpack(data)
            # After a night, yesterday's slowness says nothing.
            if abs(last - now) < self._STALE and self._limits.min_gap <= gap <= self._limits.max_gap:
                return due, last, gap
        return 0.0, 0.0, self._limits.min_gap

    def _write(self, due: float, last: float, gap: float) -> None:
        os.pwrite(self._fd, self._FORM.pack(due, last, gap), 0)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _open_for(owner: object, path: Path) -> int:
    """A file open as long as its owner is in use: a worker that ends late must not lock another's file."""
    fd = _open(path)
    weakref.finalize(owner, os.close, fd)
    return fd


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """The file, made if it is not there, until the block ends; with it goes the lock on it."""
    fd = _open(path)
    try:
        yield fd
    finally:
        os.close(fd)


def _lock_now(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
