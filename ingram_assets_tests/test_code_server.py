"""Where the processes of runs come from: a real code server, real runs."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget

from ingram_assets.processes import Supervisor, free_port, port_open
from ingram_assets.runs import code_server_argv, follow, launch

LOCATION = """
import os, time
import dagster as dg

IMPORTED_BY = os.getpid()

@dg.op
def say(context):
    report = {"process": os.getpid(), "parent": os.getppid(), "imported_by": IMPORTED_BY}
    context.add_output_metadata({"report": {**report, "say": os.environ["SAY"]}})

@dg.op
def wait():
    time.sleep(600)

@dg.job(executor_def=dg.in_process_executor)
def quick(): say()

@dg.job(executor_def=dg.in_process_executor)
def long(): wait()

defs = dg.Definitions(jobs=[quick, long])
"""


class Server:
    """A code server of our kind, with the location above."""

    def __init__(self, instance: DagsterInstance, context: WorkspaceProcessContext, supervisor: Supervisor):
        self.instance, self._context, self.supervisor = instance, context, supervisor

    def launch(self, job: str) -> str:
        """A run of the job, started: its id."""
        return launch(self.instance, self._context.create_request_context(), job, {}, queued=False).run_id

    def report(self) -> dict[str, Any]:
        """What a quick run says of its process."""
        result = follow(self.instance, self.launch("quick"))
        assert result.succeeded, result.error
        return result.reports[0]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "dagster.yaml").write_text("{}")
    (tmp_path / "a_location.py").write_text(LOCATION)
    port = free_port()
    argv = code_server_argv("scraper", port)
    argv[argv.index("--module-name") + 1] = "a_location"
    environment = {"PATH": "/usr/bin:/bin", "DAGSTER_HOME": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    with Supervisor(tmp_path / "up") as supervisor, DagsterInstance.from_config(str(tmp_path)) as instance:
        supervisor.start(
            "code", argv, env={**environment, "SAY": "hello"}, ready=port_open(port), ready_seconds=120
        )
        target = GrpcServerTarget(host="127.0.0.1", port=port, socket=None, location_name="scraper")
        with WorkspaceProcessContext(instance, target) as context:
            yield Server(instance, context, supervisor)


def test_each_run_is_a_process_of_its_own_forked_from_one_that_has_imported_all(server: Server):
    one, other = server.report(), server.report()
    assert one["process"] != other["process"]
    assert {of["imported_by"] for of in (one, other)} == {one["parent"]} == {other["parent"]}
    assert one["parent"] != server.supervisor.child("code").pid, "gRPC's threads would not outlive a fork"
    assert one["say"] == "hello", "it has the code server's own environment"


def test_a_fork_server_that_was_killed_is_started_again(server: Server):
    killed = server.report()["parent"]
    os.kill(killed, signal.SIGKILL)
    after = server.report()
    assert after["parent"] == after["imported_by"] != killed


def test_a_run_that_is_asked_to_stop_stops(server: Server, eventually: Callable[..., None]):
    run_id = server.launch("long")

    def status() -> DagsterRunStatus:
        run = server.instance.get_run_by_id(run_id)
        assert run
        return run.status

    eventually(lambda: status() == DagsterRunStatus.STARTED)
    assert server.instance.run_launcher.terminate(run_id)
    eventually(lambda: status() == DagsterRunStatus.CANCELED)


def test_a_run_whose_process_was_killed_is_failed(server: Server, eventually: Callable[..., None]):
    run_id = server.launch("long")
    (worker,) = [
        worker
        for process in psutil.Process(server.supervisor.child("code").pid).children()
        for worker in process.children()
    ]
    worker.kill()

    def is_failed() -> bool:
        run = server.instance.get_run_by_id(run_id)
        return run is not None and run.status == DagsterRunStatus.FAILURE

    eventually(is_failed)
