"""The labels of a product page, and the text that stands under each."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingram_assets.sources.ipage.pages import fields
from ingram_assets.sources.ipage.pages.visible_text import (
    BLOCKS,
    MAX_TEXT,
    Without,
    flowing_text,
    is_hidden,
    joined,
)
from ingram_assets.sources.ipage.profile.label_names import LabelNames

_LABEL_TAGS = "strong, b, th, dt, label, .label"
_HEADS = frozenset({"dt", "th"})
"""Elements that hold a label and nothing else, each before its value."""
_SEVERAL_LINES = frozenset({"physical", "bisac", "description"})
_BARE = ("strong", "b", "label")
"""Elements that hold a label without a colon, and much else."""
_MAX_LABEL = 3_000
_MAX_NAME = 300
_TWO_NUMBERS = "\ufffd"
"""Between digits of two elements: "$6" and a raised "99" are not 699."""
_MAX_LABELS = 50
"""Labels of one field whose texts are read."""
_OF_A_BOOK = "#pd-title, .productDetailTitle, .productDetailElements, .productDetailSmallElements"


class _Label(NamedTuple):
    field: str
    node: LexborNode
    rest: str
    """The colon, if it stands within the label's own element, and what follows it there."""
    rank: tuple[int, int]
    """Among the elements known to hold labels (0) or elsewhere (1); then as its names are listed."""
    order: int
    """Its place among the labels of the page."""
    above: list[int]
    """The ids of the elements around it, innermost first."""
    is_whole: bool = False
    """`node` holds label and value both."""

    @property
    def is_own(self) -> bool:
        """Whether it stands among the elements known to hold labels."""
        return self.rank[0] == 0


class Labels:
    """Every known label of the page, and the text that belongs to it.

    A label is known by its words, bold or in a cell of its own. Those among the site's own elements come
    before those elsewhere, which may belong to another book.
    """

    def __init__(self, tree: LexborHTMLParser, names: LabelNames, blurbs: Iterable[LexborNode] = ()) -> None:
        """`blurbs`: elements that hold a description without a label; what is in them is no label."""
        self._blurbs = {node.mem_id for node in blurbs}
        found: list[_Label] = []
        unknown: set[int] = set()
        for order, node in enumerate(tree.css(_LABEL_TAGS)):
            text = node.text(deep=True)
            if len(text) > _MAX_LABEL:
                continue
            name, colon, rest = text.partition(":")
            field, place = names.field_named(name)
            if field is not None and (colon or _is_bare_label(node)):
                above, is_own = _elements_above(node)
                rank = (0 if is_own else 1, place)
                found.append(_Label(field, node, colon + rest, rank, order, above))
            elif text.rstrip().endswith(":") and len(text) < 40:
                unknown.add(node.mem_id)
        found += _plain_labels(tree, names, unknown.union(*(label.above for label in found)))
        found = [label for label in found if self._blurbs.isdisjoint((label.node.mem_id, *label.above))]
        found = _outside_the_description(_of_the_book(found))
        self._of: dict[str, list[_Label]] = {}
        for label in sorted(found, key=lambda label: label.rank):
            self._of.setdefault(label.field, []).append(label)
        self._known_label = {label.node.mem_id for label in found}
        self._places = {_place(label.node) for label in found if not label.is_whole}
        self._any_label = unknown | self._known_label
        self._holder: set[int] = set().union(*(label.above for label in found))
        self.read_at: dict[str, LexborNode] = {}
        """Of each field that was asked for: the label whose text was given last."""

    def all(self, field: str, without: Without | None = None) -> Iterator[str]:
        """The text under each label of the field, line breaks kept."""
        for label in self._of.get(field, ())[:_MAX_LABELS]:
            self.read_at[field] = label.node
            yield self._value(label, without)

    def own(self, field: str) -> list[str]:
        """The texts under those labels of the field that stand among the site's own elements; 20 at most."""
        own = [label for label in self._of.get(field, ()) if label.is_own]
        return [self._value(label) for label in own[:20]]

    def first(self, field: str, without: Without | None = None) -> str | None:
        """The first text under a label of the field that isn't blank."""
        return next((text for text in self.all(field, without) if fields.clean(text)), None)

    def amounts(self, field: str) -> list[str]:
        """What is shown under the first label with a text, and under those like it: of its words, beside it.

        Digits that stand in two elements are kept apart.
        """
        texts: list[tuple[_Label, str]] = []
        for label in self._of.get(field, ())[:_MAX_LABELS]:
            first = texts[0][0] if texts else label
            is_like = label.rank == first.rank and (label.is_own or label.above[1:3] == first.above[1:3])
            if is_like and fields.clean(text := self._value(label, is_hidden, _TWO_NUMBERS)):
                texts.append((label, text))
        if texts:
            self.read_at[field] = texts[0][0].node
        return [text for _, text in texts]

    def holds_any(self, node: LexborNode) -> bool:
        """Whether the element is a label that is known, or holds one, or the name of the book."""
        if node.mem_id in self._known_label or node.mem_id in self._holder:
            return True
        return node.css_first(_OF_A_BOOK) is not None

    def node(self, field: str) -> LexborNode | None:
        """The first label of the field."""
        return self._of[field][0].node if field in self._of else None

    def one_line(self, field: str) -> str | None:
        """As `first`, on one line."""
        text = self.first(field)
        return None if text is None else fields.clean(text)

    def is_known(self, node: LexborNode) -> bool:
        """Whether the element is a label that is known, whether or not its text is a field of ours."""
        return node.mem_id in self._known_label

    def stands_as_one(self, node: LexborNode) -> bool:
        """Whether a bold element or the like stands where a label that is known does, in an element alike."""
        return node.tag in _BARE and _place(node) in self._places and not _any_text_before(node)

    def after(self, node: LexborNode) -> str:
        """The text that belongs to a label of words that are not known."""
        _, colon, rest = node.text(deep=True).partition(":")
        return self._value(_Label("", node, colon + rest, (1, 0), 0, []))

    def descriptions(self) -> set[int]:
        """The ids of the elements whose text is the description: a bold "Binding:" in it is none of ours."""
        return self._blurbs | _descriptions(self._of.get("description", ()))

    def _value(self, label: _Label, without: Without | None = None, between: str = "") -> str:
        ends = self._known_label if label.field == "description" else self._any_label
        text, at = label.rest, label.node
        if label.is_whole:
            return _without_colon("".join(flowing_text(at, without, between=between).partition(":")[1:]))
        blank = _is_blank(text)
        while len(text) < MAX_TEXT:
            sibling = at.next
            while sibling is not None and len(text) < MAX_TEXT:
                if not sibling.is_text_node:
                    if sibling.mem_id in ends or sibling.mem_id in self._holder or _is_table(sibling):
                        return _without_colon(text)
                    if at is label.node and at.tag in _HEADS and sibling.tag == at.tag:
                        return _without_colon(text)  # the next pair, whatever its label
                    breaks = sibling.tag == "br" or sibling.tag in BLOCKS
                    if breaks and not blank and label.field not in _SEVERAL_LINES:
                        return _without_colon(text)
                piece = flowing_text(sibling, without, between=between)
                text = joined(text, piece, between)
                blank = blank and (not piece.strip("\u00a0 \n") or _is_blank(text))
                sibling = sibling.next
            parent = at.parent
            if not blank or parent is None or not _is_only_the_label(parent):
                break
            at = parent
        return _without_colon(text)


