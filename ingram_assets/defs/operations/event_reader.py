"""Reads from Dagster's instance what happened since the last look, and how fresh the assets are now.

Events are read from where the last look ended, by their storage ids, never from the beginning. An id is given
before its transaction commits, so an event may become visible after one with a larger id: the last minute is
read again each time, and what was recorded of it is skipped.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import dagster as dg
from pydantic import TypeAdapter

from ingram_assets.alerts.model import (
    Alert,
    AssetFreshness,
    Checked,
    Failed,
    FailedPart,
    FreshnessState,
    IncidentLog,
    Kind,
    LowStock,
    Occurrence,
    Succeeded,
    Watchdog,
)
from ingram_assets.alerts.tables import AlertTables, Pause, SeenEvent
from ingram_assets.defs import failure_text
from ingram_assets.defs.events import KIND, LOOKED_AT, STOPPED
from ingram_assets.defs.keys import GONE_FIELDS, HELD_BY, INVENTORY_LEVELS
from ingram_assets.defs.operations.watched import check_name
from ingram_assets.defs.runs_at_work import is_plan, is_shard, switched_off
from ingram_assets.domain.failures import NothingWritten
from ingram_assets.runtime.dagster_internals import (
    AUTOMATION_CONDITION_TAG,
    SENSOR_NAME_TAG,
    WILL_RETRY_TAG,
    DagsterAssetCheckFailedError,
    SerializableErrorInfo,
    StepFailureData,
)
from ingram_assets.settings.base import SettingsError

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
_TITLES_NAMED = 10

Places = Mapping[str, int]
"""By type of event the id up to which all are done. What was seen beyond it is in the tables."""


@dataclass(frozen=True, slots=True)
class NewEvents:
    """What was not seen yet: as occurrences, by its events, and where the next look begins."""

    occurrences: list[Occurrence]
    events: list[SeenEvent]
    places: Places


def cursor_of(places: Places) -> str:
    """The sensor's cursor for these places."""
    return json.dumps({"version": 2, "places": places})


def places_of(cursor: str | None, tables: AlertTables) -> Places:
    """The places of a cursor; none for no cursor, or for what is none.

    In its first version it had all that the watch remembered. That is laid into the tables, once.
    """
    try:
        values: dict[str, Any] = json.loads(cursor or "{}")
    except json.JSONDecodeError:
        return {}
    if values.get("version") != 1:
        return dict(values.get("places", {}))
    outbox = values["outbox"]
    tables.take_over(
        TypeAdapter(IncidentLog).validate_python(values["book"]),
        [(name, Alert(**one["alert"])) for one in outbox["waiting"] for name in one["targets"]],
        [Pause(name, **down) for name, down in outbox["down"].items()],
        [SeenEvent(type_, id_) for type_, (_, seen) in values["places"].items() for id_ in seen],
    )
    return {type_: after for type_, (after, _) in values["places"].items()}


Head = tuple[int, float, str]
"""The first three values of an occurrence: the event's storage id, its time, and its run."""


def look(
    instance: dg.DagsterInstance,
    places: Places,
    seen_after: Callable[[Places], set[SeenEvent]],
    now: float,
) -> NewEvents:
    """Look at what happened since the places. The first look goes back an hour.

    Args:
        seen_after: the events beyond the places that an earlier look has recorded.
    """
    seen, next_places = seen_after(places), dict[str, int]()
    records: list[dg.EventLogRecord] = []
    events: list[SeenEvent] = []
    for event_type, asset in _WATCHED.items():
        name = event_type.value
        found, next_places[name] = _read(instance, event_type, asset, places.get(name), now)
        for record in found:
            event = SeenEvent(name, record.storage_id)
            if event not in seen:
                events.append(event)
                records.append(record)
    runs = _runs(instance, records)
    occurrences: list[Occurrence] = []
    for record in records:
        occurrences += _occurrences(instance, record, runs.get(record.run_id))
    return NewEvents(occurrences, events, next_places)


