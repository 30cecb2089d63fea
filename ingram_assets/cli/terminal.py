"""What is printed: text of others goes to the terminal as text, whatever it holds.

Titles, reasons and answers come from a site, from other programs' rows and from the store. An escape sequence
in one of them could clear the screen, hide a line or retitle the window; a direction mark could turn a line
around. Everything that commands print of such text goes through here.
"""

import re
import sys
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from ingram_assets.domain.failures import IngramError
from ingram_assets.domain.formatting import local_moment, moment, with_moments

if TYPE_CHECKING:
    from rich.console import Console

_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_ENDLESS = 100_000


def plain(text: str) -> str:
    """The text with its control characters made visible and its direction marks left out.

    Line breaks and tabs stay: our own sentences have them, and they move nothing but the line.
    """
    return "".join(
        character if character in "\n\t" else _visible(character) for character in _DIRECTION.sub("", text)
    )


def _visible(character: str) -> str:
    if ord(character) < 0x20:
        return chr(0x2400 + ord(character))  # the picture of it: ␛ for an escape
    if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
        return "�"
    return character


def one_line(text: str) -> str:
    """As `plain`, without line breaks: a value within a line of ours must not begin a line of its own."""
    return re.sub(r"\s*\n\s*", " ", plain(text))


def markup(text: str) -> str:
    """As `one_line`, as a part of rich's markup that stands for nothing but itself."""
    from rich.markup import escape

    return escape(one_line(text))


def shop_zone() -> ZoneInfo:
    """The shop's time zone, in which a person reads times."""
    from ingram_assets.settings.environment import environment_of
    from ingram_assets.settings.shared import store_time_zone

    return ZoneInfo(store_time_zone(environment_of("storefront")))


def whose_times(zone: ZoneInfo) -> str:
    """What a table's times are: they stand there without their zone."""
    return f"Times are the shop's: {zone.key}."


def in_shop_zone(text: str) -> str:
    """A sentence of ours with its times told in the shop's zone."""
    return with_moments(text, _local)


def _local(at: datetime) -> str:
    try:
        return local_moment(at, shop_zone())
    except IngramError:  # The settings can't be read, and it may be this that is being told.
        return moment(at)


def console() -> "Console":
    """Standard output for tables and reports: nothing of them is wrapped where no person's terminal is."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else _ENDLESS)


def print_table(rows: Iterable[Iterable[object]], *columns: str) -> None:
    """Print rows below their columns' names: numbers as people write them, texts as text."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        right = column in ("line", "entries", "quantity", "reserved", "available")
        no_wrap = column in ("time", "location", "what") and "line" in columns
        table.add_column(column, justify="right" if right else "left", no_wrap=no_wrap, overflow="fold")
    for row in rows:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else markup(str(cell)) for cell in row))
    console().print(table)


def say(text: str, *, err: bool = False, **style: Any) -> None:
    """Print a line, in the style of `click.style`, with its times in the shop's zone."""
    click.secho(plain(in_shop_zone(text)), err=err, **style)
