"""Two workers on machines of their own, one site: polite together, and whole again after whatever dies."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingram_assets_tests.testing.several_machines import Cluster, kill, running_cluster
from ingram_demo.embedded.redis import why_no_redis

pytestmark = [
    pytest.mark.xdist_group("celery"),
    pytest.mark.skipif(why_no_redis() is not None, reason=str(why_no_redis())),
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore::celery.exceptions.DuplicateTaskNameWarning"),
]

TITLES, SHARDS = 400, 4
Eventually = Callable[..., None]


@pytest.fixture(scope="module")
def cluster(servers_folder: Path, chromium: Path) -> Iterator[Cluster]:
    (folder := servers_folder / "cluster").mkdir()
    with running_cluster(folder, titles=TITLES, chromium=chromium, latency_ms=100) as running:
        yield running


@pytest.fixture(autouse=True)
def _good_weather(cluster: Cluster) -> Iterator[None]:
    cluster.site.reset_requests()
    yield
    cluster.site.reset()
    cluster.site.set(latency_ms=100)
    cluster.queue.sql("DELETE FROM scraper.breakers")


def test_two_workers_share_a_sweep_and_the_site_sees_one_polite_customer(
    cluster: Cluster, eventually: Eventually
):
    with cluster.worker("second"), cluster.worker("third"):
        eventually(lambda: cluster.sweeps() == 1)
        asked = cluster.site.requests(log=False)
        shards = cluster.shards()
        assert len(shards) == SHARDS
        assert len(cluster.workers_of(shards)) == 2
        assert asked["by_kind"]["product"] == TITLES, "each page once"
        assert asked["max_running"] <= cluster.limit
        assert asked["sign_ins"] == 1
        cluster.assert_is_the_book()


@pytest.mark.long
def test_a_block_on_one_worker_stops_the_others_within_a_request_each(
    cluster: Cluster, eventually: Eventually
):
    with cluster.worker("second"), cluster.worker("third"):
        cluster.site.fault("status", status=403, at=150, count=1, retry_after="20")
        eventually(lambda: cluster.site.requests(log=False)["by_status"].get("403"))
        (block,) = [one for one in cluster.pages() if one["status"] == 403]
        before, swept = len(cluster.pages()), cluster.sweeps()
        eventually(lambda: cluster.sweeps() > swept)
        late = [one for one in cluster.pages() if block["ended"] < one["started"] < block["ended"] + 19]
        assert len(late) <= cluster.limit, "each that had its turn by then, and no other"
        assert before < TITLES
        cluster.assert_is_the_book()


@pytest.mark.long
def test_a_worker_that_is_killed_in_the_middle_of_a_sweep_costs_one_sweep(
    cluster: Cluster, eventually: Eventually
):
    with cluster.worker("second"):
        with cluster.worker("third") as killed:
            cluster.waits_for_pages(150)
            assert len(cluster.workers_of(cluster.shards(at_work=True))) == 2
            swept = cluster.sweeps()
            assert cluster.site.requests(log=False)["max_running"] <= cluster.limit
            kill(killed)
        eventually(lambda: not cluster.shards(at_work=True))
        assert cluster.sweeps() == swept, "it was no sweep"
        # The site went on for a moment with what the killed runs had asked for: that is over.
        cluster.site.reset_requests()
        move_some(cluster)
        eventually(lambda: cluster.sweeps() == swept + 1)
        assert cluster.site.requests(log=False)["max_running"] <= cluster.limit
        cluster.assert_is_the_book()


@pytest.mark.long
@pytest.mark.parametrize("server", ["redis", "postgres"])
def test_a_server_that_is_killed_in_the_middle_of_a_sweep_costs_one_at_most(
    cluster: Cluster, eventually: Eventually, server: str
):
    with cluster.worker("second"), cluster.worker("third"):
        cluster.waits_for_pages(150)
        cluster.kill_server(server)
        swept = cluster.sweeps()
        eventually(lambda: cluster.sweeps() >= swept + 1)
        move_some(cluster)
        swept = cluster.sweeps()
        eventually(lambda: cluster.sweeps() >= swept + 1)
        cluster.assert_is_the_book()


def move_some(cluster: Cluster) -> None:
    """Ingram's stock moves on: what was read before is not enough."""
    cluster.site.step(50)
