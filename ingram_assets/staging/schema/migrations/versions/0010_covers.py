"""What runs remember of covers, and how often Open Library was asked of late."""

from functools import partial

from ingram_assets.staging.schema import run_sql

revision = "0010"
down_revision = "0009"
upgrade = partial(run_sql, "0010_covers.sql")
