"""The store: sign-in, what is read and written there, channel, location, currency, key, shipping."""

from collections.abc import Callable, Iterator

from ingram_assets.defs.storefront.from_settings import location_names, medusa_client
from ingram_assets.doctor.given import OF_LOCATION, Given, server_of
from ingram_assets.doctor.model import Check, NamedSetting, Observed, Outcome, unless
from ingram_assets.doctor.postgres import JOURNAL, Databases
from ingram_assets.domain.ownership import folded_name
from ingram_assets.settings.base import secret
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.store.client import MedusaClient, SignInRefused
from ingram_assets.store.journal import BlankJournal, Journal
from ingram_assets.store.location import Location, find_location
from ingram_assets.store.permissions import unreadable, unwritable
from ingram_assets.store.shipping import missing_for_shipping
from ingram_assets.store.shopper import StoreApi, publishable_key

SIGN_IN, READS, WRITES = "Medusa: sign-in", "Medusa: reads", "Medusa: writes"
LOCATION, CURRENCY, SHIPPING = "Medusa: channel and location", "Medusa: currency", "Medusa: shipping"
SHOPPERS = "Medusa: publishable key"

_FILE = StorefrontSettings.file


class StoreVisit:
    """One visit of the store."""

    def __init__(self, given: Given, databases: Databases) -> None:
        self._given, self._databases = given, databases
        self._location: Location | None = None

    def _client(self) -> MedusaClient:
        return medusa_client(self._given.storefront, is_look=True)

    def sign_in(self) -> Observed:
        """With the key, or as the admin."""
        settings = self._given.storefront
        by_key = secret(settings.MEDUSA_API_KEY) is not None
        try:
            with self._client() as client:
                stores = client.list_all("/admin/stores", "stores", {"fields": "id,name"})
        except SignInRefused as error:
            names = ("MEDUSA_API_KEY",) if by_key else ("MEDUSA_EMAIL", "MEDUSA_PASSWORD")
            who = "the secret API key" if by_key else f"{settings.MEDUSA_EMAIL} with this password"
            return Observed(
                f"{settings.MEDUSA_BACKEND_URL} does not let {who} in ({error.status}: {error.detail}): "
                f"correct {' or '.join(names)}.",
                Outcome.MISSING,
                settings=tuple(NamedSetting(_FILE, name) for name in names),
            )
        called = ", ".join(str(store.get("name")) for store in stores)
        how = "the secret API key" if by_key else settings.MEDUSA_EMAIL
        return Observed(f"{settings.MEDUSA_BACKEND_URL} lets {how} in (store: {called}).")

    def reads(self) -> Observed:
        """All that the sync reads."""
        with self._client() as client:
            faults = [*unreadable(client)]
        then = "Let the user or key of this sync be an admin's."
        return unless(faults, "All that a push reads may be read.", then)

    def writes(self) -> Observed:
        """All that the sync writes, without writing. Medusa tells nobody its version: its routes do."""
        with self._client() as client:
            faults = [*unwritable(client)]
        then = "Medusa 2 of a version that has these routes is wanted, and an admin's key."
        return unless(faults, "All routes that a push writes to are there, and let us write.", then)

    def location(self) -> Observed:
        """The sales channel, Ingram's location, and the location for returns."""
        settings, names = self._given.storefront, location_names(self._given.storefront)
        with self._client() as client:
            if self._databases.journal_is_current:
                with Journal(settings.STOREFRONT_DB_URL.get_secret_value()) as journal:
                    found = find_location(client, journal=journal, **names)
            elif self._databases.journal_is_empty:
                found = find_location(client, journal=BlankJournal(), **names)
            else:
                why = "the journal, which knows the location, is brought to this version by ingram up."
                return Observed(f"not tried: {why}", Outcome.NOT_TRIED)
        self._location = found
        returns = f" Returns go to {found.returns_to.name!r}." if found.returns_to else ""
        if found.missing:
            return Observed(
                f"{found.missing.rstrip('.')}, by the first push.{returns}", Outcome.NOTE, found.notes
            )
        words = f"{found.name!r} sells through {found.channel_name!r}.{returns}"
        if ignored := _name_is_ignored(settings, found):
            return Observed(words, Outcome.NOTE, (*found.notes, ignored))
        return Observed(words, more=found.notes)

    def currency(self) -> Observed:
        """A region in US dollars, in which alone the sync sets prices."""
        with self._client() as client:
            regions = client.list_all("/admin/regions", "regions", {"fields": "id,name,currency_code"})
        if dollars := [str(each["name"]) for each in regions if each["currency_code"] == "usd"]:
            return Observed(f"Prices in US dollars are shown in {', '.join(dollars)}.")
        there = ", ".join(f"{each['name']} ({each['currency_code']})" for each in regions) or "none"
        words = (
            f"No region of the store is in US dollars, so shoppers see no price (there is: {there}). Make "
            "one in Medusa's admin, under Settings, Regions."
        )
        return Observed(words, Outcome.MISSING)

    def shoppers(self) -> Observed:
        """The key with which a shop's site, and check-store, ask."""
        settings, location = self._given.storefront, self._found
        key = settings.MEDUSA_PUBLISHABLE_KEY
        with self._client() as client:
            found = key or publishable_key(client, location.channel_id, location.channel_name)
        with StoreApi(settings.MEDUSA_BACKEND_URL, found) as api:
            api.get("/store/regions", {"limit": 1})
        whose = "MEDUSA_PUBLISHABLE_KEY" if key else f"A publishable key of {location.channel_name!r}"
        return Observed(f"{whose} lets shoppers in.")

    def shipping(self) -> Observed:
        """What the location lacks before an order can be shipped from it."""
        location = self._found
        if not location.id:
            return Observed("not tried: the location is made by the first push.", Outcome.NOT_TRIED)
        with self._client() as client:
            missing = missing_for_shipping(client, location.id)
        if missing:
            words = (
                f"Before an order can be shipped {location.name!r} needs {', '.join(missing)}: add it in "
                "Medusa's admin, under Settings, Locations & Shipping. Pushes work without."
            )
            return Observed(words, Outcome.NOTE)
        return Observed(f"Orders can be shipped from {location.name!r}.")

    @property
    def _found(self) -> Location:
        assert self._location is not None  # They need the location's check.
        return self._location


