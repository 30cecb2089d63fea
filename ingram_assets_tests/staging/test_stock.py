"""Recording stock: what counts as a change, what is kept, and what is refused."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.failures import Permanent
from ingram_assets.domain.readings import KnownStock
from ingram_assets.domain.restrictions import Restriction
from ingram_assets.domain.stock import MAX_COUNT, UNSEEN, DcStock
from ingram_assets.domain.title import Title
from ingram_assets.staging.reader import QueueReader
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.queue import NOW, Queue, isbn, outcomes, reading, title
from ingram_assets_tests.testing.readings import StockReading, merge


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
        UNSEEN: DcStock(None, None),  # no reading was complete
    }
    assert outcomes(writer.record_stock([reading(1, at=2, PA=DcStock(3, None))])) == ["unchanged"]
    assert outcomes(writer.record_stock([reading(1, at=3, PA=DcStock(None, 12))])) == ["changed"]
    [row] = reader.titles([isbn(1)])
    assert row.stock
    assert row.stock["PA"][:2] == (3, 12)


def test_another_role_of_a_center_is_kept_but_no_change(writer: QueueWriter, reader: QueueReader) -> None:
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
    read_at = NOW.isoformat()
    assert queue.sql("SELECT stock_json FROM ingram_queue")[0][0] == {
        "TN": {"type": "primary", "onHand": 410, "onOrder": 0, "readAt": read_at},
        "PA": {"type": "secondary", "onHand": None, "onOrder": 12, "readAt": None, "orderReadAt": read_at},
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
    with pytest.raises(Permanent, match="30 days"):
        writer.prune_history(29)


@pytest.mark.parametrize("days", [29, 1, 0, -1, -400, None])
def test_the_writers_role_can_not_prune_the_last_month_by_itself(
    queue: Queue, writer: QueueWriter, days: int | None
) -> None:
    """Whoever stole its password calls the function, not our method."""
    writer.add_titles([title(1)])
    writer.record_stock([reading(1, 1), reading(1, 2, at=0.5), reading(1, 3, at=1)])
    with psycopg.connect(queue.writer, autocommit=True) as thief:
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="30 days"):
            thief.execute("SELECT public.ingram_prune_history(%s)", [days])
        assert thief.execute("SELECT public.ingram_prune_history(30)").fetchone() == (0,)
    assert queue.sql("SELECT count(*) FROM ingram_stock_history") == [(3,)]


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
readings = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 6), st.booleans(), stocks), max_size=6)


def _counts(known: KnownStock) -> dict[str, DcStock]:
    return {dc: center.counts for dc, center in known.counted.items()}


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(readings, max_size=4))
def test_the_database_merges_as_the_rules_say(
    queue: Queue,
    writer: QueueWriter,
    reader: QueueReader,
    batches: list[list[tuple[int, int, bool, dict[str, tuple[int | None, int | None]]]]],
) -> None:
    """Against `domain.readings.merge`, one reading after the other; titles 1 and 2 are tracked."""
    queue.sql("TRUNCATE ingram_queue, ingram_stock_history")
    writer.add_titles([title(1), title(2)])
    known: dict[int, KnownStock] = {}
    last: dict[int, datetime] = {}
    changes: list[tuple[str, dict[str, DcStock]]] = []

    def judge(number: int, one: StockReading) -> str:
        if all(pair[:2] == (None, None) for pair in one.counts.values()):
            return "refused"
        if number == 3:
            return "untracked"
        before = known.get(number)
        known[number] = after = merge(before or KnownStock(), one)
        newest, last[number] = last.get(number), max(one.read_at, last.get(number, one.read_at))
        said_before = before and (_counts(before), bool(before.completed))
        if said_before != (_counts(after), bool(after.completed)):
            changes.append((isbn(number), _counts(after)))
            return "first" if before is None else "changed"
        return "stale" if newest and one.read_at < newest else "unchanged"

    for batch in batches:
        given = [
            StockReading(
                isbn(number),
                "ipage",
                NOW + timedelta(minutes=at),
                complete,
                {dc: DcStock(*pair) for dc, pair in stock.items()},
            )
            for number, at, complete, stock in batch
        ]
        expected = [judge(number, one) for (number, *_), one in zip(batch, given, strict=True)]
        answers = writer.record_stock(
            [
                {"isbn": one.isbn, "observed_at": one.read_at, "stock": one.counts, "complete": one.complete}
                for one in given
            ]
        )
        assert outcomes(answers) == expected
        lasts = {answer.isbn: answer.merged for answer in answers if answer.merged}
        assert lasts == {isbn(number): known[number] for number in known if isbn(number) in lasts}

    seen = [(change.isbn, change.stock) for change in reader.changes_since(None).changes]
    for number in known:  # one batch writes titles in an order of its own
        assert [one for one in seen if one[0] == isbn(number)] == [
            one for one in changes if one[0] == isbn(number)
        ]
    for number, one in known.items():
        [row] = reader.titles([isbn(number)])
        assert row.known == one
        assert row.stock == one.stock
        assert row.stock_observed_at == last[number]


def test_a_count_keeps_its_own_time(queue: Queue, writer: QueueWriter, reader: QueueReader) -> None:
    writer.add_titles([title(1)])
    writer.record_stock([reading(1, at=1, TN=DcStock(4, 0, "primary"), CA=DcStock(9, 2))])
    writer.record_stock([reading(1, at=5, TN=DcStock(3, None, "primary")) | {"complete": False}])
    at = {minute: (NOW + timedelta(minutes=minute)).isoformat() for minute in (1, 5)}
    assert queue.sql("SELECT stock_json, stock_source FROM ingram_queue")[0] == (
        {
            "TN": {"type": "primary", "onHand": 3, "onOrder": 0, "readAt": at[5], "orderReadAt": at[1]},
            "CA": {"type": "other", "onHand": 9, "onOrder": 2, "readAt": at[1]},
        },
        "ipage",
    )
    [row] = reader.titles([isbn(1)])
    assert row.known
    assert {dc: center.on_hand_at for dc, center in row.known.centers.items()} == {
        "TN": NOW + timedelta(minutes=5),
        "CA": NOW + timedelta(minutes=1),
    }


def test_a_center_that_three_complete_readings_do_not_show_is_counted_no_longer(
    queue: Queue, writer: QueueWriter, reader: QueueReader
) -> None:
    writer.add_titles([title(1)])
    writer.record_stock([reading(1, TN=DcStock(3, 0, "primary"), CA=DcStock(500, 1))])
    gone = {dc: DcStock(0, 0) for dc in ("TN", "PA")}
    partly = [reading(1, at=minute, **gone) | {"complete": False} for minute in range(1, 9)]
    assert set(outcomes(writer.record_stock(partly))) == {"changed", "unchanged"}
    assert (
        outcomes(writer.record_stock([reading(1, at=10, **gone), reading(1, at=11, **gone)]))
        == ["unchanged"] * 2
    )
    [row] = reader.titles([isbn(1)])
    assert row.stock
    assert row.stock["CA"].on_hand == 500
    [third] = writer.record_stock([reading(1, at=12, **gone)])
    assert third.outcome == "changed"
    [row] = reader.titles([isbn(1)])
    assert row.known
    assert row.stock == {"TN": DcStock(0, 0), "PA": DcStock(0, 0)}
    assert {dc: center.counts.on_hand for dc, center in row.known.gone.items()} == {"CA": 500}
    assert row.known == third.merged
    ((told,),) = queue.sql("SELECT stock_json FROM ingram_queue")
    assert told.keys() == {"PA", "TN"}, "other programs see it gone"
    assert reader.changes_since(None).changes[-1].stock == row.stock, "the store hears of it"
    [back] = writer.record_stock([reading(1, at=13, **gone, CA=DcStock(2, 0))])
    assert back.merged
    assert back.merged.stock == {**gone, "CA": DcStock(2, 0)}


def test_zeros_of_a_title_that_was_never_read_whole_are_no_zero(
    writer: QueueWriter, reader: QueueReader
) -> None:
    writer.add_titles([title(1)])
    assert outcomes(writer.record_stock([reading(1, 0) | {"complete": False}])) == ["first"]
    [row] = reader.titles([isbn(1)])
    assert stock_rules.on_hand(row.stock) is None
    assert outcomes(writer.record_stock([reading(1, 0, at=1)])) == ["changed"], "the store hears of it"
    [row] = reader.titles([isbn(1)])
    assert stock_rules.on_hand(row.stock) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"complete": "yes"},
        {"complete": 1},
        {"source": 5},
        {"source": "x" * 51},
        {"details": []},
        {"details": "OP"},
        {"details": None},
    ],
)
def test_how_a_reading_was_made_is_looked_at(writer: QueueWriter, wrong: dict[str, Any]) -> None:
    writer.add_titles([title(1)])
    assert outcomes(writer.record_stock([reading(1, 5) | wrong])) == ["refused"]


PAGE: dict[str, Any] = {
    "publication_date": date(2027, 2, 3),
    "srp_price": Decimal("18.99"),
    "publisher_status": "Not Yet Published",
    "restrictions": [],
}
"""What a page says beside its stock."""


@pytest.fixture
def in_store(writer: QueueWriter, reader: QueueReader) -> Title:
    """A title that was read and imported: what the page says of it is known."""
    writer.add_titles([title(1, **PAGE, description="What it is about.")])
    assert outcomes(writer.record_stock([reading(1, 5)])) == ["first"]
    reader.mark_imported([row.id for row in reader.rows_to_import()])
    assert reader.rows_to_import() == []
    return reader.titles()[0]


@pytest.mark.parametrize(
    ("name", "now", "known"),
    [
        ("publication_date", date(2027, 3, 10), date(2027, 3, 10)),
        ("srp_price", Decimal("21.00"), Decimal("21.00")),
        ("publisher_status", "Out of Print", "Out of Print"),
        ("restrictions", ["not_returnable"], (Restriction.NOT_RETURNABLE,)),
    ],
)
@pytest.mark.parametrize("on_hand", [5, 6])
def test_what_a_reading_says_beside_its_stock_is_to_be_pushed(
    writer: QueueWriter, reader: QueueReader, in_store: Title, name: str, now: Any, known: Any, on_hand: int
) -> None:
    reading_ = {**reading(1, on_hand, at=1), "details": {**PAGE, name: now}}
    [answer] = writer.record_stock([reading_])
    assert (answer.outcome, answer.details) == ("unchanged" if on_hand == 5 else "changed", "refreshed")
    [row] = reader.rows_to_import()
    assert getattr(row, name) == known
    assert (row.description, row.wanted_at) == (in_store.description, in_store.wanted_at)
    assert row.stock == {"TN": DcStock(on_hand, 0, "primary")}
    assert row.stock_observed_at == reading_["observed_at"]
    [again] = writer.record_stock([{**reading_, "observed_at": NOW + timedelta(minutes=2)}])
    assert (again.outcome, again.details) == ("unchanged", None)


@pytest.mark.parametrize(
    "details",
    [
        PAGE,
        {},
        {"publication_date": None, "srp_price": None},
        {"srp_price": "0.00", "publisher_status": " "},
        {"srp_price": "18.990"},
    ],
)
def test_a_page_that_says_nothing_new_changes_nothing(
    queue: Queue, writer: QueueWriter, reader: QueueReader, in_store: Title, details: Any
) -> None:
    before = queue.sql("SELECT text_bytes FROM ingram_limits")
    [answer] = writer.record_stock([{**reading(1, 5, at=1), "details": details}])
    assert (answer.outcome, answer.details, answer.details_reason) == ("unchanged", None, None)
    assert reader.rows_to_import() == []
    assert queue.sql("SELECT text_bytes FROM ingram_limits") == before


def test_an_older_page_takes_back_no_newer_ones_details(
    writer: QueueWriter, reader: QueueReader, in_store: Title
) -> None:
    late = {**reading(1, 4, at=-1), "details": {**PAGE, "srp_price": "9.99"}}
    [answer] = writer.record_stock([late])
    assert (answer.outcome, answer.details) == ("stale", None)
    [row] = reader.titles()
    assert (row.id, row.srp_price, row.stock) == (in_store.id, in_store.srp_price, in_store.stock)


def test_details_that_are_refused_cost_no_reading(
    writer: QueueWriter, reader: QueueReader, in_store: Title
) -> None:
    wrong = {**reading(1, 4, at=1), "details": {**PAGE, "srp_price": "20000.01", "publisher_status": "OP"}}
    [answer] = writer.record_stock([wrong])
    assert (answer.outcome, answer.details) == ("changed", "refused")
    assert "no book costs" in (answer.details_reason or "")
    [row] = reader.titles()
    assert (row.id, row.srp_price, row.publisher_status) == (
        in_store.id,
        PAGE["srp_price"],
        "Not Yet Published",
    )
    assert row.stock == {"TN": DcStock(4, 0, "primary")}


def test_details_of_one_title_twice_in_a_batch_are_judged_in_turn(
    writer: QueueWriter, reader: QueueReader, in_store: Title
) -> None:
    other = {**reading(1, 5, at=1), "details": {**PAGE, "srp_price": "9.99"}}
    back = {**reading(1, 5, at=2), "details": PAGE}
    untracked = {**reading(2, 5, at=2), "details": PAGE}
    assert [one.details for one in writer.record_stock([other, back, untracked])] == ["refreshed"] * 2 + [
        None
    ]
    assert [row.srp_price for row in reader.titles()] == [PAGE["srp_price"]]
