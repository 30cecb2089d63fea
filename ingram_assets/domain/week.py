"""A week of the shop: from Monday to Sunday by its clock, and what of its titles came, went or changed in it.

What is not known is `None`, never an empty list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

NAMED = 10
"""So many titles are named under a heading."""


@dataclass(frozen=True, slots=True)
class Week:
    """From the midnight before a Monday to that before the next one, by the shop's clock.

    Args:
        monday: its first day.
        begins, ends: seconds since 1970.
    """

    monday: date
    begins: float
    ends: float

    @classmethod
    def of(cls, day: date, zone: ZoneInfo) -> Self:
        """The week that a day is in."""
        monday = day - timedelta(days=day.weekday())
        ends = [datetime.combine(monday + timedelta(days=days), time(), zone).timestamp() for days in (0, 7)]
        return cls(monday, *ends)

    @classmethod
    def over_by(cls, at: float, zone: ZoneInfo) -> Self:
        """The last week that was over at a moment."""
        today = datetime.fromtimestamp(at, UTC).astimezone(zone).date()
        return cls.of(today - timedelta(days=today.weekday() + 1), zone)

    @property
    def name(self) -> str:
        """Its Monday, as 2027-03-01."""
        return self.monday.isoformat()

    def until(self, now: float) -> float:
        """Its end, or now while it lasts."""
        return min(self.ends, now)


class SomeTitles(NamedTuple):
    """How many titles there are, and a line on each of the first of them."""

    number: int
    lines: tuple[str, ...] = ()

    @classmethod
    def of(cls, lines: Sequence[str]) -> "SomeTitles":
        """So many as there are lines, of which the first are kept."""
        return cls(len(lines), tuple(lines[:NAMED]))


@dataclass(frozen=True, slots=True)
class TitleWeek:
    """What became of the shop's titles in a week; `None`: it is not known.

    Args:
        came: titles that the queue had never had before.
        sold_out: Ingram had copies when the week began, and none at its end; `back`: the other way around.
        prices: those that the store shows otherwise than when the week began.
    """

    came: SomeTitles | None = None
    sold_out: SomeTitles | None = None
    back: SomeTitles | None = None
    prices: SomeTitles | None = None


def called(isbn: str, title: str | None) -> str:
    """A title as people call it, with its ISBN."""
    return f"{title} ({isbn})" if title else isbn
