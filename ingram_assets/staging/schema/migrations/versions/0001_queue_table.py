"""The queue's table, as in the contract."""

from functools import partial

from ingram_assets.staging.schema import run_sql

revision = "0001"
down_revision = None
upgrade = partial(run_sql, "0001_queue_table.sql")
