"""The sign-in code that comes by mail: of the last that the right sender sent since the request.

Which number of a mail is the code says `code_in_words`; whom a mail is from, `mail_authentication`.
"""

import email.utils
import logging
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.message import Message

import imap_tools

from ingram_assets.domain.addresses import CODE_SENDERS
from ingram_assets.domain.failures import Transient
from ingram_assets.sources.ipage.access.cancellation import Canceled, Cancellation
from ingram_assets.sources.ipage.login.code_in_words import code_of
from ingram_assets.sources.ipage.login.mail_authentication import failed_authentication, is_wanted, sender_of
from ingram_assets.sources.ipage.login.mail_words import words_of
from ingram_assets.sources.ipage.login.mailbox import Mailbox, MailboxRefused, Numbering, arrivals
from ingram_assets.sources.ipage.login.second_factor import CODE_LIFETIME, CodeMissing

log = logging.getLogger(__name__)

_CLOCKS_DIFFER = timedelta(seconds=60)
"""How far the sender's clock, or the mailbox's, may be behind without a mail being taken for an old one."""

_SURELY_AFTER = timedelta(seconds=2)
"""Dates have whole seconds: so much before the request may still be after it."""

PATIENCE = timedelta(seconds=20)
"""How long a mail dated shortly before the request is held back: the one that answers it may follow."""


@dataclass(frozen=True, slots=True)
class CodeMail:
    """A mail of the right sender that arrived after the request. Times in UTC."""

    uid: int
    code: str
    sent_at: datetime | None
    arrived_at: datetime | None


def newest_code(mails: Iterable[CodeMail], asked_at: datetime, used: Iterable[str]) -> CodeMail | None:
    """The mail to believe: the last to arrive, none from before the request, no code twice.

    A sender writes what it likes as its date, so a date only rules a mail out: a slow relay can deliver the
    mail of an earlier request after this one's. A date ahead of the arrival counts as the arrival.

    Args:
        asked_at: when the code was asked for, by the sender's clock as far as it is known.
    """
    visible, spent = asked_at - _CLOCKS_DIFFER, set(used)
    # A date that is ahead of the arrival says no more than that.
    fresh = [
        mail
        for mail in mails
        if mail.code not in spent
        and (mail.sent_at is None or mail.sent_at >= visible)
        and (mail.sent_at is None or mail.arrived_at is None or mail.arrived_at + _CLOCKS_DIFFER >= visible)
        and (mail.arrived_at is None or mail.arrived_at >= visible - CODE_LIFETIME)
    ]
    return max(
        fresh,
        key=lambda mail: (not _is_doubtful(mail, asked_at), mail.arrived_at or asked_at, mail.uid),
        default=None,
    )


def _is_doubtful(mail: CodeMail, asked_at: datetime) -> bool:
    """Whether it is dated before the request: the sender's clock is behind, or it answers an earlier one."""
    return mail.sent_at is not None and mail.sent_at < asked_at - _SURELY_AFTER


