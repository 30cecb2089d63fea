"""The journal's database stops answering while somebody is at the desk: each page comes, and says so."""

import time
from urllib.parse import urlsplit

import pytest

from ingram_assets.overview import board_watch
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.desk import DeskShop, Visitor, running_desk
from ingram_assets_tests.testing.queue import migrated
from ingram_assets_tests.testing.tcp_proxy import Line
from ingram_demo.embedded.medusa import Medusa
from ingram_demo.embedded.postgres import Postgres

pytestmark = pytest.mark.xdist_group("medusa")

_SOME_SECONDS = 20.0
"""A page looks up who is signed in, asks the journal, and other systems beside, each for some seconds."""


def test_every_page_comes_and_names_the_journal(
    desk: DeskShop,
    medusa: Medusa,
    journal_url: str,
    postgres: Postgres,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(board_watch, "_LOOK_SECONDS", 9.0)
    isbn, queue = desk.title("Between Two Fires", ingram=9), migrated(postgres, "queue_of_frozen")
    with QueueWriter(queue.writer) as writer:
        writer.add_titles([{"isbn": isbn, "title": "Between Two Fires", "srp_price": "18.99"}])
    address = urlsplit(journal_url)
    with (
        Line(address.hostname or "", address.port or 5432) as line,
        running_desk(medusa, line.through(journal_url), queue_url=queue.reader) as url,
    ):
        ada = Visitor.at(url)
        assert ada.sign_in(medusa.email, medusa.password).status_code == 303
        pages = ("/", "/inventory", f"/titles/{isbn}", "/inventory/ledger", "/requests/store", "/runs")
        for path in pages:
            assert ada.http.get(path).status_code == 200
        line.make("hang")
        for _ in range(2):
            for path in pages:
                began = time.monotonic()
                answer = ada.http.get(path)
                assert time.monotonic() - began < _SOME_SECONDS, path
                assert answer.status_code == 200, path
                assert "Medusa can&#39;t be asked" not in answer.text, path
                assert "Medusa can't be asked" not in answer.text, path
                if path.startswith(("/titles", "/requests/store")):
                    assert "The journal can" in answer.text
                if path == "/inventory/ledger":
                    assert "The ledger can" in answer.text
        board = _until_said(ada)
        assert "Between Two Fires" in board
        line.heal()


def _until_said(ada: Visitor) -> str:
    """The board, once it says that the journal is away: it asks every ten seconds or so."""
    for _ in range(60):
        page = ada.http.get("/").text
        if "The journal can" in page:
            return page
        time.sleep(0.5)
    raise AssertionError("the board says nothing of the journal")
