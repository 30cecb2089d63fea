"""Adding and refreshing titles, covers, and pages that could not be read: one current row per ISBN."""

import re
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingram_assets.domain.restrictions import Restriction
from ingram_assets.domain.stock import DcStock
from ingram_assets.domain.title import Contributor
from ingram_assets.staging.reader import QueueReader
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.queue import NOW, Queue, isbn, outcomes, reading, title

DETAILS: dict[str, Any] = {
    "isbn": "978-1-250-31318-8",
    "title": "The “Long” Way's End; or: '; DROP TABLE ingram_queue; --",
    "author": "Søren Ælf; 李",
    "publisher": "Tor",
    "publication_date": date(2027, 2, 3),
    "binding": "Hardcover",
    "page_count": 496,
    "srp_price": Decimal("29.99"),
    "weight": 1.25,
    "category_hint": "Fiction | Fantasy | Epic",
    "description": 'He said: "no".\nThen left.',
    "series": "The Lot #2",
    "contributors": [{"name": "Søren Ælf", "role": "Author"}, {"name": "李", "role": None}, "Third"],
    "bisac": ["Fiction | Fantasy | Epic"],
    "publisher_status": "NY",
    "restrictions": (Restriction.RESTRICTED, Restriction.NOT_RETURNABLE, "For sale only in Canada."),
}


def test_what_goes_in_comes_out(writer: QueueWriter, reader: QueueReader) -> None:
    [answer] = writer.add_titles([DETAILS])
    assert (answer.isbn, answer.outcome, answer.reason) == ("9781250313188", "added", None)
    [row] = reader.titles(["9781250313188"])
    for name, value in DETAILS.items():
        if name not in ("isbn", "contributors", "bisac", "weight"):
            assert getattr(row, name) == value
    assert row.weight == Decimal("1.25")
    assert row.contributors == (
        Contributor("Søren Ælf", "Author"),
        Contributor("李", None),
        Contributor("Third", None),
    )
    assert row.bisac == ("Fiction | Fantasy | Epic",)
    assert row.imported_at is None
    assert row.stock is None
    assert row.created_at is not None
    assert abs(row.created_at - NOW - timedelta(days=1)) < timedelta(hours=1), "in UTC"
    assert outcomes(writer.add_titles([DETAILS])) == ["unchanged"]


def test_rows_of_another_program_cost_no_other(queue: Queue, reader: QueueReader) -> None:
    """Whatever the columns take: each is offered, and what of it is none is not known."""
    deep = "[" * 2_000 + "]" * 2_000
    stocks = ["[]", '"410"', "410", "true", "{}", '{"TN": 410, "total": {"onHand": 9}}', deep]
    stocks += ['{"TN": {"onHand": -3}, "PA": {"onHand": 1e9000, "onOrder": 7}, "OR": {"onHand": 2}}']
    for number, stock in enumerate(stocks):
        queue.sql(
            "INSERT INTO ingram_queue (isbn, title, stock_json) VALUES (%s, 'A', %s::jsonb)",
            isbn(number),
            stock,
        )
    dates = ["Spring 2027", "0000-00-00", "99999-01-01", "2027-02-30", "", "x" * 65_536]
    for number, text in enumerate(dates, start=100):
        queue.sql(
            "INSERT INTO ingram_queue (isbn, title, publication_date) VALUES (%s, '', %s)", isbn(number), text
        )
    queue.sql(
        "INSERT INTO ingram_queue (isbn, title, srp_price, weight, created_at, contributors, bisac,"
        " stock_observed_at, stock_changed_at) VALUES (%s, 'A', 'NaN', 'NaN', 'infinity', '5', '\"F\"',"
        " '-infinity', '9999-12-31 23:59:59-12'), (%s, 'A', 0, 0, '20000-01-01',"
        ' \'[1, {"role": "Author"}, {"name": "B", "role": 2}]\', \'[null, "F"]\', now(), now())',
        isbn(200),
        isbn(201),
    )
    queue.sql("ALTER TABLE ingram_queue ADD COLUMN IF NOT EXISTS of_another_program TEXT")
    try:
        for rows in (reader.titles(), reader.rows_to_import(1_000)):
            found = {row.isbn: row for row in rows}
            assert len(found) == len(stocks) + len(dates) + 2
            unknown = [found[isbn(number)].stock for number in range(len(stocks) - 1)]
            assert unknown == [None] * 5 + [{"TN": DcStock(None, None)}] + [None]
            partly = found[isbn(len(stocks) - 1)].stock
            assert partly == {"TN": DcStock(None, None), "PA": DcStock(None, 7), "OR": DcStock(2, None)}
            assert [found[isbn(number)].publication_date for number in range(100, 106)] == [None] * 6
            nan, odd = found[isbn(200)], found[isbn(201)]
            assert (nan.created_at, nan.stock_observed_at, nan.stock_changed_at) == (None, None, None)
            assert (nan.contributors, nan.bisac, odd.created_at) == ((), (), None)
            assert (odd.contributors, odd.bisac) == ((Contributor("B", None),), ("F",))
        assert reader.summary().titles == len(found)
    finally:
        queue.sql("ALTER TABLE ingram_queue DROP COLUMN of_another_program")


