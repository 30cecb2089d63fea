"""Whether the store tells the truth: one verdict and one sentence, for terminal and board alike. Pure.

It does if every title was read within what is promised and the store shows what was read. If not, what keeps
it from that is named first: a person is to know what to do, not what all is the matter.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from ingram_assets.domain.formatting import local_moment, minutes, moment
from ingram_assets.domain.guardrails import TOO_MANY_UNREAD
from ingram_assets.domain.site_pause import SitePause
from ingram_assets.overview.failed_runs import FailedRun, UnfinishedPush
from ingram_assets.runtime.started_by import BY_UP, StartedBy
from ingram_assets.store.journal import HeldTitle
from ingram_assets.store.observe_mode import WATCHING_ONLY, Outlook

BLOCKED = "blocked"
"""The outcome of a page that the site's bot wall kept."""


class VerdictKind(StrEnum):
    """What is the matter, or that nothing is."""

    KEPT = "kept"
    NO_TITLES = "no_titles"
    NOT_KNOWN = "not_known"
    WATCHING = "watching"
    GUARDRAIL = "guardrail"
    BLOCK = "block"
    FAILED_RUNS = "failed_runs"
    SWITCHED_OFF = "switched_off"
    NOT_RUNNING = "not_running"
    BEHIND = "behind"
    UNDONE = "undone"
    LATE = "late"
    FAILED_TITLES = "failed_titles"


@dataclass(frozen=True, slots=True)
class Block:
    """Pages that the site's bot wall kept at the last attempt. `since`: the first of them, UTC."""

    titles: int
    since: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class ShopFacts:
    """What a verdict is made of. Retired titles are in none of it. Times are UTC.

    Attributes:
        titles: how many are tracked.
        is_running: whether a process of the shop answers here; `started_by`: how they are started.
        within: how old a reading may be; `oldest`: the oldest there is; `late`: how many are older than that;
            `never_read`: how many have none, since no page of theirs showed stock.
        on_the_way: how many have a change that the store was not told of, whether or not that lasts too long.
        behind: how many titles the store does not follow; `None`: nobody can say.
        behind_since: since when; `behind_text`: that in words, with what to do.
        undone: how many are as an undo left them, and not as was read; `undone_since`: since when.
        silent_since: since when Dagster's daemon, which begins runs, was not heard of; `None`: it is at work.
        failed: how many could not be brought to the store, each with a reason of its own.
        block: what the last attempt could not read; `pause`: until when iPage is left alone now.
        switched_off: names of sensors and schedules.
        not_asked: why Dagster, the journal or the store could not be asked.
        watching: what a push would do, where nothing is written to the store. Then nothing is `behind`.
        not_in_effect: what a person has set and the processes do not go by yet, with what to do. All else
            here is by what they go by.
    """

    titles: int
    within: timedelta = timedelta(0)
    is_running: bool = False
    started_by: StartedBy = BY_UP
    oldest: datetime | None = None
    late: int = 0
    never_read: int = 0
    on_the_way: int = 0
    behind: int | None = 0
    behind_since: datetime | None = None
    behind_text: str | None = None
    undone: int = 0
    undone_since: datetime | None = None
    silent_since: datetime | None = None
    failed: int = 0
    block: Block | None = None
    pause: SitePause | None = None
    failed_runs: Sequence[FailedRun] = ()
    unfinished_pushes: Sequence[UnfinishedPush] = ()
    held: Sequence[HeldTitle] = ()
    switched_off: Collection[str] = ()
    not_asked: Sequence[str] = ()
    watching: Outlook | None = None
    not_in_effect: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the store tells the truth, and if not, why.

    Attributes:
        kept: `None`: it can't be said, or there is nothing to tell the truth of.
        since: since when it is not kept, UTC; `None`: it is, or nobody knows.
        why: a sentence; with `kept` and another kind than `KEPT`, what will break it.
        what_to_do: a sentence; "": nothing.
        first: what has to be known to read all that: it comes first; "": nothing.
    """

    kind: VerdictKind
    kept: bool | None
    since: datetime | None
    why: str
    what_to_do: str = ""
    first: str = ""

    def sentence(self, zone: ZoneInfo) -> str:
        """The one sentence that comes first, times in the shop's zone; without what to do."""
        return " ".join(filter(None, (self.first, self._sentence(zone))))

    def _sentence(self, zone: ZoneInfo) -> str:
        if self.kept is None:
            return self.why
        if self.kept:
            how = _HOW_KEPT.get(self.kind, "The store tells the truth so far")
            return f"{how}. {self.why}"
        since = f" since {local_moment(self.since, zone)}" if self.since else ""
        verb = "has not told" if since else "does not tell"
        return f"The store {verb} the truth{since}. {self.why}"


_IF_STOPPED = "See what would change: ingram push --dry-run. If it is right: ingram push --let-through"
_IF_BLOCKED = "Wait; if it stays, lower IPAGE_CONCURRENCY, and sign in to iPage by hand once."
_HOW_KEPT = {
    VerdictKind.KEPT: "The store tells the truth",
    VerdictKind.FAILED_TITLES: "The store tells the truth of all but some titles",
}


