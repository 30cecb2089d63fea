"""Somebody has the password of the writer or the reader: what each right is good for, and where that ends."""

import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from ingram_assets.cli.migrate import migrate_queue
from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.domain.stock import DcStock
from ingram_assets.runtime.processes import Supervisor
from ingram_assets.staging.reader import QueueReader
from ingram_assets.staging.schema import let_in, migrate, roles
from ingram_assets.staging.schema.roles import CONNECTIONS
from ingram_assets.staging.writer import MAX_BYTES, QueueWriter
from ingram_assets_tests.testing.queue import (
    NOW,
    PASSWORD,
    READER,
    WRITER,
    Queue,
    isbn,
    migrated,
    outcomes,
    reading,
    title,
)
from ingram_demo.embedded.postgres import SERVER_SETTINGS, Postgres, start_postgres

ROLES = {"writer": WRITER, "reader": READER}


def session(queue: Queue, role: str) -> psycopg.Connection:
    return psycopg.connect(getattr(queue, role), autocommit=True)


# -- what outlives the theft --------------------------------------------------------------------------------

LEFT_BEHIND = [
    "default_transaction_read_only = on",
    "default_transaction_isolation = 'serializable'",
    "statement_timeout = 1",
    "lock_timeout = 1",
    "search_path = 'pg_temp'",
    "standard_conforming_strings = off",
    "client_encoding = 'SQL_ASCII'",
    "role = 'none'",
    "plpgsql.extra_errors = 'all'",
    "local_preload_libraries = 'nothing'",  # with this one nobody can sign in as the role any more
]


@pytest.mark.parametrize("where", ["", "IN DATABASE queue_of_tests ", "IN DATABASE postgres "])
@pytest.mark.parametrize("role", ["writer", "reader"])
def test_settings_of_a_role_end_with_the_next_migration(queue: Queue, role: str, where: str) -> None:
    with session(queue, role) as thief:
        thief.execute("DO 'BEGIN END'")
        for setting in LEFT_BEHIND:
            thief.execute(f"ALTER ROLE CURRENT_USER {where}SET {setting}")
    assert migrate(queue.owner).notes == ()
    settings = "SELECT s.setconfig FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole"
    assert queue.sql(f"{settings} WHERE r.rolname = %s", ROLES[role]) == []
    with QueueWriter(queue.writer) as writer:
        assert outcomes(writer.add_titles([title(1)])) == ["added"]


def test_what_only_a_superuser_sets_stays(queue: Queue) -> None:
    """It bounds the role, and no thief could have left it."""
    queue.sql(f"ALTER ROLE {READER} SET temp_file_limit = '2GB'")
    queue.sql(f"ALTER ROLE {READER} SET statement_timeout = 1")
    try:
        assert migrate(queue.owner).notes == ()
        assert queue.sql("SELECT rolconfig FROM pg_roles WHERE rolname = %s", READER) == [
            (["temp_file_limit=2GB"],)
        ]
        with session(queue, "reader") as thief, pytest.raises(psycopg.errors.InsufficientPrivilege):
            thief.execute("ALTER ROLE CURRENT_USER RESET temp_file_limit")
    finally:
        queue.sql(f"ALTER ROLE {READER} RESET ALL")


def test_sessions_in_other_databases_end_too(postgres: Postgres, queue: Queue, writer: QueueWriter) -> None:
    """They count among the role's connections."""
    with psycopg.connect(postgres.url(), autocommit=True) as connection, ExitStack() as stack:
        connection.execute(f"GRANT CONNECT ON DATABASE postgres TO {WRITER}")
        stack.callback(connection.execute, f"REVOKE CONNECT ON DATABASE postgres FROM {WRITER}")
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                stack.enter_context(psycopg.connect(postgres.url("postgres", WRITER, PASSWORD)))
        with pytest.raises(Exception, match="too many connections"):
            writer.add_titles([title(1)])
        migrate(queue.owner)
        assert outcomes(writer.add_titles([title(1)])) == ["added"]


@pytest.mark.parametrize(
    ("used_up", "following"),
    [(2, 3), (3, 4), (1_000_000, 1_000_001), (150_000_000, 3), (2_147_483_646, 3), (2_147_483_647, 3)],
)
def test_ids_that_were_used_up_for_nothing_are_given_back(
    queue: Queue, writer: QueueWriter, used_up: int, following: int
) -> None:
    """A write that is taken back uses them up all the same, and there are two billion."""
    writer.add_titles([title(1), title(2)])
    queue.sql("SELECT setval('ingram_queue_id_seq', %s)", used_up)
    migrate(queue.owner)
    assert outcomes(writer.add_titles([title(3)])) == ["added"]
    assert queue.sql("SELECT array_agg(id ORDER BY id) FROM ingram_queue") == [([1, 2, following],)]


