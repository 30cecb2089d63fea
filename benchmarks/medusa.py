"""How long the store takes to follow 1,000 changed levels, against one bare batch call and one at a time."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from statistics import median
from typing import Any

import httpx

from ingram_assets.domain.categories import TABLE_FILE, parse_table
from ingram_assets.domain.isbn import check_digit_13
from ingram_assets.domain.stock import DcStock
from ingram_assets.domain.title import Title
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.journal import Journal
from ingram_assets.store.levels import SyncReport, sync_levels
from ingram_assets.store.location import ensure_location
from ingram_assets.store.products import import_titles
from ingram_assets.store.read import read_store
from ingram_assets.store.rules import StoreRules
from ingram_assets.store.session import StoreSession
from ingram_demo.embedded.medusa import Medusa
from ingram_demo.embedded.postgres import Postgres

TITLES = 1_000
ROUNDS = 5
TODAY = date(2026, 11, 20)
READ_AT = datetime(2026, 11, 20, 15, tzinfo=UTC)
PRODUCTS = "/admin/products/batch"
LEVELS = "/admin/inventory-items/location-levels/batch"


def measure(medusa: Medusa, postgres: Postgres) -> Iterator[dict[str, Any]]:
    """Figures as JSON-ready mappings. Writes twice `TITLES` products into the store.

    The bare call is one batch with all levels, already known ids and all: what can't be beaten. Ours reads
    the store, compares, journals before and after, and sends the same batch. Medians of `ROUNDS`, taken in
    turns, so that a busy machine is busy for both.
    """
    database = "benchmark_journal"
    url = postgres.create_database(database)
    try:
        with (
            Journal(url) as journal,
            _Sent() as sent,
            MedusaClient(medusa.url, email=medusa.email, password=medusa.password, transport=sent) as client,
        ):
            yield from _figures(client, journal, sent)
    finally:
        postgres.drop_database(database)


def _figures(client: MedusaClient, journal: Journal, sent: "_Sent") -> Iterator[dict[str, Any]]:
    location = ensure_location(client, journal=journal, run_id="benchmark")
    table = parse_table(TABLE_FILE.read_text("utf-8"))
    session = StoreSession(client, journal, location, StoreRules(), TODAY, table, "benchmark-import")
    titles = [sample_title(number) for number in range(TITLES)]
    stamps = itertools.count(1)

    def push(titles: list[Title]) -> SyncReport:
        return sync_levels(replace(session, run_id=f"benchmark-{next(stamps)}"), titles)

    def import_(some: list[Title]) -> None:
        report = import_titles(session, some)
        assert not report.failed, report.failed

    def import_in_turns(some: list[Title]) -> tuple[float, float]:
        sent.product_batches.clear()
        ours = _seconds(lambda: import_(some))
        bodies = [_of_other_titles(body) for body in sent.product_batches]
        return ours, _seconds(lambda: _import_bare(client, location.id, bodies))

    # The first products of a Medusa that has just started take several times as long as all later ones.
    import_in_turns([sample_title(TITLES + number) for number in range(TITLES // 4)])
    part = TITLES // 4
    turns = [import_in_turns(titles[start : start + part]) for start in range(0, TITLES, part)]
    ours, bare_import = (sum(each) for each in zip(*turns, strict=True))
    yield _said(f"the bare batch calls for {TITLES:,} products and their levels", bare_import)
    yield _said(f"import {TITLES:,} titles", ours, times_the_bare_calls=round(ours / bare_import, 2))

    push(titles)  # the store may have had them, with other levels
    yield _figure(f"push {TITLES:,} titles, none changed", client, lambda: push(titles))

    actual = read_store(client, [title.isbn for title in titles], location.id)
    items = [actual[title.isbn].variants[0].items[0].id for title in titles]

    def bare(stocked: int) -> None:
        level = {"location_id": location.id, "stocked_quantity": stocked}
        client.post(LEVELS, {"update": [{"inventory_item_id": item, **level} for item in items]})

    def follow(titles: list[Title]) -> None:
        report = push(titles)
        assert len(report.of("written")) == TITLES, report.failed

    bare_calls, levels, readings = [], [], []
    for round_ in range(ROUNDS):
        bare_calls.append(_seconds(partial(bare, 500 + round_)))
        # Now every level in the store is another than ours: a push puts them right.
        levels.append(_seconds(partial(follow, titles)))
        titles = [_moved(title, round_) for title in titles]
        readings.append(_seconds(partial(follow, titles)))
    bare_call = median(bare_calls)
    yield _said(f"one bare batch call with {TITLES:,} levels", bare_call)
    what = f"push {TITLES:,} changed levels"
    yield _said(what, median(levels), times_the_bare_call=round(median(levels) / bare_call, 2))
    what = f"push {TITLES:,} changed readings, with metadata on every variant"
    yield _said(what, median(readings), times_the_bare_call=round(median(readings) / bare_call, 2))

    def one_at_a_time() -> None:
        for title, item in zip(titles, items, strict=True):
            read_store(client, [title.isbn], location.id)
            path = f"/admin/inventory-items/{item}/location-levels/{location.id}"
            client.post(path, {"stocked_quantity": 700}, {"fields": "id"})

    yield _figure(f"{TITLES:,} changed levels, a title at a time", client, one_at_a_time)


class _Sent(httpx.HTTPTransport):
    """Keeps the bodies with which products were made."""

    def __init__(self) -> None:
        super().__init__()
        self.product_batches: list[dict[str, Any]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == PRODUCTS:
            self.product_batches.append(json.loads(request.content))
        return super().handle_request(request)


def _of_other_titles(body: dict[str, Any]) -> dict[str, Any]:
    """The same batch for as many other new titles, whose items Medusa makes by itself."""
    for product in body["create"]:
        (variant,) = product["variants"]
        variant.pop("inventory_items", None)
        isbn = "9788" + product["handle"][4:]
        product |= {"handle": isbn, "external_id": f"ingram:{isbn}"}
        variant |= {"sku": isbn, "ean": isbn, "barcode": isbn}
    return body


def _import_bare(client: MedusaClient, location: str, bodies: list[dict[str, Any]]) -> None:
    """The least that makes products with levels: batches of products, one batch of levels."""
    items: list[str] = []
    for body in bodies:
        answer = client.post(PRODUCTS, body, {"fields": "id,variants.inventory_items.inventory_item_id"})
        items += [
            item["inventory_item_id"]
            for product in answer["created"]
            for variant in product["variants"]
            for item in variant["inventory_items"]
        ]
    level = {"location_id": location, "stocked_quantity": 100}
    client.post(LEVELS, {"create": [{"inventory_item_id": item, **level} for item in items]})


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _figure(what: str, client: MedusaClient, work: Callable[[], Any]) -> dict[str, Any]:
    reads, writes = client.reads, client.writes
    seconds = _seconds(work)
    return _said(what, seconds, reads=client.reads - reads, writes=client.writes - writes)


def _said(what: str, seconds: float, **values: Any) -> dict[str, Any]:
    return {"benchmark": f"medusa: {what}", "seconds": round(seconds, 3), **values}


def sample_title(number: int) -> Title:
    """A complete title; each number is another one."""
    first = f"9789{number:08d}"
    return Title(
        id=number + 1,
        isbn=first + check_digit_13(first),
        title=f"Title {number}",
        author="A. U. Thor",
        publisher="Tor",
        publication_date=date(2020, 5, 1),
        binding="Paperback",
        page_count=320,
        srp_price=Decimal("18.99"),
        weight=Decimal("0.75"),
        cover_url=f"https://covers.example/covers/raw/{number}.jpg",
        category_hint="FICTION / Fantasy / Epic",
        description="Ink and paper. " * 40,
        stock=_stock(100 + number % 50),
        stock_observed_at=READ_AT,
    )


def _moved(title: Title, round_: int) -> Title:
    """The title after another reading, with another count."""
    at = READ_AT + timedelta(hours=round_ + 1)
    return replace(title, stock=_stock(200 + round_ + title.id % 50), stock_observed_at=at)


def _stock(on_hand: int) -> dict[str, DcStock]:
    return {
        "TN": DcStock(on_hand - 30, 40, "primary"),
        "PA": DcStock(10, 0, "secondary"),
        "IN": DcStock(10, 0, "other"),
        "OR": DcStock(10, 5, "other"),
    }
