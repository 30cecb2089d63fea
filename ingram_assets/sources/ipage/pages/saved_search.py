"""The export of a saved search: which titles there are, and what they cost.

How the site names its columns is not known, so they are told by name, loosely, wherever the header
stands; and a row that can't be read is refused with its reason, never repaired by guessing.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingram_assets.domain.isbn import InvalidIsbn, parse_isbn
from ingram_assets.sources.ipage.pages import archives, charsets, fields, recognize, spreadsheets, tables
from ingram_assets.sources.ipage.pages.page_failures import NotFound, PageChanged
from ingram_assets.sources.ipage.pages.spreadsheets import MAX_COLUMNS, Rows

if TYPE_CHECKING:
    import pandas as pd


MAX_BYTES = 20_000_000
_CODE_LENGTHS = (13, 14, 15, 18)
"""Digits of an EAN, of a GTIN-14, of an EAN with an add-on of two or five."""
_MAX_PREAMBLE = 60
_MAX_SPAN = 1_000
_MAX_PACKED_IN_PACKED = 2

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


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A column is known by the words of its heading: one of these sets, best first, with no word beside it
# but those allowed. "Canadian SRP", "Net Price" and "Price Change Date" are other columns.
_ISBN_HEADINGS = [*map(_words, ("isbn 13", "ean", "isbn", "isbn 10"))]
# These may hold a number of the site's own: they are asked only where those above have no ISBN, and then
# for 13 digits, since one in eleven of ten digits passes for an ISBN-10.
_CODE_HEADINGS = [
    *map(_words, ("product code", "product id", "product number", "product #", "item number")),
    *map(_words, ("item code", "item #", "sku", "gtin", "upc", "barcode")),
]
_ISBN_WORDS = _words(
    "isbn isbns ean 13 10 14 digit number no # code or product id item upc gtin sku barcode book title "
    "primary ingram"
)
_PRICE_HEADINGS = [*map(_words, ("srp", "list", "msrp", "retail", "price"))]
_PRICE_WORDS = _words(
    "us usd srp price list retail suggested msrp unit in dollars cover publisher publishers s pub"
)
_TITLE_HEADINGS = [*map(_words, ("title", "product name", "item name", "name"))]
_TITLE_WORDS = _words("title subtitle and book product item full main name")

_LOOKS_LIKE_ISBN = re.compile(r"(?:^|[\"',;\t|=])\s*97[89][-0-9]{10,14}\b")
_SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]+")
_EXCEL_TEXT = re.compile(r'^=\s*(?:T|TEXT)?\s*\(?\s*"(.*)"\s*\)?$', re.DOTALL)
_EXCEL_LINK = re.compile(r'^=\s*HYPERLINK\(\s*"[^"]*"\s*[,;]\s*"?([^")]*)"?\s*\)$', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ListedTitle:
    """A title of the export. `srp_price` in US dollars."""

    isbn: str
    title: str | None
    srp_price: Decimal | None


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was refused.

    `row`: its line in the file. `value`: what stood for the ISBN. `duplicate_of`: the line that has the same
    ISBN, if that is why.
    """

    row: int
    value: str
    reason: str
    duplicate_of: int | None = None


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """What an export says. `warnings`: what was kept but not wholly understood."""

    titles: tuple[ListedTitle, ...]
    rejected: tuple[RejectedRow, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Header:
    headings: list[str]
    isbn: tuple[int, ...]
    """Columns that hold the ISBN, best first."""
    codes: tuple[int, ...]
    """Columns that may hold it where those don't."""
    title: int | None
    price: int | None

    @property
    def score(self) -> tuple[int, int]:
        """How much sense it makes: by its columns that are known, then by all of them."""
        known = len(self.isbn + self.codes) + sum(place is not None for place in (self.title, self.price))
        return known, len(self.headings)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A header, and the rows below it."""

    header: _Header
    rows: Rows
    has_decimal_comma: bool = False
    is_open_ended: bool = False
    """Whether the last line lacks the line end that the others have, and so may be cut."""
    left_out: int = 0
    """Other sheets of the file that list ISBNs, under other headings."""


def parse_saved_search_csv(data: bytes | str) -> "pd.DataFrame":
    """The titles of an export, each ISBN once, in the file's order: `read_saved_search` as a data frame.

    Columns: `isbn` (13 digits), `title` (str or None), `srp_price` (Decimal dollars or None), all of
    dtype object. `attrs["rejected"]`: a dict per row refused, with `row` (its line in the file), `value`
    (what stood for the ISBN), `reason`, and `duplicate_of` where another line has the same ISBN.
    `attrs["warnings"]`: what was kept but not wholly understood.

    Raises:
        SessionExpired, Blocked, NotFound, PageChanged: as `read_saved_search`.
    """
    import pandas as pd  # It takes a second to load, which nothing else here needs.

    found = read_saved_search(data)
    columns = ("isbn", "title", "srp_price")
    frame = pd.DataFrame(
        {name: pd.Series([getattr(each, name) for each in found.titles], dtype=object) for name in columns}
    )
    frame.attrs["rejected"] = [
        {name: value for name, value in asdict(row).items() if value is not None} for row in found.rejected
    ]
    frame.attrs["warnings"] = list(found.warnings)
    return frame


def read_saved_search(data: bytes | str) -> SavedSearch:
    """The titles of an export, each ISBN once, in the file's order.

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
    sheet = _read_file(data, _MAX_PACKED_IN_PACKED)
    reading = _Reading(sheet)
    for line, cells in sheet.rows:
        reading.take(line, cells)
    titles = (ListedTitle(isbn, book.title, book.price) for isbn, book in reading.books.items())
    return SavedSearch(tuple(titles), tuple(reading.rejected), tuple(reading.warnings))


def _read_file(data: bytes, depth: int) -> _Sheet:
    if not data.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise PageChanged("export", "it is empty: fetch it again, and look at the saved search in a browser.")
    if len(data) > MAX_BYTES:
        raise PageChanged("export", f"{len(data):,} bytes are too many for a saved search.")
    data = _without_fill(data)
    if spreadsheets.is_workbook(data):
        return _best_of(spreadsheets.read_workbook(data))
    if (packed := archives.kind_of(data)) is not None:
        if depth <= 0:
            raise PageChanged(
                "export", "it is packed in packed files: export again, as CSV if the site offers it."
            )
        return _the_one_of(archives.files_of(data, MAX_BYTES), depth - 1, packed)
    for start, what in _NO_TABLE.items():
        if data.startswith(start):
            raise PageChanged("export", f"it is {what}; have the site export it as CSV, or as XLSX.")
    text = charsets.decode(data).rstrip("\0")
    if spreadsheets.is_xml_workbook(text):
        return _best_of(spreadsheets.read_xml_workbook(text))
    if recognize.looks_like_html(text[:4_000].encode("utf-8", "replace")):
        return _of_html(text)
    return _of_text(text)


def _without_fill(data: bytes) -> bytes:
    """Without the blank lines that a script sends before a packed file, and the zeros of the last block."""
    begun = data.lstrip(b"\x00 \t\r\n\xef\xbb\xbf")
    if begun.startswith((*archives.ZIP, archives.GZIP, spreadsheets.OLE, *_NO_TABLE)):
        return begun
    ended = data.rstrip(b"\0")
    if len(data) - len(ended) < 4:
        return data
    # The last character of a wide charset has zeros of its own.
    return ended + bytes(-len(ended) % 4 if b"\0" in ended[:100] else 0)


def _the_one_of(files: list[tuple[str, bytes]], depth: int, packed: str) -> _Sheet:
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
        raise PageChanged("export", f"as {packed}, {how} ({names}): export again, the saved search alone.")
    return found[0][1]


def _best_of(sheets: list[Rows]) -> _Sheet:
    """The sheets whose header makes the most sense, as one."""
    best: _Sheet | None = None
    counted = left_out = 0
    for rows in sheets:
        sheet = _sheet([(counted + number, cells) for number, cells in rows])
        counted += rows[-1][0] if rows else 0
        if sheet is None:
            continue
        if best is not None and sheet.header.headings == best.header.headings:
            best.rows.extend(sheet.rows)
            continue
        left_out += best is not None
        if best is None or sheet.header.score > best.header.score:
            best = sheet
    if best is None:
        raise _no_isbns()
    return replace(best, left_out=left_out)


def _sheet(rows: Rows) -> _Sheet | None:
    for place, (_, cells) in enumerate(rows[:_MAX_PREAMBLE]):
        if len(cells) <= MAX_COLUMNS and (header := _header(cells)) is not None:
            return _Sheet(header, rows[place + 1 :])
    return None


def _no_isbns() -> PageChanged:
    return PageChanged("ISBN", "the export has no column of this name; open the saved search in a browser.")


@dataclass(slots=True)
class _Book:
    """What the rows of one ISBN say, and the first of those that was taken."""

    title: str | None
    price: Decimal | None
    line: int
    is_carton: bool


@dataclass(slots=True)
class _Reading:
    """The rows of a sheet that were read so far."""

    sheet: _Sheet
    books: dict[str, _Book] = field(default_factory=dict)
    rejected: list[RejectedRow] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    shows_cents: bool = False

    def __post_init__(self) -> None:
        if left_out := self.sheet.left_out:
            self.warnings.append(f"Sheets or tables under other headings, {left_out} of them, were not read.")

    def take(self, line: int, raw: list[str]) -> None:
        """Read the next row."""
        cells = [_plain(cell) for cell in raw]
        if not any(cells):
            return
        header = self.sheet.header
        found = _isbn(cells, header)
        if self._may_be_cut(line) and len(raw) < len(header.headings) and len(found.value) < 13:
            # What is left of an ISBN-13 may pass for an ISBN-10.
            reason = "The file ends in the middle of this row: export again."
            found = replace(found, isbn=None, reason=reason)
        if found.isbn is None:
            if _header(cells) is None:  # Some exports have it again on every page.
                self.rejected.append(RejectedRow(line, found.value[:200], found.reason))
            return
        book = self.books.get(found.isbn)
        if book is None or book.is_carton:
            title, price = self._values(line, cells, found)
            self.books[found.isbn] = _Book(title, price, line, found.is_carton)
            return
        reason = f"{found.isbn} stands in line {book.line} already; that one was kept."
        self.rejected.append(RejectedRow(line, found.value[:200], reason, book.line))
        if book.title is None or book.price is None:  # This row may have what the first one lacks.
            title, price = self._values(line, cells, found, is_again=True)
            book.title, book.price = book.title or title, book.price or price

    def _values(
        self, line: int, cells: list[str], found: "_Named", *, is_again: bool = False
    ) -> tuple[str | None, Decimal | None]:
        """The title and the price of a row."""
        header = self.sheet.header
        if any(cells[len(header.headings) :]):
            # A comma that nobody quoted has moved the cells: whose title and price these are is a guess.
            problem: str | None = "more cells than headings; only its ISBN was taken."
            title = price = None
        else:
            title = fields.clean(_cell(cells, header.title)) or None
            price, problem = self._price(line, _cell(cells, header.price), found)
            problem = problem and f"price {problem}."
        if problem and not is_again:
            self.warnings.append(f"Line {line}: {problem}")
        return title, price

    def _price(self, line: int, text: str, found: "_Named") -> tuple[Decimal | None, str | None]:
        price, problem = fields.read_price(text, decimal_comma=self.sheet.has_decimal_comma)
        with_cents = re.search(r"\.[0-9]{2}\b", text) is not None
        if self._may_be_cut(line) and price and self.shows_cents and not with_cents:
            price, problem = None, f"“{text[:40]}” may be cut short at the end of the file"
        self.shows_cents |= with_cents
        if found.is_carton:
            price, problem = None, f"“{text[:40]}” is that of a carton of {found.isbn}"
        return price, problem

    def _may_be_cut(self, line: int) -> bool:
        return self.sheet.is_open_ended and line == self.sheet.rows[-1][0]


@dataclass(frozen=True, slots=True)
class _Named:
    """The book that a row names. `value`: what stood there; `reason`: why `isbn` is `None`."""

    isbn: str | None
    value: str
    reason: str = ""
    is_carton: bool = False


def _isbn(cells: list[str], columns: _Header) -> _Named:
    found: dict[str, str] = {}
    is_carton = False
    value = reason = ""
    for column in (*columns.isbn, *columns.codes):
        text = _cell(cells, column)
        if not text:
            continue
        digits = len(re.sub("[^0-9]", "", text))
        if column in columns.codes and (found or (columns.isbn and digits not in _CODE_LENGTHS)):
            continue
        try:
            isbn, is_one = fields.read_book_number(text)
        except InvalidIsbn as error:
            if not value:
                value, reason = text, _why_no_isbn(text, str(error))
        else:
            found.setdefault(isbn, text)
            is_carton |= is_one
    if len(found) > 1:
        return _Named(None, " / ".join(found.values()), f"The row names two books: {' and '.join(found)}.")
    for isbn, text in found.items():
        return _Named(isbn, text, is_carton=is_carton)
    shown = value or " | ".join(filter(None, cells))
    return _Named(None, shown, reason or "The row has no ISBN.")


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


def _of_text(text: str) -> _Sheet:
    """The sheet by the delimiter under which a header makes the most sense."""
    found = []
    for delimiter in ",\t;|":
        if delimiter == "," or delimiter in text:
            sheet = _sheet(list(_split(text, delimiter)))
            if sheet is not None:
                found.append(replace(sheet, has_decimal_comma=delimiter in ";\t"))
    if not found:
        raise _no_isbns()
    best = max(found, key=lambda sheet: sheet.header.score)
    return replace(best, is_open_ended=not text.endswith(("\n", "\r")))


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


def _header(cells: list[str]) -> _Header | None:
    """The columns that a row of these cells heads; `None` if it is no header."""
    texts = [_plain(cell) for cell in cells]
    headings = [_heading_words(text) for text in texts]
    isbn = _columns(headings, _ISBN_HEADINGS, _ISBN_WORDS)
    codes = tuple(place for place in _columns(headings, _CODE_HEADINGS, _ISBN_WORDS) if place not in isbn)
    if not isbn and not codes:
        return None
    titles = _columns(headings, _TITLE_HEADINGS, _TITLE_WORDS)
    prices = _columns(headings, _PRICE_HEADINGS, _PRICE_WORDS)
    return _Header(texts, isbn, codes, next(iter(titles), None), next(iter(prices), None))


def _columns(
    headings: list[frozenset[str]], wanted: list[frozenset[str]], allowed: frozenset[str]
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


def _of_html(text: str) -> _Sheet:
    found: list[Rows] = []
    for number, part in enumerate(_parts(text)):
        tree = recognize.parse(part)
        if number == 0:
            recognize.raise_unless_page(recognize.recognize_tree(tree))
        more = _tables(tree)
        if number and found and more:
            # The table that the cut went through.
            before = found[-1][-1][0] if found[-1] else 0
            found[-1] += [(before + line, cells) for line, cells in more.pop(0)]
        found += more
    try:
        sheet = _best_of(found)
    except PageChanged:
        raise PageChanged(
            "ISBN", "a web page came in place of the export; open the saved search in a browser."
        ) from None
    return replace(sheet, is_open_ended="</table" not in text[-5_000:].lower())


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


def _tables(tree: LexborHTMLParser) -> list[Rows]:
    """The rows of each table, without those of tables in it."""
    rows_of: dict[int, list[LexborNode]] = {}
    for row in tree.css("tr"):
        table = row.parent
        while table is not None and table.tag != "table":
            table = table.parent
        if table is not None:
            rows_of.setdefault(table.mem_id, []).append(row)
    return [
        [
            (line, ["" if cell.is_copy else _html_text(cell.node) for cell in cells])
            for line, cells in enumerate(
                tables.grid(rows, max_span=_MAX_SPAN, max_cells=MAX_COLUMNS), start=1
            )
        ]
        for rows in rows_of.values()
    ]


def _html_text(cell: LexborNode) -> str:
    text = cell.text(deep=True)
    whole = cell.attributes.get("x:num")
    # Excel's own HTML shows 9.78E+12, and has the number beside it.
    return whole if whole and _SCIENTIFIC.fullmatch(text.strip()) else text
