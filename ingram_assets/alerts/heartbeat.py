"""The heartbeat: after each good sweep a watcher elsewhere is told, who tells people when it is told no more.

A machine that is off sends no alert. Its silence is seen by somebody else, such as healthchecks.io or an
Uptime Kuma, whose address is asked for with a GET, as both understand it. The address is a secret: who has it
can say that all is well. It is in no log, table or message.
"""

import logging
import threading
from dataclasses import dataclass

import httpx

SECONDS = 10.0
"""So long a call may take, whatever the other side does."""
_FIRST_PAUSE = 15.0
_LONGEST_PAUSE = 600.0


@dataclass(frozen=True, slots=True)
class GoodSweep:
    """A good sweep: its event's id, and when it ended."""

    id: int
    at: float


@dataclass(frozen=True, slots=True)
class HeartbeatState:
    """How far the heartbeat is.

    Args:
        sweep: the id of the last sweep that was told, or is to be; 0: none was.
        failures: how often the watcher did not take it.
        again_at: when it is tried again; `None`: it was taken.
    """

    sweep: int = 0
    failures: int = 0
    again_at: float | None = None


def next_beat(
    beat: HeartbeatState, last: GoodSweep | None, now: float, promised: float
) -> HeartbeatState | None:
    """What to note before the watcher is told of the last sweep; `None`: it is not to be told now. Pure.

    Noted before the call: a process that dies in it calls once more, after a pause.

    Args:
        promised: how old (seconds) readings may be. A sweep from longer ago is no sign of life, as after a
            week in which all was off.
    """
    if last is None or now - last.at > promised:
        return None
    if last.id != beat.sweep:
        return HeartbeatState(last.id, 1, now + _FIRST_PAUSE)
    if beat.again_at is None or beat.again_at > now:
        return None
    pause = min(_FIRST_PAUSE * 2**beat.failures, _LONGEST_PAUSE)
    return HeartbeatState(last.id, beat.failures + 1, now + pause)


def call(url: str, seconds: float = SECONDS) -> str | None:
    """Tell the watcher; why it did not take it, without its address; `None`: it did. Raises nothing."""
    said: list[str | None] = []

    def work() -> None:
        said.append(_get(url, seconds))

    # A thread of its own, left behind at the end of its time: a server may send a byte a second for ever.
    thread = threading.Thread(target=work, name="heartbeat", daemon=True)
    thread.start()
    thread.join(seconds)
    return said[0] if said else "it did not answer in time"


def _get(url: str, seconds: float) -> str | None:
    # It logs addresses.
    for chatty in ("httpx", "httpcore"):
        logging.getLogger(chatty).propagate = False
    try:
        with httpx.stream("GET", url, timeout=seconds, headers={"User-Agent": "ingram"}) as answer:
            return None if answer.is_success else f"it answered {answer.status_code}"
    except Exception as error:  # What it says of itself may hold the address.
        return f"it can't be reached ({type(error).__name__})"
