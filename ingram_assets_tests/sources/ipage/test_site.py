"""Reading the site over real HTTP: every kind of answer, and that no page is lost whatever comes between."""

import gzip
import itertools
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from ingram_assets.domain.completeness import FIRST_GUESS
from ingram_assets.domain.failures import NeedsPerson, Permanent, Stopped, Transient
from ingram_assets.sources.ipage import site as site_room
from ingram_assets.sources.ipage import worker_pool
from ingram_assets.sources.ipage.access.answers import ExpectedAnswer, Fetched, Refused, classify, outcome_of
from ingram_assets.sources.ipage.access.cancellation import Canceled
from ingram_assets.sources.ipage.access.session import Session
from ingram_assets.sources.ipage.login import sign_in as sign_in_room
from ingram_assets.sources.ipage.pages import parse_product_page
from ingram_assets.sources.ipage.pages.page_failures import Blocked, NotFound, PageChanged, SessionExpired
from ingram_assets.sources.ipage.pages.pictures import UnfitPicture, check_picture
from ingram_assets.sources.ipage.pages.understood import understand
from ingram_assets.sources.ipage.site import FetchOutcome, Limits, Reading, Site
from ingram_assets_tests.testing.raw_server import raw_server
from ingram_assets_tests.testing.shared_site import KEY, Shared
from ingram_assets_tests.testing.shop import make_isbn
from ingram_assets_tests.testing.site import QUICK, SHORT, TITLES, credentials
from ingram_demo.simulator import Simulator

OpenSite = Callable[..., Site]


def outcomes(readings: list[Reading]) -> Counter[FetchOutcome]:
    return Counter(reading.outcome for reading in readings)


def one(site: Site, isbn: str) -> Reading:
    return next(iter(site.read_products([isbn])))


def asked(sim: Simulator, kind: str = "product") -> list[dict[str, Any]]:
    return [entry for entry in sim.requests()["log"] if entry["kind"] == kind]


def longest_silence(sim: Simulator) -> float:
    """Seconds between the starts of two product requests that followed each other."""
    starts = sorted(entry["started"] for entry in asked(sim))
    return max(later - sooner for sooner, later in itertools.pairwise(starts))


# Good weather.


def test_every_title_is_read_once_and_with_the_time_before_it_was_asked_for(
    sim: Simulator, open_site: OpenSite
) -> None:
    began = datetime.now(UTC)
    site = open_site(sim)
    readings = list(site.read_products(sim.isbns()))
    assert outcomes(readings) == {FetchOutcome.ok: TITLES}
    assert sorted(reading.isbn for reading in readings) == sorted(sim.isbns())
    assert set(sim.requests(log=False)["products"].values()) == {1}
    for reading in readings:
        assert reading.page is not None
        assert reading.page.isbn == reading.isbn
        assert began <= reading.observed_at <= datetime.now(UTC)
        assert (reading.reason, reading.attempts) == (None, 1)
    figures = site.metadata()
    assert (figures["fetches_ok"], figures["requests"], figures["sign_ins"]) == (TITLES, TITLES, 0)
    assert site.stopped_by is None
    json.dumps(figures)


def test_any_number_of_titles_that_the_site_says_it_does_not_list_are_not_found(
    sim: Simulator, open_site: OpenSite
) -> None:
    unknown = [make_isbn(number) for number in range(130)]
    site = open_site(sim)
    assert outcomes(list(site.read_products(unknown, named=True))) == {FetchOutcome.not_found: len(unknown)}
    assert site.stopped_by is None


def test_no_more_than_the_limit_are_in_flight(sim: Simulator, open_site: OpenSite) -> None:
    sim.set(latency_ms=20)
    list(open_site(sim, concurrency=3).read_products(sim.isbns()))
    assert sim.requests(log=False)["max_running_by_kind"]["product"] == 3


def test_isbns_are_taken_as_they_are_needed(sim: Simulator, open_site: OpenSite) -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        for isbn in itertools.cycle(sim.isbns()):
            taken += 1
            yield isbn

    reading = open_site(sim).read_products(endless())
    assert outcomes(list(itertools.islice(reading, 20))) == {FetchOutcome.ok: 20}
    reading.close()  # type: ignore[attr-defined]
    # Taken, read and waiting to be taken, and in the workers' hands.
    assert taken <= 20 + worker_pool.RESULTS_AHEAD + 2 * 10


def test_what_the_iterable_raises_comes_out(sim: Simulator, open_site: OpenSite) -> None:
    def broken() -> Iterator[str]:
        yield sim.isbns()[0]
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        list(open_site(sim).read_products(broken()))


def test_the_saved_search(sim: Simulator, open_site: OpenSite) -> None:
    site = open_site(sim)
    found = site.discover(sim.search_id)
    assert sorted(title.isbn for title in found.titles) == sorted(sim.isbns())
    assert found.notes == ()
    # A link that was copied when the search had fewer titles.
    path = f"/ipage/browseRow/downloadExcel.action?listTypeId=SR&listId={sim.search_id}&totalRecords=7&No=0"
    assert len(site.discover(path).titles) == TITLES
    with pytest.raises(NotFound, match="check the saved search's number"):
        site.discover("999")
    sim.fault("html", kinds=["export", "search"])
    with pytest.raises(PageChanged, match="export: the site sent an error page"):
        site.discover(sim.search_id)


# The session.


@pytest.mark.parametrize("expired_as", ["redirect", "message", "login_form"])
def test_eight_fetches_that_find_the_session_over_cause_one_sign_in(
    sim: Simulator, open_site: OpenSite, quick_sign_in: list[str], expired_as: str
) -> None:
    sim.set(expired_as=expired_as, latency_ms=20)
    sim.fault("expire", at=20, count=1)
    site = open_site(sim, credentials=credentials(sim))
    readings = list(site.read_products(sim.isbns()))
    assert outcomes(readings) == {FetchOutcome.ok: TITLES}
    assert len({reading.isbn for reading in readings}) == TITLES
    assert len(quick_sign_in) == 2
    assert 1 <= site.counts[FetchOutcome.expired] <= 8 + 2
    assert {reading.attempts for reading in readings} == {1}


