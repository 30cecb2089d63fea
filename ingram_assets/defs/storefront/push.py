"""Brings queue rows to the store: the one path of the sensors, of `ingram push` and of a person's click."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from ingram_assets.defs.events import (
    Context,
    Progress,
    Report,
    log_check,
    log_materializations,
    say,
    stopped,
)
from ingram_assets.defs.keys import (
    INVENTORY_LEVELS,
    ISBNS_NAME,
    PRODUCTS,
    RETIRED_NAME,
    STOCK_LOCATION,
)
from ingram_assets.defs.storefront.decisions import told_too_long
from ingram_assets.defs.storefront.lag import not_told
from ingram_assets.defs.storefront.resources import Medusa, QueueReaderResource, StoreJournal
from ingram_assets.defs.storefront.rules import store_rules, store_today
from ingram_assets.domain import guardrails
from ingram_assets.domain.categories import CategoryTable, parse_table
from ingram_assets.domain.freshness import aged_centers, valid_until
from ingram_assets.domain.isbn import is_isbn13
from ingram_assets.domain.lifetime import age
from ingram_assets.domain.title import Title
from ingram_assets.settings import CommonSettings, SettingsError, StorefrontSettings, load, store_time_zone
from ingram_assets.staging.reader import QueueReader
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.journal import InStep, Journal
from ingram_assets.store.levels import (
    PushStopped,
    SyncReport,
    TitleOutcome,
    make_plan,
    nothing_written,
    sync_levels,
    tripped_by,
)
from ingram_assets.store.location import Location, ensure_location, find_location
from ingram_assets.store.plan import Plan
from ingram_assets.store.preview import Preview, preview_import
from ingram_assets.store.products import import_titles
from ingram_assets.store.read import read_store
from ingram_assets.store.rules import StoreRules

NO_FALSE_ZEROES = "no_guardrail_tripped"
LOOKED_AT_ALL = "looked_at_all"
"""Whether the guardrails looked at all titles, and not just at those that a push was for."""
NOTHING_TRIPPED = "No guardrail tripped."
LET_THROUGH = "The commands: ingram push --dry-run, and ingram push --let-through."
_ROWS = 500
_HINT_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Store:
    """The open connections of a push, and the location that it writes to."""

    context: Context
    client: MedusaClient
    reader: QueueReader
    journal: Journal
    settings: StorefrontSettings
    categories: CategoryTable
    rules: StoreRules
    today: date
    retired: frozenset[str]
    """Titles that a person retired: nothing touches them unless they are named."""
    began: datetime
    """When `today` was looked up, or a little before."""

    def location(self) -> Location:
        """Ingram's stock location, made, linked and remembered if need be: one read where all is well."""
        return ensure_location(
            self.client,
            journal=self.journal,
            run_id=self.context.run.run_id,
            name=self.settings.MEDUSA_STOCK_LOCATION,
            sales_channel=self.settings.MEDUSA_SALES_CHANNEL,
        )

    def find_location(self) -> Location:
        """The same as it is; `missing` says what there is to do."""
        return find_location(
            self.client,
            journal=self.journal,
            name=self.settings.MEDUSA_STOCK_LOCATION,
            sales_channel=self.settings.MEDUSA_SALES_CHANNEL,
        )


@contextmanager
def open_store(
    context: Context, medusa: Medusa, queue: QueueReaderResource, journal: StoreJournal
) -> Iterator[Store]:
    """Open what a push needs, for as long as it lasts, one run at a time.

    Every request that fails goes into the journal.
    """
    settings = load(StorefrontSettings)
    with ExitStack() as stack:
        client = stack.enter_context(medusa.open())
        reader = stack.enter_context(queue.open())
        book = stack.enter_context(journal.open())
        stack.enter_context(book.alone(lambda: say(context, "waiting for another run at work on the store")))
        run_id, began = context.run.run_id, datetime.now(UTC)
        stack.enter_context(client.reporting(lambda failure: book.failed_request(run_id, failure)))
        yield Store(
            context,
            client,
            reader,
            book,
            settings,
            categories_of(settings),
            store_rules(settings),
            store_today(load(CommonSettings)),
            frozenset(context.instance.get_dynamic_partitions(RETIRED_NAME)),
            began,
        )


