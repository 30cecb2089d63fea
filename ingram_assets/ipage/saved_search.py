"""The export of a saved search: which titles there are, and what they cost.

How the site names its columns is not known, so they are told by name, loosely, wherever the header
stands; and a row that can't be read is refused with its reason, never repaired by guessing.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ingram_assets.domain.isbn import InvalidIsbn, parse_isbn
from ingram_assets.ipage import recognise, values
from ingram_assets.ipage.page_failures import PageChanged

if TYPE_CHECKING:
    import pandas as pd

MAX_BYTES = 20_000_000
_MAX_PREAMBLE = 60
_MAX_COLUMNS = 300

# A column is known by the words of its heading: one of these sets, best first, with no word beside it
# but those allowed. "Canadian SRP", "Net Price" and "Price Change Date" are other columns.
_ISBN_HEADINGS = (
    {"isbn", "13"},
    {"ean"},
    {"isbn"},
    {"isbn", "10"},
)
# These may hold a number of the site's own: they are asked only where those above have no ISBN, and then
# for 13 digits, since one in eleven of ten digits passes for an ISBN-10.
_CODE_HEADINGS = (
    {"product", "code"},
    {"product", "id"},
    {"product", "number"},
    {"product", "#"},
    {"item", "number"},
    {"item", "code"},
    {"item", "#"},
    {"sku"},
    {"gtin"},
    {"upc"},
    {"barcode"},
)
_ISBN_WORDS = frozenset(
    {"isbn", "isbns", "ean", "13", "10", "digit", "number", "no", "#", "code", "or", "product"}
) | {*("id", "item", "upc", "gtin", "sku", "barcode", "book", "title", "primary", "ingram")}
_PRICE_HEADINGS = ({"srp"}, {"list"}, {"msrp"}, {"retail"}, {"price"})
_PRICE_WORDS = frozenset(
    {"us", "usd", "srp", "price", "list", "retail", "suggested", "msrp", "unit", "in", "dollars"}
    | {"cover", "publisher", "publishers", "s", "pub"}
)
_TITLE_HEADINGS = ({"title"}, {"product", "name"}, {"item", "name"}, {"name"})
_TITLE_WORDS = frozenset({"title", "subtitle", "and", "book", "product", "item", "full", "main", "name"})

_LOOKS_LIKE_ISBN = re.compile(r"(?:^|[\"',;\t|=])\s*97[89][-0-9]{10,14}\b")
_SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]+")
_EXCEL_TEXT = re.compile(r'^=\s*"(.*)"$', re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Header:
    isbn: tuple[int, ...]
    """Columns that hold the ISBN, best first."""
    codes: tuple[int, ...]
    """Columns that may hold it where those don't."""
    title: int | None
    price: int | None
    width: int


@dataclass(frozen=True, slots=True)
class _Sheet:
    rows: list[tuple[int, list[str]]]
    """Line number in the file, and the cells."""
    delimiter: str
    is_open_ended: bool = False
    """Whether the last line lacks the line end that the others have, and so may be cut."""


def parse_saved_search_csv(data: bytes | str) -> "pd.DataFrame":
    """The titles of an export, each ISBN once, in the file's order.

    Columns: `isbn` (13 digits), `title` (str or None), `srp_price` (Decimal dollars or None), all of
    dtype object. `attrs["rejected"]`: a dict per row refused, with `row` (its line in the file), `value`
    (what stood for the ISBN) and `reason`. `attrs["warnings"]`: what was kept but not wholly understood.

    Takes comma, semicolon, tab or bar between the cells; UTF-8, UTF-16 or Windows-1252; lines before the
    header; `="978…"` cells; and a table of HTML, as older sites export for Excel.

    Raises:
        SessionExpired, Blocked, NotFound: the site sent that page instead of the export.
        PageChanged: empty, no table of values, or no column of ISBNs.
    """
    data = data.encode("utf-8", "replace") if isinstance(data, str) else bytes(data)
    if not data.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise PageChanged("export", "it is empty: fetch it again, and look at the saved search in a browser.")
    if len(data) > MAX_BYTES:
        raise PageChanged("export", f"{len(data):,} bytes are too many for a saved search.")
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise PageChanged("export", "it is an Excel workbook; have the site export it as CSV.")
    if recognise.looks_like_html(data):
        header, sheet = _html_sheet(data)
    else:
        header, sheet = _text_sheet(_decode(data))
    return _frame(header, sheet)


