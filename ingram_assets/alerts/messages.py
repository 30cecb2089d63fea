"""What an alert says: what is wrong, why, what to do next, since when, how much of it, and where to look."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from ingram_assets.alerts import kinds
from ingram_assets.alerts.kinds import kind_of
from ingram_assets.alerts.model import (
    Alert,
    AlertRules,
    AssetFreshness,
    Checked,
    Failed,
    HeldAlert,
    Incident,
    LowStock,
    Watchdog,
    WorkNames,
)
from ingram_assets.domain.formatting import with_moments
from ingram_assets.domain.lifetime import StaleReadings

_REASON_LENGTH = 700
_DIGEST_LINES = 40
_GATHERED_AT_MOST = 12
_NAMES_LENGTH = 120
_TO_DO = "What to do: "


def _called(work: str, names: WorkNames) -> str:
    """What people call a step or an asset, the partition kept."""
    name, bracket, partition = work.partition(" [")
    return names.called.get(name, name) + bracket + partition


def failed_subject(failed: Failed, names: WorkNames) -> str:
    """What is wrong, when a run failed."""
    work = _called(failed.work, names)
    subjects = {
        "block": kinds.BLOCK.begins,
        "guardrail": f"{kinds.GUARDRAIL_PAGES.begins} {work}",
        "sign_in": kinds.SIGN_IN.begins,
        "needs_person": f"{kinds.PERSON.begins}: {work} can't go on",
    }
    return subjects.get(failed.kind, f"{kinds.RUN.begins}: {work}")


def checked_subject(checked: Checked, names: WorkNames) -> str:
    """What is wrong, when a check failed. A blocking one is a guardrail: it stopped something."""
    if checked.check == names.titles_check:
        return f"{kinds.LEFT_BEHIND.begins}: sweeps come through, but do not read them"
    if checked.check == names.store_check:
        return kinds.STORE_LAGS.begins
    if checked.blocking:
        return f"{kinds.GUARDRAIL_PAGES.begins} {_called(checked.asset, names)}"
    return f"{kinds.CHECK.begins}: {checked.asset}, {checked.name.replace('_', ' ')}"


_GUARDRAILS = {
    "mass_zero": "titles that turn to zero",
    "mass_digital": "titles that turn into files",
    "mass_unmanaged": "titles that sell without end",
    "mass_preorder": "titles that turn to preorder",
    "mass_backorder": "titles that turn to back-order",
    "mass_rising": "copies that rise",
    "mass_price": "prices",
    "too_many_unread": "pages that can't be read",
}


def guardrails_subject(checked: Checked, names: Sequence[str], called: WorkNames) -> str:
    """What is wrong, when guardrails stopped a push."""
    return f"{checked_subject(checked, called)}: {', '.join(_GUARDRAILS.get(name, name) for name in names)}"


FIELDS_OTHERS = "All else on the pages goes on being used. After a week this is taken as usual."


def fields_subject(names: Sequence[str]) -> str:
    """What is wrong, when fields are read on far fewer pages than usual."""
    return f"{kinds.FIELDS.begins}: {', '.join(names)} can't be read on many"


def silent_subject(watchdog: Watchdog, names: WorkNames) -> str:
    """What is wrong, when a standing check is evaluated no more."""
    looks = {
        names.store_check: "whether the store follows the queue",
        names.titles_check: "whether titles are read in time",
    }
    return f"{kinds.SILENT.begins} {looks.get(watchdog.check, watchdog.check)}"


def silent_reason(watchdog: Watchdog, rules: AlertRules) -> str:
    """Since when it is not, and why."""
    last = watchdog.evaluated_at
    evaluated = "was never evaluated" if last is None else f"was evaluated last at {moment(last, rules)}"
    is_off = "is switched off in Dagster" if watchdog.switched_off else "does not come through"
    return f"{watchdog.check} {evaluated}. Its sensor {watchdog.sensor} {is_off}."


def why(causes: Collection[Incident], rules: AlertRules) -> list[str]:
    """Why, as far as it is known: a line for each cause."""
    return [f"Why: {_cut(cause.reason)} {_run_link(cause.run_id, rules)}".rstrip() for cause in causes]


def raised(incident: Incident, rules: AlertRules, more: Sequence[str] = ()) -> Alert:
    """The one alert of an incident that was not there before."""
    seen = f"Seen {incident.times} times so far." if incident.times > 1 else ""
    # What to type is said once, at its own place.
    reason = incident.reason.partition(" The commands:")[0]
    step = _next_step(incident.subject, incident.run_id)
    lines = [_cut(reason), *more, step, f"Since {moment(incident.since, rules)}.", seen]
    return Alert(incident.subject, _body([*lines, *_links(incident, rules)], rules), "failure", incident)


def over(incident: Incident, now: float, rules: AlertRules, more: Sequence[str] = ()) -> Alert:
    """The one alert that an incident is over. `more`: lines on how it ended."""
    subject = incident.subject
    if not subject.startswith("iPage"):
        subject = subject[:1].lower() + subject[1:]
    return _ended(f"Over: {subject}", "From", incident, now, rules, more)


def sla_subject(promise: AssetFreshness, stale: StaleReadings | None, rules: AlertRules) -> str:
    """What is wrong, when an asset is older than was promised."""
    age = duration(rules.sla[promise.asset]) if promise.asset in rules.sla else None
    if stale is not None and not stale.titles:  # Titles were read one by one meanwhile, or not all at once.
        return f"{kinds.STOCK_TOO_OLD.begins} was not swept {f'for {age}' if age else 'in time'}"
    if stale is not None:
        older = f"older than {age}" if age else "too old"
        return f"{kinds.STOCK_TOO_OLD.begins} of {_titles(stale.titles)} is {older}"
    name = _called(promise.asset, rules.names)
    return f"{kinds.SLA_BROKEN.begins}: {name} has not come through {f'for {age}' if age else 'in time'}"


def sla_broken(
    incident: Incident,
    promise: AssetFreshness,
    stale: StaleReadings | None,
    causes: Collection[Incident],
    rules: AlertRules,
) -> Alert:
    """Which titles, since when, how many, why as far as it is known, and where to look."""
    last = "" if promise.last is None else f" The last complete one was at {moment(promise.last, rules)}."
    lines = [f"Since {moment(incident.since, rules)}.{last}"]
    if stale is not None:
        lines.append(f"{stale.titles:,} of {_titles(stale.tracked)} are concerned, the oldest reading first:")
        for one in stale.oldest:
            read = f"read {moment(one.read_at, rules)}" if one.read_at is not None else "never read"
            lines.append(f"- {one.isbn} {one.title or ''}".rstrip() + f", {read}")
        if stale.titles > len(stale.oldest):
            lines.append(f"- and {stale.titles - len(stale.oldest):,} more")
    lines += [*why(causes, rules), _next_step(incident.subject)]
    return Alert(incident.subject, _body([*lines, *_links(incident, rules)], rules), "failure", incident)


def sla_met(incident: Incident, promise: AssetFreshness, now: float, rules: AlertRules) -> Alert:
    """The promise is kept again."""
    subject = f"SLA met again: {_called(promise.asset, rules.names)} came through"
    return _ended(subject, "Broken from", incident, now, rules)


def _ended(
    subject: str,
    since: str,
    incident: Incident,
    now: float,
    rules: AlertRules,
    more: Sequence[str] = (),
) -> Alert:
    span = f"{moment(incident.since, rules)} to {moment(now, rules)}: {duration(now - incident.since)}"
    again, s = incident.times - 1, "" if incident.times == 2 else "s"
    repeats = f"{again} repeat{s} counted meanwhile, not sent." if again else ""
    return Alert(
        subject,
        _body([f"{since} {span}.", repeats, *map(_cut, more), *_links(incident, rules)], rules),
        "success",
        incident,
    )


def digest(low: Collection[LowStock], rules: AlertRules) -> Alert:
    """The day's titles that ran low, the lowest first."""
    ordered = sorted(low, key=lambda one: (one.after, one.title))
    lines = [f"- {one.title} ({one.isbn}): {one.before} → {one.after}" for one in ordered[:_DIGEST_LINES]]
    if len(ordered) > _DIGEST_LINES:
        lines.append(f"- and {len(ordered) - _DIGEST_LINES:,} more")
    subject = f"{kinds.LOW_STOCK.begins}: {_titles(len(ordered))} since the last digest"
    lines += [_next_step(subject), f"{rules.ui}/assets/{rules.names.levels}"]
    return Alert(subject, _body(lines, rules), "info")


