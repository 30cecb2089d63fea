"""What people are told, and when: one alert per incident, one when it is over, repeats counted and not sent.

When a failed run is an incident:

- a block, a guardrail, a sign-in or anything else that waits for a person: at its first failure. Trying
  again does not help, and the sooner somebody knows the better.
- a failure that may pass (a page that timed out, a worker that died) of something that is started again by
  itself: when the tries are used up (one more than `SWEEP_RETRY_AFTER` has waits), or when nothing has
  made it good within twice those waits. Success in between ends it, and nobody hears of it.
- a failure that may pass of a run that nobody starts again (by hand, weekly): at once.
- the stock sweep's failures that may pass are never told for themselves once there was a complete sweep: its
  freshness is watched, and what the shop promised is fresh stock, not runs that succeed. They are told as the
  reason in the one alert that the SLA is broken, so that one outage is one incident.

A check that stopped its run is one incident, the check's; the run is its consequence. What stops pushes is an
incident of its guardrail: another guardrail's stop is another one. It is over when no title waits behind it.

The standing check on each title's age says the same as the SLA while sweeps fail. It is an incident of its
own only when sweeps come through and still leave titles behind.

A standing check that is not evaluated says nothing, and what it looks after may be broken: that it is silent
is an incident, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ingram_assets.alerts import messages
from ingram_assets.alerts.model import (
    Alert,
    AlertRules,
    AssetFreshness,
    Checked,
    Failed,
    FailedPart,
    Incident,
    IncidentLog,
    LowStock,
    Occurrence,
    Succeeded,
    Watchdog,
)
from ingram_assets.domain.lifetime import StaleReadings

EVALUATED_WITHIN = 300.0
"""So far apart two evaluations of a standing check may be."""
DIGEST_HOUR = 8
"""The store's clock."""

_UNTOLD_FORGOTTEN_AFTER = 7 * 86400.0
_TOLD_FORGOTTEN_AFTER = 30 * 86400.0
_LOW_AT_MOST = 300
_AND = " & "
_FIELDS, _GUARDRAILS = "fields", "guardrails"


def decide(
    log: IncidentLog,
    seen: Sequence[Occurrence],
    promises: Sequence[AssetFreshness],
    stale: StaleReadings | None,
    now: float,
    rules: AlertRules,
    watchdogs: Sequence[Watchdog] = (),
) -> tuple[IncidentLog, list[Alert]]:
    """What to remember of what was seen since the last look, and what to tell.

    Args:
        seen: in any order; each once.
        promises: every asset whose freshness is watched, as it stands.
        stale: which titles are concerned, where `wants_stale` asked for it.
        watchdogs: every standing check, as it stands.
    """
    decision = _Decision(log, promises, now, rules)
    for one in sorted(seen, key=lambda one: one.id):
        match one:
            case Failed():
                decision.failed(one)
            case Succeeded():
                decision.succeeded(one)
            case Checked():
                decision.checked(one)
            case LowStock():
                decision.ran_low(one)
    for promise in promises:
        decision.kept_or_broken(promise, stale if promise.asset == rules.names.sweep else None)
    decision.left_behind()
    for watchdog in watchdogs:
        decision.silent_or_not(watchdog)
    decision.tell_overdue()
    decision.forget()
    decision.digest()
    return IncidentLog(
        decision.incidents, decision.behind, decision.low, decision.digest_day, now, decision.looking_since
    ), decision.alerts


def wants_stale(log: IncidentLog, promises: Sequence[AssetFreshness], sweep: str) -> bool:
    """Whether the next decision will tell which titles are stale: the stock's SLA has just broken."""
    return _sla_key(sweep) not in log.incidents and any(
        promise.asset == sweep and promise.state == "FAIL" for promise in promises
    )


def open_incidents(log: IncidentLog) -> list[Incident]:
    """What people know is wrong now, the oldest first."""
    return sorted((one for one in log.incidents.values() if one.told), key=lambda one: one.since)


def _sla_key(asset: str) -> str:
    return f"sla:{asset}"


def _parts_key(kind: str, check: str, names: Sequence[str]) -> str:
    return f"{kind}:{check}: {_AND.join(names)}"


def _lines(checked: Checked) -> list[str]:
    return [f"- {line}" for line in checked.titles]


