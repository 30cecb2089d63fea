"""Codes of the second factor: which mail is believed, and how each source says that it can't."""

import os
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from mailbox import Maildir

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingram_assets.domain.failures import NeedsPerson, Transient
from ingram_assets.sources.ipage.access.cancellation import Canceled, Cancellation
from ingram_assets.sources.ipage.login.code_in_words import code_of
from ingram_assets.sources.ipage.login.code_mail import CodeMail, EmailCodes, newest_code
from ingram_assets.sources.ipage.login.mailbox import MailboxRefused
from ingram_assets.sources.ipage.login.second_factor import CodeMissing, PromptCodes, TotpCodes
from ingram_demo.embedded.imap import Imap

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SENDER = "Ingram <no-reply@ingramcontent.com>"


def mail(uid: int, code: str, seconds: float | None, arrived: float = 0) -> CodeMail:
    sent = None if seconds is None else NOON + timedelta(seconds=seconds)
    return CodeMail(uid, code, sent, NOON + timedelta(seconds=arrived))


@pytest.mark.parametrize(
    ("mails", "code"),
    [
        ([], None),
        ([mail(1, "111111", 3)], "111111"),
        ([mail(1, "111111", 3), mail(2, "222222", 5)], "222222"),
        # A slow relay: the older mail arrives last.
        ([mail(1, "111111", 5), mail(2, "222222", -120, arrived=9)], "111111"),
        ([mail(1, "222222", -120)], None),
        # The sender's clock is a little behind.
        ([mail(1, "111111", -20)], "111111"),
        # Moved into the folder long after it came.
        ([mail(1, "111111", None, arrived=-3600)], None),
        ([mail(1, "111111", None)], "111111"),
        ([mail(1, "999999", 3)], None),
    ],
)
def test_the_newest_mail_since_the_request_is_believed(mails: list[CodeMail], code: str | None) -> None:
    found = newest_code(mails, NOON, used={"999999"})
    assert (found.code if found else None) == code


@given(
    st.lists(
        st.builds(
            mail,
            st.integers(1, 50),
            st.from_regex(r"[0-9]{6}", fullmatch=True),
            st.one_of(st.none(), st.floats(-7200, 7200)),
            st.floats(-7200, 7200),
        )
    )
)
def test_no_mail_from_before_the_request_is_ever_believed(mails: list[CodeMail]) -> None:
    found = newest_code(mails, NOON, used=())
    assert found is None or found.sent_at is None or found.sent_at >= NOON - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Your verification code is: 123456", "123456"),
        ("123456 is your code", "123456"),
        ("Your code: 123 456.", "123456"),
        ("Order 7718204, zip 37086. One-time passcode 004211\nCall (800) 937-8000", "004211"),
        ("Reference 2026-1120-771820. Code\n\n 654321", "654321"),
        ("p { color: #333333 } Your code is 654321", "654321"),
        ("Account 111111 signed in. Account 222222 did not.", None),
        ("Nothing here", None),
        ("code 1234567", None),
    ],
)
def test_the_code_is_told_from_other_numbers(text: str, code: str | None) -> None:
    assert code_of([text]).code == code


# The mailbox, over imaps.


@pytest.fixture
def trusted(imap: Imap, monkeypatch: pytest.MonkeyPatch) -> Imap:
    monkeypatch.setenv("SSL_CERT_FILE", str(imap.ca_file))
    return imap


@pytest.fixture
def deliver(imap: Imap) -> Callable[..., None]:
    """Puts a mail with a code into the box."""

    def put(
        code: str, *, age: float = 0, sender: str = SENDER, html: bool = False, dated: bool = True
    ) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, imap.user, "Sign-in"
        if dated:
            message["Date"] = format_datetime(datetime.now(UTC) - timedelta(seconds=age))
        text = f"Your code is {code}."
        message.set_content(
            f"<style>p {{ width: 600000px }}</style><p>{text}</p>" if html else text,
            subtype="html" if html else "plain",
        )
        Maildir(imap.maildir).add(message)

    return put


def codes_of(url: str, seconds: float = 20.0) -> EmailCodes:
    return EmailCodes(url, Cancellation(), lifetime=timedelta(seconds=seconds), poll=0.05)


NO_SKEW = timedelta()


def test_only_a_mail_that_comes_after_the_request(trusted: Imap, deliver: Callable[..., None]) -> None:
    codes = codes_of(trusted.url)
    deliver("111111")
    codes.about_to_ask()
    deliver("222222", age=600)
    deliver("333333", sender="iPage <no-reply@ingramcontent.example>")
    deliver("444444", sender="no-reply@notingramcontent.com")
    late = threading.Timer(0.4, deliver, ["555555"], {"html": True, "sender": "x@mail.ingramcontent.com"})
    late.start()
    assert codes.code(NO_SKEW) == "555555"

    # Asked again: what was given once is no answer.
    codes.about_to_ask()
    deliver("555555")
    deliver("666666", dated=False)
    assert codes.code(NO_SKEW) == "666666"


