"""What became of titles between two moments, on a real queue."""

from datetime import timedelta

from ingram_assets.domain.stock import DcStock, on_hand
from ingram_assets.staging.reader import QueueReader
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.queue import NOW, Queue, isbn, reading, title

SINCE, UNTIL = NOW - timedelta(days=7), NOW
DAY = timedelta(days=1)


def moved(queue: Queue, writer: QueueWriter, number: int, on_hand: int | None, at: timedelta) -> None:
    """A change of stock, written down so long after the first moment."""
    centers = {} if on_hand is not None else {"centers": {"TN": DcStock(None, 4, "primary")}}
    (minutes,) = [at / timedelta(minutes=1) - 7 * 24 * 60]
    writer.record_stock([reading(number, on_hand, at=minutes, **centers.get("centers", {}))])
    queue.sql(
        "UPDATE ingram_stock_history SET stock_changed_at = %s WHERE id = "
        "(SELECT max(id) FROM ingram_stock_history WHERE isbn = %s)",
        SINCE + at,
        isbn(number),
    )


def test_titles_that_came(queue: Queue, writer: QueueWriter, reader: QueueReader):
    writer.add_titles([title(number) for number in range(4)])
    for number, days in enumerate((-1, 0, 6, 7)):
        queue.sql(
            "UPDATE ingram_queue SET created_at = %s WHERE isbn = %s",
            (SINCE + days * DAY).replace(tzinfo=None),
            isbn(number),
        )
    # One that was there before, and whose details changed since.
    reader.mark_imported([row.id for row in reader.row_states()])
    writer.add_titles([title(0, author="Another")])
    assert reader.came_between(SINCE, UNTIL) == [(isbn(1), "Title 1"), (isbn(2), "Title 2")]


def test_stock_when_it_began_and_when_it_ended(queue: Queue, writer: QueueWriter, reader: QueueReader):
    writer.add_titles([title(number) for number in range(4)])
    assert reader.stock_moves(SINCE, UNTIL) is None, "nothing was read yet"
    moved(queue, writer, 0, 5, DAY)
    assert reader.stock_moves(SINCE, UNTIL) is None, "what was there when it began is not known"
    moved(queue, writer, 1, 7, -DAY)
    moved(queue, writer, 1, 3, DAY)
    moved(queue, writer, 1, 0, 2 * DAY)
    moved(queue, writer, 2, 1, -DAY)
    moved(queue, writer, 3, 0, -2 * DAY)
    moved(queue, writer, 3, 9, 8 * DAY)
    found = reader.stock_moves(SINCE, UNTIL)
    assert found is not None
    assert [(one.isbn, one.title, on_hand(one.before), on_hand(one.after)) for one in found] == [
        (isbn(0), "Title 0", None, 5),
        (isbn(1), "Title 1", 7, 0),
    ]
