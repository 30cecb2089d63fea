"""The scraper's assets: the saved search, each title's page, its cover, and the row it becomes."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, cast, get_args
from zoneinfo import ZoneInfo

import dagster as dg
from dagster import AssetExecutionContext
from pydantic import Field

from ingram_assets.defs.events import (
    KIND,
    REPORT,
    STOPPED,
    Report,
    classified,
    failure_of,
    json_last,
    log_check,
    stopped,
)
from ingram_assets.defs.keys import (
    COVER_SWEEP,
    COVERS,
    FIELDS_READ,
    FIND_BY_NAME,
    ISBNS,
    ISBNS_NAME,
    LIKELY_SELL_OUTS,
    ORDERS,
    QUEUE_ROWS,
    SAVED_SEARCH,
    SITE_POOL,
    STOCK,
    STOCK_SWEEP,
    TITLE_DETAILS,
    UNREAD_PAGES,
)
from ingram_assets.defs.next_reading import SWEEP_EVERY
from ingram_assets.defs.reading_events import titles_of
from ingram_assets.defs.scraper.automation import (
    BETWEEN_SPEC,
    COVERS_SPEC,
    SEARCH_SPEC,
    SWEEP_SPEC,
    pages_now,
    sweep_every_now,
)
from ingram_assets.defs.scraper.between_sweeps import (
    NOTHING_ODD,
    SWEPT_ODDLY,
    between_sweeps,
    last_readings,
    left_for_the_next_run,
    odd_counts,
    worth_a_try,
)
from ingram_assets.defs.scraper.checks import evaluation
from ingram_assets.defs.scraper.cover_looks import look_at_covers
from ingram_assets.defs.scraper.decisions import reading_order, span
from ingram_assets.defs.scraper.discovery import (
    LISTED,
    listed_by_search,
    read_search,
    search_named,
    shrunk,
    track,
)
from ingram_assets.defs.scraper.earlier_sweeps import (
    KnownBefore,
    before_a_sweep,
    before_some_titles,
    left_for_the_next,
    left_of_fields,
)
from ingram_assets.defs.scraper.field_watch import (
    fields_evaluation,
    fields_result,
    fields_shown_as,
    notes_on,
    why_stopped,
)
from ingram_assets.defs.scraper.read_pages import read_pages
from ingram_assets.defs.scraper.resources import R2, IPage, QueueWriterResource
from ingram_assets.defs.scraper.sharded_sweeps import count_together
from ingram_assets.defs.scraper.sweep_result import SweepResult
from ingram_assets.domain import guardrails
from ingram_assets.domain.availability import Status
from ingram_assets.domain.failures import Transient
from ingram_assets.domain.field_shares import FieldWatch
from ingram_assets.domain.freshness import read_next
from ingram_assets.domain.guardrails import TrippedGuardrail
from ingram_assets.settings.loading import load
from ingram_assets.settings.scraper import ScraperSettings
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.sources.ipage.site import Reading

_PACE = load(PaceSettings)
OWNERS = ["team:bookstore"]
_SEARCH_SHRUNK = dg.AssetCheckSpec(
    "has_not_shrunk",
    asset=SAVED_SEARCH,
    blocking=True,
    description="The saved search still lists at least half of what it listed last time.",
)
_READABLE = dg.AssetCheckSpec(
    "pages_were_readable",
    asset=STOCK_SWEEP,
    blocking=True,
    description=(
        "No more than a fifth of the pages gave no reading, and of the titles that were there no more than a "
        "fifth are gone at once: else the site changed or blocks. Titles that earlier sweeps could not read "
        "are in no share."
    ),
)

_FIELDS_READ = dg.AssetCheckSpec(
    FIELDS_READ,
    asset=STOCK_SWEEP,
    description=(
        "Each field (price, binding, stock table, a distribution center, …) is read on about as many pages "
        "as usual: else the site changed. Stops nothing: what is still understood is used. Passes again "
        "when the field is back, when a sweep is let through, or after a week."
    ),
)


class SavedSearchConfig(dg.Config):
    """Which saved search is downloaded."""

    search_id: str = Field(
        "",
        description="The saved search's number on iPage, or the whole address of its page of results or its "
        "Download link. Empty: the setting IPAGE_SAVED_SEARCH_ID.",
    )
    let_through: bool = Field(
        False, description="A person looked at a search that lost more than half its titles: it is right."
    )


class SweepConfig(dg.Config):
    """How a sweep goes."""

    all_details: bool = Field(
        False, description="Record every title's details anew, not just those of titles that have none."
    )
    let_through: bool = Field(
        False,
        description="A person looked at the unread pages: the sweep counts all the same. Fields that were "
        "told of as missing are expected no more.",
    )
    shards_of: str = Field(
        "",
        description="The sweep whose shards were read by other runs: they are counted together, and no page "
        "is read. The sensor sweep_in_shards writes it.",
    )


@dg.asset(
    key=SAVED_SEARCH,
    group_name="discovery",
    kinds={"csv"},
    owners=OWNERS,
    pool=SITE_POOL,
    check_specs=[_SEARCH_SHRUNK],
    freshness_policy=SEARCH_SPEC.freshness,
    automation_condition=SEARCH_SPEC.condition(),
    description=(
        "The titles of the saved search on iPage, by its export and its pages of results, weekly. New ISBNs "
        "become partitions and rows of the queue; "
        "a title that leaves the search goes on being tracked, one that a person retired stays retired."
    ),
)
def saved_search(
    context: AssetExecutionContext, config: SavedSearchConfig, ipage: IPage, queue: QueueWriterResource
) -> dg.MaterializeResult:
    """Download the saved search, refuse it if it shrank, and track what is new."""
    with classified():
        settings = load(ScraperSettings)
        search_id = search_named(config.search_id, settings)
        found = read_search(context, ipage, search_id)
    tripped = shrunk(context.instance, search_id, found, settings)
    check = _verdict(_SEARCH_SHRUNK, tripped, config.let_through, f"It lists {len(found.titles)} titles.")
    if tripped and not check.passed:
        log_check(context, SAVED_SEARCH, _SEARCH_SHRUNK.name, passed=False, description=tripped.reason)
        out = "Look at the search in a browser. The commands: ingram discover --let-through, if it is right."
        raise stopped("guardrail", f"{tripped.reason} Nothing was added. {out}")
    report = Report(context.job_name)
    track(context, queue, listed_by_search(found), report)
    isbns = [title.isbn for title in found.titles]
    listed: dict[str, Any] = {"search_id": search_id, LISTED: dg.MetadataValue.json(isbns)}
    return dg.MaterializeResult(metadata=json_last(report.metadata() | listed), check_results=[check])


def _verdict(
    spec: dg.AssetCheckSpec, tripped: TrippedGuardrail | None, let_through: bool, otherwise: str
) -> dg.AssetCheckResult:
    """A guardrail's check: passed if it did not trip, or if a person lets it through."""
    return dg.AssetCheckResult(
        check_name=spec.name,
        asset_key=spec.asset_key,
        passed=tripped is None or let_through,
        description=tripped.reason if tripped else otherwise,
    )


