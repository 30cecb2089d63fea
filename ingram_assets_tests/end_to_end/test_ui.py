"""Dagster's web page in a real browser, as a person opens it to see how the shop stands and start things."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from ingram_assets.defs.keys import FIND_BY_NAME, ISBNS_NAME, STOCK, STOCK_SWEEP
from ingram_assets.runtime.instance import dagster_instance
from ingram_demo.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")

BETWEEN_TWO_FIRES = "9781639739134"
GROUPS = {
    "discovery": ["ipage/saved_search"],
    "titles": ["ipage/title_details"],
    "stock": ["ipage/stock", "ipage/stock_sweep", "ipage/likely_sell_outs", "ipage/unread_pages"],
    "covers": ["r2/covers", "r2/cover_sweep"],
    "queue": ["queue/rows"],
    "store": [
        "medusa/stock_location",
        "medusa/products",
        "medusa/orders",
        "medusa/inventory_levels",
        "store/inventory",
    ],
    "backup": ["shop/backup"],
}
PATIENCE = 150_000
"""Milliseconds: on a busy machine the page takes its time."""


@dataclass(frozen=True)
class Ui:
    """A browser's page on Dagster's web server."""

    page: Page
    url: str

    def open(self, path: str) -> Page:
        """Go there."""
        self.page.goto(f"{self.url}{path}")
        return self.page

    def picture(self, name: str) -> None:
        """Keep what is seen, for the README: in the folder of INGRAM_SCREENSHOTS, if it is set."""
        if folder := os.environ.get("INGRAM_SCREENSHOTS"):
            self.page.wait_for_timeout(1500)
            self.page.screenshot(path=Path(folder) / f"{name}.png")

    def ask(self, query: str, **variables: Any) -> Any:
        """What the page itself asks: GraphQL."""
        answer = httpx.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=60)
        return answer.raise_for_status().json()["data"]


@pytest.fixture(scope="module")
def ui(stack: Stack, chromium: Path) -> Iterator[Ui]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium))
        # Without a locale Dagster's page stays blank.
        page = browser.new_page(locale="en-US", viewport={"width": 1400, "height": 900})
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        yield Ui(page, stack.ui_url)
        browser.close()


@pytest.fixture(scope="module")
def instance(stack: Stack) -> Iterator[dg.DagsterInstance]:
    with dagster_instance(stack.common) as instance:
        yield instance


def test_the_graph_shows_all_assets_with_their_groups(ui: Ui):
    """By the README's own link."""
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    (link,) = re.findall(r"\(http://127.0.0.1:3000/dagster(/asset-groups[^)]*)\)", readme)
    page = ui.open(link)
    graph = page.locator("svg foreignObject")
    for group, keys in GROUPS.items():
        expect(graph.get_by_text(group, exact=True).first).to_be_visible()
        for key in keys:
            expect(graph.get_by_text(key.split("/")[1], exact=True).first).to_be_visible()
    ui.picture("graph")


def test_every_asset_says_what_it_is(ui: Ui):
    query = """{ assetNodes { assetKey { path } groupName description kinds
        owners { ... on TeamAssetOwner { team } } isPartitioned } }"""
    nodes = {"/".join(node["assetKey"]["path"]): node for node in ui.ask(query)["assetNodes"]}
    assert nodes.keys() == {key for keys in GROUPS.values() for key in keys}
    for group, keys in GROUPS.items():
        for key in keys:
            node = nodes[key]
            assert node["groupName"] == group
            assert len(node["description"]) > 40, key
            assert node["kinds"], key
            assert node["owners"], key
    by_title = {key for key, node in nodes.items() if node["isPartitioned"]}
    assert by_title == {key for key, node in nodes.items() if FIND_BY_NAME in node["description"]}
    assert by_title == {
        *("ipage/title_details", "ipage/stock", "r2/covers", "queue/rows"),
        *("medusa/products", "medusa/inventory_levels", "medusa/orders", "ipage/unread_pages"),
    }


def test_everything_that_runs_by_itself_is_on(ui: Ui):
    query = """{ repositoriesOrError { ... on RepositoryConnection { nodes {
        sensors { name description sensorState { status } }
        schedules { name description scheduleState { status } } } } } }"""
    repositories = ui.ask(query)["repositoriesOrError"]["nodes"]
    sensors = {sensor["name"]: sensor for one in repositories for sensor in one["sensors"]}
    schedules = {schedule["name"]: schedule for one in repositories for schedule in one["schedules"]}
    assert sensors.keys() >= {
        *("search_due", "sweep_due", "covers_due", "new_titles", "stock_promise"),
        *(
            "stock_changes",
            "rows_to_import",
            "order_changes",
            "clock_changes",
            "shelf_changes",
            "watching_plans",
            "inventory_work",
        ),
        *("store_promise", "promise_watch"),
    }
    for name, one in {**sensors, **schedules}.items():
        assert one["description"], name
        assert (one.get("sensorState") or one["scheduleState"])["status"] == "RUNNING", name


