"""A sweep over pages that say less than they should: what could not be read stands, and is reported."""

from collections.abc import Iterator

import dagster as dg
import pytest
import yaml

from ingram_assets.demo.embedded.postgres import Postgres
from ingram_assets.demo.simulator import Simulator, running_simulator
from ingram_assets.ipage.pages import parse_product_page
from ingram_assets.locations.events import REPORT, STOPPED
from ingram_assets.locations.keys import ISBNS_NAME, STOCK_SWEEP
from ingram_assets.locations.scraper.assets import saved_search, stock_sweep
from ingram_assets.locations.scraper.reading import shows_a_count, unread_counts
from ingram_assets.locations.scraper.resources import RESOURCES
from ingram_assets.queue.reader import QueueReader
from ingram_assets.queue.writer import QueueWriter
from ingram_assets_tests.ipage.page_factory import product_page
from ingram_assets_tests.queue.conftest import Queue, migrated

pytestmark = pytest.mark.xdist_group("operations")

TITLES = 40


@pytest.fixture(scope="module")
def site() -> Iterator[Simulator]:
    with running_simulator(titles=TITLES) as running:
        yield running


@pytest.fixture(scope="module")
def queue(postgres: Postgres) -> Queue:
    return migrated(postgres, "queue_of_the_readings")


@pytest.fixture(scope="module")
def instance(
    postgres: Postgres, site: Simulator, queue: Queue, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dg.DagsterInstance]:
    home = tmp_path_factory.mktemp("dagster")
    url = postgres.create_database("readings")
    config = {"storage": {"postgres": {"postgres_url": url}}, "telemetry": {"enabled": False}}
    (home / "dagster.yaml").write_text(yaml.safe_dump(config))
    settings = {
        "DAGSTER_PG_URL": url,
        "INGRAM_STATE_DIR": str(home / "state"),
        "IPAGE_BASE_URL": site.url,
        "IPAGE_SESSION_COOKIE": site.signed_in_cookie(),
        "QUEUE_DB_URL": queue.writer,
        **dict.fromkeys(("R2_ENDPOINT", "R2_PUBLIC_URL"), "http://127.0.0.1:9"),
        **dict.fromkeys(("R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY", "R2_BUCKET_NAME"), "unused"),
    }
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.from_config(str(home)) as instance:
        for name, value in settings.items():
            patch.setenv(name, value)
        with QueueWriter(queue.writer) as writer:
            writer.add_titles([{"isbn": isbn, "title": isbn} for isbn in site.isbns()])
        instance.add_dynamic_partitions(ISBNS_NAME, site.isbns())
        yield instance
    postgres.drop_database("readings")


def sweep(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [saved_search, stock_sweep],
        instance=instance,
        selection=[STOCK_SWEEP],
        resources=RESOURCES,
        raise_on_error=False,
    )


def stock_of(queue: Queue) -> dict[str, object]:
    with QueueReader(queue.reader) as reader:
        return {title.isbn: title.stock for title in reader.titles()}


def test_what_is_not_read_stands_and_is_reported(instance: dg.DagsterInstance, site: Simulator, queue: Queue):
    assert sweep(instance).success
    known = stock_of(queue)

    site.set(unknown_cells="soon", unknown_cells_share=10)
    done = sweep(instance)
    site.reset()
    assert done.success
    (made,) = done.asset_materializations_for_node("ipage__stock_sweep")
    assert made.metadata["fetches_ok"].value == TITLES  # every fetch is counted by its outcome's name
    assert made.metadata["fetches_blocked"].value == 0
    report = made.metadata[REPORT].data
    assert report["counts"]["stock_read_in_part"] > 0
    assert any("not read, and left as they were" in note for note in report["notes"])
    assert stock_of(queue) == known


def test_a_site_that_shows_no_count_any_more_stops_the_sweep(
    instance: dg.DagsterInstance, site: Simulator, queue: Queue
):
    assert sweep(instance).success
    known = stock_of(queue)
    site.fault("layout", layout="counts_in_words", share=100)
    done = sweep(instance)
    site.reset()
    assert not done.success
    failures = [event for event in done.all_events if event.is_step_failure]
    stop = failures[0].step_failure_data.user_failure_data.metadata[STOPPED].data
    assert stop["by"] == "guardrail"
    assert stock_of(queue) == known
    with QueueReader(queue.reader) as reader:
        unread = reader.summary().unread_by_outcome
    # So many useless pages in a row that the rest were not asked for.
    assert unread["changed"] > 0
    assert sum(unread.values()) == TITLES


@pytest.mark.parametrize(
    ("on_hand", "on_order", "shows", "unread"),
    [
        ("5", "0", True, []),
        ("5", "N/A", True, ["TN on order"]),
        ("N/A", "0", True, ["TN on hand"]),
        ("N/A", "-", False, ["TN on hand", "TN on order"]),
    ],
)
def test_a_page_shows_counts_or_not(on_hand: str, on_order: str, shows: bool, unread: list[str]):
    table = (
        '<table class="newStockCheckTable"><tr><th>DC</th><th>On Hand</th><th>On Order</th></tr>'
        f'<tr><td class="scTabledata">TN</td><td class="scTabledata">{on_hand}</td>'
        f'<td class="scTabledata">{on_order}</td></tr></table><table class="newAltStockCheckTable"></table>'
    )
    page = parse_product_page(product_page(stock=table))
    assert shows_a_count(page) is shows
    assert unread_counts(page) == unread
