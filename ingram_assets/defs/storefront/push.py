"""Brings queue rows to the store: the one path of the sensors, of `ingram push` and of a person's click."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from ingram_assets.defs.events import Context, Progress, Report, log_check, log_materializations, say, stopped
from ingram_assets.defs.keys import (
    ASKED_BY_TAG,
    HELD_BY,
    INVENTORY_LEVELS,
    ISBNS_NAME,
    PLAN_TAG,
    PRODUCTS,
    RETIRED_NAME,
    STOCK_LOCATION,
)
from ingram_assets.defs.storefront.decisions import told_too_long
from ingram_assets.defs.storefront.from_settings import (
    category_table,
    location_names,
    store_rules,
    store_today,
)
from ingram_assets.defs.storefront.lag import not_told
from ingram_assets.defs.storefront.resources import Medusa, QueueReaderResource, StoreJournal
from ingram_assets.domain import guardrails
from ingram_assets.domain.failures import NothingWritten
from ingram_assets.domain.formatting import moment
from ingram_assets.domain.isbn import is_isbn13
from ingram_assets.domain.let_through import GuardedChange
from ingram_assets.domain.lifetime import age, aged_centers, valid_until
from ingram_assets.domain.title import Title
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import CommonSettings, store_time_zone
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.staging.reader import QueueReader
from ingram_assets.store.going_live import legacy_titles, plan_figures, read_legacy
from ingram_assets.store.import_plan import RowPlan, preview_import
from ingram_assets.store.journal import InStep
from ingram_assets.store.levels import (
    PushStopped,
    SyncReport,
    TitleOutcome,
    look_at,
    nothing_written,
    sync_levels,
    tripped_by,
)
from ingram_assets.store.location import ensure_location, find_location
from ingram_assets.store.observe_mode import WATCHING_ONLY, LegacyTitle, PlanFigures
from ingram_assets.store.plan import Shown
from ingram_assets.store.products import ImportReport, import_titles
from ingram_assets.store.read import Spellings, read_store
from ingram_assets.store.session import StoreSession

NO_FALSE_ZEROES = "no_guardrail_tripped"
NOTHING_TRIPPED = "No title waits behind a guardrail."
GUARDRAIL_WOULD_STOP = "guardrail_would_stop"
"""The detail of a dry run's report that says why a guardrail would stop the push."""
LOOKED = "looked"
"""The detail of a plan's report that has what guardrails look at, title by title."""
LEGACY = "legacy"
"""The detail of a plan's report that lists products sold without a count, and what becomes of them."""
LET_THROUGH = "The commands: ingram push --dry-run, and ingram push --let-through."
LET_THROUGH_LIVE = "The commands: ingram go-live, and ingram go-live --let-through."
_ROWS = 500
_HINT_SHOWN = 200


@dataclass(frozen=True, slots=True)
class StoreRun:
    """A run at work on the store: Dagster's context, the queue, and the session with the store.

    Attributes:
        session: its location is as it was found, until `ensured` makes what is missing of it.
        retired: titles that a person retired, or leaves out of this run: nothing touches them unless they are
            named.
        reimport: titles whose import is done anew, though the queue says that they are imported.
        began: when the session's `today` was looked up, or a little before.
        admin_page: the address of Medusa's admin, if it is served.
    """

    context: Context
    reader: QueueReader
    session: StoreSession
    settings: StorefrontSettings
    retired: frozenset[str]
    began: datetime
    reimport: frozenset[str] = frozenset()
    admin_page: str | None = None

    def ensured(self) -> "StoreRun":
        """The same, with Ingram's stock location made, linked and remembered if need be."""
        found = self.session.location
        if found.known and not found.missing:
            return self
        client, journal, run_id = self.session.client, self.session.journal, self.session.run_id
        location = ensure_location(client, journal=journal, run_id=run_id, **location_names(self.settings))
        return replace(self, session=replace(self.session, location=location))

    def seeing_all(self) -> "StoreRun":
        """The same for a push of all titles: it sees those that the store has twice, however spelled."""
        session = self.session
        spellings = Spellings(session.client, session.location.id, session.journal)
        return replace(self, session=replace(session, spellings=spellings))


