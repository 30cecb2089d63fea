"""How often the site is asked: one limit, one pace and one breaker for all runs of a machine.

Their state is files in a folder that every process of the machine shares, so that two runs together are no
less polite than one.
"""

import logging
import statistics
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ingram_assets.domain.failures import Transient
from ingram_assets.domain.site_pause import SitePause
from ingram_assets.sources.ipage.access.breaker import Breaker, read_breaker
from ingram_assets.sources.ipage.access.cancellation import Cancellation
from ingram_assets.sources.ipage.access.limits import Limits
from ingram_assets.sources.ipage.access.slots import RateState, Slots
from ingram_assets.sources.ipage.access.slow_start import SlowStart
from ingram_assets.sources.ipage.pages.page_failures import Blocked

log = logging.getLogger(__name__)

_FOLDER = "politeness"


def breaker_open_until(state_dir: Path) -> datetime | None:
    """Until when (UTC) the site is left alone after a block; `None`: it may be asked. Reads a small file."""
    until = read_breaker(state_dir / _FOLDER / "breaker.json").left_alone_until()
    return datetime.fromtimestamp(until, UTC) if until else None


class Politeness:
    """A run's share of the machine's limit. Thread-safe.

    Args:
        state_dir: the folder that all runs of the machine share.
        canceled: set by the caller to end every wait at once.
        site_profile: the fingerprint of what is believed of the site.
    """

    def __init__(
        self, state_dir: Path, limits: Limits, canceled: Cancellation, site_profile: str = ""
    ) -> None:
        folder = state_dir / _FOLDER
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.limits = limits
        self._canceled = canceled
        self._slots = Slots(folder, limits.concurrency, canceled)
        self._pace = RateState(folder / "pace", limits)
        self._slow_start = SlowStart(folder, site_profile)
        self._breaker = Breaker(folder, limits)
        self._trips_before = self._breaker.read().trips
        self._failures_in_a_row = 0
        self._last_failure = ""
        self._ended: Blocked | Transient | None = None
        self.latencies: deque[float] = deque(maxlen=10_000)
        """Seconds until the headers of each answer, for the figures of the run."""
        self._waited = 0.0
        self._announced = 0.0
        self._mutex = threading.Lock()

    @contextmanager
    def turn(self, session_id: str | None = None) -> Iterator[float]:
        """Waits until a request may be sent, and holds its slot for the block; yields when (s since 1970).

        Args:
            session_id: of the session that is asked in; `None`: a sign-in.

        Raises:
            Blocked: the breaker tripped too often in this run, or stays open longer than a run waits.
            Transient: the site failed too often in a row: it is down.
            Canceled: the caller closed the site.
        """
        while True:
            self._wait_while_open()
            with self._slots.one(lambda: self._at_most(session_id)):
                # The breaker may have tripped while this thread waited: then nothing more is sent. The time
                # is taken first, so that a trip right after the look is told from one by this request.
                self._canceled.sleep(self._pace.reserve())
                sent_at = time.time()
                if self.open_until() is None and self.given_up() is None:
                    yield sent_at
                    return

    @property
    def is_half_open(self) -> bool:
        """Whether no answer was good since the last block. Then requests go one at a time."""
        return not self._breaker.read().proven

    def open_until(self) -> float | None:
        """The time (seconds since 1970) until which nothing is sent; `None`: it may be sent."""
        return self._breaker.read().left_alone_until()

    @property
    def trips(self) -> int:
        """Blocks since this run began, whichever process of the machine met them."""
        return self._breaker.read().trips - self._trips_before

    def given_up(self) -> Blocked | Transient | None:
        """The error that ends this run, if it has come to that; it stays ended."""
        if self._ended is None:
            self._ended = self._reason_to_end()
        return self._ended

    def _reason_to_end(self) -> Blocked | Transient | None:
        breaker = self._breaker.read()
        if self._failures_in_a_row >= self.limits.max_failures_in_a_row:
            return Transient(
                f"{self._failures_in_a_row} answers in a row could not be used, so this run stopped asking; "
                f"look at iPage in a browser, and run again. The last one: {self._last_failure}"
            )
        if (until := breaker.left_alone_until()) is None:
            return None
        trips, wait = self.trips, until - time.time()
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

    def pause(self) -> SitePause | None:
        """Why nothing is asked now, until when, and what this run does then; `None`: the site may be asked.

        A run that has given up tells of it as well.
        """
        breaker = self._breaker.read()
        if breaker.left_alone_until() is None:
            return None
        why = breaker.reason.partition(":")[0].rstrip(".") or "The site blocks this machine"
        since, until = (datetime.fromtimestamp(at, UTC) for at in (breaker.tripped_at, breaker.open_until))
        return SitePause(since, until, why, self._after_the_pause())

    def _after_the_pause(self) -> str:
        if self.given_up() is not None:
            return "this run does not wait for that"
        trips = self.trips
        of_this_run = f"; block {trips} of this run, which ends at {self.limits.max_trips}" if trips else ""
        return f"then the run goes on{of_this_run}"

    def answered(self, latency: float, sent_at: float) -> None:
        """A healthy answer to a request sent at `sent_at` (seconds since 1970)."""
        self._failures_in_a_row = 0
        self.set_aside(latency, sent_at)

    def set_aside(self, latency: float, sent_at: float) -> None:
        """An answer that says something of one page alone: the site doesn't block, and may be well or not."""
        self._pace.follow(latency, answered=True)
        self._breaker.close(sent_at)

    def read_page(self, session_id: str) -> None:
        """A product page was read well in this session."""
        self._slow_start.read_one(session_id)

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
        latencies = sorted(self.latencies)
        found: dict[str, float | int] = {"trips": self.trips, "seconds_paused": round(self._waited, 3)}
        if latencies:
            middle, p95 = (latencies[int(len(latencies) * share)] for share in (0.5, 0.95))
            shown = {"mean": statistics.fmean(latencies), "median": middle, "p95": p95, "max": latencies[-1]}
            found["requests"] = len(latencies)
            found |= {f"latency_ms_{name}": round(seconds * 1000, 1) for name, seconds in shown.items()}
        return found

    def _at_most(self, session_id: str | None) -> int | None:
        """Requests in flight at most now; `None`: as many as there are slots."""
        if self.is_half_open:
            return 1
        return None if session_id is None else self._slow_start.at_most(session_id)

    def _wait_while_open(self) -> None:
        while True:
            self._canceled.raise_if_set()
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
            self._canceled.sleep(min(until - time.time(), 0.5) + 0.001)


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
