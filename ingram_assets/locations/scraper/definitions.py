"""The scraper's code location: iPage account, R2 keys and the queue's writer role. Never the store."""

import dagster as dg

from ingram_assets.locations.scraper import assets, automation, jobs, promise, retention, retiring
from ingram_assets.locations.scraper.resources import RESOURCES

defs = dg.Definitions(
    assets=[
        assets.saved_search,
        assets.stock_sweep,
        assets.title_page,
        assets.covers,
        assets.cover_sweep,
        assets.queue_rows,
    ],
    jobs=[jobs.sync_stock, jobs.refresh_details, jobs.enrich, retiring.retire, retention.retention],
    schedules=[jobs.weekly_details, retention.weekly_retention],
    sensors=[
        automation.search_due,
        automation.sweep_due,
        automation.covers_due,
        jobs.new_titles,
        promise.stock_promise,
    ],
    asset_checks=[promise.within_the_promise],
    resources=RESOURCES,
    # One process a run: a step that starts a process of its own costs seconds and shares nothing.
    executor=dg.in_process_executor,
)
