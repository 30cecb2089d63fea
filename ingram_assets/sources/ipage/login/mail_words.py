"""All that a mail says, part by part: its subject, its texts and its HTML, whatever they are packed in.

A part that says nothing never hides another. What is no part of the message is left out: attached files,
other mails that hang on it, and what it quotes, since an older code may stand there.
"""

import contextlib
import html
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingram_assets.sources.ipage.pages.visible_text import is_hidden

JOINT = "\x1f"
"""Where one inline element ends or begins: nothing is seen there. Counts as white space."""

_MOST = 500_000
"""Characters that are read of a part, with its markup."""

_MOST_WORDS = 20_000
"""Characters of its words: a mail with a code has a thousand or two."""

_NOT_WORDS = frozenset({"text/css", "text/csv", "text/calendar", "text/vcard", "text/javascript"})
_MARKUP = re.compile(r"<(?:html|body|table|div|p|td|span|h[1-6])\b[^<>]*>", re.IGNORECASE)
_BLOCKS = frozenset(
    (
        *("address", "article", "aside", "blockquote", "body", "center", "dd", "div", "dl", "dt", "fieldset"),
        *("figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li"),
        *("main", "nav", "ol", "p", "pre", "section", "sub", "sup", "table", "tbody", "tfoot", "thead"),
        *("tr", "ul"),
    )
)


def words_of(mail: Message) -> list[str]:
    """The subject and every part with words, in the mail's order."""
    return [part[:_MOST_WORDS] for part in (_header(mail.get("Subject")), *_parts(mail))]


