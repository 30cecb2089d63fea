"""Recording stock: what counts as a change, what is kept, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingram_assets.domain.stock import MAX_COUNT, DcStock
from ingram_assets.queue.reader import QueueReader
from ingram_assets.queue.writer import QueueWriter
from ingram_assets_tests.queue.conftest import NOW, Queue, isbn, outcomes, reading, title


def test_each_answer(writer: QueueWriter, reader: QueueReader) -> None:
    writer.add_titles([title(1)])
    assert outcomes(writer.record_stock([reading(1, 410, at=10)])) == ["first"]
    assert outcomes(writer.record_stock([reading(1, 410, at=20)])) == ["unchanged"]
    assert outcomes(writer.record_stock([reading(1, 409, at=30)])) == ["changed"]
    assert outcomes(writer.record_stock([reading(1, 0, at=29)])) == ["stale"]
    assert outcomes(writer.record_stock([reading(2, 5)])) == ["untracked"]

    [row] = reader.titles([isbn(1)])
    assert row.stock == {"TN": DcStock(409, 0, "primary")}
    assert row.stock_observed_at == NOW + timedelta(minutes=30)
    history = reader.history(isbn(1))
    assert [change.stock["TN"].on_hand for change in history if change.stock] == [410, 409]
    assert [change.stock_observed_at - NOW for change in history] == [
        timedelta(minutes=10),
        timedelta(minutes=30),
    ]
    assert history[0].before is None
    assert history[1].before == history[0].stock
    assert row.stock_changed_at == history[1].stock_changed_at


def test_an_unchanged_reading_is_a_newer_one(writer: QueueWriter, reader: QueueReader) -> None:
    writer.add_titles([title(1)])
    writer.record_stock([reading(1, 5, at=1)])
    before = reader.titles([isbn(1)])[0]
    writer.record_stock([reading(1, 5, at=2)])
    after = reader.titles([isbn(1)])[0]
    assert after.stock_observed_at == NOW + timedelta(minutes=2)
    assert after.stock_changed_at == before.stock_changed_at
    assert after.id == before.id


def test_the_same_reading_twice_is_unchanged_and_one_entry(writer: QueueWriter, reader: QueueReader) -> None:
    writer.add_titles([title(1)])
    assert outcomes(writer.record_stock([reading(1, 5)])) == ["first"]
    assert outcomes(writer.record_stock([reading(1, 5)])) == ["unchanged"]
    assert len(reader.history(isbn(1))) == 1


def test_unknown_never_overwrites_known(writer: QueueWriter, reader: QueueReader) -> None:
    writer.add_titles([title(1)])
    writer.record_stock([reading(1, TN=DcStock(7, 8, "primary"), PA=DcStock(3, None, "secondary"))])
    answers = writer.record_stock([reading(1, at=1, TN=DcStock(None, 8, "primary"), IN=DcStock(0, 0))])
    assert outcomes(answers) == ["changed"]  # IN is new
    [row] = reader.titles([isbn(1)])
    assert row.stock == {
        "TN": DcStock(7, 8, "primary"),
        "PA": DcStock(3, None, "secondary"),
        "IN": DcStock(0, 0, "other"),
    }
    assert outcomes(writer.record_stock([reading(1, at=2, PA=DcStock(3, None))])) == ["unchanged"]
    assert outcomes(writer.record_stock([reading(1, at=3, PA=DcStock(None, 12))])) == ["changed"]
    [row] = reader.titles([isbn(1)])
    assert row.stock
    assert row.stock["PA"][:2] == (3, 12)


def test_another_role_of_a_centre_is_kept_but_no_change(writer: QueueWriter, reader: QueueReader) -> None:
    writer.add_titles([title(1)])
    writer.record_stock([reading(1, TN=DcStock(7, 8, "secondary"))])
    assert outcomes(writer.record_stock([reading(1, at=1, TN=DcStock(7, 8, "primary"))])) == ["unchanged"]
    [row] = reader.titles([isbn(1)])
    assert row.stock == {"TN": DcStock(7, 8, "primary")}


def test_readings_of_one_title_in_one_batch_are_judged_in_turn(
    writer: QueueWriter, reader: QueueReader
) -> None:
    writer.add_titles([title(1), title(2)])
    batch = [
        reading(1, 5, at=2),
        reading(2, 1),
        reading(1, 4, at=1),
        reading(1, 6, at=3),
        reading(1, 6, at=4),
    ]
    assert outcomes(writer.record_stock(batch)) == ["first", "first", "stale", "changed", "unchanged"]
    assert [change.stock["TN"].on_hand for change in reader.history(isbn(1)) if change.stock] == [5, 6]


def test_the_row_reads_as_other_programs_of_the_store_expect(queue: Queue, writer: QueueWriter) -> None:
    writer.add_titles([title(1)])
    writer.record_stock([reading(1, TN=DcStock(410, 0, "primary"), PA=DcStock(None, 12, "secondary"))])
    assert queue.sql("SELECT stock_json FROM ingram_queue")[0][0] == {
        "TN": {"type": "primary", "onHand": 410, "onOrder": 0},
        "PA": {"type": "secondary", "onHand": None, "onOrder": 12},
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"stock": {"TN": DcStock(-1, 0)}},
        {"stock": {"TN": DcStock(MAX_COUNT + 1, 0)}},
        {"stock": {"TN": DcStock(0, 10**30)}},
        {"stock": {"TN": DcStock(1.5, 0)}},  # type: ignore[arg-type]
        {"stock": {"TN": DcStock("1", 0)}},  # type: ignore[arg-type]
        {"stock": {"TN": DcStock(True, 0)}},
        {"stock": {"TN": DcStock(float("nan"), 0)}},  # type: ignore[arg-type]
        {"stock": {"TN": DcStock(1, 0, "main")}},  # type: ignore[arg-type]
        {"stock": {"TN": DcStock(None, None)}},
        {"stock": {"Tennessee": DcStock(1, 0)}},
        {"stock": {"tn": DcStock(1, 0)}},
        {"stock": {"": DcStock(1, 0)}},
        {"stock": {}},
        {"stock": None},
        {"stock": [1]},
        {"stock": "{}"},
        {"stock": {"TN": 410}},
        {"observed_at": datetime(2026, 1, 1, 12)},  # noqa: DTZ001
        {"observed_at": "yesterday"},
        {"observed_at": "infinity"},
        {"observed_at": "2026-02-30T12:00:00+00:00"},
        {"observed_at": 1},
        {"observed_at": None},
        {"isbn": isbn(1)[:-1] + str((int(isbn(1)[-1]) + 1) % 10)},
        {"isbn": "'; DROP TABLE ingram_queue; --"},
        {"isbn": None},
        {"isbn": 9780000000002},
        {"price": 1},
    ],
)
def test_a_bad_reading_is_refused_and_the_rest_goes_in(
    writer: QueueWriter, reader: QueueReader, wrong: dict[str, Any]
) -> None:
    writer.add_titles([title(number) for number in (1, 2, 3)])
    writer.record_stock([reading(1, 77)])
    answers = writer.record_stock([reading(2, 5), {**reading(1, 5, at=1), **wrong}, reading(3, 6)])
    assert outcomes(answers) == ["first", "refused", "first"]
    assert answers[1].reason
    assert reader.titles([isbn(1)])[0].stock == {"TN": DcStock(77, 0, "primary")}
    assert len(reader.history(isbn(1))) == 1


def test_a_reading_of_the_future_is_refused(writer: QueueWriter, reader: QueueReader) -> None:
    writer.add_titles([title(1), title(2)])
    now = datetime.now(UTC)
    ahead = {**reading(1, 5), "observed_at": now + timedelta(minutes=10)}
    a_little_ahead = {**reading(2, 5), "observed_at": now + timedelta(minutes=1)}
    refused, first = writer.record_stock([ahead, a_little_ahead])
    assert (refused.outcome, first.outcome) == ("refused", "first")
    assert refused.reason == "observed_at lies in the future: a clock is wrong."
    assert reader.titles([isbn(1)])[0].stock is None


def test_the_largest_count_goes_in(writer: QueueWriter) -> None:
    writer.add_titles([title(1)])
    assert outcomes(writer.record_stock([reading(1, MAX_COUNT)])) == ["first"]


def test_stock_is_recorded_on_the_current_row(queue: Queue, writer: QueueWriter, reader: QueueReader) -> None:
    writer.add_titles([title(1)])
    writer.record_stock([reading(1, 5)])
    reader.mark_imported([row.id for row in reader.rows_to_import()])
    assert outcomes(writer.record_stock([reading(1, 4, at=1)])) == ["changed"]
    assert reader.rows_to_import() == [], "stock alone asks for no import"
    writer.add_titles([title(1, author="Somebody")])
    assert outcomes(writer.record_stock([reading(1, 3, at=2)])) == ["changed"]
    rows = queue.sql("SELECT stock_json->'TN'->'onHand', imported_at IS NULL FROM ingram_queue ORDER BY id")
    assert rows == [(4, False), (3, True)]


def test_pruning_keeps_the_last_entry_of_each_day(
    queue: Queue, writer: QueueWriter, reader: QueueReader
) -> None:
    writer.add_titles([title(1), title(2)])
    midnight = NOW.replace(hour=0, minute=0) - timedelta(days=500)

    def at(day: int, hour: int, number: int, on_hand: int) -> None:
        row = reading(number, on_hand)
        row["observed_at"] = midnight + timedelta(days=day, hours=hour)
        assert writer.record_stock([row])[0].outcome in ("first", "changed")

    for day, hour, on_hand in [
        (0, 1, 1),
        (0, 23, 2),
        (1, 0, 3),
        (1, 5, 4),
        (1, 6, 5),
        (200, 1, 6),
        (200, 2, 7),
    ]:
        at(day, hour, 1, on_hand)
    at(0, 2, 2, 1)
    assert writer.prune_history(400) == 3
    kept = [change.stock["TN"].on_hand for change in reader.history(isbn(1)) if change.stock]
    assert kept == [2, 5, 6, 7]
    assert len(reader.history(isbn(2))) == 1
    assert writer.prune_history(400) == 0
    assert reader.titles([isbn(1)])[0].stock == {"TN": DcStock(7, 0, "primary")}


def test_pruning_leaves_the_last_month_whole(writer: QueueWriter) -> None:
    with pytest.raises(ValueError, match="30 days"):
        writer.prune_history(29)


def test_more_than_one_call_holds(writer: QueueWriter, reader: QueueReader) -> None:
    numbers = range(1, 2502)
    assert outcomes(writer.add_titles([title(number) for number in numbers])) == ["added"] * 2501
    batch = [reading(number, number) for number in numbers]
    batch[1500]["isbn"] = "nonsense"
    answers = writer.record_stock(batch)
    assert [answer.isbn for answer in answers] == [row["isbn"] for row in batch]
    assert [place for place, answer in enumerate(answers) if answer.outcome != "first"] == [1500]
    assert len(reader.titles()) == 2501


counts = st.none() | st.integers(0, 2)
stocks = st.dictionaries(st.sampled_from(["TN", "PA", "IN"]), st.tuples(counts, counts), max_size=3)
readings = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 4), stocks), max_size=6)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(readings, max_size=4))
def test_the_database_judges_as_the_rules_say(
    queue: Queue,
    writer: QueueWriter,
    reader: QueueReader,
    batches: list[list[tuple[int, int, dict[str, tuple[int | None, int | None]]]]],
) -> None:
    """Against a few lines of Python that judge one reading after the other; titles 1 and 2 are tracked."""
    queue.sql("TRUNCATE ingram_queue, ingram_stock_history")
    writer.add_titles([title(1), title(2)])
    known: dict[int, dict[str, tuple[int | None, int | None]]] = {}
    last: dict[int, int] = {}
    changes: list[tuple[int, dict[str, tuple[int | None, int | None]]]] = []

    def judge(number: int, at: int, stock: dict[str, tuple[int | None, int | None]]) -> str:
        if all(pair == (None, None) for pair in stock.values()):
            return "refused"
        if number == 3:
            return "untracked"
        if at < last.get(number, 0):
            return "stale"
        before = known.get(number)
        after = dict(before or {})
        for dc, pair in stock.items():
            old = after.get(dc, (None, None))
            after[dc] = (
                pair[0] if pair[0] is not None else old[0],
                pair[1] if pair[1] is not None else old[1],
            )
        known[number], last[number] = after, at
        if before == after:
            return "unchanged"
        changes.append((number, after))
        return "first" if before is None else "changed"

    for batch in batches:
        expected = [judge(*one) for one in batch]
        sent = [
            {
                "isbn": isbn(number),
                "observed_at": NOW + timedelta(minutes=at),
                "stock": {dc: DcStock(*pair) for dc, pair in stock.items()},
            }
            for number, at, stock in batch
        ]
        assert outcomes(writer.record_stock(sent)) == expected

    seen = reader.changes_since(None).changes
    assert sorted(
        (change.isbn, str(dict(sorted((change.stock or {}).items())))) for change in seen
    ) == sorted(
        (isbn(number), str({dc: DcStock(*pair) for dc, pair in sorted(stock.items())}))
        for number, stock in changes
    )
    for number, stock in known.items():
        [row] = reader.titles([isbn(number)])
        assert row.stock == {dc: DcStock(*pair) for dc, pair in stock.items()}
        assert row.stock_observed_at == NOW + timedelta(minutes=last[number])
