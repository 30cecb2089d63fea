"""A backup of a shop at work, put back on another server: one sweep, and the store is what the queue says.

A real store and real sweeps of the simulated site. The store has gone on since the backup: it sold, and it
was told of what was read until the server was lost.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import time

import dagster as dg
import pytest

from ingram_assets.defs.keys import AT_WORK_AT_BACKUP_TAG, ISBNS_NAME
from ingram_assets.defs.storefront.checks import evaluate
from ingram_assets.defs.storefront.definitions import defs
from ingram_assets.defs.storefront.resources import QueueReaderResource, StoreJournal
from ingram_assets.runtime.processes import Supervisor
from ingram_assets.store.journal import Journal
from ingram_assets_tests.testing.backed_up_shop import ShopsDatabases
from ingram_assets_tests.testing.own_dagster import dagster_of_scraper, dagster_on
from ingram_assets_tests.testing.queue import PASSWORD, READER, WRITER, Queue, migrated
from ingram_assets_tests.testing.shop import Shop
from ingram_assets_tests.testing.storefront import Storefront, count, shown_by, tick
from ingram_assets_tests.testing.swept_shop import Swept, SweptShop
from ingram_demo.embedded.medusa import Medusa
from ingram_demo.embedded.postgres import Postgres, start_postgres
from ingram_demo.simulator import running_simulator

pytestmark = pytest.mark.xdist_group("medusa")

TITLES = 12
SENSORS = ("stock_changes", "rows_to_import", "clock_changes")


@dataclass
class WholeShop:
    """Sweeps and pushes of one shop, whose two sides read the same settings' names."""

    swept: SweptShop
    front: Storefront
    cursors: dict[str, str | None] = field(default_factory=lambda: dict.fromkeys(SENSORS))

    def sweep(self) -> Swept:
        os.environ |= {"QUEUE_DB_URL": self.front.queue.writer}
        return self.swept.sweep()

    def push(self) -> None:
        os.environ |= {"QUEUE_DB_URL": self.front.queue.reader, "STOREFRONT_DB_URL": self.front.journal}
        assert not count(self.front.push(), "failed")

    def tick_all(self) -> list[str]:
        """Each sensor of the store looks, and what it asks for is done; the titles pushed."""
        os.environ |= {"QUEUE_DB_URL": self.front.queue.reader, "STOREFRONT_DB_URL": self.front.journal}
        pushed: list[str] = []
        for name in SENSORS:
            asked, self.cursors[name] = tick(self.front, name, self.cursors[name])
            pushed += [isbn for isbns in asked for isbn in isbns]
        return pushed

    def follow(self) -> list[str]:
        """The sensors look until they find nothing more."""
        pushed: list[str] = []
        for _ in range(6):
            if not (now := self.tick_all()):
                return pushed
            pushed += now
        raise AssertionError("the sensors find no end")


@pytest.fixture
def lost(medusa_store: Medusa, postgres: Postgres, tmp_path: Path) -> Iterator[WholeShop]:
    """A shop on the server that is lost later. Its store and the site stay."""
    queue = migrated(postgres, "queue_to_be_lost")
    journal = postgres.create_database("journal_to_be_lost")
    settings = {
        "MEDUSA_BACKEND_URL": medusa_store.url,
        "MEDUSA_EMAIL": medusa_store.email,
        "MEDUSA_PASSWORD": medusa_store.password,
        "STOREFRONT_DB_URL": journal,
        "MODE": "live",
    }
    shop = Shop(medusa_store)
    (home := tmp_path / "lost").mkdir()
    with (
        running_simulator(titles=TITLES) as site,
        dagster_of_scraper(postgres, "dagster_to_be_lost", home, site, queue, settings) as instance,
    ):
        swept = SweptShop(instance, site, queue)
        yield WholeShop(swept, Storefront(queue, shop, journal, instance))
    shop.close()


@pytest.fixture
def new_server(servers_folder: Path) -> Iterator[Postgres]:
    """Another server, on which nothing is: not even the queue's roles."""
    with Supervisor(servers_folder / "new-server") as supervisor:
        yield start_postgres(supervisor, supervisor.folder / "postgres")


