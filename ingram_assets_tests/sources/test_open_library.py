"""Open Library, against a stand-in over HTTP that counts: its limit, its redirects, its failures."""

import gzip
import re
import subprocess
import sys
import textwrap
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import closing

import pytest

from ingram_assets.coordination.connection import Coordinator
from ingram_assets.coordination.open_library_quota import LookupCount
from ingram_assets.domain.failures import LimitUsedUp, NeedsPerson, Permanent, Transient
from ingram_assets.runtime.ports import free_port
from ingram_assets.sources.open_library import LOOKUPS, WINDOW, OpenLibrary
from ingram_assets_tests.testing.drawn import art, isbn
from ingram_assets_tests.testing.open_library import OpenLibraryStandIn
from ingram_assets_tests.testing.queue import Queue, migrated
from ingram_demo.embedded.postgres import Postgres

BOOK = isbn(1)


class Lookups:
    """Those that are counted, as time goes on."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self.coordinator = Coordinator(queue.writer)
        self.count = LookupCount(self.coordinator)

    def go_on(self, seconds: float) -> None:
        """So many seconds pass: all that was counted is longer ago."""
        self._queue.sql(
            "UPDATE scraper.open_library_lookups SET at = at - make_interval(secs => %s)", float(seconds)
        )


@pytest.fixture
def open_library() -> Iterator[OpenLibraryStandIn]:
    stand_in = OpenLibraryStandIn()
    yield stand_in
    stand_in.close()


@pytest.fixture(scope="module")
def _queue(postgres: Postgres) -> Iterator[Queue]:
    yield migrated(postgres, "queue_of_lookups")
    postgres.drop_database("queue_of_lookups")


@pytest.fixture
def queue(_queue: Queue) -> Queue:
    _queue.sql("TRUNCATE scraper.open_library_lookups")
    return _queue


@pytest.fixture
def lookups(queue: Queue) -> Iterator[Lookups]:
    made = Lookups(queue)
    yield made
    made.coordinator.close()


@pytest.fixture
def library(open_library: OpenLibraryStandIn, lookups: Lookups) -> Iterator[OpenLibrary]:
    with OpenLibrary(lookups.count, base_url=open_library.base_url + "/") as made:
        yield made


def test_a_cover_comes_through_a_redirect(open_library: OpenLibraryStandIn, library: OpenLibrary) -> None:
    open_library.covers[BOOK] = art(1)
    assert library.fetch(BOOK) == art(1)
    assert open_library.asked == [BOOK]
    assert all("ingram-assets" in agent for agent in open_library.agents)


def test_none_is_asked_for_as_none(open_library: OpenLibraryStandIn, library: OpenLibrary) -> None:
    """Without default=false the stand-in, as the real one, sends a blank picture with status 200."""
    assert library.fetch(BOOK) is None
    assert open_library.queries == [{"default": ["false"]}]


def test_the_limit_holds_and_comes_back(
    open_library: OpenLibraryStandIn, library: OpenLibrary, lookups: Lookups
) -> None:
    began = time.monotonic()
    library.fetch(isbn(0))
    lookups.go_on(100)
    for number in range(1, LOOKUPS):
        library.fetch(isbn(number))
    with pytest.raises(LimitUsedUp, match=r"another \d+ s") as caught:
        library.fetch(BOOK)
    left = int(re.findall(r"another (\d+) s", str(caught.value))[0])
    assert 199 - (time.monotonic() - began) <= left <= 200
    assert len(open_library.asked) == LOOKUPS
    lookups.go_on(left + 20)  # the first look-up is five minutes ago: one more may be made, no two
    library.fetch(BOOK)
    with pytest.raises(LimitUsedUp):
        library.fetch(BOOK)
    assert len(open_library.asked) == LOOKUPS + 1


def test_a_clock_set_back_does_not_block_for_long(library: OpenLibrary, lookups: Lookups) -> None:
    for number in range(LOOKUPS):
        library.fetch(isbn(number))
    lookups.go_on(-86_400)
    with pytest.raises(LimitUsedUp, match=r"another (300|299) s"):
        library.fetch(BOOK)
    lookups.go_on(WINDOW)
    assert library.fetch(BOOK) is None


ASK_SIXTY = """
    import sys
    from ingram_assets.coordination.connection import Coordinator
    from ingram_assets.coordination.open_library_quota import LookupCount
    from ingram_assets.domain.failures import LimitUsedUp
    from ingram_assets.sources.open_library import OpenLibrary

    queue, base_url = sys.argv[1:]
    answered = limited = 0
    with OpenLibrary(LookupCount(Coordinator(queue)), base_url=base_url) as library:
        for number in range(60):
            try:
                library.fetch("9780000000002")
                answered += 1
            except LimitUsedUp:
                limited += 1
    print(answered, limited)
