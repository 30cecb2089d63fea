"""What nobody makes here, and is watched all the same."""

import dagster as dg

from ingram_assets.defs.keys import BACKUP
from ingram_assets.domain.backups import BACKUP_WITHIN

backup = dg.AssetSpec(
    BACKUP,
    group_name="backup",
    kinds={"postgres"},
    owners=["team:bookstore"],
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=BACKUP_WITHIN),
    description=(
        "A backup of the shop's own databases and files. `ingram backup FOLDER` takes one, and notes it here "
        "once it is whole; `ingram restore` notes that one was put back. People are told when the last one "
        f"is {BACKUP_WITHIN.days} days old. Before the first one nobody is."
    ),
)
