"""The settings: one class per code location, read from the environment when they are needed, never at import.

Each code location is started with an environment that holds its own settings alone (`environment_of`), so
what one of them leaks the others do not know. Real values live in `.env`, `.env.scraper`,
`.env.storefront` and `.env.operations` beside the `*.example` files; the process environment wins.
What these files may hold is told in `env_files.py`.
"""

import difflib
import logging
import os
import re
import shlex
import stat
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.settings import proxies
from ingram_assets.settings.env_files import MalformedFile, read_env
from ingram_assets.settings.files import ENV_DIR, env_dir, shipped
from ingram_assets.settings.kinds import (
    AlertUrls,
    Base32,
    BrowserUrl,
    BucketName,
    Cookies,
    DatabaseUrl,
    ExistingFile,
    HttpUrl,
    Key,
    MailboxUrl,
    PageUrl,
    Program,
    SavedSearch,
    SecretKey,
    Senders,
    SiteUrl,
    StoreUrl,
    TimeZone,
    Waits,
    as_written,
    trimmed,
)

log = logging.getLogger(__name__)


class SettingsError(NeedsPerson):
    """Settings are missing or malformed. Names them; never shows a value. Exit code 2."""


class _Settings(BaseModel):
    """Reads what it is given and nothing else: neither the process's environment nor a file."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    ALLOW_PLAIN_HTTP: bool = Field(
        False, description="Whether http:// may lead to another machine: on a network of one's own"
    )

    @field_validator("*", mode="before")
    @classmethod
    def _as_people_write(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str) and info.field_name is not None:
            return as_written(value, info.field_name, cls.model_fields[info.field_name].annotation)
        return value

    @classmethod
    def missing(cls, given: Mapping[str, str]) -> list[str]:
        """What is missing beyond the required settings: of alternatives, none is there."""
        return []


class CommonSettings(_Settings):
    """What every process of the project may know."""

    DAGSTER_PG_URL: DatabaseUrl = Field(description="Dagster's own database, postgresql://…")
    DAGSTER_HOME: Path | None = Field(None, description="Dagster's home; default: INGRAM_STATE_DIR/dagster")
    INGRAM_STATE_DIR: Path = Field(Path(".ingram"), description="Sessions, locks and logs")
    STORE_TIME_ZONE: TimeZone = Field(
        "America/Chicago", description="The zone whose midnight releases a preorder"
    )
    INGRAM_UI_URL: PageUrl = Field("http://127.0.0.1:3000", description="Where people open Dagster's UI")

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

    IPAGE_BASE_URL: SiteUrl = "https://ipage.ingramcontent.com"
    IPAGE_USERNAME: str | None = None
    IPAGE_PASSWORD: SecretStr | None = None
    IPAGE_ACCOUNT: str | None = None
    IPAGE_SAVED_SEARCH_ID: SavedSearch | None = None
    IPAGE_MFA: Literal["email", "totp", "prompt"] = "email"
    IPAGE_TOTP_SECRET: Base32 | None = None
    IPAGE_MFA_IMAP_URL: MailboxUrl | None = None
    IPAGE_MFA_SENDERS: Senders = ("ingramcontent.com", "ingrambook.com", "okta.com")
    IPAGE_SESSION_COOKIE: Cookies | None = None
    IPAGE_CONCURRENCY: int = Field(8, ge=1, le=32)
    BROWSER_CDP_URL: BrowserUrl | None = None
    BROWSER_EXECUTABLE: Program | None = None
    QUEUE_DB_URL: DatabaseUrl
    R2_ENDPOINT: HttpUrl
    R2_ACCESS_KEY_ID: Key
    R2_SECRET_ACCESS_KEY: Key
    R2_BUCKET_NAME: BucketName
    R2_PUBLIC_URL: HttpUrl
    OPEN_LIBRARY_COVERS_URL: HttpUrl = "https://covers.openlibrary.org"
    HISTORY_RETENTION_DAYS: int = Field(400, ge=30)
    GUARDRAIL_MAX_SEARCH_SHRINKAGE: float = Field(0.50, ge=0, le=1)
    GUARDRAIL_MAX_UNREAD: float = Field(0.20, ge=0, le=1)

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


class StorefrontSettings(_Settings):
    """Medusa, the queue's reader role, and the storefront's own journal."""

    MEDUSA_BACKEND_URL: StoreUrl
    MEDUSA_API_KEY: SecretKey | None = None
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

    ALERT_URLS: AlertUrls = ()


class MigrateSettings(_Settings):
    """What `ingram queue migrate` needs: a role that may create roles and tables."""

    QUEUE_OWNER_DB_URL: DatabaseUrl
    QUEUE_WRITER_ROLE: str = "ingram_queue_writer"
    QUEUE_READER_ROLE: str = "ingram_queue_reader"
    R2_PUBLIC_URL: HttpUrl | None = Field(
        None, description="The scraper's: the queue takes covers below it alone. Default: the last one told"
    )


class PaceSettings(_Settings):
    """How fast the clock of the promise runs, in seconds; minutes stand for hours in the demo and tests.

    Dagster takes no freshness window below a minute.
    """

    STOCK_WARN_AFTER: int = Field(3600, ge=60)
    STOCK_FAIL_AFTER: int = Field(7200, ge=60)
    SEARCH_WARN_AFTER: int = Field(7 * 86400, ge=60)
    SEARCH_FAIL_AFTER: int = Field(8 * 86400, ge=60)
    SENSOR_INTERVAL: int = Field(10, ge=1)
    STORE_LAG_MAX: int = Field(600, ge=60)
    SWEEP_RETRY_AFTER: Waits = (300, 900)

    @model_validator(mode="after")
    def _warns_first(self) -> "PaceSettings":
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
    name = os.environ.get("STORE_TIME_ZONE", "").strip() or default
    try:
        ZoneInfo(name)
    except Exception:
        return default  # Whoever starts a process has told of it by then.
    return name


def secret(value: SecretStr | None) -> str | None:
    """A secret's text, for the client that needs it."""
    return None if value is None else value.get_secret_value()


