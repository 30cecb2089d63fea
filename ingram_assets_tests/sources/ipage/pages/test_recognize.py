"""Which kind of page came: the bot wall, a sign-in form, an expired session, no match, or the page itself."""

import pytest

from ingram_assets.sources.ipage.pages import (
    Blocked,
    NotFound,
    PageChanged,
    SessionExpired,
    parse_product_page,
)
from ingram_assets.sources.ipage.pages.recognize import (
    MAX_CHARACTERS,
    PageKind,
    raise_unless_page,
    recognize,
)
from ingram_assets_tests.testing.page_factory import (
    BLOCK,
    EXPIRED,
    INTERRUPTION,
    LOGIN,
    NO_MATCH,
    UPPER,
    message_page,
    product_page,
    replaced,
    stock_tables,
)

ERRORS = {
    PageKind.BLOCKED: Blocked,
    PageKind.SIGN_IN: SessionExpired,
    PageKind.EXPIRED: SessionExpired,
    PageKind.NOT_FOUND: NotFound,
    PageKind.ERROR: PageChanged,
}


@pytest.mark.parametrize(
    ("html", "kind"),
    [
        (BLOCK, PageKind.BLOCKED),
        (BLOCK.replace("main-iframe", "frame"), PageKind.BLOCKED),
        (INTERRUPTION, PageKind.BLOCKED),
        ("<html><body>Request unsuccessful. Incapsula incident ID: 1-2</body></html>", PageKind.BLOCKED),
        (LOGIN, PageKind.SIGN_IN),
        (LOGIN.replace(' id="loginIdForm"', ""), PageKind.SIGN_IN),
        (LOGIN.replace(' name="login"', ""), PageKind.SIGN_IN),
        (LOGIN.replace('name="login" id="loginIdForm"', "").replace("passwordText", "x"), PageKind.SIGN_IN),
        ("<html><title>Sign In</title><div id=okta-sign-in></div></html>", PageKind.SIGN_IN),
        (EXPIRED, PageKind.EXPIRED),
        (message_page("We&#39;re sorry, but your session has expired."), PageKind.EXPIRED),
        (message_page("We’re  sorry,\n but your <b>session</b> has&nbsp;expired"), PageKind.EXPIRED),
        (NO_MATCH, PageKind.NOT_FOUND),
        (message_page("No information\n matches your query. Please try again."), PageKind.NOT_FOUND),
        (message_page("We are unable to process your request."), PageKind.ERROR),
        (product_page(), PageKind.PAGE),
        ("<html><body><h1>iPage Home</h1></body></html>", PageKind.PAGE),
        ("", PageKind.PAGE),
    ],
)
def test_kinds_of_pages(html: str, kind: PageKind) -> None:
    for body in (html, html.encode(), html.encode("utf-16")):
        assert recognize(body).kind is kind
    if kind in ERRORS:
        with pytest.raises(ERRORS[kind]) as caught:
            parse_product_page(html)
        assert str(caught.value)


def test_a_block_is_a_block_whatever_else_is_on_the_page() -> None:
    frame = '<iframe id="main-iframe" src="/_Incapsula_Resource?CWUDNSAI=9&xinfo=1"></iframe>'
    with pytest.raises(Blocked):
        parse_product_page(product_page(extra=frame))


def test_the_walls_script_alone_is_no_block() -> None:
    frame = '<iframe src="/_Incapsula_Resource?SWJIYLWA=719d34d31c8e3a6e6fffd425f7e032f3"></iframe>'
    assert recognize(product_page(extra=frame)).kind is PageKind.PAGE
    assert recognize(product_page(head=frame)).kind is PageKind.PAGE


def test_words_of_a_book_are_not_words_of_the_site() -> None:
    for words in (
        "Request unsuccessful. Incapsula incident ID: 12",
        "Pardon Our Interruption",
        "We're sorry, but your session has expired",
        "No information matches your query",
        "<iframe id='main-iframe' src='_Incapsula_Resource?CWUDNSAI='>".replace("<", "&lt;"),
        '&lt;form name="login"&gt;',
    ):
        html = product_page(title=words, upper=replaced(UPPER, Annotation=words))
        assert recognize(html).kind is PageKind.PAGE
        assert parse_product_page(html).isbn == "9780593135204"


