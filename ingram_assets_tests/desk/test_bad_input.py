"""What nobody should send, sent: a clear problem document, and nothing changed."""

import json
from typing import Any

import pytest

from ingram_assets_tests.testing.desk import DeskShop, Program

pytestmark = pytest.mark.xdist_group("medusa")

STORE = "store/inventory"


@pytest.fixture(scope="module")
def isbn(desk: DeskShop) -> str:
    return desk.title("Étude in Blue", cellar=5)


BODIES: dict[str, tuple[Any, int, str]] = {
    "negative": ({"quantity": -1}, 422, "body.quantity"),
    "fraction": ({"quantity": 1.5}, 422, "body.quantity"),
    "huge float": ({"quantity": 1e300}, 422, "body.quantity"),
    "huge": ({"quantity": 10**30}, 422, "body.quantity"),
    "text": ({"quantity": "3"}, 422, "body.quantity"),
    "truth": ({"quantity": True}, 422, "body.quantity"),
    "null": ({"quantity": None}, 422, "body.quantity"),
    "missing": ({"quantity": ...}, 422, "body.quantity"),
    "no product": ({"product_id": ...}, 422, "body.product_id"),
    "empty product": ({"product_id": ""}, 422, "body.product_id"),
    "NUL": ({"note": "a\0b"}, 422, "body.note"),
    "half a pair": ({"note": "\ud800"}, 422, "body.note"),
    "unknown word": ({"quanttiy": 3}, 422, "body.quanttiy"),
    "unknown reason": ({"reason": "because"}, 422, "body.reason"),
    "long": ({"reference": "x" * 201}, 422, "body.reference"),
    "location": ({"location": "CELAR"}, 409, "The nearest: CELLAR"),
    "location of signs": ({"location": "✿"}, 409, "no location '✿'"),
    "title by name": ({"product_id": "Étude in Blue"}, 409, "(Étude in Blue)"),
    "title of signs": ({"product_id": "書名"}, 409, "書名"),
    "unknown title": ({"product_id": "9780306406157"}, 409, "9780306406157"),
    "no such product": ({"product_id": "prod_0"}, 409, "prod_0"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body(desk: DeskShop, boss: Program, isbn: str, name: str):
    changed, status, told = BODIES[name]
    body = {"product_id": isbn, "location": "CELLAR", "quantity": 3} | changed
    sent = json.dumps({key: value for key, value in body.items() if value is not ...})
    headers = {"Idempotency-Key": name.replace(" ", "-"), "Content-Type": "application/json"}
    answer = boss.http.post(f"/api/v1/{STORE}/set", content=sent, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json()
    places = [each["where"] for each in problem["errors"]]
    assert told in places if status == 422 else told in problem["detail"]
    assert desk.level(isbn, "cellar") == (5, 0)


def test_a_mistyped_isbn_names_the_nearest(boss: Program, isbn: str):
    wrong = isbn[:-1] + str((int(isbn[-1]) + 1) % 10)
    answer = boss.post(f"{STORE}/reserve", product_id=wrong, location="CELLAR", quantity=3)
    assert answer.json()["kind"] == "unknown_title"
    assert f"{isbn} (Étude in Blue)" in answer.json()["nearest"]


@pytest.mark.parametrize(
    "sent", [b"{no json", b"", b"[]", b"null", b'{"quantity": ' + b"9" * 5000 + b"}", b"\xff"]
)
def test_what_is_no_json(desk: DeskShop, boss: Program, isbn: str, sent: bytes):
    headers = {"Idempotency-Key": "no-json", "Content-Type": "application/json"}
    answer = boss.http.post(f"/api/v1/{STORE}/set", content=sent, headers=headers)
    assert (answer.status_code, answer.json()["kind"]) == (422, "malformed")


def test_a_body_without_end(boss: Program):
    headers = {"Idempotency-Key": "large", "Content-Type": "application/json"}
    for content in (b"x" * 70_000, (b"x" * 1000 for _ in range(70))):
        answer = boss.http.post(f"/api/v1/{STORE}/set", content=content, headers=headers)
        assert (answer.status_code, answer.json()["kind"]) == (413, "too_large")


def test_copies_to_release_are_named(desk: DeskShop, boss: Program, isbn: str):
    boss.post(f"{STORE}/reserve", product_id=isbn, location="CELLAR", quantity=2)
    for verb in ("release", "fulfill"):
        answer = boss.post(f"{STORE}/{verb}", product_id=isbn, location="CELLAR")
        assert answer.json()["kind"] == "malformed"
    assert desk.level(isbn, "cellar") == (5, 2)
    boss.post(f"{STORE}/release", product_id=isbn, location="CELLAR", quantity=2)


@pytest.mark.parametrize(
    "until", ["2001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2030-01-01T00:00:00", "soon"]
)
def test_the_end_of_a_reservation(desk: DeskShop, boss: Program, isbn: str, until: str):
    body = {"product_id": isbn, "location": "CELLAR", "quantity": 1, "expires_at": until}
    assert boss.post(f"{STORE}/reserve", **body).status_code in (409, 422)
    assert desk.level(isbn, "cellar") == (5, 0)


@pytest.mark.parametrize("key", [None, "", "x" * 201, "a b"])
def test_a_write_needs_a_key(desk: DeskShop, boss: Program, isbn: str, key: str | None):
    body = {"product_id": isbn, "location": "CELLAR", "quantity": 3}
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = boss.http.post(f"/api/v1/{STORE}/set", json=body, headers=headers)
    assert (answer.status_code, answer.json()["kind"]) == (422, "malformed")
    assert "Idempotency-Key" in answer.json()["detail"]
    assert desk.level(isbn, "cellar") == (5, 0)


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ({"limit": 10_000}, 422, "less than or equal to 1000"),
        ({"limit": 0}, 422, "greater than or equal to 1"),
        ({"limit": "many"}, 422, "integer"),
        ({"cursor": "abc"}, 422, "query.cursor"),
        ({"low_stok": 3}, 422, "query.low_stok"),
        ({"location": "CELAR"}, 404, "The nearest: CELLAR"),
        ({"store_id": "Fairy"}, 404, "The nearest: Fair"),
    ],
    ids=str,
)
def test_a_query(boss: Program, query: dict[str, Any], status: int, told: str):
    answer = boss.get("admin/inventory", **query)
    assert answer.status_code == status
    assert told in answer.json()["detail"]


@pytest.mark.parametrize("cursor", ["999999.iitem_zzz.ilev_zzz", "0.a.b", "3.iitem_0.ilev_0"])
def test_a_cursor_of_no_page_of_ours_is_a_place_in_the_order(boss: Program, isbn: str, cursor: str):
    assert boss.get("admin/inventory", cursor=cursor).status_code == 200


@pytest.mark.parametrize(
    "path", ["nothing", "store/inventory/product/9780306406157", "store/inventory/ilev_0"]
)
def test_what_is_not_there(boss: Program, path: str):
    assert boss.get(path).status_code == 404
    assert boss.http.request("TRACE", f"/api/v1/{STORE}").json()["kind"] == "method_not_allowed"
