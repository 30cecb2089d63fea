"""What the scraper can do to the queue: hand in batches, each one round trip to a function there."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, NotRequired, Required, TypedDict

from psycopg.rows import scalar_row, tuple_row

from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.isbn import InvalidIsbn, parse_isbn
from ingram_assets.domain.readings import KnownStock, from_queue
from ingram_assets.domain.stock import Stock
from ingram_assets.postgres import Client

MAX_ROWS = 1000
MAX_BYTES = 4_000_000
"""A batch beyond either of these goes in several calls."""

LONGEST = {
    **{"title": 1000, "author": 1000, "publisher": 500, "binding": 200, "category_hint": 500},
    **{"description": 20_000, "series": 500, "publisher_status": 100},
}
"""Characters that the queue stores of a text at most; a row with a longer one is refused."""


class TitleRow(TypedDict, total=False):
    """A title. A field that is absent, `None`, empty or 0 is not known and leaves what is there.

    But empty `restrictions` say that there are none.
    """

    isbn: Required[str]
    title: str | None
    author: str | None
    publisher: str | None
    publication_date: date | str | None
    """A date, or its ISO text."""
    binding: str | None
    page_count: int | None
    srp_price: Decimal | str | None
    """Dollars."""
    weight: Decimal | str | None
    """Pounds."""
    category_hint: str | None
    description: str | None
    series: str | None
    contributors: Sequence[str | Mapping[str, str | None]] | None
    """Names, or `{"name", "role"}`."""
    bisac: Sequence[str] | None
    """Heading paths."""
    publisher_status: str | None
    restrictions: Sequence[str] | None


class StockRow(TypedDict):
    """A reading of a title's stock, merged into what is known as `domain.readings.merge` says."""

    isbn: str
    observed_at: datetime
    stock: Stock
    complete: NotRequired[bool]
    """Every center is on it, which is so if this is left out."""
    source: NotRequired[str]
    """ "ipage" if left out."""
    details: NotRequired[Mapping[str, Any]]
    """What else the page says that can change in an hour: fields of a `TitleRow`. What differs from what is
    known goes in as from `add_titles` with `routine`, unless the reading is stale."""


class CoverRow(TypedDict):
    """Where a title's cover lies."""

    isbn: str
    cover_url: str
    cover_sha256: NotRequired[str | None]
    """64 hexadecimal digits. With it another picture at the same address is a change too."""


class UnreadRow(TypedDict):
    """Why a title's page gave no stock."""

    isbn: str
    observed_at: datetime
    outcome: str
    """A short word of the caller's: `blocked`, `no_stock_table`."""
    reason: str
    """A sentence for a person."""


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of one row of a batch. Outcomes come in the order of the rows, one for each."""

    isbn: str
    """The 13 digits; what was sent, if that is no ISBN."""
    outcome: str
    reason: str | None = None
    """Why it was `refused`; else `None`."""
    merged: KnownStock | None = None
    """Of a reading: all that is known of the title's stock now."""
    details: str | None = None
    """Of a reading with details: `refreshed`, `refused`; `None` if they were no news."""
    details_reason: str | None = None
    """Why the details were refused; the stock was recorded."""


