"""When a title is read next, and why: for `ingram explain`, from Dagster's own events."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import dagster as dg

from ingram_assets.defs.keys import ISBNS_NAME, LIKELY_SELL_OUTS, ORDERS, STOCK_SWEEP
from ingram_assets.defs.reading_events import (
    last_reading,
    latest_readings,
    made_since,
    reading_events,
    said,
)
from ingram_assets.domain.freshness import LastReading, why, worth_after
from ingram_assets.domain.wording import moment

CHOICE = "choice"
"""The metadata key of a run between sweeps: from which worth on it read titles, and the usual demand."""

SWEEP_EVERY = "next_sweep_after_seconds"
"""The metadata key of a sweep that says when the next one is due."""

WANTED_FOR = 14 * 86400.0
"""Seconds for which an order makes a title one that shoppers want."""


@dataclass(frozen=True, slots=True)
class NextReading:
    """When a title is expected to be read next; `at` is None where nothing is at work that would read it."""

    at: datetime | None
    why: str

    def sentence(self, now: datetime) -> str:
        """For a person."""
        if self.at is None:
            return self.why
        return f"{'now' if self.at <= now else 'about ' + moment(self.at)}, {self.why}"


def next_reading(
    instance: dg.DagsterInstance, isbn: str, now: float, *, sweep_every: float, today: date
) -> NextReading:
    """When this title is read next. An estimate: others may become more urgent.

    Args:
        now: seconds since 1970.
        sweep_every: seconds from one sweep to the next, where the last one did not tell.
    """
    if isbn not in instance.get_dynamic_partitions(ISBNS_NAME):
        return NextReading(None, f"It is not tracked, so nothing reads it. To track it: ingram enrich {isbn}")
    swept = next(iter(instance.fetch_materializations(STOCK_SWEEP, limit=1).records), None)
    if swept is None:
        return NextReading(None, "With the first sweep: none was complete yet.")
    due = swept.timestamp + (said(swept, SWEEP_EVERY) or sweep_every)
    events = reading_events(instance, latest_readings(instance, [isbn]))
    if isbn not in events:
        return _with_the_sweep(due, "it was never read")
    ordered = isbn in made_since(instance, ORDERS, now - WANTED_FOR)
    title = last_reading(events[isbn], ordered, today)
    since = dg.AssetRecordsFilter(LIKELY_SELL_OUTS, after_storage_id=swept.storage_id)
    between = next(iter(instance.fetch_materializations(since, limit=1).records), None)
    choice = said(between, CHOICE) or {}
    usual, least = choice.get("usual_demand"), choice.get("least_worth")
    if not usual:
        return _with_the_sweep(due, "or before, as one of the oldest readings, until sales are known")
    return _by_worth(title, usual, least, due)


def _by_worth(title: LastReading, usual: float, least: float | None, due: float) -> NextReading:
    reason = why(title, usual)
    after = worth_after(title, usual, least, max(0.0, due - title.at)) if least else None
    if after is None:
        return _with_the_sweep(due, reason)
    at = datetime.fromtimestamp(title.at + after, UTC)
    return NextReading(at, f"before the next sweep: {reason}.")


def _with_the_sweep(due: float, reason: str) -> NextReading:
    return NextReading(datetime.fromtimestamp(due, UTC), f"with the sweep of all titles: {reason}.")
