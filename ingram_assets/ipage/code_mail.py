"""The sign-in code that comes by mail: the newest of the right sender, and none from before the request."""

import contextlib
import email.utils
import imaplib
import logging
import re
import ssl
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import imap_tools
from selectolax.lexbor import LexborHTMLParser

from ingram_assets.domain.failures import NeedsPerson, Transient
from ingram_assets.ipage.cancellation import Cancellation, Cancelled
from ingram_assets.ipage.second_factor import CODE_LIFETIME, CodeMissing

log = logging.getLogger(__name__)

SENDERS = ("ingramcontent.com", "ingrambook.com", "okta.com")
"""Domains, with their subdomains, whose mails may bring a code."""

_CLOCKS_DIFFER = timedelta(seconds=60)
"""How far the sender's clock may be behind without its mail being taken for an old one."""

_SURELY_AFTER = timedelta(seconds=2)
"""Dates have whole seconds: so much before the request may still be after it."""

_PATIENCE = timedelta(seconds=20)
"""How long a mail dated shortly before the request is held back: the one that answers it may follow."""

_CODE = re.compile(r"(?<![\w#.,/-])(\d{3})[ -]?(\d{3})(?![\w]|[-.,/]\d)")
_SAID = re.compile(r"\b(?:code|passcode|pin)\b", re.IGNORECASE)


class MailboxRefused(NeedsPerson):
    """The mailbox for the codes can't be read with what IPAGE_MFA_IMAP_URL says."""


@dataclass(frozen=True, slots=True)
class CodeMail:
    """A mail of the right sender that arrived after the request. Times in UTC."""

    uid: int
    code: str
    sent_at: datetime | None
    arrived_at: datetime | None


def newest_code(mails: Iterable[CodeMail], asked_at: datetime, used: Iterable[str]) -> CodeMail | None:
    """The mail to believe: the newest by its sender's date, none from before the request, no code twice.

    A slow relay can deliver the mail of an earlier request after this one's, so the order of arrival alone
    says nothing.

    Args:
        asked_at: when the code was asked for, by the sender's clock as far as it is known.
    """
    floor, spent = asked_at - _CLOCKS_DIFFER, set(used)
    fresh = [
        mail
        for mail in mails
        if mail.code not in spent
        and (mail.sent_at is None or mail.sent_at >= floor)
        and (mail.arrived_at is None or mail.arrived_at >= floor - CODE_LIFETIME)
    ]
    return max(fresh, key=lambda mail: (mail.sent_at or floor, mail.uid), default=None)


def code_in(text: str) -> str | None:
    """The six digits that follow the word "code" most closely, else the only six digits there are."""
    found = [(match.start(), match[1] + match[2]) for match in _CODE.finditer(text)]
    if not found:
        return None
    said = [match.end() for match in _SAID.finditer(text)]
    after = [(at - end, code) for at, code in found for end in said if 0 <= at - end <= 120]
    if after:
        return min(after)[1]
    different = {code for _, code in found}
    return different.pop() if len(different) == 1 else None


class EmailCodes:
    """Codes from a mailbox over IMAP.

    Args:
        url: `imaps://user:password@host:993/INBOX`, user and password percent-encoded; `imap://` without TLS
            is taken on this machine only.
        senders: domains whose mails count.
        lifetime: how long to wait for a mail, and how old a code may be.
        poll: seconds between two looks.
    """

    factor = "email"

    def __init__(
        self,
        url: str,
        cancelled: Cancellation,
        *,
        senders: tuple[str, ...] = SENDERS,
        lifetime: timedelta = CODE_LIFETIME,
        poll: float = 1.0,
    ) -> None:
        self._box = _Mailbox(url)
        self._cancelled = cancelled
        self._senders = tuple(sender.lower() for sender in senders)
        self._lifetime = lifetime
        self._patience = min(_PATIENCE, lifetime / 4).total_seconds()
        self._poll = poll
        self._mark = _Numbering(0, 1)
        self._asked_at = datetime.now(UTC)
        self._used: set[str] = set()
        self._trouble: Exception | None = None

    def about_to_ask(self) -> None:
        # Not raised here: a trusted device is asked for no code, and then needs no mailbox.
        try:
            with self._box.opened() as (_, numbering):
                self._mark = numbering
            self._trouble = None
        except (MailboxRefused, Transient) as error:
            self._trouble = error
        self._asked_at = datetime.now(UTC)

    def code(self, clock_skew: timedelta) -> str:
        if self._trouble is not None:
            raise self._trouble
        asked_at = self._asked_at + clock_skew
        until = time.monotonic() + self._lifetime.total_seconds()
        doubted_since: float | None = None
        log.info("Waiting for the mail with the sign-in code (up to %d s).", self._lifetime.total_seconds())
        while True:
            try:
                with self._box.opened() as (box, numbering):
                    # Mails numbered anew by the server are told apart by their dates alone.
                    first = self._mark.next_uid if numbering.validity == self._mark.validity else 1
                    while time.monotonic() < until:
                        if found := newest_code(self._mails(box, first), asked_at, self._used):
                            # The sender's clock is behind, or this was sent for an earlier request.
                            doubtful = found.sent_at is not None and found.sent_at < asked_at - _SURELY_AFTER
                            doubted_since = doubted_since or time.monotonic()
                            if not doubtful or time.monotonic() - doubted_since >= self._patience:
                                self._used.add(found.code)
                                return found.code
                        self._cancelled.sleep(self._poll)
            except Cancelled:
                raise
            except Transient as error:
                # Mail servers hang up on idle clients: connect again until the time is over.
                log.info("The mailbox hung up (%s); connecting again.", error)
                self._cancelled.sleep(self._poll)
            if time.monotonic() >= until:
                raise CodeMissing(
                    f"No mail with a sign-in code came within {self._lifetime.total_seconds():.0f} s: look "
                    "whether it went to another folder or address, and that IPAGE_MFA_IMAP_URL names the "
                    f"mailbox that gets it (senders looked for: {', '.join(self._senders)})."
                )

    def _mails(self, box: imap_tools.BaseMailBox, first: int) -> Iterator[CodeMail]:
        box.client.noop()  # Servers tell of new mail when they are spoken to.
        # "n:*" names the last mail even if its number is smaller than n.
        uids = [
            uid for uid in box.uids(imap_tools.AND(uid=imap_tools.U(str(first), "*"))) if int(uid) >= first
        ]
        if not uids:
            return
        arrived = _arrivals(box, uids)
        for message in box.fetch(uid_list=uids, mark_seen=False):
            if message.uid is None or not self._is_sender(message.from_):
                continue
            code = code_in(f"{message.subject}\n{message.text or _text_of(message.html)}")
            if code is not None:
                yield CodeMail(int(message.uid), code, _date_header(message), arrived.get(message.uid))

    def _is_sender(self, address: str) -> bool:
        domain = address.rpartition("@")[2].lower().rstrip(">")
        return any(domain == sender or domain.endswith("." + sender) for sender in self._senders)


