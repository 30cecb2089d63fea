"""What a shopper reads of each state that a title may be in, by a table that a person edits."""

import string
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import resources
from typing import Literal, get_args

from ingram_assets.domain.ownership import code_of, folded_name
from ingram_assets.domain.tables import table_rows

TABLE_FILE = resources.files("ingram_assets.domain") / "labels.csv"
"""The shop's table. Columns `state`, `location`, `days`, `label`; each state has a row without a location.

A location, by its name in the store, may have a row of its own for the state `on_shelf`. A label may say
`{days}`, those of its row, and in preorders `{date}`, the day of publication. The days of `coming_soon` are
also how long before its publication a title is coming soon; until then it is not yet published.
"""

State = Literal[
    "on_shelf",
    "in_stock",
    "backorder",
    "coming_soon",
    "not_yet_published",
    "special_order",
    "hard_to_find",
    "unavailable",
    "digital",
    "not_read",
]
"""What booksellers tell apart, finer than a title's status.

`on_shelf` lies in the shop; `in_stock` at the distributor. `backorder` is on its way to the distributor;
`special_order` can be ordered, with no date known. `hard_to_find` can't be had, nor ordered: out of print, or
none on hand and on order. `unavailable` may not be sold. `not_read`: nobody has looked yet.
"""
STATES: tuple[State, ...] = get_args(State)

LONGEST_LABEL = 100
_COLUMNS = ("state", "location", "days", "label")
_TABLE = "table of labels"
_DATED: frozenset[State] = frozenset({"coming_soon", "not_yet_published"})
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A label as it stands in the table, and the days, the location and the line of its row."""

    label: str
    days: int | None
    location: str
    line: int


@dataclass(frozen=True, slots=True)
class LabelTable:
    """The parsed table: each state's row, and rows of `on_shelf` by location, in one spelling of its name."""

    by_state: Mapping[State, LabelRow]
    by_location: Mapping[str, LabelRow] = field(default_factory=dict)

    def label(self, state: State, *, release: date | None = None, location: str | None = None) -> str:
        """What a shopper reads. `release`: a preorder's day; `location`: where a copy on the shelf lies."""
        row = self.by_state[state]
        if state == "on_shelf" and location is not None:
            row = self.by_location.get(_spelled(location), row)
        return row.label.format(days=row.days, date=long_date(release) if release else "")

    def of_preorder(self, release: date, today: date) -> State:
        """Whether a title that comes out on this day is coming soon."""
        days = self.by_state["coming_soon"].days or 0
        return "coming_soon" if (release - today).days <= days else "not_yet_published"

    def idle_rows(self, own: Collection[str]) -> tuple[str, ...]:
        """For a person: the rows of locations that are none of these, the names of the shop's own."""
        there = {_spelled(name) for name in own}
        return tuple(
            f"Line {row.line} of the {_TABLE} is for {row.location!r}, which is no location of the shop's "
            f"own in its sales channel: no shopper reads it. Those there are: {', '.join(own) or 'none'}."
            for place, row in self.by_location.items()
            if place not in there
        )


@cache
def built_in() -> LabelTable:
    """The table that comes with the program."""
    return parse_labels(TABLE_FILE.read_text("utf-8"))


def parse_labels(text: str) -> LabelTable:
    """The table in the text of a CSV file.

    Raises:
        ValueError: a column or a state is missing, or a row can't be meant. The message names the line.
    """
    found: dict[tuple[State, str], LabelRow] = {}
    for line, cells in table_rows(text, _COLUMNS, _TABLE):
        where = f"Line {line} of the {_TABLE}"
        if fault := next(_faults(cells), None):
            raise ValueError(f"{where}: {fault}")
        state: State = cells["state"]  # type: ignore[assignment]  # One of them: it has no fault.
        place = _spelled(cells["location"])
        if before := found.get((state, place)):
            which = f" for this location, {before.location!r}," if place else ""
            raise ValueError(f"{where}: {state} has a row already{which} in line {before.line}.")
        days = int(cells["days"]) if cells["days"] else None
        found[state, place] = LabelRow(cells["label"], days, cells["location"], line)
    by_state = {state: row for (state, place), row in found.items() if not place}
    if lacking := [state for state in STATES if state not in by_state]:
        raise ValueError(f"The {_TABLE} lacks a row for {', '.join(lacking)}.")
    return LabelTable(by_state, {place: row for (_, place), row in found.items() if place})


def _spelled(location: str) -> str:
    """A location's name in the one spelling that all its spellings share: `STORE_FRONT` is Store Front."""
    return code_of(location) or folded_name(location)


def _faults(row: Mapping[str, str]) -> Iterator[str]:
    """Why a row can't be meant."""
    state, label, days = row["state"], row["label"], row["days"]
    if state not in STATES:
        yield f"{state!r} is no state. The states are {', '.join(STATES)}."
    if row["location"] and state != "on_shelf":
        yield f"only on_shelf may have rows for locations, not {state}."
    if not label or len(label) > LONGEST_LABEL:
        yield f"a label has 1 to {LONGEST_LABEL} characters."
    if days and not (days.isascii() and days.isdecimal() and int(days) <= 3650):
        yield f"days have to be a whole number up to 3650, not {days!r}."
    names = set(_in_braces(label))
    if "days" in names and not days:
        yield f"the label {label!r} says {{days}}, and its row has none."
    known = {"days"} | ({"date"} if state in _DATED else set())
    if names - known:
        may = " and ".join(f"{{{name}}}" for name in sorted(known))
        yield f"the label {label!r} may have {may} in it, and no other braces."


def _in_braces(label: str) -> Iterator[str]:
    """What stands in a label's braces; one that is alone, too."""
    try:
        for _, name, form, conversion in string.Formatter().parse(label):
            if name is not None:
                yield f"{name}{conversion or ''}{form}"
    except ValueError:
        yield "{"


def long_date(day: date) -> str:
    """February 3, 2027, whatever the machine's locale."""
    return f"{_MONTHS[day.month - 1]} {day.day}, {day.year}"


def day_in(text: str) -> date | None:
    """The day that a text ends with, as `long_date` writes it; `None` where it ends otherwise."""
    words = text.replace(",", " ").split()[-3:]
    try:
        month, day, year = words
        return date(int(year), _MONTHS.index(month) + 1, int(day))
    except ValueError:
        return None
