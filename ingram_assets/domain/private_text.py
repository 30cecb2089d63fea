"""What in a text is somebody's own: addresses, numbers of persons and accounts, names behind a greeting.

For what leaves the shop, to be read by a stranger. It takes out too much rather than too little; an ISBN
stays.
"""

import base64
import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from html.entities import codepoint2name
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from ingram_assets.domain.isbn import isbn_spelled

REMOVED = "[removed]"
SHORTEST_KNOWN = 3
"""Signs of a value that is taken out wherever it stands; a shorter one would be in every text."""

_SHORTEST_LOOSE = 6
"""Letters and digits of a value that is looked for with other signs between them."""
_BETWEEN = r"[ \t\u00a0\u00b7\u2010-\u2015\u2019.,_'/+&-]|&nbsp;|&#160;|&amp;|%20|%2[dDeE]"
_AND = ("and", "und", "et", "y")
_MOST_KNOWN = 300
_LONGEST_KNOWN = 2_000
_SIGNS_OF_CODE = frozenset("%&=<>\\")
_TAGS = re.compile(r"<[^<>]{1,60}>")
_ESCAPE = re.compile(r"\\{1,8}[ux]([0-9A-Fa-f]{4}|[0-9A-Fa-f]{2})")
_OF_MAIL = re.compile(r"=([0-9A-Fa-f]{2})")
_BLANKS = re.compile(r"[\s+]+")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")

