"""What is remembered of covers between runs, and what is learned from it of a picture.

The bucket's own metadata is the truth about what is stored. The ledger only saves asking: when each title was
looked at, what is left to ask, which pictures were seen for which titles. Losing it costs re-reads and no
cover. Several threads, runs and machines may use it at once.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ingram_assets.covers.pictures import Picture
from ingram_assets.covers.placeholders import MANY_TITLES, SAME_HASH, near, same_tiles
from ingram_assets.domain.cover_looks import CoverCheck, SeenPicture
from ingram_assets.domain.failures import Transient


class SharedLooks(Protocol):
    """Where it is kept, with the looks of one bucket: `ingram_assets/coordination` has it in PostgreSQL.

    Thread-safe. All but `give_back` raise Transient, NeedsPerson.
    """

    def looks(self, isbns: Sequence[str]) -> dict[str, CoverCheck]:
        """The last looks at those of the titles that were ever looked at."""

    def record(self, isbn: str, look: CoverCheck) -> None:
        """Remembers a look, in place of the one before."""

    def upload_begins(self, isbn: str, now: datetime) -> None:
        """Remembers that the bucket may hold half of an upload, until `record` says otherwise."""

    def take(self, isbn: str) -> bool:
        """Takes a title, if nobody has it: no thread, no run, no machine. It is lost with the process."""

    def holds(self, isbn: str) -> bool:
        """Whether the title is still ours: it is lost with the connection, too."""

    def give_back(self, isbn: str) -> None:
        """Gives it back."""

    def is_placeholder(self, phash: str, bits: int) -> bool:
        """Whether a placeholder was learned whose hash differs by so many bits at most."""

    def learn(self, phash: str) -> None:
        """Remembers a placeholder."""

    def note(self, phash: str, seen: SeenPicture) -> None:
        """Remembers that a picture was offered for a title."""

    def seen(self, phash: str, bits: int) -> list[SeenPicture]:
        """The pictures noted so far, by whichever run, whose hash differs by so many bits at most."""

    def make_due(self, isbns: Collection[str]) -> None:
        """Makes titles due at once that were last seen to have a real cover."""


class LedgerLost(Transient):
    """Nothing can be remembered now: without that, a run does not go on. Says why."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a picture is, by the titles that it was seen for."""

    placeholder: bool
    shared: bool
    """Another title has it too: too few to be sure, too many to trust it over a real cover."""
    marked: frozenset[str] = frozenset()
    """ISBNs whose picture turned out to be a placeholder just now."""


class Ledger:
    """What is remembered, with the rules of what a picture is. Thread-safe.

    Args:
        seeds: the hashes of known placeholders, from `load_seeds`.

    Raises, from every method:
        LedgerLost: what is remembered can't be reached.
        NeedsPerson: a person has to see to where it is kept.
    """

    def __init__(self, kept: SharedLooks, *, seeds: frozenset[str] = frozenset()) -> None:
        self._kept, self._seeds = kept, seeds

    def look(self, isbn: str) -> CoverCheck | None:
        """The last look at a title, or None."""
        return self.looks([isbn]).get(isbn)

    def looks(self, isbns: Sequence[str]) -> dict[str, CoverCheck]:
        """The last looks at those of the titles that were ever looked at."""
        with _or_lost():
            return self._kept.looks(isbns)

    def record(self, isbn: str, look: CoverCheck) -> None:
        """Remember a look, in place of the one before."""
        with _or_lost():
            self._kept.record(isbn, look)

    def upload_begins(self, isbn: str, now: datetime) -> None:
        """Remember that the bucket may hold half of an upload, until `record` says otherwise."""
        with _or_lost():
            self._kept.upload_begins(isbn, now)

    @contextmanager
    def claim(self, isbn: str) -> Iterator[bool]:
        """Whether this title is ours for the while. False: another thread, run or machine is at it.

        Two that store one title at once could leave a placeholder over a real cover. A claim vanishes with
        its process, and with the connection: see `holds`.
        """
        with _or_lost():
            is_ours = self._kept.take(isbn)
        try:
            yield is_ours
        finally:
            if is_ours:
                self._kept.give_back(isbn)

    def holds(self, isbn: str) -> bool:
        """Whether a title that was claimed is still ours. Ask before the bucket is changed."""
        with _or_lost():
            return self._kept.holds(isbn)

    def is_placeholder(self, phash: str) -> bool:
        """Whether this is a known placeholder: of the seed list, or learned."""
        if near(phash, self._seeds):
            return True
        with _or_lost():
            return self._kept.is_placeholder(phash, SAME_HASH)

    def learn(self, phash: str) -> None:
        """Remember a placeholder that the bucket's metadata tells of: the ledger may have been lost."""
        if not self.is_placeholder(phash):
            with _or_lost():
                self._kept.learn(phash)

    def sight(self, isbn: str, work: str, picture: Picture) -> Sighting:
        """Note that a picture was offered for a title, and say what it is by now.

        From `MANY_TITLES` different works on it is a placeholder: then all titles that it was seen for are
        due at once.
        """
        known = self.is_placeholder(picture.phash)
        with _or_lost():
            # Before it is asked who else has it: of two runs that note it at once, the later one sees both.
            self._kept.note(picture.phash, SeenPicture(isbn, work, picture.tiles))
            if known:
                return Sighting(placeholder=True, shared=True)
            near_ones = self._kept.seen(picture.phash, SAME_HASH)
            same = [one for one in near_ones if same_tiles(picture.tiles, one.tiles)]
            works = {one.work for one in same}
            if len(works) < MANY_TITLES:
                return Sighting(placeholder=False, shared=len(works) > 1)
            self._kept.learn(picture.phash)
            marked = frozenset(one.isbn for one in same) - {isbn}
            self._kept.make_due(marked)
            return Sighting(placeholder=True, shared=True, marked=marked)


@contextmanager
def _or_lost() -> Iterator[None]:
    try:
        yield
    except Transient as error:
        raise LedgerLost(str(error)) from error
