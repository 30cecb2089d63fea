"""Runs as a person sees and starts them, on Dagster's own web server and database."""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import dagster as dg
import pytest

from ingram_assets.overview import job_requests
from ingram_assets.overview.dagster_runs import (
    DagsterPageAway,
    DagsterRuns,
    RunState,
    UnknownShopRun,
)
from ingram_assets.overview.dagster_view import DagsterAway, DagsterView
from ingram_assets.runtime.ports import free_port
from ingram_assets_tests.testing.dagster_page import DagsterPage, running_dagster_page
from ingram_demo.embedded.postgres import Postgres

ISBN = "9780306406157"
_keys = itertools.count(1)


@pytest.fixture(scope="module")
def page(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterPage]:
    url = postgres.create_database("dagster_runs")
    with running_dagster_page(tmp_path_factory.mktemp("dagster"), url) as running:
        yield running
    postgres.drop_database("dagster_runs")


@pytest.fixture
def runs(page: DagsterPage) -> Iterator[DagsterRuns]:
    """With no run waiting."""
    for run in page.instance.get_runs():
        page.instance.delete_run(run.run_id)
    view = DagsterView(page.common)
    yield DagsterRuns(view, page.url)
    view.close()


def key() -> str:
    return f"press-{next(_keys)}"


def test_a_run_that_is_started_is_listed_with_what_was_asked_and_by_whom(
    runs: DagsterRuns, page: DagsterPage
):
    request = job_requests.push_titles([ISBN], dry_run=True)
    run_id = runs.start(request, by="ada@example.com", key=key())
    (run,) = runs.last(10)
    assert run.run_id == run_id
    assert (run.words, run.state, run.asked_by) == ("Plan of a push", RunState.WAITING, "ada@example.com")
    assert (run.isbns, run.dry_run, run.let_through) == ((ISBN,), True, False)
    assert not run.writes_to_store
    there = page.instance.get_run_by_id(run_id)
    assert there
    assert there.run_config == request.run_config, "the same run as the command's"


def test_a_second_press_of_the_same_button_starts_no_second_run(runs: DagsterRuns):
    press = key()
    with ThreadPoolExecutor(4) as pool:
        started = set(
            pool.map(lambda _: runs.start(job_requests.push_titles(), by="ada", key=press), range(4))
        )
    assert len(started) == 1
    assert len(runs.last(10)) == 1


def test_of_a_run_for_all_titles_there_is_one_at_a_time(runs: DagsterRuns):
    runs.start(job_requests.push_titles([ISBN]), by="ada", key=key())
    runs.start(job_requests.push_titles(dry_run=True), by="ada", key=key())
    first = runs.start_alone(job_requests.push_titles(), by="ada", key=key())
    assert first[1] is False, "neither one title's push nor a plan is one of all titles"
    assert runs.start_alone(job_requests.push_titles(), by="bob", key=key()) == (first[0], True)
    at_work = runs.at_work_on_all("push")
    assert at_work
    assert at_work.run_id == first[0]


def test_a_run_that_waits_can_be_stopped(runs: DagsterRuns):
    run_id = runs.start(job_requests.undo_run("a-run"), by="ada", key=key())
    assert runs.of_id(run_id).of_run == "a-run"
    runs.stop(run_id)
    run = runs.of_id(run_id)
    assert run.state is RunState.STOPPED
    assert run.ended_at is not None
    assert runs.last(10, unfinished=True) == []
    runs.stop(run_id)  # Again is no harm.


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "Sync of the whole inventory"),
        (job_requests.push_titles().run_config, "Sync of the whole inventory"),
        (job_requests.push_titles(["9780306406157"]).run_config, "Push to the store"),
        (job_requests.push_titles(dry_run=True).run_config, "Plan of a push"),
    ],
)
def test_the_daily_reconcile_and_a_sync_are_named_alike(
    runs: DagsterRuns, page: DagsterPage, config: dict[str, object], words: str
):
    run = page.instance.add_run(dg.DagsterRun("push", run_config=config))
    assert runs.of_id(run.run_id).words == words
    page.instance.delete_run(run.run_id)


