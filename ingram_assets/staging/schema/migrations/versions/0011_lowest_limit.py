"""The lowest IPAGE_CONCURRENCY of all runs counts for each of them."""

from functools import partial

from ingram_assets.staging.schema import run_sql

revision = "0011"
down_revision = "0010"
upgrade = partial(run_sql, "0011_lowest_limit.sql")