def test_a_prepared_transaction_that_was_left_is_told_with_the_statement(
    servers_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where a server allows them, which PostgreSQL does not by default."""
    monkeypatch.setitem(SERVER_SETTINGS, "max_prepared_transactions", "5")
    with Supervisor(servers_folder / "prepared") as supervisor:
        queue = migrated(start_postgres(supervisor, supervisor.folder / "postgres"), "stolen")
        for role, gid in (
            ("writer", "plain"),
            ("reader", "it's"),
            ("writer", "back\\slash"),
            ("reader", 'é"; --'),
        ):
            with session(queue, role) as thief:
                thief.execute("BEGIN")
                thief.execute("SELECT txid_current()")
                thief.execute(sql.SQL("PREPARE TRANSACTION {}").format(sql.Literal(gid)))
            with pytest.raises(NeedsPerson, match=f"The role {ROLES[role]} has left") as raised:
                migrate(queue.owner)
            (statement,) = re.findall("run (ROLLBACK PREPARED .*) in this database", str(raised.value))
            queue.sql(statement)
            migrate(queue.owner)


def test_sessions_end_with_the_next_migration_and_ours_go_on(queue: Queue, writer: QueueWriter) -> None:
    """A session outlives the password that it was opened with."""
    writer.add_titles([title(1)])
    with ExitStack() as stack:
        thieves = [stack.enter_context(session(queue, role)) for role in ROLES]
        for thief in thieves:
            thief.execute("BEGIN")
        thieves[0].execute("SELECT * FROM ingram_record_unread('[]')")
        thieves[1].execute("SELECT * FROM ingram_queue FOR UPDATE")
        began = time.monotonic()
        migrate(queue.owner)
        assert time.monotonic() - began < 20, "the migration waited for what they hold"
        for thief in thieves:
            with pytest.raises(psycopg.OperationalError):
                thief.execute("SELECT 1")
    assert outcomes(writer.record_stock([reading(1)])) == ["first"]


def test_a_machine_that_starts_ends_no_sessions_of_a_queue_of_its_version(
    postgres: Postgres, queue: Queue
) -> None:
    """Runs on other machines have their turns at the site there, and another queue is another shop's."""
    other = migrated(postgres, "another_shop")
    with session(queue, "writer") as ours, session(other, "writer") as theirs:
        migrate(queue.owner, gently=True)
        assert ours.execute("SELECT 1").fetchone() == (1,)
        queue.sql("DROP FUNCTION ingram_record_unread")  # As of another version.
        migrate(queue.owner, gently=True)
        with pytest.raises(psycopg.OperationalError):
            ours.execute("SELECT 1")
        assert theirs.execute("SELECT 1").fetchone() == (1,)


# -- connections --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["writer", "reader"])
def test_one_role_takes_no_more_connections_than_its_share(queue: Queue, role: str) -> None:
    with ExitStack() as stack:
        taken = 0
        with contextlib.suppress(psycopg.OperationalError):
            while taken <= CONNECTIONS[role]:
                stack.enter_context(session(queue, role))
                taken += 1
        assert CONNECTIONS[role] - 5 < taken <= CONNECTIONS[role]
        with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
            session(queue, role)
        other = next(name for name in ROLES if name != role)
        assert session(queue, other).execute("SELECT 1").fetchone() == (1,)
        assert queue.sql("SELECT 1") == [(1,)]
        with session(queue, other) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"ALTER ROLE {ROLES[role]} CONNECTION LIMIT -1")


def test_the_limit_that_a_person_gave_stays(queue: Queue) -> None:
    queue.sql(f"ALTER ROLE {WRITER} CONNECTION LIMIT 90")
    try:
        migrate(queue.owner)
        limit = "SELECT rolconnlimit FROM pg_roles WHERE rolname = %s"
        assert queue.sql(limit, WRITER) == [(90,)]
    finally:
        queue.sql(f"ALTER ROLE {WRITER} CONNECTION LIMIT {CONNECTIONS['writer']}")


# -- locks --------------------------------------------------------------------------------------------------

KEYS = "generate_series(7236271203466, 7236271203468)"
"""Those by which writers and migrations waited for each other once are among them."""

NO_HINDRANCE = {
    "advisory locks": f"SELECT pg_advisory_lock(key) FROM {KEYS} key",
    "both forms of them": "SELECT pg_advisory_lock(1, 2), pg_advisory_lock_shared(3)",
    "the catalog's": "BEGIN; LOCK TABLE pg_catalog.pg_class IN ACCESS SHARE MODE",
    "of a table, by a statement that is never run": "BEGIN; PREPARE one AS DELETE FROM ingram_write_lock; "
    "PREPARE two AS SELECT FROM ingram_limits FOR UPDATE; PREPARE three AS UPDATE ingram_queue SET id = 1",
    "a snapshot": "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT txid_current()",
    "a savepoint": "BEGIN; SAVEPOINT one; SELECT txid_current()",
    "notifications": "LISTEN one; BEGIN; NOTIFY one",
}


@pytest.mark.parametrize("statements", NO_HINDRANCE.values(), ids=NO_HINDRANCE.keys())
@pytest.mark.parametrize("role", ["writer", "reader"])
def test_what_anybody_may_hold_stops_no_write(queue: Queue, role: str, statements: str) -> None:
    with session(queue, role) as thief, QueueWriter(queue.writer, statement_timeout=5) as writer:
        for statement in statements.split("; "):
            thief.execute(statement)
        assert outcomes(writer.add_titles([title(1)])) == ["added"]
        assert outcomes(writer.record_stock([reading(1)])) == ["first"]


@pytest.mark.parametrize("role", ["writer", "reader"])
@pytest.mark.parametrize(
    "statement",
    [
        *(
            f"BEGIN; LOCK TABLE public.{table} IN {mode} MODE"
            for table in ("ingram_write_lock", "ingram_limits")
            for mode in ("ACCESS SHARE", "ROW SHARE", "EXCLUSIVE")
        ),
        "SELECT * FROM public.ingram_limits",
        "SELECT FROM public.ingram_write_lock FOR UPDATE",
        "UPDATE public.ingram_limits SET let_in = 1000000",
        "UPDATE public.ingram_limits SET cover_prefix = NULL",
        "DELETE FROM public.ingram_limits",
        "SELECT public.ingram_room_today(0)",
        "SELECT public.ingram_end_holders('{}')",
        "SELECT public.ingram_cut_reason()",
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'ingram_write_lock'::regclass",
    ],
)
def test_the_lock_and_the_limits_are_the_owners_alone(queue: Queue, role: str, statement: str) -> None:
    with psycopg.connect(queue.owner) as writing, session(queue, role) as thief:
        writing.execute("SELECT FROM ingram_write_lock FOR UPDATE")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            thief.execute(statement)


