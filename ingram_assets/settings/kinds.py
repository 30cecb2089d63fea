"""The kinds of values that settings have, and what each is checked for before anything starts.

A value is taken as it is meant, or refused by a sentence that shows nothing of it.
"""

import os
import re
import types
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationInfo

from ingram_assets.domain import cookies
from ingram_assets.domain.addresses import (
    browser_address,
    database_address,
    is_in_the_clear,
    mailbox_address,
    web_address,
)

_SPELT = frozenset(("true", "false", "yes", "no", "on", "off", "1", "0"))


def as_written(value: str, name: str, annotation: Any) -> str:
    """What a person wrote, checked for its kind before pydantic reads it.

    That would take 1.000 for 1, and NaN for a number.

    Raises:
        ValueError: it can't be meant so.
    """
    kinds = list(_kinds(annotation))
    if sign := _unseen(value, name):
        raise ValueError(f"it has a sign in it that is not seen or not text ({sign}): type it anew")
    if int in kinds and not re.fullmatch(r"[+-]?[0-9]{1,9}", value):
        raise ValueError("it is a whole number of at most nine digits and nothing else, as 1500")
    if float in kinds and not re.fullmatch(r"[+-]?([0-9]{1,9}(\.[0-9]*)?|\.[0-9]+)", value):
        raise ValueError("it is a number with a point and nothing else, as 0.3")
    if bool in kinds and value.lower() not in _SPELT:
        raise ValueError("it is true or false")
    if Path in kinds:
        _check_path(value)
    if str in kinds and "${" in value:
        raise ValueError("nothing is filled in for ${…}: write what it stands for")
    choices = [choice for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)]
    return next((choice for choice in choices if choice.lower() == value.lower()), value)


def trimmed(name: str, value: str) -> str:
    """A setting without what is at its ends by accident: blanks, and the line's end of another system."""
    return value.rstrip("\r\n") if _keeps_blanks(name) else value.strip()


def _keeps_blanks(name: str) -> bool:
    """Whether a blank at the end of a setting may be meant: somebody's password may have one."""
    return name.endswith("_PASSWORD")


