"""Takes a backup: three databases as of one moment and the shop's files, in one archive, or none."""

import io
import os
import select
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, BinaryIO

from ingram_assets.backup import client_tools
from ingram_assets.backup.archive import ArchiveWriter, DumpPart, FilePart, Manifest, Written
from ingram_assets.backup.databases import OwnDatabase, Snapshot, as_of_now
from ingram_assets.backup.own_files import OwnFile, Told
from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.domain.formatting import size
from ingram_assets.whole_files import whole_file

SAID_EVERY = 5.0
"""Seconds between two sentences on how much is done."""


@dataclass(frozen=True, slots=True)
class TakenBackup:
    """A backup that was taken."""

    path: Path
    bytes: int
    manifest: Manifest


def place_of(where: Path, now: datetime) -> Path:
    """The file of a backup that is taken now, in a folder or with the name given.

    Raises:
        NeedsPerson: it can't be there, or is there already.
    """
    if not where.is_dir() and where.suffix != ".zip":
        raise NeedsPerson(f"There is no folder {where} to write to; the name of a file ends in .zip.")
    path = (where / f"ingram-backup-{now:%Y-%m-%dT%H%M%SZ}.zip" if where.is_dir() else where).absolute()
    if not path.parent.is_dir():
        raise NeedsPerson(f"There is no folder {path.parent} to write to.")
    if path.exists() or path.is_symlink():
        raise NeedsPerson(f"{path} is there already, and is not overwritten: name another file, or a folder.")
    return path


def take_backup(
    path: Path, databases: Sequence[OwnDatabase], files: Sequence[OwnFile], told: Told
) -> TakenBackup:
    """Write the archive.

    Raises:
        NeedsPerson: a database is not ours, or can't be read; a program of PostgreSQL's is missing.
        Transient: a database can't be reached.
        OSError: the disk is full.
    """
    with as_of_now(databases) as snapshots:
        tools = client_tools.to_dump({one.database.server.name: one.server for one in snapshots})
        with _new_file(path) as file, ArchiveWriter(file) as archive:
            dumps = {
                one.database.name: _dumped(archive, one, tools[one.database.server.name], told)
                for one in snapshots
            }
            manifest = Manifest(
                # The latest of the moments: what is read later than this is in none of them.
                max(one.at for one in snapshots),
                version("ingram-assets"),
                version("dagster"),
                dumps,
                tuple(_added(archive, one) for one in files),
            )
            archive.finish(manifest)
    return TakenBackup(path, path.stat().st_size, manifest)


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    try:
        with whole_file(path, is_new=True) as file:
            yield file
    except FileExistsError:
        raise NeedsPerson(
            f"{path} was written by another backup meanwhile, and is not overwritten."
        ) from None
    except OSError as error:
        if error.filename is None:
            raise
        raise NeedsPerson(f"{path} can't be written ({error.strerror}): name another folder.") from None


class _Heard:
    """A dump that says now and then what it waits for, while nothing of it comes."""

    def __init__(self, source: IO[bytes], of: Snapshot, told: Told) -> None:
        self._source, self._of, self._told = source, of, told

    def read(self, size: int, /) -> bytes:
        """As `Readable` has it."""
        while not select.select([self._source], [], [], SAID_EVERY)[0]:
            if waits := self._of.waits_for():
                self._told(f"{self._of.database.words}: waits for {waits} …")
        return os.read(self._source.fileno(), size)


def _dumped(archive: ArchiveWriter, of: Snapshot, tool: client_tools.ClientProgram, told: Told) -> DumpPart:
    words, name = of.database.words, f"{of.database.name}.dump"
    with client_tools.dump(tool, of.database.server, of.id) as source:
        part = archive.add(name, _Heard(source, of, told), every_few_seconds(words, told))
    told(f"{words}: {size(part.bytes)} from {of.database.server.name}")
    return DumpPart(**asdict(part), version=of.version, server=of.server, tool=tool.major)


def _added(archive: ArchiveWriter, file: OwnFile) -> FilePart:
    part = archive.add(f"files/{file.setting}/{file.path.name}", io.BytesIO(file.data), lambda _: None)
    return FilePart(**asdict(part), setting=file.setting, called=file.path.name)


def every_few_seconds(words: str, told: Told) -> Written:
    """What tells now and then how much is done of what takes long."""
    last = time.monotonic()

    def written(done: int) -> None:
        nonlocal last
        if time.monotonic() - last >= SAID_EVERY:
            last = time.monotonic()
            told(f"{words}: {size(done)} so far …")

    return written
