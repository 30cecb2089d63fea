"""The broker that carries runs to workers on other machines, where one is set."""

from collections.abc import Iterator
from contextlib import suppress

from ingram_assets.doctor.given import SHARED, Given
from ingram_assets.doctor.model import Check, Observed
from ingram_assets.runtime.broker import check_broker_answers, check_celery_is_installed
from ingram_assets.settings.base import SettingsError, secret

BROKER = "Broker"


def checks(given: Given) -> Iterator[Check]:
    """One, if runs go to several machines."""
    with suppress(SettingsError):  # Told by the check of the settings.
        if address := secret(given.common.CELERY_BROKER_URL):
            yield Check(
                "broker", BROKER, lambda: _look(address), settings=("CELERY_BROKER_URL",), needs=(SHARED,)
            )


def _look(address: str) -> Observed:
    check_celery_is_installed()
    check_broker_answers(address)
    return Observed("It lets us in: workers on other machines get their runs from it.")
