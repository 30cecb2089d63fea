"""What runs share, in memory, by the simulated clock. How PostgreSQL shares it is tested on the real one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from ingram_assets.domain.site_limits import (
    BreakerState,
    Limits,
    PasswordRefusal,
    SiteLook,
    SlotTaken,
    after_block,
)
from ingram_assets_tests.world.clock import Clock


@dataclass(slots=True)
class SimulatedSharedSite:
    """What `SharedState` wants, of the one site that there is."""

    clock: Clock
    breaker: BreakerState = field(default_factory=BreakerState)
    slots: set[int] = field(default_factory=set)
    started: float = 0.0
    waits: int = 0
    pages: dict[str, int] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)
    refused: list[tuple[str, str, str, float]] = field(default_factory=list)

    def limits(self, limits: Limits) -> "SimulatedLimits":
        return SimulatedLimits(self, limits)

    def session(self, account: str) -> "SimulatedKept":
        return SimulatedKept(self, account)

    def refusals(self, account: str) -> "SimulatedRefusals":
        return SimulatedRefusals(self, account)

    def keep_page(self, run_id: str, isbn: str, packed: bytes) -> None:
        """Nobody looks at it."""

    def close(self) -> None:
        """A run ended; the others go on."""

    @property
    def open_until(self) -> float:
        """Until when the breaker is open; 0: it is closed."""
        return self.breaker.left_alone_until(self.clock.now) or 0.0


@dataclass(slots=True)
class SimulatedLimits:
    """A run's slots and pace."""

    of: SimulatedSharedSite
    with_limits: Limits

    def look(self) -> SiteLook:
        return SiteLook(self.of.clock.now, self.of.breaker)

    def take(self, at_most: int, *, is_waiting: bool) -> tuple[SlotTaken | None, SiteLook]:
        of, look = self.of, self.look()
        if look.breaker.left_alone_until(look.now) or (of.waits and not is_waiting):
            return None, look
        most = at_most if look.breaker.proven else 1
        slot = next((each for each in range(1, most + 1) if each not in of.slots), None)
        if slot is None:
            return None, look
        of.slots.add(slot)
        starts = max(look.now, of.started + self.with_limits.min_gap)
        of.started = starts
        return SlotTaken(slot, starts - look.now), look

    @contextmanager
    def waiting(self) -> Iterator[None]:
        self.of.waits += 1
        try:
            yield
        finally:
            self.of.waits -= 1

    def give_back(self, slot: int) -> None:
        self.of.slots.discard(slot)

    def settle(self, latency: float, *, is_answered: bool, sent_at: float) -> None:
        if is_answered and sent_at >= self.of.breaker.open_until:
            self.of.breaker = replace(self.of.breaker, proven=True)

    def trip(self, reason: str, retry_after: float | None, sent_at: float) -> tuple[SiteLook, bool]:
        now = self.of.clock.now
        state, is_new = after_block(self.of.breaker, reason, retry_after, sent_at, now, self.with_limits)
        self.of.breaker = state
        return self.look(), is_new

    def pages_read(self, session: str) -> int:
        return self.of.pages.get(session, 0)

    def count_page(self, session: str) -> int:
        self.of.pages[session] = self.pages_read(session) + 1
        return self.of.pages[session]


@dataclass(slots=True)
class SimulatedKept:
    """The kept session. Runs of the world sign in one after the other."""

    of: SimulatedSharedSite
    account: str

    def load(self) -> bytes | None:
        return self.of.kept.get(self.account)

    def save(self, kept: bytes) -> None:
        self.of.kept[self.account] = kept

    def take(self) -> bool:
        return True

    def give_back(self) -> None:
        """It is free."""


@dataclass(slots=True)
class SimulatedRefusals:
    """The refusals of passwords."""

    of: SimulatedSharedSite
    account: str

    def load(self, seconds: float) -> list[PasswordRefusal]:
        now = self.of.clock.now
        return [
            PasswordRefusal(digest, reason, now - at)
            for account, digest, reason, at in self.of.refused
            if account == self.account and now - at <= seconds
        ]

    def save(self, digest: str, reason: str) -> None:
        self.of.refused.append((self.account, digest, reason, self.of.clock.now))
