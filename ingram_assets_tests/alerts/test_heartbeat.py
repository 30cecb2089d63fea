"""The heartbeat over real HTTP, and when it is due."""

import contextlib
import logging
import socket
import threading
import time

import pytest

from ingram_assets.alerts.heartbeat import GoodSweep, HeartbeatState, call, next_beat
from ingram_assets.alerts.tables import AlertTables
from ingram_assets_tests.testing.webhook import webhook

NOW, PROMISED = 1_800_000_000.0, 7200.0
SECRET = "S3CRET-OF-THE-CHECK"


def test_a_watcher_is_asked_for_its_whole_address():
    with webhook() as hook:
        assert call(hook.heartbeat_url) is None
        assert hook.beats == [f"/ping/{SECRET}?status=up"]


def test_why_it_did_not_take_it_is_told_without_its_address(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG), webhook() as hook:
        hook.status = 404
        assert call(hook.heartbeat_url) == "it answered 404"
        hook.status = 200
        assert call(hook.heartbeat_url) is None
        hook.down()
        assert call(hook.heartbeat_url) == "it can't be reached (ConnectError)"
    assert SECRET not in caplog.text


def test_a_watcher_that_trickles_holds_nobody_up():
    """A byte now and then, so that no wait for the next one is long."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def trickle() -> None:
            asking, _ = listening.accept()
            with asking, contextlib.suppress(OSError):
                asking.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
                for _ in range(80):
                    asking.sendall(b"x")
                    time.sleep(0.1)

        threading.Thread(target=trickle, daemon=True).start()
        began = time.monotonic()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/x"
        assert call(url, 0.5) == "it did not answer in time"
        assert time.monotonic() - began < 5


class TestWhenItIsDue:
    def test_once_for_each_sweep(self):
        beat = next_beat(HeartbeatState(), GoodSweep(7, NOW - 60), NOW, PROMISED)
        assert beat == HeartbeatState(7, 1, NOW + 15)
        assert next_beat(HeartbeatState(7), GoodSweep(7, NOW - 60), NOW, PROMISED) is None
        assert next_beat(HeartbeatState(7), GoodSweep(9, NOW - 60), NOW, PROMISED) == HeartbeatState(
            9, 1, NOW + 15
        )

    def test_what_was_not_taken_is_tried_again_after_growing_pauses(self):
        sweep, beat, pauses = GoodSweep(7, NOW), HeartbeatState(), []
        now = NOW
        for _ in range(9):
            beat = next_beat(beat, sweep, now, PROMISED)
            assert beat is not None
            assert next_beat(beat, sweep, beat.again_at - 1, PROMISED) is None
            pauses.append(beat.again_at - now)
            now = beat.again_at
        assert pauses == [15, 30, 60, 120, 240, 480, 600, 600, 600]

    def test_a_new_sweep_does_not_wait_for_an_old_one_s_pause(self):
        assert next_beat(HeartbeatState(7, 5, NOW + 600), GoodSweep(8, NOW), NOW, PROMISED) == HeartbeatState(
            8, 1, NOW + 15
        )

    def test_no_sweep_and_one_from_long_ago_are_no_sign_of_life(self):
        assert next_beat(HeartbeatState(), None, NOW, PROMISED) is None
        assert next_beat(HeartbeatState(), GoodSweep(7, NOW - PROMISED - 1), NOW, PROMISED) is None


def test_how_far_it_is_outlives_the_process(tmp_path):
    url = f"sqlite:///{tmp_path / 'alerts.sqlite'}"
    assert AlertTables(url).heartbeat() == HeartbeatState()
    for beat in (HeartbeatState(7, 1, NOW), HeartbeatState(7), HeartbeatState(9, 2, NOW)):
        AlertTables(url).beat(beat)
        assert AlertTables(url).heartbeat() == beat
