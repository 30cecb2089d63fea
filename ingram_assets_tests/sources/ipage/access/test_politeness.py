"""One limit, one pace and one breaker for all runs, on whichever machine."""

import multiprocessing
import os
import signal
import threading
import time
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingram_assets.domain.failures import Transient
from ingram_assets.domain.site_limits import Limits, pause_after
from ingram_assets.sources.ipage.access.cancellation import Canceled, Cancellation
from ingram_assets.sources.ipage.access.politeness import Politeness
from ingram_assets.sources.ipage.pages.page_failures import Blocked
from ingram_assets_tests.testing.shared_site import Shared

LIMITS = Limits(concurrency=2, pauses=(0.2, 30.0), longest_wait=5.0)


SITE = "http://site.example"


def polite(shared: Shared, limits: Limits = LIMITS, canceled: Cancellation | None = None) -> Politeness:
    return Politeness(shared(SITE).limits(limits), limits, canceled or Cancellation())


# The arithmetic.


@given(st.integers(1, 50), st.one_of(st.none(), st.floats(0, 1e9)))
def test_pauses_grow_and_what_the_site_asks_for_is_honored(level: int, retry_after: float | None) -> None:
    limits = Limits()
    pause = pause_after(level, retry_after, limits)
    assert pause >= limits.pauses[0]
    assert pause <= limits.max_pause
    assert pause >= min(retry_after or 0, limits.max_pause)
    assert pause_after(level + 1, None, limits) >= pause_after(level, None, limits)


# The pace and the slots.


def gap_of(shared: Shared) -> float:
    ((gap,),) = shared.queue.sql("SELECT gap FROM scraper.pace")
    return float(gap)


def test_the_gap_follows_the_sites_latency(shared: Shared) -> None:
    run = polite(shared, Limits(concurrency=8))
    for latency in (0.400, 4.0):
        with run.turn() as sent_at:
            for _ in range(20):
                run.answered(latency, sent_at)
        assert gap_of(shared) == pytest.approx(latency / 8 / 1.25, rel=0.01)


def test_the_gap_stays_within_its_limits_and_errors_never_speed_up(shared: Shared) -> None:
    limits, random = Limits(), Random(7)
    run, before = polite(shared, limits), 0.0
    with run.turn() as sent_at:
        pass
    for number in range(200):
        latency = random.choice([0.0, 0.01, 0.3, 20.0, 600.0])
        if number % 3:
            run.failed(latency, "status 503", sent_at)
            assert gap_of(shared) >= before
        else:
            run.answered(latency, sent_at)
        before = gap_of(shared)
        assert limits.min_gap <= before <= limits.max_gap


def test_starts_keep_their_distance_over_runs(shared: Shared) -> None:
    limits = Limits(min_gap=0.02)
    runs = [shared(SITE).limits(limits) for _ in range(2)]
    earliest, latest = [], []
    for number in range(30):
        before = time.monotonic()
        taken, _ = runs[number % 2].take(8, is_waiting=False)
        assert taken is not None
        earliest.append(before + taken.wait)
        latest.append(time.monotonic() + taken.wait)
        runs[number % 2].give_back(taken.slot)
    assert latest[-1] - earliest[0] >= 29 * limits.min_gap
    assert all(later - sooner >= limits.min_gap for sooner, later in zip(earliest, latest[1:], strict=False))