S = TypeVar("S", bound=_Settings)

LOCATIONS: dict[str, type[_Settings]] = {
    "scraper": ScraperSettings,
    "storefront": StorefrontSettings,
    "operations": OperationsSettings,
}


def _of_all(*classes: type[_Settings]) -> set[str]:
    return {name for settings in classes for name in settings.model_fields}


_READ_FROM = {
    name: [
        ".env",
        *(
            f".env.{of}"
            for of, own in LOCATIONS.items()
            if name in _of_all(CommonSettings, PaceSettings, own)
        ),
    ]
    for name in _of_all(CommonSettings, PaceSettings, MigrateSettings, *LOCATIONS.values())
}
"""Each setting's name to the files that may hold it."""

PORTS = tuple(
    f"INGRAM_PORT_{name}"
    for name in (
        *("UI", "SCRAPER", "STOREFRONT", "OPERATIONS"),
        *("POSTGRES", "S3", "COVERS", "IMAP", "IPAGE", "MEDUSA"),
    )
)
"""Ports that may be fixed: of `ingram up`'s processes, and of the demo's servers."""

_OF_THE_MACHINE = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH", "FONTCONFIG_FILE", "XDG_RUNTIME_DIR"),
        *("PLAYWRIGHT_NODEJS_PATH", "PLAYWRIGHT_BROWSERS_PATH"),
        *("VIRTUAL_ENV", "PYTHONPATH", "PYTHONUNBUFFERED"),
        # Most systems know the small spelling, some programs the other.
        *proxies.NAMES,
        *(name.upper() for name in proxies.NAMES),
        *proxies.SPARED,
    )
)
_OF_DAGSTER = frozenset({"DAGSTER_EVENT_BATCH_SIZE", "FRESHNESS_DAEMON_INTERVAL_SECONDS"})
_OTHERS = frozenset(
    {*_OF_THE_MACHINE, *_OF_DAGSTER, *PORTS, "INGRAM_TOOLS_DIR", "INGRAM_SUPERVISED_IN", ENV_DIR}
)


def load(settings: type[S], environment: Mapping[str, str] | None = None) -> S:
    """The settings of a class, from `environment` and nothing else; without it from this process's.

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
    told: dict[str, list[str]] = {}
    for settings in classes:
        given = _given(settings, environment)
        faults = []
        try:
            settings.model_validate(given)
        except ValidationError as error:
            faults = [_fault(details) for details in error.errors()]
        where = next((f".env.{name}" for name, cls in LOCATIONS.items() if cls is settings), ".env")
        told.setdefault(where, []).extend(faults + settings.missing(given))
    told.setdefault(".env", []).extend(proxies.faults(environment))
    if any(told.values()):
        raise SettingsError(
            " ".join(
                # What all classes share is told of once.
                f"{'; '.join(dict.fromkeys(faults))}. Set them in {where} (see {_example(where)}) or in the "
                "environment."
                for where, faults in told.items()
                if faults
            )
        )


def _example(name: str) -> str:
    """Where a person finds the example of a `.env` file: beside it in a checkout, else by its whole path."""
    example = shipped(f"{name}.example")
    return example.name if example.parent == env_dir() else str(example)


def _given(settings: type[_Settings], environment: Mapping[str, str]) -> dict[str, str]:
    given = {name: environment[name] for name in settings.model_fields if name in environment}
    given = {name: trimmed(name, value) if isinstance(value, str) else value for name, value in given.items()}
    return {name: value for name, value in given.items() if value}


def _fault(details: Any) -> str:
    # Never of details["input"]: it may be a secret, or all that was given.
    name = ".".join(str(part) for part in details["loc"])
    message = details["msg"].removeprefix("Value error, ")
    if details["type"] == "missing":
        return f"{name} is missing"
    return f"{name} is malformed: {message}" if name else message


def environment_of(location: str | None, folder: Path | None = None) -> dict[str, str]:
    """The whole environment a process of a code location gets: the machine's, the common and its own.

    Args:
        location: "scraper", "storefront" or "operations"; `None` for the web server and the daemon, which
            know Dagster's database alone.
        folder: of the `.env` files; default: `env_dir()`.

    Raises:
        SettingsError: a file can't be read, or a line of it.
    """
    folder = folder or env_dir()
    own = LOCATIONS[location].model_fields if location else {}
    wanted = {*_OF_THE_MACHINE, *_OF_DAGSTER, *CommonSettings.model_fields, *PaceSettings.model_fields, *own}
    files = (".env", f".env.{location}") if location else (".env",)
    given = {"INGRAM_STATE_DIR": str(folder / CommonSettings.model_fields["INGRAM_STATE_DIR"].default)}
    given |= {
        name: trimmed(name, value) if name in _READ_FROM else value
        for name, value in _written(folder, files).items()
        if name in wanted or name.startswith("INGRAM_PORT_")
    }
    return given


def environment_of_owner(folder: Path | None = None) -> dict[str, str]:
    """What a person's command may know that is no code location's: `.env`, and this process's environment.

    Raises:
        SettingsError: as for `environment_of`.
    """
    return _written(folder or env_dir(), (".env",))


def environment_of_machine() -> dict[str, str]:
    """This process's environment without any setting."""
    return {name: value for name, value in os.environ.items() if name in _OF_THE_MACHINE}


