"""Which runs are waiting or at work, and which sensors and schedules a person switched off."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from ingram_assets.defs.keys import PLAN_TAG, SHARD_JOB, STOCK_SWEEP
from ingram_assets.runtime.dagster_internals import InstigatorStatus

NOT_FINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

_TRIES_LOOKED_AT = 20


def runs_at_work(instance: dg.DagsterInstance, location: str) -> list[dg.DagsterRun]:
    """Runs of a code location that are queued or running."""
    return [record.dagster_run for record in _at_work(instance, location)]


def at_work_since(instance: dg.DagsterInstance, location: str) -> datetime | None:
    """Since when runs of a code location have been at work; `None` if none is."""
    starts = [one.start_time for one in _at_work(instance, location) if one.start_time is not None]
    return datetime.fromtimestamp(min(starts), UTC) if starts else None


def _at_work(instance: dg.DagsterInstance, location: str) -> list[dg.RunRecord]:
    records = instance.get_run_records(dg.RunsFilter(statuses=NOT_FINISHED))
    origins = [(record, record.dagster_run.remote_job_origin) for record in records]
    return [record for record, origin in origins if origin and origin.location_name == location]


def is_plan(run: dg.DagsterRun) -> bool:
    """Whether a run only plans: a dry run, or what was asked for while the shop only watches."""
    return asked_of(run).get("dry_run") is True or PLAN_TAG in run.tags


def is_shard(run: dg.DagsterRun) -> bool:
    """Whether a run reads a part of a sweep: what became of it is told by the run that counts all parts."""
    return run.job_name == SHARD_JOB


def asked_of(run: dg.DagsterRun) -> Mapping[str, Any]:
    """What a run was asked, by its first op; nothing where Dagster's page was given another shape."""
    ops = run.run_config.get("ops")
    for op in ops.values() if isinstance(ops, Mapping) else ():
        given = op.get("config") if isinstance(op, Mapping) else None
        if isinstance(given, Mapping):
            return given
    return {}


def _makes_now(instance: dg.DagsterInstance, asset: dg.AssetKey) -> dg.RunRecord | None:
    """The run that is to make an asset, and has not made it yet: waiting or at work; `None` if none is."""
    made = instance.fetch_materializations(asset, limit=1).records
    planned = instance.event_log_storage.get_event_records(
        dg.EventRecordsFilter(
            dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
            asset,
            after_cursor=made[0].storage_id if made else None,
        ),
        limit=_TRIES_LOOKED_AT,
    )
    if not planned:
        return None
    runs = dg.RunsFilter(run_ids=list({one.run_id for one in planned}), statuses=NOT_FINISHED)
    return next(iter(instance.get_run_records(runs, ascending=True)), None)


def sweeps_now(instance: dg.DagsterInstance) -> dg.RunRecord | None:
    """The run that is to read all titles, or the first of those that share them; `None` if none is."""
    shards = dg.RunsFilter(job_name=SHARD_JOB, statuses=NOT_FINISHED)
    return _makes_now(instance, STOCK_SWEEP) or next(
        iter(instance.get_run_records(shards, limit=1, ascending=True)), None
    )


def switched_off(instance: dg.DagsterInstance) -> set[str]:
    """Names of the sensors and schedules that are; none in an instance that can have no daemon."""
    if instance.schedule_storage is None:
        return set()
    stopped = instance.all_instigator_state(instigator_statuses={InstigatorStatus.STOPPED})
    return {state.name for state in stopped}
