"""The look at covers as a run does it: iPage and Open Library simulated, the bucket and the queue real."""

import base64
from collections.abc import Iterator

import dagster as dg
import httpx
import pytest

from ingram_assets.defs.events import REPORT
from ingram_assets.defs.keys import COVER_SWEEP, COVERS, ISBNS_NAME
from ingram_assets.defs.scraper.assets import cover_sweep, covers, saved_search, stock_sweep
from ingram_assets.defs.scraper.jobs import enrich
from ingram_assets.defs.scraper.ops import EnrichConfig, enrich_titles
from ingram_assets.defs.scraper.resources import RESOURCES
from ingram_assets.runtime.ports import free_port
from ingram_assets.staging.reader import QueueReader
from ingram_assets.staging.schema import migrate
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.drawn import opened
from ingram_assets_tests.testing.own_dagster import dagster_of_scraper
from ingram_assets_tests.testing.queue import Queue
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.embedded.s3 import S3
from ingram_demo.simulator import Simulator

pytestmark = pytest.mark.xdist_group("operations")

TITLES = 20
BUCKET = "covers-of-runs"


@pytest.fixture(scope="module")
def public_url(s3: S3) -> str:
    s3.create_bucket(BUCKET)
    return f"{s3.public_url.rsplit('/', 1)[0]}/{BUCKET}"


@pytest.fixture(scope="module")
def instance(
    postgres: Postgres,
    site: Simulator,
    queue: Queue,
    s3: S3,
    public_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dg.DagsterInstance]:
    home = tmp_path_factory.mktemp("dagster")
    settings = {
        "R2_ENDPOINT": s3.endpoint,
        "R2_ACCESS_KEY_ID": s3.key,
        "R2_SECRET_ACCESS_KEY": s3.secret,
        "R2_BUCKET_NAME": BUCKET,
        "R2_PUBLIC_URL": public_url,
        "OPEN_LIBRARY_COVERS_URL": site.open_library_url,
    }
    with dagster_of_scraper(postgres, "pictures", home, site, queue, settings) as instance:
        migrate(queue.owner, cover_prefix=public_url)
        with QueueWriter(queue.writer) as writer:
            writer.add_titles(
                [{"isbn": isbn, "title": title["title"]} for isbn, title in site.book().items()]
            )
        instance.add_dynamic_partitions(ISBNS_NAME, site.isbns())
        yield instance


class Looked:
    """One run, and what its events say."""

    def __init__(self, instance: dg.DagsterInstance, asset: dg.AssetKey, isbn: str | None = None) -> None:
        self.done = dg.materialize(
            [saved_search, stock_sweep, cover_sweep, covers],
            instance=instance,
            selection=[asset],
            partition_key=isbn,
            resources=RESOURCES,
            raise_on_error=False,
        )
        logged = instance.all_logs(self.done.run_id)
        self.log = [entry.user_message for entry in logged]
        events = [entry.get_dagster_event() for entry in logged if entry.is_dagster_event]
        made = [
            one.step_materialization_data.materialization for one in events if one.is_step_materialization
        ]
        self.of_titles = {one.partition: one.metadata for one in made if one.asset_key == COVERS}
        self.metadata = next((one.metadata for one in made if one.asset_key == COVER_SWEEP), {})

    @property
    def counts(self) -> dict[str, int]:
        return self.metadata[REPORT].value["counts"]

    @property
    def failed(self) -> dict[str, str]:
        return {one["isbn"]: one["reason"] for one in self.metadata[REPORT].value["failed"]}


def covers_of(queue: Queue) -> dict[str, str | None]:
    with QueueReader(queue.reader) as reader:
        return {title.isbn: title.cover_url for title in reader.titles()}


@pytest.fixture(scope="module")
def first(instance: dg.DagsterInstance) -> Looked:
    return Looked(instance, COVER_SWEEP)


def test_every_title_gets_the_best_there_is(
    first: Looked, site: Simulator, queue: Queue, public_url: str
) -> None:
    assert first.done.success
    book, rows = site.book(), covers_of(queue)
    at_open_library = {isbn for isbn, title in book.items() if title["open_library"]}
    for isbn, title in book.items():
        there = title["cover"] != "none" or isbn in at_open_library
        if not there:
            assert rows[isbn] is None
            assert first.of_titles[isbn]["outcome"].value == "none"
            continue
        url = rows[isbn]
        assert url
        assert url.startswith(f"{public_url}/covers/raw/{isbn}.jpg?v=")
        assert opened(httpx.get(url, timeout=60).content).format == "JPEG"
        said = first.of_titles[isbn]
        art_at_ipage = title["cover"] == "art"
        assert said["source"].value == (
            "open_library" if not art_at_ipage and isbn in at_open_library else "ipage"
        )
        assert said["placeholder"].value is (title["cover"] == "placeholder" and isbn not in at_open_library)


