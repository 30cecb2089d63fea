"""The board's page: its parts, its empty states, what it says of what is away, and what it costs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from ingram_assets.alerts.model import Incident
from ingram_assets.defs.storefront.lag import Lag
from ingram_assets.desk.pages import board as board_page
from ingram_assets.desk.pages import rendering
from ingram_assets.domain.backups import NotedBackup
from ingram_assets.domain.freshness import NextReading
from ingram_assets.domain.stock import DcStock
from ingram_assets.domain.title import Title
from ingram_assets.overview.board import (
    BoardInputs,
    Following,
    StoreStep,
    count_board,
    make_board,
    oldest_reading,
)
from ingram_assets.overview.board_watch import BoardState, DagsterSaid, JournalSaid
from ingram_assets.overview.dagster_runs import RunState, ShopRun
from ingram_assets.overview.last_answer import LastAnswer
from ingram_assets.overview.status import NO_STOCK_TABLE
from ingram_assets.overview.verdict import Verdict, VerdictKind
from ingram_assets.staging.reader import TitleTrouble
from ingram_assets.store.journal import InStep
from ingram_assets.store.observe_mode import DayPlan, LegacyTitle, Outlook, PlanFigures, StoreMode
from ingram_assets.store.rules import StoreRules
from ingram_assets_tests.testing.desk_work import Shown, Visit
from ingram_assets_tests.testing.pages import page_app, visitor
from ingram_assets_tests.testing.queue import isbn

NOW = datetime.now(UTC)
PROMISE = timedelta(hours=2)
QUIET = DagsterSaid(
    tracked=frozenset(),
    retired=frozenset(),
    switched_off=frozenset(),
    sweeping_since=None,
    swept_at=NOW - timedelta(minutes=12),
    sweep_due=NOW + timedelta(minutes=48),
    sweeps_in_time_since=NOW - timedelta(days=2),
    pause=None,
    silent_since=None,
    incidents=(),
    at_work=(),
)
KEPT = Verdict(
    VerdictKind.KEPT, True, None, "1 title: it was read within 2 h, and the store shows what was read."
)
RUN = ShopRun(
    "run-1",
    "x",
    "Sweep: stock of all titles",
    RunState.RUNNING,
    NOW,
    NOW,
    None,
    "63 of 100 pages",
    "by itself",
)


@pytest.fixture(autouse=True)
def _pages_are_of_that_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the tests before these took."""
    monkeypatch.setattr(rendering, "current_time", lambda: NOW)


def book(number: int, on_hand: int | None = 40, **more: Any) -> Title:
    at = NOW - timedelta(minutes=30)
    return Title(
        **{
            "id": number,
            "isbn": isbn(number),
            "title": f"Book {number}",
            "author": "Ada & Co",
            "srp_price": Decimal("18.99"),
            "cover_url": "https://covers.example/1.jpg",
            "binding": "Trade Paper",
            "stock": None if on_hand is None else {"TN": DcStock(on_hand, 7), "PA": DcStock(None, None)},
            "stock_observed_at": None if on_hand is None else at,
            "stock_changed_at": None if on_hand is None else at,
            "imported_at": NOW,
            "created_at": NOW,
            **more,
        }
    )


def state(*titles: Title, said: DagsterSaid | None = QUIET, **more: Any) -> BoardState:
    in_step = {one.isbn: InStep(one.isbn, one.id, one.stock_changed_at, None, NOW) for one in titles}
    made = make_board(
        BoardInputs(titles, in_step=in_step, following=Following({}, Lag((), len(titles), 0)), **more),
        now=NOW,
        today=NOW.date(),
        rules=StoreRules(),
        promise=PROMISE,
    )
    oldest = oldest_reading(made)
    return BoardState(
        made,
        count_board(made),
        KEPT,
        oldest,
        LastAnswer(None, NOW),
        LastAnswer(JournalSaid(in_step), NOW),
        LastAnswer(said, NOW if said else None),
        LastAnswer("a store", NOW),
    )


class Watch:
    """Stands for the thread that keeps the state."""

    settings = SimpleNamespace(pace=None)

    def __init__(self, state: BoardState) -> None:
        self._state = state

    def state(self) -> BoardState:
        return self._state


class Looks:
    """Stands for what Dagster is asked for titles of a page."""

    def __init__(self, due: Mapping[str, NextReading]) -> None:
        self._due = due

    def readings_due(self, isbns: Sequence[str], pace: object) -> Mapping[str, NextReading]:
        return {one: due for one, due in self._due.items() if one in isbns}


