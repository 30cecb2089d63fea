"""The rules know nothing but themselves and the standard library, and importing them does nothing."""

import ast
import sys
from pathlib import Path

import ingram_assets.domain

FOLDER = Path(ingram_assets.domain.__file__).parent


def test_the_domain_imports_nothing_of_ours_or_of_others():
    for source in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, source
                names = [node.module or ""]
            for name in names:
                ours = name.startswith("ingram_assets.domain")
                assert ours or name.split(".")[0] in sys.stdlib_module_names, f"{source.name} imports {name}"


def test_no_rule_reads_the_clock_or_the_environment():
    for source in FOLDER.glob("*.py"):
        text = source.read_text(encoding="utf-8")
        # The one exception: today, for callers from outside who do not say what day it is. Ours all do.
        text = text.replace("(today or date.today())", "")
        for forbidden in ("today()", ".now(", "time.time", "environ", "getenv"):
            assert forbidden not in text, f"{source.name} has {forbidden}"


def test_everybody_of_ours_says_what_day_it_is():
    calls = [
        (source.name, call)
        for source in FOLDER.parent.rglob("*.py")
        for call in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "availability"
    ]
    assert calls
    for name, call in calls:
        assert "today" in {keyword.arg for keyword in call.keywords}, f"{name}:{call.lineno}"
