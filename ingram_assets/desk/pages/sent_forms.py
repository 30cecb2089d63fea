"""What a person typed into a form: read with patience, and refused in words that name the field."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from uuid import uuid4
from zoneinfo import ZoneInfo

from fastapi import Depends, Request

from ingram_assets.domain.failures import Permanent
from ingram_assets.store.inventory.model import MAX_QUANTITY, Reason

_LONGEST = 200
_NUMBER = re.compile(r"([+\-\u2212])?\s*(\d{1,3}(?:,\d{3})+|\d+)")


EARLIEST, LATEST = date(1900, 1, 1), date(2199, 12, 31)
"""Days that a filter takes."""


class FormFault(Permanent):
    """A field of a form can't be meant as it is. Nothing was done."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class SentForm:
    """A form as it was sent."""

    values: Mapping[str, str]

    def text(self, field: str, longest: int = _LONGEST) -> str | None:
        """A line of text; `None` where nothing was typed. Raises FormFault."""
        value = " ".join(self.values.get(field, "").split())
        if len(value) > longest:
            raise FormFault(field, f"At most {longest} characters.")
        if not value.isprintable():
            raise FormFault(field, "It has a character that can't be shown: type it anew.")
        return value or None

    def needed(self, field: str, words: str) -> str:
        """A line of text that has to be there. Raises FormFault."""
        value = self.text(field)
        if value is None:
            raise FormFault(field, words)
        return value

    def whole(self, field: str, *, least: int, most: int = MAX_QUANTITY) -> int:
        """A whole number, with a sign or commas if need be. Raises FormFault."""
        typed = self.values.get(field, "").strip()
        found = _NUMBER.fullmatch(typed)
        if not found:
            raise FormFault(field, "A whole number is needed, such as 3." if typed else "A number is needed.")
        digits = found[2].replace(",", "")
        number = int(digits[:12]) * (-1 if found[1] in ("-", "\u2212") else 1)
        if not least <= number <= most:
            raise FormFault(field, f"It has to be between {least:,} and {most:,}.")
        return number

    def seen(self) -> int | None:
        """The quantity that stood on the page; `None`: none did. Raises FormFault."""
        seen = self.values.get("expected_quantity")
        try:
            return int(seen) if seen else None
        except ValueError:
            raise FormFault("expected_quantity", "Load the page anew, and send the form again.") from None

    def reason(self) -> Reason | None:
        """Why, if it was chosen. Raises FormFault."""
        chosen = self.values.get("reason", "")
        try:
            return Reason(chosen) if chosen else None
        except ValueError:
            raise FormFault("reason", "Choose one of the reasons.") from None

    def day(self, field: str, first: date = EARLIEST, last: date = LATEST) -> date | None:
        """A day between two; `None` where nothing was typed. Raises FormFault."""
        typed = self.values.get(field, "").strip()
        if not typed:
            return None
        try:
            if first <= (day := date.fromisoformat(typed)) <= last:
                return day
        except ValueError:
            pass
        raise FormFault(field, f"Give a day from {first} to {last}, written as here: year-month-day.")

    @property
    def key(self) -> str:
        """Of the form as it was rendered: sent twice, what it asks is done once."""
        key = self.values.get("key", "")
        return key if re.fullmatch(r"[0-9a-f-]{36}", key) else str(uuid4())


@dataclass(frozen=True, slots=True)
class DaySpan:
    """A span of days of a filter, in UTC; `faults`: why what was typed is none, by "first" and "last"."""

    since: datetime | None = None
    until: datetime | None = None
    faults: Mapping[str, str] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, first: str, last: str, zone: ZoneInfo) -> "DaySpan":
        """From the first day's begin to the last day's end, in the zone; "", or no day: open."""
        typed, faults = SentForm({"first": first, "last": last}), {}
        days: dict[str, date | None] = {}
        for name in typed.values:
            try:
                days[name] = typed.day(name)
            except FormFault as fault:
                faults[name] = f"{fault} It was left out."
        begin, end = days.get("first"), days.get("last")
        return cls(
            begin_of(begin, zone) if begin else None,
            begin_of(end + timedelta(days=1), zone) if end else None,
            faults,
        )


def begin_of(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins in the zone, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def new_key() -> str:
    """For a form that is rendered."""
    return str(uuid4())


async def _typed(request: Request) -> SentForm:
    form = await request.form()
    return SentForm({name: value for name, value in form.items() if isinstance(value, str)})


Form = Annotated[SentForm, Depends(_typed)]
