"""Runs the simulator on a real socket: in a thread for tests, or until stopped in a process of its own."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from ingram_demo.simulator.accounts import Account
from ingram_demo.simulator.app import make_app
from ingram_demo.simulator.client import Simulator
from ingram_demo.simulator.dials import Dials
from ingram_demo.simulator.mail import Mailer
from ingram_demo.simulator.site import Site


def listen(port: int) -> socket.socket:
    """A listening socket on 127.0.0.1; port 0 takes a free one.

    Raises:
        OSError: the port is busy.
    """
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
        sock.listen(512)
    except OSError:
        sock.close()
        raise
    return sock


def make_server(site: Site, move_every_s: float = 0.0) -> uvicorn.Server:
    """A server for one site. Faults cut answers short on purpose: uvicorn is not to complain."""
    config = uvicorn.Config(
        make_app(site, move_every_s),
        log_level="critical",
        access_log=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        server_header=False,
        date_header=False,
    )
    return uvicorn.Server(config)


@contextlib.contextmanager
def running_simulator(
    *,
    titles: int = 100,
    mailer: Mailer | None = None,
    account: Account | None = None,
    state: Path | None = None,
    seed: int = 1,
    dials: Dials | None = None,
    move_every_s: float = 0.0,
    port: int = 0,
) -> Iterator[Simulator]:
    """The simulator in a thread of this process, over a real socket, until the block ends."""
    account = account or Account()
    sock = listen(port)
    site = Site(titles=titles, account=account, mailer=mailer, state=state, seed=seed, dials=dials)
    server = make_server(site, move_every_s)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="simulator", daemon=True)
    thread.start()
    try:
        with Simulator(f"http://127.0.0.1:{sock.getsockname()[1]}", account) as simulator:
            simulator.wait_until_ready()
            yield simulator
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        sock.close()
