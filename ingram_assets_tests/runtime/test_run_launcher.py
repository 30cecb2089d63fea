"""What becomes of a run whose worker, or whose code server, was killed: a real code server, a real run."""

import json
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from dagster import DagsterEventType, DagsterRun, DagsterRunStatus

from ingram_assets.cli.launch import follow
from ingram_assets.defs import failure_text
from ingram_assets.overview.run_results import collect
from ingram_assets.runtime import run_launcher
from ingram_assets.runtime.dagster_internals import (
    GRPC_INFO_TAG,
    WorkerStatus,
)
from ingram_assets.runtime.ports import free_port
from ingram_assets.runtime.run_launcher import WatchedRunLauncher
from ingram_assets_tests.testing.code_location import CodeServer, running_code_server
from ingram_assets_tests.testing.dagster_internals import execute_run_monitoring_iteration

INSTANCE = """
run_launcher:
  module: ingram_assets.runtime.run_launcher
  class: WatchedRunLauncher
run_monitoring:
  enabled: true
"""
CODE = """
import time
import dagster as dg
from ingram_assets.defs.events import classified

@dg.op
def wait(context):
    with classified():
        context.log.info("It waits.")
        time.sleep(600)

@dg.job(executor_def=dg.in_process_executor)
def long(): wait()

defs = dg.Definitions(jobs=[long])
"""


@dataclass
class AtWork:
    """A code server with a run at work."""

    server: CodeServer
    run_id: str

    @property
    def run(self) -> DagsterRun:
        return self.server.run(self.run_id)

    def look(self) -> None:
        """What the daemon does every few seconds."""
        for _ in execute_run_monitoring_iteration(self.server.workspace, logging.getLogger("test")):
            pass


@pytest.fixture
def at_work(tmp_path: Path, eventually: Callable[..., None]) -> Iterator[AtWork]:
    with running_code_server(tmp_path, CODE, INSTANCE) as server:
        run_id = server.launch("long")
        eventually(lambda: server.status(run_id) == DagsterRunStatus.STARTED)
        yield AtWork(server, run_id)


def test_a_run_at_work_is_left_alone_and_one_whose_code_server_was_killed_is_failed(
    at_work: AtWork, eventually: Callable[..., None]
):
    health = at_work.server.instance.run_launcher.check_run_worker_health(at_work.run)
    assert health.status == WorkerStatus.RUNNING
    at_work.look()
    assert at_work.run.status == DagsterRunStatus.STARTED
    killed = at_work.server.child.pid
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: at_work.server.child.pid != killed)
    # The command that waits for it is told, and so does not wait for ever.
    result = follow(at_work.server.instance, at_work.run_id)
    assert not result.succeeded
    assert "The run was killed. The code server that it ran in" in (result.error or "")
    assert at_work.run.status == DagsterRunStatus.FAILURE


@pytest.mark.parametrize("by_person", [True, False])
def test_a_run_that_was_stopped_says_so(at_work: AtWork, eventually: Callable[..., None], by_person: bool):
    instance = at_work.server.instance
    eventually(lambda: any(one.user_message == "It waits." for one in instance.all_logs(at_work.run_id)))
    if by_person:  # as Dagster's page, the desk and Ctrl-C do
        assert instance.run_launcher.terminate(at_work.run_id)
    else:
        for process in psutil.Process(at_work.server.child.pid).children(recursive=True):
            if "spawn_main" in " ".join(process.cmdline()):
                process.terminate()
    eventually(lambda: at_work.run.is_finished)
    result = collect(instance, at_work.run, 0)
    assert result.error == (failure_text.BY_PERSON if by_person else failure_text.INTERRUPTED)
    (step,) = instance.all_logs(at_work.run_id, of_type=DagsterEventType.STEP_FAILURE)
    shown = step.get_dagster_event().step_failure_data.error
    assert failure_text.STOPPED_AT_WORK in shown.message, "Dagster's own page shows that"


def test_a_code_server_that_is_gone_for_good():
    run = DagsterRun(job_name="long", tags={GRPC_INFO_TAG: f'{{"host": "127.0.0.1", "port": {free_port()}}}'})
    assert WatchedRunLauncher().check_run_worker_health(run).status == WorkerStatus.FAILED


def test_a_code_server_that_is_too_busy_to_answer_costs_no_run(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run_launcher, "ANSWERS_WITHIN", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f'{{"host": "127.0.0.1", "port": {silent.getsockname()[1]}}}'
        run = DagsterRun(job_name="long", tags={GRPC_INFO_TAG: place})
        began = time.monotonic()
        assert WatchedRunLauncher().check_run_worker_health(run).status == WorkerStatus.RUNNING
        assert time.monotonic() - began >= 1


def test_a_run_of_no_known_code_server_is_left_alone():
    run = DagsterRun(job_name="long")
    assert WatchedRunLauncher().check_run_worker_health(run).status == WorkerStatus.RUNNING


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", WorkerStatus.FAILED),
        # A name that is not known just now, as while a container is started anew: it may be there.
        ("nowhere.invalid", WorkerStatus.RUNNING),
    ],
)
def test_a_code_server_on_another_host_is_gone_where_that_host_says_so(host: str, status: WorkerStatus):
    info = json.dumps({"host": host, "port": free_port()})
    run = DagsterRun(job_name="long", status=DagsterRunStatus.STARTED, tags={GRPC_INFO_TAG: info})
    assert WatchedRunLauncher().check_run_worker_health(run).status == status
