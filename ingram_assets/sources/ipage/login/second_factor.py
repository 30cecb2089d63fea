"""The six digits that the site asks for after the password: of an authenticator's secret, or of a person.

Those that come by mail have their own room, `code_mail`. A code is good once, for five minutes, and every new
one voids the one before it. So an older code is worse than none: too many wrong tries end in a lock.
"""

import base64
import re
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

import pyotp

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.sources.ipage.access.cancellation import Cancellation

CODE_LIFETIME = timedelta(minutes=5)
"""How long Okta takes a code."""


class CodeMissing(NeedsPerson):
    """No code came, or none could be had."""

    kind = "sign_in"


class CodeSource(Protocol):
    """Where codes come from. One object per sign-in."""

    factor: str
    """What the choice on the page is about: "email", "totp" or "prompt"."""

    def about_to_ask(self) -> None:
        """Called right before anything that may make the site send a code."""

    def code(self, clock_skew: timedelta) -> str:
        """The code that answers the last request, waiting for it; never one that was given before.

        Args:
            clock_skew: the site's clock less this machine's.

        Raises:
            CodeMissing: it did not come in time, or can't.
        """
        ...


class _Totp(pyotp.TOTP):
    """Okta hands out secrets of 80 bits, which newer pyotp refuses; their strength is Okta's to choose."""

    def byte_secret(self) -> bytes:
        return base64.b32decode(self.secret + "=" * (-len(self.secret) % 8), casefold=True)


class TotpCodes:
    """Codes made from an authenticator's secret (RFC 6238: six digits, 30 s)."""

    factor = "totp"

    def __init__(
        self, secret: str, canceled: Cancellation, *, clock: Callable[[], float] = time.time
    ) -> None:
        try:
            self._totp = _Totp(re.sub(r"[\s=-]", "", secret).upper())
            if len(self._totp.byte_secret()) < 10:
                raise ValueError("shorter than 80 bits")
        except Exception as error:
            raise NeedsPerson(
                "IPAGE_TOTP_SECRET is no authenticator secret: it is the base32 text (A-Z, 2-7) shown under "
                "the QR code when the authenticator is set up."
            ) from error
        self._canceled = canceled
        self._clock = clock
        self._used: set[float] = set()

    def about_to_ask(self) -> None:
        """Nothing is sent for these codes."""

    def code(self, clock_skew: timedelta) -> str:
        """See `CodeSource.code`."""
        # This machine's clock first; if the site refuses that code, its own clock may be the reason.
        skew = clock_skew.total_seconds() if self._used else 0.0
        while True:
            now = self._clock() + skew
            window, into = divmod(now, self._totp.interval)
            # A code about to run out is refused by the time it is typed; one used before is refused always.
            if window not in self._used and self._totp.interval - into >= 3:
                self._used.add(window)
                return self._totp.at(int(now))
            self._canceled.sleep(min(self._totp.interval - into + 0.05, 0.5))


class PromptCodes:
    """Codes that a person at the terminal types."""

    factor = "prompt"

    def __init__(self, ask: Callable[[str], str] | None = None) -> None:
        self._ask = ask or _ask_at_terminal

    def choose(self, offered: list[str]) -> int:
        """Which of the offered ways the person wants, as its number from 0."""
        if len(offered) == 1:
            return 0
        listed = ", ".join(f"{number} {words}" for number, words in enumerate(offered, 1))
        for _ in range(3):
            typed = self._ask(f"iPage sends a code. Which way? {listed}: ").strip()
            if typed.isdecimal() and 1 <= int(typed) <= len(offered):
                return int(typed) - 1
        raise CodeMissing("No way to get the code was chosen: run again and type one of the numbers.")

    def about_to_ask(self) -> None:
        """The person gets the code."""

    def code(self, clock_skew: timedelta) -> str:
        """See `CodeSource.code`."""
        for _ in range(3):
            typed = re.sub(r"[\s-]", "", self._ask("The 6-digit code that iPage sent: "))
            if re.fullmatch(r"[0-9]{4,8}", typed):
                return typed
        raise CodeMissing("No code was typed: run again and type the digits that iPage sends.")


def _ask_at_terminal(question: str) -> str:
    if sys.stdin is None or not sys.stdin.isatty():
        raise CodeMissing(
            "iPage asks for a code, and with IPAGE_MFA=prompt a person has to type it, but there is no "
            "terminal here: run `ingram sync-stock` once by hand, or set IPAGE_MFA to email or totp."
        )
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline()