def visit(shown: BoardState, due: Mapping[str, NextReading] | None = None) -> Visit:
    app = page_app([board_page.router])
    app.state.board, app.state.lookups = Watch(shown), Looks(due or {})
    return Visit(visitor(app))


def page(*titles: Title, path: str = "/", **more: Any) -> Shown:
    return visit(state(*titles, **more)).get(path)


def row(shown: Shown, number: int = 0) -> str:
    return " ".join(shown.tree.css("tbody tr")[number].text(separator=" ").split())


def test_a_row_says_what_is_true_of_a_title():
    told = row(page(book(1, 3)))
    for said in (
        "Book 1",
        isbn(1),
        "Ada & Co",
        "In stock",
        "3 + 7 on order",
        "low",
        "TN 3 PA ?",
        "30 min ago",
        "$18.99",
        "in step",
    ):
        assert said in told


def test_a_title_that_was_never_read_is_unknown_and_never_zero():
    told = row(page(book(1, None)))
    assert "Unknown" in told
    assert "what the store has stands" in told
    assert re.search(r"unknown never", told)
    assert " 0 " not in told


def test_what_is_the_matter_stands_in_its_row():
    trouble = TitleTrouble(isbn(1), "Book 1", "The page timed out three times.")
    told = row(page(book(1, failed_reason="Medusa refused the price."), unread={isbn(1): trouble}))
    assert "failed" in told
    assert "Medusa refused the price." in told
    assert "not read The page timed out three times." in told


def test_text_of_a_title_is_text_and_no_markup():
    shown = page(book(1, title="<script>alert(1)</script>", author='"><img src=x onerror=alert(1)>'))
    assert "<script>alert" not in shown.html
    assert "<img src=x" not in shown.html


def test_columns_have_a_header_that_sorts_and_says_how():
    shown = page(book(1), path="/?sort=price&down=1&status=in_stock")
    headers = shown.tree.css("thead th")
    assert [" ".join(header.text().split()).rstrip(" ↓") for header in headers] == [
        "Title",
        "Author",
        "Shopper sees",
        "Copies at Ingram",
        "As of",
        "Price",
        "Store",
    ]
    assert {header.attributes["scope"] for header in headers} == {"col"}
    assert [header.attributes.get("aria-sort") for header in headers] == [None] * 5 + ["descending", None]
    links = [header.css_first("a").attributes["href"] for header in headers]
    assert links[5] == "/?status=in_stock&sort=price"
    assert links[6] == "/?status=in_stock&sort=store"


def test_htmx_gets_the_list_alone_with_the_count_for_its_place():
    desk = visit(state(*(book(number) for number in range(1, 60))))
    answer = desk.http.get("/?page=2", headers={"HX-Request": "true", "HX-Target": "board-list"})
    assert answer.headers["vary"] == "HX-Target"
    assert "<html" not in answer.text
    assert answer.text.lstrip().startswith('<div id="board-list"')
    assert 'id="board-found" hx-swap-oob="innerHTML"' in answer.text
    assert "hx-swap-oob" not in desk.get("/").html


def test_a_page_of_the_list_keeps_the_choice():
    shown = page(*(book(number) for number in range(1, 120)), path="/?q=book&page=2&sort=as_of")
    hrefs = [link.attributes["href"] for link in shown.tree.css("nav.pager a")]
    assert hrefs == ["/?q=book&sort=as_of", "/?q=book&sort=as_of&page=3"]


def test_tiles_count_and_lead_to_their_titles():
    desk = visit(state(book(1), book(2, 0), book(3, None), retired=frozenset({isbn(3)})))
    tiles = {
        " ".join(link.text(separator=" ").split()): link.attributes["href"] or ""
        for link in desk.get("/").tree.css(".figures a, .chips a")
    }
    assert tiles["2 All titles"] == "/"
    assert tiles["1 In stock"] == "/?status=in_stock"
    assert tiles["Retired 1"] == "/?show=retired"
    for words, address in tiles.items():
        count = int(re.sub(r"\D", "", words))
        assert len(desk.get(address).tree.css("tbody tr")) == count, words


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (state(), "No title is tracked yet"),
        (
            replace(state(), queue=LastAnswer(why_not="It is away.")),
            "The titles are not known yet",
        ),
    ],
    ids=["none", "away"],
)
def test_an_empty_board_says_what_to_do(shown: BoardState, words: str):
    assert words in visit(shown).get("/").text


def test_nothing_found_says_how_to_find_more():
    shown = page(book(1), path="/?q=nothing")
    assert "No title is like that" in shown.text
    assert "0 titles of 1." in shown.text


