"""Terminal sessions in a document: found by the mark before them, typed anew, and written as they came."""

import re
from collections.abc import Callable, Iterator

MARK = "<!-- terminal -->\n```console\n"
_BLOCK = re.compile(rf"(?<={re.escape(MARK)}).*?(?=^```$)", re.DOTALL | re.MULTILINE)
_HEAD = re.compile(r"(.+) \| head -(\d+)")

_STAND_INS = (
    (r"\d{4}-\d\d-\d\d (?=\d\d:\d\d)", "2027-03-01 "),
    (r"\b\d\d:\d\d:\d\d\b", "09:30:00"),
    (r"(?<![\d:])\d\d:\d\d(?![\d:])", "09:30"),
    (r"(?<=\d\d:\d\d )C[SD]T\b", "CST"),
    (r"(?<=, )\d+ s\.", "4 s."),
    (r"(?<=127\.0\.0\.1:)\d+", "3001"),
    (r"[ \t]+$", ""),
)
"""What differs from run to run, to what stands in its place."""
_RUN_ID = re.compile(r"\b([0-9a-f]{8})(-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?\b")


def regenerated(document: str, type_: Callable[[str], str]) -> str:
    """The document with its sessions as they are now.

    Args:
        type_: what a command prints. It is asked for each line of a session that begins with `$ `, in order.
    """

    def again(session: re.Match[str]) -> str:
        return "".join(f"$ {command}\n{_printed(command, type_)}" for command in _commands(session[0]))

    return stood_in(_BLOCK.sub(again, document), within=_BLOCK)


def stood_in(text: str, within: re.Pattern[str] = re.compile(r".+", re.DOTALL)) -> str:
    """The text without what differs from run to run: times, durations, ports, and ids of runs.

    A run keeps one id throughout the text, long or short, in the order in which runs are named.
    """
    ids: dict[str, str] = {}

    def run_id(found: re.Match[str]) -> str:
        short = ids.setdefault(found[1], f"0b7e4c{len(ids) + 1:02x}")
        return f"{short}-3f52-4f0f-9c1d-2a60a3f4b7aa" if found[2] else short

    def one(found: re.Match[str]) -> str:
        part = _RUN_ID.sub(run_id, found[0])
        for pattern, stand_in in _STAND_INS:
            part = re.sub(pattern, stand_in, part, flags=re.MULTILINE)
        return part

    return within.sub(one, text)


def _commands(session: str) -> Iterator[str]:
    """What is typed there, without the sign before it."""
    return (line.removeprefix("$ ") for line in session.splitlines() if line.startswith("$ "))


def _printed(command: str, type_: Callable[[str], str]) -> str:
    """What comes out, with a line's end; of `… | head -N` the first lines."""
    if cut := _HEAD.fullmatch(command):
        return "".join(type_(cut[1]).splitlines(keepends=True)[: int(cut[2])])
    return type_(command)
