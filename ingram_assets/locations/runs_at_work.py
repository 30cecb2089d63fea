"""Which runs are waiting or at work, for sensors that would only get in their way."""

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
