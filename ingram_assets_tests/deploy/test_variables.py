"""Which service has which variables, and Railway's files by their form."""

import json
import os
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from ingram_assets.runtime.serve import SERVICES, location_of_service
from ingram_assets_tests.testing.variables import (
    DOCUMENT,
    OF_ALL,
    own_classes,
    table,
    variables,
    write,
    written,
)

DEPLOY = Path(__file__).parents[2] / "deploy"
ALL = (*SERVICES, "migrate")
BUILD = {"builder": "DOCKERFILE", "dockerfilePath": "deploy/Containerfile"}
KNOWN = {
    *("startCommand", "preDeployCommand", "healthcheckPath", "healthcheckTimeout", "restartPolicyType"),
    *("drainingSeconds", "overlapSeconds"),
}
"""Of Railway's schema, as far as they are used."""


def test_the_table_is_that_of_the_settings_classes():
    """INGRAM_WRITE_VARIABLES=yes writes it anew."""
    if os.environ.get("INGRAM_WRITE_VARIABLES"):
        write()
    assert written() == table()


def test_no_service_has_another_s_secret():
    of_celery = {"CELERY_BROKER_URL", "CELERY_RESULT_BACKEND_URL"}
    assert variables(OF_ALL, secret=True) == {"DAGSTER_PG_URL", *of_celery}
    own = {name: variables(own_classes(name), secret=True) for name in ALL}
    assert own["page"] == own["daemon"] == set()
    assert own["scraper"] > {"IPAGE_PASSWORD", "R2_SECRET_ACCESS_KEY", "SESSION_KEY"}
    assert own["storefront"] > {"MEDUSA_API_KEY", "STOREFRONT_DB_URL"}
    assert own["operations"] == {"ALERT_URLS", "HEARTBEAT_URL"}
    assert own["migrate"] == {"QUEUE_OWNER_DB_URL"}
    for one, other in combinations(ALL, 2):
        if {one, other} != {"storefront", "desk"}:
            # Each of the two has an address of its own for the queue, with its own role.
            assert own[one] & own[other] <= {"QUEUE_DB_URL"}, (one, other)


@pytest.fixture(params=ALL)
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def railway(service: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((DEPLOY / f"railway.{service}.json").read_text())
    return read


def test_railway_has_a_file_for_each_service():
    assert {file.name for file in DEPLOY.glob("railway.*")} == {f"railway.{name}.json" for name in ALL}


def test_railway_s_keys_are_known(railway: dict[str, Any]):
    assert railway.keys() == {"$schema", "build", "deploy"}
    assert railway["build"] == BUILD
    assert not railway["deploy"].keys() - KNOWN


def test_each_starts_its_service_where_the_others_find_it(service: str, railway: dict[str, Any]):
    deploy = railway["deploy"]
    if service == "migrate":
        assert deploy["preDeployCommand"] == ["ingram migrate"]
        assert deploy["restartPolicyType"] == "NEVER"
        return
    # Railway's start command takes the place of the image's entry point.
    begin = (
        "tini -- ingram serve"
        if location_of_service(service)
        else "tini -- python -m ingram_assets.runtime.serve"
    )
    listens = "" if service == "daemon" else " --host ::"
    assert deploy["startCommand"] == f"{begin} {service}{listens}"
    assert deploy["restartPolicyType"] == "ALWAYS"
    # Railway looks by HTTP alone, which a code server does not speak.
    assert deploy.get("healthcheckPath") == ("/healthz" if service in ("desk", "page") else None)
    assert "preDeployCommand" not in deploy, "no lasting service has the owner's address"


def test_the_document_names_each_file_of_railway_s_with_an_image_that_is_there():
    rows = re.findall(r"^\| `(\w+)` \| `(railway\.\w+\.json)` \| `(\w+)` \|", DOCUMENT.read_text(), re.M)
    assert {name: file for name, file, _ in rows} == {name: f"railway.{name}.json" for name in ALL}
    targets = re.findall(r"^FROM \S+ AS (\w+)$", (DEPLOY / "Containerfile").read_text(), re.M)
    for name, _, image in rows:
        assert image in targets
        needs = {"scraper": "scraper", "page": "dagster", "daemon": "dagster"}
        assert image == needs.get(name, "shop")