class QueueWriter(Client):
    """Signs in as the writer role, which may execute the write functions and read nothing.

    A row that can't be stored is answered `refused`, with the reason; the rest of its batch goes in. Every
    method may be called again with the same rows: after a lost answer the second one says `unchanged`.

    Raises, from every method:
        Transient: the database can't be reached, was lost twice, or took too long. Names the host.
        NeedsPerson: it refused the sign-in, or is not migrated.
    """

    def add_titles(
        self, titles: Sequence[TitleRow], *, fill_only: bool = False, routine: bool = False
    ) -> list[RowOutcome]:
        """Adds titles, or refreshes what is known of them: `added`, `refreshed`, `unchanged`, `refused`.

        Args:
            fill_only: fill in only what is not known yet. For a source that knows less than the product page,
                such as the saved search, whose shorter title is not to overrule the page's.
            routine: nobody asked for these titles by name. A title that was asked for comes back to the store
                if its product was deleted there.
        """
        flags = {name: True for name, on in (("fill_only", fill_only), ("routine", routine)) if on}
        return self._call("add titles to the queue", "ingram_add_titles", TitleRow, titles, flags)

    def record_stock(self, readings: Sequence[StockRow]) -> list[RowOutcome]:
        """Records readings: `first`, `changed`, `unchanged`, `stale`, `untracked`, `refused`.

        A page without a count is for `record_unread`.
        """
        return self._call("record stock in the queue", "ingram_record_stock", StockRow, readings)

    def record_covers(self, covers: Sequence[CoverRow]) -> list[RowOutcome]:
        """Records where covers lie: `changed`, `unchanged`, `untracked`, `refused`."""
        return self._call("record covers in the queue", "ingram_record_covers", CoverRow, covers)

    def record_unread(self, failures: Sequence[UnreadRow]) -> list[RowOutcome]:
        """Records which pages gave no stock and why: `recorded`, `stale`, `untracked`, `refused`.

        The last known stock stands; the next reading takes the title off the list.
        """
        return self._call("record unread pages in the queue", "ingram_record_unread", UnreadRow, failures)

    def prune_history(self, older_than_days: int = 400) -> int:
        """Deletes stock history older than this but for each title's last entry of a day; how many went.

        Raises:
            Permanent: the queue keeps what is as young as this whole.
        """
        statement, pruned = "SELECT public.ingram_prune_history(%s)", 0
        while some := sum(self.rows("prune the queue's history", statement, [older_than_days], scalar_row)):
            pruned += some
        return pruned

    def _call(
        self,
        doing: str,
        function: str,
        kind: type,
        given: Sequence[Mapping[str, Any]],
        more: Mapping[str, Any] | None = None,
    ) -> list[RowOutcome]:
        rows = [_row(each, kind, more or {}) for each in given]
        answers = [RowOutcome(row.isbn, "refused", row.problem) for row in rows]
        for places in _batches(rows):
            batch = "[" + ",".join(rows[place].text for place in places) + "]"
            statement = f"SELECT * FROM public.{function}(%s)"
            for ordinal, _, outcome, reason, *rest in self.rows(doing, statement, [batch], tuple_row):
                place = places[ordinal - 1]
                merged, *details = rest or [None]
                answers[place] = RowOutcome(rows[place].isbn, outcome, reason, _known(merged), *details)
        return answers


class _SentRow(NamedTuple):
    """A row as it is sent: JSON text, or the problem for which it is not sent at all."""

    isbn: str
    text: str = ""
    problem: str | None = None


def _row(given: Mapping[str, Any], kind: type, more: Mapping[str, Any]) -> _SentRow:
    """Spells a row in JSON. Only what would spoil the batch is judged here, the rest over there."""
    shown = ""
    try:
        shown = str(given.get("isbn", ""))[:40]
        if unknown := given.keys() - kind.__annotations__.keys():
            return _SentRow(shown, problem=f"There is no field {', '.join(sorted(map(repr, unknown)))}.")
        shown = _isbn(given.get("isbn", ""))
        row = {**given, **more, "isbn": shown}
        if isinstance(row.get("stock"), Mapping):
            row["stock"] = stock_rules.to_json(row["stock"])
        try:
            text = _JSON.encode(row)
        except ValueError:
            # NaN, which equals nothing, is what a data frame has in place of a number that is not known.
            text = _JSON.encode({name: value for name, value in row.items() if value == value})
    except InvalidIsbn as error:
        return _SentRow(shown, problem=str(error))
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        return _SentRow(shown, problem=f"The row can't be written as JSON: {str(error)[:200]}.")
    if len(text) > MAX_BYTES:
        return _SentRow(shown, problem=f"The row is {len(text):,} characters long.")
    return _SentRow(shown, text)


def _known(merged: Mapping[str, Any] | None) -> KnownStock | None:
    if merged is None:
        return None
    completed = [datetime.fromisoformat(at) for at in merged["completed"]]
    return from_queue(merged["stock"], merged["gone"], completed, None)


def _isbn(text: Any) -> str:
    """Thirteen digits go as they are, since their check digit is verified over there."""
    return text if isinstance(text, str) and _DIGITS.fullmatch(text) else parse_isbn(text)


def _spell(value: Any) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a time without its time zone")
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} has no JSON")


_DIGITS = re.compile(r"97[89][0-9]{10}")

# ASCII, so that a lone surrogate is no crash on the way but a row refused over there. A row that holds itself
# ends in a RecursionError, so that not every part of every row has to be remembered.
_JSON = json.JSONEncoder(check_circular=False, allow_nan=False, default=_spell, separators=(",", ":"))


def _batches(rows: Sequence[_SentRow]) -> list[list[int]]:
    """The places of the rows that are sent, in calls of at most `MAX_ROWS` rows and `MAX_BYTES`."""
    batches: list[list[int]] = []
    size = MAX_BYTES + 1
    for place, row in enumerate(rows):
        if row.problem is not None:
            continue
        if size + len(row.text) > MAX_BYTES or len(batches[-1]) == MAX_ROWS:
            batches.append([])
            size = 0
        batches[-1].append(place)
        size += len(row.text)
    return batches
