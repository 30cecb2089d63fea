"""How soon a sell-out is read, at the same number of pages: even sweeps, ours, and Kolobov's policy.

A simulated month of a catalog: each title's orders come at a rate of its own, which no policy is told; each
learns from what it reads. All policies live through the same orders and deliveries.
"""

import heapq
import math
import random
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, median
from typing import Any

from ingram_assets.domain.freshness import (
    HOUR,
    LastReading,
    SeenDemand,
    demand,
    pages_left,
    read_next,
    usual_demand,
)

TITLES = 200
HOURS = 14 * 24
TICK = 300.0
"""Seconds from one look at what is to be read to the next."""

SEEDS = 10
_SPREAD = 1.5
_USUAL_ORDERS = 0.02
"""The median title's orders an hour; they are spread log-normally, by `_SPREAD`."""
_AWAY_HOURS = 48.0
_HISTORY = 60


@dataclass(slots=True)
class SimulatedTitle:
    """One title's stock over the time: at `times` it became `copies`. Known to no policy."""

    times: list[float]
    copies: list[int]
    sold_out: list[float] = field(default_factory=list)
    delivered: list[float] = field(default_factory=list)

    def at(self, now: float) -> int:
        """Copies on hand then."""
        return self.copies[bisect_right(self.times, now) - 1]


def simulated_catalog(seed: int, titles: int = TITLES, hours: float = HOURS) -> list[SimulatedTitle]:
    """Titles with their orders and deliveries, drawn from the seed."""
    drawn = random.Random(seed)
    return [_simulated_title(drawn, hours * HOUR) for _ in range(titles)]


def _simulated_title(drawn: random.Random, until: float) -> SimulatedTitle:
    rate = math.exp(drawn.gauss(math.log(_USUAL_ORDERS), _SPREAD))

    def delivery() -> int:
        return math.ceil(drawn.expovariate(1.0) * rate * 2 * 24 * 20) + drawn.randint(1, 6)

    title = SimulatedTitle([0.0], [delivery()])
    now, left = 0.0, title.copies[0]
    while True:
        now += drawn.expovariate(rate) * HOUR
        if now >= until:
            return title
        ordered = 1
        while drawn.random() < 0.5:
            ordered += 1
        left = max(0, left - ordered)
        title.times.append(now)
        title.copies.append(left)
        if not left:
            title.sold_out.append(now)
            now += drawn.expovariate(1 / _AWAY_HOURS) * HOUR
            left = delivery()
            title.times.append(now)
            title.copies.append(left)
            title.delivered.append(now)


