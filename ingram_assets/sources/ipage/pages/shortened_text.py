"""A text that a page shows shortened, with a link that unfolds it: which form of it is the whole one.

The whole form may stand hidden beside the short one, under a label of its own, or in an attribute. The words
of the link ("more", "Show less »") are no part of either.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingram_assets.sources.ipage.pages.visible_text import is_hidden

_LONGEST_SWITCH = 40
_VERB = r"(?:read|show|see|view|display|continue|learn|expand|get)"
_SWITCH = re.compile(
    rf"(?:click (?:here )?(?:to|for) )?(?:(?P<verb>{_VERB}) )?(?:the )?(?:more|less|all|full|whole|reading)"
    r"(?: (?:text|annotation|description|summary|details?))?|(?P<alone>expand|collapse|unfold)",
    re.IGNORECASE,
)
_AROUND = " \n\u00a0[](){}<>«»‹›+-–—.…▲▼△▽▴▾▸►→↓↑⌄˅"
_MARKED = re.compile(r"[\[({<«‹>»›+…▲▼▴▾▸►→↓↑]|\.\.")
_LINKS = frozenset({"a", "button", "summary"})
_TEXTS = frozenset({"span", "small", "font", "label", "div", "p"})
_NAMED_SWITCH = re.compile(r"more|less|toggle|expand|trunc|link|btn|button", re.IGNORECASE)
_AT_THE_END = re.compile(
    rf"\s*(?:[\[(]\s*(?:{_VERB} )?(?:more|less)\W{{0,4}}[\])]"
    rf"|(?<=[.…!?])\s+{_VERB} (?:more|less)(?:\s*[»›>]+)?)\s*$",
    re.IGNORECASE,
)

_AWAY = (
    "[hidden], [aria-hidden=true], [style*=none i], [style*=hidden i], "
    ".hidden, .hide, .d-none, .collapse, textarea"
)
_NAMED_WHOLE = ", ".join(
    f"[{attribute}*={word} i]"
    for attribute in ("id", "class")
    for word in ("full", "long", "whole", "complete", "expand", "more")
)
_MOST = 300
"""Elements that are looked at."""

_DOTS = re.compile(r"(?:\.{2,}+|…)\s*+")
_DOTS_OR_BREAK = re.compile(rf"{_DOTS.pattern}|\n++")
_BEFORE_DOTS = " \t\r\n\u00a0,;:–—-"
"""Taken off by `rstrip`: a pattern that may begin anywhere in a rule of 20,000 dashes takes forever."""
_SHORTEST, _SHORTEST_WITHOUT_DOTS = 5, 20
"""Characters in which a short form and a whole one are alike."""
_PLACES = 20


def is_switch(node: LexborNode) -> bool:
    """Whether an element is what unfolds or folds a text, and no text itself."""
    text = node.text(deep=True)
    if len(text) > _LONGEST_SWITCH:
        return False
    found = _SWITCH.fullmatch(" ".join(text.strip(_AROUND).split()))
    if found is None:
        return False
    attributes = node.attributes
    if node.tag in _LINKS or "onclick" in attributes or attributes.get("role") in ("button", "link"):
        return True
    named = f"{attributes.get('class') or ''} {attributes.get('id') or ''}"
    # "She wanted <i>more</i>" is a text.
    return bool(_NAMED_SWITCH.search(named)) or (
        node.tag in _TEXTS and bool(found["verb"] or found["alone"] or _MARKED.search(text))
    )


def is_away(node: LexborNode) -> bool:
    """Whether an element by itself says that it is not shown, or is a switch."""
    attributes = node.attributes
    return (
        is_hidden(node)
        or not {"hidden", "hide", "d-none", "collapse"}.isdisjoint((attributes.get("class") or "").split())
        or is_switch(node)
    )


def elsewhere(tree: LexborHTMLParser, label: LexborNode) -> Iterator[LexborNode | str]:
    """Where the whole form may be: what is not shown, attributes beside the label, what is named so."""
    yield from tree.css(_AWAY)[:_MOST]
    holder = label.parent or label
    around = holder.parent or holder
    for node in around.css("*")[:_MOST]:
        yield from filter(None, node.attributes.values())
    yield from tree.css(_NAMED_WHOLE)[:_MOST]


def is_short(text: str) -> bool:
    """Whether a text breaks off with an ellipsis."""
    return text[-200:].rstrip().endswith(("..", "…"))


def without_switch(text: str) -> str:
    """The text without a switch that is written at its end."""
    return text[:-200] + _AT_THE_END.sub("", text[-200:])


def once(text: str, *, has_switch: bool) -> str:
    """The whole form of a text that holds the short one before it or behind it."""
    breaks = _DOTS_OR_BREAK if has_switch else _DOTS
    for end in islice(breaks.finditer(text[:20_000]), _PLACES):
        rest, short = text[end.end() :], text[: end.start()].rstrip(_BEFORE_DOTS)
        if len(short) >= _SHORTEST_WITHOUT_DOTS and _begins(rest, short):
            return rest
    before, _, last = text.rpartition("\n")
    return before.rstrip() if is_short(last) and _begins(before, _stem(last)) else text


def whole(shown: str, every: str, others: Iterable[str]) -> str:
    """The whole form of a text of which `shown` is shown.

    Args:
        every: with the elements in it that are not shown.
        others: texts that may be the whole form.
    """
    stem = _stem(shown)
    if len(stem) < (_SHORTEST if is_short(shown) else _SHORTEST_WITHOUT_DOTS):
        return every
    for other in others:
        goes_on = is_short(shown) and other.startswith(shown)
        if _begins(other, stem) and not is_short(other) and not goes_on:
            return other
    if is_short(shown) and every.startswith(shown) and len(every) > len(shown):
        # The rest of it alone was hidden: the dots are in its place.
        return re.sub(r"  +", " ", _without_dots(shown) + every[len(shown) :])
    return every


def _stem(short: str) -> str:
    return _without_dots(short).rstrip(_BEFORE_DOTS).strip() if is_short(short) else short.strip()


def _without_dots(short: str) -> str:
    """A text that breaks off, without the ellipsis at its end."""
    text = short.rstrip()
    return text[:-1] if text.endswith("…") else text.rstrip(".")


def _begins(text: str, stem: str) -> bool:
    """Whether the text is longer than the stem and begins with it, whatever the line breaks."""
    words = stem.split()
    # As much of the text as can be the stem.
    start = " ".join(text[: len(stem) * 2 + 200].split())
    return bool(words) and len(start) > len(stem) and start.startswith(" ".join(words))
