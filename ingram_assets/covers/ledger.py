"""What is remembered of covers between runs: a SQLite file in the state directory.

The bucket's own metadata is the truth about what is stored. This file only saves asking: when each title was
looked at, what is left to ask, which pictures were seen for which titles. Losing it costs re-reads and no
cover. Several threads and processes may use it at once.
"""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import psutil

from ingram_assets.covers.pictures import Picture
from ingram_assets.covers.placeholders import MANY_TITLES, near, same_tiles

log = logging.getLogger(__name__)

State = Literal["real", "placeholder", "none", "refused", "unknown"]

_VERSION = 3
_SCHEMA = """
CREATE TABLE IF NOT EXISTS looks (
    bucket TEXT, isbn TEXT,
    state TEXT NOT NULL, sha256 TEXT, source TEXT, reason TEXT,
    checked_at REAL NOT NULL,           -- seconds since the epoch: when the first source was asked
    pending INTEGER NOT NULL,           -- 1: something is left to do, so it is due at once
    resume TEXT,                        -- the first source that has not answered since checked_at
    uploading INTEGER NOT NULL,         -- 1: an upload began and its end was not seen
    refusals INTEGER NOT NULL DEFAULT 0, -- looks in a row that ended in what another look will not change
    sizes TEXT NOT NULL DEFAULT '',     -- widths of the stored cover's web sizes
    PRIMARY KEY (bucket, isbn)
);
CREATE TABLE IF NOT EXISTS sightings (
    isbn TEXT, phash TEXT, tiles BLOB NOT NULL, work TEXT NOT NULL, PRIMARY KEY (phash, isbn)
);
CREATE TABLE IF NOT EXISTS placeholders (phash TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS claims (isbn TEXT PRIMARY KEY, pid INTEGER NOT NULL, started REAL NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class CoverCheck:
    """The last look at a title's cover."""

    state: State
    checked_at: datetime
    sha256: str | None = None
    source: str | None = None
    reason: str | None = None
    pending: bool = False
    resume: str | None = None
    uploading: bool = False
    refusals: int = 0
    """Looks in a row that ended in what another look will hardly change: the pause grows with them."""
    sizes: str = ""
    """As `StoredCover.sizes`."""


