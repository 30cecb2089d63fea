"""The journal on a real PostgreSQL: made by whoever comes first, truthful about what broke off."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.store import journal_schema, one_run
from ingram_assets.store.client import MedusaRefused, Unavailable
from ingram_assets.store.inventory.ledger import StockLedger
from ingram_assets.store.journal import BODY_CAP, Change, InStep, Journal, Known
from ingram_assets.store.journal_connections import JournalLost
from ingram_demo.embedded.postgres import Postgres

ISBN = "9780000000002"


def level(before: int | None, after: int, isbn: str = ISBN) -> Change:
    def quantities(stocked: int) -> dict[str, int]:
        return {"stocked_quantity": stocked, "incoming_quantity": 0}

    return Change(
        "level", isbn, "iitem", None if before is None else quantities(before), quantities(after), "why"
    )


def test_its_tables_are_made_once_by_whoever_comes_first(database: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        journals = list(pool.map(Journal, [database] * 6))
    journals[0].settle(journals[1].begin("run", [level(1, 2)]))
    assert [each.outcome for each in journals[2].history(ISBN)] == ["written"]
    for each in journals:
        each.close()


EARLIER_TABLES = [
    """
    CREATE TABLE store_change (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run_id TEXT NOT NULL, isbn TEXT,
        kind TEXT NOT NULL,
        entity TEXT, before JSONB, after JSONB, reason TEXT NOT NULL,
        outcome TEXT NOT NULL DEFAULT 'pending' CHECK (outcome IN ('pending', 'written', 'failed')),
        detail TEXT, at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
    );
    CREATE INDEX idx_store_change_isbn ON store_change (isbn, kind, id);
    CREATE INDEX idx_store_change_run ON store_change (run_id, id);
    CREATE TABLE store_failed_request (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run_id TEXT NOT NULL, method TEXT NOT NULL,
        path TEXT NOT NULL, status INT, body TEXT NOT NULL, at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
    );
    CREATE INDEX idx_store_failed_request_run ON store_failed_request (run_id, id);
    INSERT INTO store_change (run_id, isbn, kind, entity, after, reason, outcome)
    VALUES ('run', '9780000000002', 'product', 'prod', '{"title": "A"}', 'why', 'written'),
        ('run', 'never-sent', 'product', NULL, '{"title": "B"}', 'why', 'pending');
    INSERT INTO store_failed_request (run_id, method, path, status, body)
    VALUES ('run', 'GET', '/x', 400, 'no');
    """,
    """
    CREATE INDEX idx_store_change_pending ON store_change (isbn) WHERE outcome = 'pending';
    CREATE INDEX idx_store_change_shared ON store_change (kind, id) WHERE isbn IS NULL;
    CREATE TABLE store_known (
        what TEXT NOT NULL, called TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,
        at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (what, called)
    );
    INSERT INTO store_known (what, called, id, name) VALUES ('tag', 'mine', 'ptag', 'theirs');
    """,
    """
    CREATE TABLE store_in_step (
        isbn TEXT PRIMARY KEY, row_id INT NOT NULL, stock_changed_at TIMESTAMPTZ, valid_until TIMESTAMPTZ,
        pushed_at TIMESTAMPTZ, aged TEXT NOT NULL DEFAULT ''
    );
    INSERT INTO store_in_step (isbn, row_id, pushed_at, aged)
    VALUES ('another', 7, '2026-11-20 14:00Z', 'PA,TN');
    """,
]
"""What programs before there were versions made at their start, each on top of the one before; with rows."""


def tables(url: str) -> list[Any]:
    """Every column and index, to compare two journals by."""
    with psycopg.connect(url) as connection:
        return [
            *connection.execute("""
                SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity
                FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, ordinal_position
            """),
            *connection.execute("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"),
        ]


@pytest.fixture
def another_database(postgres: Postgres) -> Iterator[str]:
    yield postgres.create_database("journal_to_compare")
    postgres.drop_database("journal_to_compare")


@pytest.mark.parametrize("age", [1, 2, 3])
def test_the_journal_of_an_earlier_program_is_taken_over_with_its_rows(
    database: str, another_database: str, age: int
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        for statements in EARLIER_TABLES[:age]:
            connection.execute(statements)
    with Journal(database) as journal, Journal(another_database):
        assert [each.outcome for each in journal.history(ISBN)] == ["written"]
        assert [each.outcome for each in journal.history("never-sent")] == ["pending"]
        assert [each.path for each in journal.failed_requests("run")] == ["/x"]
        assert journal.known("tag") == ([Known("mine", "ptag", "theirs")] if age > 1 else [])
        at = datetime(2026, 11, 20, 14, tzinfo=UTC)
        told = {"another": InStep("another", 7, None, None, at, ("PA", "TN"))}
        assert (journal.in_step() == told) is (age == 3), "its own rows, and none beside them"
        journal.settle(journal.begin("run 2", [level(1, 2)]))
        assert [each.id for each in journal.history(ISBN)] == [1, 3]
    assert tables(database) == tables(another_database)


def test_the_version_that_the_program_needs_is_the_last_migration(database: str) -> None:
    versions = sorted(path.name[:4] for path in (Path(journal_schema.__file__).parent).rglob("0*.py"))
    with Journal(database), psycopg.connect(database) as connection:
        written = connection.execute("SELECT version_num FROM store_journal_version").fetchall()
    assert written == [(versions[-1],)] == [(journal_schema.VERSION,)]


def test_the_journal_of_a_newer_program_is_left_alone(database: str) -> None:
    with Journal(database):
        pass
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE store_journal_version SET version_num = '0999'")
    with pytest.raises(NeedsPerson, match="at version 0999, which this program does not know"):
        Journal(database)


def test_a_role_that_may_make_no_tables_is_told_to_own_the_database(
    postgres: Postgres, database: str
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        connection.execute("DROP ROLE IF EXISTS journal_guest")
        connection.execute("CREATE ROLE journal_guest LOGIN PASSWORD 'guest'")
        connection.execute(f"GRANT CONNECT ON DATABASE {name} TO journal_guest")
    with pytest.raises(NeedsPerson, match="own its database"):
        Journal(postgres.url(name, "journal_guest", "guest"))


def test_what_is_known_by_its_id_is_known_until_another_takes_its_place(database: str) -> None:
    with Journal(database) as journal, Journal(database) as other:
        journal.know("category", [Known("Horror", "pcat_1", "Horror"), Known("Fantasy", "pcat_2", "Fantasy")])
        journal.know("tag", [Known("special_order", "ptag_1", "special_order")])
        journal.know("category", [Known("Horror", "pcat_3", "Scary")])
        journal.know("category", [])
        assert other.known("category", ["Horror", "Poetry"]) == [Known("Horror", "pcat_3", "Scary")]
        assert {each.id for each in other.known("category")} == {"pcat_2", "pcat_3"}
        assert other.known("category", []) == []


def test_which_items_we_made(database: str) -> None:
    """By themselves, or along with a product; a level of ours on somebody's item makes it no item of ours."""

    def entry(isbn: str, kind: str, entity: str | None, before: dict[str, int] | None = None) -> Change:
        return Change(kind, isbn, entity, before, {"stocked_quantity": 1, "incoming_quantity": 0}, "why")

    with Journal(database) as journal:
        journal.settle(journal.begin("a", [entry("with product", "product", "prod")]))
        journal.begin("b", [entry("with product", "level", "iitem_1")])  # a run that broke off before it
        journal.settle(
            journal.begin("c", [entry("alone", "item", "iitem_2"), entry("alone", "level", "iitem_2")])
        )
        journal.settle(journal.begin("d", [entry("theirs", "level", "iitem_3")]))
        journal.settle(journal.begin("e", [entry("theirs", "product", "prod", {"a": 1})]))
        journal.settle(journal.begin("e", [entry("theirs", "level", "iitem_3", {"stocked_quantity": 2})]))
        journal.settle(journal.begin("f", [entry("left over", "level", "iitem_4")]))
        journal.settle(journal.begin("f", [entry("left over", "product", "prod")]))
        refused = journal.begin("g", [entry("refused", "product", None)])
        journal.settle(refused, {refused[0]: "no"})
        journal.settle(journal.begin("g", [entry("refused", "level", "iitem_5")]))
        every = ["with product", "alone", "theirs", "left over", "refused", "unheard of"]
        assert journal.made_items(every) == {"with product": {"iitem_1"}, "alone": {"iitem_2"}}


