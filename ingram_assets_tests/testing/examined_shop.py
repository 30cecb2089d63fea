"""A whole shop on real servers with its settings in files, looked at by the doctor."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ingram_assets.doctor.examination import examination
from ingram_assets.doctor.model import Finding, NamedSetting, Outcome
from ingram_assets.doctor.running import findings
from ingram_assets.settings import environment
from ingram_assets_tests.testing.queue import Queue
from ingram_demo.embedded.medusa import Medusa
from ingram_demo.simulator import Simulator

Files = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class ExaminedShop:
    """Its servers, and its settings by file: `files[".env.scraper"]["IPAGE_USERNAME"]`."""

    folder: Path
    files: Files
    queue: Queue
    medusa: Medusa
    site: Simulator
    empty_database: str

    def write(self, changes: Files | None = None, without: Collection[str] = ()) -> None:
        """The files anew: with these settings in place of their own, and without some of the files."""
        for file, own in self.files.items():
            path = self.folder / file
            path.unlink(missing_ok=True)
            if file not in without:
                given = {**own, **(changes or {}).get(file, {})}
                path.touch(mode=0o600)
                path.write_text("".join(f"{name}='{value}'\n" for name, value in given.items() if value))
        environment.warn_once.cache_clear()

    def kept(self, table: str) -> list[Any]:
        """What runs share, of one table of it."""
        return self.queue.sql(f"SELECT * FROM scraper.{table}")

    def examine(
        self,
        *systems: str,
        changes: Files | None = None,
        without: Collection[str] = (),
        patience: float = 6.0,
    ) -> "Examined":
        """What the doctor finds in these systems, its settings first; without any named, in all.

        Each check has so many times its seconds: the machine may be busy with other tests.
        """
        self.write(changes, without)
        with examination() as checks:
            wanted = [one for one in checks if not systems or one.system in ("settings", *systems)]
            return Examined([*findings(replace(one, seconds=one.seconds * patience) for one in wanted)])


@dataclass(frozen=True)
class Examined:
    """What was found."""

    found: list[Finding] = field(repr=True)

    @property
    def missing(self) -> list[Finding]:
        """What a person has to do something about."""
        return [one for one in self.found if one.outcome is Outcome.MISSING]

    @property
    def names(self) -> set[NamedSetting]:
        """The settings that are named."""
        return {setting for one in self.missing for setting in one.settings}

    def of(self, name: str) -> Finding:
        """Of one check."""
        (one,) = [one for one in self.found if one.name == name]
        return one
