"""Reads from Dagster's instance what happened since the last look, and how fresh the assets are now.

Events are read from where the last look ended, by their storage ids, never from the beginning. An id is given
before its transaction commits, so an event may become visible after one with a larger id: the last minute is
read again each time, and what was seen of it is skipped.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import dagster as dg

from ingram_assets.alerts.model import (
    Checked,
    Failed,
    FreshnessState,
    Kind,
    LowStock,
    Occurrence,
    Promise,
    Stale,
    StaleTitle,
    Succeeded,
    Watchdog,
)
from ingram_assets.defs import failure_text
from ingram_assets.defs.events import KIND, LOOKED_AT, STOPPED
from ingram_assets.defs.keys import INVENTORY_LEVELS
from ingram_assets.defs.readings import stale_readings
from ingram_assets.defs.switched_off import switched_off
from ingram_assets.runtime.dagster_internals import (
    AUTOMATION_CONDITION_TAG,
    SENSOR_NAME_TAG,
    WILL_RETRY_TAG,
    DagsterAssetCheckFailedError,
    SerializableErrorInfo,
    StepFailureData,
)
from ingram_assets.settings import SettingsError

_TYPE = dg.DagsterEventType
_WATCHED: Mapping[dg.DagsterEventType, dg.AssetKey | None] = {
    _TYPE.RUN_FAILURE: None,
    _TYPE.RUN_SUCCESS: None,
    _TYPE.STEP_SUCCESS: None,
    _TYPE.ASSET_CHECK_EVALUATION: None,
    _TYPE.ASSET_OBSERVATION: INVENTORY_LEVELS,
}
_COMMITTED_WITHIN = 60.0
_FIRST_LOOK_BACK = 3600.0
_EVENTS_AT_ONCE = 500
_STALE_NAMED = 10
_TITLES_NAMED = 10


@dataclass(frozen=True, slots=True)
class Places:
    """Where the last look ended, by event type: (all up to this id are done, ids done beyond it)."""

    by_type: Mapping[str, tuple[int, tuple[int, ...]]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As JSON values; `from_json` reads them back."""
        return {name: [after, list(seen)] for name, (after, seen) in self.by_type.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Places":
        """The places that `to_json` wrote."""
        return cls({name: (after, tuple(seen)) for name, (after, seen) in values.items()})


class _Place(NamedTuple):
    """The first three values of every occurrence."""

    id: int
    at: float
    run_id: str


def what_happened(
    instance: dg.DagsterInstance, places: Places, now: float
) -> tuple[list[Occurrence], Places]:
    """What was not seen yet, and where the next look begins. The first look goes back an hour."""
    records: list[dg.EventLogRecord] = []
    by_type: dict[str, tuple[int, tuple[int, ...]]] = {}
    for event_type, asset in _WATCHED.items():
        new, by_type[event_type.value] = _read(
            instance, event_type, asset, places.by_type.get(event_type.value), now
        )
        records += new
    runs = _runs(instance, records)
    occurrences: list[Occurrence] = []
    for record in records:
        occurrences += _occurrences(instance, record, runs.get(record.run_id))
    return occurrences, Places(by_type)


def _read(
    instance: dg.DagsterInstance,
    event_type: dg.DagsterEventType,
    asset: dg.AssetKey | None,
    place: tuple[int, tuple[int, ...]] | None,
    now: float,
) -> tuple[list[dg.EventLogRecord], tuple[int, tuple[int, ...]]]:
    # The instance's public methods read runs' and assets' events only, not steps' and checks'.
    read = instance.event_log_storage.get_event_records
    if place is None:
        newest = read(dg.EventRecordsFilter(event_type, asset), limit=_EVENTS_AT_ONCE)
        old = [record.storage_id for record in newest if record.timestamp < now - _FIRST_LOOK_BACK]
        before_all = newest[-1].storage_id - 1 if newest else 0
        after, seen = max(old, default=before_all), frozenset[int]()
        records = [record for record in reversed(newest) if record.storage_id > after]
    else:
        after, seen = place[0], frozenset(place[1])
        records = list(
            read(
                dg.EventRecordsFilter(event_type, asset, after_cursor=after),
                limit=_EVENTS_AT_ONCE,
                ascending=True,
            )
        )
    settled = [record.storage_id for record in records if record.timestamp < now - _COMMITTED_WITHIN]
    done = max(settled, default=after)
    return (
        [record for record in records if record.storage_id not in seen],
        (done, tuple(record.storage_id for record in records if record.storage_id > done)),
    )


def _runs(instance: dg.DagsterInstance, records: Iterable[dg.EventLogRecord]) -> dict[str, dg.DagsterRun]:
    run_ids = list({record.run_id for record in records})
    if not run_ids:
        return {}
    return {run.run_id: run for run in instance.get_runs(dg.RunsFilter(run_ids=run_ids))}


def _occurrences(
    instance: dg.DagsterInstance, record: dg.EventLogRecord, run: dg.DagsterRun | None
) -> list[Occurrence]:
    entry = record.event_log_entry
    event = entry.get_dagster_event()
    place = _Place(record.storage_id, record.timestamp, record.run_id)
    if event.event_type == _TYPE.RUN_FAILURE:
        return list(_failures(instance, record, run))
    if event.event_type == _TYPE.RUN_SUCCESS:
        return [Succeeded(*place, work=f"job {event.job_name}")]
    if event.event_type == _TYPE.STEP_SUCCESS:
        return [Succeeded(*place, work=_work(event.step_key or "", run))]
    if event.event_type == _TYPE.ASSET_CHECK_EVALUATION:
        evaluation = event.asset_check_evaluation_data
        return [
            Checked(
                *place._replace(at=_looked_at(evaluation, record.timestamp)),
                asset=evaluation.asset_key.to_user_string(),
                name=evaluation.check_name,
                passed=evaluation.passed,
                reason=evaluation.description or "",
                blocking=bool(evaluation.blocking),
                titles=() if evaluation.passed else _titles(evaluation.metadata),
            )
        ]
    observed = event.asset_observation_data.asset_observation
    said: dict[str, Any] = {name: value.value for name, value in observed.metadata.items()}
    if not said.get("low_stock") or observed.partition is None:
        return []
    return [
        LowStock(
            place.id,
            place.at,
            isbn=observed.partition,
            title=str(said.get("title") or observed.partition)[:120],
            before=int(said.get("before") or 0),
            after=int(said.get("after") or 0),
        )
    ]


def _looked_at(evaluation: dg.AssetCheckEvaluation, told_at: float) -> float:
    """When the check looked, where it says so; else when it told."""
    said = evaluation.metadata.get(LOOKED_AT)
    return said.value if isinstance(said, dg.TimestampMetadataValue) else told_at


def _titles(metadata: Mapping[str, dg.MetadataValue]) -> tuple[str, ...]:
    """The first rows of a check's table of titles, a line each."""
    table = metadata.get("titles")
    if not isinstance(table, dg.TableMetadataValue):
        return ()
    return tuple(
        ", ".join(str(value) for value in row.data.values() if value is not None)[:200]
        for row in table.records[:_TITLES_NAMED]
    )


def _failures(
    instance: dg.DagsterInstance, record: dg.EventLogRecord, run: dg.DagsterRun | None
) -> Iterable[Failed]:
    """What did not get done in a failed run: the steps that failed, or were at work when it ended."""
    place = _Place(record.storage_id, record.timestamp, record.run_id)
    of_type = {_TYPE.STEP_START, _TYPE.STEP_SUCCESS, _TYPE.STEP_FAILURE, _TYPE.ASSET_CHECK_EVALUATION}
    events = [entry.get_dagster_event() for entry in instance.all_logs(record.run_id, of_type=of_type)]
    tags = run.tags if run else {}
    retried = (
        SENSOR_NAME_TAG in tags or AUTOMATION_CONDITION_TAG in tags or tags.get(WILL_RETRY_TAG) == "true"
    )
    unchecked = [
        event.asset_check_evaluation_data
        for event in events
        if event.event_type == _TYPE.ASSET_CHECK_EVALUATION and not event.asset_check_evaluation_data.passed
    ]
    failed = [event for event in events if event.event_type == _TYPE.STEP_FAILURE]
    for event in failed:
        kind, reason, by_check = _classify(event.step_failure_data)
        check = unchecked[-1] if by_check and unchecked else None
        yield Failed(
            *place,
            work=_work(event.step_key or "", run),
            kind=kind,
            reason=reason,
            retried=retried,
            check=f"{check.asset_key.to_user_string()}: {check.check_name}" if check else None,
        )
    if failed:
        return
    begun = [event.step_key for event in events if event.event_type == _TYPE.STEP_START]
    finished = {event.step_key for event in events if event.event_type == _TYPE.STEP_SUCCESS}
    cut_short = [_work(step, run) for step in begun if step and step not in finished]
    event = record.event_log_entry.get_dagster_event()
    reason = failure_text.of_run(event)
    for work in cut_short or _asked_for(event.job_name, run):
        yield Failed(*place, work=work, kind="transient", reason=reason, retried=retried)


def _asked_for(job: str, run: dg.DagsterRun | None) -> list[str]:
    """What a run that never began was to do: its assets, or its job."""
    if run is not None and run.asset_selection:
        return sorted(key.to_user_string() for key in run.asset_selection)
    return [f"job {job}"]


def _work(step: str, run: dg.DagsterRun | None) -> str:
    """The step's asset or op, with the partitions of a run that a person started for some of them."""
    name = step.replace("__", "/")
    tags = run.tags if run else {}
    first, last = (
        tags.get("dagster/asset_partition_range_start"),
        tags.get("dagster/asset_partition_range_end"),
    )
    partition = tags.get("dagster/partition") or (f"{first} to {last}" if first else None)
    return f"{name} [{partition}]" if partition else name


def _classify(failure: StepFailureData) -> tuple[Kind, str, bool]:
    """What the failure wants, its reason, and whether a check or guardrail of the run stopped it."""
    metadata = failure.user_failure_data.metadata if failure.user_failure_data else {}
    reason, names = failure_text.of_step(failure), _error_names(failure.error)
    if STOPPED in metadata:
        said: Any = metadata[STOPPED].value
        guardrail = said.get("by") == "guardrail"
        return "guardrail" if guardrail else "block", reason, guardrail
    if DagsterAssetCheckFailedError.__name__ in names:
        return "guardrail", reason, True
    if SettingsError.__name__ in names:
        return "needs_person", reason, False
    return (cast(Kind, metadata[KIND].value) if KIND in metadata else "transient"), reason, False


def _error_names(error: SerializableErrorInfo | None) -> set[str]:
    names: set[str] = set()
    while error is not None:
        names.add(error.cls_name or "")
        error = error.cause
    return names


def promises(instance: dg.DagsterInstance) -> list[Promise]:
    """Every asset that has a freshness, as the freshness daemon last said."""
    keys = list(instance.get_asset_keys())
    states = instance.get_freshness_state_records(keys) if keys else {}
    found = []
    for key, record in states.items():
        if record.freshness_state.value not in ("PASS", "WARN", "FAIL"):
            continue
        last = instance.get_latest_materialization_event(key)
        found.append(
            Promise(
                key.to_user_string(),
                cast(FreshnessState, record.freshness_state.value),
                since=record.updated_at.timestamp(),
                last=last.timestamp if last else None,
            )
        )
    return sorted(found, key=lambda promise: promise.asset)


def watchdogs(instance: dg.DagsterInstance, sensor_of: Mapping[str, str]) -> list[Watchdog]:
    """The standing checks, as they stand.

    Args:
        sensor_of: check, as `Checked.check`, to the sensor that evaluates it.
    """
    keys = {}
    for check in sensor_of:
        asset, _, name = check.partition(": ")
        keys[check] = dg.AssetCheckKey(dg.AssetKey(asset.split("/")), name)
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(keys.values()))
    off = switched_off(instance)
    return [
        Watchdog(
            check,
            sensor_of[check],
            latest[key].create_timestamp if key in latest else None,
            sensor_of[check] in off,
        )
        for check, key in keys.items()
    ]


def stale_titles(instance: dg.DagsterInstance, sla: float, now: float) -> Stale:
    """Which tracked titles were not read within the SLA (seconds), the never read first, then the oldest."""
    found = stale_readings(instance, sla, now, _STALE_NAMED)
    oldest = tuple(StaleTitle(one.isbn, one.title, one.read_at) for one in found.oldest)
    return Stale(found.titles, found.tracked, oldest)
