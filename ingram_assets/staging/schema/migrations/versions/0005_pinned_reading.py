"""A setting of the write functions, which `functions/` holds now."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Nothing is left to do."""
