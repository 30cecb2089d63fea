"""`ingram up` as a service: whatever dies comes back, a second one is refused, Ctrl-C ends all."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from ingram_assets.demo.embedded.postgres import Postgres
from ingram_assets.processes import MARK

pytestmark = pytest.mark.xdist_group("operations")

PROCESSES = {"scraper", "storefront", "operations", "web-server", "daemon"}


@dataclass
class Up:
    process: subprocess.Popen[str]
    environment: dict[str, str]
    folder: Path
    first_line: str

    @property
    def ui_url(self) -> str:
        return next(word for word in self.first_line.split() if word.startswith("http://"))

    def pids(self) -> dict[str, int]:
        listed = json.loads((self.folder / "up" / "processes.json").read_text())
        return {one["name"]: one["pid"] for one in listed["children"]}

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.ui_url}/server_info", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False


@pytest.fixture(scope="module")
def up(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A running `ingram up` whose outside world, but for its databases, is not there."""
    folder = tmp_path_factory.mktemp("up")
    nowhere = "http://127.0.0.1:9"
    queue = postgres.create_database("queue_of_up")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "INGRAM_STATE_DIR": str(folder),
        "INGRAM_PORT_UI": "0",
        "DAGSTER_PG_URL": postgres.create_database("dagster_of_up"),
        "QUEUE_OWNER_DB_URL": queue,
        "QUEUE_DB_URL": queue,
        "STOREFRONT_DB_URL": postgres.create_database("journal_of_up"),
        "IPAGE_BASE_URL": nowhere,
        "IPAGE_SESSION_COOKIE": "JSESSIONID=example",
        "IPAGE_SAVED_SEARCH_ID": "1",
        **dict.fromkeys(("R2_ENDPOINT", "R2_PUBLIC_URL", "MEDUSA_BACKEND_URL"), nowhere),
        **dict.fromkeys(("R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY", "R2_BUCKET_NAME"), "example"),
        "MEDUSA_API_KEY": "sk_example",
    }
    command = [sys.executable, "-m", "ingram_assets.cli", "up"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield Up(process, environment, folder, process.stdout.readline())
    if process.poll() is None:
        process.terminate()
        process.wait(60)


def test_all_of_it_runs(up: Up):
    assert set(up.pids()) == PROCESSES
    assert up.answers()


def test_whatever_is_killed_comes_back(up: Up, eventually: Callable[..., None]):
    before = up.pids()
    for pid in before.values():
        psutil.Process(pid).kill()
    eventually(lambda: all(pid != before[name] for name, pid in up.pids().items()), seconds=120)
    eventually(up.answers, seconds=120)
    assert set(up.pids()) == PROCESSES


def test_a_second_one_is_refused(up: Up):
    command = [sys.executable, "-m", "ingram_assets.cli", "up"]
    second = subprocess.run(command, env=up.environment, capture_output=True, text=True, timeout=120)
    assert second.returncode == 2
    assert f"Already running, pid {up.process.pid}" in second.stderr
    assert up.process.poll() is None


def test_ctrl_c_ends_all(up: Up):
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(90) == 0
    left = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(up.folder / "up"):
                left.append(process.name())
        except psutil.Error:
            continue
    assert left == []
