"""Parsing a product page: the one part of a reading that is all the processor's."""

import statistics
import time
from collections.abc import Iterator

import httpx

from benchmarks.case import Figures, Machine
from ingram_assets.sources.ipage.pages.product_page import parse_product_page

PAGES = 100
ROUNDS = 10


def parse(machine: Machine) -> Iterator[Figures]:
    """Milliseconds a page: the median page of the simulated site, and the slowest, each the best of `ROUNDS`.

    The best, because on a busy machine the rest says how busy it was.
    """
    simulator = machine.shop.simulator
    headers = {"Cookie": simulator.signed_in_cookie("benchmark"), "User-Agent": "benchmark"}
    with httpx.Client(base_url=simulator.url, headers=headers, trust_env=False) as client:
        bodies = [
            client.get("/ipage/productdetail", params={"ean_id": isbn}).raise_for_status().content
            for isbn in machine.shop.isbns[:PAGES]
        ]
    best = [min(_milliseconds(body) for _ in range(ROUNDS)) for body in bodies]
    yield {
        "what": "parse a product page",
        "sizes": {"pages": PAGES, "bytes": round(statistics.median(len(body) for body in bodies))},
        "seconds": statistics.median(best) / 1000,
        "milliseconds": statistics.median(best),
        "milliseconds_of_the_slowest": max(best),
        "ratio": statistics.median(best) / 1.5,
    }


def _milliseconds(body: bytes) -> float:
    began = time.perf_counter()
    parse_product_page(body)
    return 1000 * (time.perf_counter() - began)
