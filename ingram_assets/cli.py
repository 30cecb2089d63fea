"""The `ingram` command: what people type. Every command that changes something starts a Dagster run."""

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ingram_assets.domain.failures import IngramError, NeedsPerson, Stopped, of_the_disk
from ingram_assets.domain.isbn import InvalidIsbn, parse_isbn
from ingram_assets.proxies import sparing_this_machine
from ingram_assets.terminal import markup, say

if TYPE_CHECKING:
    from ingram_assets.runs import RunResult

DONE, SOME_FAILED, WRONG_USE, STOPPED = 0, 1, 2, 3


class _Isbn(click.ParamType):
    name = "ISBN"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return parse_isbn(value)
        except InvalidIsbn as error:
            self.fail(str(error), param, ctx)


ISBN = _Isbn()
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line.")
let_through = click.option(
    "--let-through", is_flag=True, help="You looked at what a guardrail stopped, and it is right."
)


def _fail(sentence: str, code: int, as_json: bool, **more: Any) -> NoReturn:
    """Say what went wrong, in words and for a program, and leave with the code."""
    say(sentence, err=True, fg="red")
    if as_json:
        click.echo(json.dumps({"ok": False, "error": sentence, **more}))
    sys.exit(code)


def _told_plainly(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn our own errors into one sentence and an exit code, and an interrupt into a clean stop."""

    @wraps(command)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        # A stop asked for in another way (a service manager, a closed terminal, a script's background job,
        # which starts with SIGINT ignored) is the same clean stop as Ctrl-C.
        for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(asked, signal.default_int_handler)
        try:
            return command(*args, **kwargs)
        except Stopped as error:
            _fail(str(error), STOPPED, kwargs.get("as_json", False))
        except NeedsPerson as error:
            _fail(str(error), WRONG_USE, kwargs.get("as_json", False))
        except IngramError as error:
            _fail(str(error), SOME_FAILED, kwargs.get("as_json", False))
        except OSError as error:
            if (told := of_the_disk(error)) is None:
                raise
            _fail(str(told), WRONG_USE, kwargs.get("as_json", False))
        except KeyboardInterrupt:
            _fail("Stopped.", 130, kwargs.get("as_json", False))

    return wrapper


class _Commands(click.Group):
    """The commands; with --json, wrong usage too ends in an object on the last line."""

    def main(self, *args: Any, **more: Any) -> Any:
        words = list(args[0] if args and args[0] is not None else more.get("args") or sys.argv[1:])
        if "--json" not in words or not more.get("standalone_mode", True):
            return super().main(*args, **more)
        try:
            code = super().main(*args, **more | {"standalone_mode": False})
        except click.ClickException as error:
            error.show()
            click.echo(json.dumps({"ok": False, "error": error.format_message()}))
            code = error.exit_code
        sys.exit(code if isinstance(code, int) else DONE)


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="ingram-assets")
def main() -> None:
    """Keeps a Medusa bookstore's stock honest with Ingram iPage.

    \b
    See it work:            ingram demo
    Run it for real:        ingram queue migrate && ingram up
    Read the stock now:     ingram sync-stock
    Bring it to the store:  ingram push
    Ask about one title:    ingram explain 9781639739134
    Take a run back:        ingram undo RUN_ID

    Exit codes: 0 done, 1 some titles failed (each named), 2 wrong usage or settings, 3 stopped by a
    guardrail or a block.
    """
    # Before anything here asks for a proxy: gRPC does, which talks to our own code servers.
    os.environ.update(sparing_this_machine(os.environ))


@main.command()
@click.argument("search_id", required=False)
@let_through
@as_json
@_told_plainly
def sync_stock(search_id: str | None, let_through: bool, as_json: bool) -> None:
    """Discover the saved search's titles, then read every tracked title's stock into the queue.

    \b
    ingram sync-stock               the search of IPAGE_SAVED_SEARCH_ID
    ingram sync-stock 1234567       another one; its titles are tracked from now on
    """
    from ingram_assets.runs import ROOT
    from ingram_assets.settings import ScraperSettings, SettingsError, environment_of, load

    if not (search_id or load(ScraperSettings, environment_of("scraper", ROOT)).IPAGE_SAVED_SEARCH_ID):
        raise SettingsError(
            "IPAGE_SAVED_SEARCH_ID is missing: set it, or name the search: ingram sync-stock ID."
        )
    config = {
        "ops": {
            "ipage__saved_search": {"config": {"search_id": search_id or "", "let_through": let_through}},
            "ipage__stock_sweep": {"config": {"let_through": let_through}},
        }
    }
    _finish(_run("scraper", "sync_stock", config), as_json)


@main.command()
@click.argument("isbns", metavar="ISBN...", nargs=-1, required=True, type=ISBN)
@as_json
@_told_plainly
def enrich(isbns: tuple[str, ...], as_json: bool) -> None:
    """Read details, stock and cover of these titles into the queue; new ones are tracked from now on.

    \b
    ingram enrich 9780306406157
    ingram enrich 0-306-40615-2 978-1-63973-913-4
    """
    config = {"ops": {"enrich_titles": {"config": {"isbns": list(dict.fromkeys(isbns))}}}}
    _finish(_run("scraper", "enrich", config), as_json)


@main.command()
@click.argument("isbns", metavar="ISBN...", nargs=-1, required=True, type=ISBN)
@as_json
@_told_plainly
def retire(isbns: tuple[str, ...], as_json: bool) -> None:
    """Stop tracking these titles. Their products stay in the store as they are; enrich takes a title back.

    \b
    ingram retire 9780306406157
    """
    config = {"ops": {"retire_titles": {"config": {"isbns": list(dict.fromkeys(isbns))}}}}
    _finish(_run("scraper", "retire", config), as_json)


@main.command()
@click.argument("isbns", metavar="[ISBN]...", nargs=-1, type=ISBN)
@click.option("--dry-run", is_flag=True, help="Print what would change, per title; write nothing.")
@let_through
@as_json
@_told_plainly
def push(isbns: tuple[str, ...], dry_run: bool, let_through: bool, as_json: bool) -> None:
    """Bring the queue to Medusa: new products, then every level and flag that differs.

    \b
    ingram push                     all titles
    ingram push --dry-run           what would change
    ingram push 9780306406157       this title alone
    """
    config = {"isbns": list(dict.fromkeys(isbns)), "dry_run": dry_run, "let_through": let_through}
    _finish(_run("storefront", "push", {"ops": {"push_titles": {"config": config}}}), as_json)


@main.command()
@click.argument("run_id")
@click.option("--dry-run", is_flag=True, help="Print what would be put back, per title; write nothing.")
@as_json
@_told_plainly
def undo(run_id: str, dry_run: bool, as_json: bool) -> None:
    """Put back what a run changed in the store, title by title, where nobody changed it since.

    RUN_ID is what ingram push prints at its end, and what Dagster's UI shows of a run.

    \b
    ingram undo 0b7e4c1e-3f52-4f0f-9c1d-2a60a3f4b7aa --dry-run
    ingram undo 0b7e4c1e-3f52-4f0f-9c1d-2a60a3f4b7aa

    The next push brings levels in step with the rules again: correct what misled the run first.
    """
    config = {"run_id": run_id.strip(), "dry_run": dry_run}
    _finish(_run("storefront", "undo", {"ops": {"undo_run": {"config": config}}}), as_json)


@main.command()
@click.argument("isbn", type=ISBN)
@as_json
@_told_plainly
def history(isbn: str, as_json: bool) -> None:
    """A title's stock readings and store changes, in one line of time.

    \b
    ingram history 9781639739134
    ingram history 978-1-63973-913-4 --json
    """
    from ingram_assets.one_title import show_history

    show_history(isbn, as_json)


@main.command()
@click.argument("isbn", type=ISBN)
@as_json
@_told_plainly
def explain(isbn: str, as_json: bool) -> None:
    """Why the store shows what it shows of a title: the reading, the rule, the level, the label.

    \b
    ingram explain 9781639739134
    ingram explain 978-1-63973-913-4 --json
    """
    from ingram_assets.one_title import show_explanation

    show_explanation(isbn, as_json)


@main.command()
@as_json
@_told_plainly
def status(as_json: bool) -> None:
    """Counts, the oldest stock reading, what runs low, and what is broken now.

    \b
    ingram status
    ingram status --json
    """
    from ingram_assets.status import show_status

    show_status(as_json)


@main.command()
@as_json
@_told_plainly
def up(as_json: bool) -> None:
    """Run it for real: migrations, three code servers, web server, daemon. Ctrl-C stops all.

    Settings come from .env, .env.scraper, .env.storefront and .env.operations (see the .example files).
    With --json the line that says where it answers is an object.

    \b
    ingram up
    """
    from ingram_assets.up import run_up

    run_up(as_json=as_json)


@main.command()
@click.option("--once", is_flag=True, help="Bring every title through once, then stop everything.")
@as_json
@_told_plainly
def demo(once: bool, as_json: bool) -> None:
    """Watch it work on this machine: a simulated iPage, a real Medusa, and everything between.

    \b
    ingram demo                     stays up, sells and restocks, until Ctrl-C
    ingram demo --once --json       once through; the last line is the result
    """
    from ingram_assets.demo.show import run_demo

    sys.exit(run_demo(once=once, as_json=as_json))


@main.group()
def queue() -> None:
    """The queue database."""


@queue.command()
@as_json
@_told_plainly
def migrate(as_json: bool) -> None:
    """Create or upgrade the queue's tables, functions and roles. Safe to repeat.

    Needs QUEUE_OWNER_DB_URL: a role that may create roles and tables. The roles are made without a
    password; give them one: ALTER ROLE ingram_queue_writer PASSWORD '…'.

    \b
    ingram queue migrate
    """
    from ingram_assets.runs import ROOT
    from ingram_assets.up import migrate_queue

    result = migrate_queue(ROOT)
    if as_json:
        click.echo(json.dumps({"ok": True, **result}))
    else:
        click.echo(f"The queue is at version {result['version']}.")
        for note in result.get("notes", []):
            click.echo(note, err=True)


@queue.command("let-in")
@click.argument("titles", type=click.IntRange(min=0))
@as_json
@_told_plainly
def let_in(titles: int, as_json: bool) -> None:
    """Let TITLES new titles in beyond what the queue takes in a day, until they are used up.

    The queue takes 500 new titles a day, or a tenth of what it has, so that a stolen password of its writer
    fills no shop. A queue without any stock takes 20,000. Needs QUEUE_OWNER_DB_URL.

    \b
    ingram queue let-in 3000        then repeat what said that titles wait
    """
    from ingram_assets.runs import ROOT
    from ingram_assets.up import let_in

    let_in(ROOT, titles)
    if as_json:
        click.echo(json.dumps({"ok": True, "let_in": titles}))
    else:
        click.echo(f"{titles:,} new titles are let in beyond the day's number. Now repeat what was refused.")


@main.group()
def alert() -> None:
    """Who is told when the promise breaks."""


@alert.command("test")
@as_json
@_told_plainly
def alert_test(as_json: bool) -> None:
    """Send a test alert to every target of ALERT_URLS, and say which took it.

    \b
    ingram alert test
    """
    from ingram_assets.locations.operations.delivery import send_test
    from ingram_assets.runs import ROOT
    from ingram_assets.settings import OperationsSettings, SettingsError, environment_of, load

    urls = load(OperationsSettings, environment_of("operations", ROOT)).ALERT_URLS
    if not urls:
        raise SettingsError("ALERT_URLS is missing: set it in .env.operations (see .env.operations.example).")
    sent = send_test([url.get_secret_value() for url in urls])
    for one in sent:
        say(f"{one.target}: {'took it' if one.ok else one.reason}", err=as_json)
    ok = all(one.ok for one in sent)
    if as_json:
        targets = [{"target": one.target, "ok": one.ok, "reason": one.reason} for one in sent]
        click.echo(json.dumps({"ok": ok, "targets": targets}))
    sys.exit(DONE if ok else SOME_FAILED)


def _run(location: str, job: str, run_config: Mapping[str, Any]) -> "RunResult":
    """Start a job's run where its secrets are, follow it, and return what it reports."""
    from ingram_assets.runs import ROOT, code_location, dagster_instance, follow, launch, told_if_away
    from ingram_assets.settings import LOCATIONS, CommonSettings, Pace, check, environment_of, load

    environment = environment_of(location, ROOT)
    check(environment, LOCATIONS[location], CommonSettings, Pace)
    common = load(CommonSettings, environment)
    with _progress(job) as tell, dagster_instance(common) as instance, told_if_away():
        tell("starting")
        with code_location(instance, common, location) as (workspace, queued):
            run = launch(instance, workspace, job, run_config, queued=queued)
            return follow(instance, run.run_id, tell, goes_on=queued)


@contextmanager
def _progress(job: str) -> Iterator[Callable[[str], None]]:
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


def _finish(result: "RunResult", as_json: bool) -> None:
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
    if result.kind == "needs_person":
        return WRONG_USE
    return SOME_FAILED if failed or not result.succeeded else DONE


if __name__ == "__main__":
    main()
