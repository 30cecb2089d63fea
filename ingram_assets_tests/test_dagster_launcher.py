"""What becomes of a run whose worker, or whose code server, was killed: a real code server, a real run."""

import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.launcher import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration

from ingram_assets import dagster_launcher
from ingram_assets.dagster_launcher import WatchedRunLauncher
from ingram_assets.processes import Child, Supervisor, free_port, port_open
from ingram_assets.runs import code_server_argv, follow, launch

INSTANCE = """
run_launcher:
  module: ingram_assets.dagster_launcher
  class: WatchedRunLauncher
run_monitoring:
  enabled: true
"""
CODE = """
import time
import dagster as dg

@dg.op
def wait(): time.sleep(600)

@dg.job(executor_def=dg.in_process_executor)
def long(): wait()

defs = dg.Definitions(jobs=[long])
"""


@dataclass
class AtWork:
    """A code server with a run at work."""

    supervisor: Supervisor
    instance: DagsterInstance
    context: WorkspaceProcessContext
    run_id: str

    @property
    def run(self) -> DagsterRun:
        run = self.instance.get_run_by_id(self.run_id)
        assert run
        return run

    @property
    def server(self) -> Child:
        return self.supervisor.child("code")

    def look(self) -> None:
        """What the daemon does every few seconds."""
        for _ in execute_run_monitoring_iteration(self.context, logging.getLogger("test")):
            pass


@pytest.fixture
def at_work(tmp_path: Path, eventually: Callable[..., None]) -> Iterator[AtWork]:
    (tmp_path / "dagster.yaml").write_text(INSTANCE)
    (tmp_path / "a_location.py").write_text(CODE)
    port = free_port()
    argv = code_server_argv("code", port)
    argv[argv.index("--module-name") + 1] = "a_location"
    with Supervisor(tmp_path / "up") as supervisor, DagsterInstance.from_config(str(tmp_path)) as instance:
        supervisor.start(
            "code",
            argv,
            env={"PATH": "/usr/bin:/bin", "DAGSTER_HOME": str(tmp_path), "PYTHONPATH": str(tmp_path)},
            ready=port_open(port),
            ready_seconds=120,
            restart=True,
        )
        target = GrpcServerTarget(host="127.0.0.1", port=port, socket=None, location_name="code")
        with WorkspaceProcessContext(instance, target) as context:
            run = launch(instance, context.create_request_context(), "long", {}, queued=False)
            eventually(lambda: instance.get_run_by_id(run.run_id).status == DagsterRunStatus.STARTED)
            yield AtWork(supervisor, instance, context, run.run_id)


def test_a_run_at_work_is_left_alone_and_one_whose_code_server_was_killed_is_failed(
    at_work: AtWork, eventually: Callable[..., None]
):
    health = at_work.instance.run_launcher.check_run_worker_health(at_work.run)
    assert health.status == WorkerStatus.RUNNING
    at_work.look()
    assert at_work.run.status == DagsterRunStatus.STARTED
    killed = at_work.server.pid
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: at_work.server.pid != killed)
    # The command that waits for it is told, and so does not wait for ever.
    result = follow(at_work.instance, at_work.run_id)
    assert not result.succeeded
    assert "The run was killed. The code server that it ran in" in (result.error or "")
    assert at_work.run.status == DagsterRunStatus.FAILURE


def test_a_code_server_that_is_gone_for_good():
    run = DagsterRun(job_name="long", tags={GRPC_INFO_TAG: f'{{"host": "127.0.0.1", "port": {free_port()}}}'})
    assert WatchedRunLauncher().check_run_worker_health(run).status == WorkerStatus.FAILED


def test_a_code_server_that_is_too_busy_to_answer_costs_no_run(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dagster_launcher, "_ANSWERS_WITHIN", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f'{{"host": "127.0.0.1", "port": {silent.getsockname()[1]}}}'
        run = DagsterRun(job_name="long", tags={GRPC_INFO_TAG: place})
        began = time.monotonic()
        assert WatchedRunLauncher().check_run_worker_health(run).status == WorkerStatus.RUNNING
        assert time.monotonic() - began >= 1


def test_a_run_of_no_known_code_server_is_left_alone():
    run = DagsterRun(job_name="long")
    assert WatchedRunLauncher().check_run_worker_health(run).status == WorkerStatus.RUNNING