"""


def test_the_limit_is_one_for_all_processes_and_runs(
    open_library: OpenLibraryStandIn, library: OpenLibrary, queue: Queue
) -> None:
    command = [sys.executable, "-c", textwrap.dedent(ASK_SIXTY), queue.writer, open_library.base_url]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=280)[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum(int(answered) for answered, _ in said) == LOOKUPS
    assert sum(int(limited) for _, limited in said) == 20
    assert len(open_library.asked) == LOOKUPS
    with pytest.raises(LimitUsedUp):
        library.fetch(BOOK)


@pytest.mark.parametrize("status", [403, 429])
def test_its_own_word_that_the_limit_is_reached_counts(
    open_library: OpenLibraryStandIn, library: OpenLibrary, lookups: Lookups, status: int
) -> None:
    """Somebody else behind our address may have used it up."""
    open_library.status = status
    with pytest.raises(LimitUsedUp):
        library.fetch(BOOK)
    with pytest.raises(LimitUsedUp):
        library.fetch(BOOK)
    assert len(open_library.asked) == 1
    open_library.status = None
    lookups.go_on(WINDOW)
    assert library.fetch(BOOK) is None


@pytest.mark.parametrize(
    ("status", "kind", "asked"), [(500, Transient, 2), (503, Transient, 2), (400, Permanent, 1)]
)
def test_errors_are_told_apart(
    open_library: OpenLibraryStandIn, library: OpenLibrary, status: int, kind: type[Exception], asked: int
) -> None:
    open_library.status = status
    with pytest.raises(kind, match=str(status)) as caught:
        library.fetch(BOOK)
    assert not isinstance(caught.value, LimitUsedUp)
    assert len(open_library.asked) == asked


def test_redirects_in_circles_end(open_library: OpenLibraryStandIn, library: OpenLibrary) -> None:
    open_library.loop = True
    with pytest.raises(Permanent, match="circles"):
        library.fetch(BOOK)


def test_a_picture_above_the_limit_is_not_read_to_its_end(
    open_library: OpenLibraryStandIn, library: OpenLibrary
) -> None:
    open_library.covers[BOOK] = b"\xff\xd8\xff" + bytes(20_000_001)
    with pytest.raises(Permanent, match="20 MB"):
        library.fetch(BOOK)


ZEROS = gzip.compress(bytes(200_000_000))


@pytest.mark.parametrize(
    ("body", "packed_as", "reason"),
    [
        (ZEROS, "gzip", "20 MB"),
        (zlib.compress(bytes(200_000_000)), "deflate", "20 MB"),
        (gzip.compress(ZEROS), "gzip, gzip", "packed 2 times"),
        (ZEROS, "gzip, br", "packed 2 times"),
        (ZEROS, "br", "'br'"),
        (ZEROS, "zstd", "'zstd'"),
    ],
    ids=["gzip", "deflate", "twice", "gzip in br", "br", "zstd"],
)
def test_a_packed_picture_is_unpacked_within_its_limit(
    open_library: OpenLibraryStandIn, library: OpenLibrary, body: bytes, packed_as: str, reason: str
) -> None:
    open_library.covers[BOOK], open_library.packed_as = body, packed_as
    tracemalloc.start()
    with pytest.raises(Permanent, match=reason):
        library.fetch(BOOK)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30_000_000
    assert len(open_library.asked) == 1


def test_a_packed_picture_comes_unpacked_or_not_at_all(
    open_library: OpenLibraryStandIn, library: OpenLibrary
) -> None:
    open_library.covers[BOOK], open_library.packed_as = gzip.compress(art(1)), "gzip"
    assert library.fetch(BOOK) == art(1)
    open_library.covers[BOOK] = gzip.compress(art(1))[:-20]
    with pytest.raises(Transient, match="did not come whole"):
        library.fetch(BOOK)


def test_out_of_reach(lookups: Lookups) -> None:
    with (
        OpenLibrary(lookups.count, base_url=f"http://127.0.0.1:{free_port()}") as nobody,
        pytest.raises(Transient, match="cannot be reached"),
    ):
        nobody.fetch(BOOK)
    with (
        OpenLibrary(lookups.count, base_url="covers.example") as mistyped,
        pytest.raises(NeedsPerson, match="OPEN_LIBRARY"),
    ):
        mistyped.fetch(BOOK)


def test_without_what_runs_share_nothing_is_asked(open_library: OpenLibraryStandIn, queue: Queue) -> None:
    """Else the limit would be passed by those who can't count."""
    port = free_port()
    url = re.sub(r":\d+/", f":{port}/", queue.writer)
    with (
        closing(Coordinator(url)) as coordinator,
        OpenLibrary(LookupCount(coordinator), base_url=open_library.base_url) as library,
        pytest.raises(Transient, match=rf"count a look-up at Open Library at 127\.0\.0\.1:{port}"),
    ):
        library.fetch(BOOK)
    assert not open_library.asked
