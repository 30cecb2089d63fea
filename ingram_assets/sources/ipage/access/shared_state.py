"""What all runs that ask the site share, on whichever machine they are, as this room needs it.

Who opens a `Site` brings it: `ingram_assets/coordination` has it in PostgreSQL. Times are seconds since 1970,
by the one clock that all share.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from ingram_assets.domain.site_limits import Limits, PasswordRefusal, SiteLook, SlotTaken


class SharedLimits(Protocol):
    """Slots, pace, breaker and slow start of one site. Thread-safe. All raise Transient, NeedsPerson."""

    def look(self) -> SiteLook:
        """What is known now."""

    def take(self, at_most: int, *, is_waiting: bool) -> tuple[SlotTaken | None, SiteLook]:
        """One of the first `at_most` slots, if one is free and nobody has waited longer; and a look.

        Args:
            is_waiting: within `waiting`.
        """

    def waiting(self) -> AbstractContextManager[None]:
        """Within it others queue up behind this run, in which one thread at a time waits so."""

    def give_back(self, slot: int) -> None:
        """The request is over."""

    def settle(self, latency: float, *, is_answered: bool, sent_at: float) -> None:
        """An answer came, after so many seconds: sets the pace, and ends what a block began."""

    def trip(self, reason: str, retry_after: float | None, sent_at: float) -> tuple[SiteLook, bool]:
        """The site blocked a request that was sent then; and whether that is news. See `after_block`."""

    def pages_read(self, session: str) -> int:
        """Product pages that were read well in this session."""

    def count_page(self, session: str) -> int:
        """One more; how many that makes."""


class SharedSession(Protocol):
    """What is kept of an account's session: a text, and the right to replace it. Thread-safe."""

    def load(self) -> bytes | None:
        """What was kept last; `None`: nothing, or what can't be read here."""

    def save(self, kept: bytes) -> None:
        """Keeps it in place of what was there."""

    def take(self) -> bool:
        """Takes the right to replace it, if nobody has it. It is lost with the process."""

    def give_back(self) -> None:
        """Gives the right back."""


class SharedRefusals(Protocol):
    """The refusals of an account's passwords."""

    def load(self, seconds: float) -> Sequence[PasswordRefusal]:
        """Those of the last so many seconds; older ones go."""

    def save(self, digest: str, reason: str) -> None:
        """The site refused one just now."""


class SharedState(Protocol):
    """All of it, of one site."""

    def limits(self, limits: Limits) -> SharedLimits:
        """Slots, pace and breaker, with these figures."""

    def session(self, account: str) -> SharedSession:
        """The session of who is called so on this site."""

    def refusals(self, account: str) -> SharedRefusals:
        """The refusals of that one's passwords."""

    def keep_page(self, run_id: str, isbn: str, packed: bytes) -> None:
        """Keeps a page for a person to look at, in place of an earlier one; beyond a few, the oldest goes."""

    def close(self) -> None:
        """Ends what is held, and the connection."""
