"""What the shop's processes were started with, of the settings by which its promise is judged.

They go by those until their end, and a command reads the settings as they are when it is typed. Where these
are other ones by then, what the command says of the shop has to go by those that run.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.runtime.instance import dagster_home, running_ports
from ingram_assets.runtime.started_by import StartedBy, started_by
from ingram_assets.settings.base import Settings, SettingsError
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.whole_files import write_whole

STARTED_FILE = "started-with.json"
_OF_THE_PROMISE: dict[str, type[Settings]] = {
    "MODE": StorefrontSettings,
    "STOCK_FAIL_AFTER": PaceSettings,
    "STORE_LAG_MAX": PaceSettings,
}
"""No secret among them: they are written down."""


@dataclass(frozen=True, slots=True)
class InEffect:
    """The storefront's environment as the processes go by it; as it was typed, where none is at work.

    Attributes:
        started_by: how the processes are started.
        changed: settings that are other ones by now: what each was, and what it is.
    """

    environment: Mapping[str, str]
    started_by: StartedBy
    changed: Mapping[str, tuple[Any, Any]]

    @property
    def sentence(self) -> str | None:
        """What is not heeded yet, and what to do; `None`: nothing."""
        if not self.changed:
            return None
        told = ", ".join(
            f"{name} was {_said(was)} then, and is {_said(now)} by now"
            for name, (was, now) in self.changed.items()
        )
        before = f"The shop's processes go by the settings that they were started with: {told}."
        return f"{before} {self.started_by.anew}"


def note_settings(home: Path, environment: Mapping[str, str]) -> None:
    """Write down what the storefront's processes are started with, beside Dagster's files."""
    given = {name: environment[name] for name in _OF_THE_PROMISE if name in environment}
    write_whole(home / STARTED_FILE, json.dumps(given))


def in_effect(environment: Mapping[str, str]) -> InEffect:
    """What goes of the settings as they are typed.

    Raises:
        SettingsError: one of them is missing or malformed.
    """
    common = load(CommonSettings, environment)
    given, by = _started_with(common), started_by(common.state_dir)
    if given is None:
        return InEffect(environment, by, {})
    typed = {name: value for name, value in environment.items() if name not in _OF_THE_PROMISE}
    runs = typed | given
    try:
        pairs = {
            name: (getattr(load(of, runs), name), getattr(load(of, environment), name))
            for name, of in _OF_THE_PROMISE.items()
        }
    except SettingsError:
        load(StorefrontSettings, environment)
        load(PaceSettings, environment)
        return InEffect(environment, by, {})  # What was written down is of another version.
    return InEffect(runs, by, {name: pair for name, pair in pairs.items() if pair[0] != pair[1]})


def refuse_if_observed(environment: Mapping[str, str], command: str) -> None:
    """Have nothing written where `MODE` says observe here, or to the processes at work, and not to both.

    Where both say so, or where a command is alone, the run itself plans or refuses.

    Raises:
        NeedsPerson: that it is so, and what to do.
    """
    runs = in_effect(environment)
    was, now = runs.changed.get("MODE", (None, None))
    if "observe" not in (was, now):
        return
    raise NeedsPerson(
        f"Nothing was written to the store: MODE is {_said(now)} here, and the process that would do it was "
        f"started when it was {_said(was)}. {runs.started_by.anew} Then: {command}"
    )


def _said(value: Any) -> str:
    return "not set" if value is None else str(value)


def _started_with(common: CommonSettings) -> dict[str, str] | None:
    if not running_ports(common):
        return None
    try:
        given = json.loads((dagster_home(common) / STARTED_FILE).read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(given, dict):
        return None
    return {name: str(given[name]) for name in _OF_THE_PROMISE if name in given}
