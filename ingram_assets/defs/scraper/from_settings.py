"""The site as the scraper's settings have it. Without Dagster, so that commands that only look start fast."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from ingram_assets.coordination.connection import Coordinator
from ingram_assets.coordination.keeping import KeptPage, KeptPages
from ingram_assets.coordination.open_library_quota import LookupCount
from ingram_assets.coordination.session_key import own_key
from ingram_assets.coordination.site import SharedSite, left_alone_until
from ingram_assets.domain.failures import IngramError, of_the_disk
from ingram_assets.domain.site_file import LARGEST, parse_site_file
from ingram_assets.named_files import read_named
from ingram_assets.runtime.node import NoNode, drive_playwright
from ingram_assets.settings.base import SettingsError, secret
from ingram_assets.settings.environment import environment_of
from ingram_assets.settings.loading import load
from ingram_assets.settings.scraper import ScraperSettings, SharedSiteSettings, SiteSettings
from ingram_assets.settings.shared import CommonSettings
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile, built_in, profile_with
from ingram_assets.sources.ipage.site import Credentials, Site
from ingram_assets.sources.open_library import OpenLibrary

log = logging.getLogger(__name__)


def profile_of_the_shop() -> SiteProfile:
    """What is believed of the site, for a command that reads pages which are there. Raises SettingsError."""
    return site_profile(load(SiteSettings, environment_of("scraper")))


def site_profile(settings: SiteSettings) -> SiteProfile:
    """What comes with the program, with the shop's own `site.toml` over it.

    Raises:
        SettingsError: the file can't be read, or an entry of it can't be meant.
    """
    if (file := settings.SITE_FILE) is None:
        return built_in()
    try:
        return profile_with(parse_site_file(read_named(file, LARGEST), settings.IPAGE_BASE_URL))
    except (OSError, ValueError) as error:
        raise SettingsError(f"SITE_FILE can't be used: in {file.name}, {error}.") from None


def open_site(
    settings: ScraperSettings,
    common: CommonSettings,
    run_id: str,
    *,
    shared: SharedSite | None = None,
    code_patience: float | None = None,
    **more: Any,
) -> Site:
    """The site, signed in when the first page asks for it. Use as a context manager.

    Args:
        shared: of `shared_site`, for who shares its connection; it is closed with the site.
        code_patience: seconds that a mail with a code is waited for; default: as long as a code is good.
        more: of `Site`, for who only looks.
    """
    with suppress(NoNode):  # Told of when a browser is needed; a session that lives needs none.
        drive_playwright()
    with suppress(OSError):  # An earlier version kept the session there, as it is.
        (common.state_dir / "ipage" / "session.json").unlink(missing_ok=True)
    return Site(
        settings.IPAGE_BASE_URL,
        shared or shared_site(settings, common),
        _credentials(settings, code_patience),
        session_cookie=secret(settings.IPAGE_SESSION_COOKIE),
        concurrency=settings.IPAGE_CONCURRENCY,
        browser_cdp_url=secret(settings.BROWSER_CDP_URL),
        browser_executable=str(settings.BROWSER_EXECUTABLE) if settings.BROWSER_EXECUTABLE else None,
        run_id=run_id,
        profile=site_profile(settings),
        **more,
    )


def shared_site(settings: SharedSiteSettings, common: CommonSettings) -> SharedSite:
    """What all runs that ask the site share, on whichever machine they are."""

    def keys() -> Sequence[str]:
        if settings.SESSION_KEY is not None:
            return [key.strip() for key in settings.SESSION_KEY.get_secret_value().split(",")]
        try:
            return [own_key(common.state_dir / "ipage")]
        except OSError as error:
            raise of_the_disk(error) or error from None

    return SharedSite(settings.QUEUE_DB_URL.get_secret_value(), settings.IPAGE_BASE_URL, keys)


@contextmanager
def open_library(settings: ScraperSettings) -> Iterator[OpenLibrary]:
    """Open Library, within the limit that all runs share, for who has no connection to what they share."""
    with (
        closing(Coordinator(settings.QUEUE_DB_URL.get_secret_value())) as coordinator,
        OpenLibrary(LookupCount(coordinator), base_url=settings.OPEN_LIBRARY_COVERS_URL) as library,
    ):
        yield library


def site_left_alone_until() -> datetime | None:
    """Until when (UTC) the site is left alone after a block; `None`: it may be asked, or nobody knows."""
    try:
        settings = load(SharedSiteSettings)
        return left_alone_until(settings.QUEUE_DB_URL.get_secret_value(), settings.IPAGE_BASE_URL)
    except (SettingsError, IngramError) as error:
        # A run that begins now meets it, and is reported.
        log.warning("Whether iPage is left alone is not known: %s", error)
        return None


def pages_kept() -> list[KeptPage]:
    """The pages that were not understood lately. Raises SettingsError, Transient, NeedsPerson."""
    with _shared_of_the_shop() as (shared, _):
        return KeptPages(shared.coordinator).all()


def session_and_pages_kept() -> tuple[bytes | None, list[KeptPage]]:
    """What is kept of the account's session, and the pages. Raises SettingsError, Transient, NeedsPerson."""
    with _shared_of_the_shop() as (shared, user):
        return shared.session(user).load(), KeptPages(shared.coordinator).all()


def forget_of_the_site(what: str) -> bool:
    """Forgets the "session", the "password" that was refused, or the "block"; whether there was one.

    Raises:
        SettingsError, Transient, NeedsPerson: it can't be asked.
    """
    with _shared_of_the_shop() as (shared, user):
        return shared.forget(what, user)


@contextmanager
def _shared_of_the_shop() -> Iterator[tuple[SharedSite, str]]:
    """What runs share, for a command, and who signs in."""
    environment = environment_of("scraper")
    settings = load(SharedSiteSettings, environment)
    shared = shared_site(settings, load(CommonSettings, environment))
    try:
        yield shared, settings.IPAGE_USERNAME or ""
    finally:
        shared.close()


def _credentials(settings: ScraperSettings, code_patience: float | None) -> Credentials | None:
    if settings.IPAGE_USERNAME is None or settings.IPAGE_PASSWORD is None:
        return None
    account = Credentials(
        username=settings.IPAGE_USERNAME,
        password=settings.IPAGE_PASSWORD.get_secret_value(),
        account=settings.IPAGE_ACCOUNT or "",
        mfa=settings.IPAGE_MFA,
        totp_secret=secret(settings.IPAGE_TOTP_SECRET),
        imap_url=secret(settings.IPAGE_MFA_IMAP_URL),
        mfa_senders=settings.IPAGE_MFA_SENDERS,
    )
    return replace(account, code_lifetime=code_patience) if code_patience else account
