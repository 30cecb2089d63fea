"""What must be true of the shop whatever has happened to it: nothing is lost, doubled, or left over.

The site's own book is the truth. The store is read over Medusa's Admin API and the queue with plain SQL, by
none of the project's code; only the rule of availability is the project's, which has its own tests.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import psutil
import psycopg
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter
from psycopg.rows import dict_row

from ingram_assets.defs.keys import ISBNS_NAME
from ingram_assets.domain.availability import Availability, availability
from ingram_assets.domain.stock import from_json
from ingram_assets.runtime.instance import dagster_instance
from ingram_assets.runtime.processes import MARK
from ingram_assets_tests.testing.commands import Shell
from ingram_assets_tests.testing.demo import Admin, caught_up
from ingram_assets_tests.testing.memory import templates_of
from ingram_demo.stack import Stack

UNFINISHED = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def until(true: Callable[[], Any], seconds: float, what: str) -> Any:
    """Waits for something to be true, and gives it. What is not there yet (a server, say) is not true."""
    end, last = time.monotonic() + seconds, "it was not true"
    while True:
        try:
            if answer := true():
                return answer
        except Exception as error:
            last = f"{type(error).__name__}: {error}"
        assert time.monotonic() < end, f"not within {seconds:g} s: {what} ({last})"
        time.sleep(0.2)


@contextmanager
def queue(stack: Stack) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """The queue's database as its superuser sees it."""
    with psycopg.connect(stack.postgres.url("catalog_import"), row_factory=dict_row) as connection:
        yield connection


def unfinished(instance: DagsterInstance) -> list[DagsterRun]:
    """Runs that wait or are at work."""
    return instance.get_runs(RunsFilter(statuses=UNFINISHED))


def await_up(stack: Stack, seconds: float = 120) -> None:
    """Until every server runs and answers."""

    def up() -> bool:
        children = [stack.supervisor.children[name] for name in children_of(stack)]
        return all(child.running and (child.ready is None or child.ready()) for child in children)

    until(up, seconds, f"every one of {sorted(children_of(stack))} answers")


def children_of(stack: Stack) -> list[str]:
    """The names of the supervised servers."""
    return list(stack.supervisor.children)


def await_quiet(stack: Stack, seconds: float = 240) -> None:
    """Until no run waits or is at work, and the sensors have carried every change of the queue to the store.

    A run that is stuck for ever ends this with its id and status.
    """
    with dagster_instance(stack.common) as instance:
        until(lambda: _is_quiet(stack, instance), seconds, "no run is at work and no change waits")


def _is_quiet(stack: Stack, instance: DagsterInstance) -> bool:
    if runs := unfinished(instance):
        raise AssertionError(f"at work: {[(run.run_id, run.job_name, run.status.value) for run in runs]}")
    return caught_up(stack, instance)


def in_full(stack: Stack, location: str, command: str) -> None:
    """A command in which nothing fails."""
    done = Shell(stack, location)(command, "--json", seconds=280)
    assert done.exit_code == 0, (done.output[-2000:], done.errors[-3000:])


def assert_nothing_lost(stack: Stack) -> None:
    """After one more sweep everything is as it would be if nothing had happened.

    What changed comes to the store by itself: nobody pushes.
    """
    await_up(stack)
    await_quiet(stack)
    in_full(stack, "scraper", "sync-stock")
    assert_all_is_well(stack)


def assert_all_is_well(stack: Stack) -> None:
    """As `assert_nothing_lost`, of a shop whose stock has not moved: so without another sweep."""
    await_quiet(stack)
    assert_queue_is_the_book(stack)
    assert_store_is_the_rule(stack)
    assert_nothing_left_over(stack)


def assert_queue_is_the_book(stack: Stack) -> None:
    """Every title has one current row with the site's own numbers, and is a partition once."""
    book = stack.simulator.book()
    with queue(stack) as connection:
        rows = connection.execute("SELECT * FROM ingram_current_titles").fetchall()
        waiting = connection.execute(
            "SELECT isbn FROM ingram_queue WHERE imported_at IS NULL GROUP BY isbn HAVING count(*) > 1"
        ).fetchall()
        doubled = connection.execute(
            "SELECT isbn FROM ingram_stock_history GROUP BY isbn, stock_observed_at HAVING count(*) > 1"
        ).fetchall()
    assert not waiting
    assert not doubled
    times = Counter(row["isbn"] for row in rows)
    assert {isbn: count for isbn, count in times.items() if count != 1} == {}, "a title has two rows"
    by_isbn = {row["isbn"]: row for row in rows}
    assert by_isbn.keys() >= book.keys()
    shown = {isbn: (by_isbn[isbn]["title"], by_isbn[isbn]["srp_price"]) for isbn in book}
    # A site that escapes twice ("&amp;amp;") is read as it was meant.
    assert shown == {isbn: (unescape(of["title"]), Decimal(of["srp_price"])) for isbn, of in book.items()}
    # A page without its stock table leaves what was read before, so only pages with one are compared.
    truth = {isbn: of["stock"] for isbn, of in book.items() if of["stock"] is not None}
    assert {isbn: counts_of(by_isbn[isbn]["stock_json"]) for isbn in truth} == truth
    with dagster_instance(stack.common) as instance:
        partitions = list(instance.get_dynamic_partitions(ISBNS_NAME))
    assert sorted(partitions) == sorted({*partitions})
    assert set(partitions) >= book.keys()


