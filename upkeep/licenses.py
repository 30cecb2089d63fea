"""The licenses of all that is installed, as `docs/licenses.md` lists them."""

import importlib.metadata as metadata
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from upkeep.locks import NPM_PROJECTS, PYTHON_LOCK, ROOT, TOOLS_LOCK, UV, Locked, locked_by_npm, locked_by_pip

LIST = ROOT / "docs/licenses.md"
NOT_STATED = "not stated"
_WINDOWS = "x86_64-pc-windows-msvc"
_LONGEST = 60

_HEAD = """# Licenses

What the locks install, and under which licenses, as the packages say. Made by `./just update` (by hand:
`.venv/bin/python -m upkeep licenses`), not to be edited. A test holds that it lists what is locked.
"""
_PYTHON = """
## Python

Of `requirements.lock` and `requirements-tools.lock`. The extras `demo`, `dev` and `celery` are among them.
"""
_NPM = """
## npm

For the demo and the tests alone (Medusa, a browser, a storefront's SDK): no part of the installed program.
"not stated" is what names no license in its `package.json` in the usual way: its own files have it.
"""


def written() -> str:
    """The list, anew. Packages of other systems are looked up in their wheels, which takes the network."""
    python = {*locked_by_pip(PYTHON_LOCK), *locked_by_pip(TOOLS_LOCK)}
    of_python = python_licenses({one.name for one in python})
    npm = {one for project in NPM_PROJECTS for one in locked_by_npm(project)}
    return "".join([_HEAD, _PYTHON, *_table(_rows(python, of_python)), _NPM, *_table(_rows(npm, {}))])


def _rows(packages: Iterable[Locked], licenses: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Package, versions, license; a row for each license that versions of a package have."""
    versions: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in packages:
        versions[one.name, licenses.get(one.name) or one.license or NOT_STATED].add(one.version)
    for (name, license), found in sorted(versions.items()):
        yield name, ", ".join(sorted(found)), license


def _table(rows: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    yield "\n| package | version | license |\n|---|---|---|\n"
    for row in rows:
        yield f"| {' | '.join(row)} |\n"


def python_licenses(names: Iterable[str], *, elsewhere: bool = True) -> dict[str, str]:
    """Package to license.

    Args:
        elsewhere: look up what is for other systems or versions of Python alone, and is not installed here.
    """
    here = {_normal(one.metadata["Name"]): _license(one) for one in metadata.distributions()}
    return {
        name: here[name] if name in here else _license_elsewhere(name)
        for name in names
        if name in here or elsewhere
    }


def _license_elsewhere(name: str) -> str:
    (version, *_) = [one.version for one in locked_by_pip(PYTHON_LOCK) if one.name == name]
    with tempfile.TemporaryDirectory() as folder:
        argv = [
            UV,
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--python-platform",
            _WINDOWS,
            "--target",
            folder,
        ]
        subprocess.run([*argv, "--python", sys.executable, f"{name}=={version}"], check=True)
        (found,) = metadata.distributions(path=[folder])
        return _license(found)


def _license(distribution: metadata.Distribution) -> str:
    """As the package says it: by an expression, by classifiers, or in words."""
    said = distribution.metadata
    if "License-Expression" in said:
        return str(said["License-Expression"])
    classifiers = [
        each.rpartition(" :: ")[2]
        for each in said.get_all("Classifier") or []
        if each.startswith("License ::")
    ]
    if named := [each for each in classifiers if each != "OSI Approved"]:
        return ", ".join(dict.fromkeys(named))
    first, *_ = (str(said["License"]) if "License" in said else "").strip().splitlines() or [""]
    return first[:_LONGEST].strip() or _of_file(distribution) or NOT_STATED


def _of_file(distribution: metadata.Distribution) -> str:
    """What the first line of its license's file says, where nothing else does."""
    for file in distribution.files or []:
        if re.match(r"(LICEN[CS]E|COPYING)", file.name, re.IGNORECASE) and (
            text := _text(Path(str(file.locate())))
        ):
            return text.splitlines()[0].strip()[:_LONGEST]
    return ""


def _text(file: Path) -> str:
    return file.read_text(errors="replace").strip() if file.is_file() else ""


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
