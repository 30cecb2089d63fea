"""From the queue to the real Medusa: whole runs against Medusa's own time; a change's way to the store."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any

import dagster as dg

from benchmarks.case import Figures, Machine
from benchmarks.shop import Finished, Shop
from ingram_assets.domain.isbn import check_digit_13
from ingram_assets.domain.stock import DcStock
from ingram_assets.staging.reader import QueueReader
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.journal import Journal
from ingram_assets.store.location import Location, find_location
from ingram_assets.store.read import read_store
from ingram_demo.embedded.medusa import Medusa

TITLES = 1_000
_FEW = 200
"""Enough for single changes: their way to the store is not longer in a larger one, but the import is."""
_LEVELS = "/admin/inventory-items/location-levels/batch"
_EVERY_SECONDS = 6.0
_RUN_OVERHEAD = 6.0
_PROMISE = 60.0


def push(machine: Machine) -> Iterator[Figures]:
    """Import, an hour without change, and 1,000 changed levels, each as a whole run of the job `push`."""
    shop = machine.shop
    isbns = shop_titles(shop)
    with _client(shop.stack.medusa) as client:
        imported = push_titles(shop, isbns)
        if imported.counts.get("created"):
            yield _whole_run("import of new products, a whole run", imported, imported.counts["created"])

        unchanged = push_titles(shop, isbns)
        yield {
            **_whole_run("an hour without change, a whole run", unchanged, len(isbns)),
            "reads": unchanged.counts["medusa_reads"],
            "writes": unchanged.counts["medusa_writes"],
            "ratio": max(unchanged.counts["medusa_reads"] / 4, 2.0 * unchanged.counts["medusa_writes"]),
        }

        location = _location(shop, client)
        found = read_store(client, isbns, location.id)
        items = [found[isbn].variants[0].items[0].id for isbn in isbns]
        bare = []
        for stocked in (500, 501, 502):
            level = {"location_id": location.id, "stocked_quantity": stocked}
            body = {"update": [{"inventory_item_id": item, **level} for item in items]}
            began = time.perf_counter()
            client.post(_LEVELS, body)
            bare.append(time.perf_counter() - began)
        _record(shop, isbns, 300 + int(time.time()) % 100)
        changed = push_titles(shop, isbns)
        assert changed.counts["written"] == len(isbns), changed.counts
        yield {
            **_whole_run("changed levels, a whole run", changed, len(isbns)),
            "bare_batch_call_seconds": median(bare),
            "seconds_more_than_the_bare_call": changed.seconds - median(bare),
            "ratio": changed.seconds / (median(bare) + _RUN_OVERHEAD),
        }


def push_titles(shop: Shop, isbns: Sequence[str]) -> Finished:
    """A run of the job `push` over these titles."""
    return shop.run_job("storefront", "push", {"ops": {"push_titles": {"config": {"isbns": list(isbns)}}}})


def _whole_run(what: str, run: Finished, titles: int) -> dict[str, Any]:
    return {
        "what": what,
        "sizes": {"titles": titles},
        "seconds": run.seconds,
        "seconds_to_start": run.waited,
        "peak_memory_mb": run.peak_mb,
        "requests": run.counts["medusa_reads"] + run.counts["medusa_writes"],
    }


def change_to_level(machine: Machine, *, changes: int) -> Iterator[Figures]:
    """Single changes, recorded at moments that nobody arranged, until the store shows each; and its stages.

    The sensor looks every ten seconds, as it does for real.
    """
    shop = machine.shop
    isbns = shop_titles(shop, range(TITLES, TITLES + max(_FEW, changes + 1)))
    push_titles(shop, isbns)
    with _client(shop.stack.medusa) as client:
        location = _location(shop, client)
        found = read_store(client, isbns[:changes], location.id)
        items = {found[isbn].variants[0].items[0].id: isbn for isbn in isbns[:changes]}
        shop.start_sensor("storefront", "stock_changes")
        try:
            _catch_up(shop, client, isbns[-1])
            began_at = time.time()
            recorded, seen = _follow(shop, client, items)
        finally:
            shop.stop_sensors()
    stages = list(_stages(shop.instance, recorded, seen, began_at))
    whole = sorted(seen[isbn] - recorded[isbn] for isbn in recorded)
    yield {
        "what": "stock change recorded to level in Medusa",
        "sizes": {"changes": changes, "seconds_between_on_average": _EVERY_SECONDS, "sensor_interval": 10},
        "seconds": median(whole),
        "p50": median(whole),
        "p95": whole[int(len(whole) * 0.95)],
        "most": whole[-1],
        "median_stages": {
            name: median(stage[name] for stage in stages)
            for name in ("recorded_to_run_asked_for", "queue_and_process_start", "run_start_to_level")
        },
        "runs": len({stage["run"] for stage in stages}),
        "ratio": whole[int(len(whole) * 0.95)] / _PROMISE,
    }


def _catch_up(shop: Shop, client: MedusaClient, isbn: str) -> None:
    """The sensor begins behind all earlier changes: wait until one more has come through."""
    stock = 700 + int(time.time()) % 100
    _record(shop, [isbn], stock)
    location = _location(shop, client)
    until = time.monotonic() + 1_200  # After sweep-10000 that is 10,000 changes, a page of them a run.
    while time.monotonic() < until:
        (variant,) = read_store(client, [isbn], location.id)[isbn].variants
        level = variant.items[0].level
        if level is not None and level.stocked == stock:
            shop.rest()
            return
        time.sleep(1)
    raise TimeoutError("The sensor did not bring the earlier changes to the store.")


def _follow(
    shop: Shop, client: MedusaClient, items: Mapping[str, str]
) -> tuple[dict[str, float], dict[str, float]]:
    """ISBN to when its change was recorded, and to when the store showed it."""
    chance = random.Random(8)
    recorded: dict[str, float] = {}
    seen: dict[str, float] = {}
    waiting: dict[str, str] = {}
    wanted = 800 + int(time.time()) % 100
    left = list(items.items())
    next_at = time.time()
    give_up_at = time.time() + len(left) * _EVERY_SECONDS + 5 * _PROMISE
    while left or waiting:
        if time.time() > give_up_at:
            raise TimeoutError(f"{len(waiting)} changes did not reach the store.")
        if left and time.time() >= next_at:
            item, isbn = left.pop()
            _record(shop, [isbn], wanted)
            recorded[isbn] = time.time()
            waiting[item] = isbn
            next_at = time.time() + chance.expovariate(1 / _EVERY_SECONDS)
        if waiting:
            answer = client.get(
                "/admin/inventory-items",
                {"id": list(waiting), "fields": "id,location_levels.stocked_quantity"},
            )
            for found in answer["inventory_items"]:
                if any(level["stocked_quantity"] == wanted for level in found["location_levels"]):
                    seen[waiting.pop(found["id"])] = time.time()
        time.sleep(0.25)
    return recorded, seen


def _stages(
    instance: dg.DagsterInstance, recorded: Mapping[str, float], seen: Mapping[str, float], began_at: float
) -> Iterator[dict[str, Any]]:
    """Where each change's time went, by the run that named it."""
    records = instance.get_run_records(
        dg.RunsFilter(job_name="push", created_after=datetime.fromtimestamp(began_at, UTC))
    )
    for record in records:
        config: Any = record.dagster_run.run_config
        isbns = config["ops"]["push_titles"]["config"]["isbns"]
        created, started = record.create_timestamp.timestamp(), record.start_time
        for isbn in isbns:
            if isbn in recorded and started is not None and recorded[isbn] <= created:
                yield {
                    "run": record.dagster_run.run_id,
                    "recorded_to_run_asked_for": created - recorded[isbn],
                    "queue_and_process_start": started - created,
                    "run_start_to_level": seen[isbn] - started,
                }


