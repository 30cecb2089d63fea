"""All that a mail says, part by part: its subject, its texts and its HTML, whatever they are packed in.

A part that says nothing never hides another. What is no part of the message is left out: attached files,
other mails that hang on it, and what it quotes, since an older code may stand there.
"""

import html
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message

from selectolax.lexbor import LexborHTMLParser, LexborNode

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
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


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


def _is_left_out(node: LexborNode) -> bool:
    """Whether it is hidden, or a quoted mail."""
    given = node.attributes
    return node.tag != "body" and (
        "hidden" in given
        or _HIDDEN.search(given.get("style") or "") is not None
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
    try:
        declared = part.get_content_charset() or ""
    except (LookupError, UnicodeError):
        declared = ""
    # Zero bytes are in UTF-16 and UTF-32 alone, and in all of these.
    wide = b"\0" in data[:1000]
    charsets = [declared] if declared.startswith(("utf-16", "utf-32", "utf16", "utf32")) == wide else []
    if wide:
        charsets += ["utf-16"] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else []
        charsets += ["utf-16-be" if data[:1] == b"\0" else "utf-16-le"]
    for charset in (*charsets, "utf-8", "cp1252"):
        try:
            return data.decode(charset)[:_MOST]
        except (LookupError, UnicodeError):
            continue
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
