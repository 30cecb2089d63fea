"""The write functions read their own text the same way, whatever the caller's session says."""

from ingram_assets.queue.migrations.scripts import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_sql("0005_pinned_reading.sql")
