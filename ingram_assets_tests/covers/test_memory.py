"""What is remembered of looks: by bucket, by several runs at once; and when a title is due."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ingram_assets.coordination.connection import Coordinator
from ingram_assets.coordination.cover_looks import CoverLooks
from ingram_assets.covers import Ledger, LedgerLost
from ingram_assets.covers.decide import is_due
from ingram_assets.domain.cover_looks import CoverCheck
from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.runtime.ports import free_port
from ingram_assets_tests.testing.queue import WRITER, Queue

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BOOK, OTHER_BOOK = "9780000000002", "9780000000019"

Open = Callable[..., Ledger]


@pytest.fixture
def ledger_of(queue: Queue) -> Iterator[Open]:
    """Opens a ledger as a run of its own would."""
    coordinators: list[Coordinator] = []

    def opened(bucket: str = "r2/covers", url: str | None = None) -> Ledger:
        coordinators.append(Coordinator(url or queue.writer))
        return Ledger(CoverLooks(coordinators[-1], bucket))

    yield opened
    for each in coordinators:
        each.close()


def test_what_is_remembered_comes_back(ledger_of: Open) -> None:
    look = CoverCheck(
        "placeholder",
        NOW + timedelta(microseconds=123_456),
        "ab" * 32,
        "ipage",
        "why",
        pending=True,
        resume="openlibrary",
        uploading=True,
        refusals=3,
        sizes="200,400",
    )
    ledger_of().record(BOOK, look)
    assert ledger_of().look(BOOK) == look
    assert ledger_of().look(OTHER_BOOK) is None
    assert ledger_of("r2/another").look(BOOK) is None


def test_a_look_takes_the_place_of_the_one_before(ledger_of: Open) -> None:
    ledger = ledger_of()
    ledger.record(BOOK, CoverCheck("refused", NOW, reason="why", refusals=2))
    ledger.upload_begins(BOOK, NOW + timedelta(days=1))
    assert ledger.look(BOOK) == CoverCheck("refused", NOW, reason="why", pending=True, uploading=True)
    later = CoverCheck("real", NOW + timedelta(days=1), "ab", "ipage")
    ledger.record(BOOK, later)
    assert ledger.look(BOOK) == later
    ledger.upload_begins(OTHER_BOOK, NOW)
    assert ledger.looks([BOOK, OTHER_BOOK, "9780000000026"]) == {
        BOOK: later,
        OTHER_BOOK: CoverCheck("unknown", NOW, pending=True, uploading=True),
    }


def test_a_reason_is_kept_whatever_an_error_said(ledger_of: Open) -> None:
    """Text that PostgreSQL refuses, or a page of it, must not make of a failed look a failed run."""
    ledger = ledger_of()
    ledger.record(BOOK, CoverCheck("refused", NOW, reason="a\0b\udcffc" + "x" * 5000))
    look = ledger.look(BOOK)
    assert look is not None
    assert look.reason == ("a b?c" + "x" * 5000)[:2000]


def test_a_claim_is_one_runs_alone_until_it_ends(ledger_of: Open) -> None:
    one, other = ledger_of(), ledger_of()
    with one.claim(BOOK) as mine:
        assert mine
        for whose in (other, one):  # another run; another thread of this one
            with whose.claim(BOOK) as theirs:
                assert not theirs
        with other.claim(OTHER_BOOK) as another:
            assert another
        assert one.holds(BOOK)
        assert not other.holds(BOOK)
    with other.claim(BOOK) as theirs:
        assert theirs


def test_a_claim_ends_with_its_connection_and_that_is_seen(ledger_of: Open, queue: Queue) -> None:
    one, other = ledger_of(), ledger_of()
    with one.claim(BOOK) as mine:
        assert mine
        end_connections(queue)
        with other.claim(BOOK) as theirs:
            assert theirs
            assert not one.holds(BOOK), "though it has a connection again"
            with one.claim(BOOK) as again:
                assert not again
    with one.claim(BOOK) as again:
        assert again


def end_connections(queue: Queue) -> None:
    queue.sql("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = %s", WRITER)


def test_what_cant_be_reached_is_told_with_its_host(ledger_of: Open, queue: Queue) -> None:
    port = free_port()
    ledger = ledger_of(url=re.sub(r":\d+/", f":{port}/", queue.writer))
    told = rf"127\.0\.0\.1:{port}/queue_of_covers.*Check that the server runs"
    asked: list[Callable[[], object]] = [
        lambda: ledger.look(BOOK),
        lambda: ledger.record(BOOK, CoverCheck("none", NOW)),
        lambda: ledger.upload_begins(BOOK, NOW),
        lambda: ledger.claim(BOOK).__enter__(),
        lambda: ledger.holds(BOOK),
        lambda: ledger.is_placeholder("0" * 64),
        lambda: ledger.learn("0" * 64),
    ]
    for ask in asked:
        with pytest.raises(LedgerLost, match=told):
            ask()
    wrong = ledger_of(url=queue.writer.replace("s3cret", "wrong"))
    with pytest.raises(NeedsPerson, match="QUEUE_DB_URL"):
        wrong.look(BOOK)


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("last", "published", "due"),
    [
        (None, None, True),
        (CoverCheck("real", NOW - 29 * DAY), None, False),
        (CoverCheck("real", NOW - 30 * DAY), None, True),
        (CoverCheck("placeholder", NOW - 6 * DAY), None, False),
        (CoverCheck("placeholder", NOW - 7 * DAY), None, True),
        (CoverCheck("none", NOW - 6 * DAY), None, False),
        (CoverCheck("none", NOW - 7 * DAY), None, True),
        (CoverCheck("refused", NOW - 7 * DAY), None, True),
        (CoverCheck("real", NOW, pending=True), None, True),
        # A picture that can't be shown: a week, two, four, eight, and three months at most.
        *(
            (
                CoverCheck("refused", NOW - days * DAY + timedelta(seconds=early), refusals=times),
                None,
                not early,
            )
            for times, days in ((1, 7), (2, 14), (3, 28), (4, 56), (5, 90), (6, 90), (5000, 90))
            for early in (0, 1)
        ),
        # The bucket's refusal, or a mistake of ours: what is left to do has its pause too.
        *(
            (
                CoverCheck("none", NOW - days * DAY + timedelta(seconds=early), pending=True, refusals=times),
                None,
                not early,
            )
            for times, days in ((1, 1), (2, 2), (3, 4), (4, 7), (5000, 7))
            for early in (0, 1)
        ),
        (CoverCheck("refused", NOW - DAY, refusals=4), date(2026, 11, 20), True),
        (CoverCheck("placeholder", NOW - DAY), date(2026, 11, 20), True),
        (CoverCheck("placeholder", NOW - DAY), date(2026, 11, 21), False),
        (CoverCheck("placeholder", NOW - DAY), date(2026, 11, 19), False),
        (CoverCheck("none", NOW - 3 * DAY), date(2026, 11, 19), True),
        (CoverCheck("real", NOW - DAY), date(2026, 11, 20), False),
        (CoverCheck("placeholder", NOW + DAY), None, True),  # the clock was set back
    ],
)
def test_when_a_title_is_due(last: CoverCheck | None, published: date | None, due: bool) -> None:
    assert is_due(last, now=NOW, publication_date=published) is due


CHICAGO = ZoneInfo("America/Chicago")


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        (datetime(2026, 11, 20, 22, tzinfo=UTC), datetime(2026, 11, 20, 18, 30, tzinfo=CHICAGO), False),
        (datetime(2026, 11, 20, 22, tzinfo=UTC), datetime(2026, 11, 21, 0, 0, tzinfo=CHICAGO), True),
        (datetime(2026, 11, 21, 0, 30, tzinfo=UTC), datetime(2026, 11, 21, 9, 0, tzinfo=CHICAGO), True),
        (datetime(2026, 11, 21, 15, 0, tzinfo=UTC), datetime(2026, 11, 21, 19, 0, tzinfo=CHICAGO), False),
    ],
)
def test_the_day_of_publication_is_the_shops(last: datetime, now: datetime, due: bool) -> None:
    """At half past six in the evening it is the next day in UTC, and no book is out yet."""
    assert is_due(CoverCheck("placeholder", last), now=now, publication_date=date(2026, 11, 21)) is due
