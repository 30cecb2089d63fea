"""The write functions came in here; `functions/` holds them now, and each migration makes them anew."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Nothing is left to do."""
