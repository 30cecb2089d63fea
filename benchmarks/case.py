"""What a benchmark is: a name, what it has to reach, and a function that yields its figures."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.shop import Shop, running_shop
from ingram_assets.runtime.processes import Supervisor
from ingram_demo.embedded.postgres import Postgres, start_postgres

Figures = Mapping[str, Any]
"""JSON-ready: at least `what`, `sizes` and `seconds`."""


class Machine:
    """The servers a case asks for, started when the first case asks and shared by the rest."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    @cached_property
    def postgres(self) -> Postgres:
        """A PostgreSQL server alone, with nothing at work beside it."""
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="ingram-bench-")))
        supervisor = self._stack.enter_context(Supervisor(folder / "postgres"))
        return start_postgres(supervisor, supervisor.folder / "data")

    @cached_property
    def shop(self) -> Shop:
        """The whole shop, with nothing in it."""
        return self._stack.enter_context(running_shop())


@dataclass(frozen=True)
class Case:
    """One row of the table, or a few that belong together."""

    name: str
    target: str
    measure: Callable[..., Iterator[Figures]]
    arguments: Mapping[str, Any] = field(default_factory=dict)
