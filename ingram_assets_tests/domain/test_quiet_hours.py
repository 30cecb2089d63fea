from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ingram_assets.domain.quiet_hours import QuietHours

CHICAGO = ZoneInfo("America/Chicago")
FORWARD, BACK = "2027-03-14", "2027-11-07"
"""In Chicago 02:00 becomes 03:00; 02:00 becomes 01:00 once more."""


def quiet_in(text: str, first_day: str, days: int = 2) -> list[str]:
    """Each beginning and end, in UTC, minute by minute from a day's noon before."""
    hours = QuietHours.parse(text)
    at = datetime.fromisoformat(f"{first_day}T12:00").replace(tzinfo=CHICAGO).astimezone(UTC)
    at -= timedelta(days=1)
    turns, was = [], hours.are_at(at.timestamp(), CHICAGO)
    for _ in range(days * 24 * 60):
        at += timedelta(minutes=1)
        if (now := hours.are_at(at.timestamp(), CHICAGO)) is not was:
            turns.append(f"{at:%dT%H:%M}Z")
            was = now
    return turns


@pytest.mark.parametrize(
    ("text", "day", "turns"),
    [
        # An ordinary night (CST, six hours behind), and hours of one day.
        ("22:00-07:00", "2027-01-10", ["10T04:00Z", "10T13:00Z", "11T04:00Z"]),
        ("12:30-13:30", "2027-01-10", ["09T18:30Z", "09T19:30Z", "10T18:30Z", "10T19:30Z"]),
        # The night loses an hour, and gains one: it ends when the clock says so.
        ("22:00-07:00", FORWARD, ["14T04:00Z", "14T12:00Z", "15T03:00Z"]),
        ("22:00-07:00", BACK, ["07T03:00Z", "07T13:00Z", "08T04:00Z"]),
        # Its end is a time that there is not: as long as on other days.
        ("22:00-02:30", FORWARD, ["14T04:00Z", "14T08:30Z", "15T03:00Z", "15T07:30Z"]),
        # Its end is a time that comes twice: the first one, and it does not begin anew.
        ("22:00-01:30", BACK, ["07T03:00Z", "07T06:30Z", "08T04:00Z", "08T07:30Z"]),
        ("01:30-06:00", BACK, ["07T06:30Z", "07T12:00Z", "08T07:30Z", "08T12:00Z"]),
        ("02:30-06:00", FORWARD, ["14T08:30Z", "14T11:00Z", "15T07:30Z", "15T11:00Z"]),
    ],
)
def test_each_night_begins_once_and_ends_once(text: str, day: str, turns: list[str]) -> None:
    assert [one for one in quiet_in(text, day) if one <= turns[-1]] == turns


@pytest.mark.parametrize(
    "text", ["", "22-7", "22:00", "24:00-07:00", "22:60-07:00", "9:00-09:00", "10pm-7am"]
)
def test_what_can_not_be_meant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"22:00-07:00|are the same"):
        QuietHours.parse(text)


def test_a_dash_may_be_a_long_one_with_blanks() -> None:
    assert QuietHours.parse(" 22:00 \u2013 7:00 ") == QuietHours.parse("22:00-07:00")