def test_a_write_is_there_before_it_is_sent_and_settled_after(database: str) -> None:
    with Journal(database) as journal, Journal(database) as other:
        with journal.writing("run", [level(1, 2), level(3, 4, "other")]) as entry:
            assert [each.outcome for each in other.changes("run")] == ["pending", "pending"]
            entry.failed(1, "Medusa's words")
        one, two = other.changes("run")
        assert (one.outcome, one.detail) == ("written", None)
        assert (two.outcome, two.detail) == ("failed", "Medusa's words")
        assert one.before == {"stocked_quantity": 1, "incoming_quantity": 0}
        assert (one.isbn, one.kind, one.entity, one.reason, one.run_id) == (
            ISBN,
            "level",
            "iitem",
            "why",
            "run",
        )


def test_an_answer_settles_and_no_answer_leaves_it_open(database: str) -> None:
    with Journal(database) as journal:
        with pytest.raises(MedusaRefused), journal.writing("refused", [level(1, 2)]):
            raise MedusaRefused("POST", "/x", 400, "no")
        with pytest.raises(Unavailable), journal.writing("silence", [level(1, 2)]):
            raise Unavailable("POST", "/x", None, "gone")
        with pytest.raises(KeyboardInterrupt), journal.writing("killed", [level(1, 2)]):
            raise KeyboardInterrupt
        assert [each.outcome for each in journal.history(ISBN)] == ["failed", "pending", "pending"]
        assert [each.run_id for each in journal.history(ISBN)[1:]] == ["silence", "killed"]


