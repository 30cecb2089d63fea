"""The kinds of values that settings have, and what each is checked for before anything starts.

A value is taken as it is meant, or refused by a sentence that shows nothing of it. Left to itself, pydantic
would take 1.000 for 1, and NaN for a number.
"""

import base64
import ipaddress
import os
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo

from ingram_assets.domain import cookies, saved_searches
from ingram_assets.domain.addresses import (
    broker_address,
    browser_address,
    database_address,
    is_in_the_clear,
    mailbox_address,
    read_address,
    result_backend_address,
    web_address,
)
from ingram_assets.domain.quiet_hours import QuietHours
from ingram_assets.domain.restrictions import Restriction
from ingram_assets.domain.site_file import LARGEST, parse_site_file
from ingram_assets.named_files import read_named


def trimmed(name: str, value: str) -> str:
    """A setting without what is at its ends by accident: blanks, and the line's end of another system."""
    return value.rstrip("\r\n") if _keeps_blanks(name) else value.strip()


def hidden_character(value: str, name: str) -> str | None:
    """The first character that nobody typed on purpose: it came from a page, a mail or another encoding."""
    for character in value:
        kind = unicodedata.category(character)
        # Cookies are pasted as tables, too: a tab and a new line mean something there.
        hidden = kind in ("Cc", "Cf", "Co", "Zl", "Zp") and name != "IPAGE_SESSION_COOKIE"
        wide = kind == "Zs" and character != " " and not _keeps_blanks(name)
        if kind == "Cs" or hidden or wide:
            return f"U+{ord(character):04X}"
    return None


def _keeps_blanks(name: str) -> bool:
    """Whether a blank at the end of a setting may be meant: somebody's password may have one."""
    return name.endswith("_PASSWORD")


def _like(pattern: str, sentence: str) -> Callable[[Any], Any]:
    """A check that refuses text of another form with the sentence."""

    def check(value: Any) -> Any:
        if isinstance(value, str) and not re.fullmatch(pattern, value):
            raise ValueError(sentence)
        return value

    return check


def _secretly(check: Callable[[str], str]) -> Callable[[SecretStr], SecretStr]:
    """The check, of a secret's text."""
    return lambda value: SecretStr(check(value.get_secret_value()))


# -- text, numbers, choices ------------------------------------------------------------------------------

_WHOLE = "it has to be a whole number of at most nine digits and nothing else, as 1500"
_NUMBER = "it has to be a number with a point and nothing else, as 0.3"

_NOT_FILLED_IN = "nothing is filled in for ${…}: write what it stands for"

Text = Annotated[str, BeforeValidator(_like(r"(?s)(?!.*\$\{).*", _NOT_FILLED_IN))]
Whole = Annotated[int, BeforeValidator(_like(r"[+-]?[0-9]{1,9}", _WHOLE))]
Number = Annotated[float, BeforeValidator(_like(r"[+-]?([0-9]{1,9}(\.[0-9]*)?|\.[0-9]+)", _NUMBER))]
Share = Annotated[Number, Field(ge=0, le=1)]
"""A fraction of 1."""
YesNo = Annotated[
    bool, BeforeValidator(_like(r"(?i)true|false|yes|no|on|off|1|0", "it has to be true or false"))
]
ANY_CASE = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)
"""For one of a few words, each in small letters."""

# -- addresses -------------------------------------------------------------------------------------------


_SECURE = {"http": "https", "ws": "wss", "redis": "rediss", "amqp": "amqps"}


def _encrypted(address: str, info: ValidationInfo) -> str:
    # ALLOW_PLAIN_HTTP is of the base class: it is validated before all others.
    if is_in_the_clear(address) and not info.data.get("ALLOW_PLAIN_HTTP"):
        secure = _SECURE[address.partition("://")[0].lower()]
        raise ValueError(
            f"what is sent there passes the network unencrypted: write {secure}://, or set "
            "ALLOW_PLAIN_HTTP=true if that network is yours alone"
        )
    return address


def _server(value: str, info: ValidationInfo) -> str:
    return _encrypted(web_address(value), info)


def _browser(value: SecretStr, info: ValidationInfo) -> SecretStr:
    return SecretStr(_encrypted(browser_address(value.get_secret_value()), info))


def _broker(value: SecretStr, info: ValidationInfo) -> SecretStr:
    return SecretStr(_encrypted(broker_address(value.get_secret_value()), info))


