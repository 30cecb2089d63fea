"""A session that ended: whatever leads to a sign-in in a page's place, by form, refresh, script or word."""

import base64

import httpx
import pytest

from ingram_assets.sources.ipage.access.answers import ExpectedAnswer, Fetched, classify
from ingram_assets.sources.ipage.pages import parse_product_page
from ingram_assets.sources.ipage.pages.lost_session import is_sign_in_address
from ingram_assets.sources.ipage.pages.page_failures import (
    NotFound,
    PageChanged,
    SessionExpired,
    SiteClosed,
)
from ingram_assets.sources.ipage.profile.site_profile import built_in
from ingram_assets_tests.testing.page_factory import (
    HEALTHY_SCRIPT,
    NO_MATCH,
    message_page,
    product_page,
)


def page(body: str = "", head: str = "") -> str:
    return f"<html><head>{head}</head><body>{body}</body></html>"


def hidden(*names: str) -> str:
    return "".join(f'<input type="hidden" name="{name}" value="x">' for name in names)


def script(text: str) -> str:
    return page(head=f"<script>{text}</script>")


FORMS = {
    "saml request": page(
        f'<form method="post" action="https://idp.example/post">{hidden("SAMLRequest", "RelayState")}'
        "<noscript><p>JavaScript is off.</p><button>Continue</button></noscript></form>"
        "<script>document.forms[0].submit()</script>"
    ),
    "saml response": page(f'<form method="POST" action="/acs">{hidden("SAMLResponse")}</form>'),
    "oidc form_post": page(
        f'<form name="f" action="/callback" method="post">{hidden("code", "id_token", "state")}</form>'
        "<script>window.onload=function(){document.f.submit()}</script>"
    ),
    "oidc request": page(
        f'<form action="https://a.example/" method="post">{hidden("client_id", "redirect_uri")}</form>'
    ),
    "ws-federation": page(f'<form action="/x" method="post">{hidden("wa", "wresult", "wctx")}</form>'),
    "openid 2": page(f'<form action="https://a.example/op" method="post">{hidden("openid.mode")}</form>'),
    "posts itself to the login": page(
        '<form id="f" action="/ipage/administration/login.action"><input type="hidden" name="a"></form>'
        "<script>document.getElementById('f')['submit']()</script>"
    ),
    "posts itself elsewhere": page(
        f'<form method="post" action="https://access.example/check">{hidden("t")}</form>'
        "<script>HTMLFormElement.prototype.submit.call(document.forms[0])</script>"
    ),
    "clicks its own button": page(
        f'<form method="post" action="/handover">{hidden("t")}<input type="submit" id="go"></form>'
        "<script>document.getElementById('go').click()</script>"
    ),
    "from the body's tag": (
        '<html><body onload="javascript:document.forms[0].submit()"><form action="https://fed.example/">'
        f"{hidden('x')}</form></body></html>"
    ),
}
REFRESHES = {
    "relative": "0;url=li001.jsp",
    "with a path": "0; url=../administration/login.action",
    "absolute": "1;URL=https://ipage.ingramcontent.com/ipage/li001.jsp",
    "quoted": "0; url='/ipage/error.jsp?timeout=y'",
    "without url=": "0; /ipage/login",
    "with a comma": "0,url=/sso/start",
    "entities": "0;url=&#47;ipage&#47;li001&#46;jsp",
    "the front door": "0;url=/ipage/",
    "percent signs": "3; url=/redirect?to=%2Fipage%2Fli001.jsp",
}
SCRIPTS = {
    "assigned": "window.location='/ipage/li001.jsp'",
    "href": 'location.href = "login.action";',
    "replaced": "window.top.location.replace('https://ipage.ingramcontent.com/ipage/li001.jsp')",
    "assign()": "self.location.assign(`/ipage/error.jsp?timeout=y`)",
    "by brackets": "window['location']['href']='/signin'",
    "the parent's": "if(parent!=self)parent.document.location.href='/auth/realms/x'",
    "later": "setTimeout(\"location.href='/ipage/li001.jsp'\",0)",
    "escaped slashes": r"location.replace('\/ipage\/li001.jsp')",
    "hexadecimal": r"location='\x2fipage\x2fli001.jsp'",
    "unicode": r"location='\u002fipage\u002flogi\u006e'",
    "in pieces": "location='/ipage/'+'li0'+'01.jsp'",
    "in pieces, none of which says it": "location='/x/lo'+'gi'+\"n.do\"",
    "with what was asked for": "location.href='/login?goto='+encodeURIComponent(location.pathname)",
    "percent signs": "location=unescape('%2Fipage%2Fli001%2Ejsp')",
    "base64": f"location=atob('{base64.b64encode(b'/ipage/li001.jsp').decode()}')",
    "character codes": f"location=String.fromCharCode({','.join(str(ord(c)) for c in '/ipage/li001.jsp')})",
    "another window": "window.open('/ipage/li001.jsp','_top')",
    "the front door": "top.location.href='/'",
    "in a comment for old browsers": "<!--\nwindow.location.href='/ipage/li001.jsp'\n//-->",
}
WIDGETS = {
    "okta, by its script": page(
        '<div id="widget"></div><script>new OktaSignIn({baseUrl:"https://x.example"}).renderEl({el:"#widget"})</script>'
    ),
    "okta, by its file": page(
        '<div id="a"></div>',
        '<script src="https://global.oktacdn.com/okta-signin-widget/7/js/w.js"></script>',
    ),
    "okta, by its place": page('<main id="okta-signin-container"></main>', "<title>iPage</title>"),
    "auth0": page("<script>new Auth0Lock('a','b').show()</script>"),
    "azure": page("<script>var m=new msal.PublicClientApplication(c);m.loginRedirect()</script>"),
    "its own element": page("<ingram-login></ingram-login><script src='/x.js'></script>"),
    "its own file": page('<div id="root"></div><script src="/static/js/login.8a71.chunk.js"></script>'),
    "in a frame": page('<iframe src="https://login.example.com/embed"></iframe>'),
    "its title": page(
        '<div id="root"></div><script src="/app.js"></script>', "<title>Sign In - iPage</title>"
    ),
    "a link": page('<h1>Object moved</h1>Object moved to <a href="/ipage/li001.jsp">here</a>.'),
}
WORDS = [
    "Your session has been closed by the server.",
    "Your session is no longer valid.",
    "Session timed out.",
    "This session was ended because of too long a pause.",
    "Invalid session. Return to the home page.",
    "You have been automatically logged out.",
    "You were signed out due to inactivity.",
    "For your security we have logged you off. Signed off because your ID is used elsewhere.",
    "You are not currently logged in.",
    "Your user ID is in use at another workstation.",
    "You're no longer signed in to iPage.",
    "We’re sorry: your connection timed out, so you have timed out. ",
    "Please log in again.",
    "You must be signed in, please sign in to continue",
    "Authentication required",
    "Your login has expired.",
    "Your session has been idle for too long.",
    "We could not find your session.",
    "For your security, we've signed you out.",
    "You have been disconnected from iPage.",
    "Another user has signed on with this user ID.",
    "Please re-enter your password.",
]


