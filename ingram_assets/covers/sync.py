"""One run over titles: asks the bucket and the sources, does what `decide` says, tells what came of it."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import islice
from typing import TypeVar

from ingram_assets.covers import decide
from ingram_assets.covers.bucket import Bucket, StoredCover, Unmarked
from ingram_assets.covers.contact_sheet import ContactSheet
from ingram_assets.covers.decide import UNKNOWN_SOURCE, Answer, CoverLook, Outcome
from ingram_assets.covers.memory import Ledger, LedgerLost, Sighting
from ingram_assets.covers.pictures import Picture, PictureRefused, examine
from ingram_assets.covers.placeholders import work_of
from ingram_assets.domain.cover_addresses import SIZES
from ingram_assets.domain.cover_looks import CoverCheck
from ingram_assets.domain.failures import (
    Incomplete,
    IngramError,
    LimitUsedUp,
    NeedsPerson,
    Permanent,
    Stopped,
    Transient,
)
from ingram_assets.domain.isbn import InvalidIsbn, parse_isbn

log = logging.getLogger(__name__)

T = TypeVar("T")

CONCURRENCY = 8
"""Titles in hand at once, and so pictures held at once."""

_READ_AT_ONCE = 1000
"""Titles whose last looks are read in one query: most of them are not due, and cost nothing else."""


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
class CoverRequest:
    """A title to look at. Its day brings another look at a placeholder, its name tells editions apart."""

    isbn: str
    title: str | None = None
    publication_date: date | None = None


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


def keep_covers(
    titles: Iterable[CoverRequest | str],
    *,
    bucket: Bucket,
    sources: Sequence[Source],
    ledger: Ledger,
    now: datetime | None = None,
    force: bool = False,
    sheet: ContactSheet | None = None,
) -> Generator[CoverOutcome, None, None]:
    """Look at each title that is due and store the best picture there is; yield outcomes as they are reached.

    Sources are asked in order until one has real art. A placeholder is stored where there is nothing better,
    never over a real cover; a real cover gives way only to one of the same or an earlier source. One bad
    title never holds back the rest. Should a picture turn out, by the fourth title that has it, to be a
    placeholder, the titles of this run that had it before are looked at once more and yielded a second time:
    the later one stands. Whoever stops listening closes it, which waits for the titles in hand.

    `force` looks at titles that are not due too. `now` is the time of the run, in the zone whose day brings a
    title out. `sheet` gets what was stored.

    Raises:
        NeedsPerson, Stopped: from the bucket or a source. Titles in hand are finished and yielded first.
        LedgerLost: what is remembered can't be reached. Titles in hand end first: what was being stored is
            whole in the bucket, or made good by the next run.
        Transient: the bucket cannot be reached at the start: nothing was asked.
    """
    run = _Run(bucket, sources, ledger, now or datetime.now(UTC), force, sheet or ContactSheet())
    wanted: dict[str, CoverRequest] = {}
    for title in titles:
        one = title if isinstance(title, CoverRequest) else CoverRequest(title)
        try:
            wanted[parse_isbn(one.isbn)] = replace(one, isbn=parse_isbn(one.isbn))
        except InvalidIsbn as error:
            yield CoverOutcome(one.isbn, "refused", reason=str(error))

    yield from run.look_at(wanted.values(), all_due=force)
    while marked := wanted.keys() & run.marked:
        run.marked.clear()
        yield from run.look_at([wanted[isbn] for isbn in sorted(marked)], all_due=True)


@dataclass
class _Breaker:
    """Stops asking what does not answer: else each of ten thousand titles waits for the same timeouts."""

    what: str
    limit: int = 8
    failures: int = 0
    skipped: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, question: Callable[[], T]) -> T:
        """What it answers.

        Of those that it would skip the first, second, fourth, eighth and so on are let through: titles that
        always fail, at the head of every run, must not keep the others from ever being looked at.

        Raises:
            Transient: it is not to be asked for this title, or it did not answer.
        """
        with self.lock:
            if self.failures >= self.limit:
                self.skipped += 1
                if self.skipped & (self.skipped - 1):
                    raise Transient(
                        f"{self.what} did not answer for {self.limit} titles in a row: left for the next run."
                    )
        try:
            answer = question()
        except LimitUsedUp:
            raise  # A limit is no silence.
        except Transient as error:
            self._note(isinstance(error, Incomplete))
            raise
        self._note(True)
        return answer

    def _note(self, answered: bool) -> None:
        with self.lock:
            self.failures = 0 if answered else self.failures + 1
            self.skipped = 0 if answered else self.skipped


@dataclass
class _Run:
    bucket: Bucket
    sources: Sequence[Source]
    ledger: Ledger
    now: datetime
    force: bool
    sheet: ContactSheet
    marked: deque[str] = field(default_factory=deque)
    """ISBNs of titles whose picture turned out to be a placeholder since it was stored."""

    def __post_init__(self) -> None:
        self.names = [source.name for source in self.sources]
        self.bucket_breaker = _Breaker("The bucket")
        self.source_breakers = {name: _Breaker(name) for name in self.names}
        self._bucket_was_checked = False

    def look_at(self, titles: Collection[CoverRequest], *, all_due: bool) -> Iterator[CoverOutcome]:
        """Look at the titles that are due. Whoever stops listening stops it."""
        queue = self._judged(titles, all_due=all_due)
        halted: Exception | None = None
        running: set[Future[CoverOutcome]] = set()
        with ThreadPoolExecutor(max_workers=CONCURRENCY, thread_name_prefix="cover") as pool:
            while True:
                while len(running) < CONCURRENCY and halted is None:
                    try:
                        one = next(queue, None)
                    except (NeedsPerson, LedgerLost) as error:
                        halted = error
                        break
                    if one is None:
                        break
                    if isinstance(one, CoverOutcome):
                        yield one
                        continue
                    running.add(pool.submit(self._look, one, all_due))
                if not running:
                    break
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    try:
                        yield future.result()
                    except (NeedsPerson, Stopped, LedgerLost) as error:
                        halted = halted or error
        if halted is not None:
            raise halted

    def _judged(
        self, titles: Collection[CoverRequest], *, all_due: bool
    ) -> Iterator[CoverRequest | CoverOutcome]:
        """The titles that are to be looked at, and the outcomes of those that are not due."""
        left = iter(titles)
        while some := list(islice(left, _READ_AT_ONCE)):
            looks = {} if all_due else self.ledger.looks([one.isbn for one in some])
            for one in some:
                last = looks.get(one.isbn)
                if not (all_due or self._is_due(one, last)):
                    yield self.remembered(one.isbn, last, "recent")
                    continue
                if not self._bucket_was_checked:
                    self.bucket.check()
                    self._bucket_was_checked = True
                yield one

    def _is_due(self, one: CoverRequest, last: CoverCheck | None) -> bool:
        return decide.is_due(last, now=self.now, publication_date=one.publication_date)

    def remembered(self, isbn: str, check: CoverCheck | None, outcome: Outcome) -> CoverOutcome:
        check = check or CoverCheck("unknown", self.now)
        return CoverOutcome(
            isbn,
            outcome,
            cover_url=self.bucket.url(isbn, check.sha256, check.sizes) if check.sha256 else None,
            source=check.source,
            placeholder=check.state == "placeholder",
            sha256=check.sha256,
            reason=check.reason,
        )

    def _look(self, one: CoverRequest, is_asked_for: bool) -> CoverOutcome:
        """Look at one title. Raises only what ends the run: NeedsPerson, Stopped, LedgerLost."""
        before: CoverCheck | None = None
        try:
            with self.ledger.claim(one.isbn) as ours:
                before = self.ledger.look(one.isbn)
                if not ours:
                    outcome = self.remembered(one.isbn, before, "busy")
                    return replace(outcome, reason="Another run is looking at this cover.")
                if not (is_asked_for or self._is_due(one, before)):  # Another run has been at it meanwhile.
                    return self.remembered(one.isbn, before, "recent")
                return _Title(self, one, before).look()
        except (NeedsPerson, Stopped, LedgerLost):
            raise
        except Exception as error:
            # A mistake of ours, or a full disk: it must not hold back the other titles.
            log.exception("The cover of %s could not be looked at.", one.isbn)
            reason = f"Unexpected: {type(error).__name__}: {error}"
            try:
                # It goes wrong with the same picture again: it is not tried on every run.
                now = self.ledger.look(one.isbn) or CoverCheck("unknown", self.now)
                again = replace(now, checked_at=self.now, reason=reason, pending=True, resume=None)
                self.ledger.record(one.isbn, replace(again, refusals=decide.once_more(before)))
            except (NeedsPerson, LedgerLost):
                raise
            except Exception:
                log.exception("What went wrong with %s could not be remembered.", one.isbn)
            return CoverOutcome(one.isbn, "failed", reason=reason)


class _Title:
    """One title while it is looked at. Holds at most one picture at any time."""

    def __init__(self, run: _Run, one: CoverRequest, last: CoverCheck | None) -> None:
        self.run = run
        self.isbn = one.isbn
        self.work = work_of(one.isbn, one.title)
        self.last = last
        self.found = CoverLook(uploading=last is not None and last.uploading)

    def look(self) -> CoverOutcome:
        first = 0
        try:
            turned_out = self._read_bucket()
            if turned_out is not None or not self.run.force:  # A person asks every source, now.
                first = decide.first_source(self.run.names, self.last, turned_out, self.run.now)
            for source in self.run.sources[first:]:
                if decide.is_settled(self.found, source.name, self.run.names) or self._ask(source):
                    break
            self._make_sizes_anew()
        except LedgerLost:
            raise
        except (Transient, Permanent) as error:  # Of the bucket: a source's are met where it is asked.
            self.found.bucket_error = error
            self.found.notes.append(str(error))
        return self._conclude(self.last.checked_at if first and self.last else self.run.now)

    def _read_bucket(self) -> StoredCover | None:
        """Learn what the bucket holds. Returns that if it turned out just now to be a placeholder."""
        held = self._bucket(lambda: self.run.bucket.head(self.isbn))
        self.found.stored = self._adopted() if isinstance(held, Unmarked) else held
        self.found.known = True
        if self.found.stored is None:
            return None
        if self.found.stored.placeholder:
            self.run.ledger.learn(self.found.stored.phash)
        return self._mark_if_known(self.found.stored)

    def _mark_if_known(self, stored: StoredCover) -> StoredCover | None:
        """Mark what was stored as a cover and is known by now as a placeholder."""
        if stored.placeholder or not self.run.ledger.is_placeholder(stored.phash):
            return None
        self._check_claim()
        self.found.stored = self._bucket(lambda: self.run.bucket.mark_placeholder(self.isbn, stored))
        self.run.sheet.mark_placeholder(self.isbn)
        self.found.notes.append("The stored picture turned out to be a placeholder.")
        return self.found.stored

    def _adopted(self) -> StoredCover | None:
        """Take over a cover that others put there, so that no placeholder replaces it; not a broken one."""
        data = self._bucket(lambda: self.run.bucket.get(self.isbn))
        try:
            picture = examine(data)
        except PictureRefused as error:
            self.found.notes.append(f"The stored object is of no use: {error}")
            return None
        sighting = self._sight(picture)
        is_ours = self.last is not None and self.last.sha256 == picture.sha256
        source = (self.last.source if self.last and is_ours else None) or UNKNOWN_SOURCE
        return self._store(picture, source, placeholder=sighting.placeholder)

    def _ask(self, source: Source) -> bool:
        """Ask one source and let its picture go again. True: no further source need be asked."""
        try:
            data = self.run.source_breakers[source.name].ask(lambda: source.fetch(self.isbn))
            picture = None if data is None else examine(data)
        except (Transient, Permanent) as error:
            answer = decide.answer_of(error)
            self.found.answers[source.name] = answer
            self.found.notes.append(f"{source.name}: {error}" if answer == "refused" else str(error))
            return False
        answer = "none" if picture is None else self._take(picture, source.name)
        self.found.answers[source.name] = answer
        stored = self.found.stored
        return answer not in ("none", "worse") and stored is not None and not stored.placeholder

    def _take(self, picture: Picture, source: str) -> Answer:
        """Store a picture if it is better than what is stored."""
        sighting = self._sight(picture)
        if sighting.placeholder and self.found.stored is not None:
            self._mark_if_known(self.found.stored)
        before = self.found.stored
        verdict = decide.weigh(before, picture.origin_sha256, sighting)
        if verdict == "worse":
            what = "a placeholder" if sighting.placeholder else "a picture that another title has too"
            self.found.notes.append(f"{source} offers {what}; the real cover stays.")
        if verdict != "better":
            return verdict
        self.found.stored = self._store(picture, source, placeholder=sighting.placeholder)
        if before is not None and before.sha256 == picture.sha256:
            return "same"
        self.run.sheet.add(self.isbn, picture, placeholder=sighting.placeholder)
        return "stored" if before is None else "replaced"

    def _make_sizes_anew(self) -> None:
        """Web sizes that may show another picture than the raw cover, or that are not what is stored now.

        The one after an upload that was cut short; the other of a cover that an earlier version stored.
        """
        stored, was_cut_short = self.found.stored, self.found.uploading
        if stored is None or not (was_cut_short or stored.sizes != SIZES):
            return
        picture = examine(self._bucket(lambda: self.run.bucket.get(self.isbn)))
        self.found.stored = self._store(picture, stored.source, placeholder=stored.placeholder)
        if was_cut_short:
            self.found.notes.append("An upload that was cut short was made good.")

    def _sight(self, picture: Picture) -> Sighting:
        sighting = self.run.ledger.sight(self.isbn, self.work, picture)
        self.run.marked.extend(sighting.marked)
        return sighting

    def _store(self, picture: Picture, source: str, *, placeholder: bool) -> StoredCover:
        put, now, before = self.run.bucket.put, self.run.now, self.found.stored
        self.run.ledger.upload_begins(self.isbn, now)
        self.found.uploading = True
        self._check_claim()
        stored = self._bucket(
            lambda: put(self.isbn, picture, source=source, placeholder=placeholder, now=now)
        )
        # Else another run may have stored its picture meanwhile, and web sizes of both lie there.
        self.found.uploading = not self.run.ledger.holds(self.isbn)
        if before is not None and not before.sizes:
            try:
                self.run.bucket.remove_earlier_sizes(self.isbn)
            except IngramError as error:  # They are in nobody's way: a token may be kept from removing.
                log.warning("%s", error)
        return stored

    def _check_claim(self) -> None:
        """Raises Transient if another run may be at the title by now: the bucket is not to be changed."""
        if not self.run.ledger.holds(self.isbn):
            raise Transient(
                "The connection to what runs share was lost meanwhile, so another run may be at this cover: "
                "it is tried again next time."
            )

    def _bucket(self, question: Callable[[], T]) -> T:
        return self.run.bucket_breaker.ask(question)

    def _conclude(self, checked_at: datetime) -> CoverOutcome:
        stored = self.found.stored
        concluded = decide.conclude(
            self.found,
            self.last,
            is_placeholder=stored is not None
            and (stored.placeholder or self.run.ledger.is_placeholder(stored.phash)),
            checked_at=checked_at,
            now=self.run.now,
        )
        if concluded.check is not None:
            self.run.ledger.record(self.isbn, concluded.check)
        outcome = self.run.remembered(self.isbn, concluded.check, concluded.outcome)
        size = {} if stored is None else {name: getattr(stored, name) for name in ("size", "width", "height")}
        return replace(outcome, reason=concluded.reason, **size)
