"""Runs on several machines: a real broker, real workers with a location's settings alone, real runs."""

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from dagster import DagsterEventType, DagsterRunStatus

from ingram_assets.defs import failure_text
from ingram_assets.overview.run_results import collect
from ingram_assets.runtime import broker, run_hold
from ingram_assets.runtime.broker import WORKER_TAG, BrokerAway
from ingram_assets.runtime.celery_launcher import CeleryLauncher
from ingram_assets.runtime.dagster_internals import LaunchRunContext, WorkerStatus
from ingram_assets.runtime.ports import free_port
from ingram_assets_tests.testing.dagster_internals import execute_run_monitoring_iteration
from ingram_assets_tests.testing.machines import Eventually, Machines, running_machines
from ingram_assets_tests.testing.processes import environment_kept, gone
from ingram_demo.embedded.postgres import Postgres

pytestmark = pytest.mark.xdist_group("celery")
STARTED, SUCCESS = DagsterRunStatus.STARTED, DagsterRunStatus.SUCCESS
QUEUE_TAG = "dagster-celery/queue"


@pytest.fixture(scope="module")
def machines(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    database = postgres.create_database("several_machines")
    with environment_kept(), running_machines(tmp_path_factory.mktemp("machines"), database) as running:
        yield running


@pytest.fixture(autouse=True)
def _a_while_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_hold, "TAKEN_AGAIN_WITHIN", 5.0)


def _look(machines: Machines) -> None:
    """What the daemon does every few seconds."""
    with machines.workspace("operations") as workspace:
        for _ in execute_run_monitoring_iteration(workspace, logging.getLogger("test")):
            pass


def _health(machines: Machines, run_id: str) -> WorkerStatus:
    return machines.instance.run_launcher.check_run_worker_health(machines.run(run_id)).status


def test_a_run_is_done_by_its_location_s_worker_alone(machines: Machines, eventually: Eventually):
    assert isinstance(machines.instance.run_launcher, CeleryLauncher)
    scrapers = machines.launch("scraper", "short")
    with machines.worker("operations"):
        others = machines.launch("operations", "short")
        eventually(lambda: machines.run(others).status == SUCCESS)
        assert machines.run(scrapers).status == DagsterRunStatus.STARTING, "nobody here may do it"
        assert "It knows ['ALERT_URLS']." in machines.said(others)
        with machines.worker("scraper"):
            eventually(lambda: machines.run(scrapers).status == SUCCESS)
    assert "It knows ['IPAGE_PASSWORD']." in machines.said(scrapers)
    for location, run_id in (("scraper", scrapers), ("operations", others)):
        tags = machines.run(run_id).tags
        assert tags[QUEUE_TAG] == location
        assert tags[WORKER_TAG].startswith(f"{location}-")


@pytest.mark.parametrize("killed", ["worker", "run"])
def test_a_run_whose_worker_or_process_was_killed_is_failed(
    machines: Machines, eventually: Eventually, killed: str
):
    with machines.worker("operations") as worker:
        run_id = machines.launch("operations", "long")
        eventually(lambda: machines.waits(run_id))
        assert _health(machines, run_id) == WorkerStatus.RUNNING
        _look(machines)
        assert machines.run(run_id).status == STARTED
        children = psutil.Process(worker.pid).children()
        if killed == "worker":
            os.kill(worker.pid, signal.SIGKILL)
        else:
            for child in children:
                child.kill()
        eventually(lambda: all(gone(child.pid) for child in children))
        _look(machines)
        run = machines.run(run_id)
        assert run.status == DagsterRunStatus.FAILURE
        assert collect(machines.instance, run, 0).error == failure_text.PROCESS_GONE
        (event,) = machines.instance.all_logs(run_id, of_type=DagsterEventType.RUN_FAILURE)
        assert f"({run.tags[WORKER_TAG]}) is gone" in (event.get_dagster_event().message or "")


def test_a_broker_that_is_killed_costs_no_run(machines: Machines, eventually: Eventually):
    with machines.worker("operations", "--concurrency", "1"):
        at_work = machines.launch("operations", "long")
        eventually(lambda: machines.waits(at_work))
        queued = machines.launch("operations", "short")
        before = machines.redis.child.pid
        machines.redis.child.process.send_signal(signal.SIGKILL)
        machines.redis.child.process.wait()
        assert _health(machines, at_work) == WorkerStatus.RUNNING
        _look(machines)
        assert machines.run(at_work).status == STARTED
        eventually(lambda: machines.redis.child.pid != before)
        later = machines.launch("operations", "short")
        assert machines.instance.run_launcher.terminate(at_work)
        for run_id in (queued, later):
            eventually(lambda run_id=run_id: machines.run(run_id).status == SUCCESS)