def push_rows(store: Store, isbns: Sequence[str] | None, *, let_through: bool) -> Report:
    """Import what waits, then bring levels in step: of `isbns`, or of all titles.

    Raises:
        dagster.Failure: a guardrail stopped the push; nothing was written.
    """
    rows = waiting_rows(store, isbns)
    found = store.find_location()
    if (rows or found.missing) and not let_through:
        # The whole change is looked at before its first write; the levels' own look comes after the import.
        stop_if_tripped(store, found, isbns, rows)
    location = found if found.known and not found.missing else store.location()
    if location.created:
        store.context.log_event(dg.AssetMaterialization(STOCK_LOCATION, metadata={"id": location.id}))
    report = import_rows(store, location, rows, let_through=let_through)
    levels = push_levels(store, location, isbns, let_through=let_through)
    if levels.details.pop(LOOKED_AT_ALL):
        # Of a push of some titles, that nothing tripped says nothing of what was stopped before.
        words = "A person let it through." if let_through else NOTHING_TRIPPED
        _log_check(store.context, passed=True, description=words)
    report.counts |= levels.counts
    report.notes += levels.notes
    report.notes += found.notes
    report.details |= levels.details
    for isbn, reason in levels.failed.items():
        report.fail(isbn, reason)
    return report


def preview_push(store: Store, isbns: Sequence[str] | None, *, let_through: bool = False) -> Report:
    """What `push_rows` would do, title by title. Writes nothing: no location, no row, no event."""
    location = store.find_location()
    if let_through:
        any_price = replace(store.rules, thresholds=store.rules.thresholds.with_any_price())
        store = replace(store, rules=any_price)
    imports = _preview(store, location, waiting_rows(store, isbns))
    titles = sound_titles(store, isbns)
    by_isbn = {title.isbn: title for title in titles}
    there = [
        title
        for title in titles
        if title.isbn not in imports or imports[title.isbn].what in ("update", "unchanged")
    ]
    everything = _everything(store, isbns)
    result = sync_levels(
        store.client,
        there,
        location=location,
        today=store.today,
        rules=store.rules,
        journal=store.journal,
        run_id=store.context.run.run_id,
        dry_run=True,
        everything=everything,
    )
    report = _report(store.context, by_isbn, result)
    _name_untracked(report, isbns, by_isbn)
    changes: dict[str, Any] = report.details.setdefault("changes", {})
    for isbn, preview in imports.items():
        if preview.what == "fail":
            report.fail(isbn, f"Would fail: {preview.reason}")
            continue
        if preview.held:
            report.fail(isbn, f"Would keep its price: {preview.reason}")
        if preview.what != "unchanged":
            changes[isbn] = _import_change(by_isbn[isbn], preview, changes.get(isbn))
    report.counts |= {
        "would_create": sum(one.what == "create" for one in imports.values()),
        "would_update": sum(one.what == "update" for one in imports.values()),
    }
    report.details["dry_run"] = True
    report.notes += location.notes
    if location.missing:
        report.notes.append(location.missing)
    if reason := _tripped(store, location, isbns, there, imports):
        what = "You let through: " if let_through else "A push would be stopped: "
        report.notes.append(f"{what}{reason}{'' if let_through else f' {LET_THROUGH}'}")
    return report


def _import_change(title: Title, preview: Preview, levels: Mapping[str, Any] | None) -> dict[str, Any]:
    """A row's import as a change of a dry run, joined to what would be done to its level."""
    fields = {
        name: {"before": preview.before.get(name), "after": value} for name, value in preview.after.items()
    }
    if preview.what == "create":
        return {
            "title": title.title,
            "before": None,
            "after": preview.level,
            "status": preview.status,
            "label": preview.label,
            "reasons": [f"New in the store, for ${title.srp_price}."],
            "import": "create",
            "fields": fields,
        }
    change = dict(levels or {"title": title.title, "before": None, "after": None, "reasons": []})
    kept = f" A person's {', '.join(preview.kept)} stays." if preview.kept else ""
    change["reasons"] = [f"Brought up to date: {', '.join(preview.after)}.{kept}", *change["reasons"]]
    return change | {"import": "update", "fields": fields}