def counts_of(stock_json: dict[str, Any] | None) -> dict[str, Any] | None:
    """A row's stock without the times of its counts: what every reading moves."""
    if stock_json is None:
        return None
    return {dc: {name: of[name] for name in ("type", "onHand", "onOrder")} for dc, of in stock_json.items()}


def expected(stack: Stack) -> dict[str, Availability]:
    """What the rule makes of each title: of the book's stock, or of the last reading where it shows none."""
    today = datetime.now(ZoneInfo(stack.common.STORE_TIME_ZONE)).date()
    with queue(stack) as connection:
        rows = connection.execute("SELECT isbn, stock_json FROM ingram_current_titles").fetchall()
    last_read = {row["isbn"]: row["stock_json"] for row in rows}
    return {
        isbn: availability(
            from_json(of["stock"] if of["stock"] is not None else last_read[isbn]),
            date.fromisoformat(of["publication_date"]),
            of["binding"],
            of["publisher_status"],
            today=today,
        )
        for isbn, of in stack.simulator.book().items()
    }


def assert_store_is_the_rule(stack: Stack) -> None:
    """Every title is one product with one variant, and its one level and flags are what the rule says."""
    admin = Admin(stack)
    variants: dict[str, dict[str, Any]] = {}
    for product in admin.products():
        for variant in product["variants"]:
            assert variant["sku"] not in variants, f"two variants have the SKU {variant['sku']}"
            variants[variant["sku"]] = variant
    items = Counter(item["sku"] for item in admin.all("/admin/inventory-items", "inventory_items"))
    assert {sku: count for sku, count in items.items() if count != 1} == {}, "a title has two inventory items"
    levels = admin.levels()
    wanted = expected(stack)
    assert variants.keys() >= wanted.keys()
    for isbn, rule in wanted.items():
        variant = variants[isbn]
        if rule.manage_inventory is False:
            assert not variant["manage_inventory"], isbn
            continue
        # A title that was never read needs a level all the same: 0, and marked unknown.
        level = rule.stocked_quantity if rule.status != "unknown" or isbn not in levels else 0
        assert levels[isbn]["stocked_quantity"] == (level or 0), (isbn, rule, levels[isbn])
        assert levels[isbn]["incoming_quantity"] == (rule.incoming_quantity or 0), (isbn, rule, levels[isbn])
        if rule.status != "unknown":
            assert variant["allow_backorder"] == rule.allow_backorder, (isbn, rule)
            assert variant["metadata"]["availability"] == rule.status, (isbn, rule)


def assert_nothing_left_over(stack: Stack) -> None:
    """No run is at work for ever, and every process belongs to a server that is supervised."""
    with dagster_instance(stack.common) as instance:
        until(lambda: not unfinished(instance), 180, "every run has come to an end")
    until(lambda: not orphans(stack), 30, f"no orphan is left of {orphans(stack)}")


def _counts_semaphores(process: psutil.Process, templates: Sequence[psutil.Process]) -> bool:
    """Python's own process, which a template has for all that it forks."""
    return process.parent() in templates and "resource_tracker" in " ".join(process.cmdline())


def orphans(stack: Stack) -> list[str]:
    """Processes of the shop, or of a command of it, that descend from none of its servers."""
    servers = {stack.supervisor.children[name].pid for name in children_of(stack)}
    templates = templates_of(psutil.Process())
    found = []
    for process in psutil.process_iter():
        try:
            if process in templates or _counts_semaphores(process, templates):
                continue
            ours = process.environ().get(MARK, "").startswith(str(stack.supervisor.folder))
            if not ours or process.status() == psutil.STATUS_ZOMBIE:
                continue
            if not servers & {process.pid, *(parent.pid for parent in process.parents())}:
                found.append(f"{process.pid} {' '.join(process.cmdline())[:120]}")
        except psutil.Error:
            continue
    return found
