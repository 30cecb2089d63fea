"""A new session's first pages go one at a time, and more at once as they are read well."""

import itertools
from collections.abc import Callable

from ingram_assets.domain.site_file import parse_site_file
from ingram_assets.domain.site_limits import SLOW_START, Limits, at_most_after
from ingram_assets.sources.ipage.profile.site_profile import profile_with
from ingram_assets.sources.ipage.site import FetchOutcome, Site
from ingram_assets_tests.testing.shared_site import Shared
from ingram_demo.simulator import Simulator

OpenSite = Callable[..., Site]


def test_it_widens_with_each_step_and_ends() -> None:
    allowed = [at_most_after(pages) for pages in range(SLOW_START[-1][0] + 1)]
    assert allowed == [1] * 5 + [2] * 15 + [4] * 40 + [None]


def test_all_runs_count_together_and_another_session_begins_anew(shared: Shared) -> None:
    first, second = (shared("http://one.example").limits(Limits()) for _ in range(2))
    for one, _ in zip(itertools.cycle([first, second]), range(SLOW_START[-1][0]), strict=False):
        one.count_page("a")
    assert [first.pages_read("a"), second.pages_read("a")] == [60, 60]
    assert first.pages_read("b") == 0
    assert first.count_page("b") == 1
    assert second.pages_read("b") == 1
    assert shared("http://two.example").limits(Limits()).pages_read("b") == 0, "another site's are its own"


def test_two_machines_with_a_session_each_both_come_to_an_end_of_it(shared: Shared) -> None:
    one, other = (shared("http://one.example").limits(Limits()) for _ in range(2))
    for _ in range(SLOW_START[-1][0]):
        one.count_page("a")
        other.count_page("b")
    assert [at_most_after(one.pages_read("a")), at_most_after(other.pages_read("b"))] == [None, None]
    shared.queue.sql(
        "UPDATE scraper.slow_starts SET counted_at = counted_at - INTERVAL '25 hours' WHERE session = 'a'"
    )
    other.count_page("c")
    assert {*shared.queue.sql("SELECT session, pages FROM scraper.slow_starts")} == {("b", 60), ("c", 1)}


def in_flight(sim: Simulator) -> list[int]:
    """Product pages in flight, with itself, when each was asked for."""
    log = [entry for entry in sim.requests()["log"] if entry["kind"] == "product"]
    return [
        sum(other["started"] <= entry["started"] < other["ended"] for other in log)
        for entry in sorted(log, key=lambda entry: entry["started"])
    ]


def test_a_sweep_widens_and_the_next_one_begins_at_full_width(sim: Simulator, open_site: OpenSite) -> None:
    sim.set(latency_ms=30)
    isbns = sim.isbns()
    cookie = sim.signed_in_cookie()
    first = list(open_site(sim, session_cookie=cookie).read_products(isbns * 3))
    assert {reading.outcome for reading in first} == {FetchOutcome.ok}
    seen = in_flight(sim)
    assert max(seen[:5]) == 1
    assert max(seen[5:18]) == 2
    assert max(seen[20:55]) <= 4
    assert max(seen) > 4
    sim.reset_requests()
    list(open_site(sim, session_cookie=cookie).read_products(isbns[:12]))
    assert max(in_flight(sim)) > 4


def test_a_changed_site_file_begins_anew(sim: Simulator, open_site: OpenSite) -> None:
    sim.set(latency_ms=30)
    cookie = sim.signed_in_cookie()
    list(open_site(sim, session_cookie=cookie).read_products(sim.isbns() * 2))
    sim.reset_requests()
    changed = profile_with(parse_site_file(b'[labels]\nprice = ["ladenpreis"]\n', sim.url))
    list(open_site(sim, session_cookie=cookie, profile=changed).read_products(sim.isbns()[:8]))
    assert max(in_flight(sim)[:5]) == 1


def test_pages_that_are_not_understood_widen_nothing(sim: Simulator, open_site: OpenSite) -> None:
    sim.set(latency_ms=20)
    sim.fault("layout", layout="counts_in_words")
    list(open_site(sim).read_products(sim.isbns()[:30]))
    assert max(in_flight(sim)) == 1
