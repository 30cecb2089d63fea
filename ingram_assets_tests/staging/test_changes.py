"""Following the cursor: every change once, in order, whoever writes meanwhile; rows to import; figures."""

import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from ingram_assets.domain.failures import Permanent
from ingram_assets.domain.stock import DcStock
from ingram_assets.staging.reader import Page, QueueReader, StockChange
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.queue import NOW, Queue, isbn, outcomes, reading, title

WRITERS, ROUNDS, TITLES = 8, 12, 30


def follow(reader: QueueReader, cursor: str | None, limit: int) -> tuple[list[StockChange], str | None]:
    """All that is there after the cursor, page by page."""
    seen: list[StockChange] = []
    while (page := reader.changes_since(cursor, limit)).changes:
        assert len(page.changes) <= limit
        assert not {change.id for change in page.changes} & {change.id for change in seen}, "a change twice"
        seen += page.changes
        cursor = page.cursor
    assert page.cursor == cursor
    return seen, cursor


def test_eight_writers_with_overlapping_batches_and_a_reader(
    queue: Queue, writer: QueueWriter, reader: QueueReader
) -> None:
    writer.add_titles([title(number) for number in range(TITLES)])
    at_work = threading.Event()
    at_work.set()

    def write(who: int) -> Counter[str]:
        chance = random.Random(who)
        told: Counter[str] = Counter()
        # Half of them end their transaction late, as over a slow network.
        late = who % 2 == 1
        with QueueWriter(queue.writer) as mine, holding_back(mine, late):
            for turn in range(ROUNDS):
                batch = [
                    reading(number, chance.randrange(4), at=turn + chance.random())
                    for number in chance.choices(range(TITLES), k=12)
                ]
                told.update(outcomes(mine.record_stock(batch)))
                if turn % 4 == 0:
                    mine.add_titles([title(chance.randrange(TITLES), author=str(chance.randrange(3)))])
        return told

    def read() -> list[StockChange]:
        seen: list[StockChange] = []
        cursor = None
        while at_work.is_set():
            more, cursor = follow(reader, cursor, 7)
            seen += more
            reader.mark_imported([row.id for row in reader.rows_to_import()])
        return seen + follow(reader, cursor, 7)[0]

    with ThreadPoolExecutor(WRITERS + 1) as threads:
        following = threads.submit(read)
        try:
            told = sum(threads.map(write, range(WRITERS)), Counter[str]())
        finally:
            at_work.clear()
        seen = following.result()

    history = queue.sql(
        "SELECT id, isbn, stock_observed_at, stock_json FROM ingram_stock_history ORDER BY id"
    )
    assert told["first"] == TITLES
    assert told["first"] + told["changed"] == len(history)
    assert set(told) == {"first", "changed", "unchanged", "stale"}
    assert [change.id for change in seen] == [row[0] for row in history], "every change once, in order"
    assert seen == sorted(seen, key=lambda change: (change.stock_changed_at, change.id))

    current = {row.isbn: row for row in reader.titles()}
    assert len(current) == TITLES
    for number in range(TITLES):
        mine = [change for change in seen if change.isbn == isbn(number)]
        times = [change.stock_observed_at for change in mine]
        assert times == sorted(times), "an older reading is nowhere behind a newer one"
        assert [change.before for change in mine] == [None, *(change.stock for change in mine[:-1])]
        assert all(change.stock != change.before for change in mine)
        assert current[isbn(number)].stock == mine[-1].stock
        assert current[isbn(number)].stock_changed_at == mine[-1].stock_changed_at


@contextmanager
def holding_back(writer: QueueWriter, late: bool) -> Iterator[None]:
    """Makes each call of this writer commit 10 ms after the function returned."""
    run = writer.run

    def slowly(doing, work):  # type: ignore[no-untyped-def]
        def and_wait(connection: psycopg.Connection):  # type: ignore[no-untyped-def]
            with connection.transaction():
                answer = work(connection)
                connection.execute("SELECT pg_sleep(0.01)")
                return answer

        return run(doing, and_wait)

    if late:
        writer.run = slowly  # type: ignore[method-assign]
    yield


