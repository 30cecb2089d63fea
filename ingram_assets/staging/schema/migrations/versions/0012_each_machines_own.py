"""Pages are counted for each session, and a refusal is of one password."""

from functools import partial

from ingram_assets.staging.schema import run_sql

revision = "0012"
down_revision = "0011"
upgrade = partial(run_sql, "0012_each_machines_own.sql")
