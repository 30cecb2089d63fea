"""One run over titles: which are due, which source is asked for each, what is stored, what is said of it."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal, TypeVar

from ingram_assets.covers.bucket import Bucket, StoredCover, Unmarked
from ingram_assets.covers.contact_sheet import ContactSheet
from ingram_assets.covers.ledger import CoverCheck, Ledger, Sighting, State
from ingram_assets.covers.open_library import LimitUsedUp
from ingram_assets.covers.pictures import Picture, PictureRefused, examine
from ingram_assets.covers.placeholders import work_of
from ingram_assets.domain.failures import Incomplete, NeedsPerson, Permanent, Stopped, Transient
from ingram_assets.domain.isbn import InvalidIsbn, parse_isbn

log = logging.getLogger(__name__)

T = TypeVar("T")

CONCURRENCY = 8
"""Titles in hand at once, and so pictures held at once."""

UNKNOWN_SOURCE = "unknown"
"""Of a cover that somebody else put into the bucket."""

Outcome = Literal[
    "stored",  # there was no cover; now there is
    "replaced",  # another picture took the old one's place: the store's picture is to be refreshed
    "unchanged",  # the source has what is stored
    "kept",  # the source has nothing better than what is stored
    "recent",  # looked at within the recheck interval: nothing was asked
    "none",  # no source has a cover; asked again after the interval
    "refused",  # what a source has is no picture that can be shown; an old cover stays
    "waiting",  # Open Library's limit is used up: the next run goes on from there
    "busy",  # another run is at this title
    "failed",  # something did not answer: tried on the next run; an old cover stays
]


@dataclass(frozen=True, slots=True)
class Source:
    """Where covers come from. `fetch` gives the picture's bytes, or None where the source has none for sure.

    It may raise Transient (tried on the next run; Incomplete: after a pause), Permanent (the next source is
    asked), NeedsPerson or Stopped (the run ends once the titles in hand are done). It is called from several
    threads.
    """

    name: str
    fetch: Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A title to look at. Its day brings another look at a placeholder, its name tells editions apart."""

    isbn: str
    title: str | None = None
    publication_date: date | None = None


@dataclass(frozen=True, slots=True)
class Recheck:
    """How long a look holds."""

    real: timedelta = timedelta(days=30)
    other: timedelta = timedelta(days=7)
    """Of a placeholder, and of a title without a cover; also the first pause after a refused picture."""
    broken: timedelta = timedelta(days=1)
    """The first pause after a picture that came cut short, a refusal of the bucket, or a mistake of ours. It
    doubles up to `other`: somebody may have mended what was wrong with many."""
    longest: timedelta = timedelta(days=90)
    """The pauses after a refused picture double up to this."""


@dataclass(frozen=True, slots=True)
class CoverOutcome:
    """What a look at one title came to. Sizes are those of the stored raw cover, in bytes and pixels."""

    isbn: str
    outcome: Outcome
    cover_url: str | None = None
    """The address that the title's row should have; None: nothing is stored, or it is not known."""
    source: str | None = None
    placeholder: bool = False
    sha256: str | None = None
    size: int | None = None
    width: int | None = None
    height: int | None = None
    reason: str | None = None

    @property
    def changed(self) -> bool:
        """Whether the title's picture is another one now."""
        return self.outcome in ("stored", "replaced")

    def __str__(self) -> str:
        what = f"{self.isbn} {self.outcome}"
        if self.placeholder:
            what += ", a placeholder"
        if self.source and self.outcome != "recent":
            what += f", from {self.source}"
        if self.width and self.size:
            what += f" ({self.width} x {self.height}, {self.size / 1000:.0f} kB)"
        return f"{what}: {self.reason}" if self.reason else what


def is_due(
    last: CoverCheck | None,
    *,
    now: datetime,
    publication_date: date | None = None,
    recheck: Recheck | None = None,
) -> bool:
    """Whether a title is to be looked at: never yet, unfinished, after the interval, or its day has come.

    What another look will hardly change (a picture that can't be shown) has a pause that doubles each time.
    Days are those of `now`'s time zone.
    """
    recheck = recheck or Recheck()
    if last is None or (last.pending and not last.refusals):
        return True
    if last.refusals:
        is_refused = last.state == "refused"
        first, longest = (recheck.other, recheck.longest) if is_refused else (recheck.broken, recheck.other)
        interval = min(first * 2 ** min(last.refusals - 1, 20), longest)
    else:
        interval = recheck.real if last.state == "real" else recheck.other
    if not timedelta(0) <= now - last.checked_at < interval:
        return True
    # Real art comes when a book comes out.
    return (
        last.state != "real"
        and publication_date is not None
        and last.checked_at.astimezone(now.tzinfo).date() < publication_date <= now.date()
    )