def gathered(held: Sequence[HeldAlert], rules: AlertRules, *, by_night: bool) -> Alert:
    """What waited for each other, as one message; a single one as it is.

    Args:
        by_night: for the end of the quiet hours; else for the end of the moment in which all of it came.
    """
    if len(held) == 1:
        return held[0].alert
    last = {one.key: one for one in held if one.key}
    # What began again after its end is wrong still.
    wrong = [one for one in last.values() if one.alert.tone == "failure"]
    over = [one for one in held if one.alert.tone == "success"]
    other = [one.alert for one in held if one.alert.tone == "info"]
    lines = [line for one in wrong[:_GATHERED_AT_MOST] for line in _in_short(one, rules)] + _more(wrong)
    if over:
        lines.append("Over by now:" if wrong else "All of this is over by now:")
    lines += [
        f"- {one.alert.subject} ({moment(one.since, rules)} to {moment(one.at, rules)})"
        for one in over[:_GATHERED_AT_MOST]
    ]
    lines += _more(over)
    lines += [line for one in other for line in (f"{one.subject}:", one.body)]
    counts = [f"{len(wrong)} wrong" if wrong else "", f"{len(over)} over" if over else ""]
    counts += [one.subject[:1].lower() + one.subject[1:] for one in other]
    counted = ", ".join(filter(None, counts))
    names = _cut("; ".join(one.alert.subject for one in wrong or over), _NAMES_LENGTH)
    subject = f"In the quiet hours: {counted}" if by_night else f"{counted}{names and ': '}{names}"
    return Alert(subject, _body(lines, rules), "failure" if wrong else "success" if over else "info")


