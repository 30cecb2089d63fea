"""What is known of each distribution center with its time, and when a person asked for a title."""

from functools import partial

from ingram_assets.staging.schema import run_sql

revision = "0006"
down_revision = "0005"
upgrade = partial(run_sql, "0006_merged_readings.sql")
