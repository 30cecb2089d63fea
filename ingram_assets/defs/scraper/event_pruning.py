"""Old events of titles' partitions go, batch by batch; the newest of each kind stays."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import dagster as dg
import sqlalchemy as sa

from ingram_assets.defs.keys import INVENTORY_LEVELS, ORDERS, QUEUE_ROWS, STOCK, UNREAD_PAGES
from ingram_assets.runtime.dagster_internals import (
    AssetEventTagsTable,
    SqlEventLogStorage,
    SqlEventLogStorageTable,
)

EVENTS_KEPT = timedelta(days=30)
"""Of an event of a title's partition; the newest of each kind is kept for good."""
READ_EVERY_HOUR = (STOCK, UNREAD_PAGES, QUEUE_ROWS, INVENTORY_LEVELS, ORDERS)
"""The assets whose partitions gather events by the hour: 24,000 a day for 1,000 titles."""
_BATCH = 5_000
_EVENTS = SqlEventLogStorageTable
_MADE = dg.DagsterEventType.ASSET_MATERIALIZATION
_SEEN = dg.DagsterEventType.ASSET_OBSERVATION
_PLANNED = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED


# An event goes only where a later one of this kind is there. A plan without its materialization would show
# as a failed partition, so both go by the later materialization.
_SUPERSEDED_BY = {_MADE: _MADE, _PLANNED: _MADE, _SEEN: _SEEN}


def prune_events(instance: dg.DagsterInstance, before: datetime, batch: int = _BATCH) -> Iterator[int]:
    """Delete superseded partition events older than `before`, batch by batch; yields how many each.

    Dagster has no way of its own to forget events of a run that it keeps. A partition's status is made of
    its newest materialization and its newest plan (`get_materialized_partitions`, `partition_status_cache`),
    and those stay, however old; so does the asset's own newest event.

    Raises:
        TypeError: Dagster keeps its events in no SQL database.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        raise TypeError(f"{type(storage).__name__} is no SQL storage: its events can't be pruned")
    for asset in READ_EVERY_HOUR:
        for kind, newer_kind in _SUPERSEDED_BY.items():
            while ids := _superseded(storage, asset, kind, newer_kind, before, batch):
                with storage.index_connection() as connection, connection.begin():
                    connection.execute(
                        sa.delete(AssetEventTagsTable).where(AssetEventTagsTable.c.event_id.in_(ids))
                    )
                    connection.execute(sa.delete(_EVENTS).where(_EVENTS.c.id.in_(ids)))
                yield len(ids)


def _superseded(
    storage: SqlEventLogStorage,
    asset: dg.AssetKey,
    kind: dg.DagsterEventType,
    newer_kind: dg.DagsterEventType,
    before: datetime,
    batch: int,
) -> list[int]:
    """Ids of old events of partitions that a later one stands for."""
    later = _EVENTS.alias("later")
    there_is_a_later_one = (
        sa.select(later.c.id)
        .where(
            later.c.asset_key == _EVENTS.c.asset_key,
            later.c.partition == _EVENTS.c.partition,
            later.c.dagster_event_type == newer_kind.value,
            later.c.id > _EVENTS.c.id,
        )
        .exists()
    )
    old = (
        sa.select(_EVENTS.c.id)
        .where(
            _EVENTS.c.asset_key == asset.to_string(),
            _EVENTS.c.dagster_event_type == kind.value,
            _EVENTS.c.partition.is_not(None),
            _EVENTS.c.timestamp < before,
            there_is_a_later_one,
        )
        .order_by(_EVENTS.c.id)
        .limit(batch)
    )
    with storage.index_connection() as connection:
        return list(connection.execute(old).scalars())
