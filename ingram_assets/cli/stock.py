"""What `ingram stock` does and prints."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import click

from ingram_assets.cli.common import SOME_FAILED, WRONG_USE, fail, person, print_json
from ingram_assets.cli.terminal import in_shop_zone, one_line, print_table, say, shop_zone, whose_times
from ingram_assets.defs.storefront.from_settings import medusa_client, storefront_settings
from ingram_assets.domain.failures import Transient
from ingram_assets.overview.run_ids import SHORT
from ingram_assets.store.inventory.channels import read_visible_locations
from ingram_assets.store.inventory.figures import StockFigures
from ingram_assets.store.inventory.ledger import LedgerLine, StockLedger, until_words
from ingram_assets.store.inventory.listing import EntryList, ListedEntry, WantedEntries
from ingram_assets.store.inventory.model import (
    Actor,
    Operation,
    OperationDone,
    OperationRefused,
    Reason,
    StockEntry,
    operation_name,
)
from ingram_assets.store.inventory.service import InventoryService, OperationNote
from ingram_assets.store.inventory.stock_locations import StockLocation, find_place
from ingram_assets.store.inventory.undoing import TakenBack
from ingram_assets.store.journal import Journal


@contextmanager
def _store(*, is_look: bool = False) -> Iterator[tuple[InventoryService, EntryList]]:
    """The service and the lists of entries, as the storefront's settings have the store.

    Args:
        is_look: as for `medusa_client`.

    Raises:
        SettingsError, NeedsPerson, Transient: the storefront's settings, its databases or the store.
    """
    settings = storefront_settings()
    url = settings.STOREFRONT_DB_URL.get_secret_value()
    with (
        Journal(url) as journal,
        StockLedger(url, connections=2) as ledger,
        medusa_client(settings, is_look=is_look) as client,
    ):
        yield InventoryService(client, journal, ledger), EntryList(client)


@contextmanager
def _refusals_told(as_json: bool, again: str, **more: str) -> Iterator[None]:
    """Leaves with 1 where an operation is refused, or where it is not known what became of it."""
    try:
        yield
    except OperationRefused as error:
        fail(str(error), SOME_FAILED, as_json, kind=error.refusal.kind.value)
    except Transient as error:
        fail(f"{error} {again}", SOME_FAILED, as_json, **more)


def perform(
    operation: Operation,
    isbn: str,
    location: str,
    as_json: bool,
    *,
    target: str | None = None,
    key: str | None = None,
    expected: int | None = None,
    reason: str | None = None,
    note: str | None = None,
    reference: str | None = None,
) -> None:
    """Do an operation, and print the entry before and after. Leaves with 1 where it is refused."""
    key = key or f"cli-{uuid4()}"
    again = f"The key is {key}: repeat the command with --key."
    with _store() as (service, _), _refusals_told(as_json, again, key=key):
        places = _places(service)
        done = service.apply(
            operation,
            isbn=isbn,
            location=location,
            target=target,
            actor=Actor("person", person()),
            key=key,
            expected_quantity=expected,
            about=OperationNote(Reason(reason) if reason else None, note, reference),
        )
    _print_done(done, places, as_json, key=key)


def undo_operation(called: str, dry_run: bool, as_json: bool) -> bool:
    """Take an inventory operation back, and print its entry before and after; False where there is none.

    Leaves with 1 where it can't be taken back.

    Args:
        called: the operation's id, or the number of a line of it.
    """
    with StockLedger(storefront_settings().STOREFRONT_DB_URL.get_secret_value(), connections=1) as ledger:
        operation_id = ledger.operation_called(called)
    if operation_id is None:
        return False
    if called.isdecimal() and len(called) >= SHORT:
        # It may be the beginning of a run's id as well, and that would be quite another thing.
        with Journal(storefront_settings().STOREFRONT_DB_URL.get_secret_value()) as journal:
            if runs := journal.runs_called(called):
                words = (
                    f"{called} is a line of the ledger, and run {runs[0]} begins so: name the run in full."
                )
                fail(f"{words} For the line: ingram undo {operation_id}", WRONG_USE, as_json)
    with _store(is_look=dry_run) as (service, _):
        places = _places(service)
        with _refusals_told(as_json, "Repeat the command: it is done once."):
            if dry_run:
                _print_plan(*service.plan_undo(operation_id), places, as_json)
            else:
                _print_done(service.undo(operation_id, actor=Actor("person", person())), places, as_json)
    return True


def _print_plan(plan: TakenBack, line: LedgerLine, places: dict[str, StockLocation], as_json: bool) -> None:
    words, at = operation_name(plan.operation), _code(plan.location_id, places)
    what = {key: each for key, each in asdict(plan.operation).items() if each is not None}
    if as_json:
        return print_json(dry_run=True, isbn=line.isbn, operation=words, location=at, **{"with": what})
    numbers = ", ".join(f"{key.replace('_', ' ')} {each}" for key, each in what.items())
    to = f" to {_code(plan.target_id, places)}" if plan.target_id else ""
    say(one_line(f"Would {words} {line.isbn} at {at}{to}: {numbers}."))


def _print_done(done: OperationDone, places: dict[str, StockLocation], as_json: bool, **more: str) -> None:
    if as_json:
        named = ("before", "after", "target_before", "target_after")
        entries = {name: _entry(each, places) for name in named if (each := getattr(done, name))}
        return print_json(
            **entries,
            ledger_ids=done.ledger_ids,
            reservation_id=done.reservation_id,
            replayed=done.replayed,
            **more,
        )
    _print_entries([each for each in (done.after, done.target_after) if each], places, done)
    if done.reservation_id:
        held = next((one for one in done.after.reservations if one.id == done.reservation_id), None)
        until = until_words(held.expires_at) if held else ""
        say(f"Reservation {', '.join(filter(None, (done.reservation_id, until)))}.")
    if done.replayed:
        click.echo("It was done before, under the same key: this is the first answer again.")
    elif done.ledger_ids:
        click.echo(click.style(f"Take it back: ingram undo {done.ledger_ids[0]}", dim=True))


def show_title(isbn: str, as_json: bool) -> None:
    """Print a title's entries, with their reservations."""
    with _store(is_look=True) as (service, _):
        title, places = service.shelves.find_title(isbn), _places(service)
        kept_at = () if title.is_unlimited else places
        seen = [service.shelves.read(title, place).entry for place in kept_at]
        entries = [each for each in seen if each.level_id is not None]
    if as_json:
        told = [_entry(each, places) for each in entries]
        return print_json(isbn=title.isbn, unlimited=title.is_unlimited, entries=told)
    say(title.isbn, bold=True)
    if title.is_unlimited:
        click.echo("Its copies have no end: it is digital, and nothing is counted.")
    elif not entries:
        click.echo("It is kept at no location: ingram stock set ISBN LOCATION QUANTITY.")
    else:
        _print_entries(entries, places)
    for entry in entries:
        for one in entry.reservations:
            whose = "an order" if one.line_item_id else one.owner or "somebody"
            at = ", ".join(filter(None, (places[entry.location_id].code, until_words(one.expires_at))))
            say(one_line(f"{one.quantity} held for {whose} at {at} ({one.id})"))


