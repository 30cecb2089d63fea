"""Dagster's Celery launcher, where `CELERY_BROKER_URL` is set: workers on several machines do the runs.

Celery carries a run to a worker, and no more. A run goes to the queue of its code location, from which only
workers with that location's settings take. Whether it is at work, and that it is so once, says a lock in
Dagster's database (`run_hold.py`): Dagster's own launcher goes by what Celery has stored, and a worker that
was killed stores nothing.
"""

import os
import warnings

import psycopg
from celery.exceptions import DuplicateTaskNameWarning
from dagster import DagsterRun
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_QUEUE_TAG, DAGSTER_CELERY_TASK_ID_TAG
from kombu.exceptions import OperationalError

from ingram_assets.domain.addresses import database_address
from ingram_assets.runtime.broker import WORKER_TAG, BrokerAway, celery_settings
from ingram_assets.runtime.celery_results import told_end
from ingram_assets.runtime.dagster_internals import (
    GRPC_INFO_TAG,
    CheckRunHealthResult,
    ConfigurableClassData,
    LaunchRunContext,
    WorkerStatus,
)
from ingram_assets.runtime.run_hold import is_held
from ingram_assets.runtime.run_launcher import WatchedRunLauncher

# Dagster's launcher makes its task anew for each run.
warnings.filterwarnings("ignore", category=DuplicateTaskNameWarning)


class CeleryLauncher(CeleryRunLauncher):
    """Sends each run to the workers of its code location, and knows whether it is at work there."""

    def __init__(
        self, broker: str, results: str | None = None, inst_data: ConfigurableClassData | None = None
    ) -> None:
        """`results`: where workers keep how runs ended; who sends them needs nothing of it."""
        settings = celery_settings(broker, keeps_results=results is not None)
        super().__init__(default_queue="nobody", broker=broker, config_source=settings, inst_data=inst_data)
        self._results = results

    @property
    def supports_resume_run(self) -> bool:
        """It does not: who asked for a run that was killed asks for another."""
        return False

    def launch_run(self, context: LaunchRunContext) -> None:
        """Send it to its location's queue.

        Raises:
            BrokerAway: the broker does not answer. Dagster's queue tries again after a while.
        """
        run = context.dagster_run
        queue = {DAGSTER_CELERY_QUEUE_TAG: location_of(run)}  # Whatever a person's tag says.
        self._instance.add_run_tags(run.run_id, queue)
        tagged = run.with_tags({**run.tags, **queue})
        try:
            super().launch_run(LaunchRunContext(tagged, context.workspace))
        except OperationalError as error:
            raise BrokerAway(f"The broker does not answer ({type(error.__cause__).__name__}).") from None

    def terminate(self, run_id: str) -> bool:
        """Ask a run to stop. It looks for that itself every two seconds; one that nobody has is over."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        if not is_held(_database(), run_id, patience=0):
            self._instance.report_run_canceled(run, message="It was stopped before a worker had begun it.")
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether a worker has the run."""
        if GRPC_INFO_TAG in run.tags:  # Of before the broker was set.
            return WatchedRunLauncher().check_run_worker_health(run)
        try:
            if is_held(_database(), run.run_id):
                return CheckRunHealthResult(WorkerStatus.RUNNING)
        except psycopg.Error:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "Dagster's database does not say.")
        worker = run.tags.get(WORKER_TAG, "of unknown name")
        why = f"The worker that had it ({worker}) is gone or frozen, or has it no more."
        task = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if self._results and task and (told := told_end(self._results, task)):
            why += f" It says: {told}"
        return CheckRunHealthResult(WorkerStatus.FAILED, why)

    def get_run_worker_debug_info(
        self, run: DagsterRun, include_container_logs: bool | None = True
    ) -> str | None:
        """Where it went, for the run's page."""
        worker = run.tags.get(WORKER_TAG)
        queue = run.tags.get(DAGSTER_CELERY_QUEUE_TAG)
        return f"Worker: {worker}" if worker else f"No worker has taken it from the queue {queue}."


def location_of(run: DagsterRun) -> str:
    """The code location of a run, which its queue is named after."""
    if run.remote_job_origin is None:
        raise ValueError(f"Run {run.run_id} is of no code location.")
    return run.remote_job_origin.location_name


def _database() -> str:
    return database_address(os.environ["DAGSTER_PG_URL"])