def _preview(store: Store, location: Location, rows: Sequence[Title]) -> dict[str, Preview]:
    return preview_import(
        store.client,
        rows,
        location=location,
        today=store.today,
        rules=store.rules,
        categories=store.categories,
        journal=store.journal,
    )


def import_rows(
    store: Store, location: Location, rows: Sequence[Title], *, let_through: bool = False
) -> Report:
    """Import rows that wait; stamp or fail each in the queue as its batch is done."""
    report = Report(store.context.job_name)
    if not rows:
        report.counts["imported"] = 0
        return report
    by_id = {row.id: row for row in rows}
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
                metadata={
                    "title": by_id[row].title,
                    "queue_row": row,
                    "medusa": _in_medusa(store, by_id[row].isbn),
                },
            )
            for row in sorted(marked)
        ]
        log_materializations(store.context, materializations)
        done += len(imported) + len(failed)
        progress.say(done)

    with Progress(store.context, "Rows imported", len(rows)) as progress:
        result = import_titles(
            store.client,
            rows,
            location=location,
            today=store.today,
            rules=store.rules,
            categories=store.categories,
            journal=store.journal,
            run_id=store.context.run.run_id,
            let_through=let_through,
            on_done=stamp,
        )
    imported = {"created": len(result.created), "updated": len(result.updated)}
    report.counts |= {"imported": len(rows) - len(result.failed), **imported}
    for isbn, reason in result.failed.items():
        report.fail(isbn, reason)
    for isbn, hint in result.unmapped.items():
        shown = (hint or "").strip()[:_HINT_SHOWN] or "no hint"
        report.notes.append(f"Unmapped: no row of the categories' table fits {isbn} ({shown}).")
    for isbn, fields in result.kept.items():
        report.notes.append(f"Kept: somebody edited {', '.join(fields)} of {isbn}, and that is left alone.")
    for isbn in result.zero_for_unknown:
        report.notes.append(f"Unknown: {isbn} starts at 0 because a level has to be there; none was read.")
    return report


def categories_of(settings: StorefrontSettings) -> CategoryTable:
    """The table that maps BISAC headings and codes to the shop's categories, the bookseller's own if set.

    Raises:
        SettingsError: it can't be read, or can't be meant.
    """
    ours = resources.files("ingram_assets.domain") / "categories.csv"
    file = settings.CATEGORIES_FILE or ours
    try:
        return parse_table(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"CATEGORIES_FILE can't be read: {error}") from None


def waiting_rows(store: Store, isbns: Sequence[str] | None) -> list[Title]:
    """The rows of `isbns`, or of all titles, that wait for import; those that failed are tried again.

    Among them those whose product is gone from the store and that a person has asked for since.
    """
    wanted, after = None if isbns is None else frozenset(isbns), 0
    rows: list[Title] = []
    while page := store.reader.rows_to_import(_ROWS, after, retry_failed=True):
        rows += [row for row in page if _is_meant(store, row.isbn, wanted)]
        after = page[-1].id
    again = [row for row in store.reader.wanted_again() if _is_meant(store, row.isbn, wanted)]
    there = read_store(store.client, [row.isbn for row in again], "") if again else {}
    return _aged(store, [*rows, *(row for row in again if not there[row.isbn].variants)])


def _is_meant(store: Store, isbn: str, named: Collection[str] | None) -> bool:
    """Whether a push is for this title: it is named, or all are meant and it is not retired."""
    return isbn not in store.retired if named is None else isbn in named


def push_levels(
    store: Store,
    location: Location,
    isbns: Sequence[str] | None,
    *,
    let_through: bool = False,
    halted: str | None = None,
) -> Report:
    """Bring the levels and flags of `isbns`, or of all titles, in step; log a materialization for each.

    Args:
        halted: why nothing may be written but what changes with time alone.

    Raises:
        dagster.Failure: a guardrail stopped the push; nothing was written, and the check failed. That it
            passed is the caller's to say, as an event or, in the asset's own step, as its result.
    """
    if halted is None and (unread := _unreadable(store)):
        halted = unread.reason
    titles = {title.isbn: title for title in sound_titles(store, isbns)}
    try:
        with Progress(store.context, "Levels brought in step", len(titles)) as progress:
            result = sync_levels(
                store.client,
                titles.values(),
                location=location,
                today=store.today,
                rules=store.rules,
                journal=store.journal,
                run_id=store.context.run.run_id,
                let_through=let_through,
                everything=_everything(store, isbns),
                halted=halted,
                expired=lambda: _expired(store),
            )
            progress.say(len(titles))
    except PushStopped as error:
        _log_levels(store, titles, error.report)
        _record_in_step(store, titles, error.report)
        raise _stop(store, str(error)) from error
    _log_levels(store, titles, result)
    _mark_levels(store, titles, result)
    _record_in_step(store, titles, result)
    report = _report(store.context, titles, result)
    _name_untracked(report, isbns, titles)
    report.details[LOOKED_AT_ALL] = result.looked_at_all
    return report


