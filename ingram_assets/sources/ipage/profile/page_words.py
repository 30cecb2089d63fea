"""What the site's pages say: in the place of what was asked for, and on those for people.

These are plain phrases. What is known beyond them by patterns, is in the rooms that read the pages.
"""

import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from ingram_assets.domain.restrictions import Restriction
from ingram_assets.domain.site_file import SiteEntries
from ingram_assets.sources.ipage.profile.phrases import beginning_as, filling, finding

_EAN = r"97[89](?:[- ]?[0-9]){10}(?![0-9])"


N = r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,7})"
"""A number of titles."""


def totals(what: str) -> tuple[re.Pattern[str], ...]:
    """Patterns of how many titles a search has; one that finds no number says that there is none."""
    return (
        re.compile(rf"(?<![0-9$.#-]){N}\s+(?:search\s+|matching\s+|total\s+)?{what}\b(?!\s+per\b)", re.I),
        re.compile(rf"\b(?:total|number)\s*(?:of\s+)?{what}?(?:\s+found)?\s*[:=]\s*{N}\b", re.I),
        re.compile(rf"\b{what}(?:\s+found)?\s*[:(]\s*{N}\b", re.I),
        re.compile(
            rf"\b(?:no|zero)\s+(?:matching\s+|search\s+)?{what}(?=\s+(?:found|match|were|was|to)|\s*[.!]|\s*$)()",
            re.I,
        ),
    )


class PageWords:
    """The phrases of each kind of page. Those of `blocked` to `not_found` count where no book stands."""

    def __init__(self, entries: SiteEntries) -> None:
        words = entries.words
        self.blocked, self.expired = finding(words["blocked"]), finding(words["expired"])
        self.closed, self.not_found = finding(words["closed"]), finding(words["not_found"])
        self.no_picture, self.sign_out = finding(words["no_picture"]), finding(words["sign_out"])
        self.next_page, self.download = filling(words["next_page"]), finding(words["download"])
        self.totals, self.beside = totals(f"(?:{beginning_as(words['results'])})"), finding(words["beside"])
        self.no = filling(words["no"])
        kinds = (Restriction.RESTRICTED, Restriction.SOME_CUSTOMERS, Restriction.SOME_COUNTRIES)
        self._restrictions = {kind: filling(words[kind]) for kind in kinds if words[kind]}
        self.labeled_ean = _labeled_ean((*entries.labels["ean"], *entries.labels["isbn"]))
        path = urlsplit(entries.addresses["login"][0]).path.rstrip("/")
        self._login = path.casefold() if len(path) > 1 else None

    @property
    def has_restrictions(self) -> bool:
        """Whether there are words for restrictions beside those that are known."""
        return bool(self._restrictions)

    def restrictions_in(self, line: str) -> list[Restriction]:
        """Those that a line of a page says, if it says that and nothing else."""
        return [kind for kind, pattern in self._restrictions.items() if pattern.match(line)]

    def is_login(self, address: str) -> bool:
        """Whether the address is of the page where a sign-in begins."""
        return self._login is not None and self._login in unquote(address).casefold()


def _labeled_ean(names: Iterable[str]) -> re.Pattern[str]:
    """A book's number behind a label."""
    known = r"(?:ean|isbn)(?:[- ]?1[03])?"
    others = beginning_as(name for name in names if not re.match("ean|isbn", name, re.IGNORECASE))
    return re.compile(rf"(?<!\w)(?:{known}\b|{others})\W{{0,12}}{_EAN}", re.IGNORECASE)
