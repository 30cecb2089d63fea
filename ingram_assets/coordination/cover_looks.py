"""What runs remember of covers: looks, pictures that were seen, placeholders, and who is at which title."""

from collections.abc import Collection, Sequence
from dataclasses import astuple, fields
from datetime import UTC, datetime

from ingram_assets.coordination.connection import Coordinator
from ingram_assets.domain.cover_looks import CoverCheck, SeenPicture

_COLUMNS = ", ".join(column.name for column in fields(CoverCheck))
_VALUES = ", ".join(["%s"] * len(fields(CoverCheck)))
_NEAR = "bit_count(phash # ('x' || %s)::bit(256)) <= %s"


class CoverLooks:
    """What `SharedLooks` of the covers' room wants. Thread-safe.

    Args:
        bucket: which one the looks are of, as `Bucket.identity`.
    """

    def __init__(self, coordinator: Coordinator, bucket: str) -> None:
        self._coordinator, self._bucket = coordinator, bucket

    def now(self) -> datetime:
        """What time it is by the one clock that all runs share."""
        ((now,),) = self._coordinator.rows("ask what time it is", "SELECT clock_timestamp()")
        return _utc(now)

    def looks(self, isbns: Sequence[str]) -> dict[str, CoverCheck]:
        """The last looks at those of the titles that were ever looked at."""
        query = f"SELECT isbn, {_COLUMNS} FROM scraper.cover_looks WHERE bucket = %s AND isbn = ANY(%s)"
        rows = self._coordinator.rows("read the looks at covers", query, [self._bucket, list(isbns)])
        return {isbn: CoverCheck(state, _utc(at), *others) for isbn, state, at, *others in rows}

    def record(self, isbn: str, look: CoverCheck) -> None:
        """Remembers a look, in place of the one before."""
        values = [_text(value, 2000) if isinstance(value, str) else value for value in astuple(look)]
        self._coordinator.write(
            f"remember the look at the cover of {isbn}",
            f"INSERT INTO scraper.cover_looks (isbn, bucket, {_COLUMNS}) VALUES (%s, %s, {_VALUES}) "
            f"ON CONFLICT (isbn, bucket) DO UPDATE SET ({_COLUMNS}) = "
            f"({', '.join(f'excluded.{column.name}' for column in fields(CoverCheck))})",
            [isbn, self._bucket, *values],
        )

    def upload_begins(self, isbn: str, now: datetime) -> None:
        """Remembers that the bucket may hold half of an upload, until `record` says otherwise."""
        self._coordinator.write(
            f"remember that the cover of {isbn} is being stored",
            "INSERT INTO scraper.cover_looks (isbn, bucket, state, checked_at, pending, uploading) "
            "VALUES (%s, %s, 'unknown', %s, TRUE, TRUE) ON CONFLICT (isbn, bucket) "
            "DO UPDATE SET uploading = TRUE, pending = TRUE, refusals = 0",
            [isbn, self._bucket, now],
        )

    def take(self, isbn: str) -> bool:
        """Takes a title, if nobody has it: no thread, no run, no machine. It is lost with the session."""
        return self._coordinator.take(_claim(isbn))

    def holds(self, isbn: str) -> bool:
        """Whether the title is still ours: a session that was lost meanwhile lets others at it."""
        return self._coordinator.holds(_claim(isbn))

    def give_back(self, isbn: str) -> None:
        """Gives it back. Raises nothing."""
        self._coordinator.give_back(_claim(isbn))

    def is_placeholder(self, phash: str, bits: int) -> bool:
        """Whether a placeholder was learned whose hash differs by so many bits at most."""
        query = f"SELECT EXISTS (SELECT FROM scraper.cover_placeholders WHERE {_NEAR})"
        ((is_there,),) = self._coordinator.rows("read which pictures are placeholders", query, [phash, bits])
        return bool(is_there)

    def learn(self, phash: str) -> None:
        """Remembers a placeholder."""
        query = "INSERT INTO scraper.cover_placeholders VALUES (('x' || %s)::bit(256)) ON CONFLICT DO NOTHING"
        self._coordinator.write("remember a placeholder", query, [phash])

    def note(self, phash: str, seen: SeenPicture) -> None:
        """Remembers that a picture was offered for a title."""
        self._coordinator.write(
            f"remember the picture of {seen.isbn}",
            "INSERT INTO scraper.cover_sightings (phash, isbn, work, tiles) "
            "VALUES (('x' || %s)::bit(256), %s, %s, %s) "
            "ON CONFLICT (phash, isbn) DO UPDATE SET (work, tiles) = (excluded.work, excluded.tiles)",
            [phash, seen.isbn, _text(seen.work, 500), seen.tiles],
        )

    def seen(self, phash: str, bits: int) -> list[SeenPicture]:
        """The pictures noted so far, by whichever run, whose hash differs by so many bits at most."""
        # The inner query reads the key alone; only of the few that are near are the tiles read.
        query = (
            "SELECT isbn, work, tiles FROM scraper.cover_sightings WHERE phash = ANY (ARRAY("
            f"SELECT DISTINCT phash FROM scraper.cover_sightings WHERE {_NEAR}))"
        )
        rows = self._coordinator.rows("read which titles have this picture", query, [phash, bits])
        return [SeenPicture(isbn, work, bytes(tiles)) for isbn, work, tiles in rows]

    def make_due(self, isbns: Collection[str]) -> None:
        """Makes titles due at once that were last seen to have a real cover, in whichever bucket."""
        self._coordinator.write(
            "have titles looked at once more",
            "UPDATE scraper.cover_looks SET pending = TRUE, refusals = 0 "
            "WHERE isbn = ANY(%s) AND state = 'real'",
            [sorted(isbns)],
        )


def _claim(isbn: str) -> str:
    return f"cover/{isbn}"


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _text(text: str, most: int) -> str:
    """What a column of text takes of it."""
    return text.encode(errors="replace").decode().replace("\0", " ")[:most]
