"""Whose settings are on this machine, and what is wrong with them."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from urllib.parse import urlsplit

from ingram_assets.defs.scraper.from_settings import site_profile
from ingram_assets.defs.storefront.from_settings import category_table, store_rules
from ingram_assets.doctor.model import Check, NamedSetting, Observed, Outcome
from ingram_assets.settings.base import Settings
from ingram_assets.settings.environment import (
    environment_of,
    environment_of_owner,
    of_the_machine,
    port_settings,
)
from ingram_assets.settings.file_of_setting import LOCATIONS, READ_FROM
from ingram_assets.settings.files import env_dir, example_of, own_file
from ingram_assets.settings.loading import faults, is_named_by_a_setting, load
from ingram_assets.settings.operations import OperationsSettings
from ingram_assets.settings.owner import MigrateSettings
from ingram_assets.settings.scraper import ScraperSettings
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.settings.storefront import StorefrontSettings

SHARED = "Settings of all"
OWNER = "Settings of the queue's owner"
SITE_TABLE = "Table of the site"
OF_LOCATION = {name: f"Settings of the {name}" for name in LOCATIONS} | {
    "operations": "Settings of operations"
}
"""A code location to the check of its settings, without which nothing of it can be looked at."""

_LACKING = {
    "scraper": "the queue's writer, the bucket, the mailbox, the browser and iPage are not looked at",
    "storefront": "the queue's reader, the journal and Medusa are not looked at",
    "operations": "whom to tell is not looked at",
}


@dataclass(frozen=True)
class Given:
    """The settings as the processes of `ingram up` get them; a location's own once its check went well.

    Attributes:
        here: the code locations whose settings are on this machine, by a file or the environment. In life
            each may be another user's, or another machine's.
    """

    here: frozenset[str]

    @cached_property
    def common(self) -> CommonSettings:
        """What all may know."""
        return load(CommonSettings, environment_of(None))

    @cached_property
    def scraper(self) -> ScraperSettings:
        """The scraper's."""
        return load(ScraperSettings, environment_of("scraper"))

    @cached_property
    def storefront(self) -> StorefrontSettings:
        """The storefront's."""
        return load(StorefrontSettings, environment_of("storefront"))

    @cached_property
    def operations(self) -> OperationsSettings:
        """Those of operations."""
        return load(OperationsSettings, environment_of("operations"))

    @cached_property
    def owner(self) -> MigrateSettings:
        """The queue's owner's."""
        return load(MigrateSettings, environment_of_owner())


def server_of(address: str) -> str:
    """Host and port of an address on the web."""
    parts = urlsplit(address)
    return f"{parts.hostname or ''}:{parts.port or (80 if parts.scheme == 'http' else 443)}"


def settings_here() -> Given:
    """Which code locations' settings are here."""
    return Given(frozenset(name for name, of in LOCATIONS.items() if _is_here(of)))


def _is_here(location: type[Settings]) -> bool:
    # One that this user may not read is another user's, as in life each location's may be.
    if os.access(env_dir() / location.file, os.R_OK):
        return True
    own = [name for name in location.model_fields if READ_FROM[name] == (".env", location.file)]
    return any(os.environ.get(name, "").strip() for name in own)


def checks(given: Given) -> Iterator[Check]:
    """Each file: complete, and nothing in it that belongs elsewhere; and the tables that it names."""
    yield Check("settings", SHARED, lambda: _of_all(given))
    for name, settings in LOCATIONS.items():
        yield Check(
            "settings", OF_LOCATION[name], partial(_of_location, given, name, settings), settings.file
        )
    yield Check("settings", OWNER, lambda: _of_owner(given))
    if "scraper" in given.here:
        needs = (OF_LOCATION["scraper"],)
        yield Check("settings", SITE_TABLE, lambda: _site(given), ScraperSettings.file, needs=needs)
    if "storefront" in given.here:
        file, needs = StorefrontSettings.file, (OF_LOCATION["storefront"],)
        yield Check("settings", "Table of labels", lambda: _labels(given), file, needs=needs)
        yield Check("settings", "Table of categories", lambda: _categories(given), file, needs=needs)


def _of_all(given: Given) -> Observed:
    environment = environment_of(None)
    if told := faults(environment, CommonSettings, PaceSettings):
        return _at_fault(told)
    port_settings(environment_of_owner())
    folder = given.common.state_dir  # It is made on its first use.
    if not os.access(folder, os.W_OK):
        words = (
            f"{folder} can't be written: let this user write there, or set INGRAM_STATE_DIR to another one."
        )
        return Observed(words, Outcome.MISSING)
    return Observed(f"{own_file('.env')} is complete.")


def _of_location(given: Given, name: str, settings: type[Settings]) -> Observed:
    file = own_file(settings.file)
    if name in given.here:
        environment = environment_of(name)
        told = faults(environment, settings)
        # Certificates and proxies that a file names count here as for the processes of ingram up.
        os.environ.update(of_the_machine(environment))
        return _at_fault(told) if told else Observed(f"{file} is complete.")
    is_others = (env_dir() / settings.file).exists()
    why = "is another user's" if is_others else f"is not set up here (see {example_of(settings.file)})"
    is_whole_shop = {"scraper", "storefront"} <= given.here
    lacking = "nobody would be told when the promise breaks" if is_whole_shop else _LACKING[name]
    words = f"{file} {why}: {lacking}."
    # Each may be another user's; but without any there is nothing to look at.
    if not given.here:
        return Observed(words, Outcome.MISSING, settings=())
    return Observed(words, Outcome.NOTE if is_whole_shop else Outcome.NOT_TRIED, settings=())


def _of_owner(given: Given) -> Observed:
    environment = environment_of_owner()
    if not environment.get("QUEUE_OWNER_DB_URL") and not {"scraper", "storefront"} <= given.here:
        words = "QUEUE_OWNER_DB_URL is not set here: ingram queue migrate and ingram up need it."
        return Observed(words, Outcome.NOT_TRIED)
    told = faults(environment, MigrateSettings)
    return _at_fault(told) if told else Observed("QUEUE_OWNER_DB_URL is there.")


def _at_fault(told: Mapping[str, list[str]]) -> Observed:
    sentences, names = [], []
    for file, each in told.items():
        if is_named_by_a_setting(file):
            remedy = f"Correct {file} (docs/site.md)."
        else:
            remedy = f"Set them in {own_file(file)} or in the environment (README, “Running it for real”)."
        sentences.append(f"{'; '.join(each)}. {remedy}")
        for name in (one.partition(" ")[0] for one in each):
            names.append(NamedSetting(READ_FROM[name][-1] if is_named_by_a_setting(file) else file, name))
    return Observed(" ".join(sentences), Outcome.MISSING, settings=tuple(dict.fromkeys(names)))


def _site(given: Given) -> Observed:
    file = given.scraper.SITE_FILE
    site_profile(given.scraper)
    return Observed(f"{file} is laid over the program's own." if file else "The program's own is used.")


def _labels(given: Given) -> Observed:
    file = given.storefront.LABELS_FILE
    store_rules(given.storefront)
    return Observed(f"{file} can be used." if file else "The program's own is used.")


def _categories(given: Given) -> Observed:
    file = given.storefront.CATEGORIES_FILE
    table = category_table(given.storefront)
    whose = f"{file} can be used" if file else "The program's own is used"
    return Observed(f"{whose}: {len(table.by_heading):,} headings.")
