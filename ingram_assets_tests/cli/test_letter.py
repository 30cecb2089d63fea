"""`ingram letter` on a real queue, journal and Dagster database; and what is left for the watch."""

import json
import time
from datetime import timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import psycopg
import pytest
from click.testing import CliRunner

from ingram_assets.cli.main import main
from ingram_assets.defs.keys import WEEK_JOB
from ingram_assets.defs.operations.week_reader import told_title_week
from ingram_assets.defs.storefront.definitions import defs
from ingram_assets.domain.week import SomeTitles, Week
from ingram_assets.runtime.instance import dagster_instance
from ingram_assets.staging.writer import QueueWriter
from ingram_assets.store.journal import Change, Journal
from ingram_assets_tests.testing.looked_at_shop import LookedAtShop

# Beside the other tests that have a Dagster database, on one worker's PostgreSQL.
pytestmark = pytest.mark.xdist_group("operations")

ZONE = ZoneInfo("America/Chicago")
NOWHERE = "postgresql://nobody:sEcret@127.0.0.1:1/none"


@pytest.fixture
def week(shop: LookedAtShop) -> Week:
    """The last whole week: one title came, one sold out, one came back, and one got another price."""
    week = Week.over_by(time.time(), ZONE)
    sold_out, back, repriced = shop.isbns

    def moved(isbn: str, on_hand: int, hours: int) -> None:
        at = "to_timestamp(%s) + %s"
        shop.queue.sql(
            "INSERT INTO ingram_stock_history (isbn, stock_observed_at, stock_changed_at, stock_json)"
            f" VALUES (%s, {at}, {at}, %s)",
            *(isbn, week.begins, timedelta(hours=hours), week.begins, timedelta(hours=hours)),
            json.dumps({"TN": {"type": "primary", "onHand": on_hand, "onOrder": 0}}),
        )

    shop.queue.sql("DELETE FROM ingram_stock_history")
    shop.queue.sql("UPDATE ingram_queue SET created_at = to_timestamp(%s)::timestamp", week.begins - 86400)
    for isbn, hours, on_hand in (
        *((sold_out, -1, 4), (sold_out, 5, 9), (sold_out, 20, 0)),
        *((back, -2, 0), (back, 30, 12), (repriced, -1, 1), (repriced, 9, 2)),
    ):
        moved(isbn, on_hand, hours)
    with QueueWriter(shop.queue.writer) as writer:
        writer.add_titles([{"isbn": "9781635575637", "title": "Piranesi"}])
    shop.queue.sql(
        "UPDATE ingram_queue SET created_at = (to_timestamp(%s) AT TIME ZONE 'UTC') WHERE title = 'Piranesi'",
        week.begins + 3600,
    )
    with Journal(shop.journal) as journal:
        change = Change("product", repriced, "prod", {"price": 9}, {"price": 10.5}, "why")
        journal.settle(journal.begin("run", [change]))
    return week


def repriced_in(shop: LookedAtShop, week: Week) -> None:
    with psycopg.connect(shop.journal, autocommit=True) as connection:
        connection.execute("UPDATE store_change SET at = to_timestamp(%s)", [week.begins + 3600])


def test_it_names_what_came_sold_out_came_back_and_costs_something_else(shop: LookedAtShop, week: Week):
    repriced_in(shop, week)
    done = CliRunner().invoke(main, ["letter", "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.output.splitlines()[-1])
    assert (said["week"], said["problem"]) == (week.name, None)
    first, *lines = said["body"].splitlines()
    assert first == "1 new title, 0 retired, 1 sold out, 1 back in stock, 1 other price."
    sold_out, back, repriced = shop.isbns
    for heading, title in (
        ("New:", "Piranesi (9781635575637)"),
        ("Sold out:", f"Book {sold_out} ({sold_out})"),
        ("Back in stock:", f"Book {back} ({back})"),
        ("Other prices in the store:", f"Book {repriced} ({repriced}): $9.00 → $10.50"),
    ):
        assert lines[lines.index(heading) + 1] == f"- {title}"
    assert "What was wrong: not known." in lines, "nobody watched yet"


def test_any_week_of_the_shop_may_be_looked_at_but_none_to_come(shop: LookedAtShop, week: Week):
    done = CliRunner().invoke(main, ["letter", "2020-01-01"])
    assert done.exit_code == 2, done.output
    assert "The shop got its first title at " in done.output
    assert "no letter of the week of 2019-12-30" in done.output
    day = week.monday - timedelta(days=1)
    done = CliRunner().invoke(main, ["letter", day.isoformat()])
    assert done.exit_code == 0, done.output
    assert "0 new titles" not in done.output, "the first titles came on this week's last day"
    for day in ("2999-01-01", "9999-12-31"):
        done = CliRunner().invoke(main, ["letter", day])
        assert (done.exit_code, "has not begun yet" in done.output) == (2, True)


def test_without_the_queue_it_says_what_is_not_known(shop: LookedAtShop, week: Week):
    shop.patch.setenv("QUEUE_DB_URL", NOWHERE)
    done = CliRunner().invoke(main, ["letter"])
    assert done.exit_code == 0, done.output
    assert "new titles: not known" in done.output
    assert "sEcret" not in done.output


def test_the_job_of_monday_leaves_it_for_the_watch(shop: LookedAtShop, week: Week):
    repriced_in(shop, week)
    with dagster_instance(shop.common()) as instance:
        assert told_title_week(instance, week) is None
        assert defs.resolve_job_def(WEEK_JOB).execute_in_process(instance=instance).success
        found = told_title_week(instance, week)
    assert found is not None
    assert found.came == SomeTitles(1, ("Piranesi (9781635575637)",))
    assert [each and each.number for each in (found.sold_out, found.back, found.prices)] == [1, 1, 1]


def test_it_is_due_on_monday_mornings_by_the_shop_s_clock():
    (schedule,) = [each for each in defs.schedules or [] if each.name == "weekly_letter"]
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 7 * * 1", "America/Chicago")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