class _Numbering(NamedTuple):
    """Mails from `next_uid` on are new, as long as `validity` stays."""

    validity: int
    next_uid: int


class _Mailbox:
    """Opens the folder that the URL names. The password is in no message and no repr."""

    TIMEOUT = 15.0

    def __init__(self, url: str) -> None:
        parts, port = urlsplit(""), None
        with contextlib.suppress(ValueError):  # whose text quotes parts of the address
            parts = urlsplit(url)
            port = parts.port or (993 if parts.scheme == "imaps" else 143)
        if parts.scheme not in ("imaps", "imap") or not parts.hostname or port is None:
            raise NeedsPerson(
                "IPAGE_MFA_IMAP_URL is no address of a mailbox: write imaps://user:password@host:993/INBOX, "
                "with special characters of the user and the password percent-encoded."
            )
        if not parts.username or not parts.password:
            raise NeedsPerson("IPAGE_MFA_IMAP_URL lacks the user or the password of the mailbox.")
        self._tls = parts.scheme == "imaps"
        self._host, self._port = parts.hostname, port
        if not self._tls and self._host not in ("127.0.0.1", "localhost", "::1"):
            raise NeedsPerson(
                "IPAGE_MFA_IMAP_URL starts with imap://, which sends the mailbox's password unencrypted: "
                "write imaps://."
            )
        self._user, self._password = unquote(parts.username), unquote(parts.password)
        self._folder = unquote(parts.path.strip("/")) or "INBOX"

    @contextlib.contextmanager
    def opened(self) -> "Iterator[tuple[imap_tools.BaseMailBox, _Numbering]]":
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
                yield box, _Numbering(status["UIDVALIDITY"], status["UIDNEXT"])
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

    def _connect(self) -> imap_tools.BaseMailBox:
        if self._tls:
            context = ssl.create_default_context()
            return imap_tools.MailBox(self._host, self._port, timeout=self.TIMEOUT, ssl_context=context)
        return imap_tools.MailBoxUnencrypted(self._host, self._port, timeout=self.TIMEOUT)


def _log_out(box: imap_tools.BaseMailBox) -> None:
    with contextlib.suppress(OSError, imaplib.IMAP4.error, imap_tools.ImapToolsError):
        box.logout()


def _arrivals(box: imap_tools.BaseMailBox, uids: list[str]) -> dict[str, datetime]:
    """UID to when the mail server got the mail, by the server's own clock (INTERNALDATE)."""
    _, lines = box.client.uid("FETCH", ",".join(uids), "(UID INTERNALDATE)")
    found = {}
    for line in lines:
        uid, at = re.search(rb"UID (\d+)", line or b""), imaplib.Internaldate2tuple(line or b"")
        if uid and at:
            found[uid[1].decode()] = datetime.fromtimestamp(time.mktime(at), UTC)
    return found


def _date_header(message: imap_tools.MailMessage) -> datetime | None:
    # Not `message.date`: that is the year 1900 where the header is missing.
    try:
        date = email.utils.parsedate_to_datetime(message.obj["Date"] or "")
    except (ValueError, TypeError):
        return None
    return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)


def _text_of(html: str) -> str:
    tree = LexborHTMLParser(html)
    tree.strip_tags(["script", "style", "head"])
    return tree.body.text(separator=" ") if tree.body else ""
