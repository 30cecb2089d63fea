"""Mails with sign-in codes, and where they go."""

import html
import mailbox
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Protocol

SUBJECT = "Your iPage one-time verification code"
WRONG_SENDER = "iPage Security <no-reply@ingramcontent.example>"


class Mailer(Protocol):
    """Anything that can put a message into the account's mailbox, at once. Called on a worker thread."""

    def __call__(self, message: EmailMessage) -> None: ...


class MaildirMailer:
    """Delivers into a Maildir folder, as a mail server on the same machine does."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, message: EmailMessage) -> None:
        box = mailbox.Maildir(self._path, create=True)
        box.add(mailbox.MaildirMessage(message))
        box.close()


def code_mail(code: str, sender: str, recipient: str, sent: datetime, minutes: int) -> EmailMessage:
    """The mail with a code, plain text and HTML, with the other numbers that such mails have."""
    text = (
        "Hello,\n\n"
        "A sign-in to iPage asks for a verification code.\n\n"
        f"Your verification code is: {code}\n\n"
        f"The code expires in {minutes} minutes. If this was not you, call Customer Care at (800) 937-8000\n"
        f"and give reference 2026-{sent:%m%d}-7718204.\n\n"
        "Ingram Content Group, One Ingram Blvd, La Vergne, TN 37086\n"
    )
    paragraphs = "".join(f"<p>{html.escape(part)}</p>" for part in text.strip().split("\n\n"))
    message = EmailMessage()
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = SUBJECT
    message["Date"] = format_datetime(sent)
    message["Message-ID"] = make_msgid(domain="ingramcontent.com")
    message.set_content(text)
    message.add_alternative(
        "<html><head><style>p { color: #333333; width: 600000px }</style></head>"
        f"<body>{paragraphs}</body></html>",
        subtype="html",
    )
    return message
