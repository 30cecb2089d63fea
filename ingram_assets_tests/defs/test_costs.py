"""What a sweep costs in requests, events and round trips: counted, for seconds depend on the machine."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import Engine, event

from ingram_assets.defs.keys import ISBNS, ISBNS_NAME, QUEUE_ROWS, STOCK, STOCK_SWEEP, TITLE_DETAILS
from ingram_assets.defs.scraper.assets import saved_search, stock_sweep
from ingram_assets.defs.scraper.resources import RESOURCES
from ingram_assets.runtime.instance import EVENT_BATCH_SIZE
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.own_dagster import dagster_of_scraper
from ingram_assets_tests.testing.queue import Queue
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.simulator import Simulator

# Beside the other tests that have a Dagster database, on one worker's PostgreSQL.
pytestmark = pytest.mark.xdist_group("operations")

TITLES = 230
"""Four full batches of readings, and a part of one."""
MADE = dg.DagsterEventType.ASSET_MATERIALIZATION
SEEN = dg.DagsterEventType.ASSET_OBSERVATION


class Swept:
    """One sweep's run, and how often Dagster wrote to its event log for it."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance, self.writes = instance, 0
        event.listen(Engine, "before_cursor_execute", self._executed)
        try:
            done = dg.materialize(
                [saved_search, stock_sweep], instance=instance, selection=[STOCK_SWEEP], resources=RESOURCES
            )
        finally:
            event.remove(Engine, "before_cursor_execute", self._executed)
        assert done.success
        self.run_id = done.run_id
        self.materialization = done.asset_materializations_for_node("ipage__stock_sweep")[0]

    def _executed(self, connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        self.writes += statement.startswith("INSERT INTO event_logs")

    def rows(self) -> int:
        """All of the run's rows in the event log."""
        return len(self.instance.all_logs(self.run_id))

    def partitions(self, asset: dg.AssetKey, kind: dg.DagsterEventType = MADE) -> list[str]:
        events = [entry.get_dagster_event() for entry in self.instance.all_logs(self.run_id, of_type=kind)]
        return [str(one.partition) for one in events if one.asset_key == asset]

    def count(self, name: str) -> int:
        value = self.materialization.metadata[name].value
        assert isinstance(value, int)
        return value


@pytest.fixture(scope="module")
def instance(
    postgres: Postgres, site: Simulator, queue: Queue, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dg.DagsterInstance]:
    """A Dagster of its own with every title of the site tracked, and the scraper's settings."""
    home, batched = tmp_path_factory.mktemp("dagster"), {"DAGSTER_EVENT_BATCH_SIZE": EVENT_BATCH_SIZE}
    with dagster_of_scraper(postgres, "costs", home, site, queue, batched) as instance:
        book = site.book()
        rows = [{"isbn": isbn, "title": title["title"], "srp_price": "9.99"} for isbn, title in book.items()]
        with QueueWriter(queue.writer) as writer:
            writer.add_titles(rows, fill_only=True)
        instance.add_dynamic_partitions(ISBNS_NAME, list(book))
        yield instance


@pytest.fixture(scope="module")
def first(instance: dg.DagsterInstance) -> Swept:
    """The first sweep, which records details too."""
    return Swept(instance)


def test_the_first_sweep_logs_each_asset_once_a_title(first: Swept, site: Simulator) -> None:
    isbns = set(site.isbns())
    read = first.partitions(STOCK)
    seen = first.partitions(STOCK, SEEN)
    assert sorted(read + seen) == sorted(isbns)
    assert sorted(first.partitions(TITLE_DETAILS)) == sorted(isbns)
    assert set(first.partitions(QUEUE_ROWS)) == isbns


def test_an_hourly_sweep_asks_for_each_page_once(first: Swept, site: Simulator) -> None:
    site.reset_requests()
    Swept(first.instance)
    requests = site.requests(log=False)
    assert requests["by_kind"] == {"product": TITLES}
    assert set(requests["products"].values()) == {1}
    assert requests["max_running"] <= 8


def test_an_hourly_sweep_without_change_writes_one_event_a_title(first: Swept, queue: Queue) -> None:
    history = "SELECT count(*) FROM ingram_stock_history"
    before = queue.sql(history)
    hourly = Swept(first.instance)
    assert hourly.count("stock_unchanged") + hourly.count("stock_unknown") == TITLES
    titles = len(hourly.partitions(STOCK)) + len(hourly.partitions(STOCK, SEEN))
    assert titles == TITLES
    assert hourly.partitions(TITLE_DETAILS) == hourly.partitions(QUEUE_ROWS) == []
    assert queue.sql(history) == before
    # The step's own events and a line of progress now and then; not one more a title.
    assert hourly.rows() < TITLES + 40


def test_events_are_written_in_batches(first: Swept) -> None:
    hourly = Swept(first.instance)
    # A batch is one write of materializations and one of observations; the rest are the run's own events.
    batches = 5
    assert hourly.writes <= hourly.rows() - TITLES + 2 * batches


def test_a_sweep_has_no_planned_event_a_title(first: Swept) -> None:
    planned = first.instance.all_logs(first.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
    assert [entry.get_dagster_event().asset_key for entry in planned] == [STOCK_SWEEP]
    assert first.instance.get_dynamic_partitions(str(ISBNS.name))


A_LATER_CLIENT = """
from botocore.loaders import JSONFileLoader
from ingram_assets.defs.scraper.r2_client import R2Client

own = {"aws_access_key_id": "a-run's-key", "aws_secret_access_key": "a-run's-secret"}
bucket = R2Client(endpoint_url="http://127.0.0.1:9", region_name="auto", **own)
bucket.get_client()
read = []
JSONFileLoader.load_file = lambda self, path: read.append(path)
client = bucket.get_client()
assert client.meta.endpoint_url == "http://127.0.0.1:9"
assert "a-run" in client.generate_presigned_url("list_buckets")
assert read == [], read
"""


def test_a_runs_second_client_of_the_bucket_reads_nothing_from_disk() -> None:
    """What boto3 knows of S3 is loaded once a process."""
    done = subprocess.run([sys.executable, "-c", A_LATER_CLIENT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