HOLDERS = {
    "writer, idle after a call": ("writer", "SELECT * FROM ingram_record_unread('[]')"),
    "writer, in one message": ("writer", "BEGIN; SELECT * FROM ingram_add_titles('[]')"),
    "reader, rows it would mark": ("reader", "SELECT * FROM ingram_queue FOR UPDATE"),
    "reader, rows it marked": ("reader", "UPDATE ingram_queue SET imported_at = now()"),
    "reader, for key share": ("reader", "SELECT * FROM ingram_queue FOR KEY SHARE"),
}


@contextmanager
def patience(queue: Queue, idle: str, in_all: str) -> Iterator[None]:
    """The same functions, with other times after which a session that holds back the others is ended."""
    definitions = "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = ANY(%s)"
    names = ["ingram_end_holders", "ingram_begin_write", "ingram_hold"]
    made = [definition for (definition,) in queue.sql(definitions, names)]
    instead = {
        "'10 seconds'": f"'{idle}'",
        "'20 seconds'": f"'{in_all}'",
        "lock_timeout TO '3s'": "lock_timeout TO '200ms'",
    }
    for definition in made:
        for usual, short in instead.items():
            definition = definition.replace(usual, short)
        assert definition not in made
        queue.sql(definition)
    try:
        yield
    finally:
        for definition in made:
            queue.sql(definition)


@pytest.mark.parametrize(("role", "statement"), HOLDERS.values(), ids=HOLDERS.keys())
def test_who_holds_back_the_others_is_ended(
    queue: Queue, writer: QueueWriter, role: str, statement: str
) -> None:
    writer.add_titles([title(1)])
    with patience(queue, "1 second", "1 hour"), session(queue, role) as thief:
        thief.execute("BEGIN")
        thief.execute(statement)
        assert outcomes(writer.record_stock([reading(1)])) == ["first"]
        with pytest.raises(psycopg.OperationalError):
            thief.execute("COMMIT")
    assert queue.sql("SELECT imported_at FROM ingram_queue") == [(None,)]


def test_who_holds_on_in_one_long_statement_is_ended(queue: Queue, writer: QueueWriter) -> None:
    writer.add_titles([title(1)])
    program = (
        "import psycopg, sys\n"
        "with psycopg.connect(sys.argv[1], autocommit=True) as thief:\n"
        "    thief.execute(\"SELECT pg_sleep(600) FROM ingram_record_unread('[{}]')\")\n"
    )
    with patience(queue, "1 hour", "2 seconds"):
        thief = subprocess.Popen([sys.executable, "-c", program, queue.writer], stderr=subprocess.DEVNULL)
        try:
            sleeping = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
            while not queue.sql(sleeping):
                assert thief.poll() is None
            assert outcomes(writer.record_stock([reading(1)])) == ["first"]
            assert thief.wait(30) != 0
        finally:
            thief.kill()
            thief.wait()


def test_an_importer_that_marks_in_time_is_waited_for(queue: Queue, writer: QueueWriter) -> None:
    writer.add_titles([title(1)])
    with session(queue, "reader") as importer:
        importer.execute("BEGIN")
        importer.execute("UPDATE ingram_queue SET imported_at = now()")
        with (
            QueueWriter(queue.writer, statement_timeout=4) as other,
            pytest.raises(Exception, match="longer"),
        ):
            other.record_stock([reading(1)])
        importer.execute("COMMIT")
    assert outcomes(writer.record_stock([reading(1)])) == ["first"]


def test_an_owner_who_is_not_the_role_is_never_ended(queue: Queue) -> None:
    """As who looks at the queue by hand, with a transaction open."""
    with patience(queue, "1 second", "2 seconds"), psycopg.connect(queue.owner) as person:
        person.execute("SELECT FROM ingram_write_lock FOR UPDATE")
        with (
            QueueWriter(queue.writer, statement_timeout=4) as writer,
            pytest.raises(Exception, match="longer"),
        ):
            writer.add_titles([title(1)])
        person.execute("SELECT 1")


def test_who_waits_itself_is_not_ended(queue: Queue) -> None:
    def write(number: int) -> str:
        with session(queue, "writer") as connection:
            connection.execute("SET statement_timeout = 6000")
            with pytest.raises(psycopg.OperationalError) as raised:
                connection.execute("SELECT * FROM ingram_add_titles(%s)", [json.dumps([title(number)])])
        return type(raised.value).__name__

    with patience(queue, "1 second", "2 seconds"), psycopg.connect(queue.owner) as person:
        person.execute("SELECT FROM ingram_write_lock FOR UPDATE")
        with ThreadPoolExecutor(3) as threads:
            assert list(threads.map(write, range(3))) == ["QueryCanceled"] * 3


def test_who_waited_long_may_write_when_it_is_its_turn(queue: Queue) -> None:
    """Its transaction is old by then, and it holds on for a moment only."""

    def write(number: int) -> str:
        with psycopg.connect(queue.writer) as connection:
            answer = connection.execute("SELECT * FROM ingram_add_titles(%s)", [json.dumps([title(number)])])
            time.sleep(0.2)
            return str(answer.fetchall()[0][2])

    with patience(queue, "2 seconds", "3 seconds"), psycopg.connect(queue.owner) as person:
        person.execute("SELECT FROM ingram_write_lock FOR UPDATE")
        with ThreadPoolExecutor(4) as threads:
            writing = [threads.submit(write, number) for number in range(4)]
            time.sleep(4)
            person.commit()
            assert [one.result() for one in writing] == ["added"] * 4


