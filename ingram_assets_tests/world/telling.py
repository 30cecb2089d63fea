"""What people have to be told, written down a second time: whatever is wrong once, and once its end."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingram_assets_tests.world.clock import HOUR, MINUTE
from ingram_assets_tests.world.promises import Broken
from ingram_assets_tests.world.watch import RETRY_AFTER, SLA, Told

if TYPE_CHECKING:
    from ingram_assets_tests.world.world import World

OVERDUE = "sla broken"
LAGS = "the store lags behind the queue"
LEFT_BEHIND = "titles are left behind: sweeps come through, but do not read them"
BLOCKED = "ipage blocks us"
SIGN_IN = "the sign-in to ipage needs a person"
SWEEP_STOPPED = "a guardrail stopped the stock sweep"
PUSH_STOPPED = "a guardrail stopped the push to the store"
PUSH_FAILS = "a run failed for good: the push to the store"
WAITS_FOR_A_PERSON = "a person has to act: the push to the store can't go on"
SILENT = {
    "stock_promise": "nobody looks whether titles are read in time",
    "store_promise": "nobody looks whether the store follows the queue",
}

PRICES_GONE = "prices can't be read on many pages"
PAGES_CHANGED = "ipage's pages have changed: "
SWEEPS_TO_TELL = 3
"""Complete sweeps after which it is known that a label is gone, or back: a small shop's are added up."""

TOLD_WITHIN = 15 * MINUTE
TOLD_LATER = {**dict.fromkeys(SILENT.values(), 30 * MINUTE), LEFT_BEHIND: 3 * HOUR}
"""Within which something is told, or its end, once it is so."""


@dataclass(slots=True)
class Wrong:
    """Whether something is wrong, as far as it can be said, and since when."""

    holds: bool | None = None
    since: float = 0.0

    def note(self, holds: bool | None, now: float) -> None:
        if holds is not self.holds:
            self.holds, self.since = holds, now


@dataclass(slots=True)
class Telling:
    """What people know.

    Attributes:
        known: what they were told is wrong, and was not told to be over; since when.
        wrong: what is.
    """

    known: dict[str, float] = field(default_factory=dict)
    wrong: dict[str, Wrong] = field(default_factory=dict)
    _heard: int = 0

    def listen(self, world: "World") -> None:
        """What was told since the last tick, and what is wrong now.

        Raises:
            Broken: something was told twice, or was over that nobody had been told.
        """
        told = world.watch.told[self._heard :]
        self._heard += len(told)
        for one in told:
            self._hear(world, one)
        for what, holds in _wrong(world):
            self.wrong.setdefault(what, Wrong()).note(holds, world.clock.now)

    def _hear(self, world: "World", one: Told) -> None:
        subject = one.alert.subject.lower().replace(WAITS_FOR_A_PERSON, PUSH_FAILS)
        if PAGES_CHANGED in subject and "price" in subject:
            subject = subject[: subject.index(PAGES_CHANGED)] + PRICES_GONE
        if one.alert.tone == "failure":
            what = OVERDUE if subject.startswith(OVERDUE) else subject
            if what in self.known:
                raise Broken("what is wrong is told once", f"{subject}, at {world.when(one.at)} again")
            self.known[what] = one.at
            self._is_so(world, what)
        elif one.alert.tone == "success":
            what = OVERDUE if subject.startswith("sla met again") else subject.removeprefix("over: ")
            if self.known.pop(what, None) is None:
                raise Broken("what is over is told once", f"{subject}, at {world.when(one.at)}")

    def _is_so(self, world: "World", what: str) -> None:
        """That nobody looks is told of a check that is switched off, and of no other."""
        off = [world.watch.checks_off.get(sensor, 0.0) for sensor, silent in SILENT.items() if silent == what]
        if off and off[0] < world.clock.now - TOLD_WITHIN:
            raise Broken("nothing is told that is not so", f"{what}, at {world.when(world.clock.now)}")


