"""When each title's page was last read, from Dagster's own events: what the promise is measured against.

A reading is a materialization of the title's partition of `ipage/stock`; or, where the page showed no stock
table (a forthcoming title's, for months), an observation of it. A page that could not be read is neither: it
is an observation of the title's partition of `ipage/unread_pages`.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any

import dagster as dg

from ingram_assets.defs.keys import ISBNS_NAME, QUEUE_ROWS, STOCK, TITLE_DETAILS
from ingram_assets.domain.freshness import LastReading, SeenDemand
from ingram_assets.domain.lifetime import StaleReading, StaleReadings

HISTORY = "on_hand_changes"
"""The metadata key of a reading under which it carries the last changes of the stock along."""

PUBLISHED = "publication_date"
OUTCOME, REASON = "outcome", "reason"
"""The metadata keys of an attempt that gave no reading: the kind of failure, and its sentence."""
_SHOWN = 200
"""Characters of a title that an event shows: each reading's event is kept for months."""
_NEW_FOR_DAYS = 14
"""Days from its publication in which a title counts as one that shoppers look for."""

_MADE = dg.DagsterEventType.ASSET_MATERIALIZATION
_SEEN = dg.DagsterEventType.ASSET_OBSERVATION


def latest_readings(instance: dg.DagsterInstance, isbns: Collection[str] | None = None) -> dict[str, int]:
    """ISBN to the storage id of its last reading's event, for those that were read."""
    wanted = set(isbns) if isbns is not None else None
    latest: dict[str, int] = {}
    for kind in (_MADE, _SEEN):
        found = instance.event_log_storage.get_latest_storage_id_by_partition(STOCK, kind, wanted)
        for isbn, storage_id in found.items():
            latest[isbn] = max(storage_id, latest.get(isbn, storage_id))
    return latest


def reading_events(instance: dg.DagsterInstance, latest: Mapping[str, int]) -> dict[str, dg.EventLogRecord]:
    """ISBN to the event whose storage id `latest` names."""
    if not latest:
        return {}
    events: dict[str, dg.EventLogRecord] = {}
    wanted = dg.AssetRecordsFilter(STOCK, storage_ids=list(latest.values()))
    for result in (
        instance.fetch_materializations(wanted, limit=len(latest)),
        instance.fetch_observations(wanted, limit=len(latest)),
    ):
        events |= {record.partition_key: record for record in result.records if record.partition_key}
    return events


def stale_readings(instance: dg.DagsterInstance, sla: float, now: float, named: int) -> StaleReadings:
    """Which tracked titles were not read within the SLA (seconds). Exact, whatever the number of titles.

    A title that was added within the SLA and not read yet is not stale yet; nor is one read during the look.

    Args:
        named: how many of them are named, the never read first, then the oldest.
    """
    tracked = instance.get_dynamic_partitions(ISBNS_NAME)
    cutoff = now - sla
    too_old = {kind: _last_before(instance, STOCK, kind, cutoff) for kind in (_MADE, _SEEN)}
    fresh = {isbn for kind, last in too_old.items() for isbn in _after(instance, STOCK, kind, last)}
    not_fresh = [isbn for isbn in tracked if isbn not in fresh]
    if not not_fresh:
        return StaleReadings(0, len(tracked))
    latest = latest_readings(instance, not_fresh)
    last_too_old = max(too_old.values())
    just_read = {isbn for isbn, storage_id in latest.items() if storage_id > last_too_old}
    added = _after(instance, QUEUE_ROWS, _MADE, _last_before(instance, QUEUE_ROWS, _MADE, cutoff))
    just_added = added - latest.keys()
    stale = [isbn for isbn in not_fresh if isbn not in just_read and isbn not in just_added]
    stale.sort(key=lambda isbn: latest.get(isbn, -1))
    first = stale[:named]
    events = reading_events(instance, {isbn: latest[isbn] for isbn in first if isbn in latest})
    titles = titles_of(instance, first)
    oldest = tuple(
        StaleReading(isbn, titles.get(isbn), events[isbn].timestamp if isbn in events else None)
        for isbn in first
    )
    return StaleReadings(len(stale), len(tracked), oldest)


