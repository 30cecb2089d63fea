"""Dagster's storage as `dagster.yaml` sets it, on a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
import sqlalchemy

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.runtime.dagster_internals import DagsterSqliteStorage
from ingram_assets.runtime.storage import PostgresStorage

STORAGE = "storage:\n  custom: {module: ingram_assets.runtime.storage, class: PostgresStorage, config: {}}\n"


@dg.op
def stops() -> None:
    try:
        raise KeyError("stock")
    except KeyError as error:
        raise dg.Failure("44 titles would turn to zero.", {"titles": 44}, allow_retries=False) from error


@dg.op
def breaks() -> None:
    raise KeyError("stock")


@pytest.fixture
def instance(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("DAGSTER_PG_URL", database)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text(STORAGE + "telemetry: {enabled: false}\n")
    with dg.DagsterInstance.get() as instance:
        yield instance


def failures(instance: dg.DagsterInstance, op: dg.OpDefinition) -> list[Any]:
    """The errors that the events of a run of the op keep: the step's, and the run's."""

    @dg.job(executor_def=dg.in_process_executor)
    def run() -> None:
        op()

    done = run.execute_in_process(instance=instance, raise_on_error=False)
    events = [entry.get_dagster_event() for entry in instance.all_logs(done.run_id) if entry.dagster_event]
    (step,) = (one.step_failure_data for one in events if one.is_step_failure)
    (ended,) = (one.job_failure_data for one in events if one.event_type_value == "PIPELINE_FAILURE")
    assert step == ended.first_step_failure_event.step_failure_data
    assert not step.user_failure_data or step.user_failure_data.metadata["titles"].value == 44
    return [step.error, ended.error]


def test_a_failure_that_says_a_sentence_is_kept_as_that(instance: dg.DagsterInstance) -> None:
    for error in failures(instance, stops):
        assert error.to_string() == "44 titles would turn to zero."


def test_a_mistake_of_ours_keeps_its_stack(instance: dg.DagsterInstance) -> None:
    for error in failures(instance, breaks):
        assert 'raise KeyError("stock")' in error.to_string()


def test_whether_its_tables_are_there_is_asked_once(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_PG_URL", database)
    schedules = PostgresStorage.from_config_value(None, {}).schedule_storage
    asked: list[str] = []

    @sqlalchemy.event.listens_for(sqlalchemy.Engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    try:
        for _ in range(3):
            asked.clear()
            assert list(schedules.all_instigator_state()) == []
            assert schedules.supports_batch_queries
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", note)
    assert [statement for statement in asked if "instigators" in statement]
    assert [
        statement for statement in asked if "pg_class" in statement or "secondary_index" in statement
    ] == []


def test_without_a_database_only_a_look_at_the_definitions_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_PG_URL", raising=False)
    with pytest.raises(NeedsPerson, match="DAGSTER_PG_URL is missing"):
        PostgresStorage.from_config_value(None, {})
    monkeypatch.setenv("DAGSTER_IS_DEFS_VALIDATION_CLI", "1")
    assert isinstance(PostgresStorage.from_config_value(None, {}), DagsterSqliteStorage)


def test_a_process_keeps_its_connection_and_makes_another_when_that_is_broken(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sensor's every tick makes an instance of its own; a restart of PostgreSQL breaks what is kept."""
    monkeypatch.setenv("DAGSTER_PG_URL", database)
    made: list[str] = []

    @sqlalchemy.event.listens_for(sqlalchemy.Engine, "engine_connect")
    def note(connection: Any) -> None:
        made.append(connection.connection.dbapi_connection.info.backend_pid)

    def ask() -> None:
        storage = PostgresStorage.from_config_value(None, {})
        assert storage.run_storage.get_runs() == []
        assert list(storage.schedule_storage.all_instigator_state()) == []
        assert storage.event_log_storage.all_asset_keys() == []

    ask()
    try:
        made.clear()
        for _ in range(3):
            ask()
        assert len(made) >= 9
        assert len({*made}) == 1
        (kept,) = {*made}
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(%s)", [kept])
        ask()
        assert made[-1] != kept
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "engine_connect", note)


def test_the_tables_of_each_database_are_made(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once in a process' life, and so not at every tick of a sensor."""
    monkeypatch.setenv("DAGSTER_PG_URL", database)
    asked: list[str] = []

    @sqlalchemy.event.listens_for(sqlalchemy.Engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    try:
        PostgresStorage.from_config_value(None, {})
        assert [statement for statement in asked if "CREATE TABLE runs" in statement]
        asked.clear()
        PostgresStorage.from_config_value(None, {})
        assert asked == []
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", note)
