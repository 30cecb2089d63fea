"""Run ids as people type them: any beginning of one that is no other run's, too. Pure."""

import re
from collections.abc import Iterable, Sequence

from ingram_assets.domain.failures import NeedsPerson

SHORT = 8
"""So many characters of an id are printed."""
_FEWEST = 4
_NAMED = 5


class NoSuchRun(NeedsPerson):
    """No run's id begins like that, or several do: nothing was started."""


def is_run_name(typed: str) -> bool:
    """Whether it may be a run's id, or the beginning of one: four characters at least."""
    return re.fullmatch(rf"[0-9a-f][0-9a-f-]{{{_FEWEST - 1},35}}", typed) is not None


def the_one_run(typed: str, begin_so: Iterable[str], *, otherwise: str) -> str:
    """The whole id of the one run that is meant.

    Args:
        begin_so: the ids of the runs there are that begin with what was typed.
        otherwise: what to do if there is none.

    Raises:
        NoSuchRun: there is none, or more than one.
    """
    found: Sequence[str] = sorted(set(begin_so))
    if not found:
        raise NoSuchRun(f"No run's id begins with {typed}. {otherwise}")
    if len(found) > 1 and typed not in found:
        named = ", ".join(found[:_NAMED]) + (", …" if len(found) > _NAMED else "")
        raise NoSuchRun(f"The ids of {len(found):,} runs begin with {typed}: {named}. Type more of the one.")
    return typed if typed in found else found[0]
