"""A queue, a store and the storefront's jobs between them, run in this process."""

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import psycopg

from ingram_assets.defs.storefront.definitions import defs
from ingram_assets.domain.stock import DcStock
from ingram_assets.overview.run_results import RunResult, collect
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.queue import Queue
from ingram_assets_tests.testing.shop import Shop, make_isbn

NAME = "Ingram (Drop-Ship)"
numbers = itertools.count(70_000)
"""Of titles: each test takes its own."""


@dataclass
class Storefront:
    """A queue, a store and the jobs between them."""

    queue: Queue
    shop: Shop
    journal: str
    instance: dg.DagsterInstance

    def titles(self, count: int, copies: int | None = 10, **more: Any) -> list[str]:
        """New titles in the queue, with so many copies in Tennessee."""
        isbns = [make_isbn(next(numbers)) for _ in range(count)]
        usual = {"title": "A Book", "srp_price": "18.99", "binding": "Paperback"}
        with QueueWriter(self.queue.writer) as writer:
            writer.add_titles([{"isbn": isbn, **usual, **more} for isbn in isbns])
        if copies is not None:
            self.read(isbns, copies)
        return isbns

    def read(self, isbns: list[str], copies: int) -> None:
        stock = {"TN": DcStock(copies, 0, "primary")}
        with QueueWriter(self.queue.writer) as writer:
            writer.record_stock(
                [{"isbn": isbn, "observed_at": datetime.now(UTC), "stock": stock} for isbn in isbns]
            )

    def run(self, job: str, op: str, tags: Mapping[str, str] | None = None, **config: Any) -> RunResult:
        """A run of a job, and what the command line would make of it."""
        done = defs.resolve_job_def(job).execute_in_process(
            run_config={"ops": {op: {"config": config}}},
            instance=self.instance,
            raise_on_error=False,
            tags=tags and dict(tags),
        )
        run = self.instance.get_run_by_id(done.run_id)
        assert run
        return collect(self.instance, run, 0)

    def push(self, *isbns: str, **config: Any) -> RunResult:
        return self.run("push", "push_titles", isbns=list(isbns), **config)

    def level(self, isbn: str) -> float | None:
        level = self.shop.level(isbn, self._location_id())
        return level["stocked_quantity"] if level else None

    def edit_level(self, isbn: str, copies: int) -> None:
        """As a person does in Medusa's admin."""
        self.shop.set_level(isbn, self._location_id(), copies)

    def _location_id(self) -> str:
        (location,) = self.shop.get("stock-locations", name=NAME)["stock_locations"]
        return str(location["id"])

    def written(self) -> int:
        with psycopg.connect(self.journal) as connection:
            row = connection.execute("SELECT count(*) FROM store_change").fetchone()
        assert row
        return row[0]

    def row(self, isbn: str) -> tuple[bool, str | None]:
        """Whether it is imported, and why that failed."""
        ((imported, reason),) = self.queue.sql(
            "SELECT imported_at IS NOT NULL, failed_reason FROM ingram_current_titles WHERE isbn = %s", isbn
        )
        return imported, reason

    def partitions(self, run_id: str, asset: dg.AssetKey) -> list[str]:
        logs = self.instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        events = [one for one in (entry.get_dagster_event() for entry in logs) if one.asset_key == asset]
        for event in events:
            made = event.step_materialization_data.materialization
            assert made.metadata["title"].value, "who looks knows the book by its name"
        return [str(event.partition) for event in events]


def shown_by(shop: Shop) -> dict[str, Any]:
    """All that the store has of products, copies, places and names."""
    get = shop.get
    fields = "*variants,*variants.prices,*variants.inventory_items,*tags,*categories,*images"
    found = {
        "products": get("products", limit=1000, order="id", fields=f"{fields},*sales_channels"),
        "items": get("inventory-items", limit=1000, order="id", fields="*location_levels"),
        "reservations": get("reservations", limit=1000, order="id"),
        "places": get("stock-locations", limit=1000, order="id", fields="*sales_channels"),
        "tags": get("product-tags", limit=1000, order="id"),
        "categories": get("product-categories", limit=1000, order="id"),
        "channels": get("sales-channels", limit=1000, order="id"),
    }
    whole: dict[str, Any] = json.loads(json.dumps(found, sort_keys=True))
    return whole


def count(result: RunResult, name: str) -> int:
    assert result.succeeded, result.error
    (report,) = result.reports
    return report["counts"].get(name, 0)


def tick(shop: Storefront, name: str, cursor: str | None) -> tuple[list[list[str]], str | None]:
    """One tick of a sensor, the runs that it asks for run; the titles of each, and the cursor."""
    repository = defs.get_repository_def()
    with dg.build_sensor_context(
        instance=shop.instance, cursor=cursor, repository_def=repository, resources=defs.resources
    ) as context:
        data = repository.get_sensor_def(name).evaluate_tick(context)
    asked = []
    for request in data.run_requests or []:
        done = defs.resolve_job_def("push").execute_in_process(
            run_config=request.run_config,
            instance=shop.instance,
            tags={"dagster/run_key": request.run_key},
            raise_on_error=False,
        )
        assert done
        asked.append(request.run_config["ops"]["push_titles"]["config"]["isbns"])
    return asked, data.cursor
