"""How a file that a person names is read: a regular one, and no more of it than is taken.

Any path may be named by mistake. A named pipe without a writer would be waited for without end, and a device
such as /dev/zero has none.
"""

import errno
import os
import stat
import sys
from pathlib import Path

STANDARD_INPUT = "-"
_KINDS = {
    stat.S_IFDIR: "it is a folder, and not a file",
    stat.S_IFIFO: "it is a pipe, and not a file",
    stat.S_IFSOCK: "it is a socket, and not a file",
    stat.S_IFCHR: "it is a device, and not a file",
    stat.S_IFBLK: "it is a device, and not a file",
}


def read_named(path: Path, most: int) -> bytes:
    """The first bytes of a file, one more than are taken of any: by that a larger one is told.

    Raises:
        OSError: it can't be read, or is no regular file. `strerror` says why, and ends without a period.
    """
    # Without O_NONBLOCK a pipe is opened only once somebody writes to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
    if kind != stat.S_IFREG:
        os.close(descriptor)
        raise OSError(errno.EINVAL, _KINDS.get(kind, "it is no regular file"), str(path))
    with os.fdopen(descriptor, "rb") as file:
        return file.read(most + 1)


def read_named_or_piped(name: str, most: int) -> bytes:
    """The same; of standard input for "-".

    Raises:
        OSError: as for `read_named`.
    """
    if name == STANDARD_INPUT:
        return sys.stdin.buffer.read(most + 1)
    return read_named(Path(name).expanduser(), most)