@dataclass(frozen=True, slots=True)
class TitleChange:
    """What a push does to a title, or would do.

    Attributes:
        before, after: copies; `None` where there is no level.
        reasons: sentences for a person.
        created: an import makes the product; `None` if none touches it.
        fields: what else moves, before and after: of the product where an import changes it, and in a plan
            what shoppers see.
    """

    title: str
    before: float | None = None
    after: float | None = None
    status: str | None = None
    label: str | None = None
    reasons: tuple[str, ...] = ()
    created: bool | None = None
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As reports and events have it."""
        told = asdict(self) | {"reasons": list(self.reasons)}
        created = told.pop("created")
        return told if created is None else told | {"import": "create" if created else "update"}


@contextmanager
def open_store(
    context: Context,
    medusa: Medusa,
    queue: QueueReaderResource,
    journal: StoreJournal,
    *,
    can_plan: bool = False,
) -> Iterator[StoreRun]:
    """Open what a push needs, for as long as it lasts, one run at a time.

    Every request that fails goes into the journal.

    Args:
        can_plan: the run plans where the shop only watches (`why_only_plan`).

    Raises:
        NothingWritten: the shop only watches, and the run can't do but write.
    """
    settings = load(StorefrontSettings)
    run_id = context.run.run_id
    with (
        medusa.open() as client,
        queue.open() as reader,
        journal.open() as book,
        journal.open_ledger(run_id) as ledger,
        book.alone(run_id, lambda other: say(context, _waiting_for(other))) as hold,
        client.reporting(lambda failure: book.failed_request(run_id, failure)),
    ):
        client.before_write = hold.see
        if client.read_only and not can_plan:
            raise NothingWritten(client.read_only)
        if by := context.run.tags.get(ASKED_BY_TAG):
            book.asked_for(run_id, by)
        began = datetime.now(UTC)
        rules, categories = store_rules(settings), category_table(settings)
        today = store_today(load(CommonSettings))
        location = find_location(client, journal=book, **location_names(settings))
        session = StoreSession(client, book, location, rules, today, categories, run_id, ledger)
        retired = frozenset(context.instance.get_dynamic_partitions(RETIRED_NAME))
        yield StoreRun(context, reader, session, settings, retired, began, admin_page=client.admin_page())


def _waiting_for(run_id: str) -> str:
    return f"waiting for another run at work on the store{f' ({run_id[:8]})' if run_id else ''}"


def why_only_plan(run: StoreRun) -> str | None:
    """Why a run that was asked to write only plans, which it is marked with; `None`: it writes."""
    if why := run.session.client.read_only:
        run.context.instance.add_run_tags(run.session.run_id, {PLAN_TAG: why})
    return why


def go_live(run: StoreRun) -> str | None:
    """Enter in the journal that what is planned is written from now on, and who said so.

    Two may say so at once. The journal is asked anew, now that the run is alone at work on the store.

    Returns:
        That another run took it live, whose plan was another one: nothing is to be written. `None`: it is.

    Raises:
        NothingWritten: MODE says that the shop only watches, whatever the journal says.
    """
    session, begun = run.session, run.context.run
    if run.settings.MODE == "observe":
        raise NothingWritten(session.client.read_only or WATCHING_ONLY)
    if went := session.journal.mode(run.settings.MODE).went_live:
        # A run that is done anew goes on with what it began.
        if went.run_id in (begun.run_id, begun.parent_run_id, begun.root_run_id):
            return None
        return f"The store is live already: {went.by} said so {moment(went.at)}. This run wrote nothing."
    if session.client.read_only is None:
        return None
    session.journal.go_live(session.run_id, begun.tags.get(ASKED_BY_TAG) or "Dagster's page")
    session.client.read_only = None
    return None


def push_rows(run: StoreRun, isbns: Sequence[str] | None, *, let_through: bool) -> Report:
    """Import what waits, then bring levels in step: of `isbns`, or of all titles.

    Raises:
        dagster.Failure: a guardrail stopped the push; nothing was written.
    """
    if isbns is None:
        run = run.seeing_all()
    if let_through:
        run.session.journal.let_through(run.session.run_id, isbns)
    rows = waiting_rows(run, isbns)
    if (rows or run.session.location.missing) and not let_through:
        # The whole change is looked at before its first write; the levels' own look comes after the import.
        stop_if_tripped(run, isbns, rows)
    return write_push(run, isbns, rows, let_through=let_through)


def write_push(
    run: StoreRun,
    isbns: Sequence[str] | None,
    rows: Sequence[Title],
    *,
    let_through: bool,
    seen: Mapping[str, Title] | None = None,
) -> Report:
    """The import of rows that were looked at, and the levels of `isbns`, or of all titles.

    Args:
        seen: as for `push_levels`.

    Raises:
        dagster.Failure: a guardrail stopped the levels.
    """
    notes = run.session.notes
    run = run.ensured()
    if run.session.location.created:
        metadata = {"id": run.session.location.id}
        run.context.log_event(dg.AssetMaterialization(STOCK_LOCATION, metadata=metadata))
    report = import_rows(run, rows, let_through=let_through)
    try:
        looked_at_all = push_levels(run, isbns, report, let_through=let_through, seen=seen)
    finally:
        if run.session.spellings:
            run.session.spellings.remember_doubles()
    # What a person let through waits no longer; pages that can't be read are as they were.
    unread = _unreadable(run) if let_through else None
    came_through(run, isbns, stay=unread.guardrail if unread else None, looked_at_all=looked_at_all)
    report.notes += notes
    return report


def preview_push(run: StoreRun, isbns: Sequence[str] | None, *, let_through: bool = False) -> Report:
    """What `push_rows` would do, title by title. Writes nothing: no location, no row, no event."""
    if isbns is None:
        run = run.seeing_all()
    if let_through:
        run = replace(run, session=run.session.with_any_price())
    location = run.session.location
    imports = preview_import(run.session, waiting_rows(run, isbns))
    titles = sound_titles(run, isbns)
    by_isbn = {title.isbn: title for title in titles}
    there = in_store(titles, imports)
    result = sync_levels(run.session, there, dry_run=True, everything=_everything(run, isbns))
    report = Report(run.context.job_name)
    _add_levels(report, by_isbn, result, planned=True)
    _name_untracked(report, isbns, by_isbn)
    changes = _changes(by_isbn, result)
    for isbn, row in imports.items():
        if row.problem:
            report.fail(isbn, f"Would fail: {row.problem}")
        if row.update and row.update.why_held:
            report.fail(isbn, f"Would keep its price: {row.update.why_held}")
        if row.level or (row.update and row.update.after):
            changes[isbn] = _with_import(changes.get(isbn), row)
    report.counts["would_update"] = sum(one.what == "update" for one in imports.values())
    report.counts |= asdict(plan_figures(result.titles.values(), imports, len(changes)))
    report.details |= {"changes": {isbn: one.as_json() for isbn, one in changes.items()}, "dry_run": True}
    looked = looked_in(result.looked, imports)
    report.details[LOOKED] = {isbn: one.as_json() for isbn, one in looked.items()}
    if run.session.client.read_only and isbns is None:
        found = legacy_titles(read_legacy(run.session.client), result.titles, imports, report.failed)
        report.details[LEGACY] = [asdict(one) for one in found]
    report.notes += run.session.notes
    if location.missing:
        report.notes.append(location.missing)
    if tripped := _tripped(run, isbns, there, imports):
        commands = LET_THROUGH_LIVE if run.session.client.read_only else LET_THROUGH
        _tell_guardrail(report, tripped.reason, commands, let_through=let_through)
    return report


def in_store(titles: Sequence[Title], imports: Mapping[str, RowPlan]) -> list[Title]:
    """The titles whose levels a push looks at before the import: the others are made by it, or fail."""
    return [
        title
        for title in titles
        if title.isbn not in imports or imports[title.isbn].what in ("update", "unchanged")
    ]


def looked_in(
    levels: Mapping[str, GuardedChange], imports: Mapping[str, RowPlan]
) -> dict[str, GuardedChange]:
    """ISBN to what guardrails look at, in what becomes of its level and of its product."""
    prices = {isbn: row.price for isbn, row in imports.items() if row.price is not None}
    priced = {isbn: replace(levels.get(isbn, GuardedChange()), price=price) for isbn, price in prices.items()}
    return {**levels, **priced}


def record_plan(run: StoreRun, report: Report) -> None:
    """Keep what a push of all titles would do, for who looks whether to go live."""
    legacy = [LegacyTitle(**one) for one in report.details[LEGACY]]
    session, figures = run.session, PlanFigures.among(report.counts)
    guardrail = report.details.get(GUARDRAIL_WOULD_STOP)
    session.journal.record_plan(session.today, session.run_id, figures, guardrail, legacy)


def _tell_guardrail(report: Report, reason: str, commands: str, *, let_through: bool) -> None:
    """Say in a dry run's report that a guardrail would stop the push, or what is let through."""
    if let_through:
        report.notes.append(f"You let through: {reason}")
        return
    report.notes.append(f"A push would be stopped: {reason} {commands}")
    report.details[GUARDRAIL_WOULD_STOP] = reason


