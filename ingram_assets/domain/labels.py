"""What a shopper reads of each state that a title may be in, by a table that a person edits."""

import csv
import io
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import resources
from typing import Literal, get_args

from ingram_assets.domain.ownership import folded_name

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
_DATED: frozenset[State] = frozenset({"coming_soon", "not_yet_published"})
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A label as it stands in the table, and the days of its row."""

    label: str
    days: int | None


@dataclass(frozen=True, slots=True)
class LabelTable:
    """The parsed table: each state's row, and rows of `on_shelf` by folded name of the location."""

    by_state: Mapping[State, LabelRow]
    by_location: Mapping[str, LabelRow] = field(default_factory=dict)

    def label(self, state: State, *, release: date | None = None, location: str | None = None) -> str:
        """What a shopper reads. `release`: a preorder's day; `location`: where a copy on the shelf lies."""
        row = self.by_state[state]
        if state == "on_shelf" and location is not None:
            row = self.by_location.get(folded_name(location), row)
        return row.label.format(days=row.days, date=long_date(release) if release else "")

    def of_preorder(self, release: date, today: date) -> State:
        """Whether a title that comes out on this day is coming soon."""
        days = self.by_state["coming_soon"].days or 0
        return "coming_soon" if (release - today).days <= days else "not_yet_published"


@cache
def built_in() -> LabelTable:
    """The table that comes with the program."""
    return parse_labels(TABLE_FILE.read_text("utf-8"))


def parse_labels(text: str) -> LabelTable:
    """The table in the text of a CSV file.

    Raises:
        ValueError: a column or a state is missing, or a row can't be meant. The message names the line.
    """
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    if missing := [name for name in _COLUMNS if name not in (rows.fieldnames or ())]:
        raise ValueError(f"The table of labels lacks the column {missing[0]!r}: it has {rows.fieldnames}.")
    by_state: dict[State, LabelRow] = {}
    by_location: dict[str, LabelRow] = {}
    for row in rows:
        values = {name: (row[name] or "").strip() for name in _COLUMNS}
        if not any(values.values()):
            continue
        where = f"Line {rows.line_num} of the table of labels"
        if fault := next(_faults(values), None):
            raise ValueError(f"{where}: {fault}")
        state: State = values["state"]  # type: ignore[assignment]  # One of them: it has no fault.
        found = LabelRow(values["label"], int(values["days"]) if values["days"] else None)
        place = values["location"] and folded_name(values["location"])
        there: LabelRow | None = by_location.get(place) if place else by_state.get(state)
        if there is not None:
            raise ValueError(f"{where}: {state} has a row{' for this location' if place else ''} already.")
        if place:
            by_location[place] = found
        else:
            by_state[state] = found
    if lacking := [state for state in STATES if state not in by_state]:
        raise ValueError(f"The table of labels lacks a row for {', '.join(lacking)}.")
    return LabelTable(by_state, by_location)


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
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(label) if name is not None}
    except ValueError:
        names = {"?"}
    known = ({"days"} if days else set()) | ({"date"} if state in _DATED else set())
    if names - known:
        may = " and ".join(f"{{{name}}}" for name in sorted(known)) or "nothing in braces"
        yield f"the label {label!r} may have {may}."


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
