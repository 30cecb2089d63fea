"""What processes have in memory. A forked one's environment is nowhere else to be seen."""

from collections.abc import Collection, Hashable, Mapping
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T", bound=Hashable)
_AT_ONCE = 1 << 20


def in_memory(pid: int, looked_for: Mapping[T, Collection[bytes]]) -> set[T]:
    """Which of these a process has, in any of its spellings, in all that it can write to.

    Raises:
        NoSuchProcess: it has ended.
    """
    longest = max(len(form) for forms in looked_for.values() for form in forms)
    found: set[T] = set()
    try:
        regions = [
            [int(end, 16) for end in line.split()[0].split("-")]
            for line in Path(f"/proc/{pid}/maps").read_text().splitlines()
            if line.split()[1].startswith("rw")
        ]
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            for start, end in regions:
                for at in range(start, end, _AT_ONCE):
                    memory.seek(at)
                    try:
                        data = memory.read(min(_AT_ONCE + longest, end - at)) or b""
                    except OSError:  # It was given back since, or was never used.
                        continue
                    left = {name: forms for name, forms in looked_for.items() if name not in found}
                    found |= {name for name, forms in left.items() if any(form in data for form in forms)}
    except (FileNotFoundError, ProcessLookupError):
        raise psutil.NoSuchProcess(pid) from None
    return found


def templates_of(process: psutil.Process) -> list[psutil.Process]:
    """The templates below a process, and not what they forked."""

    def is_one(each: psutil.Process) -> bool:
        try:
            return "ingram_assets.runtime.forking" in each.cmdline()
        except psutil.NoSuchProcess:  # A run's that has ended since.
            return False

    below = [each for each in process.children(recursive=True) if is_one(each)]
    return [each for each in below if each.ppid() not in {other.pid for other in below}]
