"""iPage as the doctor visits it: the sign-in with its pictures, ten pages at most, and what stops it."""

import stat
from pathlib import Path
from typing import Any

import pytest

from ingram_assets.doctor import ipage
from ingram_assets.doctor.ipage import COVER, MOST_PAGES, PAGES, PAUSE, SEARCH, SIGN_IN, understood_in_words
from ingram_assets.doctor.model import Outcome
from ingram_assets.sources.ipage.pages.understood import understand
from ingram_assets_tests.testing.examined_shop import Examined, ExaminedShop
from ingram_assets_tests.testing.page_factory import BLOCK, UPPER, product_page, replaced
from ingram_demo.simulator import Simulator

pytestmark = pytest.mark.xdist_group("medusa")


def pages_read(site: Simulator) -> int:
    """As a person counts them: each address that was opened, without what a page brings along."""
    log: list[dict[str, Any]] = site.requests()["log"]
    return sum(one["kind"] != "other" and one["status"] == 200 for one in log)


def pictures(found: Examined) -> list[Path]:
    return [Path(line.rpartition(": ")[2]) for line in found.of(SIGN_IN).more if line.endswith(".png")]


def test_all_is_there(shop: ExaminedShop) -> None:
    found = shop.examine("mailbox", "browser", "ipage")
    assert not found.missing
    assert found.of(SEARCH).words == "The export lists 20 titles, 9781639739134 first."
    assert "stock of 4 centers" in found.of(PAGES[0]).words
    assert found.of(COVER).outcome is Outcome.FINE
    asked = shop.site.requests()
    assert asked["by_kind"]["product"] == 3
    assert asked["by_kind"]["export"] == asked["by_kind"]["cover"] == 1
    assert pages_read(shop.site) == 9


def test_each_page_of_the_sign_in_is_kept_for_its_owner_alone(shop: ExaminedShop) -> None:
    files = pictures(shop.examine("ipage"))
    assert [file.name for file in files] == ["1-login.png", "2-factor.png", "3-code.png", "4-page.png"]
    for file in files:
        assert file.read_bytes().startswith(b"\x89PNG")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(files[0].parent.stat().st_mode) == 0o700


def test_the_session_is_kept_for_the_runs(shop: ExaminedShop) -> None:
    before = shop.site.requests()["codes_sent"]
    assert not shop.examine("ipage").missing
    kept = shop.kept("sessions")
    assert kept
    assert not shop.examine("ipage").missing
    # Signed in anew, and the device is known by now: no code.
    assert shop.kept("sessions") != kept
    assert shop.site.requests()["codes_sent"] == before + 1


def test_a_refused_password_is_typed_once(shop: ExaminedShop) -> None:
    before = shop.site.requests()["password_posts"]
    wrong = {".env.scraper": {"IPAGE_PASSWORD": "wrong"}}
    for _ in range(2):
        found = shop.examine("ipage", changes=wrong)
        assert "refused the user or the password" in found.of(SIGN_IN).words
        assert {found.of(name).outcome for name in (SEARCH, *PAGES, COVER)} == {Outcome.NOT_TRIED}
    assert shop.site.requests()["password_posts"] == before + 1


def test_a_block_is_named_and_from_then_on_nothing_is_asked(shop: ExaminedShop) -> None:
    shop.site.fault("block", kinds=["login_page"])
    found = shop.examine("ipage")
    assert "bot wall" in found.of(SIGN_IN).words
    assert pictures(found)
    shop.site.clear_faults()
    shop.site.reset_requests()
    found = shop.examine("ipage")
    assert "It is left alone until" in found.of(PAUSE).words
    assert found.of(SIGN_IN).outcome is Outcome.NOT_TRIED
    assert not shop.site.requests()["log"]


def test_an_unknown_page_is_said_and_kept(shop: ExaminedShop) -> None:
    shop.site.fault("html", kinds=["factor_page"])
    found = shop.examine("ipage")
    assert found.of(SIGN_IN).outcome is Outcome.MISSING
    assert shop.kept("kept_pages")
    assert len(pictures(found)) >= 2


def test_no_more_than_ten_pages_are_read_whatever_goes_wrong(shop: ExaminedShop) -> None:
    shop.site.fault("empty")
    shop.site.fault("html", kinds=["cover"])
    shop.examine("ipage")
    assert pages_read(shop.site) <= MOST_PAGES == 10


def test_once_all_pages_are_used_up_none_is_asked_for(
    shop: ExaminedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ipage, "MOST_PAGES", 6)
    found = shop.examine("ipage")
    assert not found.missing
    assert found.of(PAGES[0]).outcome is Outcome.FINE
    for name in (*PAGES[1:], COVER):
        assert found.of(name).words == "not tried: 6 pages were read, and no more are."
    assert pages_read(shop.site) == 6


def test_a_session_captured_by_hand_is_looked_at_without_a_sign_in(shop: ExaminedShop) -> None:
    cookie = shop.site.signed_in_cookie()
    before = shop.site.requests()["password_posts"]
    by_hand = {".env.scraper": {"IPAGE_SESSION_COOKIE": cookie}}
    found = shop.examine("ipage", changes=by_hand)
    assert found.of(SIGN_IN).words == "The session of IPAGE_SESSION_COOKIE lives."
    assert not found.missing
    assert shop.site.requests()["password_posts"] == before


def test_one_frozen_page_is_told_soon(shop: ExaminedShop) -> None:
    shop.site.fault("hang", kinds=["export"])
    found = shop.examine("ipage", patience=1.0)
    assert found.of(SEARCH).outcome is Outcome.MISSING
    assert found.of(PAGES[0]).outcome is Outcome.NOT_TRIED


ISBN = "9781639731077"


def test_what_is_not_understood_is_named_with_where_to_see_more() -> None:
    page = product_page(upper=replaced(UPPER, US_SRP="ask"))
    seen = understood_in_words(understand(page.encode()).page.isbn, understand(page.encode()))  # type: ignore[union-attr]
    assert "list price" in seen.words


def test_an_entry_of_site_toml_that_would_help_is_named() -> None:
    page = product_page(upper=[("Ladenpreis" if name == "US SRP" else name, text) for name, text in UPPER])
    seen = understood_in_words(understand(page.encode()).page.isbn, understand(page.encode()))  # type: ignore[union-attr]
    told = "\n".join(seen.more)
    assert "In site.toml this would help:" in told
    assert "[labels]" in told
    assert '    # is this the list price?\n    # price = ["Ladenpreis"]  # beside it ' in told


def test_a_binding_that_nobody_told_us_of_is_named_with_its_entry() -> None:
    page = product_page(upper=replaced(UPPER, Binding="Livre numérique"))
    seen = understood_in_words(understand(page.encode()).page.isbn, understand(page.encode()))  # type: ignore[union-attr]
    told = "\n".join(seen.more)
    assert seen.outcome is Outcome.NOTE
    assert "Not understood: the binding “Livre numérique”" in told
    assert "    [bindings]\n    # which is it? Paperback, " in told
    assert '# "Livre numérique" = "Paperback"' in told


def test_what_is_no_product_page_is_named_as_what_it_is() -> None:
    seen = understood_in_words(ISBN, understand(BLOCK.encode()))
    assert seen.outcome is Outcome.MISSING
    assert "the bot wall's page" in seen.words


def test_the_page_of_another_title_is_no_reading() -> None:
    seen = understood_in_words(ISBN, understand(product_page().encode()))
    assert seen.outcome is Outcome.MISSING
    assert f"{ISBN} can't be read: it is of" in seen.words