# Every repetition is bounded: a hostile page must not keep the patterns busy for ever.
# A part of an address may be known and taken out by then: what is left of it is somebody's all the same.
_PART = r"(?:[\w-]{1,63}|\[removed\])"
_DOMAIN = rf"(?:{_PART}(?:\.{_PART}){{1,8}}|\[removed\])"
_STREETS = (
    "st|street|ave|avenue|blvd|boulevard|rd|road|dr|drive|ln|lane|way|ct|court|pl|place|pkwy|parkway|hwy|highway|"
    "sq|square|ter|terrace|cir|circle|loop|pike"
)
_STATES = (
    "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|"
    "W[AIVY]"
)
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # E-mail addresses, also as "ada (at) shop [dot] example".
        rf"[\w.+'%-]{{1,64}}\s?(?:@|%(?:25)?40|&#0{{0,6}}64;|&#x0{{0,6}}40;|&commat;)\s?{_DOMAIN}",
        rf"[\w.+-]{{1,64}}\s?[\[({{]\s?at\s?[\])}}]\s?(?:{_PART}"
        rf"(?:\s?(?:\.|[\[({{]\s?dot\s?[\])}}])\s?{_PART}){{1,5}}|\[removed\])",
        r"\b[\w.+-]{1,64} at [\w-]{1,63}(?: dot [\w-]{1,63}){1,4}\b",
        # Telephone numbers: of North America, of elsewhere, and without the area.
        r"(?<![\w-])(?:\+?1[\s./-]{0,3})?\(?\b[2-9][0-9]{2}\)?[\s./-]{1,3}[2-9][0-9]{2}[\s./-]{1,3}"
        r"[0-9]{4}(?![\w-])",
        r"(?<![\w-])(?:\+|\b00)[1-9][0-9]{0,3}(?:[\s()./-]{0,3}[0-9]){6,13}(?![\w-])",
        r"\(0[0-9]{2,5}\)[\s/-]{0,3}[0-9](?:[\s/-]?[0-9]){4,9}",
        r"(?<![\w-])[0-9]{3}-[0-9]{4}(?![\w-])",
        r"(?<![\w-])0[0-9]{2,4}[\s/-]{1,2}[0-9]{3,4}[\s-]?[0-9]{3,4}(?![\w-])",
        r"(?<![\w-])1[-. ]8(?:00|33|44|55|66|77|88)[-. ][A-Z0-9][A-Z0-9-]{5,10}",
        # Numbers of machines, of persons, and of whatever has one that is its own in all the world.
        r"(?<![\w.])(?!127\.|0\.0\.0\.0)(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w.]*\w)",
        r"(?<![\w:])(?:[0-9a-f]{1,4}:){1,7}:(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6})?(?![\w:])|"
        r"(?<![\w:])(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}(?![\w:])",
        r"(?<![\w-])[0-9]{3}-[0-9]{2}-[0-9]{4}(?![\w-])",
        # Numbers in groups, as of cards.
        r"(?<![\w-])(?:[0-9]{4}[ -]){2,4}[0-9]{1,4}(?![\w-])",
        # Places where somebody lives.
        r"\bp\.?\s?o\.?\s?box\s{1,3}[\w-]{1,20}",
        rf"\b[0-9]{{1,6}}[a-z]?\s{{1,3}}(?:[\w.'’-]{{1,30}}\s{{1,3}}){{1,5}}(?:{_STREETS})\b\.?"
        r"(?:,?\s{0,3}(?:apt|suite|ste|unit|floor|fl|#)\.?\s{0,3}[\w-]{1,10})?",
        r"\b(?:postfach|postbus|apartado|bo[iî]te\spostale|b\.?p\.?)\s{1,3}[0-9][0-9 ]{0,10}",
        r"\b(?-i:[^\W\d_])[\w.-]{1,40}(?:straße|strasse|str\.|gasse|allee|platz|straat|laan)\s{1,3}[0-9]{1,4}\s?[a-z]?\b"
        r"(?:,?\s{0,3}(?:[A-Z]{1,2}-)?[0-9]{4,5}\s{1,3}[\w-]{2,30})?",
        r"\b[0-9]{1,4}(?:\s?(?:bis|ter))?,?\s{1,3}(?:rue|quai|impasse|chemin|boulevard|allée|calle)\s{1,3}"
        r"[^\n|,<]{2,40}(?:,?\s{0,3}[0-9]{5}\s{1,3}[\w-]{2,30})?",
        r"\b(?-i:[A-Z]{1,2}[0-9][0-9A-Z]?\s[0-9][ABD-HJLNP-UW-Z]{2})\b",
        r"\b(?-i:[ABCEGHJ-NPRSTVXY][0-9][A-Z]\s[0-9][A-Z][0-9])\b",
        # Numbers of papers.
        r"\b(?:inv|po|so|ord|rma|re|cn)[/-][0-9][0-9/-]{2,20}\b",
        r"\b(?:ein|tin|fein)\s{0,3}[:#]?\s{0,3}[0-9]{2}-?[0-9]{7}\b|(?<![\w-])[0-9]{2}-[0-9]{7}(?![\w-])",
        r"\b(?-i:[A-Z]{2})[0-9]{2}(?:\s?(?-i:[A-Z0-9]{4})){2,7}(?:\s?(?-i:[A-Z0-9]{1,4}))?\b",
        rf"\b[\w.'’ -]{{2,40}},?\s{{1,3}}(?-i:{_STATES})\s{{1,3}}[0-9]{{5}}(?:-[0-9]{{4}})?\b",
    )
)
_NOT_IN_TITLES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # Streets and boxes without a number before them.
        r"\b(?-i:One|Two|Three|Four|Five|Six|Seven|Eight|Nine|Ten)\s{1,3}(?:(?-i:[A-Z])[\w.'’-]{1,30}\s{1,3}){1,3}"
        r"(?-i:St|Street|Ave|Avenue|Blvd|Boulevard|Rd|Road|Dr|Drive|Pkwy|Parkway|Plaza|Square)\b\.?",
        r"\b(?:rural\s(?:route|delivery)|highway\scontract|(?-i:RR|RD|HC))\s{1,3}#?[0-9]{1,4}\b"
        r"(?:,?\s{0,3}box\s{1,3}[\w-]{1,10})?",
        # What is left of a card's number.
        r"\bend(?:ing|s)(?:\s(?:in|with))?\s{1,3}(?:[*x•.]{1,12}\s?)?[0-9]{4}\b|[*•]{2,16}[\s-]?[0-9]{3,4}\b",
    )
)
"""A book may well be called so."""
_AMOUNT_OF_AN_ACCOUNT = re.compile(
    r"\b(?:credit\s(?:limit|line)|(?:available|remaining)\scredit|credit\savailable|"
    r"(?:open|account|current|outstanding|statement|total)\sbalance|balance(?:\s(?:due|owed|forward))?|"
    r"(?:amount|total|past)\s(?:due|owed)|overdue)\b"
    r"[\s:.=-]{0,5}(?P<value>[-(]?(?:us|usd)?\s?[$€£]?\s?[0-9][0-9.,]{0,20}\)?)?",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![0-9])[0-9]{7,}[Xx]?(?![0-9])")
