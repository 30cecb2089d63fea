"""The export of a saved search: which titles there are, and what they cost.

How the site names its columns is not known, so they are told by name, loosely, wherever the header
stands; and a row that can't be read is refused with its reason, never repaired by guessing.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ingram_assets.domain.isbn import InvalidIsbn, parse_isbn
from ingram_assets.sources.ipage.pages import archives, charsets, fields, recognize, spreadsheets
from ingram_assets.sources.ipage.pages.page_failures import NotFound, PageChanged

if TYPE_CHECKING:
    import pandas as pd
    from selectolax.lexbor import LexborHTMLParser, LexborNode


MAX_BYTES = 20_000_000
_CODE_LENGTHS = (13, 14, 15, 18)
"""Digits of an EAN, of a GTIN-14, of an EAN with an add-on of two or five."""
_MAX_PREAMBLE = 60
_MAX_COLUMNS = spreadsheets.MAX_COLUMNS
_MAX_SPAN = 1_000
_MAX_PACKED_IN_PACKED = 2

_OLE = b"\xd0\xcf\x11\xe0"
_NO_TABLE = {
    b"%PDF-": "a PDF",
    b"Rar!\x1a": "a RAR archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"BZh91AY&SY": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x09\x00\x04\x00": "a sheet of Excel 2",
    b"\x09\x02\x06\x00": "a sheet of Excel 3",
    b"\x09\x04\x06\x00": "a sheet of Excel 4",
    b"\x09\x08\x08\x00": "a sheet of Excel 5 without its workbook",
    b"\x09\x08\x10\x00": "a sheet of Excel 97 without its workbook",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
}

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
    {"isbn", "isbns", "ean", "13", "10", "14", "digit", "number", "no", "#", "code", "or", "product"}
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
_EXCEL_TEXT = re.compile(r'^=\s*(?:T|TEXT)?\s*\(?\s*"(.*)"\s*\)?$', re.DOTALL)
_EXCEL_LINK = re.compile(r'^=\s*HYPERLINK\(\s*"[^"]*"\s*[,;]\s*"?([^")]*)"?\s*\)$', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Header:
    isbn: tuple[int, ...]
    """Columns that hold the ISBN, best first."""
    codes: tuple[int, ...]
    """Columns that may hold it where those don't."""
    title: int | None
    price: int | None
    width: int

    @property
    def known(self) -> int:
        """How many columns are known."""
        return len(self.isbn + self.codes) + sum(place is not None for place in (self.title, self.price))


@dataclass(frozen=True, slots=True)
class _Sheet:
    rows: list[tuple[int, list[str]]]
    """Line number in the file, and the cells."""
    delimiter: str
    is_open_ended: bool = False
    """Whether the last line lacks the line end that the others have, and so may be cut."""
    left_out: int = 0
    """Other sheets of the file that list ISBNs, under other headings."""


def parse_saved_search_csv(data: bytes | str) -> "pd.DataFrame":
    """The titles of an export, each ISBN once, in the file's order.

    Columns: `isbn` (13 digits), `title` (str or None), `srp_price` (Decimal dollars or None), all of
    dtype object. `attrs["rejected"]`: a dict per row refused, with `row` (its line in the file), `value`
    (what stood for the ISBN) and `reason`. `attrs["warnings"]`: what was kept but not wholly understood.

    What the file is, is told by its content. Taken are: comma, semicolon, tab or bar between the cells, in
    UTF-8, UTF-16, UTF-32 or Windows-1252; a table of HTML, as older sites export for Excel, also in a web
    archive; Excel's XML of 2003; XLS, XLSX, XLSB and ODS; and any of these in a zip or gzip. Lines may
    stand before the header. Sheets and tables under the same header are read as one, and their rows are
    counted on.

    Raises:
        SessionExpired, Blocked, NotFound: the site sent that page instead of the export.
        PageChanged: empty, no table of values, no column of ISBNs, locked, damaged, or too large.
    """
    data = data.encode("utf-8", "replace") if isinstance(data, str) else bytes(data)
    return _frame(*_read_file(data, _MAX_PACKED_IN_PACKED))


