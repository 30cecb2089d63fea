"""`ingram history` and `ingram explain`: what became of one title, and why the store shows what it shows."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import click

from ingram_assets.cli.common import print_json
from ingram_assets.cli.terminal import one_line, say
from ingram_assets.defs.storefront.from_settings import (
    medusa_client,
    store_rules,
    store_today,
    storefront_settings,
)
from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.failures import IngramError, NeedsPerson
from ingram_assets.domain.lifetime import age
from ingram_assets.domain.stock import Stock
from ingram_assets.domain.wording import count
from ingram_assets.settings.environment import environment_of
from ingram_assets.settings.loading import check, load
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.staging.reader import QueueReader, StockChange
from ingram_assets.store.client import MedusaError
from ingram_assets.store.explain import Explanation, explain
from ingram_assets.store.inventory.ledger import LedgerLine, StockLedger
from ingram_assets.store.inventory.medusa import read_places
from ingram_assets.store.journal import Entry, Journal
from ingram_assets.store.levels import look_at
from ingram_assets.store.location import find_location
from ingram_assets.store.session import StoreSession


class UnknownTitle(NeedsPerson):
    """The queue has no row of this ISBN, and the store was never written to for it."""

    def __init__(self, isbn: str) -> None:
        super().__init__(
            f"{isbn} is not tracked: the queue has no such title. Track it: ingram enrich {isbn}"
        )


class UnknownRunId(NeedsPerson):
    """No run of this id wrote anything to the store."""

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"No run {run_id} wrote anything to the store, so there is nothing to undo. ingram push prints a "
            "run's id at its end, ingram history ISBN the runs that changed a title, and ingram stock ledger "
            "ISBN the numbers of inventory operations."
        )


@dataclass(frozen=True, slots=True)
class Happened:
    """One entry of a title's line of time. `what`: "reading", "imported", or the thing that was written."""

    at: datetime
    what: str
    words: str
    details: Mapping[str, Any]


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
    """Location's id to what programs call it; none where the store is away: then ids have to do."""
    try:
        with medusa_client(settings) as client:
            return {place.id: place.code for place in read_places(client)}
    except MedusaError:
        return {}


def line_of_time(
    readings: Iterable[StockChange],
    changes: Iterable[Entry],
    lines: Iterable[LedgerLine] = (),
    places: Mapping[str, str] | None = None,
) -> list[Happened]:
    """Readings of the stock, writes to the store and inventory operations, oldest first. Pure.

    Args:
        lines: of the ledger; those of the sync are left out, as its writes are among the `changes`.
        places: location's id to its name.
    """
    happened = [Happened(one.stock_observed_at, "reading", _reading(one), _sums(one)) for one in readings]
    for one in changes:
        details = {name: getattr(one, name) for name in _OF_A_CHANGE}
        happened.append(Happened(one.at.astimezone(UTC), one.kind, _written(one), details))
    for line in lines:
        if line.actor_kind != "sync":
            place = (places or {}).get(line.location_id, line.location_id)
            details = {name: getattr(line, name) for name in _OF_A_LINE} | {"location": place}
            words = _operated(line, place)
            happened.append(Happened(line.at.astimezone(UTC), "operation", words, details))
    return sorted(happened, key=lambda one: one.at)


_OF_A_LINE = (
    *("id", "operation_id", "operation", "actor_kind", "actor_name", "quantity_before", "quantity_after"),
    *("reserved_before", "reserved_after", "reason", "note", "reference", "state", "detail", "undoes"),
)
"""What `--json` says of an operation, as the ledger has it."""


def _operated(line: LedgerLine, place: str) -> str:
    words = f"{line.operation.replace('_', ' ')} at {place}: {line.moves or 'nothing moved'}"
    state = {"pending": " NOT FINISHED.", "taken_back": " TAKEN BACK."}.get(line.state, "")
    by = f"{line.actor_kind} {line.actor_name}"
    return f"{words}{f' ({line.why})' if line.why else ''}.{state} By {by} (line {line.id})"


_OF_A_CHANGE = ("before", "after", "reason", "outcome", "detail", "run_id")
"""What `--json` says of a write, as the journal has it."""


def _sums(change: StockChange) -> dict[str, Any]:
    return {
        "stock": None if change.stock is None else stock_rules.to_json(change.stock),
        "on_hand": stock_rules.on_hand(change.stock),
        "on_order": stock_rules.on_order(change.stock),
    }


