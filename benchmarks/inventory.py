"""Inventory operations beside the bare call of Medusa that writes a level: one by one, and eight at once."""

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median
from typing import Any

from benchmarks.case import Figures, Machine
from benchmarks.medusa import TODAY, sample_title
from ingram_assets.domain.categories import TABLE_FILE, parse_table
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.inventory.ledger import StockLedger
from ingram_assets.store.inventory.model import (
    Actor,
    Adjust,
    Fulfill,
    Operation,
    Release,
    Reserve,
    SetQuantity,
)
from ingram_assets.store.inventory.service import InventoryService
from ingram_assets.store.journal import Journal
from ingram_assets.store.location import ensure_location
from ingram_assets.store.products import import_titles
from ingram_assets.store.rules import StoreRules
from ingram_assets.store.session import StoreSession

_FIRST = 50_000
"""Titles that no other case has."""

_TITLES = 40
_ONE_BY_ONE = 60
_CALLERS = 8
_CALLS = 40
_MIXED: tuple[Operation, ...] = (Adjust(2), Reserve(1), Adjust(-1), Release(1), Reserve(1), Fulfill(1))
_LEVEL = "/admin/inventory-items/{}/location-levels/{}"
_CLERK = Actor("person", "benchmark")
_keys = itertools.count(1)


def inventory(machine: Machine) -> Iterator[Figures]:
    """Latency and operations a second. Each title is one caller's, as two tills seldom sell the same book."""
    medusa, postgres = machine.shop.stack.medusa, machine.shop.stack.postgres
    url = postgres.create_database("benchmark_ledger")
    try:
        with (
            Journal(url) as journal,
            StockLedger(url) as ledger,
            MedusaClient(medusa.url, email=medusa.email, password=medusa.password) as client,
        ):
            yield from _figures(client, InventoryService(client, journal, ledger), journal)
    finally:
        postgres.drop_database("benchmark_ledger")


def _figures(client: MedusaClient, service: InventoryService, journal: Journal) -> Iterator[Figures]:
    location = ensure_location(client, journal=journal, run_id="benchmark")
    table = parse_table(TABLE_FILE.read_text("utf-8"))
    titles = [sample_title(_FIRST + number) for number in range(_TITLES)]
    session = StoreSession(client, journal, location, StoreRules(), TODAY, table, "benchmark")
    assert not import_titles(session, titles).failed
    isbns = [title.isbn for title in titles]
    shelf = {"name": f"Shelf {time.time_ns()}", "address": {"address_1": "1 Main St", "country_code": "us"}}
    place: str = client.post("/admin/stock-locations", shelf)["stock_location"]["id"]

    def operate(operation: Operation, isbn: str) -> None:
        key = f"benchmark {next(_keys)}"
        service.apply(operation, isbn=isbn, location=place, actor=_CLERK, key=key)

    for isbn in isbns:
        operate(SetQuantity(1_000), isbn)
    items = {isbn: service.shelves.find_title(isbn).item_id for isbn in isbns}
    other = client.post("/admin/stock-locations", {**shelf, "name": f"Bare {time.time_ns()}"})
    bare_place: str = other["stock_location"]["id"]
    for item in items.values():
        client.post(f"/admin/inventory-items/{item}/location-levels", {"location_id": bare_place})

    def bare(isbn: str) -> None:
        path = _LEVEL.format(items[isbn], bare_place)
        client.post(path, {"stocked_quantity": next(_keys)}, {"fields": "id"})

    yield from _latency(isbns, operate, bare)
    yield from _at_once(isbns, operate, bare)


def _latency(
    isbns: list[str], operate: Callable[[Operation, str], None], bare: Callable[[str], None]
) -> Iterator[Figures]:
    """In turns, so that a busy machine is busy for both."""
    ours, theirs = [], []
    for number in range(_ONE_BY_ONE):
        isbn = isbns[number % len(isbns)]
        theirs.append(_seconds(partial(bare, isbn)))
        ours.append(_seconds(partial(operate, Adjust(1), isbn)))
    yield _said("the bare call that writes a level, median", median(theirs), calls=_ONE_BY_ONE)
    ratio = round(median(ours) / median(theirs), 2)
    yield _said("one adjustment, median", median(ours), calls=_ONE_BY_ONE, ratio=ratio)


def _at_once(
    isbns: list[str], operate: Callable[[Operation, str], None], bare: Callable[[str], None]
) -> Iterator[Figures]:
    def all_call(call: Callable[[str, int], None]) -> float:
        def caller(own: list[str]) -> None:
            for number in range(_CALLS):
                call(own[number // len(_MIXED) % len(own)], number)

        with ThreadPoolExecutor(_CALLERS) as pool:
            return _seconds(lambda: list(pool.map(caller, [isbns[n::_CALLERS] for n in range(_CALLERS)])))

    total = _CALLERS * _CALLS
    theirs = all_call(lambda isbn, number: bare(isbn))
    ours = all_call(lambda isbn, number: operate(_MIXED[number % len(_MIXED)], isbn))
    yield _said(f"{total} bare calls by {_CALLERS} callers", theirs, a_second=total / theirs)
    what = f"{total} mixed operations by {_CALLERS} callers"
    yield _said(what, ours, a_second=total / ours, ratio=round(ours / theirs, 2))


def _said(what: str, seconds: float, **more: Any) -> Figures:
    return {"what": what, "sizes": {"titles": _TITLES}, "seconds": seconds, **more}


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
