"""What is read between two sweeps, on a real site, queue and Dagster."""

import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
import pytest

from ingram_assets.defs.events import KIND, REPORT, STOPPED
from ingram_assets.defs.keys import ISBNS_NAME, LIKELY_SELL_OUTS, ORDERS, STOCK_SWEEP
from ingram_assets.defs.reading_events import latest_readings, reading_events
from ingram_assets.defs.scraper import assets, automation
from ingram_assets.defs.scraper.assets import likely_sell_outs, saved_search, stock_sweep
from ingram_assets.defs.scraper.automation import BETWEEN_SPEC, SWEEP_SPEC
from ingram_assets.defs.scraper.between_sweeps import between_sweeps, last_readings, worth_a_try
from ingram_assets.defs.scraper.earlier_sweeps import before_a_sweep
from ingram_assets.defs.scraper.resources import RESOURCES
from ingram_assets.domain.freshness import read_next
from ingram_assets.domain.stock import on_hand
from ingram_assets.staging.reader import QueueReader
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.own_dagster import dagster_of_scraper
from ingram_assets_tests.testing.queue import Queue
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.simulator import Simulator

pytestmark = pytest.mark.xdist_group("operations")

TITLES = 20
PAGES = 6
TODAY = date(2026, 6, 1)


@pytest.fixture
def instance(
    postgres: Postgres,
    site: Simulator,
    queue: Queue,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[dg.DagsterInstance]:
    """A shop whose first sweep is done, and whose budget is `PAGES` pages at any time."""
    site.reset()
    for number, isbn in enumerate(site.isbns()):
        site.set_stock(isbn, {"TN": (30 + number, 0), "PA": (5, 0)})
    monkeypatch.setattr(assets, "pages_now", lambda *_: PAGES)
    home = tmp_path_factory.mktemp("dagster")
    with dagster_of_scraper(postgres, "between_sweeps", home, site, queue) as instance:
        queue.sql("DELETE FROM ingram_queue")
        with QueueWriter(queue.writer) as writer:
            writer.add_titles([{"isbn": isbn, "title": isbn} for isbn in site.isbns()])
        instance.add_dynamic_partitions(ISBNS_NAME, site.isbns())
        assert sweep(instance).success
        yield instance
    site.reset()


def sweep(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return _made(instance, STOCK_SWEEP)


def read_between(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return _made(instance, LIKELY_SELL_OUTS)


def _made(instance: dg.DagsterInstance, asset: dg.AssetKey) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [saved_search, stock_sweep, likely_sell_outs],
        instance=instance,
        selection=[asset],
        resources=RESOURCES,
        raise_on_error=False,
    )


def read_in(instance: dg.DagsterInstance, done: dg.ExecuteInProcessResult) -> list[str]:
    """The titles that were read: those whose last reading is of this run."""
    events = reading_events(instance, latest_readings(instance))
    return [isbn for isbn, event in events.items() if event.run_id == done.run_id]


def said_of(done: dg.ExecuteInProcessResult) -> dict[str, Any]:
    made = done.asset_materializations_for_node(LIKELY_SELL_OUTS.to_python_identifier())
    (of_run,) = [one for one in made if one.asset_key == LIKELY_SELL_OUTS]
    return {name: value.value for name, value in of_run.metadata.items()}


def reasons_of(done: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Title to why it was chosen."""
    made = done.asset_materializations_for_node(LIKELY_SELL_OUTS.to_python_identifier())
    (table,) = [one.metadata["chosen"] for one in made if one.asset_key == LIKELY_SELL_OUTS]
    assert isinstance(table, dg.TableMetadataValue)
    return {str(row.data["isbn"]): str(row.data["why"]) for row in table.records}


def copies_of(queue: Queue, isbn: str) -> int | None:
    with QueueReader(queue.reader) as reader:
        return on_hand(reader.titles([isbn])[0].stock)


def sell(site: Simulator, isbn: str, left: int) -> None:
    site.set_stock(isbn, {"TN": (left, 0), "PA": (0, 0)})


def test_a_likely_sell_out_is_read_before_the_next_sweep(
    instance: dg.DagsterInstance, site: Simulator, queue: Queue
):
    hot = site.isbns()[15]
    for left in (12, 6, 2):
        sell(site, hot, left)
        assert sweep(instance).success
    sell(site, hot, 0)
    swept = instance.get_latest_materialization_event(STOCK_SWEEP)
    done = read_between(instance)
    assert done.success
    assert hot in read_in(instance, done)
    assert len(read_in(instance, done)) == said_of(done)["asked"] == PAGES
    assert copies_of(queue, hot) == 0
    assert said_of(done)["counts"]["odd"] == 1
    assert reasons_of(done)[hot].startswith("2 copies left, and it sells about")
    again = instance.get_latest_materialization_event(STOCK_SWEEP)
    assert swept is not None
    assert again is not None
    assert again.timestamp == swept.timestamp, "the promise of a whole sweep is not kept by some titles"


def test_while_no_sale_was_seen_the_oldest_come_first_and_in_turns(instance: dg.DagsterInstance):
    asked = [isbn for _ in range(3) for isbn in read_in(instance, read_between(instance))]
    assert len(asked) == len(set(asked)) == 3 * PAGES


def test_zeros_of_many_at_once_are_not_believed_before_all_were_read(
    instance: dg.DagsterInstance, site: Simulator, queue: Queue, monkeypatch: pytest.MonkeyPatch
):
    for isbn in site.isbns():
        site.set_stock(isbn, {"TN": (0, 0), "PA": (0, 0)})
    assert "All are read" not in SWEEP_SPEC.look(instance).reason
    done = read_between(instance)
    assert done.success
    assert not read_in(instance, done)
    assert all(copies_of(queue, isbn) for isbn in site.isbns())
    assert "say that no copy is left" in said_of(done)["held_back"]
    look = SWEEP_SPEC.look(instance)
    assert look.now
    assert "6 of the last 6 pages" in look.reason
    assert BETWEEN_SPEC.look(instance).reason.startswith("The last pages were doubted")
    swept = sweep(instance)
    assert swept.success
    assert not SWEEP_SPEC.look(instance).now
    assert BETWEEN_SPEC.look(instance).reason.startswith("The last pages were doubted")
    clock = _Ahead()
    monkeypatch.setattr(automation, "time", clock)
    clock.ahead = 301.0
    assert SWEEP_SPEC.look(instance).now, "all are read once more, not some of them"
    assert SWEEP_SPEC.look(instance).reason.endswith("So all are read once more.")
    assert sweep(instance).success
    assert not SWEEP_SPEC.look(instance).now, "two sweeps in a row say the same"
    assert not BETWEEN_SPEC.look(instance).reason.startswith("The last pages were doubted")


@pytest.mark.parametrize("factor", [0, 1_000])
def test_odd_counts_that_come_a_few_at_a_time_are_not_believed_either(
    instance: dg.DagsterInstance,
    site: Simulator,
    queue: Queue,
    monkeypatch: pytest.MonkeyPatch,
    factor: int,
):
    monkeypatch.setattr(assets, "pages_now", lambda *_: 2)
    before = {isbn: copies_of(queue, isbn) for isbn in site.isbns()}
    for isbn, copies in before.items():
        site.set_stock(isbn, {"TN": (factor * (copies or 0), 0), "PA": (0, 0)})
    while "held_back" not in said_of(read_between(instance)):
        pass
    assert 1 <= sum(copies_of(queue, isbn) != copies for isbn, copies in before.items()) <= 4


def test_a_title_that_cant_be_read_is_named_and_left_for_a_while(
    instance: dg.DagsterInstance, site: Simulator, monkeypatch: pytest.MonkeyPatch
):
    first = site.isbns()[0]
    monkeypatch.setattr(assets, "pages_now", lambda *_: TITLES)
    site.fault("layout", layout="no_header", isbns=[first])
    done = read_between(instance)
    assert done.success
    failed = said_of(done)[REPORT]["failed"]
    assert [one["isbn"] for one in failed] == [first]
    assert set(read_in(instance, done)) == set(site.isbns()) - {first}
    now = time.time()
    earlier, between = before_a_sweep(instance, site.isbns(), now), between_sweeps(instance, now)
    assert between is not None
    assert between.pages == TITLES
    assert between.failed == {first}
    titles = last_readings(instance, site.isbns(), earlier, now, TODAY)
    assert set(worth_a_try(titles, earlier, between.failed, now, 7200)) == set(site.isbns()) - {first}
    later = between_sweeps(instance, now + 3600)
    assert later is not None
    assert not later.failed


def test_a_title_that_the_sweep_could_not_read_is_tried_while_its_promise_can_be_kept(
    instance: dg.DagsterInstance, site: Simulator
):
    first, now = site.isbns()[0], time.time()
    site.fault("layout", layout="no_header", isbns=[first])
    assert sweep(instance).success
    site.clear_faults()
    earlier = before_a_sweep(instance, site.isbns(), now)
    assert first in earlier.suspects
    titles = last_readings(instance, site.isbns(), earlier, now, TODAY)
    at = titles[first].at
    assert first not in worth_a_try(titles, earlier, (), at + 7201, 7200)
    tried = worth_a_try(titles, earlier, (), at + 7199, 7200)
    (chosen,) = read_next(tried.values(), at + 5400, 1, late_unless_read=at + 1)
    assert (chosen.isbn, chosen.reason) == (first, "the next sweep would read it too late")


@pytest.mark.parametrize("fault", [{"status": 429, "retry_after": "7200"}, {"status": 503}])
def test_what_ends_it_passes_since_the_sweep_meets_it_too(
    instance: dg.DagsterInstance, site: Simulator, fault: dict[str, Any]
):
    site.fault("status", **fault)
    done = read_between(instance)
    assert not done.success
    (failure,) = [event.step_failure_data for event in done.all_events if event.is_step_failure]
    assert failure.user_failure_data.metadata[KIND].value == "transient"
    assert STOPPED not in failure.user_failure_data.metadata


def test_what_shoppers_ordered_counts_more(instance: dg.DagsterInstance, site: Simulator):
    ordered = site.isbns()[7]
    instance.report_runless_asset_event(dg.AssetMaterialization(ORDERS, partition=ordered))
    now = time.time()
    earlier, between = before_a_sweep(instance, site.isbns(), now), between_sweeps(instance, now)
    assert between is not None
    wanted = {
        one.isbn
        for one in last_readings(instance, site.isbns(), earlier, now, date(2020, 1, 1)).values()
        if one.wanted
    }
    assert wanted == {ordered}


def test_when_it_is_due(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch):
    clock = _Ahead()
    monkeypatch.setattr(automation, "time", clock)
    assert "PAGES_PER_HOUR" in BETWEEN_SPEC.look(instance).reason, "the sweep was a moment ago"
    clock.ahead = 600.0
    assert BETWEEN_SPEC.look(instance).now
    assert read_between(instance).success
    assert "PAGES_PER_HOUR" in BETWEEN_SPEC.look(instance).reason, "they were read"
    monkeypatch.setenv("PAGES_PER_HOUR", "13")
    clock.ahead = 4_000.0
    assert "PAGES_PER_HOUR" in BETWEEN_SPEC.look(instance).reason, "the sweeps use it up"
    monkeypatch.setenv("PAGES_PER_HOUR", "10")
    clock.ahead = 7_000.0
    assert SWEEP_SPEC.look(instance).reason.endswith("due again in 3 min."), "a page every six minutes"
    clock.ahead = 4_000.0
    monkeypatch.delenv("PAGES_PER_HOUR")
    assert BETWEEN_SPEC.look(instance).now
    clock.ahead = 5_500.0
    assert BETWEEN_SPEC.look(instance).reason == "A sweep of all titles comes next."


class _Ahead:
    ahead = 0.0

    def time(self) -> float:
        return time.time() + self.ahead
