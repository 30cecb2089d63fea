"""Signing in with a real browser to the simulator: each way in, and each way in which it can end."""

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from ingram_assets.domain.failures import Transient
from ingram_assets.domain.site_file import parse_site_file
from ingram_assets.sources.ipage.login import forms
from ingram_assets.sources.ipage.login import sign_in as room
from ingram_assets.sources.ipage.login.browser import NoBrowser, open_page
from ingram_assets.sources.ipage.login.forms import Step
from ingram_assets.sources.ipage.login.second_factor import CodeMissing
from ingram_assets.sources.ipage.pages.page_failures import Blocked, PageChanged
from ingram_assets.sources.ipage.profile.site_profile import built_in, profile_with
from ingram_assets.sources.ipage.site import Credentials, FetchOutcome, Limits, Site
from ingram_assets_tests.testing.raw_server import raw_server
from ingram_assets_tests.testing.shared_site import Shared
from ingram_assets_tests.testing.site import QUICK, credentials
from ingram_demo.embedded.imap import Imap
from ingram_demo.simulator import Simulator

NO_BROWSER = "/there/is/no/browser/here"


@pytest.fixture
def signing_in(open_site: Callable[..., Site], chromium: Path) -> Callable[..., Site]:
    """A site that signs in with the browser, as the simulator's account or changed from it."""

    def make(
        simulator: Simulator,
        browser: str = str(chromium),
        limits: Limits = QUICK,
        **changed: object,
    ) -> Site:
        return open_site(
            simulator,
            credentials=credentials(simulator, **changed),
            browser_executable=browser,
            limits=limits,
        )

    return make


def first_page(site: Site, simulator: Simulator) -> FetchOutcome:
    return next(iter(site.read_products(simulator.isbns()[:1]))).outcome


def steps(simulator: Simulator) -> dict[str, int]:
    """How often each page of the way in was posted to or asked for."""
    log = simulator.requests()["log"]
    return {
        "password": sum(entry["kind"] == "login_post" for entry in log),
        "factor": sum(entry["kind"] == "factor_page" and entry["method"] == "POST" for entry in log),
        "code": sum(entry["kind"] == "code_page" and entry["method"] == "POST" for entry in log),
        "okta": sum(entry["kind"] == "okta" for entry in log),
    }


def test_the_session_of_a_sign_in_is_kept_and_reused(
    sim: Simulator, signing_in: Callable[..., Site], shared: Shared
) -> None:
    # A site that looks at what a real browser would have: its cookies, and the user agent it signed in with.
    sim.set(require_same_user_agent=True, require_imperva_cookies=True)
    with signing_in(sim) as site:
        assert first_page(site, sim) is FetchOutcome.ok
    assert steps(sim) == {"password": 1, "factor": 1, "code": 1, "okta": 0}

    kept = (shared.kept(sim.url, sim.account.username).load() or b"").decode()
    assert "JSESSIONID" in kept
    assert "HeadlessChrome" not in kept
    assert sim.account.password not in kept

    with signing_in(sim, browser=NO_BROWSER) as site:
        assert first_page(site, sim) is FetchOutcome.ok
    assert sim.requests(log=False)["sign_ins"] >= 1
    assert steps(sim)["password"] == 1


def test_a_trusted_device_is_asked_for_no_code(sim: Simulator, signing_in: Callable[..., Site]) -> None:
    with signing_in(sim) as site:
        assert first_page(site, sim) is FetchOutcome.ok
        sim.expire_sessions()
        assert first_page(site, sim) is FetchOutcome.ok
    assert steps(sim) == {"password": 2, "factor": 1, "code": 1, "okta": 0}


def test_a_sweep_goes_on_after_its_session_expired(sim: Simulator, signing_in: Callable[..., Site]) -> None:
    isbns = sim.isbns()
    sim.set(latency_ms=30)
    sim.fault("expire", at=20, count=1)
    with signing_in(sim) as site:
        readings = list(site.read_products(isbns))
        assert sorted(reading.isbn for reading in readings) == sorted(isbns)
        assert {reading.outcome for reading in readings} == {FetchOutcome.ok}
        assert site.counts[FetchOutcome.expired] >= 1
        assert site.metadata()["sign_ins"] == 2
    assert steps(sim)["password"] == 2


