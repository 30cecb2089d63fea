"""How the site writes numbers and dates, put into the one way in which they are read: that of the US."""

import re
from collections.abc import Mapping

from ingram_assets.domain.site_file import SiteEntries, as_phrase
from ingram_assets.sources.ipage.profile.phrases import beginning_as

_CALLED = {
    **{"dollars": "usd", "copies": "copies", "pages": "pages", "pounds": "lb", "ounces": "oz"},
    **{"kilograms": "kg", "grams": "g"},
}
"""Units as they are read."""
_MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SEPARATOR = re.compile(r"(?<=[0-9])[.,](?=[0-9])")
_THOUSANDS_APART = re.compile(r"(?<=[0-9])[ \u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))")
"""Between the groups of "1 204"."""
_OF_A_SHEET = re.compile(r"[0-9]+\.[0-9]{1,2}")
"""A cell of a workbook that holds a number."""
_DOLLARS_BEHIND = re.compile(r"\s*([0-9][0-9.,]*)\s*\$\s*")
_DAY = re.compile(
    r"(?<![\w/.,-])([0-9]{1,2})\s*([./-])\s*([0-9]{1,2})\s*\2\s*([0-9]{4}|'?[0-9]{2})(?![\w/-]|[.,][0-9])"
)


class NumberForms:
    """The site's own forms of numbers, units, months and days."""

    def __init__(self, entries: SiteEntries) -> None:
        self._has_decimal_comma = entries.decimal == ","
        self._order = entries.dates
        self.is_day_first = entries.dates == "dmy"
        self._units = _Renamed(
            {as_phrase(word): _CALLED[unit] for unit, words in entries.units.items() for word in words},
            "[0-9.,]",
        )
        self._months = _Renamed({name: _MONTHS[number] for name, number in entries.months.items()}, "")

    def number(self, text: str) -> str:
        """A text with numbers in it, in the US's form: "1.204,5 Gramm" is "1,204.5 g"."""
        text = self._units.in_(text)
        if self._has_decimal_comma:
            text = _THOUSANDS_APART.sub(".", text)
            text = _SEPARATOR.sub(lambda found: "." if found[0] == "," else ",", text)
        return text

    def price(self, text: str) -> str:
        """As `number`, of a price; where the comma is decimal, the dollar's sign may stand behind."""
        if _OF_A_SHEET.fullmatch(text.strip()):
            return text  # no group of thousands is so short
        text = self.number(text)
        behind = _DOLLARS_BEHIND.fullmatch(text) if self._has_decimal_comma else None
        return f"${behind[1]}" if behind else text

    def date(self, text: str) -> str:
        """A text with a day in it, in a form that can be read in one way."""
        text = self._months.in_(text)
        return _DAY.sub(self._as_iso, text) if self._order else text

    def _as_iso(self, found: re.Match[str]) -> str:
        first, _, second, year = found.groups()
        day, month = (first, second) if self._order == "dmy" else (second, first)
        if len(year := year.lstrip("'")) == 2:
            year = f"20{year}" if int(year) < 50 else f"19{year}"
        return f"{year}-{month:0>2}-{day:0>2}"


class _Renamed:
    """Words with other names. `beside`: what may stand right before a word, as a number before its unit."""

    def __init__(self, names: Mapping[str, str], beside: str) -> None:
        before = rf"(?:(?<!\w)|(?<={beside}))" if beside else r"(?<!\w)"
        pattern = rf"{before}(?:{beginning_as(names)})(?!\w)"
        self._pattern = re.compile(pattern, re.IGNORECASE) if names else None
        self._names = {re.sub(r"[\s-]+", "", name): called for name, called in names.items()}

    def in_(self, text: str) -> str:
        if self._pattern is None:
            return text
        return self._pattern.sub(self._named, text)

    def _named(self, found: re.Match[str]) -> str:
        return self._names.get(re.sub(r"[\s-]+", "", as_phrase(found[0])), found[0])
