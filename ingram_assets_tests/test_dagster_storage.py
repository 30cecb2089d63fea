"""Dagster's storage as `dagster.yaml` sets it, on a real PostgreSQL."""

from typing import Any

import pytest
import sqlalchemy
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

from ingram_assets.dagster_storage import PostgresStorage
from ingram_assets.domain.failures import NeedsPerson


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