def _result_backend(value: SecretStr, info: ValidationInfo) -> SecretStr:
    return SecretStr(_encrypted(result_backend_address(value.get_secret_value()), info))


def _heartbeat(value: SecretStr, info: ValidationInfo) -> SecretStr:
    address = value.get_secret_value()
    server, mark, query = address.partition("?")
    read_address(address, ("https", "http"))
    return SecretStr(_encrypted(web_address(server) + mark + query, info))


def _quiet_hours(given: object) -> object:
    return QuietHours.parse(given) if isinstance(given, str) else given


def _alert_targets(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    before = ""
    for each in value:
        piece = each.get_secret_value()
        # The options of an address may hold commas: what follows one is no address then.
        if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", piece) and ("://" in piece or "?" not in before):
            raise ValueError("an address of Apprise's is like mailtos://user:password@mail.example.com")
        if re.search(r"\s[A-Za-z][A-Za-z0-9+.-]*://", piece):
            raise ValueError("several addresses are separated by commas")
        before = piece if "://" in piece else before
    return value


def _restrictions(given: object) -> object:
    if not isinstance(given, str):
        return given
    names = {piece.strip().lower() for piece in given.split(",")} - {"", "none"}
    if names - set(Restriction):
        raise ValueError(f"write any of {', '.join(Restriction)}, parted by commas, or none")
    return frozenset(map(Restriction, names))


def _pieces(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(piece.strip() for piece in value.split(",") if piece.strip())


_SITE = "it has to be the site's address alone, without a page's path, as https://site.example"
_STORE = "it has to be the server's address: leave out /app, where its pages are"

PageUrl = Annotated[Text, AfterValidator(web_address)]
"""Where people look at something: nothing is sent there."""
HttpUrl = Annotated[Text, AfterValidator(_server)]
SiteUrl = Annotated[HttpUrl, AfterValidator(_like(r"[^/]+//[^/]*", _SITE))]
StoreUrl = Annotated[
    HttpUrl, AfterValidator(_like(r"[^/]+//[^/]*(?!.*/(?:app|admin|store|auth)$).*", _STORE))
]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_secretly(database_address))]
MailboxUrl = Annotated[SecretStr, AfterValidator(_secretly(mailbox_address))]
BrokerUrl = Annotated[SecretStr, AfterValidator(_broker)]
ResultBackendUrl = Annotated[SecretStr, AfterValidator(_result_backend)]
BrowserUrl = Annotated[SecretStr, AfterValidator(_browser)]
HeartbeatUrl = Annotated[SecretStr, AfterValidator(_heartbeat)]
"""An address that opens something by itself: whoever knows it can use it."""
QuietTimes = Annotated[QuietHours, BeforeValidator(_quiet_hours)]
"""Two times of the day, as 22:00-07:00."""
AlertUrls = Annotated[tuple[SecretStr, ...], BeforeValidator(_pieces), AfterValidator(_alert_targets)]

# -- lists, keys, names ----------------------------------------------------------------------------------

_WAITS = "it has to be whole seconds, separated by commas, as 300,900"
_BASE32 = "an authenticator's secret is 16 or more letters and digits from 2 to 7"
_BUCKET = "a bucket's name is 3 to 63 small letters, digits and hyphens"
_FERNET_BYTES = 32
_FERNET = "a key is 44 letters and digits, as `ingram session-key` makes it; several are parted by commas"
_PUBLISHABLE = "that is a publishable key: what is wanted is a secret one, which begins with sk_"


def _search(value: str, info: ValidationInfo) -> str:
    return saved_searches.named_search(value, info.data.get("IPAGE_BASE_URL"))


def _senders(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    senders = tuple(one.lower().lstrip("*.@") for one in _pieces(value))
    form = re.compile(r"(?:[^\s@]+@)?[a-z0-9-]+(\.[a-z0-9-]+)+")
    if not senders or not all(form.fullmatch(one) for one in senders):
        raise ValueError("domains or addresses, comma separated: ingramcontent.com,no-reply@okta.com")
    return senders


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(one)).removesuffix("/32").removesuffix("/128") for one in value)
    except ValueError:
        raise ValueError("addresses or networks, comma separated: 10.0.0.7,172.16.0.0/12") from None


def _pasted_cookies(value: str) -> str:
    cookies.read_pasted(value)
    return value


