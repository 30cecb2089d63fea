"""A day in a quarter of an hour: sweep after sweep with moving stock, while shoppers order.

FAULTS_LOAD_TITLES=1000 sets the size; the figures of a run are printed, docs/reliability.md keeps the last.
"""

import itertools
import os
import random
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import psutil
import psycopg
import pytest

from ingram_assets_tests.testing.commands import Shell
from ingram_assets_tests.testing.demo import Admin
from ingram_assets_tests.testing.oracle import assert_nothing_lost, await_quiet, children_of
from ingram_assets_tests.testing.shop import Refusal, Shop
from ingram_assets_tests.testing.start_shop import start_shop
from ingram_demo.stack import Stack

pytestmark = pytest.mark.long

SEED = 20_261_124
TITLES = int(os.environ.get("FAULTS_LOAD_TITLES", "100"))
SWEEPS = 24
SHARE_MOVING = 0.05
WANTED = 10
"""Titles that shoppers want most, of each a few copies: here it is decided whether anything is oversold."""
SHOPPERS = 2
WARM = 6
"""Sweeps until every process has loaded what it needs and has opened its connections."""
DELIVERIES_EVERY = 4


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A shop of its own."""
    with start_shop(TITLES) as stack:
        yield stack


@dataclass
class Till:
    """What was ordered, and what was turned away."""

    had: dict[str, int] = field(default_factory=dict)
    """Copies that Ingram had at the last reading or the one under way, whichever is more."""
    sold: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    oversold: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, isbn: str, quantity: int) -> None:
        """Notes an accepted order. All that were accepted are promised, so together they must be there."""
        with self.lock:
            self.sold[isbn] += quantity
            if self.sold[isbn] > self.had[isbn]:
                self.oversold.append(f"{isbn}: {self.sold[isbn]} sold of {self.had[isbn]}")


def shopper(shop: Shop, till: Till, isbns: list[str], chance: random.Random, closed: threading.Event) -> None:
    """Orders one or two copies of something every two seconds."""
    while not closed.is_set():
        isbn, quantity = chance.choice(isbns), chance.choice((1, 1, 2))
        try:
            shop.order(isbn, quantity)
        except Refusal as refusal:
            if refusal.status != 400:
                raise
            with till.lock:
                till.refused += 1
        else:
            till.take(isbn, quantity)
        closed.wait(2)


def move(stack: Stack, wanted: list[str], chance: random.Random, hour: int) -> dict[str, int]:
    """A twentieth of the titles move, wanted ones and others alike. The copies of each wanted title."""
    book = stack.simulator.book()
    shown = [isbn for isbn, of in book.items() if of["stock"] and of["binding"] != "E-Book"]
    moving = chance.sample(shown, max(1, round(len(book) * SHARE_MOVING)))
    changes = []
    for isbn in moving:
        dc = chance.choice(sorted(book[isbn]["stock"]))
        held = book[isbn]["stock"][dc]["onHand"]
        # As many come in as go out, so that a day ends with as many titles in stock as it began with.
        changes.append({"isbn": isbn, "dc": dc, "on_hand": max(0, held + chance.randint(-5, 6))})
    if hour % DELIVERIES_EVERY == 0:
        changes += [{"isbn": isbn, "stock": {"TN": [chance.randint(5, 15), 0]}} for isbn in wanted]
    stack.simulator.move_all(changes)
    book = stack.simulator.book()
    return {isbn: book[isbn]["on_hand"] for isbn in wanted}


def measure(stack: Stack) -> dict[str, Any]:
    """Memory of each server with its descendants, connections by database, rows of the event log."""
    memory: dict[str, float] = {}
    for name in children_of(stack):
        process = psutil.Process(stack.supervisor.children[name].pid)
        family = [process, *process.children(recursive=True)] if name != "postgres" else [process]
        memory[name] = round(sum(each.memory_info().rss for each in family) / 1e6, 1)
    with psycopg.connect(stack.postgres.url("dagster")) as connection:
        connections = connection.execute(
            "SELECT datname, count(*) FROM pg_stat_activity WHERE datname IS NOT NULL GROUP BY datname"
        ).fetchall()
        stock = connection.execute(
            """SELECT count(*) FROM event_logs WHERE asset_key = '["ipage", "stock"]'
            AND dagster_event_type = 'ASSET_MATERIALIZATION'"""
        ).fetchone()
        rows = connection.execute(
            "SELECT count(*), pg_total_relation_size('event_logs') FROM event_logs"
        ).fetchone()
    assert stock
    assert rows
    return {
        "memory": memory,
        "connections": dict(connections),
        "stock_events": stock[0],
        "events": rows[0],
        "event_bytes": rows[1],
    }


@pytest.mark.timeout(2400)
def test_a_day_of_sweeps_and_orders(stack: Stack, capsys: pytest.CaptureFixture[str]):
    chance = random.Random(SEED)
    admin, shop = Admin(stack), Shop(stack.medusa)
    shop.open_checkout(admin.ingram_location())
    book = stack.simulator.book()
    wanted = [
        isbn
        for isbn, of in book.items()
        if of["kind"] == "in_stock" and date.fromisoformat(of["publication_date"]) < date(2026, 1, 1)
    ][:WANTED]
    till, hours = Till(dict.fromkeys(wanted, 0)), [measure(stack)]
    scraper, read = Shell(stack, "scraper"), []
    for hour in range(SWEEPS):
        before = {isbn: of["on_hand"] for isbn, of in stack.simulator.book().items()}
        now = move(stack, wanted, chance, hour)
        till.had = {isbn: max(before[isbn] or 0, now[isbn] or 0) for isbn in wanted}
        closed = threading.Event()
        with ThreadPoolExecutor(SHOPPERS) as pool:
            shoppers = [
                pool.submit(shopper, shop, till, wanted, random.Random(f"{hour} {number}"), closed)
                for number in range(SHOPPERS)
            ]
            try:
                done = scraper("sync-stock", "--json", seconds=280)
                assert done.exit_code == 0, (done.output, done.errors[-2000:])
                await_quiet(stack)
            finally:
                closed.set()
            for each in shoppers:
                each.result()
        read.append(done.result["stock_read"])
        hours.append(measure(stack))
    assert till.oversold == []
    assert till.sold
    assert till.refused, "nobody wanted the last copy"
    figures = compared(hours, read)
    with capsys.disabled():
        sys.stderr.write(f"\n{TITLES} titles, {till.sold.total()} sold, {till.refused} refused\n{figures}\n")
    for name, (warm, end) in figures["memory"].items():
        assert end < warm * 1.25 + 15, f"{name} grew from {warm} to {end} MB"
    for name, (warm, end) in figures["connections"].items():
        assert end <= warm + 5, f"{name}: from {warm} to {end} connections"
    # One event a title read and sweep, exactly; what else a run says does not grow with the day.
    assert hours[-1]["stock_events"] - hours[0]["stock_events"] == sum(read)
    others = [
        (after["events"] - after["stock_events"]) - (before["events"] - before["stock_events"])
        for before, after in itertools.pairwise(hours)
    ]
    assert sum(others[-WARM:]) < 1.5 * sum(others[WARM : 2 * WARM]), others
    assert_nothing_lost(stack)


def compared(hours: list[dict[str, Any]], read: list[int]) -> dict[str, Any]:
    """The figures when all was warm, and at the end of the day."""
    warm, end = hours[WARM], hours[-1]
    rows = end["events"] - warm["events"]
    return {
        "memory": {name: (warm["memory"][name], end["memory"][name]) for name in end["memory"]},
        "connections": {
            name: (warm["connections"].get(name, 0), count) for name, count in end["connections"].items()
        },
        "events_a_sweep": round(rows / (len(hours) - 1 - WARM)),
        "titles_read_a_sweep": round(sum(read) / len(read)),
        "bytes_an_event": round((end["event_bytes"] - warm["event_bytes"]) / rows),
    }