def test_a_run_that_lost_its_connection_to_postgresql_goes_on(machines: Machines, eventually: Eventually):
    with machines.worker("operations"), psycopg.connect(machines.postgres, autocommit=True) as connection:
        run_id = machines.launch("operations", "long")
        eventually(lambda: machines.waits(run_id))
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'ingram run' AND pid <> pg_backend_pid()"
        ).fetchall()
        assert ended == [(True,)]
        assert run_hold.is_held(machines.postgres, run_id, patience=60), "it has taken the lock again"
        assert machines.waits(run_id)


def test_a_run_is_stopped_by_a_person(machines: Machines, eventually: Eventually):
    with machines.worker("operations", "--concurrency", "1"):
        at_work = machines.launch("operations", "long")
        eventually(lambda: machines.waits(at_work))
        queued = machines.launch("operations", "long")
        coordinator = machines.instance.run_coordinator
        assert coordinator.cancel_run(queued)
        assert machines.run(queued).status == DagsterRunStatus.CANCELED
        assert coordinator.cancel_run(at_work)
        eventually(lambda: machines.run(at_work).is_finished)
        result = collect(machines.instance, machines.run(at_work), 0)
        assert result.error == failure_text.BY_PERSON
        # The worker comes to the canceled one, and passes over it.
        last = machines.launch("operations", "short")
        eventually(lambda: machines.run(last).status == SUCCESS)
        assert WORKER_TAG not in machines.run(queued).tags
        assert machines.run(queued).status == DagsterRunStatus.CANCELED
        assert not machines.instance.run_launcher.terminate(queued)


def test_a_run_that_is_delivered_twice_is_done_once(machines: Machines, eventually: Eventually):
    with machines.worker("operations", "--concurrency", "2"):
        run_id = machines.launch("operations", "long")
        eventually(lambda: machines.waits(run_id))
        again = LaunchRunContext(machines.run(run_id), None)
        machines.instance.run_launcher.launch_run(again)
        after = machines.launch("operations", "short")  # Behind it in the queue, on the same slot.
        eventually(lambda: machines.run(after).status == SUCCESS)
        assert machines.run(run_id).status == STARTED
        assert machines.instance.run_launcher.terminate(run_id)
        eventually(lambda: machines.run(run_id).is_finished)
        machines.instance.run_launcher.launch_run(again)
        last = machines.launch("operations", "short")
        eventually(lambda: machines.run(last).status == SUCCESS)
        starts = machines.instance.all_logs(run_id, of_type=DagsterEventType.STEP_START)
        processes = [one for one in machines.said(run_id) if "Started process for run" in one]
        assert len(starts) == len(processes) == 1
        assert machines.run(run_id).status == DagsterRunStatus.CANCELED


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_stopped_interrupts_what_does_not_end(
    machines: Machines, eventually: Eventually, asked: signal.Signals
):
    with machines.worker("operations", "--grace", "1") as worker:
        run_id = machines.launch("operations", "long")
        eventually(lambda: machines.waits(run_id))
        worker.process.send_signal(asked)
        eventually(lambda: not worker.running)
        run = machines.run(run_id)
        assert run.status == DagsterRunStatus.FAILURE
        assert collect(machines.instance, run, 0).error == failure_text.INTERRUPTED


def test_a_broker_that_does_not_answer_is_told_so(machines: Machines, monkeypatch: pytest.MonkeyPatch):
    run_id = machines.launch("operations", "short")
    monkeypatch.setattr(broker, "PUBLISH_PATIENCE", {"max_retries": 0})
    away = CeleryLauncher(f"redis://:secret@127.0.0.1:{free_port()}/0")
    away.register_instance(machines.instance)
    with pytest.raises(BrokerAway, match="does not answer") as told:
        away.launch_run(LaunchRunContext(machines.run(run_id), None))
    assert "secret" not in str(told.value)


def test_a_worker_does_not_start_without_its_settings(machines: Machines, tmp_path: Path):
    pass
