"""The real servers the tests run against: one of each per test worker, stopped with the session."""

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

from ingram_assets.runtime.node import drive_playwright
from ingram_assets.runtime.processes import Supervisor
from ingram_assets_tests.testing.processes import TOOLS, environment_kept
from ingram_assets_tests.testing.queue import migrated
from ingram_assets_tests.testing.seeded_store import BACK_TO_THE_SEEDED_STORE, KEEP_THE_SEEDED_STORE
from ingram_assets_tests.testing.shared_site import Shared
from ingram_demo.embedded.chromium import ensure_chromium
from ingram_demo.embedded.imap import Imap, start_imap
from ingram_demo.embedded.medusa import Medusa, start_medusa
from ingram_demo.embedded.postgres import Postgres, start_postgres
from ingram_demo.embedded.s3 import S3, start_s3

# How long one example takes says more of the machine than of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# Before any test: what is written to the environment later ends with the test.
drive_playwright()

_numbers = itertools.count(1)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A body of bytes is named by its argument: a packed one carries the time, and workers have to agree."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="module", autouse=True)
def _environment_of_module() -> Iterator[None]:
    """What a module's own fixtures write to the environment ends with them."""
    with environment_kept():
        yield


@pytest.fixture(autouse=True)
def _environment_of_test(_environment_of_module: None) -> Iterator[None]:
    """What a test writes to the environment is not there for the next one."""
    with environment_kept():
        yield


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """For the data of servers.

    Not in pytest's own folder: as root, PostgreSQL runs as another user, who has to pass through the folders
    above its data, and every other pytest that starts meanwhile closes pytest's folder to others again.
    """
    with tempfile.TemporaryDirectory(prefix="ingram-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def supervisor(servers_folder: Path) -> Iterator[Supervisor]:
    """What starts and stops this worker's servers."""
    with Supervisor(servers_folder / "session") as running:
        yield running


@pytest.fixture(scope="session")
def postgres(supervisor: Supervisor) -> Postgres:
    """A PostgreSQL server of this worker's own."""
    return start_postgres(supervisor, supervisor.folder / "postgres")


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The superuser's URL of a fresh, empty database."""
    name = f"test_{next(_numbers)}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def _shared(postgres: Postgres) -> Shared:
    return Shared(migrated(postgres, "shared_by_runs"))


@pytest.fixture
def shared(_shared: Shared) -> Iterator[Shared]:
    """What runs share, empty, in a queue database of this worker's own: `shared(url)` opens it for a site."""
    _shared.forget()
    yield _shared
    _shared.close()


@pytest.fixture(scope="session")
def s3(supervisor: Supervisor) -> S3:
    """An S3 server of this worker's own, with the bucket `covers` made; use keys of your own in it."""
    return start_s3(supervisor, supervisor.folder / "s3")


@pytest.fixture(scope="session")
def imap(supervisor: Supervisor) -> Imap:
    """A mailbox of this worker's own, over imaps; what earlier tests received is still in it."""
    return start_imap(supervisor, supervisor.folder / "imap")


@pytest.fixture(scope="session")
def chromium() -> Path:
    """A Chromium that starts: `executable_path` for Playwright."""
    return ensure_chromium(TOOLS)


@pytest.fixture(scope="session")
def medusa(supervisor: Supervisor, postgres: Postgres) -> Medusa:
    """A Medusa server, seeded. Mark its tests `xdist_group("medusa")`: one worker has it, not each its own.

    Take `medusa_store` for a test that writes.
    """
    running = start_medusa(supervisor, supervisor.folder / "medusa", TOOLS, postgres)
    with psycopg.connect(running.database_url, autocommit=True) as connection:
        connection.execute(KEEP_THE_SEEDED_STORE)
    return running


@pytest.fixture
def medusa_store(medusa: Medusa) -> Medusa:
    """The same server with its database as it was after seeding: no products, items, levels or carts."""
    with psycopg.connect(medusa.database_url, autocommit=True) as connection:
        connection.execute(BACK_TO_THE_SEEDED_STORE)
    return medusa


@pytest.fixture(scope="session")
def eventually() -> Callable[..., None]:
    """Polls until something is true: `eventually(lambda: shelf.full, seconds=30)`."""

    def poll(true: Callable[[], bool], seconds: float = 300) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"not true within {seconds:g} s"
            time.sleep(0.2)

    return poll
