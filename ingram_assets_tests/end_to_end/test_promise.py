"""The promise on a fast clock: kept by itself, broken when the site stops answering, told once, healed.

Seconds stand for minutes. The real daemon, web server and code servers are at work, and a real webhook.
"""

import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import httpx
import pytest
from dagster import AssetCheckKey
from rich.console import Console

from ingram_assets.alerts.incidents import open_incidents
from ingram_assets.defs.keys import COVER_SWEEP, STOCK, STOCK_SWEEP
from ingram_assets.defs.operations.sensors import tables_of
from ingram_assets.defs.reading_events import stale_readings
from ingram_assets.defs.runs_at_work import runs_at_work
from ingram_assets.runtime.instance import dagster_instance
from ingram_assets_tests.testing.demo import Shell, caught_up
from ingram_assets_tests.testing.processes import TOOLS
from ingram_assets_tests.testing.webhook import Webhook, webhook
from ingram_demo.phases import Phases
from ingram_demo.stack import Stack, running_stack

pytestmark = pytest.mark.xdist_group("promise")

TITLES = 8
PACE = {
    # Dagster takes no freshness window below a minute. Between the two a sweep has to come through, on a
    # busy machine too.
    "STOCK_WARN_AFTER": "60",
    "STOCK_FAIL_AFTER": "150",
    "SWEEP_RETRY_AFTER": "5,10",
    "SENSOR_INTERVAL": "2",
    "FRESHNESS_DAEMON_INTERVAL_SECONDS": "3",
}
CHECK = AssetCheckKey(STOCK, "within_the_promise")


@dataclass(frozen=True)
class Shop:
    """A shop that nobody has touched: it was started, no more."""

    stack: Stack
    hook: Webhook
    instance: dg.DagsterInstance

    def sweeps(self) -> int:
        """How many came through."""
        return len(self.instance.fetch_materializations(STOCK_SWEEP, limit=100).records)

    def failed_sweeps(self) -> int:
        """How many did not."""
        wanted = dg.RunsFilter(
            tags={"dagster/sensor_name": "sweep_due"}, statuses=[dg.DagsterRunStatus.FAILURE]
        )
        return self.instance.get_runs_count(wanted)

    def stale(self) -> int | None:
        """What the standing check last said; None: nothing yet."""
        (record,) = self.instance.event_log_storage.get_asset_check_execution_history(CHECK, limit=1) or [
            None
        ]
        evaluation = record.evaluation if record and record.event else None
        return int(evaluation.metadata["stale"].value) if evaluation else None

    def in_order(self) -> bool:
        """Whether no title is late, and people know of nothing that is wrong and are told nothing now."""
        tables = tables_of(self.instance)
        return self.stale() == 0 and not open_incidents(tables.log()) and not tables.waiting()

    def ticks(self, sensor: str) -> list[str]:
        """Why the sensor's last ticks did nothing, in the words that the web server shows."""
        query = """query($selector: SensorSelector!) { sensorOrError(sensorSelector: $selector) {
            ... on Sensor { sensorState { ticks(limit: 20) { skipReason } } } } }"""
        selector = {
            "repositoryLocationName": "scraper",
            "repositoryName": "__repository__",
            "sensorName": sensor,
        }
        answer = httpx.post(
            f"{self.stack.ui_url}/graphql",
            json={"query": query, "variables": {"selector": selector}},
            timeout=30,
        ).json()
        ticks = answer["data"]["sensorOrError"]["sensorState"]["ticks"]
        return [tick["skipReason"] for tick in ticks if tick["skipReason"]]


@pytest.fixture(scope="module")
def shop(servers_folder: Path) -> Iterator[Shop]:
    with (
        webhook() as hook,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("ALERT_URLS", hook.url)
        with (
            running_stack(
                servers_folder / "promise",
                Phases(Console(file=io.StringIO())),
                PACE,
                tools=TOOLS,
                titles=TITLES,
            ) as stack,
            dagster_instance(stack.common) as instance,
        ):
            yield Shop(stack, hook, instance)


@pytest.mark.timeout(1800)  # The clock's minutes pass, however fast the machine is.
def test_an_outage_is_told_once_and_heals(shop: Shop, eventually: Callable[..., None]):
    simulator, instance, hook = shop.stack.simulator, shop.instance, shop.hook

    # The first start: discovery, sweep and covers come by themselves, and all of it reaches the store.
    eventually(lambda: shop.sweeps() > 0, 300)
    eventually(lambda: instance.get_latest_materialization_event(COVER_SWEEP) is not None, 300)
    eventually(lambda: caught_up(shop.stack, instance), 300)
    # Which may have taken longer than was promised.
    eventually(shop.in_order, 300)
    hook.received.clear()
    # Then the site stops answering, but for one title's page.
    by_hand, *others = sorted(simulator.isbns(), key=lambda isbn: isbn not in simulator.isbns("in_stock"))
    simulator.fault("cut", isbns=others)
    eventually(lambda: not runs_at_work(instance, "scraper"), 300)
    sweeps = shop.sweeps()
    eventually(lambda: any("due again in" in reason for reason in shop.ticks("sweep_due")), 300)
    eventually(lambda: bool(hook.received), 300)
    assert hook.subjects[0].startswith("SLA broken: the stock of ")
    assert all(isbn in hook.received[0]["message"] for isbn in others)
    eventually(lambda: (shop.stale() or 0) >= len(others), 300)

    # A person reads that one title: the rest looks no fresher, the sweep is tried as before, nobody is told.
    failed = shop.failed_sweeps()
    read = Shell(shop.stack, "scraper")("enrich", by_hand, "--json")
    assert read.exit_code == 0, read.errors
    assert read.result["stock_read"] == 1
    stale = stale_readings(instance, float(PACE["STOCK_FAIL_AFTER"]), time.time(), named=TITLES)
    assert {one.isbn for one in stale.oldest} == set(others)
    eventually(lambda: shop.failed_sweeps() > failed, 300)
    assert shop.sweeps() == sweeps
    assert len(hook.received) == 1, hook.subjects

    # It answers again.
    simulator.clear_faults()
    eventually(lambda: len(hook.received) > 1, 300)
    assert hook.subjects[1].startswith("SLA met again")
    eventually(lambda: shop.stale() == 0, 300)
    assert len(hook.received) == 2, json.dumps(hook.received, indent=1)
