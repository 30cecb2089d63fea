"""The hours of a day in which nobody wants to be told what can wait. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

_FORM = re.compile(r"\s*([01]?[0-9]|2[0-3]):([0-5][0-9])\s*[-\u2013]\s*([01]?[0-9]|2[0-3]):([0-5][0-9])\s*")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one time of the day until another, by the wall's clock; past midnight where `end` is earlier."""

    begin: time
    end: time

    @classmethod
    def parse(cls, text: str) -> Self:
        """What "22:00-07:00" means. Raises ValueError: it is none, or has no length."""
        if (found := _FORM.fullmatch(text)) is None:
            raise ValueError("it has to be two times of the day, as 22:00-07:00")
        first, first_minute, last, last_minute = map(int, found.groups())
        hours = cls(time(first, first_minute), time(last, last_minute))
        if hours.begin == hours.end:
            raise ValueError("its two times are the same: nothing would be quiet, or all of the day")
        return hours

    def are_at(self, at: float, zone: ZoneInfo) -> bool:
        """Whether they are at this moment (seconds since 1970).

        Each night begins once and ends once. Where clocks are turned back over one of the two times it is
        the first time that counts; where they skip it, as long after the hour before as on other days.
        """
        moment = datetime.fromtimestamp(at, UTC)
        today = moment.astimezone(zone).date()
        for day in (today - timedelta(days=1), today):
            last = day if self.begin < self.end else day + timedelta(days=1)
            begin = datetime.combine(day, self.begin, zone).astimezone(UTC)
            if begin <= moment < datetime.combine(last, self.end, zone).astimezone(UTC):
                return True
        return False
