"""The storefront's own memory: writes with before and after, failed requests, and what is known by its id."""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, Self

import psycopg
from psycopg.rows import class_row

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.postgres import takes_writes
from ingram_assets.store.client import MedusaError
from ingram_assets.store.journal_connections import (
    CONNECT_SECONDS,
    RUN_AGAIN,
    journal_address,
    journal_failures,
)
from ingram_assets.store.journal_schema import ensure_tables
from ingram_assets.store.model import STATE_TAG
from ingram_assets.store.observe_mode import (
    LegacyTitle,
    ModeSetting,
    Outlook,
    PlanFigures,
    StoreMode,
    read_mode,
    read_outlook,
)
from ingram_assets.store.one_run import StoreHold, holding_store

Kind = Literal["location", "category", "product", "item", "level", "link", "variant", "tags"]
Outcome = Literal["pending", "written", "failed"]

What = Literal["location", "sales_channel", "returns_to", "category", "tag", "variant"]
"""What is known by its id: names are for people, who change them."""

BODY_CAP = 4_000
"""Characters of a refused request's answer that are kept."""

WRITES_LAND_WITHIN = timedelta(minutes=2)
"""A write that was sent and not answered has arrived by then, or never will."""


@dataclass(frozen=True, slots=True)
class Change:
    """One write to one thing of one title. `before` and `after` hold the fields that were written alone.

    `before` is `None` where the thing was made, `after` where it was removed. `entity` is Medusa's id.
    """

    kind: Kind
    isbn: str | None
    entity: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str


@dataclass(frozen=True, slots=True)
class Entry(Change):
    """A change as it stands in the journal. `outcome` "pending": the run broke off in the middle of it."""

    id: int
    run_id: str
    outcome: Outcome
    detail: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """A thing in the store that was made or used once, and is the same one whatever its name becomes.

    Attributes:
        called: what it is called with us: a setting, a category of the table, an ISBN.
        id: Medusa's.
        name: its name in the store when it was last seen.
    """

    called: str
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class InStep:
    """What the store was told of a title when it was last brought in step, or found in step.

    Attributes:
        row_id: the queue's row that it was told.
        stock_changed_at: that row's; `None` if the title was never read.
        valid_until: when it stops being true by itself; `None`: never.
        pushed_at: when it was; `None`: it is not known that the store is in step, and the next push will see.
        aged: the centers whose copies were too old to be sold.
        status, label: what shoppers were told; `None`: nothing of ours, or it is not known.
        undone_at: when an undo put back what was there before, and no push came since.
    """

    isbn: str
    row_id: int
    stock_changed_at: datetime | None
    valid_until: datetime | None
    pushed_at: datetime | None
    aged: tuple[str, ...] = ()
    status: str | None = None
    label: str | None = None
    undone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HeldTitle:
    """A title that waits behind a guardrail.

    Attributes:
        guardrail: its name; `reason`: what it said of the whole change when it stopped it last.
        run_id: of the push that it stopped last; `at`: when it stopped one first.
    """

    guardrail: str
    isbn: str
    reason: str
    run_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LastLevel:
    """The level that we wrote last, as (stocked, incoming), and when.

    More than one where a run broke off: it may have been written or not.
    """

    quantities: tuple[tuple[float, float], ...]
    at: datetime


class Writing:
    """Entries whose requests are under way: what is known of each by the end of the block is entered."""

    def __init__(self, ids: list[int]) -> None:
        self.ids = ids
        self.failures: dict[int, str] = {}
        self.entities: dict[int, str] = {}

    def made(self, position: int, entity: str) -> None:
        """The thing that the change at `position` made has this id."""
        self.entities[self.ids[position]] = entity

    def failed(self, position: int, reason: str) -> None:
        """The change at `position` was refused."""
        self.failures[self.ids[position]] = reason


class BlankJournal:
    """In place of a journal whose tables are not made yet, for who only looks: it knows nothing."""

    def known(self, what: What, called: Collection[str] | None = None) -> list[Known]:
        """As `Journal.known`."""
        return []

    def written(self, kind: Kind) -> list[Entry]:
        """As `Journal.written`."""
        return []


