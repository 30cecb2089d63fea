"""The storefront's jobs, and the daily reconcile."""

import dagster as dg

from ingram_assets.defs.storefront.ops import push_titles, undo_run
from ingram_assets.settings.shared import store_time_zone


@dg.job
def push() -> None:
    """Queue to Medusa: new products, then every level and flag that differs."""
    push_titles()


@dg.job
def undo() -> None:
    """Puts back what a run changed in the store, where nobody changed it since."""
    undo_run()


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
