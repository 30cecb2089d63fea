"""Where the processes of runs come from: a real code server, real runs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from dagster import DagsterRunStatus

from ingram_assets.cli.runs import follow
from ingram_assets.runtime.processes import port_open
from ingram_assets_tests.testing.code_location import CodeServer, code_server_of, running_code_server
from ingram_assets_tests.testing.processes import gone

LOCATION = """
import multiprocessing, os, time
import dagster as dg

IMPORTED_BY = os.getpid()

@dg.op
def say(context):
    report = {"process": os.getpid(), "parent": os.getppid(), "imported_by": IMPORTED_BY}
    context.add_output_metadata({"report": {**report, "say": os.environ["SAY"]}})

@dg.op
def share(context):
    with multiprocessing.get_context("forkserver").Pool(1) as pool:
        context.add_output_metadata({"report": {"process": os.getpid(), "other": pool.apply(os.getpid)}})

@dg.op
def wait():
    time.sleep(600)

@dg.job(executor_def=dg.in_process_executor)
def quick(): say()

@dg.job(executor_def=dg.in_process_executor)
def shared(): share()

@dg.job(executor_def=dg.in_process_executor)
def long(): wait()

defs = dg.Definitions(jobs=[quick, shared, long])
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[CodeServer]:
    with running_code_server(tmp_path, LOCATION, SAY="hello") as server:
        yield server


def report(server: CodeServer, job: str = "quick") -> dict[str, Any]:
    """What a run says of its process."""
    run_id = server.launch(job)
    # `follow` alone would soon ask whether the run is still there, which this instance's launcher can't tell.
    while not server.run(run_id).is_finished:
        time.sleep(0.1)
    result = follow(server.instance, run_id)
    assert result.succeeded, result.error
    return result.reports[0]


def test_each_run_is_a_process_of_its_own_forked_from_one_that_has_imported_all(server: CodeServer):
    one, other = report(server), report(server)
    assert one["process"] != other["process"]
    assert one["imported_by"] == other["imported_by"] == server.child.pid, "once, by the code server itself"
    assert one["parent"] == other["parent"] != server.child.pid, "gRPC's threads would not outlive a fork"
    assert one["say"] == "hello", "it has the code server's own environment"


@pytest.mark.parametrize("location", ["scraper", "storefront"])
def test_what_is_imported_before_the_fork_starts_no_thread(location: str):
    """A lock that a thread held would be held for ever in the fork."""
    words = f"""
import sys, threading, psutil
from ingram_assets.runtime.code_server import import_for_both
import_for_both(module := "ingram_assets.defs.{location}.definitions")
print(threading.active_count(), psutil.Process().num_threads(), hasattr(sys.modules[module], "defs"))
"""
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1", "True"]


def test_a_fork_server_that_was_killed_is_started_again(server: CodeServer):
    killed = report(server)["parent"]
    os.kill(killed, signal.SIGKILL)
    after = report(server)
    assert after["parent"] == after["imported_by"] != killed


def test_what_a_killed_code_server_forked_ends_by_itself(tmp_path: Path, eventually: Callable[..., None]):
    """Nobody has to tell them: their ends of its pipes are theirs alone."""
    argv, environment, port = code_server_of(tmp_path, LOCATION)
    with subprocess.Popen(argv, env=environment) as server:
        eventually(port_open(port))
        below = [process.pid for process in psutil.Process(server.pid).children(recursive=True)]
        assert below
        server.kill()
    eventually(lambda: all(gone(pid) for pid in below), seconds=60)


@pytest.mark.timeout(120)
def test_a_run_may_start_processes_of_its_own(server: CodeServer):
    """Python 3.14 and later take them from a fork server, too."""
    said = report(server, "shared")
    assert said["other"] != said["process"]


def test_a_run_that_is_asked_to_stop_stops(server: CodeServer, eventually: Callable[..., None]):
    run_id = server.launch("long")
    eventually(lambda: server.status(run_id) == DagsterRunStatus.STARTED)
    assert server.instance.run_launcher.terminate(run_id)
    eventually(lambda: server.status(run_id) == DagsterRunStatus.CANCELED)


def test_a_run_whose_process_was_killed_is_failed(server: CodeServer, eventually: Callable[..., None]):
    run_id = server.launch("long")
    (worker,) = [
        worker for process in psutil.Process(server.child.pid).children() for worker in process.children()
    ]
    worker.kill()
    eventually(lambda: server.status(run_id) == DagsterRunStatus.FAILURE)
