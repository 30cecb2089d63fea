"""How polite to be to a site: the figures, and the rules of slow start, pauses and breaker."""

from dataclasses import dataclass, replace
from typing import NamedTuple

SLOW_START = ((5, 1), (20, 2), (60, 4))
"""Below so many product pages read well in a session, so many requests are in flight at most.

A wall looks closest at who has just signed in, and what the pages of that session look like is not known yet.
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """How polite to be. Seconds, unless said otherwise.

    Attributes:
        concurrency: requests in flight at once, over all runs on all machines.
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


@dataclass(frozen=True, slots=True)
class BreakerState:
    """Whether the site is left alone after a block. Times are seconds since 1970, by the shared clock.

    `trips` only ever counts up; `level` is how many came without a long quiet time between; `proven` says
    that the site has answered well since the last trip: until then the breaker is half open.
    """

    open_until: float = 0.0
    tripped_at: float = 0.0
    trips: int = 0
    level: int = 0
    proven: bool = True
    reason: str = ""

    def left_alone_until(self, now: float) -> float | None:
        """Until when nothing is sent; `None`: the site may be asked."""
        return self.open_until if self.open_until > now else None


class SiteLook(NamedTuple):
    """What is known of the site at a moment of the shared clock (seconds since 1970)."""

    now: float
    breaker: BreakerState


class SlotTaken(NamedTuple):
    """Room for one request, and the seconds until it may be sent."""

    slot: int
    wait: float


class PasswordRefusal(NamedTuple):
    """A refused password: a salted digest of it, the site's words, and how many seconds ago."""

    digest: str
    reason: str
    age: float


def at_most_after(pages: int) -> int | None:
    """Requests in flight at most, after so many product pages were read well; `None`: no less than usual."""
    return next((in_flight for below, in_flight in SLOW_START if pages < below), None)


def pause_after(level: int, retry_after: float | None, limits: Limits) -> float:
    """Seconds the site is left alone at the `level`-th block in a row (from 1)."""
    own = limits.pauses[min(level, len(limits.pauses)) - 1]
    return min(max(own, retry_after or 0.0), limits.max_pause)


def after_block(
    old: BreakerState, reason: str, retry_after: float | None, sent_at: float, now: float, limits: Limits
) -> tuple[BreakerState, bool]:
    """The breaker after the site blocked a request that was sent then, and whether this was a new trip.

    Requests that were already on their way when it tripped belong to the same block.
    """
    if old.trips == 0 or sent_at > old.tripped_at:
        level = 1 if now - old.open_until > limits.forget_after else old.level + 1
        pause = pause_after(level, retry_after, limits)
        return BreakerState(now + pause, now, old.trips + 1, level, proven=False, reason=reason), True
    until = now + min(retry_after or 0.0, limits.max_pause)
    return replace(old, open_until=max(old.open_until, until)), False
