"""What may be read and written in Medusa, told by its answers alone."""

import json
from collections.abc import Callable

import httpx
import pytest

from ingram_assets.store.client import MedusaClient, Unavailable
from ingram_assets.store.permissions import unreadable, unwritable

Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer) -> MedusaClient:
    made = MedusaClient(
        "http://medusa.example", api_key="sk_x", attempts=1, transport=httpx.MockTransport(answer)
    )
    return made


def told(status: int) -> httpx.Response:
    return httpx.Response(status, json={"message": "Medusa's words"})


def test_what_is_refused_as_malformed_may_be_written() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return told(400)

    with client(answer) as medusa:
        assert [*unwritable(medusa)] == []
    assert {request.method for request in asked} == {"POST"}
    # Malformed in more than one way: no version of Medusa takes it for anything.
    assert all(not isinstance(json.loads(request.content)["create"], list) for request in asked)
    assert medusa.writes == 0


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_is_forbidden_or_not_there_is_named(status: int) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return told(status if "reservations" in request.url.path else 400)

    with client(answer) as medusa:
        assert [*unwritable(medusa)] == [f"/admin/reservations answered {status} (Medusa's words)"]


def test_a_list_that_may_not_be_read_is_named() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        key = path.rpartition("/")[2].replace("-", "_").replace("product_variants", "variants")
        if path.endswith("/orders"):
            return told(403)
        return httpx.Response(200, json={} if path.endswith("/regions") else {key: []})

    with client(answer) as medusa:
        assert [*unreadable(medusa)] == [
            "/admin/orders answered 403 (Medusa's words)",
            "/admin/regions is no list of regions",
        ]


def test_a_store_that_is_down_is_no_matter_of_rights() -> None:
    with client(lambda _: told(503)) as medusa, pytest.raises(Unavailable):
        [*unreadable(medusa)]
