"""Clocks that are wrong or change, and the day in the store's own zone.

That a sweep is not postponed when the clock was put back is shown with its sensor
(`locations/test_sweep_sensor.py`).
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from socket import gethostname
from zoneinfo import ZoneInfo

import pytest

from ingram_assets.defs.scraper.jobs import weekly_details
from ingram_assets.defs.storefront import from_settings as store_rules
from ingram_assets.defs.storefront.jobs import reconcile
from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.settings.shared import CommonSettings, store_time_zone
from ingram_assets.staging.reader import QueueReader
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.commands import Shell
from ingram_assets_tests.testing.dagster_internals import schedule_execution_time_iterator
from ingram_assets_tests.testing.oracle import await_quiet
from ingram_assets_tests.testing.queue import Queue, isbn, migrated, outcomes, reading, title
from ingram_assets_tests.testing.running_shop import with_copies
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.stack import Stack

pytestmark = pytest.mark.timeout(900)

CHICAGO = ZoneInfo("America/Chicago")
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def queue(postgres: Postgres) -> Queue:
    return migrated(postgres, "queue_of_the_clocks")


@pytest.fixture
def writer(queue: Queue) -> Iterator[QueueWriter]:
    queue.sql("TRUNCATE ingram_queue, ingram_stock_history, ingram_unread RESTART IDENTITY")
    with QueueWriter(queue.writer) as writer:
        writer.add_titles([title(1)])
        yield writer


def put_the_clock_back(queue: Queue, by: timedelta) -> None:
    """As if all that was recorded so far had been recorded by a clock that was ahead."""
    for table, column in (
        ("ingram_queue", "stock_observed_at"),
        ("ingram_stock_history", "stock_observed_at"),
        ("ingram_unread", "observed_at"),
    ):
        queue.sql(f"UPDATE {table} SET {column} = {column} + %s", by)


def now_reading(on_hand: int) -> dict[str, object]:
    return {**reading(1, on_hand), "observed_at": datetime.now(UTC)}


def test_after_the_clock_was_put_back_readings_count_at_once(queue: Queue, writer: QueueWriter) -> None:
    """Else each would be older than the last one, and the store's numbers stand still for an hour."""
    writer.record_stock([now_reading(410)])
    put_the_clock_back(queue, HOUR)
    assert outcomes(writer.record_stock([now_reading(3)])) == ["changed"]
    failure = {"isbn": isbn(1), "outcome": "changed", "reason": "A page.", "observed_at": datetime.now(UTC)}
    assert outcomes(writer.record_unread([failure])) == ["recorded"]
    put_the_clock_back(queue, HOUR)
    assert outcomes(writer.record_unread([{**failure, "observed_at": datetime.now(UTC)}])) == ["recorded"]
    put_the_clock_back(queue, HOUR)
    assert outcomes(writer.record_stock([now_reading(4)])) == ["changed"]
    with QueueReader(queue.reader) as reader:
        (row,) = reader.titles()
        assert row.stock is not None
        assert row.stock["TN"].on_hand == 4
        assert row.stock_observed_at is not None
        assert row.stock_observed_at <= datetime.now(UTC)
        assert reader.summary().unread == 0, "it was read since"
        # The changes' own stamps only ever rise, so the storefront's cursor misses none.
        stamps = [change.stock_changed_at for change in reader.changes_since(None).changes]
    assert stamps == sorted(stamps)


