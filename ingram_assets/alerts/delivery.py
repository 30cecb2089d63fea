"""Brings alerts to each target through Apprise, and keeps what could not be delivered until it can.

Each target is on its own: one that is down is tried again after growing pauses, in order, and holds up none
of the others. What was sent is noted at once; if the process dies between the two, it arrives once more.

A target is called by its scheme and a digest of its address. The address itself, which holds its secrets, is
in no table, message or log.
"""

import hashlib
import logging
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from urllib.parse import unquote

from ingram_assets.alerts.model import Alert
from ingram_assets.alerts.tables import AlertTables, Pause, UndeliveredAlert

_FIRST_PAUSE = 15.0
_LONGEST_PAUSE = 1800.0
_SECONDS = 25.0

TEST = Alert("Ingram: this is a test", "Alerts of the bookstore's stock reach you here.", "info")


@dataclass(frozen=True, slots=True)
class AlertTarget:
    """Whom to tell. `name` may be shown, `url` never."""

    name: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """What became of an alert at a target; `reason` says why it did not take it."""

    target: str
    ok: bool
    reason: str | None = None


Send = Callable[[AlertTarget, Alert], DeliveryResult]


def targets_of(urls: Sequence[str]) -> list[AlertTarget]:
    """The targets of ALERT_URLS, each once.

    A piece without a scheme belongs to the options of the address before it, which may hold commas:
    `mailto://…?to=a@b,c@d`.
    """
    whole: list[str] = []
    for url in urls:
        if whole and "://" not in url and "?" in whole[-1]:
            whole[-1] += f",{url}"
        else:
            whole.append(url)
    return [AlertTarget(_name(url), url) for url in dict.fromkeys(whole)]


def _name(url: str) -> str:
    scheme = re.match(r"[a-zA-Z][a-zA-Z0-9+.-]{0,20}(?=://)", url)
    shown = scheme[0] if scheme else "unknown"
    return f"{shown}#{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def unknown_targets(urls: Sequence[str]) -> list[str]:
    """The names of targets whose addresses Apprise can do nothing with. Nothing is sent."""
    import apprise

    logging.getLogger("apprise").propagate = False  # It quotes addresses.
    return [one.name for one in targets_of(urls) if not apprise.Apprise().add(one.url)]


def deliver(
    tables: AlertTables,
    targets: Sequence[AlertTarget],
    now: float,
    send: Send | None = None,
    seconds: float = _SECONDS,
) -> list[DeliveryResult]:
    """Send what is due, all targets at the same time, each in the order of its alerts until it fails.

    Returns what became of each alert at each target that was tried.

    Args:
        seconds: none is waited for longer; one that has not answered by then has failed.
    """
    waiting, pauses = tables.waiting(), tables.pauses()
    down = {name for name, pause in pauses.items() if pause.until > now}
    queues = [
        (target, queue)
        for target in targets
        if target.name not in down and (queue := [one for one in waiting if one.target == target.name])
    ]
    answers = list(chain(*_at_the_same_time(queues, send or send_one, tables.sent, seconds)))
    for one in answers:
        if not one.ok:
            failures = pauses[one.target].failures + 1 if one.target in pauses else 1
            pause = min(_FIRST_PAUSE * 2 ** (failures - 1), _LONGEST_PAUSE)
            tables.pause(Pause(one.target, failures, now + pause, one.reason or "no reason given"))
    return answers


def send_test(urls: Sequence[str]) -> list[DeliveryResult]:
    """Send a test to each target, all at the same time; what became of it, in the order of the settings."""
    queues = [(target, [UndeliveredAlert(0, target.name, TEST)]) for target in targets_of(urls)]
    return [sent[0] for sent in _at_the_same_time(queues, send_one, lambda _: None, _SECONDS)]


def _at_the_same_time(
    queues: Sequence[tuple[AlertTarget, Sequence[UndeliveredAlert]]],
    send: Send,
    note: Callable[[UndeliveredAlert], None],
    seconds: float,
) -> list[list[DeliveryResult]]:
    """Work off each target's queue in a thread of its own, up to its first failure.

    A thread that is not done by the deadline is left behind; being a daemon it holds up neither the others
    nor the end of the process.
    """
    deadline = time.monotonic() + seconds

    def work(target: AlertTarget, queue: Sequence[UndeliveredAlert], answers: list[DeliveryResult]) -> None:
        for one in queue:
            if time.monotonic() >= deadline:
                break
            answer = send(target, one.alert)
            if answer.ok:
                note(one)
            answers.append(answer)
            if not answer.ok:
                break

    answers: list[list[DeliveryResult]] = [[] for _ in queues]
    threads = [
        threading.Thread(target=work, args=(*queue, sent), daemon=True)
        for queue, sent in zip(queues, answers, strict=True)
    ]
    for thread in threads:
        thread.start()
    outcome = []
    for thread, (target, _), sent in zip(threads, queues, answers, strict=True):
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive() or not sent:
            sent = [*sent, DeliveryResult(target.name, False, "it did not answer in time")]
        outcome.append(sent)
    return outcome


def send_one(target: AlertTarget, alert: Alert) -> DeliveryResult:
    """Send one alert to one target. Raises nothing; time limits are the target's plugin's, seconds each."""
    import apprise  # Of no use while there is nothing to tell.

    # These logs quote addresses, tokens and all. Apprise's result has its own lines again, to be cleaned.
    for chatty in ("apprise", "urllib3"):
        logging.getLogger(chatty).propagate = False
    # In this very thread, and with nothing kept on disk.
    asset = apprise.AppriseAsset(
        app_id="Ingram", app_desc="Ingram stock", async_mode=False, service_timeout=0, storage_mode="memory"
    )
    said = apprise.Apprise(asset=asset)
    try:
        if not said.add(target.url):
            return DeliveryResult(target.name, False, "ALERT_URLS: this is no address that Apprise knows")
        result = said.notify(
            title=alert.subject,
            body=alert.body,
            notify_type=alert.tone,
            body_format=apprise.NotifyFormat.TEXT,
        )
        if result:
            return DeliveryResult(target.name, True)
        reasons = [entry.message for entry in result.logs() if entry.level in ("WARNING", "ERROR")]
        return DeliveryResult(
            target.name, False, _cleaned(reasons[-1] if reasons else "it refused", target.url)
        )
    except Exception as error:
        return DeliveryResult(target.name, False, f"Apprise failed: {type(error).__name__}")


def _cleaned(reason: str, url: str) -> str:
    """The reason without any part of the address but its scheme."""
    after_scheme = url.partition("://")[2]
    parts = {
        part
        for text in (after_scheme, unquote(after_scheme))
        for part in (text, *re.split(r"[/:@?&=,;#\s]+", text), *re.split(r"\W+", text))
        if len(part) > 2
    }
    for part in sorted(parts, key=len, reverse=True):
        reason = re.sub(re.escape(part), "…", reason, flags=re.IGNORECASE)
    return " ".join(reason.split())[:200].rstrip(".")
