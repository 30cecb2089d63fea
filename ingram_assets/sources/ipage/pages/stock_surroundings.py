"""What stands around a stock table: the heading that says whose counts it has, and notes on them.

What is hidden says nothing. What stands near is what a reader takes to belong to it: the elements beside the
table, up to the next label of the book.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date
from itertools import islice

from selectolax.lexbor import LexborNode

from ingram_assets.domain.isbn import isbn10_of
from ingram_assets.sources.ipage.pages import asides, fields
from ingram_assets.sources.ipage.pages.flowing import flowing_text, is_hidden
from ingram_assets.sources.ipage.profile.stock_words import StockWords

_HEADINGS = frozenset(
    {"-text", "h1", "h2", "h3", "h4", "h5", "h6", "legend", "dt", "strong", "b", "p", "div", "span"}
)
_SECTIONS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "legend"})
_MOST_AROUND, _MOST_ABOVE = 6, 4
_MOST_TEXT, _LONGEST_LINE, _LONGEST_HEADING = 2_000, 300, 120
_BOOK_NUMBER = re.compile(
    r"(?<![0-9A-Za-z])(?:97[89][-\s]?)?[0-9](?:[-\s]?[0-9]){8}[-\s]?[0-9Xx](?![0-9A-Za-z])"
)
_DAYS = 1
"""A reading is of today; by the clock of another time zone, of the day before or after."""

EndsAt = Callable[[LexborNode], bool]
"""Whether an element is one of the book's labels, or holds one: it is about something else."""


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


def heading_of(table: LexborNode, across: list[str], ends_at: EndsAt, *, by_tag: bool) -> str:
    """What a table is called by a caption, a text across it or a heading right above it; "" for nothing.

    Args:
        across: the texts of one cell above its header.
        by_tag: a heading is what HTML calls one; else any short text is that stands there alone.
    """
    captions = [" ".join(_lines(each)) for each in table.css("caption")]
    return " ".join(filter(None, (_heading_above(table, ends_at, by_tag=by_tag), *captions, *across)))


def has_another_number(heading: str, isbn: str) -> bool:
    """Whether the number of another book stands in a heading."""
    numbers = [re.sub(r"[-\s]", "", found) for found in _BOOK_NUMBER.findall(heading)]
    return bool(isbn) and any(number not in (isbn, isbn10_of(isbn)) for number in numbers)


def names_another_book(heading: str, isbn: str, words: StockWords) -> bool:
    """Whether a heading is surely not of the page's own book."""
    is_aside = asides.is_of_others(heading) or words.is_of_others(heading)
    return is_aside or has_another_number(heading, isbn)


def without_dates(heading: str, isbn: str) -> str:
    """A heading without the book's own number, and without digits: they say nothing of whose stock it is."""
    return re.sub(r"[0-9]+", " ", heading.replace(isbn, " ") if isbn else heading)


def old_date(lines: list[str], words: StockWords, read_on: date) -> date | None:
    """The day of which the counts are by one of these lines, if that is not the day of the reading."""
    for line in lines:
        if (after := words.after_as_of(line)) is not None:
            day, _ = fields.read_date(words.numbers.date(after))
            if day is not None and abs((read_on - day).days) > _DAYS:
                return day
    return None


def _heading_above(table: LexborNode, ends_at: EndsAt, *, by_tag: bool) -> str:
    at: LexborNode | None = table
    for _ in range(_MOST_ABOVE):
        if at is None or at.tag in ("body", "html"):
            return ""
        before = at.prev
        while before is not None and not _says_anything(before):
            before = before.prev
        if before is not None:
            is_heading = before.tag in (_SECTIONS if by_tag else _HEADINGS) and (
                before.is_text_node or not (ends_at(before) or before.css_first("table, a, form"))
            )
            text = " ".join(_lines(before)) if is_heading else ""
            return text if len(text) <= _LONGEST_HEADING else ""
        if at.parent is None or ends_at(at.parent):
            return ""
        at = at.parent
    return ""


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
    return [line for line in map(fields.clean, text.splitlines()) if line and len(line) <= _LONGEST_LINE]
