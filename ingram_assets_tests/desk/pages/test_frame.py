"""The frame of all pages: who is signed in, navigation, static files, times and money."""

import gzip
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from fastapi import APIRouter, Request
from jinja2 import ChoiceLoader, DictLoader, UndefinedError

from ingram_assets.desk.pages import rendering
from ingram_assets.desk.pages.rendering import HTMX_SETTINGS, Clock, lasting, money, number, plural, render
from ingram_assets_tests.testing.pages import page_app, visitor

CHICAGO = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 29, 21, 54, 10, tzinfo=UTC)
CLOCK = Clock(NOW, CHICAGO)

PAGE = """{% extends "base.html" %}
{% block title %}{{ title }}{% endblock %}
{% block content %}<h1>{{ title }}</h1>{{ ago(at) }}{% endblock %}"""


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch) -> APIRouter:
    loader = ChoiceLoader([DictLoader({"a.html": PAGE}), rendering.environment.loader])
    monkeypatch.setattr(rendering.environment, "loader", loader)
    made = APIRouter()

    @made.get("/titles/{isbn}")
    def page(request: Request, isbn: str, title: str = "A <title>"):
        return render(request, "a.html", title=title, at=NOW)

    @made.get("/forgotten")
    def forgotten(request: Request):
        return render(request, "a.html", at=NOW)

    return made


def test_a_page_has_title_language_landmarks_and_who_is_signed_in(router):
    page = visitor(page_app([router])).get("/titles/1")
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    assert '<html lang="en">' in page.text
    assert "<title>A &lt;title&gt; · Ingram desk</title>" in page.text
    assert page.text.count("<h1>") == 1
    assert "<h1>A &lt;title&gt;</h1>" in page.text
    assert '<main id="content"' in page.text
    assert "Ada" in page.text
    assert 'name="csrf_token" value="token-of-the-session"' in page.text


def test_htmx_sends_the_token_of_the_session_and_evaluates_nothing(router):
    page = visitor(page_app([router])).get("/titles/1").text
    unescaped = page.replace("&#34;", '"')
    assert json.loads(re.search(r'hx-headers="(\{.*?\})"', unescaped)[1]) == {
        "X-CSRF-Token": "token-of-the-session"
    }
    assert json.loads(re.search(r'"htmx-config" content="(\{.*?\})"', unescaped)[1]) == HTMX_SETTINGS
    assert HTMX_SETTINGS["allowEval"] is False
    assert HTMX_SETTINGS["includeIndicatorStyles"] is False


def test_nothing_in_a_page_needs_more_than_the_strictest_content_security_policy(router):
    page = visitor(page_app([router])).get("/titles/1").text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|hx-on|javascript:", page)


def test_the_page_of_a_path_is_marked_in_the_navigation(router):
    page = visitor(page_app([router])).get("/titles/1").text
    assert re.findall(r'<a href="([^"]*)" aria-current="page">', page) == ["/"]


@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("/", ["Board"]),
        ("/titles/9781639739134/retire", ["Board"]),
        ("/inventory", ["Inventory"]),
        ("/inventory/new", ["Inventory"]),
        ("/inventoryless", []),
        ("/runs/abc", ["Runs"]),
        ("/account", []),
    ],
)
def test_each_path_belongs_to_one_page_at_most(path, current):
    assert [link.words for link in rendering.NAVIGATION if link.is_of(path)] == current


def test_who_is_not_signed_in_sees_no_navigation_and_no_token(router):
    page = visitor(page_app([router], signed_in=False)).get("/titles/1").text
    assert "<nav" not in page
    assert "csrf" not in page.lower()


def test_a_value_that_a_template_names_and_is_not_given_is_an_error(router):
    with pytest.raises(UndefinedError):
        visitor(page_app([router])).get("/forgotten")


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (datetime(2026, 11, 29, 21, 4, tzinfo=UTC), "Nov 29, 3:04 PM"),
        (datetime(2026, 11, 30, 5, 59, tzinfo=UTC), "Nov 29, 11:59 PM"),
        (datetime(2026, 11, 30, 6, 0, tzinfo=UTC), "Nov 30, 12:00 AM"),
        (datetime(2026, 7, 1, 17, 0, tzinfo=UTC), "Jul 1, 12:00 PM"),
        (datetime(2025, 7, 1, 17, 0, tzinfo=UTC), "Jul 1, 2025, 12:00 PM"),
    ],
)
def test_times_are_in_the_zone_of_the_store(at, words):
    told = CLOCK.when(at)
    assert f">{words}</time>" in told
    assert f'datetime="{at:%Y-%m-%dT%H:%M:%SZ}"' in told


def test_times_in_our_sentences_are_told_in_the_zone_too():
    told = CLOCK.in_zone("Read 2026-11-29 16:48 UTC, due 2027-01-01 05:59:59 UTC, of 2026-11-29.")
    assert told == "Read Nov 29, 10:48 AM, due Dec 31, 11:59 PM, of 2026-11-29."


def test_a_time_has_its_zone_where_a_person_points_at_it():
    assert "Sunday, November 29, 2026, 15:54:10 CST" in CLOCK.when(NOW)


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=12, seconds=40), "12 min ago"),
        (timedelta(hours=3, minutes=5), "3 h 5 min ago"),
        (timedelta(hours=11, minutes=5), "11 h ago"),
        (timedelta(days=1, hours=5), "1 day ago"),
        (timedelta(days=3), "3 days ago"),
        (timedelta(seconds=-30), "in a moment"),
        (timedelta(minutes=-40), "in 40 min"),
    ],
)
def test_ages_are_told_as_a_person_would(span, words):
    assert f">{words}</time>" in CLOCK.ago(NOW - span)


def test_what_never_was_is_never():
    assert CLOCK.when(None) == CLOCK.ago(None) == "never"


def test_amounts():
    assert money(Decimal("1234.5")) == "$1,234.50"
    assert money(None) == "–"
    assert number(1234) == "1,234"
    assert number(0) == "0"
    assert number(None) == "unknown"
    assert plural(1, "title") == "1 title"
    assert plural(1200, "copy", "copies") == "1,200 copies"
    assert lasting(timedelta(seconds=40)) == "40 s"


@pytest.mark.parametrize("name", ["desk.css", "desk.js", "desk.svg", "htmx.js"])
def test_what_pages_load_is_there_once_for_each_version(router, name):
    client = visitor(page_app([router]))
    address = rendering.address_of(name)
    first = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert first.status_code == 200
    assert "immutable" in first.headers["cache-control"]
    assert first.headers["content-encoding"] == "gzip"
    plain = client.get(address, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == first.content
    assert len(gzip.compress(plain.content, 9)) <= int(first.headers["content-length"]) < 20_000
    again = client.get(address, headers={"If-None-Match": first.headers["etag"], "Accept-Encoding": "gzip"})
    assert again.status_code == 304
    assert client.get(f"/static/{name}?v=older").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", ["nothing.css", "..%2frendering.py", "__init__.py"])
def test_nothing_else_is_sent(router, name):
    assert visitor(page_app([router])).get(f"/static/{name}").status_code == 404


def test_pages_name_what_they_load_by_its_version(router):
    page = visitor(page_app([router])).get("/titles/1").text
    for name in ("desk.css", "desk.js", "htmx.js"):
        assert rendering.address_of(name) in page
