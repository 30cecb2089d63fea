"""A sell-out's way from the site to the real Medusa: even sweeps beside likely sell-outs between sweeps.

The whole shop on real parts with a fast clock: both ways ask the site for the same number of pages an hour.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, median

from benchmarks.case import Figures, Machine
from benchmarks.shop import Shop, running_shop
from ingram_assets.defs.keys import STOCK_SWEEP
from ingram_assets.store.client import MedusaClient
from ingram_assets.store.journal import Journal
from ingram_assets.store.location import find_location
from ingram_assets.store.read import read_store

TITLES = 60
_HOT = 6
_COPIES = 12
_SELLS_EVERY = 12.0
"""Seconds from one order of two copies of a hot title to the next."""

_FAST = {"SENSOR_INTERVAL": "5", "FRESHNESS_DAEMON_INTERVAL_SECONDS": "5", "STOCK_FAIL_AFTER": "900"}
WAYS: Mapping[str, Mapping[str, str]] = {
    "even": {**_FAST, "STOCK_WARN_AFTER": "180"},
    "likely sell-outs": {**_FAST, "STOCK_WARN_AFTER": "540", "PAGES_PER_HOUR": str(TITLES * 20)},
}
_SENSORS = (("scraper", "sweep_due"), ("scraper", "between_sweeps_due"), ("storefront", "stock_changes"))


def sell_outs(machine: Machine, *, seconds: float) -> Iterator[Figures]:
    """Sell-outs of hot titles over so many seconds, each way in a shop of its own."""
    base: float | None = None
    for way, pace in WAYS.items():
        with running_shop(pace) as shop:
            waits, pages = _live(shop, seconds)
        base = base or mean(waits)
        yield {
            "what": "sold out at the site to level 0 in Medusa",
            "way": way,
            "sizes": {"titles": TITLES, "hot": _HOT, "seconds": seconds, "sell_outs": len(waits)},
            "pages_an_hour": pages,
            "seconds": mean(waits),
            "median": median(waits),
            "ratio": mean(waits) / base,
        }


@dataclass
class _HotTitle:
    """A title that sells steadily, and is delivered again once the store shows that it is sold out."""

    isbn: str
    copies: int = _COPIES
    next_order: float = 0.0
    sold_out: float | None = None
    waits: list[float] = field(default_factory=list)

    def live(self, shop: Shop, now: float, level: int | None) -> None:
        """What becomes of it now, at the site; `level` is what the store shows."""
        if self.sold_out is not None:
            if level == 0:
                self.waits.append(now - self.sold_out)
                self._set(shop, _COPIES)
                self.sold_out, self.next_order = None, now + 2 * _SELLS_EVERY
        elif now >= self.next_order:
            self._set(shop, max(0, self.copies - 2))
            self.next_order = now + _SELLS_EVERY
            if not self.copies:
                self.sold_out = now

    def _set(self, shop: Shop, copies: int) -> None:
        self.copies = copies
        shop.simulator.set_stock(self.isbn, {"TN": (copies, 0), "PA": (0, 0)})


def _live(shop: Shop, seconds: float) -> tuple[Sequence[float], float]:
    """Seconds from each sell-out to the store, and the pages an hour that the site was asked for."""
    isbns = shop.track(TITLES)
    hot = [_HotTitle(isbn, next_order=time.time() + number) for number, isbn in enumerate(isbns[:_HOT])]
    for number, isbn in enumerate(isbns):
        copies = _COPIES if number < _HOT else 40 + number
        shop.simulator.set_stock(isbn, {"TN": (copies, 0), "PA": (0, 0)})
    shop.run_job("scraper", "enrich", {"ops": {"enrich_titles": {"config": {"isbns": list(isbns)}}}})
    shop.run_asset("scraper", STOCK_SWEEP)
    shop.run_job("storefront", "push", {})
    for location, sensor in _SENSORS:
        shop.start_sensor(location, sensor)
    medusa = shop.stack.medusa
    with (
        MedusaClient(medusa.url, email=medusa.email, password=medusa.password) as client,
        Journal(shop.stack.url("storefront", "storefront")) as journal,
    ):
        location_id = find_location(client, journal=journal).id
        shop.simulator.reset_requests()
        began = time.time()
        while (now := time.time()) < began + seconds:
            found = read_store(client, [one.isbn for one in hot], location_id)
            for one in hot:
                level = found[one.isbn].variants[0].items[0].level
                one.live(shop, now, level.stocked if level else None)
            time.sleep(0.5)
    pages = shop.simulator.requests(log=False)["by_kind"].get("product", 0)
    shop.stop_sensors()
    return [wait for one in hot for wait in one.waits], pages * 3600 / seconds
