"""Pauses after a block, as tags of runs tell of them."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from ingram_assets.defs.keys import STOCK
from ingram_assets.defs.site_pauses import PAUSE_TAG, last_pause, site_pause, tag_of
from ingram_assets.domain.site_pause import SitePause

AT = datetime(2026, 11, 29, 19, 36, 21, 250_000, tzinfo=UTC)
REASON = "The site blocks this machine (status 429, and asks to wait 100 s)"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def pause(since: float, until: float) -> SitePause:
    """So many seconds from `AT`."""
    return SitePause(AT + timedelta(seconds=since), AT + timedelta(seconds=until), REASON)


def test_a_tag_tells_of_the_whole_pause():
    assert last_pause([tag_of(pause(0, 100))]) == pause(0, 100)
    assert str(pause(0, 100)).startswith(
        f"{REASON}: nothing is asked until 2026-11-29 19:38:01 UTC (100 s from the block)"
    )


@pytest.mark.parametrize(
    ("told", "last"),
    [
        ([], None),
        ([pause(0, 100), pause(0, 130)], pause(0, 130)),
        ([pause(0, 9000), pause(50, 80)], pause(50, 80)),
    ],
)
def test_the_last_block_counts_and_its_latest_end(told: list[SitePause], last: SitePause | None):
    for tags in (told, told[::-1]):
        assert last_pause(map(tag_of, tags)) == last


@pytest.mark.parametrize("value", ["", "yes", "2026-11-29 19:36:21", "soon/later because"])
def test_what_a_person_tagged_a_run_with_is_no_pause(value: str):
    assert last_pause([value]) is None
    assert last_pause([value, tag_of(pause(0, 100))]) == pause(0, 100)


def test_a_pause_lasts_until_its_end_or_until_a_page_is_read(instance: dg.DagsterInstance):
    since = datetime.now(UTC) - timedelta(seconds=30)
    told, now = SitePause(since, since + timedelta(seconds=100), REASON), time.time()
    assert site_pause(instance, now) is None
    instance.create_run_for_job(a_job, tags={PAUSE_TAG: tag_of(told)})
    assert site_pause(instance, now) == told
    assert site_pause(instance, told.until.timestamp()) is None
    for seconds, lasts in ((-1, True), (5, False)):  # One was on its way when the block came.
        at = dg.MetadataValue.timestamp(since + timedelta(seconds=seconds))
        read = dg.AssetMaterialization(STOCK, partition="9780306406157", metadata={"observed_at": at})
        instance.report_runless_asset_event(read)
        assert (site_pause(instance, now) is not None) is lasts


@dg.job
def a_job() -> None: ...
