"""Each process of `ingram up` by itself: `ingram migrate`, then `ingram serve`."""

import http.client
import json
import os
import re
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

import filelock
import psutil
import psycopg
import pytest

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.runtime.ports import free_port
from ingram_assets.runtime.serve import PORTS, SERVICES
from ingram_assets.runtime.started_by import start_by_up
from ingram_assets.settings.file_of_setting import LOCATIONS
from ingram_assets_tests.testing.tcp_proxy import Line
from ingram_demo.embedded.postgres import Postgres

INGRAM = (sys.executable, "-m", "ingram_assets.cli")
NAMES = {"page": "UI"}
OF_OTHERS = {"IPAGE_PASSWORD": "secret-of-the-scraper", "MEDUSA_API_KEY": "sk_of_the_storefront"}


@pytest.fixture(scope="module")
def environment(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Of a machine on which the databases are brought to this version."""
    folder = tmp_path_factory.mktemp("serve")
    ports = {f"INGRAM_PORT_{NAMES.get(name, name.upper())}": str(free_port()) for name in PORTS}
    given = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "INGRAM_ENV_DIR": str(folder),
        "INGRAM_STATE_DIR": str(folder / "state"),
        "DAGSTER_PG_URL": postgres.create_database("dagster_of_serve"),
        **ports,
    }
    owner = {"QUEUE_OWNER_DB_URL": postgres.create_database("queue_of_serve")}
    for _ in range(2):
        done = subprocess.run([*INGRAM, "migrate"], env=given | owner, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "Dagster's tables are there" in done.stdout
    with psycopg.connect(given["DAGSTER_PG_URL"]) as connection:
        # Made beforehand: a service's own role may make none.
        assert connection.execute("SELECT count(*) FROM ingram_alert_watch").fetchone() == (0,)
    return given


class _Nothing(socketserver.TCPServer):
    """Takes a connection at a code server's port and closes it: Dagster knows at once that it has none."""

    allow_reuse_address = True


@contextmanager
def _code_servers(environment: dict[str, str]) -> Iterator[None]:
    with ExitStack() as opened:
        for name in LOCATIONS:
            at = ("127.0.0.1", int(environment[f"INGRAM_PORT_{name.upper()}"]))
            server = opened.enter_context(_Nothing(at, socketserver.BaseRequestHandler))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            opened.callback(server.shutdown)
        yield


@contextmanager
def _served(environment: dict[str, str], *words: str) -> Iterator[psutil.Process]:
    process = subprocess.Popen([*INGRAM, "serve", *words], env=environment | OF_OTHERS)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        assert process.wait(60) in (0, -15)


def _is_well(environment: dict[str, str], name: str) -> bool:
    words = [*INGRAM, "serve", name, "--check"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    what = "last at .* s ago|never heard" if name == "daemon" else "answers? at|answer at"
    well = "" if done.returncode == 0 else "not "
    said = rf"The service {name} is {well}well: .*({what}).*\.\n"
    assert re.fullmatch(said, done.stdout), done.stdout + done.stderr
    return done.returncode == 0


@pytest.mark.parametrize(
    "words", [("operations", "--host", "::"), ("daemon",), ("page",)], ids=lambda w: w[0]
)
def test_it_is_well_once_it_is_at_work_and_knows_its_own_settings_alone(
    environment: dict[str, str], words: tuple[str, ...], eventually: Callable[..., None]
):
    name = words[0]
    assert not _is_well(environment, name)
    # The page begins without one that is nowhere, after half a minute.
    host = "elsewhere" if name == "page" else "localhost"
    others = nullcontext() if name in LOCATIONS else _code_servers(environment)
    with others, _served(environment | {"INGRAM_HOST_STOREFRONT": host}, *words) as process:
        eventually(lambda: _is_well(environment, name), seconds=120)
        known = process.environ()
        assert not OF_OTHERS.keys() & known.keys()
        assert known["DAGSTER_HOME"] == f"{environment['INGRAM_STATE_DIR']}/dagster"
        assert (known["INGRAM_HOST_SCRAPER"], known["INGRAM_HOST_STOREFRONT"]) == ("127.0.0.1", host)
        if name == "operations":
            assert {one.laddr.ip for one in process.net_connections() if one.status == "LISTEN"} == {"::"}


def test_the_page_waits_for_the_code_servers(environment: dict[str, str], eventually: Callable[..., None]):
    """Else Dagster writes two pages of each that is not there yet, at every start of the machine."""
    with _served(environment, "page") as process:
        time.sleep(3)
        assert "ingram_assets.runtime.dagster_page" not in process.cmdline()
        with _code_servers(environment):
            eventually(lambda: "ingram_assets.runtime.dagster_page" in process.cmdline(), seconds=20)


def test_the_page_has_the_name_that_others_call_it_by(
    environment: dict[str, str], eventually: Callable[..., None]
):
    port = int(environment["INGRAM_PORT_UI"])

    def asked(host: str, path: str = "/dagster/server_info") -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", path, headers={"Host": host})
        return connection.getresponse().status

    named = environment | {"INGRAM_UI_URL": f"http://page:{port}/dagster"}
    with _code_servers(environment), _served(named, "page"):
        eventually(lambda: _is_well(environment, "page"), seconds=120)
        assert asked(f"page:{port}") == 200
        assert asked("elsewhere.example") == 403
        assert asked("elsewhere.example", "/healthz") == 200


def test_its_log_can_be_objects(environment: dict[str, str], tmp_path: Path, eventually: Callable[..., None]):
    """Whatever program it has become, and to its last line; and it has no child that it does not know."""
    log = tmp_path / "log"
    with log.open("wb") as out:
        words = [*INGRAM, "serve", "operations"]
        given = environment | {"LOG_FORMAT": "json"}
        process = subprocess.Popen(words, env=given, stdout=out, stderr=subprocess.STDOUT)
    try:
        eventually(lambda: _is_well(environment, "operations"), seconds=120)
        assert not [
            child for child in psutil.Process(process.pid).children() if child.cmdline()[1:] == words[1:]
        ]
    finally:
        process.terminate()
        assert process.wait(60) in (0, -15)

    def told() -> list[dict[str, str]]:
        return [json.loads(line) for line in log.read_text().splitlines()]

    eventually(lambda: any("Shutting down" in one["message"] for one in told()), seconds=10)
    assert {one["process"] for one in told()} == {"operations"}


def test_what_is_missing_is_named_and_nothing_is_started(environment: dict[str, str]):
    done = subprocess.run([*INGRAM, "serve", "scraper"], env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "R2_ENDPOINT is missing" in done.stderr
    module = [sys.executable, "-m", "ingram_assets.runtime.serve", "desk"]
    done = subprocess.run(module, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "MEDUSA_BACKEND_URL is missing" in done.stderr


def test_a_database_that_says_nothing_is_not_waited_for(environment: dict[str, str], postgres: Postgres):
    with Line("127.0.0.1", postgres.port) as line:
        line.make("hang")
        silent = environment | {"DAGSTER_PG_URL": line.through(environment["DAGSTER_PG_URL"])}
        words = [*INGRAM, "serve", "daemon", "--check"]
        done = subprocess.run(words, env=silent, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stdout.endswith("Dagster's database does not answer within 30 s.\n")


def test_the_migrations_wait_for_a_database_that_comes(environment: dict[str, str], postgres: Postgres):
    owner = postgres.create_database("queue_that_comes")
    with Line("127.0.0.1", postgres.port) as line:
        line.make("cut")
        command = subprocess.Popen(
            [*INGRAM, "migrate"],
            env=environment | {"QUEUE_OWNER_DB_URL": line.through(owner)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert command.stderr
        assert "Waiting for it." in command.stderr.readline()
        line.heal()
        said, _ = command.communicate(timeout=120)
    assert command.returncode == 0
    assert "Dagster's tables are there" in said


def test_the_migrations_are_the_owner_s(environment: dict[str, str], postgres: Postgres):
    """What a lasting service signs in with may write rows alone."""
    word = "of-one-at-work"
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE dagster_at_work_of_serve LOGIN PASSWORD '{word}'".encode())
        connection.execute(b"GRANT CONNECT ON DATABASE dagster_of_serve TO dagster_at_work_of_serve")
    at_work = postgres.url("dagster_of_serve", "dagster_at_work_of_serve", word)
    given = environment | {"DAGSTER_PG_URL": at_work}
    given |= {"QUEUE_OWNER_DB_URL": postgres.create_database("queue_of_owner")}
    done = subprocess.run([*INGRAM, "migrate"], env=given, capture_output=True, text=True)
    assert done.returncode == 2
    assert "Name that database's owner" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_service_has_a_port_but_the_daemon():
    assert {*PORTS, "daemon"} == set(SERVICES)
    assert len({*PORTS.values()}) == len(PORTS)


def test_a_command_finds_the_code_server_of_its_machine(
    environment: dict[str, str], eventually: Callable[..., None]
):
    """`ingram serve` writes down where it answers, as `ingram up` does: a run goes through the queue then."""
    with _served(environment, "operations"):
        eventually(lambda: _is_well(environment, "operations"), seconds=120)
        noted = Path(environment["INGRAM_STATE_DIR"]) / "dagster" / "ports.json"
        assert noted.read_text() == f'{{"operations": {environment["INGRAM_PORT_OPERATIONS"]}}}'


def test_one_of_a_kind_is_at_work_with_a_state_folder(environment: dict[str, str]):
    def refused(name: str) -> str:
        done = subprocess.run(
            [*INGRAM, "serve", name], env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 2
        return done.stderr

    folder = Path(environment["INGRAM_STATE_DIR"])
    with _served(environment, "operations"):
        while not _is_well(environment, "operations"):
            time.sleep(0.2)
        assert "ingram serve operations is at work already" in refused("operations")
        with pytest.raises(NeedsPerson, match="ingram serve operations is at work with"):
            start_by_up(folder)
    with filelock.FileLock(folder / "up" / "lock"):
        assert "ingram up is at work with" in refused("daemon")
    with socket.create_server(("127.0.0.1", int(environment["INGRAM_PORT_OPERATIONS"]))):
        assert "is already in use" in refused("operations")