def keep_covers(
    titles: Iterable[Wanted | str],
    *,
    bucket: Bucket,
    sources: Sequence[Source],
    ledger: Ledger,
    now: datetime | None = None,
    force: bool = False,
    recheck: Recheck | None = None,
    concurrency: int = CONCURRENCY,
    sheet: ContactSheet | None = None,
) -> Iterator[CoverOutcome]:
    """Look at each title that is due and store the best picture there is; yield outcomes as they are reached.

    Sources are asked in order until one has real art. A placeholder is stored where there is nothing better,
    never over a real cover; a real cover gives way only to one of the same or an earlier source. One bad
    title never holds back the rest. Should a picture turn out, by the fourth title that has it, to be a
    placeholder, the titles of this run that had it before are looked at once more and yielded a second time:
    the later one stands.

    `force` looks at titles that are not due too. `now` is the time of the run, in the zone whose day brings a
    title out. `sheet` gets what was stored.

    Raises:
        NeedsPerson, Stopped: from the bucket or a source. Titles in hand are finished and yielded first.
        Transient: the bucket cannot be reached at the start: nothing was asked.
    """
    run = _Run(
        bucket=bucket,
        sources=sources,
        ledger=ledger,
        now=now or datetime.now(UTC),
        recheck=recheck or Recheck(),
        sheet=sheet,
        force=force,
    )
    wanted: dict[str, Wanted] = {}
    for title in titles:
        one = title if isinstance(title, Wanted) else Wanted(title)
        try:
            wanted[parse_isbn(one.isbn)] = replace(one, isbn=parse_isbn(one.isbn))
        except InvalidIsbn as error:
            yield CoverOutcome(one.isbn, "refused", reason=str(error))

    queue = deque(wanted.values())
    again = False
    halted: Exception | None = None
    running: set[Future[CoverOutcome]] = set()
    with ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="cover") as pool:
        while True:
            while queue and len(running) < concurrency and halted is None:
                one = queue.popleft()
                last = ledger.look(one.isbn)
                if not force and not again and not run.is_due(last, one):
                    yield run.recent(one.isbn, last)
                    continue
                if not run.checked:
                    bucket.check()
                    run.checked = True
                running.add(pool.submit(run.look, one))
            if not running:
                if halted is not None:
                    raise halted
                queue.extend(wanted[isbn] for isbn in sorted(run.take_marked() & wanted.keys()))
                again = True
                if not queue:
                    return
                continue
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                try:
                    outcome = future.result()
                except (NeedsPerson, Stopped) as error:
                    halted = halted or error
                else:
                    yield outcome


@dataclass
class _Breaker:
    """Stops asking what does not answer: else each of ten thousand titles waits for the same timeouts."""

    what: str
    limit: int = 8
    failures: int = 0
    skipped: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self) -> None:
        """Raises Transient if it is not to be asked for this title.

        Of those that it would skip the first, second, fourth, eighth and so on are let through: titles that
        always fail, at the head of every run, must not keep the others from ever being looked at.
        """
        with self.lock:
            if self.failures < self.limit:
                return
            self.skipped += 1
            if self.skipped & (self.skipped - 1) == 0:
                return
        raise Transient(
            f"{self.what} did not answer for {self.limit} titles in a row: left for the next run."
        )

    def note(self, answered: bool) -> None:
        with self.lock:
            self.failures = 0 if answered else self.failures + 1
            self.skipped = 0 if answered else self.skipped


