"""deploy/compose.yaml by its form: what each service may, and which settings it is given."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingram_assets.runtime.serve import PORTS, SERVICES, location_of_service
from ingram_assets.settings.file_of_setting import LOCATIONS

ROOT = Path(__file__).parents[2]
KNOWN = {
    *("image", "build", "command", "entrypoint", "environment", "secrets", "volumes", "networks", "ports"),
    *("healthcheck", "depends_on", "restart", "stop_grace_period", "read_only", "tmpfs", "user", "cap_drop"),
    *("security_opt", "logging", "shm_size", "profiles"),
}
"""Keys of a service that Compose knows, as far as they are used."""
TABLES_OF = ("scraper", "storefront")
"""The locations whose settings name files of a person's."""
HEALTH = {"test", "interval", "timeout", "retries", "start_period"}
ENDS = ("migrate", "backup")
"""Those that have the queue's owner, and are not at work for long."""
OURS = (*SERVICES, *ENDS)
OF_OTHERS = ("postgres", "s3")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
    return read


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = compose["services"]
    return found


def _files(service: dict[str, Any], compose: dict[str, Any]) -> dict[str, str]:
    """What a service finds in the folder of its settings, by the names there."""
    given = [one for one in service.get("secrets", []) if isinstance(one, dict)]
    return {
        Path(one["target"]).name: compose["secrets"][one["source"]]["file"]
        for one in given
        if one["target"].startswith("/etc/ingram/")
    }


def test_each_key_is_one_of_compose_s(compose: dict[str, Any], services: dict[str, Any]):
    its_own = {"name", "services", "networks", "volumes", "secrets"}
    assert {key for key in compose if not key.startswith("x-")} == its_own
    for name, service in services.items():
        assert not service.keys() - KNOWN, name
        assert not service.get("healthcheck", {}).keys() - HEALTH, name
    for kind in ("networks", "volumes", "secrets"):
        used = {
            each["source"] if isinstance(each, dict) else each.partition(":")[0]
            for service in services.values()
            for each in service.get(kind, [])
        }
        assert {each for each in used if not each.startswith("./")} == compose[kind].keys()


def test_all_services_are_there(services: dict[str, Any]):
    assert services.keys() == {*OURS, *OF_OTHERS}


@pytest.mark.parametrize("name", [*OURS, *OF_OTHERS])
def test_none_has_a_right_or_more_to_write_to_than_it_needs(services: dict[str, Any], name: str):
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert "/tmp" in service["tmpfs"]
    assert len([one for one in service.get("volumes", []) if not one.endswith(":ro")]) <= 1
    assert service["logging"]["options"]["max-file"], "a log fills no disk"


@pytest.mark.parametrize("name", SERVICES)
def test_each_is_started_by_its_command_and_looked_at(services: dict[str, Any], name: str):
    service = services[name]
    module = ["python", "-m", "ingram_assets.runtime.serve"]
    is_dagster_s = location_of_service(name) is None
    assert service["command"][: 3 if is_dagster_s else 2] == (module if is_dagster_s else ["ingram", "serve"])
    assert name in service["command"]
    assert service["healthcheck"]["test"] == ["CMD", *module, name, "--check"]
    assert service["restart"] == "unless-stopped"
    assert service["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    tables = ["./settings/files:/etc/ingram/files:ro"] if location_of_service(name) in TABLES_OF else []
    assert service["volumes"] == [f"{name}:/var/lib/ingram", *tables]


def test_the_migrations_come_first_and_once(services: dict[str, Any]):
    migrate = services["migrate"]
    assert migrate["command"] == ["ingram", "migrate"]
    assert migrate["restart"] == "no"
    assert migrate["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert all(services[name]["healthcheck"]["test"] for name in OF_OTHERS)


@pytest.mark.parametrize("name", SERVICES)
def test_each_has_its_own_settings_and_no_other_s(
    compose: dict[str, Any], services: dict[str, Any], name: str
):
    location = location_of_service(name)
    own = [LOCATIONS[location].file] if location else []
    assert _files(services[name], compose) == {file: f"./settings/{file}" for file in (".env", *own)}
    assert len(services[name]["secrets"]) == 1 + len(own)
    assert services[name].get("environment", {}).keys() <= {
        "INGRAM_UI_URL",
        *(f"INGRAM_HOST_{location.upper()}" for location in LOCATIONS),
    }


def test_a_backup_is_taken_when_it_is_asked_for(services: dict[str, Any]):
    backup = services["backup"]
    assert backup["profiles"], "`up` leaves it alone"
    assert backup["command"] == ["ingram", "backup", "/backups"]
    assert backup["restart"] == "no"
    assert backup["volumes"] == ["./backups:/backups", "./settings/files:/etc/ingram/files:ro"]


def test_the_owner_s_address_is_known_to_none_that_lasts(compose: dict[str, Any], services: dict[str, Any]):
    of_owner = {".env": "./settings/.env.owner"}
    assert _files(services["migrate"], compose) == of_owner
    its = {".env.storefront": "./settings/.env.storefront"}
    assert _files(services["backup"], compose) == of_owner | its
    know = {name for name, one in services.items() if ".env.owner" in str(_files(one, compose))}
    assert know == set(ENDS)
    for secret, its in (("postgres-password", "postgres"), ("roles", "postgres"), ("s3-key", "s3")):
        assert [name for name, one in services.items() if secret in str(one.get("secrets"))] == [its]


def test_only_page_and_desk_can_be_reached_and_from_this_machine_alone(services: dict[str, Any]):
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    # The same port inside: both know themselves by it.
    assert published == {name: [f"127.0.0.1:{PORTS[name]}:{PORTS[name]}"] for name in ("page", "desk")}


def test_no_code_location_reaches_another(services: dict[str, Any]):
    networks = {name: set(service["networks"]) for name, service in services.items()}
    for one in LOCATIONS:
        assert networks[one] == {one}
    assert networks["desk"] == {"storefront"}
    assert networks["migrate"] == networks["backup"] == {"owner"}
    assert networks["s3"] == {"scraper"}
    for asks in ("page", "daemon"):
        assert networks[asks] == LOCATIONS.keys()
        hosts = {f"INGRAM_HOST_{location.upper()}": location for location in LOCATIONS}
        assert services[asks]["environment"].items() >= hosts.items()


def test_no_host_of_images_or_packages_is_named():
    for file in ("Containerfile", "compose.yaml"):
        text = (ROOT / "deploy" / file).read_text()
        names = re.findall(r"(?:image: |BASE=|FROM )(\S+)", text)
        assert names
        assert not [name for name in names if "." in name.partition("/")[0]]
        assert not re.findall(r"https?://(?!page:3000|s3:9000|covers\.bookstore\.example)\S+", text)


def test_settings_are_made_once_and_complete(tmp_path: Path):
    """Of what is said wrongly; `test_containers.py` uses what it makes."""
    script = ROOT / "deploy" / "settings.sh"
    (tmp_path / "settings").mkdir()
    for words, told in (
        ([], "Name the address"),
        (["https://covers.bookstore.example"], "the example's"),
        (["https://https://covers.bookstore.test"], "two beginnings"),
        (["https://covers.bookstore.test", tmp_path], "there already"),
    ):
        done = subprocess.run([script, *words], capture_output=True, text=True)
        assert done.returncode == 2
        assert told in done.stderr
