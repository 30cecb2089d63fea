"""The watch over a real Dagster instance on PostgreSQL: real runs, real events, a real webhook."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import dagster as dg
import psycopg
import pytest
import yaml

import ingram_assets.sources.ipage.access.session as session
import ingram_assets.sources.ipage.login.code_mail as code_mail
import ingram_assets.sources.ipage.login.second_factor as second_factor
import ingram_assets.sources.ipage.login.sign_in as sign_in
from ingram_assets.alerts.delivery import targets_of
from ingram_assets.alerts.incidents import DIGEST_HOUR
from ingram_assets.defs.backups import last_backup, note_backup
from ingram_assets.defs.events import Report, classified, log_check, stopped
from ingram_assets.defs.keys import (
    BACKUP,
    HELD_BY,
    INVENTORY_LEVELS,
    ISBNS,
    PLAN_TAG,
    STOCK,
    STOCK_SWEEP,
    STORE_INVENTORY,
    TITLE_DETAILS,
    TITLE_WEEK,
    WEEK_JOB,
)
from ingram_assets.defs.operations import sensors
from ingram_assets.defs.operations.definitions import defs
from ingram_assets.defs.operations.sensors import promise_watch, tables_of
from ingram_assets.defs.operations.week_reader import watched_week
from ingram_assets.defs.runs_at_work import is_plan
from ingram_assets.domain.backups import NotedBackup
from ingram_assets.domain.failures import NeedsPerson, NothingWritten, Permanent, Transient
from ingram_assets.domain.week import SomeTitles, TitleWeek, Week
from ingram_assets.runtime.dagster_internals import InstigatorStatus
from ingram_assets.settings.base import SettingsError
from ingram_assets.sources.ipage.pages.page_failures import Blocked
from ingram_assets_tests.testing.dagster_internals import (
    FreshnessState,
    FreshnessStateChange,
    InstigatorState,
    InstigatorType,
    LoadingContextForTest,
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
    TimeWindowFreshnessPolicyEvaluator,
)
from ingram_assets_tests.testing.own_dagster import dagster_on
from ingram_assets_tests.testing.webhook import Webhook, webhook

# One Dagster database for them all, not one for each worker.
pytestmark = pytest.mark.xdist_group("operations")

_numbers = count(1)
AUTOMATIC = {"dagster/sensor_name": "what_is_due"}


@pytest.fixture(scope="module")
def storage(postgres) -> Iterator[str]:
    name = f"operations_{next(_numbers)}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture(scope="module")
def one_instance(storage: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with dagster_on(storage, tmp_path_factory.mktemp("dagster")) as instance:
        yield instance


@pytest.fixture
def instance(one_instance: dg.DagsterInstance) -> dg.DagsterInstance:
    one_instance.wipe()
    tables_of(one_instance)  # They are made if they are missing.
    with psycopg.connect(_url(one_instance), autocommit=True) as connection:
        found = "SELECT tablename FROM pg_tables WHERE tablename LIKE 'ingram_alert%'"
        for (table,) in connection.execute(found).fetchall():
            connection.execute(f"DELETE FROM {table}")
    return one_instance


class Watch:
    """The sensor, ticked as the daemon ticks it: each tick gets the cursor that the last one left."""

    def __init__(self, instance: dg.DagsterInstance, hook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
        self.instance, self.hook, self.monkeypatch = instance, hook, monkeypatch
        self.cursor: str | None = None
        self.ahead = 0.0
        monkeypatch.setattr(sensors, "time", self)
        # Each tick tells what it found: that it waits for others has tests of its own.
        monkeypatch.setattr(sensors, "TOGETHER_LOOKS", 0)
        self.environment(ALERT_URLS=hook.url)

    def environment(self, **values: str) -> None:
        for name, value in values.items():
            self.monkeypatch.setenv(name, value)

    def time(self) -> float:
        """The sensor's clock."""
        return datetime.now(UTC).timestamp() + self.ahead

    def tick(self) -> str:
        """The words of one tick."""
        context = dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, sensor_name=promise_watch.name
        )
        result = promise_watch(context)
        assert isinstance(result, dg.SensorResult)
        assert not result.run_requests
        assert result.skip_reason is not None
        self.cursor = result.cursor
        return str(result.skip_reason.skip_message)

    @property
    def told(self) -> list[str]:
        return self.hook.subjects


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as running:
        yield running


@pytest.fixture
def watch(instance, hook, monkeypatch) -> Watch:
    monkeypatch.setenv("DAGSTER_PG_URL", "postgresql://nobody@localhost/none")
    monkeypatch.setenv("INGRAM_UI_URL", "http://dagster.example:3000/")
    monkeypatch.setenv("STORE_TIME_ZONE", "America/Chicago")
    for name in ("STOCK_FAIL_AFTER", "SWEEP_RETRY_AFTER"):
        monkeypatch.delenv(name, raising=False)
    return Watch(instance, hook, monkeypatch)


def sweep(instance: dg.DagsterInstance, body: Callable[[Any], None], **tags: str) -> str:
    """A run of an asset under the sweep's own key; its run id."""

    @dg.asset(key=STOCK_SWEEP)
    def stock_sweep(context: dg.AssetExecutionContext) -> None:
        body(context)

    return dg.materialize([stock_sweep], instance=instance, raise_on_error=False, tags=tags).run_id


def push(instance: dg.DagsterInstance, body: Callable[[Any], None], **tags: str) -> str:
    """A run of a job with the push's own op; its run id."""

    @dg.op
    def push_titles(context: dg.OpExecutionContext) -> None:
        body(context)

    @dg.job(name="push")
    def push_job() -> None:
        push_titles()

    return push_job.execute_in_process(instance=instance, raise_on_error=False, tags=tags).run_id


