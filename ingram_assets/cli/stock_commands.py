"""`ingram stock`: copies at the shop's own locations, and what is held of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from ingram_assets.cli.common import as_json, handle_errors, with_examples
from ingram_assets.store.inventory.model import (
    Adjust,
    Delete,
    Fulfill,
    Reason,
    Release,
    Reserve,
    SetQuantity,
    Transfer,
)

_NUMBERS = {"ignore_unknown_options": True}
"""-3 is a number, not an option."""


def _writes(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of all commands that change something."""
    for option in (
        click.option("--key", help="The idempotency key. With the one of an earlier call: its answer again."),
        click.option("--expected", type=int, help="The quantity that you saw. Another one: nothing is done."),
        click.option("--reference", help="What it belongs to: an order, a delivery, an address."),
        click.option("--note", help="A word about it, for the ledger."),
        click.option(
            "--reason", type=click.Choice([each.value for each in Reason]), help="Why, for the ledger."
        ),
    ):
        command = option(command)
    return command


@click.group()
@with_examples
def stock() -> None:
    r"""Copies at the shop's own locations: counted, moved, held, and every change told in a ledger.

    \b
    ingram stock set 9781639739134 CELLAR 12 --reason cycle_count
    ingram stock show 9781639739134

    A title goes by its ISBN in any spelling, or by its product's id in Medusa; a location by its name in any
    case, with underscores for blanks, or by its id. What belongs to the sync, the quantities at Ingram's
    location, can be reserved and fulfilled, not changed.
    """


@stock.command()
@click.argument("isbn")
@as_json
@handle_errors
def show(isbn: str, as_json: bool) -> None:
    r"""A title's copies at each location, and what is held of them.

    \b
    ingram stock show 9781639739134
    ingram stock show prod_01JCD3P4Z8 --json
    """
    from ingram_assets.cli.stock import show_title

    show_title(isbn, as_json)


@stock.command("set", context_settings=_NUMBERS)
@click.argument("isbn")
@click.argument("location")
@click.argument("quantity", type=int)
@_writes
@as_json
@handle_errors
def set_quantity(isbn: str, location: str, quantity: int, as_json: bool, **about: Any) -> None:
    r"""Set the physical quantity to what was counted; makes the entry where there is none.

    \b
    ingram stock set 9781639739134 CELLAR 12 --reason cycle_count
    ingram stock set 9781639739134 cellar 12 --expected 10
    """
    from ingram_assets.cli.stock import perform

    perform(SetQuantity(quantity), isbn, location, as_json, **about)


@stock.command(context_settings=_NUMBERS)
@click.argument("isbn")
@click.argument("location")
@click.argument("delta", type=int)
@_writes
@as_json
@handle_errors
def adjust(isbn: str, location: str, delta: int, as_json: bool, **about: Any) -> None:
    r"""Change the physical quantity by so much, up or down.

    \b
    ingram stock adjust 9781639739134 CELLAR 20 --reason received --reference PO-1187
    ingram stock adjust 9781639739134 CELLAR -1 --reason damaged --note "wet"
    """
    from ingram_assets.cli.stock import perform

    perform(Adjust(delta), isbn, location, as_json, **about)


@stock.command(context_settings=_NUMBERS)
@click.argument("isbn")
@click.argument("location")
@click.argument("quantity", type=int)
@click.option("--owner", help="For whom they are held.")
@click.option(
    "--minutes",
    type=click.IntRange(1, 366 * 24 * 60),
    help="For how long, a year at most. Default: until released.",
)
@_writes
@as_json
@handle_errors
def reserve(
    isbn: str,
    location: str,
    quantity: int,
    owner: str | None,
    minutes: int | None,
    as_json: bool,
    **about: Any,
) -> None:
    r"""Hold copies for somebody; they are not for sale until released, or until the time is over.

    \b
    ingram stock reserve 9781639739134 CELLAR 2 --owner "Ada" --minutes 60
    """
    from ingram_assets.cli.stock import perform

    until = datetime.now(UTC) + timedelta(minutes=minutes) if minutes else None
    perform(Reserve(quantity, owner, until), isbn, location, as_json, **about)