def test_a_reading_that_is_older_is_still_stale(writer: QueueWriter) -> None:
    writer.record_stock([now_reading(410)])
    late = {**now_reading(3), "observed_at": datetime.now(UTC) - HOUR}
    assert outcomes(writer.record_stock([late])) == ["stale"]


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(61, "61 min ahead of"), (-61, "61 min behind"), (4, None), (-4, None)],
)
def test_a_machine_whose_clock_is_wrong_is_told_so(
    writer: QueueWriter, minutes: int, words: str | None
) -> None:
    """One sentence, in place of a hundred readings refused, or taken for older than what is known."""
    clock = datetime.now(UTC) + timedelta(minutes=minutes)
    if words is None:
        writer.check_clock(clock)
        return
    with pytest.raises(NeedsPerson, match=rf"this machine \({gethostname()}\) is {words} that of the"):
        writer.check_clock(clock)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2027-02-03T05:59:59+00:00", "2027-02-02"),
        ("2027-02-03T06:00:00+00:00", "2027-02-03"),
        # Summer time: midnight is at five.
        ("2027-07-03T04:59:59+00:00", "2027-07-02"),
        ("2027-07-03T05:00:00+00:00", "2027-07-03"),
        # The nights of the change, in March and November.
        ("2027-03-14T05:59:59+00:00", "2027-03-13"),
        ("2027-03-14T06:00:00+00:00", "2027-03-14"),
        ("2027-03-15T04:59:59+00:00", "2027-03-14"),
        ("2027-03-15T05:00:00+00:00", "2027-03-15"),
        ("2027-11-07T05:00:00+00:00", "2027-11-07"),
        ("2027-11-08T05:59:59+00:00", "2027-11-07"),
        ("2027-11-08T06:00:00+00:00", "2027-11-08"),
    ],
)
def test_the_stores_midnight(monkeypatch: pytest.MonkeyPatch, moment: str, day: str) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.fromisoformat(moment).astimezone(tz)

    monkeypatch.setattr(store_rules, "datetime", Clock)
    common = CommonSettings.model_validate({"DAGSTER_PG_URL": "postgresql://x"})
    assert store_rules.store_today(common) == date.fromisoformat(day)


@pytest.mark.parametrize("first", ["2027-03-12", "2027-11-05"])
def test_what_is_scheduled_comes_once_a_day_over_the_change_of_the_clock(first: str) -> None:
    begin = datetime.fromisoformat(first).replace(tzinfo=CHICAGO)
    for schedule, days in ((reconcile, 1), (weekly_details, 7)):
        assert isinstance(schedule.cron_schedule, str)
        times = schedule_execution_time_iterator(
            begin.timestamp(), schedule.cron_schedule, schedule.execution_timezone or "UTC"
        )
        found = [next(times).astimezone(CHICAGO) for _ in range(6)]
        assert [(later.date() - sooner.date()).days for sooner, later in pairwise(found)] == [days] * 5
        assert len({(at.hour, at.minute) for at in found}) == 1


def test_the_daily_reconcile_keeps_the_stores_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is what releases a preorder whose day has come, with no reading that changed."""
    monkeypatch.delenv("STORE_TIME_ZONE", raising=False)
    assert store_time_zone() == reconcile.execution_timezone == "America/Chicago"
    monkeypatch.setenv("STORE_TIME_ZONE", "Pacific/Auckland")
    assert store_time_zone() == "Pacific/Auckland"


@pytest.mark.long
@pytest.mark.usefixtures("good_weather")
def test_a_title_is_out_when_its_day_begins_in_the_stores_zone(
    stack: Stack, scraper: Shell, storefront: Shell
) -> None:
    """At any moment it is another day in Kiritimati than twelve hours west of Greenwich."""
    await_quiet(stack)
    isbn_ = with_copies(stack)[-1]
    before = stack.simulator.entry(isbn_)["publication_date"]
    day = datetime.now(ZoneInfo("Pacific/Kiritimati")).date()
    stack.simulator.edit(isbn_, publication_date=day.isoformat())
    try:
        assert scraper("enrich", isbn_, "--json").exit_code == 0

        def status(**settings: str) -> str:
            told = storefront.with_(**settings)("explain", isbn_, "--json")
            assert told.exit_code == 0, told.errors
            return told.result["status"]

        assert status(STORE_TIME_ZONE="Pacific/Kiritimati") == "in_stock"
        assert status(STORE_TIME_ZONE="Pacific/Kiritimati", TZ="Etc/GMT+12") == "in_stock"
        assert status(STORE_TIME_ZONE="Etc/GMT+12") == "preorder"
        assert status(STORE_TIME_ZONE="Etc/GMT+12", TZ="Pacific/Kiritimati") == "preorder"
    finally:
        stack.simulator.edit(isbn_, publication_date=before)
        assert scraper("enrich", isbn_, "--json").exit_code == 0
