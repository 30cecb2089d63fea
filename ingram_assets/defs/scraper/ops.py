"""The scraper's ops: look at a search, track a file's titles, read some by name, retire, forget."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import dagster as dg
from pydantic import Field

from ingram_assets.defs.events import Report, classified, failure_of, json_last, say
from ingram_assets.defs.keys import ISBNS_NAME, RETIRED_NAME, SITE_POOL
from ingram_assets.defs.runs_at_work import runs_at_work
from ingram_assets.defs.scraper.cover_looks import look_at_covers
from ingram_assets.defs.scraper.decisions import RunAtWork, keeps_from_retiring
from ingram_assets.defs.scraper.discovery import (
    TO_BE_READ,
    TitlesToTrack,
    listed_by_search,
    read_search,
    say_what_would_be_tracked,
    search_named,
    shrunk,
    track,
    without_a_title,
)
from ingram_assets.defs.scraper.earlier_sweeps import before_a_sweep, before_some_titles
from ingram_assets.defs.scraper.event_pruning import prune_events, prune_runs, vacuum
from ingram_assets.defs.scraper.read_pages import read_pages
from ingram_assets.defs.scraper.resources import R2, IPage, QueueWriterResource
from ingram_assets.defs.scraper.sharded_sweeps import FOUND, to_json
from ingram_assets.domain.failures import IngramError, Transient
from ingram_assets.domain.guardrails import Thresholds
from ingram_assets.domain.isbn import InvalidIsbn, parse_isbn
from ingram_assets.settings.loading import load
from ingram_assets.settings.scraper import ScraperSettings

_PARTITION = "dagster/partition"
_RANGE_START, _RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
_NOT_BEGUN = frozenset({dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED})


class EnrichConfig(dg.Config):
    """Which titles are read."""

    isbns: list[str] = Field(
        description="ISBNs (10 or 13 digits, hyphens welcome). Those that are not tracked yet are added, "
        "even if they had been retired."
    )


def isbns_of(written: Sequence[str]) -> list[str]:
    """The ISBNs that a person wrote, as 13 digits, each once.

    Raises:
        Failure: one of them is none.
    """
    isbns: dict[str, None] = {}
    for text in written:
        try:
            isbns[parse_isbn(text)] = None
        except InvalidIsbn as error:
            raise dg.Failure(f"{text!r} is no ISBN: {error} Nothing was done.", allow_retries=False) from None
    if not isbns:
        raise dg.Failure("No ISBN was given. Nothing was done.", allow_retries=False)
    return list(isbns)


class ShardConfig(dg.Config):
    """The titles of one shard of a sweep."""

    isbns: list[str] = Field(description="ISBNs of 13 digits, in the order in which they are read.")


class RetireConfig(dg.Config):
    """Which titles are no longer tracked."""

    isbns: list[str] = Field(
        description="ISBNs (10 or 13 digits, hyphens welcome) that are no longer read. Their products stay "
        "in the store as they are: unpublish them there. `enrich` takes a title back."
    )


class PlanConfig(dg.Config):
    """Which saved search is looked at."""

    search_id: str = Field("", description="As for ipage/saved_search.")


class TrackConfig(dg.Config):
    """Titles that a person's file lists."""

    isbns: list[str] = Field(description="ISBNs (10 or 13 digits, hyphens welcome).")
    titles: dict[str, str] = Field({}, description="ISBN to title, as far as the file has them.")
    prices: dict[str, str] = Field({}, description="ISBN to list price in US dollars.")
    not_understood: dict[str, str] = Field({}, description="What stood for an ISBN, and why it is none.")
    notes: list[str] = Field([], description="What else there is to say of the file.")
    dry_run: bool = Field(False, description="Say what would be tracked, and track nothing.")


