"""The demo as a person runs it: its commands, and the store's Admin API read without the product's code."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
from dagster import DagsterInstance

from ingram_assets.defs.runs_at_work import runs_at_work
from ingram_assets.defs.storefront.decisions import SensorCursor, is_complete
from ingram_assets.runtime.processes import MARK
from ingram_assets.staging.reader import QueueReader
from ingram_assets_tests.testing.processes import TOOLS
from ingram_demo.stack import Stack

DEMO = """
import sys
from pathlib import Path
from ingram_assets.cli.main import main
from ingram_demo import show
show.FOLDER = Path(sys.argv[1])
main(["demo", "--once", "--json"])
"""


def demo_once(folder: Path, seconds: float = 600, **settings: str) -> "Done":
    """`ingram demo --once --json`, in a process of its own, on a folder of the tests."""
    done = subprocess.run(
        [sys.executable, "-c", DEMO, str(folder)],
        env=os.environ | {"INGRAM_TOOLS_DIR": str(TOOLS)} | settings,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Done:
    """A finished `ingram` command."""

    exit_code: int
    output: str
    errors: str
    left_running: list[str] = field(default_factory=list)

    @property
    def result(self) -> dict[str, Any]:
        """The JSON of its last line."""
        return json.loads(self.output.splitlines()[-1])


def of_a_shop(folder: Path) -> dict[str, str]:
    """Settings that a shop's shell exports. None of them is the demo's."""
    home = str(folder.with_name("dagster-of-a-shop"))
    rules = {"SAFETY_STOCK": "100000", "STOCK_MAX_AGE": "a day"}
    return {"DAGSTER_HOME": home, "INGRAM_STATE_DIR": f"{home}-state", **rules}


def left_running(folder: Path) -> list[str]:
    """The processes that a demo on this folder started and that are still there."""
    left = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(folder):
                left.append(process.name())
        except psutil.Error:
            continue
    return left


def caught_up(stack: Stack, instance: DagsterInstance) -> bool:
    """Whether the sensors have carried every change to the store, so that no push of theirs is to come."""
    states = [each for each in instance.all_instigator_state() if each.name == "stock_changes"]
    place = (
        SensorCursor.parse(getattr(states[0].instigator_data, "cursor", None)) if states else SensorCursor()
    )
    if place.cursor is None or place.pending or place.held or runs_at_work(instance, "storefront"):
        return False
    with QueueReader(stack.url("catalog_import", "ingram_queue_reader")) as reader:
        complete = [row for row in reader.rows_to_import() if is_complete(row, datetime.now(UTC))]
        return not reader.changes_since(place.cursor).changes and not complete


class Shell:
    """Types `ingram` commands with the settings of one code location, as a person on the shop's machine."""

    def __init__(self, stack: Stack, location: str) -> None:
        self.environment = dict(stack.environments[location])

    def with_(self, **changed: str | None) -> Self:
        """The same with other settings; `None` takes one away."""
        other = object.__new__(type(self))
        merged = {**self.environment, **changed}
        other.environment = {name: value for name, value in merged.items() if value is not None}
        return other

    def __call__(self, *words: str, seconds: float = 400, before: Callable[[], None] | None = None) -> Done:
        """To its end. `before` is called in the child, before the command."""
        done = subprocess.run(
            [sys.executable, "-m", "ingram_assets.cli", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            preexec_fn=before,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)


class Admin:
    """The store as its admin sees it: Medusa's Admin API, read without any code of the project."""

    def __init__(self, stack: Stack) -> None:
        medusa = stack.medusa
        self._http = httpx.Client(base_url=medusa.url, timeout=30, headers={"Connection": "close"})
        answer = self._http.post(
            "/auth/user/emailpass", json={"email": medusa.email, "password": medusa.password}
        )
        self._http.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['token']}"

    def all(self, path: str, key: str, **query: str) -> list[dict[str, Any]]:
        """Every object of a list route."""
        answer = self._http.get(path, params={"limit": "5000", **query}).raise_for_status().json()
        assert answer["count"] == len(answer[key])
        return answer[key]

    def delete(self, path: str) -> None:
        """An object, by a person's hand."""
        self._http.delete(path).raise_for_status()

    def products(self) -> list[dict[str, Any]]:
        """Products with their variants."""
        return self.all("/admin/products", "products", fields="id,title,handle,thumbnail,*variants")

    def ingram_location(self) -> str:
        """The id of the one location of Ingram's."""
        (location,) = self.all("/admin/stock-locations", "stock_locations", name="Ingram (Drop-Ship)")
        return location["id"]

    def make_location(self, name: str, channel_id: str) -> str:
        """The id of a new stock location that a sales channel sells from."""
        address = {"address_1": "1 Main St", "country_code": "us"}
        made = self._http.post("/admin/stock-locations", json={"name": name, "address": address})
        place: str = made.raise_for_status().json()["stock_location"]["id"]
        path = f"/admin/stock-locations/{place}/sales-channels"
        self._http.post(path, json={"add": [channel_id]}).raise_for_status()
        return place

    def levels(self) -> dict[str, dict[str, Any]]:
        """SKU to the level at Ingram's location."""
        return self.levels_at(self.ingram_location())

    def levels_at(self, location: str) -> dict[str, dict[str, Any]]:
        """SKU to the level at a location."""
        items = self.all("/admin/inventory-items", "inventory_items", fields="id,sku,*location_levels")
        found: dict[str, dict[str, Any]] = {}
        for item in items:
            for level in item["location_levels"]:
                if level["location_id"] == location:
                    assert item["sku"] not in found, "one level per title"
                    found[item["sku"]] = level
        return found

    def set_metadata(self, sku: str, **values: str) -> None:
        """A hand edit of a variant's metadata."""
        (variant,) = self.all("/admin/product-variants", "variants", sku=sku, fields="id,product_id")
        path = f"/admin/products/{variant['product_id']}/variants/{variant['id']}"
        self._http.post(path, json={"metadata": values}).raise_for_status()

    def set_level(self, sku: str, quantity: int) -> None:
        """A hand edit in Medusa's admin."""
        self.set_level_at(sku, self.ingram_location(), quantity)

    def set_level_at(self, sku: str, location: str, quantity: int) -> None:
        """The same at a location."""
        (item,) = self.all("/admin/inventory-items", "inventory_items", sku=sku)
        path = f"/admin/inventory-items/{item['id']}/location-levels/{location}"
        self._http.post(path, json={"stocked_quantity": quantity}).raise_for_status()
