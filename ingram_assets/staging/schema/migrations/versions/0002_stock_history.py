"""When stock was read and when it moved; the history of moves."""

from functools import partial

from ingram_assets.staging.schema import run_sql

revision = "0002"
down_revision = "0001"
upgrade = partial(run_sql, "0002_stock_history.sql")
