"""What `ingram demo` tells the person who watches it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from unittest.mock import MagicMock, Mock

import pytest

from ingram_assets.overview.run_results import RunResult
from ingram_demo import show
from ingram_demo.show import DemoFailed, run_demo, tell_log


@pytest.fixture
def told() -> Iterator[list[str]]:
    loggers = [logging.getLogger(name) for name in ("ingram_assets", "ingram_demo")]
    before = [(list(each.handlers), each.propagate, each.level) for each in loggers]
    lines: list[str] = []
    tell_log(lines.append)
    yield lines
    for each, (handlers, propagate, level) in zip(loggers, before, strict=True):
        each.handlers, each.propagate = handlers, propagate
        each.setLevel(level)


def test_what_is_installed_and_what_was_brought_back_is_told_once_each(told: list[str]):
    logging.getLogger("ingram_demo.embedded.tools").info("%s", "Installing Medusa's npm packages")
    logging.getLogger("ingram_assets.runtime.processes").warning("%s is started again, pid %s", "daemon", 7)
    logging.getLogger("ingram_assets.staging.writer").info("nothing for a person")
    assert told == ["  Installing Medusa's npm packages", "  daemon is started again, pid 7"]


def test_dagsters_tries_to_reach_its_database_are_no_lines_for_a_person(
    told: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    @contextmanager
    def starting(*_: object, **__: object) -> Iterator[None]:
        logging.warning("Retrying failed database connection: (psycopg2.OperationalError) refused")
        logging.warning("Something else")
        raise DemoFailed("That was all.")
        yield

    monkeypatch.setattr(show, "running_stack", starting)
    with pytest.raises(DemoFailed):
        run_demo(once=True, has_workers=False, as_json=False)
    assert caplog.messages == ["Something else"]


def test_its_own_runs_are_the_demo_s(monkeypatch: pytest.MonkeyPatch):
    asked: list[str | None] = []

    def launch(server: object, job: str, config: object, *, asked_by: str | None = None) -> str:
        asked.append(asked_by)
        return "run-1"

    monkeypatch.setattr(show, "code_server", lambda *_: nullcontext())
    monkeypatch.setattr(show, "launch", launch)
    monkeypatch.setattr(show, "follow", lambda *_: RunResult("run-1", True, [], None, None, None, 1.0))
    monkeypatch.setattr(show, "summarize", lambda *_: {})
    show.bring_through(Mock(), Mock(get_run_step_stats=lambda _: []), MagicMock(total=1.0))
    assert asked == ["the demo", "the demo"]
