"""Signing in: the old login form, the second factor, the terms, the bot wall's cookies."""

import time
from datetime import datetime, timedelta

import httpx
import pyotp
import pytest
from selectolax.lexbor import LexborHTMLParser

from ingram_assets_tests.testing import simulator_pages as reading
from ingram_assets_tests.testing.simulator_pages import LOGIN, give_password, submit

HOME = "/ipage/common/contentdelivery/hm001View.action"


@pytest.fixture
def browser(sim):
    """Keeps cookies and follows redirects, as a browser does."""
    with httpx.Client(
        base_url=sim.url, follow_redirects=True, trust_env=False, verify=False, timeout=60
    ) as client:
        yield client


def mailed(sim, count=1, kind="code"):
    """The newest of `count` mails of this kind, once they are there."""
    give_up = time.monotonic() + 10
    while len(codes := [mail["code"] for mail in sim.mails() if mail["kind"] == kind]) < count:
        assert time.monotonic() < give_up
        time.sleep(0.01)
    return codes[-1]


def sign_in(sim, client):
    page = submit(client, give_password(sim, client), factor="Email")
    sent = sim.requests(log=False)["codes_sent"]
    return submit(client, page, code=mailed(sim, sent), rememberDevice="Y", ok="Ok")


def test_the_login_form_is_the_known_one(stranger):
    form = LexborHTMLParser(stranger.get(LOGIN).text).css_first("form[name=login]")
    assert form.attributes["id"] == "loginIdForm"
    assert form.attributes["action"] == "/ipage/administration/login.action"
    assert form.css_first("input#userIDText").attributes["name"] == "username"
    assert form.css_first("input#passwordText").attributes["name"] == "passwd"
    assert form.css_first("input[name=allow]").attributes["value"] == "Y"
    assert form.css_first("input[name=gotoPage]") is not None
    assert form.css_first(".btn.btn-primary.btn-block") is not None


def test_the_token_is_fresh_each_time_and_good_once(sim, stranger):
    pages = [stranger.get(LOGIN) for _ in range(2)]
    tokens = {
        LexborHTMLParser(page.text).css_first("input[name=token]").attributes["value"] for page in pages
    }
    assert len(tokens) == 2
    fields = {"username": sim.account.username, "passwd": sim.account.password}
    assert submit(stranger, pages[0], **fields).status_code == 302
    again = submit(stranger, pages[0], **fields)
    assert reading.is_login_form(again)
    assert "out of date" in reading.error_message(again)


def test_the_login_page_drops_its_query(stranger):
    response = stranger.get(LOGIN + "?gotoPage=x")
    assert (response.status_code, response.headers["location"]) == (302, LOGIN)


def test_by_mailed_code(sim, browser):
    page = sign_in(sim, browser)
    assert page.url.path == HOME
    assert "Welcome" in page.text
    assert reading.stock(reading.page(browser, sim.isbns()[0])) is not None
    assert sim.requests()["sign_ins"] == 1


def test_session_cookies_are_http_only(sim, browser):
    sign_in(sim, browser)
    set_cookies = [
        header
        for response in (browser.get(HOME), browser.get(HOME))
        for header in response.headers.get_list("set-cookie")
    ]
    assert not set_cookies, "a signed-in session is not handed a new cookie by each page"
    cookies = {cookie.name: cookie for cookie in browser.cookies.jar}
    assert cookies["JSESSIONID"].has_nonstandard_attr("HttpOnly")
    assert cookies["DT"].has_nonstandard_attr("HttpOnly")
    assert 29 < (cookies["DT"].expires - time.time()) / 86_400 < 31
    assert {name.split("_")[0] for name in cookies} >= {"visid", "incap"}


def test_a_new_session_id_on_signing_in(sim, browser):
    browser.get(LOGIN)
    before = browser.cookies["JSESSIONID"]
    sign_in(sim, browser)
    assert browser.cookies["JSESSIONID"] != before


def test_a_trusted_device_is_asked_for_no_code(sim, browser):
    sign_in(sim, browser)
    sim.expire_sessions()
    assert give_password(sim, browser).url.path == HOME
    sim.advance_clock(31 * 86_400)
    assert give_password(sim, browser).url.path.endswith("secondFactor.action")


def test_a_device_may_be_forgotten_sooner(sim, browser):
    sign_in(sim, browser)
    sim.forget_devices()
    assert give_password(sim, browser).url.path.endswith("secondFactor.action")


def test_by_authenticator(sim, browser):
    page = submit(browser, give_password(sim, browser), factor="Authenticator")
    assert "wrong" not in page.text
    wrong = submit(browser, page, code="000000")
    assert "incorrect" in reading.error_message(wrong)
    done = submit(browser, wrong, code=pyotp.TOTP(sim.account.totp_secret).now())
    assert done.url.path == HOME
    assert sim.mails() == []


@pytest.mark.parametrize("factor", ["SMS", "Voice"])
def test_by_phone(sim, browser, factor):
    page = submit(browser, give_password(sim, browser), factor=factor)
    assert "phone number ending in" in page.text
    assert submit(browser, page, code=mailed(sim, kind=factor)).url.path == HOME


def test_a_code_is_void_after_five_minutes(sim, browser):
    page = submit(browser, give_password(sim, browser), factor="Email")
    code = mailed(sim)
    sim.advance_clock(301)
    page = submit(browser, page, code=code)
    assert "expired" in reading.error_message(page)
    page = submit(browser, page, resend="Y")
    assert submit(browser, page, code=mailed(sim, 2)).url.path == HOME


