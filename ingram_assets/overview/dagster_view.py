"""Dagster's instance for a process that only looks, and must never wait long for it."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from pydantic import SecretStr

from ingram_assets.domain.failures import NeedsPerson, Transient
from ingram_assets.runtime.instance import dagster_instance, takes_writes, told_if_away, without_tries
from ingram_assets.settings.shared import CommonSettings

if TYPE_CHECKING:
    from dagster import DagsterInstance

T = TypeVar("T")

SECONDS = 5.0
"""So long a look may take: its statements, and who waits for it."""
_LOOKS_AT_ONCE = 4


class DagsterAway(Transient):
    """Dagster's database does not answer, or not in time."""


class DagsterView:
    """Looks at Dagster's instance, opened when first asked for. It may be shared by threads.

    A look that takes too long goes on by itself and is forgotten: Dagster tries again what failed, for many
    seconds, and a page must not wait for that.
    """

    def __init__(self, common: CommonSettings) -> None:
        address = SecretStr(_hasty(common.DAGSTER_PG_URL.get_secret_value()))
        self._common = common.model_copy(update={"DAGSTER_PG_URL": address})
        self._pool = ThreadPoolExecutor(_LOOKS_AT_ONCE, "dagster-view")
        self._lock = threading.Lock()
        self._opened = ExitStack()
        self._instance: DagsterInstance | None = None

    def ask(self, look: "Callable[[DagsterInstance], T]") -> T:
        """What a look at the instance gives.

        Raises:
            DagsterAway: no answer came within `SECONDS`.
        """
        future: Future[T] = self._pool.submit(self._look, look)
        try:
            return future.result(SECONDS)
        except TimeoutError:
            future.cancel()
            raise DagsterAway(
                f"Dagster's database has not answered within {SECONDS:g} s: see that PostgreSQL is up and "
                "not overloaded."
            ) from None
        except (Transient, NeedsPerson) as error:
            raise DagsterAway(str(error)) from error

    def takes_writes(self) -> bool:
        """Whether Dagster's database does. Raises DagsterAway: it does not even answer."""
        return self.ask(takes_writes)

    def close(self) -> None:
        """Closes the instance."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        # A look that still tries to open it has the lock for half a minute, and ends with the process.
        if self._lock.acquire(timeout=1):
            self._opened.close()
            self._instance = None
            self._lock.release()

    def _look(self, look: "Callable[[DagsterInstance], T]") -> T:
        with told_if_away(), without_tries():
            return look(self._open())

    def _open(self) -> "DagsterInstance":
        with self._lock:
            if self._instance is None:
                self._instance = self._opened.enter_context(dagster_instance(self._common))
            return self._instance


def _hasty(url: str) -> str:
    """The address with limits for connecting and for each statement, unless it has its own."""
    limits = {
        "connect_timeout": f"{SECONDS:.0f}",
        "options": quote(f"-c statement_timeout={SECONDS * 1000:.0f}"),
    }
    for name, value in limits.items():
        if f"{name}=" not in url.partition("?")[2]:
            url += f"{'&' if '?' in url else '?'}{name}={value}"
    return url