def test_a_person_lets_titles_in_whoever_holds_the_limits(open_shop: QueueWriter, queue: Queue) -> None:
    with patience(queue, "1 second", "1 hour"), session(queue, "writer") as thief:
        thief.execute("BEGIN")
        thief.execute("SELECT * FROM ingram_add_titles(%s)", [json.dumps([title(5)])])
        let_in(queue.owner, 30)
        with pytest.raises(psycopg.OperationalError):
            thief.execute("COMMIT")
    assert queue.sql("SELECT let_in FROM ingram_limits") == [(30,)]


def test_entries_that_another_call_is_deleting_hold_back_no_pruning(
    queue: Queue, writer: QueueWriter
) -> None:
    writer.add_titles([title(1)])
    old = -60 * 24 * 100
    for minute in range(3):
        writer.record_stock([reading(1, minute + 1, at=old + minute)])
    with session(queue, "writer") as thief:
        thief.execute("BEGIN")
        assert thief.execute("SELECT ingram_prune_history(30)").fetchone() == (2,)
        assert writer.prune_history(30) == 0
        thief.execute("ROLLBACK")
    assert writer.prune_history(30) == 2


# -- new titles ---------------------------------------------------------------------------------------------


def titles(first: int, number: int, **more: Any) -> list[dict[str, Any]]:
    return [title(each, **more) for each in range(first, first + number)]


@pytest.fixture
def open_shop(writer: QueueWriter) -> QueueWriter:
    """A queue in which the first sweep has been: one title, whose stock was read."""
    writer.add_titles([title(1)])
    writer.record_stock([reading(1)])
    return writer


def tally(answers: list[Any]) -> dict[str, int]:
    return {word: outcomes(answers).count(word) for word in sorted(set(outcomes(answers)))}


def test_the_first_discovery_goes_through_whole(writer: QueueWriter) -> None:
    assert tally(writer.add_titles(titles(1, 10_000), fill_only=True)) == {"added": 10_000}


def test_an_empty_queue_takes_no_more_than_a_large_shop_has(queue: Queue, writer: QueueWriter) -> None:
    queue.sql("UPDATE ingram_limits SET day = (now() AT TIME ZONE 'UTC')::date, new_titles = 19900")
    assert tally(writer.add_titles(titles(1, 300))) == {"added": 100, "refused": 200}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"description": "d" * 5000},
        {"srp_price": "0.01"},
        {"contributors": ["A"] * 50},
        {"title": "x" * 999},
    ],
)
@pytest.mark.parametrize("calls", [1, 7])
def test_new_titles_beyond_the_days_number_wait_for_a_person(
    open_shop: QueueWriter, queue: Queue, calls: int, more: dict[str, Any]
) -> None:
    rows = titles(2, 700, **more)
    answers = (
        [
            answer
            for call in range(calls)
            for answer in open_shop.add_titles(rows[call * 100 : call * 100 + 100])
        ]
        if calls > 1
        else open_shop.add_titles(rows)
    )
    assert outcomes(answers) == ["added"] * 499 + ["refused"] * 201
    assert answers[-1].reason is not None
    assert "waits for a person" in answers[-1].reason
    assert "ingram queue let-in" in answers[-1].reason
    assert queue.sql("SELECT count(*) FROM ingram_queue") == [(500,)]


def test_what_is_known_goes_on_while_new_titles_wait(open_shop: QueueWriter) -> None:
    open_shop.add_titles(titles(2, 700))
    assert outcomes(open_shop.add_titles([title(900), title(1, title="Another"), title(2), title(900)])) == [
        "refused",
        "refreshed",
        "unchanged",
        "refused",
    ]
    assert outcomes(open_shop.record_stock([reading(1, 5, at=1)])) == ["changed"]


def test_a_person_lets_more_in_and_they_are_used_up(open_shop: QueueWriter, queue: Queue) -> None:
    open_shop.add_titles(titles(2, 499))
    let_in(queue.owner, 30)
    assert tally(open_shop.add_titles(titles(600, 20))) == {"added": 20}
    assert tally(open_shop.add_titles(titles(700, 20))) == {"added": 10, "refused": 10}
    assert tally(open_shop.add_titles(titles(700, 20))) == {"refused": 10, "unchanged": 10}


def test_the_next_day_takes_as_many_again(open_shop: QueueWriter, queue: Queue) -> None:
    assert tally(open_shop.add_titles(titles(2, 600)))["added"] == 499
    queue.sql("UPDATE ingram_limits SET day = day - 1")
    assert tally(open_shop.add_titles(titles(1000, 600)))["added"] == 500
    migrate(queue.owner)
    assert tally(open_shop.add_titles(titles(2000, 600)))["added"] == 500, "a migration begins the day anew"


def test_a_large_shop_takes_a_tenth_of_what_it_has(queue: Queue, writer: QueueWriter) -> None:
    queue.sql("INSERT INTO ingram_queue (isbn, title) SELECT n::text, 'T' FROM generate_series(1, 7000) n")
    writer.add_titles([title(1)])
    writer.record_stock([reading(1)])
    queue.sql("UPDATE ingram_limits SET new_titles = 0")
    assert tally(writer.add_titles(titles(2, 900))) == {"added": 700, "refused": 200}


def test_what_was_taken_back_is_not_counted(open_shop: QueueWriter, queue: Queue) -> None:
    batch = json.dumps(titles(2, 400))
    for _ in range(3):
        with psycopg.connect(queue.writer) as thief:
            thief.execute("SELECT * FROM ingram_add_titles(%s)", [batch])
            thief.rollback()
    assert tally(open_shop.add_titles(titles(2, 400))) == {"added": 400}


