"""Discovery: what the saved search lists is tracked, and a search that lost its titles is not believed."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from ingram_assets.defs.events import KIND, REPORT, STOPPED
from ingram_assets.defs.keys import ISBNS_NAME, QUEUE_ROWS, RETIRED_NAME, SAVED_SEARCH
from ingram_assets.defs.scraper.assets import saved_search
from ingram_assets.defs.scraper.jobs import discover_in_file, discover_plan, enrich, retire
from ingram_assets.defs.scraper.ops import EnrichConfig, RetireConfig, enrich_titles, retire_titles
from ingram_assets.defs.scraper.resources import RESOURCES
from ingram_assets_tests.testing.own_dagster import dagster_of_scraper
from ingram_assets_tests.testing.queue import Queue
from ingram_assets_tests.testing.shop import make_isbn
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
    assert (
        "The commands: ingram discover --let-through, if it is right." in data.user_failure_data.description
    )
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


def report_of(done: dg.ExecuteInProcessResult, node: str) -> dict[str, Any]:
    """The report of a job's op."""
    (output,) = [event for event in done.events_for_node(node) if event.is_successful_output]
    report: dict[str, Any] = output.step_output_data.metadata[REPORT].data
    return report


@pytest.mark.parametrize("markup", ["table", "cards"])
def test_without_an_export_the_pages_of_results_are_tracked(
    instance: dg.DagsterInstance, site: Simulator, queue: Queue, markup: str
):
    """And nothing of what stands beside them."""
    before = tracked(instance, queue)
    for isbn in (first := site.isbns())[:2]:
        instance.delete_dynamic_partition(ISBNS_NAME, isbn)
    site.set(results_markup=markup, export_as="404")
    done = discover(instance, let_through=True)  # The search of the test above had other titles, too.
    site.reset()
    assert done.success
    counts = counts_of(done)
    assert (counts["discovered"], counts["new"], counts["known"]) == (TITLES, 2, TITLES - 2)
    assert tracked(instance, queue) == before
    (made,) = done.asset_materializations_for_node("ipage__saved_search")
    assert "The export could not be had" in made.metadata[REPORT].data["notes"][0]
    assert made.metadata["isbns"].data == first


def test_a_page_that_lost_its_titles_is_stopped_as_an_export_is(
    instance: dg.DagsterInstance, site: Simulator, queue: Queue
):
    assert discover(instance).success
    before = tracked(instance, queue)
    site.set(export_as="404", search_shows=3)
    done = discover(instance)
    site.reset()
    assert not done.success
    (failure,) = [event.step_failure_data for event in done.get_step_failure_events()]
    assert "lists 3 titles, last time it listed 12" in str(failure.user_failure_data.description)
    assert tracked(instance, queue) == before


@pytest.mark.parametrize(
    ("search_id", "told"),
    [
        ("/ipage/common/contentdelivery/hm001View.action?x=1", "leads to no list of titles"),
        ("/ipage/search/savedSearch.action?searchId=999", "nothing at the saved search's address"),
        ("https://site.example/ipage/search?searchId=1", "of another host than the site's, 127"),
    ],
    ids=["home", "no search", "host"],
)
def test_an_address_that_leads_elsewhere_is_named_and_wants_a_person(
    instance: dg.DagsterInstance, site: Simulator, queue: Queue, search_id: str, told: str
):
    before = tracked(instance, queue)
    done = discover(instance, search_id=search_id)
    assert not done.success
    (failure,) = [event.step_failure_data for event in done.get_step_failure_events()]
    said = failure.user_failure_data
    assert told in str(said.description)
    assert said.metadata[KIND].value == "needs_person"
    assert tracked(instance, queue) == before


def test_a_search_that_never_listed_a_title_wants_a_person(instance: dg.DagsterInstance, site: Simulator):
    site.fault("header_only", kinds=["search", "export"])
    done = discover(instance, search_id=f"/ipage/search/savedSearch.action?searchId={site.search_id}")
    site.reset()
    assert not done.success
    (failure,) = [event.step_failure_data for event in done.get_step_failure_events()]
    assert "lists no title: open it in a browser" in str(failure.user_failure_data.description)