def _read(
    instance: dg.DagsterInstance,
    event_type: dg.DagsterEventType,
    asset: dg.AssetKey | None,
    place: int | None,
    now: float,
) -> tuple[list[dg.EventLogRecord], int]:
    """The events beyond the place, and the place up to which all are done."""
    # The instance's public methods read runs' and assets' events only, not steps' and checks'.
    read = instance.event_log_storage.get_event_records
    if place is None:
        newest = read(dg.EventRecordsFilter(event_type, asset), limit=_EVENTS_AT_ONCE)
        old = [record.storage_id for record in newest if record.timestamp < now - _FIRST_LOOK_BACK]
        before_all = newest[-1].storage_id - 1 if newest else 0
        place = max(old, default=before_all)
        records = [record for record in reversed(newest) if record.storage_id > place]
    else:
        beyond = dg.EventRecordsFilter(event_type, asset, after_cursor=place)
        records = list(read(beyond, limit=_EVENTS_AT_ONCE, ascending=True))
    settled = [record.storage_id for record in records if record.timestamp < now - _COMMITTED_WITHIN]
    return records, max(settled, default=place)


def _runs(instance: dg.DagsterInstance, records: Iterable[dg.EventLogRecord]) -> dict[str, dg.DagsterRun]:
    run_ids = list({record.run_id for record in records})
    runs = instance.get_runs(dg.RunsFilter(run_ids=run_ids)) if run_ids else []
    return {run.run_id: run for run in runs}


def _occurrences(
    instance: dg.DagsterInstance, record: dg.EventLogRecord, run: dg.DagsterRun | None
) -> Iterable[Occurrence]:
    event = record.event_log_entry.get_dagster_event()
    head: Head = (record.storage_id, record.timestamp, record.run_id)
    match event.event_type:
        case _TYPE.RUN_FAILURE:
            return _failures(instance, event, head, run)
        case _TYPE.RUN_SUCCESS:
            return [Succeeded(*head, work=f"job {event.job_name}")]
        case _TYPE.STEP_SUCCESS:
            return [Succeeded(*head, work=_work(event.step_key or "", run))]
        case _TYPE.ASSET_CHECK_EVALUATION:
            return [checked(event.asset_check_evaluation_data, head)]
    return _ran_low(event.asset_observation_data.asset_observation, record.storage_id)


def checked(evaluation: dg.AssetCheckEvaluation, head: Head) -> Checked:
    """The evaluation, at the time when the check looked, where it says so; else when it told."""
    id_, told_at, run_id = head
    said = evaluation.metadata.get(LOOKED_AT)
    return Checked(
        id_,
        said.value if isinstance(said, dg.TimestampMetadataValue) else told_at,
        run_id,
        asset=evaluation.asset_key.to_user_string(),
        name=evaluation.check_name,
        # A warning is for who looks at the asset: nobody is woken for it.
        passed=evaluation.passed or evaluation.severity is dg.AssetCheckSeverity.WARN,
        reason=evaluation.description or "",
        blocking=bool(evaluation.blocking),
        titles=() if evaluation.passed else _titles(evaluation.metadata),
        fields=() if evaluation.passed else _gone_fields(evaluation.metadata),
        guardrails=_standing(evaluation.metadata),
    )


def _standing(metadata: Mapping[str, dg.MetadataValue]) -> tuple[FailedPart, ...]:
    said = metadata.get(HELD_BY)
    reasons: dict[str, Any] = said.value if isinstance(said, dg.JsonMetadataValue) else {}  # type: ignore[assignment]
    return tuple(FailedPart(name, str(reason)) for name, reason in sorted(reasons.items()))


def _gone_fields(metadata: Mapping[str, dg.MetadataValue]) -> tuple[FailedPart, ...]:
    table = metadata.get(GONE_FIELDS)
    rows = [row.data for row in table.records] if isinstance(table, dg.TableMetadataValue) else []
    return tuple(FailedPart(str(row["field"]), str(row["what"])) for row in rows)


def _titles(metadata: Mapping[str, dg.MetadataValue]) -> tuple[str, ...]:
    """The first rows of a check's table of titles, a line each."""
    table = metadata.get("titles")
    records = table.records[:_TITLES_NAMED] if isinstance(table, dg.TableMetadataValue) else []
    return tuple(
        ", ".join(str(value) for value in row.data.values() if value is not None)[:200] for row in records
    )


