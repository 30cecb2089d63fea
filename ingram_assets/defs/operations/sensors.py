"""Watches the promise: looks at Dagster's events, tells people what went wrong, and when it is over."""

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg

from ingram_assets.alerts import messages
from ingram_assets.alerts.delivery import deliver, targets_of
from ingram_assets.alerts.heartbeat import GoodSweep, HeartbeatState, call, next_beat
from ingram_assets.alerts.incidents import decide, open_incidents, wants_stale
from ingram_assets.alerts.letter import due_week, waits_for_titles, weekly_letter
from ingram_assets.alerts.model import Alert, AlertRules, Incident, IncidentLog, PastIncident
from ingram_assets.alerts.quiet import sort_out
from ingram_assets.alerts.tables import AlertTables
from ingram_assets.defs.keys import BACKUP, STOCK_SWEEP
from ingram_assets.defs.operations import event_reader
from ingram_assets.defs.operations.watched import NAMES, WATCHDOGS
from ingram_assets.defs.operations.week_reader import told_title_week, watched_week
from ingram_assets.defs.reading_events import last_made, stale_readings
from ingram_assets.domain.backups import BACKUP_WITHIN
from ingram_assets.settings.base import secret
from ingram_assets.settings.loading import load
from ingram_assets.settings.operations import OperationsSettings
from ingram_assets.settings.shared import CommonSettings, PaceSettings

_STALE_NAMED = 10
TOGETHER_LOOKS = 3
"""For so many looks an alert waits for others of the same moment."""
logger = logging.getLogger(__name__)


