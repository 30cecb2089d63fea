"""The words of the columns of an export, and of tables of results.

A column is known by the words of its heading: those of a name, with no word beside them but those that say no
more. "Canadian SRP", "Net Price" and "Price Change Date" are other columns.
"""

import re

from ingram_assets.domain.site_file import Words

_BESIDE_ISBN = (
    "isbn isbns ean 13 10 14 digit number no # code or product id item upc gtin sku barcode book title "
    "primary ingram"
)
_BESIDE = {
    "isbn": _BESIDE_ISBN,
    "code": _BESIDE_ISBN,
    "title": "title subtitle and book product item full main name",
    "price": "us usd srp price list retail suggested msrp unit in dollars cover publisher publishers s pub",
}
_LONGEST = 60

Heading = frozenset[str]


class ColumnWords:
    """Finds columns by their headings."""

    def __init__(self, columns: Words) -> None:
        self._names = {column: [words_of(name) for name in names] for column, names in columns.items()}
        self._beside = {
            column: frozenset(_BESIDE[column].split()).union(*names) for column, names in self._names.items()
        }

    def places(self, column: str, headings: list[Heading]) -> tuple[int, ...]:
        """The places of the columns that are wanted, best first."""
        ranked = []
        for place, heading in enumerate(headings):
            rank = next((rank for rank, name in enumerate(self._names[column]) if name <= heading), None)
            if rank is not None and heading <= self._beside[column]:
                ranked.append((rank, place))
        return tuple(place for _, place in sorted(ranked))


def words_of(heading: str) -> Heading:
    """The words of a heading, in any order; none of what is too long for one."""
    if len(heading) > _LONGEST:
        return frozenset()
    name = heading.lower().replace("u.s.", "us").replace("$", " usd ")
    name = re.sub(r"\b(isbn|ean)[-_ ]?(1[03])\b", r"\1 \2", name)
    return frozenset(re.sub(r"[^\w#]+|_", " ", name).split())
