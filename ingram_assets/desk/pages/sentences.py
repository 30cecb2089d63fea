"""Our own sentences for who sells books and looks at a page: buttons for commands, words for fields. Pure."""

import re
from collections.abc import Callable

from ingram_assets.desk.pages import change_words

_PLAN = "press “Plan a push”, look at it, and let it through if it is right"
_READ, _PUSH, _RETIRE = "“Read it now”", "“Push it to the store”", "“Retire it…”"
_ISBN = r"(?: [0-9]{9,12}[0-9X])?"


def _metadata(found: re.Match[str]) -> str:
    names = [change_words.field_name(name) for name in found[1].split(", ")]
    return f"In the store becomes new: {', '.join(dict.fromkeys(names))}."


def _backorder(found: re.Match[str]) -> str:
    return "back-orders" if found[1] == "true" else "no back-orders"


def _now(found: re.Match[str]) -> str:
    """What a field is now; a program's words for it in those of a page."""
    said = {"true": "yes", "false": "no"} | change_words.STATUS_WORDS
    return said.get(found[2].strip("“”"), found[2])


_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (
        re.compile(r" The commands: (ingram discover --let-through), if it is right\."),
        r" If it is right, let it through in a terminal: \1.",
    ),
    (re.compile(r" The commands: .*", re.DOTALL), f" {_PLAN[0].upper()}{_PLAN[1:]}."),
    (re.compile(r"ingram push --(?:let-through|dry-run)" + _ISBN), _PLAN),
    (
        re.compile(rf"ingram enrich{_ISBN}, then ingram push{_ISBN}"),
        f"press {_READ}, then {_PUSH}",
    ),
    (re.compile(r"ingram push brings"), "“Plan a push” under Runs brings"),
    (re.compile(rf"ingram enrich{_ISBN}"), f"press {_READ}"),
    (re.compile(rf"ingram push{_ISBN}"), f"press {_PUSH}"),
    (re.compile(rf"ingram retire{_ISBN}"), f"press {_RETIRE}"),
    (re.compile(r" is (?:not )?more than the safety stock of 0(?=[.;])"), ""),
    (re.compile(r"allow_backorder becomes true \(\w+\)"), "Back-orders become possible"),
    (re.compile(r"allow_backorder becomes false \(\w+\)"), "Back-orders become impossible"),
    (re.compile(r"allow_backorder (true|false)"), _backorder),
    (
        re.compile(rf"\bavailability ({'|'.join(change_words.STATUS_WORDS)})\b"),
        lambda found: f"shown as {change_words.STATUS_WORDS[found[1]]}",
    ),
    (re.compile(r"Metadata: ([a-z_, ]+)\."), _metadata),
    (
        re.compile(r"\b([a-z_]+(?:\.[a-z_]+)?) is (.+?) now, which the run did not write"),
        lambda found: (
            f"{change_words.field_name(found[1])} is {_now(found)} now, which the run did not write"
        ),
    ),
    # The page has a link to the run beside the sentence.
    (re.compile(r" \(run [0-9A-Za-z-]+\)"), ""),
    (re.compile(r"Undo of run [0-9A-Za-z-]+"), "Undo of a run"),
)


def for_pages(sentence: str) -> str:
    """The same, without what only a terminal or a program knows; others are left as they are."""
    for pattern, words in _RULES:
        sentence = pattern.sub(words, sentence)
    return sentence