def _with_import(levels: TitleChange | None, row: RowPlan) -> TitleChange:
    """A row's import as a change of a dry run, joined to what would be done to its level."""
    title = row.title
    if level := row.level:
        return TitleChange(
            title.title,
            after=level.after.stocked if level.after else None,
            status=level.status,
            label=level.label,
            reasons=(f"New in the store, for ${title.srp_price}.",),
            created=True,
            fields=_shown_moves(None, level.after)
            | {name: _moved(None, value) for name, value in row.fields.items() if value is not None},
        )
    update = row.update
    assert update is not None, "a row that fails is no change"
    levels = levels or TitleChange(title.title)
    kept = f" A person's {', '.join(update.kept)} stays." if update.kept else ""
    why = f"Would be brought up to date: {', '.join(update.after)}.{kept}"
    fields = {name: _moved(update.before.get(name), value) for name, value in update.after.items()}
    return replace(levels, reasons=(why, *levels.reasons), created=False, fields=levels.fields | fields)


def _moved(before: Any, after: Any) -> dict[str, Any]:
    return {"before": before, "after": after}


def _shown_moves(before: Shown | None, after: Shown | None) -> dict[str, dict[str, Any]]:
    """What moves of what the store shows, beside the copies; what was not there and is none then does not."""
    names = {
        "availability_label": "label",
        "availability": "availability",
        "allow_backorder": "allow_backorder",
        "incoming_quantity": "incoming",
    }
    pairs = {name: (getattr(before, of, None), getattr(after, of, None)) for name, of in names.items()}
    return {name: _moved(was, now) for name, (was, now) in pairs.items() if was != now and (was or now)}


