"""Processes and the environment of tests, and where their tools are."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import psutil

TOOLS = Path(os.environ.get("INGRAM_TOOLS_DIR") or Path(__file__).parents[2] / ".demo" / "tools")
"""Chromium and Medusa's packages are installed here once, not per test run."""


@contextlib.contextmanager
def environment_kept() -> Iterator[None]:
    """Puts `os.environ` back as it was: a command that runs inside the test process writes to it."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def gone(pid: int) -> bool:
    """Whether a process has ended. A zombie has: in a bare container nobody may collect it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def browsers_below(process: psutil.Process) -> list[psutil.Process]:
    """The browsers among its descendants; of all of a browser's processes the one that began the others.

    Known by what began it, since for a moment those that it forks look just like it.
    """
    found = []
    for each in process.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            above = each.parent()
            if "chrom" in each.name() and each.cmdline() and above and "chrom" not in above.name():
                found.append(each)
    return found
