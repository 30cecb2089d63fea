"""A table of HTML as rows of cells, in which cells that reach over others stand at each of their places."""

import re
from collections.abc import Iterable, Iterator

from selectolax.lexbor import LexborNode

GridCell = tuple[LexborNode, bool]
"""A cell, and whether the place is covered by its span alone."""


def grid(rows: Iterable[LexborNode], *, max_span: int, max_cells: int) -> Iterator[list[GridCell]]:
    """The cells of each row of a table; a row with more of them than `max_cells` ends there."""
    hanging: dict[int, tuple[int, LexborNode]] = {}
    for row in rows:
        cells: list[GridCell] = []
        for node in row.iter():
            if node.tag not in ("td", "th"):
                continue
            _fill(cells, hanging)
            attributes = node.attributes
            down = _span(attributes.get("rowspan"), max_span)
            for place in range(_span(attributes.get("colspan"), max_span)):
                if down > 1:
                    hanging[len(cells)] = (down - 1, node)
                cells.append((node, place > 0))
            if len(cells) > max_cells:
                break
        _fill(cells, hanging)
        yield cells


def _fill(cells: list[GridCell], hanging: dict[int, tuple[int, LexborNode]]) -> None:
    """The places into which a cell of a row above reaches."""
    while len(cells) in hanging:
        left, node = hanging.pop(len(cells))
        if left > 1:
            hanging[len(cells)] = (left - 1, node)
        cells.append((node, True))


def _span(text: str | None, most: int) -> int:
    if not text or re.fullmatch("[0-9]{1,9}", text.strip()) is None:
        return 1
    return min(max(int(text), 1), most)
