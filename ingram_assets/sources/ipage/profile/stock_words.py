"""The words of stock tables: headings of their columns, rows that are no center's, names of centers.

The queue and the store's programs know a center by two letters, those of its state.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from ingram_assets.domain.site_file import Words, as_label, as_phrase
from ingram_assets.domain.stock import Role
from ingram_assets.sources.ipage.profile.number_forms import NumberForms
from ingram_assets.sources.ipage.profile.phrases import beginning_as, filling, finding, is_alike

_ORDERED = re.compile(r"^(?:qty |quantity )?ordered$")
_STOCK_ALONE = re.compile(r"(?:current )?(?:stock|inventory)(?: (?:qty|quantity|level|count))?")
"""A heading of copies on hand where no heading says so outright."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_HARMLESS = (
    r"qty|quantity|quantities|units?|copies|books?|counts?|number|no|total|current(?:ly)?|now|today|"
    r"avail(?:able|ability)?|stock|inventory|ingram"
)
"""What may stand beside "On Hand" or "On Order" in a heading and changes nothing. Whatever else does may make
it another number: "Max On Hand", "On Hand Value", "Damaged"."""
_SIGNS = r"[\s:*†‡§.,()\[\]#/¹²³–—-]"
_OF_A_HEADING = _words(
    "stock inventory availability available hand order ordered copies counts count quantity quantities "
    "qty units levels level figures data status check information info details summary dc dcs ingram "
    "current currently real time live today now as of at by in on per the a an and or all each every for "
    "this title book your our my more further additional other others alternate alternates alternative "
    "primary secondary nearby nearest distribution center centers centre centres warehouse warehouses "
    "location locations facility facilities regional us usa united states domestic national nationwide"
)
"""Words of the headings of stock tables of the book itself."""
_OF_A_NOTE = _words(
    "are is be may were hourly daily call contact customer care service please see questions note notes "
    "subject to change without notice vary ship ships shipped same day legend"
)
"""Words of notes within a stock table that say nothing of its counts."""
STATES = _words(
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY "
    "NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY PR"
)
"""The two letters of the states of the US, of Washington, D.C., and of Puerto Rico."""
_OF_ANOTHER = re.compile(
    r"\b(?:canad\w*|u\.?k|united kingdom|australia\w*|europe\w*|remainders?|hurt|damaged|used|second[- ]hand|"
    r"yesterday|last (?:week|month|year)|previous|projected|forecast|planned|future|publisher(?:['’]?s)?|"
    r"other account|closed|other (?:editions?|formats?|titles?|books?|versions?)|competitors?|comparable|"
    r"history|licen[cs]es?|e-?books?|library|reserved?|returns?|large print|incoming|international)\b",
    re.IGNORECASE,
)
"""Words of a heading by which even the first table of the page is not that of the copies there are."""
_TROUBLE = re.compile(
    r"unavailable|not (?:currently |presently )?available|being updated|try again|check back|out of date|"
    r"not up to date|(?:can(?:not|'t|’t)|could ?n[o'’]t|could not|unable to) (?:be )?"
    r"(?:shown|show|display(?:ed)?|retrieved?|load(?:ed)?|get|determined?|reach(?:ed)?|connect|read|fetch(?:ed)?)|"
    r"no (?:stock|inventory) (?:data|information)|maintenance|tim(?:ed?|ing)[ -]?out|"
    r"(?:sign|log)(?:ged)? ?in (?:to|for|first|again|required)|session|"
    r"\b(?:error|failed|failure|offline)\b|(?:sample|demo|test) data",
    re.IGNORECASE,
)
"""What a page says beside its stock where zeros are no counts."""
_TROUBLE_ALONE = re.compile(
    r"\berror (?:has )?occurred|unable to load|^\W*(?:please )?try again|\bsystem error|something went wrong",
    re.IGNORECASE,
)
"""What is trouble of whatever stands there, though it does not speak of stock."""
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
"""Soft hyphens and characters without a width, which part no word."""
_NOW = re.compile(
    r"(?:[\s.,;:()*–—-]|at|on|[cemp][sd]?t|utc|gmt|central|eastern|pacific|time|today|now|just|right|hourly|"
    r"continuously|in real time|real[ -]time|throughout the day|[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?|"
    r"[0-9]{1,2} ?(?=[ap]\.?m)|[ap]\.?m\b\.?|this (?:morning|afternoon|evening|minute|hour)|"
    r"(?:every |an? |[0-9]{1,3} |few ){1,3}(?:seconds?|minutes?|moments?|hour)(?: ago)?)*",
    re.IGNORECASE,
)
"""What may follow "as of" without a day and speaks of today."""
_OF_STOCK = re.compile(
    r"\b(?:stock|inventory|counts?|quantit\w+|availability|on[ -]hand|figures?|data|service|request)\b",
    re.IGNORECASE,
)
_SUM = re.compile(r"^(?:sum|all(?:\s+(?:dcs?|warehouses|locations))?)\b", re.IGNORECASE)
_CODE = re.compile(r"(?<![A-Za-z0-9])([A-Z]{2})(?![A-Za-z0-9])")
NO_CENTER = frozenset({"DC", "NA", "OO", "WH", "EA"})
"""Two capitals that may stand beside a DC's code, or in its place. Before counts each is one itself."""
_LONG_CODE = re.compile(r"(?<![A-Za-z0-9])([A-Z]{3,5}[0-9]{0,2}|[A-Z]{2}[0-9]{1,2})(?![A-Za-z0-9])")
"""One of several centers of a state, mostly: "PAC", "TN2"."""
_NO_CODE = frozenset(
    {"NEW", "OLD", "MAX", "MIN", "NET", "MISC", "NEAR", "MID", "AREA", "CASE", "COST", "WAS", "INC", "PENDG"}
    | {"TOTAL", "SUM", "ALL", "OTHER", "NOTE", "NOTES", "NONE", "NULL", "STOCK", "ORDER", "ITEM", "ITEMS"}
    | {"DCS", "INFO", "DATE", "NEXT", "CALL", "EACH", "QTY", "HAND", "UNIT", "UNITS", "WHSE", "MAIN", "VIEW"}
    | {"MORE", "USA", "ETA", "TBA", "TBD"}
)
"""Words that are no codes."""
_APART = tuple("(),:/|–—-")
"""Signs that part a center's code from what stands beside it."""
_REMEMBERED = 1_000
"""Names of rows; those of an account's pages are a dozen."""
_BESIDE_A_NAME = re.compile(r"\([^()]*\)|[:*†‡]+|\.$")


