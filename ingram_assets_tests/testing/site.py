"""Limits that a test can sit out, and the simulator's account as credentials."""

import dataclasses
from typing import Any

from ingram_assets.sources.ipage.site import Credentials, Limits, Timeouts
from ingram_demo.simulator import Simulator

TITLES = 60

QUICK = Limits(pauses=(0.3, 0.6, 30.0), longest_wait=5.0)
"""Pauses that a test can sit out; the third one ends the run anyway."""


def credentials(simulator: Simulator, **changed: Any) -> Credentials:
    """The simulator's account, with codes made from its authenticator's secret unless said otherwise."""
    account = simulator.account
    usual = Credentials(
        account.username, account.password, account.account, mfa="totp", totp_secret=account.totp_secret
    )
    return dataclasses.replace(usual, **changed)


SHORT = Timeouts(connect=1.0, read=1.0, total=1.5)
