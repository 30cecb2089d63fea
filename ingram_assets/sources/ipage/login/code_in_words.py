"""Which number in a mail's words is the sign-in code.

It is the one that the words around it call so: before it ("Your code for order 24680 is 135790"), after it
("135790 is your code"), or above it, standing alone. A number that is called something else, or an older
code, is none. Where nothing is called a code, the only number left over is one, if the mail is about signing
in at all. Where two are left, none is taken: a wrong code counts as a wrong try.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

from ingram_assets.sources.ipage.login import code_vocabulary as vocabulary
from ingram_assets.sources.ipage.login.mail_words import JOINT

_USUAL = 6
"""Digits of a code. Another number of them (4 to 8) is taken where the mail says that it is the code."""

_MOST_NUMBERS = 200
"""Numbers that are looked at in one part."""


@dataclass(frozen=True, slots=True)
class CodeInWords:
    """The code, or why there is none: what the mail does ("names no code"). The reason holds no digits."""

    code: str | None
    reason: str = ""


class _Is(IntEnum):
    """What the words call a number; the higher wins where they call it several things."""

    NOTHING = 0
    OTHER = 1
    CODE = 2
    OLD = 3


def code_of(parts: Iterable[str]) -> CodeInWords:
    """The code of a mail, from all of its parts."""
    texts = [_readable(part) for part in parts]
    everything = "\n\n".join(texts)
    lengths = {_digits_said(said.lower()) for said in vocabulary.LENGTH.findall(everything)} or {_USUAL}
    # Each number to what it is called, and whether in a whole statement ("your code is", "code:").
    numbers: dict[str, tuple[_Is, bool]] = {}
    for digits, called, said in (number for text in texts for number in _numbers(text)):
        before, said_before = numbers.get(digits, (called, said))
        numbers[digits] = max(before, called), said_before or said
    codes = [
        digits
        for digits, (called, said) in numbers.items()
        if called is _Is.CODE and _can_be_code(digits, said, lengths)
    ]
    unnamed = [
        digits for digits, (called, _) in numbers.items() if called is _Is.NOTHING and len(digits) in lengths
    ]
    if len(codes) > 1:
        return CodeInWords(None, "names several numbers as the code")
    if codes:
        return CodeInWords(codes[0])
    if len(unnamed) > 1:
        return CodeInWords(None, "has several numbers and does not say which is the code")
    if unnamed and vocabulary.ABOUT.search(everything):
        return CodeInWords(unnamed[0])
    return CodeInWords(None, "names no code")


def _digits_said(text: str) -> int:
    return int(text) if text.isdecimal() else 4 + vocabulary.DIGITS_SAID.index(text)


def _can_be_code(digits: str, said: bool, lengths: set[int]) -> bool:
    if len(digits) in lengths | {_USUAL}:
        return True
    # A year is no code of four digits.
    return said and 4 <= len(digits) <= 8 and not re.fullmatch(r"(?:19|20)\d\d", digits)


def _readable(text: str) -> str:
    """Without what is not seen, with plain digits, and with "§" for what can't be a code."""
    text = re.sub(r"[\u00b9\u00b2\u00b3\u2070-\u209c]", "", text)
    text = unicodedata.normalize("NFKC", text)
    # No word is so long; what is encoded would be looked through again from each of its characters.
    text = re.sub(r"\w{40,}", "§", "".join(map(_seen, text)))
    text = text.replace("\r", "").replace("’", "'")
    text = re.sub(r"[*`~]+|(?<!\w)_+(?=\w)|(?<=\w)_+(?!\w)", "", text)
    text = re.sub(r"[-=_]{3,}", "\n\n", text).replace("|", "\t").replace("2FA", "two-factor")
    text = re.sub(r"[^\S\n\t\x1f]+", " ", text)
    # A point that ends no sentence.
    text = vocabulary.SHORTENED.sub(r"\1", text)
    text = re.sub(r"(?i)\b(code|pin|passcode|otp)[-:=](?=\d)", r"\1: ", text)
    text = vocabulary.FORMATTED.sub(_unformatted, text, count=_MOST_NUMBERS)
    # The number of digits that is spoken of is a word like others.
    text = vocabulary.NO_CODE.sub(
        lambda match: match[0] if vocabulary.LENGTH_WORD.fullmatch(match[0]) else "§", text
    )
    return _IN_ELEMENTS.sub(_without_joints, vocabulary.CONSUMED.sub("§", text))


