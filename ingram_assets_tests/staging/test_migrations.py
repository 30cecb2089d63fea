"""The schema: as in the contract, from empty and from every earlier version, twice and by several at once."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import ingram_assets.staging.schema as schema
from ingram_assets.domain.failures import NeedsPerson, Transient
from ingram_assets.domain.stock import DcStock
from ingram_assets.staging.reader import QueueReader
from ingram_assets.staging.schema import migrate
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.queue import PASSWORD, READER, WRITER, isbn, outcomes, reading, title
from ingram_demo.embedded.postgres import Postgres

FOLDER = Path(schema.__file__).parent / "migrations"
VERSIONS = sorted(path.name[:4] for path in (FOLDER / "versions").glob("0*.py"))
SQL = {path.name[:4]: path for path in (FOLDER / "sql").glob("*.sql")}

CONTRACT = [
    ("id", "integer", "NOT NULL", "nextval('ingram_queue_id_seq'::regclass)"),
    ("isbn", "text", "NOT NULL", None),
    ("title", "text", "NOT NULL", None),
    ("author", "text", None, None),
    ("publisher", "text", None, None),
    ("publication_date", "text", None, None),
    ("binding", "text", None, None),
    ("page_count", "integer", None, None),
    ("srp_price", "numeric(10,2)", None, None),
    ("weight", "numeric(10,2)", None, None),
    ("cover_url", "text", None, None),
    ("category_hint", "text", None, None),
    ("stock_json", "jsonb", None, None),
    ("imported_at", "timestamp without time zone", None, None),
    ("failed_reason", "text", None, None),
    ("created_at", "timestamp without time zone", None, "now()"),
]

OLD_TABLE = """
    CREATE TABLE ingram_queue (
        id SERIAL PRIMARY KEY, isbn TEXT NOT NULL, title TEXT NOT NULL, author TEXT, publisher TEXT,
        publication_date TEXT, binding TEXT, page_count INT, srp_price NUMERIC(10,2), weight NUMERIC(10,2),
        cover_url TEXT, category_hint TEXT, stock_json JSONB, imported_at TIMESTAMP, failed_reason TEXT,
        created_at TIMESTAMP DEFAULT NOW()
    );
    CREATE UNIQUE INDEX idx_queue_isbn_unimported ON ingram_queue (isbn) WHERE imported_at IS NULL;
"""


def dump(url: str) -> list[tuple[object, ...]]:
    """Every column, index, function and grant, to compare two databases by."""
    with psycopg.connect(url) as connection:
        return [
            *connection.execute("""
                SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
                FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 ORDER BY 1, a.attnum
            """),
            *connection.execute("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"),
            *connection.execute("""
                SELECT oid::regprocedure::text, prosrc, prosecdef, proconfig, proacl::text FROM pg_proc
                WHERE pronamespace = 'public'::regnamespace ORDER BY 1
            """),
            *connection.execute("""
                SELECT relname, relacl::text, reloptions FROM pg_class
                WHERE relnamespace = 'public'::regnamespace ORDER BY 1
            """),
        ]


@pytest.fixture(scope="module")
def fresh(postgres: Postgres) -> Iterator[str]:
    """What an empty database is after `migrate`, which others have to equal."""
    url = postgres.create_database("migrated_from_empty")
    migrate(url)
    yield url
    postgres.drop_database("migrated_from_empty")


def test_the_contracts_table_comes_first_and_exact(fresh: str) -> None:
    with psycopg.connect(fresh) as connection:
        columns = connection.execute("""
            SELECT a.attname, format_type(a.atttypid, a.atttypmod),
                CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                pg_get_expr(d.adbin, d.adrelid)
            FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE a.attrelid = 'ingram_queue'::regclass AND a.attnum > 0 ORDER BY a.attnum
        """).fetchall()
        assert columns[: len(CONTRACT)] == CONTRACT
        assert {"stock_observed_at", "stock_changed_at"} <= {column[0] for column in columns[len(CONTRACT) :]}
        assert connection.execute(
            "SELECT indexdef FROM pg_indexes WHERE indexname = 'idx_queue_isbn_unimported'"
        ).fetchone() == (
            "CREATE UNIQUE INDEX idx_queue_isbn_unimported ON public.ingram_queue USING btree (isbn) "
            "WHERE (imported_at IS NULL)",
        )
        primary = connection.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid = 'ingram_queue'::regclass AND contype = 'p'"
        ).fetchall()
        assert primary == [("PRIMARY KEY (id)",)]


def test_a_second_time_changes_nothing(fresh: str) -> None:
    before = dump(fresh)
    result = migrate(fresh)
    assert result.before == result.after
    assert result.created_roles == ()
    assert dump(fresh) == before


OLD_FUNCTIONS = """
    CREATE TYPE ingram_rule AS (what TEXT);
    CREATE FUNCTION ingram_of_old(one ingram_rule) RETURNS INT LANGUAGE sql AS 'SELECT 1';
    CREATE FUNCTION ingram_record_stock(batch TEXT) RETURNS TABLE (ordinal INT) LANGUAGE sql AS 'SELECT 1';
