"""Dagster's run coordinator, set in `dagster.yaml`: its queue, but where nobody would take a run from it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dagster import DagsterRun, QueuedRunCoordinator

if TYPE_CHECKING:
    from ingram_assets.runtime.dagster_internals import SubmitRunContext

_AT_ONCE = "INGRAM_RUNS_AT_ONCE"


class RunCoordinator(QueuedRunCoordinator[Any]):
    """Queues runs for the daemon; starts them itself within `runs_at_once`."""

    def submit_run(self, context: "SubmitRunContext") -> DagsterRun:
        """The run, queued or started."""
        if os.environ.get(_AT_ONCE):
            launched: DagsterRun = self._instance.launch_run(context.dagster_run.run_id, context.workspace)
            return launched
        return super().submit_run(context)


@contextmanager
def runs_at_once() -> Iterator[None]:
    """Within it this process' runs need no daemon."""
    os.environ[_AT_ONCE] = "true"
    try:
        yield
    finally:
        del os.environ[_AT_ONCE]
