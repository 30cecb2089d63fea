"""Ports of this machine: free ones, taken ones, and whether something answers there."""

import contextlib
import random
import socket
import urllib.error
import urllib.request
from collections.abc import Callable

import psutil

from ingram_assets.domain.failures import NeedsPerson

# Below the kernel's own range for outgoing connections (from 32768 on Linux, 49152 on macOS): a port within
# that range can be taken by any client between our look and the server's bind.
FREE_PORTS = range(18_000, 32_000)


class PortBusy(NeedsPerson):
    """A port that a setting names is taken."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nothing listens on now."""
    for port in random.sample(FREE_PORTS, 200):
        if _bindable(port):
            return port
    raise NeedsPerson(
        f"No free port between {FREE_PORTS.start} and {FREE_PORTS.stop}: stop some of what is listening."
    )


def choose_port(setting: str, wanted: int | None) -> int:
    """`wanted` if it is free; any free one if it is None or 0. Raises PortBusy."""
    if not wanted:
        return free_port()
    if not _bindable(wanted):
        raise PortBusy(
            f"Port {wanted} is already in use{_held_by(wanted)}: stop what uses it, "
            f"or set {setting} to another port (0 picks a free one)."
        )
    return wanted


def _bindable(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a connection of the last run still in TIME_WAIT does not make the port busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _held_by(port: int) -> str:
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            here = connection.laddr
            if connection.status == psutil.CONN_LISTEN and here and here.port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return ""


def port_open(port: int, host: str = "127.0.0.1") -> Callable[[], bool]:
    """A readiness probe: something accepts TCP connections there."""

    def probe() -> bool:
        try:
            with socket.create_connection((host, port), timeout=1):
                return True
        except OSError:
            return False

    return probe


def http_ok(url: str) -> Callable[[], bool]:
    """A readiness probe: GET url answers below 500. Never through a proxy: children listen on 127.0.0.1."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def probe() -> bool:
        try:
            with opener.open(url, timeout=2):
                return True
        except urllib.error.HTTPError as answer:
            return answer.code < 500
        except (OSError, ValueError):
            return False

    return probe
