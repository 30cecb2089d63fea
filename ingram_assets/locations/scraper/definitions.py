"""The scraper's code location: iPage account, R2 keys and the queue's writer role. Never the store."""

import dagster as dg

from ingram_assets.locations.scraper import assets, jobs, retention
from ingram_assets.locations.scraper.resources import RESOURCES
from ingram_assets.settings import Pace, load

defs = dg.Definitions(
    assets=[
        assets.saved_search,
        assets.stock_sweep,
        assets.title_page,
        assets.covers,
        assets.cover_sweep,
        assets.queue_rows,
    ],
    jobs=[jobs.sync_stock, jobs.refresh_details, jobs.enrich, retention.retention],
    schedules=[jobs.weekly_details, retention.weekly_retention],
    sensors=[
        jobs.new_titles,
        dg.AutomationConditionSensorDefinition(
            "what_is_due",
            target=dg.AssetSelection.all(),
            default_status=dg.DefaultSensorStatus.RUNNING,
            minimum_interval_seconds=load(Pace).SENSOR_INTERVAL,
        ),
    ],
    resources=RESOURCES,
    # One process a run: a step that starts a process of its own costs seconds and shares nothing.
    executor=dg.in_process_executor,
)
