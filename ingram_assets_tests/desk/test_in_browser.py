"""Signing in and out in a real browser: without JavaScript, for whoever can't see it, and behind HTTPS."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from ingram_assets_tests.testing.dagster_page import running_dagster_page
from ingram_assets_tests.testing.desk import DeskShop, running_desk
from ingram_assets_tests.testing.tls_proxy import tls_before
from ingram_demo.embedded.medusa import Medusa
from ingram_demo.embedded.postgres import Postgres

pytestmark = pytest.mark.xdist_group("medusa")

PATIENCE = 150_000
"""Milliseconds: on a busy machine a browser takes its time."""


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(chromium))
        expect.set_options(timeout=PATIENCE)
        yield running
        running.close()


@contextmanager
def page_of(browser: Browser, url: str, **context: Any) -> Iterator[tuple[Page, list[str]]]:
    """A page of a fresh browser at the desk, and what it complains of."""
    complaints: list[str] = []
    opened = browser.new_context(base_url=url, locale="en-US", **context)
    opened.set_default_timeout(PATIENCE)
    page = opened.new_page()
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield page, complaints
    opened.close()


def sign_in(page: Page, medusa: Medusa, password: str | None = None) -> None:
    page.get_by_label("E-mail").fill(medusa.email)
    page.get_by_label("Password").fill(password or medusa.password)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
def test_in_and_out_with_the_keyboard_alone(browser: Browser, desk: DeskShop, script: bool):
    medusa = desk.bench.shop.medusa
    with page_of(browser, desk.url, java_script_enabled=script) as (page, complaints):
        page.goto("/account")
        expect(page.get_by_label("E-mail")).to_be_focused()
        page.keyboard.type(medusa.email)
        page.keyboard.press("Tab")
        page.keyboard.type(medusa.password)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Your account")).to_be_visible()
        assert page.url == f"{desk.url}/account"
        page.get_by_role("button", name="Sign out everywhere").press("Enter")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        # A page that was seen before is not to be had by going back.
        page.go_back()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert not complaints


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_for_everybody(browser: Browser, desk: DeskShop, scheme: str, width: int):
    medusa = desk.bench.shop.medusa
    look = {"color_scheme": scheme, "viewport": {"width": width, "height": 800}}
    with page_of(browser, desk.url, **look) as (page, _):
        page.goto("/sign-in")
        _check(page, "Sign in")
        sign_in(page, medusa, "a wrong password")
        expect(page.get_by_role("alert")).to_be_visible()
        expect(page.get_by_label("Password")).to_be_focused()
        _check(page, "Sign in")
        sign_in(page, medusa)
        page.goto("/account")
        _check(page, "Your account")
        page.goto("/dagster/")  # No Dagster is behind this desk.
        _check(page, "Dagster's page is away")


def _check(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"


def test_dagster_s_page_for_queries_opens(
    browser: Browser, medusa: Medusa, journal_url: str, postgres: Postgres, tmp_path: Path
):
    database = postgres.create_database("dagster_of_queries")
    with (
        running_dagster_page(tmp_path, database) as dagster,
        running_desk(medusa, journal_url, dagster_url=dagster.url) as url,
        page_of(browser, url) as (page, complaints),
    ):
        page.goto("/dagster/graphql")
        sign_in(page, medusa)
        page.get_by_role("button", name="Execute query").click()
        # What it comes with is comments alone: that Dagster says so is enough.
        expect(page.get_by_role("region", name="Result Window")).to_contain_text("Syntax Error")
        assert [each for each in complaints if "Content Security Policy" in each] == []
    postgres.drop_database("dagster_of_queries")


def test_behind_https(browser: Browser, medusa: Medusa, journal_url: str, postgres: Postgres, tmp_path: Path):
    """The browser itself binds the cookie to the host, and Dagster's websocket comes over TLS, too."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    address = f"https://localhost:{port}"
    database = postgres.create_database("dagster_behind_https")
    with (
        running_dagster_page(tmp_path, database) as dagster,
        running_desk(medusa, journal_url, desk_url=address, dagster_url=dagster.url) as url,
        tls_before(int(url.rpartition(":")[2]), listening),
        page_of(browser, address, ignore_https_errors=True) as (page, complaints),
    ):
        sockets: list[str] = []
        page.on("websocket", lambda opened: sockets.append(opened.url))
        page.goto("/dagster/runs")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        sign_in(page, medusa)
        expect(page.get_by_text("Backfills", exact=True).first).to_be_visible()
        (cookie,) = page.context.cookies()
        assert cookie["name"] == "__Host-ingram-desk"
        assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")
        assert page.evaluate("document.cookie") == ""
        assert sockets == [f"wss://localhost:{port}/dagster/graphql"]
        assert not complaints
        page.goto("/account")
        page.get_by_role("main").get_by_role("button", name="Sign out", exact=True).click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert not page.context.cookies()
    postgres.drop_database("dagster_behind_https")
