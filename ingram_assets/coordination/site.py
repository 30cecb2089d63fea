"""All that runs share of one site, over one connection."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from ingram_assets.coordination.connection import Coordinator
from ingram_assets.coordination.keeping import AccountRefusals, KeptPages, SealedSession, account_key
from ingram_assets.coordination.limits import SiteLimits
from ingram_assets.domain.site_limits import Limits

_FORGET = {
    "session": ("sessions", "account"),
    "password": ("refused_passwords", "account"),
    "block": ("breakers", "site"),
}


class SharedSite:
    """What `SharedState` of the site's room wants, in PostgreSQL.

    Args:
        url: of the queue's writer role.
        base_url: of the site. What is shared is shared by host and port.
        keys: give the keys that the session is encrypted with, once it is needed.
    """

    def __init__(self, url: str, base_url: str, keys: Callable[[], Sequence[str]]) -> None:
        self.coordinator = Coordinator(url)
        self._site, self._keys = urlsplit(base_url).netloc.rpartition("@")[2], keys

    def limits(self, limits: Limits) -> SiteLimits:
        """Slots, pace and breaker, with these figures."""
        return SiteLimits(self.coordinator, self._site, limits)

    def session(self, account: str) -> SealedSession:
        """The session of who is called so on this site."""
        return SealedSession(self.coordinator, account_key(self._site, account), self._keys())

    def refusals(self, account: str) -> AccountRefusals:
        """The refusals of that one's passwords."""
        return AccountRefusals(self.coordinator, account_key(self._site, account))

    def keep_page(self, run_id: str, isbn: str, packed: bytes) -> None:
        """Keeps a page for a person to look at."""
        KeptPages(self.coordinator).keep(run_id, isbn, packed)

    def forget(self, what: str, account: str) -> bool:
        """Forgets the "session", each "password" that was refused, or the "block"; whether there was one."""
        table, column = _FORGET[what]
        key = self._site if column == "site" else account_key(self._site, account)
        query = f"DELETE FROM scraper.{table} WHERE {column} = %s RETURNING 1"
        return bool(self.coordinator.rows(f"forget the {what}", query, [key]))

    def close(self) -> None:
        """Ends what is held, and the connection."""
        self.coordinator.close()


def left_alone_until(url: str, base_url: str) -> datetime | None:
    """Until when (UTC) the site is left alone after a block; `None`: it may be asked. A short look."""
    shared = SharedSite(url, base_url, tuple)
    try:
        look = shared.limits(Limits()).look()
    finally:
        shared.close()
    until = look.breaker.left_alone_until(look.now)
    return datetime.fromtimestamp(until, UTC) if until else None
