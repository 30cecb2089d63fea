"""Runs on several machines: a real broker, real workers with a location's settings alone, real runs."""

import logging
import signal
import socket
import threading
import time
from collections.abc import Iterator
from datetime import datetime, tzinfo

import psutil
import psycopg
import pytest
from click.testing import CliRunner
from dagster import DagsterEventType, DagsterRunStatus

from ingram_assets.cli import worker as worker_command
from ingram_assets.cli.main import main
from ingram_assets.defs import failure_text
from ingram_assets.overview.run_results import collect
from ingram_assets.runtime import advisory_locks, broker, run_hold
from ingram_assets.runtime.broker import WORKER_TAG, BrokerAway
from ingram_assets.runtime.celery_launcher import CeleryLauncher
from ingram_assets.runtime.dagster_internals import LaunchRunContext, WorkerStatus
from ingram_assets.runtime.ports import free_port
from ingram_assets.runtime.processes import Child
from ingram_assets.runtime.worker_places import PlaceCount
from ingram_assets_tests.testing.dagster_internals import (
    QueuedRunCoordinatorDaemon,
    execute_run_monitoring_iteration,
)
from ingram_assets_tests.testing.machines import Eventually, Machines, running_machines
from ingram_assets_tests.testing.processes import environment_kept, gone
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.embedded.redis import why_no_redis

pytestmark = [
    pytest.mark.xdist_group("celery"),
    pytest.mark.skipif(why_no_redis() is not None, reason=str(why_no_redis())),
    pytest.mark.filterwarnings("ignore::celery.exceptions.DuplicateTaskNameWarning"),
]
STARTED, SUCCESS = DagsterRunStatus.STARTED, DagsterRunStatus.SUCCESS
QUEUE_TAG = "dagster-celery/queue"


