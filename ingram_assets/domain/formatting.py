"""Times, durations and counts, as a person reads them."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

_UTC_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(?: UTC|\+00:00|Z)")


def count(number: float | None) -> str:
    """1,234; "unknown" for what was not read."""
    return "unknown" if number is None else f"{number:,}"


def moment(at: datetime | None) -> str:
    """2026-11-28 18:37:32 UTC; "ever" where nobody knows since when."""
    return "ever" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def local_moment(at: datetime | None, zone: tzinfo) -> str:
    """2026-11-28 12:37 CST, in the shop's zone; "ever" where nobody knows since when."""
    return "ever" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def with_moments(text: str, words: Callable[[datetime], str]) -> str:
    """A sentence with its times told otherwise: those of our own sentences are in UTC.

    Args:
        words: a moment, as whoever reads the sentence is told it.
    """

    def told(found: re.Match[str]) -> str:
        try:
            return words(datetime.fromisoformat(found[1]).replace(tzinfo=UTC))
        except (ValueError, OverflowError):
            return found[0]  # No time of ours: what a site or a person wrote is in there, too.

    return _UTC_MOMENT.sub(told, text)


def minutes(span: timedelta) -> str:
    """90 min: readings are promised in hours, and watched in minutes."""
    return f"{span.total_seconds() / 60:,.0f} min"


def size(count: int) -> str:
    """So many bytes, for a person."""
    for unit, of in (("GB", 1e9), ("MB", 1e6)):
        if count >= of:
            return f"{count / of:.1f} {unit}"
    return f"{max(1, round(count / 1000))} kB"
