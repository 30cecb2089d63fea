"""Whether the desk can work: the queue, the journal and Dagster, as they were last known."""

import asyncio
import time
from collections.abc import Callable
from enum import StrEnum
from functools import partial

from starlette.concurrency import run_in_threadpool

from ingram_assets.desk.lookups import Lookups
from ingram_assets.overview.last_answer import LastAnswer

_KEPT_SECONDS = 2.0
"""So long an answer is good enough, also a bad one: whoever asks may ask as often as they like."""

TakesWrites = Callable[[], bool]


class SystemState(StrEnum):
    """How a system is found, in words for who watches from outside."""

    OK = "ok"
    AWAY = "away"
    READ_ONLY = "takes no writes"


class Readiness:
    """Looks at the systems without which the desk can't work, each for seconds at most."""

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups
        self._looking = asyncio.Lock()
        self._known: dict[str, SystemState] = {}
        self._known_until = float("-inf")

    async def look(self) -> dict[str, SystemState]:
        """Each system's name, and its state. One look at a time, whoever asks."""
        async with self._looking:
            if time.monotonic() > self._known_until:
                self._known = await self._ask()
                self._known_until = time.monotonic() + _KEPT_SECONDS
            return self._known

    async def _ask(self) -> dict[str, SystemState]:
        lookups = self._lookups
        known = {
            "queue": lookups.queue_known,
            "journal": lookups.journal_known,
            "dagster": lookups.dagster_known,
        }
        looks: dict[str, TakesWrites] = {
            "queue": lookups.queue.takes_writes,
            "journal": lambda: lookups.journal().takes_writes(),
            "dagster": lookups.view.takes_writes,
        }
        asked = [
            run_in_threadpool(partial(known[name].ask, ("ready",), look)) for name, look in looks.items()
        ]
        answers: list[LastAnswer[bool]] = await asyncio.gather(*asked)
        return {name: _state(answer) for name, answer in zip(looks, answers, strict=True)}


def _state(takes_writes: LastAnswer[bool]) -> SystemState:
    if takes_writes.why_not is not None:
        return SystemState.AWAY
    return SystemState.OK if takes_writes.value else SystemState.READ_ONLY