def now_of(said: DagsterSaid | None, **more: Any) -> str:
    return visit(replace(state(book(1), said=said), **more)).get("/").text


def test_the_promise_as_it_is_kept():
    told = now_of(QUIET)
    assert "Kept : The store tells the truth. 1 title: it was read within 2 h" in told
    assert "Sweeps in time since" in told
    assert "Last sweep came through 12 min ago" in told
    assert "Last backup never; take one with ingram backup FOLDER" in told
    noted = NotedBackup(NOW - timedelta(hours=9), "taken", 41_000_000, "0.1.0")
    assert "Last backup taken 9 h ago" in now_of(replace(QUIET, backup=noted))
    assert "Next sweep in 48 min , at" in told
    assert "Nothing just now." in told
    assert "Nothing that anybody was told of." in told


def test_the_promise_as_it_is_broken():
    broken = Verdict(
        VerdictKind.GUARDRAIL,
        False,
        datetime(2026, 6, 1, 15, 4, tzinfo=UTC),
        "A guardrail stopped the push that 3 titles wait for: 60 of 100 would be sold out.",
        "See what would change: ingram push --dry-run.",
    )
    told = now_of(replace(QUIET, sweep_due=NOW - timedelta(minutes=3)), verdict=broken)
    assert "Broken : The store has not told the truth since" in told
    assert "A guardrail stopped the push that 3 titles wait for: 60 of 100 would be sold out." in told
    assert "Look at what would change, and let it through if it is right" in told
    assert "ingram push" not in told
    assert "Next sweep late : due since" in told


def test_a_promise_that_will_not_hold_is_a_warning_and_says_what_to_do():
    blocked = Verdict(
        VerdictKind.BLOCK, True, None, "iPage blocks this machine.", "Wait, and sign in by hand."
    )
    told = now_of(QUIET, verdict=blocked)
    assert "Kept : The store tells the truth so far. iPage blocks this machine. Wait, and sign in" in told


def test_a_sweep_that_is_due_just_now_is_not_late():
    told = now_of(replace(QUIET, sweep_due=NOW - timedelta(seconds=90)))
    assert "Next sweep begins any moment" in told
    assert "due since" not in told


def test_nothing_is_wrong_only_if_no_title_failed_or_waits_too_long():
    at = NOW - timedelta(hours=3)
    shown = visit(state(book(1, failed_reason="Refused."), book(2, stock_observed_at=at))).get("/")
    assert "1 title failed : see it" in shown.text
    assert "1 title read too long ago : see it" in shown.text
    assert "Nothing that anybody was told of." not in shown.text
    links = [link.attributes["href"] for link in shown.tree.css("#now-wrong ~ ul a")]
    assert links == ["/?show=failed", "/?show=late"]


def test_titles_that_should_be_in_the_store_by_now_are_wrong():
    shown = state(book(1), book(2))
    late = tuple(replace(one, step=StoreStep.BEHIND) for one in shown.titles)
    desk = visit(replace(shown, titles=late, counts=count_board(late)))
    assert "2 titles should be in the store by now : see them" in desk.get("/").text
    assert len(desk.get("/?show=behind").tree.css("tbody tr")) == 2


def test_a_page_without_stock_is_told_apart_from_a_reading_that_failed():
    trouble = {
        isbn(1): TitleTrouble(isbn(1), "Book 1", "Its page shows none.", NO_STOCK_TABLE),
        isbn(2): TitleTrouble(isbn(2), "Book 2", "The page timed out."),
    }
    chips = [
        " ".join(one.text().split()) for one in page(book(1), book(2), unread=trouble).tree.css(".chips a")
    ]
    assert chips == ["Not read 1", "Ingram's page shows no stock 1"]


def test_a_sweep_at_work_an_incident_and_a_sensor_that_is_off():
    incident = Incident(
        "k",
        "iPage blocks us",
        NOW.timestamp() - 600,
        NOW.timestamp(),
        "Wait, then sign in.",
        "run-9",
        times=3,
    )
    off = frozenset({"sweep_due", "stock_changes"})
    shown = visit(
        state(book(1), said=replace(QUIET, at_work=(RUN,), incidents=(incident,), switched_off=off))
    )
    told = shown.get("/").text
    for said in (
        "Sweep: stock of all titles 63 of 100 pages",
        "iPage blocks us since",
        "seen 3 times",
        "Wait, then sign in.",
        "Switched off in Dagster : stock changes, sweep due.",
        "Next sweep switched off",
    ):
        assert said in told
    links = {link.attributes["href"] for link in shown.get("/").tree.css("#now a")}
    assert {"/runs/run-1", "/runs/run-9", "/dagster/automation"} <= links


