import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from ingram_assets import checked_with
from ingram_assets.checked_with import DAGSTER, MEDUSA, check_postgres, not_checked_with
from ingram_assets.cli.main import main
from ingram_assets.domain.failures import NeedsPerson

ROOT = Path(__file__).parents[1]


def test_it_says_what_the_tests_run_on() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert re.findall(r"^dagster==(\S+)", lock, re.MULTILINE) == [DAGSTER]
    package = json.loads((ROOT / "ingram_demo" / "medusa_backend" / "package.json").read_text())
    assert package["dependencies"]["@medusajs/medusa"].rpartition(".")[0] == MEDUSA


def test_what_is_none_of_these_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not not_checked_with([14, 18])
    assert not_checked_with([19, 18]) == ["PostgreSQL 19"]
    monkeypatch.setattr(checked_with, "version", lambda package: "1.13.99")
    assert not_checked_with([]) == ["Dagster 1.13.99"]
    assert check_postgres(140_002) == 14
    with pytest.raises(NeedsPerson, match="14 or newer is needed, and this server is 13"):
        check_postgres(130_021)


def test_the_version_says_what_it_was_checked_with() -> None:
    done = CliRunner().invoke(main, ["--version"])
    assert done.exit_code == 0
    assert f"Checked with Dagster {DAGSTER}, PostgreSQL 14 to 18 and Medusa {MEDUSA}." in done.output
