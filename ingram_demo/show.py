"""`ingram demo`: the whole path once, a table of what came through, and then the store kept honest live."""

import contextlib
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from ingram_assets.cli.launch import code_server, follow, launch
from ingram_assets.cli.terminal import markup
from ingram_assets.domain.failures import IngramError
from ingram_assets.overview.run_results import RunResult
from ingram_assets.runtime.instance import dagster_instance, without_tries
from ingram_assets.settings.demo import shop_is_here
from ingram_assets.settings.files import DEMO
from ingram_assets.staging.reader import QueueReader
from ingram_assets.store.tokens import TokenStore
from ingram_demo.phases import Phases
from ingram_demo.stack import Stack, running_stack

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from ingram_assets.defs.events import FailedTitle

FOLDER = DEMO
"""Delete it to begin anew."""
SWEEP_EVERY_SECONDS = 60
SALES_EVERY_SECONDS = 15
STEPS = {
    "ipage__saved_search": "discover",
    "ipage__stock_sweep": "read",
    "r2__cover_sweep": "covers",
    "push_titles": "push",
}

Tell = Callable[[str], None]


class DemoFailed(IngramError):
    """A run of the demo failed; the message is its own sentence."""


def run_demo(*, once: bool, has_workers: bool, as_json: bool) -> int:
    """Run the demo; the exit code: 0 only if every title came through. `has_workers`: they do the runs."""
    logging.basicConfig(level=logging.WARNING)
    console = Console(stderr=True, highlight=False)
    phases = Phases(console)
    tell_log(phases.say)
    pace = ONCE_PACE if once else LIVE_PACE
    is_shop = shop_is_here()  # Before Dagster's own settings are in this process' environment.
    with (
        without_tries(),  # What comes of them is a sentence of ours, or nothing that a person has to know.
        running_stack(FOLDER, phases, pace, has_workers=has_workers) as stack,
        dagster_instance(stack.common) as instance,
    ):
        summary = bring_through(stack, instance, phases)
        if not (as_json and once):
            show(summary, stack)
        if not once:
            keep_going(stack, instance, is_shop=is_shop)
        phases.say("Stopping everything …")
    if as_json:
        click.echo(json.dumps(summary))
    return 0 if summary["complete"] else 1


class _Told(logging.Handler):
    def __init__(self, tell: Tell) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(f"  {record.getMessage()}")


def tell_log(tell: Tell) -> None:
    """Our own log as lines for a person: what is installed, which takes minutes; what was brought back."""
    for name, level in (("ingram_assets", logging.WARNING), ("ingram_demo", logging.INFO)):
        ours = logging.getLogger(name)
        ours.addHandler(_Told(tell))
        ours.propagate = False
        ours.setLevel(level)


# While bringing every title through once nothing else is to happen: the sensors tick rarely.
ONCE_PACE: Mapping[str, str] = {"SENSOR_INTERVAL": "300"}
# Seconds for minutes, minutes for hours: a sweep a minute, a promise broken after five.
LIVE_PACE: Mapping[str, str] = {
    "STOCK_WARN_AFTER": str(SWEEP_EVERY_SECONDS),
    "STOCK_FAIL_AFTER": str(5 * SWEEP_EVERY_SECONDS),
    "SENSOR_INTERVAL": "5",
    "FRESHNESS_DAEMON_INTERVAL_SECONDS": "10",
}


def bring_through(stack: Stack, instance: "DagsterInstance", phases: Phases) -> dict[str, Any]:
    """Discovery, stock, covers, queue, products and levels, as two runs; what came of it.

    Raises:
        DemoFailed: a run did not succeed.
    """
    began = time.monotonic()
    with phases.phase("sync_stock", "Signing in, discovering titles, reading stock and covers"):
        read = _run(stack, instance, "scraper", "sync_stock", phases.say)
    with phases.phase("push", "Bringing them to the store"):
        pushed = _run(stack, instance, "storefront", "push", phases.say)
    phases.seconds["sign_in_to_levels"] = round(time.monotonic() - began, 1)
    for run in (read, pushed):
        for step in instance.get_run_step_stats(run.run_id):
            if step.step_key in STEPS and step.start_time and step.end_time:
                phases.seconds[STEPS[step.step_key]] = round(step.end_time - step.start_time, 1)
    phases.seconds["total"] = round(phases.total, 1)
    return summarize(stack, read, pushed, phases)


def _run(stack: Stack, instance: "DagsterInstance", location: str, job: str, tell: Tell) -> RunResult:
    with code_server(stack.common, location) as server:
        run_id = launch(server, job, {}, asked_by="the demo")
    result = follow(instance, run_id, lambda words: tell(f"  {words}"))
    if not result.succeeded:
        raise DemoFailed(f"{job} failed: {result.error} (logs: {stack.supervisor.folder / 'logs'})")
    return result