@dg.asset(
    key=STOCK_SWEEP,
    deps=[SAVED_SEARCH],
    group_name="stock",
    kinds={"html"},
    owners=OWNERS,
    pool=SITE_POOL,
    check_specs=[_READABLE, _FIELDS_READ],
    freshness_policy=SWEEP_SPEC.freshness,
    automation_condition=SWEEP_SPEC.condition(),
    description=(
        f"One complete reading of every tracked title's stock, every {span(_PACE.STOCK_WARN_AFTER)}. Its "
        "freshness policy drives the sweep: reading some titles in between, by hand or as likely sell-outs, "
        "neither postpones it nor makes the rest look fresh. Its plots show stock over time."
    ),
)
def stock_sweep(
    context: AssetExecutionContext, config: SweepConfig, ipage: IPage, queue: QueueWriterResource
) -> dg.MaterializeResult:
    """Read every tracked title, the stalest first; new titles' details come along."""
    tracked = context.instance.get_dynamic_partitions(ISBNS_NAME)
    if not tracked:
        raise dg.Failure("No title is tracked yet: materialize ipage/saved_search first.")
    earlier = before_a_sweep(context.instance, tracked, time.time())
    thresholds = guardrails.Thresholds(max_unread=load(ScraperSettings).GUARDRAIL_MAX_UNREAD)
    try:
        if config.shards_of:
            with classified():
                report = Report(context.job_name)
                sweep = count_together(context.instance, config.shards_of, earlier, report, time.time())
        else:
            isbns = reading_order(tracked, earlier.read, earlier.suspects, context.run.run_id)
            sweep = _read_all(context, config, ipage, queue, isbns, earlier, thresholds)
    finally:
        # What was read counts, however the sweep ends.
        context.log_event(cast(dg.AssetObservation, evaluation(context.instance)))
    if earlier.suspects:
        sweep.report.add("unreadable_before", len(earlier.suspects))
    tripped = sweep.tripped(thresholds)
    fields = sweep.fields(time.time(), is_right=config.let_through)
    fine = f"{sweep.unread} of {sweep.tried} pages unread."
    check = _verdict(_READABLE, tripped, config.let_through, fine)
    if tripped and not check.passed:
        if sweep.unread == sweep.unanswered and not _started_by_a_person(context):
            # The site is down or slow: that passes, and is no news for a person before the promise breaks.
            raise failure_of(Transient(f"iPage did not answer. {tripped.reason}"), sweep.report)
        raise _stopped_by_guardrail(context, sweep, fields, tripped)
    left = left_for_the_next(
        sweep.habit,
        earlier.bindings | sweep.bindings.keys(),
        fields,
        let_through=tripped.reason if tripped else None,
    )
    every = sweep_every_now(len(tracked))
    sweep.report.notes += [*_too_seldom(len(tracked), every), *notes_on(fields)]
    metadata = {
        **_plots(sweep),
        **fields_shown_as(fields, sweep),
        **sweep.report.metadata(),
        **sweep.site,
        **left,
        SWEEP_EVERY: every,
    }
    if doubt := sweep.counts.doubt(thresholds):
        metadata[SWEPT_ODDLY] = doubt
    return dg.MaterializeResult(metadata=json_last(metadata), check_results=[check, fields_result(fields)])