def shop_titles(shop: Shop, numbers: Sequence[int] = range(TITLES)) -> list[str]:
    """Complete titles in the queue, as a sweep would have left them; their ISBNs."""
    isbns = [_isbn(number) for number in numbers]
    with QueueReader(shop.stack.url("catalog_import", "ingram_queue_reader")) as reader:
        if len(reader.titles(isbns)) == len(isbns):
            return isbns
    with shop.queue_writer() as queue:
        outcomes = queue.add_titles([_row(number, isbn) for number, isbn in zip(numbers, isbns, strict=True)])
        assert all(outcome.outcome == "added" for outcome in outcomes)
        covers = [
            {
                "isbn": isbn,
                "cover_url": f"{shop.stack.s3.public_url}/covers/raw/{isbn}.jpg",
                "cover_sha256": "0" * 64,
            }
            for isbn in isbns
        ]
        outcomes = queue.record_covers(covers)
        assert all(outcome.outcome == "changed" for outcome in outcomes)
    _record(shop, isbns, 100)
    return isbns


def _record(shop: Shop, isbns: Sequence[str], on_hand: int) -> None:
    with shop.queue_writer() as queue:
        stock = {"TN": DcStock(on_hand, 0, "primary"), "PA": DcStock(0, 0, "secondary")}
        at = datetime.now(UTC)
        outcomes = queue.record_stock([{"isbn": isbn, "observed_at": at, "stock": stock} for isbn in isbns])
    assert {outcome.outcome for outcome in outcomes} <= {"first", "changed"}, outcomes[:3]


def _isbn(number: int) -> str:
    first = f"97813{number:07d}"
    return first + check_digit_13(first)


def _row(number: int, isbn: str) -> dict[str, Any]:
    return {
        "isbn": isbn,
        "title": f"The Store's Title {number}",
        "author": "Somebody Somewhere",
        "publisher": "A Publisher",
        "publication_date": "2020-05-01",
        "binding": "Paperback",
        "page_count": 320,
        "srp_price": "18.99",
        "weight": 0.75,
        "description": "What it is about, in a few hundred words. " * 20,
        "bisac": ["FICTION / Fantasy / Epic"],
        "category_hint": "FICTION / Fantasy / Epic",
    }


def _location(shop: Shop, client: MedusaClient) -> Location:
    with Journal(shop.stack.url("storefront", "storefront")) as journal:
        return find_location(client, journal=journal)


def _client(medusa: Medusa) -> MedusaClient:
    return MedusaClient(medusa.url, email=medusa.email, password=medusa.password)
