"""Which file each setting belongs in: what may be read from where, and what a message names."""

from ingram_assets.settings.base import Settings
from ingram_assets.settings.operations import OperationsSettings
from ingram_assets.settings.owner import MigrateSettings
from ingram_assets.settings.scraper import ScraperSettings
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.settings.storefront import StorefrontSettings

LOCATIONS: dict[str, type[Settings]] = {
    "scraper": ScraperSettings,
    "storefront": StorefrontSettings,
    "operations": OperationsSettings,
}

SHARED = frozenset({*CommonSettings.model_fields, *PaceSettings.model_fields})
"""What every process may know."""

_ALL: tuple[type[Settings], ...] = (MigrateSettings, CommonSettings, PaceSettings, *LOCATIONS.values())
READ_FROM = {
    name: (".env", *(of.file for of in LOCATIONS.values() if name in SHARED or name in of.model_fields))
    for asked_by in _ALL
    for name in asked_by.model_fields
}
"""Each setting's name to the files that may hold it."""


def file_of(name: str, asked_by: type[Settings]) -> str:
    """The file where a person writes a setting that a class asks for.

    That of a location where it is one's own, though others read it, too; `.env` for what all may know.
    """
    if name in SHARED:
        return ".env"
    own = [of.file for of in LOCATIONS.values() if name in of.model_fields]
    return asked_by.file if asked_by.file in own or not own else own[0]
