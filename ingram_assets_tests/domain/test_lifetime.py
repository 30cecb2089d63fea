"""How long what the store was told stays true, as tables of cases."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ingram_assets.domain.lifetime import aged_centers, changed_by_time, valid_until
from ingram_assets.domain.readings import Center, KnownStock
from ingram_assets.domain.stock import DcStock
from ingram_assets.domain.title import Title

ZONE = ZoneInfo("America/Chicago")
NOW = datetime(2026, 10, 31, 20, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def title(day: date | None = None, **centers: tuple[int | None, float]) -> Title:
    """A title with (copies, hours since they were counted) at each center."""
    known, newest = {}, None
    for name, (copies, hours) in centers.items():
        at = NOW - timedelta(hours=hours)
        newest = at if newest is None else max(at, newest)
        known[name] = Center(DcStock(copies, 0), at, at, at)
    stock = {name: center.counts for name, center in known.items()}
    plain = Title(1, "9780306406157", "A book", stock=stock or None, stock_observed_at=newest)
    return replace(plain, publication_date=day, known=KnownStock(known) if known else None)


@pytest.mark.parametrize(
    ("of", "hours"),
    [
        (title(), None),
        (title(TN=(5, 1)), 23),
        (title(TN=(5, 1), PA=(3, 20)), 4),
        # What is too old already ends no more; nor does what is none, or is not known.
        (title(TN=(5, 1), PA=(3, 30)), 23),
        (title(TN=(5, 1), PA=(0, 20)), 23),
        (title(TN=(5, 1), PA=(None, 20)), 23),
        (title(TN=(0, 1)), None),
        (title(TN=(5, 30)), None),
    ],
)
def test_a_count_lives_for_a_day(of: Title, hours: float | None) -> None:
    until = None if hours is None else NOW + timedelta(hours=hours)
    assert valid_until(of, NOW, DAY, ZONE) == until
    assert valid_until(of, NOW, None, ZONE) is None, "a shop that sells as before"


@pytest.mark.parametrize(
    ("day", "until"),
    [
        (date(2026, 10, 31), None),  # It is out already: 15:00 there.
        (date(2026, 11, 1), datetime(2026, 11, 1, 5, 0, tzinfo=UTC)),
        (date(2026, 11, 2), datetime(2026, 11, 2, 6, 0, tzinfo=UTC)),  # Summer time has ended.
        (date(2024, 2, 29), None),
    ],
)
def test_a_preorder_ends_at_the_store_s_midnight(day: date, until: datetime | None) -> None:
    assert valid_until(title(day), NOW, DAY, ZONE) == until
    assert valid_until(title(day, TN=(5, 1)), NOW, None, ZONE) == until
    early = valid_until(title(day, TN=(5, 23)), NOW, DAY, ZONE)
    assert early == NOW + timedelta(hours=1), "whichever comes first"


def test_the_centers_that_are_too_old() -> None:
    of = title(TN=(5, 25), PA=(3, 23), IN=(0, 99), OR=(None, 99))
    assert aged_centers(of, NOW, DAY) == {"TN"}
    assert aged_centers(of, NOW + timedelta(hours=2), DAY) == {"TN", "PA"}
    assert aged_centers(of, NOW, None) == frozenset()


@pytest.mark.parametrize(
    ("of", "told_hours_ago", "told_aged", "changed"),
    [
        (title(TN=(5, 1)), 25, [], False),
        (title(TN=(5, 25)), 25, [], True),
        (title(TN=(5, 25)), 1, ["TN"], False),
        (title(TN=(5, 1)), 1, ["TN"], True),
        (title(TN=(5, 25), PA=(3, 1)), 1, ["TN", "PA"], True),
        (title(date(2026, 10, 31), TN=(5, 1)), 16, [], True),
        (title(date(2026, 10, 31), TN=(5, 1)), 14, [], False),
        (title(date(2026, 11, 1), TN=(5, 1)), 16, [], False),
    ],
)
def test_what_time_alone_has_changed(of: Title, told_hours_ago: float, told_aged: list[str], changed: bool):
    told_at = NOW - timedelta(hours=told_hours_ago)
    assert changed_by_time(of, told_at, told_aged, NOW, DAY, ZONE) is changed


def test_it_changes_when_it_was_said_to() -> None:
    """What is valid until a moment is unchanged before it and changed after it."""
    for of in (title(TN=(5, 1), PA=(3, 20)), title(date(2026, 11, 1), TN=(5, 1)), title(date(2026, 11, 3))):
        until = valid_until(of, NOW, DAY, ZONE)
        assert until is not None
        told = (NOW, aged_centers(of, NOW, DAY))
        assert not changed_by_time(of, *told, until - timedelta(seconds=1), DAY, ZONE)
        unchanged_yet = not changed_by_time(of, *told, until, DAY, ZONE)
        assert not unchanged_yet or valid_until(of, until, DAY, ZONE) == until, "it is looked at again"
        assert changed_by_time(of, *told, until + timedelta(seconds=1), DAY, ZONE)
