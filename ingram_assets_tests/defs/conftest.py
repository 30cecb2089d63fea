"""A simulated site of the module's `TITLES` titles, and a queue for what is read there."""

from collections.abc import Iterator

import pytest

from ingram_assets_tests.staging.conftest import Queue, migrated
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.simulator import Simulator, running_simulator


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    with running_simulator(titles=request.module.TITLES) as running:
        yield running


@pytest.fixture(scope="module")
def queue(request: pytest.FixtureRequest, postgres: Postgres) -> Queue:
    return migrated(postgres, f"queue_of_{request.module.__name__.rpartition('.')[2]}")
