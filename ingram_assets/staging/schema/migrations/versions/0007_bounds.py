"""What bounds the harm of a stolen role: the lock of those who write, the day's limits, a reason's length."""

from functools import partial

from ingram_assets.staging.schema import run_sql

revision = "0007"
down_revision = "0006"
upgrade = partial(run_sql, "0007_bounds.sql")
