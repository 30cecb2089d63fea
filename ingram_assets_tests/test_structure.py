"""The plan of the house, held against the code: who imports whom, and what loads with nothing around."""

import ast
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "ingram_assets"

KNOWS = {
    "domain": set(),
    "sources": {"domain"},
    "staging": {"domain"},
    "covers": {"domain"},
    "coordination": {"domain"},
    "store": {"domain"},
    "alerts": {"domain"},
    "settings": {"domain"},
    "runtime": {"domain", "settings"},
    "overview": {"domain", "settings", "staging", "store", "alerts", "runtime", "defs"},
    "desk": {"domain", "settings", "staging", "store", "overview"},
    "doctor": {"domain", "settings", "sources", "staging", "covers", "store", "alerts", "runtime", "defs"},
    "backup": {"domain", "settings", "staging", "store", "runtime", "defs", "doctor"},
}
"""Each room to the others that it may know. `defs` and `cli` join them."""

ROOMS = ("domain", "sources", "coordination", "staging", "covers", "store", "alerts")
"""Those that know nothing of Dagster or the environment."""

TESTS = ROOT / "ingram_assets_tests"

LONGEST_FUNCTION = 50
"""Lines, with its docstring."""

PUBLIC_ALL_THE_SAME = {"_replace", "_asdict", "_exit", "_make", "_report_runless_asset_event"}
"""Of named tuples and `os`; and how Dagster's own daemon reports a change of freshness."""

DAGSTER_INTERNALS = {PACKAGE: "runtime/dagster_internals.py", TESTS: "testing/dagster_internals.py"}


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else sorted(place.rglob("*.py"))


def _imports(place: Path) -> set[str]:
    """All modules, and names of modules, that a Python file, or the files of a folder, import anywhere."""
    found = set()
    for file in _files(place):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file}: imports are absolute"
                found |= {node.module or "", *(f"{node.module}.{name.name}" for name in node.names)}
    return found


def _rooms(imports: set[str]) -> set[str]:
    """The product's rooms among them; a file at its top is none."""
    parts = {tuple(name.split(".")[:2]) for name in imports if name.startswith("ingram_assets.")}
    return {room for _, room in parts if (PACKAGE / room).is_dir()}


def test_every_room_is_in_the_plan():
    there = {part.name for part in PACKAGE.iterdir() if any(part.glob("*.py"))}
    assert there == {*KNOWS, "defs", "cli"}


@pytest.mark.parametrize("room", KNOWS)
def test_who_may_know_whom(room):
    assert _rooms(_imports(PACKAGE / room)) <= {room, *KNOWS[room]}


def test_commands_know_definitions_and_definitions_no_commands():
    assert "cli" not in _rooms(_imports(PACKAGE / "defs"))


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_know_nothing_of_dagster_or_the_environment(room):
    assert not any(name.startswith("dagster") for name in _imports(PACKAGE / room))
    for file in _files(PACKAGE / room):
        environment = [
            node
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
        ]
        assert not environment, f"{file} reads the environment: settings come as arguments"


@pytest.mark.parametrize(("place", "one_file"), DAGSTER_INTERNALS.items())
def test_what_dagster_keeps_to_itself_is_imported_in_one_file(place, one_file):
    """Of the product, and one of the tests, for what only they need."""
    private = {
        file: names
        for file in _files(place)
        if (names := [name for name in _imports(file) if re.match(r"dagster\w*\.(.*\.)?_[a-z]", name)])
    }
    assert list(private) == [place / one_file]


def test_no_class_name_stands_twice():
    found = [
        (node.name, f"{file.relative_to(ROOT)}:{node.lineno}")
        for file in _files(PACKAGE)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ClassDef)
    ]
    often = Counter(name for name, _ in found)
    assert not [each for each in found if often[each[0]] > 1]


READERS = {
    *("parse_product_page", "read_product_page", "recognize", "recognize_tree", "understand", "look_at"),
    *("read_listing", "read_file", "read_saved_search", "read_results_page", "read_isbn_list", "page_in"),
    *("classify", "bears_no_mark", "check_picture", "shows_a_session", "discover", "sign_in"),
}
"""Functions that go by what is believed of the site: by ours alone where nobody says by whose."""


