"""The board: what is said of a title, and how titles are found."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingram_assets.defs.storefront import lag
from ingram_assets.domain.isbn import isbn10_of, parse_isbn
from ingram_assets.domain.stock import DcStock
from ingram_assets.domain.title import Title
from ingram_assets.overview.board import (
    PAGE_SIZE,
    SORTS,
    STATUSES,
    BoardInputs,
    BoardQuery,
    BoardTitle,
    Following,
    StoreStep,
    TitleFilter,
    count_board,
    find,
    make_board,
    oldest_reading,
)
from ingram_assets.staging.reader import TitleTrouble, row_state_of
from ingram_assets.store.journal import HeldTitle, InStep
from ingram_assets.store.plan import desired
from ingram_assets.store.rules import StoreRules
from ingram_assets_tests.testing.queue import isbn

NOW = datetime(2026, 11, 29, 18, tzinfo=UTC)
TODAY = date(2026, 11, 29)
RULES = StoreRules()
PROMISE, LAG = timedelta(hours=2), timedelta(minutes=10)


def book(number: int, on_hand: int | None = 40, *, minutes: float = 30, **more: Any) -> Title:
    """Read so many minutes ago; never, for `None`."""
    at = NOW - timedelta(minutes=minutes)
    read = {"stock_observed_at": at, "stock_changed_at": at} if on_hand is not None else {}
    return Title(
        **{
            "id": number,
            "isbn": isbn(number),
            "title": f"Book {number}",
            "stock": None if on_hand is None else {"TN": DcStock(on_hand, 0, "primary")},
            "created_at": NOW - timedelta(days=3),
            "imported_at": NOW - timedelta(days=2),
            "binding": "Trade Paper",
            "cover_url": "https://covers.example/1.jpg",
            **read,
            **more,
        }
    )


def told(*titles: Title, minutes: float = 0) -> dict[str, InStep]:
    """The store was told of these as they were read; or so many minutes before that."""
    early = timedelta(minutes=minutes)
    return {
        one.isbn: InStep(one.isbn, one.id, one.stock_changed_at and one.stock_changed_at - early, None, NOW)
        for one in titles
    }


def board(
    *titles: Title,
    in_step: Mapping[str, InStep] | None = None,
    journal_answers: bool = True,
    tracked: Collection[str] | None = None,
    sweeping_since: datetime | None = None,
    **more: Any,
) -> tuple[BoardTitle, ...]:
    rows, in_step = [row_state_of(one) for one in titles], told(*titles) if in_step is None else in_step
    found = lag.look(
        rows,
        in_step,
        {},
        tracked=tracked,
        retired=more.get("retired", ()),
        now=NOW,
        at_most=LAG,
        sweeping_since=sweeping_since,
    )
    following = Following(lag.waiting_since(rows, in_step, {}), found) if journal_answers else None
    inputs = BoardInputs(titles, in_step=in_step, following=following, **more)
    return make_board(inputs, now=NOW, today=TODAY, rules=RULES, promise=PROMISE)


def isbns(titles: Any) -> list[str]:
    return [one.isbn for one in titles]


def test_a_title_is_what_the_rules_make_of_it():
    stock = {"TN": DcStock(3, 20, "primary"), "PA": DcStock(None, 5)}
    title = book(1, stock=stock, author="Ursula K. Le Guin", srp_price=Decimal("18.99"))
    (one,) = board(title)
    wanted = desired(title, today=TODAY, rules=RULES)
    assert (one.status, one.label, one.level) == (wanted.status, wanted.label, wanted.stocked_quantity)
    assert (one.status, one.on_hand, one.on_order, one.is_low) == ("in_stock", 3, 25, True)
    assert [(dc.name, dc.on_hand, dc.on_order) for dc in one.centers] == [("TN", 3, 20), ("PA", None, 5)]
    assert (one.price, one.author, one.step) == (Decimal("18.99"), "Ursula K. Le Guin", StoreStep.IN_STEP)


@pytest.mark.parametrize(
    ("title", "status", "label"),
    [
        (book(1), "in_stock", "In stock"),
        (book(1, 0), "out_of_stock", "Out of stock"),
        (book(1, stock={"TN": DcStock(0, 9)}), "backorder", "Available to order, ships in 1–2 weeks"),
        (book(1, None, publication_date=date(2027, 2, 3)), "preorder", "Preorder, releases February 3, 2027"),
        (book(1, binding="E-Book"), "digital", "Available now"),
        (book(1, None), "unknown", None),
    ],
)
def test_each_status(title: Title, status: str, label: str | None):
    (one,) = board(title)
    assert (one.status, one.label) == (status, label)


def test_a_list_shows_the_small_cover():
    there = f"https://covers.example/covers/raw/{isbn(1)}.jpg?v=0a1b2c3d&sizes=200,400,800"
    titles = [book(1, cover_url=there), book(2), book(3, cover_url=None)]
    assert [one.cover_url for one in board(*titles)] == [
        f"https://covers.example/covers/processed/{isbn(1)}-200.webp?v=0a1b2c3d",
        "https://covers.example/1.jpg",
        None,
    ]


def test_what_shoppers_were_told_is_shown_whatever_the_rules_make_of_ingrams_copies():
    title = book(1, 0)
    (was,) = told(title).values()
    shown = {title.isbn: replace(was, status="in_stock", label="In stock, ships in 2 days")}
    (one,) = board(title, in_step=shown)
    assert (one.status, one.label, one.level) == ("in_stock", "In stock, ships in 2 days", 0)


def test_no_center_s_name_stands_for_those_that_were_not_seen():
    (one,) = board(book(1, stock={"TN": DcStock(0, 0), "others": DcStock(None, None)}))
    assert [dc.name for dc in one.centers] == ["TN"]
    assert one.on_hand is None


def test_what_was_read_longer_ago_than_is_promised_is_late_and_much_longer_is_not_sold():
    late, old, fine = board(book(1, minutes=121), book(2, minutes=25 * 60), book(3, minutes=119))
    assert (late.is_late, late.is_aged, late.status) == (True, False, "in_stock")
    assert (old.is_late, old.is_aged, old.status) == (True, True, "backorder")
    assert (fine.is_late, fine.is_aged) == (False, False)


def test_whether_the_store_follows():
    titles = {
        StoreStep.IN_STEP: book(1),
        StoreStep.ON_ITS_WAY: book(2, minutes=5),
        StoreStep.BEHIND: book(3, minutes=30),
        StoreStep.FAILED: book(4, failed_reason="Refused: the price is none."),
        StoreStep.RETIRED: book(5),
    }
    in_step = told(*titles.values()) | told(
        titles[StoreStep.ON_ITS_WAY], titles[StoreStep.BEHIND], minutes=60
    )
    made = board(*titles.values(), in_step=in_step, retired=frozenset({titles[StoreStep.RETIRED].isbn}))
    assert {one.isbn: one.step for one in made} == {title.isbn: step for step, title in titles.items()}
    by_step = {one.step: one for one in made}
    assert by_step[StoreStep.FAILED].why == "Refused: the price is none."
    assert by_step[StoreStep.BEHIND].why == "has a change of stock that the store does not show"
    assert by_step[StoreStep.BEHIND].step_since == NOW - timedelta(minutes=30)
    assert by_step[StoreStep.ON_ITS_WAY].step_since == NOW - timedelta(minutes=5)


@pytest.mark.parametrize("minutes", [5, 30])
def test_what_a_guardrail_holds_back_is_not_said_to_be_on_its_way(minutes: float):
    title, other = book(1, minutes=minutes), book(2)
    held = [HeldTitle("mass_zero", title.isbn, "75 of 100 would turn to zero.", "run", NOW)]
    one, fine = board(title, other, in_step=told(title, minutes=60) | told(other), held=held)
    assert (one.step, fine.step) == (StoreStep.HELD, StoreStep.IN_STEP)
    assert one.step_since == NOW - timedelta(minutes=minutes)
    assert (one.why or "").startswith("A guardrail holds it back: plan a push under Runs, and let it through")
    assert (one.why or "").endswith("75 of 100 would turn to zero.")
    assert isbns(find((one, fine), BoardQuery(trait=TitleFilter.BEHIND)).titles) == [title.isbn]


def test_a_sweep_that_is_at_work_makes_nobody_late():
    title = book(1, minutes=30)
    (one,) = board(title, in_step=told(title, minutes=60), sweeping_since=NOW - timedelta(minutes=40))
    assert one.step is StoreStep.ON_ITS_WAY


def test_without_the_journal_it_is_not_known_whether_the_store_follows():
    one, failed = board(book(1), book(2, failed_reason="No."), journal_answers=False)
    assert (one.step, failed.step) == (StoreStep.NOT_KNOWN, StoreStep.FAILED)


def test_who_is_not_tracked_is_behind_and_says_so():
    (one,) = board(book(1), tracked=frozenset())
    assert (one.step, one.why) == (StoreStep.BEHIND, "is not tracked by Dagster, so nobody reads it")


SHELF = board(
    book(1, title="The Left Hand of Darkness", author="Ursula K. Le Guin", srp_price=Decimal(17)),
    book(2, title="Die Blechgötter von Tannhäuser", author="A. N. Other", srp_price=Decimal(9)),
    book(3, 0, title="1984", author=None),
    book(4, 3, title="Piranesi", author="Susanna Clarke", minutes=125),
    book(5, None, title="Unread", author="Nobody"),
    book(6, title="Gone", author="Le Guin"),
    book(7, title="Refused", failed_reason="No."),
    journal_answers=False,
    retired=frozenset({isbn(6)}),
    unread={isbn(4): TitleTrouble(isbn(4), "Piranesi", "The page timed out.")},
)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("left hand", [1]),
        ("HAND  the", [1]),
        ("guin", [1]),
        ("tannhauser", [2]),
        ("Tannhäuser", [2]),
        ("1984", [3]),
        ("nothing like it", []),
        (isbn(2), [2]),
        (f"{isbn(2)[:3]}-{isbn(2)[3]}-{isbn(2)[4:6]}-{isbn(2)[6:12]}-{isbn(2)[12]}", [2]),
        (isbn10_of(isbn(2)) or "", [2]),
        (f"ISBN {isbn(2)}", [2]),
        (isbn(2)[7:], [2]),
        ((isbn10_of(isbn(2)) or "")[6:], [2]),
        ("978-0-00-00000", [1, 2, 3, 4, 5, 7]),
        (f"piranesi {isbn(4)[8:]}", [4]),
    ],
)
def test_search(search: str, found: list[int]):
    titles = find(SHELF, BoardQuery(search=search)).titles
    assert sorted(isbns(titles)) == [isbn(number) for number in found]


@given(st.integers(0, 10**9 - 1))
def test_an_isbn_10_is_that_of_its_isbn_13(number: int):
    ten = isbn10_of(isbn(number))
    assert ten is not None
    assert parse_isbn(ten) == isbn(number)


def test_not_every_isbn_13_has_an_isbn_10():
    assert isbn10_of("9791032305690") is None


@pytest.mark.parametrize(
    ("trait", "found"),
    [
        ("", [1, 2, 3, 4, 5, 7]),
        (TitleFilter.LATE, [4]),
        (TitleFilter.LOW, [4]),
        (TitleFilter.NOT_READ, [4, 5]),
        (TitleFilter.FAILED, [7]),
        (TitleFilter.OUT_OF_STEP, []),
        (TitleFilter.RETIRED, [6]),
    ],
)
def test_filters_by_what_a_title_needs(trait: str, found: list[int]):
    assert sorted(isbns(find(SHELF, BoardQuery(trait=trait)).titles)) == [isbn(number) for number in found]


def test_filters_by_status_and_counts_alike():
    counts = count_board(SHELF)
    assert counts.titles == 6
    for status in STATUSES:
        assert find(SHELF, BoardQuery(status=status)).found == counts.by_status[status]
    for trait in TitleFilter:
        assert find(SHELF, BoardQuery(trait=trait)).found == counts.by_trait[trait]
    assert sum(counts.by_status.values()) == counts.titles


def test_a_title_that_waits_or_is_behind_is_not_yet_in_the_store():
    late = book(1, minutes=30)
    titles = board(late, book(2), in_step=told(late, minutes=60) | told(book(2)))
    assert isbns(find(titles, BoardQuery(trait=TitleFilter.OUT_OF_STEP)).titles) == [late.isbn]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("down", [False, True])
def test_sorting_by_each_column_leaves_nobody_out(sort: str, down: bool):
    titles = find(SHELF, BoardQuery(sort=sort, down=down)).titles
    assert sorted(isbns(titles)) == [isbn(number) for number in (1, 2, 3, 4, 5, 7)]


@pytest.mark.parametrize(
    ("sort", "first"),
    [("title", 3), ("author", 2), ("status", 2), ("copies", 3), ("as_of", 4), ("price", 2), ("store", 7)],
)
def test_each_column_s_first(sort: str, first: int):
    assert find(SHELF, BoardQuery(sort=sort)).titles[0].isbn == isbn(first)


def test_who_has_no_value_comes_last_in_both_directions():
    for down in (False, True):
        assert find(SHELF, BoardQuery(sort="copies", down=down)).titles[-1].isbn == isbn(5)
        last = {one.isbn for one in find(SHELF, BoardQuery(sort="author", down=down)).titles[-2:]}
        assert last == {isbn(3), isbn(7)}


def test_pages():
    titles = board(*(book(number) for number in range(1, 2 * PAGE_SIZE + 8)))
    seen = [find(titles, BoardQuery(page=page)) for page in (1, 2, 3)]
    assert [len(page.titles) for page in seen] == [PAGE_SIZE, PAGE_SIZE, 7]
    assert {page.pages for page in seen} == {3}
    assert len({one.isbn for page in seen for one in page.titles}) == 2 * PAGE_SIZE + 7
    beyond = find(titles, BoardQuery(page=99))
    assert (beyond.page, beyond.titles) == (3, seen[2].titles)
    assert find((), BoardQuery()).pages == 1


def test_an_address_asks_for_what_it_was_made_of():
    query = BoardQuery("le guin & co", "in_stock", "late", "price", True, 3)
    from urllib.parse import parse_qsl, urlsplit

    assert BoardQuery.of(dict(parse_qsl(urlsplit(query.address).query))) == query
    assert BoardQuery().address == "/"
    assert query.but(status="").page == 1
    assert query.sorted_by("price").down is False
    assert query.sorted_by("title") == replace(query, sort="title", down=False, page=1)


@given(st.dictionaries(st.sampled_from(["q", "status", "show", "sort", "down", "page"]), st.text()))
def test_whatever_an_address_asks_for_there_is_a_page(values: dict[str, str]):
    query = BoardQuery.of(values)
    assert find(SHELF, query).page >= 1
    assert BoardQuery.of({}) == BoardQuery()


def test_a_page_without_a_stock_table_is_no_failure_to_read():
    forthcoming = book(1, None, publication_date=date(2027, 2, 3))
    trouble = TitleTrouble(forthcoming.isbn, "Book 1", "The page shows no stock.", "no_stock_table")
    (one,) = board(forthcoming, unread={forthcoming.isbn: trouble})
    assert one.has_no_table
    assert find([one], BoardQuery(trait=TitleFilter.NOT_READ)).found == 0
    assert find([one], BoardQuery(trait=TitleFilter.NO_TABLE)).found == 1


def test_the_oldest_reading_is_of_a_title_that_is_tracked():
    titles = board(
        book(1, minutes=10), book(2, minutes=90), book(3, minutes=300), retired=frozenset({isbn(3)})
    )
    oldest = oldest_reading(titles)
    assert oldest is not None
    assert oldest.isbn == isbn(2)
    assert oldest_reading(board(book(1, None))) is None
