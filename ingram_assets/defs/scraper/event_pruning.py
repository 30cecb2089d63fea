"""Old events and runs go from Dagster's database, batch by batch; what its answers are made of stays."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain

import dagster as dg
import sqlalchemy as sa

from ingram_assets.defs.events import EVENTS_KEPT
from ingram_assets.runtime.dagster_internals import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    RunsTable,
    SqlEventLogStorage,
    SqlEventLogStorageTable,
)

_BATCH = 5_000
_EVENTS = SqlEventLogStorageTable
_OF = dg.DagsterEventType
# An event goes only where a later one of this kind is there: the newest of each kind is kept for good. A plan
# without its materialization would show as a failed partition, so both go by the later materialization.
_SUPERSEDED_BY = {
    _OF.ASSET_MATERIALIZATION: _OF.ASSET_MATERIALIZATION,
    _OF.ASSET_MATERIALIZATION_PLANNED: _OF.ASSET_MATERIALIZATION,
    _OF.ASSET_OBSERVATION: _OF.ASSET_OBSERVATION,
    _OF.FRESHNESS_STATE_CHANGE: _OF.FRESHNESS_STATE_CHANGE,
}
_ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
_GROWING = ("event_logs", "asset_event_tags", "runs", "run_tags", "job_ticks", "asset_check_executions")


def prune_events(
    instance: dg.DagsterInstance, now: datetime, own_kept: timedelta, batch: int = _BATCH
) -> Iterator[int]:
    """Delete events that nothing is made of any more, batch by batch; yields how many each.

    Of a title's partition they go after `EVENTS_KEPT`, of an asset itself (of which the plots are made) after
    `own_kept`, each where a later one is there. What a run logged beside them goes after `EVENTS_KEPT`.

    Dagster has no way of its own to forget events of a run that it keeps. A partition's status is made of
    its newest materialization and its newest plan (`get_materialized_partitions`, `partition_status_cache`),
    and those stay, however old; so does the asset's own newest event of each kind.

    Raises:
        TypeError: Dagster keeps its events in no SQL database.
    """
    storage = _sql_storage(instance)
    superseded = (
        _superseded(asset, kind, newer_kind, of_titles) & (_EVENTS.c.timestamp < now - kept)
        for asset in instance.get_asset_keys()
        for kind, newer_kind in _SUPERSEDED_BY.items()
        for of_titles, kept in ((True, EVENTS_KEPT), (False, own_kept))
    )
    logged = _EVENTS.c.asset_key.is_(None) & (_EVENTS.c.timestamp < now - EVENTS_KEPT)
    for which in chain(superseded, [logged]):
        ids = sa.select(_EVENTS.c.id).where(which).order_by(_EVENTS.c.id).limit(batch)
        while gone := _delete(storage, ids):
            yield gone


def prune_runs(instance: dg.DagsterInstance, now: datetime, checks_kept: timedelta) -> int:
    """Delete runs that ended `EVENTS_KEPT` ago and left no event, and old results of checks; how many runs.

    Raises:
        TypeError: as `prune_events`.
    """
    runs, checks = RunsTable.c, AssetCheckExecutionsTable.c
    ended = runs.status.in_([status.value for status in _ENDED])
    is_left = sa.select(_EVENTS.c.id).where(_EVENTS.c.run_id == runs.run_id).exists()
    old = ended & (runs.update_timestamp < now - EVENTS_KEPT) & ~is_left
    later = AssetCheckExecutionsTable.alias("later")
    has_later = (
        sa.select(later.c.id)
        .where(later.c.asset_key == checks.asset_key, later.c.check_name == checks.check_name)
        .where(later.c.id > checks.id)
        .exists()
    )
    with _sql_storage(instance).index_connection() as connection, connection.begin():
        old_checks = (checks.create_timestamp < now - checks_kept) & has_later
        connection.execute(sa.delete(AssetCheckExecutionsTable).where(old_checks))
        return connection.execute(sa.delete(RunsTable).where(old)).rowcount


def vacuum(instance: dg.DagsterInstance) -> None:
    """Make the room of what was deleted free for what comes, without waiting for PostgreSQL's own rounds.

    Raises:
        TypeError: as `prune_events`.
    """
    with _sql_storage(instance).index_connection() as connection:
        at_once = connection.execution_options(isolation_level="AUTOCOMMIT")
        for table in _GROWING:
            at_once.execute(sa.text(f"VACUUM (ANALYZE) {table}"))


def _sql_storage(instance: dg.DagsterInstance) -> SqlEventLogStorage:
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        raise TypeError(f"{type(storage).__name__} is no SQL storage: its events can't be pruned")
    return storage


def _delete(storage: SqlEventLogStorage, which: "sa.Select[tuple[int]]") -> int:
    """Delete events by their ids, with their tags; how many."""
    with storage.index_connection() as connection, connection.begin():
        ids = list(connection.execute(which).scalars())
        connection.execute(sa.delete(AssetEventTagsTable).where(AssetEventTagsTable.c.event_id.in_(ids)))
        connection.execute(sa.delete(_EVENTS).where(_EVENTS.c.id.in_(ids)))
    return len(ids)


def _superseded(
    asset: dg.AssetKey, kind: dg.DagsterEventType, newer_kind: dg.DagsterEventType, of_titles: bool
) -> "sa.ColumnElement[bool]":
    """Events of an asset's partitions, or of the asset itself, that a later one stands for."""
    later = _EVENTS.alias("later")
    # Two questions and not one (IS NOT DISTINCT FROM), for which PostgreSQL has no use of an index.
    of_the_same = later.c.partition == _EVENTS.c.partition if of_titles else later.c.partition.is_(None)
    there_is_a_later_one = (
        sa.select(later.c.id)
        .where(
            later.c.asset_key == _EVENTS.c.asset_key,
            of_the_same,
            later.c.dagster_event_type == newer_kind.value,
            later.c.id > _EVENTS.c.id,
        )
        .exists()
    )
    of_kind = (_EVENTS.c.asset_key == asset.to_string()) & (_EVENTS.c.dagster_event_type == kind.value)
    of_these = _EVENTS.c.partition.is_not(None) if of_titles else _EVENTS.c.partition.is_(None)
    return of_kind & of_these & there_is_a_later_one
