"""What is told by night, and what waits for the morning, as tables of cases."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ingram_assets.alerts import messages
from ingram_assets.alerts.model import Alert, AlertRules, HeldAlert, Incident, IncidentLog
from ingram_assets.alerts.quiet import orders_at_stake, sort_out
from ingram_assets.alerts.tables import AlertTables
from ingram_assets.defs.operations.watched import NAMES
from ingram_assets.domain.quiet_hours import QuietHours

ZONE = ZoneInfo("America/Chicago")
RULES = AlertRules((300.0,), {}, ZONE, "http://x", NAMES, quiet=QuietHours.parse("22:00-07:00"))


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp()


NIGHT, MORNING = at("2026-11-21T02:00"), at("2026-11-21T07:00")


def incident(key: str, **more) -> Incident:
    return Incident(key, f"About {key}", NIGHT, NIGHT, reason="Because.", **more)


@pytest.mark.parametrize(
    ("one", "at_stake"),
    [
        # Stock is older than promised, the store does not follow, or nobody looks.
        (incident("sla:ipage/stock_sweep"), True),
        (incident("check:ipage/stock: within_the_promise", asset="ipage/stock"), True),
        (incident("check:medusa/inventory_levels: store_follows_queue"), True),
        (incident("silent:medusa/inventory_levels: store_follows_queue"), True),
        (incident("silent:ipage/stock: within_the_promise"), True),
        # Pushes do not come through.
        (incident("run:push_titles", works=("push_titles",)), True),
        (
            incident("run:medusa/inventory_levels [9780306406157]", works=("medusa/inventory_levels [978]",)),
            True,
        ),
        (incident("guardrails:medusa/inventory_levels: x: mass_zero", asset="medusa/inventory_levels"), True),
        (incident("sign_in", works=("push_titles",)), True),
        # Reading fails: until stock is too old nobody is sold what is not there.
        (incident("block", works=("ipage/stock_sweep",)), False),
        (incident("sign_in", works=("ipage/stock_sweep",)), False),
        (incident("run:ipage/stock_sweep", works=("ipage/stock_sweep",)), False),
        (incident("guardrail:ipage/stock_sweep", works=("ipage/stock_sweep",)), False),
        (incident("fields:ipage/stock_sweep: fields_are_read: price", asset="ipage/stock_sweep"), False),
        (incident("sla:ipage/saved_search", asset="ipage/saved_search"), False),
        (incident("check:store/inventory: low_stock", asset="store/inventory"), False),
        (incident("run:r2/cover_sweep", works=("r2/cover_sweep",)), False),
    ],
)
def test_whether_orders_are_at_stake(one: Incident, at_stake: bool):
    assert orders_at_stake(one, NAMES) is at_stake


BLOCK, PUSH = incident("block"), incident("run:push_titles", works=("push_titles",))
DIGEST = Alert("Low stock: 3 titles since the last digest", "- Emma", "info")


def raised(one: Incident) -> Alert:
    return messages.raised(one, RULES)


def over(one: Incident, when: float) -> Alert:
    return messages.over(one, when, RULES)


class Nights:
    """Looks one after another, each over the tables as after a restart."""

    def __init__(self, file: Path) -> None:
        self.url = f"sqlite:///{file}"

    def look(self, when: float, *alerts: Alert, rules: AlertRules = RULES) -> list[Alert]:
        sent, held = sort_out(alerts, AlertTables(self.url).held(), when, rules)
        AlertTables(self.url).record(IncidentLog(), sent, ["somebody"], held=held)
        return sent

    @property
    def waiting(self) -> list[str]:
        """What a target is still to get."""
        return [one.alert.subject for one in AlertTables(self.url).waiting()]


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    return Nights(tmp_path / "alerts.sqlite")


def test_by_day_all_is_sent_at_once(nights: Nights):
    alerts = [raised(BLOCK), raised(PUSH), DIGEST]
    assert nights.look(at("2026-11-20T12:00"), *alerts) == alerts
    assert nights.look(NIGHT, *alerts, rules=replace(RULES, quiet=None)) == alerts


def test_by_night_orders_at_stake_are_told_with_their_end_and_all_else_waits(nights: Nights):
    assert nights.look(NIGHT, raised(BLOCK), raised(PUSH), DIGEST) == [raised(PUSH)]
    end = over(PUSH, NIGHT + 600)
    assert nights.look(NIGHT + 600, end) == [end], "who was woken may sleep again"
    assert nights.look(MORNING - 1) == []
    assert [one.tone for one in nights.look(MORNING)] == ["failure"]
    assert nights.look(MORNING + 10) == []


def test_the_end_of_what_was_told_by_day_wakes_nobody(nights: Nights):
    by_day = replace(PUSH, since=at("2026-11-20T20:00"))
    assert nights.look(NIGHT, over(by_day, NIGHT)) == []
    (sent,) = nights.look(MORNING)
    assert sent.subject == "Over: about run:push_titles"


def test_a_single_one_comes_as_it_is(nights: Nights):
    nights.look(NIGHT, raised(BLOCK))
    (sent,) = nights.look(MORNING)
    assert (sent.subject, sent.body) == (raised(BLOCK).subject, raised(BLOCK).body)


def test_the_morning_s_message_names_first_what_is_wrong_still(nights: Nights):
    covers, ended = incident("run:r2/cover_sweep"), incident("sign_in")
    nights.look(NIGHT, raised(ended), raised(BLOCK))
    nights.look(NIGHT + 600, over(ended, NIGHT + 600), raised(covers))
    nights.look(NIGHT + 660, over(covers, NIGHT + 660))
    nights.look(NIGHT + 720, raised(covers), DIGEST)
    other = raised(incident("sla:ipage/saved_search"))
    sent, by_day = nights.look(MORNING, other)
    assert by_day == other
    assert sent.subject == "In the quiet hours: 2 wrong, 2 over, low stock: 3 titles since the last digest"
    assert sent.tone == "failure"
    assert sent.body.splitlines() == [
        "- About block (since Nov 21, 02:00 CST)",
        "  Because.",
        "- About run:r2/cover_sweep (since Nov 21, 02:00 CST)",
        "  Because.",
        "Over by now:",
        "- Over: about sign_in (Nov 21, 02:00 CST to Nov 21, 02:10 CST)",
        "- Over: about run:r2/cover_sweep (Nov 21, 02:00 CST to Nov 21, 02:11 CST)",
        "Low stock: 3 titles since the last digest:",
        "- Emma",
    ]
    assert nights.waiting == [sent.subject, by_day.subject]


def test_what_began_and_ended_is_told_as_ended(nights: Nights):
    nights.look(NIGHT, raised(BLOCK))
    nights.look(NIGHT + 600, over(BLOCK, NIGHT + 600))
    (sent,) = nights.look(MORNING)
    assert (sent.subject, sent.tone) == ("In the quiet hours: 1 over", "success")
    assert sent.body.startswith("All of this is over by now:\n- Over: about block")


def test_a_long_night_is_a_short_message(nights: Nights):
    nights.look(NIGHT, *(raised(replace(incident(f"run:{n}"), reason="x" * 2000)) for n in range(100)))
    (sent,) = nights.look(MORNING)
    assert "- and 88 more: ingram status names what is wrong" in sent.body
    assert len(sent.body) < 5000


def test_hours_that_are_taken_back_release_what_waits(nights: Nights):
    nights.look(NIGHT, raised(BLOCK))
    (sent,) = nights.look(NIGHT + 60, rules=replace(RULES, quiet=None))
    assert sent.subject == raised(BLOCK).subject


def test_a_look_that_knows_nothing_of_quiet_hours_leaves_what_waits(nights: Nights):
    nights.look(NIGHT, raised(BLOCK))
    AlertTables(nights.url).record(IncidentLog(), [], ["somebody"])
    assert [one.key for one in AlertTables(nights.url).held()] == ["block"]
    assert AlertTables(nights.url).held() == [
        HeldAlert("block", NIGHT, NIGHT, replace(raised(BLOCK), incident=None))
    ]
