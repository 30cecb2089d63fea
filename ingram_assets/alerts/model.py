"""What the watch over the shop sees, remembers and says, as values: occurrences, incidents, alerts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from ingram_assets.domain.quiet_hours import QuietHours

Kind = Literal["transient", "permanent", "needs_person", "sign_in", "block", "guardrail"]
"""What a failure wants, as `FailureKind`; what was stopped was so by a block or a guardrail."""

Tone = Literal["failure", "success", "info"]
FreshnessState = Literal["PASS", "WARN", "FAIL"]


@dataclass(frozen=True, slots=True)
class Failed:
    """A step of a run failed, and the run with it.

    Args:
        id: the event's storage id: a later event has a larger one.
        at: seconds since 1970, as all times here.
        work: what did not get done: an asset ("ipage/stock_sweep"), an op, or "job …" where no step began.
        retried: whatever started the run starts it again by itself: a sensor, a condition, a retry policy.
        check: the check that failed in the same run and stopped it, as `Checked.check`.
        guardrails: as `Checked.guardrails`, of that check.
    """

    id: int
    at: float
    run_id: str
    work: str
    kind: Kind
    reason: str
    retried: bool = False
    check: str | None = None
    guardrails: tuple["FailedPart", ...] = ()


@dataclass(frozen=True, slots=True)
class Succeeded:
    """A step, or a whole job, came through."""

    id: int
    at: float
    run_id: str
    work: str


class FailedPart(NamedTuple):
    """What failed of a check on several things, each of which is told once; and a sentence that says so.

    A field of product pages that is read far less often than usual, or a guardrail behind which titles wait.
    """

    name: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Checked:
    """An asset check was evaluated.

    Attributes:
        at: when it looked.
        titles: some of those concerned, a line each.
        fields: those that are gone, where it is the check on pages' fields.
        guardrails: those behind which titles wait, where it is the check on pushes.
    """

    id: int
    at: float
    run_id: str
    asset: str
    name: str
    passed: bool
    reason: str = ""
    blocking: bool = False
    titles: tuple[str, ...] = ()
    fields: tuple[FailedPart, ...] = ()
    guardrails: tuple[FailedPart, ...] = ()

    @property
    def check(self) -> str:
        """The check's name, unlike that of any other asset's check."""
        return f"{self.asset}: {self.name}"


@dataclass(frozen=True, slots=True)
class LowStock:
    """A title's level crossed the threshold downwards. Levels in copies."""

    id: int
    isbn: str
    title: str
    before: int
    after: int


Occurrence = Failed | Succeeded | Checked | LowStock


@dataclass(frozen=True, slots=True)
class AssetFreshness:
    """An asset's freshness as it stands: since when, and when the asset was made last."""

    asset: str
    state: FreshnessState
    since: float
    last: float | None = None


@dataclass(frozen=True, slots=True)
class Watchdog:
    """A standing check, and the sensor that evaluates it.

    Args:
        check: as `Checked.check`.
        evaluated_at: when it was told last, whoever asked; `None`: never.
        switched_off: a person switched the sensor off in Dagster.
    """

    check: str
    sensor: str
    evaluated_at: float | None
    switched_off: bool


@dataclass(frozen=True, slots=True)
class Alert:
    """What people are told. The subject fits a phone's notification, the body a chat message.

    Args:
        incident: what it tells the beginning or the end of; `None`: neither, or it was read from a table.
    """

    subject: str
    body: str
    tone: Tone
    incident: "Incident | None" = None


@dataclass(frozen=True, slots=True)
class HeldAlert:
    """An alert that waits for others of the same moment, or for the end of the quiet hours.

    Args:
        key: of the incident that it tells of; empty: of none.
        since: when that began.
        at: when it would have been told.
    """

    key: str
    since: float
    at: float
    alert: Alert


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that is wrong until it is over.

    Args:
        key: what it is about: two occurrences with one key are one incident.
        subject: what is wrong, in a few words.
        times: how often it was seen; all but the first are repeats, which are counted and not sent.
        told: people know; else it is looked at until `tell_by`.
        works: whose success ends it.
    """

    key: str
    subject: str
    since: float
    last: float
    reason: str = ""
    run_id: str = ""
    asset: str = ""
    times: int = 1
    told: bool = False
    tell_by: float | None = None
    works: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PastIncident:
    """What people were told of: what was wrong, since when, and until when; `None`: it is not over."""

    subject: str
    since: float
    until: float | None = None


@dataclass(frozen=True, slots=True)
class IncidentLog:
    """What is remembered from one look to the next.

    Args:
        incidents: those that are not over, by key.
        behind: the last evaluation of the standing check on each title's age, if it failed.
        low: titles for the next digest of low stock, by ISBN.
        digest_day: the last day whose digest is done, as YYYY-MM-DD in the store's zone.
        looked_at: the last look.
        looking_since: since when looks have followed each other; before that nothing was at work.
    """

    incidents: Mapping[str, Incident] = field(default_factory=dict)
    behind: Checked | None = None
    low: Mapping[str, LowStock] = field(default_factory=dict)
    digest_day: str = ""
    looked_at: float = 0.0
    looking_since: float = 0.0


@dataclass(frozen=True, slots=True)
class WorkNames:
    """What alerts have to know by name: assets, ops and checks, as Dagster shows them.

    Args:
        sweep: the asset whose freshness is that of the stock.
        search: the asset of the saved search. Like the sweep it can't succeed while iPage lets nobody in.
        stock: the asset whose page shows each title's stock.
        levels: the asset whose page shows each title's level in the store.
        of_site: the assets that iPage keeps from being made while it lets nobody in.
        push: the ops and assets that bring levels to the store.
        titles_check: the standing check on each title's age, as `Checked.check`.
        store_check: the standing check on whether the store follows.
        called: what people call an op or asset; any other goes by its own name.
    """

    sweep: str
    search: str
    stock: str
    levels: str
    of_site: frozenset[str]
    push: frozenset[str]
    titles_check: str
    store_check: str
    called: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AlertRules:
    """The shop's own figures and names.

    Args:
        retry_after: seconds from a failure to each further try.
        sla: how old (seconds) an asset may be, by asset; others are called overdue without a figure.
        ui: where people open Dagster.
        looks_every: seconds from one tick of a sensor to the next.
        quiet: when nobody is told what can wait; `None`: never.
        together: seconds for which an alert waits for others, to be told with them.
    """

    retry_after: tuple[float, ...]
    sla: Mapping[str, float]
    zone: ZoneInfo
    ui: str
    names: WorkNames
    looks_every: float = 10.0
    quiet: QuietHours | None = None
    together: float = 0.0
