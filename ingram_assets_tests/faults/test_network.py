"""Peers that are slow, hang, cut, send garbage or refuse.

A command ends in its time, names the failure by its kind, brings the rest through, and writes nothing that
was not read.

iPage's and Open Library's faults are the simulator's own, per title. Before the others stands a `Line`.
PostgreSQL and IMAP know no HTTP statuses, so those four faults are not theirs.
"""

import json
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.commands import Shell
from ingram_assets_tests.testing.demo import Admin, Done
from ingram_assets_tests.testing.oracle import (
    assert_all_is_well,
    assert_nothing_lost,
    await_quiet,
    counts_of,
    queue,
)
from ingram_assets_tests.testing.tcp_proxy import FAULTS, Fault, Line
from ingram_demo.stack import Stack

pytestmark = pytest.mark.usefixtures("good_weather")

STATUSES = ("429", "500", "502", "503")
NEW = "9780306406157"
"""In no saved search of the simulator."""


@contextmanager
def line_to(url: str) -> Iterator[Line]:
    """A line before the server at this address."""
    at = urlsplit(url)
    assert at.hostname
    assert at.port
    with Line(at.hostname, at.port) as line:
        yield line


@pytest.fixture
def alone(stack: Stack, tmp_path: Path) -> dict[str, str]:
    """Settings of a command with a code server, a session and a breaker of its own."""
    state = tmp_path / "state"
    shutil.copytree(stack.common.state_dir / "ipage", state / "ipage")
    return {"INGRAM_STATE_DIR": str(state)}


def stock_of(stack: Stack) -> dict[str, Any]:
    """What the queue knows of each title's stock."""
    with queue(stack) as connection:
        rows = connection.execute("SELECT isbn, stock_json FROM ingram_current_titles").fetchall()
    return {row["isbn"]: counts_of(row["stock_json"]) for row in rows}


def told(done: Done, seconds: float, limit: float) -> dict[str, Any]:
    """The command's own account of itself: it ended in time, and in words."""
    assert seconds < limit, f"it took {seconds:.0f} s"
    assert "Traceback" not in done.errors, done.errors[-3000:]
    return json.loads(done.output.splitlines()[-1])


def timed(shell: Shell, *words: str, limit: float = 120) -> tuple[Done, dict[str, Any]]:
    """A command with what it said, ended within `limit` seconds."""
    began = time.monotonic()
    done = shell(*words, "--json", seconds=limit + 60)
    return done, told(done, time.monotonic() - began, limit)


# -- iPage: some pages are bad, the rest comes through -------------------------------------------------------


def a_sweep_among(stack: Stack, scraper: Shell, faults: dict[str, dict[str, Any]], limit: float) -> dict:
    """A sweep while each of the faults hits one title. Its report, with the victims by fault."""
    book = stack.simulator.book()
    moving = [isbn for isbn, of in book.items() if of["on_hand"]]
    victims = dict(zip(faults, moving, strict=False))
    for fault, isbn in victims.items():
        stack.simulator.fault(isbns=[isbn], **faults[fault])
    dcs = {isbn: next(dc for dc, of in book[isbn]["stock"].items() if of["onHand"]) for isbn in moving}
    stack.simulator.move_all(
        [
            {"isbn": isbn, "dc": dc, "on_hand": book[isbn]["stock"][dc]["onHand"] + 1}
            for isbn, dc in dcs.items()
        ]
    )
    before = stock_of(stack)
    done, report = timed(scraper, "sync-stock", limit=limit)
    assert done.exit_code == 1, (done.output, done.errors)
    truth, after = stack.simulator.book(), stock_of(stack)
    unread = {entry["isbn"] for entry in report["failed"]}
    for isbn in moving:
        assert after[isbn] == (before[isbn] if isbn in unread else truth[isbn]["stock"]), isbn
    return {**report, "victims": victims}


SOME = {
    "cut": {"fault": "cut"},
    "garbage": {"fault": "garbage"},
    **{status: {"fault": "status", "status": int(status)} for status in ("500", "502", "503")},
    "slow": {"fault": "slow", "seconds": 10},
}
KIND = {"cut": "half|closed|cut|broke", "garbage": "page", "500": "500", "502": "502", "503": "503"}
"""What the reason says of each."""


