"""The SQL files that the versions run."""

from pathlib import Path

from alembic import op

FOLDER = Path(__file__).parent


def run_sql(name: str) -> None:
    """Runs a file of `sql/` in the transaction as it stands: `:name` and `%` are no parameters."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute((FOLDER / "sql" / name).read_text(encoding="utf-8"))
