"""The storefront's jobs, and the daily reconcile."""

import dagster as dg

from ingram_assets.defs.keys import STORE_INVENTORY, WEEK_JOB
from ingram_assets.defs.storefront.inventory import sweep_inventory
from ingram_assets.defs.storefront.ops import push_titles, undo_run
from ingram_assets.defs.storefront.week import look_back
from ingram_assets.settings.shared import store_time_zone


@dg.job
def push() -> None:
    """Queue to Medusa: new products, then every level and flag that differs."""
    push_titles()


@dg.job
def undo() -> None:
    """Puts back what a run changed in the store, where nobody changed it since."""
    undo_run()


@dg.job
def inventory_sweep() -> None:
    """Frees reservations whose time is over, and ends inventory operations that broke off."""
    sweep_inventory()


@dg.job(name=WEEK_JOB)
def week_of_titles() -> None:
    """What came, sold out, came back and got another price in a week, for the weekly letter."""
    look_back()


count_inventory = dg.define_asset_job(
    "count_inventory",
    selection=dg.AssetSelection.assets(STORE_INVENTORY),
    description="Every book of the inventory's ledger beside its level, and what all entries add up to.",
)

hourly_count = dg.ScheduleDefinition(
    name="hourly_inventory",
    job=count_inventory,
    cron_schedule="25 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Once an hour: enters in the ledger what orders and unknown hands did, and plots figures.",
)

reconcile = dg.ScheduleDefinition(
    name="daily_reconcile",
    job=push,
    # A new day releases preorders, with no reading that changed: soon after the store's midnight.
    cron_schedule="10 0 * * *",
    execution_timezone=store_time_zone(),
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description=(
        "Once a day, ten minutes into it, every level against the rules: what is out today is no preorder "
        "any more, hand edits are repaired, failed rows retried."
    ),
)

weekly_letter = dg.ScheduleDefinition(
    name="weekly_letter",
    job=week_of_titles,
    # Before the hour of the letter. A machine that was off then does it when it is back.
    cron_schedule="0 7 * * 1",
    execution_timezone=store_time_zone(),
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Monday mornings: what became of the titles last week, for the letter at eight.",
)
