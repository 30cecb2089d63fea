"""Settings out of an environment, and what is wrong with them in sentences that show no value."""

import os
from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ingram_assets.settings import proxies
from ingram_assets.settings.base import Settings, SettingsError
from ingram_assets.settings.file_of_setting import file_of
from ingram_assets.settings.files import example_of, own_file
from ingram_assets.settings.kinds import WrongInFile, trimmed

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
        raise SettingsError(" ".join(f"{'; '.join(each)}. {_remedy(file)}" for file, each in told.items()))


def _remedy(file: str) -> str:
    if is_named_by_a_setting(file):
        return f"Correct {file}."
    return f"Set them in {own_file(file)} (see {example_of(file)}) or in the environment."


def is_named_by_a_setting(file: str) -> bool:
    """Whether a file of `faults` is one that a setting names, and no `.env` file."""
    return os.path.isabs(file)


def faults(environment: Mapping[str, str], *classes: type[Settings]) -> dict[str, list[str]]:
    """All that is missing or malformed, by the file where it is mended, each with its setting's name first.

    That is the `.env` file where the setting belongs; or the whole path of a file that a setting names, where
    that is what is wrong. What all classes share is told of once.
    """
    told: dict[str, dict[str, None]] = {}
    for settings in classes:
        given = _given(settings, environment)
        found: list[tuple[str, str | None]] = [(fault, None) for fault in settings.missing(given)]
        try:
            settings.model_validate(given)
        except ValidationError as error:
            found = [*((_fault(details), _file_at_fault(details)) for details in error.errors()), *found]
        for fault, file in found:
            told.setdefault(file or file_of(fault.partition(" ")[0], settings), {})[fault] = None
    if of_proxies := proxies.faults(environment):
        told.setdefault(".env", {}).update(dict.fromkeys(of_proxies))
    return {file: [*each] for file, each in told.items()}


def _file_at_fault(details: ErrorDetails) -> str | None:
    error = details.get("ctx", {}).get("error")
    return os.path.abspath(error.path) if isinstance(error, WrongInFile) else None


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
