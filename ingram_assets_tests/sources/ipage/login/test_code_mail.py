"""Mails with a sign-in code: which number is the code, whom a mail is from, and which mail is believed."""

import base64
import logging
import mailbox
import quopri
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime

import pytest

from ingram_assets.sources.ipage.access.cancellation import Cancellation
from ingram_assets.sources.ipage.login.code_in_words import code_of
from ingram_assets.sources.ipage.login.code_mail import CodeMail, EmailCodes, newest_code
from ingram_assets.sources.ipage.login.mail_authentication import failed_authentication, is_wanted, sender_of
from ingram_assets.sources.ipage.login.mail_words import text_of, words_of
from ingram_assets.sources.ipage.login.second_factor import CodeMissing
from ingram_demo.embedded.imap import Imap

CODE = "135790"
OKTA = "no-reply@okta.com"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)

# Which number is the code: 135790 in each.
FOUND = (
    "135790 is your one-time code for order 246801",
    "Your one-time code: 135790\n\n246801",
    "Time: 083045\nDate: 201126\nCode: 135790",
    "The number below is your code\n\n135790\n\nThe number of your request\n\n246801",
    "1 3 5 7 9 0 is your code, case 2 4 6 8 0 1",
    "Previous codes: 246801, 111111\nYour code: 135790",
    "If you did not ask for a code, the thing to tell us is 246801. Your code is 135790.",
    "Sign-in for account A-246801: 135790",
    "Your code for account Smith is 135790. Order 246801",
    "Sign in\n135790 is your verification code.\nRequest 246801.\n",
    "135790 is your code\nReference 246801.\n",
    "Your verification code for account 246801 is 135790.",
    "Your previous code 246801 is void. Your new code is 135790.",
    "Your code was asked for at 083045 UTC: 135790",
    "Your one-time PIN is 135 - 790",
    "Your code is below.\n\nOrder 246801\n\n135790",
    "Your code is below.\n\n135790\n\nOrder 246801",
    "Your code is below. Do not share it with anyone.\n\n135790\n\nRequest: 246801",
    "Your code for your account is 135790. Case 246801",
    "Here is the code for your request: 135790",
    "Use 135790 to sign in. Order 246801",
    "Enter 135790 on the sign-in page. Our phone: 246801",
    "Order 246801: your code is 135790",
    "Code request 246801. 135790",
    "If you did not ask for a code, quote 246801. Your code: 135790",
    "Your order code 246801\nYour sign-in code 135790",
    "Zip code 246801\nPasscode: 135790",
    "Your code has changed from 246801 to 135790.",
    "Your code 246801 was replaced by 135790.",
    "The code is not 246801 but 135790",
    "135790 is your code. It replaces your previous code 246801.",
    "Old code: 246801\nNew code: 135790",
    "Previous: 246801\nNew: 135790",
    "Code 246801 has expired. Code 135790 is valid for 5 minutes",
    "Code 246801 is no longer valid. Use code 135790.",
    "Your code 135790 is not valid after 5 minutes.",
    "Request\n\n246801\n\nYour code\n\n135790",
    "135790\n\nYour code\n\n246801\n\nRequest number",
    "Your code\n135790\nRequest\n246801",
    "Your code | 135790\nOrder | 246801",
    "135790\tYour code\n246801\tRequest",
    "Your code: **135790**",
    "Copyright 2026. Your code is 135790",
    "Your code: 13 57 90",
    "Your code: 1-3-5-7-9-0",
    "Your code:\n1\n3\n5\n7\n9\n0",
    "Your code: \uff11\uff13\uff15\uff17\uff19\uff10",
    "Your code: 135\xad790",
    "Your code: 135\u2009790",
    "Your code 135\u2060790",
    "Your code: 1\ufe0f\u20e33\ufe0f\u20e35\ufe0f\u20e37\ufe0f\u20e39\ufe0f\u20e30\ufe0f\u20e3",
    "color #246801; code 135790",
    "At 083045 you asked for a code: 135790",
    "Total $246801. Code 135790",
    (
        "We received a request to sign in to your account.\n\n135790\n\nIngram, One "
        "Ingram Blvd, La Vergne, TN 37086"
    ),
    "To finish signing in to your account: 135790",
    "Thanks. Your code to sign in to Ingram iPage today is 135790.",
    "Your one-time code, valid for 5 minutes, is 135790. Ticket 246801",
    "Customer number: 246801\nYour one-time password: 135790",
    "Your sign-in code for case number 246801: 135790",
    "The code for order no. 246801 is 135790.",
    "Dear customer 246801,\nyour code is\n135790\n",
    "Sign in\n135790",
    "Use verification code 135790 for Ingram authentication. 246801",
    "(135790) is your Okta code",
    '"135790" is your verification code',
    "135790 \u2013 your code. 246801 \u2013 your request.",
    "135790 (your code), 246801 (your account)",
    "Your sign-in code:\n\n135-790\n\nYour account: 246-801",
    "https://okta.com/verify/246801?c=999999 Enter code instead: 135790",
    "Can't use the link? Enter a code instead: 135790",
    "Your code was sent to phone 246801. It is 135790",
    "Your code, requested on 2026-11-20 at 08:30:45, is 135790",
    "On 20 November 2026 you asked for the code 135790",
    "Expired code 246801\nCurrent code 135790",
    "Your last code was 246801. The current one is 135790.",
    "Your account number is 246801 and your code is 135790",
    "Your code is 135790 and your account number is 246801",
    "Your code is 135790, your account is 246801",
    "Case 246801 - code 135790",
    "Code 135790 - case 246801",
    "Code 135790 for case 246801",
    "135790 is the code for order 246801",
    "246801 is the order that code 135790 is for",
    "Do not use 246801. Use 135790.",
    "Your PIN code 135790. PIN of your card ends in 246801",
    "Year 2026, time 083045, date 20261120. Code 135790",
    "Invoice no 246801; passcode 135790",
    "Verification code\n135790\nThis code expires in 10 minutes.\nReference number\n246801",
    "Hi,\n\n135790\n\nis your verification code.\n\n246801\n\nis your request number.",
    "135790\n\nThis is your verification code.\n\nTicket 246801",
    "Please enter 135790 to verify. 246801 is our phone number.",
    "Your security code: 135790. Our fax: 246801",
    "Your\xa0code\xa0is\xa0135\xa0790.",
    (
        "Hello,\n\nA sign-in to iPage asks for a verification code.\n\nYour "
        "verification code is: 135790\n\nThe code expires in 5 minutes. If this was "
        "not you, call Customer Care at (800) 937-8000\nand give reference "
        "2026-1120-7718204.\n\nIngram Content Group, One Ingram Blvd, La Vergne, TN "
        "37086\n"
    ),
    (
        "Hi Jane,\n\nYou have requested an email link to sign in to Ingram. To finish "
        "signing in, click the button below or enter the provided code.\n\nSign In\n\n"
        "This email expires in 5 minutes at 11/20/2026 12:05:33 PM UTC\n\nCan't use "
        "the link? Enter a code instead: 135790\n\nIf you didn't request this email, "
        "report 246801\n"
    ),
    "Your code is below\n\nCase 246801\nOrder 111111\n\n135790\n\nThank you",
    "135790 is your code for request 246801 of 20261120 083045",
    "Request 246801\n\n135790 is the verification code you asked for.",
    "Order number 246801: please enter code 135790",
    "Verification code (request 246801): 135790",
    "Your code (valid until 083045): 135790",
    "Your verification code [case 246801] is 135790",
    "Account 246801. Your passcode: 135790. Expires 120530.",
    "Your code: 135790 (order 246801)",
    "Code: 135790, account: 246801, phone: 111111",
    "account: 246801, code: 135790",
    "account=246801 code=135790",
    "acct 246801 / code 135790",
    "This is the code: 135790. And this the previous: 246801.",
    "Your earlier verification code, 246801, no longer works. 135790 is the new one.",
    "The code 246801 sent earlier is void; use 135790.",
    "The code we sent before (246801) has expired. Your code is 135790",
    "Ignore code 246801. Enter 135790.",
    "Your new code is 135790 (old: 246801)",
    "Your new code is 135790 and replaces 246801",
    "Your new code is 135790, not 246801",
    "Use 135790 instead of 246801 as your code",
    "Expired: 246801. Valid: 135790. Code mail.",
    "Color 246801. Code 135790",
    "Price 246801, code 135790",
    "Your code is 135790.\nIndia office: Bangalore 560001",
    "Code 135790\nTime 08:30:45\nYear 2026\nPhone 246801",
    "Your one time passcode is\n\n\n135 790\n\n\nDo not share. Ref 246801",
    "Your one time passcode is\n\n1 3 5 7 9 0\n\nRef 246801",
    "Your code: 1 - 3 - 5 - 7 - 9 - 0",
    "Your code: 1\xb73\xb75\xb77\xb79\xb70",
    "Your code: 135\u202f790",
    "Your code: 135\u200b790",
    "1\u200b3\u200b5\u200b7\u200b9\u200b0 is your code",
    "Your code: 135\u2013790",
    "Your code: 135\u2014790",
    "Your code: 135\n790",
    "Your code is:\n\n[135790]\n",
    "Your code is:\n\n>>> 135790 <<<\n",
    "Your code: <135790>",
    "Your code: _135790_",
    "Your code: \u201c135790\u201d",
    "Your code -> 135790",
    "Your code \u2192 135790",
    "Code\t135790",
    "Your code\u2026135790",
    "Your code... 135790",
    "Dein Code: 135790",
    "135790: your verification code",
    "135790, your verification code for iPage. Order 246801.",
    "Verify with 135790. Quote 246801 on the phone.",
    "Your code's digits: 135790",
    "Tracking code 246801\nVerification code 135790",
    "Type 135790 when asked for the code on your phone 246801",
    "Your code is 135790 (request 2026-246801)",
    "Your code is 135790. Do not reply. Mail 246801/111111",
    "Your login code is 135790. Your login ID is 246801.",
    "User 246801, your code is 135790",
    "iPage code: 135790\nBatch 246801",
    "135790\nis your code\n\nRequest\n246801",
    "Code\n\n135790\n\nCase\n\n246801",
    "Case\n\n246801\n\nCode\n\n135790",
    "Your code from November 20: 135790",
    "Code sent 11/20/26: 135790",
    "Code sent 20-11-26 - 135790",
    "Your 6-digit code is 135790. Your 8-digit order is 12345678",
    "Your six digit code: 135790; four digit account 1234",
    "Your code was requested from 246801 by device 111111: 135790",
    "Sign in code requested at 14:05 from IP 10.1.2.3.\n135790",
    "135790 is your code. 135790 is your code.",
    "Your Ingram iPage verification code for customer 246801, San: 1234567 is 135790.",
    "Use code 135790 before 120530.",
    "Use code 135790 within 300 seconds. Request ID: 246801",
    "Reference:\n246801\nCode:\n135790",
    "Code:\n135790\nReference:\n246801",
    "Your code\xa0: 135790",
    "Access code for order 246801 = 135790",
    "Security code 135790; Security question 246801",
    "Your account 246801 needs a code. 135790",
    "Your account needs a code: 135790",
    "Your code for order 135791 and case 246801 is 135790",
    "Here is your code for request #246801: 135790",
    "Here is your code for request #246801.\n\n135790",
    "Code for 246801@okta.com: 135790",
    "Your code is 135790\n-- \nIngram 246801",
    "You have 246801 points. Your code: 135790",
    "Your order 246801 was placed. To sign in use 135790.",
    "135790\n\nEnter this code to sign in. Request 246801.",
    "Please quote case 246801. Sign-in: 135790",
    "Two-step verification: 135790. Account: 246801",
    # One that is no longer valid, wherever it is said.
    "The code 246801 you asked for before is no longer valid. Your new code is 135790.",
    "The code 246801 that we sent you at first has been cancelled. Your code is 135790.",
    "Code 246801, which you requested earlier, is no longer valid. Your code is 135790.",
    "Verification code 246801 (no longer valid). Verification code 135790.",
    "Your code 246801 can't be used any more. Your code is 135790.",
    "Your code 246801 stopped working. Use code 135790.",
    "Code 246801: expired\nCode 135790: valid",
    "Code 246801 - replaced\nCode 135790 - valid",
    "We have cancelled code 246801. Your code is 135790.",
    "Your obsolete code: 246801\nYour code: 135790",
    "135790 is your code; the code 246801 from this morning will not work.",
    "The code 246801 from your request of 10:15 has expired. 135790 is your verification code.",
    "Your code used to be 246801. It is now 135790.",
    # Not so.
    "Your code 135790 will not work after 5 minutes.",
    "Your code is 135790. It can't be used twice.",
    "Your code 135790 can be used once.",
    # In groups.
    "Your code is 135.790",
    "Your code is 135.790.",
    "Your code is 1_3_5_7_9_0",
    "Your verification code: 135_790",
    "Your code is 13_57_90. Order 246.801",
    "Your code is 135/790",
    "Your code: 1/3/5/7/9/0",
    "Your sign-in code is 1.3.5.7.9.0",
    "135.790 is your verification code.",
    "Your verification code\n\n135.790\n\nOrder 246801",
    "Your code is 1•3•5•7•9•0",
    "Your code is 135‧790",
    "Your code is 1–3–5–7–9–0",
    "Enter 135_790 to sign in.",
    # With letters and a dash before it.
    "G-135790 is your verification code",
    "Your code is G-135790",
    "Your verification code: FB-135790",
    "Enter G-135790 to sign in. Order 246801",
    "G–135790 is your sign-in code. Ref 246801",
    "Your code is below.\n\nG-135790\n\nOrder 246801",
    "OKTA-135790 is your one-time passcode",
    "Your code (A-246801): 135790",
    "Your one-time code is 135790. Quote A-246801.",
    # Still a code to sign in with.
    "Your email code is 135790",
    "Your confirmation code is 135790",
    "Your log-in code is 135790",
)