def _mark_levels(store: Store, titles: Mapping[str, Title], result: SyncReport) -> None:
    """Say on the rows why their titles could not be brought in step, until they are again.

    A row that is not imported yet has its own reason, which its import wrote. One that a person asked for and
    that was there all the time is as good as imported anew.
    """
    imported = [title for title in titles.values() if title.imported_at]
    failed = {title.id: (title, result.failed.get(title.isbn)) for title in imported}
    told = {row: why for row, (title, why) in failed.items() if why and why[:2000] != title.failed_reason}
    store.reader.mark_failed(told)
    store.reader.clear_failed(row for row, (title, why) in failed.items() if title.failed_reason and not why)
    there = (row for row, (title, why) in failed.items() if title.is_wanted_again and not why)
    store.reader.mark_imported(there)


def _record_in_step(store: Store, titles: Mapping[str, Title], result: SyncReport) -> None:
    """Remember what the store was told of the titles that are in step with it, and until when it is true."""
    max_age, zone = store.rules.sold_for, ZoneInfo(store_time_zone())
    in_step = [titles[isbn] for isbn, one in result.titles.items() if one.outcome != "failed"]
    store.journal.record_in_step(
        [
            InStep(
                title.isbn,
                title.id,
                title.stock_changed_at,
                valid_until(title, store.began, max_age, zone),
                store.began,
                tuple(sorted(aged_centers(title, store.began, max_age))),
            )
            for title in in_step
        ]
    )


def _expired(store: Store) -> frozenset[str]:
    """The titles whose last reading that the store was told is too old: a newer one has been held back."""
    rows, told = store.reader.row_states(), store.journal.in_step()
    held_back = store.reader.first_changes(not_told(rows, told))
    return frozenset(told_too_long(held_back, store.began, store.rules.sold_for))


def stop_if_tripped(
    store: Store, location: Location, isbns: Sequence[str] | None, rows: Sequence[Title]
) -> None:
    """Look at the whole change of `isbns`, or of all titles, before anything is written.

    Args:
        rows: those of them that wait for import (`waiting_rows`).

    Raises:
        dagster.Failure: a guardrail stops it; what changes with time alone was written.
    """
    titles, imports = sound_titles(store, isbns), _preview(store, location, rows)
    if reason := _tripped(store, location, isbns, titles, imports):
        if not location.missing:
            push_levels(store, location, isbns, halted=reason)
        raise _stop(store, f"{reason} {nothing_written()}")


def _tripped(
    store: Store,
    location: Location,
    isbns: Sequence[str] | None,
    titles: Sequence[Title],
    imports: Mapping[str, Preview],
) -> str | None:
    """What all the guardrails say that stop a change of these titles, whose rows are imported like that."""
    plan = _plan(store, location, titles)
    tripped = (
        _unreadable(store),
        tripped_by(store.client, plan, _everything(store, isbns), **_how(store, location)),
        _misprinted(store, location, isbns, imports),
    )
    found = guardrails.all_tripped(tripped)
    return found.reason if found else None


def _misprinted(
    store: Store, location: Location, isbns: Sequence[str] | None, imports: Mapping[str, Preview]
) -> guardrails.Tripped | None:
    """Why the prices can't be believed: too many of all that wait would be held back.

    A push whose own prices are sound is not stopped by others', since it writes none of them.
    """
    if not any(preview.held for preview in imports.values()):
        return None
    rows = waiting_rows(store, None)
    if isbns is not None:
        imports = _preview(store, location, rows)
    # A price that has been held back for days is known, and waits for a person: it stops nothing any more.
    since = datetime.now(UTC) - guardrails.LONG
    old = {row.isbn for row in rows if row.created_at and row.created_at < since}
    held = [preview.held for isbn, preview in imports.items() if preview.held and isbn not in old]
    plan = _plan(store, location, sound_titles(store, None))
    in_store = sum(1 for each in plan.titles if each.before and each.isbn not in old)
    return guardrails.mass_price(held, in_store, store.rules.thresholds)


