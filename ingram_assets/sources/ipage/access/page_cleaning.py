"""A kept page for a stranger's eyes: as it was, without anything that says whose it is.

Beyond what `kept_pages.without_secrets` takes out. The markup stays, so that the page is read as the shop's
own was: only texts and values of attributes are changed.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from ingram_assets.domain.isbn import isbn_spelled
from ingram_assets.domain.private_text import (
    REMOVED,
    KnownValues,
    PrivateSpan,
    as_seen,
    cut_out,
    private_spans,
    tells_who,
    wants_next,
    without_private,
)
from ingram_assets.domain.secret_forms import SecretForms
from ingram_assets.sources.ipage.access.kept_pages import MAX_PAGE_BYTES, without_secrets
from ingram_assets.sources.ipage.profile.label_names import LabelNames

_TAG = re.compile(
    r"<(?P<end>/?)(?P<name>[A-Za-z][\w:-]{0,40})(?P<rest>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>|<[^<>]*>"
)
_ATTRIBUTE = re.compile(
    r"""(?P<name>[^\s"'<>/=]{1,100})(?P<is>\s{0,9}=\s{0,9})(?P<value>"[^"]*"|'[^']*'|[^\s>]+)"""
)
_HEAD = re.compile(r"</?[A-Za-z][\w:-]{0,40}")
_DOCTYPE = re.compile(r"(?i)<!doctype\b")
_INLINE = frozenset(
    {
        *("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i"),
        *("img", "input", "ins", "kbd", "label", "mark", "nobr", "q", "s", "samp", "small", "span", "strike"),
        *("strong", "sub", "sup", "tt", "u", "var", "wbr"),
    }
)
_WITHOUT_TEXT = frozenset({"option", "textarea", "script", "noscript"})
_TO_THEIR_END = frozenset({"textarea", "noscript"})
"""Elements that hold others, or what looks like them."""
_KEPT_AS_IT_IS = frozenset(
    {"class", "id", "type", "rel", "colspan", "rowspan", "width", "height", "http-equiv"}
)
_ADDRESSES = frozenset(
    {"href", "src", "action", "formaction", "data", "poster", "srcset", "background", "cite"}
)
_OF_A_PERSON = re.compile(
    r"(?i)^(?:data|aria|ng|v|x)\b.*(?:user|name|account|acct|cust|client|mail|phone|address|order|token|session|"
    r"auth|key|csrf|secret|login)|^(?:srcdoc|nonce|integrity|ping|placeholder|download)$"
)
_QUERY_VALUE = re.compile(r"(?P<name>[?&;#][^=&;#?\s]{1,60}=)(?P<value>[^&;#\s]*)")
_FRAGMENT = re.compile(r"(?<=#)(?![a-z]{1,12}$|[^#=]{1,60}=)[^#\s]+", re.IGNORECASE)
_HARMLESS_VALUE = re.compile(r"[A-Za-z]{0,3}|[0-9]{1,4}|true|false|desc|view|search|detail|excel|list")
_HARMLESS_DATA = re.compile(r"[0-9]{1,3}(?:,?[0-9]{3})?(?:\.[0-9]{1,2})?|true|false|yes|no|")
_FILE = re.compile(
    r"(?<=[/\\])[^/\\?#;,\s]{1,300}(?=\.(?:jpe?g|png|gif|webp|avif|svg|bmp|pdf|xlsx?|csv|docx?|txt|zip)\b)",
    re.IGNORECASE,
)
_IN_STYLE = re.compile(r"(?i)(url\s{0,3}\()[^)]*")
_CODE = re.compile(r"(?i)[\s\x00-\x20]*((?:java|vb|live)script|data|blob|mailto|tel|sms):")
_LOOKS_LIKE_AN_ADDRESS = re.compile(r"(?i)[\s]*(?:https?:)?//|[^\s]*[?&;#][\w.-]{1,60}=")
_TITLE = re.compile(r"(?i)\b(?:pd-title|productDetailTitle)\b")
_DIGITS = re.compile(r"(?<![0-9])97[89][0-9]{10}(?![0-9])")
_LONGEST_ANSWER, _MOST_ADDRESS_LINES = 200, 6


@dataclass(slots=True)
class _Line:
    """Texts without a block between them: the places of their tokens, and what they say together."""

    tokens: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    is_title: bool = False

    @property
    def text(self) -> str:
        return "".join(self.texts)


class PageCleaner:
    """Cleans pages, and learns from each who the shop is, for all of them.

    A page may name somebody where nothing shows that it is a name; another one greets them. So each is looked
    at first (`learn`), and cleaned when all were.

    Args:
        known: the account's name, secrets, and whatever else must not be told.
        labels: of a product page: what stands before one of them is no answer to what was asked before it.
    """

    def __init__(self, known: KnownValues, labels: LabelNames) -> None:
        self.known, self._labels, self._disguised = known, labels, SecretForms(known.values)
        self._learnt: dict[str, None] = {}

    def learn(self, page: str) -> None:
        """Remembers names and numbers that a page says are somebody's."""
        _, private = _cleaned(_prepared(page, self.known), self._labels, self._disguised)
        for value in (value for text in private for value in tells_who(text)):
            if len(self._learnt) < 200:
                self._learnt.setdefault(value)

    def all_known(self) -> KnownValues:
        """What was known, and what was learnt."""
        return self.known.and_also(self._learnt)

    def clean(self, page: str, known: KnownValues | None = None) -> str:
        """The page without what is private. `known`: `all_known`, made once for all pages."""
        known = known or self.all_known()
        text, _ = _cleaned(_prepared(page, known), self._labels, self._disguised)
        return known.removed_from(text)[:MAX_PAGE_BYTES]


def _prepared(page: str, known: KnownValues) -> str:
    return known.removed_from(without_secrets(page))


def _cleaned(page: str, labels: LabelNames, disguised: SecretForms) -> tuple[str, list[str]]:
    """The page, and the texts taken out of it that say who somebody is.

    A text or an attribute that says a known value in disguise goes whole: which part says it, can't be told.
    """
    isbns = frozenset(_DIGITS.findall(page))
    tokens = list(_tokens(page))
    private: list[str] = []
    asked: str | None = None
    lines = 0
    for run in _runs(tokens):
        seen = run.text
        if not seen.strip():
            continue
        if disguised.is_in(seen):
            _change(tokens, run, [PrivateSpan(0, len(seen))])
            continue
        if asked and _is_an_answer(asked, seen, labels):
            private += [seen] if asked != "amount" else []
            _change(tokens, run, [PrivateSpan(0, len(seen))])
            lines += 1
            asked = asked if asked == "address" and lines < _MOST_ADDRESS_LINES else None
            continue
        asked, lines = None if run.is_title else wants_next(seen), 0
        spans = private_spans(seen, isbns, is_title=run.is_title)
        private += [seen[span.start : span.end] for span in spans if span.names]
        _change(tokens, run, spans)
    return "".join(
        _without_values(token, isbns, disguised) if token.startswith("<") else token for token in tokens
    ), private


def _tokens(page: str) -> Iterator[str]:
    at = 0
    for tag in _TAG.finditer(page):
        if tag.start() > at:
            yield page[at : tag.start()].replace("<", "&lt;")
        yield tag[0]
        at = tag.end()
    if at < len(page):
        yield page[at:].replace("<", "&lt;")


def _runs(tokens: list[str]) -> Iterator[_Line]:
    """The runs of texts as people see them. What an option or a field says is taken out of `tokens`."""
    run, within, titled = _Line(), "", ""
    for place, token in enumerate(tokens):
        if not token.startswith("<"):
            if within:
                tokens[place] = REMOVED
            else:
                run.tokens.append(place)
                run.texts.append(as_seen(token))
                run.is_title = run.is_title or bool(titled)
            continue
        tag = _TAG.fullmatch(token)
        name, is_end = (tag["name"] or "").lower() if tag else "", bool(tag and tag["end"])
        if within in _TO_THEIR_END:
            within = "" if is_end and name == within else within
        elif name in _WITHOUT_TEXT or (within and is_end):
            within = "" if is_end else name
        if name == "br" and run.texts:
            run.texts[-1] += "\n"
        if name not in _INLINE and name != "br":
            yield run
            run = _Line()
        if titled and is_end and name == titled:
            titled = ""
        elif tag and name and not is_end and _TITLE.search(tag["rest"]):
            titled = name
    yield run


def _is_an_answer(asked: str, text: str, labels: LabelNames) -> bool:
    if asked == "secret" and len(text.split()) > 1:
        return False  # "Forgot your password?"
    if asked == "amount" and not any(map(str.isdigit, text)):
        return False
    return len(text) <= _LONGEST_ANSWER and not _is_a_field(text, labels)


def _is_a_field(text: str, labels: LabelNames) -> bool:
    """Whether a text is another label, of the book or not, so no answer to the one before it."""
    name, colon, rest = text.partition(":")
    return labels.field_named(name.strip())[0] is not None or (bool(colon) and not rest.strip())


def _change(tokens: list[str], run: _Line, spans: list[PrivateSpan]) -> None:
    """Take the spans of the run's text out of its tokens."""
    if not spans:
        return
    at = 0
    for place, text in zip(run.tokens, run.texts, strict=True):
        end = at + len(text)
        own = [
            PrivateSpan(max(span.start, at) - at, min(span.end, end) - at)
            for span in spans
            if span.start < end and span.end > at
        ]
        if own:
            tokens[place] = html.escape(cut_out(text, own).rstrip("\n"), quote=False)
        at = end


def _without_values(token: str, isbns: frozenset[str], disguised: SecretForms) -> str:
    """A tag with the values of its attributes cleaned."""
    if token[1:2] in "!?":
        return token if _DOCTYPE.match(token) else ""
    # Also of a tag whose quotes have no partners.
    tag = _HEAD.match(token)
    if tag is None or "=" not in token:
        return token
    head = tag.end()

    def cleaned(found: re.Match[str]) -> str:
        name, value = found["name"].lower(), found["value"]
        sign = value[0] if value[0] in "\"'" else ""
        inner = value[1:-1] if sign else value
        new = REMOVED if disguised.is_in(inner) else _value(name, inner, isbns)
        if new == inner:
            return found[0]
        return f'{found["name"]}{found["is"]}"{html.escape(new)}"'

    return token[:head] + _ATTRIBUTE.sub(cleaned, token[head:])


def _value(name: str, value: str, isbns: frozenset[str]) -> str:
    if name in _KEPT_AS_IT_IS:
        return value
    if name.startswith("on") or _OF_A_PERSON.search(name):
        return REMOVED
    seen = as_seen(value).strip()
    if name.startswith("data-"):
        return value if _HARMLESS_DATA.fullmatch(seen) or isbn_spelled(seen) else REMOVED
    if code := _CODE.match(re.sub(r"[\x00-\x20]", "", unquote(seen))):
        return f"{code[1]}:{REMOVED}"
    if name == "style":
        return _IN_STYLE.sub(rf"\1{REMOVED}", seen) if _IN_STYLE.search(seen) else value
    if name in _ADDRESSES or _LOOKS_LIKE_AN_ADDRESS.match(seen):
        return _address(value, seen, isbns)
    return without_private(value, isbns)


def _address(value: str, seen: str, isbns: frozenset[str]) -> str:
    """An address without user, values of its query and fragment, and names of files that are no ISBNs."""
    scheme = re.match(r"[a-z][a-z0-9+.-]{0,20}(?=:)", unquote(seen), re.IGNORECASE)
    if scheme and scheme[0].lower() not in ("http", "https"):
        return f"{scheme[0]}:{REMOVED}"
    plain = unquote(unquote(seen))
    # What is encoded is looked at as what it says, if that hides a parameter.
    shown = plain if len(_QUERY_VALUE.findall(plain)) > len(_QUERY_VALUE.findall(seen)) else seen
    kept = _QUERY_VALUE.sub(_query, re.sub(r"(?<=//)[^/?#@]*@", f"{REMOVED}@", shown))
    kept = _FILE.sub(
        lambda file: file[0] if _DIGITS.search(file[0]) else REMOVED, _FRAGMENT.sub(REMOVED, kept)
    )
    cleaned = without_private(kept, isbns)
    return value if cleaned == seen else cleaned


def _query(found: re.Match[str]) -> str:
    value = unquote(found["value"])
    if _HARMLESS_VALUE.fullmatch(value) or isbn_spelled(value) or value == REMOVED:
        return found[0]
    return found["name"] + REMOVED
