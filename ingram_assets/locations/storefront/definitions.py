"""The storefront's code location: Medusa's key, the queue's reader role, its journal. Never iPage or R2."""

import dagster as dg

from ingram_assets.locations.storefront import assets, promise, sensors, undoing
from ingram_assets.locations.storefront.resources import RESOURCES

defs = dg.Definitions(
    assets=[assets.stock_location, assets.products, assets.inventory_levels],
    jobs=[sensors.push, undoing.undo],
    asset_checks=[promise.store_follows_queue],
    sensors=[
        sensors.stock_changes,
        sensors.rows_to_import,
        sensors.order_changes,
        sensors.clock_changes,
        promise.store_promise,
    ],
    schedules=[sensors.reconcile],
    resources=RESOURCES,
    executor=dg.in_process_executor,
)
