"""What earlier sweeps know of the titles that a run is about to read: gathered from Dagster's own events."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from ingram_assets.domain import completeness
from ingram_assets.domain.completeness import Habit
from ingram_assets.locations.events import REPORT
from ingram_assets.locations.keys import STOCK, STOCK_SWEEP
from ingram_assets.locations.scraper.decisions import suspects

HABIT = "page_habit"
"""The metadata key under which a completed sweep leaves what this account's pages show."""

_MADE = dg.DagsterEventType.ASSET_MATERIALIZATION
_SEEN = dg.DagsterEventType.ASSET_OBSERVATION


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is known before the first page is asked for. Empty: every title is met as if for the first time.

    Attributes:
        read: ISBN to the storage id of its last reading's event.
        with_stock: titles whose last reading showed stock.
        suspects: titles that could not be read though a whole sweep came through.
        habit: what a whole page shows; None: not known yet.
        completed_at: when the last completed sweep ended, in seconds since 1970; 0: none was, -1: no matter.
        of_all: the run asks for all titles, none of which anybody named: it tells what the pages show.
    """

    read: dict[str, int] = field(default_factory=dict)
    with_stock: frozenset[str] = frozenset()
    suspects: frozenset[str] = frozenset()
    habit: Habit | None = None
    completed_at: float = -1.0
    of_all: bool = False

    @property
    def known(self) -> frozenset[str]:
        """Titles that were readable lately."""
        return frozenset(self.read.keys() - self.suspects)


def before_a_sweep(instance: dg.DagsterInstance, tracked: Collection[str]) -> Earlier:
    """For a run that asks for all tracked titles."""
    storage = instance.event_log_storage
    made, seen = (storage.get_latest_storage_id_by_partition(STOCK, kind) for kind in (_MADE, _SEEN))
    read = {isbn: max(made.get(isbn, -1), seen.get(isbn, -1)) for isbn in {*made, *seen}}
    completed = instance.fetch_materializations(STOCK_SWEEP, limit=2).records
    passed = instance.fetch_observations(STOCK_SWEEP, limit=1).records
    last = max([*completed[:1], *passed], key=lambda record: record.storage_id, default=None)
    return Earlier(
        read=read,
        with_stock=frozenset(isbn for isbn, at in made.items() if at == read[isbn]),
        suspects=suspects(
            tracked,
            read,
            last_but_one=completed[1].storage_id if len(completed) > 1 else None,
            failed=_named_as_failed(last),
        ),
        habit=_habit(completed),
        completed_at=completed[0].timestamp if completed else 0.0,
        of_all=True,
    )


def before_some_titles(instance: dg.DagsterInstance) -> Earlier:
    """For a run about the titles that somebody named: each counts for itself."""
    return Earlier(habit=_habit(instance.fetch_materializations(STOCK_SWEEP, limit=1).records))


def _habit(completed: Sequence[dg.EventLogRecord]) -> Habit | None:
    return completeness.from_json(_said(completed[0], HABIT)) if completed else None


def _named_as_failed(record: dg.EventLogRecord | None) -> frozenset[str]:
    """The titles that a sweep's report names as not come through."""
    report = _said(record, REPORT)
    failed = report.get("failed", []) if isinstance(report, dict) else []
    return frozenset(entry["isbn"] for entry in failed)


def _said(record: dg.EventLogRecord | None, key: str) -> Any:
    event = (record.asset_materialization or record.asset_observation) if record else None
    value = event.metadata.get(key) if event else None
    return value.data if isinstance(value, dg.JsonMetadataValue) else None
