"""Dagster's run coordinator, set in `dagster.yaml`: its queue, but where nobody would take a run from it.

Where workers do the runs (`CELERY_BROKER_URL`), no more are begun of a code location than its workers have
places for: the others wait in the queue.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dagster import DagsterRun, QueuedRunCoordinator

from ingram_assets.domain.addresses import database_address
from ingram_assets.settings.file_of_setting import LOCATIONS

if TYPE_CHECKING:
    from ingram_assets.runtime.dagster_internals import RunQueueConfig, SubmitRunContext
    from ingram_assets.runtime.worker_places import PlaceCount

_AT_ONCE = "INGRAM_RUNS_AT_ONCE"
LOCATION_TAG = "ingram/location"
"""Of a run that a worker is to do: the code location that it is of."""


class RunCoordinator(QueuedRunCoordinator[Any]):
    """Queues runs for the daemon; starts them itself within `runs_at_once`."""

    def submit_run(self, context: "SubmitRunContext") -> DagsterRun:
        """The run, queued or started."""
        run = context.dagster_run
        if os.environ.get(_AT_ONCE):
            launched: DagsterRun = self._instance.launch_run(run.run_id, context.workspace)
            return launched
        if self._places and run.remote_job_origin:
            self._instance.add_run_tags(run.run_id, {LOCATION_TAG: run.remote_job_origin.location_name})
        return super().submit_run(context)

    def get_run_queue_config(self) -> "RunQueueConfig":
        """The limits of `dagster.yaml`, and what the workers have places for now."""
        config = super().get_run_queue_config()
        if self._places is None:
            return config
        # Where there is no worker one run is sent, fails after two minutes and says so; the others wait.
        places = [
            {"key": LOCATION_TAG, "value": location, "limit": max(count, 1)}
            for location, count in self._places.of(LOCATIONS).items()
        ]
        return config._replace(tag_concurrency_limits=[*(config.tag_concurrency_limits or ()), *places])

    @cached_property
    def _places(self) -> "PlaceCount | None":
        if not os.environ.get("CELERY_BROKER_URL"):
            return None
        from ingram_assets.runtime.worker_places import PlaceCount

        return PlaceCount(database_address(os.environ["DAGSTER_PG_URL"]))


@contextmanager
def runs_at_once() -> Iterator[None]:
    """Within it this process' runs need no daemon."""
    os.environ[_AT_ONCE] = "true"
    try:
        yield
    finally:
        del os.environ[_AT_ONCE]
