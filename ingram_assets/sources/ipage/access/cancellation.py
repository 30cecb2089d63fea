"""The caller's wish to stop, which every wait in this folder listens to."""

import threading

from ingram_assets.domain.failures import Transient


class Canceled(Transient):
    """The caller closed the site in the middle of its work."""


class Cancellation:
    """Set once, from any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ends every wait at once."""
        self._event.set()

    @property
    def is_set(self) -> bool:
        """Whether the caller wants to stop."""
        return self._event.is_set()

    def raise_if_set(self) -> None:
        """Raises `Canceled` if the caller wants to stop."""
        if self._event.is_set():
            raise Canceled("The reading was stopped before it was through; run again to read the rest.")

    def sleep(self, seconds: float) -> None:
        """Waits.

        Raises:
            Canceled: the caller wanted to stop before the time was over.
        """
        if seconds > 0:
            self._event.wait(seconds)
        self.raise_if_set()
