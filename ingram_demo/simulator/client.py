"""A handle on a running simulator, in this process or another: its addresses, its book and its dials."""

import time
from typing import Any

import httpx

from ingram_demo.simulator.accounts import Account
from ingram_demo.simulator.open_library import PREFIX
from ingram_demo.simulator.site import SEARCH_ID


class ControlRefused(ValueError):
    """The simulator refused a control request; the message is its reason."""


class Simulator:
    """Talks to `/_control` over HTTP.

    `url` is IPAGE_BASE_URL, `open_library_url` is OPEN_LIBRARY_COVERS_URL, `search_id` is
    IPAGE_SAVED_SEARCH_ID.
    """

    def __init__(self, url: str, account: Account | None = None) -> None:
        self.url = url.rstrip("/")
        self.open_library_url = self.url + PREFIX
        self.search_id = SEARCH_ID
        self.account = account or Account()
        # Plain HTTP on this machine: no need to load the world's certificates.
        self._http = httpx.Client(base_url=self.url, timeout=120, trust_env=False, verify=False)

    def __enter__(self) -> "Simulator":
        return self

    def __exit__(self, *exception: object) -> None:
        self._http.close()

    def wait_until_ready(self, seconds: float = 20) -> None:
        """Returns once it answers.

        Raises:
            TimeoutError: it does not within the time.
        """
        give_up = time.monotonic() + seconds
        while True:
            try:
                self._http.get("/_control").raise_for_status()
                return
            except httpx.HTTPError as error:
                if time.monotonic() > give_up:
                    raise TimeoutError(f"The simulator at {self.url} does not answer.") from error
                time.sleep(0.02)

    def info(self) -> dict[str, Any]:
        """Number of titles, dials, the faults and layouts there are."""
        return self._ask("GET", "")

    def book(self) -> dict[str, dict[str, Any]]:
        """ISBN to the truth about the title, stock included, as the site would show it now."""
        return self._ask("GET", "/book")

    def entry(self, isbn: str) -> dict[str, Any]:
        """One title of the book."""
        return self._ask("GET", f"/book?isbn={isbn}")[isbn]

    def isbns(self, kind: str | None = None) -> list[str]:
        """ISBNs of the catalog, of one kind if it is given."""
        return [isbn for isbn, entry in self.book().items() if kind in (None, entry["kind"])]

    def set(self, **dials: Any) -> dict[str, Any]:
        """Turns dials; answers all of them."""
        return self._ask("POST", "/dials", dials)

    def fault(self, fault: str, **rule: Any) -> None:
        """Adds a rule: `fault("block", at=5, count=3)`, `fault("layout", layout="no_header", share=30)`."""
        self._ask("POST", "/faults", {"fault": fault, **rule})

    def faults(self) -> list[dict[str, Any]]:
        """The rules with how many requests each has seen and spoilt."""
        return self._ask("GET", "/faults")

    def clear_faults(self) -> None:
        self._ask("DELETE", "/faults")

    def reset(self) -> None:
        """Good weather: no faults, dials and clock as at the start, account unlocked. Stock stays."""
        self._ask("POST", "/reset")

    def move(self, isbn: str, dc: str, **counts: int) -> None:
        """Sets `on_hand` and/or `on_order` of a title at a DC."""
        self._ask("POST", "/move", {"isbn": isbn, "dc": dc, **counts})

    def move_all(self, changes: list[dict[str, Any]]) -> None:
        """Many moves in one transaction."""
        self._ask("POST", "/move", changes)

    def set_stock(self, isbn: str, stock: dict[str, tuple[int, int]] | None) -> None:
        """The whole stock of a title; `None` takes its stock table off the page."""
        self._ask("POST", "/move", {"isbn": isbn, "stock": stock})

    def step(self, steps: int = 1) -> list[dict[str, Any]]:
        """Lets that many of Ingram's moves happen now; answers them."""
        return self._ask("POST", "/step", {"steps": steps})

    def moves(self) -> list[dict[str, Any]]:
        """The last 2,000 moves, oldest first."""
        return self._ask("GET", "/moves")

    def move_every(self, seconds: float) -> None:
        """Pace of the automatic mover; 0 stops it."""
        self._ask("POST", "/mover", {"every_s": seconds})

    def edit(self, isbn: str, **fields: Any) -> dict[str, Any]:
        """Changes a title: `edit(isbn, cover="art")`, `edit(isbn, publication_date="2027-02-03")`."""
        return self._ask("POST", "/title", {"isbn": isbn, **fields})

    def requests(self, *, log: bool = True) -> dict[str, Any]:
        """Counters, sign-ins, greatest concurrency, and the log of the last 20,000 requests."""
        return self._ask("GET", "/requests" if log else "/requests?log=no")

    def reset_requests(self) -> None:
        self._ask("DELETE", "/requests")

    def signed_in_cookie(self, user_agent: str = "") -> str:
        """A `Cookie:` header of a session that is signed in, as copied from a browser by hand."""
        return str(self._ask("POST", "/session", {"user_agent": user_agent})["cookie"])

    def expire_sessions(self) -> None:
        self._ask("DELETE", "/session")

    def forget_devices(self) -> None:
        """Every device has to give a code again."""
        self._ask("DELETE", "/devices")

    def advance_clock(self, seconds: float) -> None:
        """Puts the site's clock forward: codes, sessions and device trust age."""
        self._ask("POST", "/clock", {"advance_s": seconds})

    def mails(self) -> list[dict[str, Any]]:
        """What it sent: code, kind (code, stale, wrong_sender; SMS or Voice by phone), sender, time."""
        return self._ask("GET", "/mails")

    def deliver(self, kind: str, age_s: float = 0) -> None:
        """Delivers a "stale" or "wrong_sender" mail now, dated `age_s` seconds back."""
        self._ask("POST", "/mails", {"kind": kind, "age_s": age_s})

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        response = self._http.request(method, "/_control" + path, json=body)
        if response.status_code in (400, 404):
            raise ControlRefused(response.json()["error"])
        response.raise_for_status()
        return response.json()