def _reading(change: StockChange) -> str:
    now, before = change.stock or {}, change.before
    if before is None:
        return f"{_in_sum(now)}: the first reading ({_centers(now, now)})."
    moved = [dc for dc in {**before, **now} if before.get(dc) != now.get(dc)]
    return f"{_in_sum(now)}; before: {_in_sum(before)} ({_centers(now, moved)})."


def _in_sum(stock: Stock) -> str:
    return f"{count(stock_rules.on_hand(stock))} on hand, {count(stock_rules.on_order(stock))} on order"


def _centers(stock: Stock, which: Iterable[str]) -> str:
    of = {dc: f"{dc} {count(seen.on_hand)}+{count(seen.on_order)}" for dc, seen in stock.items()}
    return ", ".join(of.get(dc, f"{dc} gone") for dc in which) or "no distribution center"


def _written(entry: Entry) -> str:
    if entry.after is None:
        words = "removed."
    elif entry.kind == "product" and entry.before is None:
        words = "made."
    else:
        moves = "; ".join(_moves(entry.before or {}, entry.after))
        words = f"{moves or 'the reading and its time'}."
    if entry.outcome == "failed":
        words = f"FAILED, {entry.detail} Wanted: {words}"
    elif entry.outcome == "pending":
        words = f"not known to have arrived, the run broke off: {words}"
    return f"{words} {entry.reason} (run {entry.run_id})"


def _moves(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Each value that was written, with the one that it replaced."""
    for name, value in after.items():
        if name in ("metadata.stock_observed_at", "metadata.ingram_stock"):
            continue
        said = f"{name.removeprefix('metadata.')} "
        if name not in before:
            yield said + _short(value)
        elif before[name] != value:
            yield f"{said}{_short(before[name])} → {_short(value)}"


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


def _short(value: Any) -> str:
    text = "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def show_explanation(isbn: str, as_json: bool) -> None:
    """Print why the store shows what it shows of a title.

    Raises:
        UnknownTitle: the queue does not know it.
    """
    explanation, notes = _explanation(isbn)
    following, sentence = _next_reading(isbn)
    if as_json:
        return print_json(**asdict(explanation), notes=notes, next_reading=following)
    say(explanation.text())
    say(one_line(f"Next:     {sentence}"))
    for note in notes:
        say(one_line(f"Note:     {note}"))


def _next_reading(isbn: str) -> tuple[Mapping[str, Any] | None, str]:
    """When the title is read next, by Dagster's events: for `--json`, and in words."""
    from ingram_assets.defs.next_reading import next_reading
    from ingram_assets.runtime.instance import dagster_instance, told_if_away

    environment, now = environment_of("storefront"), datetime.now(UTC)
    common, pace = load(CommonSettings, environment), load(PaceSettings, environment)
    try:
        with dagster_instance(common) as instance, told_if_away():
            found = next_reading(
                instance,
                isbn,
                now.timestamp(),
                sweep_every=pace.STOCK_WARN_AFTER,
                today=store_today(common),
            )
    except IngramError as error:
        return None, f"Not known when: {error}"
    return asdict(found), found.why


def _explanation(isbn: str) -> tuple[Explanation, list[str]]:
    """With notes of what else a person should know. Reads the queue, the journal and the store."""
    environment = environment_of("storefront")
    settings, common = load(StorefrontSettings, environment), load(CommonSettings, environment)
    with QueueReader(settings.QUEUE_DB_URL.get_secret_value()) as reader:
        titles = reader.titles([isbn])
        unread = reader.unread(isbn)
    if not titles:
        raise UnknownTitle(isbn)
    rules, today = store_rules(settings), store_today(common)
    title = age(titles[0], datetime.now(UTC), rules.stock_max_age, rules.stale_stock)
    with (
        Journal(settings.STOREFRONT_DB_URL.get_secret_value()) as journal,
        StockLedger(settings.STOREFRONT_DB_URL.get_secret_value(), connections=1) as ledger,
        medusa_client(settings) as client,
    ):
        location = find_location(
            client,
            journal=journal,
            name=settings.MEDUSA_STOCK_LOCATION,
            sales_channel=settings.MEDUSA_SALES_CHANNEL,
        )
        seen = look_at(StoreSession(client, journal, location, rules, today, ledger=ledger), [title])
    explanation = explain(title, seen.plan.titles[0], seen.orders, rules=rules, today=today)
    notes = (
        location.missing,
        *location.notes,
        f"The last attempt to read it gave nothing: {unread.reason}" if unread else None,
        f"Its import failed: {title.failed_reason}" if title.failed_reason else None,
        "It waits for import." if title.imported_at is None and not title.failed_reason else None,
    )
    return explanation, [note for note in notes if note]