def port_settings(environment: Mapping[str, str]) -> dict[str, int]:
    """The ports that `INGRAM_PORT_…` fix, by what follows that in the setting's name; 0 is any free one.

    Raises:
        SettingsError: one is no port.
    """
    ports = {}
    for name in PORTS:
        if value := environment.get(name, "").strip():
            if not re.fullmatch(r"[0-9]{1,5}", value) or int(value) > 65_535:
                raise SettingsError(
                    f"{name} is malformed: a port is a whole number up to 65535, and 0 any free one. Set it "
                    "in .env or in the environment."
                )
            ports[name.removeprefix("INGRAM_PORT_")] = int(value)
    return ports


def _written(folder: Path, files: Iterable[str]) -> dict[str, str]:
    """What the files say, each over those before it, and this process's environment over all.

    A path in a file begins where the file lies, one of the environment where this process works: the
    processes that it starts work elsewhere, and all have to mean the same folder.
    """
    given: dict[str, str] = {}
    for name in files:
        given |= _with_whole_paths(
            {name: value for name, value in _file(folder / name).items() if value}, folder
        )
    exported = _with_whole_paths(_called(os.environ), Path.cwd())
    _hint("in the environment", [name for name in exported if name.partition("_")[0] in _BEGINNINGS], ".env")
    return given | exported


def _with_whole_paths(given: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The settings, with those that name a file or folder from `folder` on."""
    paths = {
        name: os.path.expanduser(given[name].strip())
        for name in ("DAGSTER_HOME", "INGRAM_STATE_DIR", "BROWSER_EXECUTABLE", "CATEGORIES_FILE")
        if given.get(name, "").strip()
    }
    # One of a user who is not there stays as it is: it is refused by its name later.
    whole = {
        name: path if path.startswith("~") else os.path.join(folder, path) for name, path in paths.items()
    }
    return dict(given) | whole


def _file(path: Path) -> dict[str, str]:
    """The settings of a `.env` file; none if it is not there."""
    try:
        with path.open("rb") as file:
            data, mode = file.read(), os.fstat(file.fileno()).st_mode
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{path} can't be read: {error.strerror}.") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        _warn(
            f"{path.name} holds secrets and other users of this machine may open it: chmod 600 "
            f"{shlex.quote(str(path))}"
        )
    try:
        found = read_env(data)
        settings = _called(found)
        if twice := [name for name, often in Counter(map(_capital, found)).items() if often > 1]:
            raise MalformedFile(f"{twice[0]} stands there in small letters, too: keep one of them")
    except MalformedFile as error:
        raise SettingsError(f"{path.name}: {error}. (See {_example(path.name)}.)") from None
    _hint(f"in {path.name}", settings, path.name)
    return settings


def _called(given: Mapping[str, str]) -> dict[str, str]:
    """By the settings' own names: one in small letters is taken, unless it is there in capitals, too."""
    return {
        _capital(name): value
        for name, value in given.items()
        if _capital(name) == name or _capital(name) not in given
    }


def _capital(name: str) -> str:
    """A setting's name in capitals; the name as it is where it is no setting's."""
    return name.upper() if name.upper() in _READ_FROM or name.upper() in PORTS else name


_BEGINNINGS = frozenset(name.partition("_")[0] for name in (*_READ_FROM, *PORTS))


def _hint(where: str, names: Iterable[str], file: str) -> None:
    """Warn of names that look like a setting's and are none, or are one that is not read from there."""
    for name in names:
        if name in _READ_FROM and file not in _READ_FROM[name]:
            _warn(f"{name} is not read {where}: it belongs in {_READ_FROM[name][-1]}.")
        if name in _READ_FROM or name in _OTHERS:
            continue
        if close := difflib.get_close_matches(name.upper(), [*_READ_FROM, *PORTS], 1, 0.85):
            _warn(f"{name} {where} is no setting and does nothing: is {close[0]} meant?")


@cache
def _warn(sentence: str) -> None:
    """Once in a process: a command reads its files several times."""
    log.warning(sentence)
