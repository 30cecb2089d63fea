"""The shop's figures in Prometheus' text format. No label names a title, and nothing is of customers."""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from ingram_assets.overview.figures import RunFigures, ShopFigures

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

Gauges = Iterable[GaugeMetricFamily]


def metrics_text(shop: ShopFigures, runs: RunFigures | None, in_flight: int | None) -> bytes:
    """What Prometheus reads. What is not known is left out: it is no zero.

    Args:
        runs: `None`: Dagster can't be asked; `in_flight`: requests to iPage, `None`: the queue can't.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Told([*_of_board(shop), *_of_runs(runs, in_flight)]))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Told(Collector):
    """Families of gauges that are made already."""

    def __init__(self, gauges: list[GaugeMetricFamily]) -> None:
        self._gauges = gauges

    def collect(self) -> Gauges:
        return self._gauges


def _of_board(shop: ShopFigures) -> Gauges:
    yield _by("source_up", "Whether a system answered the desk's last look.", "source", shop.sources)
    yield _by("source_answer_age_seconds", "Since the system answered last.", "source", shop.answered)
    yield _one("store_tells_truth", "Whether each title was read in time, and is shown so.", shop.tells_truth)
    yield _by("titles", "Titles that are not retired, as shoppers see them.", "status", shop.titles)
    yield _by("titles_by_step", "Titles, by whether the store follows the queue.", "step", shop.steps)
    yield _one("titles_stale", "Titles that were read longer ago than is promised.", shop.stale)
    yield _one(
        "titles_unread",
        "Titles that the last attempt did not read, or none ever did; not those whose page shows no stock.",
        shop.unread,
    )
    yield _one(
        "oldest_reading_age_seconds", "Since the title was read that waits the most.", shop.oldest_reading
    )
    yield _one("store_lag_seconds", "Since the first change that the store was not told; 0: none.", shop.lag)
    yield _one("last_sweep_age_seconds", "Since the end of the last complete sweep.", shop.last_sweep)
    yield _one("backup_age_seconds", "Since the last backup was taken, or restored.", shop.backup)
    yield _by("incidents_open", "What people were told of and is not over.", "kind", shop.incidents)
    yield _one("site_left_alone", "Whether iPage is left alone after a block.", shop.is_left_alone)
    yield _one("daemon_up", "Whether Dagster's daemon, which begins runs, is at work.", shop.is_daemon_up)


def _of_runs(runs: RunFigures | None, in_flight: int | None) -> Gauges:
    if runs is not None:
        yield _by("pages_last_hour", "Attempts to read a page in the last hour.", "outcome", runs.pages)
        yield _by("pushes_last_hour", "Pushes begun in the last hour.", "outcome", runs.pushes)
    yield _one("requests_in_flight", "Requests to iPage now, of all runs on all machines.", in_flight)


def _one(name: str, says: str, value: float | None) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(f"ingram_{name}", says)
    if value is not None:
        gauge.add_metric([], float(value))
    return gauge


def _by(name: str, says: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(f"ingram_{name}", says, labels=[label])
    for each, value in values.items():
        gauge.add_metric([each], float(value))
    return gauge
