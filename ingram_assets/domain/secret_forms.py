"""Whether a text says a known value in disguise: encoded, however often, turned around, parted or cut short.

No form is looked for by itself. The text is decoded in every way until nothing new comes of it; of each
reading the letters and digits alone are looked at, for the value and for its beginning, forwards, backwards
and with the alphabet turned by half.
"""

import base64
import codecs
import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import unquote

_SHORTEST, _SHORTEST_WORD = 6, 8
"""Letters and digits of a value; of letters alone it takes more: words that meet may make a short one."""
_SHORTEST_CUT, _SHORTEST_CUT_WORD = 8, 10
_MOST_VALUES = 300
_DEPTH = 5
_TIMES_AS_LONG = 16
"""All readings of a text together are at most so many times as long: the time that they take is linear."""

_NOT_SAID = re.compile(r"[\W_]+")
_ESCAPED = re.compile(
    r"(?:\\{1,8}|%)u(?P<four>[0-9A-Fa-f]{4})|\\{1,8}u\{(?P<any>[0-9A-Fa-f]{1,5})\}|\\{1,8}x(?P<two>[0-9A-Fa-f]{2})|"
    r"\\{1,8}(?P<octal>[0-3]?[0-7]{2})"
)
_OF_MAIL = re.compile(r"=([0-9A-Fa-f]{2})")
_HEXADECIMAL = re.compile(r"(?:(?:0x|\\x)?[0-9A-Fa-f]{2}[\s,:;._-]{0,3}){5,}[0-9A-Fa-f]?")
_DIGITS_OF_HEXADECIMAL = re.compile(r"0x|[^0-9A-Fa-f]+")
_CODES = re.compile(r"(?:(?<![0-9])[0-9]{2,3}[\s,;:#&.+-]{1,4}){4,}[0-9]{2,3}(?![0-9])")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}")
_BLANKS = re.compile(r"\s+")


class SecretForms:
    """Values that must not be told, in whatever disguise.

    Args:
        values: too short ones are left out.
    """

    def __init__(self, values: Iterable[str]) -> None:
        needles: dict[str, None] = {}
        numbers: dict[str, None] = {}
        for value in [*values][:_MOST_VALUES]:
            said = _said(value)
            if len(said) < (_SHORTEST_WORD if said.isalpha() else _SHORTEST):
                continue
            wanted = _beginning(said) if "://" not in value else said
            turned = codecs.encode(wanted, "rot13")
            into = numbers if wanted.isdecimal() else needles
            into |= dict.fromkeys((wanted, wanted[::-1], turned, turned[::-1]))
        self._needles = [*needles]
        # Not within a longer number, which may well be an ISBN.
        self._numbers = re.compile(rf"(?<![0-9])(?:{'|'.join(numbers)})(?![0-9])") if numbers else None
        self._shortest = min(map(len, (*needles, *numbers)), default=0)
        self._known: dict[str, bool] = {}

    def is_in(self, text: str) -> bool:
        """Whether a text, or an attribute's value, says one of them."""
        if not self._shortest or len(text) < self._shortest:
            return False
        if (known := self._known.get(text)) is None:
            known = any(map(self._is_said, _readings(text)))
            if len(text) < 200 and len(self._known) < 10_000:
                self._known[text] = known
        return known

    def _is_said(self, reading: str) -> bool:
        said = _said(reading)
        if len(said) < self._shortest:
            return False
        return any(needle in said for needle in self._needles) or bool(
            self._numbers and self._numbers.search(said)
        )


def _said(text: str) -> str:
    """Nothing but its letters and digits, folded."""
    return _NOT_SAID.sub("", unicodedata.normalize("NFKC", text).casefold())


def _beginning(said: str) -> str:
    """Two thirds of a value: who has so much of it has it."""
    shortest = _SHORTEST_CUT_WORD if said.isalpha() else _SHORTEST_CUT
    return said[: max(shortest, -(-len(said) * 2 // 3))]


def _readings(text: str) -> Iterator[str]:
    """The text, and what comes of it as it is decoded in every way, again and again."""
    found, room = {text: 0}, _TIMES_AS_LONG * (len(text) + 100)
    waiting = [text]
    for reading in waiting:
        yield reading
        depth = found[reading] + 1
        for decode in _DECODERS if depth <= _DEPTH else ():
            new = decode(reading)
            if new in found or len(new) > room or len(new) < _SHORTEST:
                continue
            room -= len(new)
            found[new] = depth
            waiting.append(new)


def _unescaped(text: str) -> str:
    def sign(found: re.Match[str]) -> str:
        digits = found["four"] or found["any"] or found["two"]
        return chr(int(digits, 16) if digits else int(found["octal"], 8))

    return _ESCAPED.sub(sign, text)


def _of_hexadecimal(text: str) -> str:
    """What pairs of hexadecimal digits say, from the first digit and from the second."""
    told = []
    for found in _HEXADECIMAL.finditer(text):
        digits = _DIGITS_OF_HEXADECIMAL.sub("", found[0])
        for begin in (0, 1):
            pairs = digits[begin : begin + (len(digits) - begin) // 2 * 2]
            told.append(bytes.fromhex(pairs).decode("utf-8", "ignore"))
    return "\n".join(told)


def _of_codes(text: str) -> str:
    """What a list of numbers says, each that of a sign."""
    return "\n".join(
        "".join(chr(int(number)) for number in re.findall("[0-9]+", found[0]))
        for found in _CODES.finditer(text)
    )


def _of_base64(text: str) -> str:
    """What base64 says, wherever it begins."""
    told = []
    for found in _BASE64.finditer(text):
        signs = found[0].replace("-", "+").replace("_", "/")
        for begin in range(4):
            cut = signs[begin:]
            # A single sign more than a group is none of base64's.
            cut = cut[:-1] if len(cut) % 4 == 1 else cut
            told.append(base64.b64decode(cut + "=" * (-len(cut) % 4)).decode("utf-8", "ignore"))
    return "\n".join(told)


_DECODERS: tuple[Callable[[str], str], ...] = (
    html.unescape,
    unquote,
    _unescaped,
    lambda text: unquote(_OF_MAIL.sub(r"%\1", text)),
    _of_hexadecimal,
    _of_codes,
    lambda text: _BLANKS.sub("", text),
    _of_base64,
)