def fine(context: Any) -> None:
    pass


def raising(error: Exception) -> Callable[[Any], None]:
    def body(context: Any) -> None:
        with classified():
            raise error

    return body


def becomes(instance: dg.DagsterInstance, asset: dg.AssetKey, state: FreshnessState, at: float) -> None:
    """What the freshness daemon writes when an asset's state changes."""
    instance._report_runless_asset_event(
        FreshnessStateChange(
            key=asset, new_state=state, previous_state=FreshnessState.UNKNOWN, state_change_timestamp=at
        )
    )


def backup_of(hours: float, how: Literal["taken", "restored"] = "taken") -> NotedBackup:
    """One of so many hours ago."""
    return NotedBackup(datetime.now(UTC) - timedelta(hours=hours), how, 41_000_000, "0.1.0")


@pytest.mark.parametrize(
    ("noted", "state"),
    [
        ([], FreshnessState.UNKNOWN),
        ([backup_of(47)], FreshnessState.PASS),
        ([backup_of(80), backup_of(49)], FreshnessState.FAIL),
        ([backup_of(49), backup_of(0)], FreshnessState.PASS),
        # One of old is put back: it is told two days later, and not at once.
        ([backup_of(900), backup_of(0, "restored")], FreshnessState.PASS),
        ([backup_of(900), backup_of(49, "restored")], FreshnessState.FAIL),
    ],
)
def test_when_dagster_takes_the_backup_for_old(instance, noted, state):
    for one in noted:
        note_backup(instance, one)
    found = TimeWindowFreshnessPolicyEvaluator().evaluate_freshness(
        LoadingContextForTest(instance), defs.get_repository_def().asset_graph.get(BACKUP)
    )
    assert asyncio.run(found) == state
    last = last_backup(instance)
    assert last == (noted[-1] if noted else None)
    assert last_backup(instance, before=(datetime.now(UTC) - timedelta(hours=48)).timestamp()) == next(
        (one for one in reversed(noted) if one.at < datetime.now(UTC) - timedelta(hours=48)), None
    )


def test_the_location_has_the_watch_on_by_default():
    (sensor,) = defs.sensors or []
    assert sensor.name == "promise_watch"
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING


class TestRuns:
    def test_a_quiet_shop(self, watch):
        assert watch.tick() == "0 incidents open."
        push(watch.instance, fine)
        assert watch.tick() == "0 incidents open."
        assert watch.told == []

    def test_what_will_not_pass_is_told_once_and_when_it_is_over(self, watch):
        watch.tick()
        run_id = sweep(watch.instance, raising(Blocked("Its page says Access Denied.\0")), **AUTOMATIC)
        words = watch.tick()
        assert watch.told == ["iPage blocks us"]
        assert "1 incident open: iPage blocks us" in words
        assert "1 alert sent" in words
        said = watch.hook.received[0]["message"]
        assert "Its page says Access Denied." in said
        assert f"http://dagster.example:3000/runs/{run_id}" in said
        sweep(watch.instance, raising(Blocked("Its page says Access Denied.")), **AUTOMATIC)
        watch.tick()
        sweep(watch.instance, fine)
        assert "0 incidents open" in watch.tick()
        assert watch.told[1:] == ["Over: iPage blocks us"]
        assert "1 repeat counted meanwhile" in watch.hook.received[1]["message"]

    def test_each_failure_is_told_for_what_it_is(self, watch):
        """As the locations raise them: the watch gets them from Dagster's events alone."""

        def op(name: str, error: Exception) -> dg.OpDefinition:
            @dg.op(name=name)
            def raises() -> None:
                with classified():
                    raise error

            return raises

        errors = {
            "blocked": stopped("block", "iPage blocks us: too many refusals."),
            "signed_out": sign_in.WrongPassword("iPage refused the password."),
            "session_lost": session.SessionLost("The session ended."),
            "person": NeedsPerson("The bucket is missing."),
            "settings": SettingsError("R2_ENDPOINT is missing."),
            "refused": Permanent("The page changed."),
            "guardrail": stopped("guardrail", "Too much changed."),
            "bug": ZeroDivisionError("division by zero"),
            # A person's click while the shop only watches was answered; nobody else has to hear of it.
            "watching": NothingWritten("Watching only: nothing is written to the store."),
        }
        ops = [op(name, error) for name, error in errors.items()]

        @dg.job
        def all_of_them() -> None:
            for one in ops:
                one()

        watch.tick()
        all_of_them.execute_in_process(instance=watch.instance, raise_on_error=False)
        watch.tick()
        (told,) = watch.hook.received
        assert told["title"].startswith("7 wrong: ")
        lines = told["message"].splitlines()
        assert len(lines) == 3 * 7
        said = {
            subject.removeprefix("- ").partition(" (since")[0]: reason.strip()
            for subject, reason in zip(lines[::3], lines[1::3], strict=True)
        }
        assert all(step.startswith("  What to do: ") for step in lines[2::3])
        sign_in_reason = said.pop("The sign-in to iPage needs a person")
        assert sign_in_reason in ("iPage refused the password.", "The session ended.")
        assert said == {
            "iPage blocks us": "iPage blocks us: too many refusals.",
            "A person has to act: person can't go on": "The bucket is missing.",
            "A person has to act: settings can't go on": "R2_ENDPOINT is missing.",
            "A run failed for good: refused": "The page changed.",
            "A guardrail stopped guardrail": "Too much changed.",
            "A run failed for good: bug": "ZeroDivisionError: division by zero",
        }

    def test_a_plan_that_failed_is_nobodys_incident(self, watch):
        watch.tick()
        push(watch.instance, raising(Transient("Medusa did not answer.")), **{PLAN_TAG: "It watches."})
        watch.tick()
        assert watch.told == []
        dry = {"ops": {"push_titles": {"config": {"dry_run": True}}}}
        assert is_plan(dg.DagsterRun(job_name="push", run_config=dry))
        assert not is_plan(dg.DagsterRun(job_name="push", run_config={"ops": {"push_titles": {}}}))
        assert not is_plan(dg.DagsterRun(job_name="push", run_config={"ops": "none of ours"}))

    def test_a_push_is_told_when_its_tries_are_used_up_and_not_before(self, watch):
        watch.environment(SWEEP_RETRY_AFTER="300")
        watch.tick()
        for body in (raising(Transient("Medusa did not answer.")), fine):
            push(watch.instance, body, **AUTOMATIC)
            watch.tick()
        assert watch.told == []
        for _ in range(2):
            assert watch.told == []
            push(watch.instance, raising(Transient("Medusa did not answer.")), **AUTOMATIC)
            watch.tick()
        assert watch.told == ["A run failed for good: the push to the store"]

    def test_a_guardrail_and_its_check_are_one_incident(self, watch):
        def tripped(context: Any) -> None:
            reason = "40 of 100 titles would turn to zero."
            log_check(context, INVENTORY_LEVELS, "no_guardrail_tripped", passed=False, description=reason)
            log_check(context, INVENTORY_LEVELS, "another", passed=True, description="Fine.")
            raise stopped("guardrail", reason)

        def let_through(context: Any) -> None:
            log_check(context, INVENTORY_LEVELS, "no_guardrail_tripped", passed=True, description="Fine.")

        watch.tick()
        push(watch.instance, tripped)
        watch.tick()
        push(watch.instance, tripped)
        watch.tick()
        assert watch.told == ["A guardrail stopped the push to the store"]
        assert "40 of 100 titles would turn to zero." in watch.hook.received[0]["message"]
        push(watch.instance, let_through)
        watch.tick()
        assert watch.told[1:] == ["Over: a guardrail stopped the push to the store"]
        assert "1 repeat" in watch.hook.received[1]["message"]

    def test_another_guardrail_that_stops_a_push_is_told_for_itself(self, watch):
        def tripped(reason: str, **standing: str) -> Any:
            def body(context: Any) -> None:
                more = {HELD_BY: dg.MetadataValue.json(standing)}
                name = "no_guardrail_tripped"
                log_check(context, INVENTORY_LEVELS, name, passed=False, description=reason, more=more)
                raise stopped("guardrail", reason)

            return body

        watch.tick()
        push(watch.instance, tripped("9 prices.", mass_price="9 prices."))
        watch.tick()
        push(watch.instance, tripped("75 to zero.", mass_price="9 prices.", mass_zero="75 to zero."))
        watch.tick()
        assert watch.told == [
            "A guardrail stopped the push to the store: prices",
            "A guardrail stopped the push to the store: titles that turn to zero",
        ]
        assert "75 to zero." in watch.hook.received[1]["message"]

    def test_a_check_that_only_warns_wakes_nobody(self, watch):
        def evaluated(severity: dg.AssetCheckSeverity) -> dg.AssetCheckEvaluation:
            return dg.AssetCheckEvaluation(
                asset_key=STORE_INVENTORY,
                check_name="low_stock",
                passed=False,
                metadata={},
                severity=severity,
                description="6 shelves are low.",
            )

        watch.tick()
        watch.instance.report_runless_asset_event(evaluated(dg.AssetCheckSeverity.WARN))
        watch.tick()
        assert watch.told == []
        watch.instance.report_runless_asset_event(evaluated(dg.AssetCheckSeverity.ERROR))
        watch.tick()
        assert len(watch.told) == 1

    def test_a_blocking_check_that_dagster_itself_stops_on(self, watch):
        @dg.asset(
            key=STOCK_SWEEP, check_specs=[dg.AssetCheckSpec("readable", asset=STOCK_SWEEP, blocking=True)]
        )
        def stock_sweep() -> dg.MaterializeResult:
            check = dg.AssetCheckResult(passed=False, check_name="readable", description="30 pages unread.")
            return dg.MaterializeResult(check_results=[check])

        watch.tick()
        dg.materialize([stock_sweep], instance=watch.instance, raise_on_error=False)
        watch.tick()
        assert watch.told == ["A guardrail stopped the stock sweep"]
        assert "30 pages unread." in watch.hook.received[0]["message"]

    def test_a_run_whose_worker_died(self, watch):
        watch.tick()
        run_id = push(watch.instance, fine)
        with psycopg.connect(_url(watch.instance), autocommit=True) as connection:
            connection.execute(
                "DELETE FROM event_logs WHERE run_id = %s AND dagster_event_type IN "
                "('STEP_SUCCESS', 'STEP_OUTPUT', 'PIPELINE_SUCCESS')",
                [run_id],
            )
        run = watch.instance.get_run_by_id(run_id)
        watch.instance.report_run_failed(run, "Detected run worker status FAILED. Marking run failed.")
        watch.tick()
        assert watch.told == ["A run failed for good: the push to the store"]
        assert "own process ended before its time" in watch.hook.received[0]["message"]
        push(watch.instance, fine)
        watch.tick()
        assert len(watch.told) == 2

    def test_each_partition_read_by_hand_is_an_incident_of_its_own(self, watch):
        titles = dg.StaticPartitionsDefinition(["a", "b"])

        @dg.asset(key=TITLE_DETAILS, partitions_def=titles)
        def details(context: dg.AssetExecutionContext) -> None:
            if context.partition_key == "a":
                raise dg.Failure("The page changed.", metadata={"kind": "permanent"})

        watch.tick()
        for key in ("a", "b"):
            dg.materialize([details], instance=watch.instance, raise_on_error=False, partition_key=key)
        watch.tick()
        assert watch.told == ["A run failed for good: title pages [a]"], "b did not end it"


