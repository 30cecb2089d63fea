"""Open Library's covers: the source that is asked where iPage has no art, within its limit."""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx
import stamina

from ingram_assets.covers.pictures import MAX_BYTES
from ingram_assets.domain import unpacking
from ingram_assets.domain.addresses import is_this_machine
from ingram_assets.domain.failures import NeedsPerson, Permanent, Transient

log = logging.getLogger(__name__)

BASE_URL = "https://covers.openlibrary.org"
LOOKUPS = 100
WINDOW = 300.0
"""Seconds. 100 look-ups by ISBN in 5 minutes an address: openlibrary.org/dev/docs/api/covers."""
_MAX_REDIRECTS = 5


class LimitUsedUp(Transient):
    """Open Library may not be asked now: whether it has a cover is not known. The next run asks."""


class OpenLibrary:
    """Covers by ISBN. Safe for threads and processes: all that share `state_dir` share the limit."""

    def __init__(
        self,
        state_dir: Path,
        *,
        base_url: str = BASE_URL,
        timeout: float = 15.0,
        clock: Callable[[], float] = time.time,
        user_agent: str = "ingram-assets (a bookstore's cover look-ups)",
    ) -> None:
        """`timeout` in seconds, for each step of a request. `clock` gives seconds since the epoch."""
        self._window = _Window(state_dir / "open-library.sqlite3", clock)
        self._http = httpx.Client(
            base_url=base_url.rstrip("/"),
            timeout=timeout,
            follow_redirects=False,  # httpx would unpack the body of a redirect, however long it gets
            headers={"User-Agent": user_agent, "Accept": "image/*", "Accept-Encoding": "gzip, deflate"},
            # The environment's proxy, which never leads to this machine, whatever NO_PROXY says.
            trust_env=not is_this_machine(urlsplit(base_url).hostname or ""),
        )

    def fetch(self, isbn: str) -> bytes | None:
        """The largest cover it has, or None if it has none.

        Raises:
            LimitUsedUp: our look-ups of the last 5 minutes are used up, or it says so itself.
            Transient: no answer, or an error of its own, twice in a row.
            Permanent: an answer that another attempt will not change.
        """
        for attempt in stamina.retry_context(on=_worth_another, attempts=2, wait_initial=0.5, wait_max=2.0):
            with attempt:
                return self._look_up(isbn)
        raise AssertionError("unreachable")  # pragma: no cover

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _look_up(self, isbn: str) -> bytes | None:
        self._window.take()
        try:
            # Without default=false it sends a blank picture with status 200 for a cover that it does not
            # have.
            with self._answer(f"/b/isbn/{isbn}-L.jpg?default=false") as answer:
                if answer.next_request is not None:
                    raise Permanent(f"Open Library sends the look-up of {isbn} round in circles.")
                if answer.status_code == 404:
                    return None
                if answer.status_code in (403, 429):
                    self._window.fill()
                    raise LimitUsedUp(
                        f"Open Library answered {answer.status_code}: its limit of {LOOKUPS} look-ups in "
                        f"{WINDOW / 60:.0f} minutes is used up. The title is tried on the next run."
                    )
                if answer.status_code >= 500 or answer.status_code == 408:
                    raise Transient(
                        f"Open Library answered {answer.status_code}. The title is tried on the next run."
                    )
                if answer.status_code != 200:
                    raise Permanent(f"Open Library refused the look-up of {isbn} with {answer.status_code}.")
                return unpacking.unpacked(
                    answer.iter_raw(), answer.headers.get("content-encoding"), MAX_BYTES
                )
        except unpacking.TooLong as error:
            raise Permanent(f"Open Library's picture of {isbn} is above {MAX_BYTES / 1e6:.0f} MB.") from error
        except unpacking.Damaged as error:
            raise Transient(
                f"Open Library's picture of {isbn} did not come whole: {error}. The title is tried on the "
                "next run."
            ) from error
        except unpacking.UnknownPacking as error:
            raise Permanent(f"Open Library's picture of {isbn} is refused: {error}.") from error
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise NeedsPerson(
                "The address of Open Library is none: check OPEN_LIBRARY_COVERS_URL."
            ) from error
        except httpx.TimeoutException as error:
            raise Transient(
                "Open Library did not answer in time. The title is tried on the next run."
            ) from error
        except httpx.HTTPError as error:
            raise Transient(
                f"Open Library cannot be reached ({type(error).__name__}). The title is tried on the next "
                "run."
            ) from error

    @contextmanager
    def _answer(self, path: str) -> Iterator[httpx.Response]:
        """The answer at the end of the redirects, or the last of too many; its body is not read yet."""
        request = self._http.build_request("GET", path)
        for left in range(_MAX_REDIRECTS, -1, -1):
            answer = self._http.send(request, stream=True)
            try:
                if answer.next_request is None or not left:
                    yield answer
                    return
                request = answer.next_request
            finally:
                answer.close()


class _Window:
    """A sliding window of look-ups, in a file: a restart or a second process does not begin anew."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock

    def take(self) -> None:
        """Count one look-up. Raises LimitUsedUp if there is none left."""
        with closing(self._open()) as db:
            now = self._clock()
            db.execute("BEGIN IMMEDIATE")
            db.execute("DELETE FROM lookups WHERE at <= ?", (now - WINDOW,))
            # A clock that was set back must not block us for as long as it was ahead.
            db.execute("UPDATE lookups SET at = ? WHERE at > ?", (now, now))
            count, oldest = db.execute("SELECT count(*), min(at) FROM lookups").fetchone()
            if count < LOOKUPS:
                db.execute("INSERT INTO lookups VALUES (?)", (now,))
            db.execute("COMMIT")
        if count >= LOOKUPS:
            raise LimitUsedUp(
                f"Open Library's limit of {LOOKUPS} look-ups in {WINDOW / 60:.0f} minutes is used up for "
                "another "
                f"{max(1, round(oldest + WINDOW - now))} s. The title is tried on the next run."
            )

    def fill(self) -> None:
        """Use up what is left: the server says that its limit is reached."""
        with closing(self._open()) as db:
            db.execute("BEGIN IMMEDIATE")
            count = db.execute("SELECT count(*) FROM lookups").fetchone()[0]
            db.executemany("INSERT INTO lookups VALUES (?)", [(self._clock(),)] * max(0, LOOKUPS - count))
            db.execute("COMMIT")

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # A connection a look-up: at most 100 in 5 minutes, and nothing is shared between threads.
        db = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        db.execute("CREATE TABLE IF NOT EXISTS lookups (at REAL NOT NULL)")
        return db


def _worth_another(error: Exception) -> bool:
    return isinstance(error, Transient) and not isinstance(error, LimitUsedUp)
