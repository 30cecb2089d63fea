"""When the scraper's assets are made by themselves: conditions built on their freshness policies.

A policy says that an asset is stale. That alone would ask too often: the freshness daemon looks every 30 s,
so an asset that was just made is still stale for a while, and one that fails stays stale at every tick. So
each condition also asks `decisions.due`, which knows how the last tries ended. The conditions are evaluated
in this location's own code server; a sensor for each asset, so that no run waits for another asset's.
"""

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import dagster as dg

from ingram_assets.defs.keys import (
    AT_WORK_AT_BACKUP_TAG,
    COVER_SWEEP,
    COVERS,
    ISBNS_NAME,
    LIKELY_SELL_OUTS,
    SAVED_SEARCH,
    STOCK_SWEEP,
    TITLE_DETAILS,
)
from ingram_assets.defs.runs_at_work import runs_at_work
from ingram_assets.defs.scraper.between_sweeps import BetweenSweeps, between_sweeps
from ingram_assets.defs.scraper.decisions import CLOCKS_DIFFER, Due, PastTries, RetrySchedule, due
from ingram_assets.defs.scraper.from_settings import site_left_alone_until
from ingram_assets.defs.scraper.sharded_sweeps import last_sharded_sweep
from ingram_assets.domain.freshness import sweep_every
from ingram_assets.domain.saved_searches import NoSearch, named_search
from ingram_assets.runtime.dagster_internals import DispatchingLogHandler, copy
from ingram_assets.settings.loading import load
from ingram_assets.settings.scraper import PageBudget
from ingram_assets.settings.shared import PaceSettings

_PACE = load(PaceSettings)
_HOUR, _DAY = 3600.0, 86400.0
BETWEEN_EVERY = min(300.0, _PACE.STOCK_WARN_AFTER / 12)
"""Seconds from one reading between sweeps to the next."""
_WAITS = tuple(float(wait) for wait in _PACE.SWEEP_RETRY_AFTER)
_OF_A_PERSON = 20
"""Runs by hand with another saved search, one after the other, behind which failed tries are still found."""
_MADE = dg.DagsterEventType.ASSET_MATERIALIZATION
_PLANNED = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED


@dataclass(frozen=True, slots=True)
class AutomationSpec:
    """What an asset is held to: its freshness, and what else speaks for or against making it now.

    One without a freshness policy promises nothing: it is made whenever it is due.

    `nothing_to_do` and `early` look at the instance and answer with a sentence, or None; `every` with the
    seconds from one success to the next, where that is not the schedule's.
    """

    asset: dg.AssetKey
    freshness: dg.FreshnessPolicy | None
    schedule: RetrySchedule
    nothing_to_do: Callable[[dg.DagsterInstance], str | None] = lambda instance: None
    early: Callable[[dg.DagsterInstance], str | None] = lambda instance: None
    every: Callable[[dg.DagsterInstance], float | None] = lambda instance: None

    def look(self, instance: dg.DagsterInstance) -> Due:
        """Whether the asset is to be made now."""
        until = site_left_alone_until()
        schedule = replace(self.schedule, every=self.every(instance) or self.schedule.every)
        return due(
            past_of(instance, self.asset, at_most=len(schedule.waits) + 1),
            schedule,
            time.time(),
            left_alone_until=until.timestamp() if until else None,
            nothing_to_do=self.nothing_to_do(instance),
            early=self.early(instance),
        )

    def condition(self) -> dg.AutomationCondition[Any]:
        """Stale by its policy, missing, or wanted early; and due."""
        automation = dg.AutomationCondition
        is_due = SpecCondition(
            "Not made lately, no failed try to wait for, and iPage does not block us",
            lambda instance: self.look(instance).now,
        )
        if self.freshness is None:
            return is_due & ~automation.in_progress()
        stale = automation.freshness_warned() | automation.freshness_failed() | automation.missing()
        early = SpecCondition("Something new waits for it", self._is_wanted_early)
        return (stale | early) & ~automation.in_progress() & is_due

    def _is_wanted_early(self, instance: dg.DagsterInstance) -> bool:
        return bool(self.early(instance)) or _is_from_the_future(instance, self.asset)


class SpecCondition(dg.AutomationCondition[dg.AssetKey]):
    """What an asset's spec answers now, looking at the instance. Dagster's UI shows the description."""

    def __init__(self, description: str, question: Callable[[dg.DagsterInstance], bool]) -> None:
        self._description = description
        self._question = question

    @property
    def description(self) -> str:
        """For Dagster's UI."""
        return self._description

    def evaluate(self, context: dg.AutomationContext[dg.AssetKey]) -> dg.AutomationResult[dg.AssetKey]:
        """True for the asset, or not."""
        subset = context.candidate_subset
        yes = not subset.is_empty and self._question(context.asset_graph_view.instance)
        return dg.AutomationResult(context, subset if yes else context.get_empty_subset())


