"""The command line without a shop behind it: what a person gets wrong is one sentence and an exit code."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import click
import pytest

from ingram_assets.cli import launch
from ingram_assets.cli.main import main
from ingram_assets.cli.run_progress import finish
from ingram_assets.domain.stock import DcStock
from ingram_assets.domain.title import Title
from ingram_assets.overview.run_results import RunResult
from ingram_assets.overview.status import low_stock
from ingram_assets.runtime.processes import MARK
from ingram_assets.settings.shared import CommonSettings
from ingram_assets.store.rules import StoreRules

UNREACHABLE = {
    "MEDUSA_BACKEND_URL": "http://127.0.0.1:1",
    "MEDUSA_API_KEY": "sEcret-key",
    "QUEUE_DB_URL": "postgresql://reader:sEcret@127.0.0.1:1/queue",
    "STOREFRONT_DB_URL": "postgresql://storefront:sEcret@127.0.0.1:1/storefront",
}


A_RUN = "0b7e4c1e-3f52-4f0f-9c1d-2a60a3f4b7aa"

# The checkout's own .env files are no matter of these tests.
AWAY_FROM_HOME = """
import os, tempfile
from ingram_assets.cli.main import main
with tempfile.TemporaryDirectory() as folder:
    os.environ["INGRAM_ENV_DIR"] = folder
    main()
"""


def ingram(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command with the machine's environment and the settings given, and no other."""
    machine = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", AWAY_FROM_HOME, *words],
        env=machine | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def commands(group: click.Group = main, *before: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *before, name)
        else:
            yield (*before, name), command


