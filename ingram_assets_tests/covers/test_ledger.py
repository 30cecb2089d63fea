"""The file that remembers looks: damage, other buckets, claims of the dead."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ingram_assets.covers.decide import is_due
from ingram_assets.covers.ledger import CoverCheck, Ledger

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_what_is_remembered_comes_back(tmp_path: Path) -> None:
    look = CoverCheck(
        "placeholder",
        NOW,
        "ab",
        "ipage",
        "why",
        pending=True,
        resume="openlibrary",
        uploading=True,
        refusals=3,
    )
    first = Ledger(tmp_path / "deep" / "covers.sqlite3", bucket="r2/covers")
    first.record("9780000000002", look)
    first.close()
    second = Ledger(tmp_path / "deep" / "covers.sqlite3", bucket="r2/covers")
    assert second.look("9780000000002") == look
    assert second.look("9780000000019") is None
    other = Ledger(tmp_path / "deep" / "covers.sqlite3", bucket="r2/another")
    assert other.look("9780000000002") is None


@pytest.mark.parametrize(
    "damage", [b"not a database at all, but long enough to be read as one" * 40, b"\0" * 5000]
)
def test_a_damaged_file_is_begun_anew(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "covers.sqlite3"
    path.write_bytes(damage)
    ledger = Ledger(path, bucket="b")
    assert ledger.look("9780000000002") is None
    ledger.record("9780000000002", CoverCheck("none", NOW))
    assert ledger.look("9780000000002") is not None
    assert (tmp_path / "covers.sqlite3.damaged").read_bytes() == damage


@pytest.mark.parametrize(
    ("version", "missing"), [(1, ["refusals", "sizes"]), (2, ["sizes"])], ids=["first", "second"]
)
def test_a_file_of_an_earlier_version_keeps_what_it_knows(
    tmp_path: Path, version: int, missing: list[str]
) -> None:
    path = tmp_path / "covers.sqlite3"
    look = CoverCheck("refused", NOW, reason="why")
    first = Ledger(path, bucket="b")
    first.record("9780000000002", look)
    first.close()
    with closing(sqlite3.connect(path)) as db:
        for column in missing:
            db.execute(f"ALTER TABLE looks DROP COLUMN {column}")
        db.execute(f"PRAGMA user_version = {version}")
    for _ in range(2):
        ledger = Ledger(path, bucket="b")
        assert ledger.look("9780000000002") == look
        ledger.record("9780000000019", replace(look, refusals=2, sizes="200"))
        assert ledger.look("9780000000019") == replace(look, refusals=2, sizes="200")
        ledger.close()


def test_a_claim_is_one_runs_alone_until_it_ends(tmp_path: Path) -> None:
    one, other = (Ledger(tmp_path / "covers.sqlite3", bucket="b") for _ in range(2))
    with one.claim("9780000000002") as mine:
        assert mine
        with other.claim("9780000000002") as theirs:
            assert not theirs
        with other.claim("9780000000019") as another:
            assert another
    with other.claim("9780000000002") as theirs:
        assert theirs


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
