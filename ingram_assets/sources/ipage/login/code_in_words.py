"""Which number in a mail's words is the sign-in code.

It is the one that the words around it call so: before it ("Your code for order 24680 is 135790"), after it
("135790 is your code"), or above it, standing alone. A number that is called something else, or an older
code, is none. Where nothing is called a code, the only number left over is one, if the mail is about signing
in at all. Where two are left, none is taken: a wrong code counts as a wrong try.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

from ingram_assets.sources.ipage.login.mail_words import JOINT

_USUAL = 6
"""Digits of a code. Another number of them (4 to 8) is taken where the mail says that it is the code."""

_MOST_NUMBERS = 200
"""Numbers that are looked at in one part."""


@dataclass(frozen=True, slots=True)
class CodeInWords:
    """The code, or why there is none: what the mail does ("names no code"). The reason holds no digits."""

    code: str | None
    reason: str = ""


class _Is(IntEnum):
    """What the words call a number; the higher wins where they call it several things."""

    NOTHING = 0
    OTHER = 1
    CODE = 2
    OLD = 3


@dataclass(frozen=True, slots=True)
class _Number:
    digits: str
    called: _Is
    said: bool = False
    """Called so in a whole statement ("your code is", "code:")."""


def code_of(parts: Iterable[str]) -> CodeInWords:
    """The code of a mail, from all of its parts."""
    texts = [_readable(part) for part in parts]
    everything = "\n\n".join(texts)
    lengths = {_DIGITS_SAID[said.lower()] for said in _LENGTH.findall(everything)} or {_USUAL}
    numbers: dict[str, _Number] = {}
    for text in texts:
        for number in _numbers(text):
            seen = numbers.get(number.digits, number)
            numbers[number.digits] = _Number(
                number.digits, max(seen.called, number.called), seen.said or number.said
            )
    codes = [one.digits for one in numbers.values() if one.called is _Is.CODE and _can_be_code(one, lengths)]
    unnamed = [
        one.digits for one in numbers.values() if one.called is _Is.NOTHING and len(one.digits) in lengths
    ]
    if len(codes) > 1:
        return CodeInWords(None, "names several numbers as the code")
    if codes:
        return CodeInWords(codes[0])
    if len(unnamed) > 1:
        return CodeInWords(None, "has several numbers and does not say which is the code")
    if unnamed and _ABOUT.search(everything):
        return CodeInWords(unnamed[0])
    return CodeInWords(None, "names no code")


def code_in(text: str) -> str | None:
    """The code of a mail that has but one part."""
    return code_of([text]).code


def _can_be_code(number: _Number, lengths: set[int]) -> bool:
    if len(number.digits) in lengths | {_USUAL}:
        return True
    # A year is no code of four digits.
    is_year = re.fullmatch(r"(?:19|20)\d\d", number.digits) is not None
    return number.said and 4 <= len(number.digits) <= 8 and not is_year


# What words there are. Each is looked for without regard to case.

_PURPOSE = r"(?:verification|security|sign[- ]?in|log[- ]?in|access|authentication|one[- ]time|single[- ]use)"
_CODE = (
    r"(?:pass[- ]?codes?|codes?|pin|otp|otc|"
    rf"(?:{_PURPOSE}|temporary)[- ](?:numbers?|digits|keys?|tokens?|passwords?)|passwords?)"
)
_OLD = (
    r"(?:previous(?:ly)?|old(?:er)?|earlier|expired|former(?:ly)?|last|prior|invalid|void|outdated|"
    r"superseded|replaced|obsolete|stale|cancel+ed|revoked|invalidated|deactivated|inactive)"
)
_OTHER = (
    r"(?:orders?|requests?|ref(?:erence)?s?|accounts?|acct|customers?|clients?|cases?|tickets?|tele?(?:phone)?|"
    r"phones?|mobile|cell|fax|calls?|dial|sms|invoices?|zip|postal|postcode|years?|dates?|dated|"
    r"(?<!one[- ])times?|timestamp|"
    r"colou?rs?|prices?|totals?|amounts?|sums?|balance|isbns?|eans?|upcs?|gtins?|skus?|items?|sans?|titles?|"
    r"users?|members?|suite|box|street|building|floor|room|transactions?|confirmation|tracking|shipments?|"
    r"sessions?|devices?|incidents?|events?|errors?|log|ports?|versions?|builds?|ext(?:ension)?|employees?|"
    r"po|quotes?|serials?|models?|licen[cs]es?|batch(?:es)?|lots?|pages?|copies|messages?|mails?|emails?|ids?|"
    r"identifiers?|copyright|payments?|purchases?|subscriptions?|store|branch|warehouse|deliver(?:y|ies)|"
    r"packages?|parcels?|routing|bank|cards?|iban|tax|vat|ein|ssn|support|mention|cite|quote|record|reports?|"
    r"registration|receipts?|claims?|po(?:licy|licies)|bookings?|reservations?|vouchers?|coupons?|zone)"
)
_OTHER_CODE = (
    r"(?:(?<!one[- ])(?:zip|postal|post|area|country|error|promo(?:tion(?:al)?)?|coupon|discount|product|"
    r"item|order|customer|client|account|status|tax|source|qr|bar|tracking|reference|ref|request|case|colou?r|"
    r"date|time|price|store|"
    r"branch|warehouse|shipping|region|state|city|title|subject|sort|swift|bank|gift|referral|voucher|invite|"
    r"device|build|event|reason|response|exit|result|html|hex|department|employee|batch|lot|location|currency|"
    r"language|dial(?:l?ing)?|phone|unit|model|serial|incident|ticket|user|member|dress|"
    # Of a mail and of a call for help.
    r"message|support|help(?:[- ]?desk)?|service|campaign|mailing|newsletter|template|survey|feedback|sender|"
    r"contact|short|calling|fax|extension|conference|meeting|unsubscribe|issue|problem|fault|failure|"
    r"warning|alert|documents?|forms?|letters?|files?|contract|(?<!e-)mail|network|wi-?fi|lottery|parking|"
    r"medical|insurance|diagnostics?|debug|trace|correlation|session|activity|task|job|project|https?|smtp|"
    r"ascii|morse|firmware|software|version|release|sales|offer|deal|reward|bonus|affiliate|partner|agent|dealer|"
    # Of goods, orders and payments.
    r"vendor|supplier|publisher|buyer|merchant|manufacturer|part|article|catalog(?:ue)?|category|class|stock|sku|"
    r"isbn|ean|upc|bisac|thema|genre|shelf|style|size|material|invoice|receipt|transaction|payment|billing|"
    r"purchase|shipment|parcel|package|pickup|pick-up|carrier|routing|tariff|customs|hs|duty|booking|reservation|"
    r"ledger|gl|budget|cost|cent(?:er|re)|claim|policy|rate|plan|company|organi[sz]ation|school|course|group|team|"
    r"industry|naics|sic|airport|flight|iso|locale|zone|district|county|province|street|building|floor|door|gate|"
    r"locker|alarm)[- ]codes?|"
    r"(?:zip|post|bar|qr|area|country|error|status|order|product|item|promo|short|sort|source)codes?|"
    r"(?:order|booking|shipping|delivery|payment|purchase)[- ](?:confirmation|tracking)[- ]codes?)"
)
_LABEL = re.compile(
    rf"\b(?:(?P<old>{_OLD}(?:\s+[\w-]+){{0,2}}?\s+{_CODE}|{_OLD}(?:\s+ones?)?)|(?P<other>{_OTHER_CODE})|"
    rf"(?P<code>{_CODE}|new\s+one|new(?=\s*(?::|is\b)))|(?P<thing>{_OTHER}))\b",
    re.IGNORECASE,
)
_SMALL = r"(?:numbers?|no|nr|num|ids?|n°|digits|code)"
_MARKS = r"[\s:=\-–—→>(\"'“”‘’«‹\[{,|]*"
_AT_ONCE = re.compile(rf"(?:\s*{_SMALL}\b)?{_MARKS}", re.IGNORECASE)
"""Between a label and its number: nothing but marks."""
_LINK = re.compile(
    r"(?:\b(?:is|are|reads?|being|it's|follows|below|here|instead|now)\b|[:=→»]|->|=>|\s[-–—])"
    r"(?:\s*(?:now|therefore|simply|just|instead))?[\s\"'“‘«(\[:=\-–—→>]*$",
    re.IGNORECASE,
)
"""At the end of a statement, before what it states."""
_ITS_VALUE = re.compile(
    rf"(?:[\s:=\-–—#(\"'\[§]|\b(?:{_SMALL}|ending|ends|with|in|on|is|was|dated|of|which|at|from)\b)*",
    re.IGNORECASE,
)
"""Between what is no code and its number."""
_PREPOSITION = r"(?:for|of|to|from|on|with|in|into|by|about|at|regarding|after|under)\b"
_WITHIN = re.compile(rf"\b{_PREPOSITION}", re.IGNORECASE)
_OWNED = re.compile(
    rf"\b(?:your|the|this|our|my|an?)\s+(?:(?!{_PREPOSITION})[\w'-]+\s+){{0,2}}$", re.IGNORECASE
)
_DOING = re.compile(
    r"\b(?:(?:sign|log)(?:ging|ning)?[- ]?in|access|complete|finish|confirm|verify|authenticate|continue)\b"
    r"[^.]*$",
    re.IGNORECASE,
)
_GIVEN_UP = re.compile(
    r"\b(?:instead\s+of|used\s+to\s+be|in\s+place\s+of|rather\s+than|not|replac(?:es|ed|ing)|ignore|discard|delete|than|"
    r"(?:we|have|has)\s+(?:cancel+ed|invalidated|revoked|voided|withdrawn|deactivated|expired|disabled)|"
    r"supersed\w+|chang\w+\s+from|unlike|no\s+longer(?:\s+use)?|don'?t\s+use|do\s+not\s+use)\s+"
    rf"(?:(?:the|your|any|{_OLD}|{_CODE}|ones?)\s+)*[\"'(:]*$",
    re.IGNORECASE,
)
_TYPED = re.compile(
    r"\b(?:enter|use|type|input|key\s+in|submit|provide|copy|paste)\s*"
    r"(?:(?:the|this|these|following|code|passcode|digits|numbers?)\s*)*[:\"'(\[]*\s*$",
    re.IGNORECASE,
)
_TO_SIGN_IN = re.compile(
    r"[\"')\]]*\s*(?:$|[.!,](?:\s|$)|\n|(?:to|and|when|at|on|in)\s+(?:\w+\s+){0,4}?"
    r"(?:sign|log|verify|verif|confirm|complete|finish|continue|authenticate|access|login|iPage|page|form|screen))",
    re.IGNORECASE,
)
_UNLESS_ASKED = re.compile(
    r"\b(?:if|unless|in\s+case|when|should|never|did\s+not|didn'?t)\b[^,;:\n]{0,160},", re.IGNORECASE
)
"""What stands under a condition names no number after it."""
_POINTS = re.compile(
    r"\b(?:below|following|follows?|here|enter|use|type|this\s+is|shown|copy|paste)\b|:\W*$", re.IGNORECASE
)
_SPEAKS_OF = re.compile(
    r"\b(?:never|not|don'?t|didn'?t|if|share|above|expires?|valid|anyone|nobody)\b", re.IGNORECASE
)
_CAPTION = re.compile(
    rf"\W*(?:(?:your|the|our|my)\s+)?(?:[\w'-]+\s+){{0,2}}{_OTHER}(?:\s+{_SMALL})?\W*", re.IGNORECASE
)
_AT = re.compile(
    r"\b(?:at|on|since|until|till|before|after|dated|over|under|about|ending|ends|between|than|nearly)\s*$",
    re.IGNORECASE,
)
_WORD_BEFORE = re.compile(rf"([^\W\d_]{{2,}})(?:[^\S\n]+{_SMALL})?[^\S\n]*[:#]?[^\S\n]*$", re.IGNORECASE)
_CALLS_NOTHING = frozenset(
    [
        "use",
        "enter",
        "type",
        "input",
        "submit",
        "provide",
        "copy",
        "paste",
        "in",
        "is",
        "are",
        "with",
        "by",
        "below",
        "following",
        "follows",
        "to",
        "this",
        "that",
        "here",
        "it",
        "and",
        "or",
        "your",
        "the",
        "now",
        "then",
        "using",
        "digits",
        "number",
        "numbers",
        "be",
        "was",
        "verification",
        "verify",
        "verified",
        "signin",
        "login",
        "sign",
        "log",
        "authentication",
        "authenticate",
        "security",
        "secret",
        "hello",
        "hi",
        "thanks",
        "please",
        "but",
        "just",
        "instead",
        "only",
        "new",
        "current",
        "reads",
        "key",
        "ipage",
        "okta",
        "ingram",
        "page",
        "continue",
        "from",
        "one",
        "for",
        "time",
        "get",
        "as",
        "today",
        "again",
        "valid",
    ]
)
_UNIT = re.compile(
    r"[ \x1f]{0,2}(?:utc|gmt|z|[ecmp][sd]?t|cet|cest|bst|a\.?m|p\.?m|o'clock|hours?|hrs?|h|minutes?|mins?|"
    r"seconds?|secs?|"
    r"days?|weeks?|months?|years?|px|pt|em|rem|kgs?|g|lbs?|km|miles|[kmg]i?b|bytes|copies|copy|units?|items?|"
    r"titles?|books?|pages?|points?|pts|users?|people|customers?|orders?|requests?|times|usd|eur|gbp|cad|dollars?|"
    r"cents|euros?|percent|(?:[A-Z][a-z]+\s){0,2}(?:street|st|avenue|ave|road|rd|boulevard|blvd|drive|lane|way))"
    r"\b(?!\s*(?:(?:is|code|number|no|id)\b|[:#\d§]))|\s?[%°€£$]",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"[\s\"'”’)\]»]*(?:(?:,\s*which\s+)?\b(?P<was>is|was|are|were|as|as\s+in)\s+|[=(,–—\-\t]\s*)"
    r"(?P<owned>(?:still\s+|now\s+)?(?:your|the|an?|our|this|my)\s+)?(?P<words>(?:[\w'-]+[^\S\n\t]*){1,6})",
    re.IGNORECASE,
)
_BREAKS = re.compile(
    r"\b(?:for|of|to|from|on|at|in|with|and|that|which|your|the|is|was|we|you|if|by)\b", re.IGNORECASE
)
_OF_BEFORE = (
    r"(?:,?[^\S\n]*(?:that|which|you|we|from|sent|asked|requested|issued|received|given|of)[^\S\n]+"
    r"(?:(?!(?:and|but|or|one|ones|codes?|replac\w+|instead|previous|old|last|so|because|since|if|until)\b)"
    r"(?:[a-z'-]+|§),?[^\S\n]+){0,10}?)"
)
"""A clause that says which number is meant ("that you asked for before")."""
_VOID = (
    r"(?:void|invalid(?:ated)?|expired|used|replaced|revoked|cancel+ed|superseded|outdated|old|obsolete|stale|"
    r"out\s+of\s+date|deactivated|disabled|inactive|withdrawn|voided)"
)
_VOID_AFTER = re.compile(
    rf"[\s\"')\]]*(?:{_OF_BEFORE}|(?:[a-z]+[^\S\n]+){{0,3}}?)"
    rf"(?:(?:(?:is|are|was|were|has\s+been|have\s+been|had\s+been)\s+(?:now\s+|already\s+|since\s+)?{_VOID}|"
    r"(?:has|had|have)?\s*(?:already\s+)?expired|(?:is|will|can|does|should)\s+(?:be\s+)?no\s+longer|"
    r"(?:is|are)\s+not\s+valid|(?:isn't|aren't)\s+valid|no\s+longer|"
    r"(?:will|does|can|do|should|must)\s*(?:not|n't)\s+(?:be\s+used|work)|(?:won't|doesn't|can't)\s+(?:be\s+used|work)|"
    r"(?:has\s+)?stopped\s+working|"
    rf"[(\[](?:now\s+|already\s+)?(?:{_VOID}|previous|no\s+longer\s+valid|not\s+valid)[)\]]|"
    rf"[-–—:,][^\S\n]+(?:now\s+|already\s+)?{_VOID}(?=[^\S\n]*(?:[.,;)]|\n|$)))"
    r"(?!\s+(?:after|in|at|once|when|if|unless|within|until|for)\b))",
    re.IGNORECASE,
)
_SAME_AGAIN = re.compile(r"[^\S\n]*(?:,|&|/|and|or|,\s*and|,\s*or)?[^\S\n]*", re.IGNORECASE)
_ABOUT = re.compile(
    rf"\b(?:{_CODE}|{_PURPOSE}|verif\w+|signing\s+in|logging\s+in|authenticat\w+|multi-?factor|two-?factor|2fa)\b",
    re.IGNORECASE,
)
_DIGITS_SAID = {str(number): number for number in range(4, 9)} | {
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
}
_LENGTH = re.compile(
    rf"\b({'|'.join(_DIGITS_SAID)})[- ]?(?:digits?|numerals?)\b(?=(?:[- ]+[a-z-]+){{0,3}}?[- ]+{_CODE}\b)",
    re.IGNORECASE,
)
_LENGTH_WORD = re.compile(r"[4-8]-?digits?", re.IGNORECASE)

# Numbers that their own looks tell. "§" stands for them afterwards.

_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH_NUMBER = r"(?:0?[1-9]|1[0-2])"
_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
_NO_CODE = re.compile(
    "|".join(
        (
            r"https?://\S+|\bwww\.\S+|(?<![\w.+-])[\w.+-]+@[\w.-]+",
            r"\+\d[\d ().-]{5,}\d|\(\d{3}\)[ ]?\d{3}[-. ]?\d{4}|\b(?:1[-. ])?\d{3}[-. ]\d{3}[-. ]\d{4}\b",
            r"\b\d{3}-\d{4}\b",
            r"\b\d{4}([-/.])\d{1,2}\1\d{1,2}(?:T[\d:.]+Z?)?\b",
            rf"\b{_MONTH_NUMBER}([-/.]){_DAY}\2(?:\d{{4}}|\d\d)\b|\b{_DAY}([-/.]){_MONTH_NUMBER}\3(?:\d{{4}}|\d\d)\b",
            rf"\b\d{{1,2}}(?:st|nd|rd|th)?\s+{_MONTH}(?:,?\s+\d{{4}}\b)?|\b{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s+\d{{4}}\b)?",
            r"\b\d{1,2}:\d\d(?::\d\d)?(?:\.\d+)?(?:\s*[ap]\.?m\b\.?)?(?:\s*(?:UTC|GMT|[ECMP][SD]?T|CES?T)\b)?",
            r"\b\d{6}(?:\.\d+)?\s?(?:UTC|GMT|Z|[ECMP][SD]?T|CES?T|hrs?|[ap]\.?m)\b\.?",
            r"(?:©|\(c\)|copyright)\s*(?:\w+\s+){0,3}\d{4}(?:\s?[-–]\s?\d{4})?",
            r"(?:[$€£¥]|\b(?:USD|EUR|GBP|CAD|US\$))\s?\d[\d.,]*",
            # Glued to something: a part of an identifier, a size, a color.
            r"[#+/\\@&%~^]\d[\w.-]*|(?<!\.)\.\d+|\b[A-Za-z]\w*[-/#]\d[\w-]*|\b\d+[-/][A-Za-z]\w*|\b\d+[@/\\%+&=]\S*",
            r"(?<!\w)\w*\d\w*(?:[.,:/'_@&=+\\]\w*\d\w*)+|\b(?=\w*\d)(?=\w*[A-Za-z_])\w+\b",
        )
    ),
    re.IGNORECASE,
)
_DRESSED = re.compile(
    r"(?<![\w.,:/@#&=?%+$€£¥\\-])(?:"
    # Letters and a dash before it.
    r"(?P<prefix>[A-Za-z]{1,6})[^\S\n]?[-‐‑–—][^\S\n]?\d{6}|"
    # Split by what numbers, dates and versions have in them, or ...
    r"(?P<number>\d{3}(?P<mark>[^\S\n]?[./∕⁄\\][^\S\n]?)\d{3}|\d(?:(?P<point>[^\S\n]?[./∕⁄\\:][^\S\n]?)\d)(?:(?P=point)\d){4})|"
    # ... by what they have not.
    r"\d{3}[^\S\n]?[_‧∙⋅・][^\S\n]?\d{3}|\d\d(?P<pair>[^\S\n]?[_‧∙⋅・][^\S\n]?)\d\d(?P=pair)\d\d|"
    r"\d(?:(?P<one>[^\S\n]?[_‧∙⋅・][^\S\n]?)\d)(?:(?P=one)\d){4}"
    r")(?![\w/\\@%°€£$§-]|[^\S\n]?[.,:_–—‧∙⋅・][^\S\n]?\d)"
)
"""A code in a shape that others have: it is taken for one where the words call it so."""
_NAMES_OTHERS = re.compile(
    r"(?:inv|ord|order|tkt|ticket|case|req|ref|rma|po|so|sr|inc|chg|acct|acc|cust|id|no|nr|sku|isbn|item|user|"
    r"tel|fax|ext|box|zip|bic|iban|vat|tx|txn|room|suite|v|err|error|msg|lot|sn|pn)",
    re.IGNORECASE,
)
_OF_SIGN_IN = re.compile(
    rf"\b(?:your|the|this|our|my|new|{_PURPOSE}|temporary)[- ](?:[\w'-]+[- ]){{0,3}}?{_CODE}\b", re.IGNORECASE
)
_SHORTENED = re.compile(r"\b(no|nr|ref|acct|tel|ext|inc|co|st|ave|mr|ms|dr|p\.o)\.(?=\s)", re.IGNORECASE)
_CONSUMED = re.compile(rf"\b(?:{_OTHER_CODE}|{_OTHER})(?:\s+{_SMALL})?[\s:#]*§", re.IGNORECASE)


def _readable(text: str) -> str:
    """Without what is not seen, with plain digits, and with "§" for what can't be a code."""
    text = re.sub(r"[\u00b9\u00b2\u00b3\u2070-\u209c]", "", text)
    text = unicodedata.normalize("NFKC", text)
    kept = []
    for char in text:
        category = unicodedata.category(char)
        if category == "Nd":
            kept.append(str(unicodedata.decimal(char)))
        elif category not in ("Cf", "Me") and not "\ufe00" <= char <= "\ufe0f" and char != "\u034f":
            kept.append(char)
    # No word is so long; what is encoded would be looked through again from each of its characters.
    text = re.sub(r"\w{40,}", "§", "".join(kept))
    text = text.replace("\r", "").replace("’", "'")
    text = re.sub(r"[*`~]+|(?<!\w)_+(?=\w)|(?<=\w)_+(?!\w)", "", text)
    text = re.sub(r"[-=_]{3,}", "\n\n", text).replace("|", "\t").replace("2FA", "two-factor")
    text = re.sub(r"[^\S\n\t\x1f]+", " ", text)
    # A point that ends no sentence.
    text = _SHORTENED.sub(r"\1", text)
    text = re.sub(r"(?i)\b(code|pin|passcode|otp)[-:=](?=\d)", r"\1: ", text)
    text = _DRESSED.sub(_undressed, text, count=_MOST_NUMBERS)
    # The number of digits that is spoken of is a word like others.
    text = _NO_CODE.sub(lambda match: match[0] if _LENGTH_WORD.fullmatch(match[0]) else "§", text)
    return _CONSUMED.sub("§", text)


