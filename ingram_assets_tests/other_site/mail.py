"""The mail with the code."""

from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

SENDER = "sicherheit@lindenhof-barsortiment.example"


def code_mail(code: str, recipient: str, sent: datetime) -> EmailMessage:
    """Plain text alone, and in German."""
    message = EmailMessage()
    message["From"] = f"Lindenhof Barsortiment <{SENDER}>"
    message["To"] = recipient
    message["Subject"] = "Anmeldung bei Lindenhof: Ihr Sicherheitscode"
    message["Date"] = format_datetime(sent)
    message["Message-ID"] = make_msgid(domain="lindenhof-barsortiment.example")
    message.set_content(
        "Guten Tag,\n\n"
        "für Ihre Anmeldung im Händlerportal (Kd.-Nr. 204471) wurde ein Sicherheitscode angefordert.\n\n"
        f"Ihr Sicherheitscode lautet: {code}\n\n"
        "Der Code ist 10 Minuten gültig. Bitte geben Sie ihn nicht weiter. Fragen beantwortet unser\n"
        "Kundendienst unter 0800 4471204.\n\n"
        "Lindenhof Barsortiment GmbH, Am Güterbahnhof 12, 04103 Leipzig, HRB 238817\n"
    )
    return message