@dataclass(frozen=True, slots=True)
class _Cause:
    kind: VerdictKind
    since: datetime | None
    why: str
    what_to_do: str


def judge(facts: ShopFacts, now: datetime) -> Verdict:
    """The verdict on the shop at a time."""
    verdict = _judged(facts, now)
    return replace(verdict, first=facts.not_in_effect) if facts.not_in_effect else verdict


def _judged(facts: ShopFacts, now: datetime) -> Verdict:
    breaches = list(_breaches(facts, now))
    causes = list(_causes(facts, is_broken=bool(breaches)))
    if facts.watching:
        return _of_watching(facts, facts.watching, [*causes, *breaches])
    if not facts.titles:
        return _without_titles(facts)
    if breaches:
        first = causes[0] if causes else breaches[0]
        known = [one.since for one in breaches if one.since is not None]
        told = dict.fromkeys([first.why, *(one.why for one in breaches)])
        what = first.what_to_do
        if first.kind is VerdictKind.NOT_RUNNING and not facts.silent_since:
            what = f"{what} {breaches[0].what_to_do}"
        return Verdict(first.kind, False, min(known, default=None), " ".join(told), what)
    if facts.not_asked:
        why = f"Whether the store tells the truth is not known. {' '.join(facts.not_asked)}"
        return Verdict(VerdictKind.NOT_KNOWN, None, None, why)
    if facts.oldest is None:
        why = f"No stock was read yet: {_titles(facts.titles)} wait for it."
        return Verdict(VerdictKind.NOT_KNOWN, None, None, why, "Read it now: ingram sync-stock")
    if causes:
        return Verdict(causes[0].kind, True, None, causes[0].why, causes[0].what_to_do)
    if facts.failed:
        why = f"{_titles(facts.failed)} could not be brought to the store: the reasons are below."
        return Verdict(VerdictKind.FAILED_TITLES, True, None, why, "Mend what is named, then: ingram push")
    none_shown = ""
    if facts.never_read:
        none_shown = (
            f" but {facts.never_read:,} whose page{'' if facts.never_read == 1 else 's'} showed no stock yet"
        )
    its = "its" if facts.on_the_way == 1 else "their"
    not_yet = f" of all but {facts.on_the_way:,} on {its} way" if facts.on_the_way else ""
    why = (
        f"{_titles(facts.titles)}: each{none_shown} was read within {minutes(facts.within)}, and the store "
        f"shows what was read{not_yet}."
    )
    return Verdict(VerdictKind.KEPT, True, None, why)


def _without_titles(facts: ShopFacts) -> Verdict:
    if facts.not_asked:
        why = f"Whether the store tells the truth is not known. {' '.join(facts.not_asked)}"
        return Verdict(VerdictKind.NOT_KNOWN, None, None, why)
    why = "There is nothing to tell the truth of yet: no title is tracked."
    start = "" if facts.is_running else f"{facts.started_by.start} "
    what = (
        f"{start}To track the titles of the saved search: ingram sync-stock. Some by name: ingram enrich ISBN"
    )
    return Verdict(VerdictKind.NO_TITLES, None, None, why, what)


def _of_watching(facts: ShopFacts, outlook: Outlook, wrong: Sequence[_Cause]) -> Verdict:
    """Nothing is promised of the store; what is the matter with the reading is told beside that."""
    first = wrong[0] if wrong else None
    told = [outlook.words, *(one.why for one in wrong), *facts.not_asked]
    # What a person has set already is told first; to be told to set it once more would be wrong.
    way = "" if facts.not_in_effect else outlook.mode.way_to_live
    ways = [f"{first.what_to_do.rstrip('.')}." if first else "", way]
    if not facts.titles:
        without = _without_titles(facts)
        told, ways = [WATCHING_ONLY, without.why], [without.what_to_do]
    why = " ".join(dict.fromkeys(told))
    return Verdict(VerdictKind.WATCHING, None, None, why, " ".join(filter(None, ways)))


def _breaches(facts: ShopFacts, now: datetime) -> Iterator[_Cause]:
    """In what the store does not tell the truth."""
    if facts.behind:
        yield _Cause(VerdictKind.BEHIND, facts.behind_since, *_halves(facts.behind_text or ""))
    if stopped := _guardrail(facts):
        yield stopped
    if facts.undone:
        are = "is as an undo left it" if facts.undone == 1 else "are as an undo left them"
        why = f"{_titles(facts.undone)} {are}, and not as was read."
        what = "Correct what misled the push, then bring them: ingram push"
        yield _Cause(VerdictKind.UNDONE, facts.undone_since, why, what)
    if facts.late and facts.oldest is not None:
        why = (
            f"{_titles(facts.late)} {'was' if facts.late == 1 else 'were'} read longer ago than "
            f"{minutes(facts.within)}, the oldest {minutes(now - facts.oldest)} ago."
        )
        what = "Read all of them now: ingram sync-stock"
        yield _Cause(VerdictKind.LATE, facts.oldest + facts.within, why, what)


