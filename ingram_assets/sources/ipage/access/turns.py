"""Turns: who may send a request, and when. Held for one request each, so that a short run gets its share."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ingram_assets.domain.site_limits import SiteLook, SlotTaken
from ingram_assets.sources.ipage.access.cancellation import Cancellation
from ingram_assets.sources.ipage.access.shared_state import SharedLimits

_POLL = (0.008, 0.016)
"""Seconds between two looks at the slots while other runs hold them all."""


class Turns:
    """This run's place among all that ask the site.

    Its threads queue up in memory; between runs it is the shared slots that count.
    """

    def __init__(self, shared: SharedLimits, concurrency: int, canceled: Cancellation) -> None:
        self._shared, self._canceled = shared, canceled
        self._threads = threading.Semaphore(concurrency)
        self._next = threading.Semaphore(1)

    @contextmanager
    def one(self, at_most: Callable[[], int], may_go: Callable[[SiteLook], bool]) -> Iterator[float | None]:
        """A turn for the block; yields when it is (shared clock), or `None`: nothing may be sent now.

        Args:
            at_most: narrows the slots to the first so many.
            may_go: judges what is known of the site: as it takes the slot, and after it waited for its time.
        """
        with self._queued(self._threads):
            taken, look = self._take(at_most, may_go)
            if taken is None:
                yield None
                return
            try:
                if taken.wait > 0:
                    self._canceled.sleep(taken.wait)
                    look = self._shared.look()
                yield look.now if may_go(look) else None
            finally:
                self._shared.give_back(taken.slot)

    def _take(
        self, at_most: Callable[[], int], may_go: Callable[[SiteLook], bool]
    ) -> tuple[SlotTaken | None, SiteLook]:
        """A slot, once one is free; none where the site may not be asked."""
        with self._queued(self._next):
            taken, look = self._shared.take(at_most(), is_waiting=False)
            if taken is not None or not may_go(look):
                return taken, look
            with self._shared.waiting():
                while taken is None and may_go(look):
                    self._canceled.sleep(random.uniform(*_POLL))
                    taken, look = self._shared.take(at_most(), is_waiting=True)
                return taken, look

    @contextmanager
    def _queued(self, places: threading.Semaphore) -> Iterator[None]:
        while not places.acquire(timeout=0.25):
            self._canceled.raise_if_set()
        try:
            yield
        finally:
            places.release()
