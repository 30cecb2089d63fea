"""Who may not buy a title, where not, and whether it can't be returned."""

from functools import partial

from ingram_assets.staging.schema import run_sql

revision = "0008"
down_revision = "0007"
upgrade = partial(run_sql, "0008_restrictions.sql")
