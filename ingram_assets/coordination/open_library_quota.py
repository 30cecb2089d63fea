"""Look-ups at Open Library, counted for all runs on all machines: they may share one address."""

from datetime import timedelta

from ingram_assets.coordination.connection import Coordinator


class LookupCount:
    """What `SharedLookups` of the sources' room wants. Thread-safe."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator

    def count_one(self, most: int, seconds: float) -> float | None:
        """Counts one, if fewer than `most` were in the last `seconds`; else the seconds until one may be."""
        values = [most, timedelta(seconds=seconds)]
        query = "SELECT scraper.count_lookup(%s, %s)"
        ((wait,),) = self._coordinator.rows("count a look-up at Open Library", query, values)
        return None if wait is None else float(wait)

    def use_up(self, most: int) -> None:
        """Counts as many as there may be."""
        doing = "remember that Open Library's limit is used up"
        self._coordinator.rows(doing, "SELECT scraper.use_up_lookups(%s)", [most])
