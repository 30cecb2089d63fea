"""The process from which those with Dagster are forked: each gets its own, is watched, and shares memory."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ingram_assets.runtime.processes import Child, Supervisor
from ingram_assets_tests.testing.memory import in_memory, templates_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="A process is forked on Linux alone.")

TELLS = """
import json, os, sys, threading, time
told = {"argv": sys.argv, "env": dict(os.environ), "cwd": os.getcwd(), "name": __name__}
told |= {"leads": os.getsid(0) == os.getpid(), "umask": os.umask(0), "threads": threading.active_count()}
print(json.dumps(told), flush=True)
if sys.argv[1:] == ["ends"]:
    raise SystemExit(7)
time.sleep(300)
"""
HEAVY = {"playwright", "boto3", "botocore", "apprise", "pandas", "numpy", "PIL", "imagehash", "scipy"}


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    (tmp_path / "tells.py").write_text(TELLS)
    with Supervisor(tmp_path / "up") as supervisor:
        yield supervisor


def start(supervisor: Supervisor, name: str, *words: str, restart: bool = False, **env: str) -> Child:
    log = supervisor.folder / "logs" / f"{name}.log"
    return supervisor.start(
        name,
        [sys.executable, "-m", "tells", *words],
        env={"PYTHONPATH": ":".join(sys.path), **env},
        cwd=supervisor.folder.parent,
        ready=lambda: log.exists() and "}" in log.read_text(),
        restart=restart,
        needs_dagster=True,
    )


def told(child: Child) -> dict[str, object]:
    return dict(json.loads(child.log.read_text().splitlines()[-1]))


def test_it_is_as_a_process_of_its_own(supervisor: Supervisor):
    child = start(supervisor, "one", "a word", SETTING="a value")
    seen = told(child)
    assert seen["argv"] == [str(supervisor.folder.parent / "tells.py"), "a word"]
    assert seen["name"] == "__main__"
    assert seen["cwd"] == str(supervisor.folder.parent)
    assert (seen["leads"], seen["umask"], seen["threads"]) == (True, 0o077, 1)
    environment = seen["env"]
    assert isinstance(environment, dict)
    assert set(environment) == {"PYTHONPATH", "SETTING", "INGRAM_SUPERVISED_IN"}


def test_neither_another_one_nor_the_template_has_its_secrets(supervisor: Supervisor):
    first = start(supervisor, "first", PASSWORD="of-the-first-one")
    second = start(supervisor, "second", PASSWORD="of-the-second-one")
    (template,) = templates_of(psutil.Process())
    looked_for = {name: [f"of-the-{name}-one".encode()] for name in ("first", "second")}
    assert in_memory(first.pid, looked_for) == {"first"}
    assert in_memory(second.pid, looked_for) == {"second"}
    assert in_memory(template.pid, looked_for) == set()


def test_its_exit_code_is_known(supervisor: Supervisor):
    ended = start(supervisor, "ended", "ends")
    assert ended.process.wait(10) == 7
    killed = start(supervisor, "killed")
    killed.process.send_signal(signal.SIGTERM)
    assert killed.process.wait(10) == -signal.SIGTERM
    with pytest.raises(subprocess.TimeoutExpired):
        start(supervisor, "stays").process.wait(0.1)


def test_without_the_template_it_goes_on_and_is_brought_back(
    supervisor: Supervisor, eventually: Callable[..., None]
):
    child = start(supervisor, "one", restart=True)
    (template,) = templates_of(psutil.Process())
    template.kill()
    time.sleep(0.5)
    assert child.running
    first = child.pid
    psutil.Process(first).kill()
    eventually(lambda: child.pid != first and child.running)
    (other,) = templates_of(psutil.Process())
    assert other.pid != template.pid


def test_a_template_that_rests_has_given_its_memory_back_and_forks_again(
    supervisor: Supervisor, eventually: Callable[..., None]
):
    ends, stays = start(supervisor, "ends"), start(supervisor, "stays", PASSWORD="of-one-that-stays")
    (template,) = templates_of(psutil.Process())
    assert template.memory_full_info().rss > 60e6
    supervisor.all_are_there()
    eventually(lambda: template.memory_full_info().rss < 30e6)
    psutil.Process(ends.pid).terminate()
    assert ends.process.wait(10) == -signal.SIGTERM
    assert stays.running
    another = start(supervisor, "another", "ends")
    assert another.process.wait(10) == 7
    assert templates_of(psutil.Process()) == [template]
    assert in_memory(template.pid, {1: [b"of-one-that-stays"]}) == set()
    psutil.Process(stays.pid).kill()
    assert stays.process.wait(10) == -signal.SIGKILL


def test_one_that_ends_while_the_template_begins_to_rest_is_known(supervisor: Supervisor):
    children = [start(supervisor, str(number), restart=False) for number in range(8)]
    for child in children:
        supervisor.all_are_there()
        child.process.send_signal(signal.SIGTERM)
    assert {child.process.wait(10) for child in children} == {-signal.SIGTERM}


def test_it_shares_memory_and_the_template_has_one_thread(supervisor: Supervisor):
    child = start(supervisor, "one")
    (template,) = templates_of(psutil.Process())
    assert template.num_threads() == 1
    memory = psutil.Process(child.pid).memory_full_info()
    assert memory.uss < memory.rss / 3


def test_all_of_it_ends(tmp_path: Path):
    (tmp_path / "tells.py").write_text(TELLS)
    with Supervisor(tmp_path / "up") as supervisor:
        child = psutil.Process(start(supervisor, "one").pid)
        (template,) = templates_of(psutil.Process())
    assert not child.is_running()
    assert not template.is_running()


@pytest.mark.parametrize("location", ["scraper", "storefront", "operations"])
def test_a_code_server_loads_nothing_that_only_runs_need(location: str):
    loaded = modules_after(
        f"import ingram_assets.runtime.preloaded, ingram_assets.defs.{location}.definitions"
    )
    assert "dagster" in loaded
    assert not HEAVY & {name.partition(".")[0] for name in loaded}


def test_the_template_loads_no_room_that_only_one_location_may_know():
    loaded = modules_after("import ingram_assets.runtime.preloaded")
    rooms = {name.split(".")[1] for name in loaded if name.startswith("ingram_assets.")}
    assert "runtime" in rooms
    assert not {"sources", "staging", "covers", "store", "alerts", "coordination", "desk", "defs"} & rooms


def modules_after(statement: str) -> set[str]:
    script = f"{statement}; import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())
