"""How long what is known of a title stays true: until a count is too old to be sold from, or its day comes.

Zeros do not age: an old 0 is no reason to sell.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from ingram_assets.domain.title import Aged, Title

StalePolicy = Literal["backorder", "out_of_stock", "keep"]
"""What becomes of a title in stock whose counts are too old: to order, not for sale, or sold as before."""


@dataclass(frozen=True, slots=True)
class StaleReading:
    """A title whose reading is too old. `read_at` (seconds since 1970) is None if it was never read."""

    isbn: str
    title: str | None
    read_at: float | None


@dataclass(frozen=True, slots=True)
class StaleReadings:
    """How many of the tracked titles have too old a reading, and the oldest of them, the never read first."""

    titles: int
    tracked: int
    oldest: tuple[StaleReading, ...] = ()


def age(title: Title, now: datetime, max_age: timedelta, policy: StalePolicy) -> Title:
    """The title as it may be sold now: marked if copies that it has on hand were counted too long ago."""
    if policy == "keep" or title.stock is None:
        return title
    counted = _counted(title)
    fresh = {dc: at for dc, at in counted.items() if at is not None and now - at <= max_age}
    if len(fresh) == len(counted):
        return replace(title, aged=None)
    copies = sum(title.stock[dc][0] or 0 for dc in fresh)
    old = frozenset(counted.keys() - fresh.keys())
    return replace(title, aged=Aged(copies, min(fresh.values(), default=None), policy, old))


def sold_since(title: Title) -> datetime | None:
    """The oldest time at which copies that are for sale were counted; `None` if none are, or none has a time.

    What orders took since then may still be in the counts.
    """
    if title.aged is not None:
        return title.aged.since
    return min((at for at in _counted(title).values() if at is not None), default=None)


def orders_count_since(title: Title) -> datetime | None:
    """From when on what orders took is no longer in the counts of a title; `None` if it was never read.

    Without copies for sale, as where all are too old, that is when it was read last.
    """
    return sold_since(title) or title.stock_observed_at


def counted_at(title: Title, dc: str) -> datetime | None:
    """When the copies on hand at a center were counted; its last reading's time where no other is kept."""
    center = title.known.centers.get(dc) if title.known else None
    return center.on_hand_at if center else title.stock_observed_at


def aged_centers(title: Title, at: datetime, max_age: timedelta | None) -> frozenset[str]:
    """The centers whose copies on hand are, at this time, too old to be sold; none without a `max_age`."""
    if max_age is None:
        return frozenset()
    return frozenset(dc for dc, counted in _counted(title).items() if counted and at - counted > max_age)


def valid_until(title: Title, at: datetime, max_age: timedelta | None, zone: ZoneInfo) -> datetime | None:
    """When, not before `at`, what is true of the title then stops being so with time alone; `None`: never.

    That is when the first of the counts that its sale rests on is too old, or the store's midnight of its day
    of publication, whichever comes first.
    """
    ends = [_day(title, zone)]
    if max_age is not None:
        ends += [counted + max_age for counted in _counted(title).values() if counted]
    return min((end for end in ends if end is not None and end >= at), default=None)


def changed_by_time(
    title: Title,
    told_at: datetime,
    told_aged: Collection[str],
    now: datetime,
    max_age: timedelta | None,
    zone: ZoneInfo,
) -> bool:
    """Whether time alone made untrue what the store was told of the title at `told_at`.

    Args:
        title: as it is known now: a newer reading may have come meanwhile.
        told_aged: the centers whose copies were too old to be sold then.
    """
    day = _day(title, zone)
    day_came = day is not None and told_at < day <= now
    return day_came or aged_centers(title, now, max_age) != frozenset(told_aged)


def _day(title: Title, zone: ZoneInfo) -> datetime | None:
    """The moment in the store's time zone at which the title is out."""
    day = title.publication_date
    return None if day is None else datetime.combine(day, time(), zone).astimezone(UTC)


def _counted(title: Title) -> dict[str, datetime | None]:
    """When the copies on hand of each center that has some were counted."""
    return {dc: counted_at(title, dc) for dc, counts in (title.stock or {}).items() if counts[0]}
