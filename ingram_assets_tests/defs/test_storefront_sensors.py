"""The storefront's sensors on a real store and a real queue, ticked as Dagster's daemon ticks them."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import psycopg
import pytest

from ingram_assets.defs.keys import ISBNS_NAME, RETIRED_NAME
from ingram_assets.defs.storefront import checks, sensors
from ingram_assets.defs.storefront.checks import STORE_FOLLOWS_QUEUE
from ingram_assets.defs.storefront.decisions import MANY_ZEROES, SensorCursor
from ingram_assets.defs.storefront.definitions import defs
from ingram_assets.domain.stock import DcStock
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.storefront import NAME, Storefront

pytestmark = pytest.mark.xdist_group("medusa")

REPOSITORY = defs.get_repository_def()


@dataclass
class Daemon:
    """Ticks one sensor, and starts the runs that it asks for as the daemon does: one for a run key."""

    shop: Storefront
    sensor: str
    cursor: str | None = None
    started: list[dg.ExecuteInProcessResult] = field(default_factory=list)
    said: str = ""

    def tick(self) -> list[str]:
        """One tick and its run; the ISBNs of the run that was started."""
        asked = self.ask()
        for one in asked:
            tags = {**one.tags, "dagster/run_key": str(one.run_key)}
            wanted = dg.RunsFilter(tags={"dagster/run_key": str(one.run_key)})
            if not self.shop.instance.get_runs(wanted, limit=1):
                self.started.append(
                    defs.resolve_job_def("push").execute_in_process(
                        run_config=one.run_config,
                        instance=self.shop.instance,
                        tags=tags,
                        raise_on_error=False,
                    )
                )
        return [isbn for one in asked for isbn in one.run_config["ops"]["push_titles"]["config"]["isbns"]]

    def ask(self) -> list[Any]:
        """One tick; the runs that it asks for, not started."""
        data = self.evaluate()
        self.said = data.skip_message or ""
        return list(data.run_requests or [])

    def evaluate(self) -> Any:
        with dg.build_sensor_context(
            instance=self.shop.instance,
            cursor=self.cursor,
            repository_def=REPOSITORY,
            resources=defs.resources,
        ) as context:
            data = REPOSITORY.get_sensor_def(self.sensor).evaluate_tick(context)
        self.cursor = data.cursor
        return data


class Clock:
    """The sensors' clock: `ahead` seconds before the machine's."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def time(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(sensors, "time", clock)
    return clock


@pytest.fixture(autouse=True)
def nothing_waits(storefront: Storefront) -> Iterator[None]:
    """What a test left is in step, so that the next one hears of its own titles alone."""
    yield
    storefront.queue.sql("DELETE FROM ingram_unread")
    storefront.queue.sql("DELETE FROM ingram_queue WHERE imported_at IS NULL")
    assert storefront.push(let_through=True).succeeded


def caught_up(shop: Storefront) -> Daemon:
    """The sensor of stock changes with its cursor behind all that there is."""
    daemon = Daemon(shop, "stock_changes")
    while daemon.tick() or daemon.said == "A push of the last changes is at work.":
        pass
    return daemon


def spoil(shop: Storefront, isbns: list[str], copies: int) -> None:
    """Somebody sets levels by hand."""
    (location,) = shop.shop.get("stock-locations", name=NAME)["stock_locations"]
    for isbn in isbns:
        shop.shop.set_level(isbn, location["id"], copies)


def told(shop: Storefront, isbn: str) -> Any:
    """What the journal has of a title: (valid_until, pushed_at, stock_changed_at)."""
    with psycopg.connect(shop.journal) as connection:
        return connection.execute(
            "SELECT valid_until, pushed_at, stock_changed_at FROM store_in_step WHERE isbn = %s", [isbn]
        ).fetchone()


def journal(shop: Storefront, statement: str, *values: Any) -> None:
    with psycopg.connect(shop.journal, autocommit=True) as connection:
        connection.execute(statement, values)