def import_rows(run: StoreRun, rows: Sequence[Title], *, let_through: bool = False) -> Report:
    """Import rows that wait; stamp or fail each in the queue as its batch is done."""
    report = Report(run.context.job_name, {"imported": 0})
    if not rows:
        return report
    if let_through:
        run = replace(run, session=run.session.with_any_price())
    by_id = {row.id: row for row in rows}
    done = 0

    def stamp(imported: Sequence[int], failed: Mapping[int, str]) -> None:
        nonlocal done
        # A row that changed meanwhile is not marked: its new state waits for the next push.
        marked = run.reader.mark_imported(imported)
        run.reader.mark_failed(failed)
        _log_products(run, [by_id[row] for row in sorted(marked)])
        done += len(imported) + len(failed)
        progress.say(done)

    with Progress(run.context, "Rows imported", len(rows)) as progress:
        result = import_titles(run.session, rows, on_done=stamp)
    imported = {"created": len(result.created), "updated": len(result.updated)}
    report.counts |= {"imported": len(rows) - len(result.failed), **imported}
    for isbn, reason in result.failed.items():
        report.fail(isbn, reason)
    report.notes += _import_notes(result)
    return report


def _import_notes(result: ImportReport) -> Iterator[str]:
    for isbn, hint in result.unmapped.items():
        shown = (hint or "").strip()[:_HINT_SHOWN] or "no hint"
        yield f"Unmapped: no row of the categories' table fits {isbn} ({shown})."
    for isbn, fields in result.kept.items():
        yield f"Kept: somebody edited {', '.join(fields)} of {isbn}, and that is left alone."
    for isbn in result.zero_for_unknown:
        yield f"Unknown: {isbn} starts at 0 because a level has to be there; none was read."


def waiting_rows(run: StoreRun, isbns: Sequence[str] | None) -> list[Title]:
    """The rows of `isbns`, or of all titles, that wait for import; those that failed are tried again.

    Among them those whose product is gone from the store and that a person has asked for since, and those
    whose import is to be done anew.
    """
    rows: list[Title] = []
    after = 0
    while page := run.reader.rows_to_import(_ROWS, after, retry_failed=True):
        rows += _as_sold(run, isbns, page)
        after = page[-1].id
    again = _as_sold(run, isbns, run.reader.wanted_again())
    there = read_store(run.session.client, [row.isbn for row in again], run.session.location.id)
    waiting = {row.isbn for row in rows} | {row.isbn for row in again if not there[row.isbn].variants}
    anew = _as_sold(run, isbns, run.reader.titles(sorted(run.reimport - waiting))) if run.reimport else []
    return [*rows, *(row for row in again if row.isbn in waiting), *anew]