OTHER_CODES = (
    *("Message code", "Reference code", "Tracking code", "Support code", "Product code", "Ticket code"),
    *("Bar code", "Barcode", "QR code", "QR-code", "Error code", "Country code", "Country calling code"),
    *("Dial code", "Dialing code", "Short code", "Service code", "Campaign code", "Session code"),
    *("Invoice code", "Postcode", "Help desk code", "Vendor code", "Document code", "Booking code"),
)
"""What is no code to sign in with."""

NONE = (
    "Your code for order: 246801",
    "Your code is below.\n\n246801\n\n135790",
    "Your code: 135790 246801",
    "If you did not ask for this code, mention 246801.",
    "246801\nYour code\n135790",
    "Your code is 2026",
    "Your code is #135790",
    "Verification code for order: 246801",
    "Order 135790 has shipped",
    "Voucher 246801. Your verification is due.",
    "135790",
    "Code: 135.790",
    "Code: 135,790",
    "Your code is 135790. Your code is 246801.",
    "Your code is 135790. PIN code 560001",
    "Someone signed in with code. Your phone: 246801",
    "Your sign-in was blocked. Reference: 246801",
    "Your code will come in another mail. Your account is 246801.",
    "We never ask for your code. Support ID 246801",
    "Your code was used. Session 246801 started.",
    "Two codes: 135790 and 246801",
    "Your code is 135790 or 246801",
    "Codes 135790, 246801",
    "Your code is either 135790 or 246801.",
    "Sign in numbers\n135790\n246801",
    "Error code 246801: sign-in failed.",
    "Your promo code 246801!",
    "Your code is 123456789.",
    "Your code is 123.",
    "Call 135790",
    # No longer valid, and no other is there.
    "The code 246801 you asked for before is no longer valid.",
    "Code 246801 has been cancelled.",
    "Your verification code 246801 was invalidated. Ask for a new one.",
    "Code 246801 (expired)",
    "Your code 246801 is out of date.",
    # Decimal numbers, addresses, dates, versions and prices.
    "Your code is 1,234.50",
    "Your code is 10.0.0.1",
    "Your code from 192.168.100.101",
    "Your code is 11/28/2026",
    "Your code is 11_28_2026",
    "Your code is 28.11.26",
    "Your code is v1.3.5",
    "Your code is version 135.790",
    "Your code is $135.790",
    "Your code is 135.790 EUR",
    "Your code is USD 135.790",
    "Your code is 135.790,50",
    "Your code is 135.790.246",
    "Your code is 1.3.5.7.9.0.2",
    "Your code is 135.790%",
    "Your product code is 135.790",
    "Sign in\n135.790",
    "Your code: 135.790 or 246.801",
    "Your code is 135.790. Your code is 246801.",
    # What has letters before it.
    "Sign-in for account A-246801.",
    "Verification: INV-246801",
    "Your code is PO-246801",
    "Sign in\nG-135790",
    "Your code is G-135790-246801",
    "G-135790 is your code. Your code is 246801.",
    "246801 is your support code. Sign in.",
)


