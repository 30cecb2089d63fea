"""What stands around a stock table: the heading that says whose counts it has, and notes on them.

What is hidden says nothing. What stands near is what a reader takes to belong to it: the elements beside the
table, up to the next label of the book.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import islice, pairwise
from typing import NamedTuple

from selectolax.lexbor import LexborNode

from ingram_assets.domain.isbn import isbn10_of
from ingram_assets.sources.ipage.pages import asides, fields
from ingram_assets.sources.ipage.pages.visible_text import flowing_text, is_hidden
from ingram_assets.sources.ipage.profile.stock_words import StockWords

_SECTIONS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "legend"})
_HEADINGS_OF_THE_FIRST = (_SECTIONS - {"h1"}) | {"dt", "strong", "b"}
"""Above the page's first stock table stands much that is no heading of it, and the book's title."""
_MOST_AROUND, _MOST_ABOVE, _MOST_LINKS = 6, 4, 10
_MOST_TEXT, _LONGEST_LINE, _LONGEST_HEADING = 2_000, 300, 120
_BOOK_NUMBER = re.compile(
    r"(?<![0-9A-Za-z])(?:97[89][-\s]?)?[0-9](?:[-\s]?[0-9]){8}[-\s]?[0-9Xx](?![0-9A-Za-z])"
)
_DAYS = 1
"""A reading is of today; by the clock of another time zone, of the day before or after."""

EndsAt = Callable[[LexborNode], bool]
"""Whether an element is one of the book's labels, or holds one: it is about something else."""


class TableSurroundings(NamedTuple):
    """What is known where the heading of a stock table is looked for.

    Attributes:
        title: the book's.
        tables: the ids of all stock tables: one behind another stands under the same heading.
        is_first: it is the first of its kind; above it only what HTML calls a heading is one.
    """

    title: str
    tables: frozenset[int]
    is_first: bool

    def is_title(self, text: str) -> bool:
        """Whether a heading is that of the page as a whole."""
        return bool(self.title) and self.title.casefold() in text.casefold()


def lines_around(table: LexborNode, ends_at: EndsAt) -> list[str]:
    """What is said above and below a table, of other tables nothing."""
    lines: list[str] = []
    at: LexborNode | None = table
    for _ in range(_MOST_ABOVE):
        if at is None or at.tag in ("body", "html"):
            break
        for each in (*_beside(at, ends_at, back=True), *_beside(at, ends_at, back=False)):
            lines += _lines(each)
        if at.parent is None or ends_at(at.parent):
            break
        at = at.parent
    return lines


class Heading(NamedTuple):
    """What a table is called, above it and in it. `numbers`: texts and addresses that may name a book."""

    parts: tuple[str, ...]
    numbers: str

    @property
    def text(self) -> str:
        """All of it; "" for nothing."""
        return " ".join(self.parts)[:_LONGEST_HEADING]

    def is_of_another_book(self, isbn: str) -> bool:
        """Whether the number of another book stands there."""
        return has_another_number(self.numbers, isbn)


def heading_of(table: LexborNode, across: list[str], ends_at: EndsAt, near: TableSurroundings) -> Heading:
    """What a table is called by a caption, a text across it or what stands right above it.

    Args:
        across: the texts of one cell above its header.
    """
    captions = table.css("caption")
    said = [" ".join(_lines(each)) for each in captions]
    above, numbers = _heading_above(table, ends_at, near)
    parts = tuple(filter(None, (above, *said, *across)))
    links = [address for each in (*captions, *table.css("th")[:_MOST_LINKS]) for address in _addresses(each)]
    return Heading(parts, " ".join([*parts, numbers, *links]))


def has_another_number(heading: str, isbn: str) -> bool:
    """Whether the number of another book stands in a text."""
    numbers = [re.sub(r"[-\s]", "", found) for found in _BOOK_NUMBER.findall(heading)]
    return bool(isbn) and any(number not in (isbn, isbn10_of(isbn)) for number in numbers)


def names_another_book(heading: Heading, isbn: str, words: StockWords) -> bool:
    """Whether a heading is surely not of the page's own book."""
    is_aside = any(asides.is_of_others(part) or words.is_of_others(part) for part in heading.parts)
    return is_aside or heading.is_of_another_book(isbn)


def without_dates(heading: str, isbn: str) -> str:
    """A heading without the book's own number, and without digits: they say nothing of whose stock it is."""
    return re.sub(r"[0-9]+", " ", heading.replace(isbn, " ") if isbn else heading)