def _plan(store: Store, location: Location, titles: Sequence[Title]) -> Plan:
    return make_plan(store.client, titles, **_how(store, location))


def _how(store: Store, location: Location) -> dict[str, Any]:
    return {
        "location": location,
        "today": store.today,
        "rules": store.rules,
        "journal": store.journal,
    }


def _unreadable(store: Store) -> guardrails.Tripped | None:
    """Why the readings can't be trusted: too many titles were not read at the last attempt."""
    tracked = frozenset(store.context.instance.get_dynamic_partitions(ISBNS_NAME))
    attempts = guardrails.readable(
        (
            one
            for one in store.reader.attempts()
            if one.isbn not in store.retired and (not tracked or one.isbn in tracked)
        ),
        datetime.now(UTC),
    )
    unread = sum(1 for one in attempts if one.outcome is not None)
    return guardrails.too_many_unread(len(attempts), unread, store.rules.thresholds)


def _everything(store: Store, isbns: Sequence[str] | None) -> Callable[[], Sequence[Title]] | None:
    """All tracked titles for the guardrail to look at, where a push is for some of them."""
    return None if isbns is None else lambda: sound_titles(store, None)


def sound_titles(store: Store, isbns: Sequence[str] | None) -> list[Title]:
    """The titles of `isbns`, or all that are not retired, as they may be sold now.

    Only those whose ISBN is one: another program's row may have none; its import fails with the reason.
    """
    return _aged(
        store,
        [
            title
            for title in store.reader.titles(isbns)
            if is_isbn13(title.isbn) and _is_meant(store, title.isbn, isbns)
        ],
    )


def _aged(store: Store, titles: Iterable[Title]) -> list[Title]:
    """The titles as they may be sold now: the one place where a push looks at the clock."""
    now, rules = datetime.now(UTC), store.rules
    return [age(title, now, rules.stock_max_age, rules.stale_stock) for title in titles]


def _stop(store: Store, reason: str) -> dg.Failure:
    """The failed blocking check, and the failure of the run."""
    _log_check(store.context, passed=False, description=reason)
    return stopped("guardrail", f"{reason} {LET_THROUGH}")


def _log_check(context: Context, *, passed: bool, description: str) -> None:
    log_check(context, INVENTORY_LEVELS, NO_FALSE_ZEROES, passed=passed, description=description)


def _name_untracked(report: Report, isbns: Sequence[str] | None, titles: Collection[str]) -> None:
    for isbn in isbns or ():
        if isbn not in titles:
            report.fail(
                isbn, f"It is not tracked: the queue has no such title. Track it: ingram enrich {isbn}"
            )


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
    for isbn in result.low:
        after = result.titles[isbn].after
        report.notes.append(f"Low stock: {isbn} fell to {after.stocked or 0 if after else 0:g}.")
    for outcome in result.titles.values():
        if outcome.before and outcome.before.reserved < 0:
            report.notes.append(
                f"Odd: Medusa has {outcome.before.reserved:g} copies of {outcome.isbn} reserved, which can't "
                "be. They count as none: see its reservations in Medusa's admin."
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


def _in_medusa(store: Store, isbn: str) -> dg.MetadataValue:
    """The title in Medusa's admin, for a person to click."""
    return dg.MetadataValue.url(f"{store.settings.MEDUSA_BACKEND_URL}/app/products?q={isbn}")


def _log_levels(store: Store, titles: Mapping[str, Title], result: SyncReport) -> None:
    materializations = []
    for outcome in result.titles.values():
        if outcome.outcome not in ("written", "unchanged") or outcome.after is None:
            continue
        change = _change(titles[outcome.isbn], outcome)
        metadata = {name: value for name, value in change.items() if value not in (None, [])}
        metadata["outcome"] = outcome.outcome
        metadata["medusa"] = _in_medusa(store, outcome.isbn)
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
