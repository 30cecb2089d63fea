"""`ingram history` and `ingram explain`: what became of one title, and why the store shows what it shows."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from ingram_assets.cli.common import print_json
from ingram_assets.cli.terminal import one_line, say, shop_zone, whose_times
from ingram_assets.defs.storefront import lag
from ingram_assets.defs.storefront.from_settings import medusa_client, store_rules, storefront_settings
from ingram_assets.domain.failures import IngramError
from ingram_assets.overview.failed_runs import held_back
from ingram_assets.overview.run_ids import SHORT, the_one_run
from ingram_assets.overview.store_changes import told_once
from ingram_assets.overview.title_story import (
    ExplainedTitle,
    UnknownTitle,
    explain_title,
    line_of_time,
    places_called,
    readings_due,
)
from ingram_assets.settings.environment import environment_of
from ingram_assets.settings.loading import check, load
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.staging.reader import QueueReader, row_state_of
from ingram_assets.store.inventory.ledger import StockLedger
from ingram_assets.store.journal import Journal
from ingram_assets.store.plan import desired

_NOT_WRITTEN = (
    "Only runs that wrote to the store can be undone: ingram runs lists them, ingram history ISBN those that "
    "changed a title, and ingram stock ledger ISBN the numbers of inventory operations."
)


def show_history(isbn: str, as_json: bool) -> None:
    """Print a title's stock readings, store changes and inventory operations in one line of time.

    Raises:
        UnknownTitle: neither the queue nor the journal knows it.
    """
    settings = storefront_settings()
    with (
        QueueReader(settings.QUEUE_DB_URL.get_secret_value()) as reader,
        Journal(settings.STOREFRONT_DB_URL.get_secret_value()) as journal,
        StockLedger(settings.STOREFRONT_DB_URL.get_secret_value(), connections=1) as ledger,
    ):
        titles, lines = reader.titles([isbn]), ledger.lines(isbn)
        places = _places(settings) if lines else {}
        readings, changes = reader.history(isbn), journal.history(isbn)
    happened = line_of_time(readings, changes, lines, places)
    if not titles and not happened:
        raise UnknownTitle(isbn)
    name, rules = titles[0].title if titles else None, store_rules(settings)
    if as_json:
        events = [
            {"at": one.at.isoformat(), "what": one.what, "words": one.words, **one.details}
            for one in happened
        ]
        return print_json(isbn=isbn, title=name, events=events)
    say(one_line(f"{isbn}  {name or 'not in the queue any more'}"), bold=True)
    zone = shop_zone()
    today = datetime.now(zone).date()
    now = {title.isbn: str(desired(title, today=today, rules=rules).status) for title in titles}
    told = told_once(changes, now)
    written = [(one.at, "store", f"{one.sentence} (run {one.run_id[:SHORT]})") for one in told]
    others = [(one.at, one.what, one.words) for one in line_of_time(readings, (), lines, places)]
    for at, what, words in sorted([*written, *others], key=lambda one: one[0]):
        say(one_line(f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}  {what:<9} {words}"))
    if happened:
        click.secho(whose_times(zone), dim=True)
    else:
        click.echo("Its stock was never read, and nothing of it was written to the store or counted.")


def _places(settings: StorefrontSettings) -> dict[str, str]:
    with medusa_client(settings, is_look=True) as client:
        return places_called(client)


def run_to_undo(typed: str) -> str:
    """The id of the run that is meant, of those that wrote to the store: before a run is started to undo it.

    Args:
        typed: its id, or the beginning of it.

    Raises:
        NoSuchRun: none begins like that, or several do.
    """
    environment = environment_of("storefront")
    check(environment, StorefrontSettings, CommonSettings)
    settings = load(StorefrontSettings, environment)
    with Journal(settings.STOREFRONT_DB_URL.get_secret_value()) as journal:
        return the_one_run(typed, journal.runs_called(typed), otherwise=_NOT_WRITTEN)


def show_explanation(isbn: str, as_json: bool) -> None:
    """Print why the store shows what it shows of a title.

    Raises:
        UnknownTitle: the queue does not know it.
    """
    found, waits_since = _explanation(isbn)
    explanation, notes = found.explanation, list(found.notes)
    following, sentence, held = _of_dagster(isbn, waits_since)
    notes += [held] if held else []
    if as_json:
        return print_json(**asdict(explanation), notes=notes, next_reading=following)
    say(explanation.text())
    say(one_line(f"Next:     {sentence}"))
    for note in notes:
        say(one_line(f"Note:     {note}"))


def _of_dagster(isbn: str, waits_since: datetime | None) -> tuple[Mapping[str, Any] | None, str, str | None]:
    """When the title is read next, for `--json` and in words; and why a change of it is held back."""
    from ingram_assets.runtime.instance import dagster_instance, told_if_away

    environment = environment_of("storefront")
    common, pace = load(CommonSettings, environment), load(PaceSettings, environment)
    try:
        with dagster_instance(common) as instance, told_if_away():
            found = readings_due(instance, [isbn], common, pace)[isbn]
            held = held_back(instance, isbn, waits_since)
    except IngramError as error:
        return None, f"Not known when: {error}", None
    return asdict(found), found.why, held


def _explanation(isbn: str) -> tuple[ExplainedTitle, datetime | None]:
    """Reads the queue, the journal and the store. With it, since when the title waits for a push."""
    environment = environment_of("storefront")
    settings, common = load(StorefrontSettings, environment), load(CommonSettings, environment)
    with (
        QueueReader(settings.QUEUE_DB_URL.get_secret_value()) as reader,
        Journal(settings.STOREFRONT_DB_URL.get_secret_value()) as journal,
        StockLedger(settings.STOREFRONT_DB_URL.get_secret_value(), connections=1) as ledger,
        medusa_client(settings, is_look=True) as client,
    ):
        titles, unread = reader.titles([isbn]), reader.unread(isbn)
        if not titles:
            raise UnknownTitle(isbn)
        rows, in_step = [row_state_of(titles[0])], journal.in_step()
        waiting = lag.waiting_since(rows, in_step, reader.first_changes(lag.not_told(rows, in_step)))
        found = explain_title(titles[0], unread, client, journal, ledger, settings=settings, common=common)
    return found, waiting.get(isbn)