def test_what_is_not_known_leaves_what_is(writer: QueueWriter, reader: QueueReader) -> None:
    writer.add_titles([DETAILS])
    poor = {
        "isbn": "9781250313188",
        "author": None,
        "publisher": "",
        "series": "  ",
        "bisac": [],
        "weight": None,
    }
    assert outcomes(writer.add_titles([poor])) == ["unchanged"]
    nothing = {"srp_price": float("nan"), "page_count": 0, "weight": "0.00"}
    assert outcomes(writer.add_titles([{**poor, **nothing}, {**poor, "srp_price": 0}])) == ["unchanged"] * 2
    assert outcomes(writer.add_titles([{"isbn": poor["isbn"], "srp_price": "31.00"}])) == ["refreshed"]
    [row] = reader.titles()
    assert (row.author, row.srp_price, row.title) == (DETAILS["author"], Decimal("31.00"), DETAILS["title"])


def test_a_page_that_shows_no_restriction_takes_it_away(writer: QueueWriter, reader: QueueReader) -> None:
    writer.add_titles([title(1, restrictions=["not_returnable"])])
    assert outcomes(writer.add_titles([title(1)])) == ["unchanged"], "who says nothing of it takes nothing"
    assert reader.titles()[0].restrictions == (Restriction.NOT_RETURNABLE,)
    assert outcomes(writer.add_titles([title(1, restrictions=[])])) == ["refreshed"]
    assert reader.titles()[0].restrictions == ()


def test_that_a_title_has_no_restriction_is_no_news(writer: QueueWriter) -> None:
    writer.add_titles([title(1)])
    assert outcomes(writer.add_titles([title(1, restrictions=[])])) == ["unchanged"]


def test_a_poorer_source_only_fills_in(writer: QueueWriter, reader: QueueReader) -> None:
    writer.add_titles([title(1)])
    shouted = title(1, title="TITLE 1 (HB)", srp_price=9)
    assert outcomes(writer.add_titles([shouted], fill_only=True)) == ["refreshed"]
    assert outcomes(writer.add_titles([shouted], fill_only=True)) == ["unchanged"]
    [row] = reader.titles()
    assert (row.title, row.srp_price) == ("Title 1", Decimal(9))


def test_a_title_not_imported_yet_stays_one_row_under_a_new_id(
    queue: Queue, writer: QueueWriter, reader: QueueReader
) -> None:
    writer.add_titles([title(1)])
    [seen] = reader.rows_to_import()
    writer.add_titles([title(1, author="Later")])
    assert queue.sql("SELECT count(*) FROM ingram_queue") == [(1,)]
    assert reader.mark_imported([seen.id]) == set(), "what the importer saw is not what is there"
    [current] = reader.rows_to_import()
    assert current.author == "Later"
    assert reader.mark_imported([current.id]) == {current.id}
    assert reader.rows_to_import() == []


def test_an_imported_title_whose_details_change_gets_a_fresh_row(
    queue: Queue, writer: QueueWriter, reader: QueueReader
) -> None:
    writer.add_titles([title(1, author="Who", restrictions=["restricted"])])
    writer.record_stock([reading(1, 5)])
    writer.record_covers([{"isbn": isbn(1), "cover_url": "https://covers.example/1.jpg"}])
    [first] = reader.rows_to_import()
    reader.mark_imported([first.id])
    assert outcomes(writer.add_titles([title(1, author="Who")])) == ["unchanged"]
    assert reader.rows_to_import() == []

    cursor = reader.changes_since(None).cursor
    assert outcomes(writer.add_titles([title(1, publisher="Tor")])) == ["refreshed"]
    [fresh] = reader.rows_to_import()
    assert fresh.id > first.id
    assert (fresh.author, fresh.publisher, fresh.cover_url) == ("Who", "Tor", first.cover_url)
    assert (fresh.stock, fresh.stock_observed_at, fresh.stock_changed_at) == (
        first.stock,
        first.stock_observed_at,
        first.stock_changed_at,
    )
    assert reader.changes_since(cursor).changes == (), "a fresh row is no change of stock"
    assert [row.id for row in reader.titles()] == [fresh.id]

    writer.add_titles([title(1, publisher="Orbit")])
    assert [row.publisher for row in reader.rows_to_import()] == ["Orbit"]
    assert [row.restrictions for row in reader.rows_to_import()] == [("restricted",)]
    rows = queue.sql("SELECT publisher, imported_at IS NULL FROM ingram_queue ORDER BY id")
    assert rows == [(None, False), ("Orbit", True)], "the old row stays, the fresh one is one"


