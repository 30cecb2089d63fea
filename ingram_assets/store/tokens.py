"""The tokens of programs that ask the desk: made, looked up, revoked. Kept as argon2 hashes alone."""

import hashlib
import hmac
import re
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from ingram_assets.domain.failures import Permanent
from ingram_assets.store.journal_connections import JournalPool

Scope = Literal["read", "store", "admin"]
"""`read`: look at everything. `store`: one sales channel's locations. `admin`: everything."""

_FORM = re.compile(r"ingram_([0-9a-f]{12})_([0-9A-Za-z_-]{43})")
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,60}")
_COLUMNS = "id, name, scope, channel_id, channel_name, created_at, created_by, last_used_at, revoked_at"

# A token is 256 random bits, so what argon2 adds is little, and a request should not wait for it: the least
# that is recommended, some 20 ms, and once in a process for each token.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

_SECONDS = 5
"""So long the database may take to answer: whoever sent a token waits for it."""


class TokenRefused(Permanent):
    """A token can't be made or revoked as asked for; the message says why."""


@dataclass(frozen=True, slots=True)
class DeskToken:
    """A token as it is known, not the text that a program sends. The channel is that of a store's token."""

    id: str
    name: str
    scope: Scope
    channel_id: str | None
    channel_name: str | None
    created_at: datetime
    created_by: str
    last_used_at: datetime | None
    revoked_at: datetime | None


class TokenStore(JournalPool):
    """The tokens, in the journal's database. It may be shared by threads."""

    def __init__(self, url: str) -> None:
        super().__init__(
            url, 4, wait_seconds=_SECONDS, consequence="Ask again once it is back.", connect_seconds=_SECONDS
        )
        self._proven: dict[str, tuple[str, bytes]] = {}
        """Token's id to the hash that a text was proven against, and the text's own digest."""
        self._proving = threading.Lock()
        """One at a time: who sends wrong ones takes one processor, and the memory of one."""

    def create(
        self,
        name: str,
        scope: Scope,
        *,
        by: str,
        channel_id: str | None = None,
        channel_name: str | None = None,
    ) -> tuple[DeskToken, str]:
        """Makes a token. Returns it, and the text that its program sends, which nobody can tell again.

        Raises:
            TokenRefused: the name was given to another one, or is none.
        """
        if not _NAME.fullmatch(name) or not name.strip():
            raise TokenRefused("A token's name has 1 to 60 signs, and no control signs among them.")
        token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        rows = self._run(
            "INSERT INTO desk_token (id, name, scope, channel_id, channel_name, hash, created_by)"
            f" VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (name) DO NOTHING RETURNING {_COLUMNS}",
            [token_id, name.strip(), scope, channel_id, channel_name, _HASHER.hash(secret), by],
        )
        if not rows:
            raise TokenRefused(
                f"There is, or was, a token named {name.strip()!r}, and the ledger knows it by that: take "
                "another name."
            )
        return DeskToken(*rows[0]), f"ingram_{token_id}_{secret}"

    def all(self) -> list[DeskToken]:
        """Every token, revoked ones too, oldest first."""
        rows = self._run(f"SELECT {_COLUMNS} FROM desk_token ORDER BY created_at")
        return [DeskToken(*row) for row in rows]

    def revoke(self, called: str) -> DeskToken:
        """Ends a token, by its name or id, from the next request on. Again is no harm.

        Raises TokenRefused: there is none.
        """
        rows = self._run(
            "UPDATE desk_token SET revoked_at = coalesce(revoked_at, clock_timestamp())"
            f" WHERE id = %s OR name = %s RETURNING {_COLUMNS}",
            [called, called],
        )
        if not rows:
            raise TokenRefused(f"There is no token {called!r}: ingram token list names them.")
        return DeskToken(*rows[0])

    def check(self, text: str) -> DeskToken | None:
        """The token that a program sent; `None`: it is none, or revoked."""
        parts = _FORM.fullmatch(text)
        if parts is None:
            return None
        token_id, secret = parts.groups()
        query = f"SELECT hash, {_COLUMNS} FROM desk_token WHERE id = %s AND revoked_at IS NULL"
        rows = self._run(query, [token_id])
        if not rows or not self._is_proven(token_id, secret, rows[0][0]):
            return None
        self._note(
            "UPDATE desk_token SET last_used_at = clock_timestamp() WHERE id = %s"
            " AND coalesce(last_used_at, '-infinity') < clock_timestamp() - interval '1 minute'",
            [token_id],
        )
        return DeskToken(*rows[0][1:])

    def _is_proven(self, token_id: str, secret: str, kept: str) -> bool:
        digest = hashlib.sha256(secret.encode()).digest()
        before = self._proven.get(token_id)
        if before and before[0] == kept and hmac.compare_digest(before[1], digest):
            return True
        try:
            with self._proving:
                _HASHER.verify(kept, secret)
        except (Argon2Error, InvalidHashError):
            return False
        self._proven[token_id] = (kept, digest)
        return True
