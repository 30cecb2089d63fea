"""The machine's Node is used when it is new enough and has npm; what to do is said when there is none."""

from pathlib import Path

import pytest

from ingram_assets.demo.embedded import node
from ingram_assets.demo.embedded.tools import InstallFailed


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(node, "LOCK", tmp_path / "requirements-node.lock")
    monkeypatch.setattr(node, "_wheel_node", lambda: None)
    return folder


def says(file: Path, text: str) -> None:
    file.write_text(f"#!/bin/sh\necho {text}\n")
    file.chmod(0o755)


def test_a_new_enough_node_with_npm_is_used(path: Path, tmp_path: Path) -> None:
    says(path / "node", "v20.20.2")
    says(path / "npm", "11.0.0")
    found = node.ensure_node(tmp_path)
    assert (found.program, found.npm) == (path / "node", (str(path / "npm"),))
    assert found.path("/usr/bin") == f"{path}:/usr/bin"


@pytest.mark.parametrize(("version", "npm"), [("v18.20.0", True), ("v22.1.0", False)])
def test_an_old_node_or_one_without_npm_is_not_used(
    path: Path, tmp_path: Path, version: str, npm: bool
) -> None:
    says(path / "node", version)
    if npm:
        says(path / "npm", "10.0.0")
    with pytest.raises(InstallFailed, match="install Node"):
        node.ensure_node(tmp_path)