@pytest.fixture
def databases(lost: WholeShop, tmp_path: Path) -> ShopsDatabases:
    folder = tmp_path / "settings"
    folder.mkdir()
    return ShopsDatabases(lost.front.queue.owner, lost.front.journal, os.environ["DAGSTER_PG_URL"], folder)


@contextmanager
def restored(server: Postgres, archive: Path, folder: Path, lost: WholeShop) -> Iterator[WholeShop]:
    """The shop of an archive on another server, whose store and site are those of the lost one."""
    names = ("queue", "journal", "dagster")
    empty = ShopsDatabases(*(server.create_database(f"{name}_{folder.name}") for name in names), folder)
    done = empty.type("restore", str(archive), "--yes", "--json")
    assert done.exit_code == 0, done.errors
    assert done.result["created_roles"] == [WRITER, READER]
    name = f"queue_{folder.name}"
    queue = Queue(empty.queue, server.url(name, WRITER, PASSWORD), server.url(name, READER, PASSWORD))
    for role in done.result["created_roles"]:
        queue.sql(f"ALTER ROLE {role} PASSWORD '{PASSWORD}'")
    os.environ |= {"DAGSTER_PG_URL": empty.dagster, "STOREFRONT_DB_URL": empty.journal}
    with dagster_on(empty.dagster, folder) as instance:
        canceled = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.CANCELED]))
        assert [run.run_id for run in canceled] == done.result["canceled"]
        assert all(AT_WORK_AT_BACKUP_TAG in run.tags for run in canceled)
        front = replace(lost.front, queue=queue, journal=empty.journal, instance=instance)
        yield WholeShop(SweptShop(instance, lost.swept.site, queue), front, dict(lost.cursors))


def test_one_sweep_after_a_restore_brings_the_store_in_step(
    lost: WholeShop, databases: ShopsDatabases, new_server: Postgres, tmp_path: Path
) -> None:
    site, titles = (
        lost.swept.site,
        [i for i in lost.swept.with_stock if lost.swept.book[i]["binding"] != "E-Book"],
    )
    later, *tracked = titles
    fallen, there_and_back, not_read, *_ = tracked
    for isbn in titles:
        site.set_stock(isbn, {"TN": (20, 0)})
    lost.swept.track(tracked)
    lost.sweep()
    lost.push()
    lost.follow()
    under_way = lost.swept.instance.create_run_for_job(defs.resolve_job_def("push"))

    done = databases.type("backup", str(tmp_path), "--json")
    assert done.exit_code == 0, done.errors
    cursors_then = dict(lost.cursors)

    # The shop goes on: two titles fall, one is found, all of it is in the store. Then its server is lost.
    lost.swept.track([later])
    for isbn in (fallen, there_and_back):
        site.set_stock(isbn, {"TN": (3, 0)})
    lost.sweep()
    lost.push()
    assert lost.front.level(there_and_back) == 3
    # Meanwhile Ingram has again what it had at the backup of one, and of another what nobody has read yet.
    site.set_stock(there_and_back, {"TN": (20, 0)})
    site.set_stock(not_read, {"TN": (50, 0)})
    before, products = shown_by(lost.front.shop), len(lost.front.shop.get("products", limit=1000)["products"])

    lost.cursors = cursors_then
    (folder := tmp_path / "restored").mkdir()
    with restored(new_server, Path(done.result["path"]), folder, lost) as shop:
        assert shop.swept.instance.get_run_by_id(under_way.run_id).status is dg.DagsterRunStatus.CANCELED
        assert set(shop.swept.instance.get_dynamic_partitions(ISBNS_NAME)) == {*tracked}
        assert shop.follow() == [], "the store knows more than the backup, until the titles are read again"
        assert shown_by(shop.front.shop) == before
        shop.swept.track([later])  # as discovery does
        shop.sweep()
        shop.follow()
        assert {isbn: shop.front.level(isbn) for isbn in titles} == {
            isbn: site.entry(isbn)["on_hand"] for isbn in titles
        }
        assert len(shop.front.shop.get("products", limit=1000)["products"]) == products
        assert not count(shop.front.push(dry_run=True), "planned"), "nothing is left to be done"
        with Journal(shop.front.journal) as journal:
            assert not journal.held()
        found = evaluate(shop.swept.instance, QueueReaderResource(), StoreJournal(), time())
        assert found.passed, found.description