def show_list(location: str | None, low: int | None, search: str | None, as_json: bool) -> None:
    """Print entries, least available first."""
    with _store(is_look=True) as (service, entries):
        places = _places(service)
        at = set(places) if location is None else {find_place(list(places.values()), location).id}
        kept = list(entries.all(WantedEntries(at, low, search)))
    kept.sort(key=lambda each: (each.available, each.sku, each.location_id))
    if as_json:
        return print_json(entries=[_entry(each, places) for each in kept])
    rows = []
    for each in kept:
        place = _code(each.location_id, places)
        rows.append((each.sku, each.title[:40], place, each.quantity, each.reserved, each.available))
    print_table(rows, "SKU", "title", "location", "quantity", "reserved", "available")
    click.echo("1 entry." if len(kept) == 1 else f"{len(kept):,} entries.")


def show_stats(as_json: bool) -> None:
    """Print what all entries add up to."""
    settings = storefront_settings()
    with medusa_client(settings, is_look=True) as client:
        visible = read_visible_locations(client)
        entries = EntryList(client).all(WantedEntries(visible.place_ids))
        figures = StockFigures.of(entries, visible, settings.LOW_STOCK_THRESHOLD)
    if as_json:
        return print_json(**asdict(figures))
    for name, number in asdict(figures).items():
        click.echo(f"{name:<10}{number:>10,}")