def test_the_address_of_the_page_is_as_good_as_the_number(
    instance: dg.DagsterInstance, site: Simulator, queue: Queue
):
    before = tracked(instance, queue)
    address = f"{site.url}/ipage/search/savedSearch.action;jsessionid=1?token=a&searchId={site.search_id}#top"
    done = discover(instance, search_id=address)
    assert done.success
    assert counts_of(done)["known"] == TITLES
    assert tracked(instance, queue) == before
    assert discover(instance).success  # What is read as this search is the setting's again.


def test_a_plan_of_the_search_names_what_it_would_bring_and_writes_nothing(
    instance: dg.DagsterInstance, site: Simulator, queue: Queue
):
    isbn = site.isbns()[0]
    instance.delete_dynamic_partition(ISBNS_NAME, isbn)
    before = tracked(instance, queue), instance.get_latest_materialization_event(SAVED_SEARCH)
    done = discover_plan.execute_in_process(instance=instance, resources=RESOURCES)
    assert (tracked(instance, queue), instance.get_latest_materialization_event(SAVED_SEARCH)) == before
    report = report_of(done, "plan_discovery")
    assert report["details"] == {"dry_run": True, "new": {isbn: site.entry(isbn)["title"]}}
    assert (report["counts"]["new"], report["counts"]["known"]) == (1, TITLES - 1)
    instance.add_dynamic_partitions(ISBNS_NAME, [isbn])


def of_a_file(instance: dg.DagsterInstance, **config: Any) -> dict[str, Any]:
    """The report of a run that tracks what a file lists."""
    run_config = {"ops": {"track_titles": {"config": config}}}
    done = discover_in_file.execute_in_process(run_config, instance=instance, resources=RESOURCES)
    assert done.success
    return report_of(done, "track_titles")


def test_a_file_adds_its_titles_once_and_takes_none_away(
    instance: dg.DagsterInstance, site: Simulator, queue: Queue, retired: str
):
    own, known = make_isbn(71_000), site.isbns()[-1]
    (partitions, rows) = tracked(instance, queue)
    last = instance.get_latest_materialization_event(SAVED_SEARCH)
    config = {"isbns": [own, known, retired], "titles": {own: "Own"}, "prices": {own: "9.50"}}
    config |= {"not_understood": {"x": "list.txt, line 4: no ISBN"}, "notes": ["list.txt: a note"]}
    plan = of_a_file(instance, **config, dry_run=True)
    assert plan["details"]["new"] == {own: "Own"}
    assert tracked(instance, queue) == (partitions, rows)
    for new in (1, 0):
        report = of_a_file(instance, **config)
        counts = report["counts"]
        assert (counts["discovered"], counts["new"], counts["known"]) == (3, new, 2 - new)
        assert (counts["retired"], counts["rejected"]) == (1, 1)
        assert report["failed"] == [{"isbn": "x", "reason": "list.txt, line 4: no ISBN"}]
        told, first_day = report["notes"]
        assert told == "list.txt: a note"
        assert first_day.startswith("In its first day iPage is asked for about")
        assert f"of {len(partitions) + 1} titles" in first_day
        assert report["details"] == {}
        assert tracked(instance, queue) == (sorted([*partitions, own]), sorted([*rows, own]))
    row = queue.sql("SELECT title, srp_price::text FROM ingram_queue WHERE isbn = %s", own)
    assert row == [("Own", "9.50")]
    made = instance.fetch_materializations(QUEUE_ROWS, limit=5).records
    assert [each.partition_key for each in made if each.partition_key == own] == [own]
    assert instance.get_latest_materialization_event(SAVED_SEARCH) == last, (
        "a file is no listing of the search"
    )


def test_numbers_without_titles_are_named_to_be_read_first(
    instance: dg.DagsterInstance, site: Simulator, queue: Queue, retired: str
):
    """There is no row without a title, and nobody tracks what iPage may not list."""
    before = tracked(instance, queue)
    unknown, known = make_isbn(71_001), site.isbns()[-1]
    plan = of_a_file(instance, isbns=[unknown, known, retired], dry_run=True)
    assert plan["notes"][-1].startswith("1 of them have no title in the file: their pages are read first")
    report = of_a_file(instance, isbns=[unknown, known, retired])
    assert report["details"] == {"to_be_read": [unknown]}
    assert (report["counts"]["discovered"], report["counts"]["new"], report["counts"]["known"]) == (3, 0, 1)
    assert report["failed"] == []
    assert tracked(instance, queue) == before
