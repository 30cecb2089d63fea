"""The session that a process shares what it knows by: lost and made anew, its locks and its rights."""

import os
import signal
import threading

import psycopg
import pytest

from ingram_assets.coordination.connection import Coordinator
from ingram_assets.domain.failures import NeedsPerson, Transient
from ingram_assets.domain.site_limits import Limits
from ingram_assets_tests.testing.shared_site import Shared

SITE = "http://site.example"
LIMITS = Limits(concurrency=2, min_gap=0.0)


def cut_off(shared: Shared) -> None:
    """As a server that is restarted, or a network that loses a connection."""
    shared.queue.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ingram_queue_writer'"
    )


def test_a_lost_connection_is_made_anew_within_the_call(shared: Shared):
    limits = shared(SITE).limits(LIMITS)
    assert limits.look().breaker.trips == 0
    cut_off(shared)
    assert limits.look().breaker.trips == 0


def test_what_a_lost_session_held_is_free_for_others_and_not_for_itself(shared: Shared):
    """It has a request on its way still: of its own limit it counts for one until that is over."""
    one, other = (shared(SITE).limits(LIMITS) for _ in range(2))
    taken = [one.take(2, is_waiting=False)[0] for _ in range(2)]
    assert other.take(2, is_waiting=False)[0] is None
    cut_off(shared)
    assert one.take(2, is_waiting=False)[0] is None
    first, second = taken
    assert first is not None
    assert second is not None
    assert other.take(2, is_waiting=False)[0] is not None
    one.give_back(first.slot)
    one.give_back(second.slot)
    assert one.take(2, is_waiting=False)[0] is not None, "the slot that nobody has"
    assert one.take(2, is_waiting=False)[0] is None


def test_to_give_back_what_a_lost_session_held_raises_nothing_and_frees_nothing_of_others(shared: Shared):
    one, other = (shared(SITE).limits(LIMITS) for _ in range(2))
    taken, _ = one.take(1, is_waiting=False)
    assert taken is not None
    cut_off(shared)
    assert other.take(1, is_waiting=False)[0] is not None
    one.give_back(taken.slot)
    assert one.take(1, is_waiting=False)[0] is None


def test_a_lock_has_one_holder_of_all_threads_and_runs(shared: Shared):
    one, other = shared(SITE).coordinator, shared(SITE).coordinator
    assert one.take("session/x")
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(one.take("session/x")))
    thread.start()
    thread.join()
    assert found == [False]
    assert not other.take("session/x")
    one.give_back("session/x")
    assert other.take("session/x")


def test_after_the_end_of_a_run_nothing_is_asked(shared: Shared):
    one = shared(SITE)
    assert one.coordinator.take("a")
    one.close()
    one.close()
    one.coordinator.give_back("a")
    with pytest.raises(Transient, match="The run ends"):
        one.limits(LIMITS).look()
    assert shared(SITE).coordinator.take("a")


def test_it_is_the_writers_alone(shared: Shared):
    for statement in ("SELECT * FROM scraper.sessions", "SELECT scraper.lock_key('x')"):
        with (
            psycopg.connect(shared.queue.reader) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement)
    with (
        psycopg.connect(shared.queue.writer) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("CREATE TABLE scraper.mine (a INT)")


def test_a_database_that_is_not_migrated_is_said(shared: Shared):
    shared.queue.sql("ALTER SCHEMA scraper RENAME TO elsewhere")
    try:
        with pytest.raises(NeedsPerson, match=r"ingram queue migrate"):
            shared(SITE).limits(LIMITS).look()
    finally:
        shared.queue.sql("ALTER SCHEMA elsewhere RENAME TO scraper")


def test_a_server_that_says_nothing_any_more_is_left(shared: Shared, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ingram_assets.coordination.connection._SECONDS", 0.5)
    coordinator = Coordinator(shared.queue.writer)
    ((pid,),) = coordinator.rows("ask who answers", "SELECT pg_backend_pid()")
    os.kill(pid, signal.SIGSTOP)
    try:
        # The second try has a session of its own, which answers.
        ((other,),) = coordinator.rows("ask who answers", "SELECT pg_backend_pid()")
        assert other != pid
    finally:
        os.kill(pid, signal.SIGCONT)
        coordinator.close()
