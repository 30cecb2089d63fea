"""Pauses after a block, as runs of the scraper tell of them: a tag of the run, which every side may read.

The breaker itself is a file of the scraper's. A run that meets a block, or finds the breaker open, says so at
once: one that is killed in the pause has told of it all the same.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime

import dagster as dg

from ingram_assets.defs.keys import STOCK
from ingram_assets.defs.reading_events import last_made, said
from ingram_assets.domain.site_pause import SitePause

PAUSE_TAG = "ingram/ipage_left_alone"
"""A run's tag: since when and until when nothing is asked of iPage, and why."""


def tag_of(pause: SitePause) -> str:
    """The tag's value: an ISO 8601 interval, and the reason."""
    return f"{pause.since.isoformat()}/{pause.until.isoformat()} {pause.reason}"


def site_pause(instance: dg.DagsterInstance, now: float) -> SitePause | None:
    """The pause that lasts now (seconds since 1970); `None`: iPage may be asked, as far as runs have told.

    A page that was asked for after the block ends it: a person may have closed the breaker.
    """
    pause = last_pause(value for _, values in instance.get_run_tags([PAUSE_TAG]) for value in values)
    if pause is None or pause.until.timestamp() <= now:
        return None
    asked_at = said(last_made(instance, STOCK), "observed_at")
    return None if asked_at is not None and asked_at > pause.since.timestamp() else pause


def last_pause(values: Iterable[str]) -> SitePause | None:
    """The pause of the last block that these tags tell of, with its latest end. Pure."""
    found = []
    for value in values:
        interval, _, reason = value.partition(" ")
        since, _, until = interval.partition("/")
        with suppress(ValueError):  # A person may have tagged a run with anything.
            found.append(SitePause(_utc(since), _utc(until), reason))
    return max(found, key=lambda pause: (pause.since, pause.until), default=None)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
