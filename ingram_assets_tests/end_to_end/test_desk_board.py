"""The board and a title's page in a real browser, on the whole shop."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Response, expect, sync_playwright

from ingram_assets.domain.isbn import isbn10_of
from ingram_assets_tests.testing.demo import Admin
from ingram_demo.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")

BETWEEN_TWO_FIRES = "9781639739134"
PATIENCE = 150_000
"""Milliseconds: a run takes its time on a busy machine."""
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def chrome(chromium: Any) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE)
        yield playwright.chromium.launch(executable_path=str(chromium))


@dataclass
class Bookseller:
    """Somebody who is signed in at the desk, each page with a browser's choice of colors and size."""

    chrome: Browser
    stack: Stack
    cookies: Any
    complaints: list[str] = field(default_factory=list)

    def page(self, path: str = "/", **choice: Any) -> Page:
        context = self.chrome.new_context(storage_state=self.cookies, locale="en-US", **choice)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.goto(f"{self.stack.desk_url}{path}")
        return page

    def path(self, page: Page) -> str:
        return page.url.removeprefix(self.stack.desk_url)


@pytest.fixture(scope="module")
def cookies(chrome: Browser, stack: Stack) -> Any:
    context = chrome.new_context(locale="en-US")
    page = context.new_page()
    page.goto(f"{stack.desk_url}/sign-in")
    page.get_by_label("E-mail").fill(stack.medusa.email)
    page.get_by_label("Password").fill(stack.medusa.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Board")).to_be_visible()
    return context.storage_state()


@pytest.fixture
def bookseller(chrome: Browser, stack: Stack, cookies: Any) -> Iterator[Bookseller]:
    person = Bookseller(chrome, stack, cookies)
    yield person
    for context in chrome.contexts:
        context.close()
    assert person.complaints == [], "the browser refused something, or found something broken"


def rows(page: Page) -> Any:
    return page.locator("#board-list tbody tr")


def test_the_board_has_every_title_fifty_a_page(bookseller: Bookseller):
    page = bookseller.page()
    expect(rows(page)).to_have_count(50)
    expect(page.locator("#board-found")).to_contain_text("100 titles, page 1 of 2")
    tiles = page.get_by_role("navigation", name="Titles by what they are")
    expect(tiles.get_by_role("link", name="100 All titles")).to_be_visible()
    expect(page.get_by_role("heading", name="The promise")).to_be_visible()
    first = rows(page).first.get_by_role("link").first.inner_text()
    page.get_by_role("link", name="Next →").click()
    expect(page.locator("#board-found")).to_contain_text("page 2 of 2")
    expect(rows(page)).to_have_count(50)
    assert rows(page).first.get_by_role("link").first.inner_text() != first


def test_covers_are_shown_and_those_further_down_are_not_loaded_yet(bookseller: Bookseller):
    page = bookseller.page()
    first = page.locator("#board-list .cover img").first
    first.scroll_into_view_if_needed()
    expect(first).to_have_js_property("complete", True)
    assert first.evaluate("cover => cover.naturalWidth") > 0
    last = page.locator("#board-list .cover img").last
    assert last.get_attribute("loading") == "lazy"


@pytest.mark.parametrize(
    "spelled",
    [
        BETWEEN_TWO_FIRES,
        "978-1-63973-913-4",
        isbn10_of(BETWEEN_TWO_FIRES),
        "1-63973-913",
        "between fires",
        "BUEHLMAN",
    ],
)
def test_a_title_is_found_while_it_is_typed(bookseller: Bookseller, spelled: str):
    page = bookseller.page()
    page.get_by_label("Search").press_sequentially(spelled)
    expect(rows(page).filter(has_text="Between Two Fires")).to_be_visible()
    expect(page.locator("#board-found")).to_contain_text("of 100")
    expect(page.get_by_label("Search")).to_have_value(spelled)
    expect(page.get_by_label("Search")).to_be_focused()
    page.reload()
    expect(rows(page).filter(has_text="Between Two Fires")).to_be_visible()


def test_filters_and_sorting_go_together_and_are_in_the_address(bookseller: Bookseller, admin: Admin):
    variants = [variant for product in admin.products() for variant in product["variants"]]
    preorders = sum(variant["metadata"]["availability"] == "preorder" for variant in variants)
    assert preorders
    page = bookseller.page()
    page.get_by_label("Shopper sees").select_option("Preorder")
    expect(rows(page)).to_have_count(preorders)
    page.get_by_role("link", name="Price").click()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Price")
    prices = [float(each.lstrip("$")) for each in page.locator("td[data-label=Price]").all_inner_texts()]
    assert prices == sorted(prices)
    page.get_by_role("link", name="Price").press("Enter")
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Price")
    page.get_by_label("Search").fill("no such words in any title")
    expect(page.get_by_text("No title is like that")).to_be_visible()
    assert "sort=price" in bookseller.path(page)
    page.get_by_role("link", name="Show all titles").click()
    expect(rows(page)).to_have_count(50)


def test_without_a_script_the_same_is_done_with_a_button(bookseller: Bookseller):
    page = bookseller.page(java_script_enabled=False)
    page.get_by_label("Search").fill("between two fires")
    page.get_by_role("button", name="Show").click()
    expect(rows(page)).to_have_count(1)
    page.get_by_role("link", name="Between Two Fires").click()
    expect(page.get_by_role("heading", name="Between Two Fires")).to_be_visible()
    page.get_by_role("button", name="Push it to the store").click()
    expect(page.locator("#title-run")).to_contain_text("Push to the store")


def test_a_title_tells_why_and_is_pushed_and_read_at_the_press_of_a_button(bookseller: Bookseller):
    page = bookseller.page(f"/titles/{isbn10_of(BETWEEN_TWO_FIRES)}")
    assert bookseller.path(page) == f"/titles/{BETWEEN_TWO_FIRES}"
    why = page.get_by_role("region", name="Why the store shows what it shows")
    expect(why).to_contain_text("on hand.")
    expect(why).to_contain_text("As it is in Medusa now.")
    expect(page.get_by_role("img", name="Copies of Between Two Fires over time")).to_be_visible()
    for button, words in (
        ("Push it to the store", "Push to the store"),
        ("Read it now", "Reading of named titles"),
    ):
        page.get_by_role("button", name=button).click()
        # It follows the run by itself, to its end.
        expect(page.locator("#title-run")).to_contain_text(f"{words}: done")
    page.get_by_role("link", name="What it did").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Reading of named titles")


def test_a_title_is_retired_after_a_question_and_tracked_again(
    bookseller: Bookseller, eventually: Callable[..., None]
):
    page = bookseller.page()
    name = rows(page).first.get_by_role("link").first.inner_text()
    isbn = rows(page).first.locator(".code").inner_text()
    page.goto(f"{bookseller.stack.desk_url}/titles/{isbn}")
    page.get_by_role("link", name="Retire it…").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"Retire {name}?")
    page.get_by_role("button", name="Retire it").click()
    expect(page.locator("#title-run")).to_contain_text("Retiring of titles: done")

    def is_retired() -> bool:
        page.goto(f"{bookseller.stack.desk_url}/?q={isbn}&show=retired")
        return rows(page).count() == 1

    eventually(is_retired)
    page.goto(f"{bookseller.stack.desk_url}/?q={isbn}")
    expect(page.get_by_text("No title is like that")).to_be_visible()
    page.goto(f"{bookseller.stack.desk_url}/titles/{isbn}")
    page.get_by_role("button", name="Read it now").click()
    expect(page.locator("#title-run")).to_contain_text("Reading of named titles: done")

    def is_tracked() -> bool:
        page.reload()
        return page.get_by_role("link", name="Retire it…").count() == 1

    eventually(is_tracked)


