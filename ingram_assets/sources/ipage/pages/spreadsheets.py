"""From the bytes of a spreadsheet to rows of text: Excel's workbooks, and Excel's XML of 2003."""

import json
import logging
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.parsers import expat

from ingram_assets.sources.ipage.pages import archives
from ingram_assets.sources.ipage.pages.page_failures import PageChanged

log = logging.getLogger(__name__)

Rows = list[tuple[int, list[str]]]
"""The rows of a sheet that have something in them: the row's number, and its cells."""

MAX_ROWS = 100_000
MAX_COLUMNS = 300
MAX_UNPACKED = 200_000_000
"""Bytes of a workbook's parts, unpacked."""
SECONDS = 120.0
_PROCESS = Path(__file__).with_name("calamine_process.py")

OLE = b"\xd0\xcf\x11\xe0"
_WORKBOOK_PARTS = {"[content_types].xml", "xl/workbook.xml", "xl/workbook.bin", "content.xml"}

_LOCKED = re.compile(
    # The name under which a locked XLSX lies in its container; and in a locked XLS the record that says so,
    # behind the one that begins the workbook, in Excel 97 and 95.
    re.escape("EncryptedPackage".encode("utf-16-le"))
    + rb"|\x09\x08(?:\x10\x00\x00\x06\x05\x00.{12}|\x08\x00\x00\x05\x05\x00.{4})"
    + rb"(?:\x86\x00\x00\x00)?\x2f\x00.\x00",
    re.DOTALL,
)

_XML_WORKBOOK = re.compile(r"\s*(?:<\?[^>]*>\s*|<!--.*?-->\s*)*<(?:\w+:)?Workbook[\s>]", re.DOTALL)
_STRAY_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});)")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ROUNDED = 10**6


def is_workbook(data: bytes) -> bool:
    """Whether this is an XLS, XLSX, XLSB or ODS."""
    if data.startswith(OLE):
        return True
    if not data.startswith(archives.ZIP):
        return False
    parts = archives.open_zip(data).namelist()
    return any(part.replace("\\", "/").lower() in _WORKBOOK_PARTS for part in parts)


def read_workbook(data: bytes) -> list[Rows]:
    """The visible sheets of an XLS, XLSX, XLSB or ODS.

    Raises:
        PageChanged: locked, damaged, too large, or empty.
    """
    parts = archives.open_zip(data).infolist() if data.startswith(archives.ZIP) else []
    if sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise _refused(f"it unpacks to more than {MAX_UNPACKED:,} bytes")
    if _LOCKED.search(data) is not None:
        raise _refused("it is locked with a password")
    # With nothing of our environment: it holds the account's password.
    command = [sys.executable, "-I", str(_PROCESS), str(MAX_ROWS + 1), str(MAX_UNPACKED)]
    try:
        done = subprocess.run(command, input=data, capture_output=True, env={}, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise _refused(f"it can't be read within {SECONDS:.0f} seconds") from None
    if done.returncode != 0:
        log.debug("The workbook ended its process: %s", done.stderr[-2_000:])
        raise _refused("it is damaged, or too large")
    answer: dict[str, Any] = json.loads(done.stdout)
    if "problem" in answer:
        raise _refused(str(answer["problem"])[:300])
    sheets = [_rows(sheet) for sheet in answer["sheets"]]
    if not any(sheets):
        raise PageChanged(
            "export", "it is a workbook with nothing in it; look at the saved search in a browser."
        )
    return sheets


def _rows(sheet: list[list[Any]]) -> Rows:
    rows = [(number, [_text(cell) for cell in cells]) for number, cells in enumerate(sheet, start=1)]
    if len(rows) > MAX_ROWS and any(rows[-1][1]):
        raise _refused(f"it has more than {MAX_ROWS:,} rows")
    return [(number, cells) for number, cells in rows if any(cells)]


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return str(cell).upper()
    return number_text(cell) if isinstance(cell, int | float) else str(cell)


def number_text(number: float) -> str:
    """A number as a cell shows it, but whole: 9780593135204, 28.99.

    A long one that ends in zeros is shown as Excel does when it has rounded, 9.78059E+12: a column that was
    too narrow once has cost it its last figures, and what is left may pass for another book's ISBN.
    """
    if not math.isfinite(number) or number != int(number):
        return f"{number:.15g}"
    whole = int(number)
    return f"{whole:G}" if abs(whole) >= 10**12 and whole % _ROUNDED == 0 else str(whole)


def _refused(why: str) -> PageChanged:
    return archives.refused(why, "a workbook")


def is_xml_workbook(text: str) -> bool:
    """Whether this is SpreadsheetML, the XML of Excel 2003 that many sites send for .xls."""
    return _XML_WORKBOOK.match(text[:5_000]) is not None


def read_xml_workbook(text: str) -> list[Rows]:
    """The sheets of a SpreadsheetML workbook. Raises PageChanged: cut short, no sound XML, or too large."""
    reader = _XmlReader()
    # Made by hand, on most sites: titles with a bare "&", or with a character that no XML may have.
    text = _STRAY_AMPERSAND.sub("&amp;", _NO_XML.sub("\ufffd", text))
    text = re.sub(r"^\s*<\?xml[^>]*>", "", text)  # it names an encoding, which is not that of a str
    try:
        reader.parser.Parse(text.strip(), True)
    except expat.ExpatError as error:
        raise PageChanged(
            "export", f"as Excel's XML, it is cut short or damaged ({error}): export again."
        ) from None
    for sheet in reader.sheets:
        # As a sheet has them: a cell beyond the headings is a column without a name.
        width = max((len(cells) for _, cells in sheet), default=0)
        for _, cells in sheet:
            cells += [""] * (width - len(cells))
    return reader.sheets


class _XmlReader:
    """Takes rows out of the stream: as a tree they would take fifty times their size."""

    def __init__(self) -> None:
        self.sheets: list[Rows] = []
        self._cells: list[str] = []
        self._value: list[str] = []
        self._type = ""
        self._row = self._merged = 0
        self._in_data = self._in_comment = False
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        said = {key.rpartition(":")[2]: value for key, value in attributes.items()}
        match name.rpartition(":")[2]:
            case "Worksheet":
                self.sheets.append([])
                self._row = 0
            case "Row":
                self._row = _index(said.get("Index")) or self._row + 1
                self._cells = []
            case "Cell":
                place = _index(said.get("Index")) or len(self._cells) + 1
                self._merged = _index(said.get("MergeAcross")) or 0
                if place + self._merged > MAX_COLUMNS:
                    raise _refused(f"it has more than {MAX_COLUMNS} columns")
                self._cells += [""] * (place - 1 - len(self._cells))
                self._value, self._type = [], ""
            case "Comment":
                self._in_comment = True
            case "Data" if not self._in_comment:
                self._in_data, self._type = True, said.get("Type", "")

    def _end(self, name: str) -> None:
        match name.rpartition(":")[2]:
            case "Row":
                if any(self._cells) and self.sheets:
                    self.sheets[-1].append((self._row, self._cells))
                    if len(self.sheets[-1]) > MAX_ROWS:
                        raise _refused(f"it has more than {MAX_ROWS:,} rows")
            case "Cell":
                self._cells += [self._cell(), *[""] * self._merged]
            case "Comment":
                self._in_comment = False
            case "Data":
                self._in_data = False

    def _cell(self) -> str:
        text = "".join(self._value)
        try:
            return number_text(float(text)) if self._type == "Number" else text
        except ValueError:
            return text

    def _characters(self, text: str) -> None:
        if self._in_data:
            self._value.append(text)


def _index(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch("[0-9]{1,7}", text) else None
