"""The daily forgetting on a real Dagster database: old events go, and every answer stays the same."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from ingram_assets.defs.events import EVENTS_KEPT
from ingram_assets.defs.keys import INVENTORY_LEVELS, ISBNS, STOCK
from ingram_assets.defs.scraper.definitions import defs
from ingram_assets.defs.scraper.event_pruning import prune_events, prune_runs, vacuum
from ingram_assets.domain.stock import DcStock
from ingram_assets.staging.schema import migrate
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.dagster_internals import get_and_update_asset_status_cache_value
from ingram_assets_tests.testing.own_dagster import dagster_on

# Beside the other tests that have a Dagster database, on one worker's PostgreSQL.
pytestmark = pytest.mark.xdist_group("operations")

A, B, FAILED_LAST, MENDED, RECENT = (
    *("9780306406157", "9781639739134", "9780000000002"),
    *("9780000000019", "9780000000026"),
)
YEAR = timedelta(days=365)
MADE = dg.DagsterEventType.ASSET_MATERIALIZATION


@pytest.fixture(scope="module")
def storage(postgres) -> Iterator[str]:
    yield postgres.create_database("retention")
    postgres.drop_database("retention")


@pytest.fixture(scope="module")
def instance(storage: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with dagster_on(storage, tmp_path_factory.mktemp("dagster")) as instance:
        instance.add_dynamic_partitions(str(ISBNS.name), [A, B, FAILED_LAST, MENDED, RECENT])
        yield instance


def read(instance: dg.DagsterInstance, isbn: str, copies: int | None) -> None:
    """A run of one partition: planned, then made; with `None` copies, planned and failed."""

    @dg.asset(key=STOCK, partitions_def=ISBNS)
    def stock(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        if copies is None:
            raise dg.Failure("no page")
        return dg.MaterializeResult(metadata={"copies": copies})

    dg.materialize([stock], instance=instance, partition_key=isbn, raise_on_error=False)


def log(instance: dg.DagsterInstance, isbn: str, copies: int, asset: dg.AssetKey = STOCK) -> None:
    """An event as a sweep logs it, without a plan."""
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            asset, partition=isbn, metadata={"copies": copies}, tags={"dagster/data_version": str(copies)}
        )
    )


def see(instance: dg.DagsterInstance, isbn: str) -> None:
    instance.report_runless_asset_event(dg.AssetObservation(STOCK, partition=isbn))


def sql(storage: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(storage, autocommit=True) as connection:
        result = connection.execute(statement, values)
        return result.fetchall() if result.description else []


def answers(instance: dg.DagsterInstance) -> dict[str, Any]:
    """All that Dagster's UI, its sensors and ours ask about partitions."""
    found: dict[str, Any] = {}
    store = instance.event_log_storage
    for asset in (STOCK, INVENTORY_LEVELS):
        status = get_and_update_asset_status_cache_value(instance, asset, ISBNS, instance)
        assert status is not None
        partitions = instance.get_materialized_partitions(asset)
        found[asset.to_user_string()] = {
            "materialized": partitions,
            "newest": store.get_latest_storage_id_by_partition(asset, MADE),
            "versions": store.get_latest_tags_by_partition(asset, MADE, ["dagster/data_version"]),
            "metadata": {
                isbn: instance.fetch_materializations(
                    dg.AssetRecordsFilter(asset, asset_partitions=[isbn]), limit=1
                )
                .records[0]
                .asset_materialization.metadata
                for isbn in partitions
            },
            "shown green": status.deserialize_materialized_partition_subsets(ISBNS).get_partition_keys(),
            "shown red": status.deserialize_failed_partition_subsets(ISBNS).get_partition_keys(),
            "asset": instance.get_latest_materialization_event(asset),
        }
    return found


def counts(storage: str, isbn: str, asset: dg.AssetKey = STOCK) -> dict[str, int]:
    rows = sql(
        storage,
        "SELECT dagster_event_type, count(*) FROM event_logs WHERE asset_key = %s AND partition = %s"
        " GROUP BY 1",
        asset.to_string(),
        isbn,
    )
    return {kind.removeprefix("ASSET_").lower(): count for kind, count in rows}