@pytest.fixture(scope="module")
def machines(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    database = postgres.create_database("several_machines")
    with environment_kept(), running_machines(tmp_path_factory.mktemp("machines"), database) as running:
        yield running


@pytest.fixture(scope="module")
def worker(machines: Machines) -> Iterator[Child]:
    """A worker of operations, for two runs at a time; those who kill theirs take the scraper's."""
    with machines.worker("operations", "--concurrency", "2", "--grace", "1") as running:
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


def test_a_run_is_done_by_its_location_s_worker_alone(
    machines: Machines, worker: Child, eventually: Eventually
):
    assert isinstance(machines.instance.run_launcher, CeleryLauncher)
    scrapers = machines.launch("scraper", "short")
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


def test_a_run_whose_process_or_worker_was_killed_is_failed(machines: Machines, eventually: Eventually):
    with machines.worker("scraper", "--grace", "1") as killed:
        for whole_worker in (False, True):
            run_id = machines.launch("scraper", "long")
            eventually(lambda run_id=run_id: machines.waits(run_id))
            _look(machines)
            assert machines.run(run_id).status == STARTED
            children = psutil.Process(killed.pid).children()
            for process in [psutil.Process(killed.pid)] if whole_worker else children:
                process.kill()
            eventually(lambda children=children: all(gone(child.pid) for child in children))
            _look(machines)
            run = machines.run(run_id)
            assert run.status == DagsterRunStatus.FAILURE
            assert collect(machines.instance, run, 0).error == failure_text.PROCESS_GONE
            (event,) = machines.instance.all_logs(run_id, of_type=DagsterEventType.RUN_FAILURE)
            assert f"({run.tags[WORKER_TAG]}) is gone" in (event.get_dagster_event().message or "")


def test_a_run_whose_process_is_frozen_is_failed_and_ends_once_it_goes_on(
    machines: Machines, worker: Child, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
):
    monkeypatch.setattr(advisory_locks, "SPOKEN_WITHIN", 5.0)
    run_id = machines.launch("operations", "long")
    eventually(lambda: machines.waits(run_id))
    frozen = [each for each in psutil.Process(worker.pid).children() if each.status() != psutil.STATUS_ZOMBIE]
    for process in frozen:
        process.suspend()
    try:
        time.sleep(3)
        _look(machines)
        assert machines.run(run_id).status == STARTED, "it may come back"
        eventually(lambda: not run_hold.is_held(machines.postgres, run_id, patience=0), seconds=30)
        _look(machines)
        assert machines.run(run_id).status == DagsterRunStatus.FAILURE
    finally:
        for process in frozen:
            process.resume()
    eventually(lambda: not run_hold.is_held(machines.postgres, run_id, patience=0), seconds=60)


def test_a_broker_that_is_killed_costs_no_run(machines: Machines, worker: Child, eventually: Eventually):
    at_work = [machines.launch("operations", "long") for _ in range(2)]
    eventually(lambda: all(machines.waits(run_id) for run_id in at_work))
    queued = machines.launch("operations", "short")
    before = machines.redis.child.pid
    machines.redis.child.process.send_signal(signal.SIGKILL)
    machines.redis.child.process.wait()
    assert _health(machines, at_work[0]) == WorkerStatus.RUNNING
    _look(machines)
    assert all(machines.run(run_id).status == STARTED for run_id in at_work)
    eventually(lambda: machines.redis.child.pid != before)
    later = machines.launch("operations", "short")
    assert all(machines.instance.run_launcher.terminate(run_id) for run_id in at_work)
    eventually(lambda: machines.run(queued).status == machines.run(later).status == SUCCESS)
    assert all(machines.run(run_id).status == DagsterRunStatus.CANCELED for run_id in at_work)


def test_a_run_that_lost_its_connection_to_postgresql_goes_on(
    machines: Machines, worker: Child, eventually: Eventually
):
    run_id = machines.launch("operations", "long")
    eventually(lambda: machines.waits(run_id))
    with psycopg.connect(machines.postgres, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ingram run'"
        ).fetchall()
    assert ended == [(True,)]
    assert run_hold.is_held(machines.postgres, run_id, patience=60), "it has taken the lock again"
    assert machines.waits(run_id)
    assert machines.instance.run_launcher.terminate(run_id)
    eventually(lambda: machines.run(run_id).is_finished)


def test_a_run_is_stopped_by_a_person(machines: Machines, worker: Child, eventually: Eventually):
    at_work = [machines.launch("operations", "long") for _ in range(2)]
    eventually(lambda: all(machines.waits(run_id) for run_id in at_work))
    queued = machines.launch("operations", "long")
    assert machines.instance.run_coordinator.cancel_run(queued)
    assert machines.run(queued).status == DagsterRunStatus.CANCELED
    for run_id in at_work:
        assert machines.instance.run_coordinator.cancel_run(run_id)
    eventually(lambda: all(machines.run(run_id).is_finished for run_id in at_work))
    result = collect(machines.instance, machines.run(at_work[0]), 0)
    assert result.error == failure_text.BY_PERSON
    # The worker comes to the canceled one, and passes over it.
    last = machines.launch("operations", "short")
    eventually(lambda: machines.run(last).status == SUCCESS)
    assert WORKER_TAG not in machines.run(queued).tags
    assert machines.run(queued).status == DagsterRunStatus.CANCELED
    assert not machines.instance.run_launcher.terminate(queued)


def test_a_run_waits_in_the_queue_until_a_worker_has_a_place_for_it(
    machines: Machines, worker: Child, eventually: Eventually
):
    """Sent, it would count as starting, and fail after two minutes though its worker is well."""
    eventually(lambda: places(machines) == {"operations": 2})
    first, second, third = (machines.launch("operations", "long", queued=True) for _ in range(3))
    dequeue(machines, "operations")
    eventually(lambda: machines.waits(first) and machines.waits(second))
    dequeue(machines, "operations")
    assert machines.run(third).status == DagsterRunStatus.QUEUED
    assert machines.instance.run_launcher.terminate(first)
    eventually(lambda: machines.run(first).is_finished)
    dequeue(machines, "operations")
    eventually(lambda: machines.waits(third))
    for run_id in (second, third):
        assert machines.instance.run_launcher.terminate(run_id)
        eventually(lambda run_id=run_id: machines.run(run_id).is_finished)


def test_of_a_location_without_a_worker_one_run_is_sent_and_the_others_wait(machines: Machines):
    sent, waits = (machines.launch("scraper", "short", queued=True) for _ in range(2))
    for _ in range(2):
        dequeue(machines, "scraper")
        assert machines.run(sent).status == DagsterRunStatus.STARTING
        assert machines.run(waits).status == DagsterRunStatus.QUEUED
    for run_id in (sent, waits):
        machines.instance.report_run_canceled(machines.run(run_id))


def dequeue(machines: Machines, location: str) -> None:
    """What the daemon does each second with the queue."""
    with machines.workspace(location) as workspace, QueuedRunCoordinatorDaemon(1) as daemon:
        for _ in daemon.run_iteration(workspace):
            pass


def test_a_worker_has_its_places_as_long_as_it_takes_runs(machines: Machines, eventually: Eventually):
    with machines.worker("scraper", "--concurrency", "3"):
        eventually(lambda: places(machines).get("scraper") == 3)
        with psycopg.connect(machines.postgres, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'ingram worker of scraper'"
            )
        eventually(lambda: "scraper" not in places(machines))
        eventually(lambda: places(machines).get("scraper") == 3)
    eventually(lambda: "scraper" not in places(machines))


def places(machines: Machines) -> dict[str, int]:
    """What the queue is told now: a limit for each location that has a worker."""
    counted = PlaceCount(machines.postgres).of(["scraper", "operations"])
    return {location: count for location, count in counted.items() if count}


def test_a_run_that_is_delivered_twice_is_done_once(
    machines: Machines, worker: Child, eventually: Eventually
):
    run_id = machines.launch("operations", "long")
    eventually(lambda: machines.waits(run_id))
    again = LaunchRunContext(machines.run(run_id), None)
    machines.instance.run_launcher.launch_run(again)
    after = machines.launch("operations", "short")  # Behind it in the queue, on the other slot.
    eventually(lambda: machines.run(after).status == SUCCESS)
    assert machines.run(run_id).status == STARTED
    assert machines.instance.run_launcher.terminate(run_id)
    eventually(lambda: machines.run(run_id).is_finished)
    machines.instance.run_launcher.launch_run(again)
    last = machines.launch("operations", "short")
    eventually(lambda: machines.run(last).status == SUCCESS)
    begun = [one for one in machines.instance.all_logs(run_id) if "Started process" in (one.message or "")]
    assert len(begun) == 1
    assert machines.run(run_id).status == DagsterRunStatus.CANCELED


def test_a_worker_that_is_stopped_interrupts_what_does_not_end(machines: Machines, eventually: Eventually):
    with machines.worker("scraper", "--grace", "1") as stopped:
        run_id = machines.launch("scraper", "long")
        eventually(lambda: machines.waits(run_id))
        stopped.process.terminate()
        eventually(lambda: not stopped.running)
        assert stopped.process.returncode == 0
    run = machines.run(run_id)
    assert run.status == DagsterRunStatus.FAILURE
    assert collect(machines.instance, run, 0).error == failure_text.INTERRUPTED


def test_a_broker_that_does_not_answer_is_told_so(machines: Machines, monkeypatch: pytest.MonkeyPatch):
    run_id = machines.launch("operations", "short")
    monkeypatch.setattr(broker, "PUBLISH_PATIENCE", {"max_retries": 0})
    address = f"redis://:secret@127.0.0.1:{free_port()}/0"
    monkeypatch.setenv("CELERY_BROKER_URL", address)  # Celery goes by it before all else.
    away = CeleryLauncher(address)
    away.register_instance(machines.instance)
    with pytest.raises(BrokerAway, match="does not answer") as told:
        away.launch_run(LaunchRunContext(machines.run(run_id), None))
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("", "CELERY_BROKER_URL is missing"),
        ("redis://:secret@127.0.0.1:port/0", "CELERY_BROKER_URL is malformed"),
        ("redis://:secret@127.0.0.1:9/0", "can't be reached with CELERY_BROKER_URL"),
        ("wrong password", "can't be reached with CELERY_BROKER_URL"),
    ],
)
def test_a_worker_that_gets_no_runs_does_not_start(
    machines: Machines, monkeypatch: pytest.MonkeyPatch, address: str, says: str
):
    if address == "wrong password":
        address = f"redis://:secret@{machines.redis.url.partition('@')[2]}"
    folder = machines.machine("operations", address)
    monkeypatch.delenv("CELERY_BROKER_URL")
    done = CliRunner().invoke(main, ["--env-dir", str(folder), "worker", "operations"])
    assert done.exit_code == 2
    assert says in done.output
    assert "secret" not in done.output


