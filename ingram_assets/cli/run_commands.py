"""Commands that start a run: sync-stock, discover, enrich, retire, push, undo."""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ingram_assets.cli.common import (
    SOME_FAILED,
    fail,
    is_to_ask,
    isbn_arguments,
    isbn_type,
    let_through,
    person,
    with_json,
)
from ingram_assets.cli.run_progress import finish, progress
from ingram_assets.cli.terminal import one_line, say
from ingram_assets.overview import job_requests
from ingram_assets.overview.run_ids import LIKE_A_RUN, is_run_name, no_line

if TYPE_CHECKING:
    from ingram_assets.overview.run_results import RunResult


def _search(value: str) -> str:
    """A saved search as a person names it, by its number or an address; its host is looked at later."""
    from ingram_assets.domain.saved_searches import NoSearch, named_search

    if Path(value).is_file():
        raise click.BadParameter(f"{value!r} is a file: ingram discover --file {value}")
    try:
        named_search(value, None)
    except NoSearch as error:
        raise click.BadParameter(f"{value!r} is none: {error}.") from None
    return value


def _run_id(value: str) -> str:
    """What can be undone: a run's id or the beginning of it, or an inventory operation's id or line."""
    run_id = value.strip().lower()
    if not is_run_name(run_id) and not re.fullmatch(r"[0-9]{1,18}", run_id):
        raise click.BadParameter(
            f"{value!r} is no run's id: {LIKE_A_RUN}. ingram runs lists them. Nor is it the "
            "number of a line of ingram stock ledger."
        )
    return run_id


@click.command()
@click.argument("search_id", required=False, type=_search)
@let_through
@with_json
def sync_stock(search_id: str | None, let_through: bool, as_json: bool) -> None:
    r"""Discover the saved search's titles, then read every tracked title's stock into the queue.

    \b
    ingram sync-stock               the search of IPAGE_SAVED_SEARCH_ID
    ingram sync-stock 1234567       another one; its titles are tracked from now on
    """
    finish(run_job(job_requests.sync_stock(_search_to_read(search_id), let_through=let_through)), as_json)


def _search_to_read(search: str | None) -> str:
    """The search that is named, as the site is asked for it; empty: that of the settings.

    Raises:
        SettingsError: neither is there, or another setting of the scraper is missing or malformed.
    """
    from ingram_assets.domain.saved_searches import NoSearch, named_search
    from ingram_assets.settings.base import SettingsError
    from ingram_assets.settings.environment import environment_of
    from ingram_assets.settings.files import own_file
    from ingram_assets.settings.loading import load
    from ingram_assets.settings.scraper import ScraperSettings

    given = environment_of("scraper")
    if search:
        given.pop("IPAGE_SAVED_SEARCH_ID", None)  # Not asked for, so it is no matter what it says.
    settings = load(ScraperSettings, given)
    if search:
        try:
            return named_search(search, settings.IPAGE_BASE_URL)
        except NoSearch as error:
            raise click.BadParameter(f"{search!r} is none: {error}.", param_hint="'SEARCH'") from None
    if not settings.IPAGE_SAVED_SEARCH_ID:
        file, command = own_file(ScraperSettings.file), click.get_current_context().info_name
        raise SettingsError(
            f"IPAGE_SAVED_SEARCH_ID is missing: set it in {file}, or name the search: ingram {command} ID. "
            "Or hand in a file that lists its titles: ingram discover --file FILE."
        )
    return ""


@click.command()
@click.argument("search", required=False, nargs=-1)
@click.option(
    "--file",
    "files",
    metavar="FILE...",
    multiple=True,
    help="Take the titles from files: an export, a page of results saved by the browser, or a list of ISBNs; "
    "- is what is piped in.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be tracked; track nothing.")
@let_through
@with_json
def discover(
    search: tuple[str, ...], files: tuple[str, ...], dry_run: bool, let_through: bool, as_json: bool
) -> None:
    r"""Track the titles of the saved search, or those that files list. None is ever taken away.

    SEARCH is the saved search's number, or an address copied from the browser: of its page of results, or of
    its Download link. Without it, the search of IPAGE_SAVED_SEARCH_ID.

    \b
    ingram discover                             the saved search, as it is done weekly
    ingram discover 'https://…' --dry-run       what an address leads to
    ingram discover --file export.xlsx          an export
    ingram discover --file page1.html page2.html    pages of results, saved by the browser
    pbpaste | ingram discover --file - --dry-run    a list of ISBNs
    """
    from ingram_assets.cli.listed_files import read_files

    if files:
        if let_through:
            raise click.UsageError("--let-through is for a search that shrank: a file takes no title away.")
        finish(_with_those_to_be_read(run_job(read_files((*files, *search), dry_run=dry_run))), as_json)
    if len(search) > 1:
        raise click.UsageError("Name one search; or files, with --file before them.")
    named = _search_to_read(_search(search[0]) if search else None)
    finish(run_job(job_requests.discover(named, dry_run=dry_run, let_through=let_through)), as_json)


def _with_those_to_be_read(tracked: "RunResult") -> "RunResult":
    """The run, and one that reads the pages of those whose titles nobody knows: then they are tracked."""
    from ingram_assets.defs.scraper.discovery import TO_BE_READ

    unread = [isbn for report in tracked.reports for isbn in report["details"].pop(TO_BE_READ, ())]
    if not unread:
        return tracked
    read = run_job(job_requests.read_titles(unread))
    for report in tracked.reports:
        report["counts"]["new"] += sum(step["counts"].get("ok", 0) for step in read.reports)
    return replace(read, reports=[*tracked.reports, *read.reports], seconds=tracked.seconds + read.seconds)


