"""What keeps a title from being sold or sent back like any other: the words that a page says it in."""

import re
from collections.abc import Iterable
from enum import StrEnum


class Restriction(StrEnum):
    """What a page says of who may buy a title, where, and whether it can be returned."""

    RESTRICTED = "restricted"
    SOME_CUSTOMERS = "some_customers"
    NOT_RETURNABLE = "not_returnable"
    SOME_COUNTRIES = "some_countries"


Restrictions = tuple[Restriction | str, ...]
"""Those of one title: the known ones in the order of their type, then the page's own words for any other."""

_WORDS: dict[str, str] = {
    Restriction.RESTRICTED: "restricted",
    Restriction.SOME_CUSTOMERS: "not available to all customers",
    Restriction.NOT_RETURNABLE: "not returnable",
    Restriction.SOME_COUNTRIES: "not available in all countries",
}

LONGEST = 200
"""Characters that are kept of the page's own words."""
_MOST = 10
_ABOUT = r"(?:this (?:item|title|book|product) is )?(?:only |currently )*"
_SOME, _PLACES = r"(?:some|certain|select(?:ed)?|most)", r"(?:countries|markets|territories)"
_SAID = {
    Restriction.SOME_CUSTOMERS: rf"{_ABOUT}not available (?:to|for) all (?:customers|accounts|retailers)",
    Restriction.NOT_RETURNABLE: rf"{_ABOUT}(?:not|non)[ -]?returnable",
    Restriction.SOME_COUNTRIES: rf"{_ABOUT}available in {_SOME} {_PLACES}(?:[ ,;].*)?"
    rf"|{_ABOUT}not available in (?:(?:all|{_SOME}) {_PLACES}|the united states|the us|your country)",
}
_PATTERNS = {which: re.compile(pattern, re.IGNORECASE) for which, pattern in _SAID.items()}
_UNDER = re.compile(r"(restrict(?:ed|ions?)\s*:)\s*(.*)", re.IGNORECASE)
_CLEARLY_ONE = re.compile(
    r"\brestrict|\bprohibit|\bembargo|\bnot (?:be )?(?:available|sold|shipped|exported|returned|for sale)\b"
    r"|\b(?:available|sale|sold) only\b|\bonly (?:available|for sale|sold)\b",
    re.IGNORECASE,
)
_WORTH_A_LOOK = re.compile(r"restrict|returnable|countries|customers|not available", re.IGNORECASE)


def may_be_in(text: str) -> bool:
    """Whether a whole page's text may hold one of the wordings that `said` knows: a quick look."""
    return _WORTH_A_LOOK.search(text) is not None


def said(line: str, *, is_message: bool = False) -> Restrictions:
    """What one line of a page says, if it says that and nothing else; a blurb that goes on says nothing.

    Args:
        is_message: it is a message of the site about this title. Then wording that is not known, and clearly
            is a restriction, is kept as it stands; of any other line it is not.
    """
    line = " ".join(line.split()).strip(" *•·-–")
    under = _UNDER.fullmatch(line)
    words = (under[2] if under else line).strip(" .!")
    if under and words.casefold() in ("n", "no", "none"):
        return ()
    found: list[Restriction | str] = [which for which, said in _PATTERNS.items() if said.fullmatch(words)]
    is_alone = words.casefold() in ("", "y", "yes") if under else is_message and words == "Restricted"
    if is_alone or (under and (found or is_message)):
        found.insert(0, Restriction.RESTRICTED)
    if (
        is_message
        and not is_alone
        and not set(found) - {Restriction.RESTRICTED}
        and _CLEARLY_ONE.search(line)
    ):
        found.append(line[:LONGEST])
    return tuple(found)


def words(said: Iterable[str]) -> str:
    """Restrictions as a person reads them."""
    return ", ".join(_WORDS.get(one, one) for one in said)


def in_order(found: Iterable[str]) -> Restrictions:
    """Each once: the known ones, by their values too, in the order of their type, then the others."""
    told = dict.fromkeys(found)
    known = [which for which in Restriction if which in told]
    return (*known, *[words for words in told if words not in known][:_MOST])
