"""What the scraper's sensors decide, as values: no Dagster, no clock, no network."""

import random
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

CLOCKS_DIFFER = 300.0
"""Seconds by which the clocks of honest machines may differ."""

OLD_NEWS_AFTER = 24 * 3600.0
"""Seconds after which a title that can't be read any more is no sudden change of the site's."""

WITNESS_EVERY = 5
"""At the head of a sweep every fifth title is one that was read lately: where the others can't be read, it
tells whether the site can."""


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """How often an asset is made, and when a failed try is followed by another. In seconds.

    Args:
        every: from one success to the next.
        waits: after the first, second, … failure. When they are used up, `rest` comes.
        rest: the time in which no more tries are made than the first and one after each wait.
    """

    every: float
    waits: tuple[float, ...]
    rest: float


@dataclass(frozen=True, slots=True)
class PastTries:
    """What became of an asset so far. Times are seconds since 1970.

    Args:
        last_success: None if it was never made.
        failures: when the tries since then ended without success, the oldest first; of many, the last
            few are enough (one more than the schedule has waits).
        in_progress: a run that makes it is queued or at work.
    """

    last_success: float | None = None
    failures: tuple[float, ...] = ()
    in_progress: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """Whether an asset is to be made now, and why, or why not."""

    now: bool
    reason: str


def due(
    past: PastTries,
    schedule: RetrySchedule,
    now: float,
    *,
    left_alone_until: float | None = None,
    nothing_to_do: str | None = None,
    early: str | None = None,
) -> Due:
    """Whether an asset is to be made now: on its schedule, never two at once, never while the site blocks us.

    Args:
        left_alone_until: when the breaker of a block closes; None if it is closed.
        nothing_to_do: why there would be nothing to do, whatever the time.
        early: why it is wanted although its time has not come.
    """
    if past.in_progress:
        return Due(False, "A run of it is queued or at work.")
    if nothing_to_do:
        return Due(False, nothing_to_do)
    if left_alone_until is not None and left_alone_until > now:
        return Due(False, f"iPage blocked us: it is left alone until {_clock(left_alone_until)}.")
    age = None if past.last_success is None else now - past.last_success
    if age is not None and age < -CLOCKS_DIFFER:
        # It would not be due until the clock has caught up, an hour late and more.
        early = early or f"Made {span(-age)} from now: the clock was put back."
    if age is not None and age < schedule.every and not early:
        return Due(False, f"Made {span(age)} ago: due again in {span(schedule.every - age)}.")
    failures = [at for at in past.failures if at <= now + CLOCKS_DIFFER]
    if failures and (again := _again_at(failures, schedule)) > now:
        tries = f"{len(failures)} tries" if len(failures) > 1 else "The last try"
        return Due(False, f"{tries} failed; the next is due in {span(again - now)}.")
    if age is None:
        return Due(True, "It was never made.")
    return Due(True, early if early and age < schedule.every else f"Made {span(age)} ago.")


def _again_at(failures: Sequence[float], schedule: RetrySchedule) -> float:
    """When the next try may be made.

    With waits of 5 and 15 minutes and a rest of an hour: tries at 0:00, 0:05, 0:20, 1:00, 1:05, 1:20, … since
    the fourth waits until the first is an hour old, the fifth until the second is.
    """
    if len(failures) <= len(schedule.waits):
        return failures[-1] + schedule.waits[len(failures) - 1]
    shortest = min(schedule.waits, default=schedule.rest)
    return max(failures[-1] + shortest, failures[-len(schedule.waits) - 1] + schedule.rest)