def push_levels(
    run: StoreRun,
    isbns: Sequence[str] | None,
    report: Report,
    *,
    let_through: bool = False,
    halted: guardrails.TrippedGuardrail | None = None,
    seen: Mapping[str, Title] | None = None,
) -> bool:
    """Bring the levels and flags of `isbns`, or of all titles, in step; log a materialization for each.

    Args:
        report: what was done is added to it.
        halted: why nothing may be written but what changes with time alone and what orders owe.
        seen: the titles as they were looked at: what was read since then is not written.

    Returns:
        Whether the guardrails looked at all titles, and not just at those that the push was for.

    Raises:
        dagster.Failure: a guardrail stopped the push; nothing was written, and the check failed. That it
            passed is the caller's to say, as an event or, in the asset's own step, as its result.
    """
    if halted is None and (unread := _unreadable(run)):
        halted = unread
    titles = {title.isbn: _as_seen(title, seen) for title in sound_titles(run, isbns)}
    try:
        with Progress(run.context, "Levels brought in step", len(titles)) as progress:
            result = sync_levels(
                run.session,
                titles.values(),
                let_through=let_through,
                everything=_everything(run, isbns),
                halted=halted.reason if halted else None,
                expired=lambda: _expired(run),
            )
            progress.say(len(titles))
    except PushStopped as error:
        _log_levels(run, titles, error.report)
        _record_in_step(run, titles, error.report)
        stopped_by = [*(halted.each if halted else ()), *(error.tripped.each if error.tripped else ())]
        raise _stop(run, str(error), stopped_by, isbns, error.titles) from error
    _log_levels(run, titles, result)
    _mark_levels(run, titles, result)
    _record_in_step(run, titles, result)
    _add_levels(report, titles, result)
    if changes := _changes(titles, result):
        report.details["changes"] = {isbn: one.as_json() for isbn, one in changes.items()}
    _name_untracked(report, isbns, titles)
    return result.looked_at_all


def _as_seen(title: Title, seen: Mapping[str, Title] | None) -> Title:
    """A title as it was looked at, if it was; whether it is imported is as it is now."""
    if seen is None or title.isbn not in seen:
        return title
    return replace(seen[title.isbn], imported_at=title.imported_at, failed_reason=title.failed_reason)


def _mark_levels(run: StoreRun, titles: Mapping[str, Title], result: SyncReport) -> None:
    """Say on the rows why their titles could not be brought in step, until they are again.

    A row that is not imported yet has its own reason, which its import wrote. One that a person asked for and
    that was there all the time is as good as imported anew.
    """
    imported = [title for title in titles.values() if title.imported_at]
    failed = {title.id: (title, result.failed.get(title.isbn)) for title in imported}
    told = {row: why for row, (title, why) in failed.items() if why and why[:2000] != title.failed_reason}
    run.reader.mark_failed(told)
    run.reader.clear_failed(row for row, (title, why) in failed.items() if title.failed_reason and not why)
    there = (row for row, (title, why) in failed.items() if title.is_wanted_again and not why)
    run.reader.mark_imported(there)
    # What the store was told of a product that was deleted since is true of nothing, and grows no older.
    run.session.journal.hold_to_nothing(
        [isbn for isbn, one in result.titles.items() if _waits(titles[isbn], one)]
    )


def _record_in_step(run: StoreRun, titles: Mapping[str, Title], result: SyncReport) -> None:
    """Remember what the store was told of the titles that are in step with it, and until when it is true."""
    max_age, zone = run.session.rules.sold_for, ZoneInfo(store_time_zone())
    in_step = [
        (titles[isbn], one)
        for isbn, one in result.titles.items()
        if one.outcome != "failed" and isbn not in result.owed
    ]
    entries = [
        InStep(
            title.isbn,
            title.id,
            title.stock_changed_at,
            valid_until(title, run.began, max_age, zone),
            run.began,
            tuple(sorted(aged_centers(title, run.began, max_age))),
            # Of what is left alone nothing was told.
            *((None, None) if one.outcome == "skipped" else (one.status, one.label)),
        )
        for title, one in in_step
    ]
    if result.held_back:
        # Titles whose newer reading the store was not told keep the one that it was.
        before = run.session.journal.in_step()
        entries = [
            replace(
                entry,
                row_id=was.row_id,
                stock_changed_at=was.stock_changed_at,
                status=was.status,
                label=was.label,
            )
            if entry.isbn in result.held_back and (was := before.get(entry.isbn))
            else entry
            for entry in entries
            if entry.isbn not in result.held_back or entry.isbn in before
        ]
    run.session.journal.record_in_step(entries)


