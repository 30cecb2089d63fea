"""Pages that changed shape are kept: few, small, private, and without what opens the account."""

import gzip
import os
import stat
import time
from pathlib import Path

import pytest

from ingram_assets.sources.ipage.access import kept_pages
from ingram_assets.sources.ipage.access.kept_pages import MAX_PAGE_BYTES, keep_page, without_secrets
from ingram_assets.sources.ipage.pages.recognize import PageKind, recognize
from ingram_assets_tests.testing.page_factory import BLOCK, LOGIN, product_page

COOKIE = "9AFB2C7714D6E0B1F3A8C5D2E7F60912.node3"


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_page_is_kept_with_its_run_and_isbn(tmp_path: Path) -> None:
    path = keep_page(
        tmp_path / "pages",
        product_page(),
        run_id="6f0d6f7e-8c1b-4f5e-9a8e-2b6f0c7c9d11",
        isbn="9780593135204",
        reason="On Hand: its columns can't be told",
    )
    assert path.name == "6f0d6f7e-8c1b-4f5e-9a8e-2b6f0c7c9d11-9780593135204.html.gz"
    assert kept(tmp_path / "pages") == [path.name]
    text = gzip.decompress(path.read_bytes()).decode()
    assert "On Hand: its columns" in text.splitlines()[0]
    assert '<td class="scTabledata">1,410</td>' in text
    assert "<strong>EAN:</strong> 9780593135204" in text
    assert recognize(text).kind is PageKind.PAGE


def test_it_is_its_owners_alone(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        path = keep_page(tmp_path / "pages", "x", run_id="r", isbn="i", reason="")
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_name_stays_in_its_folder(tmp_path: Path) -> None:
    path = keep_page(tmp_path / "pages", "x", run_id="../../etc", isbn="/passwd\x00", reason="a --> b")
    assert path.parent == tmp_path / "pages"
    assert path.name == "etc-passwd.html.gz"


def test_the_oldest_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_pages, "MAX_PAGES", 3)
    for number in range(5):
        path = keep_page(tmp_path, "x", run_id="run", isbn=str(number), reason="")
        os.utime(path, (time.time() - 100 + number,) * 2)
    keep_page(tmp_path, "x", run_id="run", isbn="4", reason="")
    assert kept(tmp_path) == [f"run-{number}.html.gz" for number in (2, 3, 4)]


def test_a_page_is_cut_to_size(tmp_path: Path) -> None:
    for page in ("word é " * 500_000, ("word é " * 500_000).encode(), b"\xff" * 3_000_000):
        path = keep_page(tmp_path, page, run_id="r", isbn="i", reason="")
        assert len(gzip.decompress(path.read_bytes())) <= MAX_PAGE_BYTES + 1_000


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


def test_values_known_to_be_secret_are_taken_out_wherever_they_stand(tmp_path: Path) -> None:
    page = product_page(title="my-pass word", extra="<p>Account SHOP99</p>")
    path = keep_page(
        tmp_path,
        page,
        run_id="r",
        isbn="i",
        reason="seen my-pass word",
        secrets=["my-pass word", "SHOP99", ""],
    )
    text = gzip.decompress(path.read_bytes()).decode()
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