class TestPromise:
    ISBNS = tuple(f"97800000000{number:02}" for number in range(12))

    def read(self, instance: dg.DagsterInstance, isbns: tuple[str, ...]) -> None:
        for isbn in isbns:
            instance.report_runless_asset_event(dg.AssetMaterialization(STOCK, partition=isbn))

    def test_the_sla_breaks_and_is_met_again(self, watch):
        instance, now = watch.instance, datetime.now(UTC).timestamp()
        instance.add_dynamic_partitions(str(ISBNS.name), self.ISBNS)
        sweep(instance, fine)
        self.read(instance, self.ISBNS[1:])
        instance.report_runless_asset_event(
            dg.AssetMaterialization(TITLE_DETAILS, partition=self.ISBNS[2], metadata={"title": "Piranesi"})
        )
        becomes(instance, STOCK_SWEEP, FreshnessState.PASS, now)
        watch.tick()
        # All of that was three hours ago; since then one title was read by hand.
        with psycopg.connect(_url(instance), autocommit=True) as connection:
            connection.execute("UPDATE event_logs SET timestamp = timestamp - interval '3 hours'")
        self.read(instance, self.ISBNS[1:2])
        becomes(instance, STOCK_SWEEP, FreshnessState.FAIL, now)
        words = watch.tick()
        assert watch.told == ["SLA broken: the stock of 11 titles is older than 2 h"]
        assert "1 incident open: SLA broken" in words
        said = watch.hook.received[0]["message"]
        assert "11 of 12 titles are concerned" in said
        assert f"- {self.ISBNS[0]}, never read" in said
        assert f"- {self.ISBNS[2]} Piranesi, read " in said
        assert f"- {self.ISBNS[1]}" not in said, "it was read by hand"
        assert "- and 1 more" in said
        assert "http://dagster.example:3000/assets/ipage/stock" in said

        sweep(instance, raising(Transient("iPage did not answer.")), **AUTOMATIC)
        watch.tick()
        watch.tick()
        assert len(watch.told) == 1
        becomes(instance, STOCK_SWEEP, FreshnessState.PASS, datetime.now(UTC).timestamp())
        assert "0 incidents open. 1 alert sent" in watch.tick()
        assert watch.told[1:] == ["SLA met again: the stock sweep came through"]
        assert "1 repeat counted meanwhile" in watch.hook.received[1]["message"]
        assert watch.hook.received[1]["type"] == "success"

    def test_an_old_backup(self, watch):
        instance, now = watch.instance, datetime.now(UTC).timestamp()
        becomes(instance, BACKUP, FreshnessState.UNKNOWN, now)
        watch.tick()
        assert watch.told == [], "a shop that never took one is not told so every two days"
        note_backup(instance, backup_of(49))
        becomes(instance, BACKUP, FreshnessState.FAIL, now)
        sweep(instance, raising(Blocked("Access Denied.")))
        watch.tick()
        assert watch.told == [
            "2 wrong: iPage blocks us; SLA broken: the backup has not come through for 2 d",
        ]
        watch.tick()
        note_backup(instance, backup_of(0))
        becomes(instance, BACKUP, FreshnessState.PASS, now)
        watch.tick()
        watch.tick()
        assert watch.told[1:] == ["SLA met again: the backup came through"]

    def left_behind(self, looked_at: float) -> dg.AssetCheckEvaluation:
        rows = [dg.TableRecord({"isbn": "9780306406157", "title": "Piranesi", "read": None})]
        return dg.AssetCheckEvaluation(
            asset_key=STOCK,
            check_name="within_the_promise",
            passed=False,
            description="1 title was not read for 2 h.",
            metadata={
                "looked_at": dg.MetadataValue.timestamp(looked_at),
                "stale": 1,
                "titles": dg.MetadataValue.table(rows),
            },
        )

    def test_titles_that_every_sweep_leaves_behind(self, watch):
        instance = watch.instance
        before = datetime.now(UTC).timestamp()
        sweep(instance, fine)
        becomes(instance, STOCK_SWEEP, FreshnessState.PASS, datetime.now(UTC).timestamp())
        watch.tick()
        # A look that began while the sweep was at work and was told after its end.
        instance.report_runless_asset_event(self.left_behind(before))
        watch.tick()
        assert watch.told == []
        instance.report_runless_asset_event(self.left_behind(datetime.now(UTC).timestamp()))
        watch.tick()
        assert watch.told == ["Titles are left behind: sweeps come through, but do not read them"]
        assert "1 title was not read for 2 h." in watch.hook.received[0]["message"]
        assert "- 9780306406157, Piranesi" in watch.hook.received[0]["message"]

    def test_low_stock_is_told_in_one_digest_in_the_morning(self, watch):
        zone = ZoneInfo("America/Chicago")
        watch.tick()
        for isbn, after in (("9780306406157", 3), ("9781639739134", 0)):
            watch.instance.report_runless_asset_event(
                dg.AssetObservation(
                    INVENTORY_LEVELS,
                    partition=isbn,
                    metadata={"low_stock": True, "title": f"Book {after}", "before": 9, "after": after},
                )
            )
        watch.instance.report_runless_asset_event(dg.AssetObservation(INVENTORY_LEVELS, partition="other"))
        watch.tick()
        assert watch.told == []
        tomorrow = datetime.now(zone).date() + timedelta(days=1)
        morning = datetime(tomorrow.year, tomorrow.month, tomorrow.day, 8, 1, tzinfo=zone)
        watch.ahead = morning.timestamp() - datetime.now(UTC).timestamp()
        watch.tick()
        watch.tick()
        assert watch.told == ["Low stock: 2 titles since the last digest"]
        assert watch.hook.received[0]["message"].splitlines()[:2] == [
            "- Book 0 (9781639739134): 9 → 0",
            "- Book 3 (9780306406157): 9 → 3",
        ]


