"""What a process printed as JSON, an object a line, for whoever gathers the logs of many machines."""

import contextlib
import json
import os
import re
import signal
from datetime import UTC, datetime

_LONGEST = 65_536
"""Bytes: a line without an end becomes several."""
_COLOR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LINE = re.compile(
    r"(?:\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d\S*(?: [+-]\d{4}| UTC)?)?\s*(?:- [\w.]+ - |\[\d+\] )?"
    r"(?P<level>DEBUG|INFO|NOTICE|WARNING|ERROR|CRITICAL|FATAL)\b\s*(?:[-:]\s+)?(?P<message>.*)",
    re.DOTALL,
)
"""As logging, Dagster and the servers beside them write it."""


class JsonLines:
    """Makes objects with `time` (UTC, when it came), `process`, `level` and `message` of what is printed.

    A line without a level, as those of a traceback, has that of the line before.
    """

    def __init__(self, process: str) -> None:
        self._process, self._rest, self._level = process, b"", "INFO"

    def feed(self, chunk: bytes, *, ends: bool = False) -> bytes:
        """The lines that are whole by now; with `ends` all that is left, since nothing comes any more."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if ends or len(self._rest) > _LONGEST:
            lines, self._rest = [*lines, self._rest], b""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        return b"".join(self._made(line.decode(errors="replace"), now) for line in lines)

    def note(self, text: bytes) -> bytes:
        """A line of our own, between those of the process."""
        return JsonLines(self._process).feed(text)

    def _made(self, line: str, now: str) -> bytes:
        line = _COLOR.sub("", line).rstrip("\r ")
        if not line:
            return b""
        if (found := _LINE.fullmatch(line)) is not None:
            self._level, line = found["level"], found["message"]
        said = {"time": now, "process": self._process, "level": self._level, "message": line}
        return json.dumps(said, ensure_ascii=False).encode() + b"\n"


def print_as_json(process: str) -> None:
    """From here on all that this process prints comes out as objects, whatever program it becomes."""
    outlet, inlet = os.pipe()
    if os.fork() == 0:
        # By way of a process that ends at once: what this one becomes has no child that it does not know.
        if os.fork() == 0:
            os.close(inlet)
            for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(stop, signal.SIG_IGN)  # It ends when nothing can come any more.
            _pass_on(outlet, JsonLines(process))
        os._exit(0)
    os.wait()
    os.close(outlet)
    for stream in (1, 2):
        os.dup2(inlet, stream)
    os.close(inlet)


def _pass_on(outlet: int, lines: JsonLines) -> None:
    chunk = b"."
    while chunk:
        chunk = os.read(outlet, _LONGEST)
        made = lines.feed(chunk, ends=not chunk)
        # Where nobody listens, what is printed is dropped: it is never in the way of the work.
        with contextlib.suppress(OSError):
            while made:
                made = made[os.write(1, made) :]
