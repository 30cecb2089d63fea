"""Runs that ask for covers at once: as many threads as the product has, each in its turn (`Politeness.turn`).

Their turns are the product's, on what all runs share. The threads take turns on the simulated clock.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from ingram_assets.domain.failures import IngramError
from ingram_assets.domain.site_limits import Limits
from ingram_assets.sources.ipage.access.answers import ExpectedAnswer
from ingram_assets.sources.ipage.access.fetching import PageRequest, Timeouts
from ingram_assets.sources.ipage.access.politeness import Politeness
from ingram_assets.sources.ipage.access.session import USER_AGENT, Cookie, new_session
from ingram_assets_tests.world.clock import Clock
from ingram_assets_tests.world.shared import SimulatedSharedSite
from ingram_assets_tests.world.site import (
    ADDRESS,
    COVER,
    LATENCY,
    SimulatedCancellation,
    SimulatedFetching,
    SimulatedSite,
)

THREADS = 10
"""Of a run: its slots, and two that parse."""
ASKS_FOR = 60.0
"""Seconds after which no further cover is asked for."""
LATENCIES = {"quick": 0.2, "slow": 15.0, "fails": 1.0}


def ask(
    clock: Clock, site: SimulatedSite, shared: SimulatedSharedSite, isbns: Sequence[str], runs: int, how: str
) -> None:
    """Runs of covers, all at once. `how`: see `LATENCIES`; "fails": with status 503."""
    began = clock.now
    site.latency, site.covers_fail = LATENCIES[how], how == "fails"
    session = new_session([Cookie("JSESSIONID", str(site.session), "ipage.example")], USER_AGENT)

    def works(left: Iterator[str]) -> list[Callable[[], None]]:
        canceled = SimulatedCancellation(clock)
        politeness = Politeness(shared.limits(Limits()), Limits(), canceled)
        fetching = SimulatedFetching(site, clock, ADDRESS, politeness, Timeouts(), canceled)

        def work() -> None:
            for isbn in left:
                if clock.now > began + ASKS_FOR:
                    return
                with suppress(IngramError):
                    fetching.fetch(session, PageRequest(f"{COVER}{isbn}", ExpectedAnswer.PICTURE, bytes))

        return [work] * THREADS

    clock.together(work for _ in range(runs) for work in works(iter(isbns)))
    site.latency, site.covers_fail = LATENCY, False
