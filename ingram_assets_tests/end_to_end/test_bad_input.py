"""What a person gets wrong: one clear sentence each, exit code 2, and nothing half-started left behind."""

import socket

import pytest

from ingram_assets.demo.stack import Stack
from ingram_assets_tests.end_to_end.conftest import Shell, demo_once, left_running

pytestmark = pytest.mark.xdist_group("stack")


def test_a_busy_port_is_named_with_its_holder(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = demo_once(tmp_path / "shop", INGRAM_PORT_MEDUSA=str(port))
    assert done.exit_code == 2
    assert f"Port {port} is already in use" in done.errors
    assert "INGRAM_PORT_MEDUSA" in done.errors
    assert "Traceback" not in done.errors
    assert left_running(tmp_path / "shop") == []


def test_a_browser_that_is_none_is_named(tmp_path):
    done = demo_once(tmp_path / "shop", BROWSER_EXECUTABLE=str(tmp_path / "no-browser"))
    assert done.exit_code == 2
    assert "BROWSER_EXECUTABLE" in done.errors
    assert "Traceback" not in done.errors
    assert left_running(tmp_path / "shop") == []


def test_a_second_demo_on_the_same_folder_is_refused(stack: Stack):
    done = demo_once(stack.supervisor.folder)
    assert done.exit_code == 2
    assert "Already running" in done.errors
    assert stack.supervisor.child("daemon").running, "the first one goes on"


def test_a_wrong_password_is_one_sentence(stack: Stack, scraper: Shell, tmp_path):
    stack.simulator.reset_requests()
    wrong = scraper.with_(IPAGE_PASSWORD="not-the-password", INGRAM_STATE_DIR=str(tmp_path))
    done = wrong("sync-stock", "--json")
    assert done.exit_code == 2, done.errors
    assert "IPAGE_PASSWORD" in done.result["error"]
    assert "not-the-password" not in done.output + done.errors
    assert "Traceback" not in done.errors
    # A few tries more would lock the account: it was typed once, by whichever of the run's steps.
    assert stack.simulator.requests(log=False)["sign_ins"] == 0
    stack.simulator.reset()


def test_a_missing_setting_is_named_and_nothing_starts(stack: Stack, storefront: Shell):
    done = storefront.with_(MEDUSA_BACKEND_URL=None)("push", "--json")
    assert done.exit_code == 2
    assert "MEDUSA_BACKEND_URL is missing" in done.result["error"]


def test_a_wrong_isbn_is_named(scraper: Shell):
    done = scraper("enrich", "9781639739135")
    assert done.exit_code == 2
    assert "9781639739135" in done.errors
    assert "check digit" in done.errors