def _undressed(match: re.Match[str]) -> str:
    """The digits alone, where the words say that they are the code; else as it stands."""
    text, start = match.string, match.start()
    before = _sentence(text[max(0, start - 400) : start])
    after = text[match.end() : match.end() + 200]
    # Of two to choose from none is taken, in whatever shape the other is.
    if re.match(r"\s*(?:,|&|/|and\b|or\b)\s*(?:[a-z]{1,6}-)?\d", after, re.IGNORECASE):
        return match[0]
    if match["prefix"] and _NAMES_OTHERS.fullmatch(match["prefix"]):
        return match[0]
    if re.search(r"(?:[$€£¥]|\b(?:USD|EUR|GBP|CAD|v|ver|version))\.?\s?$", before, re.IGNORECASE):
        return match[0]
    line = text[text.rfind("\n", 0, start) + 1 : start]
    above = _lines(text[max(0, start - 400) : start])
    caption = None
    if above and not re.search(r"\w", line + after.split("\n", 1)[0]):
        caption, before = _caption(above[-1]), above[-1]
    called, said, behind = _called(before, after, caption)
    if called is not _Is.CODE or not (said or _TYPED.search(before) or re.search(r"\w\s$", before)):
        return match[0]
    # "Code: 135.790" may be anything's, and a price as well.
    if match["number"] and not _OF_SIGN_IN.search(f"{before} § {after[:behind]}"):
        return match[0]
    return re.sub(r"\D", "", match[0])


