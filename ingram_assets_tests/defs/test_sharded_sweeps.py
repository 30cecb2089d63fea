"""A sweep that several runs share: what is counted together is what one run would have found."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import dagster as dg
import pytest

from ingram_assets.defs.events import REPORT, STOPPED
from ingram_assets.defs.keys import (
    ISBNS_NAME,
    SHARD_JOB,
    SHARD_TAG,
    SHARDS_SENSOR,
    STOCK_SWEEP,
    SWEEP_TAG,
    WHOLE_JOB,
)
from ingram_assets.defs.operations import event_reader
from ingram_assets.defs.runs_at_work import NOT_FINISHED, sweeps_now
from ingram_assets.defs.scraper import sensors
from ingram_assets.defs.scraper.assets import saved_search, stock_sweep
from ingram_assets.defs.scraper.automation import BETWEEN_SPEC, SHARDS_SPEC, SWEEP_SPEC
from ingram_assets.defs.scraper.decisions import RetrySchedule
from ingram_assets.defs.scraper.definitions import defs
from ingram_assets.defs.scraper.from_settings import forget_of_the_site
from ingram_assets.defs.scraper.resources import RESOURCES
from ingram_assets.defs.scraper.sharded_sweeps import NOT_READ, begun_at, sweep_name
from ingram_assets.domain.site_limits import Limits
from ingram_assets.overview.failed_runs import last_failed
from ingram_assets.sources.ipage import site as site_module
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.own_dagster import dagster_of_scraper
from ingram_assets_tests.testing.queue import Queue
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.simulator import Simulator

pytestmark = pytest.mark.xdist_group("operations")

TITLES = 205
SIZE, SHARDS = "100", 3
OF_THE_RUNS = (
    "latency_ms",
    "seconds_",
    "page_seconds",
    "trips",
    "sign_ins",
    "requests",
    "next_sweep",
    "unreadable_before",
)
"""Beginnings of figures that say how long it took, or what the sweep before could not read."""


@pytest.fixture(scope="module")
def instance(
    postgres: Postgres, site: Simulator, queue: Queue, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dg.DagsterInstance]:
    home = tmp_path_factory.mktemp("dagster")
    split = {"SWEEP_SHARD_SIZE": SIZE}
    with dagster_of_scraper(postgres, "shards", home, site, queue, split) as instance:
        with QueueWriter(queue.writer) as writer:
            writer.add_titles([{"isbn": isbn, "title": isbn} for isbn in site.isbns()])
        instance.add_dynamic_partitions(ISBNS_NAME, site.isbns())
        assert in_one_run(instance).success
        yield instance


@pytest.fixture(autouse=True)
def _always_due(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, site: Simulator) -> None:
    """A sweep is due whenever it is looked for, and the last one in shards is over."""
    at_once = replace(SHARDS_SPEC, schedule=RetrySchedule(0, (0,), 0), every=lambda instance: 1e-6)
    monkeypatch.setattr(sensors, "SHARDS_SPEC", at_once)
    # A third block ends a run, after two seconds.
    monkeypatch.setattr(site_module, "Limits", partial(Limits, pauses=(1.0,)))
    site.reset()
    forget_of_the_site("block")
    for run in instance.get_runs(dg.RunsFilter(job_name=SHARD_JOB, statuses=NOT_FINISHED)):
        instance.report_run_failed(run)
    requests = asked(instance)
    if requests[0].job_name != SHARD_JOB:
        lost(instance, requests[0], dg.DagsterRunStatus.SUCCESS)


def ticked(instance: dg.DagsterInstance) -> Sequence[dg.RunRequest] | str:
    """What the sensor asks for, or why it asks for nothing."""
    answer = sensors.sweep_in_shards.evaluate_tick(dg.build_sensor_context(instance))
    assert bool(answer.run_requests) is not bool(answer.skip_message)
    return answer.run_requests or str(answer.skip_message)


def asked(instance: dg.DagsterInstance) -> Sequence[dg.RunRequest]:
    """The runs that the sensor asks for."""
    found = ticked(instance)
    assert not isinstance(found, str), found
    return found


def done(instance: dg.DagsterInstance, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    """The run that was asked for, to its end."""
    assert request.job_name
    return defs.resolve_job_def(request.job_name).execute_in_process(
        run_config=request.run_config,
        tags=_tags(request),
        asset_selection=request.asset_selection,
        instance=instance,
        raise_on_error=False,
    )


def in_one_run(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [saved_search, stock_sweep], instance=instance, selection=[STOCK_SWEEP], resources=RESOURCES
    )


def in_shards(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    before = {run.run_id for run in instance.get_runs()}
    for request in asked(instance):
        assert done(instance, request).success
    assert len({run.run_id for run in instance.get_runs()} - before) == SHARDS
    (whole,) = asked(instance)
    return done(instance, whole)


def lost(instance: dg.DagsterInstance, request: dg.RunRequest, status: dg.DagsterRunStatus) -> None:
    """The run that was asked for, as it stands in Dagster's database if nobody does it any more."""
    assert request.job_name
    job = defs.resolve_job_def(request.job_name)
    instance.create_run_for_job(job, run_config=request.run_config, tags=_tags(request), status=status)


