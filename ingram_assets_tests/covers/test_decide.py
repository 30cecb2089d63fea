"""What is decided of a cover, as tables of cases: no bucket, no source, no picture."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ingram_assets.covers.bucket import StoredCover
from ingram_assets.covers.decide import (
    UNKNOWN_SOURCE,
    Answer,
    CoverLook,
    Outcome,
    conclude,
    first_source,
    is_settled,
    weigh,
)
from ingram_assets.covers.memory import Sighting
from ingram_assets.domain.cover_looks import CoverCheck
from ingram_assets.domain.failures import Permanent, Transient

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SOURCES = ("ipage", "open_library")
REAL = StoredCover("ab", "cd", 1, 320, 480, "open_library", placeholder=False, phash="0" * 64, stored_at=NOW)
PLACEHOLDER = replace(REAL, placeholder=True)
ART, SHARED, SOON = Sighting(False, False), Sighting(False, True), Sighting(True, True)


@pytest.mark.parametrize(
    ("stored", "origin", "sighting", "verdict"),
    [
        (None, "ef", ART, "better"),
        (None, "ef", SOON, "better"),
        (REAL, "cd", ART, "same"),
        (PLACEHOLDER, "cd", SOON, "same"),
        (REAL, "ef", ART, "better"),
        (REAL, "ef", SHARED, "worse"),
        (REAL, "ef", SOON, "worse"),
        (PLACEHOLDER, "ef", SHARED, "better"),
        (replace(REAL, source=UNKNOWN_SOURCE), "cd", SOON, "better"),
    ],
)
def test_a_real_cover_gives_way_to_no_doubtful_one(
    stored: StoredCover | None, origin: str, sighting: Sighting, verdict: str
) -> None:
    assert weigh(stored, origin, sighting) == verdict


@pytest.mark.parametrize(
    ("stored", "answers", "outcome", "refusals", "resume"),
    [
        (None, {"ipage": "none", "open_library": "none"}, "none", 0, None),
        (REAL, {"ipage": "none", "open_library": "none"}, "kept", 0, None),
        (REAL, {"ipage": "stored", "open_library": "replaced"}, "stored", 0, None),
        (REAL, {"ipage": "same"}, "unchanged", 0, None),
        (REAL, {"ipage": "worse", "open_library": "same"}, "unchanged", 0, None),
        (None, {"ipage": "refused", "open_library": "none"}, "refused", 3, None),
        (REAL, {"ipage": "refused", "open_library": "none"}, "refused", 0, None),
        (None, {"ipage": "none", "open_library": "limited"}, "waiting", 0, "open_library"),
        (None, {"ipage": "unanswered", "open_library": "limited"}, "failed", 0, "ipage"),
        (None, {"ipage": "cut_short", "open_library": "none"}, "failed", 3, "ipage"),
        (None, {"ipage": "cut_short", "open_library": "limited"}, "failed", 0, "ipage"),
    ],
)
def test_what_a_look_comes_to(
    stored: StoredCover | None,
    answers: dict[str, Answer],
    outcome: Outcome,
    refusals: int,
    resume: str | None,
) -> None:
    look = CoverLook(known=True, stored=stored, answers=answers)
    last = CoverCheck("none", NOW - timedelta(days=9), refusals=2)
    said = conclude(look, last, is_placeholder=False, checked_at=NOW, now=NOW)
    assert said.check is not None
    assert (said.outcome, said.check.refusals, said.check.resume) == (outcome, refusals, resume)
    assert said.check.pending is (resume is not None)


@pytest.mark.parametrize(("error", "refusals"), [(Transient("busy"), 0), (Permanent("refused"), 3)])
def test_a_bucket_that_did_not_say_what_it_holds_leaves_what_was_known(
    error: Transient | Permanent, refusals: int
) -> None:
    last = CoverCheck("real", NOW - timedelta(days=9), "ab", "ipage", refusals=2)
    look = CoverLook(bucket_error=error, notes=[str(error)])
    said = conclude(look, last, is_placeholder=False, checked_at=NOW, now=NOW)
    assert said.check is not None
    assert (said.outcome, said.check.state, said.check.sha256) == ("failed", "real", "ab")
    assert (said.check.pending, said.check.refusals) == (True, refusals)


@pytest.mark.parametrize(
    ("last", "turned_out", "first"),
    [
        (None, None, 0),
        (CoverCheck("none", NOW, pending=True, resume="open_library"), None, 1),
        (CoverCheck("none", NOW, pending=True, resume="one that is gone"), None, 0),
        (CoverCheck("none", NOW - timedelta(days=8), pending=True, resume="open_library"), None, 0),
        (CoverCheck("real", NOW), replace(PLACEHOLDER, source="ipage"), 1),
        (CoverCheck("real", NOW), PLACEHOLDER, 2),
    ],
)
def test_an_unfinished_look_goes_on_where_it_stopped(
    last: CoverCheck | None, turned_out: StoredCover | None, first: int
) -> None:
    assert first_source(SOURCES, last, turned_out, NOW) == first


def test_a_later_source_is_not_asked_over_a_cover() -> None:
    assert not is_settled(CoverLook(stored=REAL), "ipage", SOURCES)
    assert is_settled(CoverLook(stored=replace(REAL, source="ipage")), "open_library", SOURCES)
    assert is_settled(CoverLook(stored=REAL, answers={"ipage": "limited"}), "open_library", SOURCES)
    assert not is_settled(CoverLook(stored=PLACEHOLDER), "open_library", SOURCES)