class EmailCodes:
    """Codes from a mailbox over IMAP.

    Args:
        url: `imaps://user:password@host:993/INBOX`, user and password percent-encoded; `imap://` without TLS
            is taken on this machine only.
        senders: domains whose mails count, with those beneath them, or single addresses.
        called: what this site calls a code, beside the words that are known.
        lifetime: how long to wait for a mail, and how old a code may be.
        poll: seconds between two looks.
    """

    factor = "email"

    def __init__(
        self,
        url: str,
        canceled: Cancellation,
        *,
        senders: tuple[str, ...] = CODE_SENDERS,
        called: re.Pattern[str] | None = None,
        lifetime: timedelta = CODE_LIFETIME,
        poll: float = 1.0,
    ) -> None:
        self._box = Mailbox(url)
        self._canceled = canceled
        self._senders = tuple(sender.lower() for sender in senders)
        self._called = called
        self._lifetime = lifetime
        self._patience = min(PATIENCE, lifetime / 4).total_seconds()
        self._poll = poll
        self._mark = Numbering(0, 1)
        self._asked_at = datetime.now(UTC)
        self._used: set[str] = set()
        self._trouble: Exception | None = None
        self._read: dict[int, CodeMail | None] = {}
        self._passed_over: list[str] = []

    def about_to_ask(self) -> None:
        """Notes which mails are there before the code is asked for.

        What is wrong with the mailbox is raised by `code`: a trusted device is asked for none, and then needs
        no mailbox.
        """
        try:
            with self._box.opened() as (_, numbering):
                self._mark = numbering
            self._trouble = None
        except (MailboxRefused, Transient) as error:
            self._trouble = error
        self._asked_at = datetime.now(UTC)

    def code(self, clock_skew: timedelta) -> str:
        """See `CodeSource.code`."""
        if self._trouble is not None:
            raise self._trouble
        asked_at = self._asked_at + clock_skew
        self._passed_over.clear()
        until = time.monotonic() + self._lifetime.total_seconds()
        doubted_since: float | None = None
        log.info("Waiting for the mail with the sign-in code (up to %d s).", self._lifetime.total_seconds())
        while True:
            try:
                with self._box.opened() as (box, numbering):
                    # Mails numbered anew by the server are told apart by their dates alone.
                    self._read.clear()
                    first = self._mark.next_uid if numbering.validity == self._mark.validity else 1
                    while time.monotonic() < until:
                        # The mailbox's clock is as far ahead as the site's; one behind does no harm.
                        ahead = max(clock_skew, timedelta())
                        mails = [
                            replace(mail, arrived_at=mail.arrived_at and mail.arrived_at + ahead)
                            for mail in self._mails(box, first)
                        ]
                        if found := newest_code(mails, asked_at, self._used):
                            doubtful = _is_doubtful(found, asked_at)
                            doubted_since = doubted_since or time.monotonic()
                            if not doubtful or time.monotonic() - doubted_since >= self._patience:
                                self._used.add(found.code)
                                return found.code
                        self._canceled.sleep(self._poll)
            except Canceled:
                raise
            except Transient as error:
                # Mail servers hang up on idle clients: connect again until the time is over.
                log.info("The mailbox hung up (%s); connecting again.", error)
                self._canceled.sleep(self._poll)
            if time.monotonic() >= until:
                raise CodeMissing(
                    f"No mail with a sign-in code came within {self._lifetime.total_seconds():.0f} s: look "
                    "whether it went to another folder or address, and that IPAGE_MFA_IMAP_URL names the "
                    f"mailbox that gets it (senders looked for: {', '.join(self._senders)}, as "
                    f"IPAGE_MFA_SENDERS says).{''.join(f' {told}' for told in self._passed_over[-3:])}"
                )

    def _mails(self, box: imap_tools.BaseMailBox, first: int) -> list[CodeMail]:
        """The mails from `first` on that bring a code. Each is fetched once a connection."""
        box.client.noop()  # Servers tell of new mail when they are spoken to.
        # "n:*" names the last mail even if its number is smaller than n.
        uids = [
            uid
            for uid in box.uids(imap_tools.AND(uid=imap_tools.U(str(first), "*")))
            if int(uid) >= first and int(uid) not in self._read
        ]
        if uids:
            arrived = arrivals(box, uids)
            for message in box.fetch(uid_list=uids, mark_seen=False):
                if message.uid is not None:
                    uid = int(message.uid)
                    self._read[uid] = self._read_mail(uid, message.obj, arrived.get(message.uid))
        return [mail for mail in self._read.values() if mail is not None]

    def _read_mail(self, uid: int, mail: Message, arrived_at: datetime | None) -> CodeMail | None:
        sender = sender_of(mail)
        if sender is None or not is_wanted(sender, self._senders):
            return None
        if wrong := failed_authentication(mail, sender, self._senders):
            reason = (
                f"is not believed, since the mailbox's server says {wrong}: if the codes are forwarded into "
                "this mailbox, let them be sent to it directly"
            )
        else:
            answer = code_of(self._in_known_words(part) for part in words_of(mail))
            if answer.code is not None:
                return CodeMail(uid, answer.code, _date_header(mail), arrived_at)
            reason = answer.reason
        when = f" of {arrived_at:%H:%M:%S} UTC" if arrived_at else ""
        told = f"A mail{when} from a sender of codes {reason}."
        if told not in self._passed_over:
            self._passed_over.append(told)
            log.warning("%s The next one is waited for.", told)
        return None

    def _in_known_words(self, part: str) -> str:
        return part if self._called is None else self._called.sub("code", part)


def _date_header(mail: Message) -> datetime | None:
    try:
        date = email.utils.parsedate_to_datetime(str(mail["Date"] or ""))
        return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):
        return None
