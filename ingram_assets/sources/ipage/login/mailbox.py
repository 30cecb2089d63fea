"""The mailbox that gets the codes, over IMAP: opened as its address says, or the reason why it can't be."""

import contextlib
import imaplib
import re
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import unquote

import imap_tools

from ingram_assets.domain.addresses import MalformedAddress, mailbox_address, read_address
from ingram_assets.domain.failures import NeedsPerson, Transient

_TIMEOUT = 15.0


class MailboxRefused(NeedsPerson):
    """The mailbox for the codes can't be read with what IPAGE_MFA_IMAP_URL says."""

    kind = "sign_in"


class Numbering(NamedTuple):
    """Mails from `next_uid` on are new, as long as `validity` stays."""

    validity: int
    next_uid: int


class Mailbox:
    """Opens the folder that the URL names. The password is in no message and no repr."""

    def __init__(self, url: str) -> None:
        wrong = ""
        try:
            address = read_address(mailbox_address(url), ("imaps", "imap"))
        except MalformedAddress as error:
            wrong = str(error)
        if wrong:
            raise NeedsPerson(f"IPAGE_MFA_IMAP_URL can't be read as an address: {wrong}.")
        self._tls = address.scheme == "imaps"
        self._host = address.host.strip("[]")
        self._port = address.port or (993 if self._tls else 143)
        self._user, self._password = address.user or "", address.password or ""
        self._folder = unquote(address.path.strip("/")) or "INBOX"

    @contextlib.contextmanager
    def opened(self) -> "Iterator[tuple[imap_tools.BaseMailBox, Numbering]]":
        """A connection with the folder selected, and how its mails were numbered right before.

        Raises:
            MailboxRefused: wrong user, password, folder or certificate.
            Transient: the server can't be reached or hung up.
        """
        where = f"{self._host}:{self._port}"
        try:
            with contextlib.ExitStack() as stack:
                box = self._connect()
                stack.callback(_log_out, box)
                box.login(self._user, self._password, initial_folder=None)
                status = box.folder.status(self._folder, ["UIDVALIDITY", "UIDNEXT"])
                box.folder.set(self._folder)
                yield box, Numbering(status["UIDVALIDITY"], status["UIDNEXT"])
        except imap_tools.MailboxLoginError as error:
            raise MailboxRefused(
                f"The mail server {where} refused the user or password of IPAGE_MFA_IMAP_URL: correct them "
                "(many providers want an app password)."
            ) from error
        except (imap_tools.MailboxFolderSelectError, imap_tools.MailboxFolderStatusError) as error:
            raise MailboxRefused(
                f"The mailbox at {where} has no folder {self._folder!r}: correct IPAGE_MFA_IMAP_URL's path."
            ) from error
        except ssl.SSLCertVerificationError as error:
            raise MailboxRefused(
                f"The certificate of the mail server {where} is not trusted ({error.verify_message}): "
                "correct the host in IPAGE_MFA_IMAP_URL."
            ) from error
        except (OSError, imaplib.IMAP4.error, imap_tools.ImapToolsError) as error:
            raise Transient(
                f"The mail server {where} can't be reached ({type(error).__name__}): try again later."
            ) from error

    def newest(self) -> tuple[int, datetime | None]:
        """How many mails are in the folder, and when the last one came, by the mail server's clock.

        Raises:
            MailboxRefused, Transient: as `opened`.
        """
        with self.opened() as (box, _):
            uids = box.uids()
            return len(uids), arrivals(box, uids[-1:]).get(uids[-1]) if uids else None

    def _connect(self) -> imap_tools.BaseMailBox:
        if self._tls:
            context = ssl.create_default_context()
            return imap_tools.MailBox(self._host, self._port, timeout=_TIMEOUT, ssl_context=context)
        return imap_tools.MailBoxUnencrypted(self._host, self._port, timeout=_TIMEOUT)


def _log_out(box: imap_tools.BaseMailBox) -> None:
    with contextlib.suppress(OSError, imaplib.IMAP4.error, imap_tools.ImapToolsError):
        box.logout()


def arrivals(box: imap_tools.BaseMailBox, uids: list[str]) -> dict[str, datetime]:
    """UID to when the mail server got the mail, by the server's own clock (INTERNALDATE)."""
    _, lines = box.client.uid("FETCH", ",".join(uids), "(UID INTERNALDATE)")
    found = {}
    for line in lines:
        uid, at = re.search(rb"UID (\d+)", line or b""), imaplib.Internaldate2tuple(line or b"")
        if uid and at:
            found[uid[1].decode()] = datetime.fromtimestamp(time.mktime(at), UTC)
    return found
