"""The export of a saved search: which titles there are, and what they cost.

A row that can't be read is refused with its reason, never repaired by guessing.
"""

import re
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from ingram_assets.domain.isbn import InvalidIsbn, parse_isbn
from ingram_assets.sources.ipage.pages import fields
from ingram_assets.sources.ipage.pages.export_file import SCIENTIFIC, Header, Sheet, header_of, read_sheet
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile, built_in

if TYPE_CHECKING:
    import pandas as pd

_CODE_LENGTHS = (13, 14, 15, 18)
"""Digits of an EAN, of a GTIN-14, of an EAN with an add-on of two or five."""


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
    rows = [(each.isbn, each.title, each.srp_price) for each in found.titles]
    frame = pd.DataFrame(rows, columns=["isbn", "title", "srp_price"], dtype=object)
    frame.attrs["rejected"] = [
        {name: value for name, value in asdict(row).items() if value is not None} for row in found.rejected
    ]
    frame.attrs["warnings"] = list(found.warnings)
    return frame


def read_saved_search(data: bytes | str, profile: SiteProfile | None = None) -> SavedSearch:
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
    profile = profile or built_in()
    sheet = read_sheet(data, profile)
    reading = _Reading(sheet, profile)
    if sheet.left_out:
        told = f"Sheets or tables under other headings, {sheet.left_out} of them, were not read."
        reading.warnings.append(told)
    for line, cells in sheet.rows:
        reading.take(line, cells)
    reading.doubt_prices()
    titles = (ListedTitle(isbn, book.title, book.price) for isbn, book in reading.books.items())
    return SavedSearch(tuple(titles), tuple(reading.rejected), tuple(reading.warnings))


_WHOLE_PRICES = 5
"""So many whole dollars, and no cents among them, are no prices."""


@dataclass(slots=True)
class _Book:
    """What the rows of one ISBN say, and the first of those that was taken."""

    title: str | None
    price: Decimal | None
    line: int
    is_carton: bool


@dataclass(slots=True)
class _Reading:
    sheet: Sheet
    profile: SiteProfile
    books: dict[str, _Book] = field(default_factory=dict)
    rejected: list[RejectedRow] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    shows_cents: bool = False
    shows_money: bool = False
    """A price with cents or a currency: the column is one of prices."""

    def take(self, line: int, cells: list[str]) -> None:
        if not any(cells):
            return
        header = self.sheet.header
        found = _isbn(cells, header)
        if self._may_be_cut(line) and len(cells) < len(header.headings) and len(found.value) < 13:
            # What is left of an ISBN-13 may pass for an ISBN-10.
            reason = "The file ends in the middle of this row: export again."
            found = replace(found, isbn=None, reason=reason)
        if found.isbn is None:
            if header_of(cells, self.profile) is None:  # Some exports have it again on every page.
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
        text = self.profile.numbers.price(text)
        price, problem = fields.read_price(text, in_a_sheet=True, decimal_comma=self.sheet.has_decimal_comma)
        with_cents = re.search(r"\.[0-9]{2}\b", text) is not None
        if self._may_be_cut(line) and price and self.shows_cents and not with_cents:
            price, problem = None, f"“{text[:40]}” may be cut short at the end of the file"
        self.shows_cents |= with_cents
        if price is not None:
            has_currency = re.search(r"[^\s0-9.,]", text) is not None
            self.shows_money |= with_cents or has_currency or price != price.to_integral_value()
        if found.is_carton:
            price, problem = None, f"“{text[:40]}” is that of a carton of {found.isbn}"
        return price, problem

    def doubt_prices(self) -> None:
        """Take no price of a column in which nothing looks like money: it may hold copies."""
        priced = [book for book in self.books.values() if book.price is not None]
        if self.shows_money or len(priced) < _WHOLE_PRICES:
            return
        for book in priced:
            book.price = None
        self.warnings.append(
            f"The column of prices has whole numbers alone, {len(priced):,} of them, without a currency: "
            "nothing says that they are money, and none is taken. The titles' pages have their prices."
        )

    def _may_be_cut(self, line: int) -> bool:
        return self.sheet.is_open_ended and line == self.sheet.rows[-1][0]


@dataclass(frozen=True, slots=True)
class _Named:
    """The book that a row names. `value`: what stood there; `reason`: why `isbn` is `None`."""

    isbn: str | None
    value: str
    reason: str = ""
    is_carton: bool = False


def _isbn(cells: list[str], columns: Header) -> _Named:
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
                value, reason = text, why_no_isbn(text, str(error))
        else:
            found.setdefault(isbn, text)
            is_carton |= is_one
    if len(found) > 1:
        return _Named(None, " / ".join(found.values()), f"The row names two books: {' and '.join(found)}.")
    for isbn, text in found.items():
        return _Named(isbn, text, is_carton=is_carton)
    shown = value or " | ".join(filter(None, cells))
    return _Named(None, shown, reason or "The row has no ISBN.")


def why_no_isbn(text: str, reason: str) -> str:
    """The reason, or what Excel has made of the number, if it was that."""
    if SCIENTIFIC.fullmatch(text):
        spoilt = "is a number that Excel has rounded"
    elif re.fullmatch(r"[0-9]{8}[0-9Xx]", text) and _is_isbn("0" + text):
        spoilt = "is an ISBN-10 of which Excel has dropped the first zero"
    else:
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