def test_what_is_away_is_named_with_the_age_of_what_is_shown():
    away = LastAnswer(JournalSaid({}), NOW - timedelta(minutes=9), "The journal database went away.")
    told = now_of(None, journal=away, dagster=LastAnswer(why_not="See that PostgreSQL is up."))
    assert "The journal can't be asked now." in told
    assert "( 9 min ago )" in told
    assert "Dagster can't be asked now. Nothing is known of it yet. See that PostgreSQL is up." in told
    assert "Book 1" in told


def test_the_live_part_comes_anew_only_if_something_changed():
    desk = visit(state(book(1)))
    part = desk.get("/board/now")
    asks = part.tree.css_first("#now").attributes["hx-get"] or ""
    assert asks == (desk.get("/").tree.css_first("#now").attributes["hx-get"])
    assert desk.get(asks).status == 204
    changed = visit(state(book(1), said=replace(QUIET, at_work=(RUN,))))
    assert changed.get(asks).status == 200


def test_a_page_of_fifty_titles_is_small():
    shown = page(*(book(number, title=f"A Title of Usual Length, {number}") for number in range(1, 51)))
    assert len(shown.tree.css("tbody tr")) == 50
    assert len(shown.html.encode()) < 90_000
    assert len(page().html.encode()) < 16_000


def test_a_row_says_when_its_title_is_read_next_and_why():
    due = {
        isbn(1): NextReading(
            NOW + timedelta(minutes=13), "Between sweeps, from 2026-06-01 10:00 UTC on: 3 left."
        ),
        isbn(2): NextReading(NOW, "With the sweep of all titles that is at work."),
        isbn(3): NextReading(None, "With the first sweep: none was complete yet."),
    }
    shown = visit(state(book(1), book(2), book(3), book(4)), due).get("/")
    assert "next in 13 min Between sweeps, from Jun 1, 5:00 AM on: 3 left." in row(shown, 0)
    assert "next any moment With the sweep of all titles that is at work." in row(shown, 1)
    assert "next reading With the first sweep" in row(shown, 2)
    assert "next" not in row(shown, 3), "Dagster does not answer"


def test_nothing_reads_a_retired_title():
    due = {isbn(1): NextReading(None, "Not any more")}
    shown = visit(state(book(1), retired=frozenset({isbn(1)})), due).get("/?show=retired")
    assert "Book 1" in row(shown)
    assert "Not any more" not in row(shown)


def test_a_store_that_is_away_is_told_with_when_it_last_answered():
    shown = state(book(1))
    assert "The store can't be asked" not in visit(shown).get("/").text
    away = replace(shown, medusa=LastAnswer("a store", NOW - timedelta(minutes=7), "Medusa does not answer."))
    page = visit(away).get("/")
    told = page.tree.css_first(".notice").text(separator=" ")
    assert "The store can't be asked now. It last answered 7 min ago" in " ".join(told.split())
    assert "Medusa does not answer." in told
    assert "In stock" in row(page), "as it was told last"


def test_a_shop_that_only_watches_says_what_a_push_would_do_day_by_day() -> None:
    mug = LegacyTitle("MUG-1", "A <mug>", "stays as it is: none of its numbers is an ISBN")
    plans = (
        DayPlan(NOW.date(), NOW, "run-2", PlanFigures(1_200, 3, 1, 2, 1_206), "Too many prices.", (mug,)),
        DayPlan(NOW.date() - timedelta(days=1), NOW, "run-1", PlanFigures(1_100, 3, 0, 0, 1_103)),
    )
    outlook = Outlook(StoreMode(None), plans)
    watching = Verdict(VerdictKind.WATCHING, None, None, outlook.words, outlook.mode.way_to_live)
    following = Following({}, Lag((), 1, 0), is_watching=True)
    shown = replace(state(book(1)), verdict=watching, journal=LastAnswer(JournalSaid({}, outlook), NOW))
    came = visit(shown).get("/")
    html, words = came.html, came.text
    assert "Watching only: nothing is written to the store. A push now would change 1,206 titles" in words
    assert "To bring it there: ingram go-live" in words
    assert "1,200 3 1 2 1,206 Title by title a guardrail would stop it" in words
    assert "1,100 3 0 0 1,103" in words
    assert html.count('href="/runs/run-2"') == 1
    assert "1 product sold without a count today" in words
    assert "A &lt;mug&gt;" in html
    board = make_board(
        BoardInputs([book(1)], following=following),
        now=NOW,
        today=NOW.date(),
        rules=StoreRules(),
        promise=PROMISE,
    )
    assert board[0].step is StoreStep.WATCHED
