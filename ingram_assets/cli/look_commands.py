"""Commands that only look: history, explain, status, runs, check-store, read, doctor, report, letter."""

from datetime import datetime
from pathlib import Path

import click

from ingram_assets.cli.common import isbn_argument, isbn_type, with_json


@click.command()
@isbn_argument
@with_json
def history(isbn: str, as_json: bool) -> None:
    r"""A title's stock readings, store changes and inventory operations, in one line of time.

    \b
    ingram history 9781639739134
    ingram history 978-1-63973-913-4 --json
    """
    from ingram_assets.cli.title import show_history

    show_history(isbn, as_json)


@click.command()
@isbn_argument
@with_json
def explain(isbn: str, as_json: bool) -> None:
    r"""Why the store shows what it shows of a title: the reading, the rule, the level, the label.

    \b
    ingram explain 9781639739134
    ingram explain 978-1-63973-913-4 --json
    """
    from ingram_assets.cli.title import show_explanation

    show_explanation(isbn, as_json)


@click.command()
@with_json
def status(as_json: bool) -> None:
    r"""Whether the store tells the truth; if not, since when, why, and what to do. Then counts.

    \b
    ingram status
    ingram status --json
    """
    from ingram_assets.cli.status import show_status

    show_status(as_json)


def _run_name(value: str) -> str:
    """A run's id, or the beginning of it."""
    from ingram_assets.overview.run_ids import LIKE_A_RUN, is_run_name

    typed = value.strip().lower()
    if not is_run_name(typed):
        raise click.BadParameter(f"{value!r} is no run's id: {LIKE_A_RUN}.")
    return typed


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False, type=_run_name)
@click.option("--last", type=click.IntRange(1, 1000), default=20, show_default=True, help="So many runs.")
@with_json
def runs(run_id: str | None, last: int, as_json: bool) -> None:
    r"""The last pushes and other runs: what, when, by whom, and what came of it. With RUN that one alone.

    RUN is a run's id or the beginning of it: what it changed in the store, title by title.

    \b
    ingram runs
    ingram runs --last 100 --json
    ingram runs 0b7e4c1e
    """
    from ingram_assets.cli.run_list import list_runs, show_run

    if run_id:
        show_run(run_id, as_json)
    else:
        list_runs(last, as_json)


@click.command("check-store")
@click.argument("isbns", metavar="[ISBN]...", nargs=-1, type=isbn_type)
@with_json
def check_store(isbns: tuple[str, ...], as_json: bool) -> None:
    r"""Look at the store as a shopper does, and compare each title with what is right. Writes nothing.

    Label, status, copies, back-order and price over Medusa's Store API, with a publishable key of the sales
    channel (MEDUSA_PUBLISHABLE_KEY, or the one in Medusa's admin). Exit code 0: all is as it should be;
    1: some titles are not, each named with what a shopper sees and what is right; 2: the store can't be
    asked, and nothing was compared. Retired titles, and changes that a push may still be bringing, are left
    out.

    \b
    ingram check-store
    ingram check-store 9781639739134
    0 * * * * ingram check-store --json       in a crontab
    """
    from ingram_assets.cli.check_store import show_store_check

    show_store_check(isbns, as_json)


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER|FILE",
    help="Where to write it. Default: the folder where you are.",
)
@with_json
def report(out: Path | None, as_json: bool) -> None:
    r"""One archive for whoever mends the program: kept pages, versions, settings, failures, last runs.

    Without values of secrets, and without what says who you are, as far as a program can tell: look through
    it before you send it. Changes nothing. A system that is away costs its own part alone.

    \b
    ingram report
    ingram report --out ~/reports --json
    """
    from ingram_assets.cli.report_archive import write_report

    write_report(out, is_json=as_json)


@click.command()
@click.argument("day", required=False, type=click.DateTime(["%Y-%m-%d"]), metavar="[DAY]")
@with_json
def letter(day: datetime | None, as_json: bool) -> None:
    r"""The weekly letter, as it is sent on Mondays: what came, went, sold out, changed, or was wrong.

    Of the last whole week, or of the week that DAY is in, as far as it is over. Sends nothing.

    \b
    ingram letter
    ingram letter 2027-03-01 --json
    """
    from ingram_assets.cli.letter import show_letter

    show_letter(day.date() if day else None, as_json)


def _what_to_read(value: str) -> str:
    from ingram_assets.cli.read import what_to_read

    return what_to_read(value)


@click.command()
@click.argument("named", metavar="FILE|FOLDER|ISBN...", nargs=-1, required=True, type=_what_to_read)
@click.option(
    "--expect",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Compare with what was understood before, as --json or --write-expected told it.",
)
@click.option(
    "--write-expected",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write what is understood now, to be compared with later.",
)
@with_json
def read(named: tuple[str, ...], expect: Path | None, write_expected: Path | None, as_json: bool) -> None:
    r"""What is understood of pages of iPage, and where on the page it stands.

    A page that your browser saved ("Web Page, Complete", or MHTML), a folder of them, or an ISBN, whose
    page is fetched as a sweep fetches it. Of one page: each field with its place, what was not understood,
    whether the stock on it is all, and what a push would make of it. Of several: a line each, and how many
    say what. Nothing is changed in the queue or the store.

    With --expect the values of fields and stock are compared, so that your own pages become a test. Exit
    code 1: a page is no reading, or not as expected.

    \b
    ingram read page.html
    ingram read pages/ --write-expected pages.json
    ingram read pages/ --expect pages.json
    ingram read 9781639739134 --json
    """
    from ingram_assets.cli.read import show_pages

    show_pages(named, expect, write_expected, is_json=as_json)


@click.command()
@click.option("--alerts", is_flag=True, help="Send a test message to each target of ALERT_URLS.")
@with_json
def doctor(alerts: bool, as_json: bool) -> None:
    r"""Look at every outside system with your settings: what is there, and what to do where something is not.

    The settings' files, the clock, PostgreSQL with its roles' rights, the bucket (a picture is written,
    read back, also over its public address, and deleted), Medusa, the mailbox, the browser, and iPage: the
    sign-in, with a picture of each page kept, one export, three product pages and a cover. Ten pages of iPage
    are read at most, and nothing is changed. Exit code 2: something is missing.

    \b
    ingram doctor
    ingram doctor --alerts
    ingram doctor --json
    """
    from ingram_assets.cli.doctor import show_examination

    show_examination(alerts=alerts, as_json=as_json)
