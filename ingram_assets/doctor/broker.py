"""The broker that carries runs to workers on other machines, and the Redis of results, where they are set."""

from collections.abc import Iterator
from contextlib import suppress

from ingram_assets.doctor.given import SHARED, Given
from ingram_assets.doctor.model import Check, Observed
from ingram_assets.runtime.broker import check_broker_answers, check_celery_is_installed
from ingram_assets.settings.base import SettingsError, secret

BROKER, RESULTS = "Broker", "Results of runs"


def checks(given: Given) -> Iterator[Check]:
    """One for each that is set, if runs go to several machines."""
    with suppress(SettingsError):  # Told by the check of the settings.
        if address := secret(given.common.CELERY_BROKER_URL):
            yield Check(
                "broker", BROKER, lambda: _look(address), settings=("CELERY_BROKER_URL",), needs=(SHARED,)
            )
        if results := secret(given.common.CELERY_RESULT_BACKEND_URL):
            yield Check(
                "result_backend",
                RESULTS,
                lambda: _look_at_results(results),
                settings=("CELERY_RESULT_BACKEND_URL",),
                needs=(SHARED,),
            )


def _look(address: str) -> Observed:
    check_celery_is_installed()
    check_broker_answers(address)
    return Observed("It lets us in: workers on other machines get their runs from it.")


def _look_at_results(address: str) -> Observed:
    check_celery_is_installed()
    from ingram_assets.runtime.celery_results import check_results_are_taken

    check_results_are_taken(address)
    return Observed("Its Redis takes them: workers keep there how runs ended.")
