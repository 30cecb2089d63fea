"""Signed in as each role: everything it must not be able to do is refused, and nothing leaks on the way."""

import json
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.domain.stock import DcStock
from ingram_assets.staging.schema import migrate
from ingram_assets.staging.schema.roles import READ_FUNCTIONS, TABLES, WRITE_FUNCTIONS
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.queue import READER, WRITER, Queue, isbn, migrated, reading, title
from ingram_demo.embedded.postgres import Postgres

SECRET_STOCK, SECRET_TITLE = 7654321, "The canary's title"

FORBIDDEN_TO_BOTH = [
    "CREATE TABLE mine (a int)",
    "CREATE TABLE public.mine (a int)",
    "CREATE TEMPORARY TABLE mine (a int)",
    "CREATE UNLOGGED TABLE public.mine AS SELECT 1",
    "SELECT 1 INTO public.mine",
    "CREATE VIEW public.mine AS SELECT 1",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION pg_catalog.lower(jsonb) RETURNS text LANGUAGE sql AS 'SELECT 1'",
    "CREATE TYPE public.mine AS (a int)",
    "CREATE ROLE mine SUPERUSER",
    "CREATE DATABASE mine",
    "ALTER TABLE public.ingram_queue ADD COLUMN mine int",
    "ALTER TABLE public.ingram_queue DISABLE TRIGGER ALL",
    "ALTER FUNCTION public.ingram_record_stock(text) RESET search_path",
    "CREATE OR REPLACE FUNCTION public.ingram_isbn_problem(isbn text) RETURNS text LANGUAGE sql "
    "AS 'SELECT NULL'",
    "DROP TABLE public.ingram_queue",
    "DROP FUNCTION public.ingram_record_stock(text)",
    "CREATE INDEX ON public.ingram_queue (title)",
    "CREATE TRIGGER mine AFTER INSERT ON public.ingram_queue "
    "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "INSERT INTO public.ingram_queue (isbn, title) VALUES ('9780000000002', 'x')",
    "UPDATE public.ingram_queue SET stock_json = '{}'",
    "UPDATE public.ingram_queue SET title = 'x'",
    "UPDATE public.ingram_queue SET stock_changed_at = now()",
    "UPDATE public.ingram_queue SET imported_at = now(), srp_price = 0",
    "DELETE FROM public.ingram_queue",
    "TRUNCATE public.ingram_queue",
    "BEGIN; LOCK TABLE public.ingram_queue IN ACCESS EXCLUSIVE MODE",
    "COPY public.ingram_queue (isbn, title) FROM STDIN",
    "INSERT INTO public.ingram_stock_history (isbn, stock_observed_at, stock_changed_at, stock_json) "
    "VALUES ('9780000000002', now(), now(), '{}')",
    "UPDATE public.ingram_stock_history SET stock_json = '{}'",
    "DELETE FROM public.ingram_stock_history",
    "TRUNCATE public.ingram_stock_history",
    "DELETE FROM public.ingram_unread",
    "INSERT INTO public.ingram_unread VALUES ('9780000000002', 'a', 'b', now(), now(), 1)",
    "UPDATE public.ingram_queue_version SET version_num = '0001'",
    "SELECT * FROM public.ingram_queue_version",
    "SELECT nextval('public.ingram_queue_id_seq')",
    "SELECT setval('public.ingram_queue_id_seq', 1)",
    "SELECT * FROM public.ingram_queue_id_seq",
    "SELECT * FROM pg_catalog.pg_authid",
    "SELECT * FROM pg_catalog.pg_shadow",
    "SELECT * FROM pg_catalog.pg_statistic",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_create(0)",
    "SELECT lo_creat(-1)",
    "SELECT lo_from_bytea(0, 'mine')",
    "SELECT lo_import('/etc/hostname')",
    "SELECT * FROM pg_catalog.pg_largeobject",
    "SELECT * FROM pg_catalog.pg_hba_file_rules",
    "SELECT pg_read_binary_file('PG_VERSION')",
    "SELECT pg_ls_logdir()",
    "CREATE TEMPORARY VIEW mine AS SELECT 1",
    "CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE OPERATOR public.=== (LEFTARG = jsonb, RIGHTARG = jsonb, FUNCTION = jsonb_eq)",
    "CREATE PUBLICATION mine FOR ALL TABLES",
    "LOAD 'mine'",
    "INSERT INTO public.ingram_stock_history OVERRIDING SYSTEM VALUE "
    "SELECT * FROM public.ingram_stock_history",
    "SELECT * FROM public.ingram_stock_history FOR UPDATE",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY (SELECT 1) TO '/tmp/mine'",
    "ALTER SYSTEM SET fsync = 'off'",
    "SET session_replication_role = 'replica'",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    f"GRANT {READER} TO {WRITER}",
    f"ALTER ROLE {WRITER} SUPERUSER",
    f"ALTER ROLE {READER} CREATEROLE",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
    "SELECT * FROM public.ingram_current('9780000000002')",
    "SELECT public.ingram_begin_write()",
    "SELECT * FROM public.ingram_batch('[]')",
]