def test_a_worker_whose_runs_would_all_fail_does_not_start(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
):
    folder = machines.machine("scraper", machines.redis.url)
    file = folder / ".env.scraper"
    away = "postgresql://w:secret@127.0.0.1:9/queue"
    file.write_text(file.read_text().replace(machines.postgres, away))
    monkeypatch.delenv("CELERY_BROKER_URL")
    done = CliRunner().invoke(main, ["--env-dir", str(folder), "worker", "scraper"])
    assert done.exit_code == 2
    assert "127.0.0.1:9/queue" in done.output
    assert "secret" not in done.output


@pytest.mark.parametrize("location", ["scraper", "operations"])
def test_a_worker_whose_clock_is_wrong_does_not_start(
    machines: Machines, monkeypatch: pytest.MonkeyPatch, location: str
):
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Clock":
            return cls.fromtimestamp(time.time() - 600, tz)

    folder = machines.machine(location, machines.redis.url)
    monkeypatch.setattr(worker_command, "datetime", Clock)
    monkeypatch.setattr(worker_command.os, "execve", lambda *_: pytest.fail("It starts."))
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(main, ["--env-dir", str(folder), "worker", location])
    assert done.exit_code == 2
    told = " ".join(done.output.split())
    assert f"The clock of this machine ({socket.gethostname()}) is 10 min behind that of the" in told


def test_a_run_that_others_take_for_dead_ends(
    database: str, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
):
    signals: list[int] = []
    monkeypatch.setattr(run_hold, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(run_hold, "TAKEN_AGAIN_WITHIN", 0.3)
    monkeypatch.setattr(run_hold, "KILLED_AFTER", 0.6)
    monkeypatch.setattr(run_hold.os, "kill", lambda _, what: signals.append(what))
    over = threading.Event()
    with run_hold.holding(database, "a run", is_stopped=lambda: False, is_over=over.is_set) as is_ours:
        assert is_ours
        with run_hold.holding(database, "a run", lambda: False, lambda: False) as is_anothers:
            assert not is_anothers
        assert run_hold.is_held(database, "a run", patience=0)
        assert not run_hold.is_held(database, "another", patience=0)
        time.sleep(0.5)
        assert not signals
        over.set()
        eventually(lambda: signal.SIGKILL in signals)
    assert signals[0] == signal.SIGTERM
    assert not run_hold.is_held(database, "a run", patience=0)
