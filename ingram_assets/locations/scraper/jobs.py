"""The scraper's jobs, its weekly look at every title's details, and the sensor that reads new titles."""

import json
from collections.abc import Iterator

import dagster as dg

from ingram_assets.locations.keys import (
    COVER_SWEEP,
    ISBNS_NAME,
    SAVED_SEARCH,
    STOCK_SWEEP,
    TITLE_DETAILS,
)
from ingram_assets.locations.runs_at_work import runs_at_work
from ingram_assets.locations.scraper.assets import EnrichConfig, enrich_titles
from ingram_assets.locations.scraper.decisions import titles_to_read
from ingram_assets.settings import Pace, load

_PACE = load(Pace)

sync_stock = dg.define_asset_job(
    "sync_stock",
    selection=dg.AssetSelection.assets(SAVED_SEARCH, STOCK_SWEEP, COVER_SWEEP),
    description="Discovery, then stock of every tracked title and the covers that are due, into the queue.",
)

refresh_details = dg.define_asset_job(
    "refresh_details",
    selection=dg.AssetSelection.assets(STOCK_SWEEP, COVER_SWEEP),
    config={"ops": {STOCK_SWEEP.to_python_identifier(): {"config": {"all_details": True}}}},
    description="A sweep that records every title's details anew, not its stock alone.",
)


# The launchpad begins with this configuration: a person writes the ISBNs between the brackets.
@dg.job(
    config=dg.RunConfig(ops={enrich_titles.name: EnrichConfig(isbns=[])}),
    description="Details, stock and cover of the titles named, into the queue.",
)
def enrich() -> None:
    """Read titles by name."""
    enrich_titles()


weekly_details = dg.ScheduleDefinition(
    name="weekly_details",
    job=refresh_details,
    cron_schedule="20 4 * * 1",
    execution_timezone="America/Chicago",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Mondays before dawn: prices, dates and descriptions change too.",
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