@dataclass(frozen=True, slots=True)
class _Digits:
    start: int
    end: int
    digits: str


_GAPS = (
    ("joint", re.compile(rf"{JOINT}+")),
    ("blank", re.compile(r"[^\S\n]+")),
    ("line", re.compile(r"\s+")),
    ("dash", re.compile(r"[^\S\n]*[-‐‑‒–—−·•][^\S\n]*")),
)


def _gap(text: str) -> str | None:
    return next((kind for kind, pattern in _GAPS if pattern.fullmatch(text)), None)


def _joined(text: str) -> list[_Digits]:
    """All runs of digits, those joined that are one number: "135 790", "1-3-5", a digit in a cell each."""
    groups = [_Digits(at.start(), at.end(), at[0]) for at in re.finditer(r"\d+", text)]
    for kinds in (("joint",), ("blank", "line", "dash")):
        found: list[_Digits] = []
        at = 0
        while at < len(groups):
            last, kind = at, None
            while last + 1 < len(groups):
                gap = _gap(text[groups[last].end : groups[last + 1].start])
                same_size = len(groups[last + 1].digits) == len(groups[at].digits)
                if gap not in kinds or (kind or gap) != gap or not (same_size or gap == "joint"):
                    break
                last, kind = last + 1, gap
            run = groups[at : last + 1]
            one = _Digits(run[0].start, run[-1].end, "".join(group.digits for group in run))
            longest = max(len(group.digits) for group in run)
            least = 2 if kind == "joint" else 4
            fits = len(one.digits) == _USUAL or (least <= len(one.digits) <= 8 and kind != "line")
            ends_line = not re.search(r"\w|§", _line_after(text, one))
            if len(run) > 1 and fits and longest < _USUAL and (kind != "line" or ends_line):
                found.append(one)
            elif kind != "dash" or " " in text[one.start : one.end]:
                found.extend(run)  # else an identifier with dashes in it
            at = last + 1
        groups = found
    # Groups of unlike sizes with dashes between: an identifier as well.
    return [
        one
        for one in groups
        if not re.search(r"\d[-‐‑–]$", text[max(one.start - 2, 0) : one.start])
        and not re.match(r"[-‐‑–]\d", text[one.end : one.end + 2])
    ]


