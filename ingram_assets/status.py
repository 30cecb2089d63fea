"""`ingram status`: counts, the oldest stock reading, and what is broken now."""

import json
from datetime import UTC, datetime
from typing import Any

import click

from ingram_assets.queue.reader import QueueReader
from ingram_assets.runs import ROOT, running_ports
from ingram_assets.settings import CommonSettings, Pace, StorefrontSettings, environment_of, load


def show_status(as_json: bool) -> None:
    """Print the state of the queue as the storefront's reader sees it.

    Raises:
        SettingsError: the storefront's settings are missing.
        NeedsPerson, Transient: the queue's database can't be read.
    """
    environment = environment_of("storefront", ROOT)
    settings = load(StorefrontSettings, environment)
    common, pace = load(CommonSettings, environment), load(Pace, environment)
    with QueueReader(settings.QUEUE_DB_URL.get_secret_value()) as reader:
        summary = reader.summary()
    oldest = summary.oldest_reading
    state: dict[str, Any] = {
        "up": bool(running_ports(common)),
        "titles": summary.titles,
        "to_import": summary.to_import,
        "failed": summary.failed,
        "unread": summary.unread,
        "never_read": summary.never_read,
        "promise_broken": bool(oldest and datetime.now(UTC) - oldest > pace.stock_sla),
        "oldest_reading": oldest.isoformat() if oldest else None,
        "oldest_reading_isbn": summary.oldest_reading_isbn,
        "broken": [
            {"isbn": one.isbn, "title": one.title, "outcome": one.outcome, "reason": one.reason}
            for one in (*summary.failed_titles, *summary.unread_titles)
        ],
    }
    if as_json:
        click.echo(json.dumps(state))
        return
    click.echo(f"ingram up is {'running' if state['up'] else 'not running'}.")
    for name, words in (
        ("titles", "titles tracked"),
        ("to_import", "wait for import"),
        ("failed", "failed import"),
        ("unread", "not read at the last attempt"),
        ("never_read", "stock never read"),
    ):
        click.echo(f"{state[name]:7,}  {words}")
    if oldest:
        minutes = (datetime.now(UTC) - oldest).total_seconds() / 60
        late = f" The promise is {pace.STOCK_FAIL_AFTER / 60:,.0f} min: it is broken."
        click.echo(
            f"Oldest reading: {summary.oldest_reading_isbn}, {minutes:,.0f} min ago."
            f"{late if state['promise_broken'] else ''}"
        )
    if not state["broken"] and not state["promise_broken"]:
        click.secho("Nothing is broken.", fg="green")
    for one in state["broken"]:
        click.echo(f"{click.style(one['isbn'], fg='red')}  {one['title'][:50]}: {one['reason']}")
