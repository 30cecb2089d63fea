"""The simulated clock, and how modules of the product are made to look at it."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

from greenlet import getcurrent, greenlet

START = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


class Clock:
    """The time of the world, in seconds since 1970. It moves when the world moves it."""

    def __init__(self) -> None:
        self.now = START

    def moment(self, at: float | None = None) -> datetime:
        """The time, or another one, as the product has it: UTC."""
        return datetime.fromtimestamp(self.now if at is None else at, UTC)

    def hours(self, at: float | None = None) -> float:
        """Hours since the world began."""
        return ((self.now if at is None else at) - START) / HOUR

    def sleep(self, seconds: float) -> None:
        """Lets time go by. Of several that are at work together, the others go on meanwhile."""
        others = getcurrent().parent
        if others is None:
            self.now += seconds
        else:
            others.switch(self.now + seconds)

    def together(self, works: Iterable[Callable[[], None]]) -> None:
        """Does all at once, as threads do: who wakes first goes on first. Then it is as late as it was."""
        began = self.now
        waiting = [(began, number, greenlet(work)) for number, work in enumerate(works)]
        while waiting:
            at, number, work = heapq.heappop(waiting)
            self.now = max(self.now, at)
            wakes = work.switch()
            if not work.dead:
                heapq.heappush(waiting, (wakes, number, work))
        self.now = began

    @property
    def datetime_class(self) -> type[datetime]:
        """`datetime`, but that `now` is this clock's."""
        clock = self

        class SimulatedDatetime(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:
                return datetime.fromtimestamp(clock.now, tz)

        return SimulatedDatetime

    @property
    def time_module(self) -> SimpleNamespace:
        """What the product takes of `time`."""
        return SimpleNamespace(time=lambda: self.now, monotonic=lambda: self.now)


@contextmanager
def replaced(*replacements: tuple[ModuleType, dict[str, Any]]) -> Iterator[None]:
    """Names of modules replaced for the block."""
    with ExitStack() as stack:
        for module, names in replacements:
            stack.enter_context(mock.patch.multiple(module, **names))
        yield
