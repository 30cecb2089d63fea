"""`ingram up` as a service: whatever dies comes back, a second one is refused, Ctrl-C ends all."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import httpx
import psutil
import pytest

from ingram_assets.runtime.code_server import forget_old_files
from ingram_assets.runtime.instance import dagster_instance
from ingram_assets.runtime.processes import MARK
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import CommonSettings
from ingram_assets_tests.testing.memory import in_memory
from ingram_demo.embedded.postgres import Postgres

pytestmark = pytest.mark.xdist_group("operations")

PROCESSES = {"scraper", "storefront", "operations", "web-server", "daemon", "desk"}


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

    def loaded(self) -> set[str]:
        """The code locations that the web server has from their code servers."""
        query = """{ workspaceOrError { ... on Workspace {
            locationEntries { name locationOrLoadError { __typename } } } } }"""
        try:
            answer = httpx.post(f"{self.ui_url}/graphql", json={"query": query}, timeout=30).json()
        except (httpx.HTTPError, ValueError):
            return set()
        entries = answer["data"]["workspaceOrError"]["locationEntries"]
        return {
            one["name"]
            for one in entries
            if (one["locationOrLoadError"] or {}).get("__typename") == "RepositoryLocation"
        }

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.ui_url}/server_info", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False


@pytest.fixture(scope="module")
def up(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A running `ingram up` whose outside world, but for its databases, is not there, or never answers."""
    folder = tmp_path_factory.mktemp("up")
    nowhere = "http://127.0.0.1:9"
    silent = socket.create_server(("127.0.0.1", 0))
    queue = postgres.create_database("queue_of_up")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "INGRAM_STATE_DIR": str(folder),
        "INGRAM_PORT_UI": "0",
        "INGRAM_PORT_DESK": "0",
        "DESK_URL": "https://desk.bookstore.example",
        "DAGSTER_PG_URL": postgres.create_database("dagster_of_up"),
        "QUEUE_OWNER_DB_URL": queue,
        "QUEUE_DB_URL": queue,
        "STOREFRONT_DB_URL": postgres.create_database("journal_of_up"),
        "IPAGE_BASE_URL": f"http://127.0.0.1:{silent.getsockname()[1]}",
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
    silent.close()


@pytest.fixture(scope="module")
def instance(up: Up) -> Iterator[dg.DagsterInstance]:
    with dagster_instance(load(CommonSettings, up.environment)) as instance:
        yield instance


def test_all_of_it_runs(up: Up, eventually: Callable[..., None]):
    assert set(up.pids()) == PROCESSES
    eventually(up.answers)


def test_links_of_alerts_lead_through_the_desk_and_its_own_requests_do_not(up: Up):
    through, itself = (
        f"INGRAM_UI_URL={url}\0" for url in ("https://desk.bookstore.example/dagster", up.ui_url)
    )
    assert up.ui_url.endswith("/dagster")
    for name, pid in up.pids().items():
        told = through if name == "operations" else itself
        assert in_memory(pid, {through: [through.encode()], itself: [itself.encode()]}) == {told}, name


@pytest.mark.skipif(sys.platform != "linux", reason="A process is forked on Linux alone.")
def test_what_only_watches_holds_neither_dagster_nor_a_databases_client(up: Up):
    files = {Path(each.path).name for each in psutil.Process(up.process.pid).memory_maps()}
    assert any("pydantic" in name for name in files)
    assert not [name for name in files if any(one in name for one in ("grpc", "psycopg", "sqlalchemy"))]


def test_all_of_it_answers_on_this_machine_alone(up: Up, eventually: Callable[..., None]):
    """Dagster's page asks nobody for a password, and whoever opens it may start a run."""
    eventually(up.answers)
    open_at: dict[str, set[str]] = {}
    for name, pid in up.pids().items():
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                sockets = each.net_connections(kind="inet")
                open_at.setdefault(name, set()).update(
                    one.laddr.ip.removeprefix("::ffff:")  # as gRPC writes an address of IPv4
                    for one in sockets
                    if one.status == psutil.CONN_LISTEN
                )
    assert open_at["web-server"] == {"127.0.0.1"}
    assert set().union(*open_at.values()) <= {"127.0.0.1", "::1"}, open_at


def test_whatever_is_killed_comes_back_and_the_run_at_work_is_failed(
    up: Up, instance: dg.DagsterInstance, eventually: Callable[..., None]
):
    # The first discovery begins by itself, and waits for a site that never answers.
    at_work = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
    eventually(lambda: bool(instance.get_runs(at_work)), seconds=200)
    (run,) = instance.get_runs(at_work)
    before = up.pids()
    for pid in before.values():
        psutil.Process(pid).kill()
    eventually(lambda: all(pid != before[name] for name, pid in up.pids().items()), seconds=30)
    eventually(up.answers, seconds=240)
    eventually(lambda: up.loaded() == {"scraper", "storefront", "operations"}, seconds=240)
    assert set(up.pids()) == PROCESSES

    # Else no other would ever begin: never two at once.
    def failed() -> bool:
        found = instance.get_run_by_id(run.run_id)
        return found is not None and found.is_failure

    eventually(failed, seconds=300)
    (ended,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert "The code server that it ran in" in str(ended.get_dagster_event().message)


def test_the_logs_are_for_a_person(up: Up, instance: dg.DagsterInstance):
    """After ticks of every sensor and a run: neither its events nor the ticks line by line."""
    *_, run = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
    kinds = {entry.dagster_event_type for entry in instance.all_logs(run.run_id)}
    assert dg.DagsterEventType.ENGINE_EVENT in kinds, "they are in the database all the same"
    logs = {file.stem: file.read_text() for file in (up.folder / "up" / "logs").glob("*.log")}
    assert set(logs) == PROCESSES
    for name, text in logs.items():
        for unwanted in (
            "DEBUG",
            "STEP_START",
            "ENGINE_EVENT",
            "Checking for new runs",
            "Prefetching",
            "skipped",
        ):
            assert unwanted not in text, (name, unwanted)
    assert "Started Dagster code server" in logs["scraper"]
    assert sorted(up.folder.glob("dagster/storage/*/sweep_due/*.err")), "Dagster's page shows a tick's reason"


def test_what_runs_and_ticks_printed_is_kept_for_a_while(tmp_path: Path):
    day, now = 86400, 1_800_000_000.0
    ages = {
        "storage/__repository__/sweep_due/1.err": 1.9,
        "storage/__repository__/sweep_due/2.err": 2.1,
        "storage/__repository__/covers_due/3.out": 40,
        "storage/run-1/compute_logs/abc.err": 29,
        "storage/run-2/compute_logs/abc.err": 31,
        "storage/run-2/compute_logs/abc.out": 31,
        "storage/run-3/compute_logs/abc.err": 31,
        "storage/run-3/compute_logs/abc.out": 1,
        "storage/some_asset": 400,
        "dagster.yaml": 400,
    }
    for name, days in ages.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
        os.utime(file, (now - days * day,) * 2)
    assert forget_old_files(tmp_path, now) == 5
    left = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert left == {
        "storage/__repository__/sweep_due/1.err",
        "storage/run-1/compute_logs/abc.err",
        "storage/run-3/compute_logs/abc.out",
        "storage/some_asset",
        "dagster.yaml",
    }
    assert not (tmp_path / "storage/run-2").exists()
    assert forget_old_files(tmp_path / "nowhere", now) == 0


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
