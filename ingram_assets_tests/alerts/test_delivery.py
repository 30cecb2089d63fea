"""Alerts arrive at real webhooks, whatever the others do."""

import logging
import socket
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from ingram_assets.alerts.delivery import AlertTarget, DeliveryResult, deliver, send_test, targets_of
from ingram_assets.alerts.model import Alert, IncidentLog
from ingram_assets.alerts.tables import AlertTables
from ingram_assets.domain.failures import NeedsPerson
from ingram_assets_tests.testing.webhook import webhook

NOW = 1_800_000_000.0
BROKEN = Alert("SLA broken", "Since 14:00.\nhttp://dagster.example/runs/1", "failure")
MET = Alert("SLA met again", "After 20 min.", "success")


@pytest.fixture
def hook():
    with webhook() as running:
        yield running


@pytest.fixture
def other():
    with webhook() as running:
        yield running


class Kept:
    """The tables, opened anew for each use, as after a restart."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __call__(self) -> AlertTables:
        return AlertTables(f"sqlite:///{self.file}")

    def put(self, alerts: Sequence[Alert], targets: Sequence[AlertTarget]) -> AlertTables:
        """Lays alerts in for the targets, as a look does."""
        self().record(IncidentLog(), alerts, [target.name for target in targets])
        return self()

    def waiting(self) -> list[Alert]:
        return [one.alert for one in self().waiting()]

    def is_empty(self) -> bool:
        return not self().waiting() and not self().pauses()


@pytest.fixture
def kept(tmp_path) -> Kept:
    return Kept(tmp_path / "alerts.sqlite")


def test_a_webhook_gets_the_whole_alert(hook, kept):
    targets = targets_of([hook.url])
    delivery = deliver(kept.put([BROKEN, MET], targets), targets, NOW)
    assert [one.ok for one in delivery] == [True, True]
    assert kept.is_empty()
    assert [(one["title"], one["message"], one["type"]) for one in hook.received] == [
        ("SLA broken", BROKEN.body, "failure"),
        ("SLA met again", MET.body, "success"),
    ]


def test_a_target_that_is_down_gets_it_later_in_order_and_once(hook, other, kept):
    targets = targets_of([hook.url, other.url])
    down, up = (target.name for target in targets)
    hook.down()
    delivery = deliver(kept.put([BROKEN], targets), targets, NOW)
    assert other.subjects == ["SLA broken"], "it is not held up"
    assert {(one.target, one.ok) for one in delivery} == {(down, False), (up, True)}
    assert len(delivery) == 2

    hook.up()
    deliver(kept.put([MET], targets), targets, NOW + 5)
    assert other.subjects == ["SLA broken", "SLA met again"]
    assert hook.subjects == [], "its pause is not over"
    assert up not in kept().pauses()

    deliver(kept(), targets, NOW + 15)
    assert hook.subjects == ["SLA broken", "SLA met again"]
    assert kept.is_empty()
    assert deliver(kept(), targets, NOW + 30) == []


def test_the_pauses_grow_and_what_waits_is_kept_until_it_is_sent(hook, kept):
    hook.status = 503
    targets = targets_of([hook.url])
    kept.put([BROKEN, MET], targets)
    now, pauses = NOW, []
    for _ in range(20):
        deliver(kept(), targets, now)
        (pause,) = kept().pauses().values()
        pauses.append(pause.until - now)
        now = pause.until
    assert pauses[:8] == [15, 30, 60, 120, 240, 480, 960, 1800]
    assert set(pauses[8:]) == {1800}
    assert hook.refused == len(pauses)
    hook.status = 200
    deliver(kept(), targets, now + 7 * 86400)
    assert hook.subjects == ["SLA broken", "SLA met again"]
    assert kept.is_empty(), "it has a fresh start"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_process_that_dies_before_it_noted_what_it_sent_sends_that_alone_once_more(kept):
    targets = targets_of(["json://127.0.0.1:1/"])
    kept.put([BROKEN, MET], targets)
    tried = []

    def send(target: AlertTarget, alert: Alert) -> DeliveryResult:
        tried.append(alert)
        if tried == [BROKEN, MET]:
            raise SystemExit("killed after it was sent")
        return DeliveryResult(target.name, ok=True)

    deliver(kept(), targets, NOW, send)
    assert kept.waiting() == [MET]
    deliver(kept(), targets, NOW + 15, send)
    assert tried == [BROKEN, MET, MET]
    assert kept.is_empty()


def test_one_that_never_answers_holds_up_nobody(hook, kept):
    send_test([hook.url])  # Apprise has loaded its plugins.
    hook.received.clear()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        urls = [f"json://127.0.0.1:{silent.getsockname()[1]}/?rto=30", hook.url]
        targets = targets_of(urls)
        delivery = deliver(kept.put([BROKEN, MET], targets), targets, NOW, seconds=10)
    assert hook.subjects == ["SLA broken", "SLA met again"]
    assert [one.reason for one in delivery if not one.ok] == ["it did not answer in time"]
    assert kept.waiting() == [BROKEN, MET]


def test_the_order_holds_where_a_target_takes_one_and_refuses_another(hook, kept):
    targets = targets_of([hook.url])
    tried = []

    def send(target: AlertTarget, alert: Alert) -> DeliveryResult:
        tried.append(alert)
        return DeliveryResult(target.name, ok=alert is MET)

    deliver(kept.put([BROKEN, MET], targets), targets, NOW, send)
    assert tried == [BROKEN], "nobody hears that it is over before hearing of it"
    assert kept.waiting() == [BROKEN, MET]


def test_what_a_database_refuses_in_a_text_keeps_no_alert_back(hook, kept):
    targets = targets_of([hook.url])
    deliver(kept.put([Alert("A page\0", "It says \ud800 and \0.", "failure")], targets), targets, NOW)
    assert [(one["title"], one["message"]) for one in hook.received] == [("A page", "It says ? and .")]


def test_a_target_that_left_the_settings_drops_out(hook, other, kept):
    hook.down()
    targets = targets_of([hook.url, other.url])
    deliver(kept.put([BROKEN], targets), targets, NOW)
    assert kept.waiting()
    kept.put([], targets_of([other.url]))
    assert kept.is_empty()


def test_without_targets_nothing_waits(kept):
    kept.put([BROKEN], [])
    assert kept.is_empty()


def test_what_a_later_version_has_written_is_left_alone(kept):
    kept.put([BROKEN], targets_of(["json://127.0.0.1:1/"]))
    with sqlite3.connect(kept.file) as file:
        file.execute("UPDATE ingram_alert_watch SET version = version + 1")
    with pytest.raises(NeedsPerson, match="later version"):
        kept()


@pytest.fixture
def log():
    """All that reaches the process's log, at its most talkative. `caplog` overhears more than that."""
    lines: list[str] = []
    handler, root = logging.Handler(), logging.getLogger()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield lines
    root.removeHandler(handler)
    root.setLevel(level)


