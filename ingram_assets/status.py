"""`ingram status`: counts, the oldest stock reading, what runs low, and what is broken now."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import click

from ingram_assets.domain.title import Title
from ingram_assets.medusa.plan import desired
from ingram_assets.medusa.rules import StoreRules
from ingram_assets.queue.reader import QueueReader
from ingram_assets.runs import ROOT, running_ports
from ingram_assets.settings import CommonSettings, Pace, StorefrontSettings, environment_of, load
from ingram_assets.shop_rules import store_rules, store_today
from ingram_assets.terminal import one_line, say

SHOWN = 20
"""At most so many titles of a list are printed; `--json` has more."""

NO_STOCK_TABLE = "no_stock_table"
"""A page without stock is a look without a finding: forthcoming titles have it for months, unbroken."""


def show_status(as_json: bool) -> None:
    """Print the state of the queue as the storefront's reader sees it. Neither Medusa nor Dagster is asked.

    Raises:
        SettingsError: the storefront's settings are missing.
        NeedsPerson, Transient: the queue's database can't be read.
    """
    environment = environment_of("storefront", ROOT)
    settings = load(StorefrontSettings, environment)
    common, pace = load(CommonSettings, environment), load(Pace, environment)
    with QueueReader(settings.QUEUE_DB_URL.get_secret_value()) as reader:
        summary = reader.summary()
        low = low_stock(reader.titles(), rules=store_rules(settings), today=store_today(common))
    oldest = summary.oldest_reading
    state: dict[str, Any] = {
        "up": bool(running_ports(common)),
        "titles": summary.titles,
        "to_import": summary.to_import,
        "failed": summary.failed,
        "unread": summary.unread,
        "never_read": summary.never_read,
        "low_stock": low,
        "low_stock_threshold": settings.LOW_STOCK_THRESHOLD,
        "promise_broken": bool(oldest and datetime.now(UTC) - oldest > pace.stock_sla),
        "oldest_reading": oldest.isoformat() if oldest else None,
        "oldest_reading_isbn": summary.oldest_reading_isbn,
        "broken": [
            {"isbn": one.isbn, "title": one.title, "outcome": one.outcome, "reason": one.reason}
            for one in (*summary.failed_titles, *summary.unread_titles)
            if one.outcome != NO_STOCK_TABLE
        ],
        "no_stock_table": [
            {"isbn": one.isbn, "title": one.title, "since": one.since.isoformat() if one.since else None}
            for one in summary.unread_titles
            if one.outcome == NO_STOCK_TABLE
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
    click.echo(f"{len(low):7,}  low stock: {settings.LOW_STOCK_THRESHOLD} copies or fewer to sell")
    if oldest:
        minutes = (datetime.now(UTC) - oldest).total_seconds() / 60
        late = f" The promise is {pace.STOCK_FAIL_AFTER / 60:,.0f} min: it is broken."
        click.echo(
            f"Oldest reading: {summary.oldest_reading_isbn}, {minutes:,.0f} min ago."
            f"{late if state['promise_broken'] else ''}"
        )
    _list("Low stock:", [f"{one['isbn']}  {one['copies']:3}  {one['title'][:60]}" for one in low])
    _list(
        "The page shows no stock table, so what was known of them stands:",
        [f"{one['isbn']}  {one['title'][:60]}" for one in state["no_stock_table"]],
    )
    if not state["broken"] and not state["promise_broken"]:
        click.secho("Nothing is broken.", fg="green")
    for one in state["broken"]:
        click.secho(one_line(one["isbn"]), fg="red", nl=False)
        say(one_line(f"  {one['title'][:50]}: {one['reason']}"))


def _list(heading: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    click.echo(heading)
    for line in lines[:SHOWN]:
        say(one_line(f"  {line}"))
    if len(lines) > SHOWN:
        click.echo(f"  … and {len(lines) - SHOWN:,} more (ingram status --json)")


def low_stock(titles: Iterable[Title], *, rules: StoreRules, today: date) -> list[dict[str, Any]]:
    """The titles in stock of which few copies are left to sell, the fewest first. Pure.

    `copies` is the level that the rules give the store, as for the event that a push logs when a title
    falls to the threshold: safety stock is no copy to sell. What is sold out is not low but gone.
    """
    low = []
    for title in titles:
        wanted = desired(title, today=today, rules=rules)
        copies = wanted.stocked_quantity
        if wanted.status == "in_stock" and copies is not None and copies <= rules.low_stock_threshold:
            low.append({"isbn": title.isbn, "title": title.title, "copies": copies})
    return sorted(low, key=lambda one: (one["copies"], one["isbn"]))