@dataclass
class Reader:
    """What a policy has read so far. Times are seconds from the beginning."""

    catalog: Sequence[SimulatedTitle]
    known: list[LastReading] = field(default_factory=list)
    pages: int = 0
    oldest: float = 0.0
    read_at: list[list[float]] = field(default_factory=list)
    changes: list[list[tuple[float, int]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.known = [LastReading(str(number), -1.0, None) for number in range(len(self.catalog))]
        self.read_at = [[] for _ in self.catalog]
        self.changes = [[] for _ in self.catalog]

    def read(self, number: int, now: float) -> None:
        """Read one title's page."""
        before, copies = self.known[number], self.catalog[number].at(now)
        if self.read_at[number]:
            self.oldest = max(self.oldest, now - before.at)
        if copies != before.copies:
            self.changes[number] = [*self.changes[number], (now, copies)][-_HISTORY:]
        seen = SeenDemand.of(self.changes[number], now)
        self.known[number] = LastReading(before.isbn, now, copies, seen=seen)
        self.read_at[number].append(now)
        self.pages += 1

    def sweep(self, now: float) -> None:
        """Read every title."""
        for number in range(len(self.catalog)):
            self.read(number, now)


@dataclass(frozen=True, slots=True)
class Budget:
    """What a policy may ask for and has to keep. `promise` and `sweep_every` (ours alone) in seconds."""

    pages_a_title_and_hour: float
    promise: float
    sweep_every: float


BUDGETS = (Budget(1.0, 2 * HOUR, 1.5 * HOUR), Budget(0.4, 6 * HOUR, 3.6 * HOUR))
"""The shop's own, as it comes; and one that reads less."""

Policy = Callable[[Reader, Budget], None]
"""Reads as it likes within the budget."""


def _ticks() -> Iterator[float]:
    now = 0.0
    while now < HOURS * HOUR:
        yield now
        now += TICK


def even(reader: Reader, budget: Budget) -> None:
    """Sweeps of all titles, as often as the pages allow."""
    every, due = HOUR / budget.pages_a_title_and_hour, 0.0
    for now in _ticks():
        if now >= due:
            reader.sweep(now)
            due += every


def ours(reader: Reader, budget: Budget) -> None:
    """Sweeps well within the promise, and the pages that they leave for the likeliest sell-outs."""
    titles, every, swept, read = len(reader.catalog), budget.sweep_every, -math.inf, 0
    per_hour = budget.pages_a_title_and_hour * titles
    for now in _ticks():
        if now - swept >= every:
            reader.sweep(now)
            swept, read = now, 0
            continue
        pages = pages_left(titles, per_hour, every, since_sweep=now - swept, read=read)
        for one in read_next(reader.known, now, pages, late_unless_read=swept + every - budget.promise):
            reader.read(int(one.isbn), now)
        read += pages


def kolobov(reader: Reader, budget: Budget) -> None:
    """Rates that minimize the sum of ln(1 + change / rate), by Kolobov et al. 2019, learned once an hour.

    A sweep comes first; then the titles whose turn at their rate is longest over.
    """
    titles, credit = len(reader.catalog), 0.0
    per_hour = budget.pages_a_title_and_hour * titles
    rates: list[float] = []
    queue: list[tuple[float, int]] = []
    learned = -math.inf
    for now in _ticks():
        if now == 0.0:
            reader.sweep(now)
            continue
        if now - learned >= HOUR:
            learned, rates = now, _kolobov_rates(reader, per_hour)
            queue = [(reader.known[number].at + HOUR / rates[number], number) for number in range(titles)]
            heapq.heapify(queue)
        credit += per_hour * TICK / HOUR
        while credit >= 1:
            credit -= 1
            _, number = heapq.heappop(queue)
            reader.read(number, now)
            heapq.heappush(queue, (now + HOUR / rates[number], number))


def _kolobov_rates(reader: Reader, pages: float) -> list[float]:
    """Reads an hour of each title that use up the pages of an hour, every title of the same weight."""
    usual = usual_demand(reader.known) or _USUAL_ORDERS
    changes = [demand(one, usual) for one in reader.known]

    def rates(multiplier: float) -> list[float]:
        return [(-each + math.sqrt(each * each + 4 * each / multiplier)) / 2 for each in changes]

    low, high = 1e-9, 1e9
    for _ in range(80):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if sum(rates(middle)) > pages else (low, middle)
    return rates(high)


POLICIES: Mapping[str, Policy] = {
    "even": even,
    "ours": ours,
    "kolobov": kolobov,
}


@dataclass(slots=True)
class Seen:
    """Minutes from what happened to its reading, over all seeds."""

    sell_outs: list[float] = field(default_factory=list)
    deliveries: list[float] = field(default_factory=list)
    pages: int = 0
    oldest_hours: float = 0.0

    def add(self, reader: Reader) -> None:
        """One seed's."""
        self.pages += reader.pages
        self.oldest_hours = max(self.oldest_hours, reader.oldest / HOUR)
        for title, reads in zip(reader.catalog, reader.read_at, strict=True):
            for moments, waits in ((title.sold_out, self.sell_outs), (title.delivered, self.deliveries)):
                for at in moments:
                    next_read = bisect_right(reads, at)
                    if next_read < len(reads):
                        waits.append((reads[next_read] - at) / 60)


def live(policy: str, seeds: int, budget: Budget) -> Seen:
    """A policy's waits over some seeds."""
    seen = Seen()
    for seed in range(seeds):
        reader = Reader(simulated_catalog(seed))
        POLICIES[policy](reader, budget)
        seen.add(reader)
    return seen


def measure(seeds: int = SEEDS) -> Iterator[Mapping[str, Any]]:
    """Each policy within each budget."""
    for budget in BUDGETS:
        base: tuple[float, float, float] | None = None
        for policy in POLICIES:
            seen = live(policy, seeds, budget)
            figures = _three(seen.sell_outs)
            base = base or figures
            yield {
                "policy": policy,
                "sizes": {"titles": TITLES, "days": HOURS // 24, "seeds": seeds},
                "pages_a_title_and_hour": seen.pages / seeds / TITLES / HOURS,
                "sell_outs": len(seen.sell_outs),
                "minutes_median_mean_p95": list(figures),
                "ratio_to_even": [one / other for one, other in zip(figures, base, strict=True)],
                "minutes_to_a_delivery": list(_three(seen.deliveries)),
                "oldest_hours": seen.oldest_hours,
            }


def _three(waits: Sequence[float]) -> tuple[float, float, float]:
    ordered = sorted(waits)
    return median(ordered), mean(ordered), ordered[int(len(ordered) * 0.95)]
