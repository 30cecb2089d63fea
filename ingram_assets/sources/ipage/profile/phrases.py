"""Plain phrases, as a shop's `site.toml` has them, made into patterns that find them on a page."""

import difflib
import re
from collections.abc import Iterable

_NOWHERE = re.compile(r"(?!)")
_WORD = re.compile(r"[^\W_]+")
_ALIKE, _SHORT = 0.8, 3
_SIGNS_AROUND = re.compile(r"^\W+|\W+$")


def finding(phrases: Iterable[str]) -> re.Pattern[str]:
    """Finds any of the phrases: whole words, but for an end with a `*`. Of no phrases it finds none."""
    return _compiled(map(_bounded, phrases))


def filling(phrases: Iterable[str]) -> re.Pattern[str]:
    """Finds a text that is one of the phrases, but for the signs around it."""
    return _compiled(rf"^\W*{_flexible(_SIGNS_AROUND.sub('', phrase))}\W*$" for phrase in phrases)


def beginning_as(phrases: Iterable[str]) -> str:
    """The alternatives, for a pattern of one's own; finds nothing where there are none."""
    return "|".join(map(_flexible, sorted(phrases, key=len, reverse=True))) or "(?!)"


def is_alike(one: str, other: str) -> bool:
    """Whether two names are the same, word by word, but for a typing error or an ending.

    Short words have to be equal: "UK price" is not "US price", nor "Our price". So has the first letter:
    "Height" is not "Weight".
    """
    pairs = [_WORD.findall(name.casefold()) for name in (one, other)]
    return bool(pairs[0]) and len(pairs[0]) == len(pairs[1]) and all(map(_is_alike_word, *pairs))


def _is_alike_word(one: str, other: str) -> bool:
    if one == other:
        return True
    is_short = min(len(one), len(other)) <= _SHORT
    return not is_short and one[0] == other[0] and difflib.SequenceMatcher(a=one, b=other).ratio() >= _ALIKE


def _compiled(patterns: Iterable[str]) -> re.Pattern[str]:
    found = "|".join(patterns)
    return re.compile(found, re.IGNORECASE) if found else _NOWHERE


def _bounded(phrase: str) -> str:
    plain = phrase.strip("*")
    before = r"(?<!\w)" if re.match(r"\w", phrase) else ""
    after = r"(?!\w)" if re.search(r"\w$", phrase) else ""
    return f"{before}{_flexible(plain)}{after}"


def _flexible(phrase: str) -> str:
    """A blank or hyphen stands for any space, none, or a hyphen; an apostrophe for either kind."""
    words = (
        re.escape(word).replace("'", "['’]") for word in re.split(r"[\s\u00a0-]+", phrase.strip()) if word
    )
    return r"[\s-]*".join(words)