@pytest.mark.parametrize("text", FOUND)
def test_the_number_that_the_words_call_the_code(text: str) -> None:
    assert code_of([text]).code == CODE


@pytest.mark.parametrize("text", NONE)
def test_no_other_number_is_taken(text: str) -> None:
    assert code_of([text]).code is None


@pytest.mark.parametrize("name", OTHER_CODES)
def test_what_else_is_called_a_code(name: str) -> None:
    assert code_of([f"{name} 246801.\nYour verification code\n\n135790"]).code == CODE
    assert code_of([f"Your {name.lower()} is 246801. Your sign-in code: 135790"]).code == CODE
    assert code_of([f"{name}: 246801. Sign in to see your verification code."]).code is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Your 8-digit code is 12345678. Case 246801", "12345678"),
        ("Enter your 4-digit PIN: 1357. Call 246801", "1357"),
        ("Eight-digit code below.\n\n1234 5678", "12345678"),
        ("Your 4 digit passcode: 1 3 5 7", "1357"),
        ("Your 7-digit verification code is 1234567.", "1234567"),
        # Not said how many, but that this is the code.
        ("Your verification code: 12345678", "12345678"),
        ("Your code is 12345.", "12345"),
        ("Your code is 2026.", None),
        ("code 1234567", None),
        ("Sign in\n12345678", None),
    ],
)
def test_a_code_of_another_length_where_the_mail_says_so(text: str, code: str | None) -> None:
    assert code_of([text]).code == code


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Your code is 135790. Your code is 246801.", "names several numbers as the code"),
        ("Sign in\n135790\n246801", "has several numbers and does not say which is the code"),
        ("Order 135790 has shipped", "names no code"),
    ],
)
def test_why_there_is_none(text: str, reason: str) -> None:
    assert (code_of([text]).code, code_of([text]).reason) == (None, reason)


