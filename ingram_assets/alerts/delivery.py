"""Brings alerts to each target through Apprise, and keeps what could not be delivered until it can.

Each target is on its own: one that is down is tried again after growing pauses, in order, and holds up none
of the others. An alert that a target did not take within a day is given up for it. What is waiting lies in an
`Outbox` that its owner keeps, so that a restart loses nothing; an alert may, if the process dies between
sending and keeping, arrive twice.

A target is called by its scheme and a digest of its address. The address itself, which holds its secrets, is
in no outbox, message or log.
"""

import hashlib
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import unquote

import apprise

from ingram_assets.alerts.model import Alert

GIVE_UP_AFTER = 86400.0
_FIRST_PAUSE = 15.0
_LONGEST_PAUSE = 1800.0
_AT_MOST = 60
_SECONDS = 25.0

TEST = Alert("Ingram: this is a test", "Alerts of the bookstore's stock reach you here.", "info")


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to tell. `name` may be shown, `url` never."""

    name: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of an alert at a target; `reason` says why it did not take it."""

    target: str
    ok: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """An alert that some targets, by name, have not got yet. `since` in seconds since 1970."""

    alert: Alert
    since: float
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pause:
    """A target that is down: how often it failed in a row, when it is tried again, and why."""

    failures: int
    until: float
    reason: str


@dataclass(frozen=True, slots=True)
class Outbox:
    """What is waiting, the oldest first, and the targets that are down."""

    waiting: tuple[Waiting, ...] = ()
    down: Mapping[str, Pause] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As JSON values; `from_json` reads them back."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Outbox":
        """The outbox that `to_json` wrote."""
        waiting = [
            replace(Waiting(**one), alert=Alert(**one["alert"]), targets=tuple(one["targets"]))
            for one in values["waiting"]
        ]
        return cls(
            tuple(waiting),
            {name: Pause(**pause) for name, pause in values["down"].items()},
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a round of deliveries did. `sent` and `given_up` count alerts per target."""

    outbox: Outbox
    sent: int = 0
    given_up: int = 0
    failed: tuple[Sent, ...] = ()


Send = Callable[[Target, Alert], Sent]


def targets_of(urls: Sequence[str]) -> list[Target]:
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
    return [Target(_name(url), url) for url in dict.fromkeys(whole)]


def _name(url: str) -> str:
    scheme = url.partition("://")[0] if "://" in url else ""
    shown = scheme if re.fullmatch(r"[a-zA-Z][a-zA-Z0-9+.-]{0,20}", scheme) else "unknown"
    return f"{shown}#{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def put(outbox: Outbox, alerts: Sequence[Alert], targets: Sequence[Target], now: float) -> tuple[Outbox, int]:
    """Lay alerts into the outbox for every target; the oldest fall out beyond a limit, and are counted.

    Targets that are gone from the settings drop out, with what was waiting for them.
    """
    names = tuple(target.name for target in targets)
    waiting = [_without(one, lambda name: name not in names) for one in outbox.waiting]
    if names:
        waiting += [Waiting(alert, now, names) for alert in alerts]
    waiting = [one for one in waiting if one.targets]
    down = {name: pause for name, pause in outbox.down.items() if name in names}
    return Outbox(tuple(waiting[-_AT_MOST:]), down), max(0, len(waiting) - _AT_MOST)


def deliver(
    outbox: Outbox,
    targets: Sequence[Target],
    now: float,
    send: Send | None = None,
    seconds: float = _SECONDS,
) -> Delivery:
    """Send what is due, all targets at the same time, each in the order of its alerts until it fails.

    Args:
        seconds: none is waited for longer; one that has not answered by then has failed.
    """
    send = send or send_one
    late = [one for one in outbox.waiting if now - one.since > GIVE_UP_AFTER]
    waiting = [one for one in outbox.waiting if one not in late]
    queues = {
        target.name: (target, [one for one in waiting if target.name in one.targets])
        for target in targets
        if target.name not in outbox.down or outbox.down[target.name].until <= now
    }
    results = _at_the_same_time(
        {name: queue for name, queue in queues.items() if queue[1]}, send, time.monotonic() + seconds
    )
    down = dict(outbox.down)
    failed: list[Sent] = []
    taken: set[tuple[str, int]] = set()
    for name, sent in results.items():
        taken |= {(name, id(queues[name][1][place])) for place, one in enumerate(sent) if one.ok}
        if sent and sent[-1].ok:
            down.pop(name, None)
        else:
            reason = sent[-1].reason if sent else None
            failures = (down[name].failures if name in down else 0) + 1
            pause = min(_FIRST_PAUSE * 2 ** (failures - 1), _LONGEST_PAUSE)
            down[name] = Pause(failures, now + pause, reason or "no reason given")
            failed.append(Sent(name, False, down[name].reason))
    left = [_without(one, lambda name, one=one: (name, id(one)) in taken) for one in waiting]  # type: ignore[misc]
    still = {name for one in left for name in one.targets}
    return Delivery(
        Outbox(
            tuple(one for one in left if one.targets),
            {name: pause for name, pause in down.items() if name in still},
        ),
        sent=len(taken),
        given_up=sum(len(one.targets) for one in late),
        failed=tuple(failed),
    )


def send_test(urls: Sequence[str]) -> list[Sent]:
    """Send a test to each target, all at the same time; what became of it, in the order of the settings."""
    targets = targets_of(urls)
    queues = {target.name: (target, [Waiting(TEST, 0.0, (target.name,))]) for target in targets}
    results = _at_the_same_time(queues, send_one, time.monotonic() + _SECONDS)
    return [results[target.name][0] for target in targets]


def _without(waiting: Waiting, gone: Callable[[str], bool]) -> Waiting:
    return replace(waiting, targets=tuple(name for name in waiting.targets if not gone(name)))


def _at_the_same_time(
    queues: Mapping[str, tuple[Target, Sequence[Waiting]]], send: Send, deadline: float
) -> dict[str, list[Sent]]:
    """Work off each target's queue in a thread of its own, up to its first failure.

    A thread that is not done by the deadline is left behind; being a daemon it holds up neither the others
    nor the end of the process.
    """
    results: dict[str, list[Sent]] = {name: [] for name in queues}

    def work(target: Target, queue: Sequence[Waiting], sent: list[Sent]) -> None:
        for one in queue:
            if time.monotonic() >= deadline:
                break
            sent.append(send(target, one.alert))
            if not sent[-1].ok:
                break

    threads = [
        threading.Thread(target=work, args=(target, queue, results[name]), daemon=True, name=f"alert {name}")
        for name, (target, queue) in queues.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    outcome = {}
    for thread, (name, sent) in zip(threads, results.items(), strict=True):
        outcome[name] = list(sent)
        if thread.is_alive():
            outcome[name].append(Sent(name, False, "it did not answer in time"))
    return outcome


def send_one(target: Target, alert: Alert) -> Sent:
    """Send one alert to one target. Raises nothing; time limits are the target's plugin's, seconds each."""
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
            return Sent(target.name, False, "ALERT_URLS: this is no address that Apprise knows")
        result = said.notify(
            title=alert.subject,
            body=alert.body,
            notify_type=alert.tone,
            body_format=apprise.NotifyFormat.TEXT,
        )
        if result:
            return Sent(target.name, True)
        reasons = [entry.message for entry in result.logs() if entry.level in ("WARNING", "ERROR")]
        return Sent(target.name, False, _cleaned(reasons[-1] if reasons else "it refused", target.url))
    except Exception as error:
        return Sent(target.name, False, f"Apprise failed: {type(error).__name__}")


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
