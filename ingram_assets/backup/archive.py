"""The archive: dumps and files one after the other, and last a manifest that says what each has to be.

It is a zip file that nothing compresses twice: pg_dump's format is compressed. Any program takes a part out
of it for a person, who can give it to pg_restore.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self

from ingram_assets.domain.failures import NeedsPerson

MANIFEST = "manifest.json"
FORMAT = 1
"""Of the archive: a program that does not know it leaves it alone."""
_CHUNK = 1 << 18
_LONGEST_MANIFEST = 1_000_000
_NO_MANIFEST = (AttributeError, KeyError, TypeError, ValueError)

Written = Callable[[int], None]
"""Is told how many bytes of a part are done by now."""


class Readable(Protocol):
    """What can be read piece by piece, to its end."""

    def read(self, size: int, /) -> bytes:
        """So many bytes or fewer; none at its end."""


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """A file of the archive."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class DumpPart(ArchiveFile):
    """A database's dump: the version of its tables, and of the server and the pg_dump that it came from."""

    version: str
    server: int
    tool: int


@dataclass(frozen=True, slots=True)
class FilePart(ArchiveFile):
    """A file of the shop's: the setting that names it, and its own name."""

    setting: str
    called: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in an archive.

    Attributes:
        made_at: as of when its databases are.
        program, dagster: the versions that made it.
        databases: "queue", "journal" and "dagster" to their dumps.
    """

    made_at: datetime
    program: str
    dagster: str
    databases: Mapping[str, DumpPart]
    files: tuple[FilePart, ...] = ()

    @property
    def parts(self) -> list[ArchiveFile]:
        """All that the archive has beside the manifest."""
        return [*self.databases.values(), *self.files]

    def as_json(self) -> dict[str, Any]:
        """As it stands in the archive."""
        return {"format": FORMAT, **asdict(self), "made_at": self.made_at.isoformat()}

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> Self:
        """The reverse. Raises AttributeError, KeyError, TypeError or ValueError for what is none."""
        return cls(
            datetime.fromisoformat(told["made_at"]),
            str(told["program"]),
            str(told["dagster"]),
            {name: DumpPart(**one) for name, one in told["databases"].items()},
            tuple(FilePart(**one) for one in told["files"]),
        )


class ArchiveWriter:
    """Writes an archive into a file, part by part; `finish` makes it one. Use it as a context manager."""

    def __init__(self, file: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # While the file is open: left to its end, it would complain on the terminal of a file that is closed.
        with suppress(OSError):
            self._zip.close()

    def add(self, name: str, source: Readable, told: Written) -> ArchiveFile:
        """Adds what a source has to read."""
        digest, done = hashlib.sha256(), 0
        with self._zip.open(name, "w", force_zip64=True) as target:
            while chunk := source.read(_CHUNK):
                target.write(chunk)
                digest.update(chunk)
                told(done := done + len(chunk))
        return ArchiveFile(name, done, digest.hexdigest())

    def finish(self, manifest: Manifest) -> None:
        """Adds the manifest. Without it the file is no archive."""
        self._zip.writestr(MANIFEST, json.dumps(manifest.as_json(), indent=1))
        self._zip.close()


class Archive:
    """An archive that is there; use it as a context manager.

    Raises:
        NeedsPerson: it is none, is damaged, or is one of a newer program.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():  # A pipe would be waited for.
            raise NeedsPerson(f"{path} is no file.")
        with self._sound():
            self._zip = zipfile.ZipFile(path)
            try:
                with self._zip.open(MANIFEST) as file:
                    told = json.loads(file.read(_LONGEST_MANIFEST))
                if told["format"] != FORMAT:
                    raise NeedsPerson(
                        f"{path} is of a newer program than this one: install that one, and restore with it."
                    )
                self.manifest = Manifest.of_json(told)
            except BaseException:
                self._zip.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def check(self, told: Written) -> None:
        """Reads all of it, and compares it with the manifest's checksums.

        Raises:
            NeedsPerson: something is not as it was written.
        """
        before = 0
        for part in self.manifest.parts:
            digest, done = hashlib.sha256(), 0
            for chunk in self.read(part):
                digest.update(chunk)
                done += len(chunk)
                told(before + done)
            if (done, digest.hexdigest()) != (part.bytes, part.sha256):
                raise NeedsPerson(f"{self.path} is damaged: {part.name} is not what was written. {_OTHER}")
            before += done

    def read(self, part: ArchiveFile) -> Iterator[bytes]:
        """A part, piece by piece."""
        with self._sound(), self._zip.open(part.name) as source:
            while chunk := source.read(_CHUNK):
                yield chunk

    @contextmanager
    def _sound(self) -> Iterator[None]:
        try:
            yield
        except (zipfile.BadZipFile, EOFError, NotImplementedError, *_NO_MANIFEST) as error:
            raise NeedsPerson(
                f"{self.path} is no whole backup of ingram's ({type(error).__name__}). {_OTHER}"
            ) from None


_OTHER = "Nothing was restored. Take another copy of it, or another backup."