def test_what_is_endless_is_read_at_once() -> None:
    started = datetime.now(UTC)
    for text in ("1" * 20_000, "code " * 4000, "(800) " * 3000, "1 " * 10_000):
        assert code_of([text]).code is None
    assert datetime.now(UTC) - started < timedelta(seconds=60)


SPLIT = "".join(f"<{{0}}>{digit}</{{0}}>" for digit in CODE)


@pytest.mark.parametrize(
    "page",
    [
        f"<p>Your code</p><table><tr>{SPLIT.format('td')}</tr></table>",
        f"<p>Your code: {SPLIT.format('span')}</p>",
        f"<p>Your code:</p>{SPLIT.format('div')}<p>Order 246801</p>",
        f"<p>Your code</p><ul>{SPLIT.format('li')}</ul>",
        "<p>Your code: <b>135&nbsp;790</b></p>",
        "<p>Your code: <b>135&#8203;790</b></p>",
        "<h1>135&shy;790</h1><p>is your verification code</p>",
        "<p>Code <b>135</b><i>790</i></p>",
        "<p>Code <b>1357</b><i>90</i></p>",
        "<p>Your code</p><p><b>135</b></p><p><b>790</b></p>",
        "<p>Your code: <b>1</b><b>3</b><b>5</b> - <b>7</b><b>9</b><b>0</b></p>",
        "<p>Your code is <b>135790</b><sup>1</sup></p>",
        "<b>135790</b><span>5 minutes</span> code",
        # What is not seen, and what is no text.
        "<style>p{color:#246801}</style><font color=#246801>Your code is</font><h1>135790</h1>",
        "<p>Your code</p><p>1<span style='display:none'>9</span>35790</p>",
        "<p>Your code is 135790</p><blockquote type=cite>Your code is 246801</blockquote>",
        "<p>Your code is</p><img alt=135790>",
        "<p>Your code is</p><input value=135790 readonly><input type=hidden value=246801>",
        "<title>246801</title><script>code = 246801</script><!-- code 246801 --><p>Your code: 135790",
        # Tables.
        "<table><tr><td>Request</td><td>246801</td></tr><tr><td>Code</td><td>135790</td></tr></table>",
        "<table><tr><td>135790</td><td>Your code</td></tr><tr><td>246801</td><td>Order</td></tr></table>",
        "<p>Account</p><p>246801</p><p>Verification code</p><p>135790</p>",
    ],
)
def test_html_as_it_is_seen(page: str) -> None:
    assert code_of([text_of(page)]).code == CODE


def table(*rows: str, head: str = "td") -> str:
    """Rows with their cells parted by "|", the first of them in cells of the kind `head`."""
    page = "<table>"
    for place, row in enumerate(rows):
        kind = "td" if place else head
        page += "<tr>" + "".join(f"<{kind}>{cell}</{kind}>" for cell in row.split("|")) + "</tr>"
    return page + "</table>"


@pytest.mark.parametrize(
    ("page", "code"),
    [
        (table("Account|Code", "246801|135790", head="th"), CODE),
        (table("Code|Account", "135790|246801", head="th"), CODE),
        (table("Code|Account", "135790|246801", "|", head="th"), CODE),
        (table("Account|Code", "246801|135790"), CODE),
        (table("Verification code|Order|Date", "135790|246801|11/28/2026"), CODE),
        (table("Order|Customer|Passcode", "246801|Smith|135790", head="th"), CODE),
        (table("Request|Your sign-in code", "246801|<b>135</b> <b>790</b>", head="th"), CODE),
        (table("Message code|Verification code", "246801|135790", head="th"), CODE),
        (table("Old code|New code", "246801|135790", head="th"), CODE),
        (f"<table><tr><td>{table('Ticket|Security code', '246801|135790', head='th')}</table>", CODE),
        (
            "<table><thead><tr><td>Order<td>Customer<td>Passcode</thead>"
            "<tr><td>246801<td>Smith<td>135790</table>",
            CODE,
        ),
        (
            "<table><tr><th><th>Previous<th>New</tr><tr><th>Code<td>246801<td>135790</tr></table>",
            CODE,
        ),
        (
            f"<table><tr><th>Account<th colspan=6>Code</tr><tr><td>246801</td>{SPLIT.format('td')}</table>",
            CODE,
        ),
        (
            "<table><tr><th>Phone<th style='display:none'>Id<th>Code</tr>"
            "<tr><td>246801<td style='display:none'>1<td>135790</tr></table>",
            CODE,
        ),
        # The left cell names the right, or the right the left.
        (table("Name|John Smith", "Code|135790", "Order|246801"), CODE),
        (table("John Smith|Name", "135790|Your code", "246801|Order"), CODE),
        ("<table><tr><th>Code<td>135790</tr><tr><th>Account<td>246801</tr></table>", CODE),
        # None of them, or more than one.
        (table("Account|Order", "246801|135790", head="th"), None),
        (table("Your order|Message code", "246801|135790", head="th"), None),
        (table("Code|Code", "246801|135790", head="th"), None),
        (table("Code|Place", "246801|1", "135790|2", head="th"), None),
    ],
)
def test_what_is_on_top_of_a_column_names_its_cells(page: str, code: str | None) -> None:
    assert code_of([text_of(page)]).code == code


