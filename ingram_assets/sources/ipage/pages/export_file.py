"""The file behind a saved search's "Download Excel", whatever it is: its header, and the rows below it.

How the site names its columns is not known, so they are told by name, loosely, wherever the header stands.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingram_assets.sources.ipage.pages import archives, charsets, fields, recognize, spreadsheets, tables
from ingram_assets.sources.ipage.pages.page_failures import NotFound, PageChanged
from ingram_assets.sources.ipage.pages.spreadsheets import MAX_COLUMNS, Rows
from ingram_assets.sources.ipage.profile.column_words import words_of
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile

MAX_BYTES = 20_000_000
SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]+")
_MAX_PREAMBLE = 60
_SHOWN = 12
"""Names of columns that an error names."""
_MAX_SPAN = 1_000
_MAX_PACKED_IN_PACKED = 2

_NO_TABLE = {
    **{b"%PDF-": "a PDF", b"Rar!\x1a": "a RAR archive", b"7z\xbc\xaf\x27\x1c": "a 7z archive"},
    **{b"BZh91AY&SY": "a bzip2 archive", b"\xfd7zXZ": "an xz archive"},
    **{b"\x09\x00\x04\x00": "a sheet of Excel 2", b"\x09\x02\x06\x00": "a sheet of Excel 3"},
    b"\x09\x04\x06\x00": "a sheet of Excel 4",
    b"\x09\x08\x08\x00": "a sheet of Excel 5 without its workbook",
    b"\x09\x08\x10\x00": "a sheet of Excel 97 without its workbook",
    **dict.fromkeys((b"\x89PNG", b"\xff\xd8\xff", b"GIF8"), "a picture"),
}


_LOOKS_LIKE_ISBN = re.compile(r"(?:^|[\"',;\t|=])\s*97[89][-0-9]{10,14}\b")
_EXCEL_TEXT = re.compile(r'^=\s*(?:T|TEXT)?\s*\(?\s*"(.*)"\s*\)?$', re.DOTALL)
_EXCEL_LINK = re.compile(r'^=\s*HYPERLINK\(\s*"[^"]*"\s*[,;]\s*"?([^")]*)"?\s*\)$', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of an export, by their places."""

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
class Sheet:
    """A header, and the rows below it."""

    header: Header
    rows: Rows
    has_decimal_comma: bool = False
    is_open_ended: bool = False
    """Whether the last line lacks the line end that the others have, and so may be cut."""
    left_out: int = 0
    """Other sheets of the file that list ISBNs, under other headings."""


def read_sheet(data: bytes, profile: SiteProfile) -> Sheet:
    """The rows of an export; the quotation marks and formulas that wrap a cell are taken off."""
    sheet = _read_file(data, _MAX_PACKED_IN_PACKED, profile)
    return replace(sheet, rows=[(line, [_plain(cell) for cell in cells]) for line, cells in sheet.rows])


def text_of(data: bytes) -> str | None:
    """The text of a file, markup or not; `None` where it is a workbook, packed, a picture, or too long."""
    data = _without_fill(data)
    no_text = spreadsheets.is_workbook(data) or archives.kind_of(data) or data.startswith((*_NO_TABLE,))
    return None if no_text or len(data) > MAX_BYTES else charsets.decode(data).rstrip("\0")


def _read_file(data: bytes, depth: int, profile: SiteProfile) -> Sheet:
    if not data.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise PageChanged("export", "it is empty: fetch it again, and look at the saved search in a browser.")
    if len(data) > MAX_BYTES:
        raise PageChanged("export", f"{len(data):,} bytes are too many for a saved search.")
    data = _without_fill(data)
    if spreadsheets.is_workbook(data):
        return _best_of(spreadsheets.read_workbook(data), profile)
    if (packed := archives.kind_of(data)) is not None:
        if depth <= 0:
            raise PageChanged(
                "export", "it is packed in packed files: export again, as CSV if the site offers it."
            )
        return _the_one_of(archives.files_of(data, MAX_BYTES), depth - 1, packed, profile)
    for start, what in _NO_TABLE.items():
        if data.startswith(start):
            raise PageChanged("export", f"it is {what}; have the site export it as CSV, or as XLSX.")
    text = charsets.decode(data).rstrip("\0")
    if spreadsheets.is_xml_workbook(text):
        return _best_of(spreadsheets.read_xml_workbook(text), profile)
    if recognize.looks_like_html(text[:4_000].encode("utf-8", "replace")):
        return _of_html(text, profile)
    return _of_text(text, profile)


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


def _the_one_of(files: list[tuple[str, bytes]], depth: int, packed: str, profile: SiteProfile) -> Sheet:
    if len(files) == 1:
        return _read_file(files[0][1], depth, profile)
    found = []
    for name, content in files:
        try:
            found.append((name, _read_file(content, depth, profile)))
        except (PageChanged, NotFound):
            continue  # a note, a picture
    if len(found) != 1:
        names = ", ".join(name for name, _ in found or files[:5])
        how = "several of its files list ISBNs" if found else "none of its files lists ISBNs"
        raise PageChanged("export", f"as {packed}, {how} ({names}): export again, the saved search alone.")
    return found[0][1]


