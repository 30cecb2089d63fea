"""The board's state on a real queue, journal and Dagster database; each of them away in turn."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count

import psycopg
import pytest

from ingram_assets.alerts.model import Incident, IncidentLog
from ingram_assets.alerts.tables import AlertTables
from ingram_assets.defs.keys import ISBNS_NAME, RETIRED_NAME
from ingram_assets.desk.lookups import Lookups
from ingram_assets.domain.failures import Transient
from ingram_assets.domain.stock import DcStock
from ingram_assets.domain.title import Title
from ingram_assets.overview import board_watch
from ingram_assets.overview.board import BoardQuery, StoreStep, TitleFilter, find
from ingram_assets.overview.board_watch import BoardState, BoardWatch
from ingram_assets.overview.daemon import daemon_silent_since
from ingram_assets.overview.dagster_view import DagsterView
from ingram_assets.overview.verdict import VerdictKind
from ingram_assets.runtime.instance import dagster_instance
from ingram_assets.staging.reader import QueueReader
from ingram_assets.staging.writer import QueueWriter
from ingram_assets.store.journal import InStep, Journal
from ingram_assets_tests.testing.dagster_internals import DaemonHeartbeat
from ingram_assets_tests.testing.desk import looks
from ingram_assets_tests.testing.queue import Queue, isbn, migrated
from ingram_demo.embedded.medusa import Medusa
from ingram_demo.embedded.postgres import Postgres

pytestmark = pytest.mark.xdist_group("operations")

_numbers = count(1)
ISBNS = [isbn(number) for number in range(1, 5)]


@dataclass
class Watched:
    """Four titles, each tracked, read half an hour ago, imported and in step; and who watches them."""

    queue: Queue
    journal: str
    dagster: str
    lookups: Lookups
    watch: BoardWatch

    def sql(self, database: str, statement: str, *values: object) -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(statement.encode(), values)

    def away(self, postgres: Postgres, database: str, *, gone: bool) -> None:
        """Nobody can use a database any more, or everybody can again."""
        name = database.partition("?")[0].rpartition("/")[2]
        allowed = "false" if gone else "true"
        with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}".encode())
            if gone:
                query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
                connection.execute(query.encode(), [name])


@pytest.fixture
def shop(postgres: Postgres, tmp_path) -> Iterator[Watched]:
    number = next(_numbers)
    queue = migrated(postgres, f"board_queue_{number}")
    journal, dagster = (postgres.create_database(f"board_{what}_{number}") for what in ("journal", "dagster"))
    at = datetime.now(UTC) - timedelta(minutes=30)
    with QueueWriter(queue.writer) as writer:
        writer.add_titles([{"isbn": each, "title": f"Book {each}", "srp_price": "9"} for each in ISBNS])
        stock = {"TN": DcStock(40, 0, "primary")}
        writer.record_stock([{"isbn": each, "observed_at": at, "stock": stock} for each in ISBNS])
    with QueueReader(queue.reader) as reader, Journal(journal) as book:
        rows = reader.row_states()
        reader.mark_imported([row.id for row in rows])
        book.record_in_step(
            [InStep(row.isbn, row.id, row.stock_changed_at, None, datetime.now(UTC)) for row in rows]
        )
    addresses = {
        "QUEUE_DB_URL": queue.reader,
        "DAGSTER_PG_URL": dagster,
        "INGRAM_STATE_DIR": str(tmp_path / "state"),
    }
    lookups, watch = looks("http://127.0.0.1:9", "nobody@example.com", "none", journal, **addresses)
    with dagster_instance(lookups.common) as one:
        one.add_dynamic_partitions(ISBNS_NAME, ISBNS)
    yield Watched(queue, journal, dagster, lookups, watch)
    watch.close()
    lookups.close()
    for name in (f"board_{what}_{number}" for what in ("queue", "journal", "dagster")):
        postgres.drop_database(name)


def is_at_rest(asked: "count[int]") -> bool:
    """Whether nothing is counted for some ticks: each look here takes a number of its own."""
    before = next(asked)
    time.sleep(0.5)
    return next(asked) == before + 1


def steps(state: BoardState) -> list[StoreStep]:
    return [one.step for one in state.titles]


def test_a_shop_in_order(shop: Watched):
    state = shop.watch.refresh()
    assert state.away == []
    assert (state.counts.titles, state.counts.by_status["in_stock"]) == (4, 4)
    assert steps(state) == [StoreStep.IN_STEP] * 4
    assert state.verdict.kind is VerdictKind.NOT_KNOWN, "Medusa is away"
    assert "The store can't be asked: Medusa does not answer." in state.verdict.why
    said = state.dagster.value
    assert said is not None
    assert (said.incidents, said.at_work, said.swept_at, said.sweep_due) == ((), (), None, None)
    assert said.tracked == frozenset(ISBNS)


def test_what_changes_is_seen(shop: Watched):
    first, second, third, fourth = ISBNS
    change = "UPDATE ingram_queue SET stock_changed_at = now() - interval '20 min' WHERE isbn = %s"
    shop.sql(
        shop.journal,
        "UPDATE store_in_step SET stock_changed_at = now() - interval '1 day' WHERE isbn = %s",
        first,
    )
    shop.queue.sql(change, first)
    shop.queue.sql("UPDATE ingram_queue SET failed_reason = 'Refused.' WHERE isbn = %s", second)
    shop.queue.sql(
        "UPDATE ingram_queue SET stock_observed_at = now() - interval '3 h' WHERE isbn = %s", third
    )
    with dagster_instance(shop.lookups.common) as instance:
        instance.add_dynamic_partitions(RETIRED_NAME, [fourth])
        instance.delete_dynamic_partition(ISBNS_NAME, fourth)
    state = shop.watch.refresh()
    step = {one.isbn: one.step for one in state.titles}
    assert step[first] is StoreStep.BEHIND
    assert step[second] is StoreStep.FAILED
    assert step[fourth] is StoreStep.RETIRED
    assert [one.isbn for one in find(state.titles, BoardQuery(trait=TitleFilter.LATE)).titles] == [third]
    assert state.verdict.kept is False
    assert state.oldest
    assert state.oldest.isbn == third
    assert "1 of 3 titles" in state.verdict.why
    assert "1 title was read longer ago than" in state.verdict.why
    assert state.verdict.since
    assert datetime.now(UTC) - state.verdict.since > timedelta(minutes=59)


def test_an_answer_that_came_too_late_is_not_taken_for_todays(shop: Watched, monkeypatch: pytest.MonkeyPatch):
    """Nobody looked at the board meanwhile, for a night perhaps."""
    go, over, titles = threading.Event(), threading.Event(), QueueReader.titles

    def late(reader: QueueReader) -> Sequence[Title]:
        rows = titles(reader)
        go.wait(30)
        over.set()
        return rows

    with monkeypatch.context() as slow:
        slow.setattr(board_watch, "_LOOK_SECONDS", 0.2)
        slow.setattr(QueueReader, "titles", late)
        assert "has not answered in time" in str(shop.watch.refresh().queue.why_not)
    shop.queue.sql("UPDATE ingram_queue SET failed_reason = 'Refused.' WHERE isbn = %s", ISBNS[0])
    go.set()
    assert over.wait(30)
    time.sleep(0.5)
    assert StoreStep.FAILED in steps(shop.watch.refresh())


def test_before_titles_are_judged_nobody_is_told_that_there_are_none(
    shop: Watched, monkeypatch: pytest.MonkeyPatch
):
    """Dagster's database is slow after a start, and the queue has answered already."""
    go, asked = threading.Event(), threading.Event()

    def slow(*_: object) -> None:
        asked.set()
        go.wait(30)
        raise Transient("It was slow.")

    monkeypatch.setattr(DagsterView, "ask", slow)
    monkeypatch.setattr(board_watch, "FIRST_WAIT", 0.1)
    assert shop.watch.state().queue.value is None
    assert asked.wait(30)
    state = shop.watch.state()
    assert (state.queue.value, state.titles) == (None, ())
    go.set()