# All parts of a mail.

HTML = "<html><body><p>Your code is:</p><h1>135790</h1><p>It expires in 5 minutes.</p></body></html>"


def mail_of(text: str | None = None, html: str | None = None, subject: str = "Sign in") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["Subject"] = OKTA, subject
    if text is not None:
        message.set_content(text)
    if html is not None:
        (message.set_content if text is None else message.add_alternative)(html, subtype="html")
    return message


def nested(*parts: Message) -> MIMEMultipart:
    message = MIMEMultipart("mixed")
    related, alternative = MIMEMultipart("related"), MIMEMultipart("alternative")
    message.attach(related)
    related.attach(alternative)
    for part in parts:
        alternative.attach(part)
    return message


def raw(body: bytes, kind: str, encoding: str = "8bit") -> Message:
    head = f"From: {OKTA}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return message_from_bytes(head.encode() + body)


def attached(text: str) -> EmailMessage:
    message = mail_of(text)
    message.add_attachment("Your code is 246801", filename="old.txt")
    return message


def forwarded(text: str) -> MIMEMultipart:
    message = MIMEMultipart("mixed")
    message.attach(MIMEText(text))
    message.attach(MIMEMessage(mail_of("Your code is 246801")))
    return message


SAID = "Your code is 135790. Order 246801."
MAILS = {
    "HTML alone": mail_of(html=HTML),
    "blank text": mail_of(" \n", HTML),
    "text sends to the HTML": mail_of("This mail is in HTML.\n", HTML),
    "text is the footer": mail_of("100 First Street, San Francisco, CA 94105\n", HTML),
    "HTML without": mail_of(SAID, "<p>See the text.</p>"),
    "subject alone": mail_of("Reference 246801.", subject="135790 is your code"),
    "encoded subject": mail_of("Reference 246801.", subject="135790 is your code – été"),
    "caption in the subject": mail_of("135790\nReference 246801\n", subject="Your verification code"),
    "nested": nested(MIMEText("Order 246801"), MIMEText(HTML, "html")),
    "nested base64": nested(MIMEText("Order 246801"), MIMEText(HTML + "é", "html", "utf-8")),
    "several texts": nested(MIMEText("Order 246801"), MIMEText("Hello"), MIMEText(SAID)),
    "an attached file": attached(SAID),
    "an attached mail": forwarded(SAID),
    "a quoted mail": mail_of(SAID + "\n\n> Your code is 246801.\n"),
    "entities in the text": mail_of("Your code is 135&nbsp;790"),
    "quoted-printable": raw(
        quopri.encodestring(b"Your code is " + b"<b>" * 40 + b"135=E2=80=8B790".replace(b"=E2=80=8B", b"")),
        "text/html",
        "quoted-printable",
    ),
    "a soft line break in the code": raw(b"Your code is 135=\r\n790", "text/plain", "quoted-printable"),
    "base64": raw(base64.b64encode(SAID.encode()), "text/plain; charset=utf-8", "BASE64"),
    "utf-16": raw(SAID.encode("utf-16"), "text/plain; charset=utf-16"),
    "utf-16, not said": raw(SAID.encode("utf-16-le"), "text/plain"),
    "utf-16 said, not done": raw(SAID.encode(), "text/plain; charset=utf-16"),
    "iso-2022-jp": raw(
        "コード Your code is １３５７９０".encode("iso2022_jp"), "text/plain; charset=iso-2022-jp"
    ),
    "unknown charset": raw(SAID.encode(), "text/plain; charset=x-martian"),
    "wrong charset": raw("Votre reçu. ".encode("cp1252") + SAID.encode(), "text/plain; charset=utf-8"),
    "EBCDIC": raw(SAID.encode("cp037"), "text/plain; charset=cp037"),
    "HTML called text": raw(HTML.encode(), "text/plain"),
    "no type": raw(SAID.encode(), ""),
    "no boundary": raw(SAID.encode(), "multipart/alternative"),
}


@pytest.mark.parametrize("name", MAILS)
def test_every_part_of_a_mail_is_read(name: str) -> None:
    assert code_of(words_of(message_from_bytes(MAILS[name].as_bytes()))).code == CODE


def test_parts_that_differ_are_not_told_apart() -> None:
    found = code_of(words_of(mail_of("Your code is 246801", HTML)))
    assert (found.code, found.reason) == (None, "names several numbers as the code")


# Whom a mail is from.


