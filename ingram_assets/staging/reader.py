"""What the storefront can do with the queue: read it, follow its changes, and mark its rows."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import psycopg
from psycopg.rows import args_row, class_row, dict_row, kwargs_row, scalar_row, tuple_row

from ingram_assets.domain import stock as stock_rules
from ingram_assets.domain.failures import Permanent
from ingram_assets.domain.guardrails import Attempt
from ingram_assets.domain.readings import KnownStock, from_queue
from ingram_assets.domain.restrictions import in_order
from ingram_assets.domain.stock import DcStock
from ingram_assets.domain.title import Contributor, Title
from ingram_assets.postgres import Client, takes_writes

log = logging.getLogger(__name__)
T = TypeVar("T")

_FIELDS = tuple(field.name for field in fields(Title) if field.name != "aged")


@dataclass(frozen=True, slots=True)
class StockChange:
    """One entry of the history: the stock of a title from this reading on, and what was known before it."""

    id: int
    isbn: str
    stock_observed_at: datetime
    """When the page was read, UTC."""
    stock_changed_at: datetime
    """When it was written down, UTC: with `id`, the order in which changes became visible."""
    stock: dict[str, DcStock] | None
    before: dict[str, DcStock] | None
    """`None` at the first reading."""


@dataclass(frozen=True, slots=True)
class Page:
    """Changes after a cursor, oldest first."""

    changes: tuple[StockChange, ...]
    cursor: str | None
    """Ask for what comes after this. The cursor that was given, if there were no changes."""


@dataclass(frozen=True, slots=True)
class StockMove:
    """A title whose stock changed in a stretch of time: what was known when it began and when it ended."""

    isbn: str
    title: str
    before: dict[str, DcStock] | None
    after: dict[str, DcStock] | None


@dataclass(frozen=True, slots=True)
class TitleTrouble:
    """A title that needs a look. `since` is the first failure in a row, `None` where that is not kept."""

    isbn: str
    title: str
    reason: str
    outcome: str = "failed"
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class UnreadTitle:
    """A title whose page can't be read now: since when, last tried when, and how often in a row."""

    isbn: str
    title: str
    outcome: str
    reason: str
    unread_since: datetime
    observed_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of `ingram status`."""

    titles: int
    to_import: int
    """Rows that wait for the importer; those that failed are counted in `failed`."""
    failed: int
    failed_titles: tuple[TitleTrouble, ...]
    unread: int
    """Titles whose last attempt to read gave nothing."""
    unread_titles: tuple[TitleTrouble, ...]
    never_read: int
    """Titles whose stock was never read."""
    oldest_reading: datetime | None
    oldest_reading_isbn: str | None


@dataclass(frozen=True, slots=True)
class RowState:
    """The little of a title's current row that says whether the store has to be told of it."""

    id: int
    isbn: str
    title: str
    has_details: bool
    """Its page was read."""
    has_cover: bool
    created_at: datetime | None
    imported_at: datetime | None
    failed_reason: str | None
    stock_changed_at: datetime | None
    stock_observed_at: datetime | None = None


def row_state_of(title: Title) -> RowState:
    """The same of a title that was read whole."""
    return RowState(
        title.id,
        title.isbn,
        title.title,
        title.binding is not None,
        title.cover_url is not None,
        title.created_at,
        title.imported_at,
        title.failed_reason,
        title.stock_changed_at,
    )


