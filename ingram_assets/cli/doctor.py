"""`ingram doctor`: every outside system in turn, a line for each, as soon as it is known."""

import json
import sys
from collections import Counter
from collections.abc import Sequence

import click

from ingram_assets.cli.common import DONE, WRONG_USE
from ingram_assets.cli.terminal import one_line, say
from ingram_assets.doctor.examination import examination
from ingram_assets.doctor.model import Finding, Outcome
from ingram_assets.doctor.running import findings

_MARKS = {Outcome.FINE: "✔", Outcome.NOTE: "!", Outcome.MISSING: "✘", Outcome.NOT_TRIED: "–"}
_COLORS = {Outcome.FINE: "green", Outcome.NOTE: "yellow", Outcome.MISSING: "red"}


def show_examination(*, alerts: bool, as_json: bool) -> None:
    """Print what each check found; leaves with 2 if anything is missing."""
    found: list[Finding] = []
    with examination(sends_alerts=alerts, tell=_at_work) as checks:
        for one in findings(checks, lambda check: _at_work(check.name)):
            found.append(one)
            _print(one, as_json=as_json)
    code = WRONG_USE if any(one.outcome is Outcome.MISSING for one in found) else DONE
    if as_json:
        click.echo(json.dumps({"ok": code == DONE, "checks": [_as_json(one) for one in found]}))
    else:
        say(_summary(found), fg="red" if code else "green", bold=True)
    sys.exit(code)


def _at_work(what: str) -> None:
    """On a terminal, what is being looked at, until its line comes."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K… {what}", nl=False, err=True)


def _print(one: Finding, *, as_json: bool) -> None:
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)
    line = one_line(f"{_MARKS[one.outcome]} {one.name}: {one.words}")
    say(line, err=as_json, fg=_COLORS.get(one.outcome))
    for more in one.more:
        say(one_line(f"    {more}"), err=as_json)


def _summary(found: Sequence[Finding]) -> str:
    if missing := [one.name for one in found if one.outcome is Outcome.MISSING]:
        return f"To be mended: {', '.join(missing)}."
    often = Counter(one.outcome for one in found)
    rest = [
        f"{often[outcome]} {words}"
        for outcome, words in ((Outcome.NOTE, "to know of (!)"), (Outcome.NOT_TRIED, "not tried (–)"))
        if often[outcome]
    ]
    return f"Nothing is missing; {', '.join(rest)}." if rest else "All is there."


def _as_json(one: Finding) -> dict[str, object]:
    return {
        "system": one.system,
        "check": one.name,
        "outcome": one.outcome,
        "words": one.words,
        "more": [*one.more],
        "settings": [each._asdict() for each in one.settings],
    }
