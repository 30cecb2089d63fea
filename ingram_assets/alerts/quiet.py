"""What is told by night, and what waits for the morning. Pure.

In the quiet hours an alert is sent at once only if orders are at stake: when shoppers may be sold what is not
there, because stock is older than was promised, the store does not follow, pushes do not come through, or
nobody looks whether any of that is so. All else waits, and is one message at the end of the quiet hours. It
names first what is wrong still, then what ended meanwhile, a line each: somebody who reads "iPage blocks us"
there twice a week has something to mend, though nothing is to be done now.

The end of what somebody was woken for is told at once, too; that of what was told by day waits.
"""

from collections.abc import Sequence

from ingram_assets.alerts.messages import gathered
from ingram_assets.alerts.model import Alert, AlertRules, HeldAlert, Incident, WorkNames


def orders_at_stake(incident: Incident, names: WorkNames) -> bool:
    """Whether shoppers may be sold what is not there while it lasts."""
    kind, _, about = incident.key.partition(":")
    if kind == "sla":
        return about == names.sweep
    if kind in ("check", "silent") and about in (names.titles_check, names.store_check):
        return True
    concerned = {work.partition(" [")[0] for work in (*incident.works, incident.asset)}
    return not concerned.isdisjoint(names.push)


def sort_out(
    alerts: Sequence[Alert], held: Sequence[HeldAlert], now: float, rules: AlertRules
) -> tuple[list[Alert], list[HeldAlert]]:
    """What is sent now, and what waits from now on.

    Args:
        alerts: of this look; `held`: what waits since earlier ones. By day both are sent.
    """
    if rules.quiet is None or not rules.quiet.are_at(now, rules.zone):
        return [*([gathered(held, rules)] if held else []), *alerts], []
    at_once = [one for one in alerts if _cannot_wait(one, rules)]
    late = [_held(one, now) for one in alerts if one not in at_once]
    return at_once, [*held, *late]


def _cannot_wait(alert: Alert, rules: AlertRules) -> bool:
    incident, quiet = alert.incident, rules.quiet
    if incident is None or quiet is None or not orders_at_stake(incident, rules.names):
        return False
    return alert.tone == "failure" or quiet.are_at(incident.since, rules.zone)


def _held(alert: Alert, now: float) -> HeldAlert:
    incident = alert.incident
    return HeldAlert(incident.key if incident else "", incident.since if incident else now, now, alert)