class Journal:
    """The journal database; use it as a context manager. Its tables are made at first use.

    A change is entered before it is sent, as "pending", and settled after: a run that is killed in
    between leaves a trace. Every method raises JournalLost when the database is gone, so that nothing is
    written to the store that the journal would not know of.

    Args:
        connect_seconds: so long the server may take to answer a new connection.

    Raises:
        NeedsPerson: the address is malformed, the database can't be reached, or its role may not use it.
    """

    def __init__(self, url: str, *, connect_seconds: int = CONNECT_SECONDS) -> None:
        self._url, self._connect_seconds = journal_address(url), connect_seconds
        self._db = self._connect()
        with journal_failures(RUN_AGAIN):
            ensure_tables(self._db, self._url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection."""
        self._db.close()

    def _connect(self) -> psycopg.Connection:
        try:
            return psycopg.connect(self._url, autocommit=True, connect_timeout=self._connect_seconds)
        # Also what is no operational one: the driver quotes an address that it can't read.
        except psycopg.Error as error:
            raise NeedsPerson(
                f"The journal database can't be reached ({type(error).__name__}). Is STOREFRONT_DB_URL "
                "right, and does the database run? Nothing was sent to the store."
            ) from None

    @contextmanager
    def alone(self, run_id: str, waiting: Callable[[str], None]) -> Iterator[StoreHold]:
        """Waits until no other run is at work on the store, and holds off others until the block ends.

        Args:
            run_id: by which others know who is at work.
            waiting: called with the id of each run that there is to wait for; "": it can't be told.
        """
        with closing(self._connect()) as connection, holding_store(connection, run_id, waiting) as hold:
            yield hold

    @contextmanager
    def writing(self, run_id: str, changes: Sequence[Change]) -> Iterator[Writing]:
        """Enters changes before the block sends them and settles them after it.

        A block that ends with a MedusaError had an answer, and what is not settled yet failed; where no
        answer came, or the run is killed, it is not known, and the entries stay "pending".
        """
        entry = Writing(self.begin(run_id, changes))
        try:
            yield entry
        except MedusaError as error:
            if error.status is not None:
                self.settle(entry.ids, dict.fromkeys(entry.ids, error.detail) | entry.failures)
            raise
        self.settle(entry.ids, entry.failures, entry.entities)

    def begin(self, run_id: str, changes: Sequence[Change]) -> list[int]:
        """Enters changes as pending; returns their ids, in order."""
        if not changes:
            return []
        rows = [asdict(each) | {"id": place, "run_id": run_id} for place, each in enumerate(changes)]
        # Ids of an INSERT … SELECT … ORDER BY rise with the order: that is how they are matched.
        entered = self._run(
            """
            WITH made AS (
                INSERT INTO store_change (run_id, isbn, kind, entity, before, after, reason)
                SELECT run_id, isbn, kind, entity, before, after, reason
                FROM jsonb_populate_recordset(NULL::store_change, %s::jsonb) ORDER BY id
                RETURNING id
            ) SELECT id FROM made ORDER BY id
            """,
            [_json(rows)],
        )
        return [row[0] for row in entered]

    def settle(
        self,
        ids: Iterable[int],
        failed: Mapping[int, str] | None = None,
        entities: Mapping[int, str] | None = None,
    ) -> None:
        """Marks entries written, or failed with Medusa's words.

        Args:
            failed: id to reason.
            entities: id to the id of the thing made, where it was not known before.
        """
        failed, entities = failed or {}, entities or {}
        rows = [
            {"id": each, "detail": failed.get(each), "entity": entities.get(each)}
            for each in dict.fromkeys(ids)
        ]
        if rows:
            self._run(
                """
                UPDATE store_change SET detail = row.detail,
                    entity = coalesce(row.entity, store_change.entity),
                    outcome = CASE WHEN row.detail IS NULL THEN 'written' ELSE 'failed' END
                FROM jsonb_populate_recordset(NULL::store_change, %s::jsonb) AS row
                WHERE store_change.id = row.id
                """,
                [_json(rows)],
            )

    def failed_request(self, run_id: str, failure: MedusaError) -> None:
        """Enters a request that failed, its answer's body cut at `BODY_CAP` characters."""
        body = failure.body.replace("\x00", "")[:BODY_CAP]
        self._run(
            "INSERT INTO store_failed_request (run_id, method, path, status, body)"
            " VALUES (%s, %s, %s, %s, %s)",
            [run_id, failure.method, failure.path[:BODY_CAP], failure.status, body],
        )

    def failed_requests(self, run_id: str) -> list[MedusaError]:
        """All requests of a run that failed, oldest first, as they were entered."""
        query = (
            "SELECT method, path, status, '', body FROM store_failed_request WHERE run_id = %s ORDER BY id"
        )
        return [MedusaError(*row) for row in self._run(query, [run_id])]

    def asked_for(self, run_id: str, by: str) -> None:
        """Enters the person who asked for a run. The first one stands."""
        self._run(
            "INSERT INTO store_run (run_id, asked_by) VALUES (%s, %s) ON CONFLICT DO NOTHING", [run_id, by]
        )

    def go_live(self, run_id: str, by: str) -> None:
        """Enters that a person has seen what would be done, and wants it done from now on."""
        self._run("INSERT INTO store_went_live (asked_by, run_id) VALUES (%s, %s)", [by, run_id])

    def takes_writes(self) -> bool:
        """Whether the database does: a standby, say, only lets look."""
        with journal_failures(RUN_AGAIN):
            return takes_writes(self._db)

    def mode(self, setting: ModeSetting) -> StoreMode:
        """Whether what is planned is written to the store. `setting`: MODE."""
        with journal_failures(RUN_AGAIN):
            return read_mode(self._db, setting)

    def outlook(self, mode: StoreMode) -> Outlook | None:
        """What a push would do, where nothing is written; `None`: the store is live."""
        with journal_failures(RUN_AGAIN):
            return read_outlook(self._db, mode)

    def record_plan(
        self,
        day: date,
        run_id: str,
        figures: PlanFigures,
        guardrail: str | None,
        legacy: Sequence[LegacyTitle],
    ) -> None:
        """Enters what a push of all titles would do, in place of what was planned that day before."""
        self._run(
            """
            INSERT INTO store_plan (day, run_id, figures, guardrail, legacy) VALUES (%s, %s, %s, %s, %s)
            ON CONFLICT (day) DO UPDATE SET at = clock_timestamp(), run_id = excluded.run_id,
                figures = excluded.figures, guardrail = excluded.guardrail, legacy = excluded.legacy
            """,
            [day, run_id, _json(asdict(figures)), guardrail, _json([asdict(one) for one in legacy])],
        )
        self._run("UPDATE store_plan SET legacy = NULL WHERE day < %s AND legacy IS NOT NULL", [day])

    def know(self, what: What, things: Iterable[Known]) -> None:
        """Remembers things by their ids; what was known under the same `called` is replaced."""
        rows = {each.called: asdict(each) for each in things}
        if rows:
            self._run(
                """
                INSERT INTO store_known (what, called, id, name)
                SELECT %s, called, id, name FROM jsonb_populate_recordset(NULL::store_known, %s::jsonb)
                ON CONFLICT (what, called)
                DO UPDATE SET id = excluded.id, name = excluded.name, at = clock_timestamp()
                """,
                [what, _json(list(rows.values()))],
            )

    def known(self, what: What, called: Sequence[str] | None = None) -> list[Known]:
        """What is known of a kind, or of it what is called so; the one learned last comes last."""
        names = None if called is None else list(called)
        query = """
            SELECT called, id, name FROM store_known
            WHERE what = %s AND (%s::text[] IS NULL OR called = ANY(%s::text[])) ORDER BY at, called
        """
        return [Known(*row) for row in self._run(query, [what, names, names])]

    def written(self, kind: Kind) -> list[Entry]:
        """All changes that arrived to a kind of thing that is no title's own, oldest first."""
        return self._entries("isbn IS NULL AND kind = %s AND outcome = 'written'", kind)

    def history(self, isbn: str) -> list[Entry]:
        """All changes to one title, oldest first."""
        return self._entries("isbn = %s", isbn)

    def changes(self, run_id: str) -> list[Entry]:
        """All changes of one run, oldest first."""
        return self._entries("run_id = %s", run_id)

    def price_moves(self, since: datetime, until: datetime) -> dict[str, tuple[float, float]] | None:
        """ISBN to its first and last price in the store, of titles whose price we wrote between two moments.

        `None`: the journal had not begun by then, and knows nothing of it. New products are left out, and
        prices that are back where they were.
        """
        begun = self._run("SELECT 1 FROM store_change WHERE at < %s LIMIT 1", [until])
        rows = self._run(
            """
            SELECT isbn, (array_agg(before -> 'price' ORDER BY id))[1] #>> '{}',
                (array_agg(after -> 'price' ORDER BY id DESC))[1] #>> '{}'
            FROM store_change
            WHERE kind = 'product' AND outcome = 'written' AND at >= %s AND at < %s
                AND before ? 'price' AND after ? 'price'
            GROUP BY isbn ORDER BY isbn
            """,
            [since, until],
        )
        moves = {isbn: (float(was), float(now)) for isbn, was, now in rows if isbn and was and now}
        return {isbn: move for isbn, move in moves.items() if move[0] != move[1]} if begun else None

    def runs_called(self, beginning: str) -> list[str]:
        """The ids of the runs that wrote to the store and begin like that."""
        query = "SELECT DISTINCT run_id FROM store_change WHERE starts_with(run_id, %s) ORDER BY run_id"
        return [row[0] for row in self._run(query, [beginning])]

    def made_items(self, isbns: Sequence[str]) -> dict[str, set[str]]:
        """ISBN to the ids of the inventory items that this project made for it.

        An item is made by itself, or by Medusa along with a product: then it is the one that the product's
        first level was made on.
        """
        rows = self._run(
            """
            SELECT made.isbn, level.entity FROM store_change AS made JOIN LATERAL (
                SELECT entity FROM store_change
                WHERE isbn = made.isbn AND kind = 'level' AND before IS NULL AND outcome <> 'failed'
                    AND id > made.id
                ORDER BY id LIMIT 1
            ) AS level ON level.entity IS NOT NULL
            WHERE made.isbn = ANY(%s) AND made.kind IN ('item', 'product')
                AND made.before IS NULL AND made.outcome <> 'failed'
            """,
            [list(isbns)],
        )
        found: dict[str, set[str]] = {}
        for isbn, item_id in rows:
            found.setdefault(isbn, set()).add(item_id)
        return found

    def switched_on_backorders(self, isbns: Sequence[str]) -> set[str]:
        """The ISBNs whose back-orders we switched on ourselves, and not off again since then."""
        rows = self._run(
            """
            SELECT wanted.isbn FROM unnest(%s::text[]) AS wanted (isbn), LATERAL (
                SELECT after -> 'allow_backorder' AS allowed FROM store_change
                WHERE isbn = wanted.isbn AND kind = 'variant' AND outcome <> 'failed'
                    AND after ? 'allow_backorder'
                ORDER BY id DESC LIMIT 1
            ) AS last WHERE last.allowed = 'true'
            """,
            [list(isbns)],
        )
        return {row[0] for row in rows}

    def state_tags(self, isbns: Sequence[str]) -> dict[str, frozenset[str]]:
        """ISBN to the tags that we have put to its product to say its state, and not taken off since then."""
        rows = self._run(
            """
            SELECT change.isbn, array_agg(DISTINCT tag.value)
            FROM unnest(%(isbns)s::text[]) AS wanted (isbn), LATERAL (
                SELECT coalesce(max(id), 0) AS id FROM store_change
                WHERE isbn = wanted.isbn AND kind = 'tags' AND outcome = 'written' AND NOT EXISTS (
                    SELECT FROM jsonb_array_elements_text(after -> 'tags') AS tag
                    WHERE starts_with(tag.value, %(beginning)s))
            ) AS without
            JOIN LATERAL (
                SELECT * FROM store_change WHERE isbn = wanted.isbn AND kind = 'tags'
                    AND outcome <> 'failed' AND id > without.id
            ) AS change ON true,
            jsonb_array_elements_text(change.after -> 'tags') AS tag
            WHERE starts_with(tag.value, %(beginning)s) GROUP BY change.isbn
            """,
            {"isbns": list(isbns), "beginning": STATE_TAG},
        )
        return {isbn: frozenset(tags) for isbn, tags in rows}

    def last_written(self, isbns: Sequence[str], kind: Kind) -> dict[str, dict[str, list[Any]]]:
        """ISBN to field to what we wrote last. A title that we never wrote is missing.

        This is what tells a person's edit from our own: a store's value that differs from it was changed
        by somebody else. There are several values where a run broke off: the field has one of them.
        """
        found: dict[str, dict[str, list[Any]]] = {}
        wanted = "outcome <> 'failed' AND isbn = ANY(%s) AND kind = %s"
        for entry in self._entries(wanted, list(isbns), kind):
            fields = found.setdefault(entry.isbn or "", {})
            for name, value in (entry.after or {}).items():
                if entry.outcome == "written":
                    fields[name] = [value]
                else:
                    fields.setdefault(name, [(entry.before or {}).get(name)]).append(value)
        return found

    def let_through(self, run_id: str, isbns: Collection[str] | None) -> None:
        """Remembers that a person has looked at what a run is about to write, and wants it written.

        Args:
            isbns: the titles that the run is for; `None`: all.
        """
        enter = "INSERT INTO store_let_through (run_id, isbns) VALUES (%s, %s) ON CONFLICT DO NOTHING"
        self._run(enter, [run_id, None if isbns is None else list(isbns)])

    def shown_before(self, within: timedelta) -> dict[str, list[dict[str, Any]]]:
        """ISBN to what we showed before our first write to levels and flags within that time, and since then.

        The first state has what each field was before; the others differ from it in one: the most copies of
        that time, and each status.

        Copies that somebody else had put there since are none that we showed. Of a title that a person let
        through, that and what was before it counts no more: the person saw it. Of others all of it does.
        """
        # Of an object's keys that are there twice the last value stands: that of the earliest write.
        rows = self._run(
            """
            WITH lately AS (
                SELECT * FROM store_change AS change
                WHERE change.at > clock_timestamp() - %s::interval
                    AND change.kind IN ('level', 'variant') AND change.outcome <> 'failed'
                    AND change.isbn IS NOT NULL AND change.before IS NOT NULL
                    AND NOT EXISTS (
                        SELECT FROM store_let_through AS looked_at
                        WHERE (looked_at.run_id = change.run_id OR change.at <= looked_at.at)
                            AND (looked_at.isbns IS NULL OR change.isbn = ANY (looked_at.isbns))
                    )
            ),
            stood AS (
                SELECT isbn, min(id) FILTER (WHERE kind = 'level') AS first_level,
                    jsonb_object_agg(field.key, field.value ORDER BY id DESC) AS fields
                FROM lately, jsonb_each(before) AS field GROUP BY isbn
            ),
            since AS (
                SELECT isbn, max((after -> 'stocked_quantity')::float) AS most,
                    coalesce(array_agg(DISTINCT after ->> 'metadata.availability')
                        FILTER (WHERE after ? 'metadata.availability'), '{}') AS statuses
                FROM lately GROUP BY isbn
            )
            SELECT stood.isbn, stood.fields, ours.copies, since.most, since.statuses
            FROM stood JOIN since USING (isbn) LEFT JOIN LATERAL (
                SELECT (after -> 'stocked_quantity')::float AS copies FROM store_change
                WHERE isbn = stood.isbn AND kind = 'level' AND outcome = 'written' AND id < stood.first_level
                ORDER BY id DESC LIMIT 1
            ) AS ours ON true
            """,
            [within],
        )
        return {
            isbn: _with_others(_no_more_copies_than(fields, ours), most, statuses)
            for isbn, fields, ours, most, statuses in rows
        }

    def last_levels(self, isbns: Sequence[str]) -> dict[str, LastLevel]:
        """ISBN to the level that we wrote last. A title without one is missing."""
        # From each title's last entry of which we are sure, on: what came before says nothing.
        rows = self._run(
            """
            SELECT change.isbn, change.outcome, change.before, change.after, change.at
            FROM unnest(%s::text[]) AS wanted (isbn), LATERAL (
                SELECT max(id) AS id FROM store_change
                WHERE isbn = wanted.isbn AND kind = 'level' AND outcome = 'written'
            ) AS sure JOIN LATERAL (
                SELECT * FROM store_change
                WHERE isbn = wanted.isbn AND kind = 'level' AND outcome <> 'failed'
                    AND id >= coalesce(sure.id, 0)
            ) AS change ON true
            ORDER BY change.id
            """,
            [list(isbns)],
        )
        found: dict[str, LastLevel] = {}
        for isbn, outcome, before, after, at in rows:
            values = [after] if outcome == "written" else [before, after]
            levels = tuple((each["stocked_quantity"], each["incoming_quantity"]) for each in values if each)
            if isbn in found:
                levels = found[isbn].quantities + levels
            if levels:
                found[isbn] = LastLevel(levels, at)
        return found

    def record_in_step(self, entries: Sequence[InStep]) -> None:
        """Enters what the store was told of these titles, in place of what it was told before."""
        rows = [asdict(each) | {"aged": ",".join(each.aged)} for each in entries]
        if rows:
            self._run(
                """
                INSERT INTO store_in_step
                SELECT * FROM jsonb_populate_recordset(NULL::store_in_step, %s::jsonb)
                ON CONFLICT (isbn) DO UPDATE SET row_id = excluded.row_id,
                    stock_changed_at = excluded.stock_changed_at, valid_until = excluded.valid_until,
                    pushed_at = excluded.pushed_at, aged = excluded.aged, status = excluded.status,
                    label = excluded.label, undone_at = excluded.undone_at
                """,
                [_json(rows)],
            )

    def in_step(self) -> dict[str, InStep]:
        """ISBN to what the store was last told of it; a title that was never brought in step is missing."""
        with journal_failures(RUN_AGAIN):
            return read_in_step(self._db)

    def still_valid(self, valid_until: Mapping[str, datetime | None]) -> None:
        """Moves on when what the store was told of these titles stops being true: they were read again."""
        if valid_until:
            self._run(
                """
                UPDATE store_in_step SET valid_until = given.until
                FROM unnest(%s::text[], %s::timestamptz[]) AS given (isbn, until)
                WHERE store_in_step.isbn = given.isbn
                """,
                [list(valid_until), list(valid_until.values())],
            )

    def restored(self, backed_up_at: datetime) -> None:
        """Enters that the store may have been told more than a journal knows that was restored from a backup.

        Each title is brought in step once it was read again, whether or not its count is the backup's. Until
        then the store is left with what it was told last, which is newer than anything known here: only what
        time takes off sale is. What was due when the backup was made is due still.

        Nobody is signed in at the desk any more, who may have signed out since.
        """
        self._run("DELETE FROM desk_session")
        self._run(
            """
            UPDATE store_in_step SET pushed_at = %(at)s, stock_changed_at = clock_timestamp()
            WHERE pushed_at IS NOT NULL AND (valid_until IS NULL OR valid_until > %(at)s)
            """,
            {"at": backed_up_at},
        )

    def hold_to_nothing(self, isbns: Sequence[str]) -> None:
        """Takes back that the store is in step with these titles: they are retired, or not in it any more.

        Whoever is tracked or sold again later is so from then on, and not since the push before that.
        """
        if isbns:
            self._run(
                "UPDATE store_in_step SET pushed_at = NULL, valid_until = NULL, stock_changed_at = now()"
                " WHERE isbn = ANY(%s)",
                [list(isbns)],
            )

    def doubt_late_writes(self) -> None:
        """Takes back that the store is in step with titles of which a write may have arrived after that.

        What a run sent before it died, or gave up waiting for, may still be on its way: behind a proxy, or in
        a Medusa that is busy. It may land after the push that came next, with an older reading. So such
        titles are looked at once more when it can't arrive any more. What an undo put back stays.
        """
        self._run(
            """
            UPDATE store_in_step SET pushed_at = NULL
            FROM store_change WHERE store_change.isbn = store_in_step.isbn AND outcome = 'pending'
                AND at < clock_timestamp() - %(within)s AND pushed_at < at + %(within)s
                AND undone_at IS NULL
            """,
            {"within": WRITES_LAND_WITHIN},
        )

    def held(self) -> list[HeldTitle]:
        """The titles that wait behind guardrails."""
        with journal_failures(RUN_AGAIN):
            return read_held(self._db)

    def hold(self, run_id: str, reasons: Mapping[str, str], isbns: Collection[str]) -> None:
        """Enters that these titles wait behind these guardrails, and behind no other.

        Args:
            reasons: guardrail to what it said.
        """
        names, of = list(reasons), list(isbns)
        self._run("DELETE FROM store_held WHERE isbn = ANY(%s) AND guardrail <> ALL(%s)", [of, names])
        self._run(
            """
            INSERT INTO store_held (guardrail, isbn, reason, run_id)
            SELECT given.guardrail, isbn, given.reason, %s
            FROM unnest(%s::text[], %s::text[]) AS given (guardrail, reason), unnest(%s::text[]) AS isbn
            ON CONFLICT (guardrail, isbn) DO UPDATE SET reason = excluded.reason, run_id = excluded.run_id
            """,
            [run_id, names, [reasons[name] for name in names], of],
        )

    def release(self, isbns: Collection[str], stay: Collection[str] = ()) -> None:
        """Takes back that these titles wait behind guardrails, but for those of `stay`."""
        release = "DELETE FROM store_held WHERE isbn = ANY(%s) AND guardrail <> ALL(%s)"
        self._run(release, [list(isbns), list(stay)])

    def put_back(self, isbns: Sequence[str]) -> None:
        """Enters that an undo puts back what the store had of these titles before."""
        if isbns:
            self._run("UPDATE store_in_step SET undone_at = now() WHERE isbn = ANY(%s)", [list(isbns)])

    def _run(self, statement: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        with journal_failures(RUN_AGAIN):
            result = self._db.execute(statement.encode(), values)
            return result.fetchall() if result.description else []

    def _entries(self, where: str, *values: Any) -> list[Entry]:
        query = f"SELECT * FROM store_change WHERE {where} ORDER BY id"
        with journal_failures(RUN_AGAIN), self._db.cursor(row_factory=class_row(Entry)) as cursor:
            return cursor.execute(query.encode(), values).fetchall()


def _with_others(
    first: dict[str, Any], most: float | None, statuses: Iterable[str | None]
) -> list[dict[str, Any]]:
    """A state, and those that differ from it in the most copies and in the status."""
    copies = [] if most is None else [first | {"stocked_quantity": most}]
    return [first, *copies, *(first | {"metadata.availability": one} for one in statuses if one)]


def read_in_step(connection: psycopg.Connection) -> dict[str, InStep]:
    """As `Journal.in_step`, on whatever connection. Raises psycopg.Error."""
    columns = "isbn, row_id, stock_changed_at, valid_until, pushed_at, aged, status, label, undone_at"
    query = f"SELECT {columns} FROM store_in_step"
    return {
        isbn: InStep(isbn, row_id, changed_at, until, pushed_at, tuple(filter(None, aged.split(","))), *told)
        for isbn, row_id, changed_at, until, pushed_at, aged, *told in connection.execute(query)
    }


def read_held(connection: psycopg.Connection) -> list[HeldTitle]:
    """As `Journal.held`, on whatever connection. Raises psycopg.Error."""
    query = "SELECT guardrail, isbn, reason, run_id, at FROM store_held ORDER BY at, guardrail, isbn"
    return [HeldTitle(*row) for row in connection.execute(query)]


def _no_more_copies_than(fields: dict[str, Any], ours: float | None) -> dict[str, Any]:
    stood = fields.get("stocked_quantity")
    return fields if ours is None or stood is None else fields | {"stocked_quantity": min(stood, ours)}


_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def _json(value: Any) -> str:
    # PostgreSQL's jsonb refuses the NUL character, and a title's text may have come with one.
    return _NUL.sub(r"\1", json.dumps(value, default=str))