def _frame(header: tuple[int, _Header], sheet: _Sheet) -> "pd.DataFrame":
    place, columns = header
    last = sheet.rows[-1][0] if sheet.is_open_ended else None
    titles: dict[str, tuple[str | None, Decimal | None]] = {}
    lines: dict[str, int] = {}
    rejected: list[dict[str, Any]] = []
    warnings: list[str] = []
    any_with_cents = False
    for line, raw in sheet.rows[place + 1 :]:
        cells = [_plain(cell) for cell in raw]
        if not any(cells):
            continue
        isbn, value, reason = _isbn(cells, columns)
        if line == last and len(raw) < columns.width and len(value) < 13:
            # What is left of an ISBN-13 may pass for an ISBN-10.
            isbn, reason = None, "The file ends in the middle of this row: export again."
        if isbn is None and _header_of(cells) is not None:
            continue  # The header again, as some exports have it on every page.
        if isbn is None:
            rejected.append({"row": line, "value": value[:200], "reason": reason})
            continue
        if isbn in titles:
            reason = f"{isbn} stands in line {lines[isbn]} already; that one was kept."
            duplicate = {"duplicate_of": lines[isbn]}
            rejected.append({"row": line, "value": value[:200], "reason": reason, **duplicate})
            continue
        title = price = None
        if any(cells[columns.width :]):
            # A comma that nobody quoted has moved the cells: whose title and price these are is a guess.
            warnings.append(f"Line {line}: more cells than headings; only its ISBN was taken.")
        else:
            title = _cell(cells, columns.title)
            title = values.clean(title) or None if title else None
            price_text = _cell(cells, columns.price)
            price, problem = values.read_price(price_text, decimal_comma=sheet.delimiter in ";\t")
            with_cents = re.search(r"\.[0-9]{2}\b", price_text) is not None
            if line == last and price and any_with_cents and not with_cents:
                price, problem = None, f"“{price_text[:40]}” may be cut short at the end of the file"
            any_with_cents = any_with_cents or with_cents
            if problem:
                warnings.append(f"Line {line}: price {problem}.")
        titles[isbn], lines[isbn] = (title, price), line
    import pandas as pd  # It takes a second to load, which the code server would pay.

    frame = pd.DataFrame(
        {
            "isbn": pd.Series(list(titles), dtype=object),
            "title": pd.Series([title for title, _ in titles.values()], dtype=object),
            "srp_price": pd.Series([price for _, price in titles.values()], dtype=object),
        }
    )
    frame.attrs["rejected"] = rejected
    frame.attrs["warnings"] = warnings
    return frame


def _isbn(cells: list[str], columns: _Header) -> tuple[str | None, str, str]:
    """(ISBN, what stood there, why not)."""
    found: dict[str, str] = {}
    value = reason = ""
    for column in (*columns.isbn, *columns.codes):
        text = _cell(cells, column)
        if not text:
            continue
        if column in columns.codes and (found or (columns.isbn and len(re.sub("[^0-9]", "", text)) != 13)):
            continue
        try:
            found.setdefault(parse_isbn(re.sub(r"(?<=[0-9])\.0$", "", text)), text)
        except InvalidIsbn as error:
            if not value:
                value = text
                reason = _why_no_isbn(text, str(error))
    if len(found) > 1:
        return None, " / ".join(found.values()), f"The row names two books: {' and '.join(found)}."
    if found:
        isbn, value = next(iter(found.items()))
        return isbn, value, ""
    shown = value or " | ".join(cell for cell in cells if cell)
    return None, shown, reason or "The row has no ISBN."


def _why_no_isbn(text: str, reason: str) -> str:
    spoilt = None
    if _SCIENTIFIC.fullmatch(text):
        spoilt = "is a number that Excel has rounded"
    elif re.fullmatch(r"[0-9]{8}[0-9Xx]", text) and _is_isbn("0" + text):
        spoilt = "is an ISBN-10 of which Excel has dropped the first zero"
    if spoilt is None:
        return reason
    return f"“{text[:40]}” {spoilt}: export again, and don't open the file in Excel before it is read."


def _is_isbn(text: str) -> bool:
    try:
        parse_isbn(text)
    except InvalidIsbn:
        return False
    return True


def _cell(cells: list[str], column: int | None) -> str:
    return cells[column] if column is not None and column < len(cells) else ""