def test_let_in_from_the_command_line(queue: Queue) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ingram_assets.cli", "queue", "let-in", *words]
        return subprocess.run(
            command, env={"QUEUE_OWNER_DB_URL": queue.owner}, capture_output=True, text=True
        )

    done = run("3000", "--json")
    assert json.loads(done.stdout) == {"ok": True, "let_in": 3000}, done.stderr
    assert queue.sql("SELECT let_in FROM ingram_limits") == [(3000,)]
    for wrong in ("-1", "many", ""):
        assert run(wrong).returncode == 2
    assert queue.sql("SELECT let_in FROM ingram_limits") == [(3000,)]


# -- sizes --------------------------------------------------------------------------------------------------

TODAY = "day = (now() AT TIME ZONE 'UTC')::date"


def test_the_text_of_a_day_is_bounded(open_shop: QueueWriter, queue: Queue) -> None:
    open_shop.add_titles([title(2), title(3)])
    open_shop.record_covers([{"isbn": isbn(2), "cover_url": "https://covers.example/2.jpg"}])
    queue.sql(f"UPDATE ingram_limits SET {TODAY}, text_bytes = 40000000 - 30000")
    long = "d" * 19_000
    rows = [title(1, description=long), title(2, description=long), title(4), title(3)]
    answers = open_shop.add_titles(rows)
    assert outcomes(answers) == ["refreshed", "refused", "refused", "unchanged"]
    assert "`ingram queue migrate`" in str(answers[1].reason)
    assert outcomes(open_shop.add_titles([title(4), title(3)])) == ["added", "unchanged"]
    queue.sql("UPDATE ingram_limits SET text_bytes = 40000000")
    cover = {"isbn": isbn(1), "cover_url": "https://covers.example/1.jpg"}
    assert outcomes(open_shop.record_covers([cover])) == ["refused"]
    known = {"isbn": isbn(2), "cover_url": "https://covers.example/2.jpg"}
    assert outcomes(open_shop.record_covers([known])) == ["unchanged"]
    assert queue.sql("SELECT isbn FROM ingram_queue WHERE cover_url IS NOT NULL") == [(isbn(2),)]
    migrate(queue.owner)
    assert outcomes(open_shop.add_titles(rows[1:2])) == ["refreshed"]
    ((before,),) = queue.sql("SELECT text_bytes FROM ingram_limits")
    assert outcomes(open_shop.record_covers([cover])) == ["changed"]
    assert queue.sql("SELECT text_bytes FROM ingram_limits") == [(before + len(cover["cover_url"]),)]


def test_a_cover_that_makes_a_new_row_counts_with_the_rows_text(open_shop: QueueWriter, queue: Queue) -> None:
    open_shop.add_titles([title(1, description="d" * 19_000)])
    queue.sql("UPDATE ingram_queue SET imported_at = now()")
    queue.sql("UPDATE ingram_limits SET text_bytes = 40000000 - 15000")
    cover = {"isbn": isbn(1), "cover_url": "https://covers.example/1.jpg"}
    assert outcomes(open_shop.record_covers([cover])) == ["refused"]
    assert queue.sql("SELECT count(*) FROM ingram_queue") == [(1,)]


def test_the_changes_of_stock_of_a_day_are_bounded(open_shop: QueueWriter, queue: Queue) -> None:
    open_shop.add_titles([title(2)])
    open_shop.record_stock([reading(2)])
    queue.sql(f"UPDATE ingram_limits SET {TODAY}, stock_bytes = 100000000 - 150")
    answers = open_shop.record_stock([reading(1, 2, at=1), reading(2, 2, at=1)])
    assert outcomes(answers) == ["changed", "refused"]
    assert answers[1].merged is None
    assert "`ingram queue migrate`" in str(answers[1].reason)
    assert outcomes(open_shop.record_stock([reading(1, 2, at=2), reading(2, 1, at=0)])) == ["unchanged"] * 2
    assert queue.sql("SELECT isbn, count(*) FROM ingram_stock_history GROUP BY isbn ORDER BY isbn") == [
        (isbn(1), 2),
        (isbn(2), 1),
    ]
    with QueueReader(queue.reader) as reader:
        assert reader.titles([isbn(2)])[0].stock == {"TN": DcStock(1, 0, "primary")}
    migrate(queue.owner)
    assert outcomes(open_shop.record_stock([reading(2, 2, at=3)])) == ["changed"]


def test_many_honest_changes_are_far_below_the_bound(queue: Queue, writer: QueueWriter) -> None:
    """An hourly change of every title at ten centers, for a day: a third of it."""
    centers = {f"{a}{b}": DcStock(1_000_000, 1_000_000) for a in "AB" for b in "CDEFG"}
    writer.add_titles([title(1)])
    writer.record_stock([reading(1, **centers)])
    ((size,),) = queue.sql("SELECT stock_bytes FROM ingram_limits")
    assert 500 < size < 100_000 / 3 / 24