def what_is_wrong_is_told(world: "World") -> None:
    """Whatever is wrong for longer, somebody was told; of whatever is over for longer, that it is."""
    now, telling = world.clock.now, world.telling
    for what, wrong in telling.wrong.items():
        since = max(wrong.since, world.watch.away_until)
        if wrong.holds is None or now - since < TOLD_LATER.get(what, TOLD_WITHIN):
            continue
        # A push may be stopped by one guardrail after the other: each is told for itself.
        is_known = any(one.startswith(what) for one in telling.known)
        if wrong.holds and not is_known:
            raise Broken("what is wrong is told", f"{what}, since {world.when(wrong.since)}")
        if not wrong.holds and is_known:
            raise Broken("that it is over is told", f"{what}, over since {world.when(wrong.since)}")


def nothing_is_left_to_be_told(world: "World") -> None:
    """When all is as it should be, nothing that was told stands open."""
    still = {LEFT_BEHIND} if world.scraper.stale().titles else set()
    # Titles that lost a center, or their table, for good may be so many that it is no chance.
    gone = {name for name in world.scraper.fields.drops if name != "list price"}
    for what, since in world.telling.known.items():
        if what not in still and not (
            what.startswith(PAGES_CHANGED) and any(name.lower() in what for name in gone)
        ):
            raise Broken("that it is over is told", f"{what}, told at {world.when(since)}")


def _wrong(world: "World") -> Iterator[tuple[str, bool | None]]:
    """What is wrong now; `None` where it can't be said."""
    now, scraper, watch = world.clock.now, world.scraper, world.watch
    swept_at = scraper.swept_at
    yield OVERDUE, None if swept_at is None else now - swept_at > SLA
    for sensor, what in SILENT.items():
        yield what, watch.checks_off.get(sensor, 0.0) > now
    looks_at = {sensor: watch.checks_off.get(sensor, 0.0) <= now for sensor in SILENT}
    yield LAGS, bool(world.storefront.lag().behind) if looks_at["store_promise"] else None
    stale = bool(scraper.stale().titles)
    is_fresh = swept_at is not None and now - swept_at < SLA
    may_be_left = is_fresh if stale else False
    yield LEFT_BEHIND, (may_be_left or None if stale else False) if looks_at["stock_promise"] else None
    yield BLOCKED, "block" in scraper.stopped_by
    yield SIGN_IN, "sign_in" in scraper.stopped_by
    yield PRICES_GONE, _prices_gone(world)
    yield SWEEP_STOPPED, "guardrail" in scraper.stopped_by
    yield from _of_pushes(world)


def _prices_gone(world: "World") -> bool | None:
    site = world.site
    swept = sum(sweep.began >= site.prices_since for sweep in world.scraper.completed)
    return None if swept < SWEEPS_TO_TELL else bool(site.prices_gone_until)


def _of_pushes(world: "World") -> Iterator[tuple[str, bool | None]]:
    """What the last pushes mean."""
    ended = world.storefront.ended
    stopped: bool | None = False
    failing: list[float] = []
    for ran in reversed(ended):
        if ran.state == "succeeded" and ran.isbns is None:
            # While pages can't be trusted, it may have come through for want of anything to write.
            doubted = any(since <= ran.at <= until for since, until in world.excuses.site.spans)
            stopped = None if doubted else stopped
            break
        if ran.reason.startswith("stopped"):
            stopped = True if stopped is False else None
            break
        # Of a push of some titles it may be, and may be not, that the guardrails looked at all.
        stopped = None if ran.state == "succeeded" else stopped
    for ran in reversed(ended):
        if ran.state == "succeeded":
            break
        if not ran.reason.startswith("stopped"):
            failing.append(ran.at)
    yield PUSH_STOPPED, stopped
    patience = 2 * sum(RETRY_AFTER)
    tries_used_up = len(failing) > len(RETRY_AFTER) + 1
    needs_person = bool(ended) and ended[-1].reason.startswith("a person has to act")
    is_long = bool(failing) and world.clock.now - failing[-1] > patience
    yield PUSH_FAILS, True if tries_used_up or is_long or needs_person else None if failing else False
