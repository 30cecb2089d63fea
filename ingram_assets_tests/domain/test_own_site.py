"""Which requests of a browser a server takes for its own pages'."""

import pytest

from ingram_assets.domain.own_site import FetchMetadata, own_site

SITE = own_site(3001, "https://desk.bookstore.example")


def told(*, reads: bool = False, **headers: str) -> FetchMetadata:
    given = {"host": "desk.bookstore.example"} | headers
    return FetchMetadata.of(
        ((name.replace("_", "-").encode(), value.encode()) for name, value in given.items()), reads=reads
    )


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1:3001", "localhost:3001", "[::1]:3001", "LocalHost:3001"),
        *("desk.bookstore.example", "desk.bookstore.example:443"),
    ],
)
def test_its_own_names(host):
    assert SITE.has_name(told(host=host))


@pytest.mark.parametrize(
    "host",
    [
        *("", "elsewhere.example", "127.0.0.1", "localhost", "127.0.0.1:3000", "127.0.0.1.nip.example:3001"),
        *("desk.bookstore.example:3001", "desk.bookstore.example:80", "evil.desk.bookstore.example"),
        *(
            "desk.bookstore.example.",
            "127.1:3001",
            "0.0.0.0:3001",
            "desk.bookstore.example@elsewhere.example",
        ),
    ],
)
def test_foreign_names(host):
    assert not SITE.has_name(told(host=host))


def test_a_port_that_is_usual_may_be_left_out():
    assert own_site(80).has_name(told(host="localhost"))
    lan = own_site(3001, "http://desk.lan")
    assert lan.has_name(told(host="desk.lan"))
    assert not lan.is_foreign(told(origin="http://desk.lan"))
    assert lan.is_foreign(told(origin="https://desk.lan"))
    assert own_site(3001, "https://desk.lan:8443").has_name(told(host="desk.lan:8443"))


def test_two_hosts_are_none():
    headers = [(b"host", b"localhost:3001"), (b"Host", b"localhost:3001")]
    assert not SITE.has_name(FetchMetadata.of(headers, reads=True))
    assert SITE.is_foreign(FetchMetadata.of([(b"origin", b"http://localhost:3001")] * 2, reads=True))


@pytest.mark.parametrize("origin", ["https://desk.bookstore.example", "http://127.0.0.1:3001"])
def test_its_own_pages(origin):
    for site in ("same-origin", "cross-site"):  # What the origin says is the more exact.
        asked = told(origin=origin, sec_fetch_site=site)
        assert not SITE.is_foreign(asked)
        assert SITE.vouches_for(asked)


@pytest.mark.parametrize(
    "origin",
    [
        *("null", "", "https://elsewhere.example", "http://desk.bookstore.example"),
        *("https://desk.bookstore.example:3001", "http://127.0.0.1:3000", "http://127.0.0.1"),
        *("https://desk.bookstore.example.elsewhere.example", "http://localhost:3001/"),
    ],
)
def test_foreign_pages(origin):
    for reads in (True, False):
        asked = told(reads=reads, origin=origin, sec_fetch_site="same-origin", sec_fetch_mode="navigate")
        assert SITE.is_foreign(asked)
        assert not SITE.vouches_for(asked)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
def test_a_link_from_elsewhere_may_be_followed_and_nothing_else(site):
    assert not SITE.is_foreign(told(reads=True, sec_fetch_site=site, sec_fetch_mode="navigate"))
    assert SITE.is_foreign(told(reads=True, sec_fetch_site=site, sec_fetch_mode="no-cors"))
    assert SITE.is_foreign(told(reads=True, sec_fetch_site=site))
    assert SITE.is_foreign(told(reads=False, sec_fetch_site=site, sec_fetch_mode="navigate"))


def test_who_says_nothing_is_no_browser_and_nobody_vouches_for_it():
    assert not SITE.is_foreign(told())
    assert not SITE.is_foreign(told(sec_fetch_site="none"))
    assert not SITE.vouches_for(told())
    assert not SITE.vouches_for(told(sec_fetch_site="same-origin"))
