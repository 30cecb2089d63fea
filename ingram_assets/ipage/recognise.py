"""Which kind of page this is: the bot wall, a sign-in form, an expired session, no match, or the page itself.

Every answer of the site goes through `recognise` before anything is read from it: all of them come with
status 200.
"""

import codecs
import re
from enum import StrEnum
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingram_assets.ipage.page_failures import Blocked, NotFound, PageChanged, SessionExpired

MAX_CHARACTERS = 3_000_000
"""A page of the site has a tenth of this at most; more is refused unread."""

_SUSPICIOUSLY_MANY_TAGS = 15_000
_MAX_DEPTH = 2_000
_LONG_TAG = 20_000
_MAX_ATTRIBUTES = 4_000

_INCIDENT = re.compile(r"request unsuccessful\.?\s*incapsula incident|incapsula incident id", re.IGNORECASE)
_INTERRUPTION = re.compile(r"pardon our interruption", re.IGNORECASE)
_EXPIRED = re.compile(r"\bsession\s+(?:has\s+|was\s+)?(?:expired|timed\s+out|ended)\b", re.IGNORECASE)
_NO_MATCH = re.compile(r"\bno\s+information\s+match(?:es|ed|ing)?\s+your\s+(?:query|search)\b", re.IGNORECASE)
_SIGN_IN = "form[name=login i], #loginIdForm, #passwordText, #okta-sign-in, input[name=passwd]"
_SIGN_IN_STEP = "input[type=password i], input[autocomplete=one-time-code i]"
_SIGN_IN_TITLE = re.compile(
    r"\b(?:log ?in|sign ?in|verification|verify your identity|terms (?:and|&) conditions)\b", re.IGNORECASE
)
_PRODUCT = "#pd-title, .productDetailTitle, .productDetailElements, table[class*=stockchecktable i]"
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_\-]{2,20})", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "wbr"}
)


class Kind(StrEnum):
    """`PAGE` is the page itself as far as can be told: a product, a list, anything of the site's own."""

    PAGE = "page"
    BLOCKED = "blocked"
    SIGN_IN = "sign_in"
    EXPIRED = "expired"
    NOT_FOUND = "not_found"
    ERROR = "error"


class Recognised(NamedTuple):
    """`detail` is what on the page says so, fit to show a person. `is_product`: it has a product's markup."""

    kind: Kind
    detail: str
    is_product: bool = False


def recognise(body: str | bytes) -> Recognised:
    """The kind of an answer's body, HTML or not. Never raises."""
    if isinstance(body, bytes) and not looks_like_html(body):
        return Recognised(Kind.PAGE, "not HTML")
    try:
        return recognise_tree(parse(body))
    except PageChanged as error:
        return Recognised(Kind.ERROR, str(error))


def raise_unless_page(found: Recognised) -> None:
    """Raises the error that the kind stands for.

    Raises:
        SessionExpired, Blocked, NotFound: as recognised.
        PageChanged: the site's own error page, its text quoted.
    """
    match found.kind:
        case Kind.BLOCKED:
            raise Blocked(
                f"The site's bot wall answered ({found.detail}): wait before reading on, and read slower."
            )
        case Kind.SIGN_IN | Kind.EXPIRED:
            raise SessionExpired(f"The session is over ({found.detail}): sign in again, then read this page.")
        case Kind.NOT_FOUND:
            raise NotFound(f"The site lists nothing here ({found.detail}): check the ISBN.")
        case Kind.ERROR:
            raise PageChanged("page", f"the site sent an error page ({found.detail}); open it in a browser.")


