"""The books of a list's page: what tells each, the rows in which they stand, and which rows are the list's.

An ISBN is told by a link to a product page, by the heading of its column, by its label, or by standing alone
with a sound check digit; never by its place. Rows are elements that repeat each other.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from urllib.parse import parse_qsl, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingram_assets.domain.isbn import InvalidIsbn, isbn_spelled
from ingram_assets.sources.ipage.pages import asides, fields
from ingram_assets.sources.ipage.pages.export_file import Header, columns_of, rows_of_tables
from ingram_assets.sources.ipage.pages.page_failures import PageChanged
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile

_NUMBER = re.compile(
    r"(?<![0-9A-Za-z])(?:97[89](?:[-‐‑–\s]?[0-9]){10}|[0-9](?:[-‐‑–\s]?[0-9]){8}[-‐‑–\s]?[0-9Xx])(?![0-9A-Za-z])"
)
_LABELED = re.compile(r"\b(?:e?isbns?|ean)(?:[-\s]?1[03])?\s*[:#]?\s*$", re.IGNORECASE)
_NAMES_ONE = re.compile(r"(?:ean|isbn|gtin)\w*", re.IGNORECASE)
_THIRTEEN = re.compile(r"(?<![0-9])97[89][0-9]{10}(?![0-9])")
_FORMAT = re.compile(
    r"\W*(?:(?:trade|mass market|large print|library|board|audio|digital|compact)\s+)*"
    r"(?:hard(?:cover|back)|paper(?:back)?|soft(?:cover|back)|e-?book|epub|kindle|audio(?:book)?|cd|disc|mp3"
    r"|large print)s?\W*(?:\$[0-9.]+)?\W*",
    re.IGNORECASE,
)
"""The text of a link to the same book in another binding, which is another title."""
_MARKED = "img[src], input[value], [data-ean], [data-isbn]"
_MAX_SIGNS = 5_000
_MAX_HEADER = 60


@dataclass(frozen=True, slots=True)
class BookSign:
    """That an element tells a book: by a `link`, its `column`, a `label`, `alone`, or a hidden `mark`."""

    isbn: str
    how: str
    node: LexborNode


@dataclass(frozen=True, slots=True)
class BadIsbn:
    """What stands for an ISBN and is none."""

    value: str
    reason: str


@dataclass(slots=True)
class Row:
    """An element that stands for one book, if its signs agree. `cells`, `header`: of a row of a table."""

    node: LexborNode
    signs: list[BookSign]
    cells: list[str] = field(default_factory=list)
    header: Header | None = None
    bad: BadIsbn | None = None

    def isbn(self) -> str | None:
        """The book that it tells; `None`: none, or several."""
        found = self.isbns()
        return found.pop() if len(found) == 1 else None

    def isbns(self) -> set[str]:
        """The books that it may tell: what links and words agree on, else all of them."""
        of: dict[str, set[str]] = {}
        for sign in self.signs:
            of.setdefault(sign.how, set()).add(sign.isbn)
        if len(column := of.get("column", set())) == 1:
            return set(column)
        words = of.get("column", set()) | of.get("label", set()) | of.get("alone", set())
        links = of.get("link", set())
        if words and links:
            return words & links or words | links
        return set(words or links or of.get("mark", set()))


@dataclass(frozen=True, slots=True)
class BookList:
    """Rows that repeat each other. `place`: what is around them, the same for the parts of one list."""

    rows: list[Row]
    place: tuple[object, ...]

    @property
    def has_column(self) -> bool:
        """Whether a heading of its table says where the ISBNs are."""
        return any(sign.how == "column" for row in self.rows for sign in row.signs)

    @property
    def isbns(self) -> set[str]:
        """The books that its rows tell."""
        return {isbn for row in self.rows if (isbn := row.isbn()) is not None}


class Books:
    """All books of a page, and their lists.

    Raises:
        PageChanged: far more of them than any page of results has.
    """

    def __init__(self, tree: LexborHTMLParser, profile: SiteProfile) -> None:
        self._tree, self._profile = tree, profile
        self._rows_of_tables: dict[int, tuple[list[str], Header]] = {}
        self._bad: dict[int, BadIsbn] = {}
        self._signs: dict[int, list[BookSign]] = {}
        named = {node.mem_id for node in asides.beside_results(tree)}
        signs = [sign for sign in self._find() if not _is_under(sign.node, named)]
        self._hold(signs)
        headed = {node.mem_id for node in asides.under_headings(tree, set(self._signs), profile.words.beside)}
        kept = [sign for sign in signs if not _is_under(sign.node, headed)]
        self._hold(kept)
        self._all, self._kept = signs, kept

    @property
    def are_there(self) -> bool:
        """Whether any stand under no heading of other books."""
        return bool(self._kept)

    @property
    def headed(self) -> set[str]:
        """The books under a heading of other books, where those are not taken."""
        return {sign.isbn for sign in self._all} - {sign.isbn for sign in self._kept}

    def take_all(self) -> None:
        """Takes those under such a heading, too: it was the search's own name."""
        self._hold(self._all)

    def lists(self) -> list[BookList]:
        """The lists on the page; the parts of one are one."""
        merged: dict[tuple[object, ...], BookList] = {}
        for found in self._lists():
            if (known := merged.get(found.place)) is not None:
                known.rows.extend(found.rows)
            else:
                merged[found.place] = found
        return [found for found in merged.values() if found.isbns or any(row.signs for row in found.rows)]

    def _find(self) -> list[BookSign]:
        found: list[BookSign] = []
        for sign in chain(self._of_columns(), self._of_links(), self._of_words(), self._of_marks()):
            found.append(sign)
            if len(found) > _MAX_SIGNS:
                raise PageChanged("results", "far more books stand on it than on any page of results.")
        return found

    def _hold(self, signs: Iterable[BookSign]) -> None:
        self._signs = {}
        for sign in signs:
            at: LexborNode | None = sign.node
            while at is not None:
                self._signs.setdefault(at.mem_id, []).append(sign)
                at = at.parent

    def _of_columns(self) -> Iterator[BookSign]:
        for rows in rows_of_tables(self._tree):
            texts = [[fields.clean(cell) for cell in cells] for _, cells in rows]
            heads = [columns_of(cells, self._profile) for cells in texts[:_MAX_HEADER]]
            place, header = max(
                enumerate(heads), key=lambda each: (each[1].score[0], -each[0]), default=(0, None)
            )
            if header is None or not header.score[0]:
                continue
            for (node, _), cells in zip(rows[place + 1 :], texts[place + 1 :], strict=True):
                self._rows_of_tables[node.mem_id] = cells, header
                for column in (*header.isbn, *header.codes):
                    text = cells[column] if column < len(cells) else ""
                    if column in header.codes and header.isbn:
                        continue
                    try:
                        yield BookSign(fields.read_book_number(text)[0], "column", node)
                    except InvalidIsbn as error:
                        if text and column in header.isbn:
                            self._bad.setdefault(node.mem_id, BadIsbn(text, str(error)))

    def _of_links(self) -> Iterator[BookSign]:
        for link in self._tree.css("a[href]"):
            address = link.attributes.get("href") or ""
            isbn = isbn_in_address(address)
            if isbn is None and (bad := _bad_in_address(address)):
                self._note_bad(link, bad)
            if isbn is not None and not _FORMAT.fullmatch(link.text(deep=True)[:60]):
                yield BookSign(isbn, "link", link)

    def _of_marks(self) -> Iterator[BookSign]:
        for node in self._tree.css(_MARKED):
            for name in ("src", "value", "data-ean", "data-isbn"):
                value = node.attributes.get(name) or ""
                isbn = (
                    isbn_in_address(value)
                    if name == "src"
                    else isbn_spelled(value)
                    if len(value) < 20
                    else None
                )
                if isbn is not None:
                    yield BookSign(isbn, "mark", node)

    def _of_words(self) -> Iterator[BookSign]:
        """ISBNs behind their label, and 13 digits that have an element for themselves."""
        before = ""
        body = self._tree.body
        for node in body.traverse(include_text=True) if body is not None else ():
            if not node.is_text_node or node.parent is None:
                continue
            text = " ".join((node.text(deep=False) or "").split())
            for found in _NUMBER.finditer(text):
                is_alone = found[0] == text and len(re.sub("[^0-9]", "", text)) == 13
                is_labeled = _LABELED.search(before[-20:] + " " + text[: found.start()][-30:]) is not None
                try:
                    isbn = fields.read_book_number(found[0])[0]
                except InvalidIsbn as error:
                    if is_labeled or is_alone:
                        self._note_bad(node.parent, BadIsbn(found[0], str(error)))
                    continue
                if is_labeled or is_alone:
                    yield BookSign(isbn, "label" if is_labeled else "alone", node.parent)
            before = text or before

    def _note_bad(self, node: LexborNode | None, bad: BadIsbn) -> None:
        while node is not None:
            self._bad.setdefault(node.mem_id, bad)
            node = node.parent

    def _lists(self) -> Iterator[BookList]:
        stack: list[tuple[LexborNode, tuple[object, ...]]] = []
        if self._tree.body is not None and self._tree.body.mem_id in self._signs:
            stack.append((self._tree.body, ()))
        while stack:
            node, place = stack.pop()
            if len({sign.isbn for sign in self._signs[node.mem_id]}) == 1:
                yield BookList(self._only(node), (*place, "one"))
                continue
            children = [child for child in node.iter() if child.mem_id in self._signs]
            alike: dict[object, list[LexborNode]] = {}
            for child in children:
                alike.setdefault(asides.kind_of(child), []).append(child)
            for kind, nodes in alike.items():
                rows = [self._row(child) for child in nodes]
                if len(rows) > 1 and 2 * sum(row.isbn() is not None for row in rows) >= len(rows):
                    rows += [self._row(child) for child in node.iter() if self._is_odd(child, kind)]
                    yield BookList(rows, (*place, kind))
                else:
                    stack += [(child, (*place, kind)) for child in reversed(nodes)]
            if not children:
                yield BookList([self._row(node)], (*place, "one"))

    def _only(self, node: LexborNode) -> list[Row]:
        """The row of the only book under a node, and those like it that are meant to tell one."""
        row = at = self._narrowed(node)
        while at.mem_id != node.mem_id and at.parent is not None:
            kind = asides.kind_of(at)
            if odd := [child for child in at.parent.iter() if self._is_odd(child, kind)]:
                return [self._row(one) for one in (at, *odd)]
            at = at.parent
        return [self._row(row)]

    def _narrowed(self, node: LexborNode) -> LexborNode:
        """The row of a book that is the only one under a node; the node where nothing repeats."""
        at = node
        while at.tag not in ("tr", "li", "article"):
            children = [child for child in at.iter() if child.mem_id in self._signs]
            if len(children) != 1:
                return at
            at = children[0]
        return at

    def _is_odd(self, node: LexborNode, kind: object) -> bool:
        """Whether a row like those that tell a book is meant to tell one as well, but tells none."""
        if node.mem_id in self._signs or asides.kind_of(node) != kind:
            return False
        links = node.css("a[href]")[:50]
        return node.mem_id in self._bad or any(
            self._profile.product_link.search(link.attributes.get("href") or "") for link in links
        )

    def _row(self, node: LexborNode) -> Row:
        cells, header = self._rows_of_tables.get(node.mem_id, ([], None))
        return Row(node, self._signs.get(node.mem_id, []), cells, header, self._bad.get(node.mem_id))


def isbn_in_address(address: str) -> str | None:
    """The ISBN that a link's address has in it: of its page, or of its cover."""
    if not address or len(address) > 4_000:
        return None
    try:
        query = parse_qsl(urlsplit(address).query, max_num_fields=100)
    except ValueError:
        return None
    named = [isbn for name, value in query if _NAMES_ONE.fullmatch(name) and (isbn := isbn_spelled(value))]
    found = set(named) or {isbn for digits in _THIRTEEN.findall(address) if (isbn := isbn_spelled(digits))}
    return found.pop() if len(found) == 1 else None


def _bad_in_address(address: str) -> BadIsbn | None:
    """The number of a book that a link's address names, and that is none."""
    try:
        query = parse_qsl(urlsplit(address[:4_000]).query, max_num_fields=100)
    except ValueError:
        return None
    for name, value in query:
        if _NAMES_ONE.fullmatch(name) and _NUMBER.fullmatch(value):
            try:
                fields.read_book_number(value)
            except InvalidIsbn as error:
                return BadIsbn(value, str(error))
    return None


def _is_under(node: LexborNode, ids: set[int]) -> bool:
    at: LexborNode | None = node
    while at is not None:
        if at.mem_id in ids:
            return True
        at = at.parent
    return False
