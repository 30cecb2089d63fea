"""Simulators of the site for this room's tests, and a quick way to a `Site` on them."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ingram_assets.sources.ipage.access.session import Session, session_from_header
from ingram_assets.sources.ipage.login import sign_in as sign_in_room
from ingram_assets.sources.ipage.site import Site
from ingram_assets_tests.testing.shared_site import Shared
from ingram_assets_tests.testing.site import QUICK, TITLES
from ingram_demo.embedded.imap import Imap
from ingram_demo.simulator import Account, Simulator, running_simulator
from ingram_demo.simulator.mail import MaildirMailer


@pytest.fixture(scope="session")
def _simulator() -> Iterator[Simulator]:
    with running_simulator(titles=TITLES) as running:
        yield running


@pytest.fixture
def sim(_simulator: Simulator) -> Simulator:
    """The site in good weather, its counters at zero. It sends no mail."""
    return _fresh(_simulator)


@pytest.fixture(scope="session")
def _mailing_simulator(imap: Imap) -> Iterator[Simulator]:
    account = Account(email=imap.user)
    with running_simulator(titles=5, mailer=MaildirMailer(imap.maildir), account=account) as running:
        yield running


@pytest.fixture
def mailing_sim(_mailing_simulator: Simulator, imap: Imap, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """The site whose codes arrive in the mailbox `imap`."""
    monkeypatch.setenv("SSL_CERT_FILE", str(imap.ca_file))
    return _fresh(_mailing_simulator)


def _fresh(simulator: Simulator) -> Simulator:
    simulator.reset()
    simulator.forget_devices()
    simulator.reset_requests()
    return simulator


@pytest.fixture
def open_site(shared: Shared) -> Iterator[Callable[..., Site]]:
    """Makes sites on a simulator with a session captured by hand, and closes them all."""
    opened = []

    def make(simulator: Simulator, **options: Any) -> Site:
        given: dict[str, Any] = {"session_cookie": None, "limits": QUICK, "retry_waits": (0.02, 0.05)}
        if "credentials" not in options:
            given["session_cookie"] = simulator.signed_in_cookie()
        given |= options
        site = Site(simulator.url, shared(simulator.url), given.pop("credentials", None), **given)
        opened.append(site)
        return site

    yield make
    for site in opened:
        site.close()


@pytest.fixture
def quick_sign_in(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In place of the browser's sign-in, a session made by the simulator; the list grows by each one."""
    made: list[str] = []

    def sign_in(base_url: str, username: str, *_: object) -> Session:
        made.append(threading.current_thread().name)
        return session_from_header(sim.signed_in_cookie(), base_url)

    monkeypatch.setattr(sign_in_room, "sign_in", sign_in)
    return made
