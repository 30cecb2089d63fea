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
        for forbidden in ("today()", ".now(", "time.time", "environ", "getenv"):
            assert forbidden not in text, f"{source.name} has {forbidden}"
