"""What is told by night, and what waits for the morning, as tables of cases."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ingram_assets.alerts import messages
from ingram_assets.alerts.kinds import kind_of
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
        (incident("sla:shop/backup", asset="shop/backup"), False),
        (incident("check:store/inventory: low_stock", asset="store/inventory"), False),
        (incident("run:r2/cover_sweep", works=("r2/cover_sweep",)), False),
    ],
)
def test_whether_orders_are_at_stake(one: Incident, at_stake: bool):
    assert orders_at_stake(one, NAMES) is at_stake


STEP = kind_of("of no kind").next_step
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


def test_by_day_each_is_sent_at_once(nights: Nights):
    for number, one in enumerate((raised(BLOCK), raised(PUSH), DIGEST)):
        assert nights.look(at("2026-11-20T12:00") + number, one) == [one]
        assert nights.look(NIGHT + number, one, rules=replace(RULES, quiet=None)) == [one]


class TestOneMoment:
    """What breaks several things at once is one message."""

    NOON = at("2026-11-20T12:00")
    RULES = replace(RULES, together=30.0)

    def look(self, nights: Nights, after: float, *alerts: Alert) -> list[Alert]:
        return nights.look(self.NOON + after, *alerts, rules=self.RULES)

    def test_a_broken_site_sends_one_message_and_not_six(self, nights: Nights):
        works = ("a", "b", "c", "d")
        assert self.look(nights, 0, raised(BLOCK)) == []
        assert self.look(nights, 10, raised(PUSH), raised(incident("sign_in"))) == []
        assert self.look(nights, 20, *(raised(incident(f"run:{work}")) for work in works[:3])) == []
        (sent,) = self.look(nights, 30)
        assert sent.tone == "failure"
        assert sent.subject.startswith("6 wrong: About block; About run:push_titles; About sign_in; ")
        assert len(sent.subject) < 140
        lines = sent.body.splitlines()
        assert len(lines) == 3 * 6
        assert [line.count("What to do: ") for line in lines] == [0, 0, 1] * 6
        assert nights.waiting == [sent.subject]
        assert self.look(nights, 40) == []

    def test_one_alone_comes_as_it_is_when_the_moment_is_over(self, nights: Nights):
        assert self.look(nights, 0, raised(BLOCK)) == []
        (sent,) = self.look(nights, 31)
        assert (sent.subject, sent.body) == (raised(BLOCK).subject, raised(BLOCK).body)

    def test_what_ends_together_is_one_message_too(self, nights: Nights):
        self.look(nights, 0, over(BLOCK, self.NOON), over(PUSH, self.NOON))
        (sent,) = self.look(nights, 30)
        assert sent.subject == "2 over: Over: about block; Over: about run:push_titles"
        assert sent.tone == "success"

    def test_who_goes_to_bed_within_the_moment_is_told_all_the_same(self, nights: Nights):
        bedtime = at("2026-11-20T22:00")
        assert nights.look(bedtime - 5, raised(BLOCK), rules=self.RULES) == []
        (sent,) = nights.look(bedtime, rules=self.RULES)
        assert sent.subject == raised(BLOCK).subject

    def test_by_night_orders_at_stake_wait_for_nobody(self, nights: Nights):
        other = incident("check:medusa/inventory_levels: store_follows_queue")
        (sent,) = nights.look(NIGHT, raised(PUSH), raised(other), rules=self.RULES)
        assert sent.subject.startswith("2 wrong: ")

    def test_the_morning_s_message_waits_for_nobody(self, nights: Nights):
        nights.look(NIGHT, raised(BLOCK), rules=self.RULES)
        (sent,) = nights.look(MORNING, raised(PUSH), rules=self.RULES)
        assert sent.subject == raised(BLOCK).subject
        (sent,) = nights.look(MORNING + 30, rules=self.RULES)
        assert sent.subject == raised(PUSH).subject

    def test_a_clock_that_was_set_back_holds_nothing_up(self, nights: Nights):
        self.look(nights, 0, raised(BLOCK))
        (sent,) = self.look(nights, -3600)
        assert sent.subject == raised(BLOCK).subject


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
    assert (by_day.subject, by_day.body) == (other.subject, other.body)
    assert sent.subject == "In the quiet hours: 2 wrong, 2 over, low stock: 3 titles since the last digest"
    assert sent.tone == "failure"
    assert sent.body.splitlines() == [
        "- About block (since Nov 21, 02:00 CST)",
        "  Because.",
        f"  What to do: {STEP}",
        "- About run:r2/cover_sweep (since Nov 21, 02:00 CST)",
        "  Because.",
        f"  What to do: {STEP}",
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