def recognise_tree(tree: LexborHTMLParser) -> Recognised:
    """As `recognise`, for a page that is parsed already.

    A healthy page embeds the bot wall's script (`_Incapsula_Resource?SWJIYLWA=`) too, and a book may be
    titled or described with any of these sentences: so texts count only where no product stands, and
    the wall is known by its frame.
    """
    for frame in tree.css("iframe[src*=_Incapsula_Resource i], iframe#main-iframe"):
        source = frame.attributes.get("src") or ""
        if "CWUDNSAI" in source.upper() or (frame.id == "main-iframe" and "SWJIYLWA" not in source.upper()):
            return Recognised(Kind.BLOCKED, "a page of Imperva's wall in place of the site's")
    is_product = tree.css_first(_PRODUCT) is not None
    if tree.css_first(_SIGN_IN) is not None:
        return Recognised(Kind.SIGN_IN, "it shows the sign-in form", is_product)
    messages = [(node, words(node)) for node in tree.css(".errorMessage")]
    for node, text in messages:
        if _EXPIRED.search(text) and not (is_product and _is_hidden(node)):
            return Recognised(Kind.EXPIRED, _quoted(text), is_product)
    if is_product:
        return Recognised(Kind.PAGE, "a product page", True)

    for _, text in messages:
        if _NO_MATCH.search(text):
            return Recognised(Kind.NOT_FOUND, _quoted(text))
    title = words(tree.css_first("title"))
    text = words(tree.body)
    if _INCIDENT.search(text) or _INTERRUPTION.search(title):
        return Recognised(Kind.BLOCKED, _quoted(title or text))
    if tree.css_first(_SIGN_IN_STEP) is not None:
        return Recognised(Kind.SIGN_IN, "it asks for a password or a code")
    if _SIGN_IN_TITLE.search(title) and tree.css_first("form") is not None:
        return Recognised(Kind.SIGN_IN, _quoted(title))
    if len(text) < 5_000:
        if _INTERRUPTION.search(text):
            return Recognised(Kind.BLOCKED, _quoted(text))
        if _EXPIRED.search(text):
            return Recognised(Kind.EXPIRED, _quoted(text))
        if _NO_MATCH.search(text):
            return Recognised(Kind.NOT_FOUND, _quoted(text))
    for _, text in messages:
        if text:
            return Recognised(Kind.ERROR, _quoted(text))
    return Recognised(Kind.PAGE, _quoted(title))


def parse(body: str | bytes) -> LexborHTMLParser:
    """The parsed page, without scripts, styles and templates.

    Raises:
        PageChanged: too long or nested too deeply to be a page of the site.
    """
    text = decode(body) if isinstance(body, bytes) else body
    if len(text) > MAX_CHARACTERS:
        raise PageChanged("page", f"{len(text):,} characters are too many for a page of the site.")
    # Nesting and attributes cost the parser quadratic time: a hostile page would hang the sweep.
    if text.count("<") > _SUSPICIOUSLY_MANY_TAGS and _depth(text) > _MAX_DEPTH:
        raise PageChanged("page", "its markup is nested too deeply to be a page of the site.")
    if len(text) > _LONG_TAG and _has_monstrous_tag(text):
        raise PageChanged("page", "a tag of it has too many attributes to be of the site.")
    # The HTML rules drop NULs, which would glue the two halves of a damaged number together.
    tree = LexborHTMLParser(text.replace("\x00", "\ufffd").encode("utf-8", "replace"))
    tree.strip_tags(["script", "style", "template", "noscript"])
    return tree


def decode(body: bytes) -> str:
    """The page's text: by byte order mark, as UTF-8, by its own `charset`, else as Windows-1252."""
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body.decode("utf-16", "replace")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    named = _META_CHARSET.search(body[:4096])
    try:
        charset = codecs.lookup(named[1].decode("ascii")).name if named else "cp1252"
    except LookupError:
        charset = "cp1252"
    if charset in ("iso8859-1", "ascii"):
        charset = "cp1252"  # What browsers read under these names.
    if not charset.startswith(("cp", "iso", "mac", "koi")):
        return body.decode("utf-8", "replace")  # A page that names itself UTF-16 in ASCII is not.
    return body.decode(charset, "replace")


def looks_like_html(body: bytes) -> bool:
    """Whether these bytes are markup rather than a picture, a table of values or a PDF."""
    start = body[:2048].removeprefix(codecs.BOM_UTF8)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        start = start.decode("utf-16", "replace").encode("utf-8", "replace")
    start = start.lstrip().lower()
    return start.startswith(b"<") or b"<html" in start or b"<!doctype html" in start


def words(node: LexborNode | None) -> str:
    """The text under a node on one line, cut at 6,000 characters."""
    if node is None:
        return ""
    return " ".join(node.text(deep=True, separator=" ")[:60_000].split())[:6_000]


def _is_hidden(node: LexborNode) -> bool:
    at: LexborNode | None = node
    while at is not None and at.tag not in ("body", "html"):
        attributes = at.attributes
        style = (attributes.get("style") or "").replace(" ", "").lower()
        if "hidden" in attributes or "display:none" in style:
            return True
        at = at.parent
    return False


def _depth(text: str) -> int:
    depth = deepest = 0
    for closing, name in _TAG.findall(text):
        if closing:
            depth = max(0, depth - 1)
        elif name.lower() not in _VOID:
            depth += 1
            deepest = max(deepest, depth)
    return deepest


def _has_monstrous_tag(text: str) -> bool:
    for segment in text.split(">"):
        if len(segment) > _LONG_TAG and (tag := re.search("<[a-zA-Z]", segment)) is not None:
            inside = segment[tag.start() :]
            if len(inside) > _LONG_TAG and len(re.findall(r"[\s/\"']+", inside)) > _MAX_ATTRIBUTES:
                return True
    return False


def _quoted(text: str) -> str:
    return f"“{text[:100]}…”" if len(text) > 100 else f"“{text}”"
