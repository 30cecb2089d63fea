"""Dagster's storage, set in `dagster.yaml`: PostgreSQL at `DAGSTER_PG_URL`.

dagster-postgres's own, but for four things: a run that failed with a sentence shows that sentence alone;
`dagster definitions validate`, which loads `dagster.yaml` and keeps nothing, works with no settings; whether
a table is there is asked until it is, not for ever; and a process keeps its connections. Dagster's own makes
one for each question, some twenty a second of a shop that does nothing, which is most of what its PostgreSQL
then works.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import sqlalchemy
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage, PostgresScheduleStorage
from sqlalchemy.engine import Connection, Engine

from ingram_assets.domain.addresses import MalformedAddress, database_address
from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.runtime.dagster_internals import (
    ConfigurableClassData,
    DagsterEvent,
    DagsterSqliteStorage,
    DagsterStorage,
    EventLogEntry,
    JobFailureData,
    StepFailureData,
    copy,
)

KEPT = 3
"""Connections that a process keeps while it has no use for them. It makes as many more as it needs."""
GIVEN_UP_AFTER = {
    **{"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3},
    "tcp_user_timeout": 60_000,
}
"""When a kept connection counts as broken whose other end says nothing: seconds, and milliseconds (libpq)."""

_engines: dict[str, Engine] = {}
"""What all instances of a process share, by URL. In the databases of these Dagster's tables are there."""


class ScheduleStorage(PostgresScheduleStorage):
    """What sensors and schedules did, and when.

    Dagster's own lists all tables of the database several times a tick of every sensor, to see whether two
    of them are there yet: a quarter of what an idle daemon works.
    """

    def __init__(self, postgres_url: str) -> None:
        self._true: set[str] = set()
        super().__init__(postgres_url, should_autocreate_tables=False)

    def has_instigators_table(self) -> bool:
        """Whether it is there."""
        return self._once("instigators", super().has_instigators_table)

    def _has_instigators_table(self, conn: Connection) -> bool:
        return self._once("instigators", partial(super()._has_instigators_table, conn))

    def has_built_index(self, migration_name: str) -> bool:
        """Whether it is there."""
        return self._once(f"index {migration_name}", partial(super().has_built_index, migration_name))

    def _once(self, fact: str, look: Callable[[], bool]) -> bool:
        """Looks until it is so. No table and no index ever goes again."""
        if fact not in self._true and look():
            self._true.add(fact)
        return fact in self._true


class EventLogStorage(PostgresEventLogStorage):
    """What runs did.

    Dagster shows each failure with the stack around it, which buries the sentence that a `dagster.Failure`
    was raised to say. The stack stands in what the run printed (stderr).
    """

    def store_event(self, event: EventLogEntry) -> None:
        """Stores an event, a failure that says a sentence without its stack."""
        super().store_event(without_the_stack(event))


def without_the_stack(entry: EventLogEntry) -> EventLogEntry:
    """The entry; if it is a failure that says a sentence, of a step or of its run, that sentence alone."""
    event = entry.dagster_event
    if event is None:
        return entry
    data = event.event_specific_data
    if isinstance(data, JobFailureData) and (first := data.first_step_failure_event):
        plain = _without_stack(first)
        is_its_error = data.error == first.step_failure_data.error
        error = plain.step_failure_data.error if is_its_error else data.error
        told = data._replace(first_step_failure_event=plain, error=error)
        return entry._replace(dagster_event=event._replace(event_specific_data=told))
    return entry._replace(dagster_event=_without_stack(event))


def _without_stack(event: DagsterEvent) -> DagsterEvent:
    data = event.event_specific_data
    said = data.user_failure_data if isinstance(data, StepFailureData) else None
    if not isinstance(data, StepFailureData) or not data.error or not said or not said.description:
        return event
    error = copy(data.error, message=said.description, stack=[], cause=None, context=None)
    return event._replace(event_specific_data=data._replace(error=error))


class PostgresStorage(DagsterPostgresStorage):
    """PostgreSQL at `DAGSTER_PG_URL`; its tables are made if they are missing."""

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        is_known = postgres_url in _engines
        super().__init__(postgres_url, should_autocreate_tables=not is_known, inst_data=inst_data)
        if not is_known:
            # It keeps its connections. Each is tried before it is lent out again.
            _engines[postgres_url] = sqlalchemy.create_engine(
                postgres_url,
                isolation_level="AUTOCOMMIT",
                pool_size=KEPT,
                max_overflow=-1,
                pool_pre_ping=True,
                connect_args=GIVEN_UP_AFTER,
            )
        self._event_log_storage = EventLogStorage(postgres_url, should_autocreate_tables=False)
        self._schedule_storage = ScheduleStorage(postgres_url)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine = _engines[postgres_url]

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing to configure but the environment."""
        return {}

    @classmethod
    def from_config_value(  # type: ignore[override]
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> DagsterStorage:
        """The storage of the environment.

        Raises:
            NeedsPerson: `DAGSTER_PG_URL` is malformed, or missing where this is more than a look at the
                definitions.
        """
        if url := os.environ.get("DAGSTER_PG_URL", "").strip():
            try:
                return cls(database_address(url), inst_data=inst_data)
            except MalformedAddress as error:  # SQLAlchemy's own would quote it
                raise NeedsPerson(f"DAGSTER_PG_URL is malformed: {error}.") from None
        if os.environ.get("DAGSTER_IS_DEFS_VALIDATION_CLI"):
            folder = tempfile.mkdtemp(prefix="dagster-validate-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            return DagsterSqliteStorage.from_local(folder)
        raise NeedsPerson("DAGSTER_PG_URL is missing: set it to Dagster's database, postgresql://….")
