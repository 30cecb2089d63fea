"""Work that needs much memory once, done in a process that ends: the memory goes with it."""

import contextlib
import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar

from ingram_assets.domain.failures import Transient
from ingram_assets.runtime.template import FORKS

T = TypeVar("T")


def apart(work: Callable[[], T]) -> T:
    """What the work gives, or raises. It sees this process as it is, and changes nothing of it.

    For a process that has no threads yet. Where a fork is not safe the work is done here.

    Raises:
        Transient: the process was killed.
    """
    if not FORKS:
        return work()
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_tell, args=(work, there))
    process.start()
    there.close()
    try:
        gave, raised = here.recv()
    except EOFError:
        raise Transient(
            "What sets up was killed: is this machine out of memory? Repeat the command."
        ) from None
    finally:
        process.kill()  # It has told all, or nobody waits for it any more.
        process.join()
        here.close()
    if raised is not None:
        raise raised
    return gave  # type: ignore[no-any-return]


def _tell(work: Callable[[], object], there: Connection) -> None:
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is for the one that waits.
        try:
            there.send((work(), None))
        except Exception as error:
            there.send((None, error))