def _tags(request: dg.RunRequest) -> dict[str, str]:
    """Those that the daemon gives a run."""
    return {**request.tags, "dagster/sensor_name": SHARDS_SENSOR}


def isbns_of(request: dg.RunRequest) -> list[str]:
    return list(request.run_config["ops"]["read_shard"]["config"]["isbns"])


def found(sweep: dg.ExecuteInProcessResult) -> Mapping[str, Any]:
    """What the sweep says that it found."""
    (made,) = sweep.asset_materializations_for_node("ipage__stock_sweep")
    figures = {name: value.value for name, value in made.metadata.items() if not name.startswith(OF_THE_RUNS)}
    report = figures[REPORT]
    report["counts"].pop("unreadable_before", None)
    figures[REPORT] = {**report, "job": "", "failed": sorted(report["failed"], key=lambda one: one["isbn"])}
    return figures


def test_what_the_shards_find_is_what_one_run_finds(
    instance: dg.DagsterInstance, site: Simulator, queue: Queue
):
    one, many, three = site.isbns()[:3]
    site.edit(one, binding="Hologram Sphere")
    site.set(unknown_cells="soon", unknown_cells_share=10)
    site.fault("status", isbns=[many], status=404)
    site.fault("layout", isbns=[three], layout="no_header")
    alone = in_one_run(instance)
    site.edit(one, binding="Lava Lamp")  # A new one is told again.
    site.reset_requests()
    together = in_shards(instance)
    assert site.requests(log=False)["by_kind"]["product"] >= TITLES
    expected, got = found(alone), found(together)
    assert sorted(got) == sorted(expected)
    for name, value in expected.items():
        if name not in ("page_fields", "fields_read", "notes", REPORT, "unlisted_bindings"):
            assert got[name] == value, name
    assert got[REPORT]["counts"] == expected[REPORT]["counts"]
    assert got[REPORT]["failed"] == expected[REPORT]["failed"]
    assert {row["field"]: row for row in rows(got)} == {row["field"]: row for row in rows(expected)}
    assert any(f"“Lava Lamp” ({one})" in note for note in got[REPORT]["notes"])
    assert len(got[REPORT]["notes"]) == len(set(got[REPORT]["notes"]))


def test_two_sweeps_that_begin_in_one_second_have_names_of_their_own():
    assert sweep_name(1764535167.25) == "2025-11-30T20:39:27.250Z"
    assert sweep_name(1764535167.25) != sweep_name(1764535167.5)
    assert begun_at(sweep_name(1764535167.25)) == 1764535167.25
    assert begun_at("2025-11-30T20:39:27Z") == 1764535167, "the name of a sweep that another version began"


