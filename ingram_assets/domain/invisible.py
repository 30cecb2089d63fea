"""Characters that nobody sees, and that programs leave in and around what a person copies.

Each list is for a set of a regular expression.
"""

import re
import unicodedata

IN_WORDS_TOO = r"\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
"""Soft hyphens, spaces without width, marks of direction and of byte order: no word needs them.

Excel on Windows puts a mark of direction before a number that is copied out of a dialog.
"""

INVISIBLE = (
    rf"{IN_WORDS_TOO}\x00\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u200c\u200d\u2800\u3164"
    r"\ufe00-\ufe0f\uffa0"
)
"""With zero bytes, and joiners and fillers, which words of some scripts need: in numbers all are idle."""

_UNSEEN = re.compile(f"[{INVISIBLE}]")


def can_be_seen(text: str) -> bool:
    """Whether a reader sees anything of a text: a letter, a digit or a sign."""
    return any(unicodedata.category(each)[0] in "LNPS" for each in _UNSEEN.sub("", text))
