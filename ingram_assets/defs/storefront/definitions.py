"""The storefront's code location: Medusa's key, the queue's reader role, its journal. Never iPage or R2."""

import dagster as dg

from ingram_assets.defs.storefront import assets, checks, inventory, jobs, sensors
from ingram_assets.defs.storefront.resources import RESOURCES

defs = dg.Definitions(
    assets=[
        assets.stock_location,
        assets.products,
        assets.orders,
        assets.inventory_levels,
        inventory.store_inventory,
    ],
    jobs=[jobs.push, jobs.undo, jobs.inventory_sweep, jobs.count_inventory, jobs.week_of_titles],
    asset_checks=[checks.store_follows_queue],
    sensors=[
        sensors.stock_changes,
        sensors.rows_to_import,
        sensors.order_changes,
        sensors.shelf_changes,
        sensors.clock_changes,
        sensors.watching_plans,
        sensors.inventory_work,
        sensors.store_promise,
    ],
    schedules=[jobs.reconcile, jobs.hourly_count, jobs.weekly_letter],
    resources=RESOURCES,
    executor=dg.in_process_executor,
)