def _in_short(held: HeldAlert, rules: AlertRules) -> list[str]:
    """What is wrong, why, and its next step."""
    first, *rest = held.alert.body.splitlines() or [""]
    step = next((line for line in rest if line.startswith(_TO_DO)), "")
    since = moment(held.since, rules)
    return [f"- {held.alert.subject} (since {since})", f"  {_cut(first, 200)}", f"  {step}" if step else ""]


def _more(of: Sequence[HeldAlert]) -> list[str]:
    rest = len(of) - _GATHERED_AT_MOST
    return [f"- and {rest:,} more: ingram status names what is wrong"] if rest > 0 else []


def moment(at: float, rules: AlertRules) -> str:
    """A moment as the shop's clock shows it."""
    return datetime.fromtimestamp(at, UTC).astimezone(rules.zone).strftime("%b %d, %H:%M %Z")


def duration(seconds: float) -> str:
    """A length of time in its two largest units: 45 s, 2 h, 1 h 20 min, 3 d 4 h."""
    rest = max(0, round(seconds))
    parts = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def _titles(count: int) -> str:
    return f"{count:,} title{'' if count == 1 else 's'}"


def _cut(reason: str, length: int = _REASON_LENGTH) -> str:
    reason = reason.strip()
    return reason if len(reason) <= length else reason[: length - 1] + "…"


def _links(incident: Incident, rules: AlertRules) -> tuple[str, str]:
    asset = f"{rules.ui}/assets/{incident.asset}" if incident.asset else ""
    return _run_link(incident.run_id, rules), asset


def _next_step(subject: str, run_id: str = "") -> str:
    return f"{_TO_DO}{kind_of(subject).next_step.replace('{run}', run_id[:8])}"


def _run_link(run_id: str, rules: AlertRules) -> str:
    return f"{rules.ui}/runs/{run_id}" if run_id else ""


def _body(lines: Sequence[str], rules: AlertRules) -> str:
    """As one text, in which all times are by one clock: those of a check's or a run's own sentences too."""
    text = "\n".join(line for line in lines if line)
    return with_moments(text, lambda at: moment(at.timestamp(), rules))