class TestStore:
    """The standing check on the store, as the storefront reports it."""

    def looked(self, instance: dg.DagsterInstance, *behind: str) -> None:
        rows = [dg.TableRecord({"isbn": isbn, "title": "Piranesi", "what": "stock"}) for isbn in behind]
        titles = {"titles": dg.MetadataValue.table(rows)} if rows else {}
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=INVENTORY_LEVELS,
                check_name="store_follows_queue",
                passed=not behind,
                description=f"The store does not follow {len(behind)} titles.",
                metadata={
                    "looked_at": dg.MetadataValue.timestamp(datetime.now(UTC).timestamp()),
                    **titles,
                },
            )
        )

    def test_a_store_that_lags_and_follows_again(self, watch):
        self.looked(watch.instance)
        watch.tick()
        assert watch.told == []
        for _ in range(2):
            self.looked(watch.instance, "9780306406157")
            watch.tick()
        assert watch.told == ["The store lags behind the queue"]
        said = watch.hook.received[0]["message"]
        assert "The store does not follow 1 titles." in said
        assert "- 9780306406157, Piranesi, stock" in said
        assert "http://dagster.example:3000/assets/medusa/inventory_levels" in said
        self.looked(watch.instance)
        watch.tick()
        assert watch.told[1:] == ["Over: the store lags behind the queue"]

    def test_nobody_looks_any_more(self, watch):
        self.looked(watch.instance)
        watch.tick()
        repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("storefront"), "__repository__")
        origin = RemoteInstigatorOrigin(repository, "store_promise")
        state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.STOPPED)
        watch.instance.add_instigator_state(state)
        for _ in range(9):
            watch.ahead += 90  # On a busy machine the ticks take seconds, too.
            watch.tick()
        assert watch.told == []
        watch.ahead += 100
        assert "1 incident open: Nobody looks whether the store follows" in watch.tick()
        assert watch.told == ["Nobody looks whether the store follows the queue"]
        assert "store_promise is switched off in Dagster" in watch.hook.received[0]["message"]
        watch.ahead = 0
        watch.tick()
        assert len(watch.told) == 1
        self.looked(watch.instance)
        watch.tick()
        assert watch.told[1:] == ["Over: nobody looks whether the store follows the queue"]