def _line_before(text: str, one: _Digits) -> str:
    return text[text.rfind("\n", 0, one.start) + 1 : one.start]


def _line_after(text: str, one: _Digits) -> str:
    return text[one.end :].split("\n", 1)[0]


def _alone(text: str, one: _Digits) -> bool:
    """Whether nothing else stands on its line."""
    return not re.search(r"\w|§", _line_before(text, one) + _line_after(text, one))


def _numbers(text: str) -> Iterator[_Number]:
    """Every number of the text, with what the words around it call it."""
    runs = _joined(text)[:_MOST_NUMBERS]
    captions = _captions(text, runs)
    # What an earlier number has taken its name from names no other.
    left = text
    previous: tuple[_Digits, _Is] | None = None
    for one in runs:
        before = _sentence(left[max(0, one.start - 400) : one.start])
        after = text[one.end : one.end + 200]
        called, said, behind = _called(before, after, captions.get(one.start))
        if (
            called is _Is.NOTHING
            and previous is not None
            and _SAME_AGAIN.fullmatch(text[previous[0].end : one.start])
        ):
            called = previous[1]
        yield _Number(one.digits, called, said)
        if called is not _Is.NOTHING:
            start = one.start
            if labels := list(_LABEL.finditer(before)):
                label = labels[-1]
                is_code = label["code"] is not None
                near = _AT_ONCE if is_code else _ITS_VALUE
                if is_code == (called is _Is.CODE) and near.fullmatch(before[label.end() :]):
                    start -= len(before) - label.start()
            end = one.end + behind
            left = left[:start] + "§" * (end - start) + left[end:]
        previous = one, called