_ATTACHED_BEFORE = re.compile(r"(?:[A-Za-z]{1,4}[0-9]{0,4}|[0-9]{1,3})-?$")
_ATTACHED_BEHIND = re.compile(r"-?[A-Za-z0-9]{1,12}\b")
_ATTACHED_TO_REMOVED = re.compile(
    r"(?<![\\&%\w])[A-Za-z0-9]{1,40}(?=\[removed\])|(?<=\[removed\])[A-Za-z0-9]{1,40}"
)
"""What stands right beside a known value is a part of another one that begins or ends as it does."""
_RUN_ID = re.compile(r"(?<![\w-])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![\w-])", re.IGNORECASE)
"""Of ours in what the shop says itself; in a page it is somebody's."""
_KEY_OF_A_NUMBER = (
    r"(?:(?:account|acct|customer|cust|client|member|user|login|order|purchase\s{0,2}order|p\.?o|invoice|"
    r"confirmation|tracking|shipment|reference|ref|san|tax|vat|ein)\b\.?\s{0,2}(?:(?:id|no|num|number|nbr|code|ref|reference)\b\.?|[#№]|"
    r"numbers?)|(?:bestell|kunden|rechnungs|auftrags|konto)(?:ung)?[\s-]?(?:nr|nummer)\b\.?"
    r"|(?:account|acct|customer|invoice|confirmation|reference|tracking|p\.?o)\b\.?(?=\s{0,2}[:#(])"
    # Without a sign between them: a number of three digits at least.
    r"|(?:account|acct|customer|invoice|confirmation|purchase\sorder|order|p\.?o)\b\.?"
    r"(?=\s{1,3}[A-Z]{0,4}-?[0-9](?:-?[0-9]){2}))"
)
_LABELED_NUMBER = re.compile(
    rf"(?<!on )\b{_KEY_OF_A_NUMBER}(?:\s{{0,2}}(?:is|[:#=(№-]))*\s{{0,3}}(?P<value>[\w][\w./-]{{1,40}})?",
    re.IGNORECASE,
)
_LABELED_LINE = re.compile(
    r"\b(?:(?:tele)?phone|tel|mobile|cell|fax|e-?mail|user(?:\s?(?:name|id))?|login(?:\sname)?|"
    r"signed in as|logged in as|signed on as|contact(?:\s(?:name|person))?|attn|attention|"
    r"account(?:\sname)?|customer(?:\sname)?|city|town|zip(?:\scode)?|post(?:al\s?)?code|plz|ort|stadt|ville|"
    r"sales\srep(?:resentative)?|buyer|ordered\sby|placed\sby|(?:your|first|last|full|company|store)\sname)"
    r"\b\.?(?:\s{0,2}[:#]\s{0,3}|(?<=in as|on as)\s{1,3}|"
    r"(?<=username|ser name)\s{1,3}(?!(?:or|and|is|not|must)\b))"
    r"(?P<value>[^\n|]{1,100})?",
    re.IGNORECASE,
)
_GREETINGS = (
    r"welcome(?:\sback)?|hello|hallo|hola|bonjour|ciao|willkommen|bienvenue|bienvenid[oa]s?|guten\s(?:tag|morgen|abend)|"
    r"(?:prepared|printed|generated|produced)\sfor"
)
_GREETING = re.compile(
    rf"\b(?:{_GREETINGS}|hi|dear|thank\s(?:you|s)|thanks|good\s(?:morning|afternoon|evening))\b"
    r"(?:\s{0,2}[,:!]\s{0,3}(?P<value>[^\n|.!?(]{1,60})?|"
    r"\s{1,3}(?P<name>(?-i:[A-Z])[\w.'’-]{0,30}(?:\s{1,2}(?-i:[A-Z])[\w.'’-]{0,30}){0,3}))",
    re.IGNORECASE,
)
_ENDS_WITH_GREETING = re.compile(rf"\b(?:{_GREETINGS})\s{{0,2}}[,:!]?\s*$", re.IGNORECASE)
_KEYS = re.compile(
    r"\beyJ[\w-]{5,}(?:\.[\w-]{0,2000}){0,2}|\b(?:[spr]k|whsec|gh[pousr]|xox[abp]|pat)[_-][\w-]{6,200}|"
    r"\bAKI[AD][A-Z0-9]{6,40}\b|\bbearer\s{1,3}[\w.~+/=-]{4,2000}",
    re.IGNORECASE,
)
_SECRETS = (
    r"pass(?:word|wd|code|phrase|wort)|pwd|kennwort|mot\sde\spasse|contraseña|"
    r"(?:api|access|secret|private|license)[\s_-]?key|(?:access|auth|api|refresh|bearer|[cx]srf)[\s_-]?token|"
    r"[jp](?:hp)?sess(?:ion)?id|session[\s_-]?id|[cx]srf\w{0,20}|authorization"
)
_PERHAPS_SECRETS = r"secret|pin|token|session|sid"
"""Words of books, too."""
_IS = r"(?:\s{0,3}(?:[:=]|%3[ad])\s{0,3}|\s{1,3}is\s{1,3})[\"'(]?"
_LIKE_A_KEY = r"(?=\S{0,60}(?:[\d_-]|(?-i:[a-z][A-Z])))"
_UNTIL = r"(?!\[removed)[^\s<>\"'&;,)]{1,2000}"
_LABELED_SECRET = re.compile(
    rf"(?<![A-Za-z])(?:(?:{_SECRETS}){_IS}(?P<value>{_UNTIL})?|"
    rf"(?:{_PERHAPS_SECRETS})(?:=|{_IS}{_LIKE_A_KEY})(?P<perhaps>{_UNTIL})|"
    rf"(?:api[\s_-]?key|session[\s_-]?id|access[\s_-]?(?:key|token)|token)\s{{1,3}}{_LIKE_A_KEY}(?P<plain>{_UNTIL}))",
    re.IGNORECASE,
)
_ADDRESS_LABEL = re.compile(
    r"\b(?:ship|bill|sold|deliver|mail|remit|send)(?:ped|ing|ping|ed)?[\s-]{0,2}to\b(?:\s{0,2}address\b)?\s{0,2}:?|"
    r"\b(?:shipping|billing|delivery|mailing|company|street|e-?mail)\saddress\b\s{0,2}:?|\baddress\s{0,2}:",
    re.IGNORECASE,
)
_NO_NAMES = re.compile(r"(?i)\s*(?:to|and|guest|there|log|sign|help|home|search)\b")


