"""The write functions: the scraper's only way in."""

from ingram_assets.queue.migrations.scripts import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_sql("0004_write_functions.sql")