def test_old_events_go_and_every_answer_stays(instance: dg.DagsterInstance, storage: str) -> None:
    read(instance, A, 1)
    for copies in (2, 3):
        log(instance, A, copies)
        log(instance, A, copies, INVENTORY_LEVELS)
        see(instance, A)
    log(instance, B, 7)
    read(instance, FAILED_LAST, 4)
    read(instance, FAILED_LAST, None)
    read(instance, MENDED, None)
    log(instance, MENDED, 5)
    log(instance, RECENT, 8)
    old = EVENTS_KEPT + timedelta(days=1)
    sql(storage, "UPDATE event_logs SET timestamp = timestamp - %s", old)
    log(instance, RECENT, 9)
    log(instance, RECENT, 10)

    before = answers(instance)
    stock = before[STOCK.to_user_string()]
    assert set(stock["shown green"]) == {A, B, FAILED_LAST, MENDED, RECENT}
    assert set(stock["shown red"]) == {FAILED_LAST}

    logged = len(sql(storage, "SELECT id FROM event_logs WHERE asset_key IS NULL AND run_id <> ''"))
    gone = list(prune_events(instance, datetime.now(UTC), YEAR, batch=2))
    # A: a plan, two readings, an observation, a level. FAILED_LAST: the first plan. MENDED: its plan.
    # RECENT: the old one.
    assert sum(gone) == 8 + logged
    assert max(gone) <= 2
    assert answers(instance) == before
    for asset in (STOCK, INVENTORY_LEVELS):
        instance.event_log_storage.wipe_asset_cached_status(asset)
    assert answers(instance) == before, "not from the cache alone"

    assert counts(storage, A) == {"materialization": 1, "observation": 1}
    assert counts(storage, A, INVENTORY_LEVELS) == {"materialization": 1}
    assert counts(storage, B) == {"materialization": 1}
    assert counts(storage, FAILED_LAST)["materialization"] == 1
    assert counts(storage, FAILED_LAST)["materialization_planned"] == 1
    assert counts(storage, MENDED) == {"materialization": 1}
    assert counts(storage, RECENT) == {"materialization": 2}, "of the last 30 days all are kept"
    orphans = "SELECT count(*) FROM asset_event_tags WHERE event_id NOT IN (SELECT id FROM event_logs)"
    assert sql(storage, orphans) == [(0,)]
    assert list(prune_events(instance, datetime.now(UTC), YEAR)) == []


def test_of_an_asset_itself_and_its_checks_a_year_is_kept_and_the_newest(
    instance: dg.DagsterInstance, storage: str
) -> None:
    @dg.asset
    def sweep(context: dg.AssetExecutionContext) -> None:
        context.add_output_metadata({"titles": 3})

    @dg.asset_check(asset=sweep)
    def is_whole() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    @dg.op
    def say_nothing() -> None:
        pass

    @dg.job
    def nothing() -> None:
        say_nothing()

    def age(run: str, days: int) -> None:
        for table, moment in (
            ("event_logs", "timestamp"),
            ("asset_check_executions", "create_timestamp"),
            ("runs", "update_timestamp"),
        ):
            sql(
                storage,
                f"UPDATE {table} SET {moment} = {moment} - %s * interval '1 day' WHERE run_id = %s",
                days,
                run,
            )

    runs = [dg.materialize([sweep, is_whole], instance=instance).run_id for _ in range(4)]
    silent = nothing.execute_in_process(instance=instance).run_id
    for run, days in zip([*runs, silent], (500, 401, 31, 29, 31), strict=True):
        age(run, days)

    def left(table: str) -> set[str]:
        rows = sql(storage, f"SELECT DISTINCT run_id FROM {table} WHERE run_id = ANY(%s)", [*runs, silent])
        return {run for (run,) in rows}

    now = datetime.now(UTC)
    sum(prune_events(instance, now, timedelta(days=400)))
    prune_runs(instance, now, timedelta(days=400))
    assert left("event_logs") == left("runs") == set(runs[2:]), "what the plots are made of, and their runs"
    assert left("asset_check_executions") == set(runs[2:])
    logs = "SELECT DISTINCT run_id FROM event_logs WHERE asset_key IS NULL AND run_id = ANY(%s)"
    assert sql(storage, logs, runs) == [(runs[3],)], "what older runs logged is gone"
    assert instance.get_latest_materialization_event(sweep.key).run_id == runs[3]

    for run in runs[2:]:
        age(run, 500)
    sum(prune_events(instance, now, timedelta(days=400)))
    prune_runs(instance, now, timedelta(days=400))
    vacuum(instance)
    assert left("runs") == left("asset_check_executions") == {runs[3]}
    assert instance.get_latest_materialization_event(sweep.key).run_id == runs[3]


def test_the_daily_job_prunes_the_queue_by_the_setting(
    instance: dg.DagsterInstance, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(database)
    morning = datetime.now(UTC).replace(hour=1, minute=0) - timedelta(days=50)
    with QueueWriter(database) as writer:
        writer.add_titles([{"isbn": A, "title": "A"}])
        for hours in range(3):
            stock = {"TN": DcStock(hours, 0, "primary")}
            writer.record_stock(
                [{"isbn": A, "observed_at": morning + timedelta(hours=hours), "stock": stock}]
            )
    sql(database, "UPDATE ingram_stock_history SET stock_changed_at = stock_observed_at")
    settings = {"QUEUE_DB_URL": database, "HISTORY_RETENTION_DAYS": "40", "IPAGE_SESSION_COOKIE": "a=b"}
    settings |= {f"R2_{name}": "http://127.0.0.1:9" for name in ("ENDPOINT", "PUBLIC_URL")}
    settings |= {f"R2_{name}": "unused" for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "BUCKET_NAME")}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    done = defs.resolve_job_def("retention").execute_in_process(instance=instance)
    assert done.success
    assert sql(database, "SELECT stock_json->'TN'->>'onHand' FROM ingram_stock_history") == [("2",)]
    (output,) = [event for event in done.all_node_events if event.is_successful_output]
    assert output.step_output_data.metadata["history_entries"].value == 2


def test_it_is_on_every_day() -> None:
    schedule = defs.resolve_schedule_def("daily_retention")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert schedule.cron_schedule == "50 4 * * *"