def _read_all(
    context: AssetExecutionContext,
    config: SweepConfig,
    ipage: IPage,
    queue: QueueWriterResource,
    isbns: Sequence[str],
    earlier: KnownBefore,
    thresholds: guardrails.Thresholds,
) -> SweepResult:
    def believed(sweep: SweepResult) -> bool:
        return config.let_through or sweep.vanished(thresholds) is None

    details = isbns if config.all_details else None
    return read_pages(context, ipage, queue, isbns, details, earlier, believed)


def _too_seldom(titles: int, every: float) -> Iterator[str]:
    """That sweeps are so far apart that they break the promise."""
    if every >= _PACE.STOCK_FAIL_AFTER:
        yield (
            f"PAGES_PER_HOUR lets {titles:,} titles be read every {span(every)}, which breaks the promise of "
            f"{span(_PACE.STOCK_FAIL_AFTER)}: raise it, or STOCK_FAIL_AFTER."
        )


def _stopped_by_guardrail(
    context: AssetExecutionContext, sweep: SweepResult, fields: FieldWatch, tripped: TrippedGuardrail
) -> dg.Failure:
    """The failure of a sweep that a guardrail stops, once its checks are told."""
    reason = " ".join([tripped.reason, *why_stopped(sweep, fields)])
    if not sweep.not_asked:
        _log_pass(context, sweep, fields)
        context.log_event(cast(dg.AssetObservation, fields_evaluation(fields, stopped=True)))
    log_check(context, STOCK_SWEEP, _READABLE.name, passed=False, description=reason)
    return stopped("guardrail", reason, sweep.report)


def _log_pass(context: AssetExecutionContext, sweep: SweepResult, fields: FieldWatch) -> None:
    """Log that all titles were asked for, though the sweep is stopped.

    Those of them that never were readable are not new to the next one.
    """
    context.log_event(
        dg.AssetObservation(
            STOCK_SWEEP,
            description="All titles were asked for; a guardrail stopped the sweep.",
            metadata={REPORT: sweep.report.metadata()[REPORT], **left_of_fields(fields)},
        )
    )