def _seen(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    is_unseen = category in ("Cf", "Me") or "\ufe00" <= char <= "\ufe0f" or char == "\u034f"
    return "" if is_unseen else char


def _unformatted(match: re.Match[str]) -> str:
    """The digits alone, where the words say that they are the code; else as it stands."""
    text, start = match.string, match.start()
    before = _sentence(text[max(0, start - 400) : start])
    after = text[match.end() : match.end() + 200]
    # Of two to choose from none is taken, in whatever shape the other is.
    if re.match(r"\s*(?:,|&|/|and\b|or\b)\s*(?:[a-z]{1,6}-)?\d", after, re.IGNORECASE):
        return match[0]
    if match["prefix"] and vocabulary.NAMES_OTHERS.fullmatch(match["prefix"]):
        return match[0]
    if re.search(r"(?:[$€£¥]|\b(?:USD|EUR|GBP|CAD|v|ver|version))\.?\s?$", before, re.IGNORECASE):
        return match[0]
    line = text[text.rfind("\n", 0, start) + 1 : start]
    above = _lines(text[max(0, start - 400) : start])
    caption = None
    if above and not re.search(r"\w", line + after.split("\n", 1)[0]):
        caption, before = _caption(above[-1]), above[-1]
    called, said, behind = _called(before, after, caption)
    if called is not _Is.CODE or not (said or vocabulary.TYPED.search(before) or re.search(r"\w\s$", before)):
        return match[0]
    # "Code: 135.790" may be anything's, and a price as well.
    if match["number"] and not vocabulary.OF_SIGN_IN.search(f"{before} § {after[:behind]}"):
        return match[0]
    return re.sub(r"\D", "", match[0])


@dataclass(frozen=True, slots=True)
class _Digits:
    start: int
    end: int
    digits: str


_GAPS = {
    "blank": re.compile(r"[^\S\n]+"),
    "line": re.compile(r"\s+"),
    "dash": re.compile(r"[^\S\n]*[-‐‑‒–—−·•][^\S\n]*"),
}
_JOINTS = re.compile(f"{JOINT}+")
_IN_ELEMENTS = re.compile(rf"\d+(?:{JOINT}+\d+)+")


def _gap(text: str) -> str | None:
    """What parts two groups of digits; joints alone part what is no number."""
    if _JOINTS.fullmatch(text):
        return None
    return next((kind for kind, pattern in _GAPS.items() if pattern.fullmatch(text)), None)


def _without_joints(match: re.Match[str]) -> str:
    """The digits of a number that has an element for some of them each, if it can be a code."""
    groups = _JOINTS.split(match[0])
    fits = max(map(len, groups)) < _USUAL and 2 <= sum(map(len, groups)) <= 8
    return "".join(groups) if fits else match[0]


def _joined(text: str) -> list[_Digits]:
    """All runs of digits, those joined that are one number: "135 790", "1-3-5"."""
    groups = [_Digits(at.start(), at.end(), at[0]) for at in re.finditer(r"\d+", text)]
    found: list[_Digits] = []
    at = 0
    while at < len(groups):
        last, kind = at, None
        while last + 1 < len(groups):
            gap = _gap(text[groups[last].end : groups[last + 1].start])
            same_size = len(groups[last + 1].digits) == len(groups[at].digits)
            if gap is None or (kind or gap) != gap or not same_size:
                break
            last, kind = last + 1, gap
        run = groups[at : last + 1]
        one = _Digits(run[0].start, run[-1].end, "".join(group.digits for group in run))
        fits = len(one.digits) == _USUAL or (4 <= len(one.digits) <= 8 and kind != "line")
        is_split = len(run) > 1 and fits and len(run[0].digits) < _USUAL
        if is_split and (kind != "line" or _ends_line(text, one)):
            found.append(one)
        elif kind != "dash" or " " in text[one.start : one.end]:
            found.extend(run)  # else an identifier with dashes in it
        at = last + 1
    # Groups of unlike sizes with dashes between: an identifier as well.
    return [
        one
        for one in found
        if not re.search(r"\d[-‐‑–]$", text[max(one.start - 2, 0) : one.start])
        and not re.match(r"[-‐‑–]\d", text[one.end : one.end + 2])
    ]


def _ends_line(text: str, one: _Digits) -> bool:
    return not re.search(r"\w|§", text[one.end :].split("\n", 1)[0])


def _alone(text: str, one: _Digits) -> bool:
    """Whether nothing else stands on its line."""
    before = text[text.rfind("\n", 0, one.start) + 1 : one.start]
    return _ends_line(text, one) and not re.search(r"\w|§", before)


def _numbers(text: str) -> Iterator[tuple[str, _Is, bool]]:
    """Every number of the text, with what the words around it call it, and whether in a whole statement."""
    runs = _joined(text)[:_MOST_NUMBERS]
    captions = _captions(text, runs)
    # What an earlier number has taken its name from names no other.
    left = text
    previous: tuple[int, _Is] | None = None
    for one in runs:
        before = _sentence(left[max(0, one.start - 400) : one.start])
        after = text[one.end : one.end + 200]
        called, said, behind = _called(before, after, captions.get(one.start))
        if called is _Is.NOTHING and previous is not None:
            end, its = previous
            called = its if vocabulary.SAME_AGAIN.fullmatch(text[end : one.start]) else called
        yield one.digits, called, said
        if called is not _Is.NOTHING:
            start = one.start
            if labels := list(vocabulary.LABEL.finditer(before)):
                label = labels[-1]
                is_code = label["code"] is not None
                near = vocabulary.AT_ONCE if is_code else vocabulary.ITS_VALUE
                if is_code == (called is _Is.CODE) and near.fullmatch(before[label.end() :]):
                    start -= len(before) - label.start()
            end = one.end + behind
            left = left[:start] + "§" * (end - start) + left[end:]
        previous = one.end, called


def _called(before: str, after: str, caption: _Is | None) -> tuple[_Is, bool, int]:
    """What a number is called, whether in a whole statement, and how much after it says so.

    The nearest words are heard first.
    """
    if void := vocabulary.VOID_AFTER.match(after):
        return _Is.OLD, True, void.end()
    if vocabulary.GIVEN_UP.search(before):
        return _Is.OLD, True, 0
    if vocabulary.UNIT.match(after):
        return _Is.OTHER, True, 0
    if caption is not None:
        return caption, True, 0
    ahead, said = _called_before(before)
    if ahead in (_Is.CODE, _Is.OLD):
        return ahead, said, 0
    behind, length = _called_after(after)
    if behind is not _Is.NOTHING:
        return behind, True, length
    if ahead is not _Is.NOTHING:
        return ahead, said, 0
    if vocabulary.TYPED.search(before) and vocabulary.TO_SIGN_IN.match(after):
        return _Is.CODE, False, 0
    word = None if said else vocabulary.WORD_BEFORE.search(before)
    if vocabulary.AT.search(before) or (word and word[1].lower() not in vocabulary.CALLS_NOTHING):
        return _Is.OTHER, True, 0
    return _Is.NOTHING, False, 0


def _sentence(before: str) -> str:
    """The end of what stands before a number: its own sentence, as far as it has come."""
    return re.split(r"[.!?;](?=\s)|\n[^\S\n]*\n", before)[-1]


def _called_before(before: str) -> tuple[_Is, bool]:
    before = vocabulary.UNLESS_ASKED.sub(" ", before)
    labels = list(vocabulary.LABEL.finditer(before))
    if not labels:
        return _Is.NOTHING, False
    last = labels[-1]
    gap = before[last.end() :]
    linked = vocabulary.LINK.search(gap) is not None
    if last["code"]:
        if linked and not re.search(r",(?!.*\b(?:is|are)\b)", gap):
            return _Is.CODE, True
        at_once = vocabulary.AT_ONCE.fullmatch(gap) and "," not in gap
        return (_Is.CODE if at_once else _Is.NOTHING), False
    if last["old"]:
        # "Your old code was replaced, the other is 135790": too far away to be about this one.
        return (_Is.OLD, True) if vocabulary.ITS_VALUE.fullmatch(gap) else (_Is.NOTHING, False)
    # "Your code for your account is 135790": the account only says what the code is for.
    codes = [label for label in labels[:-1] if label["code"]]
    owned = vocabulary.OWNED.search(before[: last.start()]) is not None
    if linked and codes and vocabulary.WITHIN.search(before[codes[-1].end() : last.start()]):
        if re.search(r"\b(?:is|are|reads)\b", gap) or owned:
            return _Is.CODE, True
        return _Is.OTHER, True
    if linked and owned and vocabulary.DOING.search(before[: last.start()]):
        return _Is.NOTHING, True
    return (_Is.OTHER, True) if linked or vocabulary.ITS_VALUE.fullmatch(gap) else (_Is.NOTHING, False)


def _called_after(after: str) -> tuple[_Is, int]:
    """What the words behind a number call it ("is your code"), and where they end."""
    nothing = (_Is.NOTHING, 0)
    said = vocabulary.AFTER.match(after)
    if said is None or (said["was"] and said["was"].lower() != "as" and not said["owned"]):
        return nothing
    start, words = said.start("words"), said["words"]
    if (stop := vocabulary.BREAKS.search(words)) is not None:
        words = words[: stop.start()]
    if words.lower().strip() in ("number", "id") and after[start + len(words) :].startswith("of "):
        start += len(words)
        words = after[start : start + 30].split(".")[0]
    labels = list(vocabulary.LABEL.finditer(words))
    if not labels:
        return nothing
    last, end = labels[-1], start + labels[-1].end()
    # It may be the label of the number that follows.
    if re.match(r"(?:[^\S\n]|[:#=(])*(?:is\s*)?[\d§]", after[end:]):
        return nothing
    if last["code"]:
        over = said["was"] is not None and said["was"].lower() in ("was", "were")
        return (_Is.OLD if over else _Is.CODE), end
    return (_Is.OLD if last["old"] else _Is.OTHER), end


def _captions(text: str, runs: list[_Digits]) -> dict[int, _Is]:
    """Start of each number that stands alone on its line to what the line above it, or beneath it, calls it.

    Captions stand above their numbers, unless a row of both begins with a number and ends with a caption. One
    that begins and ends with a number can't be told.
    """
    numbers = {one.start: one for one in runs if _alone(text, one)}
    blocks: list[_Digits | _Is | None] = []
    at = 0
    for one in sorted(numbers.values(), key=lambda one: one.start):
        blocks += [_caption(line) for line in _lines(text[at : one.start])]
        blocks.append(one)
        at = one.end
    blocks += [_caption(line) for line in _lines(text[at:])]
    # Two numbers with nothing between them: a caption may be meant for either.
    pairs = [(one, other) for one, other in pairwise(blocks) if _is_long(one) and _is_long(other)]
    crowded = {one.start for pair in pairs for one in pair if isinstance(one, _Digits)}
    found: dict[int, _Is] = {}
    for row in _rows(blocks):
        after = isinstance(row[0], _Digits) and not isinstance(row[-1], _Digits)
        unclear = isinstance(row[0], _Digits) and isinstance(row[-1], _Digits) and len(row) > 1
        for place, block in enumerate(row):
            if not isinstance(block, _Digits):
                continue
            named = row[place + 1] if after else row[place - 1] if place else None
            if unclear or block.start in crowded:
                found[block.start] = _Is.NOTHING
            elif isinstance(named, _Is):
                found[block.start] = named
    return found


def _is_long(block: "_Digits | _Is | None") -> bool:
    return isinstance(block, _Digits) and len(block.digits) >= 4


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if re.search(r"\w|§", line)]


def _rows(blocks: list[_Digits | _Is | None]) -> Iterator[list[_Digits | _Is]]:
    """Numbers and captions that stand by turns, as long as they do."""
    row: list[_Digits | _Is] = []
    for block in blocks:
        if row and (block is None or isinstance(block, _Digits) == isinstance(row[-1], _Digits)):
            yield row
            row = []
        if block is not None:
            row.append(block)
    if row:
        yield row


def _caption(line: str) -> _Is | None:
    """What a line calls the number that stands alone beneath it; `None` where it names nothing."""
    if vocabulary.CAPTION.fullmatch(line) and not line.endswith("."):
        return _Is.OTHER
    sentence = _sentence(re.sub(r"[.!?]\s*$", "", line))
    labels = list(vocabulary.LABEL.finditer(sentence))
    if not labels:
        return None
    points = vocabulary.POINTS.search(sentence) and not vocabulary.SPEAKS_OF.search(sentence)
    if points and any(one["code"] for one in labels):
        return _Is.CODE if not labels[-1]["old"] else _Is.OLD
    if line.endswith((".", "!", "?")):
        return None
    called, _ = _called_before(line)
    return called if called in (_Is.CODE, _Is.OLD) else None
