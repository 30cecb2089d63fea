"""pymap with TLS from the first byte, run as a program: `python -m …imap_server PORT CERTIFICATE FOLDER`.

pymap's own command offers STARTTLS only; `imaps://`, which is what mail providers have on port 993, needs the
same server behind a TLS listener. The user and the password come in IMAP_USER and IMAP_PASSWORD.
"""

import asyncio
import logging
import os
import signal
import ssl
import sys
from argparse import Namespace

from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.maildir import Config, Identity, Login
from pymap.imap import IMAPServer
from pymap.user import Passwords, UserMetadata
from pysasl.hashing import BuiltinHash


async def serve(port: int, certificate: str, folder: str, user: str, password: str) -> None:
    """Serves one user's mail, kept in `folder`/user, on 127.0.0.1 until SIGTERM or SIGINT."""
    asked = Namespace(
        host="127.0.0.1",
        port=port,
        debug=False,
        cert=None,
        key=None,
        tls=False,  # no STARTTLS: the listener below speaks TLS already
        passlib_cfg=None,
        proxy_protocol=None,
        base_dir=folder,
        concurrency=4,
        layout="++",
        colon=None,
    )
    # Few rounds: the password is long and random, and every sign-in pays for them.
    config = Config.from_args(asked, hash_context=BuiltinHash(rounds=1000))
    login = Login(config)
    config.apply_context()
    await _set_password(login, config, user, password)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    answer = ProxyProtocolReader(config.proxy_protocol).get_callback(IMAPServer(login, config))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await asyncio.start_server(answer, host="127.0.0.1", port=port, ssl=context)
    await stop.wait()
    server.close()


async def _set_password(login: Login, config: Config, user: str, password: str) -> None:
    identity = Identity(config, login.tokens, user, None, frozenset({"admin"}))
    hashed = await Passwords(config).hash_password(password)
    await identity.set(UserMetadata(config, user, password=hashed))


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    login = os.environ["IMAP_USER"], os.environ["IMAP_PASSWORD"]
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2], sys.argv[3], *login))
    # Clients that still hold a connection must not hold the process.
    os._exit(0)
