"""Files that are there whole or not at all, whatever happens while they are written."""

import os
from pathlib import Path
from secrets import token_hex


def write_whole(path: Path, data: str | bytes) -> None:
    """Replaces a file, readable by its owner alone from its first byte on."""
    draft = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
