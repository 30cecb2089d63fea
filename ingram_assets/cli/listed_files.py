"""Files that a person hands to `ingram discover`: a wrong one is named before a run starts."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ingram_assets.cli.terminal import say
from ingram_assets.domain.failures import IngramError
from ingram_assets.named_files import STANDARD_INPUT, read_named_or_piped
from ingram_assets.overview import job_requests

if TYPE_CHECKING:
    from ingram_assets.sources.ipage.pages.results_page import ResultsPage
    from ingram_assets.sources.ipage.pages.saved_search import SavedSearch

MOST_TITLES = 50_000
"""Of all files of a command: half of what Dagster recommends as the most partitions of an asset."""
_MOST_NAMED = 1_000
_SAID_FROM = 1_000_000
"""So many bytes take seconds: it is said that they are read."""
_WHAT_IS_TAKEN = (
    "What is taken: an export (XLSX, XLS, CSV, ZIP, HTML), a page of results that the browser saved while "
    "signed in, or a text file of ISBNs."
)


def read_files(names: Iterable[str], *, dry_run: bool) -> job_requests.JobRequest:
    """The run that tracks what the files list, each title once.

    A run's configuration is read anew by whoever looks at runs: what is handed on is bounded.

    Raises:
        BadParameter: a file can't be read, or lists no titles, or all of them far too many.
    """
    titles: dict[str, str] = {}
    prices: dict[str, str] = {}
    isbns: dict[str, None] = {}
    not_understood: dict[str, str] = {}
    notes: list[str] = []
    for name in dict.fromkeys(names):
        called = "standard input" if name == STANDARD_INPUT else Path(name).name
        found = _read(name, called)
        notes += [f"{called}: {note}" for note in _notes(found)]
        for row in found.rejected:
            where = f"{called}, line {row.row}: {row.reason}"
            if row.duplicate_of is not None:
                notes.append(where)
            else:
                not_understood.setdefault(row.value or where, where)
        for each in found.titles:
            isbns.setdefault(each.isbn)
            if each.title:
                titles.setdefault(each.isbn, each.title)
            if each.srp_price is not None:
                prices.setdefault(each.isbn, str(each.srp_price))
    if len(isbns) > MOST_TITLES:
        raise _refused(
            f"{len(isbns):,} titles are listed, and at most {MOST_TITLES:,} are taken at once: hand them in "
            "as several files, one after the other."
        )
    if len(not_understood) > _MOST_NAMED:
        left_out = len(not_understood) - _MOST_NAMED
        not_understood = dict(islice(not_understood.items(), _MOST_NAMED))
        notes.insert(0, f"{left_out:,} more lines are not understood, and not named here.")
    if len(notes) > _MOST_NAMED:
        notes = [*notes[:_MOST_NAMED], f"… and {len(notes) - _MOST_NAMED:,} more notes."]
    return job_requests.track_titles([*isbns], titles, prices, not_understood, notes, dry_run=dry_run)


def _read(name: str, called: str) -> "SavedSearch | ResultsPage":
    from ingram_assets.defs.scraper.from_settings import profile_of_the_shop
    from ingram_assets.sources.ipage.pages.export_file import MAX_BYTES
    from ingram_assets.sources.ipage.pages.listings import read_file

    profile = profile_of_the_shop()
    try:
        data = read_named_or_piped(name, MAX_BYTES)
        if len(data) > _SAID_FROM:
            say(f"Reading {called}, {len(data) / 1e6:.1f} MB…", err=True)
        found = read_file(data, profile)
    except OSError as error:
        raise _refused(f"{name} can't be read: {error.strerror}.{_piped(name)}") from None
    except IngramError as error:
        raise _refused(f"{called} lists no titles that can be read: {error} {_WHAT_IS_TAKEN}") from None
    if not found.titles:
        first = f" Line {found.rejected[0].row}: {found.rejected[0].reason}" if found.rejected else ""
        raise _refused(f"{called} lists no title.{first} {_WHAT_IS_TAKEN}")
    return found


def _piped(name: str) -> str:
    return " What is piped in is read by: --file -" if Path(name).expanduser().is_fifo() else ""


def _notes(found: "SavedSearch | ResultsPage") -> list[str]:
    """What is to be said of a file; of a page of results also that it may be one of several."""
    from ingram_assets.sources.ipage.pages.results_page import ResultsPage, left_out

    notes = list(found.warnings[:20])
    if not isinstance(found, ResultsPage):
        return notes
    if found.headed:
        notes.append(left_out(found.headed))
    shown, total = len(found.titles), found.total or 0
    if total > shown:
        notes.append(
            f"The page shows {shown:,} of {total:,} titles, and {total - shown:,} are not on it: save the "
            "other pages as well, and name them all."
        )
    elif found.next_page is not None:
        notes.append("The page has a next one: save that as well, and name them all.")
    return notes


def _refused(sentence: str) -> click.BadParameter:
    return click.BadParameter(sentence, param_hint="'--file'")