def test_whoever_reads_a_page_says_by_which_profile():
    """Left out, a shop's site.toml would be without effect, and no test of the reader itself would see it."""
    places = [PACKAGE / "sources/ipage", PACKAGE / "cli/read.py", PACKAGE / "cli/listed_files.py"]
    files = {file for place in places for file in _files(place)} - {PACKAGE / "cli/main.py"}
    silent, calls = [], 0
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = node.func
            name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
            is_method = isinstance(called, ast.Attribute) and ast.unparse(called.value) in ("visit", "re")
            if name in READERS and not is_method:
                calls += 1
                given = " ".join(map(ast.unparse, [*node.args, *(each.value for each in node.keywords)]))
                if "profile" not in given:
                    silent.append(f"{file.relative_to(ROOT)} {name}")
    assert calls > 20
    assert silent == ["ingram_assets/sources/ipage/pages/saved_search.py read_saved_search"], (
        "a data frame is of ours"
    )


def test_a_function_fits_on_a_screen():
    long = [
        f"{file.relative_to(ROOT)}:{node.lineno} {node.name}"
        for file in _files(PACKAGE)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]
    assert not long


def test_no_test_reaches_into_private_members():
    """Of the product or of another test; what Dagster offers in no other way is written out here."""
    reached = []
    for file in _files(TESTS):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute):
                of_itself = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls", "super")
                names = [] if of_itself else [node.attr]
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ingram_"):
                assert not (node.module or "").endswith("conftest"), f"{file}: helpers are in testing/"
                names = [name.name for name in node.names]
            else:
                continue
            private = [
                name for name in names if re.match("_[a-zA-Z]", name) and name not in PUBLIC_ALL_THE_SAME
            ]
            reached += [f"{file.relative_to(ROOT)}:{node.lineno} {name}" for name in private]
    assert not reached


@pytest.mark.parametrize(
    ("location", "never"),
    [
        ("scraper", {"store", "alerts"}),
        ("storefront", {"sources", "covers", "alerts"}),
        ("operations", {"sources", "covers", "staging", "store"}),
    ],
)
def test_a_code_location_loads_nothing_beyond_its_boundary(location, never):
    """Loaded for real, in a process of its own: what its own imports import counts too."""
    script = (
        f"import ingram_assets.defs.{location}.definitions, sys;"
        "print(*{m.split('.')[1] for m in sys.modules if m.startswith('ingram_assets.')},"
        " *(m for m in sys.modules if m.startswith('ingram_demo')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not {*never, "ingram_demo"} & set(done.stdout.split())


def test_the_desk_loads_nothing_beyond_its_boundary():
    script = (
        "import ingram_assets.desk.server, sys;"
        "print(*{m.split('.')[1] for m in sys.modules if m.startswith('ingram_assets.')},"
        " *{m for m in sys.modules if m.startswith('ingram_demo')})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not {"sources", "covers", "cli", "ingram_demo"} & set(done.stdout.split())


def test_only_the_command_line_starts_the_demo():
    knowing = {
        file.relative_to(PACKAGE).as_posix()
        for file in _files(PACKAGE)
        if any(name.startswith("ingram_demo") for name in _imports(file))
    }
    assert knowing == {"cli/start_commands.py"}


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


def test_documents_name_files_that_are_there():
    there = {
        file.as_posix()
        for place in ("ingram_assets", "ingram_assets_tests", "ingram_demo")
        for file in (ROOT / place).rglob("*")
    }
    there |= {file.as_posix() for file in ROOT.glob("*")} | {
        file.as_posix() for file in (ROOT / "benchmarks").glob("*")
    }
    documents = [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "benchmarks" / "README.md",
        *(ROOT / "docs").rglob("*.md"),
    ]
    named = {
        (document.relative_to(ROOT).as_posix(), name)
        for document in documents
        for name in re.findall(r"`([\w/.-]+\.(?:py|sql|js))`", document.read_text())
    }
    assert len(named) > 40
    assert not sorted(each for each in named if not any(file.endswith(f"/{each[1]}") for file in there))


def test_no_lock_of_npm_s_packages_names_a_registry():
    """A person's mirror would be asked by everybody; without, npm asks the registry of who installs."""
    locks = [*ROOT.glob("ingram_*/**/package-lock.json")]
    assert len(locks) == 3
    assert not [lock for lock in locks if re.search(r'"resolved": "\w+://', lock.read_text())]
