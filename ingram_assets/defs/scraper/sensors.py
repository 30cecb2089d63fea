"""What the scraper does by itself: assets that are due, new titles, and the look at the promise."""

import json
import time
from collections.abc import Iterator

import dagster as dg

from ingram_assets.defs.keys import (
    ISBNS_NAME,
    SHARD_TAG,
    SHARDS_SENSOR,
    STOCK,
    STOCK_SWEEP,
    SWEEP_TAG,
    TITLE_DETAILS,
)
from ingram_assets.defs.runs_at_work import runs_at_work
from ingram_assets.defs.scraper.automation import (
    BETWEEN_EVERY,
    BETWEEN_SPEC,
    COVERS_SPEC,
    SEARCH_SPEC,
    SHARDS_SPEC,
    SWEEP_SPEC,
    DueSensor,
)
from ingram_assets.defs.scraper.checks import evaluation
from ingram_assets.defs.scraper.decisions import dealt, reading_order, span, titles_to_read
from ingram_assets.defs.scraper.earlier_sweeps import before_a_sweep
from ingram_assets.defs.scraper.jobs import enrich, sweep_of_shards, sweep_shard
from ingram_assets.defs.scraper.ops import enrich_titles, read_shard
from ingram_assets.defs.scraper.sharded_sweeps import last_sharded_sweep, sweep_name
from ingram_assets.settings.loading import load
from ingram_assets.settings.scraper import PageBudget
from ingram_assets.settings.shared import PaceSettings

_PACE = load(PaceSettings)
_SAID_AGAIN_AFTER = 300.0
search_due = DueSensor(
    "search_due",
    SEARCH_SPEC,
    "Downloads the saved search when its freshness policy calls for it: weekly, and at the first start.",
)
sweep_due = DueSensor(
    "sweep_due",
    SWEEP_SPEC,
    f"Sweeps the stock when its freshness policy calls for it: every {span(_PACE.STOCK_WARN_AFTER)}, one run "
    "for all tracked titles, never two at once, none while iPage blocks us; after a failure again after the "
    "waits of SWEEP_RETRY_AFTER.",
)


@dg.sensor(
    name=SHARDS_SENSOR,
    jobs=[sweep_shard, sweep_of_shards],
    minimum_interval_seconds=_PACE.SENSOR_INTERVAL,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Where a sweep has more titles than SWEEP_SHARD_SIZE: asks for the runs that read them side "
    "by side, as often as for a sweep, and for the one that counts them together at the end.",
)
def sweep_in_shards(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Ask for a sweep's shards; once all are in, for the whole."""
    instance = context.instance
    last = last_sharded_sweep(instance)
    if last and last.wait:
        yield dg.SkipReason(last.wait)
        return
    if last and not last.counted:
        whole = {STOCK_SWEEP.to_python_identifier(): {"config": {"shards_of": last.name}}}
        yield dg.RunRequest(
            run_key=f"{last.name}, count {last.counts + 1}",
            job_name=sweep_of_shards.name,
            asset_selection=[STOCK_SWEEP],
            run_config={"ops": whole},
            # It reads no page: what waits for the pool with it can wait a second longer.
            tags={SWEEP_TAG: last.name, "dagster/priority": "1"},
        )
        return
    look = SHARDS_SPEC.look(instance)
    if not look.now:
        yield dg.SkipReason(look.reason)
        return
    now = time.time()
    tracked, size = instance.get_dynamic_partitions(ISBNS_NAME), load(PageBudget).SWEEP_SHARD_SIZE
    earlier, name = before_a_sweep(instance, tracked, now), sweep_name(now)
    order = reading_order(tracked, earlier.read, earlier.suspects, name)
    shards = dealt(order, size or len(order), name)
    for number, isbns in enumerate(shards, start=1):
        yield dg.RunRequest(
            run_key=f"{name} {number}",
            job_name=sweep_shard.name,
            run_config={"ops": {read_shard.name: {"config": {"isbns": isbns}}}},
            tags={SWEEP_TAG: name, SHARD_TAG: f"{number} of {len(shards)}"},
        )


between_sweeps_due = DueSensor(
    "between_sweeps_due",
    BETWEEN_SPEC,
    "Reads the likeliest sell-outs between two sweeps, as many pages as PAGES_PER_HOUR leaves.",
    max(_PACE.SENSOR_INTERVAL, min(30, int(BETWEEN_EVERY / 2))),
)
covers_due = DueSensor(
    "covers_due",
    COVERS_SPEC,
    "Looks at the covers that are due: daily, and soon after new titles' pages were read.",
)


@dg.sensor(
    job=enrich,
    minimum_interval_seconds=_PACE.SENSOR_INTERVAL,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reads details, stock and cover of new titles, once the first sweep has been.",
)
def new_titles(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Ask for one run that reads the titles nobody has read."""
    instance = context.instance
    decision = titles_to_read(
        tracked=instance.get_dynamic_partitions(ISBNS_NAME),
        read=instance.get_materialized_partitions(TITLE_DETAILS),
        asked=json.loads(context.cursor) if context.cursor else (),
        reading=bool(runs_at_work(instance, "scraper")),
        swept=instance.get_latest_materialization_event(STOCK_SWEEP) is not None,
    )
    context.update_cursor(json.dumps(sorted(decision.asked)))
    if not decision.isbns:
        yield dg.SkipReason(decision.reason)
        return
    yield dg.RunRequest(
        run_config={"ops": {enrich_titles.name: {"config": {"isbns": list(decision.isbns)}}}},
        tags={"ingram/why": f"{len(decision.isbns)} new titles"},
    )


@dg.sensor(
    # It asks for no run; named here, it is shown on the asset's page, among what looks after it.
    asset_selection=dg.AssetSelection.assets(STOCK),
    # A look is a few queries: often enough that nobody reads a stale answer, seldom enough to cost nothing.
    minimum_interval_seconds=max(_PACE.SENSOR_INTERVAL, min(60, 6 * _PACE.SENSOR_INTERVAL)),
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Evaluates the standing check within_the_promise of ipage/stock without a run: tells Dagster when "
        "the number of stale titles changed, when titles were read, and every five minutes."
    ),
)
def stock_promise(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Look at every title's last reading; report if there is news, or if the last report is old."""
    now = time.time()
    found = evaluation(context.instance)
    stale = str(found.metadata["stale"].value)
    said, _, at = (context.cursor or "").partition("@")
    # Dagster takes a check as not evaluated when its asset was made after it.
    made = context.instance.get_latest_materialization_event(STOCK)
    read_since = made is not None and bool(at) and made.timestamp > float(at)
    if said == stale and not read_since and now - float(at) < _SAID_AGAIN_AFTER:
        return dg.SensorResult(skip_reason=f"No news: {found.description}")
    return dg.SensorResult(
        asset_events=[found], cursor=f"{stale}@{now}", skip_reason=f"Reported: {found.description}"
    )
