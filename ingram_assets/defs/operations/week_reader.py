"""Reads from Dagster's instance what a weekly letter tells: sweeps, pages, retired titles, what was wrong."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import dagster as dg
from pydantic import TypeAdapter

from ingram_assets.alerts.incidents import open_incidents
from ingram_assets.alerts.letter import WatchedWeek
from ingram_assets.alerts.model import PastIncident
from ingram_assets.alerts.tables import AlertTables
from ingram_assets.defs.backups import last_backup
from ingram_assets.defs.events import EVENTS_KEPT, REPORT
from ingram_assets.defs.keys import STOCK_SWEEP, TITLE_WEEK, WEEK_JOB
from ingram_assets.defs.operations.watched import TITLES_CHECK
from ingram_assets.defs.reading_events import said, titles_of
from ingram_assets.domain.isbn import parse_isbn
from ingram_assets.domain.week import SomeTitles, TitleWeek, Week, called

_READ = "ok"
_OUTCOMES = (_READ, "blocked", "not_found", "expired", "changed", "transient", "permanent")
"""What becomes of a page that is asked for, as the report of a sweep counts it."""
_AT_ONCE = 200
_EVALUATIONS_AT_MOST = 10_000
"""Of the standing check on titles' ages: five weeks."""
_TITLE_WEEK = TypeAdapter(TitleWeek)


def watched_week(
    instance: dg.DagsterInstance, tables: AlertTables, week: Week, now: float, promised: float
) -> WatchedWeek:
    """What Dagster and the watch know of a week, as far as it is over.

    Args:
        promised: seconds within which each sweep is to follow the one before.
    """
    until = week.until(now)
    sweeps = list(_sweeps(instance, week.begins, until))
    ends, last_before = [one.timestamp for one in sweeps], _last_sweep_before(instance, week.begins)
    waits = _waits(last_before, ends, until)
    pages: Counter[str] = Counter()
    for one in sweeps:
        counts: dict[str, int] = (said(one, REPORT) or {}).get("counts", {})
        pages.update({name: count for name, count in counts.items() if name in _OUTCOMES})
    stale, tracked = _stale_at(instance, until)
    still = [
        PastIncident(one.subject, one.since) for one in open_incidents(tables.log()) if one.since < until
    ]
    is_forgotten = week.begins < now - EVENTS_KEPT.total_seconds()
    return WatchedWeek(
        None if is_forgotten else _retired(instance, week.begins, until),
        sweeps=len(ends),
        all_sweeps=last_before is not None,
        late=sum(wait > promised for wait in waits),
        longest=max(waits, default=0.0),
        pages=pages.total(),
        unread={name: pages[name] for name in _OUTCOMES if name != _READ and pages[name]},
        stale=stale,
        tracked=tracked,
        wrong=tuple(sorted([*tables.past(week.begins, until), *still], key=lambda one: one.since)),
        known_since=tables.past_kept_since(),
        backup=last_backup(instance, until),
    )


def told_title_week(instance: dg.DagsterInstance, week: Week) -> TitleWeek | None:
    """What the storefront last found of the week's titles since it is over; `None`: it has not looked yet."""
    wanted = dg.RunsFilter(
        job_name=WEEK_JOB,
        statuses=[dg.DagsterRunStatus.SUCCESS],
        created_after=datetime.fromtimestamp(week.ends, UTC),
    )
    for run in instance.get_runs(wanted, limit=_AT_ONCE):
        for metadata in _left_by(instance, run):
            found: dict[str, Any] = dict(metadata[TITLE_WEEK].value) if TITLE_WEEK in metadata else {}  # type: ignore[arg-type]
            if found.pop("week", None) == week.name:
                return _TITLE_WEEK.validate_python(found)
    return None


def _sweeps(instance: dg.DagsterInstance, since: float, until: float) -> Iterator[dg.EventLogRecord]:
    """The complete sweeps between two moments, the oldest first."""
    wanted = dg.AssetRecordsFilter(STOCK_SWEEP, after_timestamp=since, before_timestamp=until)
    cursor, more = None, True
    while more:
        result = instance.fetch_materializations(wanted, limit=_AT_ONCE, cursor=cursor, ascending=True)
        yield from result.records
        cursor, more = result.cursor, result.has_more


def _last_sweep_before(instance: dg.DagsterInstance, at: float) -> float | None:
    wanted = dg.AssetRecordsFilter(STOCK_SWEEP, before_timestamp=at)
    found = instance.fetch_materializations(wanted, limit=1).records
    return found[0].timestamp if found else None


def _waits(last_before: float | None, ends: list[float], until: float) -> list[float]:
    """How long each sweep was waited for, in the week or into it, and how long the next one is by its end."""
    if last_before is None and not ends:
        return []
    marks = [last_before] if last_before is not None else []
    return [later - earlier for earlier, later in pairwise([*marks, *ends, until])]


def _stale_at(instance: dg.DagsterInstance, at: float) -> tuple[int | None, int | None]:
    """How many titles were too old at a moment, of how many, as the standing check said last before it."""
    history = instance.event_log_storage.get_asset_check_execution_history
    cursor, looked_at = None, 0
    while looked_at < _EVALUATIONS_AT_MOST:
        found = history(TITLES_CHECK, limit=_AT_ONCE, cursor=cursor)
        for one in found:
            if one.create_timestamp <= at and one.evaluation is not None:
                values = [one.evaluation.metadata.get(name) for name in ("stale", "tracked")]
                stale, tracked = (int(each.value) if each else None for each in values)  # type: ignore[arg-type]
                return stale, tracked
        if len(found) < _AT_ONCE:
            break
        cursor, looked_at = found[-1].id, looked_at + len(found)
    return None, None


def _retired(instance: dg.DagsterInstance, since: float, until: float) -> SomeTitles:
    """The titles that a person retired between two moments, those left out that were not tracked."""
    wanted = dg.RunsFilter(
        job_name="retire",
        statuses=[dg.DagsterRunStatus.SUCCESS],
        created_after=datetime.fromtimestamp(since, UTC),
        created_before=datetime.fromtimestamp(until, UTC),
    )
    isbns: dict[str, None] = {}
    for run in instance.get_runs(wanted):
        config: Any = run.run_config
        named = [
            isbn for op in config.get("ops", {}).values() for isbn in op.get("config", {}).get("isbns", [])
        ]
        reports: list[Any] = [each[REPORT].value for each in _left_by(instance, run) if REPORT in each]
        failed = {one["isbn"] for report in reports for one in report["failed"]}
        isbns |= dict.fromkeys(isbn for isbn in map(parse_isbn, named) if isbn not in failed)
    names = titles_of(instance, isbns)
    return SomeTitles.of([called(isbn, names.get(isbn)) for isbn in isbns])


def _left_by(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[dict[str, dg.MetadataValue]]:
    """What the steps of a run left behind."""
    for entry in instance.all_logs(run.run_id, of_type={dg.DagsterEventType.STEP_OUTPUT}):
        yield dict(entry.get_dagster_event().step_output_data.metadata or {})
