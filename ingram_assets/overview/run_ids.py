"""Run ids as people type them: any beginning of one that is no other run's, too. Pure."""

import re
from collections.abc import Iterable, Sequence

from ingram_assets.domain.failures import NeedsPerson

SHORT = 8
"""So many characters of an id are printed."""
_FEWEST = 4
_NAMED = 5
LIKE_A_RUN = (
    "it looks like 0b7e4c1e-3f52-4f0f-9c1d-2a60a3f4b7aa, and its first letters, four at least, will do"
)
"""Said of a run's id where something else was typed."""


class NoSuchRun(NeedsPerson):
    """No run's id begins like that, or several do: nothing was started."""


def is_run_name(typed: str) -> bool:
    """Whether it may be a run's id, or the beginning of one: four characters at least."""
    return re.fullmatch(rf"[0-9a-f][0-9a-f-]{{{_FEWEST - 1},35}}", typed) is not None


def no_line(typed: str) -> None:
    """Looks at whether what no line of the ledger is called may be a run's id.

    A number is typed for a line. Mistyped, it is the beginning of some run's id all too easily.

    Raises:
        NoSuchRun: it may not: it is too short, or digits alone and shorter than ids are printed.
    """
    if not is_run_name(typed) or (typed.isdecimal() and len(typed) < SHORT):
        raise NoSuchRun(
            f"There is no line {typed} in the ledger; a run's id has to be given with at least {_FEWEST} "
            f"characters, of digits alone with at least {SHORT}: ingram runs lists them."
        )


def the_one_run(typed: str, begin_so: Iterable[str], *, otherwise: str) -> str:
    """The whole id of the one run that is meant.

    Args:
        begin_so: the ids of the runs there are that begin with what was typed.
        otherwise: what to do if there is none.

    Raises:
        NoSuchRun: there is none, or more than one, or too little was typed to mean one.
    """
    if not is_run_name(typed):
        raise NoSuchRun(f"{typed} is too little of a run's id: {LIKE_A_RUN}. ingram runs lists them.")
    found: Sequence[str] = sorted(set(begin_so))
    if not found:
        raise NoSuchRun(f"No run's id begins with {typed}. {otherwise}")
    if len(found) > 1 and typed not in found:
        named = ", ".join(found[:_NAMED]) + (", …" if len(found) > _NAMED else "")
        raise NoSuchRun(f"The ids of {len(found):,} runs begin with {typed}: {named}. Type more of the one.")
    return typed if typed in found else found[0]