def test_a_mail_of_just_before_the_request_waits_for_the_one_that_answers_it(
    trusted: Imap, deliver: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Asked for a moment ago by another run, delivered now.
    codes = codes_of(trusted.url)
    codes.about_to_ask()
    deliver("111111", age=20)
    threading.Timer(1.0, deliver, ["222222"]).start()
    assert codes.code(NO_SKEW) == "222222"

    # Nothing follows: then it is the sender's clock that is behind.
    monkeypatch.setattr("ingram_assets.sources.ipage.login.code_mail.PATIENCE", timedelta(seconds=1))
    codes = codes_of(trusted.url)
    codes.about_to_ask()
    deliver("333333", age=20)
    assert codes.code(NO_SKEW) == "333333"


def test_the_sites_clock_counts_and_not_ours(trusted: Imap, deliver: Callable[..., None]) -> None:
    codes = codes_of(trusted.url)
    codes.about_to_ask()
    deliver("111111", age=3600)
    assert codes.code(timedelta(hours=-1)) == "111111"


def test_no_mail_in_time(trusted: Imap) -> None:
    codes = codes_of(trusted.url, seconds=0.3)
    codes.about_to_ask()
    with pytest.raises(CodeMissing, match=r"ingramcontent\.com"):
        codes.code(NO_SKEW)


def test_the_wait_for_a_mail_can_be_ended(trusted: Imap) -> None:
    canceled = Cancellation()
    codes = EmailCodes(trusted.url, canceled, poll=30.0)
    codes.about_to_ask()
    threading.Timer(0.2, canceled.set).start()
    with pytest.raises(Canceled):
        codes.code(NO_SKEW)


def test_what_is_wrong_with_the_mailbox_is_said(trusted: Imap, monkeypatch: pytest.MonkeyPatch) -> None:
    def error(url: str) -> str:
        codes = codes_of(url)
        codes.about_to_ask()  # a trusted device needs no mailbox, so this does not fail yet
        with pytest.raises((MailboxRefused, Transient)) as caught:
            codes.code(NO_SKEW)
        assert trusted.password not in str(caught.value)
        assert "hush" not in str(caught.value)
        return str(caught.value)

    where = f"127.0.0.1:{trusted.port}"
    assert "refused the user or password" in error(f"imaps://shop%40bookstore.example:hush@{where}/INBOX")
    assert "no folder 'Codes'" in error(trusted.url.replace("/INBOX", "/Codes"))
    assert "can't be reached" in error("imaps://user:hush@127.0.0.1:1/INBOX")
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "not trusted" in error(trusted.url)


@pytest.mark.parametrize(
    "url",
    [
        *("https://mail", "imaps://user@host/INBOX", "imaps://", "imap://user:hush@mail.example/INBOX"),
        *("x:y:z", "imaps://user:hush/hush@host/INBOX", "imaps://user:hush[@host/INBOX"),
    ],
)
def test_a_mailbox_address_that_can_not_be_right(url: str) -> None:
    with pytest.raises(NeedsPerson, match="IPAGE_MFA_IMAP_URL") as caught:
        EmailCodes(url, Cancellation())
    assert "hush" not in str(caught.value)
    assert caught.value.__context__ is None


# Authenticator and terminal.


def test_a_code_about_to_run_out_is_not_used_and_none_twice() -> None:
    now = [28.5]

    def clock() -> float:
        return now[0]

    class OnThatClock(Cancellation):
        def sleep(self, seconds: float) -> None:
            now[0] += seconds

    canceled = OnThatClock()
    codes = TotpCodes("jbsw y3dp-ehpk 3pxp", canceled, clock=clock)
    # As Okta hands them out; the codes are those of oathtool --totp --base32 at 1970-01-01 00:00:30 and :60.
    assert codes.code(timedelta(hours=1)) == "996554"
    assert now[0] >= 30
    # Refused: perhaps this machine's clock is late, and the site's is right.
    assert codes.code(timedelta(seconds=30)) == "602287"
    codes = TotpCodes("JBSWY3DPEHPK3PXP", canceled, clock=clock)
    assert codes.code(NO_SKEW) == "996554"
    assert codes.code(NO_SKEW) == "602287"
    assert now[0] >= 60


@pytest.mark.parametrize("secret", ["not base32 at all!", "", "JBSWY3DP"])
def test_a_secret_that_is_none(secret: str) -> None:
    with pytest.raises(NeedsPerson, match="IPAGE_TOTP_SECRET") as caught:
        TotpCodes(secret, Cancellation())
    assert not secret or secret not in str(caught.value)


def test_a_prompt_needs_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"123456\n")
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        with pytest.raises(CodeMissing, match="no terminal"):
            PromptCodes().code(NO_SKEW)
    os.close(writing)


def test_a_prompt_takes_a_code_and_nothing_else() -> None:
    answers = iter(["what?", " 123 456 "])
    assert PromptCodes(lambda question: next(answers)).code(NO_SKEW) == "123456"
    with pytest.raises(CodeMissing):
        PromptCodes(lambda question: "").code(NO_SKEW)
    answers = iter(["9", "2"])
    assert PromptCodes(lambda question: next(answers)).choose(["SMS", "Email"]) == 1
    assert re.search(r"\d", str(PromptCodes(lambda question: "7").choose(["SMS"]))) is not None