class TestStockChanges:
    def test_a_reset_cursor_pushes_all_again(self, storefront: Storefront) -> None:
        isbns = storefront.titles(3)
        daemon = caught_up(storefront)
        assert [storefront.level(isbn) for isbn in isbns] == [10, 10, 10]
        for cursor in (None, "", "what a person typed"):
            spoil(storefront, isbns, 99)
            daemon.cursor = cursor
            assert set(isbns) <= set(daemon.tick())
            assert [storefront.level(isbn) for isbn in isbns] == [10, 10, 10], cursor

    def test_what_a_failed_push_was_for_is_asked_for_again_after_pauses(
        self,
        storefront: Storefront,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        isbns = storefront.titles(2)
        daemon = caught_up(storefront)
        storefront.read(isbns, 4)
        with monkeypatch.context() as patch:
            patch.setenv("MEDUSA_PASSWORD", "wrong-word")
            for waited in (15, 60, 300, 300):
                runs = len(daemon.started)
                assert daemon.tick() == isbns
                for _ in range(3):
                    assert daemon.tick() == []
                    assert "What a failed push was for is tried again in" in daemon.said
                clock.ahead += waited - 5
                assert daemon.tick() == []
                clock.ahead += 6
                assert len(daemon.started) == runs + 1
                assert not daemon.started[-1].success
        assert [storefront.level(isbn) for isbn in isbns] == [10, 10]
        assert daemon.tick() == isbns
        assert [storefront.level(isbn) for isbn in isbns] == [4, 4]
        assert daemon.tick() == []
        assert SensorCursor.parse(daemon.cursor).held == ()

    def test_a_push_that_a_guardrail_stopped_holds_back_nothing_that_changes_after_it(
        self, storefront: Storefront, clock: Clock
    ) -> None:
        storefront.queue.sql("TRUNCATE ingram_queue, ingram_stock_history, ingram_unread RESTART IDENTITY")
        isbns = storefront.titles(10)
        assert storefront.push().succeeded
        daemon = caught_up(storefront)
        doubted, falls, sells_out, sold = isbns[:6], isbns[6:7], isbns[7], isbns[8:]
        storefront.read(doubted, 0)
        assert daemon.tick() == doubted
        assert not daemon.started[-1].success
        storefront.read(falls, 4)
        assert daemon.tick() == falls
        assert daemon.started[-1].success
        assert storefront.level(falls[0]) == 4
        assert daemon.tick() == []
        # One more that turns to zero is judged with all that would: it may be of the same false sweep.
        storefront.read([sells_out], 0)
        assert daemon.tick() == [sells_out]
        assert not daemon.started[-1].success
        storefront.read(sold, 3)
        assert daemon.tick() == sold
        assert [storefront.level(isbn) for isbn in isbns] == [10] * 6 + [4, 10, 3, 3]
        # Each that was stopped is asked for again, after its own pause and by itself.
        clock.ahead += 16
        assert [daemon.tick() for _ in range(3)] == [doubted, [sells_out], []]
        storefront.read(doubted, 10)
        assert daemon.tick() == doubted, "the pages are right again"
        clock.ahead += 61
        assert [daemon.tick() for _ in range(3)] == [doubted, [sells_out], []]
        assert [storefront.level(isbn) for isbn in isbns] == [10] * 6 + [4, 0, 3, 3]
        assert SensorCursor.parse(daemon.cursor).held == ()

    def test_many_zeroes_wait_for_the_sweep_and_fewer_do_not(
        self,
        storefront: Storefront,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        isbns = storefront.titles(MANY_ZEROES)
        daemon = caught_up(storefront)
        sweep = SimpleNamespace(job_name="sync_stock")
        monkeypatch.setattr(
            sensors, "runs_at_work", lambda _, location: [sweep] if location == "scraper" else []
        )
        few, last = isbns[:-1], isbns[-1]
        storefront.read(few, 0)
        assert len(daemon.ask()) == 1, "so few may be a day's sales"
        daemon.cursor = SensorCursor(SensorCursor.parse(daemon.cursor).cursor).dump()
        storefront.read([last], 0)
        assert daemon.ask() == []
        assert f"{MANY_ZEROES} titles turned to zero" in daemon.said
        monkeypatch.setattr(sensors, "runs_at_work", lambda *_: [])
        assert len(daemon.ask()) == 1


class TestRowsToImport:
    def unread(self, shop: Storefront, isbns: list[str]) -> None:
        """The site is down: a guardrail stops every push."""
        shop.queue.sql(
            "INSERT INTO ingram_unread SELECT unnest(%s::text[]), 'transient', 'no answer', now(), now(), 1",
            isbns,
        )

    def old(self, shop: Storefront, *isbns: str) -> None:
        shop.queue.sql(
            "UPDATE ingram_queue SET created_at = now() - interval '1 hour' WHERE isbn = ANY(%s)", list(isbns)
        )

    def test_a_stopped_import_waits_longer_each_time_and_holds_back_no_other(
        self,
        storefront: Storefront,
        clock: Clock,
    ) -> None:
        there = storefront.titles(60)
        assert storefront.push(let_through=True).succeeded
        self.unread(storefront, there)
        (old,) = storefront.titles(1)
        self.old(storefront, old)
        daemon = Daemon(storefront, "rows_to_import")
        for waited in (15, 60, 300):
            assert daemon.tick() == [old]
            assert not daemon.started[-1].success
            for _ in range(3):
                assert daemon.tick() == []
                assert "the last push failed, again in" in daemon.said
            clock.ahead += waited + 1
        assert daemon.tick() == [old]
        assert len(daemon.started) == 4
        (new,) = storefront.titles(1)
        self.old(storefront, new)
        assert daemon.tick() == [new], "it has not failed yet"
        storefront.queue.sql("DELETE FROM ingram_unread")
        clock.ahead += 301
        assert daemon.tick() == [old]
        clock.ahead += 16
        assert daemon.tick() == [new]
        assert [storefront.level(isbn) for isbn in (old, new)] == [10, 10]
        assert daemon.tick() == []
        assert daemon.said == "No rows to import."

    def test_a_row_with_a_binding_and_no_cover_waits(self, storefront: Storefront) -> None:
        covered, bare = storefront.titles(2)
        cover = "UPDATE ingram_queue SET cover_url = 'https://covers.example/1.jpg' WHERE isbn = %s"
        storefront.queue.sql(cover, covered)
        daemon = Daemon(storefront, "rows_to_import")
        assert daemon.tick() == [covered]
        assert daemon.tick() == []
        self.old(storefront, bare)
        assert daemon.tick() == [bare]


def test_no_sensor_asks_for_a_retired_title(storefront: Storefront) -> None:
    there, waits = storefront.titles(2)
    daemon = caught_up(storefront)
    storefront.queue.sql("UPDATE ingram_queue SET imported_at = NULL WHERE isbn = %s", waits)
    storefront.queue.sql("UPDATE ingram_queue SET created_at = now() - interval '1 hour'")
    journal(storefront, "UPDATE store_in_step SET valid_until = now() WHERE isbn = %s", there)
    storefront.instance.add_dynamic_partitions(RETIRED_NAME, [there, waits])
    storefront.read([there], 3)
    spoil(storefront, [there], 0)
    assert daemon.tick() == []
    assert daemon.tick() == []
    for sensor in ("rows_to_import", "clock_changes"):
        assert Daemon(storefront, sensor).tick() == [], sensor
    # Taken back, it is brought in step although nothing of it is read anew.
    storefront.instance.delete_dynamic_partition(RETIRED_NAME, there)
    assert Daemon(storefront, "clock_changes").tick() == [there]
    assert storefront.level(there) == 3
    storefront.instance.delete_dynamic_partition(RETIRED_NAME, waits)


class TestClockChanges:
    def sold_an_hour_ago(
        self, shop: Storefront, patch: pytest.MonkeyPatch, count: int, copies: int = 10
    ) -> list[str]:
        """Titles that were read two hours ago and pushed an hour ago; counts live for 90 minutes."""
        isbns = shop.titles(count, None)
        read_at, pushed_at = (datetime.now(UTC) - timedelta(hours=hours) for hours in (2, 1))
        stock = {"TN": DcStock(copies, 0, "primary")}
        with QueueWriter(shop.queue.writer) as writer:
            writer.record_stock([{"isbn": isbn, "observed_at": read_at, "stock": stock} for isbn in isbns])
        shop.push(*isbns)
        patch.setenv("STOCK_MAX_AGE", "5400")
        journal(
            shop,
            "UPDATE store_in_step SET pushed_at = %s, valid_until = %s WHERE isbn = ANY(%s)",
            *(pushed_at, read_at + timedelta(minutes=90), isbns),
        )
        return isbns

    def test_a_push_says_until_when_it_is_true(self, storefront: Storefront) -> None:
        (isbn,) = storefront.titles(1)
        before = datetime.now(UTC)
        storefront.push(isbn)
        until, pushed_at, changed_at = told(storefront, isbn)
        assert until - before < timedelta(days=1, seconds=1) < until - before + timedelta(minutes=1)
        assert before <= pushed_at
        ((of_row,),) = storefront.queue.sql("SELECT stock_changed_at FROM ingram_queue WHERE isbn = %s", isbn)
        assert changed_at == of_row
        looked = storefront.push(isbn, dry_run=True)
        assert looked.succeeded
        assert told(storefront, isbn)[1] == pushed_at, "a look tells the store nothing"

    def test_a_reading_past_its_age_is_pushed(
        self,
        storefront: Storefront,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        old, read_again = self.sold_an_hour_ago(storefront, monkeypatch, 2)
        (none,) = self.sold_an_hour_ago(storefront, monkeypatch, 1, copies=0)
        storefront.read([read_again], 10)
        daemon = Daemon(storefront, "clock_changes")
        assert daemon.tick() == [old]
        assert daemon.started[-1].success
        assert storefront.level(old) == 0
        assert storefront.shop.variant(old)["metadata"]["availability"] == "backorder"
        until, _, _ = told(storefront, read_again)
        assert until > datetime.now(UTC) + timedelta(minutes=89), "moved on, and nothing pushed"
        assert told(storefront, none)[0] is None, "an old 0 is no reason to sell"
        assert daemon.tick() == []
        # The same count, read again: it can be sold again.
        storefront.read([old], 10)
        assert daemon.tick() == [old]
        assert storefront.level(old) == 10
        assert daemon.tick() == []

    def test_a_write_that_lands_after_its_run_died_is_put_right(self, storefront: Storefront) -> None:
        late, undone = storefront.titles(2)
        storefront.push(late, undone)
        daemon = Daemon(storefront, "clock_changes")
        journal(storefront, "UPDATE store_change SET outcome = 'pending' WHERE isbn = %s", late)
        assert daemon.tick() == [], "it may arrive yet"
        ago = "now() - interval '3 minutes'"
        for isbn in (late, undone):
            storefront.edit_level(isbn, 441)
            journal(
                storefront, f"UPDATE store_change SET outcome = 'pending', at = {ago} WHERE isbn = %s", isbn
            )
            journal(storefront, f"UPDATE store_in_step SET pushed_at = {ago} WHERE isbn = %s", isbn)
        journal(storefront, "UPDATE store_in_step SET undone_at = now() WHERE isbn = %s", undone)
        assert daemon.tick() == [late]
        assert storefront.level(late) == 10
        assert daemon.tick() == [], "once is enough"

    def test_no_guardrail_keeps_an_old_reading_for_sale(
        self,
        storefront: Storefront,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        isbns = self.sold_an_hour_ago(storefront, monkeypatch, 60)
        storefront.queue.sql(
            "INSERT INTO ingram_unread SELECT unnest(%s::text[]), 'transient', 'no answer', now(), now(), 1",
            isbns,
        )
        daemon = Daemon(storefront, "clock_changes")
        assert sorted(daemon.tick()) == sorted(isbns)
        assert daemon.started[-1].success, "iPage has been down for long: that is when counts grow old"
        assert {storefront.level(isbn) for isbn in isbns} == {0}
        assert daemon.tick() == []

    def test_a_shop_that_sells_as_before_pushes_no_old_reading(
        self,
        storefront: Storefront,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("STALE_STOCK", "keep")
        (isbn,) = self.sold_an_hour_ago(storefront, monkeypatch, 1)
        daemon = Daemon(storefront, "clock_changes")
        assert daemon.tick() == []
        assert told(storefront, isbn)[0] is None
        assert storefront.level(isbn) == 10

    def test_a_preorder_whose_day_has_come(self, storefront: Storefront) -> None:
        today = datetime.now(ZoneInfo("America/Chicago")).date()
        (isbn,) = storefront.titles(1, publication_date=(today + timedelta(days=1)).isoformat())
        storefront.push(isbn)
        assert storefront.shop.variant(isbn)["metadata"]["availability"] == "preorder"
        until, pushed_at, _ = told(storefront, isbn)
        assert until.astimezone(ZoneInfo("America/Chicago")).strftime("%H:%M:%S") == "00:00:00"
        daemon = Daemon(storefront, "clock_changes")
        assert daemon.tick() == []
        # A day passes.
        storefront.queue.sql(
            "UPDATE ingram_queue SET publication_date = %s WHERE isbn = %s", today.isoformat(), isbn
        )
        journal(
            storefront,
            "UPDATE store_in_step SET valid_until = %s, pushed_at = %s WHERE isbn = %s",
            *(until - timedelta(days=1), pushed_at - timedelta(days=1), isbn),
        )
        assert daemon.tick() == [isbn]
        assert storefront.shop.variant(isbn)["metadata"]["availability"] == "in_stock"
        assert daemon.tick() == []

    def test_what_can_not_be_pushed_waits_longer_each_time(
        self,
        storefront: Storefront,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        (isbn,) = self.sold_an_hour_ago(storefront, monkeypatch, 1)
        monkeypatch.setenv("MEDUSA_PASSWORD", "wrong-word")
        daemon = Daemon(storefront, "clock_changes")
        for waited in (15, 60, 300):
            assert daemon.tick() == [isbn]
            assert daemon.tick() == []
            clock.ahead += waited + 1
        assert len(daemon.started) == 3

    def test_a_title_that_the_journal_does_not_know_is_pushed(self, storefront: Storefront) -> None:
        (isbn,) = storefront.titles(1)
        storefront.push(isbn)
        spoil(storefront, [isbn], 99)
        journal(storefront, "DELETE FROM store_in_step WHERE isbn = %s", isbn)
        assert Daemon(storefront, "clock_changes").tick() == [isbn]
        assert storefront.level(isbn) == 10


class TestStorePromise:
    @pytest.fixture(autouse=True)
    def tracked(self, storefront: Storefront, nothing_waits: None) -> None:
        """Dagster tracks what is in the queue, and all of it is in step."""
        assert storefront.push(let_through=True).succeeded
        isbns = [isbn for (isbn,) in storefront.queue.sql("SELECT DISTINCT isbn FROM ingram_queue")]
        storefront.instance.add_dynamic_partitions(ISBNS_NAME, isbns)

    def check(self, shop: Storefront) -> dg.AssetCheckEvaluation:
        """What the sensor tells Dagster when it looks for the first time."""
        (found,) = Daemon(shop, "store_promise").evaluate().asset_events
        assert found.check_name == STORE_FOLLOWS_QUEUE
        return found

    def late(self, shop: Storefront, isbn: str, minutes: float) -> None:
        """Its stock changed so long ago."""
        shop.queue.sql(
            "UPDATE ingram_queue SET stock_changed_at = now() - %s WHERE isbn = %s",
            *(timedelta(minutes=minutes), isbn),
        )
        journal(
            shop,
            "UPDATE store_in_step SET stock_changed_at = now() - interval '1 day' WHERE isbn = %s",
            isbn,
        )

    def test_a_change_that_nobody_pushes_breaks_it_until_it_is_pushed(
        self,
        storefront: Storefront,
    ) -> None:
        isbns = storefront.titles(2)
        storefront.instance.add_dynamic_partitions(ISBNS_NAME, isbns)
        storefront.push(*isbns)
        assert self.check(storefront).passed
        self.late(storefront, isbns[0], 9)
        assert self.check(storefront).passed, "it may take so long"
        self.late(storefront, isbns[0], 11)
        found = self.check(storefront)
        assert not found.passed
        assert (found.metadata["behind"].value, found.metadata["behind_stock"].value) == (1, 1)
        (named,) = found.metadata["titles"].value.records
        assert (named.data["isbn"], named.data["what"]) == (isbns[0], "stock")
        assert "has not followed 1 of" in str(found.description)
        assert isbns[0] in str(found.description)
        assert "stock_changes" in str(found.description)
        storefront.push(isbns[0])
        assert self.check(storefront).passed

    def test_a_title_that_changes_again_and_again_is_late_since_the_first_time(
        self,
        storefront: Storefront,
    ) -> None:
        (isbn,) = storefront.titles(1)
        storefront.instance.add_dynamic_partitions(ISBNS_NAME, [isbn])
        storefront.push(isbn)
        for copies in (9, 8):
            storefront.read([isbn], copies)
        earlier = "SET stock_changed_at = stock_changed_at - interval '1 hour' WHERE isbn = %s"
        storefront.queue.sql(f"UPDATE ingram_stock_history {earlier}", isbn)
        journal(storefront, f"UPDATE store_in_step {earlier}", isbn)
        ((changed_at,),) = storefront.queue.sql(
            "SELECT stock_changed_at FROM ingram_current_titles WHERE isbn = %s", isbn
        )
        assert datetime.now(UTC) - changed_at < timedelta(minutes=1)
        found = self.check(storefront)
        assert (found.passed, found.metadata["behind_stock"].value) == (False, 1)

    def test_a_row_that_nobody_imports(self, storefront: Storefront) -> None:
        (isbn,) = storefront.titles(1)
        storefront.instance.add_dynamic_partitions(ISBNS_NAME, [isbn])
        storefront.queue.sql(
            "UPDATE ingram_queue SET created_at = now() - interval '21 minutes' WHERE isbn = %s", isbn
        )
        found = self.check(storefront)
        assert (found.passed, found.metadata["behind_import"].value) == (False, 1)
        # One that Medusa refuses is named on its row, and waits for a person.
        storefront.queue.sql("UPDATE ingram_queue SET failed_reason = 'No price.' WHERE isbn = %s", isbn)
        found = self.check(storefront)
        assert (found.passed, found.metadata["failed"].value) == (True, 1)
        assert "1 title failed" in str(found.description)

    def test_a_row_that_nobody_reads(self, storefront: Storefront) -> None:
        (isbn,) = storefront.titles(1)
        storefront.push(isbn)
        assert self.check(storefront).passed
        storefront.queue.sql(
            "UPDATE ingram_queue SET created_at = now() - interval '11 minutes' WHERE isbn = %s", isbn
        )
        found = self.check(storefront)
        assert (found.passed, found.metadata["behind_untracked"].value) == (False, 1)
        assert f"ingram enrich {isbn}" in str(found.description)
        assert f"ingram retire {isbn}" in str(found.description)
        storefront.instance.add_dynamic_partitions(RETIRED_NAME, [isbn])
        assert self.check(storefront).passed
        storefront.instance.delete_dynamic_partition(RETIRED_NAME, isbn)

    def test_time_and_the_daily_look(self, storefront: Storefront) -> None:
        over, forgotten = storefront.titles(2)
        storefront.instance.add_dynamic_partitions(ISBNS_NAME, [over, forgotten])
        storefront.push(over, forgotten)
        update = "UPDATE store_in_step SET {} WHERE isbn = %s"
        journal(storefront, update.format("valid_until = now() - interval '11 minutes'"), over)
        journal(storefront, update.format("pushed_at = now() - interval '25 hours'"), forgotten)
        found = self.check(storefront)
        assert [name for name in found.metadata if name.startswith("behind_")] == ["behind_time"]
        journal(storefront, update.format("pushed_at = now() - interval '27 hours'"), forgotten)
        found = self.check(storefront)
        assert found.metadata["behind"].value == 2
        assert found.metadata["behind_look"].value == 1
        assert "daily_reconcile" in str(found.description)

    def test_it_tells_news_at_once_and_the_same_again_after_minutes(
        self,
        storefront: Storefront,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        clock = Clock()
        for module in (checks, sensors):
            monkeypatch.setattr(module, "time", clock)
        (isbn,) = storefront.titles(1)
        storefront.instance.add_dynamic_partitions(ISBNS_NAME, [isbn])
        storefront.push(isbn)
        daemon = Daemon(storefront, "store_promise")
        assert len(daemon.evaluate().asset_events) == 1
        assert daemon.evaluate().asset_events == []
        self.late(storefront, isbn, 11)
        assert [found.passed for found in daemon.evaluate().asset_events] == [False]
        clock.ahead = 290
        assert daemon.evaluate().asset_events == []
        clock.ahead = 310
        assert len(daemon.evaluate().asset_events) == 1

    def test_a_click_says_the_same(self, storefront: Storefront) -> None:
        (isbn,) = storefront.titles(1)
        storefront.instance.add_dynamic_partitions(ISBNS_NAME, [isbn])
        storefront.push(isbn)
        self.late(storefront, isbn, 11)
        context = dg.build_asset_check_context(resources=defs.resources, instance=storefront.instance)
        result = checks.store_follows_queue(context)
        assert isinstance(result, dg.AssetCheckResult)
        assert (result.passed, result.description) == (False, self.check(storefront).description)
