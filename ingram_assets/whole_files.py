"""Files that are there whole or not at all, whatever happens while they are written."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO


def write_whole(path: Path, data: str | bytes) -> None:
    """Replaces a file, readable by its owner alone from its first byte on."""
    with whole_file(path) as file:
        file.write(data.encode() if isinstance(data, str) else data)


@contextlib.contextmanager
def whole_file(path: Path, *, is_new: bool = False) -> Iterator[BinaryIO]:
    """The same for what is written piece by piece: the file is replaced if the block ends well.

    Args:
        is_new: none is replaced.

    Raises:
        FileExistsError: it `is_new`, and one is there by then.
    """
    draft = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if not is_new:
            draft.replace(path)
            return
        try:
            os.link(draft, path)
        except OSError:  # Also where the file system has no such links, as a stick's.
            if path.exists() or path.is_symlink():
                raise FileExistsError(path) from None
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
