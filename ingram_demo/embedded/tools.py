"""Installing what pip can't lock: each tool once, one installer at a time, with a time limit."""

import hashlib
import logging
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.runtime.node import Node

log = logging.getLogger(__name__)


class InstallFailed(NeedsPerson):
    """A tool could not be installed; the message ends with what the installer said last."""


@contextmanager
def one_at_a_time(tools: Path) -> Iterator[None]:
    """Other processes and threads wait for their turn at the folder; one installer may call another."""
    tools.mkdir(parents=True, exist_ok=True)
    # The singleton is held once per thread, however deep: Chromium's package asks for Node on its way.
    with filelock.FileLock(tools.resolve() / "install.lock", is_singleton=True):
        yield


def run(
    what: str,
    argv: Sequence[str | Path],
    *,
    seconds: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Runs one step to its end; its output. Raises InstallFailed when it fails or takes too long.

    It inherits our environment, `env` on top: installers need the user's proxies and certificates.
    """
    log.info("%s", what)
    with _home() as home:
        return _run(what, argv, seconds, cwd, {**os.environ, **home, **(env or {})})


def install_npm(what: str, source: Path, project: Path, node: Node, *, seconds: float) -> None:
    """A fresh copy of an npm project, with the packages of its lock; no script of theirs is run."""
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(source, project)
    argv = [*node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    env = {"PATH": node.path(os.environ.get("PATH", os.defpath))}
    run(what, argv, seconds=seconds, cwd=project, env=env)


@contextmanager
def _home() -> Iterator[dict[str, str]]:
    """A home for a step whose user has none to write to: npm keeps its cache there."""
    if os.access(os.path.expanduser("~"), os.W_OK):
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="ingram-home-", ignore_cleanup_errors=True) as folder:
        yield {"HOME": folder}


def _run(
    what: str, argv: Sequence[str | Path], seconds: float, cwd: Path | None, env: Mapping[str, str]
) -> str:
    try:
        process = subprocess.Popen(
            [str(part) for part in argv],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise InstallFailed(f"{what} failed: {error}") from error
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise InstallFailed(f"{what} was given up after {seconds:.0f} s.") from None
    finally:
        # Also on Ctrl-C, and also what the step itself left running.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode:
        said = [line.strip() for line in output.splitlines() if line.strip()]
        telling = [line for line in said if "error" in line.lower()][:3] or said[-1:] or ["it said nothing"]
        reason = " / ".join(dict.fromkeys(telling))
        raise InstallFailed(f"{what} failed with exit code {process.returncode}: {reason[:500]}")
    return output


def digest(*files: Path) -> str:
    """What a marker holds, so that a changed file makes the step run again."""
    total = hashlib.sha256()
    for file in files:
        total.update(file.read_bytes())
    return total.hexdigest()


def is_done(marker: Path, key: str) -> bool:
    """Whether the step was done for this key."""
    return marker.exists() and marker.read_text() == key


def mark_done(marker: Path, key: str) -> None:
    """Note that the step was done for this key."""
    fresh = marker.with_suffix(".new")
    fresh.write_text(key)
    fresh.replace(marker)