def judge(
    html: str | bytes,
    status: int = 200,
    expected: ExpectedAnswer = ExpectedAnswer.PRODUCT,
    url: str = "/x",
    **headers: str,
) -> None:
    body = html if isinstance(html, bytes) else html.encode()
    classify(Fetched(status, f"https://site.example{url}", httpx.Headers(headers), body), expected)


@pytest.mark.parametrize(
    "html",
    [
        *FORMS.values(),
        *(page(head=f'<meta http-equiv="Refresh" content="{content}">') for content in REFRESHES.values()),
        *(script(text) for text in SCRIPTS.values()),
        *WIDGETS.values(),
        *(message_page(words) for words in WORDS),
        *(page(f"<h1>iPage</h1><p>{words}</p>") for words in WORDS),
    ],
    ids=[
        *(f"form: {name}" for name in FORMS),
        *(f"refresh: {name}" for name in REFRESHES),
        *(f"script: {name}" for name in SCRIPTS),
        *(f"widget: {name}" for name in WIDGETS),
        *(f"message: {words[:30]}" for words in WORDS),
        *(f"text: {words[:30]}" for words in WORDS),
    ],
)
def test_what_leads_to_a_sign_in_is_a_lost_session(html: str) -> None:
    with pytest.raises(SessionExpired):
        parse_product_page(html)
    for body in (html, html.replace("</body>", HEALTHY_SCRIPT + "</body>")):
        for status in (200, 401, 404):
            for expected in ExpectedAnswer:
                with pytest.raises(SessionExpired):
                    judge(body, status, expected)


def test_other_ways_to_say_it() -> None:
    for send in (
        lambda: judge(b"", 200, refresh="0;url=/ipage/li001.jsp"),
        lambda: judge("<p>Moved</p>", 200, refresh="0; /ipage/error.jsp?timeout=y"),
        lambda: judge("<h1>iPage</h1>", 200, url="/ipage/error.jsp?timeout=y"),
        lambda: judge("<h1>Welcome, bookseller</h1>" + "x" * 9_000, 200, url="/ipage/li001.jsp"),
        lambda: judge(b'{"error":"login_required"}'),
        lambda: judge(b'{"message":"Your session has expired"}', expected=ExpectedAnswer.EXPORT),
        lambda: judge(b'{"redirect":"https://ingram.okta.com/app/x"}'),
        lambda: judge(b"Session expired", expected=ExpectedAnswer.PICTURE),
    ):
        with pytest.raises(SessionExpired):
            send()


PRODUCT_SCRIPTS: list[str] = [
    *(f"<script>{text}</script>" for text in SCRIPTS.values() if "<!--" not in text),
    *(f'<meta http-equiv="refresh" content="{content}">' for content in REFRESHES.values()),
    '<script src="https://global.oktacdn.com/okta-auth-js/7/okta-auth-js.min.js"></script>',
    f'<form action="/ipage/logout.action" method="post">{hidden("client_id", "nonce")}</form>',
    "<p>Please sign in again if a price is missing.</p>",
]