def show_locations(as_json: bool) -> None:
    """Print the stock locations with what lies there."""
    with _store(is_look=True) as (service, entries):
        places, synced = service.shelves.places(), service.shelves.synced_location()
        kept = list(entries.all(WantedEntries({place.id for place in places})))
    rows = [
        {
            "location": place.code,
            "id": place.id,
            "synced": place.id == synced,
            "entries": sum(each.location_id == place.id for each in kept),
            "quantity": sum(each.quantity for each in kept if each.location_id == place.id),
            "reserved": sum(each.reserved for each in kept if each.location_id == place.id),
        }
        for place in sorted(places, key=lambda place: place.code)
    ]
    if as_json:
        return print_json(locations=rows)
    numbers = ("entries", "quantity", "reserved")
    shown = (
        (row["location"], *map(row.get, numbers), "Ingram's, kept by the sync" if row["synced"] else "yours")
        for row in rows
    )
    print_table(shown, "location", *numbers, "whose")


def show_low(location: str | None, threshold: int | None, as_json: bool) -> None:
    """Print the entries with few copies left, or none; by LOW_STOCK_THRESHOLD, if no other is given."""
    if threshold is None:
        threshold = storefront_settings().LOW_STOCK_THRESHOLD
    show_list(location, threshold, None, as_json)


def show_ledger(isbn: str, limit: int, as_json: bool) -> None:
    """Print a title's lines, oldest first, with what orders and others did until now."""
    with _store(is_look=True) as (service, _):
        isbn = service.shelves.isbn_of(isbn)
        left = service.settle_title(isbn)
        places = _places(service)
        lines = service.ledger.lines(isbn, limit)
    if as_json:
        told = [_with_location(each, places) for each in lines]
        for each in told:
            del each["steps"]
        return print_json(isbn=isbn, lines=told, left=left)
    zone = shop_zone()
    rows = (
        (
            *(str(each.id), f"{each.at.astimezone(zone):%Y-%m-%d %H:%M}", _code(each.location_id, places)),
            each.operation if each.state == "done" else f"{each.operation} ({each.state.replace('_', ' ')})",
            each.moves or f"{each.quantity_after}",
            f"{each.actor_kind} {each.actor_name}{': ' if each.why else ''}{in_shop_zone(each.why)}",
        )
        for each in lines
    )
    print_table(rows, "line", "time", "location", "what", "copies", "who and why")
    for words in left:
        say(one_line(f"What others did lately may be missing. {words}"))
    click.echo(click.style(whose_times(zone), dim=True) if lines else "Nothing of it was ever changed here.")


def sweep_once(as_json: bool) -> None:
    """Free what is over, end what broke off, and print how much that was."""
    with _store() as (service, _):
        done = service.recover()
        freed = service.expire_reservations(datetime.now(UTC))
    if as_json:
        return print_json(**asdict(done), expired=len(freed))
    click.echo(
        f"{len(freed)} reservations were over. Of operations that broke off, {done.finished} were finished "
        f"and {done.taken_back} taken back. {done.looked_at} entries were looked at again."
    )
    for words in done.left:
        say(one_line(f"Left for the next sweep. {words}"))


def _places(service: InventoryService) -> dict[str, StockLocation]:
    return {place.id: place for place in service.shelves.places()}


def _code(location_id: str, places: dict[str, StockLocation]) -> str:
    return places[location_id].code if location_id in places else location_id


def _print_entries(
    entries: Sequence[StockEntry], places: dict[str, StockLocation], done: OperationDone | None = None
) -> None:
    befores = [done.before, done.target_before] if done else [None] * len(entries)
    rows = []
    for entry, before in zip(entries, befores, strict=False):
        numbers = [entry.quantity, entry.reserved, entry.available]
        was = [before.quantity, before.reserved, before.available] if before else numbers
        shown = (
            "unlimited" if entry.is_unlimited else f"{one:,}" if one == two else f"{one:,} → {two:,}"
            for one, two in zip(was, numbers, strict=True)
        )
        rows.append((_code(entry.location_id, places), *shown))
    print_table(rows, "location", "quantity", "reserved", "available")


def _entry(entry: StockEntry | ListedEntry, places: dict[str, StockLocation]) -> dict[str, Any]:
    return _with_location(entry, places) | {"available": entry.available}


def _with_location(
    told: StockEntry | ListedEntry | LedgerLine, places: dict[str, StockLocation]
) -> dict[str, Any]:
    place = places.get(told.location_id)
    return asdict(told) | {"location": place.code if place else None}
