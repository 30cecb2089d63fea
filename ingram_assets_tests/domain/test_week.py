"""Weeks by the shop's clock."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from ingram_assets.domain.week import NAMED, SomeTitles, Week

ZONE = ZoneInfo("America/Chicago")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp()


@pytest.mark.parametrize("day", ["2026-11-23", "2026-11-26", "2026-11-29"])
def test_a_week_is_from_monday_to_sunday(day: str):
    week = Week.of(date.fromisoformat(day), ZONE)
    assert (week.name, week.begins, week.ends) == ("2026-11-23", at("2026-11-23"), at("2026-11-30"))


@pytest.mark.parametrize(
    ("now", "name"),
    [
        ("2026-11-29T23:59", "2026-11-16"),
        ("2026-11-30T00:00", "2026-11-23"),
        ("2026-12-06T23:59", "2026-11-23"),
    ],
)
def test_the_last_week_that_is_over(now: str, name: str):
    assert Week.over_by(at(now), ZONE).name == name


@pytest.mark.parametrize(("monday", "hours"), [("2026-10-26", 169), ("2027-03-08", 167)])
def test_the_weeks_in_which_clocks_are_changed(monday: str, hours: int):
    week = Week.of(date.fromisoformat(monday), ZONE)
    assert week.ends - week.begins == hours * 3600


def test_a_week_that_lasts_ends_now():
    week = Week.of(date(2026, 11, 23), ZONE)
    assert week.until(at("2026-11-25T12:00")) == at("2026-11-25T12:00")
    assert week.until(datetime(2027, 1, 1, tzinfo=UTC).timestamp()) == week.ends


def test_all_are_counted_and_the_first_named():
    found = SomeTitles.of([str(number) for number in range(300)])
    assert (found.number, len(found.lines), found.lines[-1]) == (300, NAMED, "9")
