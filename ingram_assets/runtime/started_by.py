"""How the shop's processes are started here, for sentences on it: by `ingram up`, or as services."""

import fcntl
from dataclasses import dataclass
from pathlib import Path

from ingram_assets.domain.failures import NeedsPerson


@dataclass(frozen=True, slots=True)
class StartedBy:
    """What to do so that the processes are at work, or are so anew.

    Attributes:
        they_are: a sentence's beginning, of those that have this state folder.
        others: where to look for those that have another one.
    """

    they_are: str
    start: str
    anew: str
    others: str = ""


BY_UP = StartedBy("ingram up is", "Start the shop: ingram up.", "Stop ingram up, and start it anew.")


def service_lock(state: Path, service: str) -> Path:
    """What `ingram serve` holds while that service is at work with a state folder, and leaves there."""
    return state / f"serve-{service}.lock"


def started_by(state: Path) -> StartedBy:
    """How the processes that have this state folder are started, at work or not."""
    served = sorted(lock.stem.removeprefix("serve-") for lock in state.glob(service_lock(state, "*").name))
    if not served:
        return BY_UP
    names = ", ".join(served)
    return StartedBy(
        f"The service {names} is" if len(served) == 1 else f"The services {names} are",
        "Start the shop's services (docs/deploying.md).",
        "Start the shop's services anew (docs/deploying.md).",
        " Whether the others are: docs/deploying.md, Day by day.",
    )


def start_by_up(state: Path) -> None:
    """From now on it is `ingram up` that starts them.

    Raises:
        NeedsPerson: a service is at work with this state folder.
    """
    for lock in state.glob(service_lock(state, "*").name):
        with lock.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                name = lock.stem.replace("-", " ")
                raise NeedsPerson(f"ingram {name} is at work with {state}: stop it first.") from None
            lock.unlink()