def _sentences(parts: Sequence[FailedPart]) -> str:
    return " ".join(one.sentence for one in parts)


def _as_checked(failed: Failed, check: str) -> Checked:
    """The check that stopped a run, as far as the run's failure tells it."""
    asset, _, name = check.partition(": ")
    of_run = failed.id, failed.at, failed.run_id
    return Checked(*of_run, asset, name, False, failed.reason, blocking=True, guardrails=failed.guardrails)


class _Decision:
    """One look's decision, as it is made."""

    def __init__(
        self, log: IncidentLog, promises: Sequence[AssetFreshness], now: float, rules: AlertRules
    ) -> None:
        self.incidents = dict(log.incidents)
        self.behind = log.behind
        self.low = dict(log.low)
        self.digest_day = log.digest_day
        goes_on = 0 <= now - log.looked_at <= max(120.0, 3 * rules.looks_every)
        self.looking_since = log.looking_since if goes_on else now
        self.alerts: list[Alert] = []
        self._promises = {promise.asset: promise for promise in promises}
        self._now, self._rules, self._names = now, rules, rules.names

    def failed(self, failed: Failed) -> None:
        """Count it, and tell at once what will not pass by itself."""
        if failed.work == self._names.sweep:
            self._count(_sla_key(failed.work), failed.at, failed.run_id)
        if failed.check is not None:
            self.checked(_as_checked(failed, failed.check))
            return
        kind = "guardrail" if failed.kind == "guardrail" else "run"
        key = failed.kind if failed.kind in ("block", "sign_in") else f"{kind}:{failed.work}"
        may_pass = failed.kind == "transient"
        # Should the sweep go on failing, the SLA's own alert will tell of it.
        is_watched = failed.work == self._names.sweep and failed.work in self._promises
        incident = self._note(
            Incident(
                key,
                messages.failed_subject(failed, self._names),
                since=failed.at,
                last=failed.at,
                reason=failed.reason,
                run_id=failed.run_id,
                works=(failed.work,),
                tell_by=failed.at + 2 * sum(self._rules.retry_after) if may_pass and not is_watched else None,
            ),
        )
        has_tries_left = failed.retried and incident.times <= len(self._rules.retry_after)
        if not (may_pass and (is_watched or has_tries_left)):
            self._tell(key)

    def succeeded(self, succeeded: Succeeded) -> None:
        """End what failed before and came through now."""
        proves_site = succeeded.work in (self._names.sweep, self._names.search)
        for key, incident in list(self.incidents.items()):
            is_proof = succeeded.work in incident.works or (proves_site and key in ("block", "sign_in"))
            if is_proof and succeeded.at >= incident.last:
                self._over(key)

    def checked(self, checked: Checked) -> None:
        """A check that passes ends its incident; one that fails is one, but for the standing check."""
        on_titles = checked.check == self._names.titles_check
        if on_titles:
            self.behind = None if checked.passed else checked
        if checked.passed or checked.fields:
            self._fields_back(checked)
        self._guardrails_gone(checked)
        if checked.passed:
            self._over(f"check:{checked.check}")
        elif checked.guardrails:
            self._guardrails_stand(checked)
        elif checked.fields:
            self._fields_gone(checked)
        elif on_titles:
            self._count(_sla_key(self._names.sweep), checked.at, "")
            self._count(f"check:{checked.check}", checked.at, checked.run_id)
        else:
            self._check_failed(checked)

    def _check_failed(self, checked: Checked) -> None:
        key = f"check:{checked.check}"
        known = self.incidents.get(key)
        if known is not None and checked.run_id and known.run_id == checked.run_id:
            return  # The check, and the run it stopped, tell of the same thing.
        self._note(self._check_incident(checked))
        causes = self._causes_of_lag() if checked.check == self._names.store_check else []
        self._tell(key, [*_lines(checked), *messages.why(causes, self._rules)])

    def _guardrails_stand(self, checked: Checked) -> None:
        known = self._known_parts(_GUARDRAILS, checked)
        if any(self.incidents[key].run_id == checked.run_id for key in known if checked.run_id):
            return  # The check, and the run it stopped, tell of the same thing.
        if new := self._new_parts(known, checked, checked.guardrails):
            names = [one.name for one in new]
            reason = checked.reason if len(new) == len(checked.guardrails) else _sentences(new)
            subject = messages.guardrails_subject(checked, names, self._names)
            self._tell_parts(_GUARDRAILS, checked, names, subject, reason, _lines(checked))

    def _guardrails_gone(self, checked: Checked) -> None:
        """End the incidents of guardrails behind which no title waits any more."""
        standing = {one.name for one in checked.guardrails}
        for key, names in self._known_parts(_GUARDRAILS, checked).items():
            left = [name for name in names if name in standing]
            if not left:
                self._over(key)
            elif len(left) < len(names):
                # Those that are over are news if they stop something again.
                incident = self.incidents.pop(key)
                key = _parts_key(_GUARDRAILS, checked.check, left)
                self.incidents[key] = replace(incident, key=key)

    def _fields_gone(self, checked: Checked) -> None:
        known = self._known_parts(_FIELDS, checked)
        if new := self._new_parts(known, checked, checked.fields):
            names = [one.name for one in new]
            reason = "\n".join(one.sentence for one in new)
            subject = messages.fields_subject(names)
            self._tell_parts(_FIELDS, checked, names, subject, reason, [messages.FIELDS_OTHERS])

    def _fields_back(self, checked: Checked) -> None:
        """End the incidents of fields none of which is missing any more."""
        missing = {one.name for one in checked.fields}
        for key, names in self._known_parts(_FIELDS, checked).items():
            if missing.isdisjoint(names):
                self._over(key, [checked.reason] if checked.passed else [])

    def _known_parts(self, kind: str, checked: Checked) -> dict[str, list[str]]:
        """The incidents of a check on several things, each with the names of its own."""
        before = _parts_key(kind, checked.check, ())
        return {key: key[len(before) :].split(_AND) for key in self.incidents if key.startswith(before)}

    def _new_parts(
        self, known: Mapping[str, Sequence[str]], checked: Checked, parts: Sequence[FailedPart]
    ) -> list[FailedPart]:
        """Count what is known once more; what is not known yet.

        Parts that fail together are one incident; one that fails later is another.
        """
        for key in known:
            self._count(key, checked.at, checked.run_id)
        told = {name for names in known.values() for name in names}
        return [one for one in parts if one.name not in told]

    def _tell_parts(
        self,
        kind: str,
        checked: Checked,
        names: Sequence[str],
        subject: str,
        reason: str,
        lines: Sequence[str],
    ) -> None:
        key = _parts_key(kind, checked.check, names)
        self._note(replace(self._check_incident(checked), key=key, subject=subject, reason=reason))
        self._tell(key, lines)

    def _causes_of_lag(self) -> list[Incident]:
        """What is known to be wrong with the push, whether it was told or may still pass."""
        itself = [f"{of}:{self._names.store_check}" for of in ("check", "silent")]
        of_push = self._names.push
        return [
            one
            for key, one in self.incidents.items()
            if key not in itself and not of_push.isdisjoint((*one.works, one.asset))
        ]

    def _check_incident(self, checked: Checked) -> Incident:
        key, subject = f"check:{checked.check}", messages.checked_subject(checked, self._names)
        return Incident(key, subject, checked.at, checked.at, checked.reason, checked.run_id, checked.asset)

    def left_behind(self) -> None:
        """Tell of titles that are too old although the last sweep came through before they were looked at.

        While the sweep itself is late (`WARN`, `FAIL`) its own SLA is what counts. An evaluation from before
        the last sweep says nothing about now.
        """
        sweep, key = self._promises.get(self._names.sweep), f"check:{self._names.titles_check}"
        if self.behind is None or sweep is None or key in self.incidents:
            return
        if sweep.state == "PASS" and sweep.last is not None and self.behind.at > sweep.last:
            self._note(self._check_incident(self.behind))
            self._tell(key, _lines(self.behind))

    def silent_or_not(self, watchdog: Watchdog) -> None:
        """Tell that a standing check is evaluated no more, and that it is again.

        What was not at work with us, as while everything was stopped, is not counted. One that was never
        evaluated is silent only where somebody switched its sensor off: else it is about to be.
        """
        key, last = f"silent:{watchdog.check}", watchdog.evaluated_at
        if last is None and not watchdog.switched_off:
            return
        since = max(last or 0.0, self.looking_since)
        if self._now - since > 3 * max(EVALUATED_WITHIN, self._rules.looks_every):
            if key not in self.incidents:
                subject = messages.silent_subject(watchdog, self._names)
                reason = messages.silent_reason(watchdog, self._rules)
                asset = watchdog.check.partition(": ")[0]
                self._note(Incident(key, subject, since, self._now, reason, asset=asset))
            self._tell(key)
        elif last is not None and last >= self.looking_since:
            self._over(key)

    def ran_low(self, low: LowStock) -> None:
        """Keep it for the digest; a title that ran low twice is told once, from the first level on."""
        first = self.low.get(low.isbn)
        self.low[low.isbn] = replace(low, before=first.before) if first else low
        while len(self.low) > _LOW_AT_MOST:
            del self.low[next(iter(self.low))]

    def kept_or_broken(self, promise: AssetFreshness, stale: StaleReadings | None) -> None:
        """Tell that an SLA broke, and that it is met again."""
        key, asset = _sla_key(promise.asset), promise.asset
        incident = self.incidents.get(key)
        if promise.state == "FAIL" and incident is None:
            incident = Incident(
                key,
                messages.sla_subject(promise, stale, self._rules),
                since=promise.since,
                last=self._now,
                asset=self._names.stock if asset == self._names.sweep else asset,
                told=True,
            )
            self.incidents[key] = incident
            keys = ["block", "sign_in"] if asset in self._names.of_site else []
            keys += [f"guardrail:{asset}", f"run:{asset}"]
            keys += [key for key in self.incidents if key.startswith(f"check:{asset}:")]
            causes = [self.incidents[key] for key in keys if key in self.incidents]
            self.alerts.append(messages.sla_broken(incident, promise, stale, causes, self._rules))
        elif promise.state != "FAIL" and incident is not None:
            del self.incidents[key]
            self.alerts.append(messages.sla_met(incident, promise, self._now, self._rules))

    def tell_overdue(self) -> None:
        """Tell of failures that might have passed, and have not by now."""
        for key, incident in list(self.incidents.items()):
            if incident.tell_by is not None and self._now >= incident.tell_by:
                self._tell(key)

    def forget(self) -> None:
        """Drop runs' incidents without news for long: what failed once by hand may never run again."""
        for key, incident in list(self.incidents.items()):
            after = _TOLD_FORGOTTEN_AFTER if incident.told else _UNTOLD_FORGOTTEN_AFTER
            if (
                not key.startswith(("sla:", "check:", "fields:", "guardrails:", "silent:"))
                and self._now - incident.last > after
            ):
                del self.incidents[key]

    def digest(self) -> None:
        """Once a day, from `DIGEST_HOUR` on, tell which titles ran low since the last time."""
        local = datetime.fromtimestamp(self._now, UTC).astimezone(self._rules.zone)
        due = local.date() if local.hour >= DIGEST_HOUR else local.date() - timedelta(days=1)
        if self.digest_day == due.isoformat():
            return
        first_look, self.digest_day = not self.digest_day, due.isoformat()
        if self.low and not first_look:
            self.alerts.append(messages.digest(self.low.values(), self._rules))
            self.low.clear()

    def _note(self, new: Incident) -> Incident:
        """Open an incident, or count one more occurrence of it; an untold one takes the latest reason."""
        known = self.incidents.get(new.key)
        if known is None:
            noted = new
        elif known.told:
            noted = replace(
                known,
                times=known.times + 1,
                last=new.last,
                run_id=new.run_id,
                works=tuple(dict.fromkeys((*known.works, *new.works))),
            )
        else:
            noted = replace(new, since=known.since, times=known.times + 1, tell_by=known.tell_by)
        self.incidents[new.key] = noted
        return noted

    def _count(self, key: str, at: float, run_id: str) -> None:
        if (known := self.incidents.get(key)) is not None:
            self.incidents[key] = replace(
                known, times=known.times + 1, last=at, run_id=run_id or known.run_id
            )

    def _tell(self, key: str, more: Sequence[str] = ()) -> None:
        incident = self.incidents[key]
        if not incident.told:
            self.incidents[key] = replace(incident, told=True, tell_by=None)
            self.alerts.append(messages.raised(incident, self._rules, more))

    def _over(self, key: str, more: Sequence[str] = ()) -> None:
        incident = self.incidents.pop(key, None)
        if incident is not None and incident.told:
            self.alerts.append(messages.over(incident, self._now, self._rules, more))
