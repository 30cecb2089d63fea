"""Inventory, runs and the log of requests in a real browser, on the whole shop."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from ingram_assets.runtime.instance import dagster_instance
from ingram_assets_tests.testing.demo import Admin, Shell, caught_up
from ingram_assets_tests.testing.running_shop import with_copies
from ingram_demo.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")

BETWEEN_TWO_FIRES = "9781639739134"
PATIENCE = 150_000
"""Milliseconds: on a busy machine a run takes its time."""
CELLAR, ATTIC = "Cellar", "Attic"


def looked_again(page: Page, is_wanting: Callable[[], int | bool] | None = None) -> None:
    """On a busy machine Medusa may be too slow for a page. It says so then, and a person looks again."""
    is_wanting = is_wanting or page.get_by_text("Medusa can't be asked now").count
    until = time.monotonic() + PATIENCE / 1000
    while is_wanting() and time.monotonic() < until:
        time.sleep(1)
        page.reload()


@dataclass(frozen=True)
class Desk:
    """A person's browser, signed in."""

    page: Page
    url: str

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.url}{path}")
        looked_again(self.page)
        return self.page

    def no_violation(self) -> None:
        """By axe; and the page does not scroll sideways."""
        found = Axe().run(self.page).response["violations"]
        assert not found, [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found]
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    def ended(self, state: str = "done") -> None:
        """The run whose page it is comes to its end, by itself."""
        expect(self.page.get_by_role("region", name="How it went")).to_contain_text(state)


@pytest.fixture(scope="module")
def chrome(chromium) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(chromium))
        yield running
        running.close()


def signed_in(chrome: Browser, stack: Stack, **options) -> Desk:
    context = chrome.new_context(locale="en-US", **options)
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    page = context.new_page()
    page.goto(f"{stack.desk_url}/sign-in")
    page.get_by_label("E-mail").fill(stack.medusa.email)
    page.get_by_label("Password").fill(stack.medusa.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Inventory")).to_be_visible()
    return Desk(page, stack.desk_url)


@pytest.fixture(scope="module")
def desk(chrome: Browser, stack: Stack) -> Desk:
    return signed_in(chrome, stack, viewport={"width": 1280, "height": 900})


@pytest.fixture(scope="module")
def without_script(chrome: Browser, stack: Stack) -> Desk:
    return signed_in(chrome, stack, java_script_enabled=False)


@pytest.fixture(scope="module")
def shelves(admin: Admin, scraper: Shell) -> dict[str, str]:
    """Names to ids of two locations of the shop's own, that its sales channel sells from."""
    (channel,) = admin.all("/admin/sales-channels", "sales_channels", name="Online Store")
    return {name: admin.make_location(name, channel["id"]) for name in (CELLAR, ATTIC)}


def copies(page: Page) -> str:
    """Copies, held and available, as an entry's page shows them."""
    figures = page.locator("main > .figures .figure-number")
    expect(figures.or_(page.get_by_text("Medusa can't be asked now")).first).to_be_visible()
    looked_again(page)
    return " ".join(each.strip() for each in figures.all_inner_texts())


def test_a_shelf_is_counted_adjusted_moved_held_and_given_up(
    desk: Desk, shelves: dict[str, str], admin: Admin
):
    page = desk.open("/inventory")
    page.get_by_role("link", name="Keep a title at a location…").click()
    desk.no_violation()
    location = page.get_by_label("Location")
    looked_again(page, lambda: CELLAR not in location.locator("option").all_inner_texts())
    page.get_by_label("ISBN of the title").fill("978-1-63973-913-4")
    location.select_option(CELLAR)
    page.get_by_label("Copies that lie there").fill("12")
    page.get_by_label("Why").select_option("Counted on the shelf")
    page.get_by_role("button", name="Keep it there").click()
    expect(page.get_by_text("Done")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Between Two Fires")
    assert copies(page) == "12 0 12"
    desk.no_violation()

    page.get_by_label("How many more or fewer").fill("-2")
    page.get_by_role("region", name="Adjust").get_by_label("Why").select_option("Damaged")
    page.get_by_role("button", name="Adjust").click()
    expect(page.get_by_text("12 → 10")).to_be_visible()
    assert copies(page) == "10 0 10"

    page.get_by_label("Copies that lie here").fill("11")
    page.get_by_role("region", name="Set what was counted").get_by_label("Why").select_option(
        "Counted on the shelf"
    )
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_text("10 → 11")).to_be_visible()

    page.get_by_label("Copies to move").fill("4")
    page.get_by_label("Where to").select_option(ATTIC)
    page.get_by_role("button", name="Move").click()
    expect(page.get_by_text("11 → 7")).to_be_visible()

    page.get_by_label("Copies to hold").fill("3")
    page.get_by_label("For whom").fill("Mrs. Finch")
    page.get_by_role("button", name="Hold", exact=True).click()
    expect(page.get_by_role("button", name="Release 3 held for Mrs. Finch")).to_be_visible()
    assert copies(page) == "7 3 4"
    page.get_by_role("button", name="Release 3 held for Mrs. Finch").click()
    expect(page.get_by_text("Nothing is held.")).to_be_visible()
    page.get_by_label("Copies to hold").fill("2")
    page.get_by_role("button", name="Hold", exact=True).click()
    page.get_by_role("button", name="Hand out 2 held for somebody").click()
    expect(page.get_by_text("Nothing is held.")).to_be_visible()
    assert copies(page) == "5 0 5"

    page.get_by_role("link", name="Stop keeping this title here…").click()
    desk.no_violation()
    page.get_by_role("button", name="Stop keeping it here").click()
    expect(page.get_by_text("Done")).to_be_visible()
    kept = page.get_by_role("region", name="Entries").get_by_role("row").filter(has_text=CELLAR)
    expect(kept).to_have_count(0)

    page.get_by_role("link", name="Take it back…").click()
    desk.no_violation()
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("Done")).to_be_visible()
    assert copies(page) == "5 0 5"
    assert admin.levels_at(shelves[CELLAR])[BETWEEN_TWO_FIRES]["stocked_quantity"] == 5