_COLUMNS = ", ".join(column.name for column in fields(CoverCheck))


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a picture is, by the titles that it was seen for."""

    placeholder: bool
    shared: bool
    """Another title has it too: too few to be sure, too many to trust it over a real cover."""
    marked: frozenset[str] = frozenset()
    """ISBNs whose picture turned out to be a placeholder just now."""


class Ledger:
    """The file. `seeds` are the hashes of known placeholders, from `load_seeds`."""

    def __init__(self, path: Path, *, bucket: str, seeds: frozenset[str] = frozenset()) -> None:
        """Opens or creates `path`. `bucket` is `Bucket.identity`."""
        self._bucket = bucket
        self._seeds = seeds
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = _open(path)
        except sqlite3.OperationalError:
            raise  # Locked or not writable: nothing is wrong with what is in it.
        except sqlite3.DatabaseError as error:
            log.warning("The covers' ledger %s is damaged (%s): a new one is begun.", path, error)
            for suffix in ("", "-wal", "-shm"):
                damaged = path.with_name(path.name + suffix)
                if damaged.exists():
                    damaged.replace(damaged.with_name(damaged.name + ".damaged"))
            self._db = _open(path)
        process = psutil.Process()
        self._me = (process.pid, process.create_time())

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def look(self, isbn: str) -> CoverCheck | None:
        """The last look at a title, or None."""
        with self._lock:
            row = self._db.execute(
                f"SELECT {_COLUMNS} FROM looks WHERE bucket = ? AND isbn = ?", (self._bucket, isbn)
            ).fetchone()
        if row is None:
            return None
        state, checked_at, *others = row
        check = CoverCheck(state, datetime.fromtimestamp(checked_at, UTC), *others)
        return replace(check, pending=bool(check.pending), uploading=bool(check.uploading))

    def record(self, isbn: str, look: CoverCheck) -> None:
        """Remember a look, in place of the one before."""
        state, checked_at, *others = astuple(look)
        with self._write() as db:
            db.execute(
                f"INSERT OR REPLACE INTO looks (bucket, isbn, {_COLUMNS})"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (self._bucket, isbn, state, checked_at.timestamp(), *others),
            )

    def upload_begins(self, isbn: str, now: datetime) -> None:
        """Remember that the bucket may hold half of an upload, until `record` says otherwise."""
        with self._write() as db:
            db.execute(
                "INSERT INTO looks (bucket, isbn, state, checked_at, pending, uploading)"
                " VALUES (?, ?, 'unknown', ?, 1, 1)"
                " ON CONFLICT (bucket, isbn) DO UPDATE SET uploading = 1, pending = 1, refusals = 0",
                (self._bucket, isbn, now.timestamp()),
            )

    @contextmanager
    def claim(self, isbn: str) -> Iterator[bool]:
        """Whether this title is ours for the while. False: a process that still runs is at it.

        Two runs that store one title at once could leave a placeholder over a real cover. A killed process's
        claims are taken over.
        """
        with self._write() as db:
            row = db.execute("SELECT pid, started FROM claims WHERE isbn = ?", (isbn,)).fetchone()
            mine = row is None or not _runs(*row)
            if mine:
                db.execute("INSERT OR REPLACE INTO claims VALUES (?, ?, ?)", (isbn, *self._me))
        try:
            yield mine
        finally:
            if mine:
                with self._write() as db:
                    db.execute("DELETE FROM claims WHERE isbn = ?", (isbn,))

    def is_placeholder(self, phash: str) -> bool:
        """Whether this is a known placeholder: of the seed list, or learned."""
        if near(phash, self._seeds):
            return True
        with self._lock:
            learned = [row[0] for row in self._db.execute("SELECT phash FROM placeholders")]
        return near(phash, learned)

    def learn(self, phash: str) -> None:
        """Remember a placeholder that the bucket's metadata tells of: the ledger may have been lost."""
        if not self.is_placeholder(phash):
            with self._write() as db:
                db.execute("INSERT OR IGNORE INTO placeholders VALUES (?)", (phash,))

    def sight(self, isbn: str, work: str, picture: Picture) -> Sighting:
        """Note that a picture was offered for a title, and say what it is by now.

        From `MANY_TITLES` different works on it is a placeholder: then all titles that it was seen for are
        due at once.
        """
        phash, tiles = picture.phash, picture.tiles
        known = self.is_placeholder(phash)
        with self._write() as db:
            db.execute("INSERT OR REPLACE INTO sightings VALUES (?, ?, ?, ?)", (isbn, phash, tiles, work))
            if known:
                return Sighting(placeholder=True, shared=True)
            hashes = [row[0] for row in db.execute("SELECT DISTINCT phash FROM sightings")]
            same = [
                (seen_isbn, seen_work)
                for near_phash in hashes
                if near(phash, (near_phash,))
                for seen_isbn, seen_tiles, seen_work in db.execute(
                    "SELECT isbn, tiles, work FROM sightings WHERE phash = ?", (near_phash,)
                )
                if same_tiles(tiles, seen_tiles)
            ]
            works = {seen_work for _, seen_work in same}
            if len(works) < MANY_TITLES:
                return Sighting(placeholder=False, shared=len(works) > 1)
            db.execute("INSERT OR IGNORE INTO placeholders VALUES (?)", (phash,))
            marked = frozenset(seen_isbn for seen_isbn, _ in same) - {isbn}
            db.executemany(
                "UPDATE looks SET pending = 1, refusals = 0 WHERE isbn = ? AND state = 'real'",
                [(one,) for one in sorted(marked)],
            )
            return Sighting(placeholder=True, shared=True, marked=marked)

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("BEGIN IMMEDIATE")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version in (1, 2):
            if version == 1:
                db.execute("ALTER TABLE looks ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0")
            db.execute("ALTER TABLE looks ADD COLUMN sizes TEXT NOT NULL DEFAULT ''")
            db.execute(f"PRAGMA user_version = {_VERSION}")
        elif version != _VERSION:
            for table in ("looks", "sightings", "placeholders", "claims"):
                db.execute(f"DROP TABLE IF EXISTS {table}")
            for statement in _SCHEMA.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {_VERSION}")
        db.execute("COMMIT")
    except BaseException:
        db.close()
        raise
    return db


def _runs(pid: int, started: float) -> bool:
    # In a container a restarted program often gets its predecessor's pid: the start time tells them apart.
    try:
        return abs(psutil.Process(pid).create_time() - started) < 1
    except psutil.Error:
        return False