class QueueReader(Client):
    """Signs in as the reader role, which may `SELECT`, and `UPDATE` `imported_at` and `failed_reason`.

    An `id` names one state of a title: when its details or cover change, the current row has a new one. So
    `mark_imported` of an id that was read before the change marks nothing, and the new state is offered next.

    Raises, from every method:
        Transient: the database can't be reached, was lost twice, or took too long. Names the host.
        NeedsPerson: it refused the sign-in, or is not migrated.
    """

    def changes_since(self, cursor: str | None, limit: int = 1000, until: str | None = None) -> Page:
        """The stock changes after `cursor` (from the beginning for `None`), at most `limit`, oldest first.

        With `until`, another cursor, those up to there; the page's cursor is `until` if there are no more.

        Each change is in exactly one page, and none is missed: a page goes by `(stock_changed_at, id)` of
        the history, and the write functions hold a lock from before they take the stamp until their commit
        is visible. So stamps become visible in their order, however long a transaction takes and whatever
        the clock does; one batch shares a stamp and is visible as a whole. The rows themselves could not
        give that: a title that changes twice between two pages has only one row to show.

        A fresh row for changed details is no stock change and is not here.

        Raises:
            Permanent: the cursor is none of ours.
        """
        values = [*_parse(cursor), *(_parse(until) if until else _NO_END), limit]
        changes = self.rows("read the queue's changes", _CHANGES, values, args_row(_change))
        if until and len(changes) < limit:
            cursor = until
        elif changes:
            cursor = f"{changes[-1].stock_changed_at.isoformat()}/{changes[-1].id}"
        return Page(tuple(changes), cursor)

    def rows_to_import(self, limit: int = 25, after: int = 0, *, retry_failed: bool = False) -> list[Title]:
        """Rows not imported yet with an id above `after`, by id. Failed ones only with `retry_failed`."""
        # Of the table: a row that is not imported is its title's current one.
        query = f"""
            SELECT * FROM public.ingram_queue WHERE imported_at IS NULL AND id > %s
            {"" if retry_failed else "AND failed_reason IS NULL"} ORDER BY id LIMIT %s
        """
        return self.rows("read the rows to import", query, [after, limit], kwargs_row(_title))

    def wanted_again(self) -> list[Title]:
        """The current rows that were imported and that a person has asked for by name since; by ISBN."""
        query = f"{_TITLES} WHERE wanted_at > imported_at AT TIME ZONE 'UTC' ORDER BY isbn"
        return self.rows("read what is wanted again", query, [], kwargs_row(_title))

    def titles(self, isbns: Sequence[str] | None = None) -> list[Title]:
        """The current row of each of these ISBNs that has one, of every ISBN for `None`; by ISBN."""
        where, values = ("", []) if isbns is None else ("WHERE isbn = ANY(%s)", [list(isbns)])
        query = f"{_TITLES} {where} ORDER BY isbn"
        return self.rows("read the queue's titles", query, values, kwargs_row(_title))

    def row_states(self) -> list[RowState]:
        """The current row of every ISBN, as far as it says whether the store follows; by ISBN."""
        return self.rows("read the state of the queue's rows", _ROW_STATES, [], class_row(RowState))

    def mark_imported(self, ids: Iterable[int]) -> set[int]:
        """Marks these rows imported, now, and takes a `failed_reason` off them. The ids that were marked.

        An id that is missing from the answer was superseded: its title's new state waits for import.
        """
        what = "imported_at = now() AT TIME ZONE 'UTC', failed_reason = NULL"
        return self._mark("mark rows imported", what, list(ids))

    def mark_failed(self, reasons: Mapping[int, str]) -> set[int]:
        """Writes why these rows could not be brought to the store; they wait for a person. The ids marked.

        The next change of the title's details clears it, as `clear_failed` does. The queue cuts a long one.
        """
        words = [reason.replace("\0", "") or "no reason given" for reason in reasons.values()]
        what = "failed_reason = (%s::text[])[array_position(%s::int[], q.id)]"
        return self._mark("mark rows failed", what, list(reasons), words, list(reasons))

    def clear_failed(self, ids: Iterable[int]) -> set[int]:
        """Takes the `failed_reason` off these rows: they are tried again. The ids of those that had one."""
        return self._mark("clear failed rows", "failed_reason = NULL", list(ids), having="failed_reason")

    def history(self, isbn: str, limit: int = 10_000) -> list[StockChange]:
        """The stock changes of one title, oldest first; the latest `limit` of them."""
        changes = self.rows("read a title's history", _HISTORY, [isbn, limit], args_row(_change))
        return changes[::-1]

    def first_changes(self, since: Mapping[str, datetime]) -> dict[str, datetime]:
        """ISBN to its first stock change after the moment given for it, for those that have one."""
        if not since:
            return {}
        values = [list(since), list(since.values())]
        return dict(self.rows("read the first changes of titles", _FIRST_CHANGES, values, tuple_row))

    def came_between(self, since: datetime, until: datetime) -> list[tuple[str, str]]:
        """ISBN and title of those that the queue has first had between the two moments; by title."""
        values = [since, until]
        return self.rows("read which titles came", _CAME, values, tuple_row)

    def first_came(self) -> datetime | None:
        """When the queue got its first title; `None`: it has none yet."""
        first: datetime | None = self.rows("look when the first title came", _FIRST_CAME, [], tuple_row)[0][0]
        return first

    def stock_moves(self, since: datetime, until: datetime) -> list[StockMove] | None:
        """The titles whose stock changed between the two moments, by title.

        `None`: the history does not go back to before the first one, so what was known then is not known.
        """
        begins = self.rows("look where the history begins", _HISTORY_BEGINS, [], tuple_row)[0][0]
        if begins is None or begins >= since:
            return None
        return self.rows("read how stock moved", _MOVES, [since, until, since], args_row(_move))

    def unread(self, isbn: str) -> TitleTrouble | None:
        """Why the last attempt to read this title gave nothing; `None` if it gave something."""
        found = self.rows("read why a title was not read", _UNREAD_ONE, [isbn], class_row(TitleTrouble))
        return found[0] if found else None

    def last_troubles(self) -> list[TitleTrouble]:
        """Why the last attempt to read each title gave nothing, for those where it did; by ISBN."""
        query = f"{_UNREAD_SINCE} ORDER BY u.isbn"
        return self.rows("read which titles were not read", query, [], class_row(TitleTrouble))

    def unread_titles(
        self,
        limit: int,
        isbns: Sequence[str] | None = None,
        leave_out: Collection[str] = (),
        outcome: str | None = None,
    ) -> list[UnreadTitle]:
        """Titles whose page can't be read, the longest first; a page without stock is none of them.

        Args:
            isbns: of these alone; `outcome`: that ended like this alone.
        """
        named = {"isbns": None if isbns is None else list(isbns), "outcome": outcome}
        values = {**named, "out": list(leave_out), "limit": limit}
        return self.rows("read what can't be read", _UNREAD_TITLES, values, class_row(UnreadTitle))

    def count_titles(self, leave_out: Collection[str] = ()) -> int:
        """How many titles the queue has, but for those that are left out."""
        query = "SELECT count(*) FROM public.ingram_current_titles WHERE isbn <> ALL (%s)"
        return int(self.rows("count titles", query, [list(leave_out)], tuple_row)[0][0])

    def isbns_called(self, words: str, limit: int) -> list[str]:
        """ISBNs of the rows whose title, author or ISBN has these words, in any case."""
        query = """
            SELECT isbn FROM public.ingram_current_titles
            WHERE strpos(lower(concat_ws(' ', isbn, title, author)), lower(%s)) > 0 ORDER BY isbn LIMIT %s
        """
        return [row[0] for row in self.rows("look for titles", query, [words, limit], tuple_row)]

    def requests_in_flight(self) -> int:
        """How many requests all runs of the scraper have in flight now, on all machines."""
        query = "SELECT public.ingram_requests_in_flight()"
        return int(self.rows("count the requests in flight", query, [], tuple_row)[0][0])

    def takes_writes(self) -> bool:
        """Whether the database does. Raises, as all methods, where the queue can't even be read."""

        def look(connection: psycopg.Connection) -> bool:
            connection.execute(f"{_TITLES} LIMIT 1".encode())
            return takes_writes(connection)

        return self.run("look for the queue", look)

    def attempts(self) -> list[Attempt]:
        """How the last attempt to read each title of the queue ended, by ISBN."""
        return self.rows("read how titles were last read", _ATTEMPTS, [], args_row(Attempt))

    def summary(self, leave_out: Collection[str] = ()) -> Summary:
        """What `ingram status` shows of the queue. One snapshot: the figures agree with each other.

        Args:
            leave_out: ISBNs of titles that are in none of the figures: the retired ones.
        """
        values = {"out": list(leave_out)}

        def read(connection: psycopg.Connection) -> Summary:
            with connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                counts = connection.cursor(row_factory=dict_row).execute(_COUNTS, values).fetchone()
                troubles = connection.cursor(row_factory=class_row(TitleTrouble))
                failed = tuple(troubles.execute(_FAILED, values).fetchall())
                unread = tuple(troubles.execute(_UNREAD, values).fetchall())
            assert counts is not None
            return Summary(failed_titles=failed, unread_titles=unread, **counts)

        return self.run("read the queue's figures", read)

    def _mark(self, doing: str, what: str, ids: list[int], *values: Any, having: str = "id") -> set[int]:
        """Sets columns of these rows, as far as they have a value in `having`; the ids of those."""
        if not ids:
            return set()
        # Locked in the order of their ids, so that two who mark the same rows don't wait for each other.
        statement = f"""
            UPDATE public.ingram_queue q SET {what}
            FROM (
                SELECT id FROM public.ingram_queue
                WHERE id = ANY(%s) AND {having} IS NOT NULL ORDER BY id FOR UPDATE
            ) wanted
            WHERE q.id = wanted.id RETURNING q.id
        """
        return set(self.rows(doing, statement, [*values, ids], scalar_row))