@pytest.mark.parametrize(
    ("sender", "address"),
    [
        ("no-reply@okta.com", OKTA),
        ("Okta <No-Reply@OKTA.com>", OKTA),
        ('"Okta, Inc." <no-reply@okta.com>', OKTA),
        ("Okta, Inc. <no-reply@okta.com> (sign-in)", OKTA),
        ("=?utf-8?q?Okta?= <no-reply@okta.com>", OKTA),
        ("<no-reply@okta.com.>", OKTA),
        ('"no-reply@okta.com" <x@evil.example>', "x@evil.example"),
        ("no-reply@okta.com <x@evil.example>", "x@evil.example"),
        ('"<no-reply@okta.com>" <x@evil.example>', "x@evil.example"),
        ("x@evil.example (no-reply@okta.com)", "x@evil.example"),
        ("=?utf-8?q?no-reply=40okta.com?= <x@evil.example>", "x@evil.example"),
        ("<no-reply@okta.com> <x@evil.example>", None),
        ("no-reply@okta.com, x@evil.example", None),
        ("x@evil.example@okta.com", None),
        ("okta.com: x@evil.example;", None),
        ("okta.com", None),
        ("", None),
    ],
)
def test_the_address_and_not_the_name(sender: str, address: str | None) -> None:
    assert sender_of(message_from_bytes(f"From: {sender}\n\n".encode())) == address


def test_two_from_are_none() -> None:
    assert sender_of(message_from_bytes(b"From: no-reply@okta.com\nFrom: x@evil.example\n\n")) is None
    assert sender_of(message_from_bytes(b"Sender: no-reply@okta.com\n\n")) is None


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        ("x@okta.com", True),
        ("x@mail.okta.com", True),
        ("codes@ingram.example", True),
        ("others@ingram.example", False),
        ("codes@ingram.example.evil.example", False),
        ("x@okta.com.evil.example", False),
        ("x@notokta.com", False),
        ("x@okta.co", False),
        ("okta.com@evil.example", False),
        ("x@оkta.com", False),  # a Cyrillic o
    ],
)
def test_only_wanted_senders(address: str, is_one: bool) -> None:
    assert is_wanted(address, ("okta.com", "codes@ingram.example")) is is_one


def headed(*headers: str) -> Message:
    return message_from_bytes("\n".join([*headers, f"From: {OKTA}", "", "x"]).encode())


def results(*said: str) -> str:
    return "Authentication-Results: " + "; ".join(said)


MX = "mx.bookstore.example"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [results(MX, "none")],
        [results(MX, "dkim=pass header.d=okta.com", "spf=pass", "dmarc=pass header.from=okta.com")],
        # Sent on: DMARC holds by the signature alone, and so does a signature without DMARC.
        [results(MX, "dkim=pass header.d=okta.com", "spf=fail", "dmarc=pass header.from=okta.com")],
        [results(MX, "spf=softfail", "dkim=pass header.i=@mail.okta.com")],
        [results(MX, "dkim=fail header.d=list.example", "dkim=pass header.d=okta.com")],
        [results(MX, "spf=none", "dkim=none", "dmarc=none")],
        [results(MX, "spf=temperror", "dkim=neutral")],
        [results(MX, "spf=pass (was dkim=fail; dmarc=fail) smtp.mailfrom=okta.com")],
        # Of servers before the mailbox's own.
        [results(MX, "spf=pass"), results("mx.other.example", "dmarc=fail")],
        [results(MX, "dmarc=pass header.from=okta.com"), results("mx.other.example", "dmarc=fail")],
        [results(MX, "spf=pass"), "Received: from other", results(MX, "dmarc=fail")],
        ["ARC-Authentication-Results: i=1; mx.other.example; dmarc=fail"],
        # One pass for the sender's domain is enough.
        [results(MX, "spf=pass smtp.mailfrom=bounces@mail.okta.com", "dkim=none")],
        [results(MX, "spf=pass smtp.mailfrom=<> smtp.helo=mail.okta.com")],
        [results(MX, "dkim=pass header.d=sender.example", "dkim=pass header.d=okta.com")],
        [results(MX, "spf=pass smtp.mailfrom=x@sender.example", "dkim=pass header.d=okta.com")],
        [results(MX, "spf=pass smtp.mailfrom=x@sender.example"), results(MX, "dkim=pass header.d=okta.com")],
        [results(MX, "spf=permerror", "dmarc=permerror")],
        # Received-SPF.
        ["Received-SPF: pass client-ip=192.0.2.1; envelope-from=x@okta.com", f"Received: by {MX}"],
        ["Received-SPF: Pass (mx: domain of x@mail.okta.com designates 192.0.2.1 as permitted sender)"],
        ["Received-SPF: neutral", f"Received: by {MX}"],
        ["Received-SPF: none identity=helo; helo=x", "Received-SPF: pass envelope-from=x@okta.com"],
        ["Received-SPF: fail", results(MX, "dkim=pass header.d=okta.com")],
        # Of the server that sent the mail on.
        [f"Received: by {MX}", "Received: by mx.other.example", "Received-SPF: fail"],
        [
            f"Received: by {MX}",
            "Received-SPF: fail receiver=mx.other.example",
            "Received: by mx.other.example",
        ],
        [f"Received: by {MX}", "Received-SPF: Fail (mx.other.example: domain of x@okta.com does not)"],
    ],
)
def test_a_mail_that_nothing_speaks_against(headers: list[str]) -> None:
    assert failed_authentication(headed(*headers), OKTA) is None


def test_domains_beneath_one_that_is_wanted_belong_together() -> None:
    mail = headed(results(MX, "dkim=pass header.d=bounces.okta.com"))
    assert failed_authentication(mail, "x@mail.okta.com", ("okta.com",)) is None
    assert (
        failed_authentication(mail, "x@mail.okta.com", ("mail.okta.com",))
        == "dkim=pass for bounces.okta.com alone"
    )


