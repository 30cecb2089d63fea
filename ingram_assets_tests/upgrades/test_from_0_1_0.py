"""What version 0.1.0 left is taken over: nothing is lost, read anew without need, or told for nothing.

`shop-0.1.0.zip` is what `ingram backup` of that version wrote of its demo at work. Its moments are brought to
this day, as if it had been stopped three minutes ago.
"""

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time
from typing import Any

import dagster as dg
import psycopg
import pytest

from ingram_assets.defs.keys import ISBNS_NAME
from ingram_assets.defs.operations.definitions import defs as operations
from ingram_assets.defs.reading_events import latest_readings, stale_readings
from ingram_assets.defs.scraper.definitions import defs as scraper
from ingram_assets.defs.storefront.definitions import defs as storefront
from ingram_assets.domain.stock import DcStock
from ingram_assets.staging.reader import QueueReader
from ingram_assets.staging.writer import QueueWriter
from ingram_assets.store.journal_schema import VERSION, VERSION_TABLE
from ingram_assets_tests.testing.backed_up_shop import ShopsDatabases
from ingram_assets_tests.testing.moved_in_time import move
from ingram_assets_tests.testing.own_dagster import dagster_on
from ingram_assets_tests.testing.queue import PASSWORD, READER, WRITER, Queue
from ingram_assets_tests.testing.webhook import Webhook, webhook
from ingram_demo.embedded.postgres import Postgres

# Beside the other tests that have a Dagster database, on one worker's PostgreSQL.
pytestmark = pytest.mark.xdist_group("operations")

ARCHIVE = Path(__file__).parent / "shop-0.1.0.zip"
STOPPED = timedelta(minutes=3)
NOWHERE = "http://127.0.0.1:9"
TITLES = 100


@dataclass(frozen=True)
class TakenOver:
    """The shop, restored by this version. `cursors`: where its sensors stood."""

    queue: Queue
    journal: str
    dagster: str
    instance: dg.DagsterInstance
    cursors: Mapping[str, str | None]

    def tick(self, defs: dg.Definitions, name: str) -> Any:
        """One look of a sensor, from the place where it stood."""
        repository = defs.get_repository_def()
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursors[name],
            repository_def=repository,
            resources=defs.resources,
            sensor_name=name,
        ) as context:
            return repository.get_sensor_def(name).evaluate_tick(context)


@pytest.fixture(scope="module")
def taken_over(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TakenOver]:
    folder = tmp_path_factory.mktemp("upgrade")
    names = ("queue_of_before", "journal_of_before", "dagster_of_before")
    urls = [postgres.create_database(name) for name in names]
    done = ShopsDatabases(*urls, folder).type("restore", str(ARCHIVE), "--yes", "--json")
    assert done.exit_code == 0, done.errors
    with zipfile.ZipFile(ARCHIVE) as archive:
        made_at = datetime.fromisoformat(json.loads(archive.read("manifest.json"))["made_at"])
    for url in urls:
        move(url, datetime.now(UTC) - STOPPED - made_at)
    queue = Queue(urls[0], postgres.url(names[0], WRITER, PASSWORD), postgres.url(names[0], READER, PASSWORD))
    for role in (WRITER, READER):
        queue.sql(f"ALTER ROLE {role} PASSWORD '{PASSWORD}'")
    with dagster_on(urls[2], folder) as instance:
        states = instance.all_instigator_state()
        cursors = {each.instigator_name: getattr(each.instigator_data, "cursor", None) for each in states}
        yield TakenOver(queue, urls[1], urls[2], instance, cursors)
    for name in names:
        postgres.drop_database(name)


@pytest.fixture
def hook(taken_over: TakenOver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    """Where alerts go; the settings are those that a shop has."""
    with webhook() as running:
        of_shop = {
            "DAGSTER_PG_URL": taken_over.dagster,
            "STOREFRONT_DB_URL": taken_over.journal,
            "MEDUSA_BACKEND_URL": NOWHERE,
            "MEDUSA_API_KEY": "sk_example",
            "IPAGE_BASE_URL": NOWHERE,
            "IPAGE_SESSION_COOKIE": "a=b",
            "R2_ENDPOINT": NOWHERE,
            "R2_PUBLIC_URL": NOWHERE,
            "R2_ACCESS_KEY_ID": "unused",
            "R2_SECRET_ACCESS_KEY": "unused",
            "R2_BUCKET_NAME": "unused",
            "ALERT_URLS": running.url,
        }
        for name, value in of_shop.items():
            monkeypatch.setenv(name, value)
        yield running


def test_nothing_is_lost(taken_over: TakenOver) -> None:
    assert len(taken_over.instance.get_dynamic_partitions(ISBNS_NAME)) == TITLES
    assert len(latest_readings(taken_over.instance)) == TITLES
    stale = stale_readings(taken_over.instance, 3600, time(), 10)
    assert not stale.titles, "what was read within the hour is as old as it was"
    with QueueReader(taken_over.queue.reader) as reader:
        rows = reader.row_states()
    assert len(rows) == TITLES
    with psycopg.connect(taken_over.journal) as connection:
        written = connection.execute("SELECT count(*) FROM store_change WHERE outcome = 'written'").fetchone()
        versions = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall()
    assert written is not None
    assert written[0] > TITLES
    assert versions == [(VERSION,)]
    ((version,),) = taken_over.queue.sql("SELECT version_num FROM ingram_queue_version")
    assert version >= "0012"


@pytest.mark.parametrize("name", ["search_due", "sweep_due", "covers_due", "new_titles"])
def test_no_title_is_read_anew(
    taken_over: TakenOver, hook: Webhook, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("QUEUE_DB_URL", taken_over.queue.writer)
    assert taken_over.tick(scraper, name).run_requests == []


@pytest.mark.parametrize("name", ["stock_changes", "rows_to_import", "clock_changes"])
def test_nothing_is_pushed_anew(
    taken_over: TakenOver, hook: Webhook, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("QUEUE_DB_URL", taken_over.queue.reader)
    assert not taken_over.tick(storefront, name).run_requests


def test_nobody_is_told_for_nothing(taken_over: TakenOver, hook: Webhook) -> None:
    taken_over.tick(operations, "promise_watch")
    assert hook.subjects == []


def test_what_is_read_next_is_recorded(taken_over: TakenOver) -> None:
    with QueueReader(taken_over.queue.reader) as reader:
        isbn = next(row.isbn for row in reader.row_states() if row.stock_observed_at)
    with QueueWriter(taken_over.queue.writer) as writer:
        stock = {"TN": DcStock(7, 0, "primary")}
        writer.record_stock([{"isbn": isbn, "observed_at": datetime.now(UTC), "stock": stock}])
    with QueueReader(taken_over.queue.reader) as reader:
        (title,) = reader.titles([isbn])
    assert title.stock["TN"] == stock["TN"]
