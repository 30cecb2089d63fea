"""Fault rules: exactly the requests that a rule names go wrong, in the way it says."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from selectolax.lexbor import LexborHTMLParser

from ingram_assets_tests.testing import simulator_pages as reading
from ingram_demo.simulator import ControlRefused
from ingram_demo.simulator.faults import FAULTS


def healthy(client, isbn):
    """Whether a page is whole and for this title."""
    response = client.get(reading.PRODUCT, params={"ean_id": isbn})
    return (
        response.status_code == 200 and reading.elements(LexborHTMLParser(response.text)).get("EAN") == isbn
    )


def test_blocked_at_a_page_for_some_pages(sim, shop):
    sim.fault("block", at=3, count=2)
    assert [healthy(shop, isbn) for isbn in sim.isbns()[:6]] == [True, True, False, False, True, True]
    assert sim.requests()["by_fault"] == {"block": 2}
    assert sim.faults()[0]["suffered"] == 2


def test_every_nth_page(sim, shop):
    sim.fault("status", status=500, every=3)
    assert [healthy(shop, isbn) for isbn in sim.isbns()[:7]] == [True, True, False, True, True, False, True]


def test_a_share_of_titles_is_exact_and_always_the_same_one(sim, shop):
    def spoilt(share):
        sim.clear_faults()
        sim.fault("status", share=share)
        return {isbn for isbn in sim.isbns() if not healthy(shop, isbn)}

    few, third = spoilt(1), spoilt(30)
    assert (len(few), len(third)) == (1, 9)
    assert few < third == spoilt(30)
    assert spoilt(0) == set()
    assert spoilt(100) == set(sim.isbns())


def test_only_the_named_titles_and_kinds(sim, shop):
    bad, good = sim.isbns()[:2]
    sim.fault("status", isbns=[bad])
    assert not healthy(shop, bad)
    assert healthy(shop, good)
    assert shop.get("/ipage/hoverImage.jsp", params={"ean": bad}).status_code == 200
    sim.fault("status", kinds=["all"], status=429, retry_after="7")
    assert shop.get("/ipage/hoverImage.jsp", params={"ean": good}).status_code == 429


@pytest.mark.parametrize("status", [403, 429, 500, 502, 503])
def test_an_http_error_with_retry_after(sim, shop, status):
    sim.fault("status", status=status, retry_after="2")
    response = shop.get(reading.PRODUCT, params={"ean_id": sim.isbns()[0]})
    assert (response.status_code, response.headers["retry-after"]) == (status, "2")


def test_the_block_page_is_imperva_s(sim, shop):
    sim.fault("block")
    response = shop.get(reading.PRODUCT, params={"ean_id": sim.isbns()[0]})
    assert response.status_code == 200
    assert 500 < len(response.content) < 6000
    frame = LexborHTMLParser(response.text).css_first("iframe#main-iframe")
    assert "_Incapsula_Resource?CWUDNSAI=" in frame.attributes["src"]
    assert "Request unsuccessful. Incapsula incident ID: " in response.text


def test_the_interruption_page(sim, shop):
    sim.fault("interruption")
    response = shop.get(reading.PRODUCT, params={"ean_id": sim.isbns()[0]})
    assert response.status_code == 200
    assert LexborHTMLParser(response.text).css_first("title").text() == "Pardon Our Interruption"


def test_the_session_expires_at_every_tenth_page(sim, shop):
    sim.fault("expire", every=10)
    assert [healthy(shop, isbn) for isbn in sim.isbns()[:11]] == [True] * 9 + [False, False]


def test_the_connection_is_cut_in_the_body(sim, shop):
    sim.fault("cut")
    with pytest.raises(httpx.RemoteProtocolError):
        shop.get(reading.PRODUCT, params={"ean_id": sim.isbns()[0]})


def test_no_answer_until_the_client_leaves(sim, shop):
    sim.fault("hang")
    with pytest.raises(httpx.ReadTimeout):
        shop.get(reading.PRODUCT, params={"ean_id": sim.isbns()[0]}, timeout=0.3)
    while sim.requests()["running"]:
        time.sleep(0.05)


def test_what_is_in_flight_when_the_counters_are_reset_goes_on_being_counted(sim, shop):
    sim.set(latency_ms=2000)
    with ThreadPoolExecutor(4) as threads:
        pages = [threads.submit(healthy, shop, isbn) for isbn in sim.isbns()[:3]]
        while sim.requests()["running"] < 3:
            time.sleep(0.02)
        sim.reset_requests()
        assert sim.requests()["running"] == 3
        pages.append(threads.submit(healthy, shop, sim.isbns()[3]))
        assert all(page.result() for page in pages)
    found = sim.requests()
    assert (found["running"], found["max_running"]) == (0, 4)


def test_slow_answers_run_side_by_side(sim, shop):
    """Eight at once are seen as eight: what a test of concurrency limits relies on."""
    sim.set(latency_ms=2000)

    async def fetch_all():
        async with httpx.AsyncClient(
            base_url=sim.url, headers=shop.headers, trust_env=False, timeout=60
        ) as client:
            pages = [client.get(reading.PRODUCT, params={"ean_id": isbn}) for isbn in sim.isbns()[:8]]
            return await asyncio.gather(*pages)

    assert all(page.status_code == 200 for page in asyncio.run(fetch_all()))
    assert sim.requests()["max_running_by_kind"]["product"] == 8


def test_the_page_of_another_title(sim, shop):
    sim.fault("wrong_title")
    isbn = sim.isbns()[0]
    shown = reading.elements(reading.page(shop, isbn))["EAN"]
    assert shown != isbn
    assert shown in sim.isbns()


def test_all_zeros_are_on_the_page_and_not_in_the_book(sim, shop):
    sim.fault("zeros")
    isbn = sim.isbns("elsewhere")[0]
    stock = reading.stock(reading.page(shop, isbn))
    assert {count for dc in stock.values() for count in (dc["onHand"], dc["onOrder"])} == {0}
    assert min(sim.entry(isbn)["on_hand"], sim.entry(isbn)["on_order"]) > 0


@pytest.mark.parametrize(("price", "shown"), [("0.00", "$0.00"), ("99999", "$99,999.00")])
def test_odd_prices(sim, shop, price, shown):
    sim.fault("price", price=price)
    assert reading.elements(reading.page(shop, sim.isbns()[0]))["US SRP"].startswith(shown)


def test_a_page_without_its_stock_tables(sim, shop):
    sim.fault("no_stock_table")
    assert reading.stock(reading.page(shop, sim.isbns()[0])) is None


def test_garbage_redirect_loop_and_login_form(sim, shop):
    isbn = sim.isbns()[0]
    address = f"{reading.PRODUCT}?ean_id={isbn}"
    sim.fault("garbage", count=1)
    sim.fault("redirect_loop", count=1)
    sim.fault("login_form", count=1)
    assert len(shop.get(address).content) == 4096
    assert shop.get(address).headers["location"] == address
    assert reading.is_login_form(shop.get(address))
    assert healthy(shop, isbn)


def test_every_fault_can_be_asked_for_and_undone(sim, shop):
    for fault in FAULTS:
        sim.fault(fault, isbns=["none"])
    assert [rule["fault"] for rule in sim.faults()] == list(FAULTS)
    sim.clear_faults()
    assert healthy(shop, sim.isbns()[0])


@pytest.mark.parametrize(
    "rule",
    [
        {"fault": "no_such"},
        {"fault": "block", "kinds": ["no_such"]},
        {"fault": "block", "no_such": 1},
        {"fault": "block", "at": "3"},
        {"fault": "layout", "layout": "no_such"},
        {"fault": "block", "seen": 3},
    ],
)
def test_a_rule_that_can_not_be_is_refused(sim, rule):
    with pytest.raises(ControlRefused):
        sim.fault(**rule)
    assert sim.faults() == []


@pytest.mark.parametrize(
    "dial",
    [{"no_such": 1}, {"units": "stones"}, {"latency_ms": "fast"}, {"dcs": "TN"}, {"stale_mails": True}],
)
def test_a_dial_that_can_not_be_is_refused(sim, dial):
    before = sim.info()["dials"]
    with pytest.raises(ControlRefused):
        sim.set(**dial)
    assert sim.info()["dials"] == before


def test_reset_brings_good_weather(sim, shop):
    sim.set(units="imperial", latency_ms=1, account_locked=True)
    sim.fault("block")
    sim.reset()
    assert sim.faults() == []
    assert sim.info()["dials"]["units"] == "metric"
    assert healthy(shop, sim.isbns()[0])
