"""Watches the promise: looks at Dagster's events, tells people what went wrong, and when it is over."""

import json
import time
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from ingram_assets.alerts import messages
from ingram_assets.alerts.delivery import Delivery, Outbox, deliver, put, targets_of
from ingram_assets.alerts.incidents import (
    SEARCH,
    SWEEP,
    WATCHDOGS,
    decide,
    open_incidents,
    wants_stale,
)
from ingram_assets.alerts.model import AlertRules, IncidentLog
from ingram_assets.defs.operations import event_reader
from ingram_assets.defs.operations.event_reader import Places
from ingram_assets.settings.loading import load
from ingram_assets.settings.operations import OperationsSettings
from ingram_assets.settings.shared import CommonSettings, PaceSettings

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Memory:
    """All that the watch remembers, kept as its cursor: a restart loses nothing, and repeats nothing."""

    places: Places = field(default_factory=Places)
    book: IncidentLog = field(default_factory=IncidentLog)
    outbox: Outbox = field(default_factory=Outbox)

    @classmethod
    def parse(cls, cursor: str | None) -> "Memory":
        """The memory that `dump` wrote; an empty one for no cursor, or one of another version."""
        values: dict[str, Any] = json.loads(cursor) if cursor else {}
        if values.get("version") != _VERSION:
            return cls()
        return cls(
            Places.from_json(values["places"]),
            IncidentLog.from_json(values["book"]),
            Outbox.from_json(values["outbox"]),
        )

    def dump(self) -> str:
        """The memory as a sensor's cursor."""
        return json.dumps(
            {
                "version": _VERSION,
                "places": self.places.to_json(),
                "book": self.book.to_json(),
                "outbox": self.outbox.to_json(),
            }
        )


@dg.sensor(
    minimum_interval_seconds=load(PaceSettings).SENSOR_INTERVAL,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Tells every target of ALERT_URLS when the SLA breaks, a run fails for good, a check fails, a "
        "guardrail or a block stops a run, the sign-in needs a person, a standing check is evaluated no "
        "more; once per incident, and once when it is over. Titles low on stock are told in one digest a "
        "day. Its ticks say what is wrong now."
    ),
)
def promise_watch(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Look at what happened since the last tick, decide, tell, remember."""
    settings, common, pace = load(OperationsSettings), load(CommonSettings), load(PaceSettings)
    instance, now = context.instance, time.time()
    rules = AlertRules(
        retry_after=tuple(float(wait) for wait in pace.SWEEP_RETRY_AFTER),
        sla={SWEEP: pace.STOCK_FAIL_AFTER, SEARCH: pace.SEARCH_FAIL_AFTER},
        zone=ZoneInfo(common.STORE_TIME_ZONE),
        ui=common.INGRAM_UI_URL.rstrip("/"),
        looks_every=float(pace.SENSOR_INTERVAL),
    )
    memory = Memory.parse(context.cursor)
    seen, places = event_reader.what_happened(instance, memory.places, now)
    promises = event_reader.promises(instance)
    stale = None
    if wants_stale(memory.book, promises):
        stale = event_reader.stale_titles(instance, rules.sla[SWEEP], now)
    watchdogs = event_reader.watchdogs(instance, WATCHDOGS)
    decision = decide(memory.book, seen, promises, stale, now, rules, watchdogs)

    targets = targets_of([url.get_secret_value() for url in settings.ALERT_URLS])
    outbox, fell_out = put(memory.outbox, decision.alerts, targets, now)
    delivery = deliver(outbox, targets, now)
    return dg.SensorResult(
        skip_reason=tick_words(decision.book, len(decision.alerts), len(targets), delivery, fell_out, rules),
        cursor=Memory(places, decision.book, delivery.outbox).dump(),
    )


def tick_words(
    book: IncidentLog, alerts: int, targets: int, delivery: Delivery, fell_out: int, rules: AlertRules
) -> str:
    """What a tick saw and did, for a person who reads the sensor's page."""
    incidents = open_incidents(book)
    words = [f"{len(incidents)} incident{'' if len(incidents) == 1 else 's'} open"]
    if incidents:
        words[0] += ": " + "; ".join(
            f"{one.subject} (since {messages.moment(one.since, rules)}, seen {one.times}×)"
            for one in incidents[:5]
        )
    if not targets:
        words.append(f"{alerts} to tell, but ALERT_URLS names nobody")
    elif delivery.sent:
        words.append(f"{delivery.sent} alert{'' if delivery.sent == 1 else 's'} sent")
    for name, pause in delivery.outbox.down.items():
        waiting = sum(1 for one in delivery.outbox.waiting if name in one.targets)
        words.append(
            f"{name} is down ({pause.reason}), {waiting} waiting, tried {pause.failures}×, again at "
            f"{messages.moment(pause.until, rules)}"
        )
    if delivery.given_up:
        words.append(f"{delivery.given_up} given up after a day")
    if fell_out:
        words.append(f"{fell_out} of the oldest dropped: too many were waiting")
    return ". ".join(words) + "."
