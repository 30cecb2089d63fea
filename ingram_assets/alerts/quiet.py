"""What is told at once, what waits for others of the same moment, and what for the morning. Pure.

By day an alert waits for a moment (`AlertRules.together`) for others: what breaks several things at once is
one message, with what to do next of each.

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
        alerts: of this look; `held`: what waits since earlier ones.
    """
    new = [_held(one, now) for one in alerts]
    of_night = [one for one in held if _is_quiet(one.at, rules)]
    of_day = [one for one in held if not _is_quiet(one.at, rules)]
    if _is_quiet(now, rules):
        urgent = [one for one in new if _cannot_wait(one.alert, rules)]
        late = [one for one in new if not _cannot_wait(one.alert, rules)]
        return _as_one([*of_day, *urgent], rules), [*of_night, *late]
    of_day += new
    morning = _as_one(of_night, rules, by_night=True)
    if of_day and 0 <= now - of_day[0].at < rules.together:
        return morning, of_day
    return [*morning, *_as_one(of_day, rules)], []


def _as_one(alerts: Sequence[HeldAlert], rules: AlertRules, *, by_night: bool = False) -> list[Alert]:
    return [gathered(alerts, rules, by_night=by_night)] if alerts else []


def _is_quiet(at: float, rules: AlertRules) -> bool:
    return rules.quiet is not None and rules.quiet.are_at(at, rules.zone)


def _cannot_wait(alert: Alert, rules: AlertRules) -> bool:
    incident = alert.incident
    if incident is None or not orders_at_stake(incident, rules.names):
        return False
    return alert.tone == "failure" or _is_quiet(incident.since, rules)


def _held(alert: Alert, now: float) -> HeldAlert:
    incident = alert.incident
    return HeldAlert(incident.key if incident else "", incident.since if incident else now, now, alert)
