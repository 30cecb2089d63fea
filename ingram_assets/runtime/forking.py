"""`python -m ingram_assets.runtime.forking`: the template, from which Dagster's processes are forked.

Its standard input is the door of `template.Template`, which asks. It has one thread and no connection, as
what is forked has to begin with none.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import time
from collections.abc import Mapping
from typing import NoReturn

FORK, REST = b"fork", b"rest"
"""What it is asked for: to fork, with two open files; and to give back what it need not hold meanwhile."""
_PRELOADED = "ingram_assets.runtime.preloaded"


def is_readable(line: socket.socket, seconds: float) -> bool:
    """Whether there is something to read, or the end, within so many seconds."""
    with selectors.DefaultSelector() as selector:
        selector.register(line, selectors.EVENT_READ)
        return bool(selector.select(seconds))


def line_of(line: socket.socket) -> bytes:
    """Byte by byte, as nothing beyond the line may be taken; b"" at the end."""
    read = b""
    while (byte := _byte_of(line)) not in (b"", b"\n"):
        read += byte
    return read


def _byte_of(line: socket.socket) -> bytes:
    try:
        return line.recv(1)
    except ConnectionError:
        return b""


def _keep_forking(lines: dict[int, socket.socket]) -> list[str]:
    """Forks whenever it is asked to. `lines` lead to those that were forked before, by their pids.

    Returns in what was forked: the module that it runs, and the words for it. In the template nothing, once
    nobody is there that could ask.
    """
    door = socket.socket(fileno=os.dup(0))
    children, wakes = socket.socketpair()
    children.setblocking(False)
    wakes.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes.fileno())
    _tell_ends(lines)
    with selectors.DefaultSelector() as selector:
        for one in (door, children):
            selector.register(one, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is children:
                    children.recv(1000)
                    _tell_ends(lines)
                    continue
                message, fds, *_ = socket.recv_fds(door, 4, 2)
                if not message:
                    return []
                if message == REST:
                    _forget_all(lines)
                _import_all()
                line, output = socket.socket(fileno=fds[0]), fds[1]
                if pid := os.fork():
                    lines[pid] = line
                    os.close(output)
                    continue
                for other in (door, children, wakes, *lines.values()):
                    other.close()
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                return _become(line, output)


def _tell_ends(lines: dict[int, socket.socket]) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            if line := lines.pop(pid, None):  # Else it is the tracker of semaphores.
                with line, contextlib.suppress(OSError):
                    line.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def _import_all() -> None:
    """What most of the processes need. Done once."""
    if _PRELOADED in sys.modules:
        return
    importlib.import_module(_PRELOADED)
    # Code servers count runs by semaphores, which Python has a process look after: one for all of them.
    importlib.import_module("multiprocessing.resource_tracker").ensure_running()
    gc.collect()
    gc.freeze()  # Else each process' first collection writes to all that is shared.


def _forget_all(lines: Mapping[int, socket.socket]) -> NoReturn:
    """Begin anew as the same process, with the same children and nothing imported.

    What they share stays theirs. What all of them have written to by now, 14 MB, was the template's alone.
    """
    for line in lines.values():
        line.set_inheritable(True)
    kept = json.dumps({pid: line.fileno() for pid, line in lines.items()})
    os.execv(sys.executable, [sys.executable, "-m", __spec__.name, kept])


def _become(line: socket.socket, output: int) -> list[str]:
    """Make a process of its own of this one. The line stays open until it ends: so its end is seen."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(nothing)
    os.close(output)
    told = json.loads(line_of(line))
    os.environ.clear()
    os.environ.update(told["env"])
    time.tzset()
    os.chdir(told["cwd"])
    sys.path[0] = told["cwd"]
    line.sendall(b"%d\n" % os.getpid())
    _open_to_the_end.append(line)
    return list(told["argv"])


_open_to_the_end: list[socket.socket] = []


def main() -> None:
    """Fork when asked to; what is forked runs its module here."""
    kept = json.loads(sys.argv[1]) if sys.argv[1:] else {}
    lines = {int(pid): socket.socket(fileno=number) for pid, number in kept.items()}
    for line in lines.values():
        line.set_inheritable(False)
    if argv := _keep_forking(lines):
        sys.argv = argv
        runpy.run_module(argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
