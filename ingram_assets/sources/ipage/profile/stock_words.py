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
_ON_HAND_TOO = (
    re.compile(r"\bin\s?-?\s?stock\b"),
    re.compile(r"\bavail(?:able|ability)?\b(?!.*\border\b)"),
    re.compile(r"^(?:current )?(?:stock|inventory)(?: (?:qty|quantity|level|count))?$"),
)
"""Headings of copies on hand where no heading says so outright, the first first."""
_SUM = re.compile(r"^(?:sum|all(?:\s+(?:dcs?|warehouses|locations))?)\b", re.IGNORECASE)
_CODE = re.compile(r"(?<![A-Za-z0-9])([A-Z]{2})(?![A-Za-z0-9])")
NO_CENTER = frozenset({"DC", "NA", "OO", "WH", "EA"})
"""Two capitals that may stand beside a DC's code, or in its place. Before counts each is one itself."""
_LONG_CODE = re.compile(r"(?<![A-Za-z0-9])([A-Z]{3,5}[0-9]{0,2}|[A-Z]{2}[0-9]{1,2})(?![A-Za-z0-9])")
"""One of several centers of a state, mostly: "PAC", "TN2"."""
_NO_CODE = frozenset(
    {"TOTAL", "SUM", "ALL", "OTHER", "NOTE", "NOTES", "NONE", "NULL", "STOCK", "ORDER", "ITEM", "ITEMS"}
    | {"DCS", "INFO", "DATE", "NEXT", "CALL", "EACH", "QTY", "HAND", "UNIT", "UNITS", "WHSE", "MAIN", "VIEW"}
    | {"MORE", "USA", "ETA", "TBA", "TBD"}
)
"""Words that are no codes."""
_REMEMBERED = 1_000
"""Names of rows; those of an account's pages are a dozen."""
_BESIDE_A_NAME = re.compile(r"\([^()]*\)|[:*†‡]+|\.$")


class StockWords:
    """What the words of a stock table mean. `numbers`: how its counts are written."""

    def __init__(self, headings: Words, centers: Mapping[str, str], numbers: NumberForms) -> None:
        self.numbers = numbers
        on_hand, on_order = headings["on_hand"], headings["on_order"]
        self._on_hand = (finding(on_hand), *_ON_HAND_TOO)
        self._on_order, self._outright = finding(on_order), filling([*on_hand, *on_order])
        self._center = frozenset(as_label(name).replace(".", "") for name in headings["center"])
        self._ignored, self._total = finding(headings["ignored"]), finding(headings["total"])
        roles: tuple[Role, ...] = ("primary", "secondary", "other")
        self._roles = tuple((finding(headings[role]), role) for role in roles)
        self._code_of = {_squeezed(name): code for name, code in centers.items()}
        self._towns = {name: code for name, code in centers.items() if re.fullmatch("[A-Z]{3}", name)}
        names = [name for name in centers if name not in self._towns]
        self.code = lru_cache(_REMEMBERED)(self._code)
        """The two letters of a center by what a row calls it; `None` where they can't be told."""
        self._name = re.compile(rf"(?<!\w)(?:{beginning_as(names)})(?!\w)", re.IGNORECASE)

    def is_center(self, heading: str) -> bool:
        """Whether a column of this heading holds the centers."""
        return as_label(heading).replace(".", "") in self._center

    def is_like_center(self, heading: str) -> bool:
        """Whether it is written as the heading of such a column is, but for a typing error or an ending."""
        return any(is_alike(name, heading) for name in self._center)

    def is_on_order(self, heading: str) -> bool:
        """Whether the heading speaks of copies on order, be it a count of ours or not."""
        return self._on_order.search(heading) is not None or _ORDERED.match(heading) is not None

    def is_no_count(self, heading: str) -> bool:
        """Whether a word of it says that it is another number: copies that are reserved, expected, sold."""
        return self._ignored.search(heading) is not None

    def is_on_hand(self, heading: str) -> bool:
        """Whether the heading may speak of copies on hand."""
        return any(pattern.search(heading) for pattern in self._on_hand[:3])

    def says_outright(self, heading: str) -> bool:
        """Whether it speaks of copies on hand or on order, in words that mean nothing else."""
        return self.is_on_order(heading) or self._on_hand[0].search(heading) is not None

    def on_hand_among(self, headings: list[str]) -> list[int]:
        """The places of those that head the copies on hand, by the surest words that there are."""
        for pattern in self._on_hand:
            found = [
                place
                for place, name in enumerate(headings)
                if pattern.search(name) and not self.is_on_order(name) and not self.is_no_count(name)
            ]
            if found:
                return found
        return []

    def says_no_more(self, heading: str) -> bool:
        """Whether it is "On Hand" alone, which outdoes "Total On Hand" or "On Order last week" beside it."""
        return self._outright.match(heading) is not None

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
        plain = text.strip(" :*†‡.").upper()
        if re.fullmatch(r"[A-Z]{2}", plain) and plain not in NO_CENTER:
            return plain
        codes: set[str] = {code for code in _CODE.findall(text) if code not in NO_CENTER}
        if len(codes) == 1:
            return codes.pop()
        if (last := re.search(r",\s*([A-Z]{2})\)?$", text)) and last[1] in codes:
            return last[1]  # "LA VERGNE, TN"
        states = {self._code_of[_squeezed(name)] for name in self._name.findall(text)}
        if not codes and len(states) == 1:
            return states.pop()
        # Of three letters in any case; longer words in small letters may be anything.
        longer = [plain] if re.fullmatch(r"[A-Z]{3}", plain) else _LONG_CODE.findall(text)
        of_longer = {state for code in longer if (state := self._state_of(code))}
        return of_longer.pop() if not codes and not states and len(of_longer) == 1 else None

    def is_code(self, text: str) -> bool:
        """Whether this is a center's code or name and nothing else."""
        is_one = bool(_CODE.fullmatch(text)) or bool(_LONG_CODE.fullmatch(text) and self._state_of(text))
        return is_one or _squeezed(text) in self._code_of

    def is_listed(self, text: str) -> bool:
        """Whether this is the name of a center that is known, or its two letters, and nothing else."""
        return _squeezed(text) in self._code_of or text in self._code_of.values()

    def _state_of(self, code: str) -> str | None:
        """The two letters that a longer code is counted under. Where they are no state's they add up, too."""
        letters = code.rstrip("0123456789")
        if letters in _NO_CODE or letters in NO_CENTER:
            return None
        return self._towns.get(letters[:3], letters[:2])


def has_two_capitals(text: str) -> bool:
    """Whether two capitals stand in it, as those of a state."""
    return _CODE.search(text) is not None


def is_two_capitals(text: str) -> bool:
    """Whether it is nothing else."""
    return _CODE.fullmatch(text) is not None


def _squeezed(name: str) -> str:
    return re.sub(r"[\s-]+", "", as_phrase(name))