def _fernet_keys(value: str) -> str:
    # As `cryptography` looks at a key. Loading it takes 5 MB, in processes that open no session.
    try:
        sizes = {len(base64.urlsafe_b64decode(key.strip())) for key in value.split(",")}
    except ValueError:
        raise ValueError(_FERNET) from None
    if sizes != {_FERNET_BYTES}:
        raise ValueError(_FERNET)
    return value


def _is_a_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except Exception:
        raise ValueError("no such time zone; an example is America/Chicago") from None
    return value


def _written_out(value: Any) -> Any:
    if isinstance(value, str):
        if re.search(r"\$[A-Za-z_{]", value):
            raise ValueError("nothing is filled in for $NAME in a path: write it out (~ is your home)")
        try:
            Path(value).expanduser()
        except RuntimeError:
            raise ValueError("there is no such user's home: write the path out") from None
    return value


class WrongInFile(ValueError):
    """A setting names a file, and what is wrong is the file: `path`, where a person mends it."""

    def __init__(self, path: Path, fault: str) -> None:
        super().__init__(fault)
        self.path = path


def _is_a_file(value: Path) -> Path:
    if not value.expanduser().is_file():
        raise ValueError(f"there is no file {value}")
    return value.expanduser()


def _says_what_the_site_is(value: Path, info: ValidationInfo) -> Path:
    value = value.expanduser()
    if not os.path.lexists(value):
        raise ValueError(f"there is no file {value}")
    try:
        parse_site_file(read_named(value, LARGEST), info.data.get("IPAGE_BASE_URL"))
    except FileNotFoundError:
        raise WrongInFile(value, f"{value.name} is a link to a file that is not there") from None
    except OSError as error:
        raise WrongInFile(value, f"{value.name} can't be read ({error.strerror})") from None
    except ValueError as error:
        raise WrongInFile(value, f"in {value.name}, {error}") from None
    return value


def _is_a_program(value: Path) -> Path:
    if not os.access(value, os.X_OK):
        raise ValueError(f"{value} is no program that may be started")
    return value


Waits = Annotated[
    tuple[int, ...], BeforeValidator(_pieces), BeforeValidator(_like(r"(\s*([0-9]{1,9})?\s*(,|$))*", _WAITS))
]
"""Seconds, the first first."""
Networks = Annotated[tuple[str, ...], BeforeValidator(_pieces), AfterValidator(_networks)]
"""Addresses, and networks as 10.0.0.0/8."""
RestrictionList = Annotated[frozenset[Restriction], BeforeValidator(_restrictions)]
"""Any of the restrictions that a page may name, parted by commas; or none."""
Senders = Annotated[tuple[str, ...], BeforeValidator(_senders)]
"""Whose mails count: domains, with what is below them, or addresses."""
Base32 = Annotated[SecretStr, BeforeValidator(_like(r"[\s-]*([A-Za-z2-7][\s-]*){16,}(=[\s-]*)*", _BASE32))]
Key = Annotated[
    SecretStr,
    BeforeValidator(_like(r"[^ ]*", "a key has no blank in it: copy it anew")),
    BeforeValidator(_like(r"[\x00-\x7f]*", "a key has no letter beyond A to Z in it: copy it anew")),
]
SecretKey = Annotated[Key, BeforeValidator(_like(r"(?!pk_).*", _PUBLISHABLE))]
Cookies = Annotated[SecretStr, AfterValidator(_secretly(_pasted_cookies))]
"""In whatever form a browser gives them out."""
SessionKeys = Annotated[SecretStr, AfterValidator(_secretly(_fernet_keys))]
"""Keys of Fernet's, parted by commas: the first encrypts, all decrypt."""
BucketName = Annotated[Text, AfterValidator(_like(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", _BUCKET))]
SearchName = Annotated[Text, AfterValidator(_search)]
"""A saved search's number, or the path of an address of the site."""
TimeZone = Annotated[Text, AfterValidator(_is_a_zone)]
FolderPath = Annotated[Path, BeforeValidator(_written_out)]
ExistingFile = Annotated[FolderPath, AfterValidator(_is_a_file)]
Program = Annotated[ExistingFile, AfterValidator(_is_a_program)]
SiteFile = Annotated[FolderPath, AfterValidator(_says_what_the_site_is)]
"""What a shop knows of the site, beside what comes with the program."""
