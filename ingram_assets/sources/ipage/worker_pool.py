"""Many pages with some workers: none is lost, none waits for another's second try."""

import contextlib
import heapq
import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from ingram_assets.sources.ipage.access.cancellation import Cancellation

T = TypeVar("T")
R = TypeVar("R")

RESULTS_AHEAD = 200
"""Results that may wait for a slow consumer, before the workers wait too: two batches that are being recorded
on a busy machine, while the site goes on being read."""


@dataclass(frozen=True, slots=True)
class TryAgain(Generic[T]):
    """A job that is to be tried again in `wait` seconds; others go on meanwhile."""

    job: T
    wait: float


class WorkerPool(Generic[T, R]):
    """Runs `do(job)` for every job in threads and yields what it returns, in order of completion.

    Jobs are taken from the iterable one by one as workers get free, so that it may be long.

    Args:
        do: makes a job's result, or says `TryAgain`. What it raises ends the sweep.
        canceled: ends the sweep within a moment, with what `do` raises then.
    """

    def __init__(
        self, jobs: Iterable[T], do: Callable[[T], "R | TryAgain[T]"], workers: int, canceled: Cancellation
    ) -> None:
        self._source, self._do, self._workers, self._canceled = iter(jobs), do, workers, canceled
        self._stop = threading.Event()
        self._due: list[tuple[float, int, T]] = []  # the numbers keep jobs from being compared
        self._numbers = itertools.count()
        self._running = 0
        self._exhausted = False
        self._changed = threading.Condition()
        self._results: queue.Queue[R | BaseException | None] = queue.Queue(RESULTS_AHEAD)
        self.threads: list[threading.Thread] = []

    def __iter__(self) -> Iterator[R]:
        for number in range(self._workers):
            # Daemons: a worker in a system call that can't be ended must not hold the program's end.
            thread = threading.Thread(target=self._work, name=f"ipage-{number}", daemon=True)
            self.threads.append(thread)
            thread.start()
        ended = 0
        try:
            while ended < self._workers:
                result = self._results.get()
                if result is None:
                    ended += 1
                elif isinstance(result, BaseException):
                    raise result
                else:
                    yield result
        finally:
            self._stop.set()
            with self._changed:
                self._changed.notify_all()

    def _work(self) -> None:
        try:
            while (found := self._next()) is not None:
                outcome = self._do(found[0])
                with self._changed:
                    self._running -= 1
                    if isinstance(outcome, TryAgain):
                        due = (time.monotonic() + outcome.wait, next(self._numbers), outcome.job)
                        heapq.heappush(self._due, due)
                    self._changed.notify_all()
                if not isinstance(outcome, TryAgain):
                    self._put(outcome)
        except BaseException as error:
            self._put(error)
        finally:
            self._put(None)

    def _next(self) -> tuple[T] | None:
        """The next job, in a tuple; `None` when all are done and none can come back."""
        with self._changed:
            while not self._stop.is_set():
                now = time.monotonic()
                if self._due and (self._due[0][0] <= now or self._canceled.is_set()):
                    self._running += 1
                    return (heapq.heappop(self._due)[2],)
                if not self._exhausted:
                    for job in self._source:
                        self._running += 1
                        return (job,)
                    self._exhausted = True
                if not self._due and self._running == 0:
                    self._changed.notify_all()
                    return None
                self._changed.wait(min(self._due[0][0] - now, 0.5) if self._due else 0.5)
        return None

    def _put(self, result: R | BaseException | None) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(queue.Full):
                return self._results.put(result, timeout=0.2)