@pytest.mark.parametrize(
    ("headers", "wrong"),
    [
        ([results(MX, "dkim=none", "spf=fail smtp.mailfrom=x.example", "dmarc=fail")], "dmarc=fail"),
        ([results(MX, "dkim=pass header.d=evil.example", "spf=pass", "dmarc=fail")], "dmarc=fail"),
        ([results(f"{MX} 1", "DMARC=Fail (p=REJECT; dmarc=pass) header.from=okta.com")], "dmarc=fail"),
        ([results(MX, "spf=fail")], "spf=fail"),
        ([results(MX, "spf=softfail", "dkim=pass header.d=evil.example")], "spf=softfail"),
        ([results(MX, "spf=pass", "dkim=fail (body hash did not verify) header.d=okta.com")], "dkim=fail"),
        ([results(MX, "dmarc=pass header.from=evil.example")], "dmarc=pass for evil.example alone"),
        # Exchange gives no name.
        (
            ["Authentication-Results: spf=pass smtp.mailfrom=evil.example; dmarc=fail action=none"],
            "dmarc=fail",
        ),
        ([results(MX, "spf=none", "compauth=fail reason=001")], "compauth=fail"),
        # Each of a server's headers tells one thing.
        ([results(MX, "spf=pass"), results(MX, "dkim=none"), results(MX, "dmarc=fail")], "dmarc=fail"),
        ([results(MX, "spf=pass"), "Received-SPF: pass", results(MX, "dmarc=fail")], "dmarc=fail"),
        (["Received: by x", "DKIM-Filter: y", results(MX, "dmarc=fail"), "Received: from z"], "dmarc=fail"),
        # What the sender put in below can't make it good.
        ([results(MX, "dmarc=fail"), results(MX, "dmarc=pass header.from=okta.com")], "dmarc=fail"),
        (
            [results(MX, "spf=fail"), results(MX, "dmarc=pass"), results(MX, "dkim=pass header.d=okta.com")],
            "spf=fail",
        ),
        ([results(MX, "spf=fail"), "Received: from x", results("mx.okta.com", "dmarc=pass")], "spf=fail"),
        # A pass for another domain is anybody's.
        (
            [
                results(
                    MX,
                    "dkim=pass header.d=evil.example",
                    "spf=pass smtp.mailfrom=x@evil.example",
                    "dmarc=none",
                )
            ],
            "dkim=pass for evil.example alone",
        ),
        (
            [results(MX, "dkim=pass header.i=@evil.example", "dmarc=permerror")],
            "dkim=pass for evil.example alone",
        ),
        ([results(MX, "dkim=pass header.d=notokta.com")], "dkim=pass for notokta.com alone"),
        (
            [results(MX, "dkim=pass header.d=okta.com.evil.example")],
            "dkim=pass for okta.com.evil.example alone",
        ),
        (
            [results(MX, "dkim=none", "spf=pass smtp.mailfrom=evil.example")],
            "spf=pass for evil.example alone",
        ),
        # The name in HELO was not checked there.
        (
            [results(MX, "spf=pass smtp.mailfrom=x@evil.example smtp.helo=okta.com")],
            "spf=pass for evil.example alone",
        ),
        (
            [results(MX, "spf=none"), results(MX, "dkim=pass header.d=evil.example")],
            "dkim=pass for evil.example alone",
        ),
        (
            [
                results(MX, "dkim=pass header.d=evil.example", "spf=pass smtp.mailfrom=evil.example"),
                results(MX, "dmarc=pass header.from=okta.com"),
            ],
            "dkim=pass for evil.example alone",
        ),
        (
            [results(MX, "dkim=pass header.d=evil.example"), results(MX, "dkim=pass header.d=okta.com")],
            "dkim=pass for evil.example alone",
        ),
        ([results(MX, "spf=pass smtp.mailfrom=okta.com"), results(MX, "dmarc=fail")], "dmarc=fail"),
        # Received-SPF.
        ([f"Received-SPF: Fail ({MX}: domain of okta.com does not designate)"], "spf=fail"),
        (["Received-SPF: softfail envelope-from=x@okta.com", f"Received: by {MX}"], "spf=softfail"),
        (
            [
                "Received: from mx by store.local with LMTP",
                f"Received: by {MX}",
                "Received-SPF: Fail (bookstore.example: domain of x@okta.com does not designate 192.0.2.1)",
            ],
            "spf=fail",
        ),
        ([results(MX, "dkim=none"), "Received-SPF: fail"], "spf=fail"),
        (["Received-SPF: fail", "Received-SPF: pass envelope-from=x@okta.com"], "spf=fail"),
        (
            [
                "Received-SPF: pass identity=helo; helo=x.example",
                "Received-SPF: fail envelope-from=x@okta.com",
            ],
            "spf=fail",
        ),
        (
            ['Received-SPF: pass envelope-from="x@evil.example"; helo=okta.com'],
            "spf=pass for evil.example alone",
        ),
        (
            [
                "Received-SPF: pass envelope-from=x@evil.example",
                "Received-SPF: pass envelope-from=x@okta.com",
            ],
            "spf=pass for evil.example alone",
        ),
        (
            ["Received-SPF: fail", f"Received: by {MX}", results(MX, "dmarc=pass header.from=okta.com")],
            "spf=fail",
        ),
    ],
)
def test_what_failed_is_not_believed(headers: list[str], wrong: str) -> None:
    assert failed_authentication(headed(*headers), OKTA) == wrong


# Which mail is the newest.


def came(uid: int, code: str, sent: float | None, arrived: float) -> CodeMail:
    date = None if sent is None else NOON + timedelta(seconds=sent)
    return CodeMail(uid, code, date, NOON + timedelta(seconds=arrived))


