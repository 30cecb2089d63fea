"""What the queue and the journal know of a week, for the weekly letter: operations may read neither."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import dagster as dg
from pydantic import Field

from ingram_assets.defs.events import classified
from ingram_assets.defs.keys import TITLE_WEEK
from ingram_assets.defs.storefront.resources import QueueReaderResource, StoreJournal
from ingram_assets.domain.stock import on_hand
from ingram_assets.domain.week import SomeTitles, TitleWeek, Week, called
from ingram_assets.settings.shared import store_time_zone
from ingram_assets.staging.reader import QueueReader, StockMove
from ingram_assets.store.journal import Journal


class WeekConfig(dg.Config):
    """Which week: of this day; of none, the last one that is over."""

    day: str | None = Field(
        None, description="Any day of the week, as 2027-03-01. None: the last whole week."
    )


def title_week(reader: QueueReader, journal: Journal, week: Week, now: float) -> TitleWeek:
    """What became of the titles in a week, as far as it is over."""
    since, until = (datetime.fromtimestamp(at, UTC) for at in (week.begins, week.until(now)))
    moves, prices = reader.stock_moves(since, until), journal.price_moves(since, until)
    names = {one.isbn: one.title for one in reader.titles(list(prices))} if prices else {}
    return TitleWeek(
        came=SomeTitles.of([called(*one) for one in reader.came_between(since, until)]),
        sold_out=_crossed(moves, lambda before, after: before > 0 and after == 0),
        back=_crossed(moves, lambda before, after: before == 0 and after > 0),
        prices=None if prices is None else SomeTitles.of(list(_prices(prices, names))),
    )


def _crossed(moves: Sequence[StockMove] | None, is_meant: Callable[[int, int], bool]) -> SomeTitles | None:
    """The titles whose copies on hand went from one side to the other. What is unknown is on neither."""
    if moves is None:
        return None
    counted = [(one, on_hand(one.before), on_hand(one.after)) for one in moves]
    crossed = [
        called(one.isbn, one.title)
        for one, before, after in counted
        if before is not None and after is not None and is_meant(before, after)
    ]
    return SomeTitles.of(crossed)


def _prices(moves: Mapping[str, tuple[float, float]], names: Mapping[str, str]) -> Iterator[str]:
    for isbn, (before, after) in moves.items():
        yield f"{called(isbn, names.get(isbn))}: ${before:,.2f} → ${after:,.2f}"


@dg.op(retry_policy=dg.RetryPolicy(max_retries=3, delay=300))
def look_back(
    context: dg.OpExecutionContext, config: WeekConfig, queue: QueueReaderResource, journal: StoreJournal
) -> dg.Output[None]:
    """Looks up what became of the titles in a week; the watch of operations puts it into its letter."""
    zone, now = ZoneInfo(store_time_zone()), datetime.now(UTC).timestamp()
    week = Week.of(date.fromisoformat(config.day), zone) if config.day else Week.over_by(now, zone)
    with classified(), queue.open() as reader, journal.open() as book:
        found = title_week(reader, book, week, now)
    return dg.Output(None, metadata={TITLE_WEEK: dg.MetadataValue.json({"week": week.name, **asdict(found)})})
