"""A title's page on a real store, queue and journal; each of them away in turn."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from ingram_assets.desk.lookups import Lookups
from ingram_assets.desk.pages import title as title_page
from ingram_assets.desk.store_access import StoreAccess
from ingram_assets.domain.isbn import isbn10_of
from ingram_assets.domain.stock import DcStock
from ingram_assets.overview.dagster_runs import DagsterPageAway, RunState, ShopRun, UnknownShopRun
from ingram_assets.overview.job_requests import JobRequest
from ingram_assets.overview.title_story import TimelineEntry
from ingram_assets.staging.reader import QueueReader
from ingram_assets.staging.writer import QueueWriter
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.journal import Entry, Journal
from ingram_assets.store.plan import Shown as InStore
from ingram_assets_tests.testing.desk import DeskShop, looks
from ingram_assets_tests.testing.desk_work import Shown, Visit, nowhere
from ingram_assets_tests.testing.pages import page_app, visitor
from ingram_assets_tests.testing.queue import Queue
from ingram_assets_tests.testing.shop import make_title
from ingram_demo.embedded.medusa import Medusa
from ingram_demo.embedded.postgres import Postgres

pytestmark = pytest.mark.xdist_group("medusa")

NOW = datetime.now(UTC)
UNKNOWN = "9780306406157"


@dataclass
class Runs:
    """Stands for Dagster's web server: remembers what was started."""

    started: list[tuple[JobRequest, str, str]] = field(default_factory=list)
    run: ShopRun | None = None
    away: bool = False

    def start(self, request: JobRequest, *, by: str, key: str) -> str:
        if self.away:
            raise DagsterPageAway("The run could not be started: its web server does not answer.")
        self.started.append((request, by, key))
        return "run-1"

    def of_id(self, run_id: str) -> ShopRun:
        if self.run is None:
            raise UnknownShopRun("There is none.")
        return self.run


@dataclass
class TitleDesk:
    """The pages of titles, and what is behind them."""

    visit: Visit
    runs: Runs

    def page(self, isbn: str, **query: str) -> Shown:
        return self.visit.get(f"/titles/{isbn}", **query)


@contextmanager
def title_desk(
    medusa_url: str, medusa: Medusa, journal_url: str, queue_url: str, dagster_url: str
) -> Iterator[TitleDesk]:
    lookups, watch = looks(
        medusa_url,
        medusa.email,
        medusa.password,
        journal_url,
        QUEUE_DB_URL=queue_url,
        DAGSTER_PG_URL=dagster_url,
    )
    app, runs = page_app([title_page.router]), Runs()
    lookups.runs = runs  # type: ignore[assignment]
    app.state.lookups, app.state.board = lookups, watch
    client = MedusaClient(medusa_url, email=medusa.email, password=medusa.password)
    app.state.store_access = StoreAccess(client, journal_url, low=5)
    try:
        yield TitleDesk(Visit(visitor(app)), runs)
    finally:
        watch.close()
        lookups.close()
        app.state.store_access.close()


@pytest.fixture(scope="module")
def isbn(desk: DeskShop, queue: Queue) -> str:
    """A title in the store and the queue: read twice, and the store was told of it by two pushes."""
    isbn = desk.title("Between Two Fires", ingram=0)
    desk.bench.sync(make_title(410, isbn=isbn, title="Between Two Fires"))
    with QueueWriter(queue.writer) as writer:
        writer.add_titles(
            [
                {
                    "isbn": isbn,
                    "title": "Between Two Fires",
                    "author": "Christopher Buehlman",
                    "srp_price": "18.99",
                }
            ]
        )
        for hours, copies in ((5, 410), (1, 371)):
            stock = {"TN": DcStock(copies, 0, "primary"), "PA": DcStock(0, 40)}
            writer.record_stock([{"isbn": isbn, "observed_at": NOW - timedelta(hours=hours), "stock": stock}])
    with QueueReader(queue.reader) as reader:
        reader.mark_imported([row.id for row in reader.row_states()])
    return isbn