"""
"""Functions of an earlier program: one that is no more, one that answered otherwise."""


@pytest.mark.parametrize("version", range(len(VERSIONS)))
def test_from_each_earlier_version_with_its_rows(
    postgres: Postgres, database: str, fresh: str, version: int
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        if version == 0:  # what an earlier program of the store made
            connection.execute(OLD_TABLE)
        for made in VERSIONS[:version]:
            if made in SQL:
                connection.execute(SQL[made].read_text())
        if version >= 4:
            connection.execute(OLD_FUNCTIONS)
        if version:
            connection.execute("CREATE TABLE ingram_queue_version (version_num varchar(32) NOT NULL)")
            connection.execute(
                "ALTER TABLE ingram_queue_version "
                "ADD CONSTRAINT ingram_queue_version_pkc PRIMARY KEY (version_num)"
            )
            connection.execute("INSERT INTO ingram_queue_version VALUES (%s)", [VERSIONS[version - 1]])
        connection.execute(
            """
            INSERT INTO ingram_queue (isbn, title, publication_date, stock_json, imported_at, created_at)
            VALUES
                (%(one)s, 'Older state', NULL, '{"TN": {"type": "primary", "onHand": 1, "onOrder": 0}}',
                    '2026-01-02', '2026-01-01'),
                (%(one)s, 'One', 'Spring 2027', '{"TN": {"type": "primary", "onHand": 410, "onOrder": 0}}',
                    NULL, '2026-02-01'),
                (%(two)s, 'Two', '2027-02-03', NULL, NULL, '2026-02-01')
            """,
            {"one": isbn(1), "two": isbn(2)},
        )
    result = migrate(database)
    assert result.before == (VERSIONS[version - 1] if version else None)
    assert result.after == VERSIONS[-1]
    assert dump(database) == dump(fresh)

    with psycopg.connect(database, autocommit=True) as connection:
        for role in (WRITER, READER):
            connection.execute(f"ALTER ROLE {role} PASSWORD '{PASSWORD}'")
    name = database.rsplit("/", 1)[1]
    with (
        QueueReader(postgres.url(name, READER, PASSWORD)) as reader,
        QueueWriter(postgres.url(name, WRITER, PASSWORD)) as writer,
    ):
        one, two = reader.titles()
        assert (one.title, one.stock, two.stock) == ("One", {"TN": DcStock(410, 0, "primary")}, None)
        assert (one.publication_date, str(two.publication_date)) == (None, "2027-02-03")
        if version < 2:  # stock known before there was a history is its first entry
            assert [change.stock for change in reader.history(isbn(1))] == [one.stock]
            assert [change.isbn for change in reader.changes_since(None).changes] == [isbn(1)]
            assert one.stock_observed_at is not None
            assert one.stock_observed_at.isoformat() == "2026-02-01T00:00:00+00:00"
        assert outcomes(writer.record_stock([reading(1, 409), reading(2, 5)])) == ["changed", "first"]
        assert outcomes(writer.add_titles([title(3)])) == ["added"]


def test_by_several_processes_at_once_in_two_databases(postgres: Postgres, fresh: str) -> None:
    """Roles belong to the whole server, so databases of one server meet there too."""
    names = ["migrated_at_once_1", "migrated_at_once_2"]
    urls = [postgres.create_database(name) for name in names]
    program = (
        "import sys; from ingram_assets.staging.schema import migrate\n"
        "result = migrate(sys.argv[1], writer_role='at_once_writer', reader_role='at_once_reader')\n"
        "print(result.before, *result.created_roles)"
    )
    try:
        running = [
            subprocess.Popen([sys.executable, "-c", program, url], stdout=subprocess.PIPE, text=True)
            for url in (*urls, *urls)
        ]
        told = [process.communicate()[0].split() for process in running]
        assert [process.returncode for process in running] == [0, 0, 0, 0]
        for one, other in ((told[0], told[2]), (told[1], told[3])):
            assert sorted([one[0], other[0]]) == [VERSIONS[-1], "None"], "one did it, the other found it done"
        created = [role for line in told for role in line[1:]]
        assert sorted(created) == ["at_once_reader", "at_once_writer"]
        plain = [row for row in dump(fresh) if len(row) == 4]
        assert all([row for row in dump(url) if len(row) == 4] == plain for url in urls)
    finally:
        for name in names:
            postgres.drop_database(name)
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            connection.execute("DROP ROLE at_once_writer, at_once_reader")


def test_by_an_owner_that_is_no_superuser(postgres: Postgres, database: str) -> None:
    name = database.rsplit("/", 1)[1]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE plain_owner LOGIN CREATEROLE PASSWORD 'p'")
        connection.execute(f"ALTER DATABASE {name} OWNER TO plain_owner")
    try:
        owner = postgres.url(name, "plain_owner", "p")
        result = migrate(owner, writer_role="odd \"writer'", reader_role="Reader; --")
        assert set(result.created_roles) == {"odd \"writer'", "Reader; --"}
        assert migrate(owner, writer_role="odd \"writer'", reader_role="Reader; --").created_roles == ()
        with psycopg.connect(owner, autocommit=True) as connection:
            connection.execute('ALTER ROLE "odd ""writer\'" PASSWORD \'p\'')
        with QueueWriter(postgres.url(name, "odd \"writer'", "p")) as writer:
            assert outcomes(writer.add_titles([title(1)])) == ["added"]
        made = psycopg.connect(database).execute(
            "SELECT rolcanlogin, rolpassword, rolsuper, rolcreaterole FROM pg_authid "
            "WHERE rolname = 'Reader; --'"
        )
        assert made.fetchone() == (True, None, False, False)
    finally:
        postgres.drop_database(name)
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            connection.execute('DROP ROLE "odd ""writer\'", "Reader; --", plain_owner')


def test_the_command_makes_the_roles_that_the_settings_name(postgres: Postgres, database: str) -> None:
    def migrate_with(**settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ingram_assets.cli", "queue", "migrate", "--json"],
            env={"PATH": os.environ["PATH"], "QUEUE_OWNER_DB_URL": database, **settings},
            capture_output=True,
            text=True,
        )

    odd = {"QUEUE_WRITER_ROLE": "Shop's writer", "QUEUE_READER_ROLE": "shop-reader"}
    try:
        for created in ({"created_roles": list(odd.values())}, {}):
            done = migrate_with(**odd)
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout) == {"ok": True, "version": VERSIONS[-1], **created}
        with psycopg.connect(database) as connection:
            executes = connection.execute(
                "SELECT has_function_privilege(%s, 'ingram_record_stock(text)', 'EXECUTE'), "
                "has_table_privilege(%s, 'ingram_queue', 'SELECT')",
                list(odd.values()),
            )
            assert executes.fetchone() == (True, True)
        refused = migrate_with(QUEUE_READER_ROLE="pg_mine")
        assert refused.returncode == 2
        assert "QUEUE_READER_ROLE" in refused.stdout + refused.stderr
    finally:
        postgres.drop_database(database.rsplit("/", 1)[1])
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            connection.execute('DROP ROLE IF EXISTS "Shop\'s writer", "shop-reader"')


def test_a_role_that_exists_keeps_its_password(postgres: Postgres, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE kept_writer LOGIN PASSWORD 'kept'")
    try:
        migrate(database, writer_role="kept_writer")
        name = database.rsplit("/", 1)[1]
        with QueueWriter(postgres.url(name, "kept_writer", "kept")) as writer:
            assert outcomes(writer.add_titles([title(1)])) == ["added"]
    finally:
        postgres.drop_database(database.rsplit("/", 1)[1])
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            connection.execute("DROP ROLE kept_writer")


@pytest.mark.parametrize(
    ("prepare", "role", "told"),
    [
        ("CREATE ROLE too_much SUPERUSER LOGIN", "too_much", "superuser"),
        (
            "CREATE ROLE too_much LOGIN; GRANT postgres TO too_much",
            "too_much",
            "member of the role that owns",
        ),
        (
            "CREATE ROLE too_much LOGIN; GRANT pg_read_all_data TO too_much",
            "too_much",
            "has rights on the table",
        ),
        ("SELECT 1", "postgres", "superuser"),
    ],
)
def test_a_writer_that_could_reach_more_is_refused(database: str, prepare: str, role: str, told: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(prepare)
        try:
            with pytest.raises(NeedsPerson, match=told):
                migrate(database, writer_role=role)
            exists = connection.execute("SELECT to_regclass('ingram_queue')").fetchone()
            assert exists == (None,), "nothing of a migration that failed stays"
        finally:
            connection.execute("DROP ROLE IF EXISTS too_much")


def test_what_an_extension_opens_to_everybody_is_no_hindrance(database: str) -> None:
    """As pg_stat_statements does, which managed servers come with."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE VIEW statements AS SELECT 1; GRANT SELECT ON statements TO PUBLIC")
        with pytest.raises(NeedsPerson, match="has rights on the table statements"):
            migrate(database)
        connection.execute("ALTER EXTENSION plpgsql ADD VIEW statements")
    assert migrate(database).after == VERSIONS[-1]