_TITLES = "SELECT * FROM public.ingram_current_titles"

_CHANGES = """
    SELECT h.id, h.isbn, h.stock_observed_at, h.stock_changed_at, h.stock_json, b.stock_json AS before_json
    FROM public.ingram_stock_history h
    LEFT JOIN LATERAL (
        SELECT e.stock_json FROM public.ingram_stock_history e
        WHERE e.isbn = h.isbn AND e.id < h.id ORDER BY e.id DESC LIMIT 1
    ) b ON true
    WHERE (h.stock_changed_at, h.id) > (%s, %s) AND (h.stock_changed_at, h.id) <= (%s, %s)
    ORDER BY h.stock_changed_at, h.id
    LIMIT %s
"""

_HISTORY = """
    SELECT h.id, h.isbn, h.stock_observed_at, h.stock_changed_at, h.stock_json,
        lag(h.stock_json) OVER (ORDER BY h.id) AS before_json
    FROM public.ingram_stock_history h WHERE h.isbn = %s ORDER BY h.id DESC LIMIT %s
"""

_FIRST_CHANGES = """
    SELECT wanted.isbn, min(h.stock_changed_at)
    FROM unnest(%s::text[], %s::timestamptz[]) AS wanted (isbn, since)
    JOIN public.ingram_stock_history h ON h.isbn = wanted.isbn AND h.stock_changed_at > wanted.since
    GROUP BY wanted.isbn
"""

