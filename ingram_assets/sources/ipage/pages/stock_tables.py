"""The stock tables of a product page: copies on hand and on order at each distribution center.

Which column is which is told by the header row, wherever it stands; which row is which DC by its own
cell. Row order means one thing only, and only where nothing says otherwise: the first row of the
account's table is its primary DC, the second its secondary.

The queue and the store's programs know a DC by two letters, those of its state. Centers of one state, a row
each ("PAC" and "PAA", or PA in both tables), add up under them.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingram_assets.domain.completeness import Shape
from ingram_assets.domain.stock import MAX_COUNT, DcStock, Role
from ingram_assets.sources.ipage.pages import fields, stock_surroundings, tables
from ingram_assets.sources.ipage.pages.page_failures import PageChanged
from ingram_assets.sources.ipage.pages.visible_text import NEVER_SHOWN, flowing_text, is_hidden, is_shown
from ingram_assets.sources.ipage.profile.stock_words import (
    NO_CENTER,
    StockWords,
    has_two_capitals,
    is_two_capitals,
)

_MAX_SPAN = 20
_MAX_CELLS = 20_000
_MAX_TABLES = 100

_DIGIT = re.compile(r"[0-9]")
_COUNT_LIKE = re.compile(r"[0-9]{1,3}(?:[.,]?[0-9]{3})*|[-–—]")
"""A count in whatever form."""

_SHORT_TOTAL = re.compile(r"(?:tot|ttl|usa|net|avg|atp|overall|nationwide)[\W_]*", re.IGNORECASE)
"""A sum of centers by a short word: no state is called so."""
_CENTER_ALONE = re.compile(
    r"(?P<code>[A-Z]{2,3}[0-9]{0,2})\b\s*"
    r"(?:[:(–—-]|[0-9]|$|(?<!OR )(?<!IN )(?:see|call|contact|temporarily|un|not\b|n/?a\b))"
)
"""The beginning of a row of one cell that speaks of a center: "PA: temporarily unavailable", "PA 37 250"."""
_ODD_CODE = re.compile(r"[A-Z]{1,4}[0-9]{0,2}")
"""What may name a DC as well, but tells no state."""


_STRUCK = "del, s, strike"
_TAKEN_FOR_TOTAL = (
    "The row “{}” has as many copies as all others together: it is taken for their total, and "
    "not added. If it is a center, name it in [centers] of site.toml."
)
_MAY_BE_HIDDEN = (
    "[hidden], [aria-hidden], [style], [class], [inert], [popover], dialog, details, noscript, template, "
    "script, style"
)


class _Cell(NamedTuple):
    text: str
    is_copy: bool = False
    """Covered by a neighbor's colspan or rowspan: it labels, but holds no count of its own."""


_Row = list[_Cell]


_Said = tuple[str, int | None, int | None]
"""A row's name, and its counts."""


class _Entry(NamedTuple):
    """What a row of the table says. `code`: `None` where its DC can't be told; `name`: as it stands there."""

    code: str | None
    name: str
    on_hand: int | None = None
    on_order: int | None = None
    role: Role | None = None
    unnamed: tuple[int | None, int | None] = (None, None)
    """The counts of a row whose DC can't be told."""

    @property
    def counts(self) -> tuple[int | None, int | None]:
        """On hand and on order, whether or not its DC can be told."""
        return self.unnamed if self.code is None else (self.on_hand, self.on_order)

    @property
    def said(self) -> _Said:
        """What makes two rows the same one, shown twice."""
        return self.name, self.on_hand, self.on_order


class _Columns(NamedTuple):
    dc: int | None
    on_hand: int
    on_order: int
    width: int


