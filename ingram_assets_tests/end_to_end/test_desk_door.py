"""The desk's front door in a real browser: signing in, Dagster's page behind it, and out again."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import dagster as dg
import httpx
import pytest
from playwright.sync_api import Page, WebSocket, expect, sync_playwright

from ingram_assets.runtime.instance import dagster_instance
from ingram_demo.stack import Stack

pytestmark = pytest.mark.xdist_group("stack")

BETWEEN_TWO_FIRES = "9781639739134"
PATIENCE = 150_000
"""Milliseconds: on a busy machine Dagster's page takes its time."""

SENT = """async ([url, query]) => {
    const address = url + '?query=' + encodeURIComponent(query), body = JSON.stringify({query});
    const ways = [
        [address, {method: 'POST', mode: 'no-cors', body: 'x'}],
        [url, {method: 'POST', mode: 'no-cors', body}],
        [url, {method: 'POST', headers: {'Content-Type': 'application/json'}, body}],
        [address, {mode: 'no-cors'}],
    ];
    for (const [to, how] of ways)
        try { await fetch(to, {credentials: 'include', ...how}); } catch (error) {}
    return new Promise(done => {
        const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-ws');
        socket.onopen = () => done('open');
        socket.onerror = () => done('refused');
    });
}"""
"""A command to GraphQL in each way that a page has; whether a websocket may be opened there."""

FORM = """url => {
    document.body.innerHTML = '<form method="post" action="' + url + '"></form>';
    document.querySelector('form').submit();
}"""
LINK = """url => { document.body.innerHTML = '<a href="' + url + '">look</a>'; }"""


@dataclass
class Browser:
    """A person's browser, with what it complained of and the websockets that it opened."""

    page: Page
    stack: Stack
    complaints: list[str] = field(default_factory=list)
    sockets: list[WebSocket] = field(default_factory=list)
    received: list[str | bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type == "error" else None
        )
        self.page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        self.sockets.append(socket)
        socket.on("framereceived", lambda frame: self.received.append(frame))

    def open(self, path: str) -> None:
        self.page.goto(f"{self.stack.desk_url}{path}")

    def sign_in(self, password: str | None = None) -> None:
        """Fill the form in that stands there."""
        self.page.get_by_label("E-mail").fill(self.stack.medusa.email)
        self.page.get_by_label("Password").fill(password or self.stack.medusa.password)
        self.page.get_by_role("button", name="Sign in").click()

    def path(self) -> str:
        return self.page.url.removeprefix(self.stack.desk_url)


@pytest.fixture
def browser(stack: Stack, chromium) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(chromium))
        # Without a locale Dagster's page stays blank.
        context = running.new_context(locale="en-US", viewport={"width": 1400, "height": 900})
        context.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        yield Browser(context.new_page(), stack)
        running.close()


@pytest.fixture(scope="module")
def instance(stack: Stack) -> Iterator[dg.DagsterInstance]:
    with dagster_instance(stack.common) as instance:
        yield instance


def test_from_a_link_through_the_sign_in_to_dagster_s_page_and_out_again(
    browser: Browser, instance: dg.DagsterInstance
):
    page = browser.page
    browser.open("/dagster/locations/scraper/jobs/enrich/playground")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    browser.sign_in("not this one")
    expect(page.get_by_role("alert")).to_contain_text("No admin of Medusa has this e-mail and password")
    # The answer to a wrong password is all that a browser may complain of.
    assert len(browser.complaints) == 1
    browser.complaints.clear()
    browser.sign_in()

    # Dagster's page, as it is on its own server.
    editor = page.locator(".CodeMirror").first
    expect(editor).to_contain_text("isbns: []")
    assert browser.path().startswith("/dagster/")
    editor.click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(
        f"ops:\n  enrich_titles:\n    config:\n      isbns:\n        - '{BETWEEN_TWO_FIRES}'\n"
    )
    launch = page.get_by_role("button", name="Launch Run")
    expect(launch).to_be_enabled()
    launch.click()
    page.wait_for_url("**/dagster/runs/*")
    # The run's page follows it over a websocket, to its end.
    expect(page.get_by_text("RUN_SUCCESS").first).to_be_visible()
    run_id = browser.path().partition("?")[0].rpartition("/")[2]
    run = instance.get_run_by_id(run_id)
    assert run is not None
    assert run.job_name == "enrich"
    assert browser.sockets
    here = browser.stack.desk_url.replace("http", "ws", 1)
    assert {socket.url for socket in browser.sockets} == {f"{here}/dagster/graphql"}
    assert any("RUN_SUCCESS" in str(one) or "RunSuccessEvent" in str(one) for one in browser.received)
    assert not browser.complaints

    browser.open("/account")
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    expect(page.get_by_text(browser.stack.medusa.email).first).to_be_visible()
    page.get_by_role("main").get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    browser.open(f"/dagster/runs/{run_id}")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_another_site_in_the_same_browser_can_do_nothing(browser: Browser, instance: dg.DagsterInstance):
    """It is signed in there, and the other site is on this machine, too: to cookies that is the same site."""
    page, stack = browser.page, browser.stack
    browser.open("/account")
    browser.sign_in()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    mutation = 'mutation{setConcurrencyLimit(concurrencyKey:"foreign",limit:3)}'
    # Any page of the simulated iPage's server is such a site.
    page.goto(f"{stack.simulator.url}/robots.txt")
    for url in (f"{stack.desk_url}/dagster/graphql", f"{stack.ui_url}/graphql"):
        assert page.evaluate(SENT, [url, mutation]) == "refused"
    assert instance.event_log_storage.get_concurrency_info("foreign").slot_count == 0
    # The very same, sent by a page of the desk, is done.
    browser.open("/account")
    assert page.evaluate(SENT, [f"{stack.desk_url}/dagster/graphql", mutation]) == "open"
    assert instance.event_log_storage.get_concurrency_info("foreign").slot_count == 3
    instance.event_log_storage.delete_concurrency_limit("foreign")

    # A form that the other site sends for the person signs nobody out.
    page.goto(f"{stack.simulator.url}/robots.txt")
    page.evaluate(FORM, f"{stack.desk_url}/sign-out-everywhere")
    expect(page.get_by_role("heading", name="Another site's page asked")).to_be_visible()
    browser.open("/account")
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()


def test_a_link_from_elsewhere_finds_who_is_signed_in(browser: Browser):
    """As one in an alert, opened in a mail's page."""
    page, stack = browser.page, browser.stack
    browser.open("/account")
    browser.sign_in()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    page.goto(f"{stack.simulator.url}/robots.txt")
    page.evaluate(LINK, f"{stack.desk_url}/account")
    page.get_by_text("look").click()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()


def test_the_address_that_is_printed_is_dagster_s_own(stack: Stack):
    assert stack.ui_url.endswith("/dagster")
    answer = httpx.get(f"{stack.ui_url}/server_info", trust_env=False)
    assert "dagster_version" in answer.json()
