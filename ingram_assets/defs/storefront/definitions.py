"""The storefront's code location: Medusa's key, the queue's reader role, its journal. Never iPage or R2."""

import dagster as dg

from ingram_assets.defs.storefront import assets, checks, jobs, sensors
from ingram_assets.defs.storefront.resources import RESOURCES

defs = dg.Definitions(
    assets=[assets.stock_location, assets.products, assets.inventory_levels],
    jobs=[jobs.push, jobs.undo],
    asset_checks=[checks.store_follows_queue],
    sensors=[
        sensors.stock_changes,
        sensors.rows_to_import,
        sensors.order_changes,
        sensors.clock_changes,
        sensors.store_promise,
    ],
    schedules=[jobs.reconcile],
    resources=RESOURCES,
    executor=dg.in_process_executor,
)