class _Run:
    def __init__(
        self,
        *,
        bucket: Bucket,
        sources: Sequence[Source],
        ledger: Ledger,
        now: datetime,
        recheck: Recheck,
        sheet: ContactSheet | None,
        force: bool,
    ) -> None:
        self.bucket = bucket
        self.sources = sources
        self.ledger = ledger
        self.now = now
        self.recheck = recheck
        self.sheet = sheet
        self.force = force
        self.checked = False
        self.rank = {source.name: place for place, source in enumerate(sources)}
        self.bucket_answers = _Breaker("The bucket")
        self.source_answers = {source.name: _Breaker(source.name) for source in sources}
        self._marked: set[str] = set()
        self._marked_lock = threading.Lock()

    def is_due(self, last: CoverCheck | None, one: Wanted) -> bool:
        return is_due(last, now=self.now, publication_date=one.publication_date, recheck=self.recheck)

    def mark(self, isbns: Iterable[str]) -> None:
        """Note titles whose picture turned out to be a placeholder."""
        with self._marked_lock:
            self._marked |= set(isbns)

    def take_marked(self) -> set[str]:
        """The titles noted so, since this was last asked."""
        with self._marked_lock:
            marked, self._marked = self._marked, set()
        return marked

    def recent(self, isbn: str, last: CoverCheck | None, outcome: Outcome = "recent") -> CoverOutcome:
        """What is remembered of a title, without asking anybody."""
        if last is None:
            return CoverOutcome(isbn, outcome)
        return CoverOutcome(
            isbn,
            outcome,
            cover_url=self.bucket.url(isbn, last.sha256) if last.sha256 else None,
            source=last.source,
            placeholder=last.state == "placeholder",
            sha256=last.sha256,
            reason=last.reason,
        )

    def look(self, one: Wanted) -> CoverOutcome:
        """Look at one title. Raises only what ends the run: NeedsPerson, Stopped."""
        before: CoverCheck | None = None
        try:
            before = self.ledger.look(one.isbn)
            with self.ledger.claim(one.isbn) as ours:
                if not ours:
                    outcome = self.recent(one.isbn, self.ledger.look(one.isbn), "busy")
                    return replace(outcome, reason="Another run is looking at this cover.")
                return _Title(self, one).look()
        except (NeedsPerson, Stopped):
            raise
        except Exception as error:
            # A mistake of ours, or a full disk: it must not hold back the other titles.
            log.exception("The cover of %s could not be looked at.", one.isbn)
            reason = f"Unexpected: {type(error).__name__}: {error}"
            self._remember_mistake(one.isbn, before, reason)
            return CoverOutcome(one.isbn, "failed", reason=reason)

    def _remember_mistake(self, isbn: str, before: CoverCheck | None, reason: str) -> None:
        """What went wrong goes wrong with the same picture again: it is not tried on every run."""
        try:
            now = self.ledger.look(isbn) or CoverCheck("unknown", self.now)
            again = replace(now, checked_at=self.now, reason=reason, pending=True, resume=None)
            self.ledger.record(isbn, replace(again, refusals=_once_more(before)))
        except Exception:
            log.exception("What went wrong with %s could not be remembered.", isbn)


def _once_more(last: CoverCheck | None) -> int:
    return (last.refusals if last else 0) + 1


