"""The Celery application of a worker, as `ingram worker` starts it: it does the runs of one code location.

The process has that location's settings in its environment, and no other's.
"""

import logging
import os
import threading
from typing import Any

import psutil
from celery import Task
from celery.signals import worker_ready, worker_shutting_down
from dagster import DagsterInstance, DagsterRunStatus
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_execute_job_task
from kombu.entity import Queue

from ingram_assets.domain.addresses import database_address
from ingram_assets.runtime.broker import (
    WORKER_GRACE,
    WORKER_LOCATION,
    WORKER_RUNS,
    WORKER_TAG,
    celery_settings,
)
from ingram_assets.runtime.celery_results import result_settings
from ingram_assets.runtime.dagster_internals import ExecuteRunArgs, capture_interrupts, unpack_value
from ingram_assets.runtime.run_hold import holding
from ingram_assets.runtime.worker_places import WorkerPlaces

_NOT_BEGUN = (DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING)
_STOPPED = (DagsterRunStatus.CANCELING, DagsterRunStatus.CANCELED)


class HeldRun(Task):  # type: ignore[misc]  # Celery has no types.
    """Dagster's task, for a run that nobody else does and that is not over."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Do the run; nothing for one that somebody has, or had."""
        run_id = unpack_value(kwargs["execute_job_args_packed"], ExecuteRunArgs).run_id
        worker = self.request.hostname
        # A terminal's Ctrl-C goes to all processes of a group: it is for the worker to say when a run ends.
        os.setpgid(0, 0)
        with capture_interrupts(), DagsterInstance.get() as instance:

            def status() -> DagsterRunStatus | None:
                run = instance.get_run_by_id(run_id)
                return run.status if run else None

            with holding(
                database_address(os.environ["DAGSTER_PG_URL"]),
                run_id,
                is_stopped=lambda: status() in _STOPPED,
                is_over=lambda: status() in (None, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED),
            ) as is_ours:
                if not is_ours or status() not in _NOT_BEGUN:
                    return None
                instance.add_run_tags(run_id, {WORKER_TAG: worker})
                return super().__call__(*args, **kwargs)


@worker_ready.connect  # type: ignore[untyped-decorator]  # Celery has no types.
def _take_places(**_: object) -> None:
    """Dagster's queue may send runs from now on."""
    _places.hold()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]  # Celery has no types.
def _end_what_does_not_end(**_: object) -> None:
    """Runs at work come to their end, or are interrupted once they had time for it. No others begin."""
    _places.leave()
    interrupt = threading.Timer(float(os.environ[WORKER_GRACE]), _interrupt_runs)
    interrupt.daemon = True
    interrupt.start()


def _interrupt_runs() -> None:
    for process in psutil.Process().children():
        process.terminate()


# A line for each page would hide what a run says of itself.
logging.getLogger("httpx").setLevel(logging.WARNING)
_places = WorkerPlaces(
    database_address(os.environ["DAGSTER_PG_URL"]), os.environ[WORKER_LOCATION], int(os.environ[WORKER_RUNS])
)
_broker, _results = os.environ["CELERY_BROKER_URL"], os.environ.get("CELERY_RESULT_BACKEND_URL") or None
_settings = celery_settings(_broker, keeps_results=_results is not None)
if _results:
    _settings |= result_settings(_results)
app = make_app({"broker": _broker, "config_source": _settings})
app.conf.task_queues = [Queue(os.environ[WORKER_LOCATION])]
execute_job = create_execute_job_task(app, base=HeldRun)  # type: ignore[arg-type]  # Its options are any.
# That a run has begun is kept in Dagster's database: it does not wait for the Redis of results.
execute_job.track_started = False
