"""How often the site is asked: one limit, one pace and one breaker for all runs of a machine.

Their state is files in a folder that every process of the machine shares, so that two runs together are no
less polite than one. A process that is killed loses its file locks with its life: its slots are free again.
"""

import fcntl
import json
import logging
import os
import random
import statistics
import struct
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingram_assets.domain.failures import Transient
from ingram_assets.ipage.page_failures import Blocked

log = logging.getLogger(__name__)

_POLL = (0.002, 0.006)
"""Seconds between two looks at the slots while another run holds them all."""


_HEADROOM = 1.25
"""How much shorter than latency over concurrency the gap between two starts is."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How polite to be. Seconds, unless said otherwise.

    Attributes:
        concurrency: requests in flight at once, over all processes of the machine.
        min_gap: between the starts of two requests, however fast the site answers.
        max_gap: the most the pace may slow down to.
        pauses: how long the breaker stays open the first time, the second, …; the last one repeats.
        max_trips: so many blocks end the run.
        longest_wait: a run does not sit out a longer pause; it gives up, and the breaker stays open. One that
            begins while the breaker is open waits for the first of `pauses` at most.
        max_pause: the most a `Retry-After` of the site can ask for.
        forget_after: so long without a block, and the next pause is the first one again.
        max_failures_in_a_row: so many failures of the site, none answered between, and it counts as down.
    """

    concurrency: int = 8
    min_gap: float = 0.002
    max_gap: float = 10.0
    pauses: tuple[float, ...] = (30.0, 120.0, 600.0, 1800.0, 3600.0)
    max_trips: int = 3
    longest_wait: float = 900.0
    max_pause: float = 6 * 3600.0
    forget_after: float = 6 * 3600.0
    max_failures_in_a_row: int = 24


class Cancelled(Transient):
    """The caller closed the site in the middle of its work."""


@dataclass(frozen=True, slots=True)
class _Breaker:
    """Times are seconds since 1970, since they are read by other processes and after a restart.

    `trips` only ever counts up; `level` is how many came without a long quiet time between; `proven` says
    that the site has answered well since the last trip.
    """

    open_until: float = 0.0
    tripped_at: float = 0.0
    trips: int = 0
    level: int = 0
    proven: bool = True
    reason: str = ""


def breaker_open_until(state_dir: Path) -> datetime | None:
    """Until when (UTC) the site is left alone after a block; `None`: it may be asked. Reads a small file."""
    until = _read_breaker(_folder(state_dir) / "breaker.json").open_until
    return datetime.fromtimestamp(until, UTC) if until > time.time() else None


def _folder(state_dir: Path) -> Path:
    return Path(state_dir) / "politeness"


def next_gap(gap: float, latency: float, answered: bool, limits: Limits) -> float:
    """The pace after an answer: half-way from the old gap to the one that keeps `concurrency` in flight.

    The arithmetic of Scrapy's AutoThrottle: the target gap is latency over concurrency (a little less, since
    otherwise jitter would leave slots empty), and an answer that is no page (an error is often quick) can
    only slow down.

    Args:
        gap: mean seconds between the starts of two requests so far.
        latency: seconds from sending the request to the answer's headers.
        answered: whether the answer was what was asked for.
    """
    wanted = (gap + latency / (_HEADROOM * limits.concurrency)) / 2
    if not answered:
        wanted = max(gap, wanted)
    return min(max(wanted, limits.min_gap), limits.max_gap)


def pause_after(level: int, retry_after: float | None, limits: Limits) -> float:
    """Seconds the site is left alone at the `level`-th block in a row (from 1)."""
    own = limits.pauses[min(level, len(limits.pauses)) - 1]
    return min(max(own, retry_after or 0.0), limits.max_pause)