class _Title:
    """One title while it is looked at. Holds at most one picture at any time."""

    def __init__(self, run: _Run, one: Wanted) -> None:
        self.run = run
        self.isbn = one.isbn
        self.work = work_of(one.isbn, one.title)
        self.last = run.ledger.look(one.isbn)
        self.known = False
        """Whether the bucket has said what it holds."""
        self.stored: StoredCover | None = None
        self.turned_out = False
        self.put: Outcome | None = None
        self.offered_same = False
        self.notes: list[str] = []
        self.refused = False
        self.unanswered: str | None = None
        self.waiting = False
        self.failed = False
        self.refused_by_bucket = False
        self.worth_asking = False
        """Whether a source, or the bucket, may well answer on the next run."""
        self.uploading = self.last is not None and self.last.uploading
        self.checked_at = run.now

    def look(self) -> CoverOutcome:
        try:
            self._read_bucket()
            self._ask_sources()
            self._heal()
        except (Transient, Permanent) as error:  # Of the bucket: a source's are met where it is asked.
            self.failed = True
            self.refused_by_bucket = isinstance(error, Permanent)
            self.worth_asking = self.worth_asking or not self.refused_by_bucket
            self.notes.append(str(error))
        return self._conclude()

    # what the bucket holds

    def _read_bucket(self) -> None:
        found = self._bucket(lambda: self.run.bucket.head(self.isbn))
        if isinstance(found, Unmarked):
            self._adopt()
        else:
            self.stored = found
        self.known = True
        if self.stored is None:
            return
        if self.stored.placeholder:
            self.run.ledger.learn(self.stored.phash)
        self._mark_if_known(self.stored)

    def _mark_if_known(self, stored: StoredCover) -> None:
        """Mark what was stored as a cover and is known by now as a placeholder."""
        if stored.placeholder or not self.run.ledger.is_placeholder(stored.phash):
            return
        self.stored = self._bucket(lambda: self.run.bucket.mark_placeholder(self.isbn, stored))
        self.turned_out = True
        if self.run.sheet is not None:
            self.run.sheet.mark_placeholder(self.isbn)
        self.notes.append("The stored picture turned out to be a placeholder.")

    def _adopt(self) -> None:
        """Take over a cover that others put there, so that no placeholder replaces it; not a broken one."""
        data = self._bucket(lambda: self.run.bucket.get(self.isbn))
        try:
            picture = examine(data)
        except PictureRefused as error:
            self.notes.append(f"The stored object is of no use: {error}")
            return
        sighting = self._sight(picture)
        known = self.last is not None and self.last.sha256 == picture.sha256
        source = (self.last.source if known and self.last is not None else None) or UNKNOWN_SOURCE
        self.stored = self._store(picture, source=source, placeholder=sighting.placeholder)

    # what the sources have

    def _ask_sources(self) -> None:
        for source in self.run.sources[self._first_source() :]:
            if self._settled(source) or self._ask(source):
                return

    def _ask(self, source: Source) -> bool:
        """Ask one source and let its picture go again. True: no further source need be asked."""
        try:
            picture = self._fetch(source)
        except LimitUsedUp as error:
            self.waiting = self.worth_asking = True
            self.unanswered = self.unanswered or source.name
            self.notes.append(str(error))
        except Transient as error:
            self.failed = True
            self.worth_asking = self.worth_asking or not isinstance(error, Incomplete)
            self.unanswered = self.unanswered or source.name
            self.notes.append(str(error))
        except Permanent as error:
            self.refused = True
            self.notes.append(f"{source.name}: {error}")
        else:
            return picture is not None and self._weigh(picture, source)
        return False

    def _first_source(self) -> int:
        """Where to go on: sources that answered in an unfinished look of late are not asked again."""
        last = self.last
        if self.run.force and not self.turned_out:
            return 0  # A person asks: of every source, now.
        if last is None or not timedelta(0) <= self.run.now - last.checked_at < self.run.recheck.other:
            return 0
        if self.turned_out and self.stored is not None:
            # It was this source's best when it was stored; what the others have was not asked then.
            first = self.run.rank.get(self.stored.source, -1) + 1
        elif last.pending and last.resume is not None:
            first = self.run.rank.get(last.resume, 0)
        else:
            first = 0
        if first == 0:
            return 0
        self.checked_at = last.checked_at
        return first

    def _settled(self, source: Source) -> bool:
        """Whether a real cover is stored, and this source's could not take its place."""
        if self.stored is None or self.stored.placeholder:
            return False
        rank = self.run.rank
        return self.unanswered is not None or rank[source.name] > rank.get(self.stored.source, len(rank))

    def _fetch(self, source: Source) -> Picture | None:
        answers = self.run.source_answers[source.name]
        answers.check()
        try:
            data = source.fetch(self.isbn)
        except LimitUsedUp:
            raise
        except Transient as error:
            answers.note(isinstance(error, Incomplete))
            raise
        answers.note(True)
        return None if data is None else examine(data)

    def _weigh(self, picture: Picture, source: Source) -> bool:
        """Store a picture if it is better than what is stored. True: no further source need be asked."""
        sighting = self._sight(picture)
        if sighting.placeholder and self.stored is not None:
            self._mark_if_known(self.stored)
        stored = self.stored
        same = stored is not None and stored.origin_sha256 == picture.origin_sha256
        if stored is not None and same and stored.source != UNKNOWN_SOURCE:
            self.offered_same = True
            return not stored.placeholder
        if (
            stored is not None
            and not same
            and not stored.placeholder
            and (sighting.placeholder or sighting.shared)
        ):
            self.notes.append(
                f"{source.name} offers "
                + ("a placeholder" if sighting.placeholder else "a picture that another title has too")
                + "; the real cover stays."
            )
            return False
        before = stored
        self.stored = self._store(picture, source=source.name, placeholder=sighting.placeholder)
        if before is None:
            self.put = "stored"
        elif before.sha256 != self.stored.sha256:
            self.put = self.put or "replaced"
        else:
            self.offered_same = True
        if self.put and self.run.sheet is not None:
            self.run.sheet.add(self.isbn, picture, placeholder=sighting.placeholder)
        return not sighting.placeholder

    def _heal(self) -> None:
        """After an upload that was cut short the web sizes may show another picture than the raw cover."""
        if self.stored is None or not self.uploading:
            return
        stored = self.stored
        picture = examine(self._bucket(lambda: self.run.bucket.get(self.isbn)))
        self.stored = self._store(picture, source=stored.source, placeholder=stored.placeholder)
        self.notes.append("An upload that was cut short was made good.")

    def _sight(self, picture: Picture) -> Sighting:
        sighting = self.run.ledger.sight(self.isbn, self.work, picture)
        self.run.mark(sighting.marked)
        return sighting

    def _store(self, picture: Picture, *, source: str, placeholder: bool) -> StoredCover:
        self.run.ledger.upload_begins(self.isbn, self.run.now)
        self.uploading = True
        stored = self._bucket(
            lambda: self.run.bucket.put(
                self.isbn, picture, source=source, placeholder=placeholder, now=self.run.now
            )
        )
        self.uploading = False
        return stored

    def _bucket(self, ask: Callable[[], T]) -> T:
        answers = self.run.bucket_answers
        answers.check()
        try:
            answer = ask()
        except Transient:
            answers.note(False)
            raise
        answers.note(True)
        return answer

    # what it came to

    def _conclude(self) -> CoverOutcome:
        if not self.known:
            return self._conclude_unknown()
        stored = self.stored
        state: State
        if stored is not None:
            # Another title may have given it away while this one was being stored.
            placeholder = stored.placeholder or self.run.ledger.is_placeholder(stored.phash)
            state = "placeholder" if placeholder else "real"
        else:
            placeholder = False
            state = "refused" if self.refused else "none"
        reason = " ".join(self.notes) or None
        outcome: Outcome
        if self.put is not None:
            outcome = self.put
        elif self.failed:
            outcome = "failed"
        elif self.waiting:
            outcome = "waiting"
        elif self.offered_same:
            outcome = "unchanged"
        elif self.refused:
            outcome = "refused"
        elif stored is not None:
            outcome = "kept"
            reason = reason or "No source has a picture of it now; the stored one stays."
        else:
            outcome = "none"
            reason = "No source has a cover of it."
        sha256 = stored.sha256 if stored else None
        self.run.ledger.record(
            self.isbn,
            CoverCheck(
                state=state,
                checked_at=self.checked_at,
                sha256=sha256,
                source=stored.source if stored else None,
                phash=stored.phash if stored else None,
                reason=reason,
                pending=self.failed
                or self.waiting
                or (stored is not None and placeholder != stored.placeholder),
                resume=self.unanswered,
                uploading=self.uploading,
                refusals=_once_more(self.last) if self._is_final(outcome) else 0,
            ),
        )
        return CoverOutcome(
            self.isbn,
            outcome,
            cover_url=self.run.bucket.url(self.isbn, sha256) if sha256 else None,
            source=stored.source if stored else None,
            placeholder=placeholder,
            sha256=sha256,
            size=stored.size if stored else None,
            width=stored.width if stored else None,
            height=stored.height if stored else None,
            reason=reason,
        )

    def _is_final(self, outcome: Outcome) -> bool:
        """Whether another look will hardly come to more, so that the next one has time."""
        if self.worth_asking:
            return False
        if self.refused_by_bucket or self.unanswered is not None:
            return True
        return outcome == "refused" and self.stored is None

    def _conclude_unknown(self) -> CoverOutcome:
        """The bucket did not say what it holds: the old cover stands, and what was known of it."""
        reason = " ".join(self.notes)
        if self.refused_by_bucket:
            last = replace(
                self.last or CoverCheck("unknown", self.run.now), checked_at=self.run.now, reason=reason
            )
            self._leave_pending(last, refusals=_once_more(self.last))
        elif self.last is not None:
            self._leave_pending(self.last, refusals=0)
        return replace(self.run.recent(self.isbn, self.last, "failed"), reason=reason)

    def _leave_pending(self, last: CoverCheck, *, refusals: int) -> None:
        look = replace(last, pending=True, uploading=self.uploading, refusals=refusals)
        self.run.ledger.record(self.isbn, look)
