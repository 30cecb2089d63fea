"""What earlier sweeps know of the titles that a run is about to read: gathered from Dagster's own events."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import dagster as dg

from ingram_assets.defs.events import REPORT
from ingram_assets.defs.keys import STOCK, STOCK_SWEEP
from ingram_assets.defs.reading_events import last_reading_before, said
from ingram_assets.defs.scraper.decisions import OLD_NEWS_AFTER, old_news, suspects
from ingram_assets.domain import completeness, field_shares
from ingram_assets.domain.completeness import Habit
from ingram_assets.domain.field_shares import FieldWatch

LET_THROUGH = "let_through"
"""The metadata key of a sweep that a guardrail would have stopped: why."""

HABIT = "page_habit"
"""The metadata key under which a completed sweep leaves what this account's pages show."""

FIELDS = "page_fields"
"""The metadata key under which a sweep that asked for all titles leaves what it knows of pages' fields."""

BINDINGS = "unlisted_bindings"
"""The metadata key under which a completed sweep leaves the bindings that no list has: a person was told."""

_BINDINGS = 500
"""Bindings that are remembered as told. A trade has some dozens."""

_MADE = dg.DagsterEventType.ASSET_MATERIALIZATION
_SEEN = dg.DagsterEventType.ASSET_OBSERVATION


@dataclass(frozen=True, slots=True)
class KnownBefore:
    """What is known before the first page is asked for. Empty: every title is met as if for the first time.

    Attributes:
        read: ISBN to the storage id of its last reading's event.
        with_stock: titles whose last reading showed stock.
        suspects: titles that could not be read though a whole sweep came through.
        old_news: those of them that count in no guardrail's share.
        habit: what a whole page shows; None: not known yet.
        old_news_before: pages that were in part before that (seconds since 1970) count in no share, either.
        of_all: the run asks for all titles, none of which anybody named: it tells what the pages show.
        bindings: those that no list has, and that a person was told of.
        fields: on how many pages each field usually stands.
    """

    read: dict[str, int] = field(default_factory=dict)
    with_stock: frozenset[str] = frozenset()
    suspects: frozenset[str] = frozenset()
    old_news: frozenset[str] = frozenset()
    habit: Habit | None = None
    old_news_before: float = -1.0
    of_all: bool = False
    bindings: frozenset[str] = frozenset()
    fields: FieldWatch = field(default_factory=FieldWatch)

    @property
    def known(self) -> frozenset[str]:
        """Titles that were readable lately."""
        return frozenset(self.read.keys() - self.suspects)

    def was_there(self, isbn: str) -> bool:
        """Whether the title was there lately: that it is gone is news."""
        return isbn in self.read and isbn not in self.old_news


def before_a_sweep(instance: dg.DagsterInstance, tracked: Collection[str], now: float) -> KnownBefore:
    """For a run that asks for all tracked titles. `now` in seconds since 1970."""
    storage = instance.event_log_storage
    made, seen = (storage.get_latest_storage_id_by_partition(STOCK, kind) for kind in (_MADE, _SEEN))
    read = {isbn: max(made.get(isbn, -1), seen.get(isbn, -1)) for isbn in {*made, *seen}}
    completed = instance.fetch_materializations(STOCK_SWEEP, limit=2).records
    passed = instance.fetch_observations(STOCK_SWEEP, limit=1).records
    last = max([*completed[:1], *passed], key=lambda record: record.storage_id, default=None)
    doubted = suspects(
        tracked,
        read,
        last_but_one=completed[1].storage_id if len(completed) > 1 else None,
        failed=_named_as_failed(last),
    )
    cutoff = now - OLD_NEWS_AFTER
    let_through = _let_through(instance, cutoff)
    old = last_reading_before(instance, cutoff)
    return KnownBefore(
        read=read,
        with_stock=frozenset(isbn for isbn, at in made.items() if at == read[isbn]),
        suspects=doubted,
        old_news=old_news(doubted, read, old=old, let_through=_named_as_failed(let_through)),
        habit=_habit(completed),
        old_news_before=let_through.timestamp if let_through else cutoff,
        of_all=True,
        bindings=_bindings(completed),
        fields=field_shares.from_json(said(last, FIELDS)),
    )


def left_for_the_next(
    habit: Habit | None, bindings: Collection[str], fields: FieldWatch, *, let_through: str | None
) -> dict[str, dg.MetadataValue]:
    """The metadata that a completed sweep leaves for the ones after it."""
    left = left_of_fields(fields)
    if habit is not None:
        left[HABIT] = dg.MetadataValue.json(completeness.to_json(habit))
    if bindings:
        left[BINDINGS] = dg.MetadataValue.json(sorted(bindings)[:_BINDINGS])
    if let_through:
        left[LET_THROUGH] = dg.MetadataValue.text(let_through)
    return left


def left_of_fields(fields: FieldWatch) -> dict[str, dg.MetadataValue]:
    """What a sweep that a guardrail stopped leaves as well."""
    return {FIELDS: dg.MetadataValue.json(field_shares.to_json(fields))}


def _let_through(instance: dg.DagsterInstance, since: float) -> dg.EventLogRecord | None:
    """The last sweep since then that a person let through."""
    lately = dg.AssetRecordsFilter(STOCK_SWEEP, after_timestamp=since)
    records = instance.fetch_materializations(lately, limit=1000).records
    return next((record for record in records if said(record, LET_THROUGH)), None)


def before_some_titles(instance: dg.DagsterInstance) -> KnownBefore:
    """For a run about the titles that somebody named: each counts for itself."""
    completed = instance.fetch_materializations(STOCK_SWEEP, limit=1).records
    return KnownBefore(habit=_habit(completed), bindings=_bindings(completed))


def _habit(completed: Sequence[dg.EventLogRecord]) -> Habit | None:
    return completeness.from_json(said(completed[0], HABIT)) if completed else None


def _bindings(completed: Sequence[dg.EventLogRecord]) -> frozenset[str]:
    told = said(completed[0], BINDINGS) if completed else None
    return frozenset(told) if isinstance(told, list) else frozenset()


def _named_as_failed(record: dg.EventLogRecord | None) -> frozenset[str]:
    """The titles that a sweep's report names as not come through."""
    report = said(record, REPORT)
    failed = report.get("failed", []) if isinstance(report, dict) else []
    return frozenset(entry["isbn"] for entry in failed)
