"""What the site says without a session, and when one ends."""

import pytest

from ingram_assets_tests.testing import simulator_pages as reading

COVER = "/ipage/hoverImage.jsp?ean={isbn}&size=640&howerType=Y"


def test_a_stranger_gets_the_login_form_everywhere(sim, stranger):
    isbn = sim.isbns()[0]
    for address in (
        f"{reading.PRODUCT}?ean_id={isbn}",
        COVER.format(isbn=isbn),
        reading.export_address(sim.search_id),
        f"/ipage/search/savedSearch.action?searchId={sim.search_id}",
        "/ipage/common/contentdelivery/hm001View.action",
    ):
        stranger.cookies.clear()
        response = stranger.get(address)
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/html")
        assert reading.is_login_form(response), address


@pytest.mark.parametrize("shown", ["redirect", "message", "login_form"])
def test_an_expired_session(sim, shop, shown):
    sim.set(expired_as=shown)
    sim.expire_sessions()
    isbn = sim.isbns()[0]
    response = shop.get(reading.PRODUCT, params={"ean_id": isbn})
    if shown == "redirect":
        assert (response.status_code, response.headers["location"]) == (302, "/ipage/error.jsp?timeout=y")
        response = shop.get(response.headers["location"])
    assert response.status_code == 200
    if shown == "login_form":
        assert reading.is_login_form(response)
    else:
        assert reading.error_message(response).startswith("We're sorry, but your session has expired")
    assert reading.is_login_form(shop.get(COVER.format(isbn=isbn)))
    assert reading.is_login_form(shop.get(reading.export_address(sim.search_id)))


def test_an_idle_session_ends_and_a_used_one_does_not(sim, shop):
    isbn = sim.isbns()[0]
    for _ in range(3):
        sim.advance_clock(7000)
        reading.page(shop, isbn)
    sim.advance_clock(7300)
    assert shop.get(reading.PRODUCT, params={"ean_id": isbn}).status_code == 302


def test_one_session_at_a_time(sim, shop):
    sim.set(single_session=True)
    sim.signed_in_cookie()
    assert shop.get(reading.PRODUCT, params={"ean_id": sim.isbns()[0]}).status_code == 302


def test_a_session_may_belong_to_its_browser(sim, shop):
    sim.set(require_same_user_agent=True)
    isbn = sim.isbns()[0]
    reading.page(shop, isbn)
    other = shop.get(reading.PRODUCT, params={"ean_id": isbn}, headers={"User-Agent": "another"})
    assert other.status_code == 302


def test_the_bot_walls_cookies_may_be_required(sim, shop):
    sim.set(require_imperva_cookies=True)
    isbn = sim.isbns()[0]
    reading.page(shop, isbn)
    bare = shop.headers["cookie"].split(";")[0]
    blocked = shop.get(reading.PRODUCT, params={"ean_id": isbn}, headers={"Cookie": bare})
    assert "Request unsuccessful. Incapsula incident ID" in blocked.text


def test_the_sites_clock_is_in_its_date_header(sim, stranger):
    before = stranger.get("/ipage/li001.jsp").headers["date"]
    sim.advance_clock(86_400)
    assert stranger.get("/ipage/li001.jsp").headers["date"].split(",")[0] != before.split(",")[0]
