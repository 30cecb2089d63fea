"""Which settings a sentence names, and in which file each of them stands. Pure."""

import re

from ingram_assets.doctor.model import NamedSetting
from ingram_assets.doctor.own_certificates import NAME as CERTIFICATES
from ingram_assets.settings.environment import PORTS
from ingram_assets.settings.file_of_setting import LOCATIONS, READ_FROM, SHARED

_NAMES = re.compile(rf"\b(?:{'|'.join(sorted({*READ_FROM, *PORTS, CERTIFICATES}, key=len, reverse=True))})\b")


def named_in(words: str, file: str) -> tuple[NamedSetting, ...]:
    """The settings that a sentence names, each once. `file`: that of whoever says it."""
    names = dict.fromkeys(found[0] for found in _NAMES.finditer(words))
    return tuple(NamedSetting(_file(name, file), name) for name in names)


def with_its_file(words: str, file: str) -> str:
    """The sentence, with the file of each setting that several processes have, each its own."""
    told: set[str] = set()

    def named(found: re.Match[str]) -> str:
        name = found[0]
        if name in told or name in SHARED or len(_owners(name)) < 2 or file not in _owners(name):
            return name
        told.add(name)
        return f"{name} of {file}"

    return _NAMES.sub(named, words)


def _owners(name: str) -> list[str]:
    return [of.file for of in LOCATIONS.values() if name in of.model_fields]


def _file(name: str, file: str) -> str:
    owners = [] if name in SHARED else _owners(name)
    if file in owners:
        return file
    return owners[0] if owners else ".env"
