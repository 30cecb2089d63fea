"""The SQL files that the versions run, and the functions that every migration makes anew."""

from pathlib import Path

import psycopg
from alembic import op

FOLDER = Path(__file__).parent


def run_sql(name: str) -> None:
    """Runs a file of `migrations/sql/` in the transaction as it stands: `:name` and `%` are no parameters."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute((FOLDER / "migrations" / "sql" / name).read_text(encoding="utf-8"))


def replace_functions(connection: psycopg.Connection) -> None:
    """Drops every function and type of ours and makes those of `functions/`: no older one stays behind."""
    connection.execute((FOLDER / "functions" / "drop.sql").read_text(encoding="utf-8"))
    connection.execute((FOLDER / "functions" / "write.sql").read_text(encoding="utf-8"))
