"""How often the site is asked: one limit, one pace and one breaker for all runs, on whichever machine.

What they share comes as `SharedLimits`; here is what a run makes of it.
"""

import logging
import statistics
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from ingram_assets.domain.failures import Transient
from ingram_assets.domain.site_limits import SLOW_START, Limits, SiteLook, at_most_after
from ingram_assets.domain.site_pause import SitePause
from ingram_assets.sources.ipage.access.cancellation import Cancellation
from ingram_assets.sources.ipage.access.shared_state import SharedLimits
from ingram_assets.sources.ipage.access.turns import Turns
from ingram_assets.sources.ipage.pages.page_failures import Blocked

log = logging.getLogger(__name__)

_FRESH = 0.25
"""Seconds that a look is good enough for what is not about to send a request."""


class Politeness:
    """A run's share of the limit. Thread-safe.

    Times are seconds since 1970 by the clock that all runs share.

    Args:
        shared: what all runs share.
        canceled: set by the caller to end every wait at once.
        site_profile: the fingerprint of what is believed of the site: with another one all begins anew.

    Raises:
        Transient, NeedsPerson: what runs share can't be asked. Of all methods that ask.
    """

    def __init__(
        self, shared: SharedLimits, limits: Limits, canceled: Cancellation, site_profile: str = ""
    ) -> None:
        self.limits = limits
        self._shared, self._canceled, self._site_profile = shared, canceled, site_profile
        self._turns = Turns(shared, limits.concurrency, canceled)
        self._looked = time.monotonic(), shared.look()
        self._trips_before = self._looked[1].breaker.trips
        self._pages: dict[str, int] = {}
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
        """Waits until a request may be sent, and holds its slot for the block; yields when.

        Args:
            session_id: of the session that is asked in; `None`: a sign-in.

        Raises:
            Blocked: the breaker tripped too often in this run, or stays open longer than a run waits.
            Transient: the site failed too often in a row: it is down.
            Canceled: the caller closed the site.
        """
        while True:
            self._wait_while_open()
            # The breaker may have tripped while this thread waited: then nothing more is sent. The time is
            # that of the look, so that a trip right after it is told from one by this request.
            with self._turns.one(lambda: self._at_most(session_id), self._may_go) as sent_at:
                if sent_at is not None:
                    yield sent_at
                    return

    def _may_go(self, look: SiteLook) -> bool:
        self._saw(look)
        return look.breaker.left_alone_until(look.now) is None and self.given_up() is None

    @property
    def is_half_open(self) -> bool:
        """Whether no answer was good since the last block. Then requests go one at a time."""
        return not self._look().breaker.proven

    @property
    def trips(self) -> int:
        """Blocks since this run began, whichever run met them; as far as it has seen."""
        return self._looked[1].breaker.trips - self._trips_before

    def given_up(self) -> Blocked | Transient | None:
        """The error that ends this run, if it has come to that; it stays ended."""
        if self._ended is None:
            self._ended = self._reason_to_end()
        return self._ended

    def _reason_to_end(self) -> Blocked | Transient | None:
        if self._failures_in_a_row >= self.limits.max_failures_in_a_row:
            return Transient(
                f"{self._failures_in_a_row} answers in a row could not be used, so this run stopped asking; "
                f"look at iPage in a browser, and run again. The last one: {self._last_failure}"
            )
        look = self._look()
        breaker = look.breaker
        if (until := breaker.left_alone_until(look.now)) is None:
            return None
        trips, wait = self.trips, until - look.now
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
        look = self._look()
        breaker = look.breaker
        if breaker.left_alone_until(look.now) is None:
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
        """A healthy answer to a request sent at `sent_at`."""
        self._failures_in_a_row = 0
        self.set_aside(latency, sent_at)

    def set_aside(self, latency: float, sent_at: float) -> None:
        """An answer that says something of one page alone: the site doesn't block, and may be well or not."""
        self._shared.settle(latency, is_answered=True, sent_at=sent_at)

    def read_page(self, session_id: str) -> None:
        """A product page was read well in this session."""
        of = self._of(session_id)
        if at_most_after(self._pages.get(of, 0)) is None:
            return
        pages = self._shared.count_page(of)
        if pages == 1:
            log.info("The session is new: its first %d pages are read slowly.", SLOW_START[-1][0])
        self._pages[of] = pages

    def failed(self, latency: float, reason: str, sent_at: float) -> None:
        """The site failed to answer, or sent something that can't be understood."""
        with self._mutex:
            self._failures_in_a_row += 1
            self._last_failure = reason
        self._shared.settle(latency, is_answered=False, sent_at=sent_at)

    def blocked(self, reason: str, retry_after: float | None, sent_at: float) -> None:
        """The site blocked a request sent at `sent_at`: all fetching of all runs stops now."""
        look, is_new = self._shared.trip(reason, retry_after, sent_at)
        self._saw(look)
        if is_new:
            log.warning(
                "The site blocked a request (%s): all fetching stops until %s (block %d of this run; the run "
                "ends at %d).",
                *(reason, _clock(look.breaker.open_until), self.trips, self.limits.max_trips),
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

    def _of(self, session_id: str) -> str:
        return f"{session_id} {self._site_profile}"

    def _at_most(self, session_id: str | None) -> int:
        """Requests in flight at most now. After a block it is one all the same, whatever this says."""
        if session_id is None:
            return self.limits.concurrency
        of = self._of(session_id)
        if of not in self._pages or at_most_after(self._pages[of]) is not None:
            # Other runs count as well.
            self._pages[of] = self._shared.pages_read(of)
        return min(at_most_after(self._pages[of]) or self.limits.concurrency, self.limits.concurrency)

    def _look(self) -> SiteLook:
        at, look = self._looked
        return look if 0 <= time.monotonic() - at < _FRESH else self._saw(self._shared.look())

    def _saw(self, look: SiteLook) -> SiteLook:
        self._looked = time.monotonic(), look
        return look

    def _wait_while_open(self) -> None:
        while True:
            self._canceled.raise_if_set()
            if (error := self.given_up()) is not None:
                raise error
            look = self._look()
            if (until := look.breaker.left_alone_until(look.now)) is None:
                return
            with self._mutex:
                if self._announced < until:
                    self._waited += until - max(self._announced, look.now)
                    self._announced = until
                    log.warning("Waiting until %s before the site is asked again.", _clock(until))
            # In short steps: another run may trip it again, or a person may close it.
            self._canceled.sleep(min(until - look.now, 0.5) + 0.001)
            self._saw(self._shared.look())


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
