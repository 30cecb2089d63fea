"""What is kept for the next run: the session, encrypted, refused passwords, pages not understood."""

import gzip
import hashlib
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from ingram_assets.coordination.connection import Coordinator
from ingram_assets.domain.site_limits import PasswordRefusal

log = logging.getLogger(__name__)

MOST_PAGES = 50
"""Pages that are kept; beyond that the oldest goes."""


def account_key(site: str, user: str) -> str:
    """What an account is called in the database: it tells nobody who that is."""
    return hashlib.sha256(f"{user}@{site}".encode()).hexdigest()


class SealedSession:
    """An account's session, encrypted, and the right to replace it. Thread-safe.

    Args:
        keys: Fernet's; the first one encrypts, all of them decrypt.
    """

    def __init__(self, coordinator: Coordinator, account: str, keys: Sequence[str]) -> None:
        self._coordinator, self._account = coordinator, account
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._lock = f"session/{account}"

    def load(self) -> bytes | None:
        """What was kept last; `None`: nothing, or it was encrypted with another key."""
        query = "SELECT sealed FROM scraper.sessions WHERE account = %s"
        rows = self._coordinator.rows("read the kept session", query, [self._account])
        if not rows:
            return None
        try:
            return self._fernet.decrypt(bytes(rows[0][0]))
        except InvalidToken:
            log.warning(
                "The kept session was encrypted with another key, and is made anew by signing in. Give all "
                "machines the same SESSION_KEY; while a key is changed, keep the old one after the new one."
            )
            return None

    def save(self, kept: bytes) -> None:
        """Keeps it in place of what was there."""
        self._coordinator.write(
            "keep the session",
            "INSERT INTO scraper.sessions VALUES (%s, %s, clock_timestamp()) "
            "ON CONFLICT (account) DO UPDATE SET sealed = excluded.sealed, kept_at = excluded.kept_at",
            [self._account, self._fernet.encrypt(kept)],
        )

    def take(self) -> bool:
        """Takes the right to replace it, if nobody has it: no thread, no run, no machine."""
        return self._coordinator.take(self._lock)

    def give_back(self) -> None:
        """Gives the right back."""
        self._coordinator.give_back(self._lock)


class AccountRefusals:
    """The refusals of an account's passwords."""

    def __init__(self, coordinator: Coordinator, account: str) -> None:
        self._coordinator, self._account = coordinator, account

    def load(self, seconds: float) -> list[PasswordRefusal]:
        """Those of the last so many seconds; older ones go, whoever's they are."""
        old = "refused_at < clock_timestamp() - make_interval(secs => %s)"
        self._coordinator.write(
            "forget old refusals", f"DELETE FROM scraper.refused_passwords WHERE {old}", [seconds]
        )
        query = (
            "SELECT digest, reason, extract(epoch FROM clock_timestamp() - refused_at)::float "
            "FROM scraper.refused_passwords WHERE account = %s"
        )
        rows = self._coordinator.rows("read whether the password was refused", query, [self._account])
        return [PasswordRefusal(*row) for row in rows]

    def save(self, digest: str, reason: str) -> None:
        """The site refused one just now."""
        self._coordinator.write(
            "remember a refused password",
            "INSERT INTO scraper.refused_passwords VALUES (%s, %s, %s, clock_timestamp()) "
            "ON CONFLICT DO NOTHING",
            [self._account, digest, reason[:2000]],
        )


class KeptPage(NamedTuple):
    """A page that was not understood, cleaned. `page`: HTML, with the reason as its first line."""

    run_id: str
    isbn: str
    kept_at: datetime
    page: str

    @property
    def why(self) -> str:
        """Why it was kept: what its first line says."""
        return self.page.partition("\n")[0].removeprefix("<!--").removesuffix("-->").strip()


class KeptPages:
    """The pages that were not understood lately, of all runs."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator

    def keep(self, run_id: str, isbn: str, packed: bytes) -> None:
        """Keeps one, packed by gzip, in place of an earlier one of the same run and title."""
        values = [run_id, isbn, packed, MOST_PAGES]
        self._coordinator.write("keep a page", "SELECT scraper.keep_page(%s, %s, %s, %s)", values)

    def all(self) -> list[KeptPage]:
        """All, the newest first."""
        query = "SELECT run_id, isbn, kept_at, page FROM scraper.kept_pages ORDER BY kept_at DESC, isbn"
        rows = self._coordinator.rows("read the kept pages", query)
        return [
            KeptPage(run, isbn, at, gzip.decompress(packed).decode("utf-8", "replace"))
            for run, isbn, at, packed in rows
        ]
