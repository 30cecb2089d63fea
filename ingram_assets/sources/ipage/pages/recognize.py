"""Which kind of page this is: the bot wall, a sign-in form, an expired session, no match, or the page itself.

Every answer of the site goes through `recognize` before anything is read from it: all of them come with
status 200, and with any other. Positive marks decide: a product's page bears a product's, and what bears none
is looked at for a way to a sign-in and for a wall's marks.
"""

import itertools
import re
from enum import StrEnum
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingram_assets.sources.ipage.pages import lost_session, style_sheets, walls
from ingram_assets.sources.ipage.pages.charsets import decode
from ingram_assets.sources.ipage.pages.page_failures import (
    Blocked,
    NotFound,
    PageChanged,
    PerhapsBlocked,
    SessionExpired,
    SiteClosed,
)
from ingram_assets.sources.ipage.pages.visible_text import is_shown
from ingram_assets.sources.ipage.profile.page_words import PageWords
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile, built_in

MAX_CHARACTERS = 3_000_000
"""A page of the site has a tenth of this at most; more is refused unread."""

_SUSPICIOUSLY_MANY_TAGS = 15_000
_MAX_DEPTH = 2_000
_LONG_TAG = 20_000
_MAX_ATTRIBUTES = 4_000

_SHORT = 200_000
"""Characters. What stands in a page's place is shorter, scripts and all; a longer one is read as it is."""

_FEW_WORDS = 5_000
"""Characters that a person can read. What stands in a page's place says less."""

_NOTICE = 4_000
"""Bytes. An answer that is no markup, and no longer, may be a notice in a page's place."""

_EXPIRED = re.compile(r"\bsession\s+(?:has\s+|was\s+)?(?:expired|timed\s+out|ended)\b", re.IGNORECASE)
_NO_MATCH = re.compile(r"\bno\s+information\s+match(?:es|ed|ing)?\s+your\s+(?:query|search)\b", re.IGNORECASE)
_WAITING = re.compile(
    r"^\W*(?:loading|please wait|one moment|redirecting|you are being redirected|signing (?:you )?in)?\W*$",
    re.IGNORECASE,
)
_SIGN_IN = "form[name=login i], #loginIdForm, #passwordText, #okta-sign-in, input[name=passwd]"
_SIGN_IN_STEP = "input[type=password i], input[autocomplete=one-time-code i]"
_FIELDS = "input[type=text i], input[type=tel i], input[type=email i], input[type=radio i], select"
_SIGN_IN_TITLE = re.compile(
    r"\b(?:log ?in|sign ?in|verification|verify your identity|terms (?:and|&) conditions)\b", re.IGNORECASE
)
_PRODUCT = (
    "#pd-title, .productDetailTitle, .productDetailElements, table[class*=stockchecktable i], [data-ean], "
    "[data-isbn]"
)
_EAN = r"97[89](?:[- ]?[0-9]){10}(?![0-9])"
_CELL_OF_EAN = re.compile(rf"\W{{0,4}}{_EAN}\W{{0,4}}")
_APP = "body [id]:empty, script[type=module i], [data-reactroot], [ng-app]"
_SCRIPT_OR_COMMENT = re.compile(r"<!--|<script\b")
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_ROOT = re.compile(
    # No way back into what was passed over: a hostile page would take hours.
    r"(?>\s++|<\?[^>]*+>|<!--.*?-->|<!doctype[^>\[]*+(?:\[[^\]]*+\])?+[^>]*+>)*+<(?P<name>[a-z][^\s<>/]*)",
    re.IGNORECASE | re.DOTALL,
)
_HTML = frozenset(
    (
        *("html", "head", "body", "title", "base", "link", "meta", "style", "script", "noscript", "template"),
        *("frameset", "frame", "noframes", "iframe", "object", "embed", "applet", "param", "slot", "isindex"),
        *("address", "article", "aside", "blockquote", "center", "dd", "details", "dialog", "dir", "div"),
        *("dl", "dt", "fieldset", "figcaption", "figure", "footer", "form"),
        *("h1", "h2", "h3", "h4", "h5", "h6"),
        *("header", "hgroup", "hr", "legend", "li", "main", "menu", "nav", "ol", "p", "pre", "search"),
        *("section", "summary", "ul", "listing", "plaintext", "xmp", "marquee", "blink", "nobr"),
        *("table", "caption", "col", "colgroup", "tbody", "td", "tfoot", "th", "thead", "tr"),
        *("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "br", "cite", "code", "data", "del", "dfn", "em"),
        *("font", "i", "ins", "kbd", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub"),
        *("sup", "time", "tt", "u", "var", "wbr", "img", "image", "map", "area", "picture", "source"),
        *("track", "audio", "video", "canvas", "button", "datalist", "input", "label", "meter", "optgroup"),
        *("option", "output", "progress", "select", "textarea", "ruby", "rb", "rp", "rt", "rtc"),
    )
)
"""All elements that a page or a piece of one may begin with."""

_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "wbr"}
)