def span(seconds: float) -> str:
    """A length of time in one unit, for a person."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.3g} h"


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M UTC")


@dataclass(frozen=True, slots=True)
class RunAtWork:
    """A run that is queued or at work.

    Args:
        isbns: the titles that it is about; None: all of them.
        queued: it has not begun, so it will find the titles as they are then.
    """

    run_id: str
    job: str
    isbns: frozenset[str] | None
    queued: bool


def keeps_from_retiring(isbns: Collection[str], runs: Sequence[RunAtWork]) -> Mapping[str, RunAtWork]:
    """ISBN to a run that is at work on it, for those that can't be retired now.

    A queued run about all titles will not miss one; a queued run that names the title would bring it back.
    """
    held: dict[str, RunAtWork] = {}
    for run in runs:
        for isbn in isbns:
            if (run.isbns is None and not run.queued) or (run.isbns is not None and isbn in run.isbns):
                held.setdefault(isbn, run)
    return held


@dataclass(frozen=True, slots=True)
class NewTitles:
    """Read these titles, and remember `asked`; or, with none, do nothing for the reason given."""

    asked: frozenset[str]
    isbns: tuple[str, ...] = ()
    reason: str = ""


def titles_to_read(
    tracked: Collection[str],
    read: Collection[str],
    asked: Collection[str],
    reading: bool,
    swept: bool = True,
) -> NewTitles:
    """Which tracked titles want a run that reads their details now.

    Each is asked for once: if that run could not read it, the hourly sweep goes on trying, and a title
    that the site does not have costs no run every few seconds.

    Args:
        read: titles whose details were read once.
        asked: titles that a run was asked for before.
        reading: whether a run that reads pages is queued or at work.
        swept: whether there was a sweep. The first one reads every title: a run for the new ones as well
            would read each page twice.
    """
    unread = set(tracked) - set(read)
    still_asked = frozenset(unread & set(asked))
    fresh = tuple(sorted(unread - still_asked))
    if not unread:
        return NewTitles(still_asked, reason="Every tracked title's details have been read.")
    if not fresh:
        return NewTitles(still_asked, reason=f"{len(unread)} titles could not be read; the sweep tries them.")
    if not swept:
        return NewTitles(still_asked, reason=f"{len(fresh)} new titles; the first sweep reads them.")
    if reading:
        return NewTitles(still_asked, reason=f"{len(fresh)} new titles; a run is reading pages already.")
    return NewTitles(still_asked | set(fresh), fresh)


@dataclass(frozen=True, slots=True)
class ShardedSweep:
    """A sweep whose titles are read by several runs.

    Attributes:
        name: what its runs have in common: when it began, in UTC.
        of: how many shards it has.
        begun, at_work: how many of their runs were begun, and have not ended yet.
        counts: how many runs were asked for that count them together.
        counted: whether one of these is under way, or came to a result, whatever it was.
    """

    name: str
    of: int
    begun: int
    at_work: int
    counts: int
    counted: bool

    @property
    def wait(self) -> str | None:
        """Why nothing is to be done about it now; None: it is to be counted, or over."""
        if not self.at_work:
            return None
        return f"Sweep of {self.name}: {self.begun - self.at_work} of {self.of} shards are in."


def dealt(order: Sequence[str], most: int, draw: str) -> list[list[str]]:
    """The titles as the lists of as many runs as it takes, none of which has more than `most`.

    They are dealt out like cards: each list begins with the most urgent. Who gets which is drawn each time
    round: what comes in the order at even distances, as what can't be read does, is spread over all lists, so
    that each is as good a sample of the site as the whole.

    Args:
        draw: what the drawing goes by.
    """
    drawn, lists = random.Random(draw), [list[str]() for _ in range(-(-len(order) // most))]
    for start in range(0, len(order), len(lists) or 1):
        round_ = order[start : start + len(lists)]
        for one, isbn in zip(drawn.sample(lists, len(round_)), round_, strict=True):
            one.append(isbn)
    return lists


def suspects(
    tracked: Collection[str],
    read: Mapping[str, int],
    *,
    last_but_one: int | None,
    failed: Collection[str],
) -> frozenset[str]:
    """Tracked titles that could not be read though a whole sweep came through: something is wrong with them.

    Args:
        read: ISBN to the storage id of its last reading; ids grow with time.
        last_but_one: the storage id of the last sweep but one that was completed. A title whose reading is
            older was not read by the last one.
        failed: titles that the last sweep that asked for all of them named as not read. Of those never read
            it tells which were asked for, and which are new.
    """
    failed = set(failed)
    return frozenset(
        isbn
        for isbn in tracked
        if (isbn in failed if isbn not in read else last_but_one is not None and read[isbn] < last_but_one)
    )


def old_news(
    suspects: Collection[str], read: Mapping[str, int], *, old: int, let_through: Collection[str]
) -> frozenset[str]:
    """Suspects that count in no guardrail's share: what is wrong with them is known, or has lasted long.

    The others still count: a site that loses some titles every hour is to be noticed when they are many.

    Args:
        read: ISBN to the storage id of its last reading.
        old: the storage id of the last reading, of any title, that is older than `OLD_NEWS_AFTER`.
        let_through: titles that a person saw named as not read, and let the sweep through.
    """
    seen = set(let_through)
    return frozenset(isbn for isbn in suspects if isbn not in read or read[isbn] <= old or isbn in seen)


def in_part_since(was_read: bool, since: float | None, at: float) -> float:
    """Since when a title's page has shown zeros of a part of its stock alone; 0: it never was whole.

    Args:
        was_read: whether the title was read before.
        since: what this said at its last reading; None: that one was whole, or showed copies.
        at: when the page was read, in seconds since 1970.
    """
    if not was_read:
        return 0.0
    return at if since is None else since


def reading_order(
    tracked: Collection[str], read: Mapping[str, int], suspects: Collection[str], draw: str
) -> list[str]:
    """All tracked titles in the order in which a sweep asks for them.

    New titles first, then the stalest: a sweep that is cut short helps the worst. A run gives up after so
    many useless answers in a row, so titles that can't be read must not stand together: suspects are spread
    evenly among the rest, and `WITNESS_EVERY` mixes in titles that were read lately. Which ones, and the
    order of what is equal, is drawn anew for each sweep, so that no bad order can come again and again.

    Args:
        read: ISBN to the storage id of its last reading.
        suspects: as `suspects` tells them.
        draw: what the drawing goes by, such as the run's id.
    """
    drawn, doubted = random.Random(draw), set(suspects)
    new = [isbn for isbn in tracked if isbn not in doubted and isbn not in read]
    drawn.shuffle(new)
    old = [isbn for isbn in tracked if isbn not in doubted and isbn in read]
    old.sort(key=lambda isbn: read[isbn])
    fresher = old[(len(old) + 1) // 2 :]
    witnesses = drawn.sample(fresher, min(len(fresher), (len(new) + len(old)) // WITNESS_EVERY))
    taken = set(witnesses)
    waiting, line = deque(witnesses), list[str]()
    # Where they are few, over the whole length.
    every = max(WITNESS_EVERY, (len(new) + len(old)) // (len(witnesses) + 1))
    for isbn in (isbn for isbn in (*new, *old) if isbn not in taken):
        line.append(isbn)
        if waiting and len(line) % every == every - 1:
            line.append(waiting.popleft())
    line += waiting
    odd = [isbn for isbn in tracked if isbn in doubted]
    drawn.shuffle(odd)
    return _spread(odd, line)


def _spread(some: Sequence[str], others: Sequence[str]) -> list[str]:
    """Both in one line, each in its order, and in each part of it as many of each as in the whole."""
    places = [((number + 0.5) / len(of), isbn) for of in (others, some) for number, isbn in enumerate(of)]
    return [isbn for _, isbn in sorted(places, key=lambda place: place[0])]
