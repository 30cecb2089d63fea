"""Discovery: which titles a saved search or a person's file lists, and that they are tracked from now on."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import dagster as dg

from ingram_assets.defs.events import Context, Progress, Report, classified, log_materializations
from ingram_assets.defs.keys import ISBNS_NAME, QUEUE_ROWS, RETIRED_NAME, SAVED_SEARCH, STOCK_SWEEP
from ingram_assets.defs.reading_events import cut, last_made, said, titled
from ingram_assets.defs.scraper.automation import sweep_every_now
from ingram_assets.defs.scraper.resources import IPage, QueueWriterResource
from ingram_assets.domain import guardrails
from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.domain.freshness import pages_a_day
from ingram_assets.domain.guardrails import TrippedGuardrail
from ingram_assets.domain.saved_searches import NoSearch, is_address, named_search
from ingram_assets.settings.base import SettingsError
from ingram_assets.settings.loading import load
from ingram_assets.settings.scraper import PageBudget, ScraperSettings
from ingram_assets.sources.ipage.discovery import Found
from ingram_assets.sources.ipage.pages.page_failures import NotFound, PageChanged
from ingram_assets.sources.ipage.pages.results_page import NothingListed
from ingram_assets.staging.writer import LONGEST

LISTED = "isbns"
NEW = "new"
"""The detail of a report that names the titles which are not tracked yet."""
TO_BE_READ = "to_be_read"
"""The detail of a report that names those without a title, which a row has to have."""
_OR_A_FILE = (
    "Or hand its titles in as a file, an export or the page saved by the browser: ingram discover --file."
)


@dataclass(frozen=True, slots=True)
class TitlesToTrack:
    """Titles that are to be tracked.

    Attributes:
        titles: ISBN to title and list price, as far as they are known.
        not_understood: what stood for an ISBN, and why it is none.
    """

    titles: Mapping[str, tuple[str | None, Decimal | None]]
    not_understood: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def without(self, isbns: Collection[str]) -> "TitlesToTrack":
        """The rest."""
        titles = {isbn: values for isbn, values in self.titles.items() if isbn not in isbns}
        return TitlesToTrack(titles, self.not_understood, self.notes)


def search_named(asked: str, settings: ScraperSettings) -> str:
    """The search that a run is to read: one that it names, or else that of the settings.

    Raises:
        SettingsError: there is none, or what is named is none.
    """
    if not asked and settings.IPAGE_SAVED_SEARCH_ID is None:
        raise SettingsError(
            f"IPAGE_SAVED_SEARCH_ID is missing: set it, or name the search in the run's config. {_OR_A_FILE}"
        )
    try:
        return named_search(asked, settings.IPAGE_BASE_URL) if asked else str(settings.IPAGE_SAVED_SEARCH_ID)
    except NoSearch as error:
        raise SettingsError(f"The search that the run names is none: {error}.") from None


def read_search(context: Context, ipage: IPage, search: str) -> Found:
    """What the search lists; nothing, if it is there and empty.

    Raises:
        NeedsPerson: there is no such search, or its address leads to something else.
    """
    with (
        ipage.open(context.run.run_id) as site,
        Progress(context, "Saved searches read", 1, pause=site.pause) as progress,
    ):

        def tell(found: int, total: int | None) -> None:
            progress.say(0, f"{found:,}{f' of {total:,}' if total else ''} titles")

        try:
            found = site.discover(search, tell)
            progress.say(1, f"{len(found.titles):,} titles")
            return found
        except NothingListed:
            return Found(())
        except NotFound as error:
            raise NeedsPerson(_no_such_search(search, str(error))) from error
        except PageChanged as error:
            if is_address(search):
                raise NeedsPerson(
                    "The saved search's address leads to no list of titles: open the search in a browser, "
                    f"and copy the address where you see its titles. {_OR_A_FILE} ({error})"
                ) from error
            raise PageChanged(
                error.label,
                f"{str(error).removeprefix(f'{error.label}: ')} If a browser shows its titles, set "
                f"IPAGE_SAVED_SEARCH_ID to the whole address of that page. {_OR_A_FILE}",
            ) from error


def _no_such_search(search: str, why: str) -> str:
    if is_address(search):
        return (
            "iPage has nothing at the saved search's address that this account may see: open the search "
            f"in a browser, and copy its address anew. {_OR_A_FILE} ({why})"
        )
    return (
        f"iPage has no saved search {search} that this account may see: open the search in a browser, and "
        f"set IPAGE_SAVED_SEARCH_ID to the page's whole address, or the right number. {_OR_A_FILE} ({why})"
    )


def shrunk(
    instance: dg.DagsterInstance, search: str, found: Found, settings: ScraperSettings
) -> TrippedGuardrail | None:
    """The guardrail, if the search lost its titles: all of it, or its export by itself.

    Raises:
        Failure: it lists none, and never did.
    """
    before = _listed_before(instance, search)
    if not found.titles and not before:
        with classified():
            raise NeedsPerson(
                "The saved search lists no title: open it in a browser, see that it shows titles to this "
                f"account, and save it anew if it does not. Nothing changed. {_OR_A_FILE}"
            )
    thresholds = guardrails.Thresholds(max_search_shrinkage=settings.GUARDRAIL_MAX_SEARCH_SHRINKAGE)
    all_of_it = frozenset(title.isbn for title in found.titles)
    listings = dict.fromkeys([all_of_it, *([found.export] if found.export is not None else [])])
    tripped = (guardrails.search_shrunk(len(before), len(before & isbns), thresholds) for isbns in listings)
    return next(filter(None, tripped), None)


def _listed_before(instance: dg.DagsterInstance, search: str) -> frozenset[str]:
    """The ISBNs of this search's last listing; empty if another search, or none, was read last."""
    last = last_made(instance, SAVED_SEARCH)
    return frozenset(said(last, LISTED) or ()) if said(last, "search_id") == search else frozenset()


