"""What people and programs are told of what fails, each as they can read it."""

import logging

import pytest
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

from ingram_assets.desk.app import make_app
from ingram_assets.desk.people.sessions import DeskSession, Person
from ingram_assets.desk.problems import DeskProblem
from ingram_assets.desk.store_access import StoreAccess
from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.store.client import MedusaClient
from ingram_assets_tests.testing.desk import looks

SECRET = "postgresql://user:secret@10.0.0.7/db"
FAILURES = {
    "gone": HTTPException(404),
    "wrong_verb": HTTPException(405),
    "odd": HTTPException(400),
    "unreadable": RequestValidationError([{"type": "int_parsing", "loc": ("query", "page"), "msg": SECRET}]),
    "stale": DeskProblem("stale", "The quantity is 4 now, not 3: load the page again."),
    "away": NeedsPerson(f"STOREFRONT_DB_URL is malformed: {SECRET}"),
    "broken": RuntimeError(SECRET),
}


@pytest.fixture
def visitor(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """Somebody at a desk with pages that fail, and nothing behind it."""
    nowhere, away = "http://127.0.0.1:9", "postgresql://u@127.0.0.1:9/x"
    store_access = StoreAccess(MedusaClient(nowhere, api_key="sk_x"), away, low=5)
    app = make_app(store_access, *looks(nowhere, "nobody@example.com", "none", away))
    session = DeskSession(Person("user_1", "ada@shop.example", "Ada"), "a token")
    monkeypatch.setattr(app.state.signed_in, "find", lambda text: session)
    for name in FAILURES:
        _add(app, name)
    # Not entered: nothing is started, and nothing there is to be stopped.
    client = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
    client.cookies.set("ingram-desk-80", "x" * 43)
    return client


def _add(app: FastAPI, name: str) -> None:
    async def fails() -> None:
        raise FAILURES[name]

    app.add_api_route(f"/{name}", fails)


@pytest.mark.parametrize(
    ("path", "status", "title", "words"),
    [
        ("/nothing-there", 404, "There is no such page", "begin at the board"),
        ("/gone", 404, "There is no such page", "begin at the board"),
        ("/wrong_verb", 405, "That can&#39;t be done here", "load the page anew"),
        ("/odd", 422, "The desk can&#39;t read that", "Go back"),
        ("/unreadable", 422, "The desk can&#39;t read that", "Go back"),
        ("/stale", 409, "The quantity is another one by now", "4 now, not 3"),
        ("/away", 503, "Not now", "Load the page again"),
        ("/broken", 500, "The desk failed", "log says why"),
    ],
)
def test_a_person_is_told_by_a_page(
    visitor: TestClient, caplog: pytest.LogCaptureFixture, path: str, status: int, title: str, words: str
):
    caplog.set_level(logging.WARNING, "ingram_assets.desk")
    answer = visitor.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == status
    assert f"<h1>{title}</h1>" in answer.text
    assert words in answer.text
    assert "Ada" in answer.text, "with the way to the other pages"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert answer.headers["Cache-Control"] == "no-store"
    # A part of a page gets a sentence.
    part = visitor.get(path, headers={"Accept": "text/html", "HX-Request": "true"})
    assert (part.status_code, part.headers["content-type"]) == (status, "text/plain; charset=utf-8")
    for each in (answer, part):
        assert "secret" not in each.text
        assert "openapi" not in each.text
    assert (SECRET in caplog.text) == (status >= 500)
