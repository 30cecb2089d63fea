"""The site as the scraper's settings have it. Without Dagster, so that commands that only look start fast."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ingram_assets.domain.site_file import LARGEST, parse_site_file
from ingram_assets.named_files import read_named
from ingram_assets.runtime.node import NoNode, drive_playwright
from ingram_assets.settings.base import SettingsError, secret
from ingram_assets.settings.environment import environment_of
from ingram_assets.settings.loading import load
from ingram_assets.settings.scraper import ScraperSettings, SiteSettings
from ingram_assets.settings.shared import CommonSettings
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile, built_in, profile_with
from ingram_assets.sources.ipage.site import Credentials, Site


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
    code_patience: float | None = None,
    **more: Any,
) -> Site:
    """The site, signed in when the first page asks for it. Use as a context manager.

    Args:
        code_patience: seconds that a mail with a code is waited for; default: as long as a code is good.
        more: of `Site`, for who only looks.
    """
    with suppress(NoNode):  # Told of when a browser is needed; a session that lives needs none.
        drive_playwright()
    return Site(
        settings.IPAGE_BASE_URL,
        ipage_folder(common),
        _credentials(settings, code_patience),
        session_cookie=secret(settings.IPAGE_SESSION_COOKIE),
        concurrency=settings.IPAGE_CONCURRENCY,
        browser_cdp_url=secret(settings.BROWSER_CDP_URL),
        browser_executable=str(settings.BROWSER_EXECUTABLE) if settings.BROWSER_EXECUTABLE else None,
        run_id=run_id,
        profile=site_profile(settings),
        **more,
    )


def ipage_folder(common: CommonSettings) -> Path:
    """Where the site's kept session, slots, pace and breaker are, shared by all runs of this machine."""
    return common.state_dir / "ipage"


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
