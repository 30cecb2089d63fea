"""The log of requests: each attempt to read a title's page, as Dagster's events have it. Read cheaply.

Three kinds of events are read by their index, newest first, at most a page of each: readings, pages without a
stock table, and pages that could not be read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster import AssetRecordsFilter, DagsterInstance, EventLogRecord


class AttemptStatus(StrEnum):
    """What became of an attempt, as far as a list is filtered by it."""

    READ = "read"
    NO_STOCK_TABLE = "no_stock_table"
    FAILED = "failed"


OUTCOMES = {
    "blocked": "blocked",
    "not_found": "not found",
    "expired": "session lost",
    "changed": "page not understood",
    "transient": "no usable answer",
    "permanent": "refused",
    "vanished": "gone with too many others",
}
"""What a failure is called."""


@dataclass(frozen=True, slots=True)
class PageAttempt:
    """An attempt to read a title's page.

    Attributes:
        id: grows with time.
        outcome: in words.
        reason: why it is so, or what was found.
        seconds: that the page took.
    """

    id: int
    isbn: str
    at: datetime
    status: AttemptStatus
    outcome: str
    reason: str
    seconds: float | None
    run_id: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class WantedAttempts:
    """Which attempts are wanted; `None`: all.

    Attributes:
        isbns: of these titles alone.
        outcome: failures of this kind alone, one of `OUTCOMES`.
    """

    status: AttemptStatus | None = None
    isbns: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None
    outcome: str | None = None


def attempts(
    instance: "DagsterInstance", wanted: WantedAttempts, limit: int, *, before: int | None = None
) -> list[PageAttempt]:
    """The last attempts, newest first; `before`: those older than the one with this id."""
    from dagster import AssetKey, AssetRecordsFilter

    from ingram_assets.defs.keys import STOCK, UNREAD_PAGES

    first = _id_at(instance, wanted.since) if wanted.since else None
    last = _id_at(instance, wanted.until) if wanted.until else None
    ends = [end for end in (before, last + 1 if last is not None else None) if end is not None]

    before = min(ends) if ends else None
    if wanted.outcome:
        ids = _failures_of(instance, wanted, limit, after=first, before=before)
        found = instance.fetch_observations(AssetRecordsFilter(UNREAD_PAGES, storage_ids=ids), limit=limit)
        return [_attempt(record, AttemptStatus.FAILED) for record in found.records] if ids else []

    def asked(asset: AssetKey) -> "AssetRecordsFilter":
        return AssetRecordsFilter(
            asset,
            asset_partitions=None if wanted.isbns is None else list(wanted.isbns),
            after_storage_id=first,
            before_storage_id=before,
        )

    sources: dict[AttemptStatus, tuple[Callable[..., Any], AssetKey]] = {
        AttemptStatus.READ: (instance.fetch_materializations, STOCK),
        AttemptStatus.NO_STOCK_TABLE: (instance.fetch_observations, STOCK),
        AttemptStatus.FAILED: (instance.fetch_observations, UNREAD_PAGES),
    }
    every = [
        _attempt(record, status)
        for status, (fetch, asset) in sources.items()
        if wanted.status in (None, status) and wanted.isbns != ()
        for record in fetch(asked(asset), limit=limit).records
    ]
    return sorted(every, key=lambda each: -each.id)[:limit]


def count_attempts(instance: "DagsterInstance", since: datetime) -> dict[str, int]:
    """How many attempts there were since then, by what became of them: one statement, by its index.

    Each outcome there is has its number: "read", "no_stock_table", those of `OUTCOMES`, and "other".
    """
    import sqlalchemy as sa

    from ingram_assets.defs.keys import STOCK, UNREAD_PAGES
    from ingram_assets.runtime.dagster_internals import SqlEventLogStorage, SqlEventLogStorageTable

    storage, events = instance.event_log_storage, SqlEventLogStorageTable.c
    if not isinstance(storage, SqlEventLogStorage):
        raise TypeError(f"{type(storage).__name__} is no SQL storage")
    of_stock = events.asset_key == STOCK.to_string()
    made, seen = (events.dagster_event_type == f"ASSET_{what}" for what in ("MATERIALIZATION", "OBSERVATION"))
    unread = [(events.event.contains(_said_outcome(code), autoescape=True), code) for code in OUTCOMES]
    outcome = sa.case((sa.and_(of_stock, made), "read"), (of_stock, "no_stock_table"), *unread, else_="other")
    query = (
        sa.select(outcome, sa.func.count())
        .where(
            sa.or_(
                sa.and_(of_stock, sa.or_(made, seen)),
                sa.and_(events.asset_key == UNREAD_PAGES.to_string(), seen),
            ),
            events.id > _id_at(instance, since),
        )
        .group_by(sa.text("1"))
    )
    with storage.index_connection() as connection:
        found = dict(connection.execute(query).tuples().all())
    return dict.fromkeys(("read", "no_stock_table", *OUTCOMES, "other"), 0) | found


def _said_outcome(code: str) -> str:
    """As Dagster writes it into an event: the value, and then the name under which it stands."""
    return f'"text": "{code}"}}, "label": "outcome"'


def _failures_of(
    instance: "DagsterInstance",
    wanted: WantedAttempts,
    limit: int,
    *,
    after: int | None,
    before: int | None,
) -> list[int]:
    """The ids of the last failures of a kind. Dagster can't be asked for what an event's metadata say."""
    import sqlalchemy as sa

    from ingram_assets.defs.keys import UNREAD_PAGES
    from ingram_assets.runtime.dagster_internals import SqlEventLogStorage, SqlEventLogStorageTable

    storage, events = instance.event_log_storage, SqlEventLogStorageTable.c
    if not isinstance(storage, SqlEventLogStorage):
        raise TypeError(f"{type(storage).__name__} is no SQL storage")
    query = sa.select(events.id).where(
        events.asset_key == UNREAD_PAGES.to_string(),
        events.dagster_event_type == "ASSET_OBSERVATION",
        events.event.contains(_said_outcome(wanted.outcome or ""), autoescape=True),
    )
    if wanted.isbns is not None:
        query = query.where(events.partition.in_(wanted.isbns))
    if after is not None:
        query = query.where(events.id > after)
    if before is not None:
        query = query.where(events.id < before)
    with storage.index_connection() as connection:
        return list(connection.execute(query.order_by(events.id.desc()).limit(limit)).scalars())


def retired_titles(instance: "DagsterInstance") -> tuple[str, ...]:
    """The titles that a person retired: nobody reads them, so they are no failures any more."""
    from ingram_assets.defs.keys import RETIRED_NAME

    return tuple(instance.get_dynamic_partitions(RETIRED_NAME))


def _attempt(record: "EventLogRecord", status: AttemptStatus) -> PageAttempt:
    from ingram_assets.defs.reading_events import OUTCOME, REASON, said

    outcome, reason = status.value.replace("_", " "), ""
    match status:
        case AttemptStatus.READ:
            if not_shown := said(record, "not_shown"):
                outcome, reason = "read in part", str(not_shown)
            else:
                reason = (
                    f"{_count(said(record, 'on_hand'))} on hand, {_count(said(record, 'on_order'))} on order"
                )
        case AttemptStatus.NO_STOCK_TABLE:
            reason = "The page shows no stock: normal for a title that is not out yet."
        case AttemptStatus.FAILED:
            code = str(said(record, OUTCOME))
            outcome, reason = OUTCOMES.get(code, code.replace("_", " ")), str(said(record, REASON) or "")
    seconds = said(record, "page_seconds")
    return PageAttempt(
        record.storage_id,
        record.partition_key or "",
        datetime.fromtimestamp(record.timestamp, UTC),
        status,
        outcome,
        reason,
        float(seconds) if seconds is not None else None,
        record.run_id,
        str(said(record, "title") or ""),
    )


def _count(copies: object) -> str:
    return f"{copies:,}" if isinstance(copies, int) else "unknown"


def _id_at(instance: "DagsterInstance", at: datetime) -> int:
    """The id of the last event before a moment; 0: there is none.

    Ids grow with time, and times have no index: so the id is found by halves, some twenty rows of the primary
    key, instead of by reading all events since.
    """
    import sqlalchemy as sa

    from ingram_assets.runtime.dagster_internals import SqlEventLogStorage, SqlEventLogStorageTable

    storage, ids = instance.event_log_storage, SqlEventLogStorageTable.c
    if not isinstance(storage, SqlEventLogStorage):
        raise TypeError(f"{type(storage).__name__} is no SQL storage")
    naive = at.astimezone(UTC).replace(tzinfo=None)
    with storage.index_connection() as connection:
        low, high = 0, connection.execute(sa.select(sa.func.max(ids.id))).scalar() or 0
        while low < high:
            middle = (low + high + 1) // 2
            # The first event from there on: ids have gaps, where events were forgotten.
            row: Sequence[Any] | None = connection.execute(
                sa.select(ids.id, ids.timestamp).where(ids.id >= middle).order_by(ids.id).limit(1)
            ).first()
            if row is not None and row[1] < naive:
                low = row[0]
            else:
                high = middle - 1
    return low