def _read_file(data: bytes, depth: int) -> "_Found":
    if not data.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise PageChanged("export", "it is empty: fetch it again, and look at the saved search in a browser.")
    if len(data) > MAX_BYTES:
        raise PageChanged("export", f"{len(data):,} bytes are too many for a saved search.")
    data = _without_fill(data)
    if data.startswith(archives.ZIP):
        return _read_zip(data, depth)
    if data.startswith(archives.GZIP):
        _check_depth(depth)
        return _read_file(archives.gunzip(data, MAX_BYTES), depth - 1)
    if archives.is_web_archive(data):
        _check_depth(depth)
        return _the_one_of(archives.pages_of(data), depth - 1, "a web archive")
    if data.startswith(_OLE):
        return _of_sheets(spreadsheets.read_workbook(data))
    if (
        what := next((name for start, name in _NO_TABLE.items() if data.startswith(start)), None)
    ) is not None:
        raise PageChanged("export", f"it is {what}; have the site export it as CSV, or as XLSX.")
    text = charsets.decode(data).rstrip("\0")
    if spreadsheets.is_xml_workbook(text):
        return _of_sheets(spreadsheets.read_xml_workbook(text))
    if recognize.looks_like_html(text[:4_000].encode("utf-8", "replace")):
        return _html_sheet(text)
    return _text_sheet(text)


def _without_fill(data: bytes) -> bytes:
    """Without the blank lines that a script sends before a packed file, and the zeros of the last block."""
    begun = data.lstrip(b"\x00 \t\r\n\xef\xbb\xbf")
    packed = (*archives.ZIP, archives.GZIP, _OLE)
    if begun.startswith((*packed, *_NO_TABLE)):
        return begun
    ended = data.rstrip(b"\0")
    if len(data) - len(ended) < 4:
        return data
    # The last character of a wide charset has zeros of its own.
    return ended + bytes(-len(ended) % 4 if b"\0" in ended[:100] else 0)


def _read_zip(data: bytes, depth: int) -> "_Found":
    with archives.open_zip(data) as archive:
        if spreadsheets.is_workbook(archive.namelist()):
            if archives.unpacked_size(archive) > spreadsheets.MAX_UNPACKED:
                raise PageChanged(
                    "export",
                    f"as a workbook, it unpacks to more than {spreadsheets.MAX_UNPACKED:,} bytes: export "
                    "again, as CSV if the site offers it.",
                )
            return _of_sheets(spreadsheets.read_workbook(data))
        _check_depth(depth)
        files = archives.files_of(archive, MAX_BYTES)
    return _the_one_of(files, depth - 1, "a zip")


def _the_one_of(files: list[tuple[str, bytes]], depth: int, what: str) -> "_Found":
    """The one file of several that lists ISBNs."""
    if len(files) == 1:
        return _read_file(files[0][1], depth)
    found = []
    for name, content in files:
        try:
            found.append((name, _read_file(content, depth)))
        except (PageChanged, NotFound):
            continue  # a note, a picture
    if len(found) != 1:
        names = ", ".join(name for name, _ in found or files[:5])
        how = "several of its files list ISBNs" if found else "none of its files lists ISBNs"
        raise PageChanged("export", f"as {what}, {how} ({names}): export again, the saved search alone.")
    return found[0][1]


def _check_depth(depth: int) -> None:
    if depth <= 0:
        raise PageChanged(
            "export", "it is packed in packed files: export again, as CSV if the site offers it."
        )


_Found = tuple[tuple[int, _Header], _Sheet]
"""Where the header stands, and the sheet that it stands in."""


def _of_sheets(sheets: list[spreadsheets.Rows]) -> _Found:
    """The sheets whose header makes the most sense, as one."""
    best: tuple[tuple[int, int], tuple[int, _Header]] | None = None
    joined: list[tuple[int, list[str]]] = []
    headings: list[str] = []
    counted = others = 0
    for rows in sheets:
        numbered = [(counted + number, cells) for number, cells in rows]
        counted += rows[-1][0] if rows else 0
        header = _find_header(_Sheet(rows, "<"))
        if header is None:
            continue
        place, columns = header
        score = (columns.known, columns.width)
        if best is not None and [_plain(cell) for cell in rows[place][1]] == headings:
            joined = joined + numbered[place + 1 :]
        elif best is None or score > best[0]:
            others += best is not None
            best, joined = (score, header), numbered
            headings = [_plain(cell) for cell in rows[place][1]]
        else:
            others += 1
    if best is None:
        raise _no_isbns()
    return best[1], _Sheet(joined, "<", left_out=others)


def _no_isbns() -> PageChanged:
    return PageChanged("ISBN", "the export has no column of this name; open the saved search in a browser.")