@stock.command(context_settings=_NUMBERS)
@click.argument("isbn")
@click.argument("location")
@click.argument("quantity", type=int, required=False)
@click.option("--id", "reservation", help="Of this reservation. Default: the oldest first.")
@_writes
@as_json
@handle_errors
def release(
    isbn: str, location: str, quantity: int | None, reservation: str | None, as_json: bool, **about: Any
) -> None:
    r"""Put held copies on sale again.

    \b
    ingram stock release 9781639739134 CELLAR 2
    ingram stock release 9781639739134 CELLAR --id resitem_01JCD3P4Z8
    """
    from ingram_assets.cli.stock import perform

    perform(Release(quantity, reservation), isbn, location, as_json, **about)


@stock.command(context_settings=_NUMBERS)
@click.argument("isbn")
@click.argument("location")
@click.argument("quantity", type=int, required=False)
@click.option("--id", "reservation", help="Of this reservation. Default: the oldest first.")
@_writes
@as_json
@handle_errors
def fulfill(
    isbn: str, location: str, quantity: int | None, reservation: str | None, as_json: bool, **about: Any
) -> None:
    r"""Let held copies leave: neither here nor held any more. An order's own are fulfilled in Medusa.

    \b
    ingram stock fulfill 9781639739134 CELLAR 2
    ingram stock fulfill 9781639739134 CELLAR --id resitem_01JCD3P4Z8
    """
    from ingram_assets.cli.stock import perform

    perform(Fulfill(quantity, reservation), isbn, location, as_json, **about)


@stock.command(context_settings=_NUMBERS)
@click.argument("isbn")
@click.argument("location")
@click.argument("target")
@click.argument("quantity", type=int)
@_writes
@as_json
@handle_errors
def transfer(isbn: str, location: str, target: str, quantity: int, as_json: bool, **about: Any) -> None:
    r"""Move copies that nobody holds from LOCATION to TARGET.

    \b
    ingram stock transfer 9781639739134 CELLAR SHOP_FLOOR 5
    """
    from ingram_assets.cli.stock import perform

    perform(Transfer(quantity), isbn, location, as_json, target=target, **about)


@stock.command()
@click.argument("isbn")
@click.argument("location")
@_writes
@as_json
@handle_errors
def delete(isbn: str, location: str, as_json: bool, **about: Any) -> None:
    r"""Stop keeping a title at a location. Refused while copies are held there.

    \b
    ingram stock delete 9781639739134 CELLAR
    """
    from ingram_assets.cli.stock import perform

    perform(Delete(), isbn, location, as_json, **about)


@stock.command("list")
@click.option("--location", help="At this location alone.")
@click.option("--low", type=int, help="With at most so many available.")
@click.option("--search", help="Of which title or SKU has this in it.")
@as_json
@handle_errors
def list_entries(location: str | None, low: int | None, search: str | None, as_json: bool) -> None:
    r"""Every entry, least available first.

    \b
    ingram stock list --location CELLAR
    ingram stock list --low 5 --json
    """
    from ingram_assets.cli.stock import show_list

    show_list(location, low, search, as_json)


@stock.command()
@click.option("--location", help="At this location alone.")
@click.option("--threshold", type=int, help="With at most so many available. Default: LOW_STOCK_THRESHOLD.")
@as_json
@handle_errors
def low(location: str | None, threshold: int | None, as_json: bool) -> None:
    r"""Entries of which little is left, least available first.

    \b
    ingram stock low
    ingram stock low --location CELLAR --threshold 2
    """
    from ingram_assets.cli.stock import show_low

    show_low(location, threshold, as_json)


@stock.command()
@as_json
@handle_errors
def stats(as_json: bool) -> None:
    r"""What all entries add up to.

    \b
    ingram stock stats --json
    """
    from ingram_assets.cli.stock import show_stats

    show_stats(as_json)


@stock.command()
@as_json
@handle_errors
def locations(as_json: bool) -> None:
    r"""Every stock location, with what lies there.

    \b
    ingram stock locations
    """
    from ingram_assets.cli.stock import show_locations

    show_locations(as_json)


@stock.command()
@click.argument("isbn")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="The newest so many.")
@as_json
@handle_errors
def ledger(isbn: str, limit: int, as_json: bool) -> None:
    r"""Every change of a title's copies: who, when, why, before and after.

    \b
    ingram stock ledger 9781639739134
    ingram stock ledger 978-1-63973-913-4 --json
    """
    from ingram_assets.cli.stock import show_ledger

    show_ledger(isbn, limit, as_json)


@stock.command()
@as_json
@handle_errors
def sweep(as_json: bool) -> None:
    r"""Free reservations whose time is over, end what broke off, and look again at what was written lately.

    \b
    ingram stock sweep
    """
    from ingram_assets.cli.stock import sweep_once

    sweep_once(as_json)
