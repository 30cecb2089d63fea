"""Files that their owner alone may read."""

import os
from pathlib import Path


def write_private(file: Path, text: str) -> None:
    """Writes a file that its owner alone may read: whole, or as it was."""
    draft = file.with_name(f"{file.name}.{os.getpid()}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
    draft.replace(file)
