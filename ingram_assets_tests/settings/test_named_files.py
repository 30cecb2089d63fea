"""Files that a person names: what is no regular file is refused at once, and never waited for."""

import os
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from ingram_assets.cli.main import main
from ingram_assets.named_files import read_named
from ingram_assets.settings.base import SettingsError
from ingram_assets.settings.environment import environment_of
from ingram_assets.settings.loading import load
from ingram_assets.settings.scraper import SiteSettings

pytestmark = pytest.mark.timeout(60)

PAGE = "<html><body><p>EAN: 9780306406157</p></body></html>"


@pytest.fixture
def odd(tmp_path: Path) -> dict[str, Path]:
    """Whatever a path may lead to beside a file."""
    (pipe, folder, link, loop) = (tmp_path / name for name in ("pipe", "folder", "link", "loop"))
    os.mkfifo(pipe)
    folder.mkdir()
    link.symlink_to(tmp_path / "nowhere")
    loop.symlink_to(loop)
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "socket"))
    return {"a pipe": pipe, "a folder": folder, "link": link, "loop": loop, "a device": Path("/dev/zero")}


@pytest.mark.parametrize("what", ["a pipe", "a folder", "a device"])
def test_no_regular_file_is_waited_for_or_taken_for_an_empty_one(odd: dict[str, Path], what: str) -> None:
    with pytest.raises(OSError, match=f"it is {what}, and not a file"):
        read_named(odd[what], 100)


def test_a_file_is_read_to_one_byte_beyond_what_is_taken(tmp_path: Path) -> None:
    (file := tmp_path / "file").write_bytes(b"x" * 200)
    assert len(read_named(file, 100)) == 101
    (tmp_path / "link").symlink_to(file)
    assert len(read_named(tmp_path / "link", 1_000)) == 200


@pytest.mark.parametrize("what", ["a pipe", "a folder", "a device"])
def test_discover_says_what_it_was_given(odd: dict[str, Path], what: str) -> None:
    done = CliRunner().invoke(main, ["discover", "--dry-run", "--file", str(odd[what])])
    assert done.exit_code == 2
    assert f"it is {what}, and not a file." in " ".join(done.output.split())
    assert ("What is piped in is read by: --file -" in " ".join(done.output.split())) is (what == "a pipe")


def test_a_pipe_in_a_folder_of_pages_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    (folder := tmp_path / "pages").mkdir()
    (folder / "a.html").write_text(PAGE)
    os.mkfifo(folder / "b.html")
    done = CliRunner().invoke(main, ["read", str(folder)])
    assert done.exit_code == 1
    words = " ".join(done.output.split())
    assert "it is a pipe, and not a file" in words
    assert "a.html" in words
    os.mkfifo(tmp_path / "expected")
    done = CliRunner().invoke(main, ["read", str(folder / "a.html"), "--expect", str(tmp_path / "expected")])
    assert done.exit_code == 2
    assert "it is a pipe, and not a file" in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("a pipe", "site.toml can't be read (it is a pipe, and not a file)"),
        ("a folder", "site.toml can't be read (it is a folder, and not a file)"),
        ("a device", "site.toml can't be read (it is a device, and not a file)"),
        ("link", "site.toml is a link to a file that is not there"),
        ("loop", "site.toml can't be read (Too many levels of symbolic links)"),
    ],
)
@pytest.mark.parametrize("is_named", [False, True])
def test_a_site_toml_that_is_no_file_is_refused(
    odd: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    told: str,
    is_named: bool,
) -> None:
    settings, place = tmp_path / "settings", tmp_path / ("elsewhere" if is_named else "settings")
    for folder in {settings, place}:
        folder.mkdir()
    (there := place / "site.toml").symlink_to(odd[what])
    if is_named:
        monkeypatch.setenv("SITE_FILE", str(there))
    else:
        monkeypatch.delenv("SITE_FILE", raising=False)
    with pytest.raises(SettingsError) as refused:
        load(SiteSettings, environment_of("scraper", settings))
    assert str(refused.value) == f"SITE_FILE is malformed: {told}. Correct {there}."


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"[labels]\nprice = 1\n", "in site.toml, [labels] price has to be a list of texts"),
        (b"a = " + b"[" * 5_000, "in site.toml, lists or tables stand in each other hundreds deep"),
        (
            '[labels]\nprice = ["Prix conseillé"]\n'.encode("latin-1"),
            "line 2 is not in UTF-8: have the editor",
        ),
        (b"# " + b"x" * 300_000, "it has more than 200,000 bytes"),
    ],
    ids=["entry", "deep", "latin", "large"],
)
def test_what_is_wrong_in_a_site_toml_is_mended_there(tmp_path: Path, data: bytes, told: str) -> None:
    (file := tmp_path / "site.toml").write_bytes(data)
    with pytest.raises(SettingsError) as refused:
        load(SiteSettings, {"SITE_FILE": str(file)})
    words = str(refused.value)
    assert told in words
    assert words.endswith(f". Correct {file}.")
    assert "Excel" not in words
    assert ".env" not in words
