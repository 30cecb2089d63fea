"""When a title is read next, and why: for `ingram explain`, from Dagster's own events."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import dagster as dg

from ingram_assets.defs.keys import ISBNS_NAME, LIKELY_SELL_OUTS, ORDERS, STOCK_SWEEP
from ingram_assets.defs.reading_events import (
    last_made,
    last_reading,
    latest_readings,
    made_since,
    reading_events,
    said,
)
from ingram_assets.defs.runs_at_work import makes_now, switched_off
from ingram_assets.defs.site_pauses import site_pause
from ingram_assets.domain.freshness import why, worth_after
from ingram_assets.domain.site_pause import SitePause
from ingram_assets.domain.wording import moment

CHOICE = "choice"
"""The metadata key of a run between sweeps: from which worth on it read titles, and the usual demand."""

SWEEP_EVERY = "next_sweep_after_seconds"
"""The metadata key of a sweep that says when the next one is due."""

WANTED_FOR = 14 * 86400.0
"""Seconds for which an order makes a title one that shoppers want."""

_BY_SENSOR = {"sweep_due": "the sweeps", "between_sweeps_due": "what is read between sweeps"}


@dataclass(frozen=True, slots=True)
class NextReading:
    """When a title is expected to be read next.

    Attributes:
        at: not before that, and soon after it; None: nothing is known that would read it.
        why: a sentence for a person.
    """

    at: datetime | None
    why: str


def next_reading(
    instance: dg.DagsterInstance, isbn: str, now: float, *, sweep_every: float, today: date
) -> NextReading:
    """When this title is read next. An estimate: others may become more urgent.

    Args:
        now: seconds since 1970.
        sweep_every: seconds from one sweep to the next, where the last one did not tell.
    """
    if isbn not in instance.get_dynamic_partitions(ISBNS_NAME):
        return NextReading(None, f"Not any more: it is not tracked. To track it: ingram enrich {isbn}")
    pause = site_pause(instance, now)
    found = after_pause(
        _planned(instance, isbn, pause.until.timestamp() if pause else now, sweep_every, today), pause
    )
    off = [what for sensor, what in _BY_SENSOR.items() if sensor in switched_off(instance)]
    if off:
        return NextReading(found.at, f"{found.why} But {' and '.join(off)} are switched off in Dagster.")
    return found


def after_pause(planned: NextReading, pause: SitePause | None) -> NextReading:
    """What is planned, not before iPage may be asked again. Pure."""
    if pause is None or (planned.at is not None and planned.at > pause.until):
        return planned
    reason = pause.reason[:1].lower() + pause.reason[1:]
    words = f"Not before {moment(pause.until)}, iPage is left alone until then: {reason}. {planned.why}"
    return NextReading(pause.until, words)


def sweep_due(instance: dg.DagsterInstance, sweep_every: float) -> tuple[datetime | None, datetime | None]:
    """When the last complete sweep ended, and when the next one is due; `None`: none was complete yet.

    Args:
        sweep_every: as for `next_reading`.
    """
    swept = last_made(instance, STOCK_SWEEP)
    if swept is None:
        return None, None
    due = swept.timestamp + (said(swept, SWEEP_EVERY) or sweep_every)
    return datetime.fromtimestamp(swept.timestamp, UTC), datetime.fromtimestamp(due, UTC)


def _planned(
    instance: dg.DagsterInstance, isbn: str, now: float, sweep_every: float, today: date
) -> NextReading:
    """What would read the title, from `now` on (seconds since 1970)."""
    events = reading_events(instance, latest_readings(instance, [isbn]))
    read_at = events[isbn].timestamp if isbn in events else None
    sweep = makes_now(instance, STOCK_SWEEP)
    if sweep and (sweep.start_time is None or read_at is None or read_at < sweep.start_time):
        return _with_this_sweep(sweep, now)
    swept_at, due = sweep_due(instance, sweep_every)
    if sweep is not None:  # It has read this title.
        every = (due - swept_at).total_seconds() if due and swept_at else sweep_every
        due = datetime.fromtimestamp(now + every, UTC)
    if due is None:
        return NextReading(None, "With the first sweep: none was complete yet.")
    return _next(instance, isbn, events.get(isbn), now, due.timestamp(), today)


def _next(
    instance: dg.DagsterInstance,
    isbn: str,
    last: dg.EventLogRecord | None,
    now: float,
    due: float,
    today: date,
) -> NextReading:
    if due <= now:
        return _with_the_sweep(due, now)
    if last is None:
        return _with_the_sweep(due, now, "It was never read.")
    ordered = isbn in made_since(instance, ORDERS, now - WANTED_FOR)
    title = last_reading(last, ordered, today)
    between = last_made(instance, LIKELY_SELL_OUTS)
    choice = said(between, CHOICE) or {}
    usual, least = choice.get("usual_demand"), choice.get("least_worth")
    if not usual:
        return _with_the_sweep(due, now, "Nothing is chosen by sales before some were seen.")
    after = worth_after(title, usual, least, max(0.0, due - title.at)) if least else None
    if after is None:
        return _with_the_sweep(due, now, f"Nothing speaks for an earlier reading: {why(title, usual)}.")
    at = datetime.fromtimestamp(max(title.at + after, now), UTC)
    return NextReading(at, f"Between sweeps, from {moment(at)} on: {why(title, usual)}.")


def _with_the_sweep(due: float, now: float, reason: str = "") -> NextReading:
    at = datetime.fromtimestamp(due, UTC)
    if due <= now:
        begins = f"As soon as the sweep of all titles begins, due {moment(at)}."
        return NextReading(datetime.fromtimestamp(now, UTC), begins)
    return NextReading(at, f"With the sweep of all titles, due {moment(at)}. {reason}")


def _with_this_sweep(sweep: dg.RunRecord, now: float) -> NextReading:
    at = datetime.fromtimestamp(now, UTC)
    if sweep.start_time is None:
        asked = sweep.create_timestamp.replace(tzinfo=sweep.create_timestamp.tzinfo or UTC)
        return NextReading(
            at, f"With the sweep of all titles that was asked for {moment(asked)}, as soon as it begins."
        )
    since = datetime.fromtimestamp(sweep.start_time, UTC)
    return NextReading(at, f"With the sweep of all titles that has been at work since {moment(since)}.")
