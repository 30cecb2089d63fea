"""What watches the desk from outside is told: on a real queue, journal and Dagster, each away in turn."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg
import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ingram_assets.alerts.model import Incident, IncidentLog
from ingram_assets.coordination.site import SharedSite
from ingram_assets.defs.backups import note_backup
from ingram_assets.defs.keys import ISBNS_NAME, PLAN_TAG, RETIRED_NAME, STOCK, STOCK_SWEEP, UNREAD_PAGES
from ingram_assets.defs.operations.sensors import tables_of
from ingram_assets.desk.app import make_app
from ingram_assets.desk.store_access import StoreAccess
from ingram_assets.domain.backups import NotedBackup
from ingram_assets.domain.site_limits import Limits
from ingram_assets.domain.stock import DcStock
from ingram_assets.runtime.instance import dagster_instance
from ingram_assets.staging.reader import QueueReader
from ingram_assets.staging.writer import QueueWriter
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.journal import InStep, Journal
from ingram_assets.store.tokens import TokenStore
from ingram_assets_tests.testing.desk import looks, served
from ingram_assets_tests.testing.queue import Queue, isbn, migrated
from ingram_assets_tests.testing.tcp_proxy import Line
from ingram_demo.embedded.postgres import Postgres

pytestmark = pytest.mark.xdist_group("operations")

ISBNS = [isbn(number) for number in range(1, 6)]
DASHBOARD = Path(__file__).parents[2] / "deploy/grafana/ingram.json"
NAMES = ("queue", "journal", "dagster")


@dataclass
class WatchedDesk:
    """A desk before a queue, a journal and a Dagster, each behind a line that can be cut; Medusa is away."""

    url: str
    lines: dict[str, Line]
    queue: Queue
    token: str

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", headers=headers, timeout=30, trust_env=False)

    def ready(self) -> tuple[int, dict[str, str]]:
        """When what was known has been forgotten: the status, and what is said."""
        time.sleep(2.1)
        answer = self.get("/readyz")
        return answer.status_code, answer.json()

    def metrics(self) -> dict[str, float]:
        """Each sample: "name" or "name{label}"."""
        answer = self.get("/metrics", Authorization=f"Bearer {self.token}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return {
            "".join((one.name, *(f"{{{value}}}" for value in one.labels.values()))): one.value
            for family in text_string_to_metric_families(answer.text)
            for one in family.samples
        }


@pytest.fixture(scope="module")
def desk(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedDesk]:
    queue = migrated(postgres, "outside_queue")
    journal, dagster = (postgres.create_database(f"outside_{what}") for what in NAMES[1:])
    _fill(queue, journal)
    urls = dict(zip(NAMES, (queue.reader, journal, dagster), strict=True))
    with _lines(urls) as lines:
        through = {name: lines[name].through(url) for name, url in urls.items()}
        addresses = {
            "QUEUE_DB_URL": through["queue"],
            "DAGSTER_PG_URL": through["dagster"],
            "INGRAM_STATE_DIR": str(tmp_path_factory.mktemp("state")),
        }
        away = ("http://127.0.0.1:9", "nobody@example.com", "none")
        lookups, watch = looks(*away, through["journal"], **addresses)
        with dagster_instance(lookups.common) as instance:
            _happen(instance)
        with TokenStore(journal) as tokens:
            _, text = tokens.create("prometheus", "read", by="ada")
        with MedusaClient(away[0], email=away[1], password=away[2]) as client:
            app = make_app(StoreAccess(client, through["journal"], low=5), lookups, watch)
            with served(app) as url:
                yield WatchedDesk(url, lines, queue, text)
    for name in NAMES:
        postgres.drop_database(f"outside_{name}")


@contextmanager
def _lines(urls: dict[str, str]) -> Iterator[dict[str, Line]]:
    lines = {
        name: Line(address.hostname or "", address.port or 5432)
        for name, address in ((name, urlsplit(url)) for name, url in urls.items())
    }
    try:
        yield {name: line.__enter__() for name, line in lines.items()}
    finally:
        for line in lines.values():
            line.__exit__(None, None, None)


def _fill(queue: Queue, journal: str) -> None:
    """Five titles: two read in time, one three hours ago, one never, one that is retired."""
    now = datetime.now(UTC)
    with QueueWriter(queue.writer) as writer:
        writer.add_titles([{"isbn": each, "title": "Not to be told", "srp_price": "9"} for each in ISBNS])
        stock = {"TN": DcStock(40, 0, "primary")}
        ages = {ISBNS[0]: 10, ISBNS[1]: 20, ISBNS[2]: 180, ISBNS[4]: 600}
        writer.record_stock(
            [
                {"isbn": each, "observed_at": now - timedelta(minutes=age), "stock": stock}
                for each, age in ages.items()
            ]
        )
    with QueueReader(queue.reader) as reader, Journal(journal) as book:
        rows = reader.row_states()
        reader.mark_imported([row.id for row in rows if row.isbn != ISBNS[3]])
        book.record_in_step(
            [
                InStep(row.isbn, row.id, row.stock_changed_at, None, now)
                for row in rows
                if row.isbn != ISBNS[3]
            ]
        )


def _happen(instance: dg.DagsterInstance) -> None:
    """A sweep, pages of four outcomes, four pushes, and three incidents of which two were told."""
    instance.add_dynamic_partitions(ISBNS_NAME, ISBNS[:4])
    instance.add_dynamic_partitions(RETIRED_NAME, ISBNS[4:])
    instance.report_runless_asset_event(dg.AssetMaterialization(STOCK_SWEEP))
    note_backup(instance, NotedBackup(datetime.now(UTC) - timedelta(hours=5), "taken", 1, "0.1.0"))
    for each in ISBNS[:3]:
        instance.report_runless_asset_event(dg.AssetMaterialization(STOCK, partition=each))
    instance.report_runless_asset_event(dg.AssetObservation(STOCK, partition=ISBNS[3]))
    for outcome in ("blocked", "blocked", "transient", "of another version"):
        said = {"outcome": dg.MetadataValue.text(outcome), "reason": dg.MetadataValue.text("not_found")}
        event = dg.AssetObservation(UNREAD_PAGES, partition=ISBNS[3], metadata=said)
        instance.report_runless_asset_event(event)

    @dg.op
    def push_titles(context: dg.OpExecutionContext) -> None:
        if context.run.tags.get("fails"):
            raise RuntimeError("It failed.")

    @dg.job(name="push")
    def push() -> None:
        push_titles()

    for tags in ({}, {}, {"fails": "yes"}, {PLAN_TAG: "It watches."}):
        push.execute_in_process(instance=instance, raise_on_error=False, tags=tags)
    now = time.time()
    keys = {
        "guardrails:medusa/inventory_levels: x: mass_zero": True,
        f"run:x [{ISBNS[0]}]": True,
        "block": False,
    }
    told = {key: Incident(key, "Something", now, now, told=is_told) for key, is_told in keys.items()}
    tables_of(instance).record(IncidentLog(told), [], [])


def test_alive_asks_nobody(desk: WatchedDesk):
    for line in desk.lines.values():
        line.make("hang")
    try:
        began = time.monotonic()
        assert desk.get("/healthz").json() == {"status": "ok"}
        assert time.monotonic() - began < 1
    finally:
        for line in desk.lines.values():
            line.heal()


def test_ready_names_what_is_away_and_nothing_else(desk: WatchedDesk):
    fine = {"status": "ready", "queue": "ok", "journal": "ok", "dagster": "ok"}
    assert desk.ready() == (200, fine)
    for name, line in desk.lines.items():
        line.make("cut")
        assert desk.ready() == (503, fine | {"status": "not ready", name: "away"})
        line.heal()
        _until(lambda: desk.ready() == (200, fine))


def test_a_database_that_takes_no_writes_is_named_and_looks_go_on(desk: WatchedDesk, postgres: Postgres):
    """As after a failover to a standby, one of them in turn."""
    figures = {"Authorization": f"Bearer {desk.token}"}
    fine = {"status": "ready", "queue": "ok", "journal": "ok", "dagster": "ok"}
    for name in NAMES:
        _until(lambda: desk.ready() == (200, fine))
        with psycopg.connect(postgres.url("outside_journal"), autocommit=True) as connection:
            connection.execute("UPDATE desk_token SET last_used_at = NULL")  # The next use is to be noted.
        with _read_only(postgres, f"outside_{name}"):
            told = fine | {"status": "not ready", name: "takes no writes"}
            _until(lambda told=told: desk.ready() == (503, told))
            _until(lambda: desk.get("/metrics", **figures).status_code == 200)  # Its sessions were ended.
            for _ in range(2):
                assert desk.metrics()[f"ingram_source_up{{{name}}}"] == 1, "it answers"
    _until(lambda: desk.ready() == (200, fine))


@contextmanager
def _read_only(postgres: Postgres, database: str) -> Iterator[None]:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:

        def now(statement: str) -> None:
            connection.execute(f"ALTER DATABASE {database} {statement}".encode())
            # For sessions that begin from now on.
            end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(end, [database])

        now("SET default_transaction_read_only = on")
        try:
            yield
        finally:
            now("RESET default_transaction_read_only")


def test_who_watches_may_ask_under_any_name_but_not_for_the_figures(desk: WatchedDesk):
    named = {"Host": "10.0.0.7"}
    assert desk.get("/healthz", **named).status_code == 200
    assert desk.get("/readyz", **named).status_code in (200, 503)
    assert desk.get("/metrics", **named, Authorization=f"Bearer {desk.token}").status_code == 421
    assert desk.get("/metrics").status_code == 401
    forwarded = {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"}
    assert desk.get("/metrics", **forwarded).status_code == 401


def test_the_figures(desk: WatchedDesk):
    _until(lambda: desk.metrics().get("ingram_requests_in_flight") is not None)
    said = desk.metrics()
    assert {name: said[f"ingram_source_up{{{name}}}"] for name in (*NAMES, "medusa")} == {
        **dict.fromkeys(NAMES, 1),
        "medusa": 0,
    }
    assert (said["ingram_titles{in_stock}"], said["ingram_titles{unknown}"]) == (3, 1)
    assert said["ingram_titles_stale"] == 1
    assert said["ingram_titles_unread"] == 1
    assert said["ingram_titles_by_step{on_its_way}"] == 1
    assert said["ingram_titles_by_step{in_step}"] == 3
    assert 3 * 3600 <= said["ingram_oldest_reading_age_seconds"] < 3 * 3600 + 600
    assert 0 < said["ingram_store_lag_seconds"] < 600
    assert 5 * 3600 <= said["ingram_backup_age_seconds"] < 5 * 3600 + 600
    assert 0 <= said["ingram_last_sweep_age_seconds"] < 600
    assert said["ingram_incidents_open{guardrail}"] == said["ingram_incidents_open{run}"] == 1
    assert said["ingram_incidents_open{block}"] == 0
    pages = {"read": 3, "no_stock_table": 1, "blocked": 2, "transient": 1, "not_found": 0, "other": 1}
    assert {name: said[f"ingram_pages_last_hour{{{name}}}"] for name in pages} == pages
    pushes = {"done": 2, "failed": 1, "planned": 1, "stopped": 0, "at_work": 0}
    assert {name: said[f"ingram_pushes_last_hour{{{name}}}"] for name in pushes} == pushes
    assert said["ingram_requests_in_flight"] == 0
    assert (said["ingram_daemon_up"], said["ingram_site_left_alone"]) == (1, 0)
    assert said["process_resident_memory_bytes"] > 0


def test_the_figures_name_no_title_and_nobody(desk: WatchedDesk):
    text = desk.get("/metrics", Authorization=f"Bearer {desk.token}").text
    assert "Not to be told" not in text
    assert not [each for each in ISBNS if each in text]
    assert "127.0.0.1" not in text
    labels = set(re.findall(r"(\w+)=\"", text))
    assert labels == {"source", "status", "step", "kind", "outcome"}


def test_requests_in_flight_are_those_of_all_runs(desk: WatchedDesk):
    limits = Limits(concurrency=8, min_gap=0.0, max_gap=1.0)
    sites = [SharedSite(desk.queue.writer, "https://ipage.example:8443", list) for _ in range(2)]
    try:
        taken = [(each.limits(limits), each.limits(limits).take(8, is_waiting=False)[0]) for each in sites]
        with sites[0].limits(limits).waiting():
            assert desk.metrics()["ingram_requests_in_flight"] == 2
        for shared, slot in taken[:1]:
            assert slot is not None
            shared.give_back(slot.slot)
        assert desk.metrics()["ingram_requests_in_flight"] == 1
    finally:
        for each in sites:
            each.close()
    _until(lambda: desk.metrics()["ingram_requests_in_flight"] == 0)


def test_a_queue_that_was_not_migrated_since_costs_that_figure_alone(desk: WatchedDesk):
    with psycopg.connect(desk.queue.owner, autocommit=True) as connection:
        rename = "ALTER FUNCTION public.ingram_requests_in_flight() RENAME TO ingram_before"
        connection.execute(rename.encode())
        try:
            said = desk.metrics()
        finally:
            connection.execute(b"ALTER FUNCTION public.ingram_before() RENAME TO ingram_requests_in_flight")
    assert "ingram_requests_in_flight" not in said
    assert said["ingram_titles{in_stock}"] == 3


def test_what_is_not_known_is_no_zero(desk: WatchedDesk):
    """The journal is needed for the token, so it is not among them."""
    before = desk.metrics()
    for name in ("queue", "dagster"):
        desk.lines[name].make("cut")
    try:
        _until(lambda: desk.metrics()["ingram_source_up{dagster}"] == 0)
        _until(lambda: desk.metrics()["ingram_source_up{queue}"] == 0)
        said = desk.metrics()
        assert "ingram_requests_in_flight" not in said
        assert not [name for name in said if name.startswith(("ingram_pages_", "ingram_pushes_"))]
        assert said["ingram_titles{in_stock}"] == 3, "as they were last known"
        assert said["ingram_oldest_reading_age_seconds"] > before["ingram_oldest_reading_age_seconds"]
    finally:
        for name in ("queue", "dagster"):
            desk.lines[name].heal()


def test_the_dashboard_asks_for_figures_that_there_are(desk: WatchedDesk):
    _until(lambda: desk.metrics()["ingram_source_up{dagster}"] == 1)
    _until(lambda: "ingram_requests_in_flight" in desk.metrics())
    there = {name.partition("{")[0] for name in desk.metrics()}
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    named = {name for each in asked for name in re.findall(r"\b(?:ingram|process)_\w+", each)}
    assert len(asked) > 10
    assert named <= there
    assert {name for name in there if name.startswith("ingram_")} - named <= {
        "ingram_source_answer_age_seconds"
    }


def test_the_figures_are_bounded_where_a_system_hangs(desk: WatchedDesk):
    """The last test but one, for the same reason as the last."""
    _until(lambda: desk.metrics()["ingram_source_up{queue}"] == 1)
    time.sleep(2.1)  # What was known of the systems is forgotten.
    desk.lines["queue"].make("hang")
    began = time.monotonic()
    assert desk.metrics()["ingram_source_up{queue}"] == 0, "the first look says so"
    assert time.monotonic() - began < 7
    desk.lines["queue"].heal()
    desk.lines["journal"].make("hang")
    for _ in range(2):
        began = time.monotonic()
        assert desk.get("/metrics", Authorization=f"Bearer {desk.token}").status_code == 503
        assert time.monotonic() - began < 7
    desk.lines["journal"].heal()


def test_ready_is_bounded_where_a_system_hangs(desk: WatchedDesk):
    """The last test here: what this line swallows is never answered, and its connections are never cut."""
    _until(lambda: desk.ready()[0] == 200)
    for line in desk.lines.values():
        line.make("hang")
    for _ in range(3):
        began = time.monotonic()
        status, said = desk.ready()
        assert time.monotonic() - began < 2.1 + 5
        assert (status, said["status"]) == (503, "not ready")
    assert said == {"status": "not ready", **dict.fromkeys(NAMES, "away")}


def _until(is_so) -> None:
    for _ in range(60):
        if is_so():
            return
        time.sleep(0.5)
    raise AssertionError("it never was so")
