"""When a title is read next, as `ingram explain` says it."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from ingram_assets.defs.keys import ISBNS_NAME, LIKELY_SELL_OUTS, STOCK, STOCK_SWEEP
from ingram_assets.defs.next_reading import CHOICE, SWEEP_EVERY, after_pause, next_readings
from ingram_assets.defs.reading_events import HISTORY
from ingram_assets.defs.site_pauses import PAUSE_TAG, tag_of
from ingram_assets.domain.formatting import moment
from ingram_assets.domain.freshness import NextReading
from ingram_assets.domain.site_pause import SitePause
from ingram_assets.runtime.dagster_internals import DagsterEvent
from ingram_assets_tests.testing.dagster_internals import AssetMaterializationPlannedData

ISBN = "9780306406157"
HOUR = 3600.0


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(ISBNS_NAME, [ISBN])
        yield instance


def made(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None = None, **metadata: Any
) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=partition, metadata=metadata))


def read(instance: dg.DagsterInstance, copies: int, sold_since_yesterday: int = 0) -> None:
    now = int(time.time())
    history = [(now - 86_400, copies + sold_since_yesterday), (now - 60, copies)]
    made(
        instance, STOCK, ISBN, on_hand=copies, on_order=0, status="in_stock", **{HISTORY: json.dumps(history)}
    )


def asked_for(instance: dg.DagsterInstance, *, pause: SitePause | None = None) -> dg.DagsterRun:
    """A run of the sweep that has not begun."""

    @dg.asset(key=STOCK_SWEEP)
    def sweep() -> None: ...

    job = dg.Definitions(assets=[sweep]).resolve_implicit_global_asset_job_def()
    tags = {PAUSE_TAG: tag_of(pause)} if pause else {}
    run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.NOT_STARTED, tags=tags)
    planned = DagsterEvent.build_asset_materialization_planned_event(
        job.name, "sweep", AssetMaterializationPlannedData(STOCK_SWEEP)
    )
    instance.report_dagster_event(planned, run.run_id)
    return run


def begins(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    instance.report_dagster_event(DagsterEvent("PIPELINE_START", run.job_name), run.run_id)


def blocked_for(seconds: float) -> SitePause:
    since = datetime.now(UTC)
    return SitePause(since, since + timedelta(seconds=seconds), "The site blocks this machine (status 429)")


def asked(instance: dg.DagsterInstance, isbn: str = ISBN) -> NextReading:
    return next_readings(instance, [isbn], time.time(), sweep_every=5400, today=date(2026, 6, 1))[isbn]


def seconds_ahead(found: NextReading) -> float:
    assert found.at is not None
    return found.at.timestamp() - time.time()


def test_before_anything_was_read(instance: dg.DagsterInstance):
    assert asked(instance) == NextReading(None, "With the first sweep: none was complete yet.")
    assert "ingram enrich 9781639739134" in asked(instance, "9781639739134").why


def test_with_the_sweep_where_nothing_speaks_for_an_earlier_reading(instance: dg.DagsterInstance):
    read(instance, 900)
    made(instance, STOCK_SWEEP, **{SWEEP_EVERY: 7200.0})
    found = asked(instance)
    assert seconds_ahead(found) == pytest.approx(7200, abs=60), "as the sweep told"
    assert found.why.endswith("Titles are chosen by their sales once some were seen.")
    made(instance, LIKELY_SELL_OUTS, **{CHOICE: {"usual_demand": 0.02, "least_worth": 0.5}})
    assert "Nothing speaks for an earlier reading: 900 copies left" in asked(instance).why


def test_between_sweeps_where_it_is_urgent_by_then(instance: dg.DagsterInstance):
    read(instance, 4, sold_since_yesterday=60)
    made(instance, LIKELY_SELL_OUTS, **{CHOICE: {"usual_demand": 0.02, "least_worth": 0.05}})
    made(instance, STOCK_SWEEP)
    found = asked(instance)
    assert 0 <= seconds_ahead(found) + 1 < 5400
    assert found.why.startswith("Between sweeps, from ")
    assert found.why.endswith("4 copies left, and it sells about 30 a day.")


def test_a_sensor_that_is_switched_off_is_named(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ingram_assets.defs.next_reading.switched_off", lambda _: ["sweep_due"])
    read(instance, 4)
    made(instance, STOCK_SWEEP)
    assert asked(instance).why.endswith("But the sweeps are switched off in Dagster.")


def test_a_sweep_that_is_due_already_reads_it_as_soon_as_it_begins(instance: dg.DagsterInstance):
    read(instance, 4, sold_since_yesterday=60)
    made(instance, LIKELY_SELL_OUTS, **{CHOICE: {"usual_demand": 0.02, "least_worth": 0.05}})
    made(instance, STOCK_SWEEP, **{SWEEP_EVERY: -60.0})
    found = asked(instance)
    assert found.why.startswith("As soon as the sweep of all titles begins, due 20")
    assert abs(seconds_ahead(found)) < 60
    run = asked_for(instance)
    found = asked(instance)
    assert found.why.startswith("With the sweep of all titles that was asked for 20")
    assert found.why.endswith(" UTC, as soon as it begins.")
    begins(instance, run)
    found = asked(instance)
    assert found.why.startswith("With the sweep of all titles that has been at work since 20")
    assert abs(seconds_ahead(found)) < 60


def test_what_the_sweep_at_work_has_read_waits_for_the_next_one(instance: dg.DagsterInstance):
    made(instance, STOCK_SWEEP, **{SWEEP_EVERY: 7200.0})
    begins(instance, asked_for(instance))
    assert "at work since" in asked(instance).why
    read(instance, 900)
    found = asked(instance)
    assert found.why.startswith("With the sweep of all titles, due 20")
    assert seconds_ahead(found) == pytest.approx(7200, abs=60)


def test_while_ipage_is_left_alone_nothing_is_promised_before_its_end(instance: dg.DagsterInstance):
    read(instance, 4, sold_since_yesterday=60)
    made(instance, LIKELY_SELL_OUTS, **{CHOICE: {"usual_demand": 0.02, "least_worth": 0.05}})
    made(instance, STOCK_SWEEP)
    # The run ends in the pause, killed: it says nothing more.
    pause = blocked_for(4000)
    instance.report_run_failed(asked_for(instance, pause=pause))
    found = asked(instance)
    assert found.at == pause.until
    assert found.why.startswith(
        f"Not before {moment(pause.until)}, iPage is left alone until then: the site blocks this machine "
        f"(status 429). Between sweeps, from {moment(pause.until)} on: "
    )
    made(instance, STOCK_SWEEP, **{SWEEP_EVERY: -60.0})
    found = asked(instance)
    assert found.at == pause.until
    assert "(status 429). As soon as the sweep of all titles begins, due 20" in found.why
    begins(instance, asked_for(instance))
    found = asked(instance)
    assert found.at == pause.until
    assert "(status 429). With the sweep of all titles that has been at work since 20" in found.why


def test_a_pause_that_ends_before_the_planned_reading_changes_nothing():
    pause = blocked_for(100)
    later = NextReading(pause.until + timedelta(seconds=1), "With the sweep.")
    assert after_pause(later, pause) is later
    assert after_pause(later, None) is later
    sooner = after_pause(NextReading(None, "With the first sweep: none was complete yet."), pause)
    assert sooner.at == pause.until
    assert sooner.why.endswith("(status 429). With the first sweep: none was complete yet.")
