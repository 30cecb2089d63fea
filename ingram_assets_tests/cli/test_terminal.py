"""What is printed to a pipe: a line for each row; and in which zone times are told."""

import pytest

from ingram_assets.cli.terminal import print_table, say


def test_a_row_is_one_line_in_a_pipe_whatever_its_length(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    rows = [(1187, "2026-11-29 16:40", "word " * 100), (1188, "2026-11-29 16:41", "short")]
    print_table(rows, "line", "time", "who and why")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[1].split("  ")[:2] == ["1,187", "2026-11-29 16:40"]
    assert lines[1].count("word") == 100


def test_what_is_said_to_a_person_is_in_the_shop_s_zone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORE_TIME_ZONE", "Asia/Tokyo")
    say("Next:     due 2026-11-29 16:48:03 UTC.")
    assert capsys.readouterr().out == "Next:     due 2026-11-30 01:48 JST.\n"
