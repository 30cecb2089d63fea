"""A whole shop on the other site: its scraper, its queue and its store, each run as a job does."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from ingram_assets.defs.keys import COVER_SWEEP, ISBNS_NAME, STOCK_SWEEP
from ingram_assets.defs.scraper.assets import cover_sweep, saved_search, stock_sweep
from ingram_assets.defs.scraper.resources import RESOURCES
from ingram_assets.domain.title import Title
from ingram_assets.overview.run_results import RunResult, collect
from ingram_assets.staging.reader import QueueReader
from ingram_assets.staging.schema import migrate
from ingram_assets_tests.other_site.state import OtherSite
from ingram_assets_tests.testing.own_dagster import dagster_of_scraper
from ingram_assets_tests.testing.queue import Queue, migrated
from ingram_assets_tests.testing.seeded_store import BACK_TO_THE_SEEDED_STORE
from ingram_assets_tests.testing.shop import Shop
from ingram_assets_tests.testing.storefront import Storefront
from ingram_demo.embedded.medusa import Medusa
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.embedded.s3 import S3

_ASSETS = [saved_search, stock_sweep, cover_sweep]


@dataclass(frozen=True)
class OtherShop:
    """What reads the site and what is told of it. Covers are at `covers`."""

    site: OtherSite
    queue: Queue
    storefront: Storefront
    covers: str

    @property
    def instance(self) -> dg.DagsterInstance:
        return self.storefront.instance

    @property
    def tracked(self) -> set[str]:
        return set(self.instance.get_dynamic_partitions(ISBNS_NAME))

    def discover(self) -> RunResult:
        return self._run(saved_search.key)

    def sweep(self, **config: Any) -> RunResult:
        return self._run(STOCK_SWEEP, config)

    def look_at_covers(self) -> RunResult:
        return self._run(COVER_SWEEP)

    def push(self, *, let_through: bool = False) -> RunResult:
        """All that there is to tell the store."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("QUEUE_DB_URL", self.queue.reader)
            return self.storefront.run("push", "push_titles", let_through=let_through)

    def titles(self) -> dict[str, Title]:
        with QueueReader(self.queue.reader) as reader:
            return {title.isbn: title for title in reader.titles()}

    def unread(self) -> dict[str, str]:
        """Why a title's page gave nothing, by ISBN, as the queue has it."""
        return dict(self.queue.sql("SELECT isbn, reason FROM ingram_unread"))

    def _run(self, asset: dg.AssetKey, config: Mapping[str, Any] | None = None) -> RunResult:
        name = asset.to_python_identifier()
        done = dg.materialize(
            _ASSETS,
            instance=self.instance,
            selection=[asset],
            resources=RESOURCES,
            run_config={"ops": {name: {"config": dict(config)}}} if config else None,
            raise_on_error=False,
        )
        run = self.instance.get_run_by_id(done.run_id)
        assert run
        return collect(self.instance, run, 0)


@contextlib.contextmanager
def whole_shop(
    site: OtherSite,
    name: str,
    home: Path,
    postgres: Postgres,
    s3: S3,
    medusa: Medusa,
    settings: Mapping[str, str],
) -> Iterator[OtherShop]:
    """On the real parts, with an empty queue and a store that sells nothing yet."""
    queue, journal = migrated(postgres, f"queue_{name}"), postgres.create_database(f"journal_{name}")
    bucket = f"covers-{name.replace('_', '-')}"
    s3.create_bucket(bucket)
    covers = f"{s3.public_url.rsplit('/', 1)[0]}/{bucket}"
    migrate(queue.owner, cover_prefix=covers)
    with psycopg.connect(medusa.database_url, autocommit=True) as connection:
        connection.execute(BACK_TO_THE_SEEDED_STORE)
    of_both = {
        "R2_ENDPOINT": s3.endpoint,
        "R2_ACCESS_KEY_ID": s3.key,
        "R2_SECRET_ACCESS_KEY": s3.secret,
        "R2_BUCKET_NAME": bucket,
        "R2_PUBLIC_URL": covers,
        "OPEN_LIBRARY_COVERS_URL": f"{site.url}/no-open-library",
        "MEDUSA_BACKEND_URL": medusa.url,
        "MEDUSA_EMAIL": medusa.email,
        "MEDUSA_PASSWORD": medusa.password,
        "STOREFRONT_DB_URL": journal,
        "MODE": "live",
        **settings,
    }
    shop = Shop(medusa)
    with dagster_of_scraper(postgres, f"dagster_{name}", home, site, queue, of_both) as instance:
        yield OtherShop(site, queue, Storefront(queue, shop, journal, instance), covers)
    shop.close()
    for database in (f"queue_{name}", f"journal_{name}"):
        postgres.drop_database(database)
