"""Files that come with the product are found in a checkout and in a wheel; a shop's own where it says."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from ingram_assets.cli.main import main
from ingram_assets.settings import files

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted(["dagster.yaml", "workspace.yaml", *(file.name for file in ROOT.glob(".env*.example"))])


@pytest.mark.parametrize("name", SHIPPED)
def test_a_checkout_has_them_at_its_root(name: str) -> None:
    assert files.shipped(name) == ROOT / name


def test_a_wheel_has_all_of_them_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    inside = Path(files.__file__).parent.relative_to(ROOT) / "shipped"
    assert wheel["force-include"] == {name: str(inside / name) for name in SHIPPED}
    assert wheel["packages"] == ["ingram_assets"]
    monkeypatch.setattr(files, "IN_THE_WHEEL", tmp_path)
    (tmp_path / "dagster.yaml").touch()
    assert files.shipped("dagster.yaml") == tmp_path / "dagster.yaml"


def test_the_folder_of_a_shop_s_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(files.ENV_DIR, raising=False)
    monkeypatch.chdir(tmp_path)
    assert files.env_dir() == ROOT
    monkeypatch.setattr(files, "CHECKOUT", tmp_path / "site-packages")
    assert files.env_dir() == tmp_path
    monkeypatch.setenv(files.ENV_DIR, "shop")
    assert files.env_dir() == tmp_path / "shop"


def test_a_command_takes_the_folder_that_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env.operations").write_text("ALERT_URLS=nonsense\n")
    (tmp_path / ".env.operations").chmod(0o600)
    command = [sys.executable, "-m", "ingram_assets.cli", "--env-dir", str(tmp_path), "alert", "test"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "ALERT_URLS is malformed" in done.stderr
    assert ".env.operations.example" in done.stderr


def test_a_copy_that_systemd_made_is_named_by_its_name_and_not_warned_of(tmp_path: Path) -> None:
    """Its folder is gone with the process, and its rights are systemd's."""
    (tmp_path / ".env.operations").write_text("ALERT_URLS=nonsense\n")
    (tmp_path / ".env.operations").chmod(0o440)

    def said(environment: dict[str, str]) -> str:
        command = [sys.executable, "-m", "ingram_assets.cli", "alert", "test"]
        given = os.environ | {files.ENV_DIR: str(tmp_path)} | environment
        return subprocess.run(command, env=given, capture_output=True, text=True).stderr

    by_systemd = said({"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert "Set them in .env.operations (see " in by_systemd
    assert "chmod" not in by_systemd
    by_a_person = said({})
    assert f"Set them in {tmp_path}/.env.operations (see " in by_a_person
    assert "chmod 600" in by_a_person


def test_a_folder_that_is_not_there_is_wrong_usage() -> None:
    assert CliRunner().invoke(main, ["--env-dir", "/nowhere-at-all", "status"]).exit_code == 2


def test_the_demo_is_no_part_of_a_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ingram_demo.show", None)
    done = CliRunner().invoke(main, ["demo"])
    assert done.exit_code == 2
    assert "./just demo" in done.output
