"""Whom a command speaks to where it has no settings: the demo, while that is at work, and never a shop."""

import os
from pathlib import Path

import pytest

from ingram_assets.settings import files
from ingram_assets.settings.demo import at_work, demo_to_speak_to
from ingram_assets.settings.file_of_setting import READ_FROM


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A demo's folder, and a checkout without settings."""
    for name in (*READ_FROM, files.ENV_DIR):
        monkeypatch.delenv(name, raising=False)
    checkout = tmp_path / "checkout"
    monkeypatch.setattr(files, "CHECKOUT", checkout)
    monkeypatch.setattr(files, "DEMO", checkout / ".demo")
    monkeypatch.chdir(tmp_path)
    (checkout / ".demo").mkdir(parents=True)
    (checkout / "pyproject.toml").touch()
    return checkout / ".demo"


def test_it_is_found_while_it_is_at_work_and_not_after(demo: Path) -> None:
    assert demo_to_speak_to() is None
    with at_work(demo):
        assert demo_to_speak_to() == demo / "settings"
    assert demo_to_speak_to() is None


@pytest.mark.parametrize(
    "left",
    ["", "none", "1 2 3", f"{2**22 - 1} 1", f"{os.getpid()} 1"],
    ids=["nothing", "no number", "three numbers", "no such process", "another that has its number"],
)
def test_what_a_killed_demo_left_is_none(demo: Path, left: str) -> None:
    (demo / "at_work").write_text(left)
    assert demo_to_speak_to() is None


@pytest.mark.parametrize("file", [".env", ".env.scraper", ".env.storefront", ".env.operations"])
def test_a_shop_s_file_wins(demo: Path, file: str) -> None:
    with at_work(demo):
        demo.with_name(file).touch()
        assert demo_to_speak_to() is None


@pytest.mark.parametrize("name", ["QUEUE_DB_URL", "INGRAM_STATE_DIR", "SAFETY_STOCK", "INGRAM_ENV_DIR"])
def test_a_shop_s_environment_wins(demo: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with at_work(demo):
        monkeypatch.setenv(name, "something")
        assert demo_to_speak_to() is None
        monkeypatch.setenv(name, " ")
        assert demo_to_speak_to() is not None