def test_a_refresh_gives_a_failed_row_another_try(writer: QueueWriter, reader: QueueReader) -> None:
    writer.add_titles([title(1), title(2)])
    first, second = reader.rows_to_import()
    assert reader.mark_failed({first.id: "no\0 price", second.id: "x" * 5000}) == {first.id, second.id}
    assert reader.rows_to_import() == []
    assert [len(row.failed_reason or "") for row in reader.rows_to_import(retry_failed=True)] == [8, 2000]
    writer.add_titles([title(1, srp_price="1.00"), title(2)])
    [row] = reader.rows_to_import()
    assert (row.isbn, row.failed_reason) == (isbn(1), None)
    assert reader.clear_failed([row.id, second.id]) == {second.id}
    assert {row.isbn for row in reader.rows_to_import()} == {isbn(1), isbn(2)}


def test_the_same_title_twice_in_a_batch(queue: Queue, writer: QueueWriter) -> None:
    batch = [title(1), title(2), title(1), title(1, author="A")]
    assert outcomes(writer.add_titles(batch)) == ["added", "added", "unchanged", "refreshed"]
    assert queue.sql("SELECT count(*) FROM ingram_queue") == [(2,)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"isbn": "9780000000003"},
        {"isbn": "123"},
        {"isbn": ["9780000000002"]},
        {"title": "NUL \0 inside"},
        {"title": "t" * 65536},
        {"title": 5},
        {"title": None},
        {"title": "  "},
        {"title": "\ud800"},
        {"author": {"name": "x"}},
        {"contributors": [{"name": "\0"}]},
        {"contributors": "somebody"},
        {"contributors": [5]},
        {"contributors": ["x"] * 201},
        {"bisac": [{}]},
        {"description": "d" * 65536},
        {"publication_date": "2027-02-30"},
        {"publication_date": "Spring 2027"},
        {"publication_date": "now"},
        {"page_count": -1},
        {"page_count": 1.5},
        {"page_count": 10_000_000},
        {"srp_price": "-1"},
        {"srp_price": "NaN"},
        {"srp_price": "free"},
        {"srp_price": 1e12},
        {"weight": float("inf")},
        {"weight": {"lb": 1}},
        {"series": object()},
        {"stock": {}},
        {"id": 7},
    ],
)
def test_a_bad_title_is_refused_and_the_rest_goes_in(
    queue: Queue, writer: QueueWriter, wrong: dict[str, Any]
) -> None:
    answers = writer.add_titles([title(2), {**title(1), **wrong}, title(3)])
    assert outcomes(answers) == ["added", "refused", "added"]
    assert answers[1].reason
    assert queue.sql("SELECT isbn FROM ingram_queue ORDER BY isbn") == [(isbn(2),), (isbn(3),)]


def test_a_row_that_is_no_mapping_is_refused(writer: QueueWriter) -> None:
    assert outcomes(writer.add_titles([None, title(1)])) == ["refused", "added"]  # type: ignore[list-item]


def test_control_characters_become_spaces(writer: QueueWriter, reader: QueueReader) -> None:
    writer.add_titles([title(1, title=" The\x1b[31m Red\r\nBook\x7f ")])
    assert reader.titles()[0].title == "The [31m Red \nBook"