@dg.op(pool=SITE_POOL, description="Says what the saved search would bring, and tracks nothing.")
def plan_discovery(context: dg.OpExecutionContext, config: PlanConfig, ipage: IPage) -> dg.Output[None]:
    """Read the saved search as discovery does, and stop before anything is written."""
    with classified():
        settings = load(ScraperSettings)
        search = search_named(config.search_id, settings)
        found = read_search(context, ipage, search)
    report = Report(context.job_name)
    if tripped := shrunk(context.instance, search, found, settings):
        report.notes.append(f"A guardrail would stop it: {tripped.reason}")
    say_what_would_be_tracked(context.instance, listed_by_search(found), report)
    return dg.Output(None, metadata=report.metadata())


# Without the pool: it asks nothing of the site, and takes nothing away from a sweep that is under way.
@dg.op(
    description="Tracks the titles that a person's file lists; takes none away. Those that it gives no title "
    "for are named in its report: they are tracked once their pages were read, as by enrich."
)
def track_titles(
    context: dg.OpExecutionContext, config: TrackConfig, queue: QueueWriterResource
) -> dg.Output[None]:
    """Add the titles to the queue and the partitions, as discovery does."""
    prices = {isbn: Decimal(price) for isbn, price in config.prices.items()}
    titles = {isbn: (config.titles.get(isbn), prices.get(isbn)) for isbn in isbns_of(config.isbns)}
    listed, report = (
        TitlesToTrack(titles, config.not_understood, tuple(config.notes)),
        Report(context.job_name),
    )
    if config.dry_run:
        say_what_would_be_tracked(context.instance, listed, report)
        return dg.Output(None, metadata=report.metadata())
    unread = without_a_title(context.instance, listed)
    say(context, f"Titles of the file: 0 of {len(titles):,}")
    track(context, queue, listed.without(unread), report)
    say(context, f"Titles of the file: {len(titles) - len(unread):,} of {len(titles):,}")
    report.counts["discovered"] = len(titles)
    report.details |= {TO_BE_READ: unread} if unread else {}
    return dg.Output(None, metadata=report.metadata())


@dg.op(pool=SITE_POOL, description="Details, stock and cover of the titles named, into the queue.")
def enrich_titles(
    context: dg.OpExecutionContext, config: EnrichConfig, ipage: IPage, queue: QueueWriterResource, r2: R2
) -> dg.Output[None]:
    """Read titles by name, whether the saved search lists them or not."""
    instance = context.instance
    isbns = isbns_of(config.isbns)
    untracked = set(isbns) - set(instance.get_dynamic_partitions(ISBNS_NAME))
    sweep = read_pages(context, ipage, queue, isbns, isbns, before_some_titles(instance))
    # A title whose details are in the queue comes to the store: its stock has to be looked at from now on.
    there = [isbn for isbn in isbns if isbn in sweep.there]
    instance.add_dynamic_partitions(ISBNS_NAME, [isbn for isbn in there if isbn in untracked])
    for isbn in set(there) & set(instance.get_dynamic_partitions(RETIRED_NAME)):
        instance.delete_dynamic_partition(RETIRED_NAME, isbn)
    report = sweep.report
    with classified():
        try:
            metadata = look_at_covers(context, ipage, queue, r2, there, report, anew=True)
        except Transient as error:
            # What was read is in the queue. The covers are due again by themselves.
            for isbn in there:
                report.fail(isbn, f"Its cover was not looked at: {error}")
            metadata = report.metadata()
        except IngramError as error:
            raise failure_of(error, report) from error
    return dg.Output(None, metadata=metadata)


# Without the pool: shards are at work side by side. What all runs ask of the site is limited all the same.
@dg.op(description="Reads a part of a sweep's titles; ipage/stock_sweep counts all parts once they are in.")
def read_shard(
    context: dg.OpExecutionContext, config: ShardConfig, ipage: IPage, queue: QueueWriterResource
) -> dg.Output[None]:
    """Read the shard's titles as a sweep does, but for those that were retired since."""
    thresholds = Thresholds(max_unread=load(ScraperSettings).GUARDRAIL_MAX_UNREAD)
    tracked = set(context.instance.get_dynamic_partitions(ISBNS_NAME))
    isbns = [isbn for isbn in config.isbns if isbn in tracked]
    earlier = before_a_sweep(context.instance, tracked, time.time())
    sweep = read_pages(
        context, ipage, queue, isbns, None, earlier, lambda sweep: sweep.vanished(thresholds) is None
    )
    found = {FOUND: dg.MetadataValue.json(to_json(sweep))}
    return dg.Output(None, metadata=json_last({**sweep.report.metadata(), **sweep.site, **found}))