def _kinds(annotation: Any) -> Iterator[Any]:
    """The types that an annotation names, those of a union and of its `Annotated` among them."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _kinds(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for one in get_args(annotation):
            yield from _kinds(one)
    else:
        yield annotation


def _unseen(value: str, name: str) -> str | None:
    """The first sign that nobody typed on purpose: it came along from a page, a mail or another encoding."""
    for sign in value:
        kind = unicodedata.category(sign)
        # Cookies are pasted as tables, too: a tab and a new line mean something there.
        hidden = kind in ("Cc", "Cf", "Co", "Zl", "Zp") and name != "IPAGE_SESSION_COOKIE"
        wide = kind == "Zs" and sign != " " and not _keeps_blanks(name)
        if kind == "Cs" or hidden or wide:
            return f"U+{ord(sign):04X}"
    return None


def _check_path(value: str) -> None:
    if re.search(r"\$[A-Za-z_{]", value):
        raise ValueError("nothing is filled in for $NAME in a path: write it out (~ is your home)")
    try:
        Path(value).expanduser()
    except RuntimeError:
        raise ValueError("there is no such user's home: write the path out") from None


# -- addresses -------------------------------------------------------------------------------------------


def _encrypted(address: str, info: ValidationInfo) -> str:
    # ALLOW_PLAIN_HTTP is of the base class: it is validated before all others.
    if is_in_the_clear(address) and not info.data.get("ALLOW_PLAIN_HTTP"):
        secure = "wss" if address.lower().startswith("ws") else "https"
        raise ValueError(
            f"what is sent there passes the network unencrypted: write {secure}://, or set "
            "ALLOW_PLAIN_HTTP=true if that network is yours alone"
        )
    return address


def _server(value: str, info: ValidationInfo) -> str:
    return _encrypted(web_address(value), info)


def _origin(value: str) -> str:
    if urlsplit(value).path:
        raise ValueError("it is the site's address alone, without a page's path, as https://site.example")
    return value


def _store(value: str) -> str:
    if urlsplit(value).path.rpartition("/")[2] in ("app", "admin", "store", "auth"):
        raise ValueError("it is the server's address: leave out /app, where its pages are")
    return value


def _database(value: SecretStr) -> SecretStr:
    return SecretStr(database_address(value.get_secret_value()))


def _mailbox(value: SecretStr) -> SecretStr:
    return SecretStr(mailbox_address(value.get_secret_value()))


def _browser(value: SecretStr, info: ValidationInfo) -> SecretStr:
    return SecretStr(_encrypted(browser_address(value.get_secret_value()), info))


def _targets(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
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


# -- lists, keys, names ----------------------------------------------------------------------------------


def _pieces(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(piece.strip() for piece in value.split(",") if piece.strip())
    return value


def _waits(value: Any) -> Any:
    pieces = _pieces(value)
    if isinstance(value, str) and not all(re.fullmatch(r"[0-9]{1,9}", piece) for piece in pieces):
        raise ValueError("it is whole seconds, separated by commas, as 300,900")
    return pieces


def _senders(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    senders = tuple(one.lower().lstrip("*.@") for one in _pieces(value))
    form = re.compile(r"(?:[^\s@]+@)?[a-z0-9-]+(\.[a-z0-9-]+)+")
    if not senders or not all(form.fullmatch(one) for one in senders):
        raise ValueError("domains or addresses, comma separated: ingramcontent.com,no-reply@okta.com")
    return senders


def _base32(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[A-Za-z2-7]{16,}=*", re.sub(r"[\s-]", "", value.get_secret_value())):
        raise ValueError("an authenticator's secret is 16 or more letters and digits from 2 to 7")
    return value


def _cookies(value: SecretStr) -> SecretStr:
    cookies.read_pasted(value.get_secret_value())
    return value


def _key(value: SecretStr) -> SecretStr:
    key = value.get_secret_value()
    if " " in key:
        raise ValueError("a key has no blank in it: copy it anew")
    if not key.isascii():
        raise ValueError("a key has no letter beyond A to Z in it: copy it anew")
    return value


def _secret_key(value: SecretStr) -> SecretStr:
    if value.get_secret_value().startswith("pk_"):
        raise ValueError("that is a publishable key: what is wanted is a secret one, which begins with sk_")
    return value


def _bucket(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", value) or ".." in value:
        raise ValueError("a bucket's name is 3 to 63 small letters, digits and hyphens")
    return value


def _saved_search(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}|/[!-~]+", value):
        raise ValueError(
            "it is the saved search's number, as 1234567, or its Download link's path, which begins with /"
        )
    return value


def _is_a_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except Exception:
        raise ValueError("no such time zone; an example is America/Chicago") from None
    return value


def _is_a_file(value: Path) -> Path:
    if not value.expanduser().is_file():
        raise ValueError(f"there is no file {value}")
    return value.expanduser()


def _is_a_program(value: Path) -> Path:
    if not os.access(value, os.X_OK):
        raise ValueError(f"{value} is no program that may be started")
    return value


PageUrl = Annotated[str, AfterValidator(web_address)]
"""Where people look at something: nothing is sent there."""
HttpUrl = Annotated[str, AfterValidator(_server)]
SiteUrl = Annotated[HttpUrl, AfterValidator(_origin)]
StoreUrl = Annotated[HttpUrl, AfterValidator(_store)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]
MailboxUrl = Annotated[SecretStr, AfterValidator(_mailbox)]
BrowserUrl = Annotated[SecretStr, AfterValidator(_browser)]
AlertUrls = Annotated[tuple[SecretStr, ...], BeforeValidator(_pieces), AfterValidator(_targets)]
Waits = Annotated[tuple[int, ...], BeforeValidator(_waits)]
"""Seconds, the first first."""
Senders = Annotated[tuple[str, ...], BeforeValidator(_senders)]
"""Whose mails count: domains, with what is below them, or addresses."""
Base32 = Annotated[SecretStr, AfterValidator(_base32)]
Key = Annotated[SecretStr, AfterValidator(_key)]
SecretKey = Annotated[Key, AfterValidator(_secret_key)]
Cookies = Annotated[SecretStr, AfterValidator(_cookies)]
"""In whatever form a browser gives them out."""
BucketName = Annotated[str, AfterValidator(_bucket)]
SavedSearch = Annotated[str, AfterValidator(_saved_search)]
TimeZone = Annotated[str, AfterValidator(_is_a_zone)]
ExistingFile = Annotated[Path, AfterValidator(_is_a_file)]
Program = Annotated[ExistingFile, AfterValidator(_is_a_program)]
