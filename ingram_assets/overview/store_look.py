"""What a look at Medusa finds beside the titles, for who waits at a terminal: notes, soon or not at all."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module

from ingram_assets.defs.storefront.from_settings import location_names, medusa_client
from ingram_assets.domain.failures import IngramError, NeedsPerson
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.store.client import MedusaClient, MedusaError
from ingram_assets.store.inventory.ledger import StockLedger
from ingram_assets.store.journal import Journal
from ingram_assets.store.location import find_location
from ingram_assets.store.shipping import missing_for_shipping

SECONDS = 5.0
"""So long a look is waited for, once all else is known."""

_LOADED_FIRST = ("sqlalchemy.orm", "alembic.command")
"""The journal needs them, and so does Dagster: two threads that load them at once see halves of them."""
_SOON = timedelta(minutes=10)
"""Within which a push puts on the shop's shelf what came back."""


class StoreLook:
    """A look that goes on beside other work. It ends with the process, whatever Medusa does."""

    def __init__(self, settings: StorefrontSettings) -> None:
        self._settings = settings
        self._notes: tuple[str, ...] = ()
        for module in _LOADED_FIRST:
            import_module(module)
        self._problem: str | None = f"Medusa did not answer within {SECONDS:g} s."
        self._heard_of = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-look", daemon=True)
        self._thread.start()

    def notes(self) -> tuple[str, ...]:
        """What a person should know of the store; waits for a moment."""
        self._thread.join(SECONDS)
        return self._notes

    def problem(self) -> str | None:
        """Why the store can't be asked what it shows; `None`: it answers. Waits a moment, for it alone."""
        self._heard_of.wait(SECONDS)
        return self._problem

    def _run(self) -> None:
        try:
            with medusa_client(self._settings, is_look=True) as client:
                # Before the journal, which may hang where the store does not.
                client.get("/admin/stores", {"fields": "id"})
                self._problem = None
                self._heard_of.set()
                self._notes = look_at_store(self._settings, client)
        except IngramError as error:
            # That the journal is away is told by who asks it for more.
            if isinstance(error, MedusaError) or not self._heard_of.is_set():
                self._problem = str(error)
        finally:
            self._heard_of.set()


def look_at_store(settings: StorefrontSettings, client: MedusaClient) -> tuple[str, ...]:
    """What a person should know: of what came back and lies nowhere yet, and of what shipping lacks.

    Raises:
        MedusaError, JournalLost, NeedsPerson: the store, or the journal, can't be asked.
    """
    url = settings.STOREFRONT_DB_URL.get_secret_value()
    with Journal(url) as journal, StockLedger(url, connections=1) as ledger:
        return (*_of_returns(settings, ledger), *_of_shipping(settings, client, journal))


def _of_returns(settings: StorefrontSettings, ledger: StockLedger) -> Iterator[str]:
    if not settings.RETURNS_TO:
        return
    before = datetime.now(UTC) - _SOON
    for each in ledger.waiting_returns():
        if each.isbn and each.received.received_at < before:
            yield (
                f"A {each.received.words}, of {each.isbn} is not at {settings.RETURNS_TO} yet. To put it "
                f"there, and be told why if it can't be: ingram push {each.isbn}"
            )


def _of_shipping(settings: StorefrontSettings, client: MedusaClient, journal: Journal) -> Iterator[str]:
    try:
        location = find_location(client, journal=journal, **location_names(settings))
    except NeedsPerson as error:
        if isinstance(error, MedusaError):
            raise
        yield str(error)
        return
    if location.id and (missing := missing_for_shipping(client, location.id)):
        listed = ", ".join(missing[:-1]) + " and " * (len(missing) > 1) + missing[-1]
        yield (
            f"The location {location.name!r} has no way of its own to ship an order: it lacks {listed}. Add "
            "that in Medusa's admin, under Settings, Locations & Shipping."
        )
