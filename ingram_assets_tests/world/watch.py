"""The watch in the world: what runs and checks leave in Dagster, and what the product decides to tell of it.

In place of Dagster's events, of its freshness daemon and of the sensors that evaluate the standing checks
stand short models. What is an incident, when it is told and when it is over is decided by the product.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import dagster as dg

from ingram_assets.alerts.incidents import decide, wants_stale
from ingram_assets.alerts.model import (
    Alert,
    AlertRules,
    AssetFreshness,
    Failed,
    FreshnessState,
    IncidentLog,
    Occurrence,
    Succeeded,
    Watchdog,
)
from ingram_assets.defs.events import LOOKED_AT
from ingram_assets.defs.keys import INVENTORY_LEVELS, LIKELY_SELL_OUTS, STOCK
from ingram_assets.defs.operations import event_reader
from ingram_assets.defs.operations.watched import NAMES, WATCHDOGS, check_name
from ingram_assets.domain.lifetime import StaleReadings
from ingram_assets.runtime.dagster_internals import SerializableErrorInfo, StepFailureData, UserFailureData
from ingram_assets_tests.world.clock import HOUR, Clock

SWEEP, PUSH, BETWEEN_SWEEPS = NAMES.sweep, "push_titles", LIKELY_SELL_OUTS.to_user_string()
SLA = 2 * HOUR
RETRY_AFTER = (300.0, 900.0)
RULES = AlertRules(
    RETRY_AFTER,
    {SWEEP: SLA},
    ZoneInfo("America/Chicago"),
    "https://dagster.example",
    NAMES,
    looks_every=300.0,
)


@dataclass(frozen=True, slots=True)
class Told:
    """An alert, and when it was told."""

    at: float
    alert: Alert


@dataclass(slots=True)
class Watch:
    """The sensor `promise_watch`, with what it has not seen yet, and what it told.

    Attributes:
        unseen: of Dagster's events, in their order.
        away_until: until when the watch's own code server is away.
        checks_off: by the sensor of a standing check: until when it is switched off.
    """

    clock: Clock
    log: IncidentLog = field(default_factory=IncidentLog)
    unseen: list[Occurrence] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    away_until: float = 0.0
    checks_off: dict[str, float] = field(default_factory=dict)
    _evaluated: dict[str, float] = field(default_factory=dict)
    _freshness: FreshnessState = "PASS"
    _fresh_since: float = 0.0
    _unchecked: list[dg.AssetCheckEvaluation] = field(default_factory=list)
    _events: int = 0

    # What runs leave in Dagster.

    def came_through(self, work: str, run_id: str = "") -> None:
        """A run's step succeeded."""
        self._unchecked.clear()
        self.unseen.append(Succeeded(*self._head(run_id), work=work))

    def failed(self, work: str, failure: dg.Failure, run_id: str = "", *, retried: bool = True) -> None:
        """A run's step failed. `retried`: whoever started it starts it again by itself."""
        user = UserFailureData("intentional-failure", failure.description, failure.metadata)
        step = StepFailureData(SerializableErrorInfo(str(failure), [], "Failure"), user)
        head = self._head(run_id)
        self.unseen.append(event_reader.failed_step(head, work, step, self._unchecked, retried=retried))
        self._unchecked.clear()

    def died(self, work: str, run_id: str = "") -> None:
        """A run's process was killed."""
        self._unchecked.clear()
        reason = "The run's own process ended before its time."
        self.unseen.append(Failed(*self._head(run_id), work, "transient", reason, retried=True))

    def logged(self, event: object, run_id: str = "") -> None:
        """What a run logs: of it, evaluations of checks are seen."""
        if isinstance(event, dg.AssetCheckEvaluation):
            if not event.passed:
                self._unchecked.append(event)
            self.unseen.append(event_reader.checked(event, self._head(run_id)))

    def _head(self, run_id: str) -> event_reader.Head:
        self._events += 1
        return self._events, self.clock.now, run_id or f"run {self._events}"

    # What its ticks do.

    def tick(
        self, swept_at: float | None, stale: Callable[[], StaleReadings], behind: Callable[[], int]
    ) -> None:
        """Look, and evaluate the standing checks, which the next look sees.

        Args:
            swept_at: when the last complete sweep ended; `None`: there was none yet.
            stale: which titles were not read within the promise.
            behind: of how many titles the store is late.
        """
        if self.away_until <= self.clock.now:
            self._look(swept_at, stale)
        self._evaluate(STOCK, "within_the_promise", "stock_promise", lambda: stale().titles)
        self._evaluate(INVENTORY_LEVELS, "store_follows_queue", "store_promise", behind)

    def _look(self, swept_at: float | None, stale: Callable[[], StaleReadings]) -> None:
        now, promises = self.clock.now, self._promises(swept_at)
        found = stale() if wants_stale(self.log, promises, SWEEP) else None
        seen, self.unseen = self.unseen, []
        self.log, alerts = decide(self.log, seen, promises, found, now, RULES, self._watchdogs())
        self.told += [Told(now, alert) for alert in alerts]

    def _evaluate(self, asset: dg.AssetKey, name: str, sensor: str, wrong: Callable[[], int]) -> None:
        """What the sensor of a standing check does."""
        now = self.clock.now
        if self.checks_off.get(sensor, 0.0) > now:
            return
        count = wrong()
        found = dg.AssetCheckEvaluation(
            asset_key=asset,
            check_name=name,
            passed=not count,
            metadata={LOOKED_AT: dg.MetadataValue.timestamp(now)},
            description=f"{count} titles.",
        )
        self._evaluated[sensor] = now
        self.unseen.append(event_reader.checked(found, self._head("")))

    def _promises(self, swept_at: float | None) -> list[AssetFreshness]:
        """What Dagster's freshness daemon says of the sweep."""
        if swept_at is None:
            return []
        age = self.clock.now - swept_at
        state: FreshnessState = "FAIL" if age > SLA else "WARN" if age > HOUR else "PASS"
        if state != self._freshness:
            self._freshness, self._fresh_since = state, self.clock.now
        return [AssetFreshness(SWEEP, state, self._fresh_since, swept_at)]

    def _watchdogs(self) -> list[Watchdog]:
        return [
            Watchdog(
                check_name(check),
                sensor,
                self._evaluated.get(sensor),
                self.checks_off.get(sensor, 0.0) > self.clock.now,
            )
            for check, sensor in WATCHDOGS.items()
        ]
