"""Dagster's run launcher, set in `dagster.yaml`: a run whose worker is gone is found, and marked failed.

Dagster's own starts runs as processes of the code servers, and learns of their end from the code server
alone. If that is killed too (or the whole machine was), the run would be "started" for ever, and since no
sweep begins while another is at work, there would never be one again. Dagster's run monitoring asks a
launcher that can tell; so this one tells.
"""

import json
import socket

from dagster import DagsterRun, DefaultRunLauncher

from ingram_assets.domain.addresses import is_this_machine
from ingram_assets.runtime.dagster_internals import (
    GRPC_INFO_TAG,
    CanCancelExecutionRequest,
    CanCancelExecutionResult,
    CheckRunHealthResult,
    DagsterGrpcClient,
    DagsterUserCodeUnreachableError,
    WorkerStatus,
    deserialize_value,
)

ANSWERS_WITHIN = 10
CONNECTS_WITHIN = 1


def _is_gone(host: str, port: int) -> bool:
    """Whether no code server is there. Of another host that can't be reached it is not known."""
    try:
        socket.create_connection((host, port), timeout=CONNECTS_WITHIN).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return is_this_machine(host)
    return False


class WatchedRunLauncher(DefaultRunLauncher):
    """Starts runs in the code servers, and knows whether they are still at work there."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """It does: see `check_run_worker_health`."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the code server that started the run still has it.

        A worker does not outlive its code server: whoever brings that back ends what it left. So a server
        that is not there, or does not know the run, says that the run is over. One that is there and does
        not answer says nothing.
        """
        started_by = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
        if not started_by.get("port"):
            return CheckRunHealthResult(WorkerStatus.RUNNING, "It is not known which code server has it.")
        if _is_gone(started_by["host"], started_by["port"]):
            return CheckRunHealthResult(WorkerStatus.FAILED, "The code server that it ran in is gone.")
        client = DagsterGrpcClient(host=started_by["host"], port=started_by["port"])
        try:
            answer = deserialize_value(
                client.can_cancel_execution(
                    CanCancelExecutionRequest(run_id=run.run_id), timeout=ANSWERS_WITHIN
                ),
                CanCancelExecutionResult,
            )
        except DagsterUserCodeUnreachableError:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "Its code server is busy, or just going.")
        if answer.can_cancel:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "The code server that it ran in was started anew.")