def test_a_change_that_commits_late_is_not_overtaken(
    queue: Queue, writer: QueueWriter, reader: QueueReader
) -> None:
    writer.add_titles([title(1), title(2)])
    with psycopg.connect(queue.writer) as slow, ThreadPoolExecutor(1) as threads:
        stock = {"TN": {"onHand": 1}}
        batch = json.dumps([{"isbn": isbn(1), "observed_at": NOW.isoformat(), "stock": stock}])
        assert slow.execute("SELECT outcome FROM ingram_record_stock(%s)", [batch]).fetchone() == ("first",)
        second = threads.submit(writer.record_stock, [reading(2, 2)])
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'transactionid'"
        while not queue.sql(waiting)[0][0]:
            assert not second.done(), "the second writer did not wait for the first"
        assert reader.changes_since(None).changes == ()
        slow.commit()
        assert outcomes(second.result()) == ["first"]
    assert [change.isbn for change in follow(reader, None, 1)[0]] == [isbn(1), isbn(2)]


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_a_change_is_not_shown_again_after_its_own_cursor(
    writer: QueueWriter, reader: QueueReader, limit: int
) -> None:
    writer.add_titles([title(1), title(2), title(3)])
    writer.record_stock([reading(1), reading(2)])
    writer.record_stock([reading(3)])
    cursor, shown = None, []
    for _ in range(3):
        page = reader.changes_since(cursor, limit)
        shown += [change.isbn for change in page.changes]
        cursor = page.cursor
    assert shown == [isbn(1), isbn(2), isbn(3)]
    assert reader.changes_since(cursor, limit) == Page((), cursor)


def test_changes_with_one_stamp_are_paged_by_id(writer: QueueWriter, reader: QueueReader) -> None:
    writer.add_titles([title(number) for number in range(10)])
    writer.record_stock([reading(number) for number in range(10)])
    seen, cursor = follow(reader, None, 3)
    assert [change.isbn for change in seen] == [isbn(number) for number in range(10)]
    assert len({change.stock_changed_at for change in seen}) == 1
    writer.record_stock([reading(4, 9, at=1)])
    assert [change.isbn for change in reader.changes_since(cursor).changes] == [isbn(4)]


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_changes_up_to_a_place(writer: QueueWriter, reader: QueueReader, limit: int) -> None:
    writer.add_titles([title(number) for number in range(6)])
    writer.record_stock([reading(number) for number in range(4)])
    until = reader.changes_since(None, 3).cursor
    writer.record_stock([reading(5)])
    shown, cursor = [], None
    while cursor != until:
        page = reader.changes_since(cursor, limit, until)
        shown += [change.isbn for change in page.changes]
        cursor = page.cursor
    assert shown == [isbn(0), isbn(1), isbn(2)]
    assert reader.changes_since(until, limit, until) == Page((), until)


def test_a_clock_that_was_set_back_reorders_nothing(
    queue: Queue, writer: QueueWriter, reader: QueueReader
) -> None:
    writer.add_titles([title(1), title(2)])
    writer.record_stock([reading(1)])
    queue.sql("UPDATE ingram_stock_history SET stock_changed_at = now() + interval '1 hour'")
    _, cursor = follow(reader, None, 10)
    writer.record_stock([reading(2)])
    assert [change.isbn for change in reader.changes_since(cursor).changes] == [isbn(2)]


def test_a_title_that_changed_twice_is_two_changes_and_one_row(
    writer: QueueWriter, reader: QueueReader
) -> None:
    writer.add_titles([title(1), title(2)])
    writer.record_stock([reading(1, 1), reading(2, 1), reading(1, 2, at=1)])
    page = reader.changes_since(None)
    assert [change.isbn for change in page.changes] == [isbn(1), isbn(2), isbn(1)]
    rows = reader.titles([change.isbn for change in page.changes])
    assert [row.isbn for row in rows] == [isbn(1), isbn(2)]
    assert rows[0].stock == {"TN": DcStock(2, 0, "primary")}
    assert page.cursor
    assert len(page.cursor) < 60


@pytest.mark.parametrize("cursor", ["", "x", "2026-01-01/5", "2026-01-01T00:00:00+00:00/x", "/", "1/2/3"])
def test_a_cursor_that_is_none_is_named(reader: QueueReader, cursor: str) -> None:
    with pytest.raises(Permanent, match="no cursor"):
        reader.changes_since(cursor)


def test_rows_to_import_in_pages(writer: QueueWriter, reader: QueueReader) -> None:
    writer.add_titles([title(number) for number in range(7)])
    first = reader.rows_to_import(limit=3)
    second = reader.rows_to_import(limit=3, after=first[-1].id)
    third = reader.rows_to_import(limit=3, after=second[-1].id)
    assert [row.isbn for row in [*first, *second, *third]] == [isbn(number) for number in range(7)]
    reader.mark_failed({first[0].id: "no such category"})
    marked = reader.mark_imported([first[0].id, first[1].id, 10**6])
    assert marked == {first[0].id, first[1].id}
    assert reader.titles([isbn(0)])[0].failed_reason is None, "an import that came through clears the reason"
    imported_at = reader.titles([isbn(0)])[0].imported_at
    assert imported_at is not None
    assert abs(imported_at - datetime.now(UTC)) < timedelta(hours=1), "in UTC"