def rows(figures: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [record.data for record in figures["fields_read"].records]


def test_each_title_is_in_one_shard_and_the_stalest_come_first_in_each(instance: dg.DagsterInstance):
    requests = asked(instance)
    lists = [isbns_of(request) for request in requests]
    assert len(lists) == SHARDS
    assert all(len(isbns) <= int(SIZE) for isbns in lists)
    assert sorted(isbn for isbns in lists for isbn in isbns) == sorted(
        instance.get_dynamic_partitions(ISBNS_NAME)
    )
    assert {request.tags[SHARD_TAG] for request in requests} == {
        f"{n} of {SHARDS}" for n in range(1, SHARDS + 1)
    }
    assert len({request.run_key for request in requests}) == SHARDS
    assert len({request.tags[SWEEP_TAG] for request in requests}) == 1


def test_while_shards_are_at_work_nothing_else_is_asked_for(instance: dg.DagsterInstance):
    first, *others = asked(instance)
    lost(instance, first, dg.DagsterRunStatus.STARTED)
    for request in others:
        lost(instance, request, dg.DagsterRunStatus.SUCCESS)
    assert str(ticked(instance)).endswith("2 of 3 shards are in.")
    assert BETWEEN_SPEC.look(instance).reason.endswith("2 of 3 shards are in.")
    at_work = sweeps_now(instance)
    assert at_work
    assert at_work.dagster_run.tags[SHARD_TAG] == "1 of 3"
    assert "sweep_in_shards" in SWEEP_SPEC.look(instance).reason
    instance.report_run_failed(at_work.dagster_run)


def test_where_a_shard_died_it_is_no_sweep_and_the_next_one_begins_with_what_is_missing(
    instance: dg.DagsterInstance,
):
    before = instance.get_latest_materialization_event(STOCK_SWEEP)
    dead, *others = asked(instance)
    # What it had recorded by then stands.
    half = isbns_of(dead)[: len(isbns_of(dead)) // 2]
    for request in others:
        assert done(instance, request).success
    by_hand = {"ops": {"read_shard": {"config": {"isbns": half}}}}
    assert defs.resolve_job_def(SHARD_JOB).execute_in_process(by_hand, instance=instance).success
    lost(instance, dead, dg.DagsterRunStatus.FAILURE)
    (whole,) = asked(instance)
    told = failure(done(instance, whole))
    assert "Shard 1 of 3 did not come to its end." in told.description
    report: Any = told.metadata[REPORT].value
    failed = {one["isbn"]: one["reason"] for one in report["failed"]}
    assert failed == dict.fromkeys(set(isbns_of(dead)) - set(half), NOT_READ)
    assert instance.get_latest_materialization_event(STOCK_SWEEP) == before, "no freshness comes of it"

    heads = {isbn for request in asked(instance) for isbn in isbns_of(request)[: len(failed) // SHARDS]}
    assert len(heads & failed.keys()) > len(heads) / 2


def test_a_shard_that_a_person_starts_again_is_counted_once(instance: dg.DagsterInstance):
    dead, *others = asked(instance)
    for request in others:
        assert done(instance, request).success
    lost(instance, dead, dg.DagsterRunStatus.FAILURE)
    assert done(instance, dead).success
    (whole,) = asked(instance)
    assert found(done(instance, whole))[REPORT]["counts"]["ok"] == TITLES


def test_a_count_that_is_killed_is_asked_for_again(instance: dg.DagsterInstance):
    for request in asked(instance):
        lost(instance, request, dg.DagsterRunStatus.SUCCESS)
    keys = []
    for _ in range(3):
        (whole,) = asked(instance)
        assert whole.job_name == WHOLE_JOB
        keys.append(whole.run_key)
        lost(instance, whole, dg.DagsterRunStatus.FAILURE)
    assert len(set(keys)) == 3
    assert asked(instance)[0].job_name == SHARD_JOB, "it is given up, and the next sweep begins"


def test_shards_that_were_not_all_begun_are_no_sweep(instance: dg.DagsterInstance):
    for request in asked(instance)[:1]:
        lost(instance, request, dg.DagsterRunStatus.SUCCESS)
    (whole,) = asked(instance)
    assert "only 1 of 3 shards were begun" in str(failure(done(instance, whole)))


def test_a_block_is_told_once_and_by_the_whole(instance: dg.DagsterInstance, site: Simulator):
    before = {run.run_id for run in instance.get_runs()}
    site.fault("block")
    for request in asked(instance):
        assert not done(instance, request).success
    (whole,) = asked(instance)
    told = failure(done(instance, whole))
    assert told
    assert STOPPED in told.metadata
    named = {run.job for run in last_failed(instance)}
    assert "ipage/stock_sweep" in named
    assert SHARD_JOB not in named
    seen = event_reader.look(instance, {}, lambda places: set(), time.time())
    told_of = [one for one in seen.occurrences if isinstance(one, event_reader.Failed)]
    assert [one.work for one in told_of if one.run_id not in before] == ["ipage/stock_sweep"]


def failure(sweep: dg.ExecuteInProcessResult) -> Any:
    """What ended the run."""
    (event,) = [event for event in sweep.all_events if event.is_step_failure]
    return event.step_failure_data.user_failure_data
