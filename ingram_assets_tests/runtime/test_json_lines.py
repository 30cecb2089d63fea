"""Logs as JSON, of what Python, Dagster and servers really print."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingram_assets.runtime.child_logs import ChildLog
from ingram_assets.runtime.json_lines import JsonLines
from ingram_assets.runtime.processes import ChildFailed, Supervisor


def made(*chunks: bytes, ends: bool = True) -> list[dict[str, str]]:
    lines = JsonLines("desk")
    out = b"".join(lines.feed(chunk) for chunk in chunks) + lines.feed(b"", ends=ends)
    return [json.loads(line) for line in out.decode().splitlines()]


@pytest.mark.parametrize(
    ("line", "level", "message"),
    [
        (
            "2026-11-30 06:36:28,502 INFO Finished server process [16240]",
            "INFO",
            "Finished server process [16240]",
        ),
        (
            "\x1b[32m2026-11-30 06:36:28 +0000\x1b[0m - dagster.code_server - \x1b[34mINFO\x1b[0m - It began",
            "INFO",
            "It began",
        ),
        ("2026-11-30 06:36:30.640 UTC [16443] FATAL:  it ends", "FATAL", "it ends"),
        ("2026/11/30 06:31:33 ERROR : covers/: not empty", "ERROR", "covers/: not empty"),
        ("WARNING: careful", "WARNING", "careful"),
        ("nothing of the kind: ERROR", "INFO", "nothing of the kind: ERROR"),
        ("INFORMATION is no level", "INFO", "INFORMATION is no level"),
        ('{"level":"http","path":"/x"}', "INFO", '{"level":"http","path":"/x"}'),
    ],
)
def test_a_line_is_an_object(line: str, level: str, message: str):
    (one,) = made(f"{line}\r\n".encode())
    assert {**one, "time": ""} == {"time": "", "process": "desk", "level": level, "message": message}
    assert abs((datetime.now(UTC) - datetime.fromisoformat(one["time"])).total_seconds()) < 60


def test_a_traceback_has_the_level_of_its_error_and_halves_are_put_together():
    text = b"2026-11-30 06:36:28,502 ERROR It failed\nTraceback:\n  line\n\n2026-11-30 06:36:29,502 INFO On\n"
    said = [(one["level"], one["message"]) for one in made(*(bytes([one]) for one in text))]
    assert said == [("ERROR", "It failed"), ("ERROR", "Traceback:"), ("ERROR", "  line"), ("INFO", "On")]


def test_what_has_no_end_and_what_is_no_text_is_kept():
    assert [one["message"] for one in made(b"half")] == ["half"]
    assert made(b"half", ends=False) == []
    assert made(b"\xff\n")[0]["message"] == "\ufffd"
    assert sum(len(one["message"]) for one in made(b"x" * 200_000, ends=False)) == 200_000


def test_a_child_s_log(tmp_path: Path):
    code = "import sys; print('2026-11-30 06:36:28,502 WARNING low'); sys.stdout.write('half'); sys.exit(3)"
    with Supervisor(tmp_path, json_logs=True) as supervisor, pytest.raises(ChildFailed) as told:
        supervisor.start(
            "child", [sys.executable, "-c", code], env={"PATH": os.environ["PATH"]}, ready=lambda: False
        )
    assert "half" in str(told.value), "people read text"
    said = [json.loads(line) for line in (tmp_path / "logs/child.log").read_text().splitlines()]
    assert [(one["process"], one["level"], one["message"]) for one in said] == [
        ("child", "WARNING", "low"),
        ("child", "WARNING", "half"),
    ]


def test_what_could_not_be_written_is_counted_in_an_object(tmp_path: Path):
    log = ChildLog(tmp_path / "x" / "x.log", as_json=True)
    log.file.unlink()
    log.file.parent.rmdir()
    log.file.parent.write_text("in the way")
    log.write(b"lost\n")
    log.file.parent.unlink()
    log.write(b"kept\n")
    lost, kept = (json.loads(line)["message"] for line in log.file.read_text().splitlines())
    assert lost.endswith("bytes before this could not be written.)")
    assert kept == "kept"
