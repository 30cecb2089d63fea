"""What a browser shows of an element: its text, with a line break wherever a block begins or ends."""

import re
from collections.abc import Callable
from itertools import islice

from selectolax.lexbor import LexborNode

BLOCKS = frozenset(
    {"p", "div", "td", "th", "tr", "table", "tbody", "ul", "ol", "li", "dl", "dt", "dd", "hr", "center"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "blockquote"}
)
MAX_TEXT = 100_000
"""Steps (characters, elements) after which the text of an element is cut. No field takes half of it."""

Without = Callable[[LexborNode], bool]
"""Tells the elements whose text is left out."""

_SPACE = re.compile(r"\s+")


def flowing_text(node: LexborNode, without: Without | None = None, most: int = MAX_TEXT) -> str:
    """The text under a node, with a line break where the browser would break the line.

    Args:
        most: characters and elements, after which it is cut.
    """
    return flow(node, without, most)[0]


def flow(node: LexborNode, without: Without | None, most: int) -> tuple[str, int]:
    """As `flowing_text`; and how much of `most` is left."""
    out: list[str] = []
    stack: list[LexborNode | str] = [node]
    while stack and most > 0:
        at = stack.pop()
        most -= 1
        if isinstance(at, str):
            out.append(at)
        elif at.is_text_node:
            out.append(_SPACE.sub(" ", (at.text(deep=False) or "")[:most]))
            most -= len(out[-1])
        elif at.tag == "br":
            out.append("\n")
        elif at.is_element_node and not (without is not None and without(at)):
            if at.tag in BLOCKS:
                out.append("\n\n" if at.tag == "p" else "\n")
                stack.append("\n\n" if at.tag == "p" else "\n")
            stack.extend(reversed(list(islice(at.iter(include_text=True), most))))
    return "".join(out), most


def is_hidden(node: LexborNode) -> bool:
    """Whether an element by itself says that it is not shown."""
    style = re.sub(r"\s", "", node.attributes.get("style") or "").lower()
    return "hidden" in node.attributes or "display:none" in style or "visibility:hidden" in style
