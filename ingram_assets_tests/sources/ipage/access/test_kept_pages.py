"""Pages that changed shape are kept: few, small, private, and without what opens the account."""

import gzip

import pytest

from ingram_assets.coordination import keeping
from ingram_assets.sources.ipage.access.kept_pages import (
    MAX_PAGE_BYTES,
    name_of,
    packed_page,
    without_secrets,
)
from ingram_assets.sources.ipage.pages.recognize import PageKind, recognize
from ingram_assets_tests.testing.page_factory import BLOCK, LOGIN, product_page
from ingram_assets_tests.testing.shared_site import Shared

COOKIE = "9AFB2C7714D6E0B1F3A8C5D2E7F60912.node3"


def test_a_page_is_packed_with_its_run_isbn_and_reason() -> None:
    packed = packed_page(
        product_page(), run_id="6f0d6f7e", isbn="9780593135204", reason="On Hand: its columns can't be told"
    )
    text = gzip.decompress(packed).decode()
    first = text.splitlines()[0]
    assert "run 6f0d6f7e, ISBN 9780593135204: On Hand: its columns" in first
    assert '<td class="scTabledata">1,410</td>' in text
    assert "<strong>EAN:</strong> 9780593135204" in text
    assert recognize(text).kind is PageKind.PAGE


def test_a_name_may_stand_in_a_files_name() -> None:
    assert name_of("../../etc") == "etc"
    assert name_of("/passwd\x00") == "passwd"
    first = gzip.decompress(packed_page("x", run_id="r", isbn="a --> b", reason="a --> b")).decode()
    assert first.splitlines()[0].count("-->") == 1


def test_the_oldest_make_room(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MOST_PAGES", 3)
    for number in (0, 1, 2, 3, 4, 2):
        packed = packed_page("x", run_id="run", isbn=str(number), reason="")
        shared("http://nowhere").keep_page("run", str(number), packed)
    assert [page.isbn for page in shared.pages()] == ["2", "4", "3"]


def test_a_page_is_cut_to_size() -> None:
    for page in ("word é " * 500_000, ("word é " * 500_000).encode(), b"\xff" * 3_000_000):
        packed = packed_page(page, run_id="r", isbn="i", reason="")
        assert len(gzip.decompress(packed)) <= MAX_PAGE_BYTES + 1_000


def test_nothing_that_opens_the_account_is_kept() -> None:
    page = product_page(
        head='<meta name=csrf content="csrfvalue1"><!-- user=shop7 --><script>t = "inlinesecret"</script>',
        extra=(
            '<input type="hidden" name="token" value="formtoken1"><input name=gotoPage value=gotovalue>'
            f'<a href="/ipage/x;jsessionid={COOKIE}?a=1&amp;token=urltoken1&sessionId=urlsession1">x</a>'
            f"<p>JSESSIONID={COOKIE}; visid_incap_123=abcDEF; incap_ses_9_12=xyz== nlbi_9=q</p>"
            "<p>Set-Cookie: id=cookievalue1; Authorization: Bearer bearervalue1</p>"
            "<p>Signed in as shop.owner@example.com</p><p>eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9abc</p>"
        ),
    )
    text = without_secrets(page)
    for secret in (
        *(
            "csrfvalue1",
            "shop7",
            "inlinesecret",
            "formtoken1",
            "gotovalue",
            COOKIE,
            "urltoken1",
            "urlsession1",
        ),
        *("abcDEF", "xyz==", "cookievalue1", "bearervalue1", "owner@example", "eyJhbGci"),
    ):
        assert secret not in text, secret
    assert "<strong>EAN:</strong> 9780593135204" in text
    assert "1,410" in text


def test_values_known_to_be_secret_are_taken_out_wherever_they_stand() -> None:
    page = product_page(title="my-pass word", extra="<p>Account SHOP99</p>")
    packed = packed_page(
        page,
        run_id="r",
        isbn="i",
        reason="seen my-pass word",
        secrets=["my-pass word", "SHOP99", ""],
    )
    text = gzip.decompress(packed).decode()
    assert "my-pass" not in text
    assert "SHOP99" not in text


def test_a_kept_page_still_shows_what_kind_it_was() -> None:
    assert recognize(without_secrets(BLOCK)).kind is PageKind.BLOCKED
    assert recognize(without_secrets(LOGIN)).kind is PageKind.SIGN_IN
    assert "t0k3n" not in without_secrets(LOGIN)


def test_a_hostile_page_takes_no_time_to_clean() -> None:
    for page in (
        "<script" * 200_000,
        "<!--" * 200_000,
        "a" * 1_000_000,
        "?token=" * 100_000,
        "<input " * 100_000,
    ):
        assert len(without_secrets(page)) <= MAX_PAGE_BYTES