def _best_of(sheets: list[Rows], profile: SiteProfile) -> Sheet:
    """The sheets whose header makes the most sense, as one."""
    best: Sheet | None = None
    counted = left_out = 0
    for rows in sheets:
        sheet = _sheet([(counted + number, cells) for number, cells in rows], profile)
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
        raise _no_isbns(sheets)
    return replace(best, left_out=left_out)


def _sheet(rows: Rows, profile: SiteProfile) -> Sheet | None:
    for place, (_, cells) in enumerate(rows[:_MAX_PREAMBLE]):
        if len(cells) <= MAX_COLUMNS and (header := header_of(cells, profile)) is not None:
            return Sheet(header, rows[place + 1 :])
    return None


def _no_isbns(sheets: list[Rows]) -> PageChanged:
    """That no sheet has a column of ISBNs, with what its columns are called: a person may know the one."""
    rows = [cells for sheet in sheets for _, cells in sheet[:_MAX_PREAMBLE]]
    headings = max((_as_headings(cells) for cells in rows), key=len, default=[])
    among = f" among {', '.join(f'“{each}”' for each in headings[:_SHOWN])}" if len(headings) > 1 else ""
    which = " One that holds ISBNs goes into [columns] isbn of site.toml." if among else ""
    return PageChanged(
        "ISBN", f"the export has no column of this name{among}; open the saved search in a browser.{which}"
    )


def _as_headings(cells: list[str]) -> list[str]:
    """The cells that may be columns' names: short, and with letters in them."""
    words = [" ".join(cell.split()) for cell in cells[:MAX_COLUMNS]]
    return [word for word in words if len(word) <= 40 and any(sign.isalpha() for sign in word)]


def _of_text(text: str, profile: SiteProfile) -> Sheet:
    """The sheet by the delimiter under which a header makes the most sense."""
    found = []
    for delimiter in ",\t;|":
        if delimiter == "," or delimiter in text:
            sheet = _sheet(list(_split(text, delimiter)), profile)
            if sheet is not None:
                found.append(replace(sheet, has_decimal_comma=delimiter in ";\t"))
    if not found:
        raise _no_isbns([list(_split(text, delimiter)) for delimiter in ",\t;|" if delimiter in text])
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


def header_of(cells: list[str], profile: SiteProfile) -> Header | None:
    """The columns that a row of these cells heads; `None` if it is no header."""
    header = columns_of(cells, profile)
    return header if header.isbn or header.codes else None


def columns_of(cells: list[str], profile: SiteProfile) -> Header:
    """The columns that are known by the headings in these cells, if any is."""
    texts = [_plain(cell) for cell in cells]
    headings, columns = [words_of(text) for text in texts], profile.columns
    isbn = columns.places("isbn", headings)
    codes = tuple(place for place in columns.places("code", headings) if place not in isbn)
    titles = columns.places("title", headings)
    prices = columns.places("price", headings)
    return Header(texts, isbn, codes, next(iter(titles), None), next(iter(prices), None))


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


def _of_html(text: str, profile: SiteProfile) -> Sheet:
    found: list[Rows] = []
    for number, part in enumerate(_parts(text)):
        tree = recognize.parse(part)
        if number == 0:
            recognize.raise_unless_page(recognize.recognize_tree(tree, profile=profile))
        more = _tables(tree)
        if number and found and more:
            # The table that the cut went through.
            before = found[-1][-1][0] if found[-1] else 0
            found[-1] += [(before + line, cells) for line, cells in more.pop(0)]
        found += more
    try:
        sheet = _best_of(found, profile)
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
    return [[(line, cells) for line, (_, cells) in enumerate(rows, start=1)] for rows in rows_of_tables(tree)]


def rows_of_tables(tree: LexborHTMLParser) -> list[list[tuple[LexborNode, list[str]]]]:
    """Each table's own rows, with the texts of their cells."""
    rows_of: dict[int, list[LexborNode]] = {}
    for row in tree.css("tr"):
        table = row.parent
        while table is not None and table.tag != "table":
            table = table.parent
        if table is not None:
            rows_of.setdefault(table.mem_id, []).append(row)
    return [
        [
            (row, ["" if is_copy else _html_text(cell) for cell, is_copy in cells])
            for row, cells in zip(
                rows, tables.grid(rows, max_span=_MAX_SPAN, max_cells=MAX_COLUMNS), strict=True
            )
        ]
        for rows in rows_of.values()
    ]


def _html_text(cell: LexborNode) -> str:
    text = cell.text(deep=True)
    whole = cell.attributes.get("x:num")
    # Excel's own HTML shows 9.78E+12, and has the number beside it.
    return whole if whole and SCIENTIFIC.fullmatch(text.strip()) else text