class TestMemory:
    def test_a_target_that_is_down_gets_it_after_a_restart(self, watch):
        watch.tick()
        watch.hook.down()
        sweep(watch.instance, raising(Blocked("Access Denied.")))
        words = watch.tick()
        assert "is down (A Connection error occurred sending JSON notification to …), 1 waiting" in words
        assert watch.hook.url.removeprefix("json://") not in (watch.cursor or "")
        watch.hook.up()
        watch.tick()
        assert watch.told == [], "its pause is not over"
        watch.ahead = 20
        assert "1 alert sent" in watch.tick()
        assert watch.told == ["iPage blocks us"]
        watch.tick()
        assert len(watch.told) == 1

    def test_without_targets_it_says_so_and_keeps_track(self, watch):
        watch.environment(ALERT_URLS="")
        watch.tick()
        sweep(watch.instance, raising(Blocked("Access Denied.")))
        words = watch.tick()
        assert "1 incident open: iPage blocks us" in words
        assert "ALERT_URLS names nobody" in words
        assert tables_of(watch.instance).waiting() == []
        watch.environment(ALERT_URLS=watch.hook.url)
        watch.tick()
        assert watch.told == []
        sweep(watch.instance, fine)
        watch.tick()
        assert watch.told == ["Over: iPage blocks us"]

    def test_a_tick_that_was_recorded_and_is_made_again_tells_nothing_twice(self, watch):
        watch.tick()
        cursor = watch.cursor
        push(watch.instance, raising(NeedsPerson("The channel is missing.")))
        sweep(watch.instance, raising(Blocked("Access Denied.")))
        sweep(watch.instance, fine)
        watch.tick()
        told = ["1 wrong, 1 over: A person has to act: the push to the store can't go on"]
        assert watch.told == told
        for lost in (cursor, None, "nonsense"):
            watch.cursor = lost  # The process died before Dagster kept the new one; somebody reset it.
            assert "1 incident open" in watch.tick()
            assert watch.told == told
        assert [one.times for one in tables_of(watch.instance).log().incidents.values()] == [1]

    def test_the_cursor_of_an_earlier_version_is_taken_over_once(self, watch):
        """It held all that the watch remembered."""
        (target,) = targets_of([watch.hook.url])
        watch.hook.down()
        push(watch.instance, raising(NeedsPerson("The channel is missing.")))
        (failed,) = watch.instance.event_log_storage.get_event_records(
            dg.EventRecordsFilter(dg.DagsterEventType.RUN_FAILURE), limit=10
        )
        now, zone = watch.time(), ZoneInfo("America/Chicago")
        digest_day = (datetime.now(zone) - timedelta(hours=DIGEST_HOUR)).date()  # None is due now.
        incident = {"key": "run:push_titles", "subject": "It is known", "since": now, "last": now}
        incident |= {"reason": "", "run_id": failed.run_id, "asset": "", "times": 3, "told": True}
        low = {"id": 1, "at": now, "isbn": "9780306406157", "title": "Emma", "before": 9, "after": 1}
        alert = {"subject": "It was not sent yet", "body": "Words.", "tone": "failure"}
        old = {
            "version": 1,
            "places": {"PIPELINE_FAILURE": [failed.storage_id - 1, [failed.storage_id]]},
            "book": {
                "incidents": {"run:push_titles": incident | {"tell_by": None, "works": ["push_titles"]}},
                "behind": None,
                "low": {"9780306406157": low},
                "digest_day": digest_day.isoformat(),
            },
            "outbox": {
                "waiting": [{"alert": alert, "since": now, "targets": [target.name]}],
                "down": {target.name: {"failures": 2, "until": now + 30, "reason": "it was down"}},
            },
        }
        watch.cursor = json.dumps(old)
        words = watch.tick()
        assert "1 incident open: It is known" in words
        assert "seen 3×" in words
        assert "is down (it was down), 1 waiting, tried 2×" in words
        assert tables_of(watch.instance).log().low["9780306406157"].title == "Emma"
        assert "It is known" not in (watch.cursor or "")

        watch.hook.up()
        watch.ahead = 31
        watch.tick()
        assert watch.told == ["It was not sent yet"]
        watch.ahead = 0
        watch.cursor = json.dumps(old)  # The process had died before Dagster kept the new one.
        push(watch.instance, fine)
        watch.tick()
        assert watch.told == ["It was not sent yet", "Over: it is known"]

    def test_the_first_look_goes_back_an_hour_and_no_further(self, watch):
        sweep(watch.instance, raising(Blocked("Access Denied.")))
        later = Watch(watch.instance, watch.hook, watch.monkeypatch)
        later.ahead = 7200
        later.tick()
        assert later.told == []
        later.tick()
        assert later.told == [], "nor does the second look begin at the beginning"
        soon = Watch(watch.instance, watch.hook, watch.monkeypatch)
        soon.tick()
        assert soon.told == ["iPage blocks us"]

    def test_an_event_that_became_visible_late_is_not_missed(self, watch):
        """Its id was given first, its transaction committed last."""
        watch.tick()
        run_id = push(watch.instance, raising(NeedsPerson("The channel is missing.")))
        sweep(watch.instance, raising(Blocked("Access Denied.")))
        with psycopg.connect(_url(watch.instance), autocommit=True) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS late AS TABLE event_logs WITH NO DATA")
            late = "run_id = %s AND dagster_event_type = 'PIPELINE_FAILURE'"
            connection.execute(f"INSERT INTO late SELECT * FROM event_logs WHERE {late}", [run_id])
            connection.execute(f"DELETE FROM event_logs WHERE {late}", [run_id])
            watch.tick()
            assert watch.told == ["iPage blocks us"]
            connection.execute("INSERT INTO event_logs SELECT * FROM late")
            connection.execute("DROP TABLE late")
        watch.tick()
        watch.tick()
        assert watch.told == ["iPage blocks us", "A person has to act: the push to the store can't go on"]

    def test_a_look_reads_on_from_the_last_one(self, watch, monkeypatch):
        push(watch.instance, fine)
        watch.tick()
        watch.ahead = 120
        watch.tick()
        storage = watch.instance.event_log_storage
        asked, read = [], type(storage).get_event_records

        def get_event_records(self: Any, records_filter: Any, *args: Any, **more: Any) -> Any:
            found = read(self, records_filter, *args, **more)
            asked.append((records_filter, len(found)))
            return found

        monkeypatch.setattr(type(storage), "get_event_records", get_event_records)
        watch.tick()
        assert len(asked) == 5
        assert all(records_filter.after_cursor is not None for records_filter, _ in asked)
        assert [found for _, found in asked] == [0] * 5
        assert len(watch.cursor or "") < 1000


def test_beside_a_dagster_on_sqlite_the_tables_are_a_file(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        assert tables_of(instance).waiting() == []
    assert (tmp_path / "alerts.sqlite").exists()


def test_every_error_of_the_sign_in_is_known_as_one():
    """The watch knows them by the kind that they carry."""
    errors = {
        value
        for module in (sign_in, second_factor, code_mail, session)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, NeedsPerson) and value is not NeedsPerson
    }
    assert len(errors) == 11
    assert {error.kind for error in errors} == {"sign_in"}


def _url(instance: dg.DagsterInstance) -> str:
    return yaml.safe_load(Path(instance.root_directory, "dagster.yaml").read_text())["storage"]["postgres"][
        "postgres_url"
    ]


def test_what_breaks_in_one_moment_is_one_message(watch, monkeypatch):
    monkeypatch.setattr(sensors, "TOGETHER_LOOKS", 3)
    watch.environment(SENSOR_INTERVAL="100")
    watch.tick()
    sweep(watch.instance, raising(Blocked("Access Denied.")))
    assert "1 wait for others of the same moment" in watch.tick()
    push(watch.instance, raising(NeedsPerson("The channel is missing.")))
    watch.cursor = None  # The process died: what waits is in the tables.
    watch.tick()
    assert watch.told == []
    watch.ahead = 300
    assert "wait" not in watch.tick()
    (title,) = watch.told
    assert title.startswith("2 wrong: iPage blocks us; A person has to act: the push to the store")
    assert watch.hook.received[0]["message"].count("What to do: ") == 2


