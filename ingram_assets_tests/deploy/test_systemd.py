"""The units of deploy/systemd: whose settings each has, and what it may; also by systemd's own word."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ingram_assets.runtime.serve import SERVICES, location_of_service
from ingram_assets.settings.file_of_setting import LOCATIONS

UNITS = Path(__file__).parents[2] / "deploy/systemd"
ENDS = ("migrate", "backup")
"""Those that have the queue's owner, and are not at work for long."""
ALL = (*(f"ingram-{name}.service" for name in (*SERVICES, *ENDS)), "ingram-worker@.service")
systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")


def _unit(name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", (UNITS / name).read_text(), re.M):
        found.setdefault(key, []).append(value)
    return found


def test_every_service_has_its_unit_and_its_user():
    assert {file.name for file in UNITS.glob("*.service")} == set(ALL)
    users = re.findall(r"^u (\S+) ", (UNITS / "ingram.sysusers.conf").read_text(), re.M)
    assert set(users) == {f"ingram-{name}" for name in (*SERVICES, *ENDS)}


@systemd
def test_systemd_makes_each_user(tmp_path: Path):
    (tmp_path / "etc").mkdir()
    words = ["systemd-sysusers", f"--root={tmp_path}", UNITS / "ingram.sysusers.conf"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = {line.partition(":")[0] for line in (tmp_path / "etc/passwd").read_text().splitlines()}
    assert made >= {f"ingram-{name}" for name in (*SERVICES, *ENDS)}


@pytest.mark.parametrize("name", SERVICES)
def test_each_is_a_user_of_its_own_with_its_own_settings(name: str):
    unit = _unit(f"ingram-{name}.service")
    location = location_of_service(name)
    own = [LOCATIONS[location].file] if location else []
    assert unit["LoadCredential"] == [f"{file}:/etc/ingram/{file}" for file in (".env", *own)]
    assert unit["User"] == [f"ingram-{name}"]
    assert unit["ExecStart"] == [f"/opt/ingram/.venv/bin/ingram serve {name}"]
    assert unit["StateDirectory"] == [f"ingram-{name}"]
    # All see their state at one path: a run's code server is told the daemon's.
    assert unit["BindPaths"] == [f"/var/lib/ingram-{name}:/var/lib/ingram"]
    assert unit["Environment"] == ["INGRAM_ENV_DIR=%d INGRAM_STATE_DIR=/var/lib/ingram"]
    # It waits for the migrations, and is at work without them where the owner's password is wrong.
    assert unit["Wants"] == ["network-online.target ingram-migrate.service"]
    assert "ingram-migrate.service" in unit["After"][0].split()
    assert "Requires" not in unit
    assert unit["RestartPreventExitStatus"] == ["2"]


def test_the_owner_s_address_is_known_to_none_that_lasts():
    of_owner = ".env:/etc/ingram/.env.owner"
    of_store = ".env.storefront:/etc/ingram/.env.storefront"
    assert _unit("ingram-migrate.service")["LoadCredential"] == [of_owner]
    assert _unit("ingram-backup.service")["LoadCredential"] == [of_owner, of_store]
    know = {file.name for file in UNITS.iterdir() if ".env.owner" in file.read_text()}
    assert know == {f"ingram-{name}.service" for name in ENDS}
    assert all(_unit(name)["Type"] == ["oneshot"] for name in know)


@pytest.mark.parametrize("name", ALL)
def test_none_may_more_than_it_needs(name: str):
    unit = _unit(name)
    assert unit["NoNewPrivileges"] == unit["PrivateTmp"] == unit["ProtectHome"] == ["true"]
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["CapabilityBoundingSet"] == [""]
    assert unit["UMask"] == ["0077"]


@systemd
def test_systemd_understands_each_and_finds_little_exposed(tmp_path: Path):
    root = tmp_path / "root"
    units, program = root / "etc/systemd/system", root / "opt/ingram/.venv/bin/ingram"
    for folder in (units, program.parent, root / "usr/lib/systemd/system"):
        folder.mkdir(parents=True)
    find = root / "usr/bin/find"
    find.parent.mkdir(parents=True)
    for each in (program, find):
        shutil.copy("/bin/true", each)
    for file in (*UNITS.glob("*.service"), *UNITS.glob("*.target"), *UNITS.glob("*.timer")):
        shutil.copy(file, units)
    for file in Path("/usr/lib/systemd/system").glob("*.target"):
        shutil.copy(file, root / "usr/lib/systemd/system")
    files = [str(file) for file in units.iterdir()]
    done = subprocess.run(
        ["systemd-analyze", "verify", f"--root={root}", *files], capture_output=True, text=True
    )
    # Before systemd 254 the migrations are not tried again by themselves; all else is as it is said.
    told = [line for line in done.stderr.splitlines() if "Unknown key 'RestartMode'" not in line]
    assert (done.returncode, done.stdout, told) == (0, "", [])
    for name in ALL:
        words = ["systemd-analyze", "security", f"--root={root}", "--offline=yes", "--threshold=25"]
        done = subprocess.run([*words, name.replace("@", "@scraper")], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout.splitlines()[-1]


def test_a_command_is_typed_with_the_settings_of_its_service(tmp_path: Path):
    """What systemd is asked for; itself it does not run here."""
    for program, line in (("systemd-run", 'printf "%s\\n" "$@"'), ("id", "echo 0")):
        stand_in = tmp_path / program
        stand_in.write_text(f"#!/bin/sh\n{line}\n")
        stand_in.chmod(0o755)
    script = UNITS.parent / "as-service.sh"
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    for name in (*SERVICES, "backup"):
        unit = _unit(f"ingram-{name}.service")
        done = subprocess.run([script, name, "status", "--json"], env=env, capture_output=True, text=True)
        asked = done.stdout.splitlines()
        given = [asked[at + 1] for at, word in enumerate(asked) if word == "-p"]
        assert {one.partition("=")[2] for one in given if one.startswith("LoadCredential=")} == set(
            unit["LoadCredential"]
        )
        assert f"StateDirectory={unit['StateDirectory'][0]}" in given
        assert f"--uid={unit['User'][0]}" in asked
        state = unit["Environment"][0].partition("INGRAM_STATE_DIR=")[2]
        assert f"--setenv=INGRAM_STATE_DIR={state}" in asked
        assert asked[-3:] == ["ingram", "status", "--json"]
    for words, told in ((["storefront"], "Name a service"), (["shop", "status"], "shop is no service")):
        done = subprocess.run([script, *words], env=env, capture_output=True, text=True)
        assert (done.returncode, told in done.stderr) == (2, True)