def _called(before: str, after: str, caption: _Is | None) -> tuple[_Is, bool, int]:
    """What a number is called, whether in a whole statement, and how much after it says so.

    The nearest words are heard first.
    """
    if void := _VOID_AFTER.match(after):
        return _Is.OLD, True, void.end()
    if _GIVEN_UP.search(before):
        return _Is.OLD, True, 0
    if _UNIT.match(after):
        return _Is.OTHER, True, 0
    if caption is not None:
        return caption, True, 0
    ahead, said = _called_before(before)
    if ahead in (_Is.CODE, _Is.OLD):
        return ahead, said, 0
    behind, length = _called_after(after)
    if behind is not _Is.NOTHING:
        return behind, True, length
    if ahead is not _Is.NOTHING:
        return ahead, said, 0
    if _TYPED.search(before) and _TO_SIGN_IN.match(after):
        return _Is.CODE, False, 0
    word = None if said else _WORD_BEFORE.search(before)
    if _AT.search(before) or (word and word[1].lower() not in _CALLS_NOTHING):
        return _Is.OTHER, True, 0
    return _Is.NOTHING, False, 0


def _sentence(before: str) -> str:
    """The end of what stands before a number: its own sentence, as far as it has come."""
    return re.split(r"[.!?;](?=\s)|\n[^\S\n]*\n", before)[-1]