def _started_by_a_person(context: AssetExecutionContext) -> bool:
    """Whether somebody waits for this run's word, and nothing will repeat it by itself."""
    by_itself = ("dagster/from_automation_condition", "dagster/sensor_name", "dagster/schedule_name")
    return not any(tag in context.run.tags for tag in by_itself)


def _plots(sweep: SweepResult) -> dict[str, Any]:
    """Numbers that Dagster plots over the sweeps."""
    seconds = sorted(sweep.seconds)
    if not seconds:
        return {}
    return {
        "on_hand_total": sweep.on_hand,
        "on_order_total": sweep.on_order,
        **{f"titles_{status}": sweep.statuses.get(status, 0) for status in get_args(Status)},
        "page_seconds_median": round(seconds[len(seconds) // 2], 3),
        "page_seconds_p95": round(seconds[int(len(seconds) * 0.95)], 3),
    }


unread_pages = dg.AssetSpec(
    UNREAD_PAGES,
    partitions_def=ISBNS,
    group_name="stock",
    kinds={"html"},
    owners=OWNERS,
    description=(
        "Each attempt to read a title's page that gave nothing, with why, as an observation of the title's "
        f"partition. The last known stock stands meanwhile. {FIND_BY_NAME}"
    ),
)


@dg.asset(
    key=LIKELY_SELL_OUTS,
    deps=[STOCK_SWEEP, ORDERS],
    group_name="stock",
    kinds={"html"},
    owners=OWNERS,
    pool=SITE_POOL,
    automation_condition=BETWEEN_SPEC.condition(),
    description=(
        "Between two sweeps, every few minutes: the pages of the titles whose stock has most likely run out "
        "since they were read, as many as PAGES_PER_HOUR leaves. Each title that was read is a "
        "materialization of its partition of ipage/stock."
    ),
)
def likely_sell_outs(
    context: AssetExecutionContext, ipage: IPage, queue: QueueWriterResource
) -> dg.MaterializeResult:
    """Read the likeliest sell-outs. Whatever ends it passes: the next sweep meets it, and tells."""
    instance, now = context.instance, time.time()
    between = between_sweeps(instance, now)
    if between is None:
        raise dg.Failure("No sweep was complete yet: materialize ipage/stock_sweep first.")
    tracked = instance.get_dynamic_partitions(ISBNS_NAME)
    earlier = replace(before_a_sweep(instance, tracked, now), of_all=False)
    today = datetime.now(ZoneInfo(load(CommonSettings).STORE_TIME_ZONE)).date()
    promise = float(_PACE.STOCK_FAIL_AFTER)
    titles = worth_a_try(
        last_readings(instance, tracked, earlier, now, today), earlier, between.failed, now, promise
    )
    next_sweep = between.swept_at + sweep_every_now(len(tracked))
    pages = pages_now(between, len(tracked), now)
    chosen = read_next(titles.values(), now, pages, late_unless_read=next_sweep - promise)
    thresholds = guardrails.Thresholds(max_unread=load(ScraperSettings).GUARDRAIL_MAX_UNREAD)
    counts = NOTHING_ODD

    def doubt(readings: Sequence[Reading]) -> str | None:
        nonlocal counts
        counts = odd_counts(readings, titles, thresholds)
        return (between.counts + counts).doubt(thresholds)

    isbns = [one.isbn for one in chosen]
    try:
        sweep = read_pages(
            context, ipage, queue, isbns, [], earlier, lambda sweep: sweep.vanished(thresholds) is None, doubt
        )
    except dg.Failure as failure:
        # The next sweep meets it as well, and is the one that tells a person.
        kept = {name: value for name, value in failure.metadata.items() if name != STOPPED}
        raise dg.Failure(failure.description, metadata={**kept, KIND: "transient"}) from failure
    if sweep.held_back:
        context.log.warning(
            f"{sweep.held_back} Nothing of it was recorded: a sweep of all titles comes next."
        )
    elif isbns and not sweep.there:
        raise failure_of(Transient(f"None of {len(isbns)} pages could be read."), sweep.report)
    names = titles_of(instance, isbns)
    return dg.MaterializeResult(
        metadata=json_last(
            sweep.report.metadata() | left_for_the_next_run(sweep, chosen, titles, counts, names)
        )
    )


@dg.multi_asset(
    name="title_page",
    can_subset=True,
    partitions_def=ISBNS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool=SITE_POOL,
    specs=[
        dg.AssetSpec(
            TITLE_DETAILS,
            deps=[SAVED_SEARCH],
            group_name="titles",
            owners=OWNERS,
            kinds={"html"},
            skippable=True,
            description=(
                "A title's page: contributors, publisher, date, binding, price, BISAC, description. "
                f"{FIND_BY_NAME}"
            ),
        ),
        dg.AssetSpec(
            STOCK,
            deps=[SAVED_SEARCH],
            group_name="stock",
            owners=OWNERS,
            kinds={"html"},
            skippable=True,
            description=(
                "Copies on hand and on order at each distribution center, from the same page, as a plot per "
                f"title. {FIND_BY_NAME} Dagster's own freshness would look at the last reading of any title, "
                "so it is ipage/stock_sweep that carries the policy (warn at "
                f"{span(_PACE.STOCK_WARN_AFTER)}, fail at {span(_PACE.STOCK_FAIL_AFTER)}), and the check "
                "within_the_promise, evaluated by the sensor stock_promise, that watches each title."
            ),
        ),
    ],
)
def title_page(
    context: AssetExecutionContext, ipage: IPage, queue: QueueWriterResource
) -> Iterator[dg.Output[None]]:
    """Read the pages of the partitions a person chose. One fetch serves both assets.

    The materializations are logged as readings come in, one for each title that was read; so a title
    that was not read does not look as if it had been.
    """
    isbns = list(context.partition_keys)
    details = isbns if TITLE_DETAILS in context.selected_asset_keys else []
    sweep = read_pages(context, ipage, queue, isbns, details, before_some_titles(context.instance))
    if sweep.report.failed:
        raise sweep.report.failure(f"of {len(isbns)} titles were not read")
    yield from ()


@dg.asset(
    key=COVERS,
    partitions_def=ISBNS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=[SAVED_SEARCH],
    group_name="covers",
    kinds={"s3"},
    owners=OWNERS,
    pool=SITE_POOL,
    output_required=False,
    description=(
        "The best picture there is, at covers/raw/<isbn>.jpg, and in web sizes. Placeholders heal. "
        f"{FIND_BY_NAME}"
    ),
)
def covers(
    context: AssetExecutionContext, ipage: IPage, queue: QueueWriterResource, r2: R2
) -> Iterator[dg.Output[None]]:
    """Look at the covers of the partitions a person chose, whenever they were looked at last."""
    report = Report(context.job_name)
    with classified():
        look_at_covers(context, ipage, queue, r2, list(context.partition_keys), report, anew=True)
    if report.failed:
        raise report.failure("covers failed")
    yield from ()


@dg.asset(
    key=COVER_SWEEP,
    deps=[STOCK_SWEEP],
    group_name="covers",
    kinds={"s3"},
    owners=OWNERS,
    pool=SITE_POOL,
    freshness_policy=COVERS_SPEC.freshness,
    automation_condition=COVERS_SPEC.condition(),
    description=(
        "A look at every cover that is due: new titles, placeholders and titles without one weekly and on "
        "their publication date. The contact sheet shows what came in."
    ),
)
def cover_sweep(
    context: AssetExecutionContext, ipage: IPage, queue: QueueWriterResource, r2: R2
) -> dg.MaterializeResult:
    """Look at every cover that is due."""
    isbns = context.instance.get_dynamic_partitions(ISBNS_NAME)
    with classified():
        metadata = look_at_covers(context, ipage, queue, r2, isbns, Report(context.job_name), anew=False)
    return dg.MaterializeResult(metadata=metadata)


queue_rows = dg.AssetSpec(
    QUEUE_ROWS,
    deps=[TITLE_DETAILS, STOCK, COVERS],
    partitions_def=ISBNS,
    group_name="queue",
    kinds={"postgres"},
    owners=OWNERS,
    description=(
        "The title's current row of ingram_queue: what the store imports. Written, with what is upstream, "
        f"by whatever read it; materialized when a row really changed. {FIND_BY_NAME}"
    ),
)