def test_what_we_wrote_last(database: str) -> None:
    with Journal(database) as journal:
        journal.settle(journal.begin("a", [level(None, 5), level(None, 1, "other")]))
        journal.settle(journal.begin("b", [level(5, 6)]))
        failing = journal.begin("c", [level(6, 7)])
        journal.settle(failing, {failing[0]: "no"})
        last = journal.last_levels([ISBN, "unheard of"])
        assert {isbn: each.quantities for isbn, each in last.items()} == {ISBN: ((6, 0),)}
        assert last[ISBN].at == journal.changes("b")[0].at
        journal.begin("broken off", [level(6, 8)])
        assert journal.last_levels([ISBN])[ISBN].quantities == ((6, 0), (6, 0), (8, 0))
        words = {"title": "A", "description": "B"}
        journal.settle(journal.begin("d", [Change("product", ISBN, "prod", None, words, "new")]))
        journal.settle(journal.begin("e", [Change("product", ISBN, "prod", {}, {"title": "C"}, "more")]))
        assert journal.last_written([ISBN], "product") == {ISBN: {"title": ["C"], "description": ["B"]}}
        journal.begin("f", [Change("product", ISBN, "prod", {"title": "C"}, {"title": "D"}, "broken off")])
        assert journal.last_written([ISBN], "product")[ISBN]["title"] == ["C", "D"]


def test_failed_requests_keep_status_and_body_up_to_a_cap(database: str) -> None:
    with Journal(database) as journal:
        journal.failed_request("run", MedusaRefused("POST", "/admin/x", 400, "no", "y" * 100_000 + "\x00"))
        journal.failed_request("run", Unavailable("GET", "/admin/y", None, "gone", "ConnectError()"))
        refused, lost = journal.failed_requests("run")
        assert (refused.method, refused.path, refused.status) == ("POST", "/admin/x", 400)
        assert refused.body == "y" * BODY_CAP
        assert (lost.status, lost.body) == (None, "ConnectError()")


def test_a_thousand_changes_keep_their_order(database: str) -> None:
    with Journal(database) as journal:
        ids = journal.begin("run", [level(None, number, str(number)) for number in range(1_000)])
        assert [each.isbn for each in journal.changes("run")] == [str(number) for number in range(1_000)]
        journal.settle(ids, {ids[7]: "no"})
        assert [each.isbn for each in journal.changes("run") if each.outcome == "failed"] == ["7"]