def _called_before(before: str) -> tuple[_Is, bool]:
    before = _UNLESS_ASKED.sub(" ", before)
    labels = list(_LABEL.finditer(before))
    if not labels:
        return _Is.NOTHING, False
    last = labels[-1]
    gap = before[last.end() :]
    linked = _LINK.search(gap) is not None
    if last["code"]:
        if linked and not re.search(r",(?!.*\b(?:is|are)\b)", gap):
            return _Is.CODE, True
        return (_Is.CODE, False) if _AT_ONCE.fullmatch(gap) and "," not in gap else (_Is.NOTHING, False)
    if last["old"]:
        # "Your old code was replaced, the other is 135790": too far away to be about this one.
        near = _ITS_VALUE.fullmatch(gap) is not None
        return (_Is.OLD, True) if near else (_Is.NOTHING, False)
    # "Your code for your account is 135790": the account only says what the code is for.
    codes = [label for label in labels[:-1] if label["code"]]
    owned = _OWNED.search(before[: last.start()]) is not None
    if linked and codes and _WITHIN.search(before[codes[-1].end() : last.start()]):
        if re.search(r"\b(?:is|are|reads)\b", gap) or owned:
            return _Is.CODE, True
        return _Is.OTHER, True
    if linked and owned and _DOING.search(before[: last.start()]):
        return _Is.NOTHING, True
    return (_Is.OTHER, True) if linked or _ITS_VALUE.fullmatch(gap) else (_Is.NOTHING, False)