@click.command()
@isbn_arguments
@with_json
def enrich(isbns: tuple[str, ...], as_json: bool) -> None:
    r"""Read details, stock and cover of these titles into the queue; new ones are tracked from now on.

    \b
    ingram enrich 9780306406157
    ingram enrich 0-306-40615-2 978-1-63973-913-4
    """
    finish(run_job(job_requests.read_titles(isbns)), as_json)


@click.command()
@isbn_arguments
@with_json
def retire(isbns: tuple[str, ...], as_json: bool) -> None:
    r"""Stop tracking these titles. Their products stay in the store as they are; enrich takes a title back.

    \b
    ingram retire 9780306406157
    """
    finish(run_job(job_requests.retire_titles(isbns)), as_json)


@click.command()
@click.argument("isbns", metavar="[ISBN]...", nargs=-1, type=isbn_type)
@click.option("--dry-run", is_flag=True, help="Print what would change, per title; write nothing.")
@let_through
@click.option(
    "--reimport",
    metavar="ISBN",
    multiple=True,
    type=isbn_type,
    help="Import this title anew, though it was imported: its product was deleted, say. May be repeated.",
)
@click.option(
    "--leave-out",
    metavar="ISBN",
    multiple=True,
    type=isbn_type,
    help="Push all titles but this one, this once. May be repeated.",
)
@with_json
def push(
    isbns: tuple[str, ...],
    dry_run: bool,
    let_through: bool,
    reimport: tuple[str, ...],
    leave_out: tuple[str, ...],
    as_json: bool,
) -> None:
    r"""Bring the queue to Medusa: new products, then every level and flag that differs.

    \b
    ingram push                     all titles
    ingram push --dry-run           what would change
    ingram push 9780306406157       this title alone
    ingram push --reimport 9780306406157    the same, as if it had never been in the store
    ingram push --leave-out 9780306406157   all titles but this one
    """
    if leave_out and (isbns or reimport):
        raise click.UsageError("--leave-out is for a push of all titles: name no ISBN beside it.")
    request = job_requests.push_titles(
        isbns, dry_run=dry_run, let_through=let_through, reimport=reimport, leave_out=leave_out
    )
    finish(run_job(request), as_json)


@click.command()
@click.argument("run_id", type=_run_id)
@click.option("--dry-run", is_flag=True, help="Print what would be put back, per title; write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before a run is taken back: for scripts.")
@with_json
def undo(run_id: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    r"""Put back what a run changed in the store, title by title, where nobody changed it since.

    RUN_ID is what ingram push prints at its end and ingram runs lists, or the beginning of it, four
    characters at least. The run is named, and you are asked. A script that has looked says --yes: where
    nobody can be asked, in a pipe or with --json, nothing is put back without it.

    For an inventory operation it is its id, or the number of its line in ingram stock ledger: as many copies
    as it moved are moved back, and what it held or let go is let go or held again, whatever came since. A
    number of fewer than eight digits is a line's.

    \b
    ingram undo 0b7e4c1e --dry-run
    ingram undo 0b7e4c1e
    ingram undo 0b7e4c1e --yes
    ingram undo 1187

    The next push brings levels in step with the rules again: correct what misled the run first.
    """
    from ingram_assets.cli.run_list import sentence_of
    from ingram_assets.cli.stock import undo_operation
    from ingram_assets.cli.title import run_to_undo

    if undo_operation(run_id, dry_run, as_json):
        return
    no_line(run_id)
    meant = run_to_undo(run_id)
    command = f"ingram undo {run_id}"
    asks = not dry_run and is_to_ask("names what it would take back", command, yes=yes, as_json=as_json)
    verb = "Would take back" if dry_run else "Taking back"
    say(one_line(f"{verb}: {sentence_of(meant)}"), err=True)
    if asks and not click.confirm("Put this back?", err=True):
        fail("Nothing was put back.", SOME_FAILED, as_json)
    finish(run_job(job_requests.undo_run(meant, dry_run=dry_run)), as_json)


def run_job(request: job_requests.JobRequest) -> "RunResult":
    """Start a job's run where its secrets are, follow it, and return what it reports.

    Raises:
        NeedsPerson: MODE says observe here, and not to the `ingram up` at work, or the other way round.
    """
    from ingram_assets.cli.launch import code_server, follow, launch
    from ingram_assets.runtime.instance import dagster_instance, told_if_away
    from ingram_assets.runtime.started_with import refuse_if_observed
    from ingram_assets.settings.environment import environment_of
    from ingram_assets.settings.file_of_setting import LOCATIONS
    from ingram_assets.settings.loading import check, load
    from ingram_assets.settings.shared import CommonSettings, PaceSettings

    environment = environment_of(request.location)
    check(environment, LOCATIONS[request.location], CommonSettings, PaceSettings)
    common = load(CommonSettings, environment)
    if request.writes_to_store:
        refuse_if_observed(environment, f"ingram {click.get_current_context().info_name}")
    with progress(request.job) as tell, dagster_instance(common) as instance, told_if_away():
        tell("starting")
        with code_server(common, request.location) as server:
            by = f"{person()} (terminal)"
            run = launch(server, request.job, request.run_config, asked_by=by)
            return follow(instance, run, tell, goes_on=server.is_queued)