def test_a_new_code_voids_the_one_before(sim, browser):
    page = submit(browser, give_password(sim, browser), factor="Email")
    old = mailed(sim)
    page = submit(browser, page, resend="Y")
    new = mailed(sim, 2)
    if new != old:
        page = submit(browser, page, code=old)
        assert "incorrect" in reading.error_message(page)
    assert submit(browser, page, code=new).url.path == HOME


def test_five_wrong_codes_end_the_attempt(sim, browser):
    page = submit(browser, give_password(sim, browser), factor="Authenticator")
    for _ in range(5):
        page = submit(browser, page, code="abcdef")
    assert reading.is_login_form(page)
    assert "Too many" in reading.error_message(page)


@pytest.mark.parametrize("markup", ["radio", "buttons", "select"])
def test_the_choice_offers_the_factors(sim, browser, markup):
    sim.set(factor_markup=markup, factors=["SMS", "Email"])
    page = give_password(sim, browser)
    text = LexborHTMLParser(page.text).css_first("#factorForm").text()
    assert "SMS" in text
    assert "Email" in text
    assert "Voice" not in text
    refused = submit(browser, page, factor="Voice")
    assert refused.url.path.endswith("secondFactor.action")


def test_a_wrong_password_is_said_and_five_lock_the_account(sim, browser):
    for _ in range(4):
        page = give_password(sim, browser, "guess")
        assert "incorrect" in reading.error_message(page)
        assert reading.is_login_form(page)
    assert "locked" in reading.error_message(give_password(sim, browser, "guess"))
    assert "locked" in reading.error_message(give_password(sim, browser))
    sim.reset()
    assert give_password(sim, browser).url.path.endswith("secondFactor.action")


def test_a_locked_account(sim, browser):
    sim.set(account_locked=True)
    assert "locked" in reading.error_message(give_password(sim, browser))


@pytest.mark.parametrize("when", ["before_code", "after_code"])
def test_terms_are_asked_for_once(sim, browser, when):
    sim.set(terms=when)
    page = give_password(sim, browser)
    if when == "before_code":
        assert page.url.path.endswith("terms.action")
        page = submit(browser, page, accept="Y")
    page = submit(browser, page, factor="Email")
    page = submit(browser, page, code=mailed(sim), rememberDevice="Y")
    if when == "after_code":
        assert page.url.path.endswith("terms.action")
        assert (
            reading.is_login_form(browser.get(reading.PRODUCT))
            or "expired" in browser.get(reading.PRODUCT).text
        )
        page = submit(browser, page, accept="Y")
    assert page.url.path == HOME
    sim.expire_sessions()
    assert give_password(sim, browser).url.path == HOME


@pytest.mark.parametrize("where", ["login_page", "after_password"])
def test_oktas_redirect_loop(sim, browser, where):
    page = browser.get(LOGIN)
    sim.set(okta_loop=where)
    fields = {"username": sim.account.username, "passwd": sim.account.password}
    with pytest.raises(httpx.TooManyRedirects):
        browser.get(LOGIN) if where == "login_page" else submit(browser, page, **fields)
    assert sim.requests()["by_kind"]["okta"] > 5


def test_oktas_loop_by_script(sim, browser):
    sim.set(okta_loop="script")
    page = browser.get(LOGIN)
    for _ in range(4):
        assert not reading.is_login_form(page)
        target = page.text.split("replace(")[1].split('"')[1].encode().decode("unicode_escape")
        page = browser.get(target)


def test_the_front_door_is_the_new_login(browser):
    page = browser.get("/")
    assert [response.url.path for response in page.history][:2] == ["/", "/oauth2/default/v1/authorize"]
    assert reading.is_login_form(page)


def test_logging_out(sim, browser):
    sign_in(sim, browser)
    assert reading.is_login_form(browser.get("/ipage/administration/logout.action"))
    assert reading.is_login_form(browser.get(HOME))


def test_a_page_asked_for_before_is_where_it_leads(sim, browser):
    sim.set(second_factor=False)
    page = browser.get(LOGIN)
    fields = {"username": sim.account.username, "passwd": sim.account.password}
    wanted = f"/ipage/productdetail?ean_id={sim.isbns()[0]}"
    assert str(submit(browser, page, **fields, gotoPage=wanted).url).endswith(wanted)
    assert submit(browser, browser.get(LOGIN), **fields, gotoPage="//evil.example/").url.path == HOME


def _sent(mail):
    return datetime.fromisoformat(mail["sent"])


def test_mails_around_the_true_one(sim, browser):
    sim.set(stale_mails=2, stale_mails_after=1, wrong_sender_mails=1, mail_delay_s=0.05)
    submit(browser, give_password(sim, browser), factor="Email")
    mailed(sim, kind="wrong_sender")
    mails = sim.mails()
    assert [mail["kind"] for mail in mails] == ["stale", "stale", "code", "stale", "wrong_sender"]
    true = next(mail for mail in mails if mail["kind"] == "code")
    ages = [_sent(true) - _sent(mail) for mail in mails if mail["kind"] == "stale"]
    assert min(ages) > timedelta(minutes=1)
    assert len({mail["from"] for mail in mails}) == 2
    assert all(mail["code"] != true["code"] for mail in mails if mail["kind"] != "code")


def test_no_mail_comes(sim, browser):
    sim.set(no_mail=True, wrong_sender_mails=1)
    submit(browser, give_password(sim, browser), factor="Email")
    mailed(sim, kind="wrong_sender")
    assert [mail["kind"] for mail in sim.mails()] == ["wrong_sender"]


def test_a_mail_on_request(sim):
    sim.deliver("stale", age_s=600)
    mailed(sim, kind="stale")
