"""A run's progress while it is at work, and its report at the end."""

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ingram_assets.cli.common import DONE, SOME_FAILED, STOPPED, WRONG_USE
from ingram_assets.cli.terminal import markup, say
from ingram_assets.domain.wording import count

if TYPE_CHECKING:
    from ingram_assets.defs.events import Report
    from ingram_assets.overview.run_results import RunResult


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
            found = re.search(r"([\d,]+) of ([\d,]+)", words)
            done, total = (int(part.replace(",", "")) for part in found.groups()) if found else (0, None)
            bar.update(task, description=markup(f"{job}: {words}"), completed=done, total=total)

        yield tell


def finish(result: "RunResult", as_json: bool) -> NoReturn:
    """Print a run's report and leave with the contract's exit code."""
    from ingram_assets.defs.events import Report

    report = Report("")
    for step in result.reports:
        report.counts |= step["counts"]
        for failed in step["failed"]:
            report.fail(**failed)
        report.notes += step["notes"]
        report.details |= step["details"]
    code = _exit_code(result, report)
    if as_json:
        said = {
            # Counts first: one of them is called "ok" as well, the pages that were.
            **report.counts,
            **report.details,
            "ok": code == DONE,
            "run_id": result.run_id,
            "seconds": round(result.seconds, 1),
            "failed": report.failed_titles,
            "notes": report.notes,
            "stopped": result.stopped,
            "error": None if result.succeeded else result.error,
        }
        click.echo(json.dumps(said))
    else:
        _print(result, report)
    sys.exit(code)


def _print(result: "RunResult", report: "Report") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if report.counts:
        table = Table("", "titles", box=None, show_header=False)
        for name, number in report.counts.items():
            table.add_row(name.replace("_", " "), count(number))
        console.print(table)
    for line in _changes(report.details):
        console.print(line, soft_wrap=True)
    for note in report.notes:
        console.print(markup(note))
    for isbn, reason in report.failed.items():
        console.print(f"[red]{markup(isbn)}[/red] {markup(reason)}")
    console.print(f"Run {result.run_id}, {result.seconds:.0f} s.", style="dim")
    if not result.succeeded:
        say(result.error or "The run failed; its log in Dagster says why.", err=True, fg="red")


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


def _exit_code(result: "RunResult", report: "Report") -> int:
    if result.stopped:
        return STOPPED
    if result.kind in ("needs_person", "sign_in"):
        return WRONG_USE
    return SOME_FAILED if report.failed or not result.succeeded else DONE