# When a row was made is kept in UTC, without saying so.
_CAME = """
    SELECT first.isbn, coalesce(q.title, '')
    FROM (
        SELECT isbn, min(created_at) AT TIME ZONE 'UTC' AS at FROM public.ingram_queue GROUP BY isbn
    ) first LEFT JOIN public.ingram_current_titles q ON q.isbn = first.isbn
    WHERE first.at >= %s AND first.at < %s ORDER BY q.title, first.isbn
"""

_FIRST_CAME = "SELECT min(created_at) AT TIME ZONE 'UTC' FROM public.ingram_queue"

_HISTORY_BEGINS = "SELECT min(stock_changed_at) FROM public.ingram_stock_history"

_MOVES = """
    SELECT moved.isbn, coalesce(q.title, ''), b.stock_json, e.stock_json
    FROM (
        SELECT isbn, max(id) AS last FROM public.ingram_stock_history
        WHERE stock_changed_at >= %s AND stock_changed_at < %s GROUP BY isbn
    ) moved
    JOIN public.ingram_stock_history e ON e.id = moved.last
    LEFT JOIN LATERAL (
        SELECT h.stock_json FROM public.ingram_stock_history h
        WHERE h.isbn = moved.isbn AND h.stock_changed_at < %s ORDER BY h.id DESC LIMIT 1
    ) b ON true
    LEFT JOIN public.ingram_current_titles q ON q.isbn = moved.isbn
    ORDER BY q.title, moved.isbn
"""

_COUNTS = """
    SELECT
        count(*) AS titles,
        count(*) FILTER (WHERE imported_at IS NULL AND failed_reason IS NULL) AS to_import,
        count(*) FILTER (WHERE failed_reason IS NOT NULL) AS failed,
        (SELECT count(*) FROM public.ingram_unread WHERE isbn <> ALL (%(out)s)) AS unread,
        count(*) FILTER (WHERE stock_observed_at IS NULL) AS never_read,
        min(stock_observed_at) AS oldest_reading,
        (array_agg(isbn ORDER BY stock_observed_at, isbn) FILTER (WHERE stock_observed_at IS NOT NULL))[1]
            AS oldest_reading_isbn
    FROM public.ingram_current_titles WHERE isbn <> ALL (%(out)s)
"""

_ROW_STATES = """
    SELECT id, isbn, title, binding IS NOT NULL AS has_details, cover_url IS NOT NULL AS has_cover,
        created_at, imported_at, failed_reason, stock_changed_at, stock_observed_at
    FROM public.ingram_current_titles ORDER BY isbn
"""

_FAILED = """
    SELECT isbn, title, failed_reason AS reason FROM public.ingram_current_titles
    WHERE failed_reason IS NOT NULL AND isbn <> ALL (%(out)s) ORDER BY isbn
"""

_ATTEMPTS = """
    SELECT q.isbn, u.outcome, u.unread_since, q.stock_observed_at IS NOT NULL
    FROM public.ingram_current_titles q LEFT JOIN public.ingram_unread u ON u.isbn = q.isbn
    ORDER BY q.isbn
"""