def text_of(page: str) -> str:
    """HTML as it is read: blocks parted by blank lines, cells by tabs, inline elements by `JOINT`."""
    tree = LexborHTMLParser(page)
    tree.strip_tags(["script", "style", "head", "template", "noscript"])
    if tree.body is None:
        return ""
    pieces: list[str] = []
    waiting: list[LexborNode | str] = [tree.body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            pieces.append(node)
        elif node.tag == "-text":
            pieces.append(re.sub(r"\s+", " ", node.text_content or ""))
        elif node.tag and node.tag[0] not in "-!" and not _is_left_out(node):
            if node.tag == "table" and (cells := _named_cells(node)):
                waiting.extend(reversed(cells))
                continue
            # Upside down, since the last is taken first.
            waiting.append(_edge(node.tag))
            waiting.extend(reversed(_within(node)))
            waiting.append(_edge(node.tag))
    return "".join(pieces)


def _within(node: LexborNode) -> list[LexborNode | str]:
    if node.tag == "img":
        return [node.attributes.get("alt") or ""]
    if node.tag == "input" and node.attributes.get("type") != "hidden":
        return [node.attributes.get("value") or ""]
    return list(node.iter(include_text=True))


def _named_cells(table: LexborNode) -> list[LexborNode | str] | None:
    """A table's cells, each with what stands on top of its column before it; `None` where nothing does.

    What is on top names its column where it is marked so (`th`, `thead`), or where the first row has no digit
    and all other cells have: in a table of two columns, the left may name the right.
    """
    rows = [(row, _cells(row)) for row in _rows(table)]
    rows = [(row, cells) for row, cells in rows if cells]
    # One with others in it only puts things into their places.
    has_table = any(inner.mem_id != table.mem_id for inner in table.css("table"))
    if len(rows) < 2 or has_table or any(_is_tall(cell) for _, row in rows for cell in row):
        return None
    marked = [
        (row.parent is not None and row.parent.tag == "thead") or all(cell.tag == "th" for cell in cells)
        for row, cells in rows
    ]
    if not any(marked):
        marked[0] = not any(map(_has_digit, rows[0][1])) and all(
            _has_digit(cell) for _, cells in rows[1:] for cell in cells if cell.text().strip()
        )
    if not marked[0] or all(marked) or len(rows[0][1]) < 2:
        return None
    names: list[LexborNode] = []
    pieces: list[LexborNode | str] = []
    for (_, cells), names_columns in zip(rows, marked, strict=True):
        if names_columns:
            names = [cell for cell in cells for _ in range(_width(cell))]
            continue
        # What names its row stands before the row's other cells.
        of_row = [cell for cell in cells if cell.tag == "th"] if cells[0].tag == "th" else []
        last, place = None, 0
        for cell in cells:
            name = names[place] if place < len(names) else None
            place += _width(cell)
            if cell in of_row and len(of_row) < len(cells):
                continue
            # Under one name that spans them, the cells are one.
            if name is None or last is None or name.mem_id != last.mem_id:
                pieces.append("\n\n")
                for one in (*([name] if name is not None else []), *of_row):
                    pieces += [" ".join(one.text(separator=" ").split()), " "]
            pieces += ["\t", *_within(cell)]
            last = name
    return [*pieces, "\n\n"]


def _rows(table: LexborNode) -> Iterator[LexborNode]:
    for child in table.iter():
        if child.tag in ("thead", "tbody", "tfoot"):
            yield from (row for row in child.iter() if row.tag == "tr" and not _is_left_out(row))
        elif child.tag == "tr" and not _is_left_out(child):
            yield child


def _cells(row: LexborNode) -> list[LexborNode]:
    return [cell for cell in row.iter() if cell.tag in ("td", "th") and not _is_left_out(cell)]


def _has_digit(cell: LexborNode) -> bool:
    return any(char.isdigit() for char in cell.text())


def _is_tall(cell: LexborNode) -> bool:
    return (cell.attributes.get("rowspan") or "1").strip() not in ("1", "")


def _width(cell: LexborNode) -> int:
    width = (cell.attributes.get("colspan") or "").strip()
    return min(int(width), 100) if re.fullmatch(r"[1-9]\d?", width) else 1


def _is_left_out(node: LexborNode) -> bool:
    """Whether it is hidden, or a quoted mail."""
    given = node.attributes
    return node.tag != "body" and (
        is_hidden(node)
        or (node.tag == "blockquote" and given.get("type") == "cite")
        or "gmail_quote" in (given.get("class") or "").split()
    )


def _edge(tag: str) -> str:
    if tag in _BLOCKS:
        return "\n\n"
    return {"br": "\n", "td": "\t", "th": "\t"}.get(tag, JOINT)


def _parts(part: Message) -> Iterator[str]:
    kind = part.get_content_type()
    if part.get_content_disposition() == "attachment" or part.get_content_maintype() == "message":
        return
    if part.is_multipart():
        for inner in part.get_payload():
            if isinstance(inner, Message):
                yield from _parts(inner)
    # One that says it has parts but names no boundary is read as the text it is.
    elif part.get_content_maintype() in ("text", "multipart") and kind not in _NOT_WORDS:
        text = _decoded(part)
        if kind == "text/html" or _MARKUP.search(text):
            yield text_of(text)
        else:
            lines = html.unescape(text).splitlines()
            yield "\n".join(line for line in lines if not line.startswith(">"))


def _decoded(part: Message) -> str:
    """The part's characters: by its declared charset where that fits, else by what the bytes look like."""
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return str(part.get_payload())[:_MOST]
    declared = ""
    with contextlib.suppress(LookupError, UnicodeError):
        declared = part.get_content_charset() or ""
    # Zero bytes are in UTF-16 and UTF-32 alone, and in all of these.
    wide = b"\0" in data[:1000]
    charsets = [declared] if declared.startswith(("utf-16", "utf-32", "utf16", "utf32")) == wide else []
    if wide:
        charsets += ["utf-16"] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else []
        charsets += ["utf-16-be" if data[:1] == b"\0" else "utf-16-le"]
    for charset in (*charsets, "utf-8", "cp1252"):
        with contextlib.suppress(LookupError, UnicodeError):
            return data.decode(charset)[:_MOST]
    return data.decode("latin-1")[:_MOST]


def _header(raw: object) -> str:
    """A header with its encoded words decoded, as far as they can be."""
    try:
        pieces = decode_header(str(raw or ""))
    except (HeaderParseError, ValueError):
        return str(raw)
    told = ""
    for piece, charset in pieces:
        if isinstance(piece, bytes):
            try:
                piece = piece.decode(charset or "ascii")
            except (LookupError, UnicodeError):
                piece = piece.decode("utf-8", "replace")
        told += piece
    return " ".join(told.split())