def test_a_refusal_says_what_it_is_now_and_keeps_what_was_typed(
    without_script: Desk, shelves: dict[str, str], admin: Admin
):
    """Without a script, so that it is seen to be needed for nothing."""
    page = without_script.open("/inventory?low=&search=" + BETWEEN_TWO_FIRES)
    page.get_by_role("row").filter(has_text=ATTIC).get_by_role("link").first.click()
    now = int(copies(page).split()[0])
    admin.set_level_at(BETWEEN_TWO_FIRES, shelves[ATTIC], now + 5)
    page.get_by_label("Copies that lie here").fill("40")
    counted = page.get_by_role("region", name="Set what was counted")
    counted.get_by_label("Why").select_option("Counted on the shelf")
    counted.get_by_label("Note for the ledger").fill("third shelf")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text(f"The quantity is {now + 5} now, not {now}")
    expect(page.get_by_label("Copies that lie here")).to_have_value("40")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_text(f"{now + 5} → 40")).to_be_visible()


def test_a_double_click_counts_once(desk: Desk, shelves: dict[str, str], admin: Admin):
    page = desk.open(f"/inventory?search={BETWEEN_TWO_FIRES}")
    page.get_by_role("row").filter(has_text=ATTIC).get_by_role("link").first.click()
    before = int(copies(page).split()[0])
    page.get_by_label("How many more or fewer").fill("1")
    page.get_by_role("button", name="Adjust").click()
    expect(page.get_by_role("region", name="Adjust").get_by_label("Why")).to_be_focused()
    page.get_by_role("region", name="Adjust").get_by_label("Why").select_option("Received")
    page.get_by_role("button", name="Adjust").dblclick()
    expect(page.get_by_text(f"{before} → {before + 1}")).to_be_visible()
    assert admin.levels_at(shelves[ATTIC])[BETWEEN_TWO_FIRES]["stocked_quantity"] == before + 1


def test_the_lists_are_filtered_and_sound(desk: Desk, shelves: dict[str, str]):
    page = desk.open("/inventory")
    expect(page.get_by_text("None left", exact=True).first).to_be_visible()
    desk.no_violation()
    page.get_by_label("Title, SKU or ISBN").fill("between two")
    page.get_by_label("Location").select_option(ATTIC)
    page.get_by_role("button", name="Show", exact=True).click()
    rows = page.get_by_role("region", name="Entries").locator("tbody tr")
    expect(rows).to_have_count(1)
    page.get_by_role("link", name="Ledger").click()
    expect(page.get_by_role("region", name="Lines of the ledger").get_by_text(ATTIC).first).to_be_visible()
    desk.no_violation()
    page.get_by_label("What").select_option("Moved")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("region", name="Lines of the ledger").locator("tbody tr")).to_have_count(2)


