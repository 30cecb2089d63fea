"""The embedded PostgreSQL is a real server that checks passwords."""

import psycopg
import pytest

from ingram_assets.demo.embedded.postgres import Postgres


def test_a_role_needs_its_password(postgres: Postgres, database: str) -> None:
    name = database.rsplit("/", 1)[1]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE reader LOGIN PASSWORD 'right one'")
    with psycopg.connect(postgres.url(name, "reader", "right one")) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("reader",)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(postgres.url(name, "reader", "wrong one"))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP ROLE reader")