def _is_from_the_future(instance: dg.DagsterInstance, asset: dg.AssetKey) -> bool:
    """Whether its last event says so: the clock was put back, and to Dagster it stays fresh too long."""
    made = instance.fetch_materializations(asset, limit=1).records
    return bool(made) and made[0].timestamp > time.time() + CLOCKS_DIFFER


class DueSensor(dg.AutomationConditionSensorDefinition):
    """Evaluates one asset's condition; a tick that asks for nothing says why, in a sentence."""

    def __init__(
        self, name: str, spec: AutomationSpec, description: str, seconds: int = _PACE.SENSOR_INTERVAL
    ) -> None:
        super().__init__(
            name,
            target=dg.AssetSelection.assets(spec.asset),
            default_status=dg.DefaultSensorStatus.RUNNING,
            minimum_interval_seconds=seconds,
            description=description,
            use_user_code_server=True,
        )
        self._spec = spec

    def evaluate_tick(self, context: dg.SensorEvaluationContext) -> Any:
        """Dagster's evaluation; with nothing to ask for, the reason instead of an unchanged evaluation."""
        for handler in context.log.handlers:
            if isinstance(handler, DispatchingLogHandler):
                # It prints. Five lines a tick would hide what a person looks for in the code server's log.
                handler.setLevel(logging.WARNING)
        answer = super().evaluate_tick(context)
        if answer.run_requests:
            return answer
        looked = self._spec.look(context.instance)
        reason = (
            f"{looked.reason} The freshness daemon has not looked since." if looked.now else looked.reason
        )
        context.log.info(reason)  # The UI shows an automation sensor's reasons in the ticks' logs.
        # Dagster keeps a tick's reason only if there is no evaluation to keep.
        return copy(answer, skip_message=reason, automation_condition_evaluations=[])


def past_of(instance: dg.DagsterInstance, asset: dg.AssetKey, at_most: int) -> PastTries:
    """How an unpartitioned asset's last tries ended, whoever started them; of failed ones the last few.

    A run by hand with another saved search is none of them, unless it came to the asset itself.
    """
    made = instance.fetch_materializations(asset, limit=1).records
    planned = instance.event_log_storage.get_event_records(
        dg.EventRecordsFilter(_PLANNED, asset, after_cursor=made[0].storage_id if made else None),
        limit=_OF_A_PERSON + at_most + 1,
    )
    run_ids = list({record.run_id for record in planned})
    runs = instance.get_run_records(dg.RunsFilter(run_ids=run_ids)) if run_ids else []
    failures = [
        record.end_time or record.update_timestamp.timestamp()
        for record in runs
        if record.dagster_run.is_finished and _tried(instance, record.dagster_run, asset)
    ]
    return PastTries(
        last_success=made[0].timestamp if made else None,
        failures=tuple(sorted(failures)[-at_most:]),
        in_progress=any(not record.dagster_run.is_finished for record in runs),
    )


def _tried(instance: dg.DagsterInstance, run: dg.DagsterRun, asset: dg.AssetKey) -> bool:
    """Whether a run that failed says something of the asset as its sensor makes it."""
    if AT_WORK_AT_BACKUP_TAG in run.tags:
        return False
    config: Any = run.run_config
    of_search = config.get("ops", {}).get(SAVED_SEARCH.to_python_identifier(), {})
    search_id = of_search.get("config", {}).get("search_id")
    if not search_id or _as_asked_for(search_id) == _as_asked_for(_own_search()):
        return True
    step = asset.to_python_identifier()
    return asset != SAVED_SEARCH and bool(instance.get_run_step_stats(run.run_id, [step]))


def _own_search() -> str:
    return os.environ.get("IPAGE_SAVED_SEARCH_ID", "").strip()


def _as_asked_for(search: str) -> str:
    """A search as the site is asked for it, however it was named."""
    try:
        return named_search(search, None)
    except NoSearch:
        return search


def _no_search(instance: dg.DagsterInstance) -> str | None:
    """Where titles come by files alone, there is nothing to discover."""
    if _own_search() or not instance.get_dynamic_partitions(ISBNS_NAME):
        return None
    return "IPAGE_SAVED_SEARCH_ID names no saved search: titles come by ingram discover --file, or by name."


def _no_titles(instance: dg.DagsterInstance) -> str | None:
    if instance.get_dynamic_partitions(ISBNS_NAME):
        return None
    return "No title is tracked yet: the saved search comes first."


def _is_split(titles: int) -> bool:
    size = load(PageBudget).SWEEP_SHARD_SIZE
    return size is not None and titles > size