class PrivateSpan(NamedTuple):
    """What is private in a text. `names`: it says who somebody is, and is sought elsewhere, too."""

    start: int
    end: int
    names: bool = False


def private_spans(
    text: str, isbns: frozenset[str] = frozenset(), *, is_title: bool = False, is_ours: bool = False
) -> list[PrivateSpan]:
    """What is private in a text as people see it.

    Args:
        isbns: those of the page; an ISBN-10 without a word before it is one only if it is one of these.
        is_title: the text is a book's title, which may well greet somebody.
        is_ours: the shop says it itself, with the ids of its runs.
    """
    found = [PrivateSpan(*match.span()) for pattern in _PATTERNS for match in pattern.finditer(text)]
    found = [span for span in found if isbn_spelled(text[span.start : span.end]) is None]
    found += [_whole_number(match) for match in _NUMBER.finditer(text) if not _is_isbn(match, isbns)]
    ids = [match.span() for match in _RUN_ID.finditer(text)]
    if ours := [(at, end) for at, end in ids if is_ours or text[max(0, at - 4) : at] == "run "]:
        found = [one for one in found if not any(one.start < end and one.end > at for at, end in ours)]
    found += [PrivateSpan(*one) for one in ids if one not in ours]
    for match in _LABELED_NUMBER.finditer(text):
        if (value := match["value"]) and any(map(str.isdigit, value)) and not isbn_spelled(value):
            found.append(PrivateSpan(*match.span("value"), names=True))
    found += [PrivateSpan(*match.span()) for match in _KEYS.finditer(text)]
    if is_title:
        return found
    found += [PrivateSpan(*match.span()) for pattern in _NOT_IN_TITLES for match in pattern.finditer(text)]
    found += [
        PrivateSpan(*match.span("value")) for match in _AMOUNT_OF_AN_ACCOUNT.finditer(text) if match["value"]
    ]
    for match in _LABELED_SECRET.finditer(text):
        found += [PrivateSpan(*match.span(said)) for said, value in match.groupdict().items() if value]
    found += [
        PrivateSpan(*match.span("value"), names=True)
        for match in _LABELED_LINE.finditer(text)
        if match["value"]
    ]
    for match in _GREETING.finditer(text):
        said = "value" if match["value"] else "name"
        if match[said] and not _NO_NAMES.match(match[said]):
            found.append(PrivateSpan(*match.span(said), names=True))
    if (label := _ADDRESS_LABEL.search(text)) and text[label.end() :].strip():
        found.append(PrivateSpan(label.end(), len(text), names=True))
    return found


