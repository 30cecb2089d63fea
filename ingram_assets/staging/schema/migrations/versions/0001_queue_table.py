"""The queue's table, as in the contract."""

from ingram_assets.staging.schema.scripts import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Runs the version's SQL."""
    run_sql("0001_queue_table.sql")