@dataclass(slots=True)
class StockTable:
    """A table that was read for stock. `headings`: the texts of its header row, if it has one of its own."""

    node: LexborNode
    headings: list[str] = field(default_factory=list)
    columns: _Columns | None = None
    entries: list[_Entry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """The texts across it, or beside nothing else in their row."""
    odd_rows: list[str] = field(default_factory=list)
    """Rows without figures that are no center's and not known to be harmless."""
    totals: list[int] = field(default_factory=list)
    """The copies on hand of its rows of sums."""
    is_left_out: bool = False
    """Nothing says that its copies are the book's own, and they are not counted."""
    odd_heading: str = ""
    """What its heading says, if by that its copies are not those that there are."""

    def is_sum(self, entry: _Entry) -> bool:
        """Whether a row has as many copies as two or more others together."""
        on_hand = [each.counts[0] for each in self.entries if each != entry]
        known = [count for count in on_hand if count]
        return len(known) > 1 and sum(known) == entry.counts[0]


@dataclass(slots=True)
class PageStock:
    """What the stock tables of a page say.

    Whether a table is missing depends on the account (`shape`, domain/completeness.py).

    Attributes:
        words: what the tables' words mean.
        ends_at: tells the elements around a table that are about something else.
        read_on: the day of the reading; `None`: how old counts are is not looked at.
        isbn: the page's own.
        title: the page's own.
    """

    words: StockWords
    ends_at: stock_surroundings.EndsAt = lambda _: False
    read_on: date | None = None
    isbn: str = ""
    title: str = ""
    near: frozenset[int] = frozenset()
    """The ids of the page's stock tables."""
    stock: dict[str, DcStock] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    tables: list[StockTable] = field(default_factory=list)
    """Every table that was taken for one of stock, in the order in which they were read."""
    unreadable: int = 0
    """Counts that are there and can't be told: a word where a number was, say. Blanks and "N/A" are none."""
    rows: int = 0
    """Those that were read and say something new, a DC's second one too."""
    lost_rows: int = 0
    """Those whose DC can't be told: another DC than those in `stock` may be there."""
    shape: Shape | None = None
    """The parts of the stock that have rows; `None` where there are none."""


def read_stock(tree: LexborHTMLParser, reading: PageStock) -> None:
    """Every DC of every stock table with its counts, and what of them was not understood.

    `stock` stays empty where the page shows no stock table or none with a row in it.

    Args:
        reading: an empty one, that is filled.

    Raises:
        PageChanged: a table whose columns or DCs can't be told.
    """
    found = _shown_first(tree, reading.words)
    own, alternate = found.own, found.alternate
    if not own and not alternate:
        return
    reading.near = frozenset(table.mem_id for table in (*own, *alternate))
    of_others = _of_others(own, alternate, reading)
    own_place = next((place for place, table in enumerate(own) if table.mem_id not in of_others), 0)
    other_place = next((place for place, table in enumerate(alternate) if table.mem_id not in of_others), 0)
    columns: _Columns | None = None
    rows_of: list[int] = []
    for place, table in enumerate(own):
        is_more = place != own_place or table.mem_id in of_others
        columns = _read_table(table, columns, is_own=True, is_more=is_more, reading=reading) or columns
        rows_of.append(reading.rows - sum(rows_of))
    is_by_looks = False
    if columns is not None and not alternate and len(reading.stock) <= 2:
        # The other DCs may stand under another name by now; to miss them would be a false "out of stock".
        is_by_looks = True
        alternate = [
            table
            for table in _plain_tables(found.nodes, own)
            if _has_stock_header(table, reading.words) or _looks_alike(_rows(table), columns, reading.words)
        ]
    for place, table in enumerate(alternate):
        is_more = place != other_place or is_by_looks or found.is_by_header or table.mem_id in of_others
        _read_table(table, columns, is_own=False, is_more=is_more, reading=reading)
        rows_of.append(reading.rows - sum(rows_of))
    if not own:
        reading.warnings.append("The account's own stock table is missing: only the other DCs were read.")
    elif not alternate:
        reading.warnings.append("The table of the other DCs is missing.")
    _judge(reading, rows_of[: len(own)], rows_of[len(own) :])
    _without_totals_of_all(reading)
    _doubt(reading, is_out_of_sight=not found.is_shown)


def _of_others(own: list[LexborNode], alternate: list[LexborNode], reading: PageStock) -> set[int]:
    """The ids of the tables at the beginning that stand under another heading, if some do not."""
    found: set[int] = set()
    for tables_of_kind in (own, alternate):
        for table in tables_of_kind:
            heading = _heading(table, _above_header(table, reading.words), reading, is_more=False)
            if not _is_strange(heading, reading):
                break
            found.add(table.mem_id)
    return found if len(found) < len(own) + len(alternate) else set()


def _above_header(table: LexborNode, words: StockWords) -> list[_Row]:
    rows = _rows(table)
    rows = _transposed(rows, words) or rows
    return rows[: max((_find_columns(rows, words) or (None, -1))[1], 0)]


class _Found(NamedTuple):
    """The tables of stock, and the tables of the page among which they are."""

    own: list[LexborNode]
    alternate: list[LexborNode]
    nodes: list[LexborNode]
    is_by_header: bool = False
    is_shown: bool = True


def _shown_first(tree: LexborHTMLParser, words: StockWords) -> _Found:
    """The stock tables that are shown; only where there is none, those behind a closed tab."""
    nodes = tree.css("table")
    found = _tables([table for table in nodes if is_shown(table)], words)
    if found.own or found.alternate:
        return found
    in_tabs = [table for table in nodes if not _is_in(table, NEVER_SHOWN)]
    return _tables(in_tabs, words)._replace(is_shown=False)


def _is_in(node: LexborNode, tags: frozenset[str]) -> bool:
    at = node.parent
    while at is not None:
        if at.tag in tags:
            return True
        at = at.parent
    return False


def _without_totals_of_all(reading: PageStock) -> None:
    """Takes out rows that add up all tables, and what is unknown of a center that comes twice."""
    entries = [entry for table in reading.tables if not table.is_left_out for entry in table.entries]
    told = [entry for entry in dict.fromkeys(entries) if entry.code is not None]
    for entry in told:
        if entry.code is None or entry.code not in reading.stock or reading.words.is_listed_code(entry.code):
            continue
        if not _adds_up(entry, [each.counts for each in told if each is not entry]):
            continue
        reading.lost_rows += 1
        reading.warnings.append(_TAKEN_FOR_TOTAL.format(entry.name))
        if sum(each.code == entry.code for each in told) == 1:
            del reading.stock[entry.code]
        else:
            reading.stock[entry.code] = DcStock(None, None, reading.stock[entry.code].role)
        return


def _adds_up(entry: _Entry, others: list[tuple[int | None, int | None]]) -> bool:
    """Whether it has as many copies as two or more others together, on hand and on order alike."""
    sums = tuple(sum(count or 0 for count in counts) for counts in zip(*others, strict=True))
    return sum(bool(on_hand) for on_hand, _ in others) > 1 and sums == tuple(c or 0 for c in entry.counts)


def _doubt(reading: PageStock, *, is_out_of_sight: bool) -> None:
    """Makes counts unknown of which the page says, above, below or within a table, that they are none."""
    words, tables_read = reading.words, [table for table in reading.tables if not table.is_left_out]
    across = [line for table in tables_read for line in table.notes]
    around = [
        line for table in tables_read for line in stock_surroundings.lines_around(table.node, reading.ends_at)
    ]
    if heading := next((table.odd_heading for table in tables_read if table.odd_heading), ""):
        reading.warnings.append(
            f"The stock stands under “{heading[:80]}”: nothing says that it is this book's and there now; "
            "unknown. [words] of site.toml can say so: our_stock."
        )
        _forget(reading, zeros_only=False)
        return
    age = stock_surroundings.age_of([*across, *around], words, reading.read_on) if reading.read_on else ""
    if age:
        reading.warnings.append(age)
        _forget(reading, zeros_only=False)
        return
    _doubt_zeros_of_tables(tables_read, reading)
    note = next((line for line in across if _is_note_of_unknown(line, words)), None)
    if not any(counts.on_hand for counts in reading.stock.values()):
        note = note or next((line for line in around if words.is_trouble(line, is_across=False)), None)
    elif note is None:
        return
    if note is not None:
        reading.warnings.append(
            f"The page says “{note[:80]}”: the zeros of its stock are no counts; unknown."
        )
        _forget(reading, zeros_only=True)
    elif is_out_of_sight:
        reading.warnings.append("The stock tables are not shown: their zeros are no counts; unknown.")
        _forget(reading, zeros_only=True)


def _doubt_zeros_of_tables(tables_read: list[StockTable], reading: PageStock) -> None:
    """Makes zeros unknown beside a row of words that is not understood, and beside a total of copies."""
    for table in tables_read:
        codes = {entry.code for entry in table.entries}
        zeros = [
            code
            for code in codes
            if code is not None and code in reading.stock and 0 in reading.stock[code][:2]
        ]
        if table.odd_rows and zeros:
            reading.warnings.append(
                f"The row “{table.odd_rows[0][:80]}” of the stock table was not understood: its zeros are no "
                "counts; unknown."
            )
            _forget(reading, zeros_only=True, only=codes)
    totals = [total for table in tables_read for total in table.totals]
    if totals and not any(counts.on_hand for counts in reading.stock.values()):
        reading.warnings.append(
            f"The stock table has a total of {max(totals)} and no center with copies; its zeros are unknown."
        )
        _forget(reading, zeros_only=True)


def _forget(reading: PageStock, *, zeros_only: bool, only: Collection[str | None] | None = None) -> None:
    for code, counts in reading.stock.items():
        if only is not None and code not in only:
            continue
        on_hand, on_order = (count or None if zeros_only else None for count in counts[:2])
        reading.stock[code] = DcStock(on_hand, on_order, counts.role)


def headings_of(table: LexborNode) -> list[str]:
    """The texts of the first row of a table if it can be its header; none if it can't."""
    rows = [row for row in _rows(table) if any(cell.text for cell in row)]
    texts = [cell.text for cell in rows[0] if not cell.is_copy] if rows else []
    return texts if len(texts) > 1 and not any(_DIGIT.search(text) for text in texts) else []


def tables_like_stock(
    tree: LexborHTMLParser, known: list[LexborNode], words: StockWords
) -> Iterator[LexborNode]:
    """Other tables with a header, and with counts or copies below it, whose headings are not known."""
    nodes = [table for table in tree.css("table") if is_shown(table)]
    for table in _plain_tables(nodes, known)[:_MAX_TABLES]:
        if headings := headings_of(table):
            body = [row for row in _rows(table) if len(row) == len(headings)][1:]
            if any(_count(cell.text, words)[0] is not None for row in body for cell in row):
                yield table


class ColumnOfCounts(NamedTuple):
    """A column of a table that was not understood.

    Attributes:
        first: what stands below its heading first.
        holds: "center" if all of it is words, "count" if all of it is counts.
        is_sure: it holds centers, by its heading's words or since each of its cells is one that is known.
    """

    heading: str
    first: str
    holds: str | None
    is_sure: bool = False


def columns_of_counts(table: LexborNode, words: StockWords) -> Iterator[ColumnOfCounts]:
    """The columns of a table of `tables_like_stock`."""
    headings = headings_of(table)
    body = [row for row in _rows(table) if len(row) == len(headings)][1:]
    for place, heading in enumerate(headings):
        texts = [row[place].text for row in body if row[place].text]
        holds = "count" if all(map(_COUNT_LIKE.fullmatch, texts)) else None
        if not any(map(_DIGIT.search, texts)):
            holds = "center"
        if heading:
            is_sure = holds == "center" and (
                words.is_like_center(heading) or (bool(texts) and all(map(words.is_listed, texts)))
            )
            yield ColumnOfCounts(heading, texts[0] if texts else "", holds if texts else None, is_sure)


def _judge(reading: PageStock, own: list[int], other: list[int]) -> None:
    """Whether what was read is all, by the rows of each table.

    The account's own table has its primary and its secondary DC; one of three rows has them all.
    """
    if not reading.stock:
        if reading.lost_rows:
            raise PageChanged("DC", f"no row of the stock table can be told ({reading.warnings[0]})")
        reading.warnings.append("The stock table has no rows.")
        return
    reading.shape = Shape(any(own), sum(rows > 0 for rows in other) or int(sum(own) > 2))
    if len(reading.stock) >= 2 and reading.unreadable >= 2 * reading.rows:
        # One odd cell is that cell's; when none of them is a number the site writes them another way now.
        raise PageChanged("On Hand", f"the stock table shows no number any more ({reading.warnings[0]})")


def _tables(nodes: list[LexborNode], words: StockWords) -> _Found:
    """The account's own table and that of the other DCs, by class; by header where the class is gone."""
    own: list[LexborNode] = []
    alternate: list[LexborNode] = []
    for table in nodes:
        name = f"{table.attributes.get('class') or ''} {table.id or ''}".lower()
        if "stockchecktable" in name and "history" not in name:
            (alternate if "alt" in name else own).append(table)
    if own:
        return _Found(own, alternate, nodes)
    own = [table for table in _plain_tables(nodes, alternate) if _has_stock_header(table, words)]
    return _Found(own[:1], alternate or own[1:], nodes, is_by_header=True)


def _has_stock_header(table: LexborNode, words: StockWords) -> bool:
    rows = _rows(table)
    try:
        if (turned := _transposed(rows, words)) is not None:
            found = _find_columns(turned, words)
            return found is not None and found[0].dc is not None
        return _find_columns(rows, words) is not None
    except PageChanged:
        return False  # "Available" or "On Order" alone heads many a table.


def _plain_tables(nodes: list[LexborNode], known: list[LexborNode]) -> list[LexborNode]:
    """Tables of cells, not those that lay out the page around them."""
    taken = {table.mem_id for table in known}
    return [
        table
        for table in nodes
        if table.mem_id not in taken
        and all(inner.mem_id == table.mem_id for inner in table.css("table"))  # it finds itself, too
        and len(table.text(deep=True)) < 4_000
    ]


def _rows(table: LexborNode) -> list[_Row]:
    """Its own rows that are shown."""
    shown = (row for row in table.css("tr") if _is_row_of(row, table) and not is_hidden(row))
    rows: list[_Row] = []
    has_inner = len(table.css("table")) > 1  # it finds itself, too
    count = 0
    for cells in tables.grid(shown, max_span=_MAX_SPAN, max_cells=_MAX_CELLS):
        count += len(cells)
        if count > _MAX_CELLS:
            raise PageChanged("stock table", "it has too many cells to be one.")
        if cells:
            rows.append([_Cell(_cell_text(node, has_inner=has_inner), is_copy) for node, is_copy in cells])
    return rows


def _is_row_of(row: LexborNode, table: LexborNode) -> bool:
    holder = row.parent
    if holder is not None and holder.tag in ("tbody", "thead", "tfoot"):
        holder = holder.parent
    return holder is not None and holder.mem_id == table.mem_id


def _cell_text(cell: LexborNode, *, has_inner: bool) -> str:
    if has_inner and cell.css_first("table") is not None:
        return ""  # An inner table's cells are not this one's.
    if cell.css_first(_MAY_BE_HIDDEN) is not None:
        text = " ".join(flowing_text(cell, is_hidden, 500, between=" ").split())
    else:
        # A separator between text nodes, so that "4" and "10" of two elements never read as 410.
        text = " ".join(cell.text(deep=True, separator=" ")[:500].split())
    if text and cell.css_first(_STRUCK) is not None and not flowing_text(cell, _is_struck, 500).strip():
        return f"struck out: {text}"  # by itself it is what no longer holds
    if not text and (picture := cell.css_first("img[alt]")) is not None:
        # A heading may be drawn; a count would be no number that stands in the page.
        text = re.sub(r"[^A-Za-z -]+", "?", picture.attributes.get("alt") or "")[:100].strip()
    return text


def _is_struck(node: LexborNode) -> bool:
    return node.tag in ("del", "s", "strike") or is_hidden(node)


def _find_columns(rows: list[_Row], words: StockWords) -> tuple[_Columns, int] | None:
    """The columns by the first header row, and where that row stands."""
    named = ((_columns_named(row, words), place) for place, row in enumerate(rows))
    return next(((columns, place) for columns, place in named if columns is not None), None)


def _columns_named(row: _Row, words: StockWords) -> _Columns | None:
    """The columns that a row heads; `None` if it is no header."""
    names = [re.sub(r"\s+", " ", cell.text.strip(" :*").lower()) for cell in row]
    if any(_DIGIT.search(name) for name in names):
        return None
    on_order = [i for i, name in enumerate(names) if words.heads_on_order(name)]
    on_hand = words.on_hand_among(names)
    short = [re.sub(r"[/.]", "", name) for name in names]
    if not on_hand and not on_order and {"oh", "oo"} <= set(short):
        on_hand, on_order = [short.index("oh")], [short.index("oo")]
    if len(names) < 2 or not (on_hand or on_order or any(map(words.says_outright, names))):
        return None
    dc = [i for i, name in enumerate(names) if words.is_center(name)]
    if not (on_hand and on_order) and not dc and len(set(names)) < 3:
        return None  # A banner such as "Copies on hand today" across the table.
    on_hand, on_order = (
        [i for i in found if words.says_no_more(names[i])] or found for found in (on_hand, on_order)
    )
    for label, found in (("On Hand", on_hand), ("On Order", on_order)):
        if len(found) != 1:
            raise PageChanged(
                label,
                f"the stock table has {len(found)} columns of this name; its columns can't be told: "
                f"{' | '.join(cell.text for cell in row)[:120]}.",
            )
    return _Columns(dc[0] if len(dc) == 1 else None, on_hand[0], on_order[0], len(names))


def _transposed(rows: list[_Row], words: StockWords) -> list[_Row] | None:
    """The table turned, where the DCs stand side by side and the counts below each other."""
    firsts = [row[0].text.strip(" :").lower() for row in rows]
    on_order = any(map(words.heads_on_order, firsts))
    on_hand = any(map(words.heads_on_hand, firsts))
    if not (on_order and on_hand) or len({len(row) for row in rows}) != 1:
        return None
    return [list(column) for column in zip(*rows, strict=True)]


def _read_table(
    table: LexborNode, inherited: _Columns | None, *, is_own: bool, is_more: bool, reading: PageStock
) -> _Columns | None:
    """Adds what a table says, and returns its columns.

    Args:
        is_more: it is none of the two that are known by the page's layout: its heading has to be ours.
    """
    seen = StockTable(table)
    reading.tables.append(seen)
    rows, words = _rows(table), reading.words
    rows = _transposed(rows, words) or rows
    columns, header = _find_columns(rows, words) or (None, -1)
    seen.headings = [cell.text for cell in rows[header]] if columns is not None else []
    seen.notes = _notes(table, rows)
    if _is_of_others(seen, rows[: max(header, 0)], reading, is_more=is_more):
        return columns
    body = [
        row
        for place, row in enumerate(rows)
        if place != header and not _is_noise(row, words, is_above=place < header)
    ]
    counted = [row for row in body if not _is_banner(row)]
    seen.odd_rows = _odd_rows(rows[header + 1 :], words)
    if not counted:
        return columns
    if columns is None:
        columns = _columns_without_header(counted, inherited, words)
    if columns.dc is None:
        columns = columns._replace(dc=_dc_by_content(counted, columns, words))
    entries = _entries(body, columns, reading)
    seen.columns, seen.entries = columns, entries
    seen.totals = _totals(rows[header + 1 :], columns.on_hand, words)
    told = [entry for entry in entries if entry.code is not None]
    if not told and not any(_ODD_CODE.fullmatch(_dc_text(row, columns)) for row in counted):
        raise PageChanged("DC", "no row of the stock table names a distribution center.")
    _add_rows(entries, told, reading, is_own=is_own, is_more=is_more)
    return columns


def _add_rows(
    entries: list[_Entry], told: list[_Entry], reading: PageStock, *, is_own: bool, is_more: bool
) -> None:
    """Adds the rows of the table that was read last. `told`: those whose DC can be told."""
    again, otherwise = _told_elsewhere(told, reading, is_more=is_more)
    entries = _without_doubtful(entries, again, otherwise, reading) if is_more else entries
    for entry, role in zip(entries, _roles(entries, reading, is_own), strict=True):
        if entry.code is not None and entry.name in otherwise:
            # Which of them is of today nobody knows.
            reading.stock[entry.code] = DcStock(None, None, reading.stock[entry.code].role)
            reading.unreadable += 2
            reading.warnings.append(f"{entry.code}: two tables tell other counts of “{entry.name}”; unknown.")
        elif entry.code is not None and not (same := [one for one in again if _is_same(entry.said, one)]):
            _add(reading, entry.code, DcStock(entry.on_hand, entry.on_order, role))
            again.add(entry.said)
            reading.rows += 1
        elif entry.code is not None and (entry.on_hand or entry.on_order):
            for one in same:
                _forget_damaged(reading, entry.code, [entry.said, one])
            reading.warnings.append(f"{entry.code}: the row “{entry.name}” is shown twice and counted once.")


def _is_same(one: _Said, other: _Said) -> bool:
    """Whether it is one row, shown twice: one of them may be damaged, and what is read of both is alike."""
    (name, *counts), (other_name, *others) = one, other
    known = [pair for pair in zip(counts, others, strict=True) if None not in pair]
    return one == other or (name == other_name and bool(known) and all(a == b for a, b in known))


def _forget_damaged(reading: PageStock, code: str, rows: list[_Said]) -> None:
    """Of a row that is shown twice, what can't be read in one of them is not known."""
    _, on_hand, on_order = zip(*rows, strict=True)
    was = reading.stock[code]
    reading.stock[code] = DcStock(
        None if None in on_hand else was.on_hand, None if None in on_order else was.on_order, was.role
    )


def _odd_rows(rows: list[_Row], words: StockWords) -> list[str]:
    alone = (text for row in rows if (text := _alone_in(row)))
    return [text for text in alone if _center_alone(text, words) is None and not words.is_harmless_note(text)]


def _totals(rows: list[_Row], place: int, words: StockWords) -> list[int]:
    sums = (row[place].text for row in rows if place < len(row) and _is_noise(row, words))
    return [count for text in sums if (count := _count(text, words)[0])]


def _entries(body: list[_Row], columns: _Columns, reading: PageStock) -> list[_Entry]:
    """What each row says of its DC, by itself and by the heading above it."""
    entries: list[_Entry] = []
    banner: Role | None = None
    words = reading.words
    named = {words.code(_dc_text(row, columns)) for row in body if not _is_banner(row)}
    for row in body:
        if not _is_banner(row):
            beside = [c.text for i, c in enumerate(row) if i not in (columns.on_hand, columns.on_order)]
            entries.append(_read_row(row, columns, reading)._replace(role=words.role_in(beside) or banner))
            continue
        text = row[0].text
        if (code := _center_alone(text, words)) is not None and code not in named:
            reading.unreadable += 2
            reading.warnings.append(f"{code}: “{text[:80]}” is no count; unknown.")
            entries.append(_Entry(code, text))
        banner = words.role_in([text]) or banner
    return [_as_total(entry, entries, reading) for entry in entries]


def _notes(table: LexborNode, rows: list[_Row]) -> list[str]:
    captions = [fields.clean(flowing_text(each, is_hidden)) for each in table.css("caption")]
    return [*captions, *filter(None, map(_alone_in, rows))]


def _without_doubtful(
    entries: list[_Entry], again: set[_Said], otherwise: set[str], reading: PageStock
) -> list[_Entry]:
    """Without what a further table has beside rows that it tells otherwise: it is of another time or book."""
    new = [each for each in entries if each.name not in otherwise and each.said not in again]
    if not otherwise or not new:
        return entries
    reading.lost_rows += len(new)
    return [each for each in entries if each not in new]


def _as_total(entry: _Entry, entries: list[_Entry], reading: PageStock) -> _Entry:
    """The row, or what it is if it adds up the others: of a state with a known center it never does."""
    if entry.code is None or reading.words.is_listed_code(entry.code):
        return entry
    if not _adds_up(entry, [each.counts for each in entries if each is not entry]):
        return entry
    reading.lost_rows += 1
    reading.warnings.append(_TAKEN_FOR_TOTAL.format(entry.name))
    return entry._replace(code=None, on_hand=None, on_order=None, unnamed=entry.counts)


def _heading(
    table: LexborNode, above: list[_Row], reading: PageStock, *, is_more: bool
) -> stock_surroundings.Heading:
    across = [text for row in above if (text := _alone_in(row))]
    near = stock_surroundings.TableSurroundings(reading.title, reading.near, is_first=not is_more)
    return stock_surroundings.heading_of(table, across, reading.ends_at, near)


def _is_strange(heading: stock_surroundings.Heading, reading: PageStock) -> bool:
    """Whether a heading is of another book, or has words that those of the book's own stock don't have."""
    words = reading.words
    if stock_surroundings.names_another_book(heading, reading.isbn, words) or words.is_of_another(
        heading.text
    ):
        return True
    told = (
        stock_surroundings.without_dates(words.without_as_of(part), reading.isbn)
        for part in heading.parts
        if not words.is_trouble(part, is_across=True)  # a note on the counts, that is judged as one
    )
    return any(map(words.strange_words, told))


def _is_of_others(seen: StockTable, above: list[_Row], reading: PageStock, *, is_more: bool) -> bool:
    """Whether nothing says that a table is of the page's book, of today and of our centers."""
    heading = _heading(seen.node, above, reading, is_more=is_more)
    if not _is_strange(heading, reading):
        return False
    text = heading.text or "a link to another book"
    is_anothers = stock_surroundings.names_another_book(heading, reading.isbn, reading.words)
    if not is_more:
        # The page's only stock may stand under a word that nobody told us; not under one of others'.
        seen.odd_heading = text if is_anothers or reading.words.is_of_another(heading.text) else ""
        return False
    seen.is_left_out = True
    if is_anothers:
        reading.warnings.append(f"The stock table under “{text[:80]}” is of another book; it is not added.")
        return True
    reading.lost_rows += 1
    reading.warnings.append(
        f"The stock table under “{text[:80]}” is not added: nothing says that its copies are this "
        "book's and there now. [words] of site.toml can say so: our_stock, or beside if it is of others."
    )
    return True


def _alone_in(row: _Row) -> str:
    """The text of a row that has no other; "" for none."""
    texts = [cell.text for cell in row if cell.text and not cell.is_copy]
    return texts[0] if len(texts) == 1 and row[0].text and len(row) > 1 else ""


def _told_elsewhere(told: list[_Entry], reading: PageStock, *, is_more: bool) -> tuple[set[_Said], set[str]]:
    """Of a table whose DCs are all in another one, or the other way around: what that one says, too.

    One row that is like one of another table is a second center of that state; not so in a further table.

    Returns:
        The rows that it says alike, and the names of those that it tells with other counts.
    """
    again: set[_Said] = set()
    otherwise: set[str] = set()
    rows = {entry.said for entry in told}
    names = {name for name, _, _ in rows}
    for table in reading.tables[:-1]:
        before = {entry.said for entry in table.entries if entry.code is not None}
        others = {name for name, _, _ in before}
        is_same = min(len(names), len(others)) > 1 and (names <= others or others <= names)
        if is_same or (is_more and names & others):
            again |= rows & before
            otherwise |= {name for name, _, _ in rows - before} & others
    return again, otherwise


def _roles(entries: list[_Entry], reading: PageStock, is_own: bool) -> list[Role]:
    """The role each row names; of the account's own first two rows, where they name none, what is left."""
    named = [entry.role for entry in entries]
    taken = {*named, *(dc.role for dc in reading.stock.values())}
    free: list[Role] = [role for role in ("primary", "secondary") if is_own and role not in taken]
    roles: list[Role] = []
    for place, role in enumerate(named):
        if role is None and free and place < 2:
            role = free.pop(0)
        roles.append(role or "other")
    return roles


def _columns_without_header(body: list[_Row], inherited: _Columns | None, words: StockWords) -> _Columns:
    widths = {len(row) for row in body}
    if inherited is not None:
        if 2 * sum(len(row) == inherited.width for row in body) > len(body):
            return inherited
        order = sorted(("dc", "on_hand", "on_order"), key=lambda name: getattr(inherited, name) or 0)
        if inherited.dc is not None and widths == {3} and inherited.width > 3:
            # The same three columns without what stands beside them in the account's own table.
            columns = _Columns(order.index("dc"), order.index("on_hand"), order.index("on_order"), 3)
            named = [_dc_text(row, columns) for row in body]
            if any(map(words.code, named)) and all(words.code(n) or _ODD_CODE.fullmatch(n) for n in named):
                return columns
    raise PageChanged("On Hand", "the stock table has no header; which column is which can't be told.")


def _looks_alike(rows: list[_Row], columns: _Columns, words: StockWords) -> bool:
    """Whether these rows can be more of a table with such columns: DCs where it has DCs, counts likewise."""
    rows = [row for row in rows if not _is_noise(row, words) and not _is_banner(row)]
    return bool(rows) and all(
        len(row) == columns.width
        and any(words.is_code(cell.text) for cell in row)
        and (columns.dc is None or words.code(fields.clean(row[columns.dc].text)) is not None)
        and all(
            fields.is_absent(row[i].text) or _count(row[i].text, words)[0] is not None
            for i in (columns.on_hand, columns.on_order)
        )
        for row in rows
    )


def _dc_by_content(body: list[_Row], columns: _Columns, words: StockWords) -> int:
    rows = [row for row in body if len(row) == columns.width]
    free = [i for i in range(columns.width) if i not in (columns.on_hand, columns.on_order)]
    for is_one in (has_two_capitals, lambda text: words.code(fields.clean(text))):
        candidates = [i for i in free if rows and all(is_one(row[i].text) for row in rows)]
        if len(candidates) == 1:
            return candidates[0]
    raise PageChanged("DC", "no column of the stock table is known to hold the distribution centers.")


def _read_row(row: _Row, columns: _Columns, reading: PageStock) -> _Entry:
    named = _dc_text(row, columns)
    code = reading.words.code(named)
    if code is None and reading.words.is_code(named) and any(_DIGIT.search(cell.text) for cell in row):
        code = named  # "DC" before counts
    if code is None:
        # It costs the other rows nothing; but what it holds is not known, so that all are not known to be 0.
        reading.lost_rows += 1
        shown = " | ".join(cell.text for cell in row)[:80]
        if not any(_DIGIT.search(cell.text) for cell in row):
            reading.tables[-1].odd_rows.append(shown)
        reading.warnings.append(f"A row of the stock table was not understood: “{shown}”.")
        places = (columns.on_hand, columns.on_order)
        held = [_count(row[place].text, reading.words)[0] if place < len(row) else None for place in places]
        return _Entry(None, named, unnamed=(held[0], held[1]))
    surplus = row[columns.width :]
    if len(row) < columns.width or any(_DIGIT.search(cell.text) for cell in surplus):
        reading.unreadable += 2
        reading.warnings.append(f"{code}: {len(row)} cells under {columns.width} headings; counts unknown.")
        return _Entry(code, named)
    counts = []
    for name, place in (("on hand", columns.on_hand), ("on order", columns.on_order)):
        text, is_copy = row[place]
        count, problem = (None, "the cell spans several") if is_copy else _count(text, reading.words)
        if (reading.words.is_on_order(text) and name == "on hand") or (
            reading.words.says_on_hand(text) and name == "on order"
        ):
            count, problem = None, f"“{text[:40]}” is a count of the other kind"
        if problem:
            reading.unreadable += 1
            reading.warnings.append(f"{code} {name}: {problem}; unknown.")
        counts.append(count)
    return _Entry(code, named, counts[0], counts[1])


def _add(reading: PageStock, code: str, new: DcStock) -> None:
    old = reading.stock.get(code)
    if old is None:
        reading.stock[code] = new
        return
    # Of a state of which one center was not read nothing is known: the half is no count of it.
    on_hand, on_order = (
        None if before is None or after is None or before + after > MAX_COUNT else before + after
        for before, after in zip(old[:2], new[:2], strict=True)
    )
    reading.stock[code] = DcStock(on_hand, on_order, old.role)


def _count(text: str, words: StockWords) -> tuple[int | None, str | None]:
    return fields.read_in_forms(fields.read_count, words.numbers.number, text)


def _dc_text(row: _Row, columns: _Columns) -> str:
    dc = columns.dc or 0
    return fields.clean(row[dc].text) if dc < len(row) else ""


def _is_noise(row: _Row, words: StockWords, *, is_above: bool = False) -> bool:
    """Empty rows, totals, headers said again, and words above the header."""
    texts = [cell.text for cell in row if cell.text]
    if texts and _SHORT_TOTAL.fullmatch(texts[0]):
        return True
    if any(is_two_capitals(text) and text not in NO_CENTER for text in texts):
        return False
    if any(words.is_total(text) for text in texts):
        return True
    if any(_DIGIT.search(text) for text in texts):
        return False
    names = [text.lower() for text in texts]
    return not texts or is_above or (len(set(names)) > 1 and any(map(words.says_outright, names)))


def _is_banner(row: _Row) -> bool:
    """One text across the whole table: a note, or the heading of the rows below it."""
    return all(cell.is_copy for cell in row[1:]) and not is_two_capitals(row[0].text)


def _center_alone(text: str, words: StockWords) -> str | None:
    """The center that a row of one cell speaks of; `None` for headings and notes."""
    found = _CENTER_ALONE.match(text)
    return words.code(found["code"]) if found is not None else None


def _is_note_of_unknown(text: str, words: StockWords) -> bool:
    """Whether a text across the table says that the stock is not known now, of no one center."""
    return _center_alone(text, words) is None and words.is_trouble(text, is_across=True)