def test_two_runs_together_have_no_more_than_the_limit_in_flight(shared: Shared) -> None:
    limits = Limits(concurrency=3)
    runs = [polite(shared, limits), polite(shared, limits)]
    mutex, in_flight, most, served = threading.Lock(), 0, 0, [0, 0]
    stop = threading.Event()

    def work(run: int) -> None:
        nonlocal in_flight, most
        while not stop.is_set():
            with runs[run].turn():
                with mutex:
                    in_flight += 1
                    most = max(most, in_flight)
                    served[run] += 1
                time.sleep(0.01)
                with mutex:
                    in_flight -= 1
            if sum(served) >= 200:
                stop.set()

    threads = [threading.Thread(target=work, args=(number % 2,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 3
    assert min(served) > 0


def test_of_two_limits_the_lower_one_counts_for_both_until_nobody_has_it_any_more(shared: Shared) -> None:
    lower, higher = (shared(SITE).limits(Limits(concurrency=limit, min_gap=0.0)) for limit in (2, 4))

    def slots() -> int:
        taken = 0
        while (slot := higher.take(4, is_waiting=False)[0]) is not None:
            taken += 1
            assert slot.slot == taken
        for slot in range(taken):
            higher.give_back(slot + 1)
        return taken

    assert slots() == 4
    first, _ = lower.take(1, is_waiting=False)  # A slow start's one request at a time is no limit for others.
    assert first is not None
    lower.give_back(first.slot)
    assert slots() == 2
    shared.queue.sql("UPDATE scraper.pace SET fewest_at = fewest_at - INTERVAL '119 seconds'")
    assert slots() == 2
    shared.queue.sql("UPDATE scraper.pace SET fewest_at = fewest_at - INTERVAL '2 seconds'")
    assert slots() == 4


def test_a_short_run_gets_its_share_of_a_long_ones_slots(shared: Shared) -> None:
    limits = Limits(concurrency=1, min_gap=0.0)
    long_run, short_run = polite(shared, limits), polite(shared, limits)
    stop, turns = threading.Event(), 0

    def sweep() -> None:
        nonlocal turns
        while not stop.is_set():
            with long_run.turn():
                turns += 1
                time.sleep(0.001)

    sweeping = threading.Thread(target=sweep)
    sweeping.start()
    for _ in range(20):
        with short_run.turn():
            pass
    stop.set()
    sweeping.join()
    # Who has just had a slot queues up behind who waits for one; else it would be thousands.
    assert turns < 400


def _hold_all(shared: Shared, ready: "multiprocessing.synchronize.Event") -> None:
    run = polite(shared)
    turns = [run.turn(), run.turn()]
    for turn in turns:
        turn.__enter__()
    ready.set()
    signal.pause()


def test_a_killed_run_gives_its_slots_back(shared: Shared) -> None:
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    other = spawn.Process(target=_hold_all, args=(shared, ready))
    other.start()
    assert ready.wait(60)
    run = polite(shared)
    got = threading.Event()

    def ask() -> None:
        with run.turn():
            got.set()

    asking = threading.Thread(target=ask)
    asking.start()
    assert not got.wait(0.3)
    assert other.pid is not None
    os.kill(other.pid, signal.SIGKILL)
    other.join()
    assert got.wait(30)
    asking.join()


# The breaker.


def test_a_block_stops_every_run_and_the_pause_is_honored(shared: Shared) -> None:
    here, elsewhere = polite(shared), polite(shared)
    here.blocked("status 429", retry_after=3, sent_at=time.time())
    until = shared.left_alone_until(SITE)
    assert until is not None
    assert here.pause() is not None
    with elsewhere.turn() as sent_at:
        assert datetime.fromtimestamp(sent_at, UTC) >= until
    assert shared.left_alone_until(SITE) is None


def test_requests_that_were_on_their_way_belong_to_the_same_block(shared: Shared) -> None:
    run, before = polite(shared), time.time()
    for _ in range(8):
        run.blocked("a block page", None, sent_at=before)
    assert run.trips == 1
    assert run.given_up() is None


def test_after_three_blocks_a_run_gives_up_and_the_next_one_waits(shared: Shared) -> None:
    limits = Limits(pauses=(0.05, 0.1, 20.0, 40.0), longest_wait=5.0)
    run = polite(shared, limits)
    for _ in range(3):
        with run.turn() as sent_at:
            pass
        run.blocked("a block page", None, sent_at)
    with (
        pytest.raises(Blocked, match=r"blocked this run 3 times \(a block page\).*run again after"),
        run.turn(),
    ):
        pass
    # The next run honors what is open; a short pause it would sit out.
    with pytest.raises(Blocked, match="blocked an earlier run"), polite(shared, limits).turn():
        pass
    assert polite(shared, Limits(pauses=(60.0,))).given_up() is None
    # And a person can close it, for the next one.
    shared.queue.sql("DELETE FROM scraper.breakers")
    assert run.given_up() is not None
    with polite(shared, limits).turn():
        pass


def test_after_a_pause_one_request_goes_ahead(shared: Shared) -> None:
    run = polite(shared, Limits(concurrency=4, pauses=(0.1,)))
    run.blocked("a block page", None, sent_at=time.time())
    inside, release = threading.Semaphore(0), threading.Event()
    sent: list[float] = []

    def ask() -> None:
        with run.turn() as sent_at:
            sent.append(sent_at)
            inside.release()
            release.wait(30)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert inside.acquire(timeout=30)
    assert not inside.acquire(timeout=0.3)
    # The site answers it: the others follow.
    run.answered(0.01, sent[0])
    for _ in range(3):
        assert inside.acquire(timeout=30)
    release.set()
    for thread in threads:
        thread.join()


def test_a_long_quiet_time_makes_pauses_short_again(shared: Shared) -> None:
    limits = Limits(pauses=(0.01, 20.0), forget_after=0.0)
    for _ in range(3):
        run = polite(shared, limits)
        with run.turn() as sent_at:
            pass
        run.blocked("a block page", None, sent_at)
        time.sleep(0.02)
    assert run.given_up() is None


def test_a_site_that_is_down_ends_the_run(shared: Shared) -> None:
    run = polite(shared, Limits(max_failures_in_a_row=5))
    for _ in range(4):
        run.failed(0.1, "status 503", time.time())
    run.answered(0.1, time.time())
    assert run.given_up() is None
    for _ in range(5):
        run.failed(0.1, "status 503", time.time())
    with pytest.raises(Transient, match=r"5 answers in a row.*status 503"), run.turn():
        pass


def test_what_says_something_of_one_page_alone_is_neither_failure_nor_proof(shared: Shared) -> None:
    run = polite(shared, Limits(max_failures_in_a_row=5))
    for _ in range(100):
        run.set_aside(0.1, time.time())
    assert run.given_up() is None
    for _ in range(5):
        run.failed(0.1, "status 503", time.time())
        run.set_aside(0.1, time.time())
    assert isinstance(run.given_up(), Transient), "it does not break the row"


def test_after_a_pause_a_page_that_can_not_be_used_lets_the_others_through(shared: Shared) -> None:
    run = polite(shared, Limits(concurrency=2, pauses=(0.01,)))
    run.blocked("a block page", None, sent_at=time.time())
    with run.turn() as sent_at:
        run.set_aside(0.01, sent_at)
        entered = threading.Event()

        def ask() -> None:
            with run.turn():
                entered.set()

        asking = threading.Thread(target=ask)
        asking.start()
        assert entered.wait(10), "the wall is gone, though the page was no use"
    asking.join()


def test_every_wait_can_be_ended(shared: Shared) -> None:
    canceled = Cancellation()
    run = polite(shared, Limits(pauses=(4.0,), longest_wait=60.0), canceled)
    run.blocked("a block page", None, sent_at=time.time())
    threading.Timer(0.1, canceled.set).start()
    with pytest.raises(Canceled), run.turn():
        pass