@pytest.mark.long
def test_bad_pages_cost_themselves_alone(stack: Stack, scraper: Shell):
    """Cut, garbage, 500, 502 and 503 are named, title by title; ten seconds late is in time."""
    report = a_sweep_among(stack, scraper, SOME, limit=150)
    reasons = {entry["isbn"]: entry["reason"] for entry in report["failed"]}
    assert reasons.keys() == {isbn for fault, isbn in report["victims"].items() if fault != "slow"}
    for fault, words in KIND.items():
        reason = reasons[report["victims"][fault]]
        assert re.search(words, reason), (fault, reason)
    assert (report["transient"], report["changed"]) == (4, 1)
    stack.simulator.clear_faults()
    assert_nothing_lost(stack)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_page_that_hangs_for_ever(stack: Stack, scraper: Shell):
    """Three tries of 30 s, while the others come through; then it is transient."""
    report = a_sweep_among(stack, scraper, {"hang": {"fault": "hang"}}, limit=240)
    (failed,) = report["failed"]
    assert failed["isbn"] == report["victims"]["hang"]
    assert re.search("no answer|in time", failed["reason"])
    assert report["transient"] == 1
    stack.simulator.clear_faults()
    assert_nothing_lost(stack)


@pytest.mark.long
def test_429_stops_all_fetching(stack: Stack, scraper: Shell, alone: dict[str, str]):
    """The one answer after which the rest is left alone on purpose: exit 3, and nothing that was not read."""
    before = stock_of(stack)
    stack.simulator.fault("status", status=429)
    done, report = timed(scraper.with_(**alone), "sync-stock", limit=400)
    assert done.exit_code == 3, (done.output, done.errors)
    assert "429" in json.dumps(report)
    assert stock_of(stack) == before
    stack.simulator.clear_faults()
    assert_nothing_lost(stack)


# -- Medusa: a push is repeated, or fails in words; and nothing is doubled -----------------------------------

FIRST_WRITE = [
    pytest.param(("cut",), id="cut"),
    *(
        pytest.param(faults, id="-".join(faults), marks=pytest.mark.long)
        for faults in (("slow",), ("429",), ("500", "502", "503", "garbage"))
    ),
]


@pytest.fixture
def to_repair(stack: Stack) -> Iterator[Admin]:
    """Some levels that a hand has changed, and a title to import, of which no sensor takes notice."""
    await_quiet(stack)
    admin = Admin(stack)
    plenty = [sku for sku, level in admin.levels().items() if level["stocked_quantity"] > 20]
    for sku in plenty[:3]:
        admin.set_level(sku, 7)
    with QueueWriter(stack.url("catalog_import", "ingram_queue_writer")) as writer:
        writer.add_titles([{"isbn": NEW, "title": "A Book to Import", "srp_price": "17.99"}])
    yield admin
    for product in admin.products():
        if NEW in {variant["sku"] for variant in product["variants"]}:
            admin.delete(f"/admin/products/{product['id']}")
    for item in admin.all("/admin/inventory-items", "inventory_items", sku=NEW):
        admin.delete(f"/admin/inventory-items/{item['id']}")
    with queue(stack) as connection:
        for table in ("ingram_queue", "ingram_stock_history", "ingram_unread"):
            connection.execute(f"DELETE FROM {table} WHERE isbn = '{NEW}'")


@pytest.mark.parametrize("faults", FIRST_WRITE)
def test_medusas_answer_to_a_write_is_lost(
    stack: Stack, storefront: Shell, alone: dict[str, str], to_repair: Admin, faults: tuple[Fault, ...]
):
    """The first of a push's writes suffers, once or in each of its tries: in the end it is done, and once."""
    with line_to(stack.medusa.url) as line:
        troubles = [line.make(fault, only=rb"^POST /admin/products", times=1) for fault in faults]
        through = storefront.with_(**alone, MEDUSA_BACKEND_URL=line.through(stack.medusa.url))
        done, report = timed(through, "push", limit=150)
        assert [trouble.suffered for trouble in troubles] == [1] * len(faults)
        if done.exit_code:
            assert any(fault in json.dumps(report) for fault in faults), "it is named"
            done, report = timed(through, "push")
    assert done.exit_code == 0, (done.output, done.errors)
    products = [
        product
        for product in to_repair.products()
        if NEW in {variant["sku"] for variant in product["variants"]}
    ]
    assert len(products) == 1
    assert_all_is_well(stack)


@pytest.mark.long
@pytest.mark.timeout(700)
@pytest.mark.parametrize("fault", ["503", "429", "garbage", "hang", "cut"])
def test_medusa_does_not_come_back(
    stack: Stack, storefront: Shell, alone: dict[str, str], to_repair: Admin, fault: Fault
):
    """The push gives up in its time, says so, and is as good as never started."""
    before = to_repair.levels()
    with line_to(stack.medusa.url) as line:
        line.make(fault)
        through = storefront.with_(**alone, MEDUSA_BACKEND_URL=line.through(stack.medusa.url))
        done, report = timed(through, "push", limit=300)
    assert done.exit_code == 1, (done.output, done.errors)
    assert "Medusa" in report["error"] or "medusa" in report["error"].lower() or "/a" in report["error"]
    assert to_repair.levels() == before
    assert storefront("push").exit_code == 0
    assert_all_is_well(stack)