@pytest.mark.parametrize(
    ("mails", "code"),
    [
        # A date ahead makes none newer, in whatever order they came.
        ([came(1, "666666", 86400 * 300, 3), came(2, "111111", 3, 4)], "111111"),
        ([came(1, "666666", 30, 3), came(2, "111111", 3, 4)], "111111"),
        # Numbers follow the order of being put into the folder.
        ([came(2, "666666", 3, 3), came(1, "111111", 3, 9)], "111111"),
        ([came(1, "666666", 9, 5), came(2, "111111", None, 6)], "111111"),
        ([came(1, "666666", 3, 5), came(2, "111111", 2, 5)], "111111"),
        # Came before the request, whatever date it bears.
        ([came(1, "666666", 86400 * 300, -200)], None),
        ([came(1, "666666", 5, -150), came(2, "111111", 3, 4)], "111111"),
        # Dated before the request: only if no other is there.
        ([came(1, "111111", 3, 4), came(2, "666666", -20, 9)], "111111"),
        # The mailbox's clock is behind.
        ([came(1, "111111", 3, -90)], "111111"),
    ],
)
def test_the_last_to_arrive(mails: list[CodeMail], code: str | None) -> None:
    found = newest_code(mails, NOON, used=())
    assert (found.code if found else None) == code


# A real mailbox.

PASSED = results(MX, "dkim=pass header.d=okta.com", "spf=pass", "dmarc=pass header.from=okta.com")
FAILED = results(MX, "dkim=none", "spf=fail", "dmarc=fail header.from=okta.com")


@pytest.fixture
def deliver(imap: Imap, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.setenv("SSL_CERT_FILE", str(imap.ca_file))

    def put(text: str, *, ahead: float = 0, checked: str = PASSED, sender: str = OKTA) -> None:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead))
        head = f"{checked}\nFrom: {sender}\nTo: {imap.user}\nSubject: Sign in\nDate: {date}\n\n"
        mailbox.Maildir(imap.maildir).add(head.encode() + text.encode())

    return put


def codes_of(imap: Imap, seconds: float, *senders: str) -> EmailCodes:
    wanted = senders or ("okta.com",)
    return EmailCodes(
        imap.url, Cancellation(), senders=wanted, lifetime=timedelta(seconds=seconds), poll=0.05
    )


NO_SKEW = timedelta()


@pytest.mark.parametrize("ahead", [0, 300 * 86400, -30])
def test_a_strangers_mail_is_not_believed(imap: Imap, deliver: Callable[..., None], ahead: float) -> None:
    codes = codes_of(imap, 10)
    codes.about_to_ask()
    deliver("Your code is 666666", ahead=ahead, checked=FAILED)
    deliver("Your code is 111111")
    deliver("Your code is 666666", ahead=ahead, checked=FAILED)
    assert codes.code(NO_SKEW) == "111111"


def test_a_mail_that_is_not_clear_is_passed_over_and_the_reason_said(
    imap: Imap, deliver: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    codes = codes_of(imap, 2)
    codes.about_to_ask()
    deliver("Your code is 135790 or 246801")
    deliver("Your code is 666666", checked=FAILED)
    deliver("Your code is 666666", sender="okta.com <x@okta.com.evil.example>")
    with caplog.at_level(logging.WARNING), pytest.raises(CodeMissing) as caught:
        codes.code(NO_SKEW)
    told = str(caught.value)
    assert "names several numbers as the code" in told
    assert "dmarc=fail" in told
    assert "okta.com, as IPAGE_MFA_SENDERS says" in told
    assert "135790" not in told + caplog.text
    assert "evil" not in told
    # Once each, and not once a look.
    assert len(caplog.records) == 2

    codes.about_to_ask()
    deliver("Your code is 135790 or 246801")
    deliver("Your code is 135791")
    assert codes.code(NO_SKEW) == "135791"


def test_whose_mails_count_is_a_setting(imap: Imap, deliver: Callable[..., None]) -> None:
    codes = codes_of(imap, 10, "codes@ingram.example")
    codes.about_to_ask()
    deliver("Your code is 111111", checked="X-Checked: no", sender="Codes <codes@ingram.example>")
    deliver("Your code is 222222", checked="X-Checked: no", sender="others@ingram.example")
    deliver("Your code is 333333")
    assert codes.code(NO_SKEW) == "111111"


def test_a_site_whose_clock_is_ahead(imap: Imap, deliver: Callable[..., None]) -> None:
    codes = codes_of(imap, 10)
    codes.about_to_ask()
    deliver("Your code is 111111", ahead=3600)
    assert codes.code(timedelta(hours=1)) == "111111"


@pytest.mark.parametrize(
    "remark",
    [
        "(forwarded)",
        "()",
        "(",
        "(: )",
        "(domain of)",
        "(mx: domain of x)",
        "((((",
        "(\\",
        "; receiver=",
        "=; =",
    ],
)
@pytest.mark.parametrize("result", ["fail", "pass", "none", "", "fail fail", "FAIL;"])
def test_any_remark_is_read(result: str, remark: str) -> None:
    """A stranger writes it; the answer is a reason or none, and no other error."""
    said = failed_authentication(headed(f"Received-SPF: {result} {remark}"), OKTA)
    assert said is None or said.startswith("spf=")
    assert result.lower().startswith("fail") == (said is not None)


def test_a_site_may_call_its_code_in_words_of_its_own(imap: Imap, deliver: Callable[..., None]) -> None:
    called = re.compile("Sicherheitscode lautet|Sicherheitscode", re.IGNORECASE)
    codes = EmailCodes(
        imap.url,
        Cancellation(),
        senders=("okta.com",),
        called=called,
        lifetime=timedelta(seconds=20),
        poll=0.05,
    )
    codes.about_to_ask()
    deliver("Kd.-Nr. 204471\n\nIhr Sicherheitscode lautet: 482913\n\nHRB 238817")
    assert codes.code(NO_SKEW) == "482913"