class PageKind(StrEnum):
    """`PAGE` is the page itself as far as can be told: a product, a list, anything of the site's own.

    `BARE` is nothing but a script that nobody knows, `UNREAD` one that is too large or too deep to be looked
    at: nobody knows what it says.
    """

    PAGE = "page"
    BLOCKED = "blocked"
    BARE = "bare"
    SIGN_IN = "sign_in"
    EXPIRED = "expired"
    CLOSED = "closed"
    NOT_FOUND = "not_found"
    ERROR = "error"
    UNREAD = "unread"


class Recognized(NamedTuple):
    """`detail` is what on the page says so, fit to show a person. `is_product`: it has a product's marks."""

    kind: PageKind
    detail: str
    is_product: bool = False


def recognize(
    body: str | bytes,
    headers: walls.Headers = (),
    *,
    may_be_empty: bool = False,
    profile: SiteProfile | None = None,
) -> Recognized:
    """The kind of an answer, HTML or not. Never raises.

    Args:
        headers: those that came with it; a header comes as often as it was sent.
        may_be_empty: whether the site itself may send nothing here.
        profile: what is believed of the site; without one, what comes with the program.
    """
    headers, profile = list(headers), profile or built_in()
    if (wall := walls.in_headers(headers)) is not None:
        return Recognized(PageKind.BLOCKED, wall)
    found = _recognize_body(body, profile)
    is_empty = found.kind is PageKind.PAGE and len(body) < _NOTICE and _is_empty(body)
    if is_empty and (wall := walls.on_an_empty_answer(headers, may_be_empty=may_be_empty)) is not None:
        return Recognized(PageKind.BLOCKED, wall)
    if found.kind in (PageKind.PAGE, PageKind.BARE) and not found.is_product:
        refreshes = [value for name, value in headers if name.lower() == "refresh"]
        if any(lost_session.refreshes_to_sign_in(value, profile.words) for value in refreshes):
            return Recognized(PageKind.SIGN_IN, "a refresh to a sign-in")
    return found


def _recognize_body(body: str | bytes, profile: SiteProfile) -> Recognized:
    if isinstance(body, bytes) and not looks_like_html(body):
        return _recognize_notice(body, profile.words)
    text = decode(body) if isinstance(body, bytes) else body
    if (root := other_root(text)) is not None:
        return _recognize_other_markup(text, root, profile.words)
    try:
        return recognize_tree(parse(text), text, profile)
    except PageChanged as error:
        return Recognized(PageKind.UNREAD, str(error).removeprefix(f"{error.label}: ").rstrip("."))


def _recognize_other_markup(text: str, root: str, of_site: PageWords) -> Recognized:
    """A drawing or a record in a page's place: its scripts are its own, and no wall's unless they say so."""
    markup = text[:_SHORT]
    if walls.OWN_MARKUP.search(markup) or walls.EMBEDDED_MARKUP.search(markup):
        return Recognized(PageKind.BLOCKED, "a bot wall's script")
    if root == "svg":  # Its words are those of a cover.
        return Recognized(PageKind.PAGE, "a drawing")
    return _recognize_notice(text.encode("utf-8", "replace"), of_site)


