"""The scraper's settings: iPage, the bucket, and the queue's writer role."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from ingram_assets.domain.addresses import CODE_SENDERS
from ingram_assets.settings.base import Settings
from ingram_assets.settings.kinds import (
    ANY_CASE,
    Base32,
    BrowserUrl,
    BucketName,
    Cookies,
    DatabaseUrl,
    HttpUrl,
    Key,
    MailboxUrl,
    Program,
    SearchName,
    Senders,
    SessionKeys,
    Share,
    SiteFile,
    SiteUrl,
    Text,
    Whole,
)


class PageBudget(Settings):
    """What the site may be asked for. Sensors look at it, which need no other setting of the scraper."""

    file: ClassVar[str] = ".env.scraper"

    PAGES_PER_HOUR: Whole | None = Field(None, ge=1)
    SWEEP_SHARD_SIZE: Whole | None = Field(None, ge=100)


class SiteSettings(PageBudget):
    """Where the site is, and what is believed of it: all that it takes to read a page that is there."""

    IPAGE_BASE_URL: SiteUrl = "https://ipage.ingramcontent.com"
    SITE_FILE: SiteFile | None = None
    """Looked at after the site's address, whose host its addresses have to be of."""


class SharedSiteSettings(SiteSettings):
    """Where runs share what they know of the site, and of whose account."""

    IPAGE_USERNAME: Text | None = None
    QUEUE_DB_URL: DatabaseUrl
    SESSION_KEY: SessionKeys | None = None


class ScraperSettings(SharedSiteSettings):
    """What a run of the scraper reads. Nobody else is given it."""

    IPAGE_PASSWORD: SecretStr | None = None
    IPAGE_ACCOUNT: Text | None = None
    IPAGE_SAVED_SEARCH_ID: SearchName | None = None
    IPAGE_MFA: Annotated[Literal["email", "totp", "prompt"], ANY_CASE] = "email"
    IPAGE_TOTP_SECRET: Base32 | None = None
    IPAGE_MFA_IMAP_URL: MailboxUrl | None = None
    IPAGE_MFA_SENDERS: Senders = CODE_SENDERS
    IPAGE_SESSION_COOKIE: Cookies | None = None
    IPAGE_CONCURRENCY: Whole = Field(8, ge=1, le=32)
    BROWSER_CDP_URL: BrowserUrl | None = None
    BROWSER_EXECUTABLE: Program | None = None
    R2_ENDPOINT: HttpUrl
    R2_ACCESS_KEY_ID: Key
    R2_SECRET_ACCESS_KEY: Key
    R2_BUCKET_NAME: BucketName
    R2_PUBLIC_URL: HttpUrl
    OPEN_LIBRARY_COVERS_URL: HttpUrl = "https://covers.openlibrary.org"
    HISTORY_RETENTION_DAYS: Whole = Field(400, ge=30)
    GUARDRAIL_MAX_SEARCH_SHRINKAGE: Share = 0.50
    GUARDRAIL_MAX_UNREAD: Share = 0.20

    @model_validator(mode="after")
    def _endpoint_without_bucket(self) -> "ScraperSettings":
        if urlsplit(self.R2_ENDPOINT).path.rpartition("/")[2] == self.R2_BUCKET_NAME:
            raise ValueError("R2_ENDPOINT is malformed: leave out the bucket's name at its end")
        return self

    @classmethod
    def missing(cls, given: Mapping[str, str]) -> list[str]:
        """What the sign-in needs: an account with its second factor, or a captured cookie."""
        if "IPAGE_SESSION_COOKIE" in given:
            return []
        needs = ["IPAGE_USERNAME", "IPAGE_PASSWORD"]
        factor = given.get("IPAGE_MFA", "email").lower()
        needs += {"email": ["IPAGE_MFA_IMAP_URL"], "totp": ["IPAGE_TOTP_SECRET"]}.get(factor, [])
        return [f"{name} is missing (or IPAGE_SESSION_COOKIE)" for name in needs if name not in given]
