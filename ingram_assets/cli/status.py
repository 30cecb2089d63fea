"""`ingram status`: counts, the oldest reading, what runs low, whether the store follows, what is broken."""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import click
import psycopg

from ingram_assets.cli.terminal import one_line, say
from ingram_assets.defs.storefront.rules import store_rules, store_today
from ingram_assets.domain.failures import IngramError, of_the_disk
from ingram_assets.domain.lifetime import age
from ingram_assets.domain.title import Title
from ingram_assets.runtime.instance import running_ports
from ingram_assets.settings.environment import environment_of
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.staging.reader import QueueReader
from ingram_assets.store.journal import InStep, Journal
from ingram_assets.store.plan import desired
from ingram_assets.store.rules import StoreRules

SHOWN = 20
"""At most so many titles of a list are printed; `--json` has more."""

NO_STOCK_TABLE = "no_stock_table"
"""A page without stock is a look without a finding: forthcoming titles have it for months, unbroken."""


def show_status(as_json: bool) -> None:
    """Print the state of the shop: what the queue has, what Dagster tracks, and whether the store follows.

    Medusa is not asked. Where Dagster's database or the journal can't be, that is said, and rows are counted.

    Raises:
        SettingsError: the storefront's settings are missing.
        NeedsPerson, Transient: the queue's database can't be read.
    """
    environment = environment_of("storefront")
    settings = load(StorefrontSettings, environment)
    common, pace = load(CommonSettings, environment), load(PaceSettings, environment)
    with QueueReader(settings.QUEUE_DB_URL.get_secret_value()) as reader:
        rows = reader.row_states()
        # Only now, as it imports Dagster, which takes longer than all the rest.
        from ingram_assets.defs.storefront import lag

        dagster = _dagster(common)
        told, no_journal = _told(settings)
        first_changes = reader.first_changes(lag.not_told(rows, told or {}))
        summary = reader.summary(leave_out=dagster.retired)
        titles = [title for title in reader.titles() if title.isbn not in dagster.retired]
    rules, now = store_rules(settings), datetime.now(UTC)
    sold = [age(title, now, rules.stock_max_age, rules.stale_stock) for title in titles]
    low = low_stock(sold, rules=rules, today=store_today(common))
    at_most = timedelta(seconds=pace.STORE_LAG_MAX)
    found = lag.look(
        rows,
        told or {},
        first_changes,
        tracked=dagster.tracked,
        retired=dagster.retired,
        now=now,
        at_most=at_most,
        sweeping_since=None if lag.PUSHES_STOCK in dagster.switched_off else dagster.sweeping_since,
    )
    behind = found.behind if told is not None else ()
    oldest = summary.oldest_reading
    state: dict[str, Any] = {
        "up": bool(running_ports(common)),
        "titles": summary.titles if dagster.tracked is None else len(dagster.tracked),
        "rows": summary.titles,
        "retired": len(dagster.retired),
        "untracked": [one.isbn for one in behind if one.kind == "untracked"],
        "to_import": summary.to_import,
        "failed": summary.failed,
        "unread": summary.unread,
        "never_read": summary.never_read,
        "low_stock": low,
        "low_stock_threshold": settings.LOW_STOCK_THRESHOLD,
        "promise_broken": bool(oldest and datetime.now(UTC) - oldest > pace.stock_sla),
        "oldest_reading": oldest.isoformat() if oldest else None,
        "oldest_reading_isbn": summary.oldest_reading_isbn,
        "behind": None if told is None else len(behind),
        "behind_since": behind[0].since.isoformat() if behind and behind[0].since else None,
        "behind_titles": [
            {
                "isbn": one.isbn,
                "title": one.title,
                "what": one.kind,
                "since": one.since.isoformat() if one.since else None,
            }
            for one in behind
        ],
        "not_asked": [why for why in (dagster.problem, no_journal) if why],
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
        ("titles", "titles tracked" if dagster.tracked is not None else "titles in the queue"),
        ("to_import", "wait for import"),
        ("failed", "failed import"),
        ("unread", "not read at the last attempt"),
        ("never_read", "stock never read"),
    ):
        click.echo(f"{state[name]:7,}  {words}")
    click.echo(f"{len(low):7,}  low stock: {settings.LOW_STOCK_THRESHOLD} copies or fewer to sell")
    if dagster.retired:
        click.echo(f"{len(dagster.retired):7,}  retired, and in none of these counts")
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
    for why in state["not_asked"]:
        say(why, fg="yellow")
    if behind:
        say(one_line(lag.sentence(found, at_most, dagster.switched_off)), fg="red")
        _list(
            "Behind:",
            [f"{one.isbn}  {one.kind:9} since {lag.moment(one.since)}  {one.title[:40]}" for one in behind],
        )
    if not (state["broken"] or state["promise_broken"] or behind or state["not_asked"]):
        click.secho("Nothing is broken.", fg="green")
    for one in state["broken"]:
        click.secho(one_line(one["isbn"]), fg="red", nl=False)
        say(one_line(f"  {one['title'][:50]}: {one['reason']}"))


@dataclass(frozen=True, slots=True)
class _Dagster:
    """What Dagster knows: the titles it tracks (`None`: it can't be asked, `problem` says why), and more."""

    tracked: frozenset[str] | None = None
    retired: frozenset[str] = frozenset()
    switched_off: frozenset[str] = frozenset()
    sweeping_since: datetime | None = None
    problem: str | None = None


def _dagster(common: CommonSettings) -> _Dagster:
    """Ask Dagster's own database."""
    from ingram_assets.runtime.instance import dagster_instance, told_if_away

    try:
        # Dagster tries for ten seconds; a look is to say at once that nobody answers.
        with suppress(psycopg.ProgrammingError):
            psycopg.connect(common.DAGSTER_PG_URL.get_secret_value(), connect_timeout=5).close()
        with dagster_instance(common) as instance, told_if_away():
            from ingram_assets.defs.keys import ISBNS_NAME, RETIRED_NAME
            from ingram_assets.defs.runs_at_work import at_work_since
            from ingram_assets.defs.switched_off import switched_off

            return _Dagster(
                frozenset(instance.get_dynamic_partitions(ISBNS_NAME)),
                frozenset(instance.get_dynamic_partitions(RETIRED_NAME)),
                frozenset(switched_off(instance)),
                at_work_since(instance, "scraper"),
            )
    except psycopg.OperationalError:
        problem = "Dagster's database can't be reached: is PostgreSQL up, and is DAGSTER_PG_URL right?"
        return _Dagster(problem=f"{problem} So rows are counted here, retired ones too.")
    except (IngramError, OSError) as error:
        if (told := error if isinstance(error, IngramError) else of_the_disk(error)) is None:
            raise
        return _Dagster(problem=f"{told} So rows are counted here, retired ones too.")


def _told(settings: StorefrontSettings) -> tuple[dict[str, InStep] | None, str | None]:
    """What the store was last told of each title; or `None`, and why the journal can't say."""
    try:
        with Journal(settings.STOREFRONT_DB_URL.get_secret_value()) as journal:
            return journal.in_step(), None
    except IngramError as error:
        return None, f"{error} So it is not known here whether the store follows the queue."


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