FORBIDDEN_TO_WRITER = [
    *(f"SELECT * FROM public.{table}" for table in TABLES),
    *(f"SELECT count(*) FROM public.{table}" for table in TABLES),
    *(f"COPY public.{table} TO STDOUT" for table in TABLES),
    "SELECT isbn FROM public.ingram_queue WHERE stock_json IS NOT NULL FOR UPDATE",
    "TABLE public.ingram_queue",
    "UPDATE public.ingram_queue SET imported_at = now()",
    "UPDATE public.ingram_queue SET failed_reason = 'x'",
    "UPDATE public.ingram_queue SET imported_at = now() RETURNING stock_json",
    "INSERT INTO public.ingram_queue (isbn, title) VALUES ('9780000000002', 'x') "
    "ON CONFLICT DO NOTHING RETURNING *",
    "BEGIN; LOCK TABLE public.ingram_queue IN ACCESS SHARE MODE",
    "ANALYZE public.ingram_queue; SELECT 1/count(*) FROM pg_stats WHERE tablename = 'ingram_queue'",
    "DO $$ BEGIN PERFORM stock_json FROM public.ingram_queue; END $$",
    "SELECT query_to_xml('SELECT * FROM public.ingram_queue', true, true, '')",
    f"SET ROLE {READER}",
]

FORBIDDEN_TO_READER = [
    *(f"SELECT public.{call.split('(')[0]}('[]')" for call in WRITE_FUNCTIONS if call.endswith("(text)")),
    "SELECT public.ingram_prune_history(400)",
    "UPDATE public.ingram_queue SET failed_reason = 'x', stock_json = NULL",
    "UPDATE public.ingram_queue SET id = id + 1000",
    "MERGE INTO public.ingram_queue USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
    f"SET ROLE {WRITER}",
]


@pytest.fixture(scope="module")
def canary(postgres: Postgres) -> Queue:
    """A queue with a title whose words and figures must not turn up in the writer's hands."""
    queue = migrated(postgres, "queue_of_roles")
    with QueueWriter(queue.writer) as writer:
        writer.add_titles([title(1, title=SECRET_TITLE)])
        writer.record_stock([reading(1, at=7, TN=DcStock(SECRET_STOCK, SECRET_STOCK))])
    return queue


@pytest.fixture
def as_writer(canary: Queue) -> Iterator[psycopg.Connection]:
    with psycopg.connect(canary.writer, autocommit=True) as connection:
        yield connection


