"""What becomes of the files of `ingram discover` before a run starts."""

import json
import time
from pathlib import Path

import click
import pytest

from ingram_assets.cli.listed_files import MOST_TITLES, read_files
from ingram_assets_tests.testing.shop import make_isbn


def test_a_list_of_very_many_lines_is_read_soon_and_its_run_stays_small(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tenth of them are ISBNs. A run's configuration is read by whoever looks at runs."""
    (file := tmp_path / "big.txt").write_text("\n".join(f"978{number:010}" for number in range(100_000)))
    began = time.process_time()
    request = read_files([str(file)], dry_run=True)
    assert time.process_time() - began < 15, "seconds, and not minutes"
    assert "Reading big.txt, 1.4 MB…" in capsys.readouterr().err
    asked = request.of_ops["track_titles"]
    assert len(asked["isbns"]) == 10_000
    assert len(asked["not_understood"]) == 1_000
    assert asked["notes"] == ["89,000 more lines are not understood, and not named here."]
    assert len(json.dumps(request.run_config)) < 500_000


def test_what_stands_very_often_is_noted_some_times(tmp_path: Path) -> None:
    (file := tmp_path / "list.txt").write_text(f"{make_isbn(1)}\n" * 3_000)
    asked = read_files([str(file)], dry_run=True).of_ops["track_titles"]
    assert len(asked["notes"]) == 1_001
    assert asked["notes"][-1] == "… and 1,999 more notes."


def test_more_titles_than_any_shop_has_are_refused(tmp_path: Path) -> None:
    (file := tmp_path / "list.txt").write_text("\n".join(map(make_isbn, range(MOST_TITLES + 1))))
    with pytest.raises(click.BadParameter, match="50,001 titles are listed, and at most 50,000 are taken"):
        read_files([str(file)], dry_run=False)
