"""Times in our own sentences, told to a person in the shop's zone."""

from zoneinfo import ZoneInfo

import pytest

from ingram_assets.domain.formatting import local_moment, with_moments

CHICAGO = ZoneInfo("America/Chicago")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("due 2026-11-29 16:48:03 UTC.", "due 2026-11-29 10:48 CST."),
        ("until 2026-07-01 02:00 UTC", "until 2026-06-30 21:00 CDT"),
        ("2026-11-29T16:48:03.123456+00:00", "2026-11-29 10:48 CST"),
        ("of 2026-11-29, at 16:48", "of 2026-11-29, at 16:48"),
        ("of 2026-13-45 16:48 UTC", "of 2026-13-45 16:48 UTC"),
        ("since 0001-01-01 00:00 UTC", "since 0001-01-01 00:00 UTC"),
    ],
    ids=["seconds", "summer", "iso", "without-zone", "no-day", "before-all-zones"],
)
def test_a_sentence_is_told_with_its_times_in_a_zone(said: str, told: str) -> None:
    assert with_moments(said, lambda at: local_moment(at, CHICAGO)) == told