@pytest.fixture(scope="module")
def dagster_url(postgres: Postgres) -> Iterator[str]:
    yield postgres.create_database("dagster_of_titles")
    postgres.drop_database("dagster_of_titles")


@pytest.fixture(scope="module")
def pages(
    desk: DeskShop, medusa: Medusa, journal_url: str, queue: Queue, dagster_url: str
) -> Iterator[TitleDesk]:
    with title_desk(medusa.url, medusa, journal_url, queue.reader, dagster_url) as made:
        yield made


def test_it_says_why_the_store_shows_what_it_shows(pages: TitleDesk, isbn: str):
    page = pages.page(isbn)
    assert page.status == 200
    for said in (
        "Between Two Fires",
        "Christopher Buehlman",
        "$18.99",
        "371 on hand, 40 on order",
        "In stock 371 on hand.",
        "differs: the store has 410, should have 371 (the next push puts it right)",
        "At Ingram’s location 410 copies, 0 held for orders, 410 to sell. With none left at any location it "
        "can't be ordered.",
        "As it is in Medusa now.",
    ):
        assert said in page.text
    assert page.tree.css_first("title").text().startswith("Between Two Fires")
    assert len(page.tree.css("h1")) == 1


def test_a_product_that_is_gone_from_the_store_is_said_to_be(pages: TitleDesk, desk: DeskShop, queue: Queue):
    gone = desk.title("Gone Tomorrow", ingram=3)
    with QueueWriter(queue.writer) as writer:
        writer.add_titles([{"isbn": gone, "title": "Gone Tomorrow", "srp_price": "18.99"}])
        stock = {"TN": DcStock(3, 0, "primary")}
        writer.record_stock([{"isbn": gone, "observed_at": NOW, "stock": stock}])
    with QueueReader(queue.reader) as reader:
        reader.mark_imported([row.id for row in reader.row_states() if row.isbn == gone])
    assert "no product of this title" not in pages.page(gone).text
    desk.bench.shop.delete(f"products/{desk.bench.shop.product(gone)['id']}")
    page = pages.page(gone)
    assert "not in the store" in " ".join(page.tree.css_first(".title-head").text().split())
    assert "In stock" not in page.tree.css_first(".title-head").text()
    notice = " ".join(page.tree.css_first(".notice-warn").text().split())
    assert notice.startswith("The store has no product of this title It was deleted there, or the store was")
    assert "press “Read it now”, then “Push it to the store”" in notice


def test_it_says_that_a_guardrail_holds_it_back(pages: TitleDesk, isbn: str, journal_url: str):
    with Journal(journal_url) as journal:
        journal.hold("run-of-the-stop", {"mass_zero": "75 of 100 would turn to zero."}, [isbn])
        try:
            page = pages.page(isbn)
        finally:
            journal.release([isbn])
    assert "differs: the store has 410, should have 371 (a guardrail holds it back)" in page.text
    assert "the next push puts it right" not in page.text
    notice = " ".join(page.tree.css_first(".notice-warn").text().split())
    assert notice.startswith("A guardrail holds it back 75 of 100 would turn to zero.")
    assert "press “Plan a push” under Runs" in notice
    assert page.tree.css_first('.notice-warn a[href="/runs/run-of-the-stop"]')
    assert "A guardrail holds it back" not in pages.page(isbn).text


def test_a_second_look_opens_no_connection_to_the_journal(
    pages: TitleDesk, isbn: str, monkeypatch: pytest.MonkeyPatch
):
    pages.page(isbn)
    connect, opened = psycopg.connect, []

    def counted(address: str = "", **more: Any) -> psycopg.Connection:
        opened.append(address)
        return connect(address, **more)

    monkeypatch.setattr(psycopg, "connect", counted)
    assert "As it is in Medusa now." in pages.page(isbn).text
    assert opened == []