def test_an_import_that_is_being_marked_is_waited_for(
    queue: Queue, writer: QueueWriter, reader: QueueReader
) -> None:
    """Else new details would land in a row that is imported a moment later, and never reach the store."""
    writer.add_titles([title(1)])
    with psycopg.connect(queue.reader) as importer, ThreadPoolExecutor(1) as threads:
        importer.execute("UPDATE ingram_queue SET imported_at = now()")
        refresh = threads.submit(writer.add_titles, [title(1, author="New")])
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'transactionid'"
        while not queue.sql(waiting)[0][0]:
            assert not refresh.done(), "the writer did not wait for the importer"
        importer.commit()
        assert outcomes(refresh.result()) == ["refreshed"]
    assert [row.author for row in reader.rows_to_import()] == ["New"]


def test_figures(queue: Queue, writer: QueueWriter, reader: QueueReader) -> None:
    empty = reader.summary()
    assert (empty.titles, empty.oldest_reading, empty.oldest_reading_isbn) == (0, None, None)
    writer.add_titles([title(number) for number in range(5)])
    writer.record_stock([reading(1, at=2), reading(2, at=1), reading(3, at=3)])
    rows = reader.rows_to_import()
    reader.mark_imported([rows[0].id])
    reader.mark_failed({rows[1].id: "no category"})
    writer.add_titles([title(0, author="New")])
    writer.record_unread(
        [{"isbn": isbn(4), "observed_at": NOW, "outcome": "no_stock_table", "reason": "No table."}]
    )
    summary = reader.summary()
    assert (summary.titles, summary.to_import, summary.never_read) == (5, 4, 2)
    assert (summary.failed, summary.unread) == (1, 1)
    assert [one.outcome for one in summary.unread_titles] == ["no_stock_table"]
    assert [(one.isbn, one.title, one.reason) for one in summary.failed_titles] == [
        (isbn(1), "Title 1", "no category")
    ]
    assert [(one.isbn, one.outcome, one.since) for one in summary.unread_titles] == [
        (isbn(4), "no_stock_table", NOW)
    ]
    assert reader.unread(isbn(4)) == summary.unread_titles[0]
    assert reader.unread(isbn(1)) is None
    assert (summary.oldest_reading, summary.oldest_reading_isbn) == (NOW + timedelta(minutes=1), isbn(2))


def test_what_another_program_wrote_badly_is_unknown_and_not_zero(
    queue: Queue, writer: QueueWriter, reader: QueueReader
) -> None:
    writer.add_titles([title(number) for number in range(5)])
    for number, junk in enumerate(
        ['"x"', "[1]", '{"TN": 5}', '{"TN": {"onHand": -3}}', '{"TN": {"onHand": 4}, "total": {"onHand": 4}}']
    ):
        queue.sql("UPDATE ingram_queue SET stock_json = %s WHERE isbn = %s", junk, isbn(number))
    no_count = {"TN": DcStock(None, None)}
    assert [row.stock for row in reader.titles()] == [
        None,
        None,
        no_count,
        no_count,
        {"TN": DcStock(4, None)},
    ]
    answers = outcomes(writer.record_stock([reading(number, 7) for number in range(5)]))
    assert answers == ["first", "first", "changed", "changed", "changed"]
    assert [row.stock for row in reader.titles()] == [{"TN": DcStock(7, 0, "primary")}] * 5


def test_dates_as_other_programs_wrote_them(queue: Queue, writer: QueueWriter, reader: QueueReader) -> None:
    texts = {
        "2027-02-03": date(2027, 2, 3),
        "02/03/2027": date(2027, 2, 3),
        " 2/3/2027 ": date(2027, 2, 3),
        "2027-02-03T00:00:00.000Z": date(2027, 2, 3),
        "2027-02-03 23:59:59-06:00": date(2027, 2, 3),
        "2027-02-30": None,
        "13/02/2027": None,
        "Spring 2027": None,
        "": None,
        "  ": None,
    }
    writer.add_titles([title(number) for number in range(len(texts))])
    for number, text in enumerate(texts):
        queue.sql("UPDATE ingram_queue SET publication_date = %s WHERE isbn = %s", text, isbn(number))
    assert [row.publication_date for row in reader.titles()] == list(texts.values())


def test_isbns_that_are_not_there(reader: QueueReader) -> None:
    assert reader.titles([isbn(1), "nonsense", ""]) == []
    assert reader.titles([]) == []
    assert reader.history(isbn(1)) == []
    assert reader.mark_failed({}) == set()
    assert reader.mark_imported([]) == set()