class TestQuietHours:
    @pytest.fixture(autouse=True)
    def night(self, watch) -> None:
        """It began an hour ago, and lasts two more."""
        now = datetime.now(ZoneInfo("America/Chicago"))
        begin, end = now - timedelta(hours=1), now + timedelta(hours=2)
        watch.environment(QUIET_HOURS=f"{begin:%H:%M}-{end:%H:%M}")

    def test_what_can_wait_is_told_in_the_morning_and_once(self, watch):
        watch.tick()
        sweep(watch.instance, raising(Blocked("Access Denied.")))
        words = watch.tick()
        assert "1 incident open: iPage blocks us" in words
        assert "1 wait for the end of QUIET_HOURS" in words
        assert watch.told == []
        push(watch.instance, raising(NeedsPerson("The channel is missing.")))
        watch.tick()
        push_failed = "A person has to act: the push to the store can't go on"
        assert watch.told == [push_failed], "orders are at stake"
        push(watch.instance, fine)
        watch.tick()
        assert watch.told[1:] == ["Over: a person has to act: the push to the store can't go on"]
        sweep(watch.instance, fine)
        watch.cursor = None  # The process died, and the cursor with it: what waits is in the tables.
        watch.tick()
        assert len(watch.told) == 2
        watch.ahead = 7300
        assert "wait for" not in watch.tick()
        assert watch.told[2:] == ["In the quiet hours: 1 over"]
        assert "Over: iPage blocks us" in watch.hook.received[-1]["message"]
        watch.tick()
        assert len(watch.told) == 3

    def test_an_old_backup_can_wait(self, watch):
        watch.tick()
        note_backup(watch.instance, backup_of(49))
        becomes(watch.instance, BACKUP, FreshnessState.FAIL, datetime.now(UTC).timestamp())
        assert "1 wait for the end of QUIET_HOURS" in watch.tick()
        assert watch.told == []
        watch.ahead = 7300
        watch.tick()
        assert watch.told == ["SLA broken: the backup has not come through for 2 d"]

    def test_a_target_that_is_down_in_the_morning_gets_it_later(self, watch):
        watch.tick()
        sweep(watch.instance, raising(Blocked("Access Denied.")))
        watch.tick()
        watch.hook.down()
        watch.ahead = 7300
        watch.tick()
        watch.hook.up()
        watch.ahead += 20
        watch.tick()
        assert watch.told == ["iPage blocks us"]


class TestHeartbeat:
    @pytest.fixture(autouse=True)
    def watcher(self, watch) -> None:
        watch.environment(HEARTBEAT_URL=watch.hook.heartbeat_url)

    def test_it_is_told_once_of_each_good_sweep(self, watch):
        watch.tick()
        assert watch.hook.beats == []
        sweep(watch.instance, raising(Blocked("Access Denied.")))
        watch.tick()
        assert watch.hook.beats == [], "that was no good one"
        sweep(watch.instance, fine)
        assert "HEARTBEAT_URL was told" in watch.tick()
        assert len(watch.hook.beats) == 1
        for lost in (watch.cursor, None):
            watch.cursor = lost
            assert "HEARTBEAT_URL" not in watch.tick()
        assert len(watch.hook.beats) == 1
        sweep(watch.instance, fine)
        watch.tick()
        assert len(watch.hook.beats) == 2

    def test_one_that_is_down_stops_nothing_and_is_told_later(self, watch, caplog):
        watch.tick()
        sweep(watch.instance, fine)
        push(watch.instance, raising(NeedsPerson("The channel is missing.")))
        watch.hook.status = 503
        words = watch.tick()
        assert "HEARTBEAT_URL: it answered 503, tried 1×" in words
        assert "HEARTBEAT_URL: it answered 503" in caplog.text
        watch.tick()
        assert len(watch.hook.beats) == 1, "its pause is not over"
        watch.hook.status = 200
        watch.ahead = 20
        assert "HEARTBEAT_URL was told" in watch.tick()
        watch.ahead = 700
        watch.tick()
        assert len(watch.hook.beats) == 2
        assert watch.told == ["A person has to act: the push to the store can't go on"]
        assert "S3CRET-OF-THE-CHECK" not in words + caplog.text

    def test_a_sweep_from_long_ago_is_no_sign_of_life(self, watch):
        sweep(watch.instance, fine)
        watch.ahead = 7300
        watch.tick()
        assert watch.hook.beats == []

    def test_without_an_address_nobody_is_asked(self, watch):
        watch.environment(HEARTBEAT_URL="")
        watch.tick()
        sweep(watch.instance, fine)
        assert "HEARTBEAT" not in watch.tick()
        assert watch.hook.beats == []


