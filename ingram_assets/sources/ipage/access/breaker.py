"""The breaker: whether the site is left alone after a block, for all processes and over restarts."""

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ingram_assets.sources.ipage.access.limits import Limits, pause_after
from ingram_assets.sources.ipage.access.slots import locked
from ingram_assets.whole_files import write_whole


@dataclass(frozen=True, slots=True)
class BreakerState:
    """Times are seconds since 1970, since they are read by other processes and after a restart.

    `trips` only ever counts up; `level` is how many came without a long quiet time between; `proven` says
    that the site has answered well since the last trip: until then the breaker is half open.
    """

    open_until: float = 0.0
    tripped_at: float = 0.0
    trips: int = 0
    level: int = 0
    proven: bool = True
    reason: str = ""

    def left_alone_until(self) -> float | None:
        """Until when nothing is sent; `None`: the site may be asked."""
        return self.open_until if self.open_until > time.time() else None


class Breaker:
    """The breaker's state as a small JSON file, replaced whole; removing it closes the breaker."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._path = folder / "breaker.json"
        self._lock = folder / "breaker.lock"
        self._limits = limits

    def read(self) -> BreakerState:
        """The state as the last process left it."""
        return read_breaker(self._path)

    def trip(self, reason: str, retry_after: float | None, sent_at: float) -> tuple[BreakerState, bool]:
        """Opens the breaker; the state, and whether this was a new trip.

        Requests that were already on their way when it tripped belong to the same block.
        """
        with locked(self._lock):
            old, now = self.read(), time.time()
            if new := old.trips == 0 or sent_at > old.tripped_at:
                level = 1 if now - old.open_until > self._limits.forget_after else old.level + 1
                pause = pause_after(level, retry_after, self._limits)
                state = BreakerState(now + pause, now, old.trips + 1, level, proven=False, reason=reason)
            else:
                until = now + min(retry_after or 0.0, self._limits.max_pause)
                state = replace(old, open_until=max(old.open_until, until))
            self._write(state)
        return state, new

    def close(self, sent_at: float) -> None:
        """A request sent after the pause was answered well: full speed again."""
        state = self.read()
        if state.proven or sent_at < state.open_until:
            return
        with locked(self._lock):
            state = self.read()
            if not state.proven and sent_at >= state.open_until:
                self._write(replace(state, proven=True))

    def _write(self, state: BreakerState) -> None:
        write_whole(self._path, json.dumps(asdict(state), indent=1))


def read_breaker(path: Path) -> BreakerState:
    """What the file says; without one, or with one that can't be read, the breaker is closed."""
    try:
        return BreakerState(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        # None, not ours or of another version: nothing is known, so nothing is held back.
        return BreakerState()
