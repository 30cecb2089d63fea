"""What has to hold of how the site is asked: sessions, sign-ins and the pace."""

import itertools
from collections import Counter
from typing import TYPE_CHECKING

from ingram_assets.sources.ipage.access.answers import FetchOutcome
from ingram_assets_tests.world.clock import DAY, HOUR
from ingram_assets_tests.world.promises import Broken

if TYPE_CHECKING:
    from ingram_assets_tests.world.world import World

IN_FLIGHT, MIN_GAP = 8, 0.002
"""Requests on their way at once, and seconds between two starts, over all runs of the machine."""
SIGN_INS_OF_A_RUN, PAGES_A_SIGN_IN = 12, 5
"""Ten, and two that failed; and one more for every so many pages."""
IN_VAIN = 5
"""Sign-ins of a run that reads nothing: some that fail, and two that bring no page."""
RUNS_LOOKED_AT = 30
"""The last ones: more than an hour has, so that none is missed while it is at work."""
SIGN_INS_OF_AN_HOUR = 24
"""Beside those that pages were read with. A run that failed is started again after 5 minutes and after 15,
then after an hour, and people have titles read."""


def check(world: "World") -> None:
    """All that has to hold now of what was asked since the last time.

    Raises:
        Broken: something does not.
    """
    a_session_that_ends_costs_no_page(world)
    a_session_that_lives_is_kept(world)
    a_refused_password_is_not_tried_again(world)
    no_storm_of_sign_ins(world)
    no_more_requests_than_allowed(world)
    del world.scraper.asking[:-RUNS_LOOKED_AT]


def a_session_that_ends_costs_no_page(world: "World") -> None:
    """Where the site says so, the page is read with the next one."""
    for reads in world.scraper.asking:
        for one in reads.found:
            at = one.observed_at.timestamp()
            if one.outcome is FetchOutcome.expired and not world.excuses.site.was_on(at):
                raise Broken(
                    "a session that ends costs no page", f"{world.name(one.isbn)}, at {world.when(at)}"
                )


def a_session_that_lives_is_kept(world: "World") -> None:
    """An end costs one sign-in, and what only looks like an end costs none."""
    for one in world.site.sign_ins:
        if one.needless:
            raise Broken("one sign-in for each end", f"at {world.when(one.at)} the session lived")


def a_refused_password_is_not_tried_again(world: "World") -> None:
    """Once a day at most: some tries more lock the account."""
    last: dict[str, float] = {}
    for one in world.site.sign_ins:
        if one.refused and one.at - last.get(one.password, -DAY) < DAY:
            raise Broken("a refused password is not tried again", f"it was, at {world.when(one.at)}")
        if one.refused:
            last[one.password] = one.at


def no_storm_of_sign_ins(world: "World") -> None:
    """Neither in a run nor in an hour, whatever the site does with its sessions."""
    for reads in world.scraper.asking:
        read = Counter(one.outcome for one in reads.found)[FetchOutcome.ok]
        most = SIGN_INS_OF_A_RUN + read / PAGES_A_SIGN_IN if read else IN_VAIN
        if reads.sign_ins > most:
            raise Broken("no storm of sign-ins", f"a run made {reads.sign_ins}, and read {read} pages")
    since = world.clock.now - HOUR
    lately = sum(one.at > since for one in world.site.sign_ins)
    pages = sum(page.at > since for pages in world.site.served.values() for page in pages[-60:])
    if lately > SIGN_INS_OF_AN_HOUR + pages / PAGES_A_SIGN_IN:
        raise Broken("no storm of sign-ins", f"{lately} in an hour, in which {pages} pages came")


def no_more_requests_than_allowed(world: "World") -> None:
    """Of several runs at once: together they are no less polite than one."""
    flights = sorted(world.site.flights)
    for (one, _), (other, _) in itertools.pairwise(flights):
        if other - one < MIN_GAP - 1e-5:
            raise Broken("no more requests than allowed", f"two within {other - one:.4f} s")
    for at, _ in flights:
        together = sum(sent <= at < answered for sent, answered in flights)
        if together > IN_FLIGHT:
            raise Broken("no more requests than allowed", f"{together} at once, at {world.when(at)}")
    world.site.flights.clear()
