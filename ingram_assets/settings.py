"""The settings: one class per code location, read from the environment when they are needed, never at import.

Each code location is started with an environment that holds its own settings alone (`environment_of`), so
what one of them leaks the others do not know. Real values live in `.env`, `.env.scraper`,
`.env.storefront` and `.env.operations` beside the `*.example` files; the process environment wins.
"""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args
from zoneinfo import ZoneInfo

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ingram_assets.domain.failures import NeedsPerson


class SettingsError(NeedsPerson):
    """Settings are missing or malformed. Names them; never shows a value. Exit code 2."""


def _http_url(value: str) -> str:
    AnyHttpUrl(value)
    return value.rstrip("/")


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except Exception:
        raise ValueError("no such time zone; an example is America/Chicago") from None
    return value


def _database_url(value: SecretStr) -> SecretStr:
    if not re.match(r"postgres(ql)?(\+psycopg\w*)?://", value.get_secret_value()):
        raise ValueError("a PostgreSQL address begins with postgresql://")
    return value


def _imap_url(value: SecretStr) -> SecretStr:
    if not re.match(r"imaps?://[^@/]+@[^@/]+", value.get_secret_value()):
        raise ValueError("a mailbox is imaps://user:password@host:993/INBOX, both percent-encoded")
    return value


def _senders(value: object) -> object:
    if not isinstance(value, str):
        return value
    senders = tuple(one.strip().lower().lstrip("*.@") for one in value.split(",") if one.strip())
    form = re.compile(r"(?:[^\s@]+@)?[a-z0-9-]+(\.[a-z0-9-]+)+")
    if not senders or not all(form.fullmatch(one) for one in senders):
        raise ValueError("domains or addresses, comma separated: ingramcontent.com,no-reply@okta.com")
    return senders