def test_a_plan_is_let_through_and_undone(
    desk: Desk, stack: Stack, admin: Admin, eventually: Callable[..., None]
):
    """Of a title on no shelf of the shop's: a sensor pushes what lies there, and would come in between."""
    with dagster_instance(stack.common) as instance:
        eventually(lambda: caught_up(stack, instance))
    isbn = next(isbn for isbn in with_copies(stack) if isbn != BETWEEN_TWO_FIRES)
    title, right = stack.simulator.entry(isbn)["title"], admin.levels()[isbn]["stocked_quantity"]
    admin.set_level(isbn, right + 3)
    page = desk.open("/runs")
    desk.no_violation()
    page.get_by_role("button", name="Plan a push").click()
    desk.ended()
    row = page.get_by_role("region", name="The plan").get_by_role("row").filter(has_text=title)
    expect(row).to_contain_text(f"{right + 3} → {right}")
    desk.no_violation()
    assert admin.levels()[isbn]["stocked_quantity"] == right + 3
    page.get_by_role("link", name="Let it through…").click()
    desk.no_violation()
    page.get_by_role("button", name="Let it through").click()
    desk.ended()
    expect(page.get_by_role("region", name="Changes in the store")).to_contain_text(title)
    desk.no_violation()
    assert admin.levels()[isbn]["stocked_quantity"] == right
    expect(page.get_by_role("region", name="How it went")).to_contain_text(stack.medusa.email)

    page.get_by_role("button", name="Undo it").click()
    desk.ended()
    expect(page.get_by_role("region", name="The plan")).to_contain_text("put back")
    page.get_by_role("link", name="Take it back…").click()
    page.get_by_role("button", name="Take it back").click()
    desk.ended()
    assert admin.levels()[isbn]["stocked_quantity"] == right + 3


def test_sync_inventory_brings_all_in_step_with_its_progress(desk: Desk, admin: Admin):
    """The same run as the daily reconcile."""
    desk.open("/runs").get_by_role("link", name="Sync inventory…").click()
    expect(desk.page.get_by_text("Guardrails stay on")).to_be_visible()
    desk.no_violation()
    desk.page.get_by_role("button", name="Sync inventory").click()
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("Sync of the whole inventory")
    desk.ended()
    right = admin.levels()[BETWEEN_TWO_FIRES]["stocked_quantity"]
    admin.set_level(BETWEEN_TWO_FIRES, right + 7)
    page = desk.open("/runs/sync")
    page.get_by_role("button", name="Sync inventory").click()
    desk.ended()
    assert admin.levels()[BETWEEN_TWO_FIRES]["stocked_quantity"] == right
    page = desk.open("/runs")
    expect(page.get_by_role("link", name="Sync inventory…")).to_be_visible()
    expect(page.get_by_role("region", name="Runs").locator("tbody tr").first).to_contain_text("done")


def test_the_log_of_requests_has_readings_and_failures(desk: Desk, stack: Stack, scraper: Shell):
    stack.simulator.fault("layout", layout="counts_in_words", isbns=[BETWEEN_TWO_FIRES])
    try:
        assert scraper("enrich", BETWEEN_TWO_FIRES, "--json").exit_code == 1
    finally:
        stack.simulator.reset()
    page = desk.open("/requests")
    expect(page.get_by_role("region", name="Titles that can’t be read now")).to_contain_text(
        "Between Two Fires"
    )
    desk.no_violation()
    page.get_by_label("Title, author or ISBN").fill("978-1-63973-913-4")
    page.get_by_label("What came of it").select_option("Failed: page not understood")
    page.get_by_role("button", name="Show", exact=True).click()
    rows = page.get_by_role("region", name="Attempts").locator("tbody tr")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("page not understood")
    assert scraper("enrich", BETWEEN_TWO_FIRES, "--json").exit_code == 0
    page = desk.open(f"/requests?search={BETWEEN_TWO_FIRES}&status=read")
    expect(page.get_by_role("region", name="Attempts").locator("tbody tr").first).to_contain_text("on hand")
    page.get_by_role("link", name="The store").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Requests")
    desk.no_violation()


@pytest.mark.parametrize(
    "options",
    [
        {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
        {"viewport": {"width": 390, "height": 844}},
    ],
    ids=["dark", "phone"],
)
def test_each_page_is_sound_in_the_dark_and_on_a_phone(chrome: Browser, stack: Stack, options):
    desk = signed_in(chrome, stack, **options)
    for path in (
        "/inventory",
        "/inventory/ledger",
        "/inventory/new",
        "/runs",
        "/requests",
        "/requests/store",
    ):
        desk.open(path)
        desk.no_violation()
    desk.open("/runs").get_by_role("region", name="Runs").get_by_role("link").first.click()
    expect(desk.page).to_have_url(re.compile("/runs/"))
    desk.no_violation()
    entries = desk.open("/inventory").get_by_role("region", name="Entries")
    entries.get_by_role("rowheader").first.get_by_role("link").click()
    expect(desk.page).to_have_url(re.compile("/inventory/entries/"))
    desk.no_violation()
    desk.page.context.close()
