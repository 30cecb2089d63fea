"""What this program was checked with, beside what is here."""

from collections.abc import Collection
from importlib.metadata import version

from ingram_assets.domain.failures import NeedsPerson

DAGSTER = "1.13.27"
MEDUSA = "2.21"
"""Medusa tells nobody its version: whether its routes are there is what can be looked at."""
POSTGRES = range(14, 19)
"""Major versions. Older ones lack what the queue's functions are made of."""


def versions_in_words() -> str:
    """This program's own version, and those it was checked with."""
    return (
        f"{version('ingram-assets')}, with Dagster {version('dagster')}. "
        f"Checked with Dagster {DAGSTER}, PostgreSQL {POSTGRES[0]} to {POSTGRES[-1]} and Medusa {MEDUSA}."
    )


def not_checked_with(servers: Collection[int]) -> list[str]:
    """What is here and is none of these, in words. `servers`: PostgreSQL's major versions."""
    found = [f"PostgreSQL {major}" for major in sorted(servers) if major not in POSTGRES]
    dagster = version("dagster")
    return ([f"Dagster {dagster}"] if dagster != DAGSTER else []) + found


def check_postgres(server_version: int) -> int:
    """The major version of a server, of the number by which it names itself (160004).

    Raises:
        NeedsPerson: it is too old.
    """
    major = server_version // 10_000
    if major < POSTGRES[0]:
        raise NeedsPerson(f"PostgreSQL {POSTGRES[0]} or newer is needed, and this server is {major}.")
    return major
