"""Retires titles: a person's command, and the only way a title stops being tracked."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from ingram_assets.locations.events import Report
from ingram_assets.locations.keys import ISBNS_NAME, RETIRED_NAME, SITE_POOL
from ingram_assets.locations.runs_at_work import runs_at_work
from ingram_assets.locations.scraper.assets import isbns_of
from ingram_assets.locations.scraper.decisions import RunAtWork, keeps_from_retiring

_PARTITION = "dagster/partition"
_RANGE_START, _RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
_NOT_BEGUN = frozenset({dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED})


class RetireConfig(dg.Config):
    """Which titles are no longer tracked."""

    isbns: list[str] = Field(
        description="ISBNs (10 or 13 digits, hyphens welcome) that are no longer read. Their products stay "
        "in the store as they are: unpublish them there. `enrich` takes a title back."
    )


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
            report.fail(isbn, "is not tracked; not brought back by the saved search from now on")
    instance.add_dynamic_partitions(RETIRED_NAME, isbns)
    for isbn in isbns:
        if isbn in tracked:
            instance.delete_dynamic_partition(ISBNS_NAME, isbn)
            context.log.info(f"{isbn} is no longer tracked.")
    report.counts["retired"] = len(set(isbns) & set(tracked))
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


@dg.job(
    config=dg.RunConfig(ops={retire_titles.name: RetireConfig(isbns=[])}),
    description="Stops tracking the titles named. Never touches the store.",
)
def retire() -> None:
    """Retire titles."""
    retire_titles()
