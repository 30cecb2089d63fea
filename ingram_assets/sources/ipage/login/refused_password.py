"""Keeps a wrong password from being tried by every run, hour by hour, until the account is locked."""

import hashlib
import json
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path

from ingram_assets.whole_files import write_whole

FOR_SECONDS = 24 * 3600.0
"""One try a day locks no account."""


class RefusedPassword:
    """Remembers in a file that the site refused a user and password, but not what they were.

    Args:
        secret: site, user and password in one text; another text has not been refused.
    """

    def __init__(self, path: Path, secret: str) -> None:
        self._path = path
        self._secret = secret

    def reason(self) -> str | None:
        """Why this password is not to be tried now; `None`: it may be."""
        try:
            known = json.loads(self._path.read_text())
            refused_at, salt = float(known["refused_at"]), bytes.fromhex(known["salt"])
            same = secrets.compare_digest(known["digest"], self._digest(salt))
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None
        if not same or time.time() - refused_at > FOR_SECONDS:
            return None
        return (
            f"{known['reason']} That was at {datetime.fromtimestamp(refused_at, UTC):%Y-%m-%d %H:%M} UTC, "
            "and the same password is not tried again for a day: correct it, or to try it now remove "
            f"{self._path}."
        )

    def remember(self, reason: str) -> None:
        """The site refused it, for this reason."""
        salt = secrets.token_bytes(16)
        known = {"refused_at": time.time(), "reason": reason, "salt": salt.hex()}
        write_whole(self._path, json.dumps(known | {"digest": self._digest(salt)}))

    def forget(self) -> None:
        """It was right, now."""
        self._path.unlink(missing_ok=True)

    def _digest(self, salt: bytes) -> str:
        return hashlib.scrypt(self._secret.encode(), salt=salt, n=2**14, r=8, p=1).hex()