def test_no_database_says_so_without_its_password(database: str) -> None:
    with psycopg.connect(database) as connection:
        host = connection.info.host
    with pytest.raises(NeedsPerson, match="STOREFRONT_DB_URL") as caught:
        Journal(f"postgresql://nobody:hush-hush@/nowhere?host={host}")
    assert "hush-hush" not in str(caught.value)


def test_a_database_that_goes_away_stops_the_run(database: str) -> None:
    with Journal(database) as journal, psycopg.connect(database, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        with pytest.raises(JournalLost, match="STOREFRONT_DB_URL"), journal.writing("run", [level(1, 2)]):
            pytest.fail("sent to the store, with nobody writing it down")


def test_nul_characters_and_backslashes(database: str) -> None:
    with Journal(database) as journal:
        words = {"title": "A\x00\x00B", "description": "C:\\u0000 \\\x00"}
        journal.begin("run", [Change("product", ISBN, None, None, words, "why")])
        (entry,) = journal.changes("run")
        assert entry.after == {"title": "AB", "description": "C:\\u0000 \\"}


def test_one_run_at_a_time(database: str) -> None:
    """A second run waits, says once for which, and goes on when the first is over or has died."""
    told: list[str] = []
    entered = threading.Event()

    def second() -> None:
        with Journal(database) as journal, journal.alone("second", told.append):
            entered.set()

    with ThreadPoolExecutor() as pool, Journal(database) as first:
        with first.alone("first", lambda _: told.append("nobody else is there")):
            waiting = pool.submit(second)
            while not (told or waiting.done()):
                time.sleep(0.02)
            assert not entered.wait(1.5)
            assert told == ["first"]
        waiting.result(60)
        assert entered.is_set()

        # A run that is killed leaves no lock behind.
        entered.clear()
        told.clear()
        with first.alone("first", lambda _: None):
            waiting = pool.submit(second)
            while not (told or waiting.done()):
                time.sleep(0.02)
            assert not entered.wait(1.0)
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
                )
            waiting.result(60)


A_RUN_AT_WORK = """
import os
import sys
from ingram_assets.store import one_run
from ingram_assets.store.inventory.ledger import StockLedger
from ingram_assets.store.journal import Journal
from ingram_assets.store.journal_connections import JournalLost
one_run.SPEAK_SECONDS = 0.2
with (
    Journal(sys.argv[1]) as journal,
    journal.alone("first", lambda _: None) as hold,
    StockLedger(sys.argv[1], run_id="first") as ledger,
    ledger.locks() as locks,
    locks.hold(["an entry"]),
):
    print("at work", flush=True)
    for _ in sys.stdin:
        try:
            hold.see()
            print("has it", flush=True)
        except JournalLost as error:
            print(error, flush=True)
    os._exit(0)
"""