@pytest.mark.parametrize("markup", ["buttons", "select"])
def test_the_factor_is_found_by_its_words(
    sim: Simulator, signing_in: Callable[..., Site], markup: str
) -> None:
    sim.set(factor_markup=markup)
    with signing_in(sim) as site:
        assert first_page(site, sim) is FetchOutcome.ok


def test_a_factor_that_is_not_offered(sim: Simulator, signing_in: Callable[..., Site]) -> None:
    sim.set(factors=["SMS", "Voice"])
    with signing_in(sim) as site, pytest.raises(room.FactorNotOffered, match=r"'SMS', 'Voice'.*IPAGE_MFA"):
        site.discover(sim.search_id)


def test_the_newest_code_of_the_right_sender(
    mailing_sim: Simulator, signing_in: Callable[..., Site], imap: Imap
) -> None:
    mailing_sim.set(mail_delay_s=1.0, stale_mails=2, stale_mails_after=2, wrong_sender_mails=1)
    with signing_in(mailing_sim, mfa="email", imap_url=imap.url, totp_secret=None) as site:
        assert first_page(site, mailing_sim) is FetchOutcome.ok
    # One code was typed, and it was the right one.
    assert steps(mailing_sim) == {"password": 1, "factor": 1, "code": 1, "okta": 0}
    assert [mail["kind"] for mail in mailing_sim.mails()][-6:].count("code") == 1


def test_a_mail_that_never_comes_is_asked_for_once_more(
    mailing_sim: Simulator, signing_in: Callable[..., Site], imap: Imap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "RESENDING", 60.0)
    before = mailing_sim.requests(log=False)["codes_sent"]
    mailing_sim.set(no_mail=True, stale_mails=1)
    site = signing_in(mailing_sim, mfa="email", imap_url=imap.url, totp_secret=None, code_lifetime=1.5)
    with site, pytest.raises(CodeMissing, match="IPAGE_MFA_IMAP_URL"):
        site.discover(mailing_sim.search_id)
    assert mailing_sim.requests(log=False)["codes_sent"] - before == 2


def test_a_code_that_ran_out_is_asked_for_anew(
    mailing_sim: Simulator, signing_in: Callable[..., Site], imap: Imap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "RESENDING", 60.0)
    mailing_sim.set(code_lifetime_s=0.0)
    site = signing_in(mailing_sim, mfa="email", imap_url=imap.url, totp_secret=None)
    with site, pytest.raises(room.CodeRefused, match="has expired"):
        site.discover(mailing_sim.search_id)
    posts = steps(mailing_sim)
    assert (posts["password"], posts["code"]) == (1, 3)  # a code, "send a new code", a code