def _base32(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[A-Za-z2-7]{16,}=*", re.sub(r"[\s-]", "", value.get_secret_value())):
        raise ValueError("an authenticator's secret is 16 or more letters and digits from 2 to 7")
    return value


def _is_a_file(value: Path) -> Path:
    if not value.expanduser().is_file():
        raise ValueError(f"there is no file {value}")
    return value.expanduser()


HttpUrl = Annotated[str, AfterValidator(_http_url)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
ExistingFile = Annotated[Path, AfterValidator(_is_a_file)]


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(
        extra="ignore", case_sensitive=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    @classmethod
    def missing(cls, given: Mapping[str, str]) -> list[str]:
        """What is missing beyond the required settings: of alternatives, none is there."""
        return []


class CommonSettings(_Settings):
    """What every process of the project may know."""

    DAGSTER_PG_URL: DatabaseUrl = Field(description="Dagster's own database, postgresql://…")
    DAGSTER_HOME: Path | None = Field(None, description="Dagster's home; default: INGRAM_STATE_DIR/dagster")
    INGRAM_STATE_DIR: Path = Field(Path(".ingram"), description="Sessions, locks and logs")
    STORE_TIME_ZONE: Annotated[str, AfterValidator(_time_zone)] = Field(
        "America/Chicago", description="The zone whose midnight releases a preorder"
    )
    INGRAM_UI_URL: str = Field("http://127.0.0.1:3000", description="Where people open Dagster's UI")

    @property
    def state_dir(self) -> Path:
        """The state folder, absolute, made on first use and closed to other users."""
        folder = self.INGRAM_STATE_DIR.expanduser().resolve()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(f"INGRAM_STATE_DIR can't be made: {error.strerror}: {folder}.") from None
        return folder


class ScraperSettings(_Settings):
    """iPage, the bucket, and the queue's writer role."""

    IPAGE_BASE_URL: HttpUrl = "https://ipage.ingramcontent.com"
    IPAGE_USERNAME: str | None = None
    IPAGE_PASSWORD: SecretStr | None = None
    IPAGE_ACCOUNT: str | None = None
    IPAGE_SAVED_SEARCH_ID: str | None = None
    IPAGE_MFA: Literal["email", "totp", "prompt"] = "email"
    IPAGE_TOTP_SECRET: Annotated[SecretStr, AfterValidator(_base32)] | None = None
    IPAGE_MFA_IMAP_URL: Annotated[SecretStr, AfterValidator(_imap_url)] | None = None
    IPAGE_MFA_SENDERS: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_senders)] = (
        "ingramcontent.com",
        "ingrambook.com",
        "okta.com",
    )
    IPAGE_SESSION_COOKIE: SecretStr | None = None
    IPAGE_CONCURRENCY: int = Field(8, ge=1, le=32)
    BROWSER_CDP_URL: SecretStr | None = None
    BROWSER_EXECUTABLE: ExistingFile | None = None
    QUEUE_DB_URL: DatabaseUrl
    R2_ENDPOINT: HttpUrl
    R2_ACCESS_KEY_ID: SecretStr
    R2_SECRET_ACCESS_KEY: SecretStr
    R2_BUCKET_NAME: str
    R2_PUBLIC_URL: HttpUrl
    OPEN_LIBRARY_COVERS_URL: HttpUrl = "https://covers.openlibrary.org"
    HISTORY_RETENTION_DAYS: int = Field(400, ge=30)
    GUARDRAIL_MAX_SEARCH_SHRINKAGE: float = Field(0.50, ge=0, le=1)
    GUARDRAIL_MAX_UNREAD: float = Field(0.20, ge=0, le=1)

    @classmethod
    def missing(cls, given: Mapping[str, str]) -> list[str]:
        """What the sign-in needs: an account with its second factor, or a captured cookie."""
        if "IPAGE_SESSION_COOKIE" in given:
            return []
        needs = ["IPAGE_USERNAME", "IPAGE_PASSWORD"]
        factor = given.get("IPAGE_MFA", "email")
        needs += {"email": ["IPAGE_MFA_IMAP_URL"], "totp": ["IPAGE_TOTP_SECRET"]}.get(factor, [])
        return [f"{name} is missing (or IPAGE_SESSION_COOKIE)" for name in needs if name not in given]


class StorefrontSettings(_Settings):
    """Medusa, the queue's reader role, and the storefront's own journal."""

    MEDUSA_BACKEND_URL: HttpUrl
    MEDUSA_API_KEY: SecretStr | None = None
    MEDUSA_EMAIL: str | None = None
    MEDUSA_PASSWORD: SecretStr | None = None
    MEDUSA_SALES_CHANNEL: str = "Online Store"
    MEDUSA_STOCK_LOCATION: str = "Ingram (Drop-Ship)"
    QUEUE_DB_URL: DatabaseUrl
    STOREFRONT_DB_URL: DatabaseUrl
    INVENTORY_MODE: Literal["on_hand", "on_hand_plus_reserved"] = "on_hand"
    SAFETY_STOCK: int = Field(0, ge=0)
    STOCK_MAX_AGE: int = Field(86400, ge=60, description="Seconds after which a count is not sold from")
    STALE_STOCK: Literal["backorder", "out_of_stock", "keep"] = "backorder"
    LOW_STOCK_THRESHOLD: int = Field(5, ge=0)
    MIN_STOCK_DELTA: int = Field(1, ge=1)
    PRICE_POLICY: Literal["srp", "keep"] = "srp"
    CATEGORIES_FILE: ExistingFile | None = None
    GUARDRAIL_MAX_TURNING_TO_ZERO: float = Field(0.30, ge=0, le=1)
    GUARDRAIL_MIN_TITLES_TURNING_TO_ZERO: int = Field(5, ge=0)
    GUARDRAIL_MAX_UNREAD: float = Field(0.20, ge=0, le=1)
    GUARDRAIL_MIN_TITLES: int = Field(5, ge=0)
    GUARDRAIL_MAX_TURNING_DIGITAL: float = Field(0.02, ge=0, le=1)
    GUARDRAIL_MAX_TURNING_UNMANAGED: float = Field(0.02, ge=0, le=1)
    GUARDRAIL_MAX_TURNING_TO_PREORDER: float = Field(0.05, ge=0, le=1)
    GUARDRAIL_MAX_TURNING_TO_BACKORDER: float = Field(0.30, ge=0, le=1)
    GUARDRAIL_MAX_RISING: float = Field(0.20, ge=0, le=1)
    GUARDRAIL_RISE_FACTOR: float = Field(10, gt=1)
    GUARDRAIL_MAX_PRICES: float = Field(0.05, ge=0, le=1)
    GUARDRAIL_MAX_PRICE_FALL: float = Field(0.50, ge=0, le=1)
    GUARDRAIL_MAX_PRICE_RISE: float = Field(1.00, ge=0)
    GUARDRAIL_PRICE_FLOOR: float = Field(0.50, ge=0)
    GUARDRAIL_PRICE_CEILING: float = Field(1_000, gt=0)

    @model_validator(mode="after")
    def _floor_below_ceiling(self) -> "StorefrontSettings":
        if self.GUARDRAIL_PRICE_FLOOR >= self.GUARDRAIL_PRICE_CEILING:
            raise ValueError("GUARDRAIL_PRICE_FLOOR has to be less than GUARDRAIL_PRICE_CEILING")
        return self

    @classmethod
    def missing(cls, given: Mapping[str, str]) -> list[str]:
        """A key, or an admin's e-mail and password."""
        if "MEDUSA_API_KEY" in given or {"MEDUSA_EMAIL", "MEDUSA_PASSWORD"} <= given.keys():
            return []
        return ["MEDUSA_API_KEY is missing (or MEDUSA_EMAIL and MEDUSA_PASSWORD)"]


class OperationsSettings(_Settings):
    """Whom to tell."""

    ALERT_URLS: Annotated[tuple[SecretStr, ...], NoDecode] = ()

    @model_validator(mode="before")
    @classmethod
    def _comma_separated(cls, values: dict[str, Any]) -> dict[str, Any]:
        if isinstance(urls := values.get("ALERT_URLS"), str):
            return {**values, "ALERT_URLS": tuple(url.strip() for url in urls.split(",") if url.strip())}
        return values


class MigrateSettings(_Settings):
    """What `ingram queue migrate` needs: a role that may create roles and tables."""

    QUEUE_OWNER_DB_URL: DatabaseUrl
    QUEUE_WRITER_ROLE: str = "ingram_queue_writer"
    QUEUE_READER_ROLE: str = "ingram_queue_reader"


class Pace(_Settings):
    """How fast the clock of the promise runs, in seconds; minutes stand for hours in the demo and tests.

    Dagster takes no freshness window below a minute.
    """

    STOCK_WARN_AFTER: int = Field(3600, ge=60)
    STOCK_FAIL_AFTER: int = Field(7200, ge=60)
    SEARCH_WARN_AFTER: int = Field(7 * 86400, ge=60)
    SEARCH_FAIL_AFTER: int = Field(8 * 86400, ge=60)
    SENSOR_INTERVAL: int = Field(10, ge=1)
    STORE_LAG_MAX: int = Field(600, ge=60)
    SWEEP_RETRY_AFTER: Annotated[tuple[int, ...], NoDecode] = (300, 900)

    @model_validator(mode="before")
    @classmethod
    def _comma_separated(cls, values: dict[str, Any]) -> dict[str, Any]:
        if isinstance(waits := values.get("SWEEP_RETRY_AFTER"), str):
            return {**values, "SWEEP_RETRY_AFTER": tuple(int(wait) for wait in waits.split(","))}
        return values

    @model_validator(mode="after")
    def _warns_first(self) -> "Pace":
        for what in ("STOCK", "SEARCH"):
            if getattr(self, f"{what}_WARN_AFTER") >= getattr(self, f"{what}_FAIL_AFTER"):
                raise ValueError(f"{what}_WARN_AFTER has to be less than {what}_FAIL_AFTER")
        return self

    @property
    def stock_sla(self) -> timedelta:
        """How old a reading may be before the promise is broken."""
        return timedelta(seconds=self.STOCK_FAIL_AFTER)


def store_time_zone() -> str:
    """`STORE_TIME_ZONE` or its default, where other settings may be missing, as when definitions load."""
    default: str = CommonSettings.model_fields["STORE_TIME_ZONE"].default
    try:
        return _time_zone(os.environ.get("STORE_TIME_ZONE") or default)
    except ValueError:
        return default  # Whoever starts a process has told of it by then.


def secret(value: SecretStr | None) -> str | None:
    """A secret's text, for the client that needs it."""
    return None if value is None else value.get_secret_value()


S = TypeVar("S", bound=_Settings)

LOCATIONS: dict[str, type[_Settings]] = {
    "scraper": ScraperSettings,
    "storefront": StorefrontSettings,
    "operations": OperationsSettings,
}

_OF_THE_MACHINE = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH", "FONTCONFIG_FILE", "XDG_RUNTIME_DIR"),
        *("VIRTUAL_ENV", "PYTHONPATH", "PYTHONUNBUFFERED", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    )
)
_OF_DAGSTER = frozenset({"DAGSTER_EVENT_BATCH_SIZE", "FRESHNESS_DAEMON_INTERVAL_SECONDS"})


