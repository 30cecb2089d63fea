"""A run's progress while it is at work, and its report at the end."""

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ingram_assets.cli.common import DONE, SOME_FAILED, STOPPED, WRONG_USE
from ingram_assets.cli.terminal import console, in_shop_zone, markup, say
from ingram_assets.domain.formatting import count
from ingram_assets.overview.run_ids import SHORT

if TYPE_CHECKING:
    from ingram_assets.defs.events import Report
    from ingram_assets.overview.run_results import RunResult


_SHOWN = 20
"""At most so many changed titles are printed of what was done; all of a plan."""
_WORDS: Mapping[str, tuple[str, str]] = {
    "created": ("new in the store", ""),
    "updated": ("products brought up to date", ""),
    "would_create": ("", "would be new in the store"),
    "would_switch_over": ("", "that are sold without a count would be counted"),
    "would_turn_to_zero": ("", "would be set to zero"),
    "would_reprice": ("", "would have another price"),
    "would_change": ("", ""),
    "would_update": ("", "products would be brought up to date"),
    "written": ("changed in the store", ""),
    "planned": ("", "would be changed in the store"),
    "unchanged": ("already as they should be", "are as they should be"),
    "skipped": ("left as they are", "would be left as they are"),
    "failed": ("failed", "would fail"),
    "not_in_store_yet": ("not in the store yet", "would still not be in the store"),
    "levels": ("with copies that the store counts", "with copies that the store counts"),
    "unmanaged": ("are sold without a count, as files are", "would be sold without a count, as files are"),
    "repaired": ("put right: somebody else had changed them", ""),
    "would_be_repaired": ("", "would be put right: somebody changed them"),
    "oversold": ("promised to more orders than there are copies",) * 2,
    "fell_to_low_stock": ("fell to low stock", ""),
    "would_fall_to_low_stock": ("", "would fall to low stock"),
    "undone": ("put back", "would be put back"),
    "left": ("left as they are now", "would be left as they are now"),
    "removed": ("taken out of the store", "would be taken out of the store"),
    "retired": ("retired", ""),
    **dict.fromkeys(("discovered", "new", "known", "rejected"), ("", "")),  # they are a sentence
    "ok": ("pages read", ""),
    "stock_read": ("with stock read", ""),
    "stock_unknown": ("whose page shows no stock", ""),
    "stock_changed": ("whose stock changed", ""),
    "covers_stored": ("covers stored", ""),
    "imported": ("", ""),
    "medusa_reads": ("", ""),
    "medusa_writes": ("", ""),
}
"""A report's figures in words of the trade, as what happened and as what would; "": not for a person."""


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


def whole_report(result: "RunResult") -> "Report":
    """What the steps of a run report, as one."""
    from ingram_assets.defs.events import Report

    report = Report("")
    for step in result.reports:
        report.counts |= step["counts"]
        for failed in step["failed"]:
            report.fail(**failed)
        report.notes += step["notes"]
        report.details |= step["details"]
    return report


def finish(result: "RunResult", as_json: bool, **more: Any) -> NoReturn:
    """Print a run's report and leave with the contract's exit code. `more`: told a program, too."""
    report = whole_report(result)
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
            **more,
        }
        click.echo(json.dumps(said))
    else:
        print_report(result, report)
    sys.exit(code)


def print_report(result: "RunResult", report: "Report") -> None:
    """A run's report for a person."""
    from rich.table import Table

    out = console()
    is_plan = bool(report.details.get("dry_run"))
    for headline in _headlines(report.counts, is_plan=is_plan):
        out.print(headline)
    lines = list(_changes(report.details))
    # A plan is looked at whole before it is let through; what was done can be looked up.
    shown = lines if is_plan else lines[:_SHOWN]
    for line in shown:
        out.print(line, soft_wrap=True)
    if len(lines) > len(shown):
        out.print(f"… and more: ingram runs {result.run_id[:SHORT]}")
    table = Table("", "titles", box=None, show_header=False)
    for words, number in _counted(report.counts, is_plan=is_plan):
        table.add_row(count(number), words)
    if table.row_count:
        out.print(table)
    for note in report.notes:
        out.print(markup(in_shop_zone(note)))
    for isbn, reason in report.failed.items():
        out.print(f"[red]{markup(isbn)}[/red] {markup(in_shop_zone(reason))}")
    if not (shown or table.row_count or report.notes or report.failed) and result.succeeded:
        out.print("Nothing would change." if is_plan else "Nothing was to be done.")
    out.print(f"Run {result.run_id}, {result.seconds:.0f} s.", style="dim")
    if not result.succeeded:
        say(result.error or "The run failed; its log in Dagster says why.", err=True, fg="red")


def _headlines(counts: Mapping[str, int], *, is_plan: bool) -> Iterator[str]:
    """A plan: nothing was written. 98 titles: 12 would be new, 86 known, 2 lines not understood."""
    if is_plan:
        yield "[bold]A plan: nothing was written.[/bold]"
    if (titles := counts.get("discovered")) is None:
        return
    new = "would be new" if is_plan else "new"
    told = (("new", new), ("known", "known"))
    words = [f"{count(counts[name])} {said}" for name, said in told if name in counts]
    if rejected := counts.get("rejected"):
        words.append(f"{count(rejected)} line{'' if rejected == 1 else 's'} not understood")
    yield f"{count(titles)} title{'' if titles == 1 else 's'}{': ' if words else ''}{', '.join(words)}."


def _counted(counts: Mapping[str, int], *, is_plan: bool) -> Iterator[tuple[str, int]]:
    """The figures that say something: none of nothing, and none of the machine's own."""
    for name, number in counts.items():
        words = _WORDS[name][is_plan] if name in _WORDS else name.replace("_", " ")
        if words and number:
            yield words, number


def _changes(details: Mapping[str, Any]) -> Iterator[str]:
    """Each title that was or would be changed: before and after, in a plan also why."""
    for isbn, change in details.get("changes", {}).items():
        label = f", {change['label']}" if change.get("label") else ""
        level = f"{_level(change['before'])} → {_level(change['after'])}"
        if change["before"] == change["after"]:
            level = f"{_level(change['after'])} as before"
        yield f"[bold]{markup(isbn)}[/bold] {markup(change['title'])}: {level}{markup(label)}"
        if details.get("dry_run"):
            yield from (f"    {markup(in_shop_zone(reason))}" for reason in change["reasons"])
    for isbn, title in details.get("new", {}).items():
        yield f"[bold]{markup(isbn)}[/bold] {markup(title)}".rstrip()
    verb = "would put back" if details.get("dry_run") else "put back"
    for isbn, what in details.get("undone", {}).items():
        yield f"[bold]{markup(isbn)}[/bold] {verb}: {markup('; '.join(what))}"
    for isbn, why in details.get("left", {}).items():
        yield f"[bold]{markup(isbn)}[/bold] left: {markup(in_shop_zone(' '.join(why)))}"
    if legacy := details.get("legacy"):
        yield "[bold]Sold without a count today, and what becomes of them:[/bold]"
    for one in legacy or ():
        yield f"    {markup(one['number'])} {markup(one['title'])}: {markup(one['becomes'])}"


def _level(copies: float | None) -> str:
    return "no level" if copies is None else f"{copies:g}"


def _exit_code(result: "RunResult", report: "Report") -> int:
    if result.stopped:
        return STOPPED
    if result.kind in ("needs_person", "sign_in"):
        return WRONG_USE
    return SOME_FAILED if report.failed or not result.succeeded else DONE
