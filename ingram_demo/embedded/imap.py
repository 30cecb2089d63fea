"""A mailbox: pymap over TLS on a maildir, into which any process on the machine can deliver."""

import mailbox
import secrets
import sys
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from pathlib import Path
from urllib.parse import quote

from ingram_assets.runtime.ports import free_port, port_open
from ingram_assets.runtime.processes import Supervisor


@dataclass(frozen=True)
class Imap:
    """One user's mailbox. A client trusts its throw-away certificate by `SSL_CERT_FILE=ca_file`."""

    port: int
    user: str
    password: str = field(repr=False)
    maildir: Path
    """Of INBOX: what `deliver` takes."""
    ca_file: Path

    @property
    def url(self) -> str:
        """`imaps://user:password@127.0.0.1:port/INBOX`, the form of IPAGE_MFA_IMAP_URL."""
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return f"imaps://{login}@127.0.0.1:{self.port}/INBOX"


def start_imap(
    supervisor: Supervisor, folder: Path, *, user: str = "shop@bookstore.example", port: int | None = None
) -> Imap:
    """Starts the server on `folder`/mail with the user's mailbox made. About 0.7 s."""
    folder = folder.resolve()
    mail = folder / "mail"
    mail.mkdir(parents=True, exist_ok=True)
    mailbox.Maildir(mail / user, create=True)
    password = _password(folder)
    certificate, ca_file = _certificate(folder)
    port = port or free_port()
    supervisor.start(
        "imap",
        [sys.executable, "-m", "ingram_demo.embedded.imap_server", str(port), certificate, mail],
        env={"IMAP_USER": user, "IMAP_PASSWORD": password},
        ready=port_open(port),
        restart=True,
    )
    return Imap(port=port, user=user, password=password, maildir=mail / user, ca_file=ca_file)


def deliver(maildir: Path, *, sender: str, recipient: str, subject: str, text: str) -> None:
    """Puts a message into the mailbox, as a mail server's delivery agent does: whole or not at all."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, recipient, subject
    message["Date"] = format_datetime(localtime())
    message["Message-ID"] = f"<{secrets.token_hex(12)}@{sender.rsplit('@', 1)[-1].rstrip('>')}>"
    message.set_content(text)
    mailbox.Maildir(maildir, create=False).add(message)


def _password(folder: Path) -> str:
    kept = folder / "password"
    if not kept.exists():
        kept.touch(mode=0o600)
        kept.write_text(secrets.token_urlsafe(16))
    return kept.read_text()


def _certificate(folder: Path) -> tuple[Path, Path]:
    """The server's key with its certificate, and the certificate of the authority that signed it."""
    # Imported here: it brings `cryptography`, which nothing needs that only delivers.
    import trustme

    server, ca_file = folder / "server.pem", folder / "ca.pem"
    if not server.exists() or not ca_file.exists():
        authority = trustme.CA()
        issued = authority.issue_cert("127.0.0.1", "localhost")
        authority.cert_pem.write_to_path(ca_file)
        server.touch(mode=0o600)
        issued.private_key_and_cert_chain_pem.write_to_path(server)
    return server, ca_file
