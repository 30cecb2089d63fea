"""The embedded mailbox speaks imaps, checks the password, and shows what another process delivers."""

import imaplib
import ssl
import subprocess
import sys

import pytest
from imap_tools import MailBox, MailboxLoginError

from ingram_demo.embedded.imap import Imap

DELIVER = """
import sys, pathlib
from ingram_demo.embedded.imap import deliver
deliver(pathlib.Path(sys.argv[1]), sender="iPage <no-reply@ipage.example>",
        recipient="shop@bookstore.example", subject="Your code", text="Your code is 123456.\\n")
"""


def test_mail_delivered_by_another_process_is_read_over_imaps(imap: Imap) -> None:
    trusted = ssl.create_default_context(cafile=str(imap.ca_file))
    with MailBox("127.0.0.1", imap.port, ssl_context=trusted).login(imap.user, imap.password) as box:
        before = {message.uid for message in box.fetch()}
        subprocess.run([sys.executable, "-c", DELIVER, imap.maildir], check=True)
        box.client.noop()  # as with any IMAP server, an open session learns of new mail when it asks
        arrived = [message for message in box.fetch() if message.uid not in before]
    assert [(m.subject, m.from_, m.text.strip()) for m in arrived] == [
        ("Your code", "no-reply@ipage.example", "Your code is 123456.")
    ]


def test_a_wrong_password_is_refused(imap: Imap) -> None:
    trusted = ssl.create_default_context(cafile=str(imap.ca_file))
    with pytest.raises(MailboxLoginError):
        MailBox("127.0.0.1", imap.port, ssl_context=trusted).login(imap.user, "wrong")


def test_a_client_that_does_not_trust_the_authority_is_not_served(imap: Imap) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        imaplib.IMAP4_SSL("127.0.0.1", imap.port, ssl_context=ssl.create_default_context())
