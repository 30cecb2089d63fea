"""What is decided of a title's cover, as values: no bucket, no source, no clock, no picture in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Literal

from ingram_assets.covers.bucket import StoredCover
from ingram_assets.covers.memory import Sighting
from ingram_assets.domain.cover_looks import CoverCheck, State
from ingram_assets.domain.failures import Incomplete, LimitUsedUp, Permanent, Transient

UNKNOWN_SOURCE = "unknown"
"""Of a cover that somebody else put into the bucket."""

RECHECK_REAL = timedelta(days=30)
RECHECK_OTHER = timedelta(days=7)
"""Of a placeholder, and of a title without a cover; also the first pause after a refused picture."""
PAUSE_BROKEN = timedelta(days=1)
"""The first pause after a picture that came cut short, a refusal of the bucket, or a mistake of ours. It
doubles up to `RECHECK_OTHER`: somebody may have mended what was wrong with many."""
PAUSE_LONGEST = timedelta(days=90)
"""The pauses after a refused picture double up to this."""

Outcome = Literal[
    "stored",  # there was no cover; now there is
    "replaced",  # another picture took the old one's place: the store's picture is to be refreshed
    "unchanged",  # the source has what is stored
    "kept",  # the source has nothing better than what is stored
    "recent",  # looked at within the recheck interval: nothing was asked
    "none",  # no source has a cover; asked again after the interval
    "refused",  # what a source has is no picture that can be shown; an old cover stays
    "waiting",  # a source's limit is used up: the next run goes on from there
    "busy",  # another run is at this title
    "failed",  # something did not answer: tried on the next run; an old cover stays
]

Answer = Literal[
    "none",  # it has no cover
    "stored",  # its picture was stored where there was none
    "replaced",  # its picture took the place of another
    "same",  # it has what is stored
    "worse",  # it has less than what is stored
    "refused",  # what it has can't be shown
    "limited",  # it may not be asked now
    "unanswered",  # it did not answer
    "cut_short",  # it answered with half a picture
]


@dataclass
class CoverLook:
    """What a look at one title has found out so far.

    Attributes:
        known: whether the bucket has said what it holds; `stored` is that.
        answers: of the sources that were asked, by name, in order.
        bucket_error: the failure of the bucket that ended the look.
        uploading: an upload began, now or in an earlier look, and its end was not seen.
        notes: sentences for a person.
    """

    known: bool = False
    stored: StoredCover | None = None
    answers: dict[str, Answer] = field(default_factory=dict)
    bucket_error: Transient | Permanent | None = None
    uploading: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def first_unanswered(self) -> str | None:
        """The first source that has not said what it has."""
        silent = ("limited", "unanswered", "cut_short")
        return next((source for source, answer in self.answers.items() if answer in silent), None)


def is_due(last: CoverCheck | None, *, now: datetime, publication_date: date | None = None) -> bool:
    """Whether a title is to be looked at: never yet, unfinished, after the interval, or its day has come.

    What another look will hardly change (a picture that can't be shown) has a pause that doubles each time.
    Days are those of `now`'s time zone.
    """
    if last is None or (last.pending and not last.refusals):
        return True
    interval = RECHECK_REAL if last.state == "real" else RECHECK_OTHER
    if last.refusals:
        is_refused = last.state == "refused"
        first, longest = (RECHECK_OTHER, PAUSE_LONGEST) if is_refused else (PAUSE_BROKEN, RECHECK_OTHER)
        interval = min(first * 2 ** min(last.refusals - 1, 20), longest)
    if not timedelta(0) <= now - last.checked_at < interval:
        return True
    # Real art comes when a book comes out.
    return (
        last.state != "real"
        and publication_date is not None
        and last.checked_at.astimezone(now.tzinfo).date() < publication_date <= now.date()
    )


def first_source(
    sources: Sequence[str], last: CoverCheck | None, turned_out: StoredCover | None, now: datetime
) -> int:
    """Where to go on: sources that answered in an unfinished look of late are not asked again.

    Args:
        turned_out: the stored cover, if it turned out just now to be a placeholder. It was its source's best
            when it was stored; what the sources after that have was not asked then.
    """
    if last is None or not timedelta(0) <= now - last.checked_at < RECHECK_OTHER:
        return 0
    if turned_out is not None:
        return sources.index(turned_out.source) + 1 if turned_out.source in sources else 0
    return sources.index(last.resume) if last.pending and last.resume and last.resume in sources else 0


def is_settled(look: CoverLook, source: str, sources: Sequence[str]) -> bool:
    """Whether a real cover is stored, and this source's could not take its place."""
    if look.stored is None or look.stored.placeholder:
        return False
    if look.first_unanswered is not None:
        return True
    return look.stored.source in sources[: sources.index(source)]


def weigh(
    stored: StoredCover | None, origin_sha256: str, sighting: Sighting
) -> Literal["better", "same", "worse"]:
    """What an offered picture is beside the stored one: a real cover gives way to no doubtful one."""
    if stored is None:
        return "better"
    if stored.origin_sha256 == origin_sha256:
        # With metadata of ours to be written to a cover that others put there.
        return "better" if stored.source == UNKNOWN_SOURCE else "same"
    doubtful = sighting.placeholder or sighting.shared
    return "worse" if doubtful and not stored.placeholder else "better"


def answer_of(error: Transient | Permanent) -> Answer:
    """What a source's failure means."""
    if isinstance(error, LimitUsedUp):
        return "limited"
    if isinstance(error, Incomplete):
        return "cut_short"
    return "unanswered" if isinstance(error, Transient) else "refused"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a look came to, and what is remembered of it; None: nothing, as nothing was known before."""

    outcome: Outcome
    reason: str | None
    check: CoverCheck | None


def conclude(
    look: CoverLook, last: CoverCheck | None, *, is_placeholder: bool, checked_at: datetime, now: datetime
) -> Conclusion:
    """What a look came to.

    Args:
        last: the look before.
        is_placeholder: whether what is stored is a placeholder, also if its metadata do not say so yet:
            another title may have given it away while this one was being stored.
        checked_at: when the first source was asked, in this look or the one that it goes on with.
    """
    reason = " ".join(look.notes) or None
    if not look.known:
        return _conclude_unknown(look, last, reason, now)
    stored, answers = look.stored, look.answers.values()
    outcome = _outcome(look)
    if outcome == "none":
        reason = "No source has a cover of it."
    elif outcome == "kept":
        reason = reason or "No source has a picture of it now; the stored one stays."
    state: State = "refused" if "refused" in answers else "none"
    if stored is not None:
        state = "placeholder" if is_placeholder else "real"
    check = CoverCheck(
        state=state,
        checked_at=checked_at,
        sha256=stored.sha256 if stored else None,
        source=stored.source if stored else None,
        reason=reason,
        pending=look.bucket_error is not None
        or look.first_unanswered is not None
        or (stored is not None and is_placeholder != stored.placeholder),
        resume=look.first_unanswered,
        uploading=look.uploading,
        refusals=once_more(last) if _is_final(look, outcome) else 0,
        sizes=stored.sizes if stored else "",
    )
    return Conclusion(outcome, reason, check)


def _conclude_unknown(
    look: CoverLook, last: CoverCheck | None, reason: str | None, now: datetime
) -> Conclusion:
    """The bucket did not say what it holds: the old cover stands, and what was known of it."""
    check, refusals = last, 0
    if isinstance(look.bucket_error, Permanent):
        check = replace(last or CoverCheck("unknown", now), checked_at=now, reason=reason)
        refusals = once_more(last)
    if check is not None:
        check = replace(check, pending=True, uploading=look.uploading, refusals=refusals)
    return Conclusion("failed", reason, check)


def _outcome(look: CoverLook) -> Outcome:
    answers = look.answers.values()
    for taken in ("stored", "replaced"):
        if taken in answers:
            return taken
    if look.bucket_error is not None or "unanswered" in answers or "cut_short" in answers:
        return "failed"
    if "limited" in answers:
        return "waiting"
    if "same" in answers:
        return "unchanged"
    if "refused" in answers:
        return "refused"
    return "none" if look.stored is None else "kept"


def _is_final(look: CoverLook, outcome: Outcome) -> bool:
    """Whether another look will hardly come to more, so that the next one has time."""
    answers = look.answers.values()
    if "limited" in answers or "unanswered" in answers or isinstance(look.bucket_error, Transient):
        return False
    if look.bucket_error is not None or "cut_short" in answers:
        return True
    return outcome == "refused" and look.stored is None


def once_more(last: CoverCheck | None) -> int:
    """Looks in a row, with this one, that ended in what another look will hardly change."""
    return (last.refusals if last else 0) + 1
