"""Rows that stand under several headings: which of them are the search's, by the page's own count.

A page may show other books in a table like the results' own. What its heading says is known of few; how many
the search has, the page says itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingram_assets.sources.ipage.pages.page_failures import PageChanged
from ingram_assets.sources.ipage.pages.result_rows import BookList, Row

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6", "legend", "caption")
_LONGEST = 60


@dataclass(slots=True)
class _Section:
    heading: str
    rows: list[Row] = field(default_factory=list)

    @property
    def isbns(self) -> set[str]:
        return {isbn for row in self.rows if (isbn := row.isbn()) is not None}

    @property
    def words(self) -> str:
        return f"“{self.heading}” {len(self.isbns)}" if self.heading else f"no heading {len(self.isbns)}"


def within_count(
    tree: LexborHTMLParser, chosen: BookList, limit: int | None, said: str
) -> tuple[BookList, set[str]]:
    """The rows of a list that are the search's; and the books of the others.

    Args:
        limit: how many books the page may show by its own count; `None`: it does not say.
        said: its words.

    Raises:
        PageChanged: which of them are can't be told.
    """
    sections = [part for part in _sections(tree, chosen.rows) if part.isbns]
    found = len(chosen.isbns)
    is_one = len(sections) < 2 or all(len(part.isbns) == 1 for part in sections)
    if found == limit or (is_one and (limit is None or found < limit)):
        return chosen, set()
    if len(sections) > 1 and limit is not None:
        fitting = [part for part in sections if len(part.isbns) == limit]
        if len(fitting) == 1:
            return BookList(fitting[0].rows, chosen.place), chosen.isbns - fitting[0].isbns
    under = f", under {', '.join(part.words for part in sections[:5])}" if len(sections) > 1 else ""
    counted = (
        f"it says “{said.strip()[:_LONGEST]}”" if limit is not None else "it does not say how many it has"
    )
    raise PageChanged(
        "results",
        f"{counted}, and lists {found} books{under}: which of them are the search's can't be told. A heading "
        "of other books is named in site.toml ([words] beside).",
    )


def _sections(tree: LexborHTMLParser, rows: Sequence[Row]) -> list[_Section]:
    """The rows by the heading that they stand behind, in the page's order."""
    of_node = {row.node.mem_id: row for row in rows}
    sections = [_Section("")]
    stack: list[LexborNode] = [tree.body] if tree.body is not None else []
    while stack:
        node = stack.pop()
        if (row := of_node.get(node.mem_id)) is not None:
            sections[-1].rows.append(row)
        elif node.tag in _HEADINGS:
            sections.append(_Section(" ".join(node.text(deep=True).split())[:_LONGEST]))
        else:
            stack += reversed(list(node.iter()))
    return sections