def refused(url: str, statement: str) -> None:
    # A connection for each: what one statement sets is not to help or hinder the next.
    with psycopg.connect(url, autocommit=True) as connection:
        try:
            if "STD" in statement:
                with connection.cursor().copy(statement) as copy:
                    list(copy)
            else:
                connection.execute(statement)
            pytest.fail(f"went through: {statement}")
        except psycopg.Error as refusal:
            error = refusal
    told = " ".join(filter(None, [str(error), error.diag.message_detail, error.diag.context]))
    assert isinstance(error, psycopg.errors.InsufficientPrivilege | psycopg.errors.DivisionByZero), told
    assert str(SECRET_STOCK) not in told
    assert SECRET_TITLE not in told


@pytest.mark.parametrize("statement", FORBIDDEN_TO_BOTH + FORBIDDEN_TO_WRITER)
def test_the_writer_may_not(canary: Queue, statement: str) -> None:
    refused(canary.writer, statement)


@pytest.mark.parametrize("statement", FORBIDDEN_TO_BOTH + FORBIDDEN_TO_READER)
def test_the_reader_may_not(canary: Queue, statement: str) -> None:
    refused(canary.reader, statement)


def test_the_reader_may_read_and_mark(canary: Queue) -> None:
    with psycopg.connect(canary.reader, autocommit=True) as connection:
        for table in TABLES:
            connection.execute(f"SELECT * FROM public.{table}")
        row = connection.execute(
            "UPDATE ingram_queue SET imported_at = now(), failed_reason = 'x' RETURNING stock_json"
        ).fetchone()
    assert row
    assert row[0]["TN"]["onHand"] == SECRET_STOCK


def test_a_third_role_has_no_rights_at_all(canary: Queue, postgres: Postgres) -> None:
    canary.sql("CREATE ROLE passer_by LOGIN PASSWORD 'p'")
    try:
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(postgres.url("queue_of_roles", "passer_by", "p"))
    finally:
        canary.sql("DROP ROLE passer_by")


@pytest.mark.parametrize("setting", ["writer_role", "reader_role"])
@pytest.mark.parametrize("through", ["plain_owner", "a_group"])
def test_a_role_that_could_become_the_owner_is_refused(
    postgres: Postgres, database: str, setting: str, through: str
) -> None:
    """It inherits nothing, so it holds no right until it says `SET ROLE`; then it holds all."""
    name = database.rsplit("/", 1)[1]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE plain_owner LOGIN CREATEROLE PASSWORD 'p'")
        connection.execute("CREATE ROLE a_group NOINHERIT; GRANT plain_owner TO a_group")
        connection.execute(f"CREATE ROLE too_much LOGIN NOINHERIT; GRANT {through} TO too_much")
        connection.execute(f"ALTER DATABASE {name} OWNER TO plain_owner")
    try:
        with pytest.raises(NeedsPerson, match="too_much is a member of the role that owns the queue"):
            migrate(postgres.url(name, "plain_owner", "p"), **{setting: "too_much"})
        with psycopg.connect(database) as connection:
            made = connection.execute("SELECT to_regclass('ingram_queue')").fetchone()
        assert made == (None,), "nothing of a migration that was refused stays"
    finally:
        postgres.drop_database(name)
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            connection.execute("DROP ROLE too_much, a_group, plain_owner")


