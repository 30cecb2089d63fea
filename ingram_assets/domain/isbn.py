"""ISBNs: one spelling of a book's number, so that no title is ever tracked twice."""

import re
import unicodedata

from ingram_assets.domain.invisible import INVISIBLE

_UNSEEN = re.compile(f"[{INVISIBLE}]+")
_DASHES_AND_SPACES = re.compile(r"[\s\-\u2010-\u2015\u2212\ufe58\ufe63]+")
# "13" belongs to the prefix only where no digit follows: many an ISBN-10 starts with 13.
_PREFIX = re.compile(r"^(?:e?isbn(?:[-\s]?1[03](?![0-9]))?|ean)\s*:?\s*", re.IGNORECASE)


class InvalidIsbn(ValueError):
    """The text is no ISBN; the message says what is wrong with it."""


def parse_isbn(text: str) -> str:
    """The 13 digits of an ISBN-13 or ISBN-10, however it is written.

    Takes hyphens, spaces, full-width digits and a leading "ISBN:". An ISBN-10 becomes its 978 ISBN-13.

    Raises:
        InvalidIsbn: wrong length, wrong characters, a prefix other than 978 or 979, or a wrong check digit.
    """
    if not isinstance(text, str):
        raise InvalidIsbn(f"An ISBN is text, not {type(text).__name__}.")
    # NFKC folds full-width digits to ASCII; other scripts' digits stay and are refused below.
    plain = unicodedata.normalize("NFKC", _UNSEEN.sub("", text)).strip()
    digits = _DASHES_AND_SPACES.sub("", _PREFIX.sub("", plain)).upper()
    shown = repr(text if len(text) <= 40 else text[:40] + "…")
    if re.fullmatch(r"[0-9]{13}", digits):
        if not digits.startswith(("978", "979")):
            raise InvalidIsbn(f"{shown} is no ISBN: it starts with {digits[:3]}, not 978 or 979.")
        if (expected := check_digit_13(digits[:12])) != digits[12]:
            raise InvalidIsbn(f"{shown} is no ISBN: check digit {digits[12]} should be {expected}.")
        return digits
    if re.fullmatch(r"[0-9]{9}[0-9X]", digits):
        if (expected := _check_digit_10(digits[:9])) != digits[9]:
            raise InvalidIsbn(f"{shown} is no ISBN: check digit {digits[9]} should be {expected}.")
        return "978" + digits[:9] + check_digit_13("978" + digits[:9])
    raise InvalidIsbn(f"{shown} is no ISBN: an ISBN has 13 digits, or 10 with a last digit that may be X.")


def is_isbn13(text: str) -> bool:
    """Whether the text is an ISBN as `parse_isbn` writes it: 13 digits, sound."""
    try:
        return parse_isbn(text) == text
    except InvalidIsbn:
        return False


def isbn_spelled(text: str | None) -> str | None:
    """The ISBN that a text spells, in whatever way; `None` where it spells none."""
    try:
        return parse_isbn(text or "")
    except InvalidIsbn:
        return None


def isbn10_of(isbn: str) -> str | None:
    """The ISBN-10 of 13 digits, for those that have one: 978."""
    if not isbn.startswith("978"):
        return None
    return isbn[3:12] + _check_digit_10(isbn[3:12])


def _check_digit_10(first_nine: str) -> str:
    total = sum(int(digit) * (10 - place) for place, digit in enumerate(first_nine))
    return "0123456789X"[-total % 11]


def check_digit_13(first_twelve: str) -> str:
    """The check digit that makes 12 digits an EAN-13: weights 1 and 3 in turn, to a multiple of 10."""
    total = sum(map(int, first_twelve[::2])) + 3 * sum(map(int, first_twelve[1::2]))
    return str(-total % 10)
