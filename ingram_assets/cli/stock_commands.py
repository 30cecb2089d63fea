"""`ingram stock`: copies at the shop's own locations, and what is held of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any

import click

from ingram_assets.cli.common import with_examples, with_json
from ingram_assets.store.inventory.model import (
    Adjust,
    Delete,
    Fulfill,
    Operation,
    Reason,
    Release,
    Reserve,
    SetQuantity,
    Transfer,
)

Parameter = Callable[[Callable[..., Any]], Callable[..., Any]]
"""An argument or option of a command's, as click's decorators make it."""

_ABOUT: tuple[Parameter, ...] = (
    click.option("--reason", type=click.Choice([each.value for each in Reason]), help="Why, for the ledger."),
    click.option("--note", help="A word about it, for the ledger."),
    click.option("--reference", help="What it belongs to: an order, a delivery, an address."),
    click.option("--expected", type=int, help="The quantity that you saw. Another one: nothing is done."),
    click.option("--key", help="The idempotency key. With the one of an earlier call: its answer again."),
)
"""The options of all commands that change something."""

_QUANTITY = click.argument("quantity", type=int)
_OF_RESERVATIONS: tuple[Parameter, ...] = (
    click.argument("quantity", type=int, required=False),
    click.option("--id", "reservation_id", help="Of this reservation. Default: the oldest first."),
)


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


def _operation(name: str, *own: Parameter) -> Callable[[Callable[..., Operation]], click.Command]:
    """A command that does the operation which a function makes of the command's own parameters."""

    def define(make: Callable[..., Operation]) -> click.Command:
        @wraps(make)
        def do(isbn: str, location: str, as_json: bool, **given: Any) -> None:
            from ingram_assets.cli.stock import perform

            about = ("target", "reason", "note", "reference", "expected", "key")
            beside = {name: given.pop(name) for name in about if name in given}
            perform(make(**given), isbn, location, as_json, **beside)

        command = with_json(do)
        of_all: tuple[Parameter, ...] = (click.argument("isbn"), click.argument("location"), *own, *_ABOUT)
        for parameter in reversed(of_all):
            command = parameter(command)
        # -3 is a number, not an option.
        settings = {"ignore_unknown_options": True} if own else {}
        return stock.command(name, context_settings=settings)(command)

    return define


@stock.command()
@click.argument("isbn")
@with_json
def show(isbn: str, as_json: bool) -> None:
    r"""A title's copies at each location, and what is held of them.

    \b
    ingram stock show 9781639739134
    ingram stock show prod_01JCD3P4Z8 --json
    """
    from ingram_assets.cli.stock import show_title

    show_title(isbn, as_json)


@_operation("set", _QUANTITY)
def set_quantity(quantity: int) -> Operation:
    r"""Set the physical quantity to what was counted; makes the entry where there is none.

    \b
    ingram stock set 9781639739134 CELLAR 12 --reason cycle_count
    ingram stock set 9781639739134 cellar 12 --expected 10
    """
    return SetQuantity(quantity)


@_operation("adjust", click.argument("delta", type=int))
def adjust(delta: int) -> Operation:
    r"""Change the physical quantity by so much, up or down.

    \b
    ingram stock adjust 9781639739134 CELLAR 20 --reason received --reference PO-1187
    ingram stock adjust 9781639739134 CELLAR -1 --reason damaged --note "wet"
    """
    return Adjust(delta)


@_operation(
    "reserve",
    _QUANTITY,
    click.option("--owner", help="For whom they are held."),
    click.option(
        "--minutes",
        type=click.IntRange(1, 366 * 24 * 60),
        help="For how long, a year at most. Default: until released.",
    ),
)
def reserve(quantity: int, owner: str | None, minutes: int | None) -> Operation:
    r"""Hold copies for somebody; they are not for sale until released, or until the time is over.

    \b
    ingram stock reserve 9781639739134 CELLAR 2 --owner "Ada" --minutes 60
    """
    return Reserve(quantity, owner, datetime.now(UTC) + timedelta(minutes=minutes) if minutes else None)


@_operation("release", *_OF_RESERVATIONS)
def release(quantity: int | None, reservation_id: str | None) -> Operation:
    r"""Put held copies on sale again.

    \b
    ingram stock release 9781639739134 CELLAR 2
    ingram stock release 9781639739134 CELLAR --id resitem_01JCD3P4Z8
    """
    return Release(quantity, reservation_id)


@_operation("fulfill", *_OF_RESERVATIONS)
def fulfill(quantity: int | None, reservation_id: str | None) -> Operation:
    r"""Let held copies leave: neither here nor held any more. An order's own are fulfilled in Medusa.

    \b
    ingram stock fulfill 9781639739134 CELLAR 2
    ingram stock fulfill 9781639739134 CELLAR --id resitem_01JCD3P4Z8
    """
    return Fulfill(quantity, reservation_id)


@_operation("transfer", click.argument("target"), _QUANTITY)
def transfer(quantity: int) -> Operation:
    r"""Move copies that nobody holds from LOCATION to TARGET.

    \b
    ingram stock transfer 9781639739134 CELLAR SHOP_FLOOR 5
    """
    return Transfer(quantity)


@_operation("delete")
def delete() -> Operation:
    r"""Stop keeping a title at a location. Refused while copies are held there.

    \b
    ingram stock delete 9781639739134 CELLAR
    """
    return Delete()


@stock.command("list")
@click.option("--location", help="At this location alone.")
@click.option("--low", type=int, help="With at most so many available, or none.")
@click.option("--search", help="Of which title or SKU has this in it.")
@with_json
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
@click.option(
    "--threshold", type=int, help="With at most so many available, or none. Default: LOW_STOCK_THRESHOLD."
)
@with_json
def low(location: str | None, threshold: int | None, as_json: bool) -> None:
    r"""Entries of which few copies are left, or none, least available first.

    \b
    ingram stock low
    ingram stock low --location CELLAR --threshold 2
    """
    from ingram_assets.cli.stock import show_low

    show_low(location, threshold, as_json)


@stock.command()
@with_json
def stats(as_json: bool) -> None:
    r"""What all entries add up to.

    \b
    ingram stock stats --json
    """
    from ingram_assets.cli.stock import show_stats

    show_stats(as_json)


@stock.command()
@with_json
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
@with_json
def ledger(isbn: str, limit: int, as_json: bool) -> None:
    r"""Every change of a title's copies: who, when, why, before and after.

    \b
    ingram stock ledger 9781639739134
    ingram stock ledger 978-1-63973-913-4 --json
    """
    from ingram_assets.cli.stock import show_ledger

    show_ledger(isbn, limit, as_json)


@stock.command()
@with_json
def sweep(as_json: bool) -> None:
    r"""Free reservations whose time is over, end what broke off, and look again at what was written lately.

    \b
    ingram stock sweep
    """
    from ingram_assets.cli.stock import sweep_once

    sweep_once(as_json)
