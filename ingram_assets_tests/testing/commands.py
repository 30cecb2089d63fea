"""`ingram` commands, typed by the hundred: each is forked from a process that has imported all.

Importing Dagster is most of what a command asks of the processors, and here commands are only a means. Those
of `end_to_end` are begun as a person's are.
"""

import multiprocessing
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ingram_assets_tests.testing import demo
from ingram_assets_tests.testing.demo import Done

_forked = multiprocessing.get_context("forkserver")
_forked.set_forkserver_preload(
    [
        *("ingram_assets.cli.main", "ingram_assets.cli.title", "ingram_assets.cli.status"),
        *("ingram_assets.cli.launch",),
        *("ingram_assets.defs.failure_text", "ingram_assets.runtime.storage"),
        *("ingram_assets.runtime.run_launcher", "ingram_assets.runtime.dagster_internals"),
        *("grpc_health.v1.health", "upath.implementations.local", "psycopg2.extras"),
        *("rich.console", "rich.table", __name__),
    ]
)


def _command(words: tuple[str, ...], environment: dict[str, str], folder: Path) -> None:
    """In the new process: what a shell does, then the command."""
    from ingram_assets.cli.main import main

    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    for stream, name in ((1, "output"), (2, "errors")):
        os.dup2(os.open(folder / name, os.O_WRONLY), stream)
    main(words, prog_name="ingram")


class Command:
    """A command at work, with the words of `subprocess.Popen`."""

    def __init__(self, words: tuple[str, ...], environment: dict[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ingram-command-")
        for name in ("output", "errors"):
            Path(self._folder.name, name).touch(0o600)
        self._process = _forked.Process(
            target=_command, args=(words, environment, Path(self._folder.name)), daemon=True
        )
        self._words = words
        self._process.start()

    @property
    def errors(self) -> str:
        """What it said so far on standard error."""
        return Path(self._folder.name, "errors").read_text()

    @property
    def pid(self) -> int:
        """Of its process."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Its exit code, once it has ended."""
        return self._process.exitcode

    def kill(self) -> None:
        """With SIGKILL, if it is still there."""
        self._process.kill()

    def wait(self, seconds: float) -> Done:
        """Its end.

        Raises:
            subprocess.TimeoutExpired: it did not come in time, and was killed.
        """
        self._process.join(seconds)
        if self._process.exitcode is None:
            self.kill()
            raise subprocess.TimeoutExpired(self._words, seconds, stderr=self.errors)
        return Done(self._process.exitcode, Path(self._folder.name, "output").read_text(), self.errors)


class Shell(demo.Shell):
    """Types commands with the settings of one code location."""

    def start(self, *words: str) -> Command:
        """At work, and the caller goes on."""
        return Command(words, self.environment)

    def __call__(self, *words: str, seconds: float = 400, before: Callable[[], None] | None = None) -> Done:
        """To its end. With `before`, which is called in the child, it is begun as a person's are."""
        if before is not None:
            return super().__call__(*words, seconds=seconds, before=before)
        return self.start(*words).wait(seconds)
