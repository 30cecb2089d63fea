"""A second terminal beside a demo at work: every command works there without any setting."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingram_assets_tests.testing.demo import Done
from ingram_demo import show
from ingram_demo.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")

# The tests' demo is not in the checkout, and the checkout's own settings are no matter of these tests.
SECOND_TERMINAL = """
import sys
from pathlib import Path
from ingram_assets.settings import files
files.IN_THE_WHEEL, files.CHECKOUT, files.DEMO = files.CHECKOUT, Path.cwd(), Path(sys.argv.pop(1))
from ingram_assets.cli.main import main
main()
"""


def type_(stack: Stack, folder: Path, *words: str) -> Done:
    machine = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", SECOND_TERMINAL, str(stack.supervisor.folder), *words],
        env=machine,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["history", "ISBN"],
        ["explain", "ISBN"],
        ["enrich", "ISBN"],
        ["push", "--dry-run"],
        ["push", "ISBN"],
        ["runs"],
        ["check-store"],
        ["doctor"],
        ["stock", "list"],
        ["stock", "locations"],
        ["token", "list"],
        ["queue", "migrate"],
    ],
    ids=lambda words: words[0],
)
def test_a_command_works_without_settings(stack: Stack, tmp_path: Path, words: list[str]) -> None:
    isbn = stack.simulator.isbns()[0]
    done = type_(stack, tmp_path, *(isbn if word == "ISBN" else word for word in words), "--json")
    assert done.exit_code == 0, done.errors
    assert done.result
    told = [line for line in done.errors.splitlines() if "demo at work" in line]
    assert told == [f"This speaks to the demo at work, since no shop's settings are here ({stack.settings})."]


def test_a_shop_s_own_settings_win(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / ".env.storefront").touch(mode=0o600)
    done = type_(stack, tmp_path, "status")
    assert done.exit_code == 2
    assert "is missing" in done.errors
    assert "demo" not in done.errors


def test_the_last_lines_say_so(stack: Stack) -> None:
    words = "\n".join(show.how_to_try(stack, is_shop=False))
    assert "Every command works on this demo from a second terminal, without settings:" in words
    assert "ingram status\n" in words
    assert "--env-dir" not in words
    words = "\n".join(show.how_to_try(stack, is_shop=True))
    assert f"ingram --env-dir {stack.settings} status\n" in words