def load(settings: type[S], environment: Mapping[str, str] | None = None) -> S:
    """The settings of a class, from `environment` or else this process's.

    Raises:
        SettingsError: names each setting that is missing or malformed, and shows no value.
    """
    environment = os.environ if environment is None else environment
    check(environment, settings)
    return settings.model_validate(_given(settings, environment))


def check(environment: Mapping[str, str], *classes: type[_Settings]) -> None:
    """Name all that is missing or malformed of several classes at once.

    Raises:
        SettingsError: as for `load`.
    """
    told = []
    for settings in classes:
        given = _given(settings, environment)
        faults = []
        try:
            settings.model_validate(given)
        except ValidationError as error:
            faults = [_fault(details) for details in error.errors()]
        if faults := faults + settings.missing(given):
            where = next((f".env.{name}" for name, cls in LOCATIONS.items() if cls is settings), ".env")
            told.append(
                f"{'; '.join(faults)}. Set them in {where} (see {where}.example) or in the environment."
            )
    if told:
        raise SettingsError(" ".join(told))


def _given(settings: type[_Settings], environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: given
        for name, field in settings.model_fields.items()
        if (given := _without_blanks(environment.get(name, ""), field.annotation))
    }


def _without_blanks(value: str, annotation: Any) -> str:
    """The value without the blanks and the carriage return that an edited file leaves at its ends.

    A secret stays as it is: a blank may be a part of it.
    """
    return value if _is_secret(annotation) else value.strip()


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_is_secret(each) for each in get_args(annotation))


def _fault(details: Any) -> str:
    # Never of details["input"]: it may be a secret, or all that was given.
    name = ".".join(str(part) for part in details["loc"])
    message = details["msg"].removeprefix("Value error, ")
    if details["type"] == "missing":
        return f"{name} is missing"
    return f"{name} is malformed: {message}" if name else message


def environment_of(location: str | None, root: Path) -> dict[str, str]:
    """The whole environment a process of a code location gets: the machine's, the common and its own.

    Args:
        location: "scraper", "storefront" or "operations"; `None` for the web server and the daemon, which
            know Dagster's database alone.
        root: the folder of the `.env` files.
    """
    own = LOCATIONS[location].model_fields if location else {}
    files: dict[str, str | None] = dict(dotenv_values(root / ".env"))
    if location:
        files |= dotenv_values(root / f".env.{location}")
    given = {name: value for name, value in files.items() if value} | dict(os.environ)
    wanted = {*_OF_THE_MACHINE, *_OF_DAGSTER, *CommonSettings.model_fields, *Pace.model_fields, *own}
    wanted |= {name for name in given if name.startswith("INGRAM_PORT_")}
    return {name: value for name, value in given.items() if name in wanted}
