"""How `ingram read` tells what is understood: one page in full, several as a table, all as JSON."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import click

from ingram_assets.cli.read_shop import NewTitleInStore, ShopRules
from ingram_assets.cli.terminal import one_line, print_table, say
from ingram_assets.domain import restrictions
from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.completeness import FIRST_GUESS, Habit
from ingram_assets.domain.formatting import count
from ingram_assets.domain.title import Contributor
from ingram_assets.sources.ipage.pages import ProductPage
from ingram_assets.sources.ipage.pages.helpful_entries import helpful_entries
from ingram_assets.sources.ipage.pages.understood import (
    FIELDS,
    KINDS,
    NotUnderstood,
    Understood,
    called,
    is_read,
)

_LONGEST_VALUE, _LONGEST_TITLE = 120, 30
_MOST_STRANGE = 30
"""Lines on what was not understood; the rest is counted."""


@dataclass(frozen=True, slots=True)
class LookedAt:
    """A page that was looked at: what is understood of it, or why nothing is; and what would become of it.

    Attributes:
        name: the file's, or the ISBN that was asked for.
        habit: what a whole page shows, by which this one was judged.
        habit_is_seen: that is what the other pages show, and no first guess.
        problem: why it can't be read, or is not the page that was asked for.
    """

    name: str
    understood: Understood | None = None
    problem: str | None = None
    habit: Habit = FIRST_GUESS
    habit_is_seen: bool = False
    becomes: NewTitleInStore | None = None

    @property
    def page(self) -> ProductPage | None:
        """What was read of a product page; of one that is no reading it may lack its ISBN and title."""
        return self.understood.page if self.understood and self.understood.kind == "product" else None

    @property
    def is_reading(self) -> bool:
        """Whether a sweep would take it."""
        return self.understood is not None and self.understood.is_reading and not self.problem

    @property
    def problems(self) -> list[str]:
        """Why it is no reading."""
        own = [self.problem] if self.problem else []
        if self.understood is None:
            return own
        kind, said_by = self.understood.kind, self.understood.said_by
        if kind != "product":
            own.append(f"It is {KINDS[kind]}{f' ({said_by})' if said_by else ''}.")
        return [*own, *self.understood.refused]

    @property
    def wholeness(self) -> str:
        """Whether its stock is all there is, in a sentence."""
        page = self.page
        if page is None or page.stock is None:
            return "It shows no stock: the last known stock would stand."
        by = "of the pages read here" if self.habit_is_seen else "of this page alone"
        if page.shows_all_stock(self.habit):
            return f"Its stock counts as a whole reading, {by}: it shows {page.stock_shape}, and every count."
        lacks = []
        if not page.shows_every_part(self.habit):
            lacks.append(f"it shows {page.stock_shape}, a whole one {self.habit.shape}")
        if page.stock_rows_lost:
            lacks.append(f"{page.stock_rows_lost} rows can't be told")
        if any(None in counts[:2] for counts in page.stock.values()):
            lacks.append("some counts can't be told")
        unless = "" if self.habit_is_seen else " What a whole one shows, your account's other pages decide."
        return f"Its stock counts as a part, {by}: {'; '.join(lacks)}.{unless}"


def as_json(looked: LookedAt) -> dict[str, Any]:
    """All that is told of a page, for a program."""
    page, understood = looked.page, looked.understood
    fields = {name: _plain(getattr(page, name)) for name in FIELDS} if page else None
    told: dict[str, Any] = {
        "page": looked.name,
        "kind": understood.kind if understood else "unreadable",
        "reading": looked.is_reading,
        "fields": fields,
        "stock": stock_rules.to_json(page.stock) if page and page.stock else None,
        "problems": looked.problems,
    }
    if understood is None:
        return told
    told |= {
        "said_by": understood.said_by,
        "places": {name: [place._asdict() for place in places] for name, places in understood.places.items()},
        "centers": {dc: [place._asdict() for place in places] for dc, places in understood.centers.items()},
        "not_understood": [one._asdict() for one in understood.strange],
    }
    if page is not None:
        told |= {
            "warnings": [*page.warnings],
            "whole_stock": page.shows_all_stock(looked.habit),
            "wholeness": looked.wholeness,
        }
    if (becomes := looked.becomes) is not None:
        wanted = becomes.wanted
        told["push"] = {
            "status": wanted.status,
            "state": wanted.state,
            "label": wanted.label,
            "price": _plain(becomes.price),
            "level": wanted.stocked_quantity,
            "incoming": wanted.incoming_quantity,
            "allow_backorder": wanted.allow_backorder,
            "manage_inventory": wanted.manage_inventory,
            "why_not": becomes.why_not,
        }
    return told


def _plain(value: Any) -> Any:
    """A value as JSON has it. Money and weights are text, so that no cent is lost."""
    if isinstance(value, Decimal | date):
        return str(value)
    if isinstance(value, Contributor):
        return value._asdict()
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value


def shares(pages: Iterable[LookedAt]) -> tuple[dict[str, int], int]:
    """How many of the product pages say something of each field and of stock, and how many there are."""
    read = [page.page for page in pages if page.page is not None]
    said = {name: sum(is_read(getattr(page, name)) for page in read) for name in FIELDS}
    return {**said, "stock": sum(page.stock is not None for page in read)}, len(read)


def not_understood(pages: Iterable[LookedAt]) -> list[tuple[NotUnderstood, int, str]]:
    """What was not understood, the most frequent first: with how many pages it stands on, and one of them."""
    first: dict[tuple[str, str], tuple[NotUnderstood, str]] = {}
    often: Counter[tuple[str, str]] = Counter()
    for looked in pages:
        strange = looked.understood.strange if looked.understood else ()
        for key, one in {(one.what, one.words.casefold()): one for one in strange}.items():
            first.setdefault(key, (one, looked.name))
            often[key] += 1
    return [(first[key][0], times, first[key][1]) for key, times in often.most_common()]


def entries_that_help(pages: Iterable[LookedAt], found: Iterable[NotUnderstood]) -> list[str]:
    """Lines of a `site.toml` that would help with what was not understood of these pages."""
    odd = {page.name: page.understood.sentence for page in pages if page.understood and page.page is None}
    return helpful_entries(found, odd)


def print_one(looked: LookedAt, shop: ShopRules) -> None:
    """A page in full."""
    page, understood = looked.page, looked.understood
    title = f": {page.title}" if page and page.title else ""
    say(one_line(f"{looked.name}{title}"), bold=True)
    for problem in looked.problems:
        say(one_line(problem), fg="red")
    if page is not None and understood is not None:
        print_table(_field_rows(page, understood), "field", "value", "where it stands")
        if page.stock:
            click.echo()
            rows = [
                (
                    f"{dc} ({of.role})",
                    count(of.on_hand),
                    count(of.on_order),
                    _joined(understood.centers.get(dc, ())),
                )
                for dc, of in page.stock.items()
            ]
            print_table(rows, "center", "on hand", "on order", "where it stands")
        click.echo()
        for warning in page.warnings:
            say(one_line(warning), fg="yellow")
    _print_strange([looked])
    if looked.is_reading:
        say(one_line(looked.wholeness))
    if looked.becomes is not None:
        say(one_line(f"A push would make of it, {shop.words}: {_push_words(looked.becomes)}"))


def _field_rows(page: ProductPage, understood: Understood) -> Iterator[tuple[str, str, str]]:
    for name in FIELDS:
        value, places = getattr(page, name), understood.places.get(name, ())
        where = _joined(places) if places else "not on the page" if not is_read(value) else ""
        yield called(name), _value_words(name, value), where


def _joined(places: Iterable[object]) -> str:
    return "; ".join(map(str, places))


def _value_words(name: str, value: Any) -> str:
    if not is_read(value):
        return "–"
    match name:
        case "contributors":
            words = "; ".join(f"{each.name} ({each.role})" if each.role else each.name for each in value)
        case "restrictions":
            words = restrictions.words(value)
        case "bisac":
            words = " | ".join(value)
        case "srp_price":
            words = f"${value}"
        case "weight":
            words = f"{value} lb"
        case _:
            words = str(value)
    return _cut(words, _LONGEST_VALUE)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _push_words(becomes: NewTitleInStore) -> str:
    wanted = becomes.wanted
    if becomes.why_not:
        return f"no product. {becomes.why_not}"
    if wanted.manage_inventory is False:
        level = "sold without a count"
    elif wanted.stocked_quantity is None:
        level = "no copies, since their number is not known"
    else:
        level = f"{wanted.stocked_quantity:,} copies"
    backorder = "takes back-orders" if wanted.allow_backorder else "takes no back-orders"
    return f"“{wanted.label}” ({wanted.status}), {level}, {backorder}, ${becomes.price}."


def print_several(pages: Sequence[LookedAt], shop: ShopRules) -> None:
    """Several pages: a line each, then what they have in common."""
    columns = ("page", "ISBN", "title", "price", "date", "copies", "label", "warnings")
    print_table(map(_row, pages), *columns)
    for looked in pages:
        for problem in looked.problems:
            say(one_line(f"{looked.name}: {problem}"), fg="red")
    said, total = shares(pages)
    if total:
        click.echo()
        print_table(
            ((called(name), f"{number:,} of {total:,}") for name, number in said.items()), "field", "read on"
        )
    _print_strange(pages)
    if part := [page for page in pages if page.page and page.page.stock and "as a part" in page.wholeness]:
        say(
            one_line(
                f"{len(part):,} pages show a part of the stock, such as {part[0].name}: {part[0].wholeness}"
            )
        )
    if any(page.becomes for page in pages):
        say(one_line(f"Labels are what a push would make of the pages, {shop.words}."))


def _row(looked: LookedAt) -> tuple[object, ...]:
    page, becomes = looked.page, looked.becomes
    if page is None:
        kind = KINDS[looked.understood.kind] if looked.understood else "can't be read"
        return looked.name, "", kind, "", "", "", "", ""
    return (
        looked.name,
        page.isbn or "–",
        _cut(page.title or "–", _LONGEST_TITLE),
        _value_words("srp_price", page.srp_price),
        str(page.publication_date or "–"),
        count(stock_rules.on_hand(page.stock)) if page.stock else "–",
        becomes.wanted.label if becomes and not becomes.why_not else "–",
        len(page.warnings) + len(looked.problems) or "",
    )


def _perhaps(strange: NotUnderstood) -> str:
    if strange.what == "heading":
        holds = {"center": "centers", "count": "copies on hand or on order"}
        return "no count of ours" if strange.is_known else holds.get(strange.perhaps or "", "")
    name = called(strange.perhaps) if strange.perhaps else ""
    return f"{name}, but no label is looked for there" if strange.is_known else name


def _print_strange(pages: Sequence[LookedAt]) -> None:
    found = not_understood(pages)
    if found:
        _print_table_of_strange(pages, found)
    if entries := entries_that_help(pages, [one for one, _, _ in found]):
        click.echo()
        say("Entries of your site.toml that would help (docs/site.md):", bold=True)
        for line in entries:
            say(one_line(line) if line else "")


def _print_table_of_strange(
    pages: Sequence[LookedAt], found: Sequence[tuple[NotUnderstood, int, str]]
) -> None:
    click.echo()
    say("Not understood:", bold=True)
    rows = (
        (one.what, one.words, one.text, one.path, _perhaps(one), times, page)
        for one, times, page in found[:_MOST_STRANGE]
    )
    columns = ("", "words", "beside it", "where it stands", "perhaps", "pages", "such as")
    shown = len(columns) if len(pages) > 1 else 5
    print_table((row[:shown] for row in rows), *columns[:shown])
    if len(found) > _MOST_STRANGE:
        say(f"… and {len(found) - _MOST_STRANGE:,} more: --json has them all.")