def _called_after(after: str) -> tuple[_Is, int]:
    """What the words behind a number call it ("is your code"), and where they end."""
    nothing = (_Is.NOTHING, 0)
    said = _AFTER.match(after)
    if said is None or (said["was"] and said["was"].lower() != "as" and not said["owned"]):
        return nothing
    start, words = said.start("words"), said["words"]
    if (stop := _BREAKS.search(words)) is not None:
        words = words[: stop.start()]
    if words.lower().strip() in ("number", "id") and after[start + len(words) :].startswith("of "):
        start += len(words)
        words = after[start : start + 30].split(".")[0]
    labels = list(_LABEL.finditer(words))
    if not labels:
        return nothing
    last, end = labels[-1], start + labels[-1].end()
    # It may be the label of the number that follows.
    if re.match(r"(?:[^\S\n]|[:#=(])*(?:is\s*)?[\d§]", after[end:]):
        return nothing
    if last["code"]:
        over = said["was"] is not None and said["was"].lower() in ("was", "were")
        return (_Is.OLD if over else _Is.CODE), end
    return (_Is.OLD if last["old"] else _Is.OTHER), end


def _captions(text: str, runs: list[_Digits]) -> dict[int, _Is]:
    """Start of each number that stands alone on its line to what the line above it, or beneath it, calls it.

    Captions stand above their numbers, unless a row of both begins with a number and ends with a caption. One
    that begins and ends with a number can't be told.
    """
    numbers = {one.start: one for one in runs if _alone(text, one)}
    blocks: list[_Digits | _Is | None] = []
    at = 0
    for one in sorted(numbers.values(), key=lambda one: one.start):
        blocks += [_caption(line) for line in _lines(text[at : one.start])]
        blocks.append(one)
        at = one.end
    blocks += [_caption(line) for line in _lines(text[at:])]
    # Two numbers with nothing between them: a caption may be meant for either.
    pairs = [(one, other) for one, other in pairwise(blocks) if _is_long(one) and _is_long(other)]
    crowded = {one.start for pair in pairs for one in pair if isinstance(one, _Digits)}
    found: dict[int, _Is] = {}
    for row in _rows(blocks):
        after = isinstance(row[0], _Digits) and not isinstance(row[-1], _Digits)
        unclear = isinstance(row[0], _Digits) and isinstance(row[-1], _Digits) and len(row) > 1
        for place, block in enumerate(row):
            if not isinstance(block, _Digits):
                continue
            named = row[place + 1] if after else row[place - 1] if place else None
            if unclear or block.start in crowded:
                found[block.start] = _Is.NOTHING
            elif isinstance(named, _Is):
                found[block.start] = named
    return found


