"""How long what the store was told of a title stays true: until a count is too old, or its day has come."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ingram_assets.domain.lifetime import counted_at
from ingram_assets.domain.title import Title


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


def aged_centers(title: Title, at: datetime, max_age: timedelta | None) -> frozenset[str]:
    """The centers whose copies on hand were counted too long before `at` to be sold (`None`: never too long).

    Zeros do not age: an old 0 is no reason to sell.
    """
    if max_age is None:
        return frozenset()
    return frozenset(center for center, counted in _counted(title).items() if at - counted > max_age)


def valid_until(title: Title, at: datetime, max_age: timedelta | None, zone: ZoneInfo) -> datetime | None:
    """When, not before `at`, what is true of the title then stops being so with time alone; `None`: never.

    That is when the first of the counts that its sale rests on is too old, or the store's midnight of its day
    of publication, whichever comes first.
    """
    ends = [_day(title, zone)]
    if max_age is not None:
        ends += [counted + max_age for counted in _counted(title).values()]
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


def _counted(title: Title) -> dict[str, datetime]:
    """When the copies on hand of each center that has some were counted, where that is known."""
    with_copies = (center for center, counts in (title.stock or {}).items() if counts[0])
    times = ((center, counted_at(title, center)) for center in with_copies)
    return {center: at for center, at in times if at is not None}
