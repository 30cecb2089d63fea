"""Which runs are waiting or at work, for sensors that would only get in their way."""

from datetime import UTC, datetime

import dagster as dg

_NOT_FINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def runs_at_work(instance: dg.DagsterInstance, location: str) -> list[dg.DagsterRun]:
    """Runs of a code location that are queued or running."""
    runs = instance.get_runs(dg.RunsFilter(statuses=_NOT_FINISHED))
    return [run for run in runs if run.remote_job_origin and run.remote_job_origin.location_name == location]


def at_work_since(instance: dg.DagsterInstance, location: str) -> datetime | None:
    """Since when runs of a code location have been at work; `None` if none is."""
    records = instance.get_run_records(dg.RunsFilter(statuses=_NOT_FINISHED))
    starts = [
        record.start_time
        for record in records
        if record.start_time is not None
        and (origin := record.dagster_run.remote_job_origin) is not None
        and origin.location_name == location
    ]
    return datetime.fromtimestamp(min(starts), UTC) if starts else None
