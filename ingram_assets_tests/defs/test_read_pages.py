"""A sweep over pages that say less than they should: what could not be read stands, and is reported."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from functools import partial
from typing import Any

import dagster as dg
import pytest

from ingram_assets.defs.events import KIND, REPORT, STOPPED
from ingram_assets.defs.keys import ISBNS_NAME, QUEUE_ROWS, STOCK, STOCK_SWEEP, TITLE_DETAILS, UNREAD_PAGES
from ingram_assets.defs.reading_events import OUTCOME, REASON, said
from ingram_assets.defs.scraper import read_pages
from ingram_assets.defs.scraper.assets import saved_search, stock_sweep, title_page
from ingram_assets.defs.scraper.earlier_sweeps import BINDINGS
from ingram_assets.defs.scraper.from_settings import forget_of_the_site
from ingram_assets.defs.scraper.read_pages import details_of
from ingram_assets.defs.scraper.resources import RESOURCES
from ingram_assets.defs.scraper.sweep_result import shows_a_count, unread_counts
from ingram_assets.defs.site_pauses import PAUSE_TAG, last_pause, site_pause
from ingram_assets.domain.formatting import moment
from ingram_assets.domain.restrictions import Restriction
from ingram_assets.domain.site_limits import Limits
from ingram_assets.domain.stock import DcStock, on_hand
from ingram_assets.domain.title import Contributor
from ingram_assets.sources.ipage import site as site_module
from ingram_assets.sources.ipage.pages import parse_product_page
from ingram_assets.staging.reader import QueueReader
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.own_dagster import dagster_of_scraper
from ingram_assets_tests.testing.page_factory import product_page
from ingram_assets_tests.testing.queue import Queue
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.simulator import Simulator

pytestmark = pytest.mark.xdist_group("operations")

TITLES = 40
NEVER_READ = "UPDATE ingram_queue SET stock_json = NULL, stock_observed_at = NULL, stock_complete_at = NULL"


@pytest.fixture(scope="module")
def instance(
    postgres: Postgres, site: Simulator, queue: Queue, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dg.DagsterInstance]:
    home = tmp_path_factory.mktemp("dagster")
    with dagster_of_scraper(postgres, "readings", home, site, queue) as instance:
        with QueueWriter(queue.writer) as writer:
            writer.add_titles([{"isbn": isbn, "title": isbn} for isbn in site.isbns()])
        instance.add_dynamic_partitions(ISBNS_NAME, site.isbns())
        yield instance


def sweep(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [saved_search, stock_sweep],
        instance=instance,
        selection=[STOCK_SWEEP],
        resources=RESOURCES,
        raise_on_error=False,
    )


def own_table(entry: dict[str, Any]) -> dict[str, int]:
    """On hand at the two DCs of the account's own table, of a title in the simulator's book."""
    return {
        dc: counts["onHand"] for dc, counts in (entry["stock"] or {}).items() if counts["type"] != "other"
    }


def stock_of(queue: Queue) -> dict[str, dict[str, DcStock] | None]:
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


def test_a_binding_that_no_list_has_is_told_once(instance: dg.DagsterInstance, site: Simulator, queue: Queue):
    book, other = site.isbns()[:2]
    known, before = site.entry(book)["binding"], site.entry(other)["binding"]
    assert sweep(instance).success

    def notes_of(done: dg.ExecuteInProcessResult) -> list[str]:
        (made,) = done.asset_materializations_for_node("ipage__stock_sweep")
        listed = made.metadata.get(BINDINGS)
        notes = [note for note in made.metadata[REPORT].data["notes"] if "never seen before" in note]
        return [*notes, *(listed.data if listed else ())]

    site.edit(book, binding="Hologram Sphere")
    first, second = notes_of(sweep(instance)), notes_of(sweep(instance))
    site.edit(other, binding="Digital Lava Lamp")
    site.edit(book, binding=known)
    third = notes_of(sweep(instance))
    site.edit(other, binding=before)
    assert f"“Hologram Sphere” ({book})" in first[0]
    assert first[1:] == second == ["Hologram Sphere"]
    assert f": “Digital Lava Lamp” ({other})." in third[0]
    assert third[1:] == ["Digital Lava Lamp", "Hologram Sphere"]


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
    unread = dict(queue.sql("SELECT outcome, count(*) FROM ingram_unread GROUP BY outcome"))
    # So many useless pages in a row that the rest were not asked for.
    assert unread["changed"] > 0
    assert sum(unread.values()) == TITLES
    observed = instance.fetch_observations(dg.AssetRecordsFilter(UNREAD_PAGES), limit=1_000).records
    titles = [said(record, "title") for record in observed if record.run_id == done.run_id]
    assert titles
    assert all(titles), "who looks knows the book by its name"


def test_each_attempt_that_gave_nothing_is_logged_with_why(
    instance: dg.DagsterInstance, site: Simulator, queue: Queue
):
    site.fault("layout", layout="counts_in_words", share=20)
    done = sweep(instance)
    site.reset()
    (report,) = [
        (event.step_failure_data.user_failure_data or event).metadata[REPORT].data
        if event.is_step_failure
        else event.step_output_data.metadata[REPORT].data
        for event in done.all_events
        if event.is_step_failure or (event.is_successful_output and REPORT in event.step_output_data.metadata)
    ]
    failed = {one["isbn"]: one["reason"] for one in report["failed"]}
    assert 0 < len(failed) < TITLES
    found = instance.fetch_observations(dg.AssetRecordsFilter(UNREAD_PAGES), limit=1_000).records
    logged = {record.partition_key: record for record in found if record.run_id == done.run_id}
    assert {isbn: said(record, REASON) for isbn, record in logged.items()} == failed
    assert {said(record, OUTCOME) for record in logged.values()} == {"changed"}


def test_a_block_stops_the_sweep_and_the_next_one_asks_for_nothing(
    instance: dg.DagsterInstance, site: Simulator, queue: Queue
):
    assert sweep(instance).success
    known = stock_of(queue)
    site.fault("status", status=429, retry_after="3600")
    site.reset_requests()
    try:
        for asked_at_most in (8, 0):
            done = sweep(instance)
            (failure,) = [event for event in done.all_events if event.is_step_failure]
            metadata = failure.step_failure_data.user_failure_data.metadata
            assert metadata[STOPPED].data["by"] == "Blocked"  # exit 3
            assert "left alone until" in metadata[STOPPED].data["reason"]
            assert metadata[REPORT].data["counts"] == {"blocked": TITLES}
            asked = site.requests()["by_kind"].get("product", 0)
            assert asked <= asked_at_most
            observed = instance.fetch_observations(dg.AssetRecordsFilter(UNREAD_PAGES), limit=1_000).records
            logged = [record for record in observed if record.run_id == done.run_id]
            assert len(logged) <= asked, "what was not asked for is no attempt"
            pause = site_pause(instance, time.time())
            assert pause, "the store's side knows of it as well, from Dagster alone"
            assert f"left alone until {moment(pause.until)}" in metadata[STOPPED].data["reason"]
            site.reset_requests()
    finally:
        site.reset()
        assert forget_of_the_site("block")
    assert stock_of(queue) == known
    assert sweep(instance).success
    assert site_pause(instance, time.time()) is None, "pages were read since"


def test_a_block_that_is_sat_out_is_told_at_once_with_its_end_and_what_comes_then(
    instance: dg.DagsterInstance,
    site: Simulator,
    eventually: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(site_module, "Limits", partial(Limits, pauses=(2.0,)))
    site.fault("status", status=403, retry_after="4", count=1)
    try:
        with ThreadPoolExecutor(1) as pool:
            sweeping = pool.submit(sweep, instance)
            eventually(lambda: sweeping.done() or site_pause(instance, time.time()))
            assert not sweeping.done(), "told while it lasts, to the store's side as well"
            done = sweeping.result()
    finally:
        site.reset()
        assert forget_of_the_site("block")
    assert done.success
    told = [
        entry.user_message for entry in instance.all_logs(done.run_id) if "Pages read" in entry.user_message
    ]
    (pause,) = {words for words in told if "status 403" in words}
    assert "asks to wait 4 s" in pause
    assert "nothing is asked until 20" in pause
    assert "(4 s from the block), then the run goes on; block 1 of this run, which ends at 3" in pause
    run = instance.get_run_by_id(done.run_id)
    kept = last_pause([run.tags[PAUSE_TAG]]) if run else None
    assert kept
    assert f"until {moment(kept.until)}" in pause


@pytest.mark.parametrize("known", [True, False])
def test_a_missing_table_is_not_taken_for_zeros(
    instance: dg.DagsterInstance, site: Simulator, queue: Queue, known: bool
):
    if known:
        assert sweep(instance).success
    else:
        assert sweep(instance).success  # that a whole page has two tables is known
        queue.sql(NEVER_READ)
    before = stock_of(queue)
    site.fault("layout", layout="alt_missing")
    done = sweep(instance)
    site.reset()
    shown = {isbn: own_table(entry) for isbn, entry in site.book().items()}
    hidden = {isbn for isbn, counts in shown.items() if counts == {"TN": 0, "PA": 0}}
    after = stock_of(queue)
    if known:
        assert {isbn: after[isbn] for isbn in hidden} == {isbn: before[isbn] for isbn in hidden}
    else:
        assert {on_hand(after[isbn]) for isbn in hidden} == {None}, "0 of a part is not 0"
    for isbn in set(shown) - hidden:
        read = {dc: counts.on_hand for dc, counts in (after[isbn] or {}).items() if counts.role != "other"}
        assert read == shown[isbn]
    # So many that the guardrail stops it, with the figures, and each title's reason.
    assert len(hidden) > TITLES * 0.2
    (failure,) = [event for event in done.all_events if event.is_step_failure]
    metadata = failure.step_failure_data.user_failure_data.metadata
    assert metadata[STOPPED].data["by"] == "guardrail"
    report = metadata[REPORT].data
    assert report["counts"]["stock_read_in_part"] == sum(any(counts.values()) for counts in shown.values())
    assert report["counts"]["stock_stays_partial"] == len(hidden)
    assert "changed" not in report["counts"]
    reasons = {entry["isbn"]: entry["reason"] for entry in report["failed"]}
    assert set(reasons) == hidden
    assert all("read in part" in reason for reason in reasons.values())


def test_what_else_such_a_page_says_is_kept(instance: dg.DagsterInstance, site: Simulator, queue: Queue):
    isbn = next(isbn for isbn, entry in site.book().items() if own_table(entry) == {"TN": 0, "PA": 0})
    queue.sql(f"{NEVER_READ}, title = 'to be read' WHERE isbn = %s", isbn)
    site.fault("layout", layout="alt_missing")
    done = dg.materialize(
        [saved_search, title_page],
        instance=instance,
        selection=[TITLE_DETAILS],
        partition_key=isbn,
        resources=RESOURCES,
        raise_on_error=False,
    )
    site.reset()
    assert not done.success
    (failure,) = [event for event in done.all_events if event.is_step_failure]
    assert "read in part" in (failure.step_failure_data.user_failure_data.description or "")
    with QueueReader(queue.reader) as reader:
        (row,) = reader.titles([isbn])
    assert (row.title, on_hand(row.stock)) == (site.entry(isbn)["title"], None)


def test_every_reading_of_stock_counts_whole(instance: dg.DagsterInstance, site: Simulator, queue: Queue):
    """Date, price, status and restrictions of a page that is read for its stock are in the queue at once."""
    assert sweep(instance).success
    shown = next(isbn for isbn, entry in site.book().items() if entry["stock"] and entry["on_hand"])
    silent = next(isbn for isbn, entry in site.book().items() if entry["stock"] is None)
    left = next(isbn for isbn, entry in site.book().items() if isbn != shown and entry["on_hand"])
    queue.sql("UPDATE ingram_queue SET imported_at = now()")
    before = {isbn: site.entry(isbn) for isbn in (shown, silent, left)}
    news: dict[str, Any] = {
        "publication_date": "2031-02-03",
        "srp_price": "77.00",
        "availability": "Out of Print",
        "messages": ["Restricted:  Not available to all customers."],
    }
    try:
        for isbn in (shown, silent):
            site.edit(isbn, **news)
        site.edit(left, annotation="Another blurb: what is long waits for the week's reading.")
        done = sweep(instance)
        assert done.success
        with QueueReader(queue.reader) as reader:
            to_push = {row.isbn: row for row in reader.rows_to_import(100)}
        assert to_push.keys() == {shown, silent}
        for row in to_push.values():
            assert (row.publication_date, row.srp_price) == (date(2031, 2, 3), Decimal("77.00"))
            assert row.publisher_status == "Out of Print"
            assert row.restrictions == (Restriction.RESTRICTED, Restriction.SOME_CUSTOMERS)
        rows = instance.all_logs(done.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        events = [entry.get_dagster_event() for entry in rows]
        assert {event.partition for event in events if event.asset_key == QUEUE_ROWS} == {shown, silent}
        assert sweep(instance).success
        with QueueReader(queue.reader) as reader:
            assert {row.isbn: row.id for row in reader.rows_to_import(100)} == {
                isbn: row.id for isbn, row in to_push.items()
            }
    finally:
        queue.sql("DELETE FROM ingram_queue WHERE imported_at IS NULL")
        queue.sql("UPDATE ingram_queue SET imported_at = NULL")
        for isbn, entry in before.items():
            site.edit(isbn, **{name: entry[name] for name in (*news, "annotation")})


@pytest.mark.parametrize(("minutes", "words"), [(60, "60 min ahead of"), (-60, "60 min behind")])
def test_a_machine_whose_clock_is_wrong_reads_nothing(
    instance: dg.DagsterInstance,
    site: Simulator,
    queue: Queue,
    monkeypatch: pytest.MonkeyPatch,
    minutes: int,
    words: str,
):
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Clock":
            return cls.fromtimestamp(datetime.now(UTC).timestamp() + minutes * 60, tz)

    known = stock_of(queue)
    site.reset_requests()
    monkeypatch.setattr(read_pages, "datetime", Clock)
    done = sweep(instance)
    assert not done.success
    (failure,) = [event for event in done.all_events if event.is_step_failure]
    told = failure.step_failure_data.user_failure_data
    assert f") is {words} that of the database " in told.description
    assert told.metadata[KIND].value == "needs_person"
    assert site.requests(log=False)["by_kind"].get("product", 0) == 0
    assert stock_of(queue) == known


def test_a_reading_that_came_too_late_is_logged_as_none(
    instance: dg.DagsterInstance, site: Simulator, queue: Queue
):
    """Another run has read the title since: that one logged it, and its age is that one's."""
    assert sweep(instance).success
    late = next(isbn for isbn, truth in site.book().items() if truth["stock"])
    queue.sql(
        "UPDATE ingram_queue SET stock_observed_at = now() + INTERVAL '2 minutes' WHERE isbn = %s", late
    )
    done = sweep(instance)
    assert done.success
    (made,) = done.asset_materializations_for_node("ipage__stock_sweep")
    assert made.metadata["stock_stale"].value == 1
    logs = instance.all_logs(done.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    events = [entry.get_dagster_event() for entry in logs]
    read = {event.partition for event in events if event.asset_key == STOCK}
    assert read == {isbn for isbn, truth in site.book().items() if truth["stock"]} - {late}
    queue.sql("UPDATE ingram_queue SET stock_observed_at = now() WHERE isbn = %s", late)


def test_a_text_that_is_too_long_costs_its_end_and_not_the_title(queue: Queue):
    words = "word " * 13_000
    page = parse_product_page(product_page())
    long = replace(
        page,
        **{"title": words, "publisher": words, "binding": words, "series": words, "description": words},
        contributors=tuple(Contributor(words, words) for _ in range(300)),
        bisac=tuple(f"{number} {words}" for number in range(300)),
    )
    with QueueWriter(queue.writer) as writer:
        (answer,) = writer.add_titles([details_of(long)])
        assert answer.outcome == "added", answer.reason
    queue.sql("DELETE FROM ingram_queue WHERE isbn = %s", page.isbn)


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