@pytest.mark.parametrize("words", [["queue"], ["alert"]], ids=lambda words: words[0])
def test_a_group_s_help_has_an_example_of_each_command(words: list[str]):
    done = ingram(*words, "--help")
    group = main.commands[words[0]]
    assert isinstance(group, click.Group)
    for name in group.commands:
        assert re.search(rf"^ *ingram {words[0]} {name}\b", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(("words", "command"), list(commands()), ids=lambda value: str(value))
def test_every_command_s_help_has_an_example(words: tuple[str, ...], command: click.Command):
    # Its usage line is "Usage: main undo …", so this is a line of the help's own text.
    assert re.search(rf"^ *ingram {' '.join(words)}\b", command.help or "", re.MULTILINE)


def test_the_help_asks_for_nothing_heavy():
    code = (
        "import sys, ingram_assets.cli.main; "
        "print([name for name in ('dagster', 'pandas', 'rich') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_a_run_s_notes_are_said_in_words_and_in_json(capsys: pytest.CaptureFixture[str]):
    notes = ["Oversold: 9780306406157 has 5 copies promised in 2 orders, and 1 on hand (in_stock)."]
    report = {"job": "push", "counts": {"written": 1}, "failed": [], "notes": notes, "details": {}}
    result = RunResult("run", True, [report, report], None, None, None, 1.0)
    for as_json in (True, False):
        with pytest.raises(SystemExit) as left:
            finish(result, as_json)
        assert left.value.code == 0
        said = capsys.readouterr().out
        if as_json:
            assert json.loads(said.splitlines()[-1])["notes"] == notes * 2
        assert "Oversold: 9780306406157" in said


def test_looking_commands_do_without_dagster():
    code = (
        "import sys, ingram_assets.cli.status, ingram_assets.cli.title; "
        "print([name for name in ('dagster', 'pandas', 'playwright') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["push"], "MEDUSA_BACKEND_URL"),
        (["undo", A_RUN], "STOREFRONT_DB_URL"),
        (["runs"], "MEDUSA_BACKEND_URL"),
        (["history", "9781639739134"], "QUEUE_DB_URL"),
        (["explain", "9781639739134"], "MEDUSA_BACKEND_URL"),
        (["status"], "QUEUE_DB_URL"),
        (["sync-stock"], "R2_BUCKET_NAME"),
        (["discover"], "R2_BUCKET_NAME"),
        (["enrich", "9781639739134"], "R2_BUCKET_NAME"),
        (["retire", "9781639739134"], "R2_BUCKET_NAME"),
        (["queue", "migrate"], "QUEUE_OWNER_DB_URL"),
        (["alert", "test"], "ALERT_URLS"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_missing_settings_are_named(words: list[str], named: str):
    done = ingram(*words, "--json")
    assert done.returncode == 2
    assert f"{named} is missing" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert json.loads(done.stdout)["error"] == done.stderr.strip()


@pytest.mark.parametrize(
    "words", [["up"], ["discover"], ["discover", "--file", "list.txt"], ["read", "a.html"]]
)
def test_a_site_file_that_cannot_be_meant_stops_a_command_before_it_does_anything(
    words: list[str], tmp_path: Path
) -> None:
    (tmp_path / "a.html").write_text("<html></html>")
    (tmp_path / "list.txt").write_text("9780306406157")
    (tmp_path / "my.toml").write_text('[centers]\nNord = "Nord"')
    words = [str(tmp_path / word) if "." in word else word for word in words]
    done = ingram(*words, "--json", SITE_FILE=str(tmp_path / "my.toml"))
    assert done.returncode == 2
    assert 'SITE_FILE is malformed: in my.toml, [centers] "Nord" has to be two letters' in done.stderr


def test_up_names_what_is_missing_a_line_for_each_file():
    done = ingram("up", "--json")
    assert done.returncode == 2
    for line, file, named in zip(
        done.stderr.strip().splitlines(),
        (".env.scraper", ".env.storefront", ".env"),
        ("R2_ENDPOINT", "MEDUSA_BACKEND_URL", "DAGSTER_PG_URL"),
        strict=True,
    ):
        assert f"{named} is missing" in line
        assert re.search(rf"Set them in /\S+/{re.escape(file)} ", line), "with its folder: it was chosen"
    assert json.loads(done.stdout)["error"] == done.stderr.strip()


@pytest.mark.parametrize("command", ["enrich", "retire", "push", "history", "explain"])
def test_a_wrong_isbn_is_named(command: str):
    done = ingram(command, "9781639739135")
    assert done.returncode == 2
    assert "'9781639739135' is no ISBN: check digit 5 should be 4." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["enrich", "9781639739135", "--json"], "check digit 5 should be 4"),
        (["enrich", "--json"], "Missing argument 'ISBN...'"),
        (["push", "--json", "--no-such-option"], "No such option"),
        (["undo", "nope", "--json"], "'RUN_ID': 'nope' is no run's id"),
        (["undo", "0b7", "--json"], "'RUN_ID': '0b7' is no run's id"),
        (["runs", "0b7", "--json"], "'[RUN]': '0b7' is no run's id"),
        (["runs", "--last", "0", "--json"], "0 is not in the range"),
        (
            ["sync-stock", "１２", "--json"],
            "'[SEARCH_ID]': '１２' is none: it has to be the saved search's number",
        ),
        (
            ["sync-stock", "a b", "--json"],
            "'[SEARCH_ID]': 'a b' is none: it has to be the saved search's number",
        ),
        (["discover", "a b", "--json"], "'a b' is none: it has to be the saved search's number"),
        (["discover", "1", "2", "--json"], "Name one search"),
        (["queue", "let-in", "0", "--json"], "'0' is no whole number from 1 to 1,000,000"),
        (["queue", "let-in", "9" * 14, "--json"], "is no whole number from 1 to 1,000,000"),
        (["queue", "let-in", "9" * 5000, "--json"], "is no whole number from 1 to 1,000,000"),
        (["queue", "let-in", "many", "--json"], "'many' is no whole number from 1 to 1,000,000"),
        (["no-such-command", "--json"], "No such command 'no-such-command'"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_wrong_usage_is_told_to_a_program_too(words: list[str], told: str):
    done = ingram(*words)
    assert done.returncode == 2
    assert told in done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["ok"] is False
    assert told in answer["error"]


def test_help_is_help_with_json_too():
    done = ingram("push", "--json", "--help")
    assert done.returncode == 0
    assert "ingram push --dry-run" in done.stdout


@pytest.mark.parametrize(
    "url",
    [
        "nonsense-sEcret",
        "mysql://dagster:sEcret@127.0.0.1/dagster",
        "postgresql://dagster:sEcret@127.0.0.1:port/dagster",
    ],
)
def test_a_malformed_address_of_dagster_s_database_is_one_sentence(url: str, tmp_path: Path):
    done = ingram("push", **UNREACHABLE, DAGSTER_PG_URL=url, INGRAM_STATE_DIR=str(tmp_path))
    assert done.returncode == 2
    told = done.stderr.replace("push: starting", "").strip()
    assert told.startswith("DAGSTER_PG_URL is malformed")
    assert len(told.splitlines()) == 1
    assert "sEcret" not in done.stderr + done.stdout


@pytest.mark.parametrize("words", [["push"], ["status"], ["history", "9781639739134"]], ids=lambda w: w[0])
def test_a_database_that_is_down_is_one_sentence(words: list[str], tmp_path: Path):
    pg = "postgresql://dagster:sEcret@127.0.0.1:1/dagster"
    done = ingram(*words, **UNREACHABLE, DAGSTER_PG_URL=pg, INGRAM_STATE_DIR=str(tmp_path))
    # `status` is done once it has looked: that nothing is known is its first line.
    assert done.returncode in ((0,) if words == ["status"] else (1, 2))
    told = done.stderr.replace("push: starting", "").strip() or done.stdout.splitlines()[0]
    assert re.search("can't be reached|Could not read", told)
    assert len(told.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert "sEcret" not in done.stderr + done.stdout


def test_what_a_killed_command_left_is_cleared_by_the_next(tmp_path: Path, eventually):
    common = CommonSettings(DAGSTER_PG_URL="postgresql://x", INGRAM_STATE_DIR=tmp_path)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = common.state_dir / "commands" / str(gone.pid)
    left.mkdir(parents=True)
    sleeper = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={**os.environ, MARK: str(left)}
    )
    try:
        with launch.command_folder(common) as folder:
            assert folder.name == str(os.getpid())
            folder.mkdir()
        assert sleeper.wait(30) != 0
        assert list((common.state_dir / "commands").iterdir()) == []
    finally:
        sleeper.kill()


class TestLowStock:
    RULES = StoreRules(low_stock_threshold=5, safety_stock=2)

    def title(self, on_hand: int | None, on_order: int = 0, **more: object) -> Title:
        stock = None if on_hand is None else {"TN": DcStock(on_hand, on_order, "primary")}
        return Title(1, f"97800000000{on_hand or 0:02}", "A book", stock=stock, **more)  # type: ignore[arg-type]

    def low(self, *titles: Title) -> list[int]:
        found = low_stock(titles, rules=self.RULES, today=date(2026, 11, 20))
        return [title.copies for title in found]

    def test_it_is_of_copies_to_sell(self):
        assert self.low(*(self.title(on_hand) for on_hand in (9, 8, 7, 3))) == [1, 5]

    def test_what_is_gone_unknown_or_not_counted_is_not_low(self):
        assert self.low(self.title(0), self.title(2, 10), self.title(None)) == []
        assert self.low(self.title(3, binding="eBook")) == []
        assert self.low(self.title(3, publication_date=date(2027, 2, 3))) == []


def printed(capsys: pytest.CaptureFixture[str], counts: dict[str, int], **details: object) -> str:
    report = {"job": "push", "counts": counts, "failed": [], "notes": [], "details": details}
    with pytest.raises(SystemExit):
        finish(RunResult(A_RUN, True, [report], None, None, None, 1.0), False)  # type: ignore[list-item]
    return capsys.readouterr().out


COUNTS = {"written": 1, "unchanged": 2, "skipped": 1, "unmanaged": 3, "repaired": 0, "medusa_reads": 4}


def test_what_was_done_and_what_would_be_are_told_apart_in_words_of_the_trade(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "200")
    change = {"title": "A Book", "before": 410, "after": 230, "label": "In stock", "reasons": ["It sold."]}
    done = printed(capsys, COUNTS, changes={"9780306406157": change})
    assert "9780306406157 A Book: 410 → 230, In stock" in done
    assert re.search(r"1 +changed in the store", done)
    assert "would" not in done
    plan = printed(
        capsys, {**COUNTS, "planned": 1, "would_create": 0}, dry_run=True, changes={"9780306406157": change}
    )
    assert plan.startswith("A plan: nothing was written.\n")
    assert re.search(r"1 +would be changed in the store", plan)
    assert "It sold." in plan
    for said in (done, plan):
        assert not re.search(r"medusa|skipped|unmanaged|\b0\b", said)


def test_nothing_to_do_is_said(capsys: pytest.CaptureFixture[str]):
    assert printed(capsys, {"written": 0, "medusa_reads": 4}).startswith("Nothing was to be done.\n")
    assert "Nothing would change." in printed(capsys, {"planned": 0}, dry_run=True)


def test_leaving_out_is_for_a_push_of_all():
    done = ingram("push", "9780306406157", "--leave-out", "9781639739134", "--json")
    assert done.returncode == 2
    assert "name no ISBN beside it" in json.loads(done.stdout)["error"]
