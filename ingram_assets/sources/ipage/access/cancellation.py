"""The caller's wish to stop, which every wait in this folder listens to."""

import threading

from ingram_assets.domain.failures import Transient


class Canceled(Transient):
    """The caller closed the site in the middle of its work."""


class Cancellation(threading.Event):
    """Set once, from any thread; ends every wait at once."""

    def raise_if_set(self) -> None:
        """Raises `Canceled` if the caller wants to stop."""
        if self.is_set():
            raise Canceled("The reading was stopped before it was through; run again to read the rest.")

    def sleep(self, seconds: float) -> None:
        """Waits. Raises `Canceled` if the caller wanted to stop before the time was over."""
        if seconds > 0:
            self.wait(seconds)
        self.raise_if_set()
