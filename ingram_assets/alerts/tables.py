"""What is wrong, and the alerts that still have to be sent, in tables: of PostgreSQL, or of a SQLite file.

A look is recorded whole, in one transaction: the incidents, the alerts that they make, and the events that it
saw. One that was recorded and is made again, because the process died before it could say how far it came,
sees none of those events a second time. An alert waits in a row for each target until that target took it.

The tables are made where they are missing, and not migrated by Alembic: Dagster's database has Dagster's own
Alembic version in it, and what is here lasts for days. `version` is for the day on which they change.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.engine import Connection

from ingram_assets.alerts.heartbeat import HeartbeatState
from ingram_assets.alerts.model import Alert, HeldAlert, IncidentLog, PastIncident
from ingram_assets.domain.failures import NeedsPerson

EVENTS_KEPT = 7200.0
"""Seconds for which it is remembered that an event was seen: longer than a first look goes back."""
PAST_KEPT = 400 * 86400.0
"""Seconds for which it is kept what was wrong once, for letters of earlier weeks."""
_VERSION = 1
_schema = sa.MetaData()

_watch = sa.Table(
    "ingram_alert_watch",
    _schema,
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("behind", sa.JSON(none_as_null=True)),
    sa.Column("digest_day", sa.Text, nullable=False),
    sa.Column("looked_at", sa.Double, nullable=False),
    sa.Column("looking_since", sa.Double, nullable=False),
)
_incidents = sa.Table(
    "ingram_alert_incidents",
    _schema,
    sa.Column("key", sa.Text, primary_key=True),
    *(sa.Column(name, sa.Text, nullable=False) for name in ("subject", "reason", "run_id", "asset")),
    *(sa.Column(name, sa.Double, nullable=False) for name in ("since", "last")),
    sa.Column("times", sa.Integer, nullable=False),
    sa.Column("told", sa.Boolean, nullable=False),
    sa.Column("tell_by", sa.Double),
    sa.Column("works", sa.JSON, nullable=False),
)
_low_stock = sa.Table(
    "ingram_alert_low_stock",
    _schema,
    sa.Column("isbn", sa.Text, primary_key=True),
    sa.Column("id", sa.BigInteger, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("before", "after")),
)
_events = sa.Table(
    "ingram_alert_events",
    _schema,
    sa.Column("type", sa.Text, primary_key=True),
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("seen_at", sa.Double, nullable=False),
)
_outbox = sa.Table(
    "ingram_alert_outbox",
    _schema,
    # SQLite numbers its rows by itself only where this is its own INTEGER.
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("target", sa.Text, nullable=False),
    *(sa.Column(name, sa.Text, nullable=False) for name in ("subject", "body", "tone")),
)
_held = sa.Table(
    "ingram_alert_held",
    _schema,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    *(sa.Column(name, sa.Text, nullable=False) for name in ("key", "subject", "body", "tone")),
    *(sa.Column(name, sa.Double, nullable=False) for name in ("since", "at")),
)
_past = sa.Table(
    "ingram_alert_past",
    _schema,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("subject", sa.Text, nullable=False),
    *(sa.Column(name, sa.Double, nullable=False) for name in ("since", "until")),
)
_letters = sa.Table(
    "ingram_alert_letters",
    _schema,
    sa.Column("week", sa.Text, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
)
_heartbeat = sa.Table(
    "ingram_alert_heartbeat",
    _schema,
    sa.Column("sweep", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("again_at", sa.Double),
)
_pauses = sa.Table(
    "ingram_alert_pauses",
    _schema,
    sa.Column("target", sa.Text, primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """One of Dagster's events. Ids grow within a type; between types of events they may be the same."""

    type: str
    id: int


@dataclass(frozen=True, slots=True)
class UndeliveredAlert:
    """An alert that a target, by name, has not got yet."""

    id: int
    target: str
    alert: Alert


@dataclass(frozen=True, slots=True)
class Pause:
    """A target that is down: how often it failed in a row, when it is tried again, and why."""

    target: str
    failures: int
    until: float
    reason: str


