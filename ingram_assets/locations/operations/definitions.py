"""The operations code location: reads Dagster's events and tells people. Reaches nothing else."""

import dagster as dg

from ingram_assets.locations.operations.alerts import run_failed

defs = dg.Definitions(sensors=[run_failed], executor=dg.in_process_executor)
