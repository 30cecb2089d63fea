"""A Dagster of a test's own, on a database of its own, with the settings that a code location would have."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
import yaml

from ingram_assets_tests.other_site.state import OtherSite
from ingram_assets_tests.testing.queue import Queue
from ingram_assets_tests.testing.shared_site import forget_what_runs_share
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.simulator import Simulator


@contextmanager
def dagster_on(url: str, home: Path) -> Iterator[dg.DagsterInstance]:
    """An instance whose storage is the database at `url`."""
    config = {"storage": {"postgres": {"postgres_url": url}}, "telemetry": {"enabled": False}}
    (home / "dagster.yaml").write_text(yaml.safe_dump(config))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@contextmanager
def dagster_of_scraper(
    postgres: Postgres,
    name: str,
    home: Path,
    site: Simulator | OtherSite,
    queue: Queue,
    settings: Mapping[str, str] = {},
) -> Iterator[dg.DagsterInstance]:
    """The same with the settings of the scraper: a session of the site, and a bucket if one is given.

    No run asked the site yet, whatever other tests did with the same queue.
    """
    nowhere = dict.fromkeys(("R2_ENDPOINT", "R2_PUBLIC_URL"), "http://127.0.0.1:9")
    unused = dict.fromkeys(("R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY", "R2_BUCKET_NAME"), "unused")
    url = postgres.create_database(name)
    forget_what_runs_share(queue)
    of_scraper = {
        "DAGSTER_PG_URL": url,
        "INGRAM_STATE_DIR": str(home / "state"),
        "IPAGE_BASE_URL": site.url,
        "IPAGE_SESSION_COOKIE": site.signed_in_cookie(),
        "QUEUE_DB_URL": queue.writer,
    }
    with pytest.MonkeyPatch.context() as patch, dagster_on(url, home) as instance:
        for setting, value in {**of_scraper, **nowhere, **unused, **settings}.items():
            patch.setenv(setting, value)
        yield instance
    postgres.drop_database(name)
