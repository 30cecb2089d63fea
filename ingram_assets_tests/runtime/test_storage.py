"""Dagster's storage as `dagster.yaml` sets it, on a real PostgreSQL."""

from typing import Any

import psycopg
import pytest
import sqlalchemy

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.runtime.dagster_internals import DagsterSqliteStorage
from ingram_assets.runtime.storage import PostgresStorage


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
