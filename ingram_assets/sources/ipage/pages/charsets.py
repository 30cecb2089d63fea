"""The text of an answer's bytes: by what is declared, and by how much of it fits.

Pages are put together from records that were typed under other charsets, so no single byte decides for the
page: one that does not fit costs itself alone.
"""

import codecs
import contextlib
import re
from collections.abc import Mapping


class Body(bytes):
    """The bytes of an answer, with the charset that its header declares, and where redirects ended."""

    charset: str | None = None
    url: str = ""

    @classmethod
    def of(cls, body: bytes, headers: Mapping[str, str], url: str = "") -> "Body":
        """The body of an answer with these headers, whose names are looked up in any case."""
        made = cls(body)
        made.url = url
        said = _IN_HEADER.search(headers.get("content-type") or "")
        made.charset = said[1] if said else None
        return made


_IN_HEADER = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9_\-:.]{2,30})", re.IGNORECASE)
_IN_PAGE = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_\-]{2,20})"
    rb"|^\s*<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([A-Za-z0-9_\-]{2,20})",
    re.IGNORECASE,
)
_WIDE_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BEFORE_UTF_8 = ("cp", "iso8859", "mac", "koi8", "shift_jis", "euc_", "gb", "big5", "tis")
"""How Python's names of the charsets begin that pages had before UTF-8."""
_AS_BROWSERS_READ = {
    **{"ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "tis-620": "cp874"},
    **{"gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949", "shift_jis": "cp932"},
}

_CHARACTERS = (
    rb"(?:[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}"
    rb"|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}"
    rb"|\xf4[\x80-\x8f][\x80-\xbf]{2})+"
)
_SOUND = re.compile(_CHARACTERS)
"""Characters of UTF-8 beyond ASCII."""
_EITHER = re.compile(rb"[\xc6-\xdf][\x85\x91-\x97\xa0\xbb]")
"""Characters of UTF-8 that may be a capital letter and a quotation mark of Windows-1252 as well."""
_ASCII = bytes(range(0x80))
_CUT = rb"\xe2[\x80-\xbf]|[\xf0-\xf4][\x80-\xbf]{1,2}|[\xc2\xc3\xe2](?![\x80-\xffA-Za-z])"
"""What a field of so many bytes leaves of a character at its end. Anything else is a letter of another
charset: “é” before a closing quotation mark looks like two thirds of a character."""
_IN_UTF_8 = re.compile(_CHARACTERS + rb"|(?P<cut>" + _CUT + rb")")
_IN_WINDOWS_1252 = re.compile(
    # Letters and signs of the West only: other pairs of letters look like characters of UTF-8, too.
    rb"[\xc2-\xc5][\x80-\xbf]|\xe2(?:\x80[\x80-\xbf]|\x82\xac|\x84\xa2)"
)


def decode(body: bytes) -> str:
    """The text. U+FFFD stands for what can't be told.

    The mark of UTF-16 or UTF-32 decides. Else it is UTF-8 where most of what is not ASCII fits, whatever is
    declared; else the charset of the header, else that which the page names, else Windows-1252.
    """
    for mark, name in _WIDE_MARKS:
        if body.startswith(mark):
            return body.decode(name, "replace")
    if (wide := _wide_without_mark(body)) is not None:
        return body.decode(wide, "replace")
    with contextlib.suppress(UnicodeDecodeError):
        return body.decode("utf-8-sig")
    declared = _declared(body) or "cp1252"
    body = body.removeprefix(codecs.BOM_UTF8)
    telling = _EITHER.sub(b" ", body)
    fitting = sum(len(found[0]) for found in _SOUND.finditer(telling))
    if 2 * fitting > len(telling.translate(None, _ASCII)):
        return _mixed(body, _IN_UTF_8, declared)
    if declared == "cp1252":
        return _mixed(body, _IN_WINDOWS_1252, declared)
    return body.decode(declared, "replace")


def _wide_without_mark(body: bytes) -> str | None:
    """UTF-16, told by the zeros between the letters of its tags or its headings."""
    start = body[:400]
    even, odd = start[::2].count(0), start[1::2].count(0)
    if 4 * max(even, odd) <= len(start) or 10 * min(even, odd) > len(start):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _declared(body: bytes) -> str | None:
    """The charset other than UTF-8 that the header or else the page declares; `None` where there is none."""
    found = _IN_PAGE.search(body[:4096])
    page = (found[1] or found[2]).decode("ascii") if found else None
    for name in filter(None, (getattr(body, "charset", None), page)):
        try:
            charset = codecs.lookup(name).name
        except LookupError:
            continue
        charset = _AS_BROWSERS_READ.get(charset, charset)
        # What names itself UTF-8 is not, for the most part; and UTF-16 or a mainframe's would show no tag.
        if charset.startswith(_BEFORE_UTF_8) and b"<html>".decode(charset, "replace") == "<html>":
            return charset
    return None


def _mixed(body: bytes, parts: re.Pattern[bytes], between: str) -> str:
    """Characters of UTF-8 as such, what is between them in that charset."""
    pieces: list[str] = []
    at = 0
    for part in parts.finditer(body):
        pieces.append(body[at : part.start()].decode(between, "replace"))
        pieces.append("\ufffd" if part.lastgroup == "cut" else part[0].decode("utf-8"))
        at = part.end()
    return "".join(pieces) + body[at:].decode(between, "replace")
