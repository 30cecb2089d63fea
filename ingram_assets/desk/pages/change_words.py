"""What a run changed, or would change, as a person reads it: this became that. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingram_assets.domain import stock as stock_rules
from ingram_assets.store.journal import Entry

_NAMES = {
    "stocked_quantity": "copies",
    "incoming_quantity": "on order",
    "reserved_quantity": "held",
    "allow_backorder": "back-order",
    "manage_inventory": "copies are counted",
    "availability": "status",
    "availability_label": "label",
    "availability_state": "finer status",
    "release_date": "day of publication",
    "in_stock": "marked in stock",
    "ingram_stock": "copies per center",
    "stock_observed_at": "stock read at",
    "prices": "price",
    "thumbnail": "cover",
    "images": "pictures",
    "categories": "categories",
    "sku": "number",
}
STATUS_WORDS = {
    "in_stock": "In stock",
    "backorder": "Back-order",
    "preorder": "Preorder",
    "out_of_stock": "Out of stock",
    "digital": "Digital",
    "unknown": "Unknown",
}
"""What a title's status is called on a page."""
_KINDS = {
    "level": "Copies",
    "variant": "Flags",
    "tags": "Tags",
    "product": "Product",
    "item": "Inventory item",
    "link": "Link",
    "location": "Location",
    "category": "Category",
}
_ORDER = ("label", "status", "back-order", "copies", "on order", "price")
"""What a person looks at first in a plan."""
_READ_AT = _NAMES["stock_observed_at"]
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class FieldMove:
    """A field, and what it was and became."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class PlannedTitle:
    """A title of a plan. `what`: would be new, would change, would be put back, left as it is, held back."""

    isbn: str
    title: str
    what: str
    moves: tuple[FieldMove, ...] = ()
    reasons: tuple[str, ...] = ()


def field_name(name: str) -> str:
    """What a page calls a field of the store."""
    name = name.removeprefix("metadata.")
    return _NAMES.get(name, name.replace("_", " "))


def kind_words(kind: str) -> str:
    """What of a title was written."""
    return _KINDS.get(kind, kind)


def moves_of(entry: Entry) -> list[FieldMove]:
    """The fields that a write of the journal changed."""
    return moves_between(entry.before, entry.after)


def moves_between(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[FieldMove]:
    """The fields that differ; where there is no before, all of them."""
    before, after = _flat(before or {}), _flat(after or {})
    return [
        FieldMove(field_name(name), _value(name, before.get(name)), _value(name, after.get(name)))
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]


def planned_titles(details: Mapping[str, Any], failed: Mapping[str, str]) -> list[PlannedTitle]:
    """What a dry run of a push or an undo says, title by title; what would fail first.

    Args:
        details: of its report; `failed`: ISBN to why.
    """
    changes: Mapping[str, Any] = details.get("changes", {})
    found = [
        PlannedTitle(isbn, str(changes.get(isbn, {}).get("title", "")), "held back", reasons=(why,))
        for isbn, why in failed.items()
    ]
    for isbn, change in changes.items():
        what = "would be new" if change.get("import") == "create" else "would change"
        reasons = tuple(map(str, change.get("reasons", ())))
        found.append(
            PlannedTitle(isbn, str(change.get("title", "")), what, _in_order(_planned(change)), reasons)
        )
    for isbn, said in _lists(details.get("undone")):
        fields: Mapping[str, Any] = details.get("fields", {}).get(isbn, {})
        moves = _in_order(move for what in said for move in _field_moves(fields.get(what, {})))
        # What is told from what to what needs no words beside.
        reasons = tuple(what for what in said if what not in fields)
        found.append(PlannedTitle(isbn, "", "would be put back", moves, reasons))
    for isbn, said in _lists(details.get("left")):
        found.append(PlannedTitle(isbn, "", "left as it is", reasons=said))
    return found


def words(value: Any) -> str:
    """A value as a person reads it; a long one is cut."""
    match value:
        case None:
            said = "none"
        case bool():
            said = "yes" if value else "no"
        case int() | float():
            said = f"{value:,g}" if abs(value) < 1e6 else f"{value:,.0f}"
        case dict() if stock := stock_rules.in_words(value):
            said = stock
        case dict():
            said = ", ".join(f"{name} {words(each)}" for name, each in value.items()) or "none"
        case list():
            said = ", ".join(map(words, value)) or "none"
        case _:
            said = str(value) or "empty"
    return said if len(said) <= _LONGEST else said[: _LONGEST - 1] + "…"


def _value(name: str, value: Any) -> str:
    name = name.removeprefix("metadata.")
    return STATUS_WORDS.get(str(value)) or words(value) if name == "availability" else words(value)


def _planned(change: Mapping[str, Any]) -> Iterator[FieldMove]:
    if change.get("before") != change.get("after"):
        before, after = change.get("before"), change.get("after")
        yield FieldMove("copies", "no level" if before is None else words(before), words(after))
    yield from _field_moves(change.get("fields", {}))


def _in_order(moves: Iterable[FieldMove]) -> tuple[FieldMove, ...]:
    """What a person looks at comes first, the time of the reading last."""
    ranks = {name: rank for rank, name in enumerate(_ORDER)} | {_READ_AT: len(_ORDER) + 1}
    return tuple(sorted(moves, key=lambda move: ranks.get(move.name, len(_ORDER))))


def _field_moves(fields: Mapping[str, Any]) -> Iterator[FieldMove]:
    for name, moved in fields.items():
        yield FieldMove(field_name(name), _value(name, moved.get("before")), _value(name, moved.get("after")))


def _lists(told: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    for isbn, said in (told or {}).items() if isinstance(told, Mapping) else ():
        yield isbn, tuple(map(str, said)) if isinstance(said, Sequence) and not isinstance(said, str) else ()


def _flat(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields, with those of the metadata beside them."""
    metadata = fields.get("metadata")
    own = {name: value for name, value in fields.items() if name != "metadata"}
    return own | (metadata if isinstance(metadata, dict) else {})