def _expired(run: StoreRun) -> frozenset[str]:
    """The titles whose last reading that the store was told is too old: a newer one has been held back."""
    rows, told = run.reader.row_states(), run.session.journal.in_step()
    held_back = run.reader.first_changes(not_told(rows, told))
    return frozenset(told_too_long(held_back, run.began, run.session.rules.sold_for))


def stop_if_tripped(run: StoreRun, isbns: Sequence[str] | None, rows: Sequence[Title]) -> None:
    """Look at the whole change of `isbns`, or of all titles, before anything is written.

    Args:
        rows: those of them that wait for import (`waiting_rows`).

    Raises:
        dagster.Failure: a guardrail stops it; what changes with time alone, and what orders owe, was written.
    """
    if found := _tripped(run, isbns, sound_titles(run, isbns), preview_import(run.session, rows)):
        # The rows wait, too, also where nothing of their levels does.
        waiting = [row.isbn for row in rows]
        run.session.journal.hold(run.session.run_id, _reasons(found.each), waiting)
        if not run.session.location.missing:
            push_levels(run, isbns, Report(run.context.job_name), halted=found)
        raise _stop(run, f"{found.reason} {nothing_written()}", found.each, isbns, waiting)


def _tripped(
    run: StoreRun, isbns: Sequence[str] | None, titles: Sequence[Title], imports: Mapping[str, RowPlan]
) -> guardrails.TrippedGuardrail | None:
    """What all the guardrails say that stop a change of these titles, whose rows are imported like that."""
    plan = look_at(run.session, titles).plan
    tripped = (
        _unreadable(run),
        tripped_by(run.session, titles, plan, _everything(run, isbns)),
        _misprinted(run, isbns, imports),
    )
    return guardrails.all_tripped(tripped)


def _misprinted(
    run: StoreRun, isbns: Sequence[str] | None, imports: Mapping[str, RowPlan]
) -> guardrails.TrippedGuardrail | None:
    """Why the prices can't be believed: too many of all that wait would be held back.

    A push whose own prices are sound is not stopped by others', since it writes none of them.
    """
    if not _held(imports):
        return None
    rows = waiting_rows(run, None)
    if isbns is not None:
        imports = preview_import(run.session, rows)
    # A price that has been held back for days is known, and waits for a person: it stops nothing any more.
    since = datetime.now(UTC) - guardrails.LONG
    old = {row.isbn for row in rows if row.created_at and row.created_at < since}
    held = [price for isbn, price in _held(imports).items() if isbn not in old]
    plan = look_at(run.session, sound_titles(run, None)).plan
    in_store = sum(1 for each in plan.titles if each.before and each.isbn not in old)
    return guardrails.mass_price(held, in_store, run.session.rules.thresholds)


def _held(imports: Mapping[str, RowPlan]) -> dict[str, guardrails.HeldPrice]:
    """The prices in the store that a guardrail would hold back."""
    return {isbn: row.update.held for isbn, row in imports.items() if row.update and row.update.held}


def _unreadable(run: StoreRun) -> guardrails.TrippedGuardrail | None:
    """Why the readings can't be trusted: too many titles were not read at the last attempt."""
    tracked = frozenset(run.context.instance.get_dynamic_partitions(ISBNS_NAME))
    meant = (
        one
        for one in run.reader.attempts()
        if one.isbn not in run.retired and (not tracked or one.isbn in tracked)
    )
    attempts = guardrails.readable(meant, datetime.now(UTC))
    unread = sum(1 for one in attempts if one.outcome is not None)
    return guardrails.too_many_unread(len(attempts), unread, run.session.rules.thresholds)


def _everything(run: StoreRun, isbns: Sequence[str] | None) -> Callable[[], Sequence[Title]] | None:
    """All tracked titles for the guardrail to look at, where a push is for some of them."""
    return None if isbns is None else lambda: sound_titles(run, None)


def sound_titles(run: StoreRun, isbns: Sequence[str] | None) -> list[Title]:
    """The titles of `isbns`, or all that are not retired, as they may be sold now.

    Only those whose ISBN is one: another program's row may have none; its import fails with the reason.
    """
    return _as_sold(run, isbns, [title for title in run.reader.titles(isbns) if is_isbn13(title.isbn)])


