"""The sweep's sensor over a real Dagster instance: real runs of the asset that fail or come through."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import text

from ingram_assets.defs import reading_events
from ingram_assets.defs.keys import (
    AT_WORK_AT_BACKUP_TAG,
    COVER_SWEEP,
    COVERS,
    ISBNS_NAME,
    QUEUE_ROWS,
    RETIRED_NAME,
    SAVED_SEARCH,
    STOCK,
    STOCK_SWEEP,
    TITLE_DETAILS,
)
from ingram_assets.defs.reading_events import stale_readings
from ingram_assets.defs.scraper import automation, checks, sensors
from ingram_assets.defs.scraper.automation import DueSensor
from ingram_assets.defs.scraper.checks import within_the_promise
from ingram_assets.defs.scraper.decisions import RunAtWork
from ingram_assets.defs.scraper.definitions import defs
from ingram_assets.defs.scraper.jobs import retire
from ingram_assets.defs.scraper.ops import at_work
from ingram_assets.defs.scraper.sensors import covers_due, search_due, stock_promise, sweep_due
from ingram_assets.domain.lifetime import StaleReadings
from ingram_assets.runtime.dagster_internals import DagsterEvent
from ingram_assets_tests.testing.dagster_internals import (
    AssetMaterializationPlannedData,
    FreshnessState,
    FreshnessStateChange,
)

A, B, C = "9780306406157", "9781639739134", "9780000000002"
HOUR = 3600.0
STATES = {"Warning": "WARN", "Failing": "FAIL"}


class Clock:
    """The sensors' clock, so many seconds ahead of the events' own."""

    ahead = 0.0

    def time(self) -> float:
        return time.time() + self.ahead


class Shop:
    """A Dagster instance with the scraper's sensors, and what happens to it."""

    def __init__(self, instance: dg.DagsterInstance, state: Path, clock: Clock) -> None:
        self.instance, self.state, self.clock = instance, state, clock
        self.repository = defs.get_repository_def()
        self.cursors: dict[str, str | None] = {}

    def tick(self, sensor: dg.SensorDefinition) -> Any:
        context = dg.build_sensor_context(
            self.instance, self.cursors.get(sensor.name), repository_def=self.repository
        )
        answer = sensor.evaluate_tick(context)
        self.cursors[sensor.name] = answer.cursor
        return answer

    def asked(self, sensor: DueSensor) -> list[dg.AssetKey]:
        answer = self.tick(sensor)
        assert bool(answer.run_requests) is not bool(answer.skip_message), "a tick says why it does nothing"
        return [key for request in answer.run_requests for key in request.asset_selection]

    def why_not(self, sensor: DueSensor) -> str:
        answer = self.tick(sensor)
        assert not answer.run_requests
        return answer.skip_message

    def made(self, key: dg.AssetKey, *, fails: bool = False) -> None:
        """A run of an unpartitioned asset, to its end."""

        @dg.asset(key=key)
        def one() -> None:
            if fails:
                raise dg.Failure("The site timed out.", allow_retries=False)

        dg.materialize([one], instance=self.instance, raise_on_error=False)

    def failed_at(self, key: dg.AssetKey, at: float) -> None:
        """A failed run of it that ended then."""
        self.made(key, fails=True)
        (latest,) = self.instance.get_run_records(limit=1)
        storage: Any = self.instance.run_storage
        with storage.connect() as connection:
            connection.execute(
                text("UPDATE runs SET end_time = :at WHERE run_id = :run"),
                {"at": at, "run": latest.dagster_run.run_id},
            )

    def failed_by_hand(self, search_id: str, *, of: dg.AssetKey) -> None:
        """`ingram sync-stock SEARCH_ID`, where discovery, or the sweep after it, fails."""

        class Search(dg.Config):
            search_id: str

        def fail_if(key: dg.AssetKey) -> None:
            if key == of:
                raise dg.Failure("It can't be read.", allow_retries=False)

        @dg.asset(key=SAVED_SEARCH)
        def search(config: Search) -> None:
            fail_if(SAVED_SEARCH)

        @dg.asset(key=STOCK_SWEEP, deps=[SAVED_SEARCH])
        def sweep() -> None:
            fail_if(STOCK_SWEEP)

        config = {"ops": {SAVED_SEARCH.to_python_identifier(): {"config": {"search_id": search_id}}}}
        dg.materialize([search, sweep], instance=self.instance, run_config=config, raise_on_error=False)

    def at_work(self, key: dg.AssetKey) -> None:
        """A run of it that has not ended."""

        @dg.asset(key=key)
        def one() -> None: ...

        job = dg.Definitions(assets=[one]).resolve_implicit_global_asset_job_def()
        run = self.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        planned = DagsterEvent.build_asset_materialization_planned_event(
            job.name, "one", AssetMaterializationPlannedData(key)
        )
        self.instance.report_dagster_event(planned, run.run_id)

    def freshness(self, key: dg.AssetKey, state: str) -> None:
        change = FreshnessStateChange(
            key=key,
            new_state=FreshnessState(state),
            previous_state=FreshnessState.UNKNOWN,
            state_change_timestamp=time.time(),
        )
        self.instance._report_runless_asset_event(change)

    def track(self, *isbns: str) -> None:
        self.instance.add_dynamic_partitions(ISBNS_NAME, list(isbns))

    def read(self, *isbns: str, key: dg.AssetKey = STOCK, **metadata: Any) -> None:
        for isbn in isbns:
            self.instance.report_runless_asset_event(
                dg.AssetMaterialization(key, partition=isbn, metadata=metadata)
            )


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    clock = Clock()
    for module in (automation, checks, sensors):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setenv("INGRAM_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("DAGSTER_PG_URL", "postgresql://nowhere")
    with dg.DagsterInstance.ephemeral() as instance:
        yield Shop(instance, tmp_path / "state", clock)


def test_the_first_start(shop: Shop):
    assert shop.why_not(sweep_due) == "No title is tracked yet: the saved search comes first."
    assert shop.why_not(covers_due) == "No title's page has been read yet."
    assert shop.asked(search_due) == [SAVED_SEARCH]
    shop.track(A)
    assert shop.asked(sweep_due) == [STOCK_SWEEP]


class TestTheSweep:
    def test_it_follows_its_freshness_policy(self, shop: Shop):
        shop.track(A)
        shop.made(STOCK_SWEEP)
        assert "due again in 90 min" in shop.why_not(sweep_due)
        shop.clock.ahead = 1.6 * HOUR
        assert "freshness daemon" in shop.why_not(sweep_due), "the policy drives it, not the clock"
        for state in ("Warning", "Failing"):
            shop.freshness(STOCK_SWEEP, STATES[state])
            assert shop.asked(sweep_due) == [STOCK_SWEEP]

    def test_a_clock_that_was_put_back_does_not_postpone_it(self, shop: Shop):
        """To Dagster an asset made in the future is fresh until its time has come, and an hour more."""
        shop.track(A)
        shop.made(STOCK_SWEEP)
        shop.clock.ahead = -HOUR
        assert shop.asked(sweep_due) == [STOCK_SWEEP]
        # The same of the failures that would be waited for.
        shop.failed_at(STOCK_SWEEP, time.time())
        assert shop.asked(sweep_due) == [STOCK_SWEEP]

    def test_a_run_that_was_at_work_at_a_backup_is_no_failed_try_after_the_restore(self, shop: Shop):
        shop.track(A)
        shop.failed_at(STOCK_SWEEP, time.time())
        assert "The last try failed" in shop.why_not(sweep_due)
        (latest,) = shop.instance.get_run_records(limit=1)
        shop.instance.add_run_tags(latest.dagster_run.run_id, {AT_WORK_AT_BACKUP_TAG: "true"})
        assert shop.asked(sweep_due) == [STOCK_SWEEP]

    def test_a_late_freshness_daemon_asks_for_no_second_sweep(self, shop: Shop):
        """Seen: right after a sweep its state is still WARN, for up to 30 s."""
        shop.track(A)
        shop.freshness(STOCK_SWEEP, STATES["Warning"])
        shop.made(STOCK_SWEEP)
        assert "due again" in shop.why_not(sweep_due)

    def test_never_two_at_once(self, shop: Shop):
        shop.track(A)
        shop.at_work(STOCK_SWEEP)
        assert shop.why_not(sweep_due) == "A run of it is queued or at work."

    def test_nothing_is_discovered_where_titles_come_by_files_alone(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ):
        shop.track(A)
        assert "IPAGE_SAVED_SEARCH_ID names no saved search" in shop.why_not(search_due)
        monkeypatch.setenv("IPAGE_SAVED_SEARCH_ID", "123")
        assert shop.asked(search_due) == [SAVED_SEARCH]

    def test_none_while_the_breaker_is_open(self, shop: Shop, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("IPAGE_SAVED_SEARCH_ID", "123")
        shop.track(A)
        until = datetime.now(UTC) + timedelta(seconds=600)
        monkeypatch.setattr(automation, "site_left_alone_until", lambda: until)
        assert "left alone until" in shop.why_not(sweep_due)
        assert "left alone until" in shop.why_not(search_due)
        shop.clock.ahead = 601
        assert shop.asked(sweep_due) == [STOCK_SWEEP]

    def test_a_failed_one_is_tried_again_after_5_and_15_minutes_then_on_the_hour(self, shop: Shop):
        shop.track(A)
        began, tries = time.time(), []
        for minute in range(0, 135, 5):
            shop.clock.ahead = minute * 60 + 30 - (time.time() - began)
            if shop.asked(sweep_due):
                tries.append(minute)
                shop.failed_at(STOCK_SWEEP, began + minute * 60)
        assert tries == [0, 5, 20, 60, 65, 80, 120, 125]

    @pytest.mark.parametrize(
        ("search_id", "failed", "counts"),
        [
            ("999", SAVED_SEARCH, []),
            ("123", SAVED_SEARCH, [search_due, sweep_due]),
            ("", SAVED_SEARCH, [search_due, sweep_due]),
            ("999", STOCK_SWEEP, [sweep_due]),
        ],
    )
    def test_a_run_by_hand_with_another_search_is_no_failure_of_what_it_did_not_try(
        self,
        shop: Shop,
        monkeypatch: pytest.MonkeyPatch,
        search_id: str,
        failed: dg.AssetKey,
        counts: list[DueSensor],
    ):
        monkeypatch.setenv("IPAGE_SAVED_SEARCH_ID", "123")
        shop.track(A)
        shop.failed_by_hand(search_id, of=failed)
        for sensor in (search_due, sweep_due):
            if sensor in counts:
                assert "The last try failed" in shop.why_not(sensor)
            elif sensor is sweep_due or failed == SAVED_SEARCH:
                assert shop.asked(sensor)

    def test_a_search_is_the_same_however_it_is_named(self, shop: Shop, monkeypatch: pytest.MonkeyPatch):
        address = "https://ipage.ingramcontent.com/s?x=1&token=2#top"
        monkeypatch.setenv("IPAGE_SAVED_SEARCH_ID", address)
        shop.track(A)
        shop.failed_by_hand("/s?x=1", of=SAVED_SEARCH)
        assert "The last try failed" in shop.why_not(search_due)

    def test_a_success_ends_the_tries(self, shop: Shop):
        shop.track(A)
        shop.made(STOCK_SWEEP, fails=True)
        assert "The last try failed" in shop.why_not(sweep_due)
        shop.made(STOCK_SWEEP)
        past = automation.past_of(shop.instance, STOCK_SWEEP, 3)
        assert past.last_success
        assert past.failures == ()

    def test_a_title_read_by_hand_does_not_postpone_it(self, shop: Shop):
        shop.track(A, B)
        shop.made(STOCK_SWEEP)
        shop.clock.ahead = 1.6 * HOUR
        shop.freshness(STOCK_SWEEP, STATES["Warning"])
        shop.read(A)
        assert shop.asked(sweep_due) == [STOCK_SWEEP]


class TestTheCovers:
    def test_new_titles_are_not_made_to_wait_a_day(self, shop: Shop):
        shop.track(A)
        shop.made(COVER_SWEEP)
        assert "due again" in shop.why_not(covers_due) or "No title" in shop.why_not(covers_due)
        shop.read(A, key=TITLE_DETAILS)
        assert shop.asked(covers_due) == [COVER_SWEEP]
        shop.made(COVER_SWEEP)
        assert "due again" in shop.why_not(covers_due), "a title without a picture is not looked at for ever"

    def test_a_title_whose_cover_was_looked_at_is_not_new(self, shop: Shop):
        shop.made(COVER_SWEEP)
        shop.read(A, key=TITLE_DETAILS)
        shop.read(A, key=COVERS)
        assert "due again" in shop.why_not(covers_due)


class TestThePromise:
    def test_it_counts_each_title(self, shop: Shop):
        shop.track(A, B)
        shop.read(A, B)
        assert checks.evaluation(shop.instance).passed
        shop.clock.ahead = 2.1 * HOUR
        found = checks.evaluation(shop.instance)
        assert not found.passed
        assert found.metadata["stale"].value == 2
        assert [row.data["isbn"] for row in found.metadata["titles"].records] == [A, B]
        assert found.metadata["oldest"].value == pytest.approx(time.time(), abs=60)
        assert "2 of 2 titles were not read within 2 h" in (found.description or "")

    def test_a_title_read_by_hand_does_not_make_the_rest_look_fresh(self, shop: Shop):
        now = time.time()
        shop.track(A, B, C)
        shop.read(A, B, C)
        time.sleep(0.05)
        again = time.time()
        shop.read(B)
        stale = stale_readings(shop.instance, sla=HOUR, now=again + HOUR, named=20)
        assert (stale.titles, stale.tracked) == (2, 3)
        assert [one.isbn for one in stale.oldest] == [A, C]
        assert stale.oldest[0].read_at == pytest.approx(now, abs=30)

    def test_what_is_read_during_the_look_is_not_stale(self, shop: Shop, monkeypatch: pytest.MonkeyPatch):
        shop.track(A, B)
        shop.read(A, B)
        later = time.time() + HOUR
        look = reading_events.latest_readings

        def a_sweep_is_at_work(*args: Any) -> dict[str, int]:
            shop.read(B)
            return look(*args)

        monkeypatch.setattr(reading_events, "latest_readings", a_sweep_is_at_work)
        stale = stale_readings(shop.instance, sla=HOUR, now=later, named=20)
        assert (stale.titles, [one.isbn for one in stale.oldest]) == (1, [A])

    def test_it_says_when_its_look_began(self, shop: Shop, monkeypatch: pytest.MonkeyPatch):
        shop.track(A)
        began = time.time()
        ended: list[float] = []

        def slow(*args: Any) -> StaleReadings:
            time.sleep(0.2)
            ended.append(time.time())
            return stale_readings(*args)

        monkeypatch.setattr(checks, "stale_readings", slow)
        said = checks.evaluation(shop.instance).metadata["looked_at"].value
        assert began <= said < ended[0] - 0.1, "what came meanwhile may be missing: the look is no newer"

    def test_a_page_without_a_stock_table_was_read(self, shop: Shop):
        shop.track(A)
        shop.instance.report_runless_asset_event(dg.AssetObservation(STOCK, partition=A))
        assert checks.evaluation(shop.instance).passed
        shop.clock.ahead = 2.1 * HOUR
        assert checks.evaluation(shop.instance).metadata["stale"].value == 1

    def test_a_title_just_added_has_its_time(self, shop: Shop):
        shop.track(A)
        assert checks.evaluation(shop.instance).metadata["oldest"].value == "never read"
        shop.read(A, key=QUEUE_ROWS)
        assert checks.evaluation(shop.instance).passed
        shop.clock.ahead = 2.1 * HOUR
        assert not checks.evaluation(shop.instance).passed

    def test_the_list_is_capped_the_number_is_not(self, shop: Shop):
        shop.track(*(f"{number:013}" for number in range(50)))
        found = checks.evaluation(shop.instance)
        assert found.metadata["stale"].value == 50
        assert len(found.metadata["titles"].records) == 20

    def test_titles_are_named(self, shop: Shop):
        shop.track(A)
        shop.read(A, key=TITLE_DETAILS, title="Between Two Fires")
        (row,) = checks.evaluation(shop.instance).metadata["titles"].records
        assert row.data == {"isbn": A, "title": "Between Two Fires", "read_at": "never"}

    def test_the_sensor_reports_news_and_every_five_minutes(self, shop: Shop):
        shop.track(A)
        shop.read(A)
        (first,) = shop.tick(stock_promise).asset_events
        assert first.passed
        quiet = shop.tick(stock_promise)
        assert not quiet.asset_events
        assert quiet.skip_message == "No news: All 1 titles were read within 2 h."
        shop.read(A)
        assert shop.tick(stock_promise).asset_events, "else Dagster would show it as not evaluated"
        assert not shop.tick(stock_promise).asset_events
        shop.clock.ahead = 301
        assert shop.tick(stock_promise).asset_events
        shop.clock.ahead = 2.1 * HOUR
        (broken,) = shop.tick(stock_promise).asset_events
        assert not broken.passed

    def test_a_person_can_have_it_evaluated(self, shop: Shop):
        shop.track(A)
        job = dg.Definitions(
            assets=[dg.AssetSpec(STOCK)],
            asset_checks=[within_the_promise],
            jobs=[dg.define_asset_job("look", selection=dg.AssetSelection.all_asset_checks())],
        ).resolve_job_def("look")
        done = job.execute_in_process(instance=shop.instance)
        (found,) = done.get_asset_check_evaluations()
        assert (found.passed, found.metadata["stale"].value) == (False, 1)


class TestRetiring:
    def run(self, shop: Shop, *isbns: str) -> dg.ExecuteInProcessResult:
        return retire.execute_in_process(
            run_config={"ops": {"retire_titles": {"config": {"isbns": list(isbns)}}}},
            instance=shop.instance,
            raise_on_error=False,
        )

    def test_a_retired_title_is_no_longer_tracked(self, shop: Shop):
        shop.track(A, B)
        assert self.run(shop, "978-0-306-40615-7").success
        assert shop.instance.get_dynamic_partitions(ISBNS_NAME) == [B]
        assert shop.instance.get_dynamic_partitions(RETIRED_NAME) == [A]

    def test_a_title_that_is_not_tracked_is_named_and_holds_back_no_other(self, shop: Shop):
        shop.track(A)
        done = self.run(shop, B, A)
        assert done.success
        (event,) = (event for event in done.all_node_events if event.is_successful_output)
        report = event.step_output_data.metadata["report"].value
        assert report["counts"] == {"retired": 1}
        assert "to stop selling it, take it off sale in Medusa, too." in " ".join(report["notes"])
        ((named, reason),) = [(one["isbn"], one["reason"]) for one in report["failed"]]
        assert named == B
        assert f"ingram enrich {B}" in reason
        assert shop.instance.get_dynamic_partitions(ISBNS_NAME) == []

    def test_what_is_no_isbn_is_refused_before_anything_is_done(self, shop: Shop):
        shop.track(A)
        assert not self.run(shop, A, "97803064061").success
        assert shop.instance.get_dynamic_partitions(ISBNS_NAME) == [A]

    def test_it_is_refused_while_a_run_is_at_work_on_the_title(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ):
        shop.track(A, B)
        working = shop.instance.create_run_for_job(
            retire,
            run_config={"ops": {"retire_titles": {"config": {"isbns": [A]}}}},
            status=dg.DagsterRunStatus.STARTED,
        )
        monkeypatch.setattr(
            "ingram_assets.defs.scraper.ops.runs_at_work",
            lambda instance, location: [working] if location == "scraper" else [],
        )
        refused = self.run(shop, A)
        assert not refused.success
        (failure,) = [event for event in refused.all_node_events if event.is_step_failure]
        told = failure.step_failure_data.user_failure_data
        assert told.description.startswith("A run is at work on 9780306406157 (retire, ")
        assert shop.instance.get_dynamic_partitions(ISBNS_NAME) == [A, B]
        assert self.run(shop, B).success

    @pytest.mark.parametrize(
        ("tags", "config", "isbns"),
        [
            ({"dagster/partition": B}, {}, {B}),
            (
                {"dagster/asset_partition_range_start": A, "dagster/asset_partition_range_end": B},
                {},
                {A, B},
            ),
            ({}, {"ops": {"push_titles": {"config": {"isbns": [C]}}}}, {C}),
            ({}, {"ops": {"push_titles": {"config": {"isbns": []}}}}, None),
            ({}, {}, None),
        ],
    )
    def test_what_a_run_is_about(self, tags, config, isbns):
        run = dg.DagsterRun("push", tags=tags, run_config=config, status=dg.DagsterRunStatus.STARTED)
        wanted = None if isbns is None else frozenset(isbns)
        assert at_work(run, [A, B, C]) == RunAtWork(run.run_id, "push", wanted, queued=False)