def test_runs_are_listed_page_by_page_and_by_job(runs: DagsterRuns):
    made = [runs.start(job_requests.push_titles(), by="ada", key=key()) for _ in range(3)]
    undo = runs.start(job_requests.undo_run("a-run"), by="ada", key=key())
    assert [run.run_id for run in runs.last(2)] == [undo, made[2]]
    assert [run.run_id for run in runs.last(2, before=made[2])] == [made[1], made[0]]
    assert [run.run_id for run in runs.last(10, job="undo")] == [undo]


@pytest.mark.parametrize(
    ("tags", "who"),
    [
        ({"dagster/sensor_name": "stock_changes"}, "by itself (stock changes)"),
        ({"dagster/schedule_name": "daily_reconcile"}, "by the clock (daily reconcile)"),
        ({}, "Dagster's page"),
    ],
)
def test_who_asked_is_said_of_every_run(runs: DagsterRuns, page: DagsterPage, tags: dict[str, str], who: str):
    page.instance.add_run(dg.DagsterRun("push", run_id="of-others", tags=tags))
    assert runs.of_id("of-others").asked_by == who


def test_progress_is_told_while_a_run_is_at_work(runs: DagsterRuns, page: DagsterPage):
    tags = {"ingram/progress": "Levels: 3 of 12"}
    at_work = dg.DagsterRun("push", run_id="at-work", status=dg.DagsterRunStatus.STARTED, tags=tags)
    page.instance.add_run(at_work)
    page.instance.add_run(_with_status(at_work, "over", dg.DagsterRunStatus.SUCCESS))
    assert runs.of_id("at-work").progress == "Levels: 3 of 12"
    assert runs.result("at-work") is None
    assert runs.of_id("over").progress is None
    result = runs.result("over")
    assert result
    assert result.succeeded


def _with_status(run: dg.DagsterRun, run_id: str, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    return dg.DagsterRun(run.job_name, run_id=run_id, status=status, tags=run.tags)


def test_a_run_that_is_not_there_is_told(runs: DagsterRuns):
    for look in (runs.of_id, runs.result):
        with pytest.raises(UnknownShopRun, match="no such run"):
            look("0b7e4c1e-3f52-4f0f-9c1d-2a60a3f4b7aa")


def test_a_job_that_dagster_refuses_is_told_with_its_reason(runs: DagsterRuns):
    nonsense = replace(job_requests.push_titles(), of_ops={"push_titles": {"isbns": 5}})
    with pytest.raises(DagsterPageAway, match="could not be started") as told:
        runs.start(nonsense, by="ada", key=key())
    assert "does not answer" not in str(told.value)
    assert runs.last(10) == []


def test_a_web_server_that_is_away_is_told_and_runs_are_still_listed(runs: DagsterRuns, page: DagsterPage):
    view = DagsterView(page.common)
    nowhere = DagsterRuns(view, f"http://127.0.0.1:{free_port()}")
    with pytest.raises(DagsterPageAway, match="does not answer"):
        nowhere.start(job_requests.push_titles(), by="ada", key=key())
    assert nowhere.last(10) == []
    view.close()


def test_a_database_that_is_away_is_told(page: DagsterPage, monkeypatch: pytest.MonkeyPatch):
    address = f"postgresql://dagster@127.0.0.1:{free_port()}/dagster"
    view = DagsterView(
        page.common.model_copy(update={"DAGSTER_PG_URL": type(page.common.DAGSTER_PG_URL)(address)})
    )
    with pytest.raises(DagsterAway, match="Dagster's database"):
        DagsterRuns(view, page.url).last(10)
    view.close()


def test_a_look_that_takes_long_is_given_up(page: DagsterPage, runs: DagsterRuns):
    """The database itself ends it, so that nothing is left at work there."""
    view = DagsterView(page.common)

    def slow(instance: dg.DagsterInstance) -> None:
        with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
            connection.exec_driver_sql("SELECT pg_sleep(60)")

    with pytest.raises(DagsterAway):
        view.ask(slow)
    assert view.ask(lambda instance: instance.get_runs_count()) == 0, "others are answered meanwhile"
    view.close()
