"""What runs of the scraper share: pace, breaker, session, refused passwords, kept pages."""

from functools import partial

from ingram_assets.staging.schema import run_sql

revision = "0009"
down_revision = "0008"
upgrade = partial(run_sql, "0009_coordination.sql")
