"""`ingram history` and `ingram explain`: what became of one title, and why the store shows what it shows."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click

from ingram_assets.cli.common import print_json
from ingram_assets.cli.terminal import one_line, say
from ingram_assets.defs.storefront.from_settings import medusa_client, storefront_settings
from ingram_assets.domain.failures import IngramError, NeedsPerson
from ingram_assets.overview.title_story import (
    ExplainedTitle,
    UnknownTitle,
    explain_title,
    line_of_time,
    places_called,
    reading_due,
)
from ingram_assets.settings.environment import environment_of
from ingram_assets.settings.loading import check, load
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.staging.reader import QueueReader
from ingram_assets.store.inventory.ledger import StockLedger
from ingram_assets.store.journal import Journal


class UnknownRunId(NeedsPerson):
    """No run of this id wrote anything to the store."""

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"No run {run_id} wrote anything to the store, so there is nothing to undo. ingram push prints a "
            "run's id at its end, ingram history ISBN the runs that changed a title, and ingram stock ledger "
            "ISBN the numbers of inventory operations."
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
        happened = line_of_time(reader.history(isbn), journal.history(isbn), lines, places)
    if not titles and not happened:
        raise UnknownTitle(isbn)
    name = titles[0].title if titles else None
    if as_json:
        events = [
            {"at": one.at.isoformat(), "what": one.what, "words": one.words, **one.details}
            for one in happened
        ]
        return print_json(isbn=isbn, title=name, events=events)
    say(one_line(f"{isbn}  {name or 'not in the queue any more'}"), bold=True)
    for one in happened:
        say(one_line(f"{one.at:%Y-%m-%d %H:%M:%S}  {one.what:<9} {one.words}"))
    if happened:
        click.secho("Times are UTC.", dim=True)
    else:
        click.echo("Its stock was never read, and nothing of it was written to the store or counted.")


def _places(settings: StorefrontSettings) -> dict[str, str]:
    with medusa_client(settings) as client:
        return places_called(client)


def check_run(run_id: str) -> None:
    """Refuses a run that the journal does not know, before a run is started to undo it.

    Raises:
        UnknownRunId: it wrote nothing to the store.
    """
    environment = environment_of("storefront")
    check(environment, StorefrontSettings, CommonSettings)
    settings = load(StorefrontSettings, environment)
    with Journal(settings.STOREFRONT_DB_URL.get_secret_value()) as journal:
        if not journal.changes(run_id):
            raise UnknownRunId(run_id)


def show_explanation(isbn: str, as_json: bool) -> None:
    """Print why the store shows what it shows of a title.

    Raises:
        UnknownTitle: the queue does not know it.
    """
    found = _explanation(isbn)
    explanation, notes = found.explanation, list(found.notes)
    following, sentence = _next_reading(isbn)
    if as_json:
        return print_json(**asdict(explanation), notes=notes, next_reading=following)
    say(explanation.text())
    say(one_line(f"Next:     {sentence}"))
    for note in notes:
        say(one_line(f"Note:     {note}"))


def _next_reading(isbn: str) -> tuple[Mapping[str, Any] | None, str]:
    """When the title is read next, by Dagster's events: for `--json`, and in words."""
    from ingram_assets.runtime.instance import dagster_instance, told_if_away

    environment = environment_of("storefront")
    common, pace = load(CommonSettings, environment), load(PaceSettings, environment)
    try:
        with dagster_instance(common) as instance, told_if_away():
            found = reading_due(instance, isbn, common, pace)
    except IngramError as error:
        return None, f"Not known when: {error}"
    return asdict(found), found.why


def _explanation(isbn: str) -> ExplainedTitle:
    """Reads the queue, the journal and the store."""
    environment = environment_of("storefront")
    settings, common = load(StorefrontSettings, environment), load(CommonSettings, environment)
    with QueueReader(settings.QUEUE_DB_URL.get_secret_value()) as reader:
        titles, unread = reader.titles([isbn]), reader.unread(isbn)
    if not titles:
        raise UnknownTitle(isbn)
    with (
        Journal(settings.STOREFRONT_DB_URL.get_secret_value()) as journal,
        StockLedger(settings.STOREFRONT_DB_URL.get_secret_value(), connections=1) as ledger,
        medusa_client(settings) as client,
    ):
        return explain_title(titles[0], unread, client, journal, ledger, settings=settings, common=common)