class StockWords:
    """What the words of a stock table mean, and those around it. `numbers`: how its counts are written.

    `words`: of what stands around the tables, `trouble`, `as_of`, `our_stock` and `beside`.
    """

    def __init__(
        self, headings: Words, centers: Mapping[str, str], numbers: NumberForms, words: Words
    ) -> None:
        self.numbers = numbers
        self._trouble, self._as_of = finding(words["trouble"]), finding(words["as_of"])
        self._beside = finding(words["beside"])
        own = (
            *(
                word
                for key in ("center", "on_hand", "primary", "secondary", "other")
                for word in headings[key]
            ),
            *centers,
            *words["our_stock"],
        )
        self._ours = finding(word for word in own if as_phrase(word))
        on_hand, on_order = headings["on_hand"], headings["on_order"]
        self._on_hand = finding(on_hand)
        self._heads_on_hand = (
            _alone(beginning_as(on_hand)),
            _alone(r"in\s?-?\s?stock"),
            _alone(r"avail(?:able|ability)?"),
            _STOCK_ALONE,
        )
        self._heads_on_order = _alone(rf"(?:{beginning_as(on_order)}|ordered)")
        self._on_order, self._outright = finding(on_order), filling([*on_hand, *on_order])
        self._center = frozenset(as_label(name).replace(".", "") for name in headings["center"])
        self._ignored, self._total = finding(headings["ignored"]), finding(headings["total"])
        roles: tuple[Role, ...] = ("primary", "secondary", "other")
        self._roles = tuple((finding(headings[role]), role) for role in roles)
        self._codes = STATES.union(centers.values())
        self._code_of = {_squeezed(name): code for name, code in centers.items()}
        self._towns = {name: code for name, code in centers.items() if re.fullmatch("[A-Z]{3}", name)}
        names = [name for name in centers if name not in self._towns]
        self.code = lru_cache(_REMEMBERED)(self._code)
        """The two letters of a center by what a row calls it; `None` where they can't be told."""
        self._name = re.compile(rf"(?<!\w)(?:{beginning_as(names)})(?!\w)", re.IGNORECASE)
        beside_a_code = "|".join(map(beginning_as, (headings["center"], names)))
        roles_too = rf"primary|secondary|other|alternate|ingram|no|[0-9]+|{beside_a_code}"
        self._beside_a_code = re.compile(rf"(?<!\w)(?:{roles_too})(?!\w)|[\s*†‡.#]", re.IGNORECASE)

    def is_center(self, heading: str) -> bool:
        """Whether a column of this heading holds the centers."""
        return as_label(heading).replace(".", "") in self._center

    def is_like_center(self, heading: str) -> bool:
        """Whether it is written as the heading of such a column is, but for a typing error or an ending."""
        return any(is_alike(name, heading) for name in self._center)

    def is_on_order(self, heading: str) -> bool:
        """Whether the heading speaks of copies on order, be it a count of ours or not."""
        return self._on_order.search(heading) is not None or _ORDERED.match(heading) is not None

    def says_on_hand(self, text: str) -> bool:
        """Whether it speaks of copies on hand."""
        return self._on_hand.search(text) is not None

    def is_no_count(self, heading: str) -> bool:
        """Whether a word of it says that it is another number: copies that are reserved, expected, sold."""
        return self._ignored.search(heading) is not None

    def heads_on_hand(self, heading: str) -> bool:
        """Whether it is a heading of the copies on hand, and says nothing else."""
        return bool(self.on_hand_among([heading]))

    def heads_on_order(self, heading: str) -> bool:
        """Whether it is a heading of the copies on order, and says nothing else."""
        return self._heads_on_order.fullmatch(heading) is not None and not self.is_no_count(heading)

    def says_outright(self, heading: str) -> bool:
        """Whether it speaks of copies on hand or on order, in words that mean nothing else."""
        return self.is_on_order(heading) or self._on_hand.search(heading) is not None

    def on_hand_among(self, headings: list[str]) -> list[int]:
        """The places of those that head the copies on hand, by the surest words that there are."""
        for pattern in self._heads_on_hand:
            found = [
                place
                for place, name in enumerate(headings)
                if pattern.fullmatch(name) and not self.is_on_order(name) and not self.is_no_count(name)
            ]
            if found:
                return found
        return []

    def says_no_more(self, heading: str) -> bool:
        """Whether it is "On Hand" alone, which outdoes "Total On Hand" or "On Order last week" beside it."""
        return self._outright.match(heading) is not None

    def is_trouble(self, text: str, *, is_across: bool) -> bool:
        """Whether the text says that the stock is not known now.

        Args:
            is_across: it stands in a stock table; elsewhere it has to speak of stock.
        """
        text = _UNSEEN.sub("", text)
        if self._trouble.search(text) is not None or _TROUBLE_ALONE.search(text) is not None:
            return True
        return _TROUBLE.search(text) is not None and (is_across or _OF_STOCK.search(text) is not None)

    def after_as_of(self, text: str) -> str | None:
        """What follows words such as "as of" in a text of the stock; `None` where there are none."""
        text = _UNSEEN.sub("", text)
        found = self._as_of.search(text)
        is_of_stock = found is not None and (_OF_STOCK.search(text) or not text[: found.start()].strip(" (*"))
        return text[found.end() :] if found is not None and is_of_stock else None

    def is_now(self, text: str) -> bool:
        """Whether what follows "as of" speaks of today and of nothing else: a time, "today", "hourly"."""
        return text.strip() != "" and _NOW.fullmatch(text) is not None

    def without_as_of(self, text: str) -> str:
        """A heading up to words such as "as of": the day behind them is looked at by itself."""
        found = self._as_of.search(text)
        return text[: found.start()] if found is not None else text

    def strange_words(self, heading: str) -> list[str]:
        """Those of a heading that stock tables of the book itself are not known to have."""
        rest = self._ours.sub(" ", heading)
        return [
            word
            for word in re.findall(r"[^\W_]+", rest)
            if word.casefold() not in _OF_A_HEADING and word not in self._codes
        ]

    def is_harmless_note(self, text: str) -> bool:
        """Whether a row of words alone says nothing against the counts of its table."""
        text = _UNSEEN.sub("", text)
        is_known = self.is_total(text) or self.role_in([text]) is not None or self.has_as_of(text)
        strange = (word.casefold() for word in self.strange_words(text))
        return is_known or all(word in _OF_A_NOTE for word in strange)

    def has_as_of(self, text: str) -> bool:
        """Whether words such as "as of" stand in it."""
        return self._as_of.search(text) is not None

    def is_of_another(self, heading: str) -> bool:
        """Whether the heading says that the stock is that of another house, another time or other copies.

        What site.toml calls our stock is ours.
        """
        return _OF_ANOTHER.search(self._ours.sub(" ", heading)) is not None

    def is_of_others(self, heading: str) -> bool:
        """Whether the heading is one of books beside the page's own, as site.toml has it."""
        return self._beside.search(heading) is not None

    def is_total(self, text: str) -> bool:
        """Whether the text, in a row, says that it adds up others."""
        return self._total.search(text) is not None or _SUM.match(text) is not None

    def role_in(self, texts: Iterable[str]) -> Role | None:
        """What the words beside a row say of whose center it is."""
        return next((role for text in texts for pattern, role in self._roles if pattern.search(text)), None)

    def _code(self, text: str) -> str | None:
        """From "TN", "TN (Primary)", "La Vergne, TN", "Tennessee", "TN2" or "PAC"; `None` for all else."""
        if (named := self._code_of.get(_squeezed(_BESIDE_A_NAME.sub("", text)))) is not None:
            return named
        plain = text.strip(" :*†‡.")
        if plain.isupper() or plain.islower():
            plain = plain.upper()
        if re.fullmatch(r"[A-Z]{2}", plain) and plain not in NO_CENTER:
            return plain if plain in self._codes else None
        codes: set[str] = {code for code in _CODE.findall(text) if code not in NO_CENTER}
        if len(codes) == 1:
            code = codes.pop()
            return code if code in self._codes and self._stands_apart(text, code) else None
        if (last := re.search(r",\s*([A-Z]{2})\)?$", text)) and last[1] in codes & self._codes:
            return last[1]  # "LA VERGNE, TN"
        states = {self._code_of[_squeezed(name)] for name in self._name.findall(text)}
        if not codes and len(states) == 1:
            return states.pop()
        # Of three letters in any case; longer words in small letters may be anything.
        longer = [plain] if re.fullmatch(r"[A-Z]{3}", plain) else _LONG_CODE.findall(text)
        of_longer = {
            state
            for code in longer
            if (state := self._state_of(code)) and (code == plain or self._stands_apart(text, code))
        }
        return of_longer.pop() if not codes and not states and len(of_longer) == 1 else None

    def _stands_apart(self, text: str, code: str) -> bool:
        """Whether a code is no word of a sentence, as in "IN stock": signs or known words part it."""
        before, _, after = text.partition(code)
        before, after = before.rstrip(), after.lstrip()
        return (before[-1:] in _APART or not self._beside_a_code.sub("", before)) and (
            after[:1] in _APART or not self._beside_a_code.sub("", after)
        )

    def is_code(self, text: str) -> bool:
        """Whether this is a center's code or name and nothing else."""
        is_one = text in self._codes or bool(_LONG_CODE.fullmatch(text) and self._state_of(text))
        return is_one or _squeezed(text) in self._code_of

    def is_listed(self, text: str) -> bool:
        """Whether this is the name of a center that is known, or its two letters, and nothing else."""
        return _squeezed(text) in self._code_of or self.is_listed_code(text)

    def is_listed_code(self, code: str) -> bool:
        """Whether these are the two letters of a center that is known, and not of any state."""
        return code in self._code_of.values()

    def _state_of(self, code: str) -> str | None:
        """The two letters that a longer code is counted under; `None` where they are no center's."""
        letters = code.rstrip("0123456789")
        if letters in _NO_CODE or letters in NO_CENTER:
            return None
        state = self._towns.get(letters[:3], letters[:2])
        return state if state in self._codes else None


def _alone(phrase: str) -> re.Pattern[str]:
    """Finds a heading of a phrase with nothing beside it but harmless words."""
    beside = rf"(?:{_SIGNS}|(?<![^\W_])(?:{_HARMLESS})(?![^\W_]))*"
    return re.compile(rf"{beside}(?<![^\W_])(?:{phrase})(?![^\W_]){beside}", re.IGNORECASE)


def has_two_capitals(text: str) -> bool:
    """Whether two capitals stand in it, as those of a state."""
    return _CODE.search(text) is not None


def is_two_capitals(text: str) -> bool:
    """Whether it is nothing else."""
    return _CODE.fullmatch(text) is not None


def _squeezed(name: str) -> str:
    return re.sub(r"[\s-]+", "", as_phrase(name))
