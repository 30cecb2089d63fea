"""Alerts arrive at real webhooks, whatever the others do."""

import json
import logging
import socket

import pytest

from ingram_assets.alerts.delivery import (
    GIVE_UP_AFTER,
    Outbox,
    Sent,
    Target,
    deliver,
    put,
    send_test,
    targets_of,
)
from ingram_assets.alerts.model import Alert
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


def kept(outbox: Outbox) -> Outbox:
    """The outbox after a restart: as its spelling has it."""
    again = Outbox.from_json(json.loads(json.dumps(outbox.to_json())))
    assert again == outbox
    return again


def test_a_webhook_gets_the_whole_alert(hook):
    targets = targets_of([hook.url])
    outbox, _ = put(Outbox(), [BROKEN, MET], targets, NOW)
    delivery = deliver(outbox, targets, NOW)
    assert (delivery.sent, delivery.failed, delivery.outbox) == (2, (), Outbox())
    assert [(one["title"], one["message"], one["type"]) for one in hook.received] == [
        ("SLA broken", BROKEN.body, "failure"),
        ("SLA met again", MET.body, "success"),
    ]


def test_a_target_that_is_down_gets_it_later_in_order_and_once(hook, other):
    targets = targets_of([hook.url, other.url])
    down, up = (target.name for target in targets)
    hook.down()
    outbox, _ = put(Outbox(), [BROKEN], targets, NOW)
    delivery = deliver(outbox, targets, NOW)
    assert other.subjects == ["SLA broken"], "it is not held up"
    assert delivery.sent == 1
    assert [one.target for one in delivery.failed] == [down]

    hook.up()
    outbox, _ = put(kept(delivery.outbox), [MET], targets, NOW + 5)
    delivery = deliver(outbox, targets, NOW + 5)
    assert other.subjects == ["SLA broken", "SLA met again"]
    assert hook.subjects == [], "its pause is not over"
    assert up not in delivery.outbox.down

    delivery = deliver(kept(delivery.outbox), targets, NOW + 15)
    assert hook.subjects == ["SLA broken", "SLA met again"]
    assert delivery.outbox == Outbox()
    assert deliver(delivery.outbox, targets, NOW + 30).sent == 0


def test_the_pauses_grow_and_end_with_giving_up(hook):
    hook.status = 503
    targets = targets_of([hook.url])
    outbox, _ = put(Outbox(), [BROKEN], targets, NOW)
    now, pauses, given_up = NOW, [], 0
    while outbox.waiting:
        delivery = deliver(outbox, targets, now)
        outbox, given_up = kept(delivery.outbox), given_up + delivery.given_up
        if outbox.down:
            until = next(iter(outbox.down.values())).until
            pauses.append(until - now)
            now = until
    assert pauses[:8] == [15, 30, 60, 120, 240, 480, 960, 1800]
    assert set(pauses[8:]) == {1800}
    assert given_up == 1
    assert NOW + GIVE_UP_AFTER < now < NOW + GIVE_UP_AFTER + 1801
    assert hook.refused == len(pauses)
    assert outbox == Outbox(), "it has a fresh start"


def test_one_that_never_answers_holds_up_nobody(hook):
    send_test([hook.url])  # Apprise has loaded its plugins.
    hook.received.clear()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        urls = [f"json://127.0.0.1:{silent.getsockname()[1]}/?rto=30", hook.url]
        targets = targets_of(urls)
        outbox, _ = put(Outbox(), [BROKEN, MET], targets, NOW)
        delivery = deliver(outbox, targets, NOW, seconds=10)
    assert hook.subjects == ["SLA broken", "SLA met again"]
    assert [one.reason for one in delivery.failed] == ["it did not answer in time"]
    assert len(delivery.outbox.waiting) == 2


def test_the_order_holds_where_a_target_takes_one_and_refuses_another(hook):
    targets = targets_of([hook.url])
    outbox, _ = put(Outbox(), [BROKEN, MET], targets, NOW)
    tried = []

    def send(target: Target, alert: Alert) -> Sent:
        tried.append(alert)
        return Sent(target.name, ok=alert is MET)

    delivery = deliver(outbox, targets, NOW, send)
    assert tried == [BROKEN], "nobody hears that it is over before hearing of it"
    assert delivery.outbox.waiting == outbox.waiting


def test_a_target_that_left_the_settings_drops_out(hook, other):
    hook.down()
    targets = targets_of([hook.url, other.url])
    outbox = deliver(put(Outbox(), [BROKEN], targets, NOW)[0], targets, NOW).outbox
    assert outbox.waiting
    assert put(outbox, [], targets_of([other.url]), NOW)[0] == Outbox()


def test_without_targets_nothing_waits():
    assert put(Outbox(), [BROKEN], [], NOW) == (Outbox(), 0)


def test_the_outbox_is_bounded_and_says_what_fell_out():
    targets = targets_of(["json://127.0.0.1:1/"])
    alerts = [Alert(f"alert {number}", "", "info") for number in range(70)]
    outbox, fell_out = put(Outbox(), alerts, targets, NOW)
    assert fell_out == 10
    assert [one.alert.subject for one in outbox.waiting][:1] == ["alert 10"], "the oldest fall out"
    assert len(json.dumps(outbox.to_json())) < 20_000


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


def test_no_secret_of_an_address_is_kept_said_or_logged(hook, log):
    hook.status = 401
    secret = hook.url.replace("json://", "json://owner:pa55word@").replace("alerts", "hooks/T0KENT0KEN")
    unreachable = "json://owner:pa55word@secrethost.invalid/T0KENT0KEN"
    refused = "slack://T0KENT0KEN/pa55word"
    targets = targets_of([secret, unreachable, refused])
    delivery = deliver(put(Outbox(), [BROKEN], targets, NOW)[0], targets, NOW)
    results = send_test([secret, unreachable, refused])
    assert [one.ok for one in results] == [False, False, False]
    assert "401" in (results[0].reason or "")
    assert "Connection error" in (results[1].reason or "")
    said = f"{targets} {delivery} {json.dumps(delivery.outbox.to_json())} {results} {log}"
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