_UNREAD_SINCE = """
    SELECT u.isbn, coalesce(q.title, '') AS title, u.reason, u.outcome, u.unread_since AS since
    FROM public.ingram_unread u LEFT JOIN public.ingram_current_titles q ON q.isbn = u.isbn
"""

_UNREAD = f"{_UNREAD_SINCE} WHERE u.isbn <> ALL (%(out)s) ORDER BY u.unread_since, u.isbn"

_UNREAD_TITLES = """
    SELECT u.isbn, coalesce(q.title, '') AS title, u.outcome, u.reason, u.unread_since, u.observed_at,
        u.attempts
    FROM public.ingram_unread u LEFT JOIN public.ingram_current_titles q ON q.isbn = u.isbn
    WHERE u.outcome <> 'no_stock_table' AND u.isbn <> ALL (%(out)s)
        AND (%(isbns)s::text[] IS NULL OR u.isbn = ANY (%(isbns)s::text[]))
        AND (%(outcome)s::text IS NULL OR u.outcome = %(outcome)s)
    ORDER BY u.unread_since, u.isbn LIMIT %(limit)s
"""

_UNREAD_ONE = f"{_UNREAD_SINCE} WHERE u.isbn = %s"


_NO_END = datetime.max.replace(tzinfo=UTC), 2**63 - 1


def _parse(cursor: str | None) -> tuple[datetime, int]:
    if cursor is None:
        return datetime.min.replace(tzinfo=UTC), 0
    try:
        stamp, number = cursor.split("/")
        at = datetime.fromisoformat(stamp)
        if at.tzinfo is None:
            raise ValueError("no offset")
        return at, int(number)
    except (ValueError, OverflowError):
        raise Permanent(
            f"{cursor[:60]!r} is no cursor of the queue's changes: reset the sensor that keeps it, "
            "which then goes through them from the beginning."
        ) from None


def _title(**row: Any) -> Title:
    row["known"] = _known(row)
    row["stock"] = row["known"].stock if row["known"] else None
    row["publication_date"] = _date(row["publication_date"])
    row["contributors"] = tuple(_contributors(row["contributors"]))
    row["restrictions"] = in_order(filter(None, row["restrictions"] or ()))
    row["bisac"] = tuple(one for one in _list(row["bisac"]) if isinstance(one, str))
    return Title(**{name: row[name] for name in _FIELDS})  # another program may have added columns


def _list(data: Any) -> list[Any]:
    return data if isinstance(data, list) else []


def _contributors(data: Any) -> Iterator[Contributor]:
    for one in _list(data):
        if isinstance(one, str):
            yield Contributor(one)
        elif isinstance(one, dict) and isinstance(one.get("name"), str):
            role = one.get("role")
            yield Contributor(one["name"], role if isinstance(role, str) else None)


def _change(id: int, isbn: str, observed_at: datetime, at: datetime, stock: Any, before: Any) -> StockChange:
    return StockChange(id, isbn, observed_at, at, _stock(stock, isbn), _stock(before, isbn))


def _move(isbn: str, title: str, before: Any, after: Any) -> StockMove:
    return StockMove(isbn, title, _stock(before, isbn), _stock(after, isbn))


def _known(row: Mapping[str, Any]) -> KnownStock | None:
    told = row["stock_json"], row["stock_gone"], row["stock_complete_at"], row["stock_observed_at"]
    return _unless_malformed(row["isbn"], lambda: from_queue(*told))


def _stock(data: Any, isbn: str) -> dict[str, DcStock] | None:
    return _unless_malformed(isbn, lambda: stock_rules.from_json(data) or None)


def _unless_malformed(isbn: str, read: Callable[[], T]) -> T | None:
    """What is read of a title's stock; unknown where another program wrote what is none, and never zero."""
    try:
        return read()
    except (ValueError, TypeError, AttributeError):
        log.warning("The stock_json of %s is none; its stock counts as never read.", isbn)
        return None


def _date(text: str | None) -> date | None:
    """A date as ISO writes it, be it with a time, or as earlier programs did: 02/03/2027, month first."""
    for read in (datetime.fromisoformat, lambda text: datetime.strptime(text, "%m/%d/%Y")):  # noqa: DTZ007
        try:
            return read(text.strip()).date() if text else None
        except ValueError:
            continue
    return None  # no day at all, such as "Spring 2027"
