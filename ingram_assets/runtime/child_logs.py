"""The log of a child process: turned over by size, the newest lines always in it, and never a hindrance.

A child writes into a pipe, and a thread of ours moves what comes into the log's file. So the file can be
turned over while the child runs on, and a disk that is full or a folder that can't be written stops no child:
what can't be kept is dropped, and counted.
"""

import array
import contextlib
import fcntl
import os
import select
import termios
import threading
import time
from pathlib import Path
from typing import IO

from ingram_assets.runtime.json_lines import JsonLines

LOG_BYTES = 5_000_000
"""A log's file is turned over before it is larger than this."""
LOG_FILES = 4
"""Files of a log: the one that is written, and the older ones (of those `web-server.1.log` is the newest)."""
_TAIL_BYTES = 20_000
_AT_ONCE = 65_536
_A_MOMENT = 0.5


class ChildLog:
    """Where a child's output goes. Goes on with the same file when the child is started again.

    Args:
        as_json: the file has an object for each line (`JsonLines`); `end()` has what the child wrote.
    """

    def __init__(self, file: Path, *, as_json: bool = False) -> None:
        self.file = file
        self._json = JsonLines(file.stem) if as_json else None
        self._tail = b""
        self._lost = 0
        self._mutex = threading.Lock()
        self._pipes: set[IO[bytes]] = set()
        self.write(b"")  # It is there from the start, and can be followed.

    def follow(self, pipe: IO[bytes]) -> None:
        """Move all that comes out of a pipe into the log, until nobody has its other end open any more."""
        with self._mutex:
            self._pipes.add(pipe)
        name = f"log {self.file.name}"
        threading.Thread(target=self._move, args=(pipe,), name=name, daemon=True).start()

    def settle(self) -> None:
        """Wait until what was written into the pipes is in the log, for a moment at most."""
        until = time.monotonic() + _A_MOMENT
        while time.monotonic() < until:
            with self._mutex:
                if not any(map(_waiting, self._pipes)):
                    return
            time.sleep(0.005)

    def end(self) -> str:
        """The newest of what was written, also where the file can't be."""
        return self._tail.decode(errors="replace")

    def write(self, chunk: bytes) -> None:
        """Append to the log's file, turned over where it would grow too large. Raises nothing."""
        self._tail = (self._tail + chunk)[-_TAIL_BYTES:]
        self._keep(self._json.feed(chunk) if self._json else chunk)

    def _keep(self, chunk: bytes) -> None:
        if self._lost and (chunk or not self._json):
            note = b"(%d bytes before this could not be written.)\n" % self._lost
            chunk = (self._json.note(note) if self._json else note) + chunk
        try:
            self._append(chunk)
        except OSError:
            self._lost += len(chunk)
        else:
            self._lost = 0

    def _move(self, pipe: IO[bytes]) -> None:
        ready = select.poll()
        ready.register(pipe, select.POLLIN)
        while True:
            ready.poll()
            # Read and written under one lock: an empty pipe then means that all of it is in the log.
            with self._mutex:
                chunk = os.read(pipe.fileno(), _AT_ONCE)
                if not chunk:
                    if self._json:
                        self._keep(self._json.feed(b"", ends=True))
                    self._pipes.remove(pipe)
                    break
                self.write(chunk)
        with contextlib.suppress(OSError):
            pipe.close()

    def _append(self, chunk: bytes) -> None:
        while True:
            # Opened each time: a file that somebody moves or deletes is made anew.
            log = self._open()
            try:
                size = os.fstat(log).st_size
                piece = _piece(chunk, LOG_BYTES - size, is_file_empty=size == 0)
                _write_all(log, piece)
            finally:
                os.close(log)
            chunk = chunk[len(piece) :]
            if not chunk:
                return
            self._turn_over()

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        try:
            return os.open(self.file, flags, 0o600)
        except FileNotFoundError:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self.file, flags, 0o600)

    def _turn_over(self) -> None:
        names = [self.file]
        names += [self.file.with_suffix(f".{number}{self.file.suffix}") for number in range(1, LOG_FILES)]
        try:
            for older, newer in zip(names[:0:-1], names[-2::-1], strict=True):
                if newer.exists():
                    newer.replace(older)
        except OSError:
            # Then it begins anew where it is: the newest lines count, and the bound.
            os.truncate(self.file, 0)


def _piece(chunk: bytes, room: int, *, is_file_empty: bool) -> bytes:
    """What of it goes into the file before that is turned over: whole lines, if it is not all of it."""
    if len(chunk) <= room:
        return chunk
    at_a_line = chunk.rfind(b"\n", 0, max(room, 0)) + 1
    return chunk[: at_a_line or (room if is_file_empty else 0)]


def _write_all(file: int, chunk: bytes) -> None:
    while chunk:
        chunk = chunk[os.write(file, chunk) :]


def _waiting(pipe: IO[bytes]) -> bool:
    """Whether there is something in a pipe that nobody has read yet."""
    number = array.array("i", [0])
    fcntl.ioctl(pipe.fileno(), termios.FIONREAD, number)
    return number[0] > 0