def test_covers(writer: QueueWriter, reader: QueueReader) -> None:
    def cover(number: int, url: str = "https://covers.example/raw/1.jpg", digest: str | None = None) -> Any:
        return {"isbn": isbn(number), "cover_url": url, "cover_sha256": digest}

    one, other = "1" * 64, "2" * 64
    writer.add_titles([title(1, restrictions=["restricted"])])
    writer.record_stock([reading(1, 5)])
    assert outcomes(writer.record_covers([cover(1), cover(1), cover(2)])) == [
        "changed",
        "unchanged",
        "untracked",
    ]
    reader.mark_imported([row.id for row in reader.rows_to_import()])
    assert outcomes(writer.record_covers([cover(1, digest=one)])) == ["unchanged"]
    assert reader.titles()[0].cover_sha256 == one, "now it is known"
    assert reader.rows_to_import() == []
    assert outcomes(writer.record_covers([cover(1, digest=other), cover(1)])) == ["changed", "unchanged"]
    [fresh] = reader.rows_to_import()
    assert (fresh.cover_sha256, fresh.restrictions) == (other, (Restriction.RESTRICTED,))
    assert fresh.stock == {"TN": DcStock(5, 0, "primary")}
    assert outcomes(writer.record_covers([cover(1, url="https://covers.example/2.jpg")])) == ["changed"]
    [again] = reader.rows_to_import()
    assert again.id > fresh.id
    assert again.cover_sha256 is None, "the digest was of another picture"
    bad = [
        cover(1, url=url)
        for url in ("javascript:alert(1)", "https://x/ y", "", "https://" + "x" * 2000, 'https://x/"')
    ]
    assert (
        outcomes(writer.record_covers([*bad, cover(1, digest="abc"), {"isbn": isbn(1)}])) == ["refused"] * 7
    )


def test_pages_that_could_not_be_read(writer: QueueWriter, reader: QueueReader) -> None:
    def failed(number: int, at: int, reason: str = "A block page.") -> dict[str, Any]:
        observed_at = NOW + timedelta(minutes=at)
        return {"isbn": isbn(number), "observed_at": observed_at, "outcome": "blocked", "reason": reason}

    writer.add_titles([title(1), title(2)])
    writer.record_stock([reading(1, 5, at=0)])
    assert outcomes(writer.record_unread([failed(1, 1), failed(2, 1), failed(3, 1)])) == [
        "recorded",
        "recorded",
        "untracked",
    ]
    assert outcomes(writer.record_unread([failed(1, 3, "Again."), failed(1, 3, "Again."), failed(1, 2)])) == [
        "recorded",
        "recorded",
        "stale",
    ]
    summary = reader.summary()
    assert summary.unread == 2
    [trouble] = [trouble for trouble in summary.unread_titles if trouble.isbn == isbn(1)]
    assert (trouble.title, trouble.reason, trouble.outcome) == ("Title 1", "Again.", "blocked")
    assert trouble.since == NOW + timedelta(minutes=1)
    assert reader.titles([isbn(1)])[0].stock == {"TN": DcStock(5, 0, "primary")}, "the last known stands"

    assert outcomes(writer.record_stock([reading(1, 5, at=2)])) == ["unchanged"]
    assert reader.summary().unread == 2, "that reading is older than the failure"
    writer.record_stock([reading(1, 5, at=4)])
    assert [trouble.isbn for trouble in reader.summary().unread_titles] == [isbn(2)]
    assert outcomes(writer.record_unread([failed(1, 3)])) == ["stale"]
    bad: list[dict[str, Any]] = [
        failed(1, 5, ""),
        failed(1, 5) | {"outcome": "x" * 51},
        failed(1, 5) | {"observed_at": None},
        failed(1, 5, "\0"),
        failed(1, 10**5),
    ]
    assert outcomes(writer.record_unread(bad)) == ["refused"] * 5
    assert outcomes(writer.record_unread([failed(1, 6, "x" * 50_000)])) == ["recorded"]


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    words=st.lists(
        st.text(max_size=30)
        | st.text(st.characters(categories=["Cs", "Cc"]), max_size=2)
        | st.sampled_from(
            ["'; DROP TABLE ingram_queue; --", '"\\', "\\u0000", "%s", "$1", "{}", "\r\n", "\0", " "]
        )
    )
)
def test_any_text_is_stored_as_it_is_or_refused(
    queue: Queue, writer: QueueWriter, reader: QueueReader, words: list[str]
) -> None:
    queue.sql("TRUNCATE ingram_queue")
    text = "".join(words)
    with suppress(UnicodeDecodeError):  # two halves of a character are that character
        text = text.encode("utf-16", "surrogatepass").decode("utf-16")
    spaced = re.sub("[\x01-\x08\x0b-\x1f\x7f]", " ", text).strip(" \t\n")
    fit = bool(spaced) and "\0" not in text and not re.search("[\ud800-\udfff]", text) and len(text) <= 1000
    answers = writer.add_titles([title(1, title=text), title(2)])
    assert outcomes(answers) == ["added" if fit else "refused", "added"]
    assert [row.title for row in reader.titles()] == ([spaced] if fit else []) + ["Title 2"]
