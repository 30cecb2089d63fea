"""The key that the kept session is encrypted with, where the settings name none: a file of this machine."""

from pathlib import Path

import filelock
from cryptography.fernet import Fernet

from ingram_assets.whole_files import write_whole


def own_key(folder: Path) -> str:
    """The machine's own key, made on its first use. Raises OSError.

    Good for one machine: several have to share a key, as SESSION_KEY.
    """
    path = folder / "session.key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with filelock.FileLock(folder / "session.key.lock", mode=0o600):
            if not path.exists():
                write_whole(path, Fernet.generate_key().decode())
    return path.read_text().strip()