@dg.sensor(
    minimum_interval_seconds=load(PaceSettings).SENSOR_INTERVAL,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Tells every target of ALERT_URLS when the SLA breaks, a run fails for good, a check fails, a "
        "guardrail or a block stops a run, the sign-in needs a person, a standing check is evaluated no "
        "more; once per incident, and once when it is over; what comes in one moment is one message. Titles "
        "low on stock are told in one digest a day. In QUIET_HOURS what can wait is gathered. After each "
        "good sweep HEARTBEAT_URL is asked for. Its ticks say what is wrong now."
    ),
)
def promise_watch(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Look at what happened since the last tick, decide, record it, tell; only then move the cursor."""
    settings, instance, now = load(OperationsSettings), context.instance, time.time()
    targets = targets_of([url.get_secret_value() for url in settings.ALERT_URLS])
    tables, rules = tables_of(instance), alert_rules(load(CommonSettings), load(PaceSettings))
    rules = replace(rules, quiet=settings.QUIET_HOURS)

    places = event_reader.places_of(context.cursor, tables)
    look = event_reader.look(instance, places, tables.seen_after, now)
    log, promises = tables.log(), event_reader.promises(instance)
    stale = None
    if wants_stale(log, promises, NAMES.sweep):
        stale = stale_readings(instance, rules.sla[NAMES.sweep], now, _STALE_NAMED)
    watchdogs = event_reader.watchdogs(instance, WATCHDOGS)
    log, alerts = decide(log, look.occurrences, promises, stale, now, rules, watchdogs)
    over = [PastIncident(one.subject, one.since, now) for one in _ended(alerts)]
    alerts, held = sort_out(alerts, tables.held(), now, rules)
    week, letters = _letter(instance, tables, log, now, rules)
    alerts, names = [*alerts, *letters], [target.name for target in targets]
    tables.record(log, alerts, names, look.events, look.places, held, over, week)
    sent = sum(one.ok for one in deliver(tables, targets, now))

    words = [_wrong(log, rules)]
    if not targets:
        words.append(f"{len(alerts)} to tell, but ALERT_URLS names nobody")
    if sent:
        words.append(f"{sent} alert{'' if sent == 1 else 's'} sent")
    if held:
        is_quiet = rules.quiet is not None and rules.quiet.are_at(now, rules.zone)
        until = "the end of QUIET_HOURS" if is_quiet else "others of the same moment"
        words.append(f"{len(held)} wait for {until}")
    words += _down(tables, rules)
    words += _heart(instance, tables, secret(settings.HEARTBEAT_URL), now, rules)
    return dg.SensorResult(skip_reason=". ".join(words) + ".", cursor=event_reader.cursor_of(look.places))


def _ended(alerts: Iterable[Alert]) -> Iterator[Incident]:
    return (one.incident for one in alerts if one.incident is not None and one.tone == "success")


def _letter(
    instance: dg.DagsterInstance, tables: AlertTables, log: IncidentLog, now: float, rules: AlertRules
) -> tuple[str | None, list[Alert]]:
    """The week whose letter is done with this look, and the letter: none for a watch that begins."""
    last = tables.last_letter()
    if (week := due_week(last, now, rules)) is None:
        return None, []
    if not last:
        return week.name, []
    titles = told_title_week(instance, week)
    if titles is None and waits_for_titles(week, now, log.looking_since):
        return None, []
    watched = watched_week(instance, tables, week, now, rules.sla[NAMES.sweep])
    return week.name, [weekly_letter(week, titles, watched, now, rules)]


def tables_of(instance: dg.DagsterInstance) -> AlertTables:
    """The tables in the database where Dagster has its own; beside it where that is a SQLite file."""
    postgres_url = getattr(instance.event_log_storage, "postgres_url", None)
    return _tables(postgres_url or f"sqlite:///{Path(instance.root_directory, 'alerts.sqlite')}")


@cache
def _tables(url: str) -> AlertTables:
    return AlertTables(url)


def _heart(
    instance: dg.DagsterInstance, tables: AlertTables, url: str | None, now: float, rules: AlertRules
) -> list[str]:
    """Tell the watcher elsewhere of the last good sweep, once; what came of that, if it is worth a word."""
    if url is None:
        return []
    made = last_made(instance, STOCK_SWEEP)
    last = GoodSweep(made.storage_id, made.timestamp) if made else None
    beat = next_beat(tables.heartbeat(), last, now, rules.sla[NAMES.sweep])
    if beat is None:
        return []
    tables.beat(beat)
    if (why_not := call(url)) is None:
        tables.beat(HeartbeatState(beat.sweep))
        return ["HEARTBEAT_URL was told of the last sweep"]
    logger.warning("HEARTBEAT_URL: %s, for the %d. time. It is tried again.", why_not, beat.failures)
    return [f"HEARTBEAT_URL: {why_not}, tried {beat.failures}×"]


def alert_rules(common: CommonSettings, pace: PaceSettings) -> AlertRules:
    """The shop's figures and names, without what is operations' own."""
    return AlertRules(
        retry_after=tuple(float(wait) for wait in pace.SWEEP_RETRY_AFTER),
        sla={
            NAMES.sweep: pace.STOCK_FAIL_AFTER,
            NAMES.search: pace.SEARCH_FAIL_AFTER,
            BACKUP.to_user_string(): BACKUP_WITHIN.total_seconds(),
        },
        zone=ZoneInfo(common.STORE_TIME_ZONE),
        ui=common.INGRAM_UI_URL.rstrip("/"),
        names=NAMES,
        looks_every=float(pace.SENSOR_INTERVAL),
        together=float(TOGETHER_LOOKS * pace.SENSOR_INTERVAL),
    )


def _wrong(log: IncidentLog, rules: AlertRules) -> str:
    """What is wrong now, for a person who reads the sensor's page."""
    incidents = open_incidents(log)
    shown = "; ".join(
        f"{one.subject} (since {messages.moment(one.since, rules)}, seen {one.times}×)"
        for one in incidents[:5]
    )
    words = f"{len(incidents)} incident{'' if len(incidents) == 1 else 's'} open"
    return f"{words}: {shown}" if shown else words


def _down(tables: AlertTables, rules: AlertRules) -> list[str]:
    """Which targets are down, and what waits for them."""
    waiting = [one.target for one in tables.waiting()]
    return [
        f"{name} is down ({pause.reason}), {waiting.count(name)} waiting, tried {pause.failures}×, again at "
        f"{messages.moment(pause.until, rules)}"
        for name, pause in tables.pauses().items()
    ]
