"""What it costs a page that all runs share one limit in PostgreSQL, beside no limit at all."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.fernet import Fernet

from benchmarks.case import Figures, Machine
from ingram_assets.coordination.site import SharedSite
from ingram_assets.domain.site_limits import BreakerState, Limits, SiteLook, SlotTaken
from ingram_assets.sources.ipage.access.shared_state import SharedLimits
from ingram_assets.sources.ipage.site import Site
from ingram_assets.staging.schema import migrate
from ingram_demo.simulator import running_simulator

ROUNDS = 3


class Unlimited:
    """No slots, no pace, no breaker: whoever asks may send."""

    def look(self) -> SiteLook:
        """Nothing keeps anybody from asking."""
        return SiteLook(time.time(), BreakerState())

    def take(self, at_most: int, *, is_waiting: bool) -> tuple[SlotTaken | None, SiteLook]:
        """At once."""
        return SlotTaken(1, 0.0), self.look()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Nobody waits."""
        yield

    def give_back(self, slot: int) -> None:
        """There is nothing to give back."""

    def settle(self, latency: float, *, is_answered: bool, sent_at: float) -> None:
        """There is no pace."""

    def trip(self, reason: str, retry_after: float | None, sent_at: float) -> tuple[SiteLook, bool]:
        """There is no breaker."""
        return self.look(), False

    def pages_read(self, session: str) -> int:
        """The slow start is over."""
        return 1_000

    def count_page(self, session: str) -> int:
        """The slow start is over."""
        return 1_000


class UnlimitedSite(SharedSite):
    """The session is kept as ever; only the limit is none."""

    def limits(self, limits: Limits) -> SharedLimits:  # type: ignore[override]
        """None."""
        return Unlimited()


def limiter(machine: Machine, *, titles: int, latency_ms: int) -> Iterator[Figures]:
    """A run's pages with the shared limit, and without one, in turns; the slow start is over."""
    name = "limiter_bench"
    url = machine.postgres.create_database(name)
    migrate(url)
    key = Fernet.generate_key().decode()
    with running_simulator(titles=titles) as simulator:
        simulator.set(latency_ms=latency_ms)
        cookie, isbns = simulator.signed_in_cookie(), simulator.isbns()
        seconds: dict[str, list[float]] = {"shared": [], "none": []}
        for number in range(ROUNDS + 1):
            for what, kind in (("shared", SharedSite), ("none", UnlimitedSite)):
                shared = kind(url, simulator.url, lambda: [key])
                with Site(simulator.url, shared, None, session_cookie=cookie) as site:
                    began = time.perf_counter()
                    read = sum(reading.page is not None for reading in site.read_products(isbns))
                    took = time.perf_counter() - began
                assert read == titles
                if number:  # The first round is the session's slow start.
                    seconds[what].append(took)
    medians = {what: statistics.median(each) for what, each in seconds.items()}
    yield {
        "what": "pages with one limit for all runs, beside none",
        "sizes": {"titles": titles, "latency_ms": latency_ms, "rounds": ROUNDS},
        "seconds": medians["shared"],
        "seconds_without": medians["none"],
        "ms_more_a_page": (medians["shared"] - medians["none"]) / titles * 1000,
        "ratio": medians["shared"] / medians["none"],
    }