def _plain(cell: str) -> str:
    cell = cell.strip(" \t\r\n\u00a0\ufeff")
    while (found := _EXCEL_TEXT.match(cell)) or (len(cell) > 2 and cell[0] == cell[-1] == '"'):
        cell = (found[1] if found else cell[1:-1]).strip()
    return cell.removeprefix("'") if re.match(r"'[0-9$=]", cell) else cell


def _text_sheet(text: str) -> tuple[tuple[int, _Header], _Sheet]:
    """The sheet by the delimiter under which a header makes the most sense."""
    best: tuple[tuple[int, int, int], tuple[int, _Header], _Sheet] | None = None
    for preference, delimiter in enumerate(",\t;|"):
        if delimiter != "," and delimiter not in text:
            continue
        sheet = _Sheet(list(_split(text, delimiter)), delimiter, not text.endswith(("\n", "\r")))
        header = _find_header(sheet)
        if header is None:
            continue
        known = len(header[1].isbn + header[1].codes) + sum(
            column is not None for column in (header[1].title, header[1].price)
        )
        score = (known, header[1].width, -preference)
        if best is None or score > best[0]:
            best = (score, header, sheet)
    if best is None:
        raise PageChanged(
            "ISBN", "the export has no column of this name; open the saved search in a browser."
        )
    return best[1], best[2]


def _split(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    rows = list(_read(io.StringIO(text, newline=""), delimiter))
    swallowed = any(
        "\n" in cell and _LOOKS_LIKE_ISBN.search(line)
        for _, cells in rows
        for cell in cells
        for line in cell.split("\n")[1:]
    )
    if swallowed:
        # A quotation mark that nobody closed has eaten rows: read each line for itself.
        rows = [
            (number, cells)
            for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1)
            for _, cells in _read([line], delimiter)
        ]
    yield from rows


def _read(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter)
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise PageChanged("export", f"line {line} is no row of values ({error}).") from None


def _find_header(sheet: _Sheet) -> tuple[int, _Header] | None:
    for place, (_, cells) in enumerate(sheet.rows[:_MAX_PREAMBLE]):
        if (
            len(cells) <= _MAX_COLUMNS
            and (header := _header_of([_plain(cell) for cell in cells])) is not None
        ):
            return place, header
    return None


def _header_of(cells: list[str]) -> _Header | None:
    headings = [_heading_words(cell) for cell in cells]
    isbn = _columns(headings, _ISBN_HEADINGS, _ISBN_WORDS)
    codes = tuple(place for place in _columns(headings, _CODE_HEADINGS, _ISBN_WORDS) if place not in isbn)
    if not isbn and not codes:
        return None
    titles = _columns(headings, _TITLE_HEADINGS, _TITLE_WORDS)
    prices = _columns(headings, _PRICE_HEADINGS, _PRICE_WORDS)
    return _Header(isbn, codes, titles[0] if titles else None, prices[0] if prices else None, len(cells))


def _columns(
    headings: list[frozenset[str]], wanted: tuple[set[str], ...], allowed: frozenset[str]
) -> tuple[int, ...]:
    """The places of the columns that are wanted, best first."""
    ranked = []
    for place, heading in enumerate(headings):
        rank = next((rank for rank, words in enumerate(wanted) if words <= heading), None)
        if rank is not None and heading <= allowed:
            ranked.append((rank, place))
    return tuple(place for _, place in sorted(ranked))


def _heading_words(cell: str) -> frozenset[str]:
    if len(cell) > 60:
        return frozenset()
    name = cell.lower().replace("u.s.", "us").replace("$", " usd ")
    name = re.sub(r"\b(isbn|ean)[-_ ]?(1[03])\b", r"\1 \2", name)
    return frozenset(re.sub(r"[^a-z0-9#]+", " ", name).split())


def _decode(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    head = data[:400]
    if head.count(0) > len(head) // 4:
        return data.decode(
            "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be", "replace"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.removeprefix(codecs.BOM_UTF8).decode("cp1252", "replace")


def _html_sheet(data: bytes) -> tuple[tuple[int, _Header], _Sheet]:
    tree = recognise.parse(data)
    recognise.raise_unless_page(recognise.recognise_tree(tree))
    for table in tree.css("table"):
        rows = []
        for number, row in enumerate(table.css("tr"), start=1):
            rows.append((number, [cell.text(deep=True) for cell in row.iter() if cell.tag in ("td", "th")]))
        sheet = _Sheet(rows, "<")
        header = _find_header(sheet)
        if header is not None:
            return header, sheet
    raise PageChanged("ISBN", "a web page came in place of the export; open the saved search in a browser.")
