"""Which titles are read between two sweeps: those whose sell-out a shopper would meet first.

A sweep reads every title. The pages that an hour has left go to the titles that may have sold out since they
were read: those with few copies for what they sell, and old readings. How much a title sells is learned from
the falls of its own stock; before it is known, the catalog's usual demand stands for it.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median

HOUR = 3600.0
COPIES_AN_ORDER = 2.0
"""Copies that leave a distribution center at once, on the average: booksellers order more than one."""

LEARNED_FROM = 30 * 24 * HOUR
"""Seconds of a title's history that its demand is learned from: books have their season."""

_PRIOR_ORDERS = 0.5
"""Orders that the usual demand counts for, beside those that were seen: a title's own soon outweigh them."""

_RESTOCK = 0.005
"""Worth of an hour's age of a title without copies, beside an hour of being sold out unseen."""

_WANTED = 3.0
"""How many times a title counts that shoppers of this store ordered lately, or that has just come out."""

_SAME = 0.05
"""Share by which a count that comes back may differ from what it was."""

_MISREAD_FOR = 3 * HOUR
"""Seconds within which it comes back, if it was never gone. A delivery takes days."""

_SERIES_ENDS = 1e-9


@dataclass(frozen=True, slots=True)
class SeenDemand:
    """Orders that were seen as falls of a title's stock, and the hours in which there was some to order."""

    orders: float = 0.0
    hours: float = 0.0

    @classmethod
    def of(cls, changes: Sequence[tuple[float, int]], until: float) -> "SeenDemand":
        """What a title's history tells.

        Args:
            changes: when (seconds since 1970) there were how many copies on hand, the oldest first; the first
                is the first reading.
            until: when it was read last.
        """
        since = until - LEARNED_FROM
        orders = hours = 0.0
        for (began, copies), (ended, then) in pairwise([*_without_misreadings(changes), (until, math.inf)]):
            if ended > since and copies:
                hours += max(0.0, ended - max(began, since)) / HOUR
                orders += max(0.0, copies - then) / COPIES_AN_ORDER
        return cls(orders, hours)


