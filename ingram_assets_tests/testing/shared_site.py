"""What runs share of a simulated site, in a queue database of the test worker's own."""

import base64
from dataclasses import dataclass, field
from datetime import datetime

from ingram_assets.coordination.keeping import KeptPage, KeptPages, SealedSession
from ingram_assets.coordination.site import SharedSite, left_alone_until
from ingram_assets_tests.testing.queue import Queue

KEY = base64.urlsafe_b64encode(b"not a secret key, but 32 letters").decode()
"""The same in every process."""

TABLES = ("pace", "slow_starts", "breakers", "sessions", "refused_passwords", "kept_pages")


@dataclass(frozen=True)
class Shared:
    """Opens what runs share, as runs do, each over a connection of its own, which ends with the test."""

    queue: Queue
    opened: list[SharedSite] = field(default_factory=list)

    def __reduce__(self) -> tuple[type["Shared"], tuple[Queue]]:
        """Another process opens its own."""
        return Shared, (self.queue,)

    def __call__(self, base_url: str, *keys: str) -> SharedSite:
        site = SharedSite(self.queue.writer, base_url, lambda: keys or (KEY,))
        self.opened.append(site)
        return site

    def kept(self, base_url: str, user: str = "") -> SealedSession:
        """What is kept of an account's session."""
        return self(base_url).session(user)

    def left_alone_until(self, base_url: str) -> datetime | None:
        return left_alone_until(self.queue.writer, base_url)

    def pages(self) -> list[KeptPage]:
        return KeptPages(self("http://nowhere").coordinator).all()

    def close(self) -> None:
        """Ends all connections."""
        while self.opened:
            self.opened.pop().close()

    def forget(self) -> None:
        """Empties it."""
        forget_what_runs_share(self.queue)


def forget_what_runs_share(queue: Queue) -> None:
    """Empties the tables of it: no run asked the site yet."""
    queue.sql(f"TRUNCATE {', '.join(f'scraper.{name}' for name in TABLES)}")
