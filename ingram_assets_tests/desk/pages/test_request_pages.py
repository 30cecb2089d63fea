"""`/requests`: what was asked of Ingram's pages and of the store."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import psycopg
import pytest

from ingram_assets.defs.keys import RETIRED_NAME, STOCK, UNREAD_PAGES
from ingram_assets.runtime.instance import dagster_instance
from ingram_assets.staging.writer import QueueWriter
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.journal import Journal
from ingram_assets_tests.testing.desk_work import Visit, common_settings, nowhere, work_pages
from ingram_assets_tests.testing.queue import migrated
from ingram_demo.embedded.postgres import Postgres

READ, BROKEN, RETIRED = "9780306406157", "9781639739134", "9781907364679"


@pytest.fixture(scope="module")
def ada(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """Ada, of a shop whose store is away."""
    queue, journal = migrated(postgres, "queue_of_the_requests"), postgres.create_database("journal_requests")
    common = common_settings(tmp_path_factory.mktemp("dagster"), postgres.create_database("dagster_requests"))
    with QueueWriter(queue.writer) as writer:
        titles = {READ: "The Read Book", BROKEN: "The Broken Book", RETIRED: "The Retired Book"}
        writer.add_titles([{"isbn": isbn, "title": title} for isbn, title in titles.items()])
        now = datetime.now(UTC)
        row = {"outcome": "changed", "reason": "A count that is none: “plenty”.", "observed_at": now}
        writer.record_unread([{"isbn": isbn, **row} for isbn in (BROKEN, RETIRED)])
    with dagster_instance(common) as instance:
        instance.add_dynamic_partitions(RETIRED_NAME, [RETIRED])
        metadata = {"title": "The Read Book", "on_hand": 12, "on_order": 3}
        instance.report_runless_asset_event(dg.AssetMaterialization(STOCK, partition=READ, metadata=metadata))
        metadata = {"outcome": "changed", "reason": "A count that is none: “plenty”."}
        instance.report_runless_asset_event(
            dg.AssetObservation(UNREAD_PAGES, partition=BROKEN, metadata=metadata)
        )
    with Journal(journal), psycopg.connect(journal, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO store_failed_request (run_id, method, path, status, body) VALUES"
            " ('run-1', 'POST', '/admin/products/batch', 400, 'Product with handle dune already exists'),"
            " ('run-2', 'GET', '/admin/inventory-items', NULL, 'ReadTimeout')"
        )
    store = [
        MedusaClient(nowhere("http").rpartition("/")[0].replace("nobody@", ""), api_key="sk_x") for _ in "12"
    ]
    with work_pages(store[0], store[1], journal, queue.reader, common) as visit:
        yield visit


def test_failures_come_first_and_every_attempt_is_there(ada: Visit):
    page = ada.get("/requests")
    assert page.status == 200
    (broken,) = page.rows("Titles that can’t be read now")
    assert "The Broken Book" in broken
    assert "page not understood" in broken
    assert "Retired" not in page.text
    assert "Every page that was asked for could be read" not in page.text
    rows = page.rows("Attempts")
    assert len(rows) == 2
    assert "The Broken Book" in rows[0]
    assert "A count that is none" in rows[0]
    assert "12 on hand, 3 on order" in rows[1]


@pytest.mark.parametrize("search", [READ, "978-0-306-40615-7", "0-306-40615-2", "the read", "978030640"])
def test_a_title_is_found_however_it_is_called(ada: Visit, search: str):
    page = ada.get("/requests", search=search)
    (row,) = page.rows("Attempts")
    assert "The Read Book" in row
    assert page.rows("Titles that can’t be read now") == []


def test_attempts_are_filtered_by_status_and_day(ada: Visit):
    assert len(ada.get("/requests", status="failed").rows("Attempts")) == 1
    assert ada.get("/requests", status="no_stock_table").rows("Attempts") == []
    tomorrow = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"
    assert ada.get("/requests", first=tomorrow).rows("Attempts") == []
    assert len(ada.get("/requests", last=tomorrow).rows("Attempts")) == 2
    nonsense = ada.get("/requests", first="yesterday")
    assert "Give a day from 1900-01-01 to 2199-12-31" in nonsense.text
    assert "No attempt is like that" in ada.get("/requests", search="no such book").text


def test_what_medusa_refused_is_in_the_log_too(ada: Visit):
    page = ada.get("/requests/store")
    assert len(page.rows("Requests to the store")) == 2
    (row,) = ada.get("/requests/store", search="HANDLE DUNE").rows("Requests to the store")
    assert "400 Product with handle dune already exists" in row
    assert "no answer" in ada.get("/requests/store", search="readtimeout").rows("Requests to the store")[0]
    assert "No request is like that" in ada.get("/requests/store", search="nothing").text