def listed_by_search(found: Found) -> TitlesToTrack:
    """What a search lists, as it is handed on. A book that stands there twice comes through all the same."""
    notes = [f"Saved search: {note}" for note in found.notes[:20]]
    not_understood: dict[str, str] = {}
    for row in found.rejected:
        reason = f"row {row.row} of the saved search: {row.reason}"
        if row.duplicate_of is not None:
            notes.append(reason[0].upper() + reason[1:])
        else:
            not_understood.setdefault(row.value, reason)
    titles = {each.isbn: (each.title, each.srp_price) for each in found.titles}
    return TitlesToTrack(titles, not_understood, tuple(notes))


def track(context: Context, queue: QueueWriterResource, listed: TitlesToTrack, report: Report) -> None:
    """Add the titles to the queue, and track those that no person retired; none is ever taken away."""
    instance = context.instance
    with classified(), queue.open() as writer:
        outcomes = writer.add_titles(
            [
                {"isbn": isbn, "title": title and cut(title, LONGEST["title"]), "srp_price": price}
                for isbn, (title, price) in listed.titles.items()
            ],
            fill_only=True,
        )
    refused = {one.isbn: one.reason or "refused by the queue" for one in outcomes if one.outcome == "refused"}
    changed = [outcome for outcome in outcomes if outcome.outcome in ("added", "refreshed")]
    log_materializations(
        context,
        [
            dg.AssetMaterialization(
                QUEUE_ROWS,
                partition=one.isbn,
                metadata={**titled(listed.titles[one.isbn][0]), "what": one.outcome},
            )
            for one in changed
        ],
    )
    new = _counted(instance, listed, report, refused)
    # After their rows' events: a title without one would look as if it had been waiting for its reading.
    instance.add_dynamic_partitions(ISBNS_NAME, list(new))


def say_what_would_be_tracked(instance: dg.DagsterInstance, listed: TitlesToTrack, report: Report) -> None:
    """The same without doing it: the report names the titles that are not tracked yet."""
    new = _counted(instance, listed, report, {})
    if unread := without_a_title(instance, listed):
        report.notes.append(
            f"{len(unread):,} of them have no title in the file: their pages are read first, and those that "
            "iPage does not list are not tracked."
        )
    report.details |= {"dry_run": True, NEW: {isbn: title or "" for isbn, (title, _) in new.items()}}


def without_a_title(instance: dg.DagsterInstance, listed: TitlesToTrack) -> list[str]:
    """Those that are not tracked yet, and that the list gives no title for."""
    known = {*instance.get_dynamic_partitions(ISBNS_NAME), *instance.get_dynamic_partitions(RETIRED_NAME)}
    return [isbn for isbn, (title, _) in listed.titles.items() if not title and isbn not in known]


def _first_day(titles: int) -> str:
    """What the site is asked for, said before it is: an account is not to stand out by surprise."""
    pages = pages_a_day(titles, load(PageBudget).PAGES_PER_HOUR, sweep_every_now(titles))
    return (
        f"In its first day iPage is asked for about {pages:,} product pages, of {titles:,} titles, and for "
        "each title's cover. The first pages are read one at a time, then more at once as all is well. "
        "PAGES_PER_HOUR sets how many."
    )


def _counted(
    instance: dg.DagsterInstance, listed: TitlesToTrack, report: Report, refused: Mapping[str, str]
) -> dict[str, tuple[str | None, Any]]:
    """The titles that are not tracked yet and may be; all are counted in the report."""
    known = set(instance.get_dynamic_partitions(ISBNS_NAME))
    retired = set(instance.get_dynamic_partitions(RETIRED_NAME)) - known
    new = {
        isbn: values
        for isbn, values in listed.titles.items()
        if isbn not in known and isbn not in retired and isbn not in refused
    }
    for isbn, reason in {**refused, **listed.not_understood}.items():
        report.fail(isbn, reason)
    report.notes += listed.notes
    if last_made(instance, STOCK_SWEEP) is None:
        report.notes.append(_first_day(len(known | new.keys())))
    report.counts |= {
        "discovered": len(listed.titles),
        "new": len(new),
        "known": len(known & listed.titles.keys()),
        "rejected": len(listed.not_understood),
        "retired": len(retired & listed.titles.keys()),
    }
    return new