def _name_is_ignored(settings: StorefrontSettings, found: Location) -> str | None:
    """That a person wrote another name than that of the location in use, which is known by its id. Pure."""
    name = settings.MEDUSA_STOCK_LOCATION
    is_meant = folded_name(name) in (folded_name(found.name), folded_name(found.id))
    if is_meant or "MEDUSA_STOCK_LOCATION" not in settings.model_fields_set:
        return None
    return (
        f"MEDUSA_STOCK_LOCATION is {name!r}, and no location of this name is used: Ingram's stock is kept at "
        f"{found.name!r} ({found.id}), which the journal knows by its id. If that is right, set "
        f"MEDUSA_STOCK_LOCATION to {found.name!r}; if another one is meant, to the id of that one (sloc_…)."
    )


def checks(given: Given, visit: StoreVisit) -> Iterator[Check]:
    """Those of the store, if the storefront's settings are here."""
    if "storefront" not in given.here:
        return

    def server() -> str:
        return server_of(given.storefront.MEDUSA_BACKEND_URL)

    def check(name: str, look: Callable[[], Observed], setting: str, *needs: str) -> Check:
        return Check("medusa", name, look, _FILE, (setting,), needs, server=server)

    yield check(SIGN_IN, visit.sign_in, "MEDUSA_BACKEND_URL", OF_LOCATION["storefront"])
    yield check(READS, visit.reads, "MEDUSA_BACKEND_URL", SIGN_IN)
    yield check(WRITES, visit.writes, "MEDUSA_BACKEND_URL", SIGN_IN)
    yield check(LOCATION, visit.location, "MEDUSA_STOCK_LOCATION", SIGN_IN, JOURNAL)
    yield check(CURRENCY, visit.currency, "MEDUSA_BACKEND_URL", SIGN_IN)
    yield check(SHOPPERS, visit.shoppers, "MEDUSA_PUBLISHABLE_KEY", SIGN_IN, LOCATION)
    yield check(SHIPPING, visit.shipping, "MEDUSA_BACKEND_URL", SIGN_IN, LOCATION)