def wants_next(text: str) -> str | None:
    """What the text announces without saying it, and what stands beside it is.

    Returns:
        "secret", "amount", "number", "name" or "address".
    """
    shown = text.strip()
    for what, pattern in (
        ("secret", _LABELED_SECRET),
        ("amount", _AMOUNT_OF_AN_ACCOUNT),
        ("number", _LABELED_NUMBER),
        ("name", _LABELED_LINE),
        ("address", _ADDRESS_LABEL),
    ):
        last = max(pattern.finditer(shown), key=lambda found: found.end(), default=None)
        if last is not None and last.end() >= len(shown) and not any(last.groupdict().values()):
            return what
    return "name" if _ENDS_WITH_GREETING.search(shown) else None


def tells_who(text: str) -> list[str]:
    """The parts of what was found private that are sought elsewhere: names and numbers, no plain words."""
    found = []
    for line in re.split(r"[\n|]", text):
        value = line.strip(" \t\r,;:!.()")
        words = value.split()
        is_number = len(value) >= 5 and any(map(str.isdigit, value))
        is_name = len(words) >= 2 and all(word[:1].isupper() for word in words)
        if len(value) <= 60 and (is_number or is_name) and isbn_spelled(value) is None:
            found.append(value)
    return found


def as_seen(text: str) -> str:
    """The text of a document without entities and signs that nobody sees."""
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", html.unescape(text)))


def cut_out(text: str, spans: Iterable[PrivateSpan]) -> str:
    """The text without the spans."""
    pieces, at = [], 0
    for span in sorted(spans):
        if span.end <= at:
            continue
        pieces += [text[at : max(at, span.start)], "" if span.start < at else REMOVED]
        at = span.end
    return "".join(pieces) + text[at:]


def without_private(text: str, isbns: frozenset[str] = frozenset(), *, is_ours: bool = False) -> str:
    """A text, or an attribute's value, without what is private in it; unchanged where there is nothing.

    `is_ours`: as for `private_spans`.
    """
    seen = as_seen(text)
    for form in dict.fromkeys((seen, unquote(seen))):
        if spans := private_spans(form, isbns, is_ours=is_ours):
            return cut_out(form, spans)
    return text