class Politeness:
    """A run's share of the machine's limit. Thread-safe.

    Args:
        state_dir: the folder that all runs of the machine share.
        cancelled: set by the caller to end every wait at once.
    """

    def __init__(self, state_dir: Path, limits: Limits, cancelled: threading.Event) -> None:
        folder = _folder(state_dir)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.limits = limits
        self._cancelled = cancelled
        self._slots = _Slots(folder, limits.concurrency, cancelled)
        self._pace = _Pace(folder / "pace", limits)
        self._breaker = _BreakerFile(folder, limits)
        self._trips_before = self._breaker.read().trips
        self._failures_in_a_row = 0
        self._last_failure = ""
        self._latencies: deque[float] = deque(maxlen=10_000)
        self._waited = 0.0
        self._announced = 0.0
        self._mutex = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[float]:
        """Waits until a request may be sent, and holds its slot for the block; yields when (s since 1970).

        Raises:
            Blocked: the breaker tripped too often in this run, or stays open longer than a run waits.
            Transient: the site failed too often in a row: it is down.
            Cancelled: the caller closed the site.
        """
        while True:
            self._wait_while_open()
            slot = self._slots.acquire(lambda: 1 if not self._breaker.read().proven else None)
            try:
                # The breaker may have tripped while this thread waited: then nothing more is sent. The time
                # is taken first, so that a trip right after the look is told from one by this request.
                if self._sleep(self._pace.reserve()):
                    sent_at = time.time()
                    if self.open_until() is None and self.given_up() is None:
                        yield sent_at
                        return
            finally:
                self._slots.release(slot)

    def open_until(self) -> float | None:
        """The time (seconds since 1970) until which nothing is sent; `None`: it may be sent."""
        until = self._breaker.read().open_until
        return until if until > time.time() else None

    @property
    def trips(self) -> int:
        """Blocks since this run began, whichever process of the machine met them."""
        return self._breaker.read().trips - self._trips_before

    def given_up(self) -> Blocked | Transient | None:
        """The error that ends this run, if it has come to that."""
        breaker = self._breaker.read()
        if self._failures_in_a_row >= self.limits.max_failures_in_a_row:
            return Transient(
                f"{self._failures_in_a_row} answers in a row could not be used, so this run stopped asking; "
                f"look at iPage in a browser, and run again. The last one: {self._last_failure}"
            )
        wait = breaker.open_until - time.time()
        if wait <= 0:
            return None
        trips = breaker.trips - self._trips_before
        # A run that finds the breaker open does not sit there: the scheduler, or a person, comes again.
        patience = self.limits.longest_wait if trips else self.limits.pauses[0]
        if trips < self.limits.max_trips and wait <= patience:
            return None
        times = "once" if trips == 1 else f"{trips} times"
        how_often = f"blocked this run {times}" if trips else "blocked an earlier run"
        return Blocked(
            f"The site {how_often} ({breaker.reason}); it is left alone until {_clock(breaker.open_until)}: "
            "run again after that."
        )

    def measured(self, latency: float) -> None:
        """An answer's headers came after `latency` seconds: for the figures of the run."""
        self._latencies.append(latency)

    def answered(self, latency: float, sent_at: float) -> None:
        """A healthy answer to a request sent at `sent_at` (seconds since 1970)."""
        self._failures_in_a_row = 0
        self._pace.follow(latency, answered=True)
        self._breaker.prove(sent_at)

    def failed(self, latency: float, reason: str) -> None:
        """The site failed to answer, or sent something that can't be understood."""
        with self._mutex:
            self._failures_in_a_row += 1
            self._last_failure = reason
        self._pace.follow(latency, answered=False)

    def blocked(self, reason: str, retry_after: float | None, sent_at: float) -> None:
        """The site blocked a request sent at `sent_at`: all fetching of the machine stops now."""
        state, new = self._breaker.trip(reason, retry_after, sent_at)
        if new:
            log.warning(
                "The site blocked a request (%s): all fetching stops until %s (block %d of this run; the run "
                "ends at %d).",
                *(reason, _clock(state.open_until), state.trips - self._trips_before, self.limits.max_trips),
            )

    def figures(self) -> dict[str, float | int]:
        """Latency in milliseconds, pauses in seconds: for the run's metadata."""
        latencies = sorted(self._latencies)
        found: dict[str, float | int] = {"trips": self.trips, "seconds_paused": round(self._waited, 3)}
        if latencies:
            found |= {
                "requests": len(latencies),
                "latency_ms_mean": round(statistics.fmean(latencies) * 1000, 1),
                "latency_ms_median": round(latencies[len(latencies) // 2] * 1000, 1),
                "latency_ms_p95": round(latencies[int(len(latencies) * 0.95)] * 1000, 1),
                "latency_ms_max": round(latencies[-1] * 1000, 1),
            }
        return found

    def _wait_while_open(self) -> None:
        while True:
            if self._cancelled.is_set():
                raise Cancelled("The reading was stopped before it was through; run again to read the rest.")
            if (error := self.given_up()) is not None:
                raise error
            if (until := self.open_until()) is None:
                return
            with self._mutex:
                if self._announced < until:
                    self._waited += until - max(self._announced, time.time())
                    self._announced = until
                    log.warning("Waiting until %s before the site is asked again.", _clock(until))
            # In short steps: another process may trip it again, or a person may remove the file.
            self._cancelled.wait(min(until - time.time(), 0.5) + 0.001)

    def _sleep(self, seconds: float) -> bool:
        """Whether the time passed without the caller closing the site."""
        return not self._cancelled.wait(seconds) if seconds > 0 else not self._cancelled.is_set()


class _Slots:
    """`concurrency` file locks: who holds one may have one request in flight.

    The threads of one process queue up for them in memory; between processes it is the locks that count.

    Held for one request each, so that a short run gets its share of a long one's slots. `flock` itself, not
    a library on it: it costs a microsecond, and this is done for every request.
    """

    def __init__(self, folder: Path, concurrency: int, cancelled: threading.Event) -> None:
        self._fds = [_open_for(self, folder / f"slot-{number}") for number in range(concurrency)]
        self._free = set(range(concurrency))
        self._taken = 0
        self._mutex = threading.Lock()
        self._released = threading.Condition(self._mutex)
        self._waiting = folder / "waiting"
        self._probe = _open_for(self, self._waiting)
        self._cancelled = cancelled

    def acquire(self, at_most: Callable[[], int | None]) -> int:
        """The number of a slot, once one is free. `at_most()` narrows the slots to the first so many.

        Raises:
            Cancelled: the caller closed the site.
        """
        with self._released:
            while self._taken >= len(self._fds):
                self._raise_if_cancelled()
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
        with _opened(self._waiting) as waiting:
            fcntl.flock(waiting, fcntl.LOCK_SH)
            while True:
                self._cancelled.wait(random.uniform(*_POLL))
                self._raise_if_cancelled()
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

    def _raise_if_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled("The reading was stopped before it was through; run again to read the rest.")

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


class _Pace:
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


class _BreakerFile:
    """The breaker's state as a small JSON file, replaced whole; removing it closes the breaker."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._path = folder / "breaker.json"
        self._lock = folder / "breaker.lock"
        self._limits = limits
        self._seen: tuple[object, _Breaker] = (None, _Breaker())

    def read(self) -> _Breaker:
        """Costs a `stat` as long as nothing changed: it is asked before every request."""
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            return _Breaker()
        version = (status.st_mtime_ns, status.st_ino, status.st_size)
        seen, state = self._seen
        if seen != version:
            state = _read_breaker(self._path)
            self._seen = (version, state)
        return state

    def trip(self, reason: str, retry_after: float | None, sent_at: float) -> tuple[_Breaker, bool]:
        """Opens the breaker; the state, and whether this was a new trip.

        Requests that were already on their way when it tripped belong to the same block.
        """
        with self._locked():
            old, now = _read_breaker(self._path), time.time()
            if new := old.trips == 0 or sent_at > old.tripped_at:
                level = 1 if now - old.open_until > self._limits.forget_after else old.level + 1
                pause = pause_after(level, retry_after, self._limits)
                state = _Breaker(now + pause, now, old.trips + 1, level, proven=False, reason=reason)
            else:
                until = now + min(retry_after or 0.0, self._limits.max_pause)
                state = _Breaker(**(asdict(old) | {"open_until": max(old.open_until, until)}))
            self._write(state)
        return state, new

    def prove(self, sent_at: float) -> None:
        """A request sent after the pause was answered well: full speed again."""
        state = self.read()
        if state.proven or sent_at < state.open_until:
            return
        with self._locked():
            state = _read_breaker(self._path)
            if not state.proven and sent_at >= state.open_until:
                self._write(_Breaker(**(asdict(state) | {"proven": True})))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with _opened(self._lock) as fd:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield

    def _write(self, state: _Breaker) -> None:
        fresh = self._path.with_name(f"breaker.{os.getpid()}.{threading.get_ident()}.tmp")
        fresh.write_text(json.dumps(asdict(state), indent=1))
        fresh.replace(self._path)


def _read_breaker(path: Path) -> _Breaker:
    try:
        return _Breaker(**json.loads(path.read_text()))
    except FileNotFoundError:
        return _Breaker()
    except (ValueError, TypeError):
        # Not ours or of another version: a person wrote it. Nothing is known, so nothing is held back.
        return _Breaker()


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _open_for(owner: object, path: Path) -> int:
    """A file that stays open as long as its owner is used: a worker that ends late must not lock another's."""
    fd = _open(path)
    weakref.finalize(owner, os.close, fd)
    return fd


@contextmanager
def _opened(path: Path) -> Iterator[int]:
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


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