def _as_sold(run: StoreRun, isbns: Sequence[str] | None, titles: Sequence[Title]) -> list[Title]:
    """Those of the titles that are named, or that are not retired, as they may be sold now.

    The one place where a push looks at the clock.
    """
    now, rules, named = datetime.now(UTC), run.session.rules, None if isbns is None else frozenset(isbns)
    return [
        age(title, now, rules.stock_max_age, rules.stale_stock)
        for title in titles
        if (title.isbn not in run.retired if named is None else title.isbn in named)
    ]


def _stop(
    run: StoreRun,
    reason: str,
    tripped: Iterable[guardrails.TrippedGuardrail],
    isbns: Sequence[str] | None,
    waiting: Collection[str],
) -> dg.Failure:
    """The failed blocking check, and the failure of the run.

    Args:
        isbns: those that the push was for; `None`: all.
        waiting: of them those that wait now behind the guardrails that tripped.
    """
    journal, reasons = run.session.journal, _reasons(tripped)
    known = {one.isbn for one in journal.held() if one.run_id == run.session.run_id}
    waiting = frozenset({*waiting, *known})
    journal.release(_no_longer_held(run, isbns) - waiting)
    journal.hold(run.session.run_id, reasons, waiting)
    log_check(
        run.context,
        INVENTORY_LEVELS,
        NO_FALSE_ZEROES,
        passed=False,
        description=reason,
        more=held_by(_standing(run) | reasons),
    )
    return stopped("guardrail", f"{reason} {LET_THROUGH}")


def _reasons(tripped: Iterable[guardrails.TrippedGuardrail]) -> dict[str, str]:
    """Guardrail to what it says; the caller and the levels' look may have found the same."""
    return {one.guardrail: one.reason for one in tripped}


def _no_longer_held(run: StoreRun, isbns: Sequence[str] | None) -> set[str]:
    """The titles that waited behind guardrails until this push, which is for `isbns`, or for all."""
    retired = set(run.context.instance.get_dynamic_partitions(RETIRED_NAME))
    left_out = run.retired - retired
    held = {one.isbn for one in run.session.journal.held()}
    return retired | (held - left_out if isbns is None else set(isbns))


def _standing(run: StoreRun) -> dict[str, str]:
    """The guardrails behind which titles wait, each with what it said last."""
    return {one.guardrail: one.reason for one in run.session.journal.held()}


def held_by(reasons: Mapping[str, str]) -> dict[str, dg.MetadataValue]:
    """Of the check's evaluation: the guardrails behind which titles wait."""
    return {HELD_BY: dg.MetadataValue.json(dict(reasons))} if reasons else {}


def came_through(
    run: StoreRun, isbns: Sequence[str] | None, *, stay: str | None = None, looked_at_all: bool = False
) -> dict[str, str]:
    """Enter that titles wait behind no guardrail any more, and log the check where that is news.

    Args:
        isbns: those that a push brought to the store; `None`: all.
        stay: the guardrail whose cause is as it was.

    Returns:
        The guardrails behind which others wait still, each with its reason.
    """
    before = _standing(run)
    run.session.journal.release(_no_longer_held(run, isbns), [stay] if stay else [])
    now = _standing(run)
    if (before or looked_at_all) and not (now or stay):
        log_check(run.context, INVENTORY_LEVELS, NO_FALSE_ZEROES, passed=True, description=NOTHING_TRIPPED)
    elif now.keys() != before.keys():
        words = " ".join(now.values())
        more = held_by(now)
        log_check(run.context, INVENTORY_LEVELS, NO_FALSE_ZEROES, passed=False, description=words, more=more)
    return now


def _name_untracked(report: Report, isbns: Sequence[str] | None, titles: Collection[str]) -> None:
    for isbn in isbns or ():
        if isbn not in titles:
            report.fail(
                isbn, f"It is not tracked: the queue has no such title. Track it: ingram enrich {isbn}"
            )