@pytest.mark.parametrize(
    ("function", "row", "told"),
    [
        ("ingram_add_titles", {"srp_price": "20000.01"}, "srp_price is more than $20,000"),
        ("ingram_add_titles", {"srp_price": 1_000_000}, "srp_price is more than $20,000"),
        ("ingram_add_titles", {"srp_price": "9999999"}, "srp_price is more than $20,000"),
        ("ingram_add_titles", {"srp_price": "1e9"}, "srp_price is not a number"),
        ("ingram_add_titles", {"srp_price": "-5"}, "srp_price is not a number"),
        ("ingram_add_titles", {"weight": "200.1"}, "weight is more than 200 pounds"),
        ("ingram_add_titles", {"weight": 9_999_999}, "weight is more than 200 pounds"),
        ("ingram_add_titles", {"page_count": 10_000_000}, "page_count is not a number"),
        ("ingram_add_titles", {"description": "d" * 20_001}, "description is 20001 characters"),
        ("ingram_add_titles", {"contributors": ["A"] * 201}, "contributors is too long"),
        ("ingram_add_titles", {"bisac": ["d" * 20_000]}, "bisac is too long"),
        ("ingram_record_stock", {"stock": {"TN": {"onHand": 10_000_001}}}, "not a whole number from 0"),
        ("ingram_record_stock", {"stock": {"TN": {"onOrder": 1e15}}}, "not a whole number from 0"),
        (
            "ingram_record_stock",
            {"stock": {f"{a}{b}": {"onHand": 1} for a in "ABCDEFGHIJK" for b in "ABCDEFGHIJ"}},
            "more than 100 distribution centers",
        ),
        ("ingram_record_covers", {"cover_url": "https://x.example/" + "a" * 2000}, "at most 2,000"),
        ("ingram_record_unread", {"outcome": "x" * 51, "reason": "r"}, "at most 50 characters"),
    ],
)
def test_sizes_are_bounded(
    open_shop: QueueWriter, queue: Queue, function: str, row: dict[str, Any], told: str
) -> None:
    whole = [{"isbn": isbn(1), "observed_at": NOW.isoformat(), **row}]
    with session(queue, "writer") as thief:
        (answer,) = thief.execute(f"SELECT outcome, reason FROM {function}(%s)", [json.dumps(whole)])
    assert answer[0] == "refused"
    assert told in answer[1]


def test_a_batch_is_bounded_before_it_is_read(queue: Queue) -> None:
    with session(queue, "writer") as thief:
        for batch in ("[" + " " * 16_000_000 + "]", "x" * 16_000_001, '["' + "é" * 8_000_000 + '"]'):
            answer = thief.execute("SELECT outcome, reason FROM ingram_add_titles(%s)", [batch]).fetchall()
            assert answer == [("refused", "The batch has more than 16,000,000 bytes.")]
    assert MAX_BYTES * 2 < 16_000_000


@pytest.mark.parametrize("first", ["1", '"\\u0000"', "{}", "[]", "null"])
def test_the_rows_of_a_batch_are_counted_before_they_are_looked_at(queue: Queue, first: str) -> None:
    """As long as that takes nobody else writes."""
    with session(queue, "writer") as thief:
        began = time.monotonic()
        batch = "[" + first + ",1" * 7_900_000 + "]"
        answer = thief.execute("SELECT outcome, reason FROM ingram_add_titles(%s)", [batch]).fetchall()
        assert answer == [("refused", "The batch has more than 10,000 rows.")]
        assert time.monotonic() - began < 10, "it takes 1 to 2 seconds, most of which is reading it"


@pytest.mark.parametrize("length", [2001, 10_000, 3_000_000])
def test_a_reason_that_the_reader_writes_is_cut(queue: Queue, open_shop: QueueWriter, length: int) -> None:
    with session(queue, "reader") as thief:
        thief.execute("UPDATE ingram_queue SET failed_reason = repeat('é', %s)", [length])
        thief.execute("UPDATE ingram_queue SET imported_at = now()")
    assert queue.sql("SELECT length(failed_reason) FROM ingram_queue") == [(2000,)]
    assert migrate(queue.owner).notes == ()
    with session(queue, "reader") as thief:
        thief.execute("UPDATE ingram_queue SET failed_reason = repeat('x', %s)", [length])
        thief.execute("UPDATE ingram_queue SET imported_at = NULL, failed_reason = 'short' WHERE false")
    assert queue.sql("SELECT length(failed_reason) FROM ingram_queue") == [(2000,)]


# -- covers -------------------------------------------------------------------------------------------------

INNER = [
    "http://169.254.169.254/latest/meta-data/",
    "http://127.0.0.1/",
    "http://127.1/x",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://[::1]/",
    "http://[::ffff:10.0.0.1]/x",
    "http://10.0.0.5/x.jpg",
    "http://192.168.1.1/admin",
    "http://172.16.0.1:8080/",
    "http://localhost/",
    "http://localhost:9000/admin",
    "http://medusa/admin",
    "http://metadata.google.internal/",
    "http://printer.local/",
    "http://db.railway.internal/",
    "http://router.lan./",
    "http://127.0.0.1.nip.io/",
    "http://10-0-0-1.sslip.io/",
    "https://covers.example:8443/1.jpg",
    "https://user@covers.example/1.jpg",
    "https://covers.example@169.254.169.254/",
    "https://covers.example:80@10.0.0.1/",
    "https://127。0。0。1/",
    "https://１２７.0.0.1/",
    "https://covers.example%2f@10.0.0.1/",
    "https://covers.example/a/../../etc",
    "https://covers.example/%2e%2e/x",
    "https://covers.example/a/..%2fx",
    "https://covers.example/a%2F.%2E%5Cx",
    "file:///etc/passwd",
    "ftp://covers.example/x",
    "//covers.example/x",
    "javascript:alert(1)",
    "data:image/png;base64,AAAA",
]
PUBLIC = [
    "https://covers.example/1.jpg",
    "http://pub-0123456789abcdef.r2.dev/covers/raw/9780000000002.jpg?v=0a1b2c3d",
    "https://covers.shop-42.co.uk/raw/1.jpg",
    "https://xn--bcher-kva.example/1.jpg",
    "https://shop.xn--p1ai/1.jpg",
    "https://1and1.example/..1.jpg",
]