def test_incidents_that_people_were_told_of(shop: Watched):
    now = datetime.now(UTC).timestamp()
    told = Incident("a", "iPage blocks us", now - 60, now, "Wait.", told=True)
    untold = Incident("b", "It may pass", now - 90, now)
    url = shop.dagster
    with dagster_instance(shop.lookups.common) as instance:
        url = instance.event_log_storage.postgres_url
    AlertTables(url).record(IncidentLog({"a": told, "b": untold}), [], [])
    said = shop.watch.refresh().dagster.value
    assert said is not None
    assert [one.subject for one in said.incidents] == ["iPage blocks us"]


@pytest.mark.parametrize("source", ["queue", "journal"])
def test_a_source_that_goes_away_leaves_what_it_said_with_the_time_of_it(
    shop: Watched, postgres: Postgres, source: str
):
    before = shop.watch.refresh()
    database = shop.queue.owner if source == "queue" else shop.journal
    shop.away(postgres, database, gone=True)
    after = shop.watch.refresh()
    shop.away(postgres, database, gone=False)
    ((name, away),) = after.away
    was = getattr(before, source)
    assert source in name.lower()
    assert (away.value, away.at) == (was.value, was.at)
    assert away.why_not
    assert steps(after) == [StoreStep.IN_STEP] * 4
    assert shop.watch.refresh().away == []


def test_dagster_that_was_never_there_costs_no_title(shop: Watched):
    addresses = {"QUEUE_DB_URL": shop.queue.reader, "INGRAM_STATE_DIR": str(shop.lookups.common.state_dir)}
    lookups, watch = looks("http://127.0.0.1:9", "nobody@example.com", "none", shop.journal, **addresses)
    state = watch.refresh()
    lookups.close()
    assert [name for name, _ in state.away] == ["Dagster"]
    assert state.dagster.value is None
    assert steps(state) == [StoreStep.IN_STEP] * 4