@pytest.mark.parametrize("extra", PRODUCT_SCRIPTS)
def test_a_product_page_is_one_by_its_own_marks(extra: str) -> None:
    assert parse_product_page(product_page(extra=extra)).isbn == "9780593135204"
    judge(product_page(extra=extra))


@pytest.mark.parametrize(
    "html",
    [
        NO_MATCH,
        NO_MATCH.replace("</body>", '<a href="/ipage/administration/logout.action">Log Out</a></body>'),
        NO_MATCH.replace(
            "</head>", "<meta http-equiv=refresh content='1800;url=/ipage/error.jsp?timeout=y'></head>"
        ),
        NO_MATCH.replace("</head>", "<script>function out(){location='/ipage/li001.jsp'}</script></head>"),
        NO_MATCH.replace("</body>", "<p>Sessions end after 30 minutes.</p></body>"),
    ],
)
def test_a_title_that_is_not_there_is_no_lost_session(html: str) -> None:
    with pytest.raises(NotFound):
        parse_product_page(html)
    with pytest.raises(NotFound):
        judge(html)


@pytest.mark.parametrize(
    "html",
    [
        message_page("We are unable to process your request."),
        message_page("An error has occurred.").replace(
            "</body>", '<a href="/ipage/li001.jsp">Log in</a></body>'
        ),
        message_page("Out of order.<script>function out(){location='/ipage/li001.jsp'}</script>"),
        page("<p>Hello</p><script>setTimeout(function(){location='/ipage/li001.jsp'},900000)</script>"),
        page("<p>Hello</p><script>setTimeout('location=\"/ipage/li001.jsp\"', 15 * 60 * 1000)</script>"),
        page('<h1>Redesigned</h1><div class="product"><b>Dune</b> by Frank Herbert</div>' * 20),
        page(
            "<h2>Catalog</h2><p>Cataloging in publication</p>", "<script>location.hash='#catalogin'</script>"
        ),
    ],
)
def test_another_page_of_the_site_has_changed(html: str) -> None:
    with pytest.raises(PageChanged):
        parse_product_page(html)


@pytest.mark.parametrize(
    ("url", "is_one"),
    [
        ("/ipage/li001.jsp", True),
        ("https://ingram.okta.com/oauth2/default/v1/authorize?client_id=x", True),
        ("/app/userLogin.do", True),
        ("/doSignIn", True),
        ("/ipage/error.jsp?timeout=y", True),
        ("/auth/realms/ingram/protocol/openid-connect/auth", True),
        ("/Account/LogOn?ReturnUrl=%2f", True),
        ("/ipage/productdetail?ean_id=9780593135204", False),
        ("/ipage/hoverImage.jsp?ean=9780593135204&size=640&howerType=Y", False),
        ("/ipage/common/contentdelivery/hm001View.action", False),
        ("/covers/designing-lessons/assigning.jpg", False),
        ("/ipage/cataloging/associations", False),
        ("https://images.example/9780593135204.jpg", False),
    ],
)
def test_addresses(url: str, is_one: bool) -> None:
    assert is_sign_in_address(url, built_in().words) is is_one


def test_a_hostile_page_is_looked_at_in_good_time() -> None:
    for html in (
        page(head="<script>" + "location='" * 10_000 + "</script>"),
        page(head="<script>" + "\\x2" * 30_000 + "location</script>"),
        page("session " * 20_000),
        page("access denied " * 300),
        page(head='<meta http-equiv="refresh" content="' + "0;" * 50_000 + '">'),
        page("<a href=login>" * 10_000),
    ):
        try:
            judge(html)
        except (SessionExpired, PageChanged):
            continue


@pytest.mark.parametrize(
    "text",
    [
        "iPage is down for maintenance. Please log in later.",
        "System maintenance. You will be able to sign in again on Sunday.",
        "The site is temporarily unavailable. Please sign in after 6 a.m.",
        "We will be back soon. Please try to log in again later.",
        "Scheduled maintenance: iPage is back at six.",
    ],
)
def test_maintenance_is_no_lost_session_unless_it_has_a_form(text: str) -> None:
    for answer in (page(f"<p>{text}</p>"), page(f"<p>{text}</p><a href='/ipage/li001.jsp'>Log in</a>"), text):
        with pytest.raises(SiteClosed):
            judge(answer)
    with pytest.raises(SiteClosed):
        judge(page(f"<p>{text}</p>"), status=503)
    with pytest.raises(SessionExpired):
        judge(page(f"<p>{text}</p><form action='/login'><input type='password'></form>"))


@pytest.mark.parametrize(
    "text",
    [
        "You must be logged in to view this page.",
        "You need to be signed in to see this title.",
        "You have to be logged on to continue.",
        "Users are required to be signed in.",
        "Your session has expired. Scheduled maintenance is on Sunday. Please log in again.",
    ],
)
def test_words_that_say_to_be_signed_in_are_a_lost_session(text: str) -> None:
    with pytest.raises(SessionExpired):
        judge(page(f"<p>{text}</p>"))