def test_its_copies_are_drawn_and_told_as_a_table(pages: TitleDesk, isbn: str):
    tree = pages.page(isbn).tree
    assert [path.attributes["class"] for path in tree.css("svg path")] == [
        "series series-ingram",
        "series series-store",
    ]
    assert [text.text() for text in tree.css("svg .series-label")] == ["Ingram: 371", "Store: 410"]
    rows = [[cell.text() for cell in row.css("td")] for row in tree.css("details tbody tr")]
    assert ["371", ""] in rows
    assert ["410", ""] in rows
    assert ["", "410"] in rows
    assert "{" not in tree.css_first("svg").html


def test_its_history_is_one_line_of_time_the_latest_first(pages: TitleDesk, isbn: str):
    lines = [" ".join(line.text().split()) for line in pages.page(isbn).tree.css(".time-line > li")]
    assert any("Read 371 on hand, 40 on order; before: 410 on hand" in line for line in lines)
    assert any("Copies in the store copies 0 → 410" in line for line in lines)
    assert any("Product made. New in the store." in line for line in lines)
    times = [time.attributes["datetime"] for time in pages.page(isbn).tree.css(".time-line > li > time")]
    assert times == sorted(times, reverse=True)


def test_it_leads_to_where_else_the_title_is(pages: TitleDesk, isbn: str, monkeypatch: pytest.MonkeyPatch):
    def links() -> list[str]:
        found = pages.page(isbn).tree.css("#elsewhere ~ ul a")
        return [link.attributes["href"] or "" for link in found]

    assert f"/dagster/assets/ipage/stock?view=partitions&partition={isbn}" in links()
    # The tests' Medusa serves no admin page, as a shop's may not.
    assert not [link for link in links() if "/app/" in link]
    admin = "https://medusa.bookstore.example/app"
    monkeypatch.setattr(Lookups, "admin_page", lambda self: admin)
    assert re.fullmatch(re.escape(admin) + r"/products/prod_\w+", links()[0])


def test_any_spelling_leads_to_the_thirteen_digits(pages: TitleDesk, isbn: str):
    for spelled in (f"{isbn[:3]}-{isbn[3:]}", isbn10_of(isbn) or "", f"{isbn[:5]} {isbn[5:]}"):
        answer = pages.visit.http.get(f"/titles/{spelled}")
        assert (answer.status_code, answer.headers["location"]) == (308, f"/titles/{isbn}")


@pytest.mark.parametrize("spelled", ["nothing", "978", "<script>alert(1)</script>", "9780306406158"])
def test_what_is_no_isbn_is_said_to_be_none(pages: TitleDesk, spelled: str):
    answer = pages.visit.http.get(f"/titles/{spelled}")
    assert answer.status_code == 404
    assert "<script>alert" not in answer.text


def test_a_title_that_nobody_tracks_can_be_read_and_tracked(pages: TitleDesk):
    page = pages.page(UNKNOWN)
    assert page.status == 404
    assert f"{UNKNOWN} is not tracked" in page.text
    pages.runs.started.clear()
    answer = pages.visit.post(f"/titles/{UNKNOWN}/read", page.form(f"/titles/{UNKNOWN}/read"))
    assert answer.status == 303
    ((request, _, _),) = pages.runs.started
    assert request.job == "enrich"


@pytest.mark.parametrize(
    ("action", "job", "location"),
    [("read", "enrich", "scraper"), ("push", "push", "storefront"), ("retire", "retire", "scraper")],
)
def test_each_button_starts_the_job_of_its_command(
    pages: TitleDesk, isbn: str, action: str, job: str, location: str
):
    shows_form = pages.visit.get(f"/titles/{isbn}/retire") if action == "retire" else pages.page(isbn)
    form = shows_form.form(f"/titles/{isbn}/{action}")
    assert form["csrf_token"] == "token-of-the-session"
    pages.runs.started.clear()
    answer = pages.visit.post(f"/titles/{isbn}/{action}", form)
    assert (answer.status, answer.headers["location"]) == (303, f"/titles/{isbn}?run=run-1")
    pages.visit.post(f"/titles/{isbn}/{action}", form)
    (request, by, key), (_, _, again) = pages.runs.started
    assert (request.job, request.location, by) == (job, location, "ada@example.com")
    assert next(iter(request.of_ops.values()))["isbns"] == [isbn]
    assert key == again, "pressed twice, it is asked for with one key"


