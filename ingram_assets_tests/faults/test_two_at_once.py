"""Two of the same at once: one after the other, or refused with a clear word; nothing doubled.

That a second `ingram up` and a second `ingram demo` on the same folder are refused is shown where they are
tested (`end_to_end`).
"""

import itertools
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ingram_assets.runtime.instance import dagster_instance
from ingram_assets.staging.writer import QueueWriter
from ingram_assets.store.journal import Journal
from ingram_assets_tests.testing.commands import Shell
from ingram_assets_tests.testing.demo import Admin, Done
from ingram_assets_tests.testing.oracle import (
    assert_nothing_lost,
    assert_queue_is_the_book,
    await_quiet,
    until,
)
from ingram_assets_tests.testing.running_shop import alone, with_copies
from ingram_demo.stack import Stack

pytestmark = [
    pytest.mark.usefixtures("good_weather"),
    pytest.mark.timeout(900),
]

NEW = "9780306406157"
"""In no saved search of the simulator."""


def both(*commands: tuple[Shell, tuple[str, ...]]) -> list[Done]:
    """Commands typed in the same moment, in as many windows."""
    started = [shell.start(*words, "--json") for shell, words in commands]
    return [command.wait(240) for command in started]


def most_at_once(log: list[dict[str, Any]]) -> int:
    """The most requests at iPage in one moment. The simulator plays Open Library, too: that is left out."""
    of_ipage = [entry for entry in log if not entry["kind"].startswith("open_library")]
    steps = [(entry["started"], 1) for entry in of_ipage] + [(entry["ended"], -1) for entry in of_ipage]
    return max(itertools.accumulate(step for _, step in sorted(steps)))


@pytest.mark.long
@pytest.mark.parametrize("command", ["push", "undo"])
def test_a_run_waits_for_the_one_that_is_at_work_on_the_store(
    stack: Stack, storefront: Shell, tmp_path: Path, command: str
):
    """Without `ingram up` no queue of runs keeps them apart, so the runs themselves do."""
    await_quiet(stack)
    admin, isbn = Admin(stack), with_copies(stack)[0]
    copies = admin.levels()[isbn]["stocked_quantity"]
    admin.set_level(isbn, 1)
    elsewhere = alone(storefront, stack, tmp_path / "state")
    words = ("push", isbn)
    if command == "undo":
        pushed = elsewhere(*words, "--json")
        assert pushed.exit_code == 0, pushed.errors
        words = ("undo", pushed.result["run_id"], "--yes")
    before = admin.levels()[isbn]["stocked_quantity"]
    with Journal(stack.url("storefront", "storefront")) as journal, journal.alone("another", lambda _: None):
        waiting = elsewhere.start(*words, "--json")
        until(
            lambda: (
                "waiting for another run at work on the store" in waiting.errors or waiting.poll() is not None
            ),
            90,
            "it says what it waits for",
        )
        assert waiting.poll() is None, waiting.errors
        assert admin.levels()[isbn]["stocked_quantity"] == before, "nothing was written meanwhile"
    done = waiting.wait(90)
    assert done.exit_code == 0, done.errors
    assert admin.levels()[isbn]["stocked_quantity"] == (copies if command == "push" else 1)
    assert storefront("push", isbn, "--json").exit_code == 0
    assert admin.levels()[isbn]["stocked_quantity"] == copies


@pytest.mark.long
def test_a_push_and_an_undo(stack: Stack, storefront: Shell, tmp_path: Path):
    await_quiet(stack)
    admin, isbns = Admin(stack), with_copies(stack)[:4]
    one, other = (alone(storefront, stack, tmp_path / name) for name in ("one", "other"))
    copies = {isbn: admin.levels()[isbn]["stocked_quantity"] for isbn in isbns}
    for isbn in isbns:
        admin.set_level(isbn, 1)
    pushed = one("push", *isbns, "--json")
    assert pushed.exit_code == 0, pushed.errors
    done = both((one, ("undo", pushed.result["run_id"], "--yes")), (other, ("push", *isbns)))
    assert [each.exit_code for each in done] == [0, 0], [each.errors for each in done]
    spans = [_span(stack, each.result["run_id"]) for each in done]
    if all(spans):
        (first, second) = sorted(span for span in spans if span)
        assert first[1] <= second[0], "the writes of one are over before those of the other begin"
    shown = {admin.levels()[isbn]["stocked_quantity"] == copies[isbn] for isbn in isbns}
    assert len(shown) == 1, "all titles as the one that was last left them"
    assert storefront("push", "--json").exit_code == 0
    assert_nothing_lost(stack)


def _span(stack: Stack, run_id: str) -> tuple[Any, Any] | None:
    with psycopg.connect(stack.postgres.url("storefront")) as connection:
        row = connection.execute(
            "SELECT min(at), max(at) FROM store_change WHERE run_id = %s", [run_id]
        ).fetchone()
    return row if row and row[0] else None


@pytest.mark.long
def test_two_pushes_make_a_product_once(stack: Stack, storefront: Shell, tmp_path: Path):
    await_quiet(stack)
    one, other = (alone(storefront, stack, tmp_path / name) for name in ("one", "other"))
    with QueueWriter(stack.url("catalog_import", "ingram_queue_writer")) as writer:
        writer.add_titles([{"isbn": NEW, "title": "A Book Pushed Twice", "srp_price": "17.99"}])
    done = both((one, ("push", NEW)), (other, ("push", NEW)))
    assert [each.exit_code for each in done] == [0, 0], [each.errors for each in done]
    # The shop's own sensor has seen the title, too, and may have been the first of three.
    assert sum(each.result.get("created", 0) for each in done) <= 1
    admin = Admin(stack)
    assert [of["title"] for of in admin.products() if of["handle"].endswith(NEW)] == ["A Book Pushed Twice"]
    assert len(admin.all("/admin/inventory-items", "inventory_items", sku=NEW)) == 1


@pytest.mark.long
def test_two_sweeps_and_an_enrich_without_a_queue(stack: Stack, scraper: Shell, tmp_path: Path):
    """They share one pace, one session and one queue, however many there are, on as many machines."""
    await_quiet(stack)
    one, other, third = (alone(scraper, stack, tmp_path / name) for name in ("one", "other", "third"))
    site = stack.simulator
    moved = with_copies(stack)[0]
    site.move(moved, "TN", on_hand=site.entry(moved)["stock"]["TN"]["onHand"] + 7)
    site.set(latency_ms=300)
    site.reset_requests()
    before = site.requests(log=False)["sign_ins"]
    done = both((one, ("sync-stock",)), (other, ("sync-stock",)), (third, ("enrich", *site.isbns()[:3])))
    asked = site.requests()
    assert [each.exit_code for each in done] == [0, 0, 0], [each.errors for each in done]
    assert most_at_once(asked["log"]) <= 8
    assert asked["sign_ins"] - before <= 1
    assert sum(each.result.get("stock_changed", 0) for each in done) == 1, "a change is recorded once"
    assert_queue_is_the_book(stack)


@pytest.mark.long
def test_two_sweeps_with_a_queue_come_one_after_the_other(stack: Stack, scraper: Shell):
    await_quiet(stack)
    done = both((scraper, ("sync-stock",)), (scraper, ("sync-stock",)))
    assert [each.exit_code for each in done] == [0, 0], [each.errors for each in done]
    with dagster_instance(stack.common) as instance:
        records = [instance.get_run_record_by_id(each.result["run_id"]) for each in done]
    spans = sorted((of.start_time, of.end_time) for of in records if of)
    assert spans[0][1] <= spans[1][0]
