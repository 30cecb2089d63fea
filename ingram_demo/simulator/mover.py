"""Ingram's day: moves the stock book by itself every few seconds."""

import asyncio

from ingram_demo.simulator.book import Book


class Mover:
    """Advances the book every `every_s` seconds while the server runs; 0 is never."""

    def __init__(self, book: Book, every_s: float = 0.0) -> None:
        self._book = book
        self.every_s = every_s
        self._changed = asyncio.Event()

    def every(self, seconds: float) -> None:
        """Another pace, from now on.

        Raises:
            ValueError: fewer than 0 seconds.
        """
        if not 0 <= seconds < 1e9:
            raise ValueError(f"The mover's pace is {seconds!r}: seconds from 0 (never).")
        self.every_s = seconds
        self._changed.set()

    async def run(self) -> None:
        while True:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), self.every_s or None)
            except TimeoutError:
                self._book.advance(1)
