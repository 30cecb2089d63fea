"""Runs that a command starts on a code server: a real server, real runs."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from dagster import DagsterRunStatus

from ingram_assets.cli import launch
from ingram_assets.defs.keys import ASKED_BY_TAG
from ingram_assets.domain.failures import Transient
from ingram_assets.runtime.ports import free_port
from ingram_assets_tests.testing.code_location import NAME, CodeServer, running_code_server

LOCATION = """
import os, time
import dagster as dg

@dg.op(config_schema={"words": str})
def say(context):
    report = {"words": context.op_config["words"], "says": os.environ["SAYS"]}
    context.add_output_metadata({"report": report})

@dg.op
def wait():
    time.sleep(600)

@dg.job(executor_def=dg.in_process_executor)
def quick(): say()

@dg.job(executor_def=dg.in_process_executor)
def long(): wait()

defs = dg.Definitions(jobs=[quick, long])
"""
CONFIG = {"ops": {"say": {"config": {"words": "“hello”"}}}}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[CodeServer]:
    with running_code_server(tmp_path, LOCATION, SAYS="the server") as server:
        yield server


def test_it_starts_at_once_with_its_config_and_the_code_servers_environment(server: CodeServer):
    run_id = server.launch("quick", CONFIG)
    # `follow` alone would soon ask whether the run is still there, which this instance's launcher can't tell.
    while not server.run(run_id).is_finished:
        time.sleep(0.1)
    result = launch.follow(server.instance, run_id)
    assert result.succeeded, result.error
    assert result.reports == [{"words": "“hello”", "says": "the server"}]
    origin = server.run(run_id).remote_job_origin
    assert origin
    assert origin.location_name == NAME, "sensors look whether a location has runs at work"


def test_it_bears_the_name_of_who_asked_for_it(server: CodeServer):
    place = launch.CodeServer(NAME, server.port, is_queued=True)
    run_id = launch.launch(place, "quick", CONFIG, asked_by="ada (terminal)")
    assert server.run(run_id).tags[ASKED_BY_TAG] == "ada (terminal)"


def test_it_is_queued_where_ingram_up_is_at_work(server: CodeServer):
    assert server.status(server.launch("quick", CONFIG, is_queued=True)) == DagsterRunStatus.QUEUED


def test_the_settings_of_the_folder_where_it_is_typed_are_not_its_own(
    server: CodeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Dagster's commands take a `.env` from there; ours have read theirs already."""
    (tmp_path / ".env").write_text("DAGSTER_HOME=/nowhere\n")
    monkeypatch.chdir(tmp_path)
    assert server.status(server.launch("quick", CONFIG, is_queued=True)) == DagsterRunStatus.QUEUED


def test_a_code_server_that_is_not_there_is_a_sentence(server: CodeServer):
    with pytest.raises(Transient, match="does not load"):
        launch.launch(launch.CodeServer(NAME, free_port(), is_queued=False), "quick", CONFIG)


def test_a_run_that_is_asked_to_stop_stops(server: CodeServer, eventually: Callable[..., None]):
    run_id = server.launch("long")
    eventually(lambda: server.status(run_id) == DagsterRunStatus.STARTED)
    assert server.instance.run_launcher.terminate(run_id)
    eventually(lambda: server.status(run_id) == DagsterRunStatus.CANCELED)


def test_a_run_whose_process_was_killed_is_failed(server: CodeServer, eventually: Callable[..., None]):
    run_id = server.launch("long")
    eventually(lambda: server.status(run_id) == DagsterRunStatus.STARTED)
    (worker,) = [
        process
        for process in psutil.Process(server.child.pid).children()
        if "spawn_main" in " ".join(process.cmdline())
    ]
    worker.kill()
    eventually(lambda: server.status(run_id) == DagsterRunStatus.FAILURE)