def cover(queue: Queue, url: str) -> str:
    with session(queue, "writer") as thief:
        row = json.dumps([{"isbn": isbn(1), "cover_url": url}])
        (answer,) = thief.execute("SELECT outcome FROM ingram_record_covers(%s)", [row])
    return str(answer[0])


@pytest.mark.parametrize("url", INNER)
def test_a_cover_lies_at_no_address_of_an_inner_network(queue: Queue, writer: QueueWriter, url: str) -> None:
    writer.add_titles([title(1)])
    assert cover(queue, url) == "refused"
    assert queue.sql("SELECT cover_url FROM ingram_queue") == [(None,)]


@pytest.mark.parametrize("url", PUBLIC)
def test_a_public_cover_is_taken_while_the_bucket_is_not_known(
    queue: Queue, writer: QueueWriter, url: str
) -> None:
    writer.add_titles([title(1)])
    assert cover(queue, url) == "changed"


@pytest.mark.parametrize("prefix", ["https://covers.shop.example", "http://127.0.0.1:9000/covers/"])
def test_a_cover_lies_below_the_buckets_address_alone(queue: Queue, writer: QueueWriter, prefix: str) -> None:
    migrate(queue.owner, cover_prefix=prefix)
    migrate(queue.owner)  # one that was not told keeps it
    writer.add_titles([title(1)])
    below = prefix.rstrip("/")
    elsewhere = [
        *(url for url in INNER + PUBLIC if not url.startswith(below + "/")),
        below,
        f"{below}.evil.example/1.jpg",
        f"{below}@evil.example/1.jpg",
        f"{below}x/1.jpg",
        f"{below}/../other/1.jpg",
        f"{below}/a/%2E%2e/1.jpg",
        f"{below}/..",
        below.upper() + "/1.jpg",
    ]
    for url in elsewhere:
        assert cover(queue, url) == "refused", url
    assert cover(queue, f"{below}/covers/raw/1.jpg?v=01234567") == "changed"
    (answer,) = writer.record_covers([{"isbn": isbn(1), "cover_url": "https://covers.example/1.jpg"}])
    assert answer.reason is not None
    assert below in answer.reason
    assert "ingram queue migrate" in answer.reason


@pytest.mark.parametrize(
    ("files", "taken"),
    [
        ({".env.scraper": "R2_PUBLIC_URL=https://covers.shop.example/\n"}, "https://covers.shop.example"),
        ({".env": "R2_PUBLIC_URL=https://covers.shop.example\n"}, "https://covers.shop.example"),
        (
            {
                ".env": "R2_PUBLIC_URL=https://old.example\n",
                ".env.scraper": "R2_PUBLIC_URL=https://new.example\n",
            },
            "https://new.example",
        ),
        (
            {".env.scraper": "R2_PUBLIC_URL=http://minio.shop.example:9000/c\nALLOW_PLAIN_HTTP=true\n"},
            "http://minio.shop.example:9000/c",
        ),
        ({".env.scraper": "IPAGE_USERNAME=user\n"}, None),
        ({}, None),
    ],
)
def test_the_command_takes_the_buckets_address_from_the_scrapers_settings(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], taken: str | None
) -> None:
    monkeypatch.setenv("QUEUE_OWNER_DB_URL", queue.owner)
    monkeypatch.setenv("INGRAM_ENV_DIR", str(tmp_path))
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    assert migrate_queue().notes == ()
    assert queue.sql("SELECT cover_prefix FROM ingram_limits") == [(taken,)]


# -- an owner that may less ---------------------------------------------------------------------------------


@contextmanager
def owned_by(postgres: Postgres, database: str, attributes: str) -> Iterator[tuple[str, str]]:
    """A database whose owner has these attributes, and its name."""
    name = database.rsplit("/", 1)[1]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE plain_owner LOGIN PASSWORD 'p' {attributes}")
        connection.execute(f"ALTER DATABASE {name} OWNER TO plain_owner")
    try:
        yield postgres.url(name, "plain_owner", "p"), name
    finally:
        postgres.drop_database(name)
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            connection.execute("DROP ROLE IF EXISTS their_writer, their_reader, plain_owner")


def test_an_owner_that_makes_the_roles_bounds_them(postgres: Postgres, database: str) -> None:
    with owned_by(postgres, database, "CREATEROLE") as (owner, name):
        named = {"writer_role": "their_writer", "reader_role": "their_reader"}
        assert migrate(owner, **named).notes == ()
        with psycopg.connect(owner, autocommit=True) as connection:
            for role in named.values():
                connection.execute(sql.SQL("ALTER ROLE {} PASSWORD 'p'").format(sql.Identifier(role)))
        queue = Queue(owner, postgres.url(name, "their_writer", "p"), postgres.url(name, "their_reader", "p"))
        with QueueWriter(queue.writer) as writer, contextlib.closing(session(queue, "reader")) as thief:
            writer.add_titles([title(1)])
            thief.execute("ALTER ROLE CURRENT_USER SET statement_timeout = 1")
            thief.execute("BEGIN")
            thief.execute("SELECT * FROM ingram_queue FOR UPDATE")
            with patience(queue, "1 second", "1 hour"):
                assert outcomes(writer.record_stock([reading(1)])) == ["first"]
            assert migrate(owner, **named).notes == ()
            limits = "SELECT rolname, rolconnlimit, rolconfig FROM pg_roles WHERE rolname LIKE 'their_%'"
            assert sorted(queue.sql(limits)) == [
                ("their_reader", CONNECTIONS["reader"], None),
                ("their_writer", CONNECTIONS["writer"], None),
            ]


