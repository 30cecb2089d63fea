"""What a page shows of a system that is slow, away, or back again."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from ingram_assets.desk.pages import last_known
from ingram_assets.desk.pages.last_known import LastKnown
from ingram_assets.domain.failures import Permanent, Transient


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(last_known, "WAIT_SECONDS", 0.2)
    monkeypatch.setattr(last_known, "SHORT_SECONDS", 0.1)
    looks = LastKnown("Medusa")
    yield looks
    looks.close()


def away() -> str:
    raise Transient("down")


def test_an_answer_is_asked_for_each_time(known: LastKnown):
    answers = iter("ab")
    assert known.ask("q", lambda: next(answers)).value == "a"
    again = known.ask("q", lambda: next(answers))
    assert (again.value, again.why_not) == ("b", None)


def test_one_that_is_fresh_enough_is_given_again(known: LastKnown):
    known.ask("q", lambda: "a")
    assert known.ask("q", away, fresh_for=timedelta(hours=1)).value == "a"
    assert known.ask("another", lambda: "b", fresh_for=timedelta(hours=1)).value == "b"


def test_the_last_answer_is_shown_with_its_time_where_none_comes(known: LastKnown):
    assert known.ask("q", away).value is None
    first = known.ask("q", lambda: "a")
    shown = known.ask("q", away)
    assert (shown.value, shown.at, shown.why_not) == ("a", first.at, "Medusa does not answer.")
    back = known.ask("q", lambda: "b")
    assert (back.value, back.why_not) == ("b", None)


def test_a_slow_question_is_put_once_and_its_answer_shown_when_it_came(
    known: LastKnown, eventually: Callable[..., None]
):
    go, asked = threading.Event(), []

    def slow() -> str:
        asked.append(1)
        go.wait(30)
        return "late"

    for _ in range(3):
        shown = known.ask("q", slow)
        assert shown.value is None
        assert "has not answered in time" in (shown.why_not or "")
    assert len(asked) == 1
    assert known.ask("another", lambda: "quick").value == "quick", "others are answered meanwhile"
    go.set()
    eventually(lambda: known.ask("q", slow).value == "late", seconds=30)


def test_an_answer_that_came_too_late_is_of_its_own_time(known: LastKnown, eventually: Callable[..., None]):
    """It is what the store said then. Who asks later gets what it says now."""
    go = threading.Event()

    def slow() -> str:
        go.wait(30)
        return "then"

    assert known.ask("q", slow).why_not
    go.set()
    eventually(lambda: known.last("q").value == "then", seconds=30)
    assert known.ask("q", lambda: "now").value == "now"
    shown = known.ask("q", away)
    assert shown.value == "now"


def test_an_answer_is_of_the_time_when_it_was_asked_for(known: LastKnown):
    """What changed while a slow system worked may not be in it: it does not count as fresh."""

    def slow() -> datetime:
        time.sleep(0.1)
        return datetime.now(UTC)

    first = known.ask("q", slow)
    assert first.value
    assert first.at
    assert first.value - first.at >= timedelta(seconds=0.1)
    assert known.ask("q", slow, fresh_for=timedelta(seconds=0.1)).value != first.value


def test_what_was_asked_before_a_write_is_not_kept_after_it(known: LastKnown):
    go, answered = threading.Event(), threading.Event()

    def slow() -> str:
        go.wait(30)
        answered.set()
        return "before"

    assert known.ask("q", slow).why_not
    known.forget()
    assert known.ask("q", lambda: "after").value == "after"
    go.set()
    assert answered.wait(30)
    assert known.ask("q", away).value == "after"


def test_what_is_not_there_is_no_outage(known: LastKnown):
    known.ask("q", lambda: "a")

    def gone() -> str:
        raise Permanent("There is no such entry.")

    with pytest.raises(Permanent, match="no such entry"):
        known.ask("q", gone)


def test_after_a_write_nothing_counts_as_fresh(known: LastKnown):
    known.ask("q", lambda: "a", fresh_for=timedelta(hours=1))
    known.forget()
    assert known.ask("q", lambda: "b", fresh_for=timedelta(hours=1)).value == "b"
