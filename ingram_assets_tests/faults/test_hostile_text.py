"""Text that means harm: markup, scripts, control and direction characters, formulas, 64 KB: all is text.

What the parsers and the queue make of it is shown in `ipage` and `queue`; here it is followed to the store,
to Dagster's events and to the terminal.
"""

import json
import re
import unicodedata
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner

from ingram_assets.cli import run_commands
from ingram_assets.cli.main import main
from ingram_assets.cli.terminal import one_line, plain
from ingram_assets.defs.keys import STOCK, TITLE_DETAILS
from ingram_assets.defs.scraper.stock_plot import plot
from ingram_assets.overview.run_results import RunResult
from ingram_assets.runtime.instance import dagster_instance
from ingram_assets_tests.testing.commands import Shell
from ingram_assets_tests.testing.demo import Admin
from ingram_assets_tests.testing.oracle import await_quiet, queue
from ingram_assets_tests.testing.running_shop import with_copies
from ingram_demo.stack import Stack

pytestmark = pytest.mark.timeout(900)

SCRIPT = "<script>alert('title')</script><img src=x onerror=alert(1)>"
FORMULA = '=HYPERLINK("http://127.0.0.1:9/","Click")'
MARKUP = (
    "[bold red]Not markup[/bold red] ](javascript:alert(1)) `x` ![a](b) [link=file:///etc/hostname]y[/link]"
)
CONTROLS = "bell\x07 \x1b[2J\x1b]0;owned\x07 \x9b31m red \u202egnirts\u202c \u2066x\u2069 line\u2028two"
LONG = "word " * 13_000
HOSTILE = (SCRIPT, FORMULA, MARKUP, CONTROLS, LONG)

DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def is_plain(printed: str) -> bool:
    """Nothing in it moves the cursor, colors, rings, or turns a line around."""
    controls = [each for each in printed if unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp")]
    return set(controls) <= {"\n", "\t"} and not DIRECTION.search(printed)


@pytest.mark.usefixtures("good_weather")
def test_titles_of_the_site_reach_the_store_dagster_and_the_terminal(
    stack: Stack, scraper: Shell, storefront: Shell
) -> None:
    await_quiet(stack)
    site = stack.simulator
    isbns = with_copies(stack)[: len(HOSTILE)]
    before = {isbn: site.entry(isbn) for isbn in isbns}
    for isbn, text in zip(isbns, HOSTILE, strict=True):
        site.edit(isbn, title=text, annotation=f"<p>{text[:15_000]}</p><script>alert(2)</script>")
    try:
        read = scraper("enrich", *isbns, "--json")
        assert read.exit_code == 0, (read.output, read.errors)
        looked = storefront("push", *isbns, "--dry-run")
        assert looked.exit_code == 0, looked.errors
        pushed = storefront("push", *isbns, "--json")
        assert pushed.exit_code == 0, (pushed.output, pushed.errors)
        explained = storefront("explain", isbns[3])
        printed = [looked.output, looked.errors, explained.output]
        assert [text for text in printed if not is_plain(text)] == []

        products = {of["handle"]: of for of in Admin(stack).products()}
        shown = [
            next(of["title"] for handle, of in products.items() if handle.endswith(isbn)) for isbn in isbns
        ]
        assert shown[:3] == [SCRIPT, FORMULA, MARKUP]
        assert is_plain(shown[3])
        assert shown[3].startswith("bell")
        assert shown[4] == LONG[:999].rstrip() + "…", "of 64 KB the beginning, and the book is not lost"

        with dagster_instance(stack.common) as instance:
            for isbn in isbns:
                for asset in (TITLE_DETAILS, STOCK):
                    _assert_plain_metadata(instance, asset, isbn)
    finally:
        for isbn, of in before.items():
            site.edit(isbn, title=of["title"], annotation=of["annotation"])
        assert scraper("enrich", *isbns, "--json").exit_code == 0


def _assert_plain_metadata(instance: dg.DagsterInstance, asset: dg.AssetKey, isbn: str) -> None:
    """The UI renders Markdown and links, and shows text as text."""
    wanted = dg.AssetRecordsFilter(asset, asset_partitions=[isbn])
    (record,) = instance.fetch_materializations(wanted, limit=1).records
    assert record.asset_materialization is not None
    metadata = record.asset_materialization.metadata
    title = metadata["title"]
    assert isinstance(title, dg.TextMetadataValue)
    assert title.text is not None
    assert len(title.text) <= 200
    assert is_plain(title.text)
    for value in metadata.values():
        if isinstance(value, dg.MarkdownMetadataValue):
            assert value.md_str is not None
            _assert_is_one_picture(value.md_str)


def _assert_is_one_picture(markdown: str) -> None:
    assert re.fullmatch(r"!\[[^\[\]<>\\`]*\]\(data:image/svg\+xml;base64,[A-Za-z0-9+/=]+\)", markdown), (
        markdown[:300]
    )


@pytest.mark.parametrize("text", HOSTILE[:4], ids=["script", "formula", "markup", "controls"])
def test_a_plot_is_a_picture_whatever_the_title(text: str) -> None:
    _assert_is_one_picture(plot([(0, 5), (60, 4)], 120.0, one_line(text)))


def test_rows_of_other_programs_are_printed_as_text(stack: Stack, storefront: Shell) -> None:
    """What others write into the queue went through none of our parsers."""
    isbn = "9780306406157"
    with queue(stack) as connection:
        connection.execute(
            "INSERT INTO ingram_queue (isbn, title, srp_price, failed_reason) VALUES (%s, %s, 18.99, %s)",
            [isbn, CONTROLS + "\nNothing is broken.", "refused \x1b[2J\n" + MARKUP],
        )
    try:
        for words in (("status",), ("explain", isbn), ("history", isbn)):
            done = storefront(*words)
            assert done.exit_code == 0, done.errors
            assert is_plain(done.output), (words, done.output)
        status = storefront("status")
        (line,) = [line for line in status.output.splitlines() if line.startswith(isbn)]
        assert MARKUP[:20] in line
        assert "␛[2J" in line, "made visible"
        assert "Nothing is broken." not in status.output.splitlines(), "a title begins no line of its own"
    finally:
        with queue(stack) as connection:
            connection.execute("DELETE FROM ingram_queue WHERE isbn = %s", [isbn])


def test_a_runs_report_is_printed_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reasons quote the site's cells and the store's answers."""
    report: dict[str, Any] = {
        "counts": {"discovered": 1},
        "failed": [{"isbn": "978\x1b[2J\nDONE", "reason": CONTROLS + MARKUP}],
        "notes": [CONTROLS, MARKUP, "line\nNothing is broken."],
        "details": {
            "dry_run": True,
            "changes": {
                "9780306406157": {
                    **{"title": CONTROLS + MARKUP, "before": 1, "after": 0, "label": "\x1b[31m"},
                    "reasons": [CONTROLS],
                }
            },
        },
    }
    result = RunResult("run", False, [report], None, CONTROLS, None, 1.0)
    monkeypatch.setattr(run_commands, "run_job", lambda *_: result)
    done = CliRunner().invoke(main, ["push"])
    assert done.exit_code == 1
    assert is_plain(done.stdout), done.stdout
    assert is_plain(done.stderr), done.stderr
    assert "[bold red]Not markup[/bold red]" in done.stdout.replace("\n", " ")
    assert not [line for line in done.stdout.splitlines() if line.strip().startswith("DONE")]


def test_a_count_never_stands_for_whether_all_went_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that were read are counted as "ok", which is also the contract's word for the whole."""
    report: dict[str, Any] = {"counts": {"ok": 12}, "failed": [{"isbn": "9780306406157", "reason": "why"}]}
    result = RunResult("run", True, [report | {"notes": [], "details": {}}], None, None, None, 1.0)
    monkeypatch.setattr(run_commands, "run_job", lambda *_: result)
    done = CliRunner().invoke(main, ["push", "--json"])
    assert json.loads(done.stdout)["ok"] is False


def test_what_people_write_stays_as_they_wrote_it() -> None:
    for text in ("Tannhäuser – “Die Pforte”", "👩‍🚀🏴‍☠️ astronaut pirates 🧙🏽‍♂️", "1,000 × 5 °C\tand\nmore"):
        assert plain(text) == text
