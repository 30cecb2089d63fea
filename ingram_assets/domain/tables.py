"""Tables that a person edits, in a spreadsheet or by hand: CSV text to rows, each with its line."""

import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence

from ingram_assets.domain.invisible import can_be_seen

_OPEN_QUOTE = (
    "a quotation mark (\") opens a text there and does not close it at the text's end, in the same line. "
    'Within such a text, write "" for a quotation mark.'
)


IN_EXCEL = "Save the file as UTF-8; in Excel, as the type “CSV UTF-8”."


def decoded(data: bytes, remedy: str = IN_EXCEL) -> str:
    """The text of a file. Raises ValueError, which names the line and the remedy: it is not in UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = len(data[: error.start + 1].splitlines())
        raise ValueError(f"Line {line} is not in UTF-8. {remedy}") from None


def table_rows(text: str, columns: Sequence[str], table: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row that says something: its line, and its texts by column, without blanks at their ends.

    Args:
        columns: what the first line has to name, in any order, and nothing else: where a comma is not
            in quotation marks, the rest of its text would fall into any other column, and be lost.
        table: what it is called in messages.

    Raises:
        ValueError: the first line names other columns; or a row has more than it, a text that breaks off or
            has characters that are none. The message names the line.
    """
    lines = _lines(text, table)
    _, header = next(lines, (0, []))
    names = _names(header, columns, table)
    for line, cells in lines:
        if len(cells) > len(header) or any(cells[len(names) :]):
            raise ValueError(
                f"Line {line} of the {table} has more columns than the first line, which has {len(names)}: "
                "a text with a comma in it has to stand in quotation marks."
            )
        yield line, dict.fromkeys(names, "") | dict(zip(names, cells, strict=False))


def _names(header: list[str], columns: Sequence[str], table: str) -> list[str]:
    """The columns of the first line, each once. A spreadsheet may leave empty ones behind them."""
    names = header[: len(columns)]
    if not header:
        raise ValueError(f"The {table} is empty: its first line has to be {','.join(columns)}.")
    right = f"its first line is {','.join(header)!r}, and has to be {','.join(columns)!r}"
    if missing := [name for name in columns if name not in header]:
        raise ValueError(f"The {table} lacks the column {missing[0]!r}: {right}.")
    if set(names) != set(columns) or any(header[len(columns) :]):
        raise ValueError(f"The {table} has a column that is none of its own: {right}.")
    return names


def _lines(text: str, table: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of each line that has some."""
    rows = csv.reader(
        io.StringIO(text.removeprefix("\ufeff"), newline=None), strict=True, skipinitialspace=True
    )
    line = 1
    try:
        for row in rows:
            where = f"Line {line} of the {table}"
            if rows.line_num > line:
                raise ValueError(f"{where}: {_OPEN_QUOTE}")
            cells = [cell.strip() for cell in row]
            if wrong := next(filter(None, map(_not_text, cells)), None):
                raise ValueError(f"{where} has {wrong}.")
            if any(cells):
                yield line, cells
            line = rows.line_num + 1
    except csv.Error:
        raise ValueError(f"Line {line} of the {table}: {_OPEN_QUOTE}") from None


def _not_text(cell: str) -> str | None:
    """What of a cell nobody typed on purpose."""
    for character in cell:
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
            return f"a control character in it (U+{ord(character):04X}): retype {cell!r}"
    if cell and not can_be_seen(cell):
        return f"a text of which nothing can be seen (U+{ord(cell[0]):04X}): delete it, or type one"
    return None