def test_public_has_no_rights_and_every_search_path_is_pinned(queue: Queue) -> None:
    assert (
        queue.sql("""
        SELECT p.oid::regprocedure::text, a.privilege_type FROM pg_proc p, aclexplode(p.proacl) a
        WHERE p.pronamespace = 'public'::regnamespace AND a.grantee = 0
        UNION ALL SELECT c.relname, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.relnamespace = 'public'::regnamespace AND a.grantee = 0
        UNION ALL SELECT n.nspname, a.privilege_type FROM pg_namespace n, aclexplode(n.nspacl) a
        WHERE n.nspname = 'public' AND a.grantee = 0
        UNION ALL SELECT d.datname, a.privilege_type FROM pg_database d, aclexplode(d.datacl) a
        WHERE d.datname = current_database() AND a.grantee = 0
    """)
        == []
    )
    # No list at all would mean the default: EXECUTE for everybody.
    assert (
        queue.sql(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proacl IS NULL"
        )
        == []
    )
    definers = queue.sql(
        "SELECT proname, proconfig FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
    )
    ours = (*WRITE_FUNCTIONS, *READ_FUNCTIONS)
    assert {name for name, _ in definers} == {function.split("(")[0] for function in ours}
    assert all("search_path=pg_catalog, pg_temp" in settings for _, settings in definers)
    assert all("standard_conforming_strings=on" in settings for _, settings in definers)
    # What the owner adds later is not open either.
    queue.sql("CREATE FUNCTION public.later() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    try:
        for url in (queue.writer, queue.reader):
            refused(url, "SELECT public.later()")
    finally:
        queue.sql("DROP FUNCTION public.later()")


@pytest.mark.parametrize(
    ("function", "row", "reason"),
    [
        ("ingram_add_titles", {"title": "x", "srp_price": "5x99"}, "srp_price is not a number"),
        ("ingram_record_covers", {"cover_url": 'https://x/\\"<b'}, "cover_url is not an http"),
        (
            "ingram_record_stock",
            {"observed_at": "2026-01-01T00:00:00x5Z", "stock": {"TN": {"onHand": 1}}},
            "observed_at is not an ISO 8601 time",
        ),
        ("ingram_record_unread", {"observed_at": "2026-01-01T00:00:00x5Z"}, "observed_at is not an ISO"),
    ],
)
def test_a_callers_way_to_read_strings_changes_no_rule(
    as_writer: psycopg.Connection, function: str, row: dict[str, object], reason: str
) -> None:
    as_writer.execute("SET standard_conforming_strings = off")
    batch = json.dumps([{"isbn": isbn(1), **row}])
    told = as_writer.execute(f"SELECT outcome, reason FROM public.{function}(%s)", [batch]).fetchone()
    assert told is not None
    assert told[0] == "refused"
    assert told[1].startswith(reason)


def test_a_callers_search_path_changes_nothing(canary: Queue, as_writer: psycopg.Connection) -> None:
    as_writer.execute("SET search_path = pg_temp, nowhere, public, pg_catalog")
    as_writer.execute("SET DateStyle = 'SQL, DMY'")
    as_writer.execute("SET TimeZone = 'Asia/Tokyo'")
    batch = json.dumps(
        [{"isbn": isbn(1), "observed_at": "2026-03-04T05:06:07+09:00", "stock": {"TN": {"onHand": 3}}}]
    )
    row = as_writer.execute("SELECT outcome FROM public.ingram_record_stock(%s)", [batch]).fetchone()
    assert row == ("stale",)


HOSTILE_BATCHES = [
    "",
    "[",
    "null",
    "5",
    "{}",
    '"x"',
    "[" * 100_000,
    '[1, null, [], "x", {}]',
    '[{"isbn": "' + isbn(1) + '"}]',
    '[{"isbn": "' + isbn(1) + '", "title": "\\u0000"}]',
    '[{"isbn": "' + isbn(1) + '", "title": 1e999999}]',
    '[{"isbn": "' + isbn(1) + '", "observed_at": "2026-01-01T00:00:00Z", "stock": {"TN": {"onHand": "x"}}}]',
    '[{"isbn": "' + isbn(1) + '", "observed_at": "2026-01-01T00:00:00Z", "stock": {"TN": {"onHand": {}}}}]',
    '[{"isbn": "' + isbn(1) + '", "observed_at": "9999-12-31T23:59:59+00:00", "stock": {"TN": null}}]',
    '[{"isbn": "' + isbn(1) + '", "srp_price": "9999999.999", "page_count": "999999"}]',
    '[{"isbn": "' + isbn(1) + "', (SELECT stock_json FROM ingram_queue), '\"}]",
    "[" + ",".join('{"isbn": "' + isbn(1) + '"}' for _ in range(10_001)) + "]",
]


def answers_without_the_secret(connection: psycopg.Connection, function: str, batch: str | None) -> None:
    try:
        told = str(connection.execute(f"SELECT * FROM public.{function}(%s)", [batch]).fetchall())
    except psycopg.Error as error:
        diag = error.diag
        told = " ".join(
            map(str, [error, diag.message_detail, diag.message_hint, diag.context, diag.internal_query])
        )
    assert str(SECRET_STOCK) not in told
    assert SECRET_TITLE not in told


FUNCTIONS = [call.split("(")[0] for call in WRITE_FUNCTIONS if call.endswith("(text)")]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_answer_or_error_tells_of_what_is_stored(as_writer: psycopg.Connection, function: str) -> None:
    for batch in [*HOSTILE_BATCHES, None]:
        answers_without_the_secret(as_writer, function, batch)
        row = as_writer.execute(f"SELECT outcome FROM public.{function}(%s) LIMIT 1", [batch]).fetchone()
        assert row is not None
        assert row[0] in ("refused", "unchanged", "refreshed"), (function, batch and batch[:100])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_error_of_the_server_tells_either(canary: Queue, function: str) -> None:
    batch = json.dumps([{"isbn": isbn(1), "title": "x"}])
    # On a connection of its own: a statement that takes the limit back may itself take longer than that.
    with psycopg.connect(canary.writer, autocommit=True, options="-c statement_timeout=1") as connection:
        answers_without_the_secret(connection, function, json.dumps([{"isbn": isbn(n)} for n in range(5000)]))
    with psycopg.connect(canary.writer, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = on")
        answers_without_the_secret(connection, function, batch)
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("SET default_transaction_isolation = 'serializable'")
        with pytest.raises(psycopg.errors.InvalidTransactionState):
            connection.execute(f"SELECT * FROM public.{function}(%s)", [batch])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_the_server_says_of_its_plans_tells_nothing(
    as_writer: psycopg.Connection, function: str
) -> None:
    """Everybody may have the server's notes on parsing and planning sent along."""
    told: list[str] = []
    as_writer.add_notice_handler(lambda note: told.append(f"{note.message_primary} {note.message_detail}"))
    as_writer.execute("SET client_min_messages = debug5")
    for what in ("parse", "rewritten", "plan"):
        as_writer.execute(f"SET debug_print_{what} = on")
    answers_without_the_secret(as_writer, function, json.dumps([{"isbn": isbn(1), "title": "x"}]))
    assert len(told) > 10
    assert not [note for note in told if str(SECRET_STOCK) in note or SECRET_TITLE in note]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(isbn(1)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "isbn",
                    "title",
                    "stock",
                    "observed_at",
                    "TN",
                    "onHand",
                    "type",
                    "cover_url",
                    "reason",
                    "outcome",
                ]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(function=st.sampled_from(FUNCTIONS), rows=st.lists(json_values, max_size=4))
def test_whatever_a_batch_holds_each_row_is_answered(
    as_writer: psycopg.Connection, function: str, rows: list[object]
) -> None:
    batch = json.dumps(rows)  # with NaN, Infinity and lone surrogates: not all of it is JSON to PostgreSQL
    told = as_writer.execute(
        f"SELECT ordinal, outcome, reason FROM public.{function}(%s)", [batch]
    ).fetchall()
    if told and told[0][2] == "The batch is not a JSON array.":
        assert len(told) == 1
    else:
        assert sorted(ordinal for ordinal, _, _ in told) == list(range(1, len(rows) + 1))
    assert str(SECRET_STOCK) not in str(told)


def test_asking_for_a_count_costs_writing_it_down(queue: Queue, writer: QueueWriter) -> None:
    """At the instant of the last reading a wrong guess is a change in the history, not a silent `stale`."""
    writer.add_titles([title(1)])
    writer.record_stock([reading(1, SECRET_STOCK)])
    assert writer.record_stock([reading(1, 5)])[0].outcome == "changed"
    assert queue.sql("SELECT count(*) FROM ingram_stock_history") == [(2,)]