@pytest.mark.parametrize(("every", "latency_ms"), [(25, 10), (10, 0), (10, 100)])
def test_a_session_that_ends_again_and_again_loses_no_page(
    sim: Simulator, open_site: OpenSite, quick_sign_in: list[str], every: int, latency_ms: int
) -> None:
    sim.set(latency_ms=latency_ms)
    sim.fault("expire", every=every)
    site = open_site(sim, credentials=credentials(sim))
    readings = list(site.read_products(sim.isbns()))
    assert outcomes(readings) == {FetchOutcome.ok: TITLES}
    assert len(quick_sign_in) == 1 + sim.requests(log=False)["by_fault"]["expire"]


def test_a_site_that_ends_every_session_at_once_is_not_fought(
    sim: Simulator, open_site: OpenSite, quick_sign_in: list[str]
) -> None:
    sim.fault("expire", every=2)
    site = open_site(sim, credentials=credentials(sim), concurrency=1)
    readings = list(site.read_products(sim.isbns()))
    assert len(readings) == TITLES
    assert set(outcomes(readings)) == {FetchOutcome.ok, FetchOutcome.expired}
    assert len(quick_sign_in) == 12  # 10, and one for every five pages
    assert "after 12 sign-ins" in str(site.stopped_by)


def test_a_page_that_always_says_expired_is_named_and_costs_one_sign_in(
    sim: Simulator, open_site: OpenSite, quick_sign_in: list[str]
) -> None:
    odd = sim.isbns()[30]
    sim.fault("login_form", isbns=[odd])
    site = open_site(sim, credentials=credentials(sim))
    readings = list(site.read_products(sim.isbns()))
    assert outcomes(readings) == {FetchOutcome.ok: TITLES - 1, FetchOutcome.expired: 1}
    (refused,) = [reading for reading in readings if reading.page is None]
    assert refused.isbn == odd
    assert odd in (refused.reason or "")
    assert "open it in a browser" in (refused.reason or "")
    assert len(quick_sign_in) == 2
    assert site.stopped_by is None


def test_a_session_refused_right_after_signing_in_ends_the_run(
    sim: Simulator, open_site: OpenSite, quick_sign_in: list[str]
) -> None:
    sim.fault("login_form", kinds=["all"])
    site = open_site(sim, credentials=credentials(sim))
    readings = list(site.read_products(sim.isbns()))
    assert outcomes(readings) == {FetchOutcome.expired: TITLES}
    assert "refused right after signing in" in str(site.stopped_by)
    assert isinstance(site.stopped_by, NeedsPerson)
    assert len(quick_sign_in) == 2
    assert len(asked(sim)) <= 3 * 10


