"""The storefront's ops: bring titles to the store, and put back what a run changed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import dagster as dg
from pydantic import Field

from ingram_assets.defs.events import Report, classified, log_materializations
from ingram_assets.defs.keys import INVENTORY_LEVELS, PRODUCTS, STORE_POOL
from ingram_assets.defs.reading_events import titled
from ingram_assets.defs.storefront.as_planned import looked_in_plan, push_as_planned
from ingram_assets.defs.storefront.push import (
    StoreRun,
    go_live,
    open_store,
    preview_push,
    push_rows,
    record_plan,
    why_only_plan,
)
from ingram_assets.defs.storefront.resources import Medusa, QueueReaderResource, StoreJournal
from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.settings.loading import load
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.store.session import StoreSession
from ingram_assets.store.undo import UndoReport, UnknownRun
from ingram_assets.store.undo import undo as put_back


class PushConfig(dg.Config):
    """What a push brings to the store."""

    isbns: list[str] = Field(
        default_factory=list, description="ISBNs of these titles alone (13 digits). Empty: all titles."
    )
    dry_run: bool = Field(False, description="Say what would change, per title, and write nothing.")
    let_through: bool = Field(
        False, description="A person looked at what a guardrail stopped, and it is right."
    )
    plan: str = Field(
        "",
        description="The whole id of the plan in which the person looked: of these titles what it showed is "
        "let through, and nothing else. Empty: whatever they change to.",
    )
    reimport: list[str] = Field(
        default_factory=list,
        description="ISBNs whose import is done anew, though the queue says that they are imported: their "
        "products were deleted, or are to be as the queue has them.",
    )
    leave_out: list[str] = Field(
        default_factory=list, description="ISBNs that this push does not touch, of all the titles."
    )
    go_live: bool = Field(
        False,
        description="A person has seen what a push would do: from now on it is written to the store, by this "
        "run and all others.",
    )


class UndoConfig(dg.Config):
    """Which run is undone."""

    run_id: str = Field(
        min_length=1,
        description="The whole id of a run that wrote to the store, as `ingram push` prints it and Dagster's "
        "UI shows it.",
    )
    dry_run: bool = Field(False, description="Say what would be put back, per title, and write nothing.")


@dg.op(pool=STORE_POOL)
def push_titles(
    context: dg.OpExecutionContext,
    config: PushConfig,
    medusa: Medusa,
    queue: QueueReaderResource,
    journal: StoreJournal,
) -> dg.Output[None]:
    """New products, then every level and flag that differs. While the shop only watches, a plan of it."""
    isbns = list(config.isbns) or None
    with classified(), open_store(context, medusa, queue, journal, can_plan=True) as run:
        run = replace(
            run, reimport=frozenset(config.reimport), retired=run.retired | frozenset(config.leave_out)
        )
        _refuse_untracked(run, config.leave_out)
        if config.go_live and not config.dry_run and (already := go_live(run)):
            report = Report(context.job_name, notes=[already])
        elif (watching := why_only_plan(run)) or config.dry_run:
            report = preview_push(run, isbns, let_through=config.let_through)
            report.notes += [watching] if watching else []
            if watching and isbns is None and not config.leave_out:
                record_plan(run, report)
        elif config.let_through and config.plan:
            report = push_as_planned(run, isbns or [], looked_in_plan(context.instance, config.plan))
        else:
            report = push_rows(run, isbns, let_through=config.let_through)
        _count_requests(report, run.session)
    report.details["medusa_url"] = load(StorefrontSettings).MEDUSA_BACKEND_URL
    return dg.Output(None, metadata=report.metadata())


def _refuse_untracked(run: StoreRun, leave_out: Sequence[str]) -> None:
    """Raises NeedsPerson where a title is to be left out that there is none of: another one is meant."""
    tracked = {title.isbn for title in run.reader.titles(list(leave_out))} if leave_out else set()
    if unknown := [isbn for isbn in leave_out if isbn not in tracked]:
        raise NeedsPerson(
            f"Nothing was pushed. To be left out is {', '.join(unknown)}, of which the queue has no title. "
            "Is the ISBN right? Name the one that is meant, or none."
        )


@dg.op(pool=STORE_POOL)
def undo_run(
    context: dg.OpExecutionContext,
    config: UndoConfig,
    medusa: Medusa,
    queue: QueueReaderResource,
    journal: StoreJournal,
) -> dg.Output[None]:
    """Puts back what a run changed, title by title, where nobody changed it since.

    The undo is a run of the journal too, and can itself be undone. While the shop only watches, a plan of it.
    """
    with classified(), open_store(context, medusa, queue, journal, can_plan=True) as run:
        watching = why_only_plan(run)
        try:
            done = put_back(run.session, config.run_id, dry_run=config.dry_run or watching is not None)
        except UnknownRun as error:
            raise NeedsPerson(str(error)) from None
        if not done.dry_run:
            _log(run)
        report = _report(context.job_name, done)
        report.notes += [watching] if watching else []
        _count_requests(report, run.session)
    return dg.Output(None, metadata=report.metadata())


def _count_requests(report: Report, session: StoreSession) -> None:
    report.counts |= {"medusa_reads": session.client.reads, "medusa_writes": session.client.writes}


def _report(job: str, done: UndoReport) -> Report:
    what = {"undone": done.undone, "left": done.left, "removed": done.removed}
    counts = {name: len(titles) for name, titles in what.items()}
    report = Report(job, counts=counts, details={"dry_run": done.dry_run, "fields": done.fields, **what})
    for isbn, reason in done.failed.items():
        report.fail(isbn, reason)
    for isbn in done.removed:
        report.notes.append(
            f"{isbn} is out of the store again, and stays so. To have it back: ingram push --reimport {isbn}"
        )
    if not (done.undone or done.left or done.failed):
        report.notes.append(
            "Nothing is to be put back: the store has all of it as it was before the run, or the run changed "
            "no title."
        )
    if done.undone and not done.dry_run:
        report.notes.append(
            "The next push of these titles brings them in step with the rules again: correct what misled the "
            "run first."
        )
    return report


def _log(run: StoreRun) -> None:
    """A materialization of whatever something was put back of, with what the journal has of it."""
    put: dict[tuple[str, dg.AssetKey], dict[str, Any]] = {}
    changes = [one for one in run.session.journal.changes(run.session.run_id) if one.outcome == "written"]
    titles = {one.isbn: one.title for one in run.reader.titles([one.isbn for one in changes if one.isbn])}
    for entry in changes:
        if entry.isbn is None:
            continue
        asset = PRODUCTS if entry.kind == "product" else INVENTORY_LEVELS
        why = {**titled(titles.get(entry.isbn)), "outcome": "undone", "reason": entry.reason}
        metadata = put.setdefault((entry.isbn, asset), why)
        metadata[entry.kind] = {"before": entry.before, "after": entry.after}
    made = [
        dg.AssetMaterialization(asset, partition=isbn, metadata=metadata)
        for (isbn, asset), metadata in put.items()
    ]
    log_materializations(run.context, made)
