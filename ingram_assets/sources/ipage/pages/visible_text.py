"""What a browser shows of an element: its text, with a line break wherever a block begins or ends."""

import re
from collections.abc import Callable
from itertools import islice

from selectolax.lexbor import LexborNode

from ingram_assets.sources.ipage.pages import style_sheets

BLOCKS = frozenset(
    {"p", "div", "td", "th", "tr", "table", "tbody", "ul", "ol", "li", "dl", "dt", "dd", "hr", "center"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "blockquote"}
)
MAX_TEXT = 100_000
"""Steps (characters, elements) after which the text of an element is cut. No field takes half of it."""

NEVER_SHOWN = frozenset({"script", "style", "noscript", "template"})
"""Elements of which a browser shows nothing, whatever they hold."""

_HIDING_CLASSES = frozenset(
    {"d-none", "hidden", "hide", "ng-hide", "sr-only", "visually-hidden", "ui-helper-hidden", "is-hidden"}
)
_CLOSED_CLASSES, _OPEN_CLASSES = frozenset({"modal", "tab-pane"}), frozenset({"active", "show", "in", "open"})

Without = Callable[[LexborNode], bool]
"""Tells the elements whose text is left out."""

_SPACE = re.compile(r"\s+")


def flowing_text(
    node: LexborNode, without: Without | None = None, most: int = MAX_TEXT, between: str = ""
) -> str:
    """The text under a node, with a line break where the browser would break the line.

    Args:
        most: characters and elements, after which it is cut.
        between: as for `joined`.
    """
    return flow(node, without, most, between)[0]


def joined(text: str, more: str, between: str) -> str:
    """Two texts of a page that stand side by side.

    Args:
        between: what is put between digits of the one and of the other: they may be two numbers.
    """
    return text + (between if between and text[-1:].isdigit() and more[:1].isdigit() else "") + more


def flow(node: LexborNode, without: Without | None, most: int, between: str = "") -> tuple[str, int]:
    """As `flowing_text`; and how much of `most` is left."""
    out: list[str] = []
    stack: list[LexborNode | str] = [node]
    while stack and most > 0:
        at = stack.pop()
        most -= 1
        if isinstance(at, str):
            out.append(at)
        elif at.is_text_node:
            text = _SPACE.sub(" ", (at.text(deep=False) or "")[:most])
            out.append(joined(out.pop() if out and between else "", text, between))
            most -= len(text)
        elif at.tag == "br":
            out.append("\n")
        elif at.is_element_node and not (without is not None and without(at)):
            if at.tag in BLOCKS:
                out.append("\n\n" if at.tag == "p" else "\n")
                stack.append("\n\n" if at.tag == "p" else "\n")
            stack.extend(reversed(list(islice(at.iter(include_text=True), most))))
    return "".join(out), most


def is_hidden(node: LexborNode) -> bool:
    """Whether an element by itself says that it is not shown. The one place that tells."""
    if node.tag in NEVER_SHOWN:
        return True
    attributes = node.attributes
    if "hidden" in attributes or (attributes.get("aria-hidden") or "").strip().lower() == "true":
        return True
    if (
        "inert" in attributes
        or "popover" in attributes
        or (node.tag == "dialog" and "open" not in attributes)
    ):
        return True
    named = {*(attributes.get("class") or "").lower().split()}
    if named & _HIDING_CLASSES or (named & _CLOSED_CLASSES and not named & _OPEN_CLASSES):
        return True
    at = node.parent
    if at is not None and at.tag == "details" and "open" not in at.attributes and node.tag != "summary":
        return True
    style = attributes.get("style")
    return bool(style) and style_sheets.hides(style or "")


def is_shown(node: LexborNode) -> bool:
    """Whether neither the element nor one around it says that it is not shown."""
    at: LexborNode | None = node
    while at is not None and at.tag not in ("body", "html"):
        if is_hidden(at):
            return False
        at = at.parent
    return True