# -- the queue's database ------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("command", ["sync-stock", "push"])
@pytest.mark.parametrize("fault", ["slow", "hang", "cut", "garbage"])
def test_the_queues_database(
    stack: Stack, scraper: Shell, storefront: Shell, alone: dict[str, str], command: str, fault: Fault
):
    """Slow is in time; anything else ends the command with a sentence that names the database's host."""
    shell = storefront if command == "push" else scraper
    url = shell.environment["QUEUE_DB_URL"]
    before = stock_of(stack)
    with line_to(url) as line:
        # A slow line is slow once: each statement of a sweep ten seconds late would only be long.
        line.make(fault, times=1 if fault == "slow" else 0)
        through = shell.with_(**alone, QUEUE_DB_URL=line.through(url))
        done, report = timed(through, command, limit=200)
    if fault == "slow":
        assert done.exit_code == 0, (done.output, done.errors)
    else:
        assert done.exit_code in (1, 2), (done.output, done.errors)
        assert "127.0.0.1" in report["error"], report["error"]
        assert stock_of(stack) == before
    assert_all_is_well(stack)


# -- the bucket, the mailbox, Open Library -------------------------------------------------------------------


@pytest.mark.long
def test_the_bucket(stack: Stack, scraper: Shell, alone: dict[str, str]):
    """A cover that can't be stored is named, and costs no title its stock: each fault hits one title."""
    shown = [isbn for isbn, of in stack.simulator.book().items() if of["cover"] == "art" and of["stock"]]
    victims = dict(zip(FAULTS, shown[: len(FAULTS)], strict=True))
    with line_to(stack.s3.endpoint) as line:
        troubles = [
            line.make(fault, only=isbn.encode(), times=1 if fault == "slow" else 0)
            for fault, isbn in victims.items()
        ]
        through = scraper.with_(**alone, R2_ENDPOINT=line.through(stack.s3.endpoint))
        done, report = timed(through, "enrich", *victims.values(), limit=280)
    assert all(trouble.suffered for trouble in troubles), troubles
    assert report.get("stock_read") == len(victims), report
    assert done.exit_code == 1, (done.output, done.errors)
    unstored = {isbn for fault, isbn in victims.items() if fault != "slow"}
    assert {entry["isbn"] for entry in report["failed"]} == unstored, report


@pytest.mark.long
@pytest.mark.parametrize("fault", ["slow", "hang", "cut", "garbage"])
def test_the_mailbox(stack: Stack, scraper: Shell, alone: dict[str, str], fault: Fault):
    """Without the code nobody signs in: the command says which server to look at."""
    shutil.rmtree(Path(alone["INGRAM_STATE_DIR"]) / "ipage")
    stack.simulator.forget_devices()
    before = stock_of(stack)
    with line_to(stack.imap.url) as line:
        line.make(fault, times=1 if fault == "slow" else 0)
        through = scraper.with_(**alone, IPAGE_MFA_IMAP_URL=line.through(stack.imap.url))
        done, report = timed(through, "sync-stock", limit=280)
    if fault == "slow":
        assert done.exit_code == 0, (done.output, done.errors)
    else:
        assert done.exit_code in (1, 2), (done.output, done.errors)
        assert re.search("(?i)mail", report["error"]), report["error"]
        assert stock_of(stack) == before


@pytest.mark.long
@pytest.mark.parametrize("faults", [FAULTS[:4], FAULTS[4:]], ids=["lines", "statuses"])
def test_open_library(stack: Stack, scraper: Shell, alone: dict[str, str], faults: tuple[Fault, ...]):
    """It is asked for covers that iPage has not; that it does not answer costs a title nothing else."""
    without = [isbn for isbn, of in stack.simulator.book().items() if of["cover"] != "art"]
    victims = dict(zip(faults, without[: len(faults)], strict=True))
    for fault, isbn in victims.items():
        what = {"fault": "status", "status": int(fault)} if fault in STATUSES else {"fault": fault}
        stack.simulator.fault(**what, kinds=["open_library", "open_library_picture"], isbns=[isbn])
    done, report = timed(scraper.with_(**alone), "enrich", *victims.values(), limit=280)
    assert done.exit_code in (0, 1), (done.output, done.errors)
    assert {entry["isbn"] for entry in report["failed"]} <= {*victims.values()}
    assert report.get("stock_read", 0) + report.get("stock_unknown", 0) == len(victims), report