def test_a_product_page_for_guests_is_a_lost_session() -> None:
    form = '<form name="login"><input id="userIDText" name="username"></form>'
    with pytest.raises(SessionExpired):
        parse_product_page(product_page(extra=form))


def test_an_expired_session_on_a_product_page() -> None:
    text = '<div class="errorMessage"{}>We\'re sorry, but your session has expired</div>'
    with pytest.raises(SessionExpired):
        parse_product_page(product_page(extra=text.format("")))
    # A message that a script may show later is no message yet.
    hidden = product_page(extra=text.format(' style="display: none"'))
    assert parse_product_page(hidden) == parse_product_page(product_page())
    side = product_page(extra='<div class="errorMessage">No information matches your query</div>')
    assert parse_product_page(side) == parse_product_page(product_page())


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b"\x00",
            b"\xff\xfe",
            b"\xef\xbb\xbf",
            b"<",
            b"<html",
            b"<html></html>",
            b"\x00" * 1000,
            b"GIF89a",
        ),
        *(b"\xff\xd8\xff\xe0", b"%PDF-1.7", b"{}", b"null", bytes(range(256)) * 8, b"<!--", b"</html>"),
    ],
)
def test_what_is_no_page_has_changed(body: bytes) -> None:
    assert recognize(body).kind is PageKind.PAGE
    with pytest.raises(PageChanged):
        parse_product_page(body)


@pytest.mark.parametrize(
    "html",
    [
        "x" * (MAX_CHARACTERS + 1),
        "<div>" * 100_000,
        "<b>" * 500_000,
        "<div " + " ".join(f"a{i}=1" for i in range(200_000)),
        "<!--" * 500_000,
        "<script" * 300_000,
        "&" * 1_000_000,
    ],
    ids=["long", "deep", "deep inline", "attributes", "comments", "scripts", "ampersands"],
)
def test_a_hostile_page_is_refused_in_good_time(html: str) -> None:
    with pytest.raises(PageChanged):
        parse_product_page(html)
    found = recognize(html)
    assert found.kind in (PageKind.PAGE, PageKind.UNREAD)
    if found.kind is PageKind.UNREAD:
        with pytest.raises(PageChanged, match=r"(?:too deeply|too many).*; open it in a browser"):
            raise_unless_page(found)


def test_lone_surrogates_are_no_crash() -> None:
    assert parse_product_page(product_page(title="Dune \ud800")).title


@pytest.mark.parametrize(
    "end",
    ["</html>", "</HTML>", "</html >", "</html>\n<!-- served in 12 ms -->", "</html><script>x()</script>"],
)
def test_a_whole_page_ends(end: str) -> None:
    assert parse_product_page(product_page().replace("</html>", end)).stock


def test_a_page_cut_short_has_changed() -> None:
    html = product_page(
        head="<script>win.document.write('<html><body></body></html>')</script><!-- </html> -->"
    )
    parse_product_page(html)
    for end in range(0, html.rindex("</html>") + 6, 7):
        with pytest.raises(PageChanged):
            parse_product_page(html[:end])


def test_a_page_that_leaves_its_tags_open_as_html_allows() -> None:
    html = '<!doctype html><title>iPage</title><body><p id="pd-title">Dune<p><b>EAN:</b> 9780441013593'
    assert parse_product_page(html + stock_tables()).stock


def test_a_cut_fragment_has_changed_too() -> None:
    html = f'<b id="pd-title">Dune</b> <strong>EAN:</strong> 9780441013593 {stock_tables()}'
    parse_product_page(html)
    for end in range(html.index("<table") + 1, html.rindex("</table>") + 8):
        try:
            page = parse_product_page(html[:end])
        except PageChanged:
            continue
        # Cut exactly between two whole tables: what is there was read whole.
        assert html[:end].rstrip().endswith("</table>")
        assert page.stock is not None


@pytest.mark.parametrize(
    "charset", ["utf-16", "utf-7", "punycode", "nonsense", "cp1252", "koi8-r", "iso-8859-1", ""]
)
def test_whatever_charset_a_damaged_page_names(charset: str) -> None:
    html = product_page().replace('charset="utf-8"', f'charset="{charset}"').encode() + b"\xff"
    assert parse_product_page(html).stock
