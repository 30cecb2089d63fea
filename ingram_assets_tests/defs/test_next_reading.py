"""When a title is read next, as `ingram explain` says it."""

import json
import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
import pytest

from ingram_assets.defs.keys import ISBNS_NAME, LIKELY_SELL_OUTS, STOCK, STOCK_SWEEP
from ingram_assets.defs.next_reading import CHOICE, SWEEP_EVERY, NextReading, next_reading
from ingram_assets.defs.reading_events import HISTORY

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


def asked(instance: dg.DagsterInstance, isbn: str = ISBN) -> NextReading:
    return next_reading(instance, isbn, time.time(), sweep_every=5400, today=date(2026, 6, 1))


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
    assert found.why.endswith("Nothing is chosen by sales before some were seen.")
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