class TestLetter:
    """Of the week before the last Monday, whose morning it is for the sensor."""

    @pytest.fixture
    def monday(self, watch) -> datetime:
        now = datetime.now(UTC)
        local = now.astimezone(ZoneInfo("America/Chicago"))
        monday = (local - timedelta(days=local.weekday())).replace(hour=9, minute=0, second=0, microsecond=0)
        monday -= timedelta(days=7) if monday > local else timedelta()
        watch.ahead = (monday - now).total_seconds() - 3 * 86400
        watch.tick()
        watch.ahead += 3 * 86400
        return monday

    def looked_back(self, instance: dg.DagsterInstance, week: str) -> None:
        """What the storefront's job leaves."""
        found = TitleWeek(came=SomeTitles.of(["Emma (9780306406157)"]), prices=SomeTitles(0))

        @dg.op
        def look_back() -> dg.Output[None]:
            said = dg.MetadataValue.json({"week": week, **asdict(found)})
            return dg.Output(None, metadata={TITLE_WEEK: said})

        @dg.job(name=WEEK_JOB)
        def week_of_titles() -> None:
            look_back()

        assert week_of_titles.execute_in_process(instance=instance).success

    def test_it_is_sent_once_whatever_is_started_anew(self, watch, monday):
        watch.tick()
        assert watch.told == [], "it waits for what the storefront knows"
        self.looked_back(watch.instance, "2026-01-05")
        watch.tick()
        assert watch.told == [], "that is another week"
        self.looked_back(watch.instance, (monday - timedelta(days=7)).date().isoformat())
        watch.tick()
        assert [subject.startswith("The shop's week, ") for subject in watch.told] == [True]
        said = watch.hook.received[0]["message"]
        assert said.startswith(
            "1 new title, 0 retired, sold out: not known, back in stock: not known, 0 other"
        )
        assert "- Emma (9780306406157)" in said
        again = Watch(watch.instance, watch.hook, watch.monkeypatch)
        again.ahead = watch.ahead + 60
        again.tick()
        watch.tick()
        assert len(watch.told) == 1
        watch.ahead += 6 * 86400
        watch.tick()
        assert len(watch.told) == 1

    def test_without_the_storefront_it_is_sent_with_what_is_known(self, watch, monday):
        watch.tick()
        watch.ahead += 3 * 3600 + 1
        with psycopg.connect(_url(watch.instance), autocommit=True) as connection:
            # It looked all the while.
            connection.execute("UPDATE ingram_alert_watch SET looked_at = %s", [watch.time() - 10])
        watch.tick()
        # Perhaps beside an alert that nobody looked in these hours.
        (letter,) = [one for one in watch.hook.received if one["title"].startswith("The shop's week")]
        assert "new titles: not known, 0 retired" in letter["message"]

    def test_a_machine_that_was_off_on_monday_sends_it_when_it_is_back(self, watch, monday):
        watch.ahead += 2 * 86400
        watch.tick()
        assert watch.told == [], "the storefront is back no earlier"
        self.looked_back(watch.instance, (monday - timedelta(days=7)).date().isoformat())
        watch.tick()
        assert len(watch.told) == 1

    def test_a_target_that_is_down_gets_it_later_and_once(self, watch, monday):
        self.looked_back(watch.instance, (monday - timedelta(days=7)).date().isoformat())
        watch.hook.down()
        watch.tick()
        watch.hook.up()
        watch.ahead += 20
        watch.tick()
        watch.tick()
        assert len(watch.told) == 1

    def test_what_dagster_knows_of_a_week(self, watch):
        instance, zone = watch.instance, ZoneInfo("America/Chicago")
        isbn, other = "9780306406157", "9781635575637"
        instance.report_runless_asset_event(
            dg.AssetMaterialization(TITLE_DETAILS, partition=isbn, metadata={"title": "Emma"})
        )

        @dg.op(config_schema={"isbns": [str]})
        def retire_titles() -> dg.Output[None]:
            report = Report("retire")
            report.fail(other, "It is not tracked.")
            return dg.Output(None, metadata=report.metadata())

        @dg.job
        def retire() -> None:
            retire_titles()

        named = {"ops": {"retire_titles": {"config": {"isbns": ["978-0-306-40615-7", other]}}}}
        assert retire.execute_in_process(named, instance=instance).success

        @dg.asset(key=STOCK_SWEEP)
        def stock_sweep() -> dg.MaterializeResult:
            counts = {"ok": 90, "blocked": 8, "not_found": 2, "first": 90}
            return dg.MaterializeResult(metadata=Report("sweep", counts).metadata())

        for _ in range(2):
            dg.materialize([stock_sweep], instance=instance)
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=STOCK,
                check_name="within_the_promise",
                passed=False,
                metadata={"stale": 3, "tracked": 100},
            )
        )
        push(instance, raising(NeedsPerson("The channel is missing.")))
        watch.tick()
        push(instance, fine)
        sweep(instance, raising(Blocked("Access Denied.")))
        watch.tick()
        note_backup(instance, noted := backup_of(0))
        now, tables = datetime.now(UTC).timestamp(), tables_of(instance)
        found = watched_week(instance, tables, Week.over_by(now + 7 * 86400, zone), now, promised=7200.0)
        assert found.went == SomeTitles(1, (f"Emma ({isbn})",))
        assert (found.sweeps, found.late, found.pages) == (2, 0, 200)
        assert found.unread == {"blocked": 16, "not_found": 4}
        assert (found.stale, found.tracked) == (3, 100)
        person, block = found.wrong
        assert person.subject == "A person has to act: the push to the store can't go on"
        assert person.until is not None
        assert (block.subject, block.until) == ("iPage blocks us", None)
        assert found.known_since is not None
        assert found.backup == noted
        # It stood still since the last sweep, for longer than was promised.
        later = watched_week(
            instance, tables, Week.over_by(now + 7 * 86400, zone), now + 7201, promised=7200.0
        )
        assert (later.late, later.longest > 7200) == (1, True)
        # Of an earlier week nothing is known.
        before = watched_week(instance, tables, Week.over_by(now, zone), now, promised=7200.0)
        assert (before.sweeps, before.stale, before.wrong, before.went) == (0, None, (), SomeTitles(0))
        assert before.backup is None
        assert (before.all_sweeps, found.all_sweeps) == (False, False)
        long_ago = watched_week(instance, tables, Week.over_by(now - 35 * 86400, zone), now, promised=7200.0)
        assert long_ago.went is None, "runs of then are forgotten"
