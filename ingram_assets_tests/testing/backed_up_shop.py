"""The databases of a shop, and `ingram backup` and `ingram restore` typed with their addresses."""

import os
from dataclasses import dataclass
from pathlib import Path

from ingram_assets_tests.testing.commands import Command
from ingram_assets_tests.testing.demo import Done


@dataclass(frozen=True)
class ShopsDatabases:
    """Where they are, and the folder of the shop's settings and state."""

    queue: str
    journal: str
    dagster: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Of a command: nothing but this and the machine's."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return kept | {
            "QUEUE_OWNER_DB_URL": self.queue,
            "STOREFRONT_DB_URL": self.journal,
            "DAGSTER_PG_URL": self.dagster,
            "INGRAM_ENV_DIR": str(self.folder),
            "INGRAM_STATE_DIR": str(self.folder / "state"),
        }

    def start(self, *words: str, **settings: str) -> Command:
        """At work, and the caller goes on."""
        return Command(words, self.environment | settings)

    def type(self, *words: str, **settings: str) -> Done:
        """To its end."""
        return self.start(*words, **settings).wait(100)