def test_a_run_whose_process_is_frozen_holds_nobody_up_and_writes_nothing_more(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_run, "FROZEN_AFTER", 2.0)
    told: list[str] = []
    entered = threading.Event()

    def second() -> None:
        with (
            Journal(database) as journal,
            journal.alone("second", told.append),
            StockLedger(database, wait_seconds=5) as ledger,
            ledger.locks() as locks,
            locks.hold(["an entry"]),
        ):
            entered.set()

    with (
        subprocess.Popen(
            [sys.executable, "-c", A_RUN_AT_WORK, database],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as first,
        ThreadPoolExecutor() as pool,
    ):
        try:
            assert first.stdin
            assert first.stdout
            assert first.stdout.readline() == "at work\n"
            waiting = pool.submit(second)
            assert not entered.wait(4.0), "it is at work, and says so while it writes nothing"
            assert told == ["first"]
            print("see", file=first.stdin, flush=True)
            assert first.stdout.readline() == "has it\n"

            first.send_signal(signal.SIGSTOP)
            waiting.result(60)
            assert entered.is_set()

            first.send_signal(signal.SIGCONT)
            print("see", file=first.stdin, flush=True)
            assert "ended this run's right to write to the store" in first.stdout.readline()
            first.stdin.close()
        finally:
            first.kill()


class TestShownBefore:
    """What we showed before our writes of the last time."""

    HOUR = timedelta(hours=1)

    def level(self, journal: Journal, run_id: str, before: int | None, after: int, isbn: str = ISBN) -> None:
        copies = [None if each is None else {"stocked_quantity": each} for each in (before, after)]
        with journal.writing(run_id, [Change("level", isbn, "item", *copies, "Read.")]):
            pass

    def test_the_first_write_within_the_time_counts(self, database: str) -> None:
        with Journal(database) as journal:
            self.level(journal, "old", None, 9)
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute("UPDATE store_change SET at = at - interval '2 hours'")
            self.level(journal, "1", 9, 4)
            self.level(journal, "2", 4, 0)
            flags = {"allow_backorder": False, "metadata.availability": "in_stock"}
            with journal.writing(
                "2", [Change("variant", ISBN, "v", flags, {"allow_backorder": True}, "So.")]
            ):
                pass
            self.level(journal, "2", None, 3, isbn="made")
            first = {"stocked_quantity": 9, **flags}
            assert journal.shown_before(self.HOUR) == {ISBN: [first, first | {"stocked_quantity": 4}]}
            assert journal.shown_before(timedelta()) == {}

    def test_copies_that_somebody_else_put_there_are_none_of_ours(self, database: str) -> None:
        with Journal(database) as journal:
            self.level(journal, "1", None, 0)
            self.level(journal, "2", 99, 0)
            assert journal.shown_before(self.HOUR) == {ISBN: [{"stocked_quantity": 0}] * 2}

    def test_what_it_was_in_between_counts_too(self, database: str) -> None:
        with Journal(database) as journal:
            self.level(journal, "1", None, 0)
            for run_id, before, after in (("2", 0, 9), ("3", 9, 0)):
                self.level(journal, run_id, before, after)
            was, then = {"metadata.availability": "out_of_stock"}, {"metadata.availability": "in_stock"}
            with journal.writing("4", [Change("variant", ISBN, "v", was, then, "So.")]):
                pass
            first = {"stocked_quantity": 0, **was}
            assert journal.shown_before(self.HOUR) == {
                ISBN: [first, first | {"stocked_quantity": 9}, first | then]
            }

    def test_a_write_that_was_refused_is_none(self, database: str) -> None:
        with Journal(database) as journal:
            with journal.writing(
                "1", [Change("level", ISBN, "item", {"stocked_quantity": 4}, {}, "Read.")]
            ) as entry:
                entry.failed(0, "No.")
            assert journal.shown_before(self.HOUR) == {}

    def test_what_a_person_let_through_and_what_was_before_it_counts_no_more(self, database: str) -> None:
        with Journal(database) as journal:
            self.level(journal, "1", 9, 8)
            journal.let_through("2", None)
            journal.let_through("2", None)
            self.level(journal, "2", 8, 0)
            assert journal.shown_before(self.HOUR) == {}
            self.level(journal, "3", 7, 0, isbn="other")
            assert journal.shown_before(self.HOUR) == {
                "other": [{"stocked_quantity": 7}, {"stocked_quantity": 0}]
            }

    def test_of_titles_that_a_person_did_not_name_all_counts_on(self, database: str) -> None:
        with Journal(database) as journal:
            self.level(journal, "1", 9, 0)
            self.level(journal, "1", 7, 0, isbn="other")
            journal.let_through("2", ["other"])
            assert journal.shown_before(self.HOUR) == {
                ISBN: [{"stocked_quantity": 9}, {"stocked_quantity": 0}]
            }


class TestInStep:
    """What the store was last told of each title."""

    NOW = datetime(2024, 11, 20, 14, 0, tzinfo=UTC)

    def told(self, isbn: str, **values: Any) -> InStep:
        return replace(InStep(isbn, 7, self.NOW, self.NOW + timedelta(days=1), self.NOW), **values)

    def test_the_last_word_counts(self, database: str) -> None:
        with Journal(database) as journal:
            journal.record_in_step([])
            first = [self.told("a"), self.told("b", aged=("PA", "TN"), valid_until=None)]
            journal.record_in_step(first)
            assert journal.in_step() == {"a": first[0], "b": first[1]}
            later = self.told("a", row_id=8, stock_changed_at=None, aged=("TN",))
            journal.record_in_step([later])
            assert journal.in_step() == {"a": later, "b": first[1]}

    def test_all_titles_of_a_push_are_one_statement(
        self, database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        said = []
        with Journal(database) as journal:
            execute = psycopg.Connection.execute
            monkeypatch.setattr(
                psycopg.Connection,
                "execute",
                lambda self, query, *more, **how: said.append(query) or execute(self, query, *more, **how),
            )
            journal.record_in_step([self.told(str(number)) for number in range(500)])
            assert len(said) == 1
            assert len(journal.in_step()) == 500

    def test_an_end_moves_on_and_nothing_else(self, database: str) -> None:
        with Journal(database) as journal:
            journal.record_in_step([self.told("a"), self.told("b"), self.told("c")])
            later = self.NOW + timedelta(days=2)
            journal.still_valid({"a": later, "b": None, "unknown": later})
            assert journal.in_step() == {
                "a": self.told("a", valid_until=later),
                "b": self.told("b", valid_until=None),
                "c": self.told("c"),
            }

    def test_a_retired_title_is_held_to_nothing(self, database: str) -> None:
        with Journal(database) as journal:
            journal.record_in_step([self.told("a"), self.told("b")])
            journal.hold_to_nothing(["a", "unknown"])
            entries = journal.in_step()
            assert entries["b"] == self.told("b")
            assert (entries["a"].pushed_at, entries["a"].valid_until) == (None, None)
            changed_at = entries["a"].stock_changed_at
            assert changed_at is not None
            assert changed_at > self.NOW, "what changes from now on counts"

    def test_a_journal_from_before_this_was_kept(self, database: str) -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            for statements in EARLIER_TABLES[:2]:
                connection.execute(statements)
        with Journal(database) as journal:
            entries = journal.in_step()
        assert entries.keys() == {ISBN}
        assert entries[ISBN].pushed_at is None, "it is not known what the store shows of it"


def test_who_waits_behind_which_guardrail(database: str) -> None:
    with Journal(database) as journal:
        journal.hold("run 1", {"mass_price": "Prices.", "mass_zero": "Zeros."}, ["a", "b"])
        first = {(one.guardrail, one.isbn): one.at for one in journal.held()}
        assert first.keys() == {(name, isbn) for name in ("mass_price", "mass_zero") for isbn in "ab"}
        journal.hold("run 2", {"mass_zero": "More zeros."}, ["b", "c"])
        told = {(one.guardrail, one.isbn): (one.reason, one.run_id) for one in journal.held()}
        assert told == {
            ("mass_price", "a"): ("Prices.", "run 1"),
            ("mass_zero", "a"): ("Zeros.", "run 1"),
            ("mass_zero", "b"): ("More zeros.", "run 2"),
            ("mass_zero", "c"): ("More zeros.", "run 2"),
        }
        assert {one.isbn: one.at for one in journal.held()}["b"] == first["mass_zero", "b"]
        journal.release(["a", "c"], ["mass_price"])
        assert [(one.guardrail, one.isbn) for one in journal.held()] == [
            ("mass_price", "a"),
            ("mass_zero", "b"),
        ]
        journal.release(["a", "b"])
        assert journal.held() == []


def test_prices_that_moved_between_two_moments(database: str) -> None:
    def price(isbn: str, before: float | None, after: float) -> Change:
        was = None if before is None else {"price": before, "title": "A"}
        return Change("product", isbn, "prod", was, {"price": after, "title": "B"}, "why")

    with Journal(database) as journal:
        now = datetime.now(UTC)
        assert journal.price_moves(now - timedelta(days=7), now + timedelta(days=1)) is None, (
            "it began not yet"
        )
        steps = [("a", 18.99, 19.99), ("a", 19.99, 21.0), ("b", 5.0, 6.0), ("b", 6.0, 5.0), ("c", None, 9.0)]
        for step in steps:
            journal.settle(journal.begin("run", [price(*step)]))
        refused = journal.begin("run", [price("d", 1.0, 2.0)])
        journal.settle(refused, {refused[0]: "no"})
        journal.settle(journal.begin("run", [level(1, 2)]))
        later = now + timedelta(days=1)
        assert journal.price_moves(now - timedelta(days=7), later) == {"a": (18.99, 21.0)}
        assert journal.price_moves(later, later + timedelta(days=7)) == {}
        assert journal.price_moves(now - timedelta(days=7), now - timedelta(days=6)) is None
