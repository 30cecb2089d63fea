"""Seconds by phase, and a line on the terminal when one begins."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from ingram_assets.cli.terminal import markup


class Phases:
    """Times the phases of a run that somebody watches."""

    def __init__(self, console: Console) -> None:
        self.seconds: dict[str, float] = {}
        self._console = console
        self._began = time.monotonic()

    @contextmanager
    def phase(self, name: str, words: str) -> Iterator[None]:
        """Time a phase, or more of it. `words` tell a person what is going on."""
        self.say(f"{words} …")
        began = time.monotonic()
        yield
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - began, 1)

    def say(self, words: str) -> None:
        """A line with the seconds since the start."""
        self._console.print(f"[dim]{self.total:5.0f} s[/dim]  {markup(words)}")

    @property
    def total(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began
