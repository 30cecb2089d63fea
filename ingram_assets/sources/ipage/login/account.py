"""The account that signs in: its password, its second factor, and what a refusal means for the runs after."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from ingram_assets.domain.addresses import CODE_SENDERS
from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.sources.ipage.access.cancellation import Cancellation
from ingram_assets.sources.ipage.access.kept_pages import KeepPage
from ingram_assets.sources.ipage.access.politeness import Politeness
from ingram_assets.sources.ipage.access.session import Session
from ingram_assets.sources.ipage.access.shared_state import SharedRefusals
from ingram_assets.sources.ipage.login.code_mail import EmailCodes
from ingram_assets.sources.ipage.login.refused_password import RefusedPassword
from ingram_assets.sources.ipage.login.second_factor import CODE_LIFETIME, CodeSource, PromptCodes, TotpCodes
from ingram_assets.sources.ipage.login.step_pictures import Watch
from ingram_assets.sources.ipage.pages.page_failures import Blocked
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile


@dataclass(frozen=True, slots=True)
class Credentials:
    """The account, and how it gives its second factor.

    Attributes:
        account: the customer number; typed where a form asks for it.
        mfa: `email` reads codes from `imap_url`, `totp` makes them of `totp_secret`, `prompt` asks a person.
        imap_url: `imaps://user:password@host:993/INBOX`, user and password percent-encoded.
        mfa_senders: domains, or addresses, whose mails bring codes.
        code_lifetime: seconds to wait for a mail.
    """

    username: str
    password: str = field(repr=False)
    account: str = ""
    mfa: Literal["email", "totp", "prompt"] = "email"
    totp_secret: str | None = field(default=None, repr=False)
    imap_url: str | None = field(default=None, repr=False)
    mfa_senders: tuple[str, ...] = CODE_SENDERS
    code_lifetime: float = CODE_LIFETIME.total_seconds()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must stand in no page that is kept."""
        return self.username, self.password, self.account


@dataclass(frozen=True, slots=True)
class Browser:
    """Which browser signs in, see `browser.open_page`, and how patient it is (seconds)."""

    executable: str | None = None
    cdp_url: str | None = None
    patience: float = 45.0


@dataclass(frozen=True, slots=True)
class AccountSignIn:
    """Signs one account in, in its turn among the requests, and no password that was refused lately.

    Attributes:
        refusals: where refused passwords are remembered.
        keep_page: gets a page that was not understood.
        profile: what is believed of the site.
        watch: is shown each page on the way in.
    """

    base_url: str
    credentials: Credentials
    browser: Browser
    refusals: SharedRefusals
    politeness: Politeness
    canceled: Cancellation
    keep_page: KeepPage
    profile: SiteProfile
    watch: Watch | None = None

    def __call__(self, last: Session | None) -> Session:
        """A new session; see `sign_in`."""
        # Brings Playwright, which whoever has a session does without.
        from ingram_assets.sources.ipage.login import sign_in as sign_in_room

        account = self.credentials
        refused = RefusedPassword(
            self.refusals, "\n".join((self.base_url, account.username, account.password))
        )
        if (reason := refused.reason()) is not None:
            raise sign_in_room.WrongPassword(reason)
        codes = _code_source(account, self.canceled, self.profile)
        of_account = (account.username, account.password, account.account)
        # The sign-in takes its turn like every request, and none while the breaker is open.
        with self.politeness.turn() as sent_at:
            try:
                session = sign_in_room.sign_in(
                    self.base_url,
                    *of_account,
                    codes,
                    self.browser,
                    last,
                    self.canceled,
                    self.profile,
                    self.watch,
                )
            except Blocked as error:
                self.politeness.blocked(str(error), None, sent_at)
                raise
            except sign_in_room.WrongPassword as error:
                refused.remember(str(error))
                raise
            except sign_in_room.SignInPageChanged as error:
                self.keep_page(error.html, "sign-in", str(error), ())
                raise
        return session


def _code_source(credentials: Credentials, canceled: Cancellation, profile: SiteProfile) -> CodeSource:
    match credentials.mfa:
        case "email":
            if not credentials.imap_url:
                raise NeedsPerson(
                    "IPAGE_MFA is email but IPAGE_MFA_IMAP_URL is not set: set it to the mailbox that gets "
                    "the codes, imaps://user:password@host:993/INBOX."
                )
            return EmailCodes(
                credentials.imap_url,
                canceled,
                senders=credentials.mfa_senders,
                called=profile.sign_in.code,
                lifetime=timedelta(seconds=credentials.code_lifetime),
            )
        case "totp":
            if not credentials.totp_secret:
                raise NeedsPerson("IPAGE_MFA is totp but IPAGE_TOTP_SECRET is not set: set it.")
            return TotpCodes(credentials.totp_secret, canceled)
        case "prompt":
            return PromptCodes()
