"""What stands beside the books of a page and shows others: "also bought", "recently viewed", carousels."""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingram_assets.sources.ipage.pages.visible_text import is_hidden

NAMED = ", ".join(
    f"[{attribute}*={word} i]"
    for word in ("related", "alsobought", "also-bought", "recommend", "carousel", "recently", "otherformat")
    for attribute in ("class", "id")
)
"""Elements whose class or id says so."""
_OF_A_LIST = ", ".join(
    [
        *("nav", "aside", "[role=complementary]", "[role=navigation]", "[hidden]", "[style*=none i]"),
        *(
            f"[{attribute}*={word} i]"
            for word in (
                *("similar", "slider", "swiper", "upsell", "cross-sell", "crosssell", "sponsor", "suggest"),
                *("promo", "trending", "bestsell", "otheredition", "other-edition", "other-format"),
                *("also-view", "alsoview", "also-order", "alsoorder"),
            )
            for attribute in ("class", "id")
        ),
    ]
)
_RESULTS = re.compile(r"result|searchlist|hitlist", re.IGNORECASE)
_HEADINGS = "h1, h2, h3, h4, h5, h6, legend, strong, b, p, div, span, dt"
_HEADING = re.compile(
    r"\W*(?:(?:customers?|people|readers|others?|buyers|stores|retailers|libraries)\b.{0,30}\balso\b"
    r"|you (?:may|might) (?:also )?|also (?:bought|ordered|viewed|purchased|available|recommended)"
    r"|recommend|recent(?:ly)?\b.{0,20}\bview|(?:related|similar) |more (?:like|from|by|titles|books) "
    r"|best ?sell|top ?(?:sell|\d)|coming soon|new (?:&|and) |new releases|featured|popular|trending"
    r"|sponsored|(?:frequently|often) (?:bought|ordered)|bought together|staff picks|award|what.s (?:hot|new)"
    r"|(?:other|available|additional) (?:formats?|editions?|bindings?)|in (?:this|the same) series)",
    re.IGNORECASE,
)
_MOST = 4_000
_LONGEST = 80


def beside_results(tree: LexborHTMLParser) -> list[LexborNode]:
    """The elements of a list's page that by name or place hold other books than those listed."""
    return [
        node
        for node in tree.css(f"{NAMED}, {_OF_A_LIST}")
        if node.tag not in ("body", "html", "form")
        and not _RESULTS.search(f"{node.attributes.get('class') or ''} {node.id or ''}")
        and (
            "none" not in (node.attributes.get("style") or "").lower()
            or is_hidden(node)
            or node.tag == "aside"
        )
    ]


def under_headings(tree: LexborHTMLParser, holders: set[int], words: re.Pattern[str]) -> Iterator[LexborNode]:
    """The elements that a heading says to hold other books: those behind it, as far as they are alike.

    Args:
        holders: the ids of all elements that hold a book.
        words: what a heading of other books says as well.
    """
    for heading in tree.css(_HEADINGS)[:_MOST]:
        if heading.mem_id in holders:
            continue
        text = heading.text(deep=True)
        if len(text) > _LONGEST or not (_HEADING.match(text) or words.search(text)):
            continue
        at: LexborNode | None = heading
        for _ in range(3):
            found = list(_behind(at, holders)) if at is not None else []
            if found or at is None or at.parent is None or at.parent.mem_id in holders:
                yield from found
                break
            at = at.parent


def is_of_others(heading: str) -> bool:
    """Whether a text is a heading of other books."""
    return _HEADING.match(heading) is not None


def _behind(node: LexborNode, holders: set[int]) -> Iterator[LexborNode]:
    """The next element that holds books, and those like it that follow."""
    first, at = None, node.next
    while at is not None:
        if at.tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            return
        if at.mem_id in holders:
            if first is not None and kind_of(at) != first:
                return
            first = kind_of(at)
            yield at
        at = at.next


_STATE = re.compile(
    r"odd|even|alt(?:ernate)?|light|dark|first|last|active|selected|gr[ae]y|white|shaded|highlight(?:ed)?|[0-9_-]"
)


def kind_of(node: LexborNode) -> tuple[str, frozenset[str]]:
    """What elements have in common that repeat each other; rows of a table or list always do."""
    tag = node.tag or ""
    if tag in ("tr", "li", "article", "tbody"):
        return tag, frozenset()
    words = (node.attributes.get("class") or "").lower().split()
    return ("dt" if tag == "dd" else tag), frozenset(_STATE.sub("", word) for word in words) - {""}
