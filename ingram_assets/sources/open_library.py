"""Open Library's covers: the source that is asked where iPage has no art, within its limit."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, Self
from urllib.parse import urlsplit

import httpx
import stamina

from ingram_assets.domain import unpacking
from ingram_assets.domain.addresses import is_this_machine
from ingram_assets.domain.failures import LimitUsedUp, NeedsPerson, Permanent, Transient
from ingram_assets.retries import log_retries

BASE_URL = "https://covers.openlibrary.org"
MAX_BYTES = 20_000_000
LOOKUPS = 100
WINDOW = 300.0
"""Seconds. 100 look-ups by ISBN in 5 minutes an address: openlibrary.org/dev/docs/api/covers."""
_MAX_REDIRECTS = 5
_HEADERS = {
    "User-Agent": "ingram-assets (a bookstore's cover look-ups)",
    "Accept": "image/*",
    "Accept-Encoding": "gzip, deflate",
}


def _is_worth_another_try(error: Exception) -> bool:
    return isinstance(error, Transient) and not isinstance(error, LimitUsedUp)


class SharedLookups(Protocol):
    """The look-ups of all who may share our address: `ingram_assets/coordination` counts them in PostgreSQL.

    Thread-safe. Both raise Transient, NeedsPerson.
    """

    def count_one(self, most: int, seconds: float) -> float | None:
        """Counts one, if fewer than `most` were in the last `seconds`; else the seconds until one may be."""

    def use_up(self, most: int) -> None:
        """Counts as many as there may be."""


class OpenLibrary:
    """Covers by ISBN. Thread-safe: all that are given the same `lookups` share the limit."""

    def __init__(self, lookups: SharedLookups, *, base_url: str = BASE_URL) -> None:
        self._lookups = lookups
        log_retries()
        self._http = httpx.Client(
            base_url=base_url.rstrip("/"),
            timeout=15.0,
            follow_redirects=False,  # httpx would unpack the body of a redirect, however long it gets
            headers=_HEADERS,
            # The environment's proxy, which never leads to this machine, whatever NO_PROXY says.
            trust_env=not is_this_machine(urlsplit(base_url).hostname or ""),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @stamina.retry(on=_is_worth_another_try, attempts=2, wait_initial=0.5, wait_max=2.0)
    def fetch(self, isbn: str) -> bytes | None:
        """The largest cover it has, or None if it has none.

        Raises:
            LimitUsedUp: our look-ups of the last 5 minutes are used up, or it says so itself.
            Transient: no answer, or an error of its own, twice in a row.
            Permanent: an answer that another attempt will not change.
        """
        self._count_one()
        try:
            # Without default=false it sends a blank picture with status 200 for a cover that it does not
            # have.
            with self._answer(f"/b/isbn/{isbn}-L.jpg?default=false") as answer:
                return self._picture(isbn, answer)
        except unpacking.TooLong as error:
            raise Permanent(f"Open Library's picture of {isbn} is above {MAX_BYTES / 1e6:.0f} MB.") from error
        except unpacking.Damaged as error:
            raise _failed(f"Open Library's picture of {isbn} did not come whole: {error}.") from error
        except unpacking.UnknownPacking as error:
            raise Permanent(f"Open Library's picture of {isbn} is refused: {error}.") from error
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise NeedsPerson(
                "The address of Open Library is none: check OPEN_LIBRARY_COVERS_URL."
            ) from error
        except httpx.TimeoutException as error:
            raise _failed("Open Library did not answer in time.") from error
        except httpx.HTTPError as error:
            raise _failed(f"Open Library cannot be reached ({type(error).__name__}).") from error

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

    def _picture(self, isbn: str, answer: httpx.Response) -> bytes | None:
        status = answer.status_code
        if answer.next_request is not None:
            raise Permanent(f"Open Library sends the look-up of {isbn} round in circles.")
        if status == 404:
            return None
        if status in (403, 429):
            self._lookups.use_up(LOOKUPS)
            raise _limited(f"Open Library answered {status}: its", "")
        if status >= 500 or status == 408:
            raise _failed(f"Open Library answered {status}.")
        if status != 200:
            raise Permanent(f"Open Library refused the look-up of {isbn} with {status}.")
        return unpacking.unpacked(answer.iter_raw(), answer.headers.get("content-encoding"), MAX_BYTES)

    def _count_one(self) -> None:
        """Count one look-up. Raises LimitUsedUp if there is none left."""
        wait = self._lookups.count_one(LOOKUPS, WINDOW)
        if wait is not None:
            raise _limited("Open Library's", f" for another {max(1, round(wait))} s")


def _failed(what: str) -> Transient:
    return Transient(f"{what} The title is tried on the next run.")


def _limited(whose: str, how_long: str) -> LimitUsedUp:
    limit = f"limit of {LOOKUPS} look-ups in {WINDOW / 60:.0f} minutes is used up"
    return LimitUsedUp(f"{whose} {limit}{how_long}. The title is tried on the next run.")