def _add_levels(
    report: Report, titles: Mapping[str, Title], result: SyncReport, *, planned: bool = False
) -> None:
    """What became of the levels, or of a plan would become, for a person."""
    outcomes = result.titles.values()
    for outcome in outcomes:
        title = titles[outcome.isbn]
        if _waits(title, outcome):
            report.add("not_in_store_yet")
            continue
        report.add(outcome.outcome)
        if outcome.outcome == "failed":
            report.fail(outcome.isbn, " ".join(outcome.reasons))
    report.counts |= {
        "levels": sum(1 for one in outcomes if one.after and one.after.stocked is not None),
        "unmanaged": sum(1 for one in outcomes if one.after and not one.after.managed),
        "would_be_repaired" if planned else "repaired": len(result.repaired),
        "oversold": len(result.oversold),
        "would_fall_to_low_stock" if planned else "fell_to_low_stock": len(result.low),
    }
    report.details["availability"] = dict(sorted(Counter(one.status for one in outcomes).items()))
    report.notes += _level_notes(result, planned=planned)


def _waits(title: Title, outcome: TitleOutcome) -> bool:
    """Whether a title is not in the store: it waits for its import, or failed it with a reason of its own."""
    return outcome.before is None and title.imported_at is None and outcome.outcome == "failed"


def _level_notes(result: SyncReport, *, planned: bool) -> Iterator[str]:
    for one in result.oversold:
        yield (
            f"Oversold: {one.isbn} has {one.reserved:g} copies promised in {one.orders} orders, and "
            f"{one.stocked:g} on hand ({one.status})."
        )
    for isbn in result.low:
        after = result.titles[isbn].after
        fell = "would fall" if planned else "fell"
        yield f"Low stock: {isbn} {fell} to {after.stocked or 0 if after else 0:g}."
    yield from (one.sentence for one in result.returned)
    for outcome in result.titles.values():
        if outcome.before and outcome.before.reserved < 0:
            yield (
                f"Odd: Medusa has {outcome.before.reserved:g} copies of {outcome.isbn} reserved, which can't "
                "be. They count as none: see its reservations in Medusa's admin."
            )
    for isbn in result.repaired:
        if planned:
            yield f"Would be repaired: the level of {isbn} was changed by somebody else."
        else:
            yield f"Repaired: the level of {isbn} had been changed by somebody else."


def _changes(titles: Mapping[str, Title], result: SyncReport) -> dict[str, TitleChange]:
    """What is written, or in a dry run would be."""
    return {
        isbn: _change(titles[isbn], outcome)
        for isbn, outcome in result.titles.items()
        if outcome.outcome in ("planned", "written")
    }


def _change(title: Title, outcome: TitleOutcome) -> TitleChange:
    before, after = outcome.before, outcome.after
    return TitleChange(
        title.title,
        before.stocked if before else None,
        after.stocked if after else None,
        outcome.status,
        outcome.label,
        outcome.reasons,
        fields=_shown_moves(before, after) if outcome.outcome == "planned" else {},
    )


def _in_medusa(run: StoreRun, isbn: str) -> dict[str, dg.MetadataValue]:
    """The title in Medusa's admin, for a person to click; nothing where no admin page is served."""
    admin = run.admin_page
    return {"medusa": dg.MetadataValue.url(f"{admin}/products?q={isbn}")} if admin else {}


def _log_products(run: StoreRun, titles: Sequence[Title]) -> None:
    made = [
        dg.AssetMaterialization(
            PRODUCTS,
            partition=title.isbn,
            metadata={"title": title.title, "queue_row": title.id, **_in_medusa(run, title.isbn)},
        )
        for title in titles
    ]
    log_materializations(run.context, made)


def _log_levels(run: StoreRun, titles: Mapping[str, Title], result: SyncReport) -> None:
    materializations = []
    for isbn, outcome in result.titles.items():
        if outcome.outcome not in ("written", "unchanged") or outcome.after is None:
            continue
        change = _change(titles[isbn], outcome)
        metadata = {name: value for name, value in change.as_json().items() if value not in (None, [], {})}
        metadata |= {"outcome": outcome.outcome, **_in_medusa(run, isbn)}
        if change.after is not None:
            metadata["level"] = int(change.after)
        materializations.append(dg.AssetMaterialization(INVENTORY_LEVELS, partition=isbn, metadata=metadata))
    log_materializations(run.context, materializations)
    for isbn in result.low:
        change = _change(titles[isbn], result.titles[isbn])
        copies = {"before": change.before or 0, "after": change.after or 0}
        run.context.log_event(
            dg.AssetObservation(
                INVENTORY_LEVELS,
                partition=isbn,
                description=f"Low stock: {change.title}",
                metadata={"low_stock": True, "title": change.title, **copies},
            )
        )
