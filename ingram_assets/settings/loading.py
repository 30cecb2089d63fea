"""Settings out of an environment, and what is wrong with them in sentences that show no value."""

import os
from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ingram_assets.settings import proxies
from ingram_assets.settings.base import Settings, SettingsError
from ingram_assets.settings.belonging import file_of
from ingram_assets.settings.files import example_of, own_file
from ingram_assets.settings.kinds import trimmed

S = TypeVar("S", bound=Settings)

_SENTENCES = {
    "value_error": "{error}",
    "greater_than_equal": "it has to be at least {ge}",
    "greater_than": "it has to be more than {gt}",
    "less_than_equal": "it has to be at most {le}",
    "literal_error": "it has to be {expected}",
}
"""Pydantic's kinds of errors, as far as settings have them, in words for a person."""


def load(settings: type[S], environment: Mapping[str, str] | None = None) -> S:
    """The settings of a class, from `environment` and nothing else; without it from this process's.

    Raises:
        SettingsError: names each setting that is missing or malformed, and shows no value.
    """
    environment = os.environ if environment is None else environment
    check(environment, settings)
    return settings.model_validate(_given(settings, environment))


def check(environment: Mapping[str, str], *classes: type[Settings]) -> None:
    """Name all that is missing or malformed of several classes at once.

    Raises:
        SettingsError: as for `load`.
    """
    if told := faults(environment, *classes):
        sentences = (
            f"{'; '.join(each)}. Set them in {own_file(file)} (see {example_of(file)}) or in the environment."
            for file, each in told.items()
        )
        raise SettingsError(" ".join(sentences))


def faults(environment: Mapping[str, str], *classes: type[Settings]) -> dict[str, list[str]]:
    """All that is missing or malformed, by the file that it belongs in, each with its setting's name first.

    What all classes share is told of once.
    """
    told: dict[str, dict[str, None]] = {}
    for settings in classes:
        given = _given(settings, environment)
        found = settings.missing(given)
        try:
            settings.model_validate(given)
        except ValidationError as error:
            found = [*(_fault(details) for details in error.errors()), *found]
        for fault in found:
            told.setdefault(file_of(fault.partition(" ")[0], settings), {})[fault] = None
    if of_proxies := proxies.faults(environment):
        told.setdefault(".env", {}).update(dict.fromkeys(of_proxies))
    return {file: [*each] for file, each in told.items()}


def _given(settings: type[Settings], environment: Mapping[str, str]) -> dict[str, str]:
    given = {name: environment[name] for name in settings.model_fields if name in environment}
    given = {name: trimmed(name, value) if isinstance(value, str) else value for name, value in given.items()}
    return {name: value for name, value in given.items() if value}


def _fault(details: ErrorDetails) -> str:
    # Never of details["input"]: it may be a secret, or all that was given.
    name = ".".join(str(part) for part in details["loc"])
    if details["type"] == "missing":
        return f"{name} is missing"
    fault = _SENTENCES.get(details["type"], "it can't be read").format(**details.get("ctx", {}))
    return f"{name} is malformed: {fault}" if name else fault
