"""How polite to be: the figures, and the arithmetic of pace and pauses, apart from any clock."""

from dataclasses import dataclass

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