def _recognize_notice(body: bytes, of_site: PageWords) -> Recognized:
    """A line of text or some JSON in a page's place; a table of values has books in it."""
    not_html = Recognized(PageKind.PAGE, "not HTML")
    if len(body) > _NOTICE or body.count(b"\n") > 12:
        return not_html
    text = decode(body)
    if re.search(_EAN, text) and not text.lstrip().startswith("{"):
        return not_html
    if walls.OWN_MARKUP.search(text) or walls.in_words("", text, of_site):
        return Recognized(PageKind.BLOCKED, _quoted(text.strip()))
    if lost_session.says_the_site_is_closed(text, of_site):
        return Recognized(PageKind.CLOSED, _quoted(text.strip()))
    if lost_session.is_over(text, of_site) or lost_session.ASKS_TO_SIGN_IN.search(text):
        return Recognized(PageKind.EXPIRED, _quoted(text.strip()))
    if text.lstrip().startswith("{") and lost_session.is_sign_in_address(text, of_site):
        return Recognized(PageKind.SIGN_IN, _quoted(text.strip()))
    if of_site.not_found.search(text):
        return Recognized(PageKind.NOT_FOUND, _quoted(text.strip()))
    return not_html


def _is_empty(body: str | bytes) -> bool:
    if not body.strip():
        return True
    if isinstance(body, bytes) and not looks_like_html(body):
        return False
    tree = LexborHTMLParser(body if isinstance(body, str) else bytes(body))
    return not words(tree.body) and tree.css_first("body *, script, [http-equiv]") is None


def raise_unless_page(found: Recognized) -> None:
    """Raises the error that the kind stands for.

    Raises:
        SessionExpired, SiteClosed, Blocked, NotFound: as recognized. PerhapsBlocked: nothing but a script.
        PageChanged: the site's own error page, its text quoted; or a page that is not looked at.
    """
    match found.kind:
        case PageKind.BLOCKED:
            raise Blocked(
                f"The site's bot wall answered ({found.detail}): wait before reading on, and read slower."
            )
        case PageKind.BARE:
            raise PerhapsBlocked(
                f"The site sent nothing but a script ({found.detail}), as bot walls do: wait before reading "
                "on, or open the page in a browser."
            )
        case PageKind.SIGN_IN | PageKind.EXPIRED:
            raise SessionExpired(f"The session is over ({found.detail}): sign in again, then read this page.")
        case PageKind.CLOSED:
            raise SiteClosed(f"The site is closed for now ({found.detail}): try again later.")
        case PageKind.NOT_FOUND:
            raise NotFound(f"The site lists nothing here ({found.detail}): check the ISBN.", in_words=True)
        case PageKind.ERROR:
            raise PageChanged("page", f"the site sent an error page ({found.detail}); open it in a browser.")
        case PageKind.UNREAD:
            raise PageChanged("page", f"{found.detail}; open it in a browser.")


def recognize_tree(tree: LexborHTMLParser, text: str = "", profile: SiteProfile | None = None) -> Recognized:
    """As `recognize`, for a page that is parsed already.

    A healthy page embeds the bot wall's script (`_Incapsula_Resource?SWJIYLWA=`) too, its scripts know the
    login page, and a book may be titled or described with any of these sentences: so all of that counts only
    where no product stands, and the wall is known by its frame.

    Args:
        text: the page before it was parsed; without it its scripts aren't looked at.
        profile: as for `recognize`.
    """
    of_site = (profile or built_in()).words
    for frame in tree.css("iframe[src*=_Incapsula_Resource i], iframe#main-iframe"):
        source = frame.attributes.get("src") or ""
        if "CWUDNSAI" in source.upper() or (frame.id == "main-iframe" and "SWJIYLWA" not in source.upper()):
            return Recognized(PageKind.BLOCKED, "a page of Imperva's wall in place of the site's")
    is_product = _bears_a_product(tree, of_site)
    if tree.css_first(_SIGN_IN) is not None:
        return Recognized(PageKind.SIGN_IN, "it shows the sign-in form", is_product)
    messages = [(node, words(node)) for node in tree.css(".errorMessage")]
    for node, message in messages:
        is_over = _EXPIRED.search(message) or of_site.expired.search(message)
        if is_over and (is_shown(node) or not is_product):
            return Recognized(PageKind.EXPIRED, _quoted(message), is_product)
    if is_product:
        return Recognized(PageKind.PAGE, "a product page", True)
    return _recognize_in_its_place(tree, [message for _, message in messages if message], text, of_site)


class _StandIn(NamedTuple):
    """A page that bears no product's marks."""

    tree: LexborHTMLParser
    title: str
    text: str
    messages: list[str]
    """The site's own on it."""
    whole: LexborHTMLParser | None
    """With its scripts; `None` where it is too long to stand in a page's place."""
    markup: str
    """The source of `whole`."""
    of_site: PageWords

    @property
    def is_short(self) -> bool:
        return len(self.text) < _FEW_WORDS