def test_what_is_at_work_is_told_live(bookseller: Bookseller):
    board = bookseller.page()
    title = bookseller.page(f"/titles/{BETWEEN_TWO_FIRES}")
    simulator = bookseller.stack.simulator
    before = simulator.set()["latency_ms"]
    simulator.set(latency_ms=10_000)  # The run lasts until somebody has seen it.
    try:
        title.get_by_role("button", name="Read it now").click()
        work = board.get_by_role("region", name="At work")
        expect(work).to_contain_text("Reading of named titles")
    finally:
        simulator.set(latency_ms=before)
    expect(title.locator("#title-run")).to_contain_text("done")
    expect(work).not_to_contain_text("Reading of named titles")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?show=low",
        "/?q=nothing+at+all",
        f"/titles/{BETWEEN_TWO_FIRES}",
        f"/titles/{BETWEEN_TWO_FIRES}/retire",
        "/titles/9780306406157",
    ],
)
@pytest.mark.parametrize("colors", ["light", "dark"])
def test_nobody_is_left_out(bookseller: Bookseller, path: str, colors: str):
    page = bookseller.page(path, color_scheme=colors)
    found = Axe().run(page).response["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []
    bookseller.complaints = [each for each in bookseller.complaints if "404" not in each]


@pytest.mark.parametrize("path", ["/", f"/titles/{BETWEEN_TWO_FIRES}"])
def test_no_page_scrolls_sideways_on_a_phone(bookseller: Bookseller, path: str):
    page = bookseller.page(path, viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    end = page.evaluate(
        "[...document.querySelectorAll('.navigation a')].at(-1).getBoundingClientRect().right"
    )
    assert end <= PHONE["width"], "the menu is cut off"


@pytest.mark.parametrize(
    ("path", "requests", "document"), [("/", 5, 90_000), (f"/titles/{BETWEEN_TWO_FIRES}", 5, 60_000)]
)
def test_a_page_costs_little(bookseller: Bookseller, path: str, requests: int, document: int):
    """Counted, not timed: what the desk itself is asked for, and how many bytes it sends."""
    page, asked = bookseller.page("/account"), []
    page.on("response", lambda response: asked.append(response))
    page.goto(f"{bookseller.stack.desk_url}{path}")
    page.wait_for_load_state("load")
    own: list[Response] = [each for each in asked if each.url.startswith(bookseller.stack.desk_url)]
    assert len(own) <= requests, [each.url for each in own]
    assert len(own[0].body()) < document
    sent = sum(each.request.sizes()["responseBodySize"] for each in own if "/static/" in each.url)
    assert sent < 40_000, "style, script and htmx, packed"
