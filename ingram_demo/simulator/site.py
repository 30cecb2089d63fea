"""The site as one object: the parts that a request needs, made once and shared by all pages."""

import asyncio
import functools
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ingram_demo.simulator.accounts import Account, Accounts, other_code
from ingram_demo.simulator.book import Book
from ingram_demo.simulator.catalog import make_catalog
from ingram_demo.simulator.dials import Dials
from ingram_demo.simulator.faults import Rule
from ingram_demo.simulator.mail import WRONG_SENDER, Mailer, code_mail
from ingram_demo.simulator.state import State

SEARCH_ID = "10483920"
"""The account's saved search, "Science fiction and fantasy by demand"."""


@dataclass(slots=True)
class Counters:
    """What was asked of the site since it started or since the counters were reset."""

    by_kind: Counter[str] = field(default_factory=Counter)
    by_status: Counter[str] = field(default_factory=Counter)
    by_fault: Counter[str] = field(default_factory=Counter)
    products: Counter[str] = field(default_factory=Counter)
    running_by_kind: Counter[str] = field(default_factory=Counter)
    max_running: int = 0
    max_running_by_kind: Counter[str] = field(default_factory=Counter)
    log: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=20_000))


class Site:
    """Catalog, stock book, accounts, dials, faults, mail and counters."""

    def __init__(
        self,
        *,
        titles: int = 100,
        account: Account | None = None,
        mailer: Mailer | None = None,
        state: Path | None = None,
        seed: int = 1,
        dials: Dials | None = None,
    ) -> None:
        self.clock_offset = 0.0
        self.state = State(state)
        today = datetime.now().astimezone().date()
        self.book = Book(make_catalog(titles, today), self.state, seed)
        self.accounts = Accounts(account or Account(), self.state, self.clock)
        self.dials = dials or Dials()
        self.rules: list[Rule] = []
        self.counters = Counters()
        self.open_library_lookups: deque[float] = deque()
        self.mails: deque[dict[str, Any]] = deque(maxlen=500)
        self._mailer = mailer
        self._background: set[asyncio.Task[None]] = set()
        self.templates = _templates()

    def clock(self) -> float:
        """The site's time in seconds since 1970; control requests can put it forward."""
        return time.time() + self.clock_offset

    def render(self, template: str, **values: Any) -> str:
        return self.templates.get_template(template).render(values)

    def in_background(self, coroutine: Any) -> None:
        """Runs it on its own; kept referenced until it ends, as asyncio asks."""
        task = asyncio.ensure_future(coroutine)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def send_code(self, code: str) -> None:
        """The mail with this code, and the mails that the dials put around it."""
        dials = self.dials
        asked = datetime.fromtimestamp(self.clock(), UTC)
        for number in range(dials.stale_mails, 0, -1):
            await self._deliver(other_code(code), asked - timedelta(minutes=2 * number), kind="stale")
        if dials.mail_delay_s:
            await asyncio.sleep(dials.mail_delay_s)
        if not dials.no_mail:
            await self._deliver(code, datetime.fromtimestamp(self.clock(), UTC), kind="code")
        for number in range(dials.stale_mails_after):
            await self._deliver(other_code(code), asked - timedelta(minutes=2 * number + 2), kind="stale")
        for _ in range(dials.wrong_sender_mails):
            sent = datetime.fromtimestamp(self.clock(), UTC)
            await self._deliver(other_code(code), sent, kind="wrong_sender")

    def phone(self, factor: str, code: str) -> None:
        """A code by SMS or Voice: told to nobody but the control side, where a person's part is played."""
        self.mails.append({"code": code, "kind": factor, "from": "", "sent": ""})

    async def deliver(self, kind: str, age_s: float) -> None:
        """One mail now, as a control request asks: "stale" or "wrong_sender", with a code that is no good."""
        sent = datetime.fromtimestamp(self.clock() - age_s, UTC)
        await self._deliver(other_code(""), sent, kind=kind)

    async def _deliver(self, code: str, sent: datetime, *, kind: str) -> None:
        sender = WRONG_SENDER if kind == "wrong_sender" else self.dials.mail_from
        minutes = max(1, round(self.dials.code_lifetime_s / 60))
        message: EmailMessage = code_mail(code, sender, self.accounts.account.email, sent, minutes)
        if self._mailer is not None:
            await asyncio.to_thread(self._mailer, message)
        self.mails.append({"code": code, "kind": kind, "from": sender, "sent": sent.isoformat()})


@functools.lru_cache(maxsize=1)
def _templates() -> Environment:
    """Compiled once for all sites of a process: that takes longer than starting one."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # The same on every page: rendered once, not 500 times a second.
    templates.globals["nav"] = Markup(templates.get_template("nav.html").render())
    return templates