def age_of(lines: list[str], words: StockWords, read_on: date) -> str:
    """Why the counts may not be of the day of the reading, by one of these lines; "" for no reason.

    Of several days the oldest counts. A day that can't be told is not today's.
    """
    for line, then in pairwise([*lines, ""]):
        text = words.after_as_of(line)
        is_open = text is None and not words.has_as_of(line)
        if (is_open or (text is not None and not text.strip())) and then and not words.has_as_of(then):
            line = f"{line} {then}"  # the words or their day may begin another line
            text = words.after_as_of(line)
        if text is None:
            continue
        days = fields.days_in(words.numbers.date(text))
        if odd := [day for day in days if abs((read_on - day).days) > _DAYS]:
            return f"The stock is as of {min(odd)}: its counts are not those of now; unknown."
        if not days and text.strip(" .:;*()") and not words.is_now(_without_today(text, words, read_on)):
            return f"“{line[:80]}”: of which day the stock is can’t be told; unknown."
    return ""


def _without_today(text: str, words: StockWords, read_on: date) -> str:
    """A text without a month and a day that are those of the reading, or of the day beside it."""
    for distance in range(-_DAYS, _DAYS + 1):
        day = read_on + timedelta(distance)
        first, second = (day.day, day.month) if words.numbers.is_day_first else (day.month, day.day)
        text = re.sub(rf"(?<![\w/])0?{first}/0?{second}(?![\w/])", " ", text)
    return text


def _heading_above(table: LexborNode, ends_at: EndsAt, near: TableSurroundings) -> tuple[str, str]:
    """The text that a table stands under, and the numbers of books in it and in what stands between."""
    at: LexborNode | None = table
    addresses: list[str] = []
    for _ in range(_MOST_ABOVE):
        if at is None or at.tag in ("body", "html"):
            break
        before = at.prev
        while before is not None and not _says_anything(before):
            if not before.is_text_node:
                addresses += _addresses(before)
            before = before.prev
        if before is not None:
            if before.mem_id in near.tables:
                above, numbers = _heading_above(before, ends_at, near)  # two tables under one heading
                return above, " ".join([numbers, *addresses])
            text, numbers = _as_heading(before, ends_at, near)
            return text, " ".join([numbers, *addresses])
        if at.parent is None or ends_at(at.parent):
            break
        at = at.parent
    return "", " ".join(addresses)


def _as_heading(node: LexborNode, ends_at: EndsAt, near: TableSurroundings) -> tuple[str, str]:
    """What an element right above a table says as its heading, and the numbers of books in it."""
    text = " ".join(_lines(node))
    if node.is_text_node:
        return ("", "") if near.is_first else (text, text)
    if node.tag == "table" or node.css_first("table") is not None:
        return "", ""
    numbers = " ".join([text, *_addresses(node)])
    if near.is_first:
        is_heading = node.tag in _HEADINGS_OF_THE_FIRST and not ends_at(node) and not near.is_title(text)
        return (text if is_heading else ""), (numbers if is_heading or _is_link(node, text) else "")
    is_no_heading = ends_at(node) or node.css_first("form, input, select") is not None
    return ("" if is_no_heading else text), numbers


def _is_link(node: LexborNode, text: str) -> bool:
    links = [node] if node.tag == "a" else node.css("a")[:2]
    return len(links) == 1 and " ".join(_lines(links[0])) == text


def _addresses(node: LexborNode) -> list[str]:
    links = node.css("a[href]")[:_MOST_LINKS]  # it finds itself, too
    return [(link.attributes.get("href") or "")[:_LONGEST_LINE] for link in links]


def _says_anything(node: LexborNode) -> bool:
    return node.tag == "table" or bool(_lines(node))


def _beside(at: LexborNode, ends_at: EndsAt, *, back: bool) -> Iterator[LexborNode]:
    def others() -> Iterator[LexborNode]:
        each = at.prev if back else at.next
        while each is not None:
            yield each
            each = each.prev if back else each.next

    for each in islice(others(), 4 * _MOST_AROUND):
        if not each.is_text_node and (ends_at(each) or (not back and each.tag in _SECTIONS)):
            return
        if each.is_text_node or each.css_first("table") is None:
            yield each


def _lines(node: LexborNode) -> list[str]:
    if not node.is_text_node and (not node.is_element_node or is_hidden(node)):
        return []
    text = flowing_text(node, is_hidden, _MOST_TEXT)
    lines = [fields.clean(line) for line in text.splitlines()]
    if not node.is_text_node:
        lines += [
            fields.clean(each.attributes.get("alt") or "") for each in node.css("img[alt]")[:_MOST_LINKS]
        ]
        times = node.css("time[datetime]")[:_MOST_LINKS]
        lines += [f"as of {fields.clean(each.attributes.get('datetime') or '')}" for each in times]
    return [line for line in lines if line and len(line) <= _LONGEST_LINE]