def _ran_low(observed: dg.AssetObservation, id_: int) -> Iterable[LowStock]:
    said: dict[str, Any] = {name: value.value for name, value in observed.metadata.items()}
    if said.get("low_stock") and observed.partition is not None:
        yield LowStock(
            id_,
            isbn=observed.partition,
            title=str(said.get("title") or observed.partition)[:120],
            before=int(said.get("before") or 0),
            after=int(said.get("after") or 0),
        )


def _failures(
    instance: dg.DagsterInstance, ended: dg.DagsterEvent, head: Head, run: dg.DagsterRun | None
) -> Iterable[Failed]:
    """What did not get done in a failed run: the steps that failed, or were at work when it ended.

    Of a plan nothing: who asked for it saw what came of it. Of a shard neither: its sweep tells.
    """
    if run and (is_plan(run) or is_shard(run)):
        return
    of_type = {_TYPE.STEP_START, _TYPE.STEP_SUCCESS, _TYPE.STEP_FAILURE, _TYPE.ASSET_CHECK_EVALUATION}
    events = [entry.get_dagster_event() for entry in instance.all_logs(head[2], of_type=of_type)]
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
        if NothingWritten.__name__ in _error_names(event.step_failure_data.error):
            continue  # Somebody asked for it by hand, and was told that the shop only watches.
        work = _work(event.step_key or "", run)
        yield failed_step(head, work, event.step_failure_data, unchecked, retried=retried)
    if failed:
        return
    begun = [event.step_key for event in events if event.event_type == _TYPE.STEP_START]
    finished = {event.step_key for event in events if event.event_type == _TYPE.STEP_SUCCESS}
    cut_short = [_work(step, run) for step in begun if step and step not in finished]
    reason = failure_text.of_run(ended)
    # What a run that never began was to do: its assets, or its job.
    selected = sorted(key.to_user_string() for key in (run and run.asset_selection) or ())
    for work in cut_short or selected or [f"job {ended.job_name}"]:
        yield Failed(*head, work=work, kind="transient", reason=reason, retried=retried)


def failed_step(
    head: Head,
    work: str,
    failure: StepFailureData,
    unchecked: Sequence[dg.AssetCheckEvaluation],
    *,
    retried: bool,
) -> Failed:
    """A step that failed.

    Args:
        unchecked: evaluations of checks that failed in the same run: the last may be what stopped it.
    """
    kind, reason, by_check = _classify(failure)
    stopped_by = unchecked[-1] if by_check and unchecked else None
    check = check_name(stopped_by.asset_check_key) if stopped_by else None
    guardrails = _standing(stopped_by.metadata) if stopped_by else ()
    return Failed(
        *head, work=work, kind=kind, reason=reason, retried=retried, check=check, guardrails=guardrails
    )


def _work(step: str, run: dg.DagsterRun | None) -> str:
    """The step's asset or op, with the partitions of a run that a person started for some of them."""
    name = step.replace("__", "/")
    tags = run.tags if run else {}
    first, last = (tags.get(f"dagster/asset_partition_range_{end}") for end in ("start", "end"))
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


def promises(instance: dg.DagsterInstance) -> list[AssetFreshness]:
    """Every asset that has a freshness, as the freshness daemon last said."""
    keys = list(instance.get_asset_keys())
    states = instance.get_freshness_state_records(keys) if keys else {}
    found = []
    for key, record in states.items():
        if record.freshness_state.value not in ("PASS", "WARN", "FAIL"):
            continue
        last = instance.get_latest_materialization_event(key)
        found.append(
            AssetFreshness(
                key.to_user_string(),
                cast(FreshnessState, record.freshness_state.value),
                since=record.updated_at.timestamp(),
                last=last.timestamp if last else None,
            )
        )
    return sorted(found, key=lambda promise: promise.asset)


def watchdogs(instance: dg.DagsterInstance, sensor_of: Mapping[dg.AssetCheckKey, str]) -> list[Watchdog]:
    """The standing checks, each with the sensor that evaluates it, as they stand."""
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(sensor_of))
    off = switched_off(instance)
    return [
        Watchdog(
            check_name(check),
            sensor,
            latest[check].create_timestamp if check in latest else None,
            sensor in off,
        )
        for check, sensor in sensor_of.items()
    ]
