"""`ingram report` while a system is frozen: it takes connections, and never answers."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ingram_assets.cli.report_archive import write_report
from ingram_assets.overview import report_facts
from ingram_assets_tests.testing.looked_at_shop import LookedAtShop
from ingram_assets_tests.testing.oracle import until
from ingram_assets_tests.testing.tcp_proxy import Line, Trouble

pytestmark = pytest.mark.xdist_group("operations")


def before(url: str) -> tuple[Line, Trouble]:
    """A line to a database, which lets in and then answers nothing that is asked; and what counts that."""
    parts = urlsplit(url)
    line = Line(parts.hostname or "", parts.port or 5432)
    return line, line.make("hang", only=rb"(?i)SELECT|SHOW")


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "none").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("INGRAM_ENV_DIR", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def test_a_frozen_database_costs_its_own_part(
    shop: LookedAtShop, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_facts, "_EACH_AT_MOST", 2.0)
    monkeypatch.setattr(report_facts, "_ALL_AT_MOST", 7.0)
    began = time.monotonic()
    (queue, _), (dagster, _) = before(shop.queue.reader), before(shop.dagster)
    with queue, dagster:
        monkeypatch.setenv("QUEUE_DB_URL", queue.through(shop.queue.reader))
        monkeypatch.setenv("DAGSTER_PG_URL", dagster.through(shop.dagster))
        write_report(None, is_json=True)
    assert time.monotonic() - began < 25
    with zipfile.ZipFile(next(work.iterdir())) as archive:
        told = {Path(name).name: archive.read(name) for name in archive.namelist()}
    postgresql = json.loads(told["versions.json"])["postgresql"]
    assert postgresql["queue"] == {"away": "It did not answer within 2 s."}
    assert postgresql["journal"][0].isdigit(), "this one is there"
    assert json.loads(told["migrations.json"])["journal"].isdigit()
    assert json.loads(told["runs.json"])["away"].startswith("It was not asked: ")
    assert b"versions: postgresql: queue: It did not answer" in told["READ-ME-FIRST.txt"]


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_when_asked_to(shop: LookedAtShop, work: Path, asked: signal.Signals) -> None:
    dagster, frozen = before(shop.dagster)
    with dagster:
        command = subprocess.Popen(
            [sys.executable, "-m", "ingram_assets.cli", "report"],
            env=os.environ | {"DAGSTER_PG_URL": dagster.through(shop.dagster)},
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            until(lambda: frozen.suffered, 60, "a question that stays without an answer")
            command.send_signal(asked)
            _, said = command.communicate(timeout=5)
        finally:
            command.kill()
    assert (command.returncode, said.strip().splitlines()[-1]) == (130, "Stopped.")
    assert list(work.iterdir()) == []
