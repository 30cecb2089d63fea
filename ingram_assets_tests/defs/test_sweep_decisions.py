"""When the sweep is due, and which titles may be retired, as tables of cases."""

import base64
from xml.etree import ElementTree

import pytest

from ingram_assets.defs.scraper.decisions import (
    PastTries,
    RetrySchedule,
    RunAtWork,
    due,
    keeps_from_retiring,
    titles_to_read,
)
from ingram_assets.defs.scraper.stock_plot import extended, plot

A, B = "9780306406157", "9781639739134"
MINUTE, HOUR = 60.0, 3600.0
HOURLY = RetrySchedule(every=HOUR, waits=(5 * MINUTE, 15 * MINUTE), rest=HOUR)


class TestDue:
    @pytest.mark.parametrize(
        ("past", "minutes", "expected"),
        [
            (PastTries(), 0, True),
            (PastTries(last_success=0), 59, False),
            (PastTries(last_success=0), 60, True),
            (PastTries(in_progress=True), 0, False),
            (PastTries(last_success=0, in_progress=True), 600, False),
            # A failed one: after 5 minutes, then after 15, then when the first try is an hour old.
            (PastTries(failures=(0,)), 4.9, False),
            (PastTries(failures=(0,)), 5, True),
            (PastTries(failures=(0, 5)), 19.9, False),
            (PastTries(failures=(0, 5)), 20, True),
            (PastTries(failures=(0, 5, 20)), 59.9, False),
            (PastTries(failures=(0, 5, 20)), 60, True),
            (PastTries(failures=(5, 20, 60)), 64.9, False),
            (PastTries(failures=(5, 20, 60)), 65, True),
            # Tries that took long do not make the next one follow at once.
            (PastTries(failures=(0, 58, 59)), 63.9, False),
            (PastTries(failures=(0, 58, 59)), 64, True),
            # A failure by hand within the hour asks for nothing before the hour is over.
            (PastTries(last_success=0, failures=(20,)), 30, False),
            (PastTries(last_success=0, failures=(20,)), 60, True),
            (PastTries(last_success=0, failures=(58,)), 60, False),
        ],
    )
    def test_the_schedule(self, past, minutes, expected):
        failures = tuple(at * MINUTE for at in past.failures)
        past = PastTries(past.last_success, failures, past.in_progress)
        decision = due(past, HOURLY, minutes * MINUTE)
        assert decision.now is expected
        assert decision.reason

    def test_a_block_is_waited_out(self):
        decision = due(PastTries(), HOURLY, now=0, left_alone_until=1.0)
        assert decision.reason == "iPage blocked us: it is left alone until 00:00 UTC."
        assert not decision.now
        assert due(PastTries(), HOURLY, now=1.0, left_alone_until=1.0).now

    def test_nothing_to_do(self):
        decision = due(PastTries(), HOURLY, now=0, nothing_to_do="No title is tracked yet.")
        assert (decision.now, decision.reason) == (False, "No title is tracked yet.")

    def test_early(self):
        assert due(PastTries(last_success=0), HOURLY, now=1, early="New titles.").reason == "New titles."
        failed = PastTries(last_success=0, failures=(1,))
        assert not due(failed, HOURLY, now=2, early="New titles.").now, "a failure is waited for all the same"

    def test_without_waits_a_failure_rests(self):
        schedule = RetrySchedule(every=HOUR, waits=(), rest=HOUR)
        assert not due(PastTries(failures=(0,)), schedule, now=HOUR - 1).now
        assert due(PastTries(failures=(0,)), schedule, now=HOUR).now

    @pytest.mark.parametrize(
        ("past", "now", "words"),
        [
            (PastTries(last_success=0), 50 * MINUTE, "Made 50 min ago: due again in 10 min."),
            (PastTries(failures=(0,)), MINUTE, "The last try failed; the next is due in 4 min."),
            (PastTries(failures=(0, 300)), 301, "2 tries failed; the next is due in 15 min."),
        ],
    )
    def test_it_says_why_not(self, past, now, words):
        assert due(past, HOURLY, now).reason == words


def test_new_titles_wait_for_the_first_sweep_which_reads_them_anyway():
    decision = titles_to_read([A, B], read=[], asked=[], reading=False, swept=False)
    assert (decision.isbns, decision.asked) == ((), frozenset())
    assert decision.reason == "2 new titles; the first sweep reads them."


@pytest.mark.parametrize(
    ("isbns", "queued", "held"),
    [
        ({A}, False, {A}),
        ({A}, True, {A}),  # It would bring the title back.
        ({B}, False, set()),
        (None, False, {A}),
        (None, True, set()),  # It will find the title gone.
    ],
)
def test_what_keeps_a_title_from_being_retired(isbns, queued, held):
    run = RunAtWork("1", "enrich", None if isbns is None else frozenset(isbns), queued)
    assert keeps_from_retiring([A], [run]).keys() == held


class TestHistory:
    def test_changes_alone_are_kept(self):
        history: list[tuple[int, int]] = []
        for at, on_hand in ((0, 5), (60, 5), (120, None), (180, 3), (240, 3)):
            history = extended(history, at, on_hand)
        assert history == [(0, 5), (180, 3)]

    def test_the_last_of_many_are_kept(self):
        history: list[tuple[int, int]] = []
        for at in range(200):
            history = extended(history, at, at)
        assert (len(history), history[-1]) == (60, (199, 199))

    @pytest.mark.parametrize("history", [[(0, 0), (60, 0)], [(0, 5)], [(0, 5), (60, 1_000_000)]])
    def test_the_picture_is_a_picture(self, history):
        written = plot(history, until=60, title="A [b](c) <d>")
        assert written.startswith("![copies of A b(c) d on hand](data:image/svg+xml;base64,")
        drawing = base64.b64decode(written.split("base64,")[1].removesuffix(")")).decode()
        assert ElementTree.fromstring(drawing).tag.endswith("svg")
        assert f"{max(1, *(copies for _, copies in history)):,}" in drawing