@pytest.mark.parametrize("name", ["", "pg_mine", "public", "none", "x" * 64, "a\0b", READER])
def test_a_name_that_can_be_no_role_is_refused(database: str, name: str) -> None:
    with pytest.raises(NeedsPerson, match="QUEUE_WRITER_ROLE"):
        migrate(database, writer_role=name)


def test_a_table_of_that_name_that_is_another_is_left_alone(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE ingram_queue (id int, isbn text, imported_at timestamp)")
    with pytest.raises(NeedsPerson, match=r"has no column author text, .*title text"):
        migrate(database)


def test_a_database_of_a_newer_program_is_left_alone(database: str) -> None:
    migrate(database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE ingram_queue_version SET version_num = '0999'")
    with pytest.raises(NeedsPerson, match="newer"):
        migrate(database)


def test_an_owner_that_may_not_is_told_so(postgres: Postgres, database: str) -> None:
    name = database.rsplit("/", 1)[1]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE nobody_much LOGIN PASSWORD 'hidden one'")
        connection.execute(f"GRANT CONNECT ON DATABASE {name} TO nobody_much")
    try:
        with pytest.raises(NeedsPerson, match="permission denied") as raised:
            migrate(postgres.url(name, "nobody_much", "hidden one"))
        assert "hidden" not in str(raised.value)
        with pytest.raises(NeedsPerson, match="password authentication failed"):
            migrate(postgres.url(name, "nobody_much", "wrong"))
    finally:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(f"REVOKE ALL ON DATABASE {name} FROM nobody_much; DROP ROLE nobody_much")


def test_a_server_that_is_down_may_be_up_later() -> None:
    with pytest.raises(Transient, match=r"127\.0\.0\.1:1/queue"):
        migrate("postgresql://owner:hidden@127.0.0.1:1/queue")
