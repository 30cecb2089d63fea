"""What bounds the harm of a stolen role: the lock of those who write, the day's limits, a reason's length."""

from ingram_assets.staging.schema.scripts import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Runs the version's SQL."""
    run_sql("0007_bounds.sql")