def _elements_above(node: LexborNode) -> tuple[list[int], bool]:
    """The elements around a label up to one that is known to hold labels; and whether there is one."""
    above: list[int] = []
    at = node.parent
    while at is not None and len(above) < 5 and at.tag not in ("body", "html"):
        above.append(at.mem_id)
        if "productDetail" in (at.attrs.get("class") or ""):
            return above, True
        at = at.parent
    return above, False


def _plain_labels(tree: LexborHTMLParser, names: LabelNames, taken: set[int]) -> Iterator[_Label]:
    """Labels that are not bold, at the start of the elements known to hold labels."""
    for order, node in enumerate(tree.css(".productDetailElements, .productDetailSmallElements")):
        if node.mem_id in taken:
            continue
        name, colon, _ = flowing_text(node, most=_MAX_NAME).partition(":")
        field, place = names.field_named(name)
        if field is not None and colon:
            yield _Label(field, node, "", (0, place), order, [node.mem_id], is_whole=True)


def _of_the_book(labels: list[_Label]) -> list[_Label]:
    """Without the labels before or after all that is known to be the book's own: they are another book's."""
    orders = [label.order for label in labels if label.is_own and not label.is_whole]
    first, last = min(orders, default=0), max(orders, default=0)
    if not any(label.is_own for label in labels):
        return labels
    return [label for label in labels if label.is_own or first < label.order < last]


def _outside_the_description(labels: list[_Label]) -> list[_Label]:
    """Without those in the text of the description: a blurb may have a bold "Binding:" of its own."""
    around = _descriptions(label for label in labels if label.field == "description")
    return [label for label in labels if around.isdisjoint(label.above[1:])]


def _descriptions(labels: Iterable[_Label]) -> set[int]:
    return {label.above[0] for label in labels if label.above and not _any_text_before(label.node)}


def _place(node: LexborNode) -> tuple[str | None, ...]:
    """What the places of labels have in common: an element's kind, and that of the one around it."""
    above = node.parent
    return node.tag, *((above.tag, above.attrs.get("class")) if above is not None else ())


def _is_bare_label(node: LexborNode) -> bool:
    """Whether words without a colon can be a label: not in the header row of some table."""
    if node.tag != "th":
        return node.tag in (*_BARE, "dt")
    after = node.next
    while after is not None and not after.is_element_node:
        after = after.next
    return after is not None and after.tag == "td"


def _any_text_before(node: LexborNode) -> bool:
    before = node.prev
    while before is not None:
        if fields.clean(flowing_text(before)):
            return True
        before = before.prev
    return False


def _is_only_the_label(node: LexborNode) -> bool:
    """Whether the value may stand beside this element rather than in it."""
    if node.tag in ("td", "th", "dt", "span", "label", "b", "strong", "font"):
        return True
    if node.tag != "div" or node.parent is None:
        return False
    return len([*islice(node.parent.iter(), 3)]) == 2  # A row of two: the label and its value.


def _is_table(node: LexborNode) -> bool:
    return node.is_element_node and (
        node.tag in ("table", "form") or (node.tag in BLOCKS and node.css_first("table, form") is not None)
    )


def _is_blank(text: str) -> bool:
    return not _without_colon(text).strip("\u00a0 \n")


def _without_colon(text: str) -> str:
    return text.lstrip(" \u00a0\n").removeprefix(":").lstrip(" \u00a0\n")