def _recognize_in_its_place(
    tree: LexborHTMLParser, messages: list[str], source: str, of_site: PageWords
) -> Recognized:
    """The kind of a page that bears no product's marks."""
    title, text = words(tree.css_first("title")), words(tree.body)
    may_be_one = source != "" and len(source) < _SHORT and len(text) < _FEW_WORDS
    whole, markup = (LexborHTMLParser(source), source) if may_be_one else (None, "")
    page = _StandIn(tree, title, text, messages, whole, markup, of_site)
    for message in messages:
        if _says_no_match(message, of_site):
            return Recognized(PageKind.NOT_FOUND, _quoted(message))
        if lost_session.is_over(message, of_site):
            return Recognized(PageKind.EXPIRED, _quoted(message))
    if walls.OWN_MARKUP.search(markup) or walls.in_words(title, text if page.is_short else "", of_site):
        return Recognized(PageKind.BLOCKED, _quoted(title or text or "a bot wall's script"))
    if (found := _by_a_sign_in(page)) is not None:
        return found
    if page.is_short and (kind := _by_its_words(text, of_site)) is not None:
        return Recognized(kind, _quoted(text))
    if messages:
        return Recognized(PageKind.ERROR, _quoted(messages[0]))
    return _by_what_it_lacks(page) or Recognized(PageKind.PAGE, _quoted(title))


def _by_its_words(text: str, of_site: PageWords) -> PageKind | None:
    if lost_session.is_over(text, of_site):
        return PageKind.EXPIRED
    if _says_no_match(text, of_site):
        return PageKind.NOT_FOUND
    return PageKind.SIGN_IN if lost_session.ASKS_TO_SIGN_IN.search(text) else None


def _says_no_match(text: str, of_site: PageWords) -> bool:
    return _NO_MATCH.search(text) is not None or of_site.not_found.search(text) is not None


def _by_a_sign_in(page: _StandIn) -> Recognized | None:
    """A sign-in, the way to one, or the door that is shut for maintenance."""
    tree, title, text = page.tree, page.title, page.text
    if tree.css_first(_SIGN_IN_STEP) is not None:
        return Recognized(PageKind.SIGN_IN, "it asks for a password or a code")
    has_form = tree.css_first("form") is not None
    if has_form and _SIGN_IN_TITLE.search(title):
        return Recognized(PageKind.SIGN_IN, _quoted(title))
    is_closed = page.is_short and lost_session.says_the_site_is_closed(f"{title}. {text}", page.of_site)
    if is_closed and not has_form and not lost_session.has_a_way_out(tree, page.of_site):
        return Recognized(PageKind.CLOSED, _quoted(text or title))
    if page.whole is None:
        return None
    has_a_message = bool(page.messages)
    way = lost_session.way_to_sign_in(page.whole, text, page.of_site, has_a_message=has_a_message)
    return Recognized(PageKind.SIGN_IN, way) if way else None


def _by_what_it_lacks(page: _StandIn) -> Recognized | None:
    """A page that offers nothing but one thing, to somebody who isn't signed in."""
    whole = page.whole
    if whole is None or lost_session.has_a_way_out(whole, page.of_site):
        return None
    if walls.CAPTCHA.search(page.markup) and page.tree.css_first(_FIELDS) is None:
        return Recognized(PageKind.BLOCKED, "it asks for proof of being human")
    if len(page.text) < 300 and lost_session.only_way_is_sign_in(whole, page.of_site):
        return Recognized(PageKind.SIGN_IN, "its only link leads to a sign-in")
    if _WAITING.match(page.text) and whole.css_first("script, iframe") is not None:
        return _recognize_bare(whole, page.title, is_cut=_is_cut(page.markup))
    return None