def _causes(facts: ShopFacts, *, is_broken: bool) -> Iterator[_Cause]:
    """What keeps the store from the truth, or will: what a person has to act on first.

    A guardrail that stopped a push since pages can't be read comes after what keeps them from being read: to
    let the push through mends nothing.
    """
    stopped = _guardrail(facts)
    is_of_reading = any(one.guardrail == TOO_MANY_UNREAD for one in facts.held)
    if stopped and not is_of_reading:
        yield stopped
    if facts.pause:
        what = (
            "Nothing until then: the reading goes on by itself. If iPage blocks again, lower "
            "IPAGE_CONCURRENCY, and sign in by hand once."
        )
        yield _Cause(VerdictKind.BLOCK, facts.pause.since, left_alone(facts.pause), what)
    elif facts.block:
        titles = _titles(facts.block.titles)
        why = f"iPage blocks this machine: {titles} could not be read. {facts.block.reason}"
        yield _Cause(VerdictKind.BLOCK, facts.block.since, why, _IF_BLOCKED)
    failed = sorted(facts.failed_runs, key=lambda run: run.stopped_by is None)
    yield from (_of_run(run) for run in failed if run.job == "sync_stock" or run.job.startswith("ipage/"))
    if stopped and is_of_reading:
        yield stopped
    # One that a guardrail stopped is told as long as a title waits behind it, and over then.
    yield from (_of_run(run) for run in failed if run.job == "push" and run.stopped_by != "guardrail")
    if facts.switched_off:
        why = f"Switched off in Dagster: {', '.join(facts.switched_off)}."
        what = "Switch on again on Dagster's page, under Automation."
        yield _Cause(VerdictKind.SWITCHED_OFF, None, why, what)
    if facts.is_running and facts.silent_since:
        why = (
            f"Dagster's daemon was not heard of since {moment(facts.silent_since)}: no run begins by itself."
        )
        yield _Cause(VerdictKind.NOT_RUNNING, facts.silent_since, why, facts.started_by.anew)
    if is_broken and not facts.is_running and (facts.late or facts.behind):
        why = f"{facts.started_by.they_are} not running, so nothing is read or pushed by itself."
        yield _Cause(VerdictKind.NOT_RUNNING, None, why, facts.started_by.start)


def left_alone(pause: SitePause) -> str:
    """A pause after a block in one line, with its end."""
    return f"iPage blocked us, and is left alone until {moment(pause.until)}. {pause.reason}."


def _of_run(run: FailedRun) -> _Cause:
    reason = run.reason.partition(" The commands:")[0]
    if run.stopped_by == "guardrail":
        again = "discover" if run.job in ("discover", "ipage/saved_search") else "sync-stock"
        what = f"Look whether it is right. If it is: ingram {again} --let-through"
        return _Cause(VerdictKind.GUARDRAIL, run.ended_at, f"A guardrail stopped {run.job}: {reason}", what)
    if run.stopped_by == "block":
        return _Cause(VerdictKind.BLOCK, run.ended_at, f"iPage blocks this machine: {reason}", _IF_BLOCKED)
    why = f"The last run of {run.job} failed: {reason}"
    return _Cause(VerdictKind.FAILED_RUNS, run.ended_at, why, f"Look at it: ingram runs {run.run_id[:8]}")


def _guardrail(facts: ShopFacts) -> _Cause | None:
    """A push that a guardrail stopped, and that titles wait for."""
    stopped = [push for push in facts.unfinished_pushes if push.by_guardrail]
    if not stopped:
        return _held(facts)
    reason = stopped[0].reason.partition(" The commands:")[0]
    why = _stopped_words({isbn for push in stopped for isbn in push.titles}, reason)
    ended = [push.since for push in stopped if push.since is not None]
    return _Cause(VerdictKind.GUARDRAIL, min(ended, default=None), why, _IF_STOPPED)


def _stopped_words(isbns: Collection[str], reason: str) -> str:
    wait = "waits" if len(isbns) == 1 else "wait"
    return f"A guardrail stopped the push that {_titles(len(isbns))} {wait} for: {reason}"


def _held(facts: ShopFacts) -> _Cause | None:
    """Titles that wait behind a guardrail for another reason than a change in the queue."""
    if not facts.held:
        return None
    why = _stopped_words({one.isbn for one in facts.held}, facts.held[0].reason)
    return _Cause(VerdictKind.GUARDRAIL, min(one.at for one in facts.held), why, _IF_STOPPED)


def _halves(text: str) -> tuple[str, str]:
    """What `lag.sentence` says: what was found, and what to do about it."""
    found, stop, rest = text.partition(". ")
    return found + (stop and "."), rest


def _titles(count: int) -> str:
    return f"{count:,} title{'' if count == 1 else 's'}"
