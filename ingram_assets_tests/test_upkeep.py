"""What is installed: each package by its hash, each license known, and an audit that never passes unasked."""

import json
import re
import sys
from datetime import date
from pathlib import Path

import pytest

from upkeep.audit import NotAsked, audit
from upkeep.licenses import LIST, NOT_STATED, python_licenses
from upkeep.locks import (
    NPM_PROJECTS,
    PYTHON_LOCK,
    PYTHONS,
    ROOT,
    TOOLS_LOCK,
    Locked,
    locked_by_npm,
    locked_by_pip,
)

PYTHON = [*locked_by_pip(PYTHON_LOCK), *locked_by_pip(TOOLS_LOCK)]
NPM = {one for project in NPM_PROJECTS for one in locked_by_npm(project)}
TODAY = date(2026, 11, 30)


@pytest.mark.parametrize("lock", [PYTHON_LOCK, TOOLS_LOCK], ids=lambda lock: lock.name)
def test_each_python_package_is_locked_with_a_hash(lock: Path):
    packages = list(locked_by_pip(lock))
    assert len(packages) == len(re.findall(r"^\S+==", lock.read_text(), re.MULTILINE)) > 1
    assert not [one.name for one in packages if not one.hashes]
    assert "://" not in lock.read_text(), "it names no index"


def test_wheels_are_looked_for_of_each_python_that_just_takes():
    least, most = re.findall(r"Python (3\.\d+) to (3\.\d+) is needed", (ROOT / "just").read_text())[0]
    assert (PYTHONS[0], PYTHONS[-1]) == (least, most)
    assert len(PYTHONS) == int(most[2:]) - int(least[2:]) + 1


def test_an_entry_without_a_hash_or_version_would_be_seen(tmp_path: Path):
    lock = tmp_path / "some.lock"
    digest = "--hash=sha256:" + "a" * 64
    lock.write_text(f"# of uv\none==1.0 \\\n    {digest}\n    # via two\ntwo[extra]==2.0\n")
    assert [(one.name, one.version, len(one.hashes)) for one in locked_by_pip(lock)] == [
        ("one", "1.0", 1),
        ("two", "2.0", 0),
    ]
    lock.write_text("three>=3\n")
    with pytest.raises(ValueError, match="three"):
        list(locked_by_pip(lock))


@pytest.mark.parametrize("project", NPM_PROJECTS, ids=lambda project: project.name)
def test_each_npm_package_is_locked_with_its_integrity(project: Path):
    packages = list(locked_by_npm(project))
    assert len(packages) > 10
    assert not [one.name for one in packages if not one.hashes or not one.hashes[0].startswith("sha512-")]


def test_all_npm_projects_are_known():
    there = {lock.parent for folder in ROOT.glob("ingram_*") for lock in folder.rglob("package-lock.json")}
    assert there == set(NPM_PROJECTS)


def _listed(of: str) -> dict[str, dict[str, str]]:
    """Package to license to versions, of a chapter of the list."""
    (chapter,) = re.findall(rf"^## {of}\n(.*?)(?=^## |\Z)", LIST.read_text(), re.DOTALL | re.MULTILINE)
    found: dict[str, dict[str, str]] = {}
    for name, versions, license in re.findall(r"^\| (\S+) \| ([^|]+) \| ([^|]+) \|$", chapter, re.MULTILINE):
        found.setdefault(name, {})[license] = versions
    found.pop("package", None)
    return found


def _versions(packages: list[Locked] | set[Locked]) -> dict[str, set[str]]:
    return {one.name: {each.version for each in packages if each.name == one.name} for one in packages}


@pytest.mark.parametrize(("chapter", "locked"), [("Python", PYTHON), ("npm", NPM)])
def test_the_list_of_licenses_has_what_is_locked(chapter: str, locked: list[Locked]):
    listed = {
        name: {version for versions in of.values() for version in versions.split(", ")}
        for name, of in _listed(chapter).items()
    }
    assert listed == _versions(locked), "type ./just update, or .venv/bin/python -m upkeep licenses"


def test_the_licenses_are_those_that_the_packages_say():
    listed = {name: list(of) for name, of in _listed("Python").items()}
    here = python_licenses(listed, elsewhere=False)
    assert len(here) > 100
    assert {name: listed[name] for name in here} == {name: [license] for name, license in here.items()}
    assert not [name for name, licenses in listed.items() if NOT_STATED in licenses]
    said = {(one.name, one.license or NOT_STATED) for one in NPM}
    assert {(name, license) for name, of in _listed("npm").items() for license in of} == said


class TestAudit:
    """A stand-in for pip-audit: it prints what it is told, and ends as it is told."""

    def asked(self, tmp_path: Path, code: int, answer: str, said: str = "") -> list[str]:
        script = f"import sys; print({answer!r}); print({said!r}, file=sys.stderr); sys.exit({code})"
        return audit([sys.executable, "-c", script], tmp_path / "audits", TODAY)

    def test_nothing_is_known(self, tmp_path: Path):
        answer = {"dependencies": [{"name": "one", "version": "1.0", "vulns": []}], "fixes": []}
        assert self.asked(tmp_path, 0, json.dumps(answer)) == []
        assert json.loads((tmp_path / "audits/2026-11-30.json").read_text()) == answer

    def test_what_is_known_is_named_and_kept(self, tmp_path: Path):
        vulnerable = {"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": [], "description": "Bad."}
        answer = {"dependencies": [{"name": "one", "version": "1.0", "vulns": [vulnerable]}], "fixes": []}
        assert self.asked(tmp_path, 1, json.dumps(answer)) == ["one 1.0: PYSEC-1 (mended by: 1.1)"]
        assert (tmp_path / "audits/2026-11-30.json").exists()

    @pytest.mark.parametrize("answer", ["", "[]", '{"dependencies": null}', "half of {"])
    @pytest.mark.parametrize("code", [0, 1])
    def test_without_an_answer_it_is_no_pass(self, tmp_path: Path, code: int, answer: str):
        with pytest.raises(NotAsked, match=r"nothing is known of vulnerabilities today.*The service is away"):
            self.asked(tmp_path, code, answer, said="ERROR: The service is away.")
        assert not (tmp_path / "audits").exists()

    def test_a_program_that_is_missing_is_no_pass(self, tmp_path: Path):
        with pytest.raises(NotAsked, match="can't be started"):
            audit([str(tmp_path / "none")], tmp_path / "audits", TODAY)
