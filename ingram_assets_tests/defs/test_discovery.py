"""Discovery: what the saved search lists is tracked, and a search that lost its titles is not believed."""

from collections.abc import Iterator

import dagster as dg
import pytest

from ingram_assets.defs.events import KIND, REPORT, STOPPED
from ingram_assets.defs.keys import ISBNS_NAME, RETIRED_NAME
from ingram_assets.defs.scraper.assets import saved_search
from ingram_assets.defs.scraper.jobs import enrich, retire
from ingram_assets.defs.scraper.ops import EnrichConfig, RetireConfig, enrich_titles, retire_titles
from ingram_assets.defs.scraper.resources import RESOURCES
from ingram_assets_tests.testing.own_dagster import dagster_of_scraper
from ingram_assets_tests.testing.queue import Queue
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.simulator import Simulator

pytestmark = pytest.mark.xdist_group("operations")

TITLES = 12


@pytest.fixture(scope="module")
def instance(
    postgres: Postgres, site: Simulator, queue: Queue, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dg.DagsterInstance]:
    """A Dagster that has discovered the site's titles once."""
    home, search = tmp_path_factory.mktemp("dagster"), {"IPAGE_SAVED_SEARCH_ID": site.search_id}
    with dagster_of_scraper(postgres, "discovery", home, site, queue, search) as instance:
        assert discover(instance).success
        yield instance


def discover(instance: dg.DagsterInstance, **config_of_search: object) -> dg.ExecuteInProcessResult:
    config = {"ops": {"ipage__saved_search": {"config": config_of_search}}}
    return dg.materialize(
        [saved_search], instance=instance, resources=RESOURCES, run_config=config, raise_on_error=False
    )


def counts_of(done: dg.ExecuteInProcessResult) -> dict[str, int]:
    (made,) = done.asset_materializations_for_node("ipage__saved_search")
    counts: dict[str, int] = made.metadata[REPORT].data["counts"]
    return counts


def tracked(instance: dg.DagsterInstance, queue: Queue) -> tuple[list[str], list[str]]:
    """ISBNs that are partitions, and those that have a row."""
    rows = queue.sql("SELECT DISTINCT isbn FROM ingram_queue ORDER BY isbn")
    return sorted(instance.get_dynamic_partitions(ISBNS_NAME)), [isbn for (isbn,) in rows]


def test_the_same_search_again_changes_nothing(instance: dg.DagsterInstance, site: Simulator, queue: Queue):
    everything = sorted(site.isbns())
    assert tracked(instance, queue) == (everything, everything)
    done = discover(instance)
    assert done.success
    counts = counts_of(done)
    assert (counts["discovered"], counts["new"]) == (TITLES, 0)
    assert tracked(instance, queue) == (everything, everything)


@pytest.fixture
def retired(instance: dg.DagsterInstance, site: Simulator) -> Iterator[str]:
    """A title that the search still lists, and a person retired."""
    isbn = next(isbn for isbn, title in site.book().items() if title["on_hand"])
    config = dg.RunConfig(ops={retire_titles.name: RetireConfig(isbns=[isbn])})
    assert retire.execute_in_process(config, instance=instance, resources=RESOURCES).success
    assert isbn not in instance.get_dynamic_partitions(ISBNS_NAME)
    yield isbn
    instance.delete_dynamic_partition(RETIRED_NAME, isbn)
    instance.add_dynamic_partitions(ISBNS_NAME, [isbn])


def test_a_retired_title_that_is_still_in_the_search_stays_retired(
    instance: dg.DagsterInstance, site: Simulator, retired: str
):
    done = discover(instance)
    assert done.success
    assert set(instance.get_dynamic_partitions(ISBNS_NAME)) == set(site.isbns()) - {retired}
    assert instance.get_dynamic_partitions(RETIRED_NAME) == [retired]
    counts = counts_of(done)
    assert (counts["discovered"], counts["new"], counts["retired"]) == (TITLES, 0, 1)


def test_a_retired_title_that_a_person_asks_for_is_taken_back(
    instance: dg.DagsterInstance, site: Simulator, retired: str
):
    """No search counts it as retired after that, nor keeps it from being tracked again."""
    config = dg.RunConfig(ops={enrich_titles.name: EnrichConfig(isbns=[retired])})
    assert enrich.execute_in_process(config, instance=instance, resources=RESOURCES).success
    assert retired in instance.get_dynamic_partitions(ISBNS_NAME)
    assert instance.get_dynamic_partitions(RETIRED_NAME) == []
    instance.delete_dynamic_partition(ISBNS_NAME, retired)  # as a person may on Dagster's page
    done = discover(instance)
    assert done.success
    assert set(instance.get_dynamic_partitions(ISBNS_NAME)) == set(site.isbns())
    counts = counts_of(done)
    assert (counts["new"], counts["retired"]) == (1, 0)


@pytest.mark.parametrize(
    ("fault", "listed"), [("header_only", "lists 0 titles"), ("other_search", "100% fewer")]
)
def test_a_search_that_lost_its_titles_is_stopped(
    instance: dg.DagsterInstance, site: Simulator, queue: Queue, fault: str, listed: str
):
    before = tracked(instance, queue)
    site.fault(fault, kinds=["export", "search"])
    done = discover(instance)
    site.reset()
    assert not done.success
    (failure,) = [event for event in done.all_events if event.is_step_failure]
    data = failure.step_failure_data
    assert data.user_failure_data.metadata[STOPPED].data["by"] == "guardrail"
    assert listed in data.user_failure_data.description
    assert "Nothing was added." in data.user_failure_data.description
    assert tracked(instance, queue) == before


def test_a_person_lets_another_search_through(instance: dg.DagsterInstance, site: Simulator, queue: Queue):
    """It adds its titles, and takes none away."""
    before, _ = tracked(instance, queue)
    site.fault("other_search", kinds=["export"])
    done = discover(instance, let_through=True)
    site.reset()
    assert done.success
    after, rows = tracked(instance, queue)
    assert set(before) < set(after)
    assert rows == after


def test_a_search_that_is_not_there_is_named_and_wants_a_person(
    instance: dg.DagsterInstance, site: Simulator, queue: Queue
):
    before = tracked(instance, queue)
    done = discover(instance, search_id="4711")
    assert not done.success
    (failure,) = [event.step_failure_data for event in done.get_step_failure_events()]
    said = failure.user_failure_data
    assert said is not None
    assert "iPage has no saved search 4711 that this account may see" in str(said.description)
    assert said.metadata[KIND].value == "needs_person", "exit code 2 at the terminal"
    assert tracked(instance, queue) == before
