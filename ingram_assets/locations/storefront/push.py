"""Brings queue rows to the store: the one path of the sensors, of `ingram push` and of a person's click."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Any

import dagster as dg

from ingram_assets.domain import guardrails
from ingram_assets.domain.categories import CategoryTable, parse_table
from ingram_assets.domain.title import Title
from ingram_assets.locations.events import (
    Context,
    Progress,
    Report,
    log_check,
    log_materializations,
    stopped,
)
from ingram_assets.locations.keys import INVENTORY_LEVELS, PRODUCTS
from ingram_assets.locations.storefront.resources import Medusa, Queue, StoreJournal, store_rules, store_today
from ingram_assets.medusa.client import MedusaClient
from ingram_assets.medusa.journal import Journal
from ingram_assets.medusa.levels import PushStopped, SyncReport, TitleOutcome, sync_levels
from ingram_assets.medusa.location import Location, ensure_location
from ingram_assets.medusa.products import import_titles
from ingram_assets.queue.reader import QueueReader
from ingram_assets.settings import SettingsError, StorefrontSettings, load

_ROWS = 500


@dataclass(frozen=True, slots=True)
class Store:
    """The open connections of a push, and the location that it writes to."""

    context: Context
    client: MedusaClient
    reader: QueueReader
    journal: Journal
    settings: StorefrontSettings

    def location(self) -> Location:
        """Ingram's stock location, made and linked if need be."""
        return ensure_location(
            self.client,
            journal=self.journal,
            run_id=self.context.run_id,
            name=self.settings.MEDUSA_STOCK_LOCATION,
            sales_channel=self.settings.MEDUSA_SALES_CHANNEL,
        )


@contextmanager
def open_store(context: Context, medusa: Medusa, queue: Queue, journal: StoreJournal) -> Iterator[Store]:
    """Open what a push needs, for as long as it lasts."""
    with ExitStack() as stack:
        yield Store(
            context,
            stack.enter_context(medusa.open()),
            stack.enter_context(queue.open()),
            stack.enter_context(journal.open()),
            load(StorefrontSettings),
        )


def import_rows(
    store: Store, location: Location, isbns: Sequence[str] | None, *, retry_failed: bool
) -> Report:
    """Import the rows that wait, of `isbns` or all; stamp or fail each in the queue as its batch is done."""
    report = Report(store.context.job_name)
    rows = list(_waiting(store.reader, isbns, retry_failed))
    if not rows:
        report.counts["imported"] = 0
        return report
    by_id = {row.id: row for row in rows}
    progress = Progress(store.context, "Rows imported", len(rows))
    done = 0

    def stamp(imported: Sequence[int], failed: Mapping[int, str]) -> None:
        nonlocal done
        # A row that changed meanwhile is not marked: its new state waits for the next push.
        marked = store.reader.mark_imported(imported)
        store.reader.mark_failed(failed)
        materializations = [
            dg.AssetMaterialization(
                PRODUCTS,
                partition=by_id[row].isbn,
                metadata={"title": by_id[row].title, "queue_row": row},
            )
            for row in sorted(marked)
        ]
        log_materializations(store.context, materializations)
        done += len(imported) + len(failed)
        progress.say(done)

    result = import_titles(
        store.client,
        rows,
        location=location,
        today=store_today(),
        rules=store_rules(store.settings),
        categories=_categories(store.settings),
        journal=store.journal,
        run_id=store.context.run_id,
        on_done=stamp,
    )
    imported = {"created": len(result.created), "updated": len(result.updated)}
    report.counts |= {"imported": len(rows) - len(result.failed), **imported}
    for isbn, reason in result.failed.items():
        report.fail(isbn, reason)
    for isbn, hint in result.unmapped.items():
        report.notes.append(f"Unmapped: no row of the categories' table fits {isbn} ({hint or 'no hint'}).")
    for isbn in result.zero_for_unknown:
        report.notes.append(f"Unknown: {isbn} starts at 0 because a level has to be there; none was read.")
    return report


def _categories(settings: StorefrontSettings) -> CategoryTable:
    """The table that maps BISAC headings and codes to the shop's categories, the bookseller's own if set."""
    ours = resources.files("ingram_assets.domain") / "categories.csv"
    file = settings.CATEGORIES_FILE or ours
    try:
        return parse_table(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"CATEGORIES_FILE can't be read: {error}") from None


def _waiting(reader: QueueReader, isbns: Sequence[str] | None, retry_failed: bool) -> Iterator[Title]:
    wanted, after = None if isbns is None else frozenset(isbns), 0
    while page := reader.rows_to_import(_ROWS, after, retry_failed=retry_failed):
        yield from (row for row in page if wanted is None or row.isbn in wanted)
        after = page[-1].id


