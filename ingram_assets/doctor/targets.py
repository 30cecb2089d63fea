"""Whom alerts reach: the addresses are looked at; a test is sent if a person asks for it."""

from collections.abc import Iterator

from ingram_assets.alerts.delivery import send_test, unknown_targets
from ingram_assets.doctor.given import OF_LOCATION, Given
from ingram_assets.doctor.model import Check, Observed, Outcome
from ingram_assets.settings.operations import OperationsSettings

ALERTS = "Alerts"


def checks(given: Given, *, sends: bool) -> Iterator[Check]:
    """One, if the settings of operations are here."""
    if "operations" in given.here:
        setting, needs = ("ALERT_URLS",), (OF_LOCATION["operations"],)
        file = OperationsSettings.file
        yield Check("alerts", ALERTS, lambda: _look(given, sends=sends), file, setting, needs, 40.0)


def _look(given: Given, *, sends: bool) -> Observed:
    urls = [url.get_secret_value() for url in given.operations.ALERT_URLS]
    if not urls:
        return Observed("ALERT_URLS names nobody, so nobody is told when the promise breaks.", Outcome.NOTE)
    if unknown := unknown_targets(urls):
        words = f"ALERT_URLS has an address that is none of Apprise's: {', '.join(unknown)}. Correct it."
        return Observed(words, Outcome.MISSING)
    if not sends:
        return Observed(f"{len(urls)} to be told. With --alerts a test message is sent.")
    sent = send_test(urls)
    if refused := [f"{one.target}: {one.reason}" for one in sent if not one.ok]:
        return Observed(f"{'; '.join(refused)}. Correct ALERT_URLS.", Outcome.MISSING)
    return Observed(f"A test message was sent to {', '.join(one.target for one in sent)}.")