def _frame(header: tuple[int, _Header], sheet: _Sheet) -> "pd.DataFrame":
    place, columns = header
    last = sheet.rows[-1][0] if sheet.is_open_ended else None
    titles: dict[str, tuple[str | None, Decimal | None]] = {}
    lines: dict[str, int] = {}
    cartons: set[str] = set()
    rejected: list[dict[str, Any]] = []
    warnings: list[str] = []
    if sheet.left_out:
        warnings.append(f"Sheets or tables under other headings, {sheet.left_out} of them, were not read.")
    any_with_cents = False
    for line, raw in sheet.rows[place + 1 :]:
        cells = [_plain(cell) for cell in raw]
        if not any(cells):
            continue
        isbn, value, reason, is_carton = _isbn(cells, columns)
        if line == last and len(raw) < columns.width and len(value) < 13:
            # What is left of an ISBN-13 may pass for an ISBN-10.
            isbn, reason = None, "The file ends in the middle of this row: export again."
        if isbn is None and _header_of(cells) is not None:
            continue  # The header again, as some exports have it on every page.
        if isbn is None:
            rejected.append({"row": line, "value": value[:200], "reason": reason})
            continue
        is_again = isbn in titles and isbn not in cartons
        if is_again:
            reason = f"{isbn} stands in line {lines[isbn]} already; that one was kept."
            duplicate = {"duplicate_of": lines[isbn]}
            rejected.append({"row": line, "value": value[:200], "reason": reason, **duplicate})
            if None not in titles[isbn]:
                continue
        title = price = None
        if any(cells[columns.width :]):
            if is_again:
                continue
            # A comma that nobody quoted has moved the cells: whose title and price these are is a guess.
            warnings.append(f"Line {line}: more cells than headings; only its ISBN was taken.")
        else:
            title = _cell(cells, columns.title)
            title = fields.clean(title) or None if title else None
            price_text = _cell(cells, columns.price)
            price, problem = fields.read_price(price_text, decimal_comma=sheet.delimiter in ";\t")
            with_cents = re.search(r"\.[0-9]{2}\b", price_text) is not None
            if line == last and price and any_with_cents and not with_cents:
                price, problem = None, f"“{price_text[:40]}” may be cut short at the end of the file"
            any_with_cents = any_with_cents or with_cents
            if is_carton:
                price, problem = None, f"“{price_text[:40]}” is that of a carton of {isbn}"
            if is_again:
                # What the first row lacks.
                titles[isbn] = (titles[isbn][0] or title, titles[isbn][1] or price)
                continue
            if problem:
                warnings.append(f"Line {line}: price {problem}.")
        titles[isbn], lines[isbn] = (title, price), line
        (cartons.add if is_carton else cartons.discard)(isbn)
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


def _isbn(cells: list[str], columns: _Header) -> tuple[str | None, str, str, bool]:
    """(ISBN, what stood there, why not, whether the row is of a carton of that book)."""
    found: dict[str, str] = {}
    cartons: set[bool] = set()
    value = reason = ""
    for column in (*columns.isbn, *columns.codes):
        text = _cell(cells, column)
        if not text:
            continue
        digits = len(re.sub("[^0-9]", "", text))
        if column in columns.codes and (found or (columns.isbn and digits not in _CODE_LENGTHS)):
            continue
        try:
            isbn, is_carton = fields.read_book_number(text)
        except InvalidIsbn as error:
            if not value:
                value = text
                reason = _why_no_isbn(text, str(error))
        else:
            found.setdefault(isbn, text)
            cartons.add(is_carton)
    if len(found) > 1:
        return None, " / ".join(found.values()), f"The row names two books: {' and '.join(found)}.", False
    if found:
        isbn, value = next(iter(found.items()))
        return isbn, value, "", True in cartons
    shown = value or " | ".join(cell for cell in cells if cell)
    return None, shown, reason or "The row has no ISBN.", False


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
    cell = fields.without_unseen(cell)
    while True:
        if (found := _EXCEL_TEXT.match(cell) or _EXCEL_LINK.match(cell)) is not None:
            cell = found[1].strip()
        elif len(cell) > 2 and cell[0] == cell[-1] == '"':
            cell = cell[1:-1].strip()
        else:
            break
    if re.match(r"'[0-9$=]", cell):
        cell = cell.removeprefix("'")
        cell = cell.removesuffix("'") if re.fullmatch(r"[-0-9Xx]{10,18}'", cell) else cell
    return cell.removeprefix("=") if re.fullmatch(r"=\s*[0-9]{9,18}[Xx]?", cell) else cell


def _text_sheet(text: str) -> _Found:
    """The sheet by the delimiter under which a header makes the most sense."""
    best: tuple[tuple[int, int, int], tuple[int, _Header], _Sheet] | None = None
    for preference, delimiter in enumerate(",\t;|"):
        if delimiter != "," and delimiter not in text:
            continue
        sheet = _Sheet(list(_split(text, delimiter)), delimiter, not text.endswith(("\n", "\r")))
        header = _find_header(sheet)
        if header is None:
            continue
        score = (header[1].known, header[1].width, -preference)
        if best is None or score > best[0]:
            best = (score, header, sheet)
    if best is None:
        raise _no_isbns()
    return best[1], best[2]