def push_levels(
    store: Store, location: Location, isbns: Sequence[str] | None, *, dry_run: bool, let_through: bool
) -> Report:
    """Bring the levels and flags of `isbns`, or of all titles, in step; log a materialization for each.

    Raises:
        dagster.Failure: a guardrail stopped the push; nothing was written.
    """
    titles = store.reader.titles(isbns)
    if not let_through and not dry_run:
        _stop_if_unreadable(store)
    tracked = () if isbns is None else [title.isbn for title in store.reader.titles()]
    try:
        result = sync_levels(
            store.client,
            titles,
            location=location,
            today=store_today(),
            rules=store_rules(store.settings),
            journal=store.journal,
            run_id=store.context.run_id,
            dry_run=dry_run,
            let_through=let_through,
            tracked=tracked,
        )
    except PushStopped as error:
        _log_check(store.context, passed=False, description=str(error))
        raise stopped("guardrail", str(error)) from error
    if not dry_run:
        _log_check(store.context, passed=True, description="No guardrail tripped.")
    report = _report(store.context, {title.isbn: title for title in titles}, result)
    if not dry_run:
        _log_levels(store, {title.isbn: title for title in titles}, result)
    return report


def _stop_if_unreadable(store: Store) -> None:
    summary = store.reader.summary()
    thresholds = guardrails.Thresholds(max_unread=store.settings.GUARDRAIL_MAX_UNREAD)
    # A title that shows no stock table was read, and said nothing: forthcoming titles do so for months.
    unread = summary.unread - summary.unread_by_outcome.get("no_stock_table", 0)
    tripped = guardrails.too_many_unread(summary.titles, unread, thresholds)
    if tripped:
        _log_check(store.context, passed=False, description=tripped.reason)
        raise stopped("guardrail", f"{tripped.reason} Nothing was written to the store.")


NO_FALSE_ZEROES = "no_guardrail_tripped"


def _log_check(context: Context, *, passed: bool, description: str) -> None:
    log_check(context, INVENTORY_LEVELS, NO_FALSE_ZEROES, passed=passed, description=description)


def _report(context: Context, titles: Mapping[str, Title], result: SyncReport) -> Report:
    report = Report(context.job_name)
    for outcome in result.titles.values():
        title = titles[outcome.isbn]
        if outcome.before is None and title.imported_at is None and outcome.outcome == "failed":
            # It waits for its import, or failed it with a reason that says more.
            report.add("not_in_store_yet")
            continue
        report.add(outcome.outcome)
        if outcome.outcome == "failed":
            report.fail(outcome.isbn, " ".join(outcome.reasons))
        if outcome.outcome in ("planned", "written"):
            report.details.setdefault("changes", {})[outcome.isbn] = _change(title, outcome)
    report.counts |= {
        "levels": sum(1 for one in result.titles.values() if one.after and one.after.stocked is not None),
        "unmanaged": sum(1 for one in result.titles.values() if one.after and not one.after.managed),
        "repaired": len(result.repaired),
        "oversold": len(result.oversold),
        "low_stock": len(result.low),
    }
    statuses = [one.status for one in result.titles.values()]
    report.details["availability"] = {status: statuses.count(status) for status in sorted(set(statuses))}
    for one in result.oversold:
        report.notes.append(
            f"Oversold: {one.isbn} has {one.reserved:g} copies promised in {one.orders} orders, and "
            f"{one.stocked:g} on hand ({one.status})."
        )
    for isbn in result.repaired:
        report.notes.append(f"Repaired: the level of {isbn} had been changed by somebody else.")
    return report


def _change(title: Title, outcome: TitleOutcome) -> dict[str, Any]:
    before, after = outcome.before, outcome.after
    return {
        "title": title.title,
        "before": before.stocked if before else None,
        "after": after.stocked if after else None,
        "status": outcome.status,
        "label": outcome.label,
        "reasons": list(outcome.reasons),
    }


def _log_levels(store: Store, titles: Mapping[str, Title], result: SyncReport) -> None:
    materializations = []
    for outcome in result.titles.values():
        if outcome.outcome not in ("written", "unchanged") or outcome.after is None:
            continue
        change = _change(titles[outcome.isbn], outcome)
        metadata = {name: value for name, value in change.items() if value not in (None, [])}
        metadata["outcome"] = outcome.outcome
        if change["after"] is not None:
            metadata["level"] = int(change["after"])
        materializations.append(
            dg.AssetMaterialization(INVENTORY_LEVELS, partition=outcome.isbn, metadata=metadata)
        )
    log_materializations(store.context, materializations)
    for isbn in result.low:
        change = _change(titles[isbn], result.titles[isbn])
        store.context.log_event(
            dg.AssetObservation(
                INVENTORY_LEVELS,
                partition=isbn,
                description=f"Low stock: {change['title']}",
                metadata={
                    "low_stock": True,
                    "title": change["title"],
                    "before": change["before"] or 0,
                    "after": change["after"] or 0,
                },
            )
        )
