"""A run's progress while it is at work, and its report at the end."""

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from ingram_assets.cli.common import DONE, SOME_FAILED, STOPPED, WRONG_USE
from ingram_assets.cli.terminal import markup, say

if TYPE_CHECKING:
    from ingram_assets.cli.runs import RunResult


@contextmanager
def progress(job: str) -> Iterator[Callable[[str], None]]:
    """A bar on a terminal, a line per step elsewhere; always on standard error."""
    if not sys.stderr.isatty():
        yield lambda words: say(f"{job}: {words}", err=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(job, total=None)

        def tell(words: str) -> None:
            count = re.search(r"([\d,]+) of ([\d,]+)", words)
            done, total = (int(part.replace(",", "")) for part in count.groups()) if count else (0, None)
            bar.update(task, description=markup(f"{job}: {words}"), completed=done, total=total)

        yield tell


def finish(result: "RunResult", as_json: bool) -> None:
    """Print a run's report and leave with the contract's exit code."""
    from rich.console import Console
    from rich.table import Table

    counts: dict[str, int] = {}
    failed: list[dict[str, str]] = []
    notes: list[str] = []
    details: dict[str, Any] = {}
    for report in result.reports:
        counts |= report["counts"]
        failed += report["failed"]
        notes += report["notes"]
        details |= report["details"]
    code = _exit_code(result, failed)
    if as_json:
        click.echo(
            json.dumps(
                {
                    # Counts first: one of them is called "ok" as well, the pages that were.
                    **counts,
                    **details,
                    "ok": code == DONE,
                    "run_id": result.run_id,
                    "seconds": round(result.seconds, 1),
                    "failed": failed,
                    "notes": notes,
                    "stopped": result.stopped,
                    "error": None if result.succeeded else result.error,
                }
            )
        )
        sys.exit(code)
    console = Console(highlight=False)
    if counts:
        table = Table("", "titles", box=None, show_header=False)
        for name, count in counts.items():
            table.add_row(name.replace("_", " "), f"{count:,}")
        console.print(table)
    for line in _changes(details):
        console.print(line, soft_wrap=True)
    for note in notes:
        console.print(markup(note))
    for entry in failed:
        console.print(f"[red]{markup(entry['isbn'])}[/red] {markup(entry['reason'])}")
    console.print(f"Run {result.run_id}, {result.seconds:.0f} s.", style="dim")
    if not result.succeeded:
        say(result.error or "The run failed; its log in Dagster says why.", err=True, fg="red")
    sys.exit(code)


def _changes(details: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a dry run, or of an undo: each title, before and after, and why."""
    if details.get("dry_run"):
        for isbn, change in details.get("changes", {}).items():
            label = f", {change['label']}" if change.get("label") else ""
            level = f"{_level(change['before'])} → {_level(change['after'])}"
            yield f"[bold]{markup(isbn)}[/bold] {markup(change['title'])}: {level}{markup(label)}"
            yield from (f"    {markup(reason)}" for reason in change["reasons"])
    verb = "would put back" if details.get("dry_run") else "put back"
    for isbn, what in details.get("undone", {}).items():
        yield f"[bold]{markup(isbn)}[/bold] {verb}: {markup('; '.join(what))}"
    for isbn, why in details.get("left", {}).items():
        yield f"[bold]{markup(isbn)}[/bold] left: {markup(' '.join(why))}"


def _level(copies: float | None) -> str:
    return "no level" if copies is None else f"{copies:g}"


def _exit_code(result: "RunResult", failed: list[dict[str, str]]) -> int:
    if result.stopped:
        return STOPPED
    if result.kind in ("needs_person", "sign_in"):
        return WRONG_USE
    return SOME_FAILED if failed or not result.succeeded else DONE