def test_a_person_sees_what_came_in(first: Looked) -> None:
    told = first.metadata["contact_sheet"].value
    head, _, encoded = told.partition("base64,")
    assert head == "![new covers](data:image/jpeg;"
    sheet = opened(base64.b64decode(encoded.rstrip(")")))
    assert (sheet.format, sheet.width) == ("JPEG", 8 * 104)
    assert any(line.startswith("Covers looked at") for line in first.log)


def test_nothing_is_asked_again_within_the_interval(
    instance: dg.DagsterInstance, first: Looked, site: Simulator
) -> None:
    site.reset_requests()
    again = Looked(instance, COVER_SWEEP)
    assert again.counts == {"cover_recent": TITLES}
    assert "contact_sheet" not in again.metadata
    assert site.requests()["by_kind"] == {}


def test_another_picture_is_another_address_and_a_row_to_import(
    instance: dg.DagsterInstance, first: Looked, site: Simulator, queue: Queue
) -> None:
    isbn = next(isbn for isbn, title in site.book().items() if title["cover"] == "art")
    with QueueReader(queue.reader) as reader:
        reader.mark_imported([row.id for row in reader.rows_to_import()])
    before = covers_of(queue)[isbn]
    site.edit(isbn, title="Another Jacket")
    looked = Looked(instance, COVERS, isbn)
    assert looked.done.success
    assert looked.of_titles[isbn]["outcome"].value == "replaced"
    with QueueReader(queue.reader) as reader:
        [row] = reader.rows_to_import()
    assert row.isbn == isbn
    assert row.cover_url != before
    assert row.cover_url
    assert row.cover_url.split("?")[0] == str(before).split("?")[0]
    assert httpx.get(row.cover_url, timeout=60).status_code == 200


def test_a_cover_that_can_not_be_shown_is_named_with_its_reason(
    instance: dg.DagsterInstance, first: Looked, site: Simulator, queue: Queue
) -> None:
    isbn = next(isbn for isbn, title in site.book().items() if title["cover"] == "art")
    before = covers_of(queue)[isbn]
    site.fault("garbage", kinds=["cover"], isbns=[isbn])
    site.fault("garbage", kinds=["open_library_picture"], isbns=[isbn])
    try:
        looked = Looked(instance, COVERS, isbn)
    finally:
        site.clear_faults()
    assert not looked.done.success
    assert "no picture that can be read" in str(looked.done.get_step_failure_events()[0].step_failure_data)
    assert covers_of(queue)[isbn] == before


@pytest.mark.parametrize("setting", ["R2_SECRET_ACCESS_KEY", "R2_BUCKET_NAME"])
def test_a_bucket_that_a_person_must_see_to_is_named(
    instance: dg.DagsterInstance,
    first: Looked,
    site: Simulator,
    queue: Queue,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
) -> None:
    monkeypatch.setenv(setting, "mistyped")
    before = covers_of(queue)
    looked = Looked(instance, COVERS, site.isbns()[0])
    assert not looked.done.success
    told = str(looked.done.get_step_failure_events()[0].step_failure_data)
    assert setting in told
    assert covers_of(queue) == before


def test_a_bucket_out_of_reach_costs_an_enriched_title_its_cover_alone(
    instance: dg.DagsterInstance, site: Simulator, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    isbn = next(isbn for isbn, title in site.book().items() if title["on_hand"])
    rows = covers_of(queue)
    monkeypatch.setenv("R2_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    config = dg.RunConfig(ops={enrich_titles.name: EnrichConfig(isbns=[isbn])})
    done = enrich.execute_in_process(config, instance=instance, resources=RESOURCES)
    (output,) = [event.step_output_data for event in done.all_events if event.is_successful_output]
    report = output.metadata[REPORT].value
    assert report["counts"]["stock_read"] == 1
    ((failed, reason),) = [(one["isbn"], one["reason"]) for one in report["failed"]]
    assert failed == isbn
    assert reason.startswith("Its cover was not looked at: The bucket")
    assert covers_of(queue) == rows
