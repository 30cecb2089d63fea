"""What a page last knew of an outside system: asked for again each time, waited for a moment, and kept."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

from ingram_assets.domain.failures import IngramError, NeedsPerson, Permanent
from ingram_assets.overview.last_answer import LastAnswer

log = logging.getLogger(__name__)

T = TypeVar("T")

WAIT_SECONDS = 4.0
"""So long a page waits for an answer, and then shows the last one."""
SHORT_SECONDS = 0.5
"""So long it waits where another answer did not come in time just now: it asks for several things."""
SLOW_SECONDS = 10.0
"""So long that is just now."""
_KEPT = 500
_AT_ONCE = 4


@dataclass(slots=True)
class _Looked:
    known: LastAnswer[Any] = field(default_factory=LastAnswer)
    at_work: "Future[LastAnswer[Any]] | None" = None
    writes: int = 0
    """What was asked before the last write may not be kept as what is known after it."""


class LastKnown:
    """Answers of one outside system by what was asked. It may be shared by threads.

    Args:
        called: the system, as its users call it: "Medusa".
    """

    def __init__(self, called: str) -> None:
        self.called = called
        self._pool = ThreadPoolExecutor(_AT_ONCE, f"looks-{called}")
        self._lock = threading.Lock()
        self._looked: OrderedDict[Hashable, _Looked] = OrderedDict()
        self._slow_until = 0.0

    def ask(
        self,
        what: Hashable,
        look: Callable[[], T],
        *,
        fresh_for: timedelta = timedelta(0),
    ) -> LastAnswer[T]:
        """The answer to a question, or the last one with the reason why there is no newer.

        A question that is not answered yet is not put twice.

        Args:
            what: tells the question from others.
            fresh_for: so long the last answer is good enough.

        Raises:
            Permanent: the answer is that there is no such thing.
        """
        now = datetime.now(UTC)
        with self._lock:
            looked = self._looked.setdefault(what, _Looked())
            self._looked.move_to_end(what)
            while len(self._looked) > _KEPT:
                self._looked.popitem(last=False)
            known = looked.known
            if known.at and known.why_not is None and now - known.at < fresh_for:
                return cast(LastAnswer[T], known)
            if looked.at_work is None:
                looked.at_work = self._pool.submit(self._put, looked, look, looked.writes)
            future = looked.at_work
        try:
            is_slow = time.monotonic() < self._slow_until
            answer = future.result(SHORT_SECONDS if is_slow else WAIT_SECONDS)
        except TimeoutError:
            self._slow_until = time.monotonic() + SLOW_SECONDS
            words = f"{self.called} has not answered in time."
            return cast(LastAnswer[T], replace(looked.known, why_not=words))
        if answer.why_not is None:
            self._slow_until = 0.0
        return cast(LastAnswer[T], answer)

    def _put(self, looked: _Looked, look: Callable[[], Any], writes: int) -> LastAnswer[Any]:
        """Puts a question and keeps its answer, whether somebody still waits or not.

        An answer is of the time when it was asked for: what changes meanwhile may not be in it.
        """
        answer, asked = None, datetime.now(UTC)
        try:
            answer = LastAnswer(look(), asked)
        except Permanent:
            raise
        except IngramError as error:
            log.warning("%s: %s", self.called, error)
            why_not = str(error) if isinstance(error, NeedsPerson) else f"{self.called} does not answer."
            answer = replace(looked.known, why_not=why_not)
        finally:
            with self._lock:
                if looked.writes == writes:
                    looked.known, looked.at_work = answer or looked.known, None
        return answer

    def last(self, what: Hashable) -> LastAnswer[Any]:
        """The last answer to a question, without putting it."""
        with self._lock:
            looked = self._looked.get(what)
            return looked.known if looked else LastAnswer()

    def forget(self) -> None:
        """After a write: nothing that was known is fresh any more. It is still shown where none answers."""
        with self._lock:
            for looked in self._looked.values():
                looked.known = replace(looked.known, why_not=looked.known.why_not or "Changed since.")
                looked.at_work, looked.writes = None, looked.writes + 1

    def close(self) -> None:
        """Ends what is at work."""
        self._pool.shutdown(wait=False, cancel_futures=True)
