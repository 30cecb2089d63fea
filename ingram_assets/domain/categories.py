"""Which of the shop's categories a title belongs to: its BISAC subjects, by a table that a person edits."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ingram_assets.domain.tables import table_rows

TABLE_FILE = Path(__file__).with_name("categories.csv")
"""The shop's table. Columns `bisac_code`, `heading`, `category`; a row covers all that lies below it.

A code is the start of BISAC codes ("FIC009" covers FIC009020), a heading the start of a heading path
("FICTION / Fantasy" covers "FICTION / Fantasy / Epic"). Either may be empty. The longest match wins. The
row `*,*` names the category of everything else.
"""

_COLUMNS = ("bisac_code", "heading", "category")
_TABLE = "category table"
_CODE = re.compile(r"\b([A-Z]{3}[0-9]{3,6})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CategoryTable:
    """The parsed table: code prefixes and heading paths (folded to lower case) to category names."""

    by_code: dict[str, str]
    by_heading: dict[tuple[str, ...], str]
    fallback: str


@dataclass(frozen=True, slots=True)
class Categories:
    """The categories of one title, most fitting first. `mapped` is false for the fallback alone."""

    names: tuple[str, ...]
    mapped: bool


def parse_table(text: str) -> CategoryTable:
    """The table in the text of a CSV file.

    Raises:
        ValueError: columns are missing, a row says nothing or contradicts another, or `*,*` is missing. The
            message names the line.
    """
    found: dict[str | tuple[str, ...], tuple[str, int]] = {}
    for line, cells in table_rows(text, _COLUMNS, _TABLE):
        code, heading, category = (cells[name] for name in _COLUMNS)
        where = f"Line {line} of the {_TABLE}"
        if not category or not (code or heading):
            raise ValueError(f"{where} needs a category, and a code or a heading.")
        names: dict[str | tuple[str, ...], str] = {"*": "everything else"}
        if "*" not in (code, heading):
            names = {code.upper(): code} if code else {}
            names |= {_path(heading): repr(heading)} if heading else {}
        if code not in ("", "*") and not re.fullmatch(r"[A-Z]{3}[0-9]{0,6}", code.upper()):
            raise ValueError(f"{where}: {code!r} is not the start of a BISAC code such as FIC009020.")
        for key, name in names.items():
            there, earlier = found.setdefault(key, (category, line))
            if there != category:
                raise ValueError(f"{where} puts {name} into {category!r}, line {earlier} into {there!r}.")
    if "*" not in found:
        raise ValueError(f"The {_TABLE} needs a row *,*,NAME for everything that no other row covers.")
    fallback, _ = found.pop("*")
    return CategoryTable(
        {key: category for key, (category, _) in found.items() if isinstance(key, str)},
        {key: category for key, (category, _) in found.items() if isinstance(key, tuple)},
        fallback,
    )


def categorize(hint: str | None, table: CategoryTable) -> Categories:
    """The categories for a `category_hint`: BISAC headings or codes, several parted by `|` or `;`.

    A hint that is the name of a category is taken at its word.
    """
    names: list[str] = []
    for subject in re.split(r"[|;\n]", hint or ""):
        if (found := _category(subject.strip(), table)) and found not in names:
            names.append(found)
    return Categories(tuple(names) or (table.fallback,), bool(names))


def categories_of(bisac: Sequence[str], hint: str | None, table: CategoryTable) -> Categories:
    """The categories of a title: by its headings, else by the hint that somebody gave it."""
    by_heading = categorize(" | ".join(bisac), table)
    return by_heading if by_heading.mapped else categorize(hint, table)


def hint_of(bisac: Sequence[str]) -> str | None:
    """What a title is about in a word or two, for its `category_hint`: "science fiction".

    It is the first category that its headings fall into by the table that ships, whatever table the store
    goes by. Where they fall into none, it is the first heading's own word: "thrillers". `None` without one.
    """
    shipped = categorize(" | ".join(bisac), _shipped_table())
    if shipped.mapped:
        return shipped.names[0].lower()
    parts = [part.strip() for part in (bisac[0] if bisac else "").split("/") if part.strip()]
    return parts[min(1, len(parts) - 1)].lower() if parts else None


@lru_cache(maxsize=1)
def _shipped_table() -> CategoryTable:
    return parse_table(TABLE_FILE.read_text("utf-8"))


def _category(subject: str, table: CategoryTable) -> str | None:
    if code := _CODE.search(subject):
        for length in range(len(code[1]), 2, -1):
            if found := table.by_code.get(code[1][:length].upper()):
                return found
    path = _path(_CODE.sub("", subject).strip(" -:()[]"))
    longest = max(map(len, table.by_heading), default=0)
    for length in range(min(len(path), longest), 0, -1):
        if found := table.by_heading.get(path[:length]):
            return found
    every = {*table.by_code.values(), *table.by_heading.values(), table.fallback}
    return {name.casefold(): name for name in every}.get(subject.casefold())


def _path(heading: str) -> tuple[str, ...]:
    return tuple(" ".join(part.split()).casefold() for part in heading.split("/") if part.strip())
