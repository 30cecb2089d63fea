"""The desk against its own description: generated requests, alone and in sequences, break nothing."""

from uuid import uuid4

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import openapi

from ingram_assets_tests.testing.desk import DeskShop, Program, running_desk

pytestmark = pytest.mark.xdist_group("medusa")

FEW = settings(
    max_examples=2,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def api(desk: DeskShop, boss: Program, journal_url: str):
    isbn = desk.title("A Sought Book", cellar=1_000)
    described = httpx.get(f"{desk.url}/api/v1/openapi.json", trust_env=False).json()
    # What is generated names nothing that is there; these do.
    shapes = described["components"]["schemas"]
    for shape in shapes.values():
        for name, known in (
            ("product_id", [isbn]),
            ("location", ["CELLAR", "attic"]),
            ("target_location", ["Attic"]),
        ):
            if "expected_quantity" in shape.get("properties", {}) and name in shape["properties"]:
                shape["properties"][name] = {"type": "string", "enum": known}
    schema = openapi.from_dict(described)

    @schema.auth()
    class SignedIn:
        def get(self, case, context):
            return boss.http.headers["Authorization"]

        def set(self, case, data, context):
            case.headers["Authorization"] = data

    with running_desk(desk.bench.shop.medusa, journal_url, failures=1_000_000) as url:
        schema.config.update(base_url=url)
        yield schema


def ask(case, headers):
    """Sends it, with a key that no other request has: 422 is right for one that repeats."""
    if case.meta.generation.mode.is_positive and "Idempotency-Key" in headers:
        headers["Idempotency-Key"] = str(uuid4())
    case.call_and_validate()


schema = schemathesis.pytest.from_fixture("api")


@schema.parametrize()
@FEW
def test_each_route_does_as_it_is_described(case):
    ask(case, case.headers)


@pytest.mark.long
def test_sequences_do_as_they_are_described(api):
    machine = api.as_state_machine()
    machine.run(settings=settings(FEW, max_examples=60, stateful_step_count=12))


def test_every_field_and_problem_has_an_example(desk: DeskShop):
    described = httpx.get(f"{desk.url}/api/v1/openapi.json", trust_env=False).json()
    assert len(described["paths"]) == 19
    for name in ("SetBody", "AdjustBody", "ReserveBody", "HeldBody", "TransferBody", "EntryBody"):
        shape = described["components"]["schemas"][name]
        assert all(shape["properties"][field].get("examples") for field in shape["required"])
        assert {"minimum", "maximum"} <= shape["properties"]["quantity"].keys()
    for methods in described["paths"].values():
        for operation in methods.values():
            assert operation["security"] == [{"token": []}]
            assert operation["responses"]["409"]["content"]["application/problem+json"]["examples"]
