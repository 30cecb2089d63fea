"""The simulator in a process of its own, as the demo and the benchmarks run it."""

import json
import mailbox
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from ingram_assets_tests.testing.simulator_pages import give_password, submit
from ingram_demo.simulator import Account, Simulator

COMMAND = [sys.executable, "-m", "ingram_demo.simulator"]


@pytest.fixture
def start(request):
    """Starts the command and answers the process and its line of JSON."""

    def run(*options):
        process = subprocess.Popen([*COMMAND, *map(str, options)], stdout=subprocess.PIPE, text=True)

        def stop():
            process.kill()
            process.wait()
            process.stdout.close()

        request.addfinalizer(stop)
        return process, json.loads(process.stdout.readline())

    return run


def test_moves_survive_a_kill(start, tmp_path):
    options = ("--titles", 30, "--state", tmp_path / "book.sqlite")
    process, ready = start(*options)
    with Simulator(ready["url"]) as sim:
        sim.wait_until_ready()
        sim.step(20)
        sim.move(sim.isbns()[0], "TN", on_hand=1)
        before = sim.book()
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, ready = start(*options)
    with Simulator(ready["url"]) as sim:
        sim.wait_until_ready()
        assert sim.book() == before
        assert sim.step(1)[0]["step"] == 21


def test_account_mail_dials_and_a_clean_stop(start, tmp_path):
    secrets = {"username": "someone", "password": "something long", "totp_secret": "A" * 32}
    (tmp_path / "account.json").write_text(json.dumps(secrets))
    box = mailbox.Maildir(tmp_path / "box")  # made before the process does, which would be at it as well
    process, ready = start(
        *("--account-file", tmp_path / "account.json", "--maildir", tmp_path / "box"),
        *("--dial", "units=imperial", "--dial", "latency_ms=1", "--titles", 5),
    )
    assert "something long" not in json.dumps(ready)
    assert ready["username"] == "someone"
    account = Account(username="someone", password="something long")
    with (
        Simulator(ready["url"], account) as sim,
        httpx.Client(base_url=sim.url, follow_redirects=True, timeout=60) as browser,
    ):
        sim.wait_until_ready()
        assert sim.info()["dials"]["units"] == "imperial"
        page = submit(browser, give_password(sim, browser), factor="Email")
        give_up = time.monotonic() + 60
        while not len(box):
            assert time.monotonic() < give_up
            time.sleep(0.05)
        (message,) = list(box)
        text = message.get_payload(0).get_payload(decode=True).decode()
        code = text.split("code is: ")[1][:6]
        assert "no-reply@ingramcontent.com" in message["From"]
        assert submit(browser, page, code=code).url.path.endswith("hm001View.action")
    process.terminate()
    assert process.wait(timeout=10) in (0, -signal.SIGTERM)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--dial", "no_such=1"], "There is no dial 'no_such'"),
        (["--dial", "units=stones"], "metric, imperial"),
        (["--titles", "0"], "--titles"),
    ],
)
def test_a_wrong_option_is_one_clear_sentence(options, said):
    done = subprocess.run([*COMMAND, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_busy_port_is_said():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run([*COMMAND, "--port", str(port)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"Port {port} can't be used" in done.stderr


def test_help_has_an_example():
    done = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True)
    assert "Example: python -m ingram_demo.simulator" in " ".join(done.stdout.split())