def _split(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    rows = list(_read(io.StringIO(text, newline=""), delimiter))
    swallowed = any(
        "\n" in cell and _LOOKS_LIKE_ISBN.search(line)
        for _, cells in rows
        for cell in cells
        for line in cell.split("\n")[1:]
    )
    # One of the marks is not of a pair, and a cell has what stood between others.
    swallowed |= (
        delimiter == "\t"
        and text.count('"') % 2 == 1
        and any("\t" in cell for _, cells in rows for cell in cells)
    )
    if swallowed:
        # A quotation mark that nobody closed has eaten rows: read each line for itself.
        rows = [
            (number, cells)
            for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1)
            for _, cells in _read_line(line, delimiter)
        ]
    yield from rows


def _read_line(line: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    if delimiter == "\t" and line.count('"') % 2:
        return iter([(1, line.split("\t"))])  # The mark is a character of a cell, as none had to be quoted.
    return _read([line], delimiter)


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


def _html_sheet(text: str) -> _Found:
    tables: list[spreadsheets.Rows] = []
    for number, part in enumerate(_parts(text)):
        tree = recognize.parse(part)
        if number == 0:
            recognize.raise_unless_page(recognize.recognize_tree(tree))
        found = _tables(tree)
        if number and tables and found:
            # The table that the cut went through.
            before = tables[-1][-1][0] if tables[-1] else 0
            tables[-1] += [(before + line, cells) for line, cells in found.pop(0)]
        tables += found
    try:
        header, sheet = _of_sheets(tables)
    except PageChanged:
        raise PageChanged(
            "ISBN", "a web page came in place of the export; open the saved search in a browser."
        ) from None
    is_open_ended = "</table" not in text[-5_000:].lower()
    return header, replace(sheet, is_open_ended=is_open_ended)


def _parts(text: str) -> Iterator[str]:
    """The page in pieces that the parser takes, cut between rows: an export may be longer than any page."""
    text = re.sub(r"<br\s*/?>", " ", text, flags=re.IGNORECASE)
    start, size = 0, recognize.MAX_CHARACTERS - 100
    while len(text) - start > size:
        cut = text.lower().rfind("<tr", start + 1, start + size)
        if cut < 0:
            break  # the parser says that it is too long
        yield ("<table>" if start else "") + text[start:cut]
        start = cut
    yield ("<table>" if start else "") + text[start:]


def _tables(tree: "LexborHTMLParser") -> list[spreadsheets.Rows]:
    """The rows of each table, without those of tables in it; cells that reach over others are filled up."""
    tables: dict[int, spreadsheets.Rows] = {}
    hanging: dict[int, dict[int, int]] = {}
    for row in tree.css("tr"):
        table = row.parent
        while table is not None and table.tag != "table":
            table = table.parent
        if table is None:
            continue
        rows = tables.setdefault(table.mem_id, [])
        above = hanging.setdefault(table.mem_id, {})
        cells: list[str] = []
        for cell in row.iter():
            if cell.tag not in ("td", "th"):
                continue
            _fill(cells, above)
            wide, deep = (_span(cell, name) for name in ("colspan", "rowspan"))
            for place in range(len(cells), len(cells) + wide if deep > 1 else 0):
                above[place] = deep - 1
            cells += [_html_text(cell), *[""] * (wide - 1)]
            if len(cells) > _MAX_COLUMNS:
                break
        _fill(cells, above)
        rows.append((rows[-1][0] + 1 if rows else 1, cells))
    return list(tables.values())


def _fill(cells: list[str], above: dict[int, int]) -> None:
    """Leave the places free into which a cell of a row above reaches."""
    while (left := above.pop(len(cells), 0)) > 0:
        if left > 1:
            above[len(cells)] = left - 1
        cells.append("")


def _span(cell: "LexborNode", name: str) -> int:
    text = (cell.attributes.get(name) or "").strip()
    return min(max(int(text), 1), _MAX_SPAN) if re.fullmatch("[0-9]{1,9}", text) else 1


def _html_text(cell: "LexborNode") -> str:
    text = cell.text(deep=True)
    whole = cell.attributes.get("x:num")
    # Excel's own HTML shows 9.78E+12, and has the number beside it.
    return whole if whole and _SCIENTIFIC.fullmatch(text.strip()) else text