def test_no_two_buttons_share_a_key(pages: TitleDesk, isbn: str):
    page = pages.page(isbn)
    assert page.form(f"/titles/{isbn}/read")["key"] != page.form(f"/titles/{isbn}/push")["key"]


def test_nothing_is_retired_by_a_look(pages: TitleDesk, isbn: str):
    pages.runs.started.clear()
    page = pages.visit.get(f"/titles/{isbn}/retire")
    assert "nobody reads it, and no push touches it unless you name it" in page.text
    assert pages.runs.started == []


def run(state: RunState, progress: str | None = None) -> ShopRun:
    return ShopRun("run-1", "enrich", "Reading of named titles", state, NOW, NOW, None, progress)


def test_a_run_that_was_started_shows_how_far_it_is_until_it_is_over(pages: TitleDesk, isbn: str):
    pages.runs.run = run(RunState.RUNNING, "1 of 2 pages")
    page = pages.page(isbn, run="run-1")
    assert "Reading of named titles : running, 1 of 2 pages" in page.text
    part = page.tree.css_first("#title-run")
    assert part.attributes["hx-get"] == f"/titles/{isbn}/run/run-1"
    assert "hx-refresh" not in pages.visit.get(f"/titles/{isbn}/run/run-1").headers
    pages.runs.run = run(RunState.DONE)
    over = pages.visit.get(f"/titles/{isbn}/run/run-1")
    assert over.headers["hx-refresh"] == "true"
    assert "hx-get" not in over.html
    assert "hx-get" not in (pages.page(isbn, run="run-1").tree.css_first("#title-run").html or "")
    pages.runs.run = None


def test_where_dagster_s_page_is_away_nothing_is_started_and_the_button_can_be_pressed_again(
    pages: TitleDesk, isbn: str
):
    pages.runs.away = True
    form = pages.page(isbn).form(f"/titles/{isbn}/push")
    answer = pages.visit.post(f"/titles/{isbn}/push", form)
    pages.runs.away = False
    assert answer.status == 503
    assert "its web server does not answer" in answer.text
    assert answer.form(f"/titles/{isbn}/push")["key"] == form["key"]


def test_while_medusa_is_away_it_says_what_the_store_was_last_told(
    medusa: Medusa, journal_url: str, queue: Queue, dagster_url: str, isbn: str
):
    with title_desk("http://127.0.0.1:9", medusa, journal_url, queue.reader, dagster_url) as pages:
        page = pages.page(isbn)
    assert page.status == 200
    assert "Medusa can't be asked now." in page.text
    assert "By the rules alone: Medusa did not answer." in page.text
    assert "In stock 371 on hand." in page.text
    assert "differs" not in page.text
    assert re.search(r"Last told .*“In stock”, 410 copies", page.text)
    assert len(page.tree.css("svg path")) == 2


def test_while_the_queue_is_away_what_the_journal_has_is_shown(
    medusa: Medusa, journal_url: str, dagster_url: str, isbn: str
):
    with title_desk(medusa.url, medusa, journal_url, nowhere(), dagster_url) as pages:
        page = pages.page(isbn)
    assert page.status == 200
    assert "The queue can't be asked now." in page.text
    assert "Not known now: the queue can't be asked. The store was last told" in page.text
    assert "Copies in the store" in page.text