def test_no_secret_of_an_address_is_kept_said_or_logged(hook, log, kept):
    hook.status = 401
    secret = hook.url.replace("json://", "json://owner:pa55word@").replace("alerts", "hooks/T0KENT0KEN")
    unreachable = "json://owner:pa55word@secrethost.invalid/T0KENT0KEN"
    refused = "slack://T0KENT0KEN/pa55word"
    targets = targets_of([secret, unreachable, refused])
    delivery = deliver(kept.put([BROKEN], targets), targets, NOW)
    results = send_test([secret, unreachable, refused])
    assert [one.ok for one in results] == [False, False, False]
    assert "401" in (results[0].reason or "")
    assert "Connection error" in (results[1].reason or "")
    with sqlite3.connect(kept.file) as file:
        written = list(file.iterdump())
    said = f"{targets} {delivery} {written} {results} {log}"
    for part in ("pa55word", "T0KENT0KEN", "secrethost"):
        assert part.lower() not in said.lower()
    assert all(target.name.split("#")[0] in ("json", "slack") for target in targets)


def test_the_test_alert_goes_to_each(hook, other):
    other.down()
    results = send_test([hook.url, other.url, "nonsense"])
    assert [one.ok for one in results] == [True, False, False]
    assert [one.target.split("#")[0] for one in results] == ["json", "json", "unknown"]
    assert hook.subjects == ["Ingram: this is a test"]
    assert results[2].reason == "ALERT_URLS: this is no address that Apprise knows"
    assert send_test([]) == []


def test_an_address_may_hold_commas():
    pieces = ["mailto://u:p@mail.example.com?to=a@x.example", "b@x.example", "json://127.0.0.1:1/"]
    assert [target.url for target in targets_of(pieces)] == [
        "mailto://u:p@mail.example.com?to=a@x.example,b@x.example",
        "json://127.0.0.1:1/",
    ]
    assert len(targets_of(["json://127.0.0.1:1/"] * 2)) == 1, "each is told once"