def _no_titles_for_one_run(instance: dg.DagsterInstance) -> str | None:
    if _is_split(titles := len(instance.get_dynamic_partitions(ISBNS_NAME))):
        return (
            f"SWEEP_SHARD_SIZE splits a sweep of {titles:,} titles: the sensor sweep_in_shards asks for it."
        )
    return _no_titles(instance)


def _no_titles_for_shards(instance: dg.DagsterInstance) -> str | None:
    if not _is_split(titles := len(instance.get_dynamic_partitions(ISBNS_NAME))):
        return f"{titles:,} titles are one run's by SWEEP_SHARD_SIZE: the sensor sweep_due asks for it."
    return None


def _no_details(instance: dg.DagsterInstance) -> str | None:
    return (
        None if instance.get_materialized_partitions(TITLE_DETAILS) else "No title's page has been read yet."
    )


def _titles_without_cover(instance: dg.DagsterInstance) -> str | None:
    """Titles whose details came in after the last look at all covers, and whose own was never looked at."""
    made = instance.fetch_materializations(COVER_SWEEP, limit=1).records
    if not made or runs_at_work(instance, "scraper"):
        return None  # A run may be about to look at them.
    latest = instance.event_log_storage.get_latest_storage_id_by_partition
    read_since = set(latest(TITLE_DETAILS, _MADE, after_cursor=made[0].storage_id))
    new = len(read_since - latest(COVERS, _MADE, read_since).keys()) if read_since else 0
    return f"{new} new titles have no cover yet." if new else None


def _pages_are_doubted(instance: dg.DagsterInstance) -> str | None:
    now = time.time()
    between = between_sweeps(instance, now, runs=1)
    return between.all_again(now) if between else None


def _no_pages_left(instance: dg.DagsterInstance) -> str | None:
    """Why nothing is read between sweeps now."""
    now = time.time()
    if (sweep := last_sharded_sweep(instance)) and sweep.wait:
        return sweep.wait
    between = between_sweeps(instance, now)
    if between is None:
        return "The first sweep comes first."
    titles = len(instance.get_dynamic_partitions(ISBNS_NAME))
    return between.nothing_to_do(
        pages_now(between, titles, now),
        sweep_failed=bool(past_of(instance, STOCK_SWEEP, at_most=1).failures),
        sweep_every=sweep_every_now(titles),
        now=now,
    )


def pages_now(between: BetweenSweeps, titles: int, now: float) -> int:
    """How many pages may be read now, between two sweeps. `now` in seconds since 1970."""
    return between.pages_now(titles, load(PageBudget).PAGES_PER_HOUR, sweep_every_now(titles), now)


def sweep_every_now(titles: int) -> float:
    """Seconds from one sweep of so many titles to the next, by the settings."""
    return sweep_every(titles, load(PageBudget).PAGES_PER_HOUR, _PACE.STOCK_WARN_AFTER)


def _freshness(warn: float, fail: float) -> dg.FreshnessPolicy:
    return dg.FreshnessPolicy.time_window(
        fail_window=timedelta(seconds=fail), warn_window=timedelta(seconds=warn)
    )


SEARCH_SPEC = AutomationSpec(
    SAVED_SEARCH,
    _freshness(_PACE.SEARCH_WARN_AFTER, _PACE.SEARCH_FAIL_AFTER),
    RetrySchedule(_PACE.SEARCH_WARN_AFTER, _WAITS, rest=min(_DAY, _PACE.SEARCH_WARN_AFTER)),
    nothing_to_do=_no_search,
)
SWEEP_SPEC = AutomationSpec(
    STOCK_SWEEP,
    _freshness(_PACE.STOCK_WARN_AFTER, _PACE.STOCK_FAIL_AFTER),
    RetrySchedule(_PACE.STOCK_WARN_AFTER, _WAITS, rest=min(_HOUR, _PACE.STOCK_WARN_AFTER)),
    nothing_to_do=_no_titles_for_one_run,
    early=_pages_are_doubted,
    every=lambda instance: sweep_every_now(len(instance.get_dynamic_partitions(ISBNS_NAME))),
)
SHARDS_SPEC = replace(SWEEP_SPEC, nothing_to_do=_no_titles_for_shards)
"""Of a sweep that several runs read."""
BETWEEN_SPEC = AutomationSpec(
    LIKELY_SELL_OUTS,
    None,
    RetrySchedule(BETWEEN_EVERY, _WAITS, rest=min(_HOUR, _PACE.STOCK_WARN_AFTER)),
    nothing_to_do=_no_pages_left,
)
COVERS_SPEC = AutomationSpec(
    COVER_SWEEP,
    _freshness(_DAY, 3 * _DAY),
    RetrySchedule(_DAY, _WAITS, rest=_DAY),
    nothing_to_do=_no_details,
    early=_titles_without_cover,
)
