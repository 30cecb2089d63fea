"""The account, its sessions, its codes and its trusted devices. Rules of signing in, apart from HTTP."""

import dataclasses
import random
import secrets
from collections.abc import Callable
from typing import Any

import pyotp

from ingram_demo.simulator.dials import Dials
from ingram_demo.simulator.state import State

MAX_WRONG_PASSWORDS = 5
MAX_WRONG_CODES = 5
MAX_TOKENS = 1000


@dataclasses.dataclass(frozen=True, slots=True)
class Account:
    """Who may sign in. `email` is where codes go."""

    username: str = "bookshop"
    password: str = dataclasses.field(default="lantern-and-quill", repr=False)
    totp_secret: str = dataclasses.field(default="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", repr=False)
    account: str = "20X4471"
    email: str = "shop@bookstore.example"


@dataclasses.dataclass(slots=True)
class Session:
    """One `JSESSIONID`. Times are seconds of the site's clock."""

    id: str
    stage: str = "anonymous"
    """anonymous, factor, code, terms_before, terms, in."""
    user_agent: str = ""
    last_seen: float = 0.0
    goto: str = ""
    factor: str = ""
    code: str = ""
    code_sent: float = 0.0
    wrong_codes: int = 0
    remember: bool = False


class Accounts:
    """All that the site remembers of who is signed in. Sessions and devices live on in `state`."""

    def __init__(self, account: Account, state: State, clock: Callable[[], float]) -> None:
        self.account = account
        self._state = state
        self._clock = clock
        self._tokens: dict[str, None] = {}
        self._wrong_passwords = 0
        self.locked = False
        self.terms_accepted = False
        self.sign_ins = 0
        self.codes_sent = 0
        self.password_posts = 0
        self.sessions = {key: Session(**value) for key, value in state.all("session").items()}
        self._devices: dict[str, float] = state.all("device")

    def new_session(self, user_agent: str) -> Session:
        session = Session(secrets.token_hex(16).upper(), user_agent=user_agent, last_seen=self._clock())
        self.sessions[session.id] = session
        if len(self.sessions) > 5000:
            for stale in [key for key, value in self.sessions.items() if value.stage == "anonymous"][:2500]:
                del self.sessions[stale]
        return session

    def signed_in(self, session_id: str | None, dials: Dials) -> Session | None:
        """The live session of this cookie, kept alive by its use; `None` if there is none or it expired."""
        session = self.sessions.get(session_id or "")
        if session is None or session.stage != "in":
            return None
        now = self._clock()
        if now - session.last_seen > dials.session_idle_s:
            self.end(session.id)
            return None
        session.last_seen = now
        return session

    def end(self, session_id: str) -> None:
        self.sessions.pop(session_id, None)
        self._state.remove("session", session_id)

    def end_all(self) -> None:
        """Every session of the account expires."""
        self.sessions.clear()
        self._state.remove("session")

    def fresh_token(self) -> str:
        """A token for one form, good for one post."""
        token = secrets.token_hex(12)
        self._tokens[token] = None
        while len(self._tokens) > MAX_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        return token

    def use_token(self, token: str) -> bool:
        return self._tokens.pop(token, "unknown") is None

    def check_password(self, username: str, password: str, dials: Dials) -> str | None:
        """`None` if it is right, else "locked" or "wrong". Five wrong ones lock the account."""
        self.password_posts += 1
        if self.locked or dials.account_locked:
            return "locked"
        if username == self.account.username and password == self.account.password:
            self._wrong_passwords = 0
            return None
        self._wrong_passwords += 1
        if self._wrong_passwords >= MAX_WRONG_PASSWORDS:
            self.locked = True
            return "locked"
        return "wrong"

    def unlock(self) -> None:
        self.locked, self._wrong_passwords = False, 0

    def new_code(self, session: Session) -> str:
        """A code for this session; the one before it is void."""
        self.codes_sent += 1
        session.code = f"{secrets.randbelow(900_000) + 100_000}"
        session.code_sent = self._clock()
        return session.code

    def check_code(self, session: Session, code: str, dials: Dials) -> str | None:
        """`None` if it is right, else "expired", "wrong" or "too many"."""
        if session.factor == "Authenticator":
            good = pyotp.TOTP(self.account.totp_secret).verify(code, valid_window=1)
        else:
            good = bool(session.code) and secrets.compare_digest(code, session.code)
            if good and self._clock() - session.code_sent > dials.code_lifetime_s:
                session.code = ""
                return "expired"
        if good:
            session.code = ""
            return None
        session.wrong_codes += 1
        return "too many" if session.wrong_codes >= MAX_WRONG_CODES else "wrong"

    def complete(self, session: Session, user_agent: str, dials: Dials) -> Session:
        """Signs in: the session gets a new id, as after any change of rights."""
        if dials.single_session:
            for other in [key for key, value in self.sessions.items() if value.stage == "in"]:
                self.end(other)
        self.end(session.id)
        fresh = self.new_session(user_agent)
        fresh.stage = "in"
        self.sign_ins += 1
        self._state.put("session", [(fresh.id, dataclasses.asdict(fresh))])
        return fresh

    def trust_device(self) -> str:
        """A device cookie's value; the device is asked for no code until the trust ends."""
        device = secrets.token_urlsafe(18)
        self._devices[device] = self._clock()
        self._state.put("device", [(device, self._devices[device])])
        return device

    def is_trusted(self, device: str | None, dials: Dials) -> bool:
        since = self._devices.get(device or "")
        return since is not None and self._clock() - since < dials.device_trust_days * 86_400

    def forget_devices(self) -> None:
        """Every device is asked for a code again, as Okta does now and then before its time."""
        self._devices.clear()
        self._state.remove("device")

    def figures(self) -> dict[str, Any]:
        return {
            "sign_ins": self.sign_ins,
            "codes_sent": self.codes_sent,
            "password_posts": self.password_posts,
            "sessions": sum(session.stage == "in" for session in self.sessions.values()),
            "locked": self.locked,
        }


def other_code(code: str) -> str:
    """A six-digit code that is not this one."""
    return str(random.choice([number for number in range(100_000, 100_050) if str(number) != code]))