def last_reading_before(instance: dg.DagsterInstance, cutoff: float) -> int:
    """The storage id of the last reading of any title before the cutoff (seconds since 1970); 0: none was."""
    return max(_last_before(instance, STOCK, kind, cutoff) for kind in (_MADE, _SEEN))


def last_made(instance: dg.DagsterInstance, asset: dg.AssetKey) -> dg.EventLogRecord | None:
    """An asset's last materialization; None if it was never made."""
    return next(iter(instance.fetch_materializations(asset, limit=1).records), None)


def made_since(instance: dg.DagsterInstance, asset: dg.AssetKey, since: float) -> set[str]:
    """The partitions of an asset that were materialized since then (seconds since 1970)."""
    return _after(instance, asset, _MADE, _last_before(instance, asset, _MADE, since))


def _last_before(
    instance: dg.DagsterInstance, asset: dg.AssetKey, kind: dg.DagsterEventType, cutoff: float
) -> int:
    """The storage id of the asset's last event of this kind before the cutoff; 0: there is none.

    Storage ids grow with time: it tells old from new without reading them all.
    """
    fetch = instance.fetch_materializations if kind == _MADE else instance.fetch_observations
    found = fetch(dg.AssetRecordsFilter(asset, before_timestamp=cutoff), limit=1).records
    return found[0].storage_id if found else 0


def _after(
    instance: dg.DagsterInstance, asset: dg.AssetKey, kind: dg.DagsterEventType, last: int
) -> set[str]:
    """Partitions with an event of this kind after the one of that storage id."""
    return set(instance.event_log_storage.get_latest_storage_id_by_partition(asset, kind, after_cursor=last))


def titles_of(instance: dg.DagsterInstance, isbns: Iterable[str]) -> dict[str, str]:
    """ISBN to title, for those whose details were read, or that the saved search named."""
    left, titles = set(isbns), dict[str, str]()
    for asset in (TITLE_DETAILS, QUEUE_ROWS):
        left -= titles.keys()
        latest = (
            instance.event_log_storage.get_latest_storage_id_by_partition(asset, _MADE, left) if left else {}
        )
        if not latest:
            continue
        wanted = dg.AssetRecordsFilter(asset, storage_ids=list(latest.values()))
        for record in instance.fetch_materializations(wanted, limit=len(latest)).records:
            if record.partition_key and (title := said(record, "title")):
                titles[record.partition_key] = str(title)[:120]
    return titles


def titled(title: str | None) -> dict[str, Any]:
    """The metadata of a title's event that names it; nothing where nobody knows its name yet."""
    return {"title": cut(title, _SHOWN)} if title else {}


def cut(text: str, longest: int) -> str:
    """The text, its end left out where there is no room for it: half a blurb is better than no book."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def last_reading(record: dg.EventLogRecord, wanted: bool, today: date) -> LastReading:
    """What a title's last reading told, for the choice of what is read next.

    Args:
        wanted: shoppers of this store ordered it lately.
    """
    on_hand, published = said(record, "on_hand"), said(record, PUBLISHED)
    is_new = published is not None and 0 <= (today - date.fromisoformat(published)).days <= _NEW_FOR_DAYS
    return LastReading(
        record.partition_key or "",
        record.timestamp,
        None if on_hand is None else int(on_hand),
        on_order=int(said(record, "on_order") or 0),
        awaited=is_new or said(record, "status") not in ("digital", "preorder", "unknown"),
        seen=SeenDemand.of(history_of(record), record.timestamp),
        wanted=wanted or is_new,
    )


def history_of(record: dg.EventLogRecord | None) -> list[tuple[int, int]]:
    """When (seconds since 1970) a title had how many copies on hand, as its last reading carries it along."""
    return [(int(at), int(copies)) for at, copies in json.loads(said(record, HISTORY) or "[]")]


def said(record: dg.EventLogRecord | None, key: str) -> Any:
    """What an asset's event says under this key; None if nothing."""
    event = (record.asset_materialization or record.asset_observation) if record else None
    value = event.metadata.get(key) if event else None
    return value.value if value is not None else None
