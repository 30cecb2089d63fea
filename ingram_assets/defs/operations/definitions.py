"""The operations code location: reads Dagster's events and tells people. Reaches nothing else."""

import dagster as dg

from ingram_assets.defs.operations.assets import backup
from ingram_assets.defs.operations.sensors import promise_watch

defs = dg.Definitions(assets=[backup], sensors=[promise_watch], executor=dg.in_process_executor)