@pytest.mark.parametrize("role", ["their_writer", "their_reader"])
def test_large_objects_of_a_role_end_with_the_next_migration(
    postgres: Postgres, database: str, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    """On a server whose owner is no superuser anybody may make them."""
    monkeypatch.setattr(roles, "LARGE_OBJECTS", 2)
    named = {"writer_role": "their_writer", "reader_role": "their_reader"}
    with owned_by(postgres, database, "CREATEROLE") as (owner, name):
        migrate(owner, **named)
        with psycopg.connect(owner, autocommit=True) as connection:
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD 'p'").format(sql.Identifier(role)))
            connection.execute("SELECT lo_from_bytea(0, 'the owner''s')")
        with psycopg.connect(postgres.url(name, role, "p"), autocommit=True) as thief:
            thief.execute(
                "SELECT lo_from_bytea(0, decode(repeat('00', 100000), 'hex')) FROM generate_series(1, 3)"
            )
        (note,) = migrate(owner, **named).notes
        assert f"The role {role} has left large objects" in note
        assert migrate(owner, **named).notes == ()
        with psycopg.connect(owner) as connection:
            assert connection.execute("SELECT count(*) FROM pg_largeobject_metadata").fetchone() == (1,)


def test_a_reader_that_became_a_writer_is_refused(postgres: Postgres, database: str) -> None:
    """Before PostgreSQL 16 a role may give itself to others."""
    named = {"writer_role": "their_writer", "reader_role": "their_reader"}
    with owned_by(postgres, database, "CREATEROLE") as (owner, _):
        migrate(owner, **named)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("GRANT their_writer TO their_reader")
        with pytest.raises(NeedsPerson, match="their_reader is a member of the role their_writer"):
            migrate(owner, **named)


def test_what_the_owner_may_not_do_is_said_with_the_statement(postgres: Postgres, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        for role in ("their_writer", "their_reader"):
            connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'p'")
        connection.execute("ALTER ROLE their_writer SET default_transaction_read_only = on")
    with owned_by(postgres, database, "") as (owner, name):
        notes = migrate(owner, writer_role="their_writer", reader_role="their_reader").notes
        assert len(notes) == 5
        for words in (
            'default_transaction_read_only. Let a superuser run ALTER ROLE "their_writer" RESET ALL',
            f'ALTER ROLE "their_writer" CONNECTION LIMIT {CONNECTIONS["writer"]}',
            f'ALTER ROLE "their_reader" CONNECTION LIMIT {CONNECTIONS["reader"]}',
            'GRANT "their_writer" TO plain_owner',
            'GRANT "their_reader" TO plain_owner',
        ):
            assert any(words in note for note in notes), (words, notes)
        command = [sys.executable, "-m", "ingram_assets.cli", "queue", "migrate"]
        names = {"QUEUE_WRITER_ROLE": "their_writer", "QUEUE_READER_ROLE": "their_reader"}
        done = subprocess.run(
            command, env={"QUEUE_OWNER_DB_URL": owner, **names}, capture_output=True, text=True
        )
        assert done.returncode == 0
        assert done.stderr.splitlines() == list(notes)
        # It does what it can: the functions work, and wait as long as their caller does.
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("ALTER ROLE their_writer RESET ALL")
        with QueueWriter(postgres.url(name, "their_writer", "p")) as writer:
            assert outcomes(writer.add_titles([title(1)])) == ["added"]


def test_databases_that_a_role_may_connect_to_are_named_until_they_are_closed(
    postgres: Postgres, database: str
) -> None:
    """A store's database on the same server, say. To close it is its owner's: it may lock others out."""
    named = {"writer_role": "their_writer", "reader_role": "their_reader"}
    with owned_by(postgres, database, "CREATEROLE") as (owner, name):
        assert migrate(owner, **named).notes == ()
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            for role in named.values():
                connection.execute(f"ALTER ROLE {role} PASSWORD 'p'")
            connection.execute('CREATE DATABASE "a store"')
            try:
                (note,) = migrate(owner, **named).notes
                assert "their_writer and their_reader may connect to other databases" in note
                for role in named.values():
                    psycopg.connect(postgres.url("a store", role, "p")).close()
                mends = re.search(r"run (REVOKE .* FROM PUBLIC)\.$", note)
                assert mends
                connection.execute(mends[1])
                for role in named.values():
                    psycopg.connect(postgres.url(name, role, "p")).close()
                    for closed in ("a store", "postgres", "template1"):
                        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                            psycopg.connect(postgres.url(closed, role, "p"))
                assert migrate(owner, **named).notes == ()
            finally:
                connection.execute('DROP DATABASE "a store" WITH (FORCE)')


def test_a_migration_waits_for_nothing_that_a_role_holds(queue: Queue) -> None:
    with session(queue, "writer") as thief:
        thief.execute("SELECT pg_advisory_lock(key) FROM " + KEYS + " key")
        began = time.monotonic()
        migrate(queue.owner)
        assert time.monotonic() - began < 20


def test_a_stolen_role_may_give_itself_a_password_until_the_shop_does(queue: Queue) -> None:
    """What it can't be kept from: the shop is refused then, is told so, and gives it another one."""
    try:
        with session(queue, "writer") as thief:
            thief.execute("ALTER ROLE CURRENT_USER PASSWORD 'of the thief'")
        with QueueWriter(queue.writer) as writer, pytest.raises(Exception, match="password authentication"):
            writer.add_titles([title(1)])
    finally:
        queue.sql(f"ALTER ROLE {WRITER} PASSWORD '{PASSWORD}'")
    with QueueWriter(queue.writer) as writer:
        assert outcomes(writer.add_titles([title(1)])) == ["added"]
