"""Whether the desk can work: the queue, the journal and Dagster, as they were last known."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

from starlette.concurrency import run_in_threadpool

from ingram_assets.desk.lookups import Lookups
from ingram_assets.overview.last_answer import LastAnswer

_KEPT_SECONDS = 2.0
"""So long an answer is good enough, also a bad one: whoever asks may ask as often as they like."""

SystemLook = Callable[[], object]


class Readiness:
    """Looks at the systems without which the desk can't work, each for seconds at most."""

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups
        self._looking = asyncio.Lock()
        self._known: dict[str, bool] = {}
        self._known_until = float("-inf")

    async def look(self) -> dict[str, bool]:
        """Each system's name, and whether it answers. One look at a time, whoever asks."""
        async with self._looking:
            if time.monotonic() > self._known_until:
                self._known = await self._ask()
                self._known_until = time.monotonic() + _KEPT_SECONDS
            return self._known

    async def _ask(self) -> dict[str, bool]:
        lookups = self._lookups
        known = {
            "queue": lookups.queue_known,
            "journal": lookups.journal_known,
            "dagster": lookups.dagster_known,
        }
        looks: dict[str, SystemLook] = {
            "queue": lookups.queue.answers,
            "journal": lambda: lookups.journal().mode(None),
            "dagster": lambda: lookups.view.ask(lambda instance: len(instance.get_daemon_heartbeats())),
        }
        asked = [
            run_in_threadpool(partial(known[name].ask, ("ready",), look)) for name, look in looks.items()
        ]
        answers: list[LastAnswer[object]] = await asyncio.gather(*asked)
        return {name: answer.why_not is None for name, answer in zip(looks, answers, strict=True)}
