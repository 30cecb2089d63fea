"""One pass over titles, of a sweep or by name: opens the outside systems for `reading` and `cover_runs`."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from ingram_assets.defs.events import (
    Context,
    Report,
    classified,
    failure_of,
)
from ingram_assets.defs.keys import (
    TITLE_DETAILS,
)
from ingram_assets.defs.scraper.cover_runs import check_covers
from ingram_assets.defs.scraper.earlier_sweeps import (
    Earlier,
)
from ingram_assets.defs.scraper.reading import Shop, SweepResult, read_titles, record_gone
from ingram_assets.defs.scraper.resources import R2, IPage, QueueWriterResource, state_dir
from ingram_assets.domain.failures import NeedsPerson, Stopped
from ingram_assets.settings.loading import load
from ingram_assets.settings.scraper import ScraperSettings
from ingram_assets.settings.shared import CommonSettings


def read_pages(
    context: Context,
    ipage: IPage,
    queue: QueueWriterResource,
    isbns: Sequence[str],
    with_details: Sequence[str] | None,
    earlier: Earlier,
    believed: Callable[[SweepResult], bool] = lambda sweep: True,
) -> SweepResult:
    """Read pages with the site and the queue open.

    Args:
        with_details: titles whose details are recorded; None: those that have none yet.
        believed: whether the titles that are gone by then really are.
    """
    if with_details is None:
        have = context.instance.get_materialized_partitions(TITLE_DETAILS)
        with_details = [isbn for isbn in isbns if isbn not in have]
    settings, zone = load(ScraperSettings), ZoneInfo(load(CommonSettings).STORE_TIME_ZONE)
    shop = Shop(settings.IPAGE_BASE_URL, settings.R2_PUBLIC_URL, datetime.now(zone).date())
    details = frozenset(with_details)
    with classified(), ipage.open(context.run.run_id) as site, queue.open() as writer:
        writer.check_clock(datetime.now(UTC))
        sweep = read_titles(context, site, writer, isbns, with_details=details, shop=shop, earlier=earlier)
        sweep.site = site.metadata()
        record_gone(context, writer, sweep, with_details=details, shop=shop, believed=believed(sweep))
        error = site.stopped_by
        if isinstance(error, Stopped | NeedsPerson):
            raise failure_of(error, sweep.report) from error
        # Any other end, such as too many useless answers in a row, is in each title's reason and the counts.
    return sweep


def look_at_covers(
    context: Context, ipage: IPage, queue: QueueWriterResource, r2: R2, isbns: Sequence[str], *, anew: bool
) -> tuple[Report, dict[str, Any]]:
    with ipage.open(context.run.run_id) as site, queue.open() as writer:
        return check_covers(
            context,
            site,
            writer,
            r2.bucket(),
            isbns,
            state_dir=state_dir(),
            open_library_url=load(ScraperSettings).OPEN_LIBRARY_COVERS_URL,
            time_zone=load(CommonSettings).STORE_TIME_ZONE,
            anew=anew,
        )
