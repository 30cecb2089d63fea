"""The embedded PostgreSQL is a real server that checks passwords and keeps its data, after a crash too."""

import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from ingram_assets.runtime.processes import Supervisor
from ingram_assets_tests.testing.processes import gone
from ingram_demo.embedded.postgres import Postgres, start_postgres

CRASHES = """
import os, pathlib, signal, sys, psycopg
from ingram_demo.embedded.postgres import start_postgres
from ingram_assets.runtime.processes import Supervisor
with Supervisor(pathlib.Path(sys.argv[1])) as supervisor:
    postgres = start_postgres(supervisor, supervisor.folder / "postgres")
    with psycopg.connect(postgres.create_database("queue")) as connection:
        connection.execute("CREATE TABLE stock AS SELECT '9780451496454' AS isbn, 410 AS on_hand")
    print(supervisor.children["postgres"].pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_role_needs_its_password(postgres: Postgres, database: str) -> None:
    name = database.rsplit("/", 1)[1]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE reader LOGIN PASSWORD 'right one'")
        connection.execute(f"GRANT CONNECT ON DATABASE {name} TO reader")
    with psycopg.connect(postgres.url(name, "reader", "right one")) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("reader",)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(postgres.url(name, "reader", "wrong one"))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"REVOKE ALL ON DATABASE {name} FROM reader; DROP ROLE reader")


def test_a_role_connects_to_the_database_that_it_owns_and_to_no_other(
    postgres: Postgres, database: str
) -> None:
    name = database.rsplit("/", 1)[1]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE owner_of_one LOGIN PASSWORD 'p'")
        connection.execute(f"ALTER DATABASE {name} OWNER TO owner_of_one")
        others = connection.execute(
            "SELECT datname FROM pg_database WHERE datallowconn AND datname <> %s", [name]
        ).fetchall()
    try:
        psycopg.connect(postgres.url(name, "owner_of_one", "p")).close()
        assert {"postgres", "template1"} <= {other for (other,) in others}
        for (other,) in others:
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                psycopg.connect(postgres.url(other, "owner_of_one", "p"))
    finally:
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} OWNER TO postgres; DROP ROLE owner_of_one")


def test_it_listens_on_this_machine_alone(postgres: Postgres, supervisor: Supervisor) -> None:
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(supervisor.children["postgres"].pid).net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


def test_after_a_crash_the_next_start_finds_the_data_and_ends_the_orphan(servers_folder: Path) -> None:
    # A path that a unix socket could not have.
    state = servers_folder / ("deep " * 20).strip() / "state"
    crashed = subprocess.run([sys.executable, "-c", CRASHES, state], stdout=subprocess.PIPE, text=True)
    orphan = int(crashed.stdout)
    assert not gone(orphan)

    with Supervisor(state) as supervisor:
        assert gone(orphan)
        postgres = start_postgres(supervisor, supervisor.folder / "postgres")
        with psycopg.connect(postgres.url("queue")) as connection:
            assert connection.execute("SELECT * FROM stock").fetchall() == [("9780451496454", 410)]


def test_a_dump_is_restored_as_it_was(postgres: Postgres, database: str, tmp_path: Path) -> None:
    name = database.rsplit("/", 1)[1]
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE titles AS SELECT 'Ædnan “Ü”' AS title")
    postgres.dump(name, tmp_path / "dump.sql")
    copy = postgres.create_database(f"{name}_copy")
    postgres.restore(f"{name}_copy", tmp_path / "dump.sql")
    with psycopg.connect(copy) as connection:
        assert connection.execute("SELECT title FROM titles").fetchall() == [("Ædnan “Ü”",)]
    postgres.drop_database(f"{name}_copy")
    assert not postgres.has_database(f"{name}_copy")
