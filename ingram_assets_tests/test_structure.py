"""The plan of the house, held against the code: who imports whom, and what loads with nothing around."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "ingram_assets"
ROOMS = ("domain", "ipage", "queue", "covers", "medusa")


def _imports(place: Path) -> set[str]:
    """Our own modules that a Python file, or the files of a folder, import anywhere in them."""
    found = set()
    for file in [place] if place.is_file() else place.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file}: imports are absolute"
                found.add(node.module or "")
                found |= {f"{node.module}.{name.name}" for name in node.names}
    return {name for name in found if name.startswith("ingram_assets.")}


def _rooms(imports: set[str]) -> set[str]:
    return {name.split(".")[1] for name in imports}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_knows_the_domain_and_no_other_room(room):
    assert _rooms(_imports(PACKAGE / room)) <= {room, "domain"}


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_know_nothing_of_dagster_or_the_environment(room):
    for file in (PACKAGE / room).rglob("*.py"):
        tree = ast.parse(file.read_text())
        names = {
            alias.name.split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in (
                node.names if isinstance(node, ast.Import) else [ast.alias(node.module or "", None)]
            )
        }
        assert not any(name.startswith("dagster") for name in names), file
        environment = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
        ]
        assert not environment, f"{file} reads the environment: settings come as arguments"


@pytest.mark.parametrize(
    ("location", "never"),
    [
        ("scraper", {"medusa", "demo"}),
        ("storefront", {"ipage", "covers", "demo"}),
        ("operations", {"ipage", "covers", "queue", "medusa", "demo"}),
    ],
)
def test_a_code_location_loads_nothing_beyond_its_boundary(location, never):
    """Loaded for real, in a process of its own: what its own imports import counts too."""
    script = (
        f"import ingram_assets.locations.{location}.definitions, sys;"
        "print(*{m.split('.')[1] for m in sys.modules if m.startswith('ingram_assets.')})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not never & set(done.stdout.split())


def test_only_the_command_line_starts_the_demo():
    for part in PACKAGE.iterdir():
        if part.name not in ("demo", "cli.py", "__pycache__"):
            assert "demo" not in _rooms(_imports(part)), part


def test_definitions_validate_with_no_settings():
    done = subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("Validation successful") >= 3
