"""Keeps a wrong password from being tried by every run, hour by hour, until the account is locked."""

import hashlib
import secrets
import time
from datetime import UTC, datetime

from ingram_assets.sources.ipage.access.shared_state import SharedRefusals

FOR_SECONDS = 24 * 3600.0
"""One try a day locks no account."""


class RefusedPassword:
    """Remembers that the site refused a user and password, but not what they were.

    Args:
        shared: where it is remembered, for all runs.
        secret: site, user and password in one text; another text has not been refused.
    """

    def __init__(self, shared: SharedRefusals, secret: str) -> None:
        self._shared, self._secret = shared, secret

    def reason(self) -> str | None:
        """Why this password is not to be tried now; `None`: it may be."""
        for known in self._shared.load(FOR_SECONDS):
            salt, _, digest = known.digest.partition("$")
            if secrets.compare_digest(digest, self._digest(salt)):
                refused_at = datetime.fromtimestamp(time.time() - known.age, UTC)
                return (
                    f"{known.reason} That was at {refused_at:%Y-%m-%d %H:%M} UTC, and the same password is "
                    "not tried again for a day: correct it, or to try it now run `ingram forget password`."
                )
        return None

    def remember(self, reason: str) -> None:
        """The site refused it, for this reason."""
        salt = secrets.token_hex(16)
        self._shared.save(f"{salt}${self._digest(salt)}", reason)

    def _digest(self, salt: str) -> str:
        return hashlib.scrypt(self._secret.encode(), salt=salt.encode(), n=2**14, r=8, p=1).hex()