def test_a_code_typed_at_the_terminal(
    sim: Simulator, signing_in: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    controller, terminal = os.openpty()
    before = len(sim.mails())

    def person() -> None:
        os.write(controller, b"2\n")  # SMS, Email, Voice, Authenticator
        give_up = time.monotonic() + 300
        while len(sim.mails()) == before and time.monotonic() < give_up:
            time.sleep(0.05)
        os.write(controller, sim.mails()[-1]["code"].encode() + b"\n")

    typing = threading.Thread(target=person)
    typing.start()
    with os.fdopen(terminal, "r") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        with signing_in(sim, mfa="prompt", totp_secret=None) as site:
            assert first_page(site, sim) is FetchOutcome.ok
        typing.join()
    os.close(controller)


@pytest.mark.parametrize("when", ["before_code", "after_code"])
def test_terms_are_left_to_a_person(sim: Simulator, signing_in: Callable[..., Site], when: str) -> None:
    sim.set(terms=when)
    with signing_in(sim) as site:
        with pytest.raises(room.TermsNotAccepted, match=r"accept them.*run again"):
            site.discover(sim.search_id)
        assert "terms" in str(site.stopped_by)


@pytest.mark.parametrize("loop", ["login_page", "after_password", "script"])
def test_a_loop_through_okta_is_named(sim: Simulator, signing_in: Callable[..., Site], loop: str) -> None:
    sim.set(okta_loop=loop)
    with signing_in(sim) as site, pytest.raises(room.OktaLoop, match=r"Okta .*loop.*IPAGE_SESSION_COOKIE"):
        site.discover(sim.search_id)


def test_a_wrong_password_is_tried_once_and_not_by_the_next_run(
    sim: Simulator, signing_in: Callable[..., Site]
) -> None:
    for _ in range(2):
        with signing_in(sim, password="not it") as site:
            readings = list(site.read_products(sim.isbns()[:20]))
            assert {reading.outcome for reading in readings} == {FetchOutcome.expired}
            assert len(readings) == 20
            assert isinstance(site.stopped_by, room.WrongPassword)
            assert "not it" not in str(site.stopped_by)
    assert steps(sim)["password"] == 1
    with signing_in(sim) as site:
        assert first_page(site, sim) is FetchOutcome.ok
    # On another machine the old one still stands: it is typed no more, though the right one signed in.
    sim.expire_sessions()
    with signing_in(sim, password="not it") as site:
        assert first_page(site, sim) is FetchOutcome.expired
        assert isinstance(site.stopped_by, room.WrongPassword)
    assert steps(sim)["password"] == 2


def test_a_locked_account(sim: Simulator, signing_in: Callable[..., Site]) -> None:
    sim.set(account_locked=True)
    with signing_in(sim) as site, pytest.raises(room.AccountLocked, match="customer care"):
        site.discover(sim.search_id)
    assert steps(sim)["password"] == 1


def test_a_block_before_the_login_form_opens_the_breaker(
    sim: Simulator, signing_in: Callable[..., Site], shared: Shared
) -> None:
    sim.fault("block", kinds=["login_page"])
    with signing_in(sim) as site, pytest.raises(Blocked, match="run again after that"):
        site.discover(sim.search_id)
    assert shared.left_alone_until(sim.url) is not None
    assert sim.requests(log=False)["by_kind"]["login_page"] == 3


def test_a_page_on_the_way_in_that_says_nothing_is_kept(
    sim: Simulator, signing_in: Callable[..., Site], shared: Shared
) -> None:
    sim.fault("login_form", kinds=["login_post"], at=1, count=1)
    with signing_in(sim) as site, pytest.raises(room.SignInPageChanged, match="came back"):
        site.discover(sim.search_id)
    (kept,) = shared.pages()
    assert "Log in to iPage" in kept.page
    assert sim.account.username not in kept.page


FORM = (
    "<form name=login action=/ipage/administration/login.action method=post>"
    "<input id=userIDText name=username>"
    "<input type=password id=passwordText name=passwd><button>Log In</button></form>"
)


@pytest.mark.parametrize(
    ("kind", "status", "html"),
    [
        ("login_post", 500, FORM),
        ("login_post", 502, "<h1>Bad Gateway</h1>"),
        ("login_post", 503, ""),
        ("login_page", 503, FORM),
        ("home", 504, "<p>Gateway time-out</p>"),
        ("code_page", 500, "<h1>Verify your identity</h1><p>Something went wrong.</p>"),
    ],
)
def test_a_failure_of_the_sites_own_is_named_as_that(
    sim: Simulator, signing_in: Callable[..., Site], kind: str, status: int, html: str
) -> None:
    sim.fault("page", html=html, status=status, kinds=[kind])
    with signing_in(sim) as site:
        with pytest.raises(Transient, match=f"failed with status {status}.*run again later"):
            site.discover(sim.search_id)
        assert site.metadata()["sign_ins"] == 0
    sim.clear_faults()
    with signing_in(sim) as site:  # what failed has not been held against the password
        assert first_page(site, sim) is FetchOutcome.ok


@pytest.mark.parametrize(
    ("status", "html"),
    [
        (503, "<h1>Access Denied</h1><p>Error 15</p><p>Powered by Imperva</p>"),
        (404, "<script src='/_Incapsula_Resource?SWJIYLWA=ab,cd'></script>"),
        (403, "<h1>Forbidden</h1>"),
        (429, ""),
        (200, "<title>Pardon Our Interruption</title>"),
    ],
)
def test_a_wall_before_the_sign_in_is_known_whatever_its_status(
    sim: Simulator,
    signing_in: Callable[..., Site],
    shared: Shared,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    html: str,
) -> None:
    monkeypatch.setattr(room, "SOLVING", 1.0)
    sim.fault("page", html=html, status=status, kinds=["login_page"])
    with signing_in(sim, limits=Limits(pauses=(60.0,), longest_wait=1.0)) as site, pytest.raises(Blocked):
        site.discover(sim.search_id)
    assert shared.left_alone_until(sim.url) is not None
    assert steps(sim)["password"] == 0


def test_a_wall_that_the_browser_solves_by_itself_is_none(
    sim: Simulator, signing_in: Callable[..., Site]
) -> None:
    solving = (
        "<script src='/_Incapsula_Resource?SWJIYLWA=ab'></script>"
        "<script>setTimeout(function () { location.reload() }, 1000)</script>"
    )
    sim.fault("page", html=solving, status=200, kinds=["login_page"], count=1)
    with signing_in(sim) as site:
        assert first_page(site, sim) is FetchOutcome.ok


def test_no_browser_says_what_to_do(sim: Simulator, signing_in: Callable[..., Site]) -> None:
    with signing_in(sim, browser=NO_BROWSER) as site, pytest.raises(NoBrowser, match="BROWSER_EXECUTABLE"):
        site.discover(sim.search_id)


@pytest.fixture
def remote_browser(chromium: Path, tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A browser that somebody else started and looks at: its address and its process."""
    profile = tmp_path / "profile"
    args = ["--no-sandbox", "--headless", "--disable-gpu", f"--user-data-dir={profile}"]
    process = subprocess.Popen(
        [chromium, *args, "--remote-debugging-port=0", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    port_file = profile / "DevToolsActivePort"
    give_up = time.monotonic() + 60
    while not (port_file.exists() and port_file.read_text().strip()):
        assert process.poll() is None
        assert time.monotonic() < give_up
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port_file.read_text().split()[0]}", process
    process.terminate()
    process.wait(20)


def test_a_remote_browser_is_visited_and_left_running(
    sim: Simulator, open_site: Callable[..., Site], remote_browser: tuple[str, subprocess.Popen[bytes]]
) -> None:
    address, process = remote_browser
    with sync_playwright() as playwright:
        context = playwright.chromium.connect_over_cdp(address).contexts[0]
        pages = len(context.pages)
        moves: list[str] = []
        watching = context.new_cdp_session(context.pages[0])
        watching.on("Page.frameRequestedNavigation", lambda event: moves.append(event["url"]))
        watching.send("Page.enable")

        done = threading.Event()
        outcomes: list[FetchOutcome] = []

        def run() -> None:
            with open_site(sim, credentials=credentials(sim), browser_cdp_url=address) as site:
                outcomes.append(first_page(site, sim))
            done.set()

        threading.Thread(target=run).start()
        give_up = time.monotonic() + 300
        while not done.is_set() and time.monotonic() < give_up:
            context.pages[0].wait_for_timeout(50)

        assert outcomes == [FetchOutcome.ok]
        # What the page did is told to this connection a little later than to the other.
        context.pages[0].wait_for_url(f"**{built_in().home}", timeout=300_000, wait_until="commit")
        assert process.poll() is None
        assert len(context.pages) == pages
        assert context.pages[0].url.endswith(built_in().home)
        # Moves that a script in the page asks for are announced so; those of a tool are not.
        assert f"{sim.url}{built_in().login}" in moves


def test_a_remote_browser_that_is_not_there(sim: Simulator, open_site: Callable[..., Site]) -> None:
    address = "ws://127.0.0.1:1?apiKey=very-secret"
    site = open_site(sim, credentials=credentials(sim), browser_cdp_url=address)
    with pytest.raises(Exception, match="BROWSER_CDP_URL") as caught:
        site.discover(sim.search_id)
    assert "very-secret" not in whole(caught.value)


def whole(error: BaseException | None) -> str:
    """All that a log could print of an error: its own text and that of those before it."""
    if error is None:
        return ""
    return f"{error!r} {error} {whole(error.__cause__)} {whole(error.__context__)}"


def test_what_is_typed_is_in_no_error(
    chromium: Path, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "TYPING", 300.0)
    page = (
        b"<html><body><form name=login><input id=userIDText name=username>"
        b"<input type=password id=passwordText readonly><button>Log In</button></form></body></html>"
    )

    def login(connection: socket.socket, head: str) -> None:
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n" % len(page) + page
        )

    account = Credentials("shop", "hush-hush", mfa="totp", totp_secret="JBSWY3DPEHPK3PXP")
    with raw_server(login) as (url, _):
        site = Site(url, shared(url), account, browser_executable=str(chromium), retry_waits=(0.0,))
        with site, pytest.raises(Transient, match="The browser failed while signing in") as caught:
            site.discover("1")
    assert "hush-hush" not in whole(caught.value)


PAGES = {
    "old login form": (
        Step.LOGIN,
        "<form name=login><input id=userIDText name=username>"
        "<input type=password id=passwordText name=passwd><button>Log In</button></form>",
    ),
    "login form of another make": (
        Step.LOGIN,
        "<h1>Verify your identity</h1><form><label>Email <input type=email name=identifier></label>"
        "<label>Password <input type=password name=secret></label>"
        "<input type=submit value='Sign in'></form>",
    ),
    "code field by its label": (
        Step.CODE,
        "<h2>Two-step verification</h2><form><label for=x>Enter Code</label><input id=x name=q1>"
        "<button>Verify</button></form><a href='#email'>Use e-mail instead</a>",
    ),
    "code field that hides what is typed": (
        Step.CODE,
        "<p>One-time password</p><form><input type=password name=otp placeholder='One-time passcode'>"
        "<button>Ok</button></form>",
    ),
    "six boxes": (
        Step.CODE,
        "<p>Enter the 6-digit code we sent, to verify that it is you.</p><form>"
        + "<input maxlength=1>" * 6
        + "<button>Submit</button></form>",
    ),
    "the only field of a page about codes": (
        Step.CODE,
        "<p>A security code was sent to your phone.</p><form><input name=field7><button>Next</button></form>",
    ),
    "links to choose a factor": (
        Step.FACTOR,
        "<h2>Choose a way to verify your identity</h2><ul><li><a href='#1'>Text message</a>"
        "<li><a href='#2'>Email</a><li><a href='#3'>Google Authenticator</a></ul>",
    ),
    "bare radios": (
        Step.FACTOR,
        "<h2>Multi-factor authentication</h2><form><input type=radio name=f> SMS<br>"
        "<input type=radio name=f> E-mail<button>Send</button></form>",
    ),
    "a button to send the code": (
        Step.SEND,
        "<h2>Verify with your account</h2><form><button>Send me the code</button></form>",
    ),
    "a home page with a search and an address": (
        Step.PAGE,
        "<form><input name=searchTerm><button>Search</button></form><a href='mailto:x@y.z'>E-mail us</a>"
        "<p>Your verification is complete.</p><a href='/out'>Log Out</a>",
    ),
    "terms": (
        Step.TERMS,
        "<h3>Terms and Conditions of Use</h3><form><input type=checkbox> I accept "
        "<button>Continue</button></form>",
    ),
    "a cookie banner": (
        Step.PAGE,
        "<p>We use cookies, see our Terms of Use.</p><button>Accept all cookies</button>",
    ),
    "the bot wall": (
        Step.BLOCKED,
        "<iframe id=main-iframe src='/_Incapsula_Resource?CWUDNSAI=23'></iframe>Request unsuccessful. "
        "Incapsula incident ID: 1",
    ),
}


def test_pages_on_the_way_in_are_told_apart(chromium: Path, sim: Simulator) -> None:
    with open_page(executable=str(chromium)) as page:
        page.goto(f"{sim.url}/ipage/error.jsp")  # any page with an address: what is on it is set below
        found = {}
        for name, (_, html) in PAGES.items():
            page.set_content(html)
            view = room.look_at(page.main_frame, built_in())
            assert view is not None, name
            found[name] = forms.step_of(view)
            if found[name] is Step.FACTOR:
                assert forms.wanted_factor(view, forms.factor_options(view), "email") == 1
            if found[name] in (Step.CODE, Step.LOGIN):
                field = forms.code_field(view) or forms.password_field(view)
                assert forms.go_button(view, field) is not None, name
    assert found == {name: step for name, (step, _) in PAGES.items()}


OWN = profile_with(
    parse_site_file(
        b"""[addresses]
home = "/start"
login = "/anmeldung"
[sign_in]
user = ["Kennung"]
password = ["Geheimwort"]
account = ["Kd.-Nr."]
submit = ["Los geht's"]
code = ["Einmalcode"]
email_factor = ["elektronische Post"]
send_code = ["Code anfordern"]
resend = ["Keinen Code bekommen"]
trust = ["vertrauen"]
terms = ["Nutzungsbedingungen"]
accept_terms = ["Einverstanden"]
notice = ["Zur Kenntnis genommen"]
""",
        None,
    )
)
OTHER_PAGES = {
    "the user's name alone": (
        Step.USER,
        "<form><label>Kennung <input name=a></label><label>Kd.-Nr. <input name=b></label>"
        "<button>Abbruch</button><button>Los geht's!</button></form>",
    ),
    "a password that shows": (
        Step.LOGIN,
        "<form><label>Geheimwort <input name=c></label><button>Los geht's</button></form>",
    ),
    "a choice": (
        Step.FACTOR,
        "<p>Wohin mit dem Einmalcode?</p><form><label><input type=radio name=w>Telefax</label><label>"
        "<input type=radio name=w>elektronische Post</label><button>Los geht's</button></form>",
    ),
    "a code": (
        Step.CODE,
        "<form><label>Einmalcode <input name=d></label><button>Los geht's</button></form>",
    ),
    "a code without a label": (
        Step.CODE,
        "<p>Ihr Einmalcode:</p><form><input name=d><button>Los geht's</button></form>",
    ),
    "a button for the code": (
        Step.SEND,
        "<p>Der Einmalcode kommt sofort.</p><form><button>Code anfordern</button></form>",
    ),
    "terms": (
        Step.TERMS,
        "<h3>Nutzungsbedingungen</h3><form><button>Einverstanden</button></form>",
    ),
}


def test_pages_of_other_words_are_told_apart_by_them(chromium: Path, sim: Simulator) -> None:
    with open_page(executable=str(chromium)) as page:
        page.goto(f"{sim.url}/ipage/error.jsp")
        found, without = {}, {}
        for name, (_, html) in OTHER_PAGES.items():
            page.set_content(html)
            view, ours = room.look_at(page.main_frame, OWN), room.look_at(page.main_frame, built_in())
            assert view is not None
            assert ours is not None
            found[name], without[name] = forms.step_of(view), forms.step_of(ours)
            if found[name] is Step.FACTOR:
                assert forms.wanted_factor(view, [*forms.factor_options(view)], "email") == 0
            field = forms.lone_user_field(view) or forms.password_field(view) or forms.code_field(view)
            if field is not None:
                button = forms.go_button(view, field)
                assert button is not None
                assert button.says.startswith("Los"), name
    assert found == {name: step for name, (step, _) in OTHER_PAGES.items()}
    assert {*without.values()} == {Step.PAGE}


class Portal:
    """A site that signs in by a page each: name, password, code, a notice."""

    def __init__(self, notice: str = "Zur Kenntnis genommen") -> None:
        self.typed: list[str] = []
        self.notice, self.is_wrong, self.has_pressed_on = notice, False, False

    def __call__(self, connection: socket.socket, head: str) -> None:
        name, _, value = head.split()[1].partition("=")
        if value and name in ("/name?a", "/wort?b", "/code?c"):
            self.typed.append(value)
        self.has_pressed_on |= name == "/start?"
        page = {
            "/anmeldung": "<form action=/name><input name=a aria-label=Kennung><button>Weiter</button>",
            "/name?a": "<form action=/wort><input type=password name=b><button>Weiter</button>",
            "/wort?b": "<p>Ihr Einmalcode</p><form action=/code><input name=c><button>Ja</button>",
            "/code?c": f"<p>Neu im Portal</p><form action=/start><button>{self.notice}</button>",
            "/start": "<p>Willkommen</p><a href=/raus>Abmelden</a>",
            "/start?": "<p>Willkommen</p><a href=/raus>Abmelden</a>",
        }.get(name, "")
        if self.is_wrong and name == "/wort?b":
            page = "<p>Kennung oder Geheimwort ist falsch.</p><form action=/wort><input type=password name=b>"
        body = f"<html><head><title>Portal</title></head><body>{page}</form></body></html>".encode()
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n"
            b"Set-Cookie: sid=1; Path=/\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )


def signed_in_at(portal: Portal, shared: Shared, chromium: Path, entries: str = "") -> None:
    account = Credentials("ada", "hush-hush", mfa="totp", totp_secret="JBSWY3DPEHPK3PXP")
    text = """[addresses]
home = "/start"
login = "/anmeldung"
[words]
sign_out = ["Abmelden"]
[sign_in]
user = ["Kennung"]
code = ["Einmalcode"]
notice = ["Zur Kenntnis genommen"]
"""
    profile = profile_with(parse_site_file((text + entries).encode(), None))
    with raw_server(portal) as (url, _):
        site = Site(
            url,
            shared(url),
            account,
            browser_executable=str(chromium),
            retry_waits=(0.0,),
            profile=profile,
            sign_in_patience=20.0,
        )
        with site:
            site.product_body("9780306406157")


def test_a_sign_in_of_other_steps_goes_by_site_toml(shared: Shared, chromium: Path) -> None:
    portal = Portal()
    with contextlib.suppress(PageChanged):  # The portal has no books.
        signed_in_at(portal, shared, chromium)
    assert portal.typed[:2] == ["ada", "hush-hush"]
    assert len(portal.typed) == 3
    assert portal.typed[2].isdigit()
    assert portal.has_pressed_on


def test_a_notice_that_is_not_known_is_not_passed_by(shared: Shared, chromium: Path) -> None:
    portal = Portal(notice="Ich verkaufe mein Haus")
    with contextlib.suppress(PageChanged):
        signed_in_at(portal, shared, chromium)
    assert len(portal.typed) == 3
    assert not portal.has_pressed_on


def test_a_wrong_password_is_known_by_the_words_of_the_page(shared: Shared, chromium: Path) -> None:
    portal = Portal()
    portal.is_wrong = True
    with pytest.raises(room.WrongPassword):
        signed_in_at(portal, shared, chromium, 'wrong = ["ist falsch"]')
    assert portal.typed == ["ada", "hush-hush"]


def test_secrets_are_in_no_repr(sim: Simulator) -> None:
    account = Credentials("shop", "hush", mfa="email", totp_secret="hush", imap_url="imaps://u:hush@h/INBOX")
    assert "hush" not in repr(account)
