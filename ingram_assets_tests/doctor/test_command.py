"""`ingram doctor` as it is typed: its lines as they come, its JSON, its exit code, and Ctrl-C."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner, Result

from ingram_assets.cli.main import main
from ingram_assets_tests.testing.examined_shop import ExaminedShop
from ingram_assets_tests.testing.processes import browsers_below, gone
from ingram_assets_tests.testing.webhook import Webhook
from ingram_demo.embedded.s3 import S3

pytestmark = pytest.mark.xdist_group("medusa")

ROOT = Path(__file__).parents[2]


def typed(*words: str) -> Result:
    done = CliRunner().invoke(main, ["doctor", *words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return done


def told(done: Result) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.fixture
def frozen() -> Iterator[str]:
    """The address of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_all_is_there(shop: ExaminedShop, hook: Webhook) -> None:
    hook.received.clear()
    done = typed()
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[-1].startswith(("Nothing is missing; ", "All is there."))
    assert any(line.startswith("✔ Queue, as its writer: ") for line in lines)
    assert any(line.startswith("✔ iPage: cover: ") for line in lines)
    assert not hook.received
    for file, settings in shop.files.items():
        for name, value in settings.items():
            secret = "PASSWORD" in name or "SECRET" in name or name in ("MEDUSA_API_KEY", "ALERT_URLS")
            assert not secret or value not in done.output, (file, name)


def test_a_test_message_goes_out_when_it_is_asked_for(shop: ExaminedShop, hook: Webhook) -> None:
    shop.write(without=[".env.scraper"])
    hook.received.clear()
    done = typed("--alerts", "--json")
    assert done.exit_code == 0, done.output
    assert hook.subjects == ["Ingram: this is a test"]
    alerts = next(one for one in told(done)["checks"] if one["check"] == "Alerts")
    assert alerts["words"].startswith("A test message was sent to json#")


def test_what_is_missing_ends_with_2_and_is_listed(shop: ExaminedShop) -> None:
    shop.write({".env.storefront": {"MEDUSA_API_KEY": "sk_wrong"}}, without=[".env.scraper"])
    done = typed()
    assert done.exit_code == 2
    assert "✘ Medusa: sign-in: " in done.stdout
    assert "– Medusa: reads: not tried: Medusa: sign-in first." in done.stdout
    assert done.stdout.splitlines()[-1] == "To be mended: Medusa: sign-in."
    answer = told(typed("--json"))
    assert answer["ok"] is False
    (missing,) = [one for one in answer["checks"] if one["outcome"] == "missing"]
    assert missing["system"] == "medusa"
    assert missing["settings"] == [{"file": ".env.storefront", "name": "MEDUSA_API_KEY"}]


def test_where_no_settings_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shop: ExaminedShop) -> None:
    monkeypatch.setenv("INGRAM_ENV_DIR", str(tmp_path))
    done = typed()
    assert done.exit_code == 2
    assert "✘ Settings of the scraper: " in done.stdout


def test_a_file_that_can_not_be_read_is_named(shop: ExaminedShop) -> None:
    (shop.folder / ".env.storefront").write_text("MEDUSA_API_KEY sk_x\n")
    done = typed()
    assert done.exit_code == 2
    assert "line 1 is no setting" in done.stdout
    assert "✔ Bucket: delete: " in done.stdout
    assert "– Medusa: sign-in: not tried: Settings of the storefront first." in done.stdout


def test_ctrl_c_ends_it_at_once_and_leaves_nothing(shop: ExaminedShop, frozen: str, s3: S3) -> None:
    shop.write({".env.storefront": {"MEDUSA_BACKEND_URL": frozen}})
    running = subprocess.Popen(
        [sys.executable, "-m", "ingram_assets.cli", "doctor"],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    assert running.stdout.readline().startswith("✔ Settings of all: ")  # Lines come as checks end.
    for line in running.stdout:
        if "categories" in line:  # Next is Medusa's clock.
            break
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert errors.splitlines()[-1] == "Stopped."
    assert not [*s3.files.rglob(".check/*.jpg")]


def test_ctrl_c_in_the_middle_of_a_sign_in_leaves_no_browser(shop: ExaminedShop) -> None:
    shop.site.fault("hang", kinds=["login_page"])
    running = subprocess.Popen(
        [sys.executable, "-m", "ingram_assets.cli", "doctor"],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    for line in running.stdout:
        if "iPage: asked at all" in line:
            break
    deadline = time.monotonic() + 60
    while not (browsers := browsers_below(psutil.Process(running.pid))) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert browsers
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert running.returncode == 130
    assert all(gone(browser.pid) for browser in browsers)


def test_a_frozen_store_costs_seconds_and_the_rest_is_looked_at(shop: ExaminedShop, frozen: str) -> None:
    shop.write({".env.storefront": {"MEDUSA_BACKEND_URL": frozen}}, without=[".env.scraper"])
    answer = told(typed("--json"))
    outcomes = {one["check"]: one["outcome"] for one in answer["checks"]}
    assert outcomes["Medusa: sign-in"] == "missing"
    assert outcomes["Medusa: shipping"] == "not tried"
    assert outcomes["Alerts"] == "fine"