def summarize(stack: Stack, read: RunResult, pushed: RunResult, phases: Phases) -> dict[str, Any]:
    """The contract's figures. What is in the queue and the store is counted there, not taken from reports."""
    counts: dict[str, int] = {}
    failed: list[FailedTitle] = []
    details: dict[str, Any] = {}
    for report in (*read.reports, *pushed.reports):
        counts |= report["counts"]
        failed += report["failed"]
        details |= report["details"]
    with QueueReader(stack.url("catalog_import", "ingram_queue_reader")) as queue:
        rows = queue.summary().titles
    in_store = counts.get("levels", 0) + counts.get("unmanaged", 0)
    summary = {
        "discovered": counts.get("discovered", 0),
        "stock_read": counts.get("stock_read", 0),
        "stock_unknown": counts.get("stock_unknown", 0),
        "covers_stored": len(stack.covers()),
        "queue_rows": rows,
        "imported": counts.get("imported", 0),
        "products": in_store,
        "levels": counts.get("levels", 0),
        "unmanaged": counts.get("unmanaged", 0),
        "availability": details.get("availability", {}),
        "medusa_version": stack.medusa.version,
        "seconds": phases.seconds,
        "failed": failed,
    }
    found = summary["discovered"]
    summary["complete"] = (
        not failed
        and found > 0
        and found == summary["queue_rows"] == in_store
        and summary["stock_read"] + summary["stock_unknown"] == found
    )
    return summary


def show(summary: Mapping[str, Any], stack: Stack) -> None:
    """The table, the addresses, and how to stop."""
    console = Console(highlight=False)
    table = Table(title="What came through", show_header=False)
    table.add_column("", style="bold")
    table.add_column("", justify="right")
    for name, words in (
        ("discovered", "titles discovered"),
        ("stock_read", "stock read"),
        ("stock_unknown", "no stock table yet"),
        ("covers_stored", "covers in the bucket"),
        ("queue_rows", "rows in the queue"),
        ("imported", "imported just now"),
        ("products", "products in the store"),
        ("levels", "inventory levels"),
    ):
        table.add_row(words, f"{summary[name]:,}")
    table.add_section()
    for status, number in summary["availability"].items():
        table.add_row(status.replace("_", " "), f"{number:,}")
    table.add_section()
    for phase, seconds in summary["seconds"].items():
        table.add_row(f"seconds: {phase.replace('_', ' ')}", f"{seconds:.1f}")
    console.print(table)
    for entry in summary["failed"]:
        console.print(f"[red]{markup(entry['isbn'])}[/red] {markup(entry['reason'])}")
    store = stack.medusa.store
    for name, address in (
        ("Dagster", stack.ui_url),
        ("Desk", stack.desk_url),
        ("", f"(sign in as {stack.medusa.email} with {stack.medusa.password})"),
        ("Its API", f"{stack.desk_url}/api/v1/openapi.json"),
        ("", f"(header Authorization: Bearer {_token(stack)})"),
        ("Store API", f"{stack.medusa.url}/store/products"),
        ("", f"(header x-publishable-api-key: {store.publishable_key})"),
        ("A cover", next(iter(stack.covers()), "none yet")),
        ("Logs", str(stack.supervisor.folder / "logs")),
    ):
        console.print(f"{name:10} {markup(address)}", soft_wrap=True)


def how_to_try(stack: Stack, *, is_shop: bool) -> Iterator[str]:
    """What to type in a second terminal: where a shop's settings are, a command means these."""
    ingram = Path(sys.executable).with_name("ingram")
    if is_shop:
        yield "Every command works on this demo from a second terminal. A shop's settings are here: name it."
        ingram_words = f"{ingram} --env-dir {stack.settings}"
    else:
        yield "Every command works on this demo from a second terminal, without settings:"
        ingram_words = str(ingram)
    isbn = next(iter(stack.simulator.isbns()), "ISBN")
    for words in ("status", "push --dry-run", f"explain {isbn}", "runs"):
        yield f"    {ingram_words} {words}"


def _token(stack: Stack) -> str:
    """A token of this start, to try the desk with."""
    with TokenStore(stack.url("storefront", "storefront")) as tokens:
        _, text = tokens.create(f"demo {time.strftime('%Y-%m-%d %H:%M:%S')}", "admin", by="demo")
    return text


def keep_going(stack: Stack, instance: "DagsterInstance", *, is_shop: bool) -> None:
    """The simulator sells and restocks; a line for each change that reached the store, until Ctrl-C."""
    console = Console(highlight=False)
    console.print(
        f"\nIngram sells and restocks every {SALES_EVERY_SECONDS} s; the stock is read every "
        f"{SWEEP_EVERY_SECONDS} s or so. Changes appear here as they reach the store. Ctrl-C stops all."
    )
    for line in how_to_try(stack, is_shop=is_shop):
        console.print(markup(line), soft_wrap=True)
    console.print()
    stack.simulator.move_every(SALES_EVERY_SECONDS)
    with contextlib.suppress(KeyboardInterrupt):
        for line in _changes(instance):
            console.print(markup(line), soft_wrap=True)


def _changes(instance: "DagsterInstance") -> Iterator[str]:
    """A line per level that a push wrote, for ever, from Dagster's own events."""
    from dagster import AssetRecordsFilter

    from ingram_assets.defs.keys import INVENTORY_LEVELS

    latest = instance.fetch_materializations(INVENTORY_LEVELS, limit=1).records
    after = latest[0].storage_id if latest else 0
    while True:
        wanted = AssetRecordsFilter(INVENTORY_LEVELS, after_storage_id=after)
        for record in instance.fetch_materializations(wanted, limit=500, ascending=True).records:
            after = record.storage_id
            event = record.asset_materialization
            said = {name: value.value for name, value in event.metadata.items()} if event else {}
            if said.get("outcome") == "written" and said.get("before") != said.get("after"):
                status = str(said.get("status", "")).replace("_", " ")
                yield (
                    f"{record.partition_key} {said.get('title', '')} "
                    f"{_copies(said.get('before'))} → {_copies(said.get('after'))}, {status}"
                )
        time.sleep(1)


def _copies(level: Any) -> str:
    return "–" if level is None else f"{level:g}"
