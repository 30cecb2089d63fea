"""The words and shapes by which a mail's numbers are told apart, as patterns that `code_in_words` applies."""

import re

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
LABEL = re.compile(
    rf"\b(?:(?P<old>{_OLD}(?:\s+[\w-]+){{0,2}}?\s+{_CODE}|{_OLD}(?:\s+ones?)?)|(?P<other>{_OTHER_CODE})|"
    rf"(?P<code>{_CODE}|new\s+one|new(?=\s*(?::|is\b)))|(?P<thing>{_OTHER}))\b",
    re.IGNORECASE,
)
_SMALL = r"(?:numbers?|no|nr|num|ids?|n°|digits|code)"
_MARKS = r"[\s:=\-–—→>(\"'“”‘’«‹\[{,|]*"
AT_ONCE = re.compile(rf"(?:\s*{_SMALL}\b)?{_MARKS}", re.IGNORECASE)
"""Between a label and its number: nothing but marks."""
LINK = re.compile(
    r"(?:\b(?:is|are|reads?|being|it's|follows|below|here|instead|now)\b|[:=→»]|->|=>|\s[-–—])"
    r"(?:\s*(?:now|therefore|simply|just|instead))?[\s\"'“‘«(\[:=\-–—→>]*$",
    re.IGNORECASE,
)
"""At the end of a statement, before what it states."""
ITS_VALUE = re.compile(
    rf"(?:[\s:=\-–—#(\"'\[§]|\b(?:{_SMALL}|ending|ends|with|in|on|is|was|dated|of|which|at|from)\b)*",
    re.IGNORECASE,
)
"""Between what is no code and its number."""
_PREPOSITION = r"(?:for|of|to|from|on|with|in|into|by|about|at|regarding|after|under)\b"
WITHIN = re.compile(rf"\b{_PREPOSITION}", re.IGNORECASE)
OWNED = re.compile(
    rf"\b(?:your|the|this|our|my|an?)\s+(?:(?!{_PREPOSITION})[\w'-]+\s+){{0,2}}$", re.IGNORECASE
)
DOING = re.compile(
    r"\b(?:(?:sign|log)(?:ging|ning)?[- ]?in|access|complete|finish|confirm|verify|authenticate|continue)\b"
    r"[^.]*$",
    re.IGNORECASE,
)
GIVEN_UP = re.compile(
    r"\b(?:instead\s+of|used\s+to\s+be|in\s+place\s+of|rather\s+than|not|replac(?:es|ed|ing)|ignore|discard|delete|than|"
    r"(?:we|have|has)\s+(?:cancel+ed|invalidated|revoked|voided|withdrawn|deactivated|expired|disabled)|"
    r"supersed\w+|chang\w+\s+from|unlike|no\s+longer(?:\s+use)?|don'?t\s+use|do\s+not\s+use)\s+"
    rf"(?:(?:the|your|any|{_OLD}|{_CODE}|ones?)\s+)*[\"'(:]*$",
    re.IGNORECASE,
)
TYPED = re.compile(
    r"\b(?:enter|use|type|input|key\s+in|submit|provide|copy|paste)\s*"
    r"(?:(?:the|this|these|following|code|passcode|digits|numbers?)\s*)*[:\"'(\[]*\s*$",
    re.IGNORECASE,
)
TO_SIGN_IN = re.compile(
    r"[\"')\]]*\s*(?:$|[.!,](?:\s|$)|\n|(?:to|and|when|at|on|in)\s+(?:\w+\s+){0,4}?"
    r"(?:sign|log|verify|verif|confirm|complete|finish|continue|authenticate|access|login|iPage|page|form|screen))",
    re.IGNORECASE,
)
UNLESS_ASKED = re.compile(
    r"\b(?:if|unless|in\s+case|when|should|never|did\s+not|didn'?t)\b[^,;:\n]{0,160},", re.IGNORECASE
)
"""What stands under a condition names no number after it."""
POINTS = re.compile(
    r"\b(?:below|following|follows?|here|enter|use|type|this\s+is|shown|copy|paste)\b|:\W*$", re.IGNORECASE
)
SPEAKS_OF = re.compile(
    r"\b(?:never|not|don'?t|didn'?t|if|share|above|expires?|valid|anyone|nobody)\b", re.IGNORECASE
)
CAPTION = re.compile(
    rf"\W*(?:(?:your|the|our|my)\s+)?(?:[\w'-]+\s+){{0,2}}{_OTHER}(?:\s+{_SMALL})?\W*", re.IGNORECASE
)
AT = re.compile(
    r"\b(?:at|on|since|until|till|before|after|dated|over|under|about|ending|ends|between|than|nearly)\s*$",
    re.IGNORECASE,
)
WORD_BEFORE = re.compile(rf"([^\W\d_]{{2,}})(?:[^\S\n]+{_SMALL})?[^\S\n]*[:#]?[^\S\n]*$", re.IGNORECASE)
CALLS_NOTHING = frozenset(
    (
        *("use", "enter", "type", "input", "submit", "provide", "copy", "paste", "in", "is", "are", "with"),
        *("by", "below", "following", "follows", "to", "this", "that", "here", "it", "and", "or", "your"),
        *("the", "now", "then", "using", "digits", "number", "numbers", "be", "was", "verification"),
        *("verify", "verified", "signin", "login", "sign", "log", "authentication"),
        *("authenticate", "security", "secret", "hello", "hi", "thanks", "please", "but", "just"),
        *("instead", "only", "new", "current", "reads", "key", "ipage", "okta", "ingram", "page"),
        *("continue", "from", "one", "for", "time", "get", "as", "today", "again", "valid"),
    )
)
"""Words before a number that do not say what it is the number of."""
UNIT = re.compile(
    r"[ \x1f]{0,2}(?:utc|gmt|z|[ecmp][sd]?t|cet|cest|bst|a\.?m|p\.?m|o'clock|hours?|hrs?|h|minutes?|mins?|"
    r"seconds?|secs?|"
    r"days?|weeks?|months?|years?|px|pt|em|rem|kgs?|g|lbs?|km|miles|[kmg]i?b|bytes|copies|copy|units?|items?|"
    r"titles?|books?|pages?|points?|pts|users?|people|customers?|orders?|requests?|times|usd|eur|gbp|cad|dollars?|"
    r"cents|euros?|percent|(?:[A-Z][a-z]+\s){0,2}(?:street|st|avenue|ave|road|rd|boulevard|blvd|drive|lane|way))"
    r"\b(?!\s*(?:(?:is|code|number|no|id)\b|[:#\d§]))|\s?[%°€£$]",
    re.IGNORECASE,
)
AFTER = re.compile(
    r"[\s\"'”’)\]»]*(?:(?:,\s*which\s+)?\b(?P<was>is|was|are|were|as|as\s+in)\s+|[=(,–—\-\t]\s*)"
    r"(?P<owned>(?:still\s+|now\s+)?(?:your|the|an?|our|this|my)\s+)?(?P<words>(?:[\w'-]+[^\S\n\t]*){1,6})",
    re.IGNORECASE,
)
BREAKS = re.compile(
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
VOID_AFTER = re.compile(
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
SAME_AGAIN = re.compile(r"[^\S\n]*(?:,|&|/|and|or|,\s*and|,\s*or)?[^\S\n]*", re.IGNORECASE)
ABOUT = re.compile(
    rf"\b(?:{_CODE}|{_PURPOSE}|verif\w+|signing\s+in|logging\s+in|authenticat\w+|multi-?factor|two-?factor|2fa)\b",
    re.IGNORECASE,
)
DIGITS_SAID = ("four", "five", "six", "seven", "eight")
LENGTH = re.compile(
    rf"\b([4-8]|{'|'.join(DIGITS_SAID)})[- ]?(?:digits?|numerals?)\b"
    rf"(?=(?:[- ]+[a-z-]+){{0,3}}?[- ]+{_CODE}\b)",
    re.IGNORECASE,
)
LENGTH_WORD = re.compile(r"[4-8]-?digits?", re.IGNORECASE)

# Numbers that their own looks tell. "§" stands for them afterwards.

_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH_NUMBER = r"(?:0?[1-9]|1[0-2])"
_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
NO_CODE = re.compile(
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
FORMATTED = re.compile(
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
NAMES_OTHERS = re.compile(
    r"(?:inv|ord|order|tkt|ticket|case|req|ref|rma|po|so|sr|inc|chg|acct|acc|cust|id|no|nr|sku|isbn|item|user|"
    r"tel|fax|ext|box|zip|bic|iban|vat|tx|txn|room|suite|v|err|error|msg|lot|sn|pn)",
    re.IGNORECASE,
)
OF_SIGN_IN = re.compile(
    rf"\b(?:your|the|this|our|my|new|{_PURPOSE}|temporary)[- ](?:[\w'-]+[- ]){{0,3}}?{_CODE}\b", re.IGNORECASE
)
SHORTENED = re.compile(r"\b(no|nr|ref|acct|tel|ext|inc|co|st|ave|mr|ms|dr|p\.o)\.(?=\s)", re.IGNORECASE)
CONSUMED = re.compile(rf"\b(?:{_OTHER_CODE}|{_OTHER})(?:\s+{_SMALL})?[\s:#]*§", re.IGNORECASE)