def test_while_the_journal_is_away_the_reading_and_the_rule_are_told(
    medusa: Medusa, queue: Queue, dagster_url: str, isbn: str
):
    with title_desk(medusa.url, medusa, nowhere(), queue.reader, dagster_url) as pages:
        page = pages.page(isbn)
    assert page.status == 200
    assert "The journal can't be asked now." in page.text
    assert "By the rules alone: the journal did not answer." in page.text
    assert "In stock 371 on hand." in page.text
    assert "Medusa can't be asked" not in page.text, "it is not asked, and not to blame"


def test_while_dagster_is_away_the_next_reading_is_not_known(
    medusa: Medusa, journal_url: str, queue: Queue, isbn: str
):
    with title_desk(medusa.url, medusa, journal_url, queue.reader, nowhere()) as pages:
        page = pages.page(isbn)
    assert "Dagster can't be asked now." in page.text
    assert "Not known: Dagster did not answer yet." in page.text


def entry(kind: str, after: dict[str, object] | None, minutes: float, outcome: str = "written") -> Entry:
    at = NOW - timedelta(minutes=minutes)
    return Entry(kind, "9780306406157", "x", None, after, "why", 1, "run", outcome, None, at)  # type: ignore[arg-type]


def test_the_store_was_last_told_what_arrived_last():
    told = title_page.last_told(
        [
            entry("level", {"stocked_quantity": 5, "incoming_quantity": 0}, 30),
            entry("variant", {"metadata.availability_label": "In stock"}, 29),
            entry("level", {"stocked_quantity": 9}, 10, outcome="failed"),
            entry("level", {"stocked_quantity": 3}, 20),
            entry("level", {"incoming_quantity": 3}, 5),
        ]
    )
    assert (told.label, told.level, told.at) == ("In stock", 3, NOW - timedelta(minutes=20))


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (None, "Medusa does not have it."),
        (InStore(False, None, None, 0, True, None), "Its copies are not counted: it sells without end."),
        (InStore(True, None, None, 0, False, None), "none were counted at Ingram's location"),
        (InStore(True, 3, 40, 1, True, "backorder"), "3 copies, 1 held for orders, 2 to sell; 40 on order."),
        (
            InStore(True, 0, 0, -2, True, "preorder"),
            "0 held for orders, 0 to sell. With none left at any location it may be ordered",
        ),
    ],
)
def test_what_the_store_has_in_words(shown: InStore | None, words: str):
    assert words in title_page.shown_words(shown)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("written", "copies 5 → 3. why"),
        ("failed", "FAILED, Refused. Wanted: copies 5 → 3. why"),
        ("pending", "not known to have arrived, the run broke off: copies 5 → 3. why"),
    ],
)
def test_what_became_of_a_write_in_words(outcome: str, words: str):
    details = {
        "before": {"stocked_quantity": 5},
        "after": {"stocked_quantity": 3},
        "reason": "why",
        "outcome": outcome,
        "detail": "Refused.",
        "run_id": "run-1",
    }
    told = title_page.told_moment(TimelineEntry(NOW, "level", "not this", details))
    assert (told.what, told.words, told.run_id) == ("Copies in the store", words, "run-1")


def test_an_operation_is_called_as_the_ledger_calls_it():
    details = {"operation": "set", "reason": "cycle_count"}
    happened = TimelineEntry(
        NOW, "operation", "set at Shop: copies 2 → 3 (cycle_count; shelf 4). By person Ada (line 7)", details
    )
    told = title_page.told_moment(happened)
    assert told.words == (
        "Set to a count at Shop: copies 2 → 3 (Counted on the shelf; shelf 4). By person Ada (line 7)"
    )


def test_levels_that_were_removed_are_not_known_from_then_on():
    levels = title_page.store_levels(
        [entry("level", {"stocked_quantity": 5}, 30), entry("level", None, 20), entry("variant", {}, 10)]
    )
    assert [value for _, value in levels] == [5, None]
