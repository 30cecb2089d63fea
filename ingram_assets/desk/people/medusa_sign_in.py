"""Signing in with the account of an admin of Medusa, and whether it is still one. No password is kept."""

import ipaddress
import logging
import math
import re
import threading
import time

from anyio import CapacityLimiter
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from ingram_assets.desk.people.sessions import Person, SignedIn
from ingram_assets.domain.failures import IngramError, Permanent, Transient
from ingram_assets.store.client import MedusaClient, MedusaRefused, SignInRefused

log = logging.getLogger(__name__)

TRIES_OF_AN_EMAIL = "10/10minutes"
"""Until somebody has to wait. A good sign-in gives them back."""

FAILURES_OF_AN_ADDRESS = "30/10minutes"
"""Likewise. Good sign-ins do not count: behind a proxy all people have one address."""

AT_ONCE = 4
"""Sign-ins that are tried at the same moment; the others wait."""

LOOK_EVERY = 60.0
"""Seconds between two looks whether those who are signed in are still admins."""

_PATIENCE = 8.0
"""Seconds that Medusa may take: a person waits before the page."""

_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f]{1,200}@[^\s@\x00-\x1f\x7f]{1,200}")
_LONGEST_PASSWORD = 1000


class NotLetIn(Permanent):
    """E-mail and password are no admin's. Which of the two is wrong nobody is told."""


class TooManyTries(Transient):
    """Somebody tried to sign in too often.

    Attributes:
        wait: seconds until the next try.
    """

    def __init__(self, wait: int) -> None:
        super().__init__(f"Too many tries to sign in: wait {wait} s.")
        self.wait = wait


class MedusaSignIn:
    """Asks Medusa who somebody is. It may be shared by threads.

    Attributes:
        at_once: so many may sign in at the same moment: who sends many holds up no page, and not the store.
    """

    def __init__(
        self,
        medusa_url: str,
        *,
        of_email: str = TRIES_OF_AN_EMAIL,
        of_address: str = FAILURES_OF_AN_ADDRESS,
    ) -> None:
        self._medusa_url = medusa_url
        self.at_once = CapacityLimiter(AT_ONCE)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._of_email, self._of_address = parse(of_email), parse(of_address)

    def sign_in(self, email: str, password: str, address: str) -> Person:
        """The admin with this e-mail and password.

        Args:
            address: where the request came from.

        Raises:
            NotLetIn, TooManyTries: they are refused.
            Transient: Medusa can't be asked now.
        """
        email = email.strip()
        known, network = email.casefold()[:400], _network(address)
        # Tries with one e-mail are counted before they are made, so that many at once are no more.
        for limit, whose, allows in (
            (self._of_address, network, self._limiter.test),
            (self._of_email, known, self._limiter.hit),
        ):
            if not allows(limit, whose):
                reset = self._limiter.get_window_stats(limit, whose).reset_time
                raise TooManyTries(max(1, math.ceil(reset - time.time())))
        try:
            person = self._ask(email, password)
        except NotLetIn:
            self._limiter.hit(self._of_address, network)
            raise
        self._limiter.clear(self._of_email, known)
        return person

    def _ask(self, email: str, password: str) -> Person:
        refused = NotLetIn("No admin of Medusa has this e-mail and password.")
        if not _EMAIL.fullmatch(email) or not 0 < len(password) <= _LONGEST_PASSWORD:
            raise refused
        try:
            with MedusaClient(
                self._medusa_url, email=email, password=password, attempts=1, patience=_PATIENCE
            ) as client:
                user = client.get("/admin/users/me")["user"]
        except (SignInRefused, MedusaRefused):
            raise refused from None
        names = (user.get("first_name"), user.get("last_name"))
        return Person(user["id"], user["email"], " ".join(filter(None, names)))


def _network(address: str) -> str:
    """Whose tries are counted together: of IPv6 a whole line has one network, and any number of addresses."""
    try:
        read = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((read, 64), strict=False)) if read.version == 6 else address


class AdminWatch:
    """Ends the sessions of who is no longer an admin of Medusa. A Medusa that is away ends none."""

    def __init__(self, client: MedusaClient, signed_in: SignedIn, *, every: float = LOOK_EVERY) -> None:
        self._client, self._signed_in, self._every = client, signed_in, every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="admin-watch", daemon=True)

    def start(self) -> None:
        """Begin to look, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.wait(self._every):
            try:
                self.look()
            except IngramError as error:
                log.warning("Whether who is signed in is still an admin can't be asked now: %s", error)
            except Exception:  # Whatever an answer looks like: the next look is in a minute.
                log.exception("Whether who is signed in is still an admin can't be told")

    def look(self) -> None:
        """Ask Medusa once, with the desk's own key, and end what has to end.

        Raises:
            IngramError: Medusa, or the journal's database, can't be asked; nothing was ended.
        """
        people = self._signed_in.people()
        if not people:
            return
        users = self._client.list_all("/admin/users", "users", {"id": sorted(people), "fields": "id"})
        for gone in people - {user["id"] for user in users}:
            log.info("%s is no longer an admin of Medusa: signed out", gone)
            self._signed_in.end_all_of(gone)
