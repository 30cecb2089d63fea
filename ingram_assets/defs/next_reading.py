"""When titles are read next, and why, from Dagster's own events: for the board and `ingram explain`."""

from collections.abc import Collection
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
from ingram_assets.defs.runs_at_work import sweeps_now, switched_off
from ingram_assets.defs.site_pauses import site_pause
from ingram_assets.domain.formatting import moment
from ingram_assets.domain.freshness import NextReading, why, worth_after
from ingram_assets.domain.site_pause import SitePause

CHOICE = "choice"
"""The metadata key of a run between sweeps: from which worth on it read titles, and the usual demand."""

SWEEP_EVERY = "next_sweep_after_seconds"
"""The metadata key of a sweep that says when the next one is due."""

WANTED_FOR = 14 * 86400.0
"""Seconds for which an order makes a title one that shoppers want."""

_BY_SENSOR = {"sweep_due": "the sweeps", "between_sweeps_due": "what is read between sweeps"}


def next_readings(
    instance: dg.DagsterInstance, isbns: Collection[str], now: float, *, sweep_every: float, today: date
) -> dict[str, NextReading]:
    """ISBN to when its title is read next. An estimate: others may become more urgent.

    Args:
        now: seconds since 1970.
        sweep_every: seconds from one sweep to the next, where the last one did not tell.
    """
    tracked = set(instance.get_dynamic_partitions(ISBNS_NAME))
    pause, off = site_pause(instance, now), switched_off(instance)
    what_is_off = [what for sensor, what in _BY_SENSOR.items() if sensor in off]
    but = f" But {' and '.join(what_is_off)} are switched off in Dagster." if what_is_off else ""
    ahead = _ahead_of(instance, pause.until.timestamp() if pause else now, sweep_every, today)
    events = reading_events(instance, latest_readings(instance, isbns))
    found = {}
    for isbn in isbns:
        if isbn in tracked:
            planned = after_pause(_planned(isbn, events.get(isbn), ahead), pause)
            found[isbn] = NextReading(planned.at, planned.why + but)
        else:
            found[isbn] = NextReading(
                None, f"Not any more: it is not tracked. To track it: ingram enrich {isbn}"
            )
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
        sweep_every: as for `next_readings`.
    """
    swept = last_made(instance, STOCK_SWEEP)
    if swept is None:
        return None, None
    due = swept.timestamp + (said(swept, SWEEP_EVERY) or sweep_every)
    return datetime.fromtimestamp(swept.timestamp, UTC), datetime.fromtimestamp(due, UTC)


@dataclass(frozen=True, slots=True)
class _Ahead:
    """What will read titles. Times are seconds since 1970.

    Attributes:
        since: nothing is read before.
        sweep: the one at work, or asked for.
        due: when the next one is; `None`: none was complete yet.
        ordered: ISBNs that shoppers ordered lately.
        usual_demand, least_worth: of the last choice between sweeps; `None`: none was made.
    """

    since: float
    sweep: dg.RunRecord | None
    due: float | None
    ordered: set[str]
    usual_demand: float | None
    least_worth: float | None
    today: date


def _ahead_of(instance: dg.DagsterInstance, since: float, sweep_every: float, today: date) -> _Ahead:
    sweep = sweeps_now(instance)
    swept_at, due = sweep_due(instance, sweep_every)
    if sweep is not None:  # For the titles that it has read.
        every = (due - swept_at).total_seconds() if due and swept_at else sweep_every
        due = datetime.fromtimestamp(since + every, UTC)
    choice = said(last_made(instance, LIKELY_SELL_OUTS), CHOICE) or {}
    return _Ahead(
        since,
        sweep,
        due.timestamp() if due else None,
        made_since(instance, ORDERS, since - WANTED_FOR),
        choice.get("usual_demand"),
        choice.get("least_worth"),
        today,
    )


def _planned(isbn: str, last: dg.EventLogRecord | None, ahead: _Ahead) -> NextReading:
    """What would read the title. `last`: its last reading's event. Pure."""
    now, sweep = ahead.since, ahead.sweep
    if sweep and (sweep.start_time is None or last is None or last.timestamp < sweep.start_time):
        return _with_this_sweep(sweep, now)
    if ahead.due is None:
        return NextReading(None, "With the first sweep: none was complete yet.")
    if ahead.due <= now:
        return _with_the_sweep(ahead.due, now)
    if last is None:
        return _with_the_sweep(ahead.due, now, "It was never read.")
    if not ahead.usual_demand:
        return _with_the_sweep(ahead.due, now, "Titles are chosen by their sales once some were seen.")
    title, usual = last_reading(last, isbn in ahead.ordered, ahead.today), ahead.usual_demand
    after = (
        worth_after(title, usual, ahead.least_worth, max(0.0, ahead.due - title.at))
        if ahead.least_worth
        else None
    )
    if after is None:
        return _with_the_sweep(ahead.due, now, f"Nothing speaks for an earlier reading: {why(title, usual)}.")
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
