"""`ingram status`: counts, the oldest reading, what runs low, whether the store follows, what is broken."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click

from ingram_assets.cli.terminal import one_line, say
from ingram_assets.domain.wording import minutes, moment
from ingram_assets.overview.failed_runs import UnfinishedPush
from ingram_assets.overview.status import Status, gather

SHOWN = 20
"""At most so many titles of a list are printed; `--json` has more."""


def show_status(as_json: bool) -> None:
    """Print the state of the shop: what the queue has, what Dagster tracks, and whether the store follows."""
    status = gather()
    if as_json:
        click.echo(json.dumps(asdict(status), default=datetime.isoformat))
    else:
        render(status, datetime.now(UTC))


def render(status: Status, now: datetime) -> None:
    """Print it for a person: counts, then lists, then what is broken and what to do next."""
    click.echo(f"ingram up is {'running' if status.up else 'not running'}.")
    if status.desk:
        click.echo(f"The desk answers at {status.desk}")
    for number, words in (
        (status.titles, "titles tracked" if status.tracked_known else "titles in the queue"),
        (status.to_import, "wait for import"),
        (status.failed, "failed import"),
        (status.unread, "not read at the last attempt"),
        (status.never_read, "stock never read"),
        (
            len(status.low_stock),
            f"low stock now: 1 to {status.low_stock_threshold} copies to sell",
        ),
    ):
        click.echo(f"{number:7,}  {words}")
    if status.retired:
        click.echo(f"{status.retired:7,}  retired, and in none of these counts")
    if status.oldest_reading:
        ago = f"{minutes(now - status.oldest_reading)} ago"
        promise = minutes(timedelta(seconds=status.promise_seconds))
        late = f" The promise is {promise}: it is broken." if status.promise_broken else ""
        click.echo(f"Oldest reading: {status.oldest_reading_isbn}, {ago}.{late}")
    _list("Low stock:", [f"{one.isbn}  {one.copies:3}  {one.title[:60]}" for one in status.low_stock])
    _list(
        "The page shows no stock table, so what was known of them stands:",
        [f"{one.isbn}  {one.title[:60]}" for one in status.no_stock_table],
    )
    _render_faults(status)


def _render_faults(status: Status) -> None:
    for why in status.not_asked:
        say(why, fg="yellow")
    if status.behind_text:
        say(one_line(status.behind_text), fg="red")
    behind = status.behind_titles
    _list(
        "Behind:",
        [f"{one.isbn}  {one.what:9} since {moment(one.since)}  {one.title[:40]}" for one in behind],
    )
    for push in status.unfinished_pushes:
        say(one_line(_unfinished(push)), fg="red")
    told = {push.run_id for push in status.unfinished_pushes}
    for run in (run for run in status.failed_runs if run.run_id not in told):
        failed = f"The last run of {run.job} failed, {moment(run.ended_at)} ({run.run_id}): {run.reason}"
        say(one_line(failed), fg="red")
    if status.switched_off:
        names = ", ".join(status.switched_off)
        say(f"Switched off in Dagster: {names}. Switch on again under Automation.", fg="yellow")
    if status.tracked_known and not status.titles:
        say("No title is tracked yet. To track those of the saved search: ingram sync-stock", fg="yellow")
    elif status.is_sound:
        click.secho("Nothing is broken.", fg="green")
    for one in status.broken:
        click.secho(one_line(one.isbn), fg="red", nl=False)
        say(one_line(f"  {one.title[:50]}: {one.reason}"))


def _unfinished(push: UnfinishedPush) -> str:
    """Which titles wait for a push that failed, and in the run's own sentence why it did, and what to do."""
    count = len(push.titles)
    titles = f"{count:,} titles wait" if count > 1 else f"{push.titles[0]} waits"
    what = "that a guardrail stopped" if push.by_guardrail else "that failed and is tried again"
    return f"{titles} for a push {what}, {moment(push.ended_at)} ({push.run_id}): {push.reason}"


def _list(heading: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    click.echo(heading)
    for line in lines[:SHOWN]:
        say(one_line(f"  {line}"))
    if len(lines) > SHOWN:
        click.echo(f"  … and {len(lines) - SHOWN:,} more (ingram status --json)")