def test_a_sign_in_that_fails_once_is_made_again(
    sim: Simulator, open_site: OpenSite, quick_sign_in: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_site(sim, credentials=credentials(sim)) as site:
        assert one(site, sim.isbns()[0]).outcome is FetchOutcome.ok
    sim.expire_sessions()
    works = sign_in_room.sign_in
    failures = [Transient("The browser failed while signing in (it was killed): run again later.")]

    def sign_in(*arguments: Any) -> Session:
        if failures:
            raise failures.pop()
        return works(*arguments)

    monkeypatch.setattr(sign_in_room, "sign_in", sign_in)
    site = open_site(sim, credentials=credentials(sim))  # in a later run: that session is the kept one
    assert site.discover(sim.search_id).titles
    assert not failures
    assert site.stopped_by is None
    assert len(quick_sign_in) == 2


def test_a_captured_session_that_ends_says_what_to_do(sim: Simulator, open_site: OpenSite) -> None:
    site = open_site(sim)
    assert one(site, sim.isbns()[0]).outcome is FetchOutcome.ok
    sim.expire_sessions()
    readings = list(site.read_products(sim.isbns()))
    assert outcomes(readings) == {FetchOutcome.expired: TITLES}
    assert "IPAGE_SESSION_COOKIE" in str(site.stopped_by)
    assert len(asked(sim)) <= 1 + 10
    with pytest.raises(NeedsPerson):
        site.discover(sim.search_id)


def test_cookies_that_the_site_sets_are_sent_back_by_the_next_run(
    sim: Simulator, open_site: OpenSite, shared: Shared
) -> None:
    sim.set(require_imperva_cookies=True)
    cookie = sim.signed_in_cookie().partition(";")[0]  # without the wall's own
    with open_site(sim, session_cookie=cookie) as site:
        list(site.read_products(sim.isbns()[:1]))
    assert b"visid_incap" in (shared.kept(sim.url).load() or b"")


@pytest.mark.parametrize("sign", ["\n", "\r\nx-evil: 1", "\r", "\0", "\x0b"])
def test_a_cookie_that_no_header_can_hold_is_shown_nowhere(
    sim: Simulator, open_site: OpenSite, shared: Shared, sign: str
) -> None:
    """As a browser that is not ours may hold."""
    with open_site(sim, session_cookie=sim.signed_in_cookie()) as site:
        list(site.read_products(sim.isbns()[:1]))
    kept = shared.kept(sim.url)
    session = json.loads(kept.load() or b"")
    session["session"]["cookies"][0]["value"] = f"hush{sign}"
    kept.save(json.dumps(session).encode())
    with open_site(sim, session_cookie=None) as site:
        (reading,) = site.read_products(sim.isbns()[:1])
    said = f"{reading.reason} {site.stopped_by}"
    assert "IPAGE_SESSION_COOKIE" in said
    assert "hush" not in said


# The bot wall.


def test_a_block_stops_all_fetching_and_the_rest_is_read_after_the_pause(
    sim: Simulator, open_site: OpenSite, shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    sim.set(latency_ms=20)
    sim.fault("block", at=15, count=1)
    site = open_site(sim, limits=Limits(pauses=(2.0, 30.0)))
    readings = list(site.read_products(sim.isbns()))
    assert outcomes(readings) == {FetchOutcome.ok: TITLES}
    assert site.counts[FetchOutcome.blocked] == 1
    assert site.metadata()["trips"] == 1
    assert site.metadata()["seconds_paused"] >= 0.9
    assert "all fetching stops until" in caplog.text
    # What was on its way comes in; nothing is sent until the pause is over.
    assert longest_silence(sim) > 0.5
    assert shared.left_alone_until(sim.url) is None


@pytest.mark.parametrize("status", [403, 429])
def test_a_refusing_status_is_a_block_and_its_retry_after_is_honored(
    sim: Simulator, open_site: OpenSite, status: int
) -> None:
    sim.fault("status", status=status, retry_after="2", at=5, count=1)
    site = open_site(sim, concurrency=2)
    readings = list(site.read_products(sim.isbns()[:20]))
    assert outcomes(readings) == {FetchOutcome.ok: 20}
    assert site.counts[FetchOutcome.blocked] >= 1
    assert longest_silence(sim) > 1.0  # our own first pause is 0.3 s


@pytest.mark.parametrize("fault", ["block", "interruption"])
def test_after_three_blocks_the_run_gives_up_and_the_next_one_honors_it(
    sim: Simulator, open_site: OpenSite, shared: Shared, fault: str
) -> None:
    sim.fault(fault, kinds=["all"])
    with open_site(sim) as site:
        readings = list(site.read_products(sim.isbns()))
        assert outcomes(readings) == {FetchOutcome.blocked: TITLES}
        assert len({reading.isbn for reading in readings}) == TITLES
        assert all("run again after that" in (r.reason or "") for r in readings if r.attempts == 0)
        assert isinstance(site.stopped_by, Stopped)
        assert "blocked this run 3 times" in str(site.stopped_by)
        with pytest.raises(Blocked, match="blocked this run 3 times"):
            site.discover(sim.search_id)
    assert len(asked(sim)) <= 8 + 1 + 1  # what was on its way, then one after each pause
    until = shared.left_alone_until(sim.url)
    assert until is not None
    assert until > datetime.now(UTC)

    sim.clear_faults()
    sim.reset_requests()
    with open_site(sim) as site, pytest.raises(Blocked, match="blocked an earlier run"):
        site.cover(sim.isbns()[0])
    assert sim.requests(log=False)["by_kind"] == {}


def test_a_block_met_elsewhere_stops_this_run_too(sim: Simulator, open_site: OpenSite) -> None:
    here, elsewhere = open_site(sim), open_site(sim)
    assert one(here, sim.isbns()[0]).outcome is FetchOutcome.ok
    sim.fault("status", status=429, retry_after="1", at=1, count=1)
    isbn = sim.isbns()[1]
    assert one(elsewhere, isbn).outcome is FetchOutcome.ok
    sim.clear_faults()
    sim.fault("status", status=429, retry_after="3600", at=1, count=1)
    assert one(elsewhere, isbn).outcome is FetchOutcome.blocked
    sim.reset_requests()
    assert one(here, isbn).outcome is FetchOutcome.blocked
    assert asked(sim) == []


# Failures of the site's own.


@pytest.mark.parametrize(
    ("fault", "outcome", "requests"),
    [
        ({"fault": "status", "status": 404}, FetchOutcome.not_found, 1),
        ({"fault": "status", "status": 410}, FetchOutcome.not_found, 1),
        ({"fault": "status", "status": 400}, FetchOutcome.permanent, 1),
        ({"fault": "status", "status": 500}, FetchOutcome.transient, 3),
        ({"fault": "status", "status": 503, "retry_after": "0"}, FetchOutcome.transient, 3),
        ({"fault": "cut"}, FetchOutcome.transient, 3),
        ({"fault": "empty"}, FetchOutcome.transient, 3),
        ({"fault": "redirect_loop"}, FetchOutcome.transient, 3 * 6),
        ({"fault": "half"}, FetchOutcome.changed, 2),
        ({"fault": "garbage"}, FetchOutcome.changed, 2),
        ({"fault": "html"}, FetchOutcome.changed, 2),
        ({"fault": "wrong_title"}, FetchOutcome.changed, 2),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else str(value),
)
def test_how_often_what_is_tried(
    sim: Simulator, open_site: OpenSite, fault: dict[str, Any], outcome: FetchOutcome, requests: int
) -> None:
    sim.fault(**fault)
    site = open_site(sim)
    reading = one(site, sim.isbns()[3])
    assert reading.outcome is outcome
    assert reading.page is None
    assert (reading.reason or "").endswith(".")
    assert len(asked(sim)) == requests
    assert site.counts == {outcome: reading.attempts}
    # And when it was but a moment's failure, the page is there.
    if requests > 1:
        sim.clear_faults()
        sim.fault(**fault, at=1, count=1)
        assert one(site, sim.isbns()[4]).outcome is FetchOutcome.ok


def test_a_title_the_site_does_not_list(sim: Simulator, open_site: OpenSite) -> None:
    reading = one(open_site(sim), "9780306406157")
    assert reading.outcome is FetchOutcome.not_found
    assert len(asked(sim)) == 1


def test_pages_that_fail_do_not_hold_up_the_others(sim: Simulator, open_site: OpenSite) -> None:
    failing = sim.isbns()[:10]
    sim.fault("status", status=500, isbns=failing)
    waiting = open_site(sim, concurrency=2, retry_waits=(600.0, 600.0)).read_products(sim.isbns()[:40])
    assert outcomes(list(itertools.islice(waiting, 30))) == {FetchOutcome.ok: 30}
    waiting.close()  # type: ignore[attr-defined]

    sim.reset_requests()
    limits = replace(QUICK, max_failures_in_a_row=100)
    readings = list(open_site(sim, concurrency=2, limits=limits).read_products(sim.isbns()[:40]))
    assert outcomes(readings) == {FetchOutcome.ok: 30, FetchOutcome.transient: 10}
    assert {sim.requests(log=False)["products"][isbn] for isbn in failing} == {3}


def test_a_site_that_is_down_is_not_stormed(sim: Simulator, open_site: OpenSite) -> None:
    sim.fault("status", status=503)
    site = open_site(sim)
    readings = list(site.read_products(sim.isbns() * 3))
    assert outcomes(readings) == {FetchOutcome.transient: 3 * TITLES}
    assert "could not be used" in str(site.stopped_by)
    assert len(asked(sim)) <= QUICK.max_failures_in_a_row + 8 + site_room.PARSING_WORKERS - 1


def test_a_page_that_changed_is_kept_without_what_opens_the_account(
    sim: Simulator, open_site: OpenSite, shared: Shared
) -> None:
    sim.fault("layout", layout="missing_ean")
    isbn = sim.isbns()[0]
    site = open_site(sim, run_id="run-17")
    reading = one(site, isbn)
    assert reading.outcome is FetchOutcome.changed
    assert "EAN" in (reading.reason or "")
    (kept,) = shared.pages()
    assert (kept.run_id, kept.isbn) == ("run-17", isbn)
    assert "JSESSIONID" not in kept.page


def test_zeros_of_a_part_of_the_stock_are_no_reading_of_it(
    sim: Simulator, open_site: OpenSite, shared: Shared
) -> None:
    sim.fault("layout", layout="alt_missing")
    readings = {reading.isbn: reading for reading in open_site(sim).read_products(sim.isbns())}
    hidden = set()
    for isbn, entry in sim.book().items():
        reading = readings[isbn]
        assert reading.page is not None
        assert reading.page.isbn == isbn
        shown = [counts["onHand"] for counts in list((entry["stock"] or {}).values())[:2]]
        if shown == [0, 0]:
            hidden.add(isbn)
            # Asked for twice, since it may have been half a page; then it is what it says, and not all.
            assert (reading.outcome, reading.attempts) == (FetchOutcome.ok, 2)
            assert [counts.on_hand for counts in (reading.page.stock or {}).values()] == [0, 0]
            assert not reading.page.shows_all_stock(FIRST_GUESS)
            assert "TN 0, PA 0 on hand" in (reading.reason or "")
        else:
            assert (reading.outcome, reading.reason, reading.attempts) == (FetchOutcome.ok, None, 1)
            assert [counts.on_hand for counts in (reading.page.stock or {}).values()] == shown
    assert hidden
    assert hidden == {page.isbn for page in shared.pages()}


# Servers that don't answer as one should.

PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


def trickling_body(connection: socket.socket, head: str) -> None:
    connection.sendall(PAGE + b"Content-Length: 1000000\r\n\r\n")
    while True:
        connection.sendall(b"x")
        time.sleep(0.05)


def trickling_headers(connection: socket.socket, head: str) -> None:
    connection.sendall(PAGE)
    while True:
        connection.sendall(b"X-More: x\r\n")
        time.sleep(0.05)


def silence(connection: socket.socket, head: str) -> None:
    connection.recv(1)


def nonsense(connection: socket.socket, head: str) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9\r\n\r\n")


@pytest.mark.parametrize("answer", [trickling_body, trickling_headers, silence, nonsense])
def test_no_server_holds_a_worker_for_ever(answer: Any, shared: Shared) -> None:
    with raw_server(answer) as (url, heads):
        site = Site(url, shared(url), None, session_cookie="a=b", timeouts=SHORT, retry_waits=(0.0, 0.0))
        with site:
            reading = one(site, "9780306406157")
        assert reading.outcome is FetchOutcome.transient
        assert reading.attempts == 3
        assert len(heads) == 3


@pytest.mark.parametrize("answer", [trickling_body, trickling_headers, silence])
def test_closing_ends_what_is_under_way(answer: Any, shared: Shared) -> None:
    with raw_server(answer) as (url, _):
        site = Site(url, shared(url), None, session_cookie="a=b")
        threading.Timer(0.5, site.cancel).start()
        with pytest.raises(Canceled):
            list(site.read_products(["9780306406157"] * 20))
        site.close()
        assert not any(thread.name.startswith("ipage-") for thread in threading.enumerate())


def test_a_page_without_end_is_not_read_to_the_end(shared: Shared) -> None:
    def endless(connection: socket.socket, head: str) -> None:
        connection.sendall(PAGE + b"\r\n")
        while True:
            connection.sendall(b"<p>more</p>" * 10_000)

    with raw_server(endless) as (url, _), Site(url, shared(url), None, session_cookie="a=b") as site:
        reading = one(site, "9780306406157")
    assert reading.outcome is FetchOutcome.changed
    assert "longer than" in (reading.reason or "")


def test_a_redirect_to_another_host_gets_no_cookies(shared: Shared) -> None:
    def elsewhere(path: str) -> Any:
        def answer(connection: socket.socket, head: str) -> None:
            connection.sendall(
                f"HTTP/1.1 302 Found\r\nLocation: {other}{path}\r\nContent-Length: 0\r\n\r\n".encode()
            )

        return answer

    with raw_server(nonsense) as (other, stolen):
        with raw_server(elsewhere("/steal")) as (url, _):
            site = Site(url, shared(url), None, session_cookie="a=hush", retry_waits=(0.0, 0.0))
            with site:
                reading = one(site, "9780306406157")
            assert reading.outcome is FetchOutcome.changed
            assert "another host" in (reading.reason or "")
        with (
            raw_server(elsewhere("/oauth2/default/v1/authorize")) as (url, _),
            Site(url, shared(url), None, session_cookie="a=hush") as site,
        ):
            assert one(site, "9780306406157").outcome is FetchOutcome.expired
            assert isinstance(site.stopped_by, NeedsPerson)
    assert stolen == []


# Covers.


def test_a_picture_on_another_host_is_fetched_without_cookies(sim: Simulator, shared: Shared) -> None:
    isbn = next(isbn for isbn, entry in sim.book().items() if entry["cover"] == "art")
    with Site(sim.url, shared(sim.url), None, session_cookie=sim.signed_in_cookie()) as site:
        art = site.cover(isbn)
    assert art is not None

    def picture(connection: socket.socket, head: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(art) + art)

    def elsewhere(connection: socket.socket, head: str) -> None:
        connection.sendall(f"HTTP/1.1 302 Found\r\nLocation: {other}\r\nContent-Length: 0\r\n\r\n".encode())

    with (
        raw_server(picture) as (other, heads),
        raw_server(elsewhere) as (url, _),
        Site(url, shared(url), None, session_cookie="a=hush") as site,
    ):
        assert site.cover(isbn) == art
    assert len(heads) == 1
    assert "hush" not in heads[0]


def test_a_picture_that_was_asked_for_by_https_is_not_taken_by_http(
    sim: Simulator, tmp_path: Path, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sits on the line could put another picture in its place, and it would hang in the shop."""
    isbn = next(isbn for isbn, entry in sim.book().items() if entry["cover"] == "art")
    with Site(sim.url, shared(sim.url), None, session_cookie=sim.signed_in_cookie()) as site:
        art = site.cover(isbn)
    assert art is not None

    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    def picture(connection: socket.socket, head: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(art) + art)

    def moved(connection: socket.socket, head: str) -> None:
        connection.sendall(f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode())

    with (
        raw_server(picture, tls) as (safe, _),
        raw_server(picture) as (open_to_all, heads),
        raw_server(moved, tls) as (url, _),
    ):
        to = safe
        with Site(url, shared(url), None, session_cookie="a=hush") as site:
            assert site.cover(isbn) == art
        to = open_to_all
        with (
            Site(url, shared(url), None, session_cookie="a=hush", retry_waits=(0.0, 0.0)) as site,
            pytest.raises(PageChanged, match="another host"),
        ):
            site.cover(isbn)
    assert heads == []


def test_covers_are_whole_pictures_or_none(sim: Simulator, open_site: OpenSite) -> None:
    site = open_site(sim)
    for isbn, entry in list(sim.book().items())[:30]:
        picture = site.cover(isbn)
        assert (picture is None) == (entry["cover"] == "none"), entry
        if picture is not None:
            check_picture(picture)


@pytest.mark.parametrize("no_cover_as", ["404", "empty", "gif", "html"])
def test_whatever_stands_for_no_cover_is_none(sim: Simulator, open_site: OpenSite, no_cover_as: str) -> None:
    isbn = sim.isbns()[0]
    sim.edit(isbn, cover="none")
    sim.set(no_cover_as=no_cover_as)
    assert open_site(sim).cover(isbn) is None
    assert len(asked(sim, "cover")) == 2  # both routes, each once
    sim.edit(isbn, cover="art")


def test_a_cover_that_can_not_be_shown_is_handed_on_to_be_refused(
    sim: Simulator, open_site: OpenSite
) -> None:
    isbn = next(isbn for isbn, entry in sim.book().items() if entry["cover"] == "art")
    sim.fault("garbage", kinds=["cover"])
    handed = open_site(sim).cover(isbn)
    assert handed is not None
    with pytest.raises(UnfitPicture):
        check_picture(handed)
    assert len(asked(sim, "cover")) == 2  # the other route may have better


def test_a_drawing_with_a_script_in_place_of_a_cover_is_handed_on_to_be_refused(shared: Shared) -> None:
    """It is no wall's page: nothing waits, and it is not asked for again."""
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'

    def drawing(connection: socket.socket, head: str) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: image/svg+xml\r\nContent-Length: {len(svg)}\r\n\r\n"
        connection.sendall(head.encode() + svg)

    with raw_server(drawing) as (url, heads), Site(url, shared(url), None, session_cookie="a=hush") as site:
        assert site.cover("9780306406157") == svg
        assert site.stopped_by is None
    assert len(heads) == 2


def test_the_other_routes_picture_is_better_than_one_that_can_not_be_shown(
    sim: Simulator, open_site: OpenSite
) -> None:
    isbn = next(isbn for isbn, entry in sim.book().items() if entry["cover"] == "art")
    sim.fault("garbage", kinds=["cover"], at=1, count=1)
    handed = open_site(sim).cover(isbn)
    assert handed is not None
    check_picture(handed)


@pytest.mark.parametrize("fault", ["cut", "half", "status"])
def test_a_cover_that_fails_is_tried_again(sim: Simulator, open_site: OpenSite, fault: str) -> None:
    isbn = next(isbn for isbn, entry in sim.book().items() if entry["cover"] == "art")
    sim.fault(fault, kinds=["cover"], at=1, count=1)
    site = open_site(sim)
    assert site.cover(isbn) is not None
    sim.fault(fault, kinds=["cover"])
    with pytest.raises(Transient):
        site.cover(isbn)
    assert len(asked(sim, "cover")) == 2 + 3


def test_the_login_form_in_place_of_a_cover(
    sim: Simulator, open_site: OpenSite, quick_sign_in: list[str]
) -> None:
    isbn = next(isbn for isbn, entry in sim.book().items() if entry["cover"] == "art")
    site = open_site(sim, credentials=credentials(sim))
    assert site.cover(isbn) is not None
    sim.expire_sessions()
    assert site.cover(isbn) is not None
    assert len(quick_sign_in) == 2


def test_a_block_page_in_place_of_a_cover(sim: Simulator, open_site: OpenSite) -> None:
    sim.fault("block", kinds=["cover"])
    site = open_site(sim)
    with pytest.raises(Blocked):
        site.cover(sim.isbns()[0])
    assert len(asked(sim, "cover")) == 3


# Two runs at once.

_RUN = """
import json, sys, time
from ingram_assets.coordination.site import SharedSite
from ingram_assets.sources.ipage.site import Site
url, queue, cookie, concurrency, key = sys.argv[1:6]
shared = SharedSite(queue, url, lambda: [key])
with Site(url, shared, None, session_cookie=cookie, concurrency=int(concurrency)) as site:
    print("ready", flush=True)
    isbns = json.loads(sys.stdin.readline())
    began = time.monotonic()
    outcomes = [reading.outcome for reading in site.read_products(isbns)]
    print(json.dumps({"ok": outcomes.count("ok"), "began": began, "ended": time.monotonic()}))
"""


def test_two_processes_share_one_limit_and_both_get_on(sim: Simulator, shared: Shared) -> None:
    sim.set(latency_ms=25)
    isbns = sim.isbns()
    command = [sys.executable, "-c", _RUN, sim.url, shared.queue.writer, sim.signed_in_cookie(), "4", KEY]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    runs = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for run in runs:
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n"
    for run, share in zip(runs, (isbns[::2], isbns[1::2]), strict=True):
        assert run.stdin is not None
        run.stdin.write(json.dumps(share * 4) + "\n")
        run.stdin.flush()
    told = [json.loads(run.communicate(timeout=120)[0]) for run in runs]
    assert [run["ok"] for run in told] == [4 * TITLES // 2] * 2
    assert sim.requests(log=False)["max_running_by_kind"]["product"] == 4
    # Neither waited for the other to end.
    assert max(run["began"] for run in told) < min(run["ended"] for run in told)


# Classification, by itself.


def answer(status: int, body: bytes = b"<html><body>x</body></html>", **headers: str) -> Fetched:
    import httpx

    return Fetched(
        status, "https://x", httpx.Headers({k.replace("_", "-"): v for k, v in headers.items()}), body
    )


BLOCK_PAGE = (
    b'<html><body><iframe id="main-iframe" src="/_Incapsula_Resource?CWUDNSAI=23"></iframe></body></html>'
)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, BLOCK_PAGE, Blocked),
        (403, BLOCK_PAGE, Blocked),
        (503, BLOCK_PAGE, Blocked),
        (403, b"", Blocked),
        (429, b"slow down", Blocked),
        (401, b"", SessionExpired),
        (200, b"<form name=login><input id=passwordText></form>", SessionExpired),
        (500, b"<form name=login><input id=passwordText></form>", SessionExpired),
        (404, b"", NotFound),
        (410, b"gone", NotFound),
        (500, b"", Transient),
        (502, b"<html>Bad gateway</html>", Transient),
        (408, b"", Transient),
        (200, b"", Transient),
        (204, b"", Permanent),
        (400, b"bad", Permanent),
        (405, b"no", Permanent),
    ],
)
def test_every_answer_has_one_name(status: int, body: bytes, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        classify(answer(status, body), ExpectedAnswer.PAGE)


def test_retry_after_is_seconds_or_a_date() -> None:
    def pause(value: str) -> float | None:
        with pytest.raises(Refused) as caught:
            classify(answer(429, b"", retry_after=value), ExpectedAnswer.PAGE)
        return caught.value.retry_after

    assert pause("120") == 120
    assert pause("soon") is None
    assert pause("-5") == 0
    in_a_minute = datetime.fromtimestamp(time.time() + 60, UTC)
    assert 55 < (pause(format_datetime(in_a_minute, usegmt=True)) or 0) <= 60


def test_every_error_has_an_outcome() -> None:
    assert outcome_of(NotFound("x")) is FetchOutcome.not_found
    assert outcome_of(SessionExpired("x")) is FetchOutcome.expired
    assert outcome_of(NeedsPerson("x")) is FetchOutcome.expired
    assert outcome_of(Blocked("x")) is FetchOutcome.blocked
    assert outcome_of(PageChanged("EAN", "x")) is FetchOutcome.changed
    assert outcome_of(Transient("x")) is FetchOutcome.transient
    assert outcome_of(Permanent("x")) is FetchOutcome.permanent


# Lost sessions and walls that come in other clothes, in whole runs.

SAML = (
    '<html><body onload="document.forms[0].submit()"><form method="post" action="https://fed.example/sso">'
    '<input type="hidden" name="SAMLRequest" value="PHNh"></form></body></html>'
)
NEVER_SEEN = "<html><body><h1>iPage</h1><p>Bitte wenden Sie sich an den Empfang.</p></body></html>"
SCRIPT_ALONE = "<html><body><script>run(['a','b'].reverse())</script></body></html>"
WALL = '<html><head><script src="/_Incapsula_Resource?SWJIYLWA=ab,cd"></script></head><body></body></html>'


@pytest.mark.parametrize(
    "html",
    [
        SAML,
        '<html><head><meta http-equiv="refresh" content="0;url=/ipage/li001.jsp"></head></html>',
        "<script>window.top.location.replace('/ipage/li001.jsp')</script>",
        '<title>Sign In</title><div id="okta-login-container"></div><script src="/okta.js"></script>',
        "<p>You have been logged off because your user ID signed in at another workstation.</p>",
        NEVER_SEEN,
        SCRIPT_ALONE,
    ],
)
def test_a_session_that_ends_in_other_clothes_is_renewed_once(
    sim: Simulator, open_site: OpenSite, quick_sign_in: list[str], html: str
) -> None:
    site = open_site(sim, credentials=credentials(sim))
    assert len(site.discover(sim.search_id).titles) == TITLES
    sim.set(expired_html=html)
    for signed_in in (2, 3):
        sim.expire_sessions()
        assert outcomes(list(site.read_products(sim.isbns()))) == {FetchOutcome.ok: TITLES}
        assert len(quick_sign_in) == signed_in
    sim.expire_sessions()
    assert len(site.discover(sim.search_id).titles) == TITLES
    sim.expire_sessions()
    isbn = next(isbn for isbn, entry in sim.book().items() if entry["cover"] == "art")
    assert site.cover(isbn) is not None
    assert len(quick_sign_in) == 5
    assert site.counts[FetchOutcome.blocked] == 0
    assert site.stopped_by is None


def test_pages_without_a_mark_cost_no_sign_in_while_home_offers_to_sign_out(
    sim: Simulator, open_site: OpenSite, quick_sign_in: list[str]
) -> None:
    odd = sim.isbns()[10:13]
    sim.fault("page", html=NEVER_SEEN, status=200, isbns=odd)
    site = open_site(sim, credentials=credentials(sim))
    readings = list(site.read_products(sim.isbns()))
    assert outcomes(readings) == {FetchOutcome.ok: TITLES - 3, FetchOutcome.changed: 3}
    assert len(quick_sign_in) == 1
    assert len(asked(sim, "home")) <= 2 * len(odd)


@pytest.mark.parametrize("home", ["Log Out", "Hello"])
def test_a_redesign_of_the_whole_site_costs_one_sign_in_at_most(
    sim: Simulator, open_site: OpenSite, quick_sign_in: list[str], home: str
) -> None:
    sim.fault("page", html=NEVER_SEEN, status=200)
    sim.fault("page", html=f"<html><body><a href='/x'>{home}</a></body></html>", status=200, kinds=["home"])
    site = open_site(sim, credentials=credentials(sim))
    readings = list(site.read_products(sim.isbns(), known=sim.isbns()))
    # How many are tried twice before the run gives up is a matter of timing.
    assert set(outcomes(readings)) <= {FetchOutcome.changed, FetchOutcome.transient}
    assert outcomes(readings)[FetchOutcome.changed] > 0
    assert len(quick_sign_in) == (1 if home == "Log Out" else 2)
    assert len(asked(sim, "home")) <= 2
    assert "could not be used" in str(site.stopped_by)
    assert len(asked(sim)) <= 2 * QUICK.max_failures_in_a_row + 2 * 10


def test_a_session_captured_by_hand_is_not_thrown_away_on_suspicion(
    sim: Simulator, open_site: OpenSite
) -> None:
    odd = sim.isbns()[3]
    sim.fault("page", html=NEVER_SEEN, status=200, isbns=[odd])
    site = open_site(sim)
    readings = list(site.read_products(sim.isbns()))
    assert outcomes(readings) == {FetchOutcome.ok: TITLES - 1, FetchOutcome.changed: 1}
    assert len(asked(sim, "home")) == 0


@pytest.fixture
def sign_in_that_helps(
    sim: Simulator, quick_sign_in: list[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[], None]:
    """Called, it makes the next sign-in end whatever the site does to the session before it."""
    works = sign_in_room.sign_in

    def sign_in(*arguments: Any) -> Session:
        sim.clear_faults()
        return works(*arguments)

    return lambda: monkeypatch.setattr(sign_in_room, "sign_in", sign_in)


GONE = "<html><body><h1>Not Found</h1></body></html>"
MUST = "<html><body><p>You must be logged in to view this page.</p></body></html>"
FOR_NO_SESSION = [("", 200), (GONE, 404), (GONE, 410), (NEVER_SEEN, 404), ("", 404)]
IN_ALL = ["export", "search", "product", "home"]


@pytest.mark.parametrize(("html", "status"), [*FOR_NO_SESSION, (GONE, 500)])
def test_an_export_that_a_session_gets_no_more_is_asked_for_in_a_new_one(
    sim: Simulator,
    open_site: OpenSite,
    quick_sign_in: list[str],
    sign_in_that_helps: Callable[[], None],
    html: str,
    status: int,
) -> None:
    with open_site(sim, credentials=credentials(sim)) as site:
        assert site.discover(sim.search_id).titles
    sign_in_that_helps()
    sim.fault("page", html=html, status=status, kinds=IN_ALL)
    site = open_site(sim, credentials=credentials(sim))
    assert len(site.discover(sim.search_id).titles) == TITLES
    assert len(quick_sign_in) == 2
    assert len(asked(sim, "home")) == 1
    assert outcomes(list(site.read_products(sim.isbns()))) == {FetchOutcome.ok: TITLES}


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize(("html", "status"), [*FOR_NO_SESSION, (GONE, 500)])
def test_titles_that_are_gone_all_at_once_are_asked_for_in_a_new_session(
    sim: Simulator,
    open_site: OpenSite,
    quick_sign_in: list[str],
    sign_in_that_helps: Callable[[], None],
    html: str,
    status: int,
    concurrency: int,
) -> None:
    site = open_site(sim, credentials=credentials(sim), concurrency=concurrency)
    isbns = sim.isbns()
    assert outcomes(list(site.read_products(isbns[:20]))) == {FetchOutcome.ok: 20}
    sign_in_that_helps()
    sim.fault("page", html=html, status=status, kinds=IN_ALL)
    readings = list(site.read_products(isbns[20:], known=isbns))
    assert outcomes(readings) == {FetchOutcome.ok: TITLES - 20}
    assert len(quick_sign_in) == 2
    assert len(asked(sim, "home")) == 1
    assert site.stopped_by is None


@pytest.mark.parametrize(
    ("html", "status", "error"),
    [
        ("", 200, Transient),
        (GONE, 404, NotFound),
        (GONE, 410, NotFound),
        (GONE, 500, Transient),
        (GONE, 503, Transient),
    ],
)
def test_what_a_new_session_gets_too_costs_one_sign_in(
    sim: Simulator,
    open_site: OpenSite,
    quick_sign_in: list[str],
    html: str,
    status: int,
    error: type[Exception],
) -> None:
    sim.fault("page", html=html, status=status, kinds=IN_ALL)
    site = open_site(sim, credentials=credentials(sim))
    with pytest.raises(error) as raised:
        site.discover(sim.search_id)
    assert not isinstance(raised.value, SessionExpired)
    readings = list(site.read_products(sim.isbns(), known=sim.isbns()))
    assert outcomes(readings)[FetchOutcome.ok] == outcomes(readings)[FetchOutcome.expired] == 0
    assert len(quick_sign_in) <= 2
    assert len(asked(sim)) <= 2 * QUICK.max_failures_in_a_row + 2 * 10


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize("gone", [1, 3, 10])
def test_titles_that_are_gone_are_believed_while_others_are_read(
    sim: Simulator, open_site: OpenSite, quick_sign_in: list[str], gone: int, status: int
) -> None:
    isbns = sim.isbns()
    sim.fault("page", html=GONE, status=status, isbns=isbns[5 : 5 + gone])
    site = open_site(sim, credentials=credentials(sim))
    readings = list(site.read_products(isbns, known=isbns))
    assert outcomes(readings) == {FetchOutcome.ok: TITLES - gone, FetchOutcome.not_found: gone}
    assert len(quick_sign_in) == 1
    assert len(asked(sim)) == TITLES
    assert len(asked(sim, "home")) <= gone // 3


def test_pages_that_say_to_log_in_cost_one_sign_in_though_home_is_signed_in(
    sim: Simulator, open_site: OpenSite, quick_sign_in: list[str], sign_in_that_helps: Callable[[], None]
) -> None:
    with open_site(sim, credentials=credentials(sim)) as site:
        assert site.discover(sim.search_id).titles
    sim.fault("page", html=MUST, status=200)
    with open_site(sim, credentials=credentials(sim)) as site:
        assert outcomes(list(site.read_products(sim.isbns()))) == {FetchOutcome.expired: TITLES}
        assert len(quick_sign_in) == 2
    assert len(asked(sim, "home")) <= 10
    sign_in_that_helps()
    with open_site(sim, credentials=credentials(sim)) as site:
        assert outcomes(list(site.read_products(sim.isbns()))) == {FetchOutcome.ok: TITLES}
        assert len(quick_sign_in) == 3


@pytest.mark.parametrize("kinds", [IN_ALL, ["export", "search", "product"]])
def test_there_is_no_sign_in_during_maintenance(
    sim: Simulator, open_site: OpenSite, quick_sign_in: list[str], kinds: list[str]
) -> None:
    html = "<html><body><p>iPage is down for maintenance. Please log in later.</p></body></html>"
    sim.fault("page", html=html, status=200, kinds=kinds)
    site = open_site(sim, credentials=credentials(sim))
    with pytest.raises(Transient, match="closed for now"):
        site.discover(sim.search_id)
    assert set(outcomes(list(site.read_products(sim.isbns())))) == {FetchOutcome.transient}
    assert len(quick_sign_in) == 1


@pytest.mark.parametrize("status", [200, 404, 503])
@pytest.mark.parametrize("html", [WALL, "<h1>Access Denied</h1><p>Error 15</p><p>Powered by Imperva</p>"])
def test_a_wall_with_another_status_stops_the_run_from_its_first_request_on(
    sim: Simulator, open_site: OpenSite, shared: Shared, html: str, status: int
) -> None:
    sim.fault("page", html=html, status=status, kinds=["all"])
    with open_site(sim) as site, pytest.raises(Blocked, match="blocked this run 3 times"):
        site.discover(sim.search_id)
    assert len(asked(sim, "export")) == 3
    shared.forget()
    with open_site(sim) as site, pytest.raises(Blocked):
        site.cover(sim.isbns()[0])
    assert len(asked(sim, "cover")) == 3
    shared.forget()
    with open_site(sim) as site:
        assert outcomes(list(site.read_products(sim.isbns()))) == {FetchOutcome.blocked: TITLES}
    assert len(asked(sim)) <= 8 + 1 + 1
    assert shared.left_alone_until(sim.url) is not None


def test_a_script_that_nobody_knows_is_a_wall_when_a_new_session_changes_nothing(
    sim: Simulator, open_site: OpenSite, quick_sign_in: list[str]
) -> None:
    sim.fault("page", html=SCRIPT_ALONE, status=200, kinds=["all"])
    site = open_site(sim, credentials=credentials(sim))
    assert outcomes(list(site.read_products(sim.isbns()))) == {FetchOutcome.blocked: TITLES}
    assert isinstance(site.stopped_by, Stopped)
    assert len(quick_sign_in) == 2
    # Ten at once with each session; then, block by block, one alone.
    assert len(asked(sim)) <= 2 * 10 + 2


@pytest.mark.parametrize(
    ("location", "outcome"),
    [
        ("https://geo.captcha-delivery.com/captcha/?cid=1", FetchOutcome.blocked),
        ("/_Incapsula_Resource?SWKMTFSR=1", FetchOutcome.blocked),
        ("https://fed.example/adfs/ls?wa=wsignin1.0", FetchOutcome.expired),
        ("https://ingram.okta.com/app/x", FetchOutcome.expired),
        ("/ipage/li001.jsp", FetchOutcome.expired),  # in a circle
    ],
)
def test_a_redirect_to_a_wall_or_a_sign_in_is_known_by_its_address(
    shared: Shared, location: str, outcome: FetchOutcome
) -> None:
    def moved(connection: socket.socket, head: str) -> None:
        connection.sendall(
            f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
        )

    with (
        raw_server(moved) as (url, _),
        Site(url, shared(url), None, session_cookie="a=b", limits=QUICK) as site,
    ):
        assert one(site, "9780306406157").outcome is outcome


# How long a body may get.


def packed(body: bytes, encoding: str) -> Any:
    def answer(connection: socket.socket, head: str) -> None:
        head = f"Content-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(PAGE + head.encode() + body)

    return answer


ZEROS = gzip.compress(bytes(100_000_000))


@pytest.mark.parametrize(
    ("body", "encoding", "reason"),
    [
        (ZEROS, "gzip", "longer than"),
        (zlib.compress(bytes(100_000_000)), "deflate", "longer than"),
        (gzip.compress(ZEROS), "gzip, gzip", "packed 2 times"),
        (gzip.compress(ZEROS), "gzip\r\nContent-Encoding: gzip", "packed 2 times"),
        (ZEROS, "br", "'br'"),
        (ZEROS, "zstd", "'zstd'"),
        (ZEROS, "br, zstd", "packed 2 times"),
        (ZEROS, "x-own", "'x-own'"),
    ],
    ids=["gzip", "deflate", "twice", "in two headers", "br", "zstd", "br in zstd", "nobody's"],
)
def test_a_packed_page_is_unpacked_within_its_limit(
    shared: Shared, body: bytes, encoding: str, reason: str
) -> None:
    with (
        raw_server(packed(body, encoding)) as (url, _),
        Site(url, shared(url), None, session_cookie="a=b", retry_waits=(0.0, 0.0)) as site,
    ):
        tracemalloc.start()
        readings = list(site.read_products(["9780306406157"] * 8))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        with pytest.raises(PageChanged, match=reason):
            site.discover("1")
    assert outcomes(readings) == {FetchOutcome.changed: 8}
    assert all(reason in (reading.reason or "") for reading in readings)
    assert peak < 8 * 8_000_000 * 1.3 + 10_000_000


def test_a_bomb_with_a_blocking_status_is_a_block(shared: Shared) -> None:
    def refused(connection: socket.socket, head: str) -> None:
        head = f"HTTP/1.1 403 No\r\nContent-Encoding: gzip\r\nContent-Length: {len(ZEROS)}\r\n\r\n"
        connection.sendall(head.encode() + ZEROS)

    with (
        raw_server(refused) as (url, _),
        Site(url, shared(url), None, session_cookie="a=b", limits=QUICK) as site,
    ):
        assert one(site, "9780306406157").outcome is FetchOutcome.blocked


# A page as it came, for a person.


def test_a_page_is_handed_over_as_it_came(sim: Simulator, open_site: OpenSite) -> None:
    isbn = sim.isbns()[0]
    with open_site(sim) as site:
        assert parse_product_page(site.product_body(isbn)).isbn == isbn
    assert sim.requests(log=False)["by_kind"] == {"product": 1}


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "layout", "layout": "missing_ean"},
        {"fault": "layout", "layout": "redesign"},
        {"fault": "garbage"},
    ],
    ids=lambda fault: fault.get("layout", "garbage"),
)
def test_a_page_that_can_t_be_read_is_handed_over_too(
    sim: Simulator, open_site: OpenSite, fault: dict[str, str]
) -> None:
    sim.fault(**fault)
    with open_site(sim) as site:
        found = understand(site.product_body(sim.isbns()[0]))
    assert not found.is_reading
    assert found.refused or found.kind != "product"


def test_a_page_asked_for_in_an_ended_session_is_fetched_in_a_new_one(
    sim: Simulator, open_site: OpenSite, quick_sign_in: list[str]
) -> None:
    sim.fault("expire", at=1, count=1)
    with open_site(sim, credentials=credentials(sim)) as site:
        assert parse_product_page(site.product_body(sim.isbns()[0]))
    assert len(quick_sign_in) == 2


@pytest.mark.parametrize(
    ("fault", "error"),
    [("block", Blocked), ("login_form", NeedsPerson)],
)
def test_what_is_no_page_is_not_handed_over(
    sim: Simulator, open_site: OpenSite, fault: str, error: type[Exception]
) -> None:
    sim.fault(fault, kinds=["all"])
    with open_site(sim) as site, pytest.raises(error):
        site.product_body(sim.isbns()[0])


def test_a_title_that_is_not_listed_has_no_page(sim: Simulator, open_site: OpenSite) -> None:
    with open_site(sim) as site, pytest.raises(NotFound):
        site.product_body(make_isbn(5))