def without_private_json(data: Any, cleaned: Callable[[str], str]) -> Any:
    """A JSON value with each of its texts cleaned."""
    if isinstance(data, str):
        return cleaned(data)
    if isinstance(data, Mapping):
        return {str(name): without_private_json(value, cleaned) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [without_private_json(value, cleaned) for value in data]
    return data


def _whole_number(match: re.Match[str]) -> PrivateSpan:
    """A long number with the letters that stand right before and behind it: they are a part of it."""
    text, (start, end) = match.string, match.span()
    before = _ATTACHED_BEFORE.search(text[max(0, start - 12) : start])
    behind = _ATTACHED_BEHIND.match(text, end)
    return PrivateSpan(start - len(before[0]) if before else start, behind.end() if behind else end)


def _is_isbn(match: re.Match[str], isbns: frozenset[str]) -> bool:
    isbn = isbn_spelled(match[0])
    if isbn is None:
        return False
    before = match.string[max(0, match.start() - 30) : match.start()].casefold()
    return len(match[0]) == 13 or isbn in isbns or "isbn" in before


class KnownValues:
    """Values that must not stand in a text, in whatever way they are spelled there.

    As they are in any case, in a URL, as entities, as escapes of JSON and of mails, mixed, with tags or
    invisible signs in them; in base64 and as hexadecimal digits.

    Args:
        values: those of fewer than `SHORTEST_KNOWN` signs are left out.
    """

    def __init__(self, values: Iterable[str]) -> None:
        wanted = {value.strip()[:_LONGEST_KNOWN] for value in values}
        long_enough = sorted((one for one in wanted if len(one) >= SHORTEST_KNOWN), key=len, reverse=True)
        self._known = [_Known(value) for value in long_enough[:_MOST_KNOWN]]

    @property
    def values(self) -> list[str]:
        """The values, the longest first."""
        return [one.value for one in self._known]

    def removed_from(self, text: str) -> str:
        """The text without them."""
        whole, readings = text, _readings(text)
        for one in self._known:
            if one.may_be_in(readings):
                for pattern in one.patterns:
                    text = pattern.sub(REMOVED, text)
        letters = _letters(text)
        for one in self._known:
            if one.words and all(word in letters for word in one.words):
                text = _without_spans(text, one.loosely)
        return text if text == whole else _ATTACHED_TO_REMOVED.sub("", text)

    def and_also(self, values: Iterable[str]) -> "KnownValues":
        """These and more."""
        return KnownValues([*self.values, *values])


class _Known:
    """One value. Patterns that find each spelling of it are slow, and made for a text that may have it."""

    def __init__(self, value: str) -> None:
        self.value = value
        self._has_signs_of_code = not _SIGNS_OF_CODE.isdisjoint(value)
        self._squeezed = _squeezed(value)
        raw = value.encode()
        self._coded = [_base64_core(raw, shift) for shift in range(3)] if len(raw) >= 5 else []
        self._hex = raw.hex() if len(raw) >= 5 else ""

    def may_be_in(self, readings: "_Readings") -> bool:
        """Whether the patterns can find it; quickly told, and now and then wrongly said to be so."""
        return (
            self._has_signs_of_code
            or any(self._squeezed in reading for reading in readings.decoded)
            or any(coded in readings.base64 for coded in self._coded)
            or bool(self._hex and self._hex in readings.small)
        )

    @cached_property
    def words(self) -> list[str]:
        """Letters and digits of its words, where they are many enough to be looked for in other spellings."""
        words = re.findall(r"[^\W_]+", _folded(self.value))
        words = [word for word in words if word not in _AND] or words
        return words if len("".join(words)) >= _SHORTEST_LOOSE else []

    @cached_property
    def loosely(self) -> re.Pattern[str]:
        """Finds it in a folded text: with signs between its own, its words joined in another way."""
        between = rf"(?:{_BETWEEN}){{0,3}}"
        word_by_word = [between.join(map(re.escape, word)) for word in self.words]
        joined = rf"{between}(?:(?:{'|'.join(_AND)}){between})?".join(word_by_word)
        return re.compile(rf"(?<![^\W_]){joined}(?![^\W_])")

    @cached_property
    def patterns(self) -> list[re.Pattern[str]]:
        """Which find it in each of its spellings."""
        between = f"(?:{_INVISIBLE.pattern}|&shy;|&#173;|&#8203;|(?:{_TAGS.pattern}){{1,2}})?"
        edge = ("(?<![A-Za-z0-9])", "(?![A-Za-z0-9])") if len(self.value) <= 4 else ("", "")
        forms = [edge[0] + between.join(map(_sign, self.value)) + edge[1]]
        forms += [f"(?i:{self._hex})"] if self._hex else []
        forms += [re.escape(one).replace(r"\+", "[+-]").replace("/", "[/_]") for one in self._coded]
        return [re.compile(form) for form in forms]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _letters(text: str) -> str:
    """Nothing but its letters and digits, folded."""
    return re.sub(r"[\W_]+", "", _folded(html.unescape(text)))


def _without_spans(text: str, pattern: re.Pattern[str]) -> str:
    """The text without what the pattern finds in it once it is folded."""
    folded, places = [], []
    for place, sign in enumerate(text):
        new = sign.lower() if sign.isascii() else _folded(sign)
        folded.append(new)
        places += [place] * len(new)
    found = [match.span() for match in pattern.finditer("".join(folded))]
    return cut_out(text, [PrivateSpan(places[start], places[end - 1] + 1) for start, end in found])


class _Readings(NamedTuple):
    """A text as it may be meant: decoded in each way, with base64's alphabets as one, in small letters."""

    decoded: list[str]
    base64: str
    small: str


def _readings(text: str) -> _Readings:
    decoded: dict[str, None] = {}
    for form in (text, _TAGS.sub("", text)):  # also what the tags themselves say
        shown = html.unescape(form)
        plain = [form, shown, unquote(form), unquote(unquote(form)), unquote(shown), unquote(unquote(shown))]
        of_mail = unquote(_OF_MAIL.sub(r"%\1", shown))
        of_json = _ESCAPE.sub(lambda sign: chr(int(sign[1], 16)), shown)
        all_of_it = unquote(_OF_MAIL.sub(r"%\1", unquote(unquote(of_json))))
        decoded |= dict.fromkeys(map(_squeezed, (*plain, of_mail, of_json, all_of_it)))
    return _Readings(list(decoded), text.replace("-", "+").replace("_", "/"), text.lower())


def _squeezed(text: str) -> str:
    """The text without what may stand between its signs, in one case."""
    return _BLANKS.sub("", _INVISIBLE.sub("", text)).casefold()


def _base64_core(raw: bytes, shift: int) -> str:
    """What is the same in base64 whatever stands around it, behind so many bytes (modulo 3)."""
    begin, end = -(-shift * 8 // 6), (shift + len(raw)) * 8 // 6
    return base64.b64encode(bytes(shift) + raw).decode()[begin:end]


def _sign(sign: str) -> str:
    """A sign in each of its spellings."""
    spelled: dict[str, None] = {}
    for one in dict.fromkeys((sign, sign.lower(), sign.upper())):
        if len(one) != 1:
            spelled[f"(?i:{re.escape(one)})"] = None  # as "ss" for "ß"
            continue
        code, url = ord(one), quote(one, safe="", encoding="utf-8", errors="replace")
        in_url = url if "%" in url else f"%{code:02X}"
        spelled |= dict.fromkeys(
            (
                re.escape(one),
                f"(?i:{in_url})",
                f"(?i:{in_url.replace('%', '%25')})",
                f"(?i:{in_url.replace('%', '=')})",
                rf"&#0{{0,6}}{code}(?![0-9]);?",
                rf"(?i:&#x0{{0,6}}{code:x}(?![0-9a-f]);?)",
                rf"(?i:\\+u{code:04x})" if code < 0x10000 else re.escape(one),
                rf"(?i:\\+x{code:02x})" if code < 0x100 else re.escape(one),
            )
        )
        if name := _ENTITY_OF.get(one):
            spelled[rf"&{name};"] = None
    if sign.isspace():
        spelled |= dict.fromkeys((r"\s{1,5}", r"\+", "&nbsp;"))
    return f"(?:{'|'.join(spelled)})"


_ENTITY_OF = {chr(code): name for code, name in codepoint2name.items()} | {
    **{"@": "commat", ".": "period", "-": "hyphen", "_": "lowbar", "'": "apos", "/": "sol", ":": "colon"},
    **{"+": "plus", "=": "equals", "!": "excl", "#": "num", "$": "dollar", "%": "percnt", "?": "quest"},
    **{"(": "lpar", ")": "rpar", "*": "ast", ",": "comma", ";": "semi", "\\": "bsol", "^": "Hat"},
}
