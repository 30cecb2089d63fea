"""When a page is asked for once more, and when a run asks for nothing more."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from ingram_assets.domain.failures import IngramError, Transient
from ingram_assets.sources.ipage.access.cancellation import Canceled, Cancellation
from ingram_assets.sources.ipage.access.politeness import Politeness
from ingram_assets.sources.ipage.access.session import Session
from ingram_assets.sources.ipage.pages.page_failures import Blocked, NotFound, PageChanged, SessionExpired

T = TypeVar("T")

MAX_TRIES = 3
"""Of one page, whatever goes wrong with it."""

WAITS = (1.0, 4.0)
"""Seconds before the second and the third try."""

_NONE_READABLE = 4
"""Times `Limits.max_failures_in_a_row`: so many titles of which nobody knows whether they ever were readable,
and not one page read before or among them, and it is the site that is not understood, not they."""


@dataclass(frozen=True, slots=True)
class TitleGone:
    """That a title is not there, as a session was told that may be over; `at`: when (seconds since 1970)."""

    error: NotFound
    session: Session
    at: float


@dataclass(slots=True)
class PageJob:
    """A page on its way.

    Attributes:
        isbn: of the title whose page it is; `None` for any other.
        expired_under: the sessions that it was refused with.
        gone: what waits to be confirmed.
        is_suspect: it bore no mark, and waits for a new session to show whether that was why.
    """

    what: str
    isbn: str | None = None
    began: float = field(default_factory=time.monotonic)
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    tries: int = 0
    expired_under: list[str] = field(default_factory=list)
    gone: TitleGone | None = None
    is_suspect: bool = False


class RetryPolicy:
    """Decides on the next try of a page, and keeps why the run stopped. Thread-safe."""

    def __init__(
        self, politeness: Politeness, canceled: Cancellation, waits: tuple[float, ...], tries: int = MAX_TRIES
    ) -> None:
        self._politeness, self._canceled, self._waits = politeness, canceled, waits
        self._tries = tries
        self._mutex = threading.Lock()
        self._readable = False  # a title's page was read in this run
        self._unreadable = 0  # titles before that, of which nobody knows whether they ever were readable
        self._stopped_by: IngramError | None = None

    @property
    def stopped_by(self) -> IngramError | None:
        """What ended this run's reading before its time: `Blocked`, `NeedsPerson` or `Transient` (down)."""
        return self._stopped_by or self._politeness.given_up()

    def stop(self, error: IngramError) -> None:
        """Nothing more is asked for in this run."""
        self._stopped_by = error

    def read_one(self) -> None:
        """A title's page was read: it is not the site that can't be read."""
        self._readable = True

    def count_unreadable(self, error: IngramError) -> None:
        """Ends the run when not one title could be read, of many that may never have been readable."""
        with self._mutex:
            self._unreadable += 1
        most = _NONE_READABLE * self._politeness.limits.max_failures_in_a_row
        if not self._readable and self._unreadable >= most and self._stopped_by is None:
            self._stopped_by = Transient(
                f"None of {self._unreadable} pages could be used, so this run stopped asking; look at iPage "
                f"in a browser, and run again. The last one: {error}"
            )

    def wait_before_next(self, job: PageJob, error: IngramError) -> float | None:
        """Seconds until the next try, `None` if there is none."""
        if self.stopped_by is not None or job.tries >= self._tries:
            return None
        if isinstance(error, Blocked):
            return 0.0  # the breaker makes it wait
        if isinstance(error, PageChanged):
            # Once more, for it may have been half a page or a notice; a new layout stays.
            return self._waits[0] if job.tries < 2 else None
        if isinstance(error, Transient) and not isinstance(error, SessionExpired):
            own = self._waits[min(job.tries, len(self._waits)) - 1] * random.uniform(0.75, 1.25)
            return max(own, min(getattr(error, "retry_after", None) or 0.0, 60.0))
        return None

    def until_done(self, job: PageJob, attempt: Callable[[PageJob], T]) -> T:
        """Tries one thing until it is done or its error is final."""
        while True:
            try:
                return attempt(job)
            except Canceled:
                raise
            except IngramError as error:
                if (wait := self.wait_before_next(job, error)) is None:
                    if (ended := self.stopped_by) is not None and ended is not error:
                        raise ended from error
                    raise
                self._canceled.sleep(wait)
