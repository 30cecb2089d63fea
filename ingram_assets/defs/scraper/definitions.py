"""The scraper's code location: iPage account, R2 keys and the queue's writer role. Never the store."""

import dagster as dg

from ingram_assets.defs.scraper import assets, checks, jobs, sensors
from ingram_assets.defs.scraper.resources import RESOURCES
from ingram_assets.settings.loading import load
from ingram_assets.settings.scraper import PageBudget

defs = dg.Definitions(
    assets=[
        assets.saved_search,
        assets.stock_sweep,
        assets.likely_sell_outs,
        assets.unread_pages,
        assets.title_page,
        assets.covers,
        assets.cover_sweep,
        assets.queue_rows,
    ],
    jobs=[
        jobs.sync_stock,
        jobs.discover,
        jobs.discover_plan,
        jobs.discover_in_file,
        jobs.refresh_details,
        jobs.sweep_shard,
        jobs.sweep_of_shards,
        jobs.enrich,
        jobs.retire,
        jobs.retention,
    ],
    schedules=[jobs.weekly_details, jobs.daily_retention],
    sensors=[
        sensors.search_due,
        sensors.sweep_due,
        *([sensors.sweep_in_shards] if load(PageBudget).SWEEP_SHARD_SIZE else []),
        sensors.between_sweeps_due,
        sensors.covers_due,
        sensors.new_titles,
        sensors.stock_promise,
    ],
    asset_checks=[checks.within_the_promise],
    resources=RESOURCES,
    # One process a run: a step that starts a process of its own costs seconds and shares nothing.
    executor=dg.in_process_executor,
)