def test_a_store_that_is_away_costs_nothing_but_its_answer(shop: Watched, medusa: Medusa):
    state = shop.watch.refresh()
    assert (state.medusa.at, state.medusa.why_not) == (None, "Medusa does not answer.")
    assert steps(state) == [StoreStep.IN_STEP] * 4
    addresses = {
        "QUEUE_DB_URL": shop.queue.reader,
        "DAGSTER_PG_URL": shop.dagster,
        "INGRAM_STATE_DIR": str(shop.lookups.common.state_dir),
    }
    lookups, watch = looks(medusa.url, medusa.email, medusa.password, shop.journal, **addresses)
    answered = watch.refresh()
    lookups.close()
    assert answered.medusa.at is not None
    assert answered.medusa.why_not is None
    assert (answered.verdict.kind, answered.verdict.kept) == (VerdictKind.KEPT, True)


def test_what_an_undo_left_is_not_in_step(shop: Watched):
    with Journal(shop.journal) as journal:
        journal.put_back(ISBNS[:1])
        state = shop.watch.refresh()
        assert steps(state) == [StoreStep.BEHIND, *[StoreStep.IN_STEP] * 3]
        assert state.titles[0].why == "is as an undo left it"
        assert state.verdict.kind is VerdictKind.UNDONE
        told = journal.in_step()[ISBNS[0]]
        assert told.undone_at is not None
        journal.record_in_step([replace(told, pushed_at=datetime.now(UTC), undone_at=None)])
    assert steps(shop.watch.refresh()) == [StoreStep.IN_STEP] * 4


def test_a_daemon_that_is_frozen_is_known_by_its_heartbeats(shop: Watched):
    with dagster_instance(shop.lookups.common) as instance:
        assert daemon_silent_since(instance, datetime.now(UTC)) is None, "it never was"
        at = datetime.now(UTC) - timedelta(minutes=9)
        instance.add_daemon_heartbeat(DaemonHeartbeat(at.timestamp(), "SENSOR", "one", []))
        said = shop.watch.refresh().dagster.value
        assert said is not None
        assert said.silent_since == at
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SENSOR", "one", []))
        assert daemon_silent_since(instance, datetime.now(UTC)) is None


def test_a_store_that_refuses_us_is_told_with_its_words(shop: Watched, medusa: Medusa):
    lookups, watch = looks(medusa.url, medusa.email, "wrong", shop.journal)
    refused = watch.refresh().medusa
    lookups.close()
    assert refused.at is None
    assert "MEDUSA_PASSWORD" in (refused.why_not or "")


def test_somebody_who_looks_has_it_kept_current_and_nobody_has_nothing_asked(
    shop: Watched, monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., None]
):
    monkeypatch.setattr(board_watch, "TITLES_EVERY", 0.0)
    monkeypatch.setattr(board_watch, "TICK_SECONDS", 0.1)
    monkeypatch.setattr(board_watch, "SHARE", 0)
    asked, ask = count(), QueueReader.titles

    def counted(reader: QueueReader) -> Sequence[Title]:
        next(asked)
        return ask(reader)

    monkeypatch.setattr(QueueReader, "titles", counted)
    eventually(lambda: shop.watch.state().counts.titles == 4)
    shop.queue.sql("UPDATE ingram_queue SET title = 'Another' WHERE isbn = %s", ISBNS[0])
    eventually(lambda: any(one.title == "Another" for one in shop.watch.state().titles))
    monkeypatch.setattr(board_watch, "LOOKED_AT_FOR", 0.0)
    eventually(lambda: is_at_rest(asked))
    monkeypatch.setattr(board_watch, "LOOKED_AT_FOR", 60.0)
    shop.queue.sql("UPDATE ingram_queue SET title = 'A third one' WHERE isbn = %s", ISBNS[0])
    eventually(lambda: any(one.title == "A third one" for one in shop.watch.state().titles))


def test_what_was_done_here_is_seen_without_waiting_for_the_next_look(
    shop: Watched, monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., None]
):
    monkeypatch.setattr(board_watch, "TITLES_EVERY", 10_000.0)
    monkeypatch.setattr(board_watch, "TICK_SECONDS", 10_000.0)
    eventually(lambda: shop.watch.state().counts.titles == 4)
    shop.queue.sql("UPDATE ingram_queue SET title = 'Another' WHERE isbn = %s", ISBNS[0])
    assert all(one.title != "Another" for one in shop.watch.state().titles)
    shop.watch.hurry()
    eventually(lambda: any(one.title == "Another" for one in shop.watch.state().titles))


def test_a_page_never_waits_for_long_for_a_source_that_hangs(shop: Watched, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(board_watch, "FIRST_WAIT", 0.05)
    hangs = threading.Event()
    monkeypatch.setattr(shop.watch, "refresh", lambda **_: hangs.wait(60))
    state = shop.watch.state()
    assert state.titles == ()
    assert not hangs.is_set()
    hangs.set()
