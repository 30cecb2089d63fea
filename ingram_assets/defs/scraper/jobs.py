"""The scraper's jobs, and its schedules."""

import dagster as dg

from ingram_assets.defs.keys import COVER_SWEEP, SAVED_SEARCH, SHARD_JOB, STOCK_SWEEP, WHOLE_JOB
from ingram_assets.defs.scraper.ops import (
    EnrichConfig,
    RetireConfig,
    enrich_titles,
    forget_what_is_old,
    plan_discovery,
    read_shard,
    retire_titles,
    track_titles,
)

sync_stock = dg.define_asset_job(
    "sync_stock",
    selection=dg.AssetSelection.assets(SAVED_SEARCH, STOCK_SWEEP, COVER_SWEEP),
    description="Discovery, then stock of every tracked title and the covers that are due, into the queue.",
)
discover = dg.define_asset_job(
    "discover",
    selection=dg.AssetSelection.assets(SAVED_SEARCH),
    description="Discovery alone: the saved search's titles are tracked from now on.",
)
refresh_details = dg.define_asset_job(
    "refresh_details",
    selection=dg.AssetSelection.assets(STOCK_SWEEP, COVER_SWEEP),
    config={"ops": {STOCK_SWEEP.to_python_identifier(): {"config": {"all_details": True}}}},
    description="A sweep that records every title's details anew, not its stock alone.",
)


sweep_of_shards = dg.define_asset_job(
    WHOLE_JOB,
    selection=dg.AssetSelection.assets(STOCK_SWEEP),
    description="Counts the shards of a sweep together, once all are in, as sweep_in_shards asks for it.",
)


@dg.job(name=SHARD_JOB, description="A part of a sweep's titles. The sensor sweep_in_shards asks for it.")
def sweep_shard() -> None:
    """Read a shard of a sweep."""
    read_shard()


@dg.job(description="Says what the saved search would bring; tracks nothing.")
def discover_plan() -> None:
    """Look at the saved search."""
    plan_discovery()


@dg.job(description="Tracks the titles that a file lists, as ingram discover --file reads it.")
def discover_in_file() -> None:
    """Track a file's titles."""
    track_titles()


# The launchpad begins with this configuration: a person writes the ISBNs between the brackets.
@dg.job(
    config=dg.RunConfig(ops={enrich_titles.name: EnrichConfig(isbns=[])}),
    description="Details, stock and cover of the titles named, into the queue.",
)
def enrich() -> None:
    """Read titles by name."""
    enrich_titles()


@dg.job(
    config=dg.RunConfig(ops={retire_titles.name: RetireConfig(isbns=[])}),
    description="Stops tracking the titles named. Never touches the store.",
)
def retire() -> None:
    """Retire titles."""
    retire_titles()


@dg.job(description="Forgets stock history beyond its setting, and events of titles and runs beyond 30 days.")
def retention() -> None:
    """Keep the databases from growing without end."""
    forget_what_is_old()


weekly_details = dg.ScheduleDefinition(
    name="weekly_details",
    job=refresh_details,
    cron_schedule="20 4 * * 1",
    execution_timezone="America/Chicago",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Mondays before dawn: prices, dates and descriptions change too.",
)
daily_retention = dg.ScheduleDefinition(
    name="daily_retention",
    job=retention,
    cron_schedule="50 4 * * *",
    execution_timezone="America/Chicago",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Each day before dawn: old stock history, old events and old runs go.",
)