def _recognize_bare(page: LexborHTMLParser, title: str, *, is_cut: bool) -> Recognized:
    """The kind of a page without a word on it: a wall's, one that a script draws, or half a page."""
    if _SIGN_IN_TITLE.search(title):
        return Recognized(PageKind.SIGN_IN, _quoted(title))
    sources = [script.attributes.get("src") or "" for script in page.css("script[src], iframe[src]")]
    own = [source for source in sources if not walls.EMBEDDED_MARKUP.search(source)]
    if page.css_first(_APP) is not None and own:
        return Recognized(PageKind.PAGE, "an empty page that a script fills")
    if walls.EMBEDDED_MARKUP.search(page.html or "") and not own:
        return Recognized(PageKind.BLOCKED, "nothing but a bot wall's script")
    if page.css_first("script") is not None and not is_cut:
        return Recognized(PageKind.BARE, _quoted(title or (sources or ["without a word"])[0]))
    return Recognized(PageKind.PAGE, _quoted(title))


def _is_cut(source: str) -> bool:
    """Whether it is the beginning of a longer page. What has no `<html>` may have no end."""
    lowered = source.strip().lower()
    if "<html" not in lowered:
        return False
    return not lowered.endswith("</html>") or lowered.rfind("<!--") > lowered.rfind("-->")


def shows_a_session(body: bytes, profile: SiteProfile) -> bool:
    """Whether the page is one for somebody who is signed in: it offers to sign out."""
    try:
        tree = parse(body)
    except PageChanged:
        return False
    found = recognize_tree(tree, profile=profile)
    return found.kind is PageKind.PAGE and lost_session.has_a_way_out(tree, profile.words)


def _bears_a_product(tree: LexborHTMLParser, of_site: PageWords) -> bool:
    if tree.css_first(_PRODUCT) is not None:
        return True
    body = tree.body
    # An ISBN in an address is the one that was asked for, which walls quote.
    if body is not None and of_site.labeled_ean.search(body.text(deep=True, separator=" ")[:200_000]):
        return True
    cells = itertools.islice(tree.css("td"), 2_000)
    return any(_CELL_OF_EAN.fullmatch(cell.text(deep=True)[:40].strip()) for cell in cells)


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
    if "<style" in text.lower():
        style_sheets.mark_hidden(tree)
    tree.strip_tags(["script", "style", "template", "noscript"])
    return tree


def refuse_cut_page(text: str) -> None:
    """A page that ends early may end in the middle of a number, or before the second stock table.

    Raises:
        PageChanged: it is cut short.
    """
    markup = _without_scripts_and_comments(text.lower())
    if re.search(r"<html\b", markup):
        end = markup.rfind("</html")
        if end < 0 or re.search(r"<(?:t[dr]|table|body)\b", markup[end:]):
            raise PageChanged("</html>", "the page is cut short: fetch it again.")
    elif markup.count("<table") > markup.count("</table") or markup.rfind("<") > markup.rfind(">"):
        raise PageChanged("</table>", "the page is cut short: fetch it again.")


def _without_scripts_and_comments(markup: str) -> str:
    # By hand, not by one pattern: a hostile page of a million openings would take a pattern forever.
    kept, at = [], 0
    while (start := _SCRIPT_OR_COMMENT.search(markup, at)) is not None:
        kept.append(markup[at : start.start()])
        ending = "-->" if start[0] == "<!--" else "</script"
        at = markup.find(ending, start.end())
        if at < 0:
            return "".join(kept)
        at += len(ending)
    return "".join(kept) + markup[at:]


def looks_like_html(body: bytes) -> bool:
    """Whether these bytes are markup rather than a picture, a table of values or a PDF."""
    start = decode(body[:2048]).lstrip().lower()
    # At the beginning of a line: a title in a table of values may name a tag.
    return (
        start.startswith("<")
        or re.search(r"^\s*<(?:html[\s>]|!doctype html)", start, re.MULTILINE) is not None
    )


def other_root(text: str) -> str | None:
    """The name of the root of markup that is no HTML, in lower case: svg, rss, soap:envelope; else `None`."""
    found = _ROOT.match(text[:20_000].lstrip("\ufeff"))
    name = found["name"].lower() if found is not None else ""
    if text[:200].lstrip("\ufeff \t\r\n").startswith("<?xml"):
        return name if name and name.rpartition(":")[2] != "html" else None
    # A site may name elements of its own, with a hyphen in it.
    return name if name and "-" not in name and name not in _HTML else None


def words(node: LexborNode | None) -> str:
    """The text under a node on one line, cut at 6,000 characters."""
    if node is None:
        return ""
    return " ".join(node.text(deep=True, separator=" ")[:60_000].split())[:6_000]


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
