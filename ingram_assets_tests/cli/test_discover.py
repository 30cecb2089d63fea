"""`ingram discover` as it is typed: real runs on a Dagster and a queue, beside a simulated site."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ingram_assets.defs.keys import ISBNS_NAME
from ingram_assets.runtime.instance import dagster_instance
from ingram_assets.settings.shared import CommonSettings
from ingram_assets_tests.testing.queue import Queue, migrated
from ingram_assets_tests.testing.shop import make_isbn
from ingram_assets_tests.testing.workbooks import xlsx
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.simulator import Simulator, running_simulator

ROOT = Path(__file__).parents[2]
OWN = [make_isbn(number) for number in range(72_000, 72_006)]


@dataclass
class Finder:
    """A shop's scraper side, on which commands are typed."""

    queue: Queue
    site: Simulator
    environment: dict[str, str]
    common: CommonSettings

    def __call__(self, *words: str, piped: str = "", **settings: str) -> "Typed":
        done = subprocess.run(
            [sys.executable, "-m", "ingram_assets.cli", "discover", *words],
            env=self.environment | settings,
            input=piped,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Typed(done.returncode, done.stdout, done.stderr)

    def tracked(self) -> tuple[set[str], set[str]]:
        """ISBNs that are partitions, and those that have a row."""
        with dagster_instance(self.common) as instance:
            partitions = set(instance.get_dynamic_partitions(ISBNS_NAME))
        return partitions, {isbn for (isbn,) in self.queue.sql("SELECT DISTINCT isbn FROM ingram_queue")}


@dataclass
class Typed:
    """What a command said."""

    code: int
    said: str
    errors: str

    @property
    def answer(self) -> dict[str, Any]:
        """The JSON of its last line."""
        answer: dict[str, Any] = json.loads(self.said.splitlines()[-1])
        return answer


@pytest.fixture(scope="module")
def discover(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finder]:
    home = tmp_path_factory.mktemp("finder")
    queue = migrated(postgres, "queue_of_discover")
    dagster = postgres.create_database("dagster_of_discover")
    with running_simulator(titles=30) as site:
        given = {
            **dict.fromkeys(("R2_ENDPOINT", "R2_PUBLIC_URL"), "http://127.0.0.1:9"),
            **dict.fromkeys(("R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY", "R2_BUCKET_NAME"), "unused"),
            "DAGSTER_PG_URL": dagster,
            "INGRAM_STATE_DIR": str(home / "state"),
            "INGRAM_ENV_DIR": str(home),
            "IPAGE_BASE_URL": site.url,
            "IPAGE_SESSION_COOKIE": site.signed_in_cookie(),
            "QUEUE_DB_URL": queue.writer,
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "300",
        }
        machine = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        common = CommonSettings(DAGSTER_PG_URL=dagster, INGRAM_STATE_DIR=home / "state")
        yield Finder(queue, site, machine | given, common)


def test_a_list_an_export_and_a_saved_page_are_tracked_as_one(discover: Finder, tmp_path: Path):
    """Numbers without a title come in once their pages were read: one of them iPage does not list."""
    read, nowhere = discover.site.isbns()[0], OWN[0]
    listed, export, page = tmp_path / "list.txt", tmp_path / "export.xlsx", tmp_path / "page.html"
    listed.write_text(f"# ours\n{read}  {nowhere} {OWN[1]}\n9780593135205\nhello\n")
    rows = [["EAN", "Title", "List Price"], [OWN[1], "Second", "$8.00"], [OWN[2], "Third", "$9"]]
    export.write_bytes(xlsx({"S": rows}))
    page.write_text(
        "<html><body><script></script><p>3 results</p><table><tr><th>Title</th><th>EAN</th></tr>"
        f"<tr><td>Fourth</td><td>{OWN[3]}</td></tr></table></body></html>"
    )
    files = ["--file", str(listed), str(export), str(page)]
    plan = discover(*files, "--dry-run")
    assert plan.code == 1, plan.errors
    assert (
        "A plan: nothing was written.\n5 titles: 5 would be new, 0 known, 2 lines not understood."
        in plan.said
    )
    assert f"{OWN[2]} Third" in plan.said
    assert "2 of them have no title in the file: their pages are read first" in plan.said
    assert discover.tracked() == (set(), set())

    done = discover(*files)
    assert done.code == 1, done.errors
    assert "5 titles: 4 new, 0 known, 2 lines not understood." in done.said
    assert "list.txt, line 3: '9780593135205' is no ISBN: check digit 5 should be 4." in done.said
    assert "list.txt, line 4: “hello” has no ISBN in it." in done.said
    assert (
        "page.html: The page shows 1 of 3 titles, and 2 are not on it: save the other pages as well"
        in done.said
    )
    assert f"{nowhere} The site lists nothing here" in done.said
    here = {read, *OWN[1:4]}
    assert discover.tracked() == (here, here)
    of_the_export = "SELECT isbn, title, srp_price::text FROM ingram_queue WHERE isbn = ANY(%s) ORDER BY isbn"
    assert discover.queue.sql(of_the_export, OWN[1:3]) == [
        (OWN[1], "Second", "8.00"),
        (OWN[2], "Third", "9.00"),
    ]

    listed.write_text(f"{read}\n9780593135205\n")
    again = discover(*files, "--json")
    assert again.code == 1
    answer = again.answer
    assert (answer["discovered"], answer["new"], answer["known"], answer["rejected"]) == (4, 0, 4, 1)
    assert answer["ok"] is False
    assert [each["isbn"] for each in answer["failed"]] == ["9780593135205"]
    assert discover.tracked() == (here, here)


def test_a_list_that_is_piped_in(discover: Finder):
    before, _ = discover.tracked()
    done = discover("--file", "-", "--json", piped=f"ISBN,Title\n{OWN[4]},Fifth\n{OWN[5]},Sixth\n")
    assert done.code == 0, done.errors
    assert (done.answer["new"], done.answer["known"]) == (2, 0)
    assert discover.tracked()[0] == before | set(OWN[4:])


def test_the_saved_search_itself_by_whatever_names_it(discover: Finder):
    site, (before, _) = discover.site, discover.tracked()
    address = f"{site.url}/ipage/search/savedSearch.action?tok=1&searchId={site.search_id}&No=25#top"
    site.set(results_markup="cards", export_as="popup")
    plan = discover(address, "--dry-run", "--json")
    assert plan.code == 0, plan.errors
    assert set(plan.answer["new"]) == set(site.isbns()) - before
    assert discover.tracked()[0] == before
    done = discover(IPAGE_SAVED_SEARCH_ID=address)
    site.reset()
    assert done.code == 0, done.errors
    assert "30 titles: 29 new, 1 known." in done.said
    assert "The export could not be had" in done.said
    assert "2 pages of results serve" in done.said
    assert discover.tracked()[0] == before | set(site.isbns())
    again = discover(site.search_id, "--json")
    assert (again.code, again.answer["new"], again.answer["known"]) == (0, 0, 30)


def test_what_is_no_search_is_told_before_anything_is_asked(discover: Finder, tmp_path: Path):
    discover.site.reset_requests()
    (tmp_path / "letter.txt").write_text("Dear Ada,\n")
    for words, told in (
        (["https://site.example/s?searchId=1"], "is of another host than the site's, 127.0.0.1"),
        (["a b"], "saved search's number"),
        ([str(tmp_path / "letter.txt")], "is a file: ingram discover --file"),
        (["1", "2"], "Name one search"),
        ([], "IPAGE_SAVED_SEARCH_ID is missing: set it in"),
        (
            ["--file", str(tmp_path / "letter.txt")],
            "letter.txt lists no titles that can be read: ISBN: no ISBN",
        ),
        (["--file", str(tmp_path / "none.xlsx")], "none.xlsx can't be read: No such file"),
        (["--file", str(tmp_path)], "can't be read: it is a folder, and not a file"),
        (["--file", "-"], "standard input lists no titles that can be read: export: it is empty"),
        (["--file", "x", "--let-through"], "a file takes no title away"),
    ):
        done = discover(*words, "--json")
        assert done.code == 2, (words, done.errors)
        assert told in done.answer["error"], words
    assert discover.site.requests(log=False)["by_kind"] == {}


def test_a_search_that_is_not_there_says_what_to_do(discover: Finder):
    done = discover("999", "--json")
    assert done.code == 2
    assert "iPage has no saved search 999 that this account may see" in done.answer["error"]
    assert "ingram discover --file" in done.answer["error"]
