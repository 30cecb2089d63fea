"""A stock sweep as a real launched run, against the site's own latency at the allowed concurrency."""

import asyncio
import time
from collections.abc import Iterator, Sequence

import httpx

from benchmarks.case import Figures, Machine
from ingram_assets.defs.keys import STOCK_SWEEP

CONCURRENCY = 8
_USER_AGENT = "Mozilla/5.0 (benchmark)"


def sweep(machine: Machine, *, titles: int, latency_ms: int) -> Iterator[Figures]:
    """The first sweep, which records details too, then the hourly one, with a tenth of the stock moved.

    `ratio` is to the unavoidable: titles × latency / concurrency.
    """
    shop = machine.shop
    isbns = shop.track(titles)
    ideal = titles * latency_ms / 1000 / CONCURRENCY
    shop.simulator.set(latency_ms=latency_ms)
    for what in ("first", "hourly"):
        if what == "hourly":
            dc = {"dc": "TN"}
            shop.simulator.move_all(
                [{"isbn": isbn, **dc, "on_hand": 100 + titles % 97} for isbn in isbns[::10]]
            )
        shop.simulator.reset_requests()
        run = shop.run_asset("scraper", STOCK_SWEEP)
        requests = shop.simulator.requests(log=False)
        yield {
            "what": f"{what} sweep",
            "sizes": {"titles": titles, "latency_ms": latency_ms, "concurrency": CONCURRENCY},
            "seconds": run.seconds,
            "unavoidable_seconds": ideal,
            "ratio": run.seconds / ideal,
            "ms_per_title": 1000 * run.seconds / titles,
            "seconds_to_start": run.waited,
            "peak_memory_mb": run.peak_mb,
            "requests": sum(requests["by_kind"].values()),
            "requests_in_flight_at_most": requests["max_running"],
            "stock": {name: count for name, count in run.counts.items() if name.startswith("stock_")},
        }
    cookie = shop.simulator.signed_in_cookie(_USER_AGENT)
    seconds = asyncio.run(bare_loop(shop.simulator.url, cookie, isbns))
    yield {
        "what": "bare asyncio loop, the same pages fetched and thrown away",
        "sizes": {"titles": titles, "latency_ms": latency_ms, "concurrency": CONCURRENCY},
        "seconds": seconds,
        "unavoidable_seconds": ideal,
        "ratio": seconds / ideal,
        "ms_per_title": 1000 * seconds / titles,
    }
    shop.simulator.set(latency_ms=0)


async def bare_loop(url: str, cookie: str, isbns: Sequence[str]) -> float:
    """Seconds to fetch the pages with as many tasks as the concurrency, and nothing else."""
    waiting = iter(isbns)
    headers = {"Cookie": cookie, "User-Agent": _USER_AGENT}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=60) as client:

        async def fetch() -> None:
            for isbn in waiting:
                answer = await client.get("/ipage/productdetail", params={"ean_id": isbn})
                assert answer.status_code == 200, answer
                await answer.aread()

        began = time.perf_counter()
        await asyncio.gather(*(fetch() for _ in range(CONCURRENCY)))
        return time.perf_counter() - began