class AlertTables:
    """The tables at a URL of SQLAlchemy's; made if they are missing. Needs no closing: keeps no connection.

    Raises:
        NeedsPerson: a later version of this project has written there.
    """

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url, poolclass=sa.NullPool)
        _schema.create_all(self._engine)
        with self._engine.connect() as connection:
            version = connection.scalar(sa.select(sa.func.max(_watch.c.version)))
        if version is not None and version > _VERSION:
            raise NeedsPerson(
                f"The tables of alerts in Dagster's database are of a later version ({version}): bring this "
                "project up to date."
            )

    def log(self) -> IncidentLog:
        """What is remembered; an empty log before the first look."""
        with self._engine.connect() as connection:
            return _log(connection)

    def held(self) -> list[HeldAlert]:
        """What waits for others of its moment, or the end of the quiet hours; the oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(_held).order_by(_held.c.number))
            return [
                HeldAlert(row.key, row.since, row.at, Alert(row.subject, row.body, row.tone)) for row in rows
            ]

    def last_letter(self) -> str:
        """The name of the week whose letter was the last; empty: there was none yet."""
        with self._engine.connect() as connection:
            return connection.scalar(sa.select(sa.func.max(_letters.c.week))) or ""

    def past_kept_since(self) -> float | None:
        """Since when it is kept what was wrong once; `None`: for no time yet."""
        with self._engine.connect() as connection:
            at: float | None = connection.scalar(sa.select(sa.func.min(_letters.c.at)))
        return at

    def past(self, since: float, until: float) -> list[PastIncident]:
        """What was wrong between two moments and is over by now, the oldest first."""
        query = sa.select(_past).where(_past.c.since < until, _past.c.until >= since).order_by(_past.c.since)
        with self._engine.connect() as connection:
            return [PastIncident(row.subject, row.since, row.until) for row in connection.execute(query)]

    def heartbeat(self) -> HeartbeatState:
        """The sweep that was told last, or is still to be."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(_heartbeat)).mappings().one_or_none()
            return HeartbeatState() if row is None else HeartbeatState(**row)

    def beat(self, beat: HeartbeatState) -> None:
        """A sweep was told, or is to be told once more."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_heartbeat))
            _add(connection, _heartbeat, [asdict(beat)])

    def seen_after(self, places: Mapping[str, int]) -> set[SeenEvent]:
        """The events that looks have recorded, by type those with ids beyond a place; all without one."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(_events.c.type, _events.c.id))
            return {SeenEvent(*row) for row in rows if row.id > places.get(row.type, 0)}

    def record(
        self,
        log: IncidentLog,
        alerts: Sequence[Alert],
        targets: Collection[str],
        events: Iterable[SeenEvent] = (),
        places: Mapping[str, int] | None = None,
        held: Sequence[HeldAlert] | None = None,
        over: Iterable[PastIncident] = (),
        letter: str | None = None,
    ) -> None:
        """Record a look: what is remembered from now on, and an alert for each target.

        Targets that are gone from the settings drop out, with what was waiting for them.

        Args:
            events: those that were new to this look.
            places: by type the id up to which no later look reads.
            held: what waits from now on, all of it; `None`: as before.
            over: what people were told of and ended.
            letter: the name of the week whose letter is one of the alerts. No two looks tell of one week.
        """
        with self._engine.begin() as connection:
            _save(connection, log, [(target, alert) for alert in alerts for target in targets], events)
            if held is not None:
                connection.execute(sa.delete(_held))
                _add(connection, _held, [_held_row(number, one) for number, one in enumerate(held)])
            _add(connection, _past, map(asdict, over))
            connection.execute(sa.delete(_past).where(_past.c.until < log.looked_at - PAST_KEPT))
            if letter is not None:
                _add(connection, _letters, [{"week": letter, "at": log.looked_at}])
            for type_, place in (places or {}).items():
                done = (_events.c.type == type_) & (_events.c.id <= place)
                long_ago = _events.c.seen_at < log.looked_at - EVENTS_KEPT
                connection.execute(sa.delete(_events).where(done & long_ago))
            for table in (_outbox, _pauses):
                connection.execute(sa.delete(table).where(table.c.target.not_in(targets)))

    def take_over(
        self,
        log: IncidentLog,
        waiting: Iterable[tuple[str, Alert]],
        pauses: Iterable[Pause],
        events: Iterable[SeenEvent],
    ) -> None:
        """Begin with what was kept elsewhere until now, unless a look has been recorded already."""
        with self._engine.begin() as connection:
            if connection.scalar(sa.select(_watch.c.version)) is None:
                _save(connection, log, waiting, events)
                _add(connection, _pauses, map(asdict, pauses))

    def waiting(self) -> list[UndeliveredAlert]:
        """What has to be sent, the oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(_outbox).order_by(_outbox.c.id))
            return [
                UndeliveredAlert(row.id, row.target, Alert(row.subject, row.body, row.tone)) for row in rows
            ]

    def pauses(self) -> dict[str, Pause]:
        """The targets that are down, by name."""
        with self._engine.connect() as connection:
            return {row.target: Pause(**row._mapping) for row in connection.execute(sa.select(_pauses))}

    def sent(self, waiting: UndeliveredAlert) -> None:
        """A target took an alert: it is not down."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_outbox).where(_outbox.c.id == waiting.id))
            connection.execute(sa.delete(_pauses).where(_pauses.c.target == waiting.target))

    def pause(self, pause: Pause) -> None:
        """A target did not take an alert."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_pauses).where(_pauses.c.target == pause.target))
            _add(connection, _pauses, [asdict(pause)])


_LOG = TypeAdapter(IncidentLog)


def _log(connection: Connection) -> IncidentLog:
    watch = connection.execute(sa.select(_watch)).mappings().one_or_none()
    if watch is None:
        return IncidentLog()
    incidents = connection.execute(sa.select(_incidents).order_by("since", "key")).mappings()
    low = connection.execute(sa.select(_low_stock).order_by("id")).mappings()
    rows = {
        "incidents": {row["key"]: dict(row) for row in incidents},
        "low": {row["isbn"]: dict(row) for row in low},
    }
    return _LOG.validate_python({**watch, **rows})


def _save(
    connection: Connection,
    log: IncidentLog,
    waiting: Iterable[tuple[str, Alert]],
    events: Iterable[SeenEvent],
) -> None:
    before = _log(connection)
    _save_rows(connection, _incidents, before.incidents, log.incidents)
    _save_rows(connection, _low_stock, before.low, log.low)
    watch = {name: value for name, value in asdict(log).items() if name not in ("incidents", "low")}
    connection.execute(sa.delete(_watch))
    _add(connection, _watch, [{"version": _VERSION, **watch}])
    _add(connection, _outbox, [{"target": target, **_words(alert)} for target, alert in waiting])
    _add(connection, _events, [{"seen_at": log.looked_at, **asdict(event)} for event in events])


def _words(alert: Alert) -> dict[str, Any]:
    return {"subject": alert.subject, "body": alert.body, "tone": alert.tone}


def _held_row(number: int, held: HeldAlert) -> dict[str, Any]:
    return {
        "number": number,
        "key": held.key,
        "since": held.since,
        "at": held.at,
        **_words(held.alert),
    }


def _save_rows(
    connection: Connection, table: sa.Table, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """Bring the rows of a table, by its key, from what they were to what they are: the difference alone."""
    changed = [name for name, row in after.items() if before.get(name) != row]
    (key,) = table.primary_key.columns
    connection.execute(sa.delete(table).where(key.in_([*changed, *(before.keys() - after.keys())])))
    _add(connection, table, [asdict(after[name]) for name in changed])


def _add(connection: Connection, table: sa.Table, rows: Iterable[Mapping[str, Any]]) -> None:
    clean = [{name: _clean(value) for name, value in row.items()} for row in rows]
    if clean:
        connection.execute(sa.insert(table), clean)


def _clean(value: Any) -> Any:
    """Text without what PostgreSQL refuses in it: a page or an answer that is quoted may have that."""
    return value.replace("\0", "").encode(errors="replace").decode() if isinstance(value, str) else value
