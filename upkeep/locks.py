"""Which packages are installed, in which versions: the locks, and how they are made anew."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingram_assets.runtime.node import find_node

ROOT = Path(__file__).resolve().parent.parent
UV = str(Path(sys.executable).parent / "uv")
PYTHON_LOCK, TOOLS_LOCK = ROOT / "requirements.lock", ROOT / "requirements-tools.lock"
OF_IMAGES = ROOT / "deploy" / "locks"
NPM_PROJECTS = tuple(
    ROOT / folder
    for folder in (
        "ingram_demo/embedded/chromium_npm",
        "ingram_demo/medusa_backend",
        "ingram_assets_tests/testing/js_storefront",
    )
)
_NPM_LOCK = "package-lock.json"
TOOLS = ("rust-just", "uv")
_MADE_BY = "uv pip compile of pyproject.toml with all extras: universal, with hashes, naming no index"
_COMPILE = (
    *("--quiet", "--upgrade", "--universal", "--generate-hashes", "--python-version", "3.11"),
    *("--no-emit-index-url", "--no-emit-find-links"),
)
_BARE = ("--no-header", "--no-annotate")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
"""Those that `./just` takes."""
_ENTRY = re.compile(r"(?P<name>[a-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)")


@dataclass(frozen=True, slots=True, order=True)
class Locked:
    """A package of a lock, with its hashes (npm's integrity), and its license where the lock says it."""

    name: str
    version: str
    hashes: tuple[str, ...] = ()
    license: str = ""


def locked_by_pip(lock: Path) -> Iterator[Locked]:
    """The packages of a lock of pip's. One may stand there twice, for two versions of Python."""
    for entry in re.split(r"^(?=[a-z0-9])", lock.read_text(), flags=re.MULTILINE)[1:]:
        found = _ENTRY.match(entry)
        if found is None:
            raise ValueError(f"{lock.name} has an entry that pins no version: {entry.splitlines()[0]}")
        yield Locked(
            found["name"], found["version"], tuple(re.findall(r"--hash=(sha256:[0-9a-f]{64})\b", entry))
        )


def locked_by_npm(project: Path) -> Iterator[Locked]:
    """The packages of an npm project's lock, but for folders of the project itself."""
    packages: dict[str, dict[str, Any]] = json.loads((project / _NPM_LOCK).read_text())["packages"]
    for place, said in packages.items():
        _, _, name = place.rpartition("node_modules/")
        is_own = not place or "link" in said or name.endswith("/stub")
        if not is_own:
            integrity = said.get("integrity")
            yield Locked(
                name, str(said["version"]), (integrity,) if integrity else (), str(said.get("license", ""))
            )


def lock_anew() -> None:
    """Lock the newest versions that are allowed, with hashes; no lock names a registry.

    Raises:
        CalledProcessError: uv or npm could not, or a package has no wheel for one of `PYTHONS`. What was
            locked before it stays so.
    """
    _compile(PYTHON_LOCK, "pyproject.toml", "--all-extras", "--custom-compile-command", _MADE_BY)
    see_that_wheels_are_there()
    # Of the images: the versions of the lock above, and fewer packages.
    within = ("--constraint", str(PYTHON_LOCK), *_BARE)
    _compile(OF_IMAGES / "shop.lock", "pyproject.toml", "--extra", "celery", *within)
    _compile(OF_IMAGES / "dagster.lock", str(OF_IMAGES / "dagster.in"), *within)
    _compile(OF_IMAGES / "build.lock", str(OF_IMAGES / "build.in"), *_BARE)
    with tempfile.NamedTemporaryFile("w", suffix=".in") as wanted:
        wanted.write("\n".join(TOOLS))
        wanted.flush()
        _compile(TOOLS_LOCK, wanted.name, *_BARE)
    node = find_node()
    env = {
        "PATH": node.path(os.environ.get("PATH", os.defpath)),
        "npm_config_omit_lockfile_registry_resolved": "true",
    }
    words = ("install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund")
    for project in NPM_PROJECTS:
        # Beside the old lock, which npm would keep to, and which stays whole whatever breaks off.
        with tempfile.TemporaryDirectory() as folder:
            anew = Path(folder, project.name)
            shutil.copytree(project, anew, ignore=shutil.ignore_patterns(_NPM_LOCK, "node_modules"))
            _run([*node.npm, *words], cwd=anew, env=env)
            shutil.copyfile(anew / _NPM_LOCK, project / _NPM_LOCK)


def see_that_wheels_are_there() -> None:
    """That everything locked installs without a compiler, on each version of Python.

    Raises:
        CalledProcessError: uv says of which package there is none.
    """
    words = ("pip", "install", "--quiet", "--dry-run", "--no-build", "--requirement", str(PYTHON_LOCK))
    for version in PYTHONS:
        with tempfile.TemporaryDirectory() as nowhere:
            _run([UV, *words, "--python-version", version, "--target", nowhere], cwd=ROOT, env={})


def _compile(lock: Path, *words: str) -> None:
    _run([UV, "pip", "compile", *words, *_COMPILE, "--output-file", str(lock)], cwd=ROOT, env={})


def _run(argv: Sequence[str], cwd: Path, env: dict[str, str]) -> None:
    subprocess.run(argv, cwd=cwd, env={**os.environ, **env}, check=True)