def _is_long(block: "_Digits | _Is | None") -> bool:
    return isinstance(block, _Digits) and len(block.digits) >= 4


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if re.search(r"\w|§", line)]


def _rows(blocks: list[_Digits | _Is | None]) -> Iterator[list[_Digits | _Is]]:
    """Numbers and captions that stand by turns, as long as they do."""
    row: list[_Digits | _Is] = []
    for block in blocks:
        if row and (block is None or isinstance(block, _Digits) == isinstance(row[-1], _Digits)):
            yield row
            row = []
        if block is not None:
            row.append(block)
    if row:
        yield row


def _caption(line: str) -> _Is | None:
    """What a line calls the number that stands alone beneath it; `None` where it names nothing."""
    if _CAPTION.fullmatch(line) and not line.endswith("."):
        return _Is.OTHER
    sentence = _sentence(re.sub(r"[.!?]\s*$", "", line))
    labels = list(_LABEL.finditer(sentence))
    if not labels:
        return None
    if _POINTS.search(sentence) and not _SPEAKS_OF.search(sentence) and any(one["code"] for one in labels):
        return _Is.CODE if not labels[-1]["old"] else _Is.OLD
    if line.endswith((".", "!", "?")):
        return None
    called, _ = _called_before(line)
    return called if called in (_Is.CODE, _Is.OLD) else None
