"""What a page's own style sheets hide: elements of which a browser shows nothing.

Not the whole of CSS: rules that hide, and those that show again what others hide. A selector that can't be
understood hides nothing.
"""

import re
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

_MOST_STYLES, _MOST_CHARACTERS, _MOST_RULES, _MOST_MARKED = 20, 200_000, 300, 20_000
_LONGEST_SELECTOR, _MOST_PARTS = 150, 5
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))")
_BRACE = re.compile(r"([{}])")
_NOT_ON_A_SCREEN = re.compile(r"\b(?:print|speech|not|max-width|max-height|reduced)\b", re.IGNORECASE)
_ZERO = r"(?:0+(?:\.0*)?|\.0+)(?:px|em|rem|pt|%)?"
_HIDES = {
    "display": re.compile("none"),
    "visibility": re.compile("hidden|collapse"),
    "content-visibility": re.compile("hidden"),
    "opacity": re.compile(_ZERO),
    "font-size": re.compile(_ZERO),
    "height": re.compile(_ZERO),
    "max-height": re.compile(_ZERO),
    "clip": re.compile(r"rect\((?:[01](?:px)?[,\s]*){4}\)"),
    "clip-path": re.compile(r"inset\((?:50|100)%\)"),
    "transform": re.compile(r"scale\(0\)"),
    **dict.fromkeys(
        ("left", "right", "top", "text-indent", "margin-left", "margin-top"),
        re.compile(r"-[0-9]{3,}(?:px|r?em)?"),
    ),
}
"""Declarations by which nothing of an element is seen, each with the values that do it."""

_Weight = tuple[bool, int, int, int, int]


class Declared(NamedTuple):
    """A declaration that has to do with whether an element is shown."""

    name: str
    hides: bool
    is_important: bool


def declarations(text: str) -> list[Declared]:
    """Those of a style that have to do with whether an element is shown."""
    found: list[Declared] = []
    for each in _plain(text)[:_MOST_CHARACTERS].split(";"):
        name, _, value = each.partition(":")
        name, value = name.strip().lower(), value.strip().lower()
        if (pattern := _HIDES.get(name)) is not None:
            bare = re.sub(r"\s*!\s*important\Z", "", value)
            found.append(Declared(name, pattern.fullmatch(bare) is not None, bare != value))
    return found


def hides(style: str) -> bool:
    """Whether a `style` attribute says that nothing is shown: of each property the last one counts."""
    last: dict[str, Declared] = {}
    for each in declarations(style):
        if each.name not in last or each.is_important or not last[each.name].is_important:
            last[each.name] = each
    return any(each.hides for each in last.values())


def mark_hidden(tree: LexborHTMLParser) -> None:
    """Gives all elements that the page's own style sheets hide the attribute `hidden`."""
    said: dict[tuple[int, str], tuple[_Weight, bool, LexborNode]] = {}
    marked = 0
    for place, (selector, body) in enumerate(_rules(tree)):
        for node in _matching(tree, selector):
            marked += 1
            for name, is_hiding, is_important in body:
                key, weight = (node.mem_id, name), (is_important, *_specificity(selector), place)
                if key not in said or said[key][0] <= weight:
                    said[key] = weight, is_hiding, node
        if marked > _MOST_MARKED:
            break
    for (_, name), (weight, is_hiding, node) in said.items():
        own = [each for each in declarations(node.attributes.get("style") or "") if each.name == name]
        if is_hiding and not (own and not own[-1].hides and (own[-1].is_important or not weight[0])):
            node.attrs["hidden"] = ""


def _rules(tree: LexborHTMLParser) -> list[tuple[str, list[Declared]]]:
    """Each selector of the sheets with what it declares; only where any of them hides something."""
    found: list[tuple[str, list[Declared]]] = []
    for style in tree.css("style")[:_MOST_STYLES]:
        if _NOT_ON_A_SCREEN.search(style.attributes.get("media") or ""):
            continue
        found += _rules_of(_COMMENT.sub(" ", style.text(deep=True)[:_MOST_CHARACTERS]))
    named = {each.name for _, body in found for each in body if each.hides}
    rules = [(selector, [each for each in body if each.name in named]) for selector, body in found]
    return [rule for rule in rules if rule[1]][:_MOST_RULES]


def _rules_of(sheet: str) -> list[tuple[str, list[Declared]]]:
    found: list[tuple[str, list[Declared]]] = []
    around: list[str] = []
    parts = _BRACE.split(sheet)
    for text, sign in zip(parts[::2], parts[1::2], strict=False):
        if len(around) > _MOST_PARTS or len(found) > _MOST_RULES * _MOST_PARTS:
            break
        if sign == "{":
            around.append(text.rpartition(";")[2].strip())
            continue
        heads, selectors = around[:-1], around[-1] if around else ""
        del around[-1:]
        is_shown_so = any(_NOT_ON_A_SCREEN.search(head) or head.startswith("@key") for head in heads)
        if selectors and not selectors.startswith("@") and not is_shown_so and (body := declarations(text)):
            found += [(each.strip(), body) for each in selectors.split(",")[:_MOST_RULES]]
    return found


def _matching(tree: LexborHTMLParser, selector: str) -> list[LexborNode]:
    is_simple = len(selector) <= _LONGEST_SELECTOR and len(re.split(r"[\s>+~]+", selector)) <= _MOST_PARTS
    if (
        not selector
        or not is_simple
        or re.search(r"[~+](?!=)|:(?:has|is|where|not|hover|focus|target|active)\b|::", selector)
    ):
        return []
    try:
        return tree.css(selector)
    except Exception:  # whatever the parser makes of a hostile selector, it is none
        return []


def _specificity(selector: str) -> tuple[int, int, int]:
    ids = len(re.findall(r"#[\w-]", selector))
    classes = len(re.findall(r"\.[\w-]|\[|:[\w-]", selector))
    return ids, classes, len(re.findall(r"(?:^|[\s>+~])[a-zA-Z]", selector))


def _plain(text: str) -> str:
    """A style without comments and escapes."""

    def told(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[2] or ""
        number = int(found[1], 16)
        return chr(number) if 0 < number < 0xD800 else "\ufffd"

    return _ESCAPE.sub(told, _COMMENT.sub("", text))
