"""Times, durations and counts, as a person reads them."""

from datetime import UTC, datetime, timedelta, tzinfo


def count(number: float | None) -> str:
    """1,234; "unknown" for what was not read."""
    return "unknown" if number is None else f"{number:,}"


def moment(at: datetime | None) -> str:
    """2026-11-28 18:37:32 UTC; "ever" where nobody knows since when."""
    return "ever" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def local_moment(at: datetime | None, zone: tzinfo) -> str:
    """2026-11-28 12:37 CST, in the shop's zone; "ever" where nobody knows since when."""
    return "ever" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def minutes(span: timedelta) -> str:
    """90 min: readings are promised in hours, and watched in minutes."""
    return f"{span.total_seconds() / 60:,.0f} min"