def _without_misreadings(changes: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    """The changes but for those that were taken back: 410, 0, 410 is no sale of 410 copies."""
    kept: list[tuple[float, int]] = []
    for change in changes:
        if len(kept) > 1 and _takes_back(change, kept[-1], kept[-2][1]):
            kept.pop()
        else:
            kept.append(change)
    return kept


def _takes_back(change: tuple[float, int], last: tuple[float, int], before: int) -> bool:
    soon = change[0] - last[0] <= _MISREAD_FOR
    return soon and before > 0 and abs(change[1] - before) <= _SAME * before


NOTHING_SEEN = SeenDemand()


@dataclass(frozen=True, slots=True)
class LastReading:
    """What the last reading of a title, and those before it, said. Times are seconds since 1970.

    Attributes:
        copies: on hand at all centers; None: the page showed no stock.
        on_order: copies that are on their way to the centers.
        awaited: where there is no copy, one may come: it is no file, and its day has come.
        seen: what its readings so far tell of its demand.
        wanted: shoppers of this store ordered it lately, or it has just come out.
    """

    isbn: str
    at: float
    copies: int | None
    on_order: int = 0
    awaited: bool = True
    seen: SeenDemand = NOTHING_SEEN
    wanted: bool = False


@dataclass(frozen=True, slots=True)
class NextTitle:
    """A title to read now. `worth`: how urgent, in hours of being sold out unseen; `reason`: for a person."""

    isbn: str
    worth: float
    reason: str


@dataclass(frozen=True, slots=True)
class NextReading:
    """When a title is expected to be read next.

    Attributes:
        at: not before that, and soon after it; None: nothing is known that would read it.
        why: a sentence for a person.
    """

    at: datetime | None
    why: str


def sweep_every(titles: int, pages_per_hour: float | None, at_most: float) -> float:
    """Seconds from one sweep to the next: as the shop wants it, or longer where its pages don't allow that.

    Args:
        pages_per_hour: what the site may be asked in an hour; None: as many pages as it takes.
        at_most: what the shop wants, in seconds.
    """
    return max(at_most, titles * HOUR / pages_per_hour) if pages_per_hour else at_most


def pages_a_day(titles: int, pages_per_hour: float | None, every: float) -> int:
    """Product pages that are read in 24 hours: the sweeps', and those between them. Arguments as below."""
    of_sweeps = titles * HOUR / every
    return round(24 * max(of_sweeps, titles if pages_per_hour is None else pages_per_hour))


def pages_left(
    titles: int, pages_per_hour: float | None, every: float, *, since_sweep: float, read: int
) -> int:
    """Pages that may be read now, between two sweeps.

    Args:
        pages_per_hour: what the site may be asked in an hour, the sweeps among it; None: as many pages as
            there are titles.
        every: seconds from one sweep to the next.
        since_sweep: seconds since the last sweep.
        read: pages that were read since then.
    """
    per_hour = titles if pages_per_hour is None else pages_per_hour
    left = per_hour - titles * HOUR / every
    return max(0, int(left * since_sweep / HOUR + _SERIES_ENDS) - read)


def read_next(
    titles: Collection[LastReading],
    now: float,
    pages: int,
    *,
    late_unless_read: float,
) -> list[NextTitle]:
    """The titles to read now, the most urgent first, at most so many pages.

    First come those that the next sweep would read too late; then the likeliest sell-outs. While no title's
    stock was ever seen to fall, nothing tells them apart: then the oldest readings come first.

    Args:
        late_unless_read: seconds since 1970. A title whose reading is older breaks its promise if it waits
            for the next sweep.
    """
    late = sorted((one for one in titles if one.at < late_unless_read), key=lambda one: one.at)
    chosen = [NextTitle(one.isbn, math.inf, "the next sweep would read it too late") for one in late[:pages]]
    # Of a title without a copy, to which none will come, there is nothing to see before the next sweep.
    others = [one for one in titles if one.at >= late_unless_read and (one.copies or one.awaited)]
    room = pages - len(chosen)
    if room <= 0:
        return chosen
    usual = usual_demand(titles)
    if usual is None:
        others.sort(key=lambda one: one.at)
        return chosen + [
            NextTitle(one.isbn, 0.0, "the oldest readings come first until sales are known")
            for one in others[:room]
        ]
    ranked = sorted(((worth(one, now, usual), one) for one in others), key=lambda each: -each[0])
    return chosen + [NextTitle(one.isbn, value, why(one, usual)) for value, one in ranked[:room]]


def worth(title: LastReading, now: float, usual: float) -> float:
    """How urgent it is to read a title again, in hours of being sold out unseen.

    For S orders' worth of copies and d orders an hour, of which a reading of the age a knows nothing:
    (S / d) x P(S + 1, d x a), with P the regularized lower incomplete gamma function, which is the chance
    that more was ordered since than there was. It grows with the age, and for two titles alike in that
    chance with the time for which a page read now tells the truth.

    Args:
        now: seconds since 1970.
        usual: the catalog's usual demand, in orders an hour.
    """
    age = max(0.0, now - title.at) / HOUR
    weight = _WANTED if title.wanted else 1.0
    rate = demand(title, usual)
    if not title.copies:
        return weight * _RESTOCK * age * (2.0 if title.on_order else 1.0) if title.awaited else 0.0
    orders = title.copies / COPIES_AN_ORDER
    return weight * orders / rate * _at_least(orders + 1, rate * age)


def worth_after(title: LastReading, usual: float, threshold: float, within: float) -> float | None:
    """After how many seconds from its reading a title's worth reaches a threshold; None: not within `within`.

    To the minute.
    """
    if worth(title, title.at + within, usual) < threshold:
        return None
    low, high = 0.0, within
    while high - low > 60.0:
        middle = (low + high) / 2
        if worth(title, title.at + middle, usual) < threshold:
            low = middle
        else:
            high = middle
    return high


def demand(title: LastReading, usual: float) -> float:
    """Orders an hour: those seen as falls of the stock, and the usual demand until there are enough."""
    return (title.seen.orders + _PRIOR_ORDERS) / (title.seen.hours + _PRIOR_ORDERS / usual)


def usual_demand(titles: Iterable[LastReading]) -> float | None:
    """The catalog's usual demand: the median of its titles, in orders an hour; None: no copy was sold yet."""
    seen = [one.seen for one in titles if one.seen.hours > 0]
    orders = sum(one.orders for one in seen)
    if orders * COPIES_AN_ORDER < 1:
        return None
    # Each title's own figure, drawn toward the mean of all: most titles of a short history saw no fall.
    mean = orders / sum(one.hours for one in seen)
    return median((one.orders + _PRIOR_ORDERS) / (one.hours + _PRIOR_ORDERS / mean) for one in seen)


def why(title: LastReading, usual: float) -> str:
    """Why a title is read soon or not, for a person."""
    if not title.copies:
        look_for = (
            "a delivery is looked for"
            if title.awaited
            else "none is looked for: it is a file, or not out yet"
        )
        return f"it has no copies, and {look_for}"
    copies = f"{title.copies:,} {'copy' if title.copies == 1 else 'copies'} left"
    wanted = ", and it is wanted here" if title.wanted else ""
    if not title.seen.orders:
        return f"{copies}, and no sale of it was seen yet{wanted}"
    a_day = 24 * COPIES_AN_ORDER * demand(title, usual)
    few = f"{a_day:.2g}" if a_day < 10 else f"{a_day:,.0f}"
    return f"{copies}, and it sells about {few} a day{wanted}"


def _at_least(shape: float, expected: float) -> float:
    """P(shape, expected), the regularized lower incomplete gamma function, by its power series."""
    if expected <= 0:
        return 0.0
    if expected > shape + 12 * math.sqrt(shape) + 40:
        return 1.0
    term = total = 1.0 / shape
    step = shape
    while term > total * _SERIES_ENDS:
        step += 1
        term *= expected / step
        total += term
    logarithm = shape * math.log(expected) - expected - math.lgamma(shape)
    return min(1.0, total * math.exp(logarithm)) if logarithm > -700 else 0.0
