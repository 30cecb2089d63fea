"""What a person gets wrong: one clear sentence each, exit code 2, and nothing half-started left behind."""

import socket
from pathlib import Path

import pytest

from ingram_assets_tests.testing.demo import Done, Shell, demo_once, left_running, of_a_shop
from ingram_demo.stack import Stack

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
    assert stack.supervisor.children["daemon"].running, "the first one goes on"


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


def test_a_shop_s_exported_settings_are_none_of_the_demo_s(once: Done, shop: Path):
    """Its home would be overwritten; its safety stock would leave nothing in stock."""
    assert once.exit_code == 0, once.errors[-3000:]
    assert once.result["complete"]
    exported = of_a_shop(shop)
    assert not Path(exported["DAGSTER_HOME"]).exists()
    assert not Path(exported["INGRAM_STATE_DIR"]).exists()


@pytest.mark.parametrize("spelling", [str.lower, str.upper])
def test_a_proxy_is_never_asked_for_this_machine(storefront: Shell, spelling):
    """Code servers, Medusa and databases are on 127.0.0.1; nobody listens where this proxy is said to be."""
    names = ("http_proxy", "https_proxy", "all_proxy")
    behind = storefront.with_(**{spelling(name): "http://127.0.0.1:9" for name in names})
    for words in (("status", "--json"), ("push", "--dry-run", "--json")):
        done = behind(*words)
        assert done.exit_code == 0, done.output + done.errors


@pytest.mark.parametrize(
    ("name", "value"),
    [("INGRAM_PORT_S3", "three"), ("INGRAM_PORT_SCRAPER", "70000"), ("ALERT_URLS", "garbage")],
)
def test_the_demo_checks_what_it_takes_before_anything_starts(tmp_path: Path, name: str, value: str):
    done = demo_once(tmp_path / "shop", **{name: value})
    assert done.exit_code == 2
    assert f"{name} is malformed" in done.errors
    assert "Traceback" not in done.errors
    assert not (tmp_path / "shop").exists()
