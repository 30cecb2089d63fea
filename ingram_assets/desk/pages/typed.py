"""What a person typed into a form: read with patience, and refused in words that name the field."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from uuid import uuid4
from zoneinfo import ZoneInfo

from fastapi import Depends, Request

from ingram_assets.domain.failures import Permanent
from ingram_assets.store.inventory.model import MAX_QUANTITY, Reason

_LONGEST = 200
_NUMBER = re.compile(r"([+\-\u2212])?\s*(\d{1,3}(?:,\d{3})+|\d+)")


class FormFault(Permanent):
    """A field of a form can't be meant as it is. Nothing was done."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Typed:
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

    def until(self, field: str, zone: ZoneInfo) -> datetime | None:
        """The end of a day, or a moment, in the zone; `None` where nothing was typed. Raises FormFault."""
        typed = self.values.get(field, "").strip()
        if not typed:
            return None
        try:
            if len(typed) <= 10:
                following = date.fromisoformat(typed) + timedelta(days=1)
                return datetime.combine(following, time(), zone).astimezone(UTC)
            return datetime.fromisoformat(typed).replace(tzinfo=zone).astimezone(UTC)
        except (ValueError, OverflowError):
            raise FormFault(field, "A day is needed, such as 2026-12-24.") from None

    @property
    def key(self) -> str:
        """Of the form as it was rendered: sent twice, what it asks is done once."""
        key = self.values.get("key", "")
        return key if re.fullmatch(r"[0-9a-f-]{36}", key) else str(uuid4())


@dataclass(frozen=True, slots=True)
class Days:
    """A span of days of a filter, in UTC; `fault`: why what was typed is none, "" if it is one."""

    since: datetime | None = None
    until: datetime | None = None
    fault: str = ""

    @classmethod
    def of(cls, first: str, last: str, zone: ZoneInfo) -> "Days":
        """From the first day's begin to the last day's end, in the zone; "": open."""
        typed = Typed({"last": last})
        try:
            begin = datetime.combine(date.fromisoformat(first), time(), zone) if first else None
            return cls(begin and begin.astimezone(UTC), typed.until("last", zone))
        except (ValueError, OverflowError, FormFault):
            return cls(fault="A day is needed, such as 2026-12-24: no day was filtered.")


def new_key() -> str:
    """For a form that is rendered."""
    return str(uuid4())


async def _typed(request: Request) -> Typed:
    form = await request.form()
    return Typed({name: value for name, value in form.items() if isinstance(value, str)})


Form = Annotated[Typed, Depends(_typed)]