def test_the_launchpad_reads_one_title(
    ui: Ui, stack: Stack, instance: dg.DagsterInstance, eventually: Callable[..., None]
):
    book = stack.simulator.entry(BETWEEN_TWO_FIRES)
    stack.simulator.move(BETWEEN_TWO_FIRES, "TN", on_hand=book["stock"]["TN"]["onHand"] + 7)
    page = ui.open("/locations/scraper/jobs/enrich/playground")
    editor = page.locator(".CodeMirror").first
    expect(editor).to_contain_text("isbns: []")
    editor.click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(
        "ops:\n  enrich_titles:\n    config:\n      isbns:\n        - '978-1-63973-913-4'\n"
    )
    launch = page.get_by_role("button", name="Launch Run")
    expect(launch).to_be_enabled()
    ui.picture("launchpad")
    before = {run.run_id for run in instance.get_runs(dg.RunsFilter(job_name="enrich"))}
    launch.click()

    def succeeded() -> bool:
        runs = [
            run for run in instance.get_runs(dg.RunsFilter(job_name="enrich")) if run.run_id not in before
        ]
        assert not any(run.is_failure for run in runs)
        return any(run.is_success for run in runs)

    eventually(succeeded)
    ui.open("/runs")
    expect(page.get_by_text("enrich", exact=True).first).to_be_visible()
    ui.picture("runs")


def test_the_stock_shows_its_partitions_and_what_is_known_of_one(ui: Ui, instance: dg.DagsterInstance):
    tracked = instance.get_dynamic_partitions(ISBNS_NAME)
    page = ui.open(f"/assets/ipage/stock?view=partitions&partition={BETWEEN_TWO_FIRES}")
    expect(page.get_by_text(f"{len(tracked)} Partitions Selected")).to_be_visible()
    known = page.locator("table")
    for words in ("Between Two Fires", "in_stock", "TN", "primary", "on_hand", "on_order", "observed_at"):
        expect(known.get_by_text(words, exact=True).first).to_be_visible()
    links = [link.get_attribute("href") for link in known.get_by_role("link").all()]
    assert any(f"/ipage/productdetail?ean_id={BETWEEN_TWO_FIRES}" in (link or "") for link in links)
    assert any(f"/covers/raw/{BETWEEN_TWO_FIRES}.jpg" in (link or "") for link in links)
    # The title's history, as a picture: it changed at least once, above.
    drawing = page.locator("img[alt='copies of Between Two Fires on hand']")
    expect(drawing).to_be_visible()
    assert drawing.evaluate("image => image.naturalWidth") > 100
    ui.picture("partitions")


def test_every_event_of_a_title_has_its_name(instance: dg.DagsterInstance):
    nameless, kinds = [], set()
    for key in instance.all_asset_keys():
        for fetch in (instance.fetch_materializations, instance.fetch_observations):
            for record in fetch(key, limit=2000).records:
                event = record.asset_materialization or record.asset_observation
                if record.partition_key and event:
                    kinds.add((key.to_user_string(), type(event).__name__))
                    nameless += [] if event.metadata.get("title") else [(key, record.partition_key)]
    assert len(kinds) >= 6
    assert nameless == []


def test_a_sweep_leads_with_figures_and_ends_with_what_programs_read(ui: Ui, instance: dg.DagsterInstance):
    made = instance.fetch_materializations(STOCK_SWEEP, limit=1).records[0].asset_materialization
    assert made is not None
    names = list(made.metadata)
    assert names[:2] == ["on_hand_total", "on_order_total"]
    is_json = [isinstance(value, dg.JsonMetadataValue) for value in made.metadata.values()]
    assert any(is_json)
    assert is_json == sorted(is_json)


def test_a_sweep_shows_its_plots(ui: Ui):
    page = ui.open("/assets/ipage/stock_sweep")
    page.get_by_text("Plots", exact=True).click()
    for name in ("on_hand_total", "titles_in_stock", "titles_preorder", "page_seconds_median"):
        expect(page.get_by_text(name, exact=True)).to_be_visible()
    expect(page.locator("canvas").first).to_be_visible()
    page.get_by_text("on_hand_total", exact=True).scroll_into_view_if_needed()
    ui.picture("plots")


def test_the_standing_check_says_how_many_titles_are_stale(
    ui: Ui, instance: dg.DagsterInstance, eventually: Callable[..., None]
):
    tracked = instance.get_dynamic_partitions(ISBNS_NAME)

    def evaluated() -> bool:
        made = instance.get_latest_materialization_event(STOCK)
        checks = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(STOCK, "within_the_promise"), limit=1
        )
        return bool(made and checks and checks[0].event and checks[0].event.timestamp > made.timestamp)

    eventually(evaluated)
    page = ui.open("/assets/ipage/stock?view=checks&checkDetail=within_the_promise")
    expect(page.get_by_text(f"All {len(tracked)} titles were read within").first).to_be_visible()