# With the pool it waits for a sweep to end, instead of pulling a title away under it.
@dg.op(
    pool=SITE_POOL, description="Removes the partitions of the titles named; touches nothing in the store."
)
def retire_titles(context: dg.OpExecutionContext, config: RetireConfig) -> dg.Output[None]:
    """Stop tracking titles, unless a run is at work on one of them: deleting its partition would kill it."""
    instance = context.instance
    isbns = isbns_of(config.isbns)
    tracked = instance.get_dynamic_partitions(ISBNS_NAME)
    others = [
        run
        for location in ("scraper", "storefront")
        for run in runs_at_work(instance, location)
        if run.run_id != context.run.run_id
    ]
    held = keeps_from_retiring(isbns, [at_work(run, tracked) for run in others])
    if held:
        isbn, run = next(iter(held.items()))
        raise dg.Failure(
            f"A run is at work on {isbn}{f' and {len(held) - 1} more' if len(held) > 1 else ''} "
            f"({run.job}, {run.run_id[:8]}). Nothing was retired: try again when it has ended.",
            allow_retries=False,
        )
    report = Report(context.job_name)
    for isbn in isbns:
        if isbn not in tracked:
            report.fail(
                isbn,
                "It is not tracked, so there is nothing to stop. The saved search will not bring it from now "
                f"on; if it is to: ingram enrich {isbn}",
            )
    instance.add_dynamic_partitions(RETIRED_NAME, isbns)
    for isbn in isbns:
        if isbn in tracked:
            instance.delete_dynamic_partition(ISBNS_NAME, isbn)
            context.log.info(f"{isbn} is no longer tracked.")
    if retired := set(isbns) & set(tracked):
        them = "it" if len(retired) == 1 else "them"
        report.notes.append(
            f"What the store has of {them} stays as it is: to stop selling {them}, take {them} off sale in "
            "Medusa, too."
        )
    report.counts["retired"] = len(retired)
    return dg.Output(None, metadata=report.metadata())


def at_work(run: dg.DagsterRun, tracked: Sequence[str]) -> RunAtWork:
    """Which titles a run is about, by its partition, its partition range, or its configuration."""
    isbns: frozenset[str] | None = None
    if _PARTITION in run.tags:
        isbns = frozenset({run.tags[_PARTITION]})
    elif _RANGE_START in run.tags:
        ends = [
            tracked.index(run.tags[tag]) if run.tags.get(tag) in tracked else None
            for tag in (_RANGE_START, _RANGE_END)
        ]
        if ends[0] is not None and ends[1] is not None:
            isbns = frozenset(tracked[ends[0] : ends[1] + 1])
    else:
        config: Any = run.run_config
        ops = config.get("ops", {}).values()
        named = [isbn for op in ops for isbn in op.get("config", {}).get("isbns", [])]
        isbns = frozenset(named) or None
    return RunAtWork(run.run_id, run.job_name, isbns, run.status in _NOT_BEGUN)


@dg.op(description="Forgets stock history, events and runs that nobody will look at any more.")
def forget_what_is_old(context: dg.OpExecutionContext, queue: QueueWriterResource) -> dg.Output[None]:
    """Prune the queue's history, then Dagster's events and runs."""
    report = Report(context.job_name)
    days = load(ScraperSettings).HISTORY_RETENTION_DAYS
    with classified(), queue.open() as writer:
        report.counts["history_entries"] = writer.prune_history(days)
    now, kept = datetime.now(UTC), timedelta(days=days)
    report.counts["events"] = sum(prune_events(context.instance, now, kept))
    report.counts["runs"] = prune_runs(context.instance, now, kept)
    vacuum(context.instance)
    context.log.info(
        f"Forgot {report.counts['history_entries']:,} entries of the history older than {days} days."
    )
    return dg.Output(None, metadata=report.metadata())
