"""How runs ended, as Celery's workers keep it: real workers, and a real Redis for broker and results."""

import json
import logging
import signal
import socket
import time
from collections.abc import Iterator
from datetime import timedelta

import psutil
import pytest
import redis
from dagster import DagsterEventType, DagsterRunStatus
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.runtime import broker, celery_results
from ingram_assets.runtime.broker import check_broker_answers
from ingram_assets.runtime.celery_results import KEPT_FOR, check_results_are_taken, told_end
from ingram_assets.runtime.ports import free_port
from ingram_assets_tests.testing.dagster_internals import execute_run_monitoring_iteration
from ingram_assets_tests.testing.machines import Eventually, Machines, running_machines
from ingram_assets_tests.testing.processes import environment_kept, gone
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.embedded.redis import why_no_redis

pytestmark = [
    pytest.mark.xdist_group("celery"),
    pytest.mark.skipif(why_no_redis() is not None, reason=str(why_no_redis())),
    pytest.mark.filterwarnings("ignore::celery.exceptions.DuplicateTaskNameWarning"),
]
KILLED, NOT_KEPT = "signal 9 (SIGKILL)", "is not kept: CELERY_RESULT_BACKEND_URL's Redis does not take it"


@pytest.fixture(scope="module")
def machines(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    database = postgres.create_database("results_of_runs")
    folder = tmp_path_factory.mktemp("results")
    with environment_kept(), running_machines(folder, database, keeps_results=True) as running:
        yield running


def kill_run(machines: Machines, worker: int, eventually: Eventually) -> str:
    """The id of a run of the scraper whose process was killed at its work."""
    run_id = machines.launch("scraper", "long")
    eventually(lambda: machines.waits(run_id))
    children = psutil.Process(worker).children()
    for process in children:
        process.kill()
    eventually(lambda: all(gone(child.pid) for child in children))
    return run_id


def failure(machines: Machines, run_id: str) -> str:
    """What Dagster's page says of a run that was found dead, once the daemon has looked."""
    with machines.workspace("scraper") as workspace:
        for _ in execute_run_monitoring_iteration(workspace, logging.getLogger("test")):
            pass
    assert machines.run(run_id).status == DagsterRunStatus.FAILURE
    (event,) = machines.instance.all_logs(run_id, of_type=DagsterEventType.RUN_FAILURE)
    return event.get_dagster_event().message or ""


def task_of(machines: Machines, run_id: str) -> str:
    return machines.run(run_id).tags[DAGSTER_CELERY_TASK_ID_TAG]


def test_a_killed_run_s_worker_says_by_which_signal_and_that_outlives_its_redis(
    machines: Machines, eventually: Eventually
):
    with machines.worker("scraper", "--grace", "1") as worker:
        done = machines.launch("scraper", "short")
        eventually(lambda: machines.run(done).status == DagsterRunStatus.SUCCESS)
        killed = kill_run(machines, worker.pid, eventually)
        assert KILLED in failure(machines, killed)
    before = machines.redis.child.pid
    machines.redis.child.process.send_signal(signal.SIGKILL)
    machines.redis.child.process.wait()
    assert told_end(machines.results, task_of(machines, killed), patience=0) is None
    eventually(lambda: machines.redis.child.pid != before)
    assert KILLED in told_end(machines.results, task_of(machines, killed), patience=20)
    with redis.Redis.from_url(machines.results) as results:
        kept = results.get(f"celery-task-meta-{task_of(machines, done)}")
        assert json.loads(kept)["status"] == "SUCCESS"
        for key in results.scan_iter():
            assert timedelta(0) < timedelta(seconds=results.ttl(key)) <= KEPT_FOR
            assert machines.postgres not in results.get(key).decode()
    assert told_end(machines.results, task_of(machines, done), patience=0) is None


def test_a_redis_that_is_full_or_has_no_such_database_is_named(machines: Machines):
    check_results_are_taken(machines.results)
    with pytest.raises(NeedsPerson, match="CELERY_RESULT_BACKEND_URL takes no results") as told:
        check_results_are_taken(f"{machines.results.removesuffix('/1')}/99")
    assert machines.redis.url not in str(told.value)
    with redis.Redis.from_url(machines.results) as results:
        results.config_set("maxmemory", 1)
        try:
            with pytest.raises(NeedsPerson, match="OutOfMemoryError"):
                check_results_are_taken(machines.results)
        finally:
            results.config_set("maxmemory", 0)


def test_one_that_takes_a_connection_and_says_nothing_holds_nobody_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(celery_results, "_ANSWERS_WITHIN", 0.5)
    monkeypatch.setattr(broker, "_ANSWERS_WITHIN", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"redis://:secret@127.0.0.1:{silent.getsockname()[1]}/0"
        for check in (check_results_are_taken, check_broker_answers):
            with pytest.raises(NeedsPerson, match=r"no answer within 0\.5 s"):
                check(address)
        began = time.monotonic()
        assert told_end(address, "a task", patience=0) is None
        assert time.monotonic() - began < 5


def test_a_redis_of_results_that_is_away_costs_no_run(
    machines: Machines, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
):
    away = f"redis://:secret@127.0.0.1:{free_port()}/1"
    monkeypatch.setattr(machines, "results", away)
    with machines.worker("scraper", "--concurrency", "1", "--grace", "1") as worker:
        killed = kill_run(machines, worker.pid, eventually)
        assert "It says" not in failure(machines, killed)
        first, second = (machines.launch("scraper", "short") for _ in range(2))
        eventually(lambda: machines.run(second).status == DagsterRunStatus.SUCCESS)
        assert machines.run(first).status == DagsterRunStatus.SUCCESS
        log = machines.supervisor.folder / "logs" / "worker-scraper.log"
        eventually(lambda: log.read_text().count(NOT_KEPT) == 3)
        said = log.read_text()
    assert "Note: The Redis of CELERY_RESULT_BACKEND_URL takes no results (ConnectionError)" in said
    assert "redis.exceptions" not in said
    assert "secret" not in said
