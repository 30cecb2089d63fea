"""Addresses as people write them: read by one grammar, before any program is given one.

Programs read a malformed address each in its own way, and quote it in their errors, password and all. So
every address is read here first, strictly: what two programs could read differently is refused. No error
quotes any part of an address.

The grammar is RFC 3986's. In a user or a password every sign is percent-encoded but letters, digits and
`-._~!$&'()*+,;=:`.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import unquote

_ADDRESS = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?]*)(?P<path>[^?]*)(?:\?(?P<query>.*))?"
)
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]*)(?::(?P<port>\d{1,5}))?")
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
_NOT_IN_AN_ADDRESS = re.compile(r"[^A-Za-z0-9\-._~!$&'()*+,;=:@/?%\[\]]")
_ENCODE = "in a user or password @ is written %40, : %3A, / %2F, ? %3F, # %23, % %25, a blank %20"

POSTGRESQL_OPTIONS = frozenset(
    (
        *("application_name", "channel_binding", "client_encoding", "connect_timeout", "dbname"),
        *("fallback_application_name", "gssdelegation", "gssencmode", "gsslib", "host", "hostaddr"),
        *("keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "krbsrvname"),
        *("load_balance_hosts", "options", "passfile", "password", "port", "require_auth", "requirepeer"),
        *("service", "ssl_max_protocol_version", "ssl_min_protocol_version", "sslcert", "sslcertmode"),
        *("sslcompression", "sslcrl", "sslcrldir", "sslkey", "sslmode", "sslnegotiation", "sslpassword"),
        *("sslrootcert", "sslsni", "target_session_attrs", "tcp_user_timeout", "user"),
    )
)
"""What PostgreSQL's client library knows behind the question mark:
postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS."""
_NUMBERS = re.compile(r"connect_timeout|keepalives(_count|_idle|_interval)?|port|tcp_user_timeout")
_TLS_MODES = frozenset(("disable", "allow", "prefer", "require", "verify-ca", "verify-full"))
_DRIVERS = re.compile(r"postgres(ql)?(\+[a-z0-9_]+)?://", re.IGNORECASE)

REDIS = ("rediss", "redis")
BROKERS = (*REDIS, "amqps", "amqp")
"""What the address of a broker begins with."""

CODE_SENDERS = ("ingramcontent.com", "ingrambook.com", "okta.com")
"""Domains, with their subdomains, whose mails may bring a code of iPage's, unless a setting names others."""


class MalformedAddress(ValueError):
    """The message says what is wrong and how it is written; it quotes nothing of the address."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address's parts: user and password decoded, path and query as they are written."""

    scheme: str
    user: str | None
    password: str | None = field(repr=False)
    host: str
    port: int | None
    path: str
    query: str = field(repr=False)


def read_address(text: str, schemes: Collection[str]) -> Address:
    """The parts of an address that begins with one of the schemes.

    Raises:
        MalformedAddress: another scheme, a blank, a port that is none, or a sign that is not encoded.
    """
    like = " or ".join(f"{scheme}://" for scheme in schemes)
    match = _ADDRESS.fullmatch(text)
    if match is None or match["scheme"].lower() not in schemes:
        if re.search(r"\s", text.strip()):
            raise MalformedAddress(f"an address begins with {like} and has no blank in it")
        raise MalformedAddress(f"an address begins with {like}")
    if re.search(r"\s", text):
        raise MalformedAddress(f"an address has no blank in it ({_ENCODE})")
    if found := _NOT_IN_AN_ADDRESS.search(text):
        what = "a #" if found[0] == "#" else "a sign that no address has"
        raise MalformedAddress(f"there is {what} in it ({_ENCODE})")
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise MalformedAddress(f"a % in it is followed by no two digits of a sign's code ({_ENCODE})")
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise MalformedAddress("what is percent-encoded in it is not UTF-8") from None
    if "\0" in decoded:
        raise MalformedAddress("%00 in it stands for no sign that can be meant")
    user, at, host = match["authority"].rpartition("@")
    # Behind the host there is no @ but that of a user whose password has a / or ? as it is.
    if re.search(r"[@\[\]]", user) or "@" in match["path"] or "@" in (match["query"] or ""):
        raise MalformedAddress(f"a sign in the user or password is not percent-encoded ({_ENCODE})")
    place = _HOST.fullmatch(host)
    if place is None or (place["port"] is not None and not 0 < int(place["port"]) < 65_536):
        raise MalformedAddress(f"its port is no number from 1 to 65535, or a sign is not encoded ({_ENCODE})")
    name, colon, password = user.partition(":")
    return Address(
        match["scheme"].lower(),
        unquote(name) if at else None,
        unquote(password) if colon else None,
        place["host"],
        int(place["port"]) if place["port"] else None,
        match["path"],
        match["query"] or "",
    )


def web_address(text: str) -> str:
    """An http or https address of a server, without the slash at its end.

    Raises:
        MalformedAddress: it is none, or has a user or a query, which belong to a page and not to a server.
    """
    address = read_address(text, ("https", "http"))
    _check_host(address.host)
    if address.user is not None:
        raise MalformedAddress("it has a user or password in it, which has a setting of its own")
    if "?" in text:
        raise MalformedAddress("it is a server's address, without what follows a ? in a page's")
    return f"{address.scheme}://{text.partition('://')[2]}".rstrip("/")


def database_address(text: str) -> str:
    """A PostgreSQL address as `postgresql://…`, which all drivers here read alike.

    Raises:
        MalformedAddress: it is none, or one of them could not read it.
    """
    if not _DRIVERS.match(text):
        raise MalformedAddress(
            "a PostgreSQL address begins with postgresql://, as in postgresql://user:password@host:5432/name"
        )
    text = f"postgresql://{text.partition('://')[2]}"
    # Several hosts are tried in turn. Each has a port of its own, so one at a time is looked at.
    hosts = re.match(r"(postgresql://(?:[^/?@]*@)?)([^/?@]*)(.*)", text, re.DOTALL)
    for host in hosts[2].split(",") if hosts else [""]:
        one = f"{hosts[1]}{host}{hosts[3]}" if hosts else text
        address = read_address(one, ("postgresql",))
        if address.host and not address.host.upper().startswith("%2F"):  # a socket's folder
            _check_host(address.host)
        if "/" in unquote(address.path[1:]):
            raise MalformedAddress(
                f"behind the host stands one name, the database's; or a sign is not encoded ({_ENCODE})"
            )
        _check_options(address.query)
    return text


def _check_options(query: str) -> None:
    options = list(filter(None, query.split("&")))
    often = Counter(one.partition("=")[0] for one in options)
    if twice := [name for name, times in often.items() if times > 1]:
        raise MalformedAddress(f"its option {twice[0][:20]} stands there twice")
    for option in options:
        name, equals, value = option.partition("=")
        if not equals or "=" in value or name not in POSTGRESQL_OPTIONS:
            raise MalformedAddress(
                "what follows the ? is no option of PostgreSQL's, as sslmode=require is; or a sign is not "
                f"encoded ({_ENCODE})"
            )
        if _NUMBERS.fullmatch(name) and not re.fullmatch(r"-?\d{1,9}", value):
            raise MalformedAddress(f"its option {name} is no whole number")
        if name == "sslmode" and value not in _TLS_MODES:
            raise MalformedAddress(f"its sslmode is none of {', '.join(sorted(_TLS_MODES))}")


def mailbox_address(text: str) -> str:
    """A mailbox over IMAP, `imaps://user:password@host:993/INBOX`; without TLS on this machine only.

    Raises MalformedAddress: it is none.
    """
    like = f"a mailbox is imaps://user:password@host:993/INBOX, both percent-encoded ({_ENCODE})"
    try:
        address = read_address(text, ("imaps", "imap"))
        _check_host(address.host)
    except MalformedAddress as error:
        raise MalformedAddress(f"{error}; {like}") from None
    if not address.user or not address.password or address.query:
        raise MalformedAddress(like)
    if address.scheme == "imap" and not is_this_machine(address.host):
        raise MalformedAddress("imap:// would send the mailbox's password unencrypted: write imaps://")
    return text


def browser_address(text: str) -> str:
    """Where a browser that runs already is spoken to (CDP), with its key in the query.

    Raises MalformedAddress: it is none.
    """
    address = read_address(text, ("wss", "ws", "https", "http"))
    _check_host(address.host)
    return text


def broker_address(text: str) -> str:
    """A broker of Celery's: Redis, `rediss://:password@host:6379/0`, or RabbitMQ, `amqps://user:password@host/`.

    Raises MalformedAddress: it is none.
    """
    return _address_of_messages(text, BROKERS)


def result_backend_address(text: str) -> str:
    """Where Celery keeps results: a Redis, `rediss://:password@host:6379/1`.

    Raises MalformedAddress: it is none.
    """
    return _address_of_messages(text, REDIS)


def _address_of_messages(text: str, schemes: Collection[str]) -> str:
    address = read_address(text, schemes)
    _check_host(address.host)
    if address.query:
        raise MalformedAddress("it has a ? in it: no options follow such an address")
    name = address.path.removeprefix("/")
    if address.scheme in REDIS and not re.fullmatch(r"[0-9]{0,4}", name):
        raise MalformedAddress("behind the host of a Redis stands the number of its database, as /0")
    if "/" in name:
        raise MalformedAddress(f"behind the host stands one name; a / in it is written %2F ({_ENCODE})")
    return f"{address.scheme}://{text.partition('://')[2]}"


def is_in_the_clear(text: str) -> bool:
    """Whether what is sent to this well-formed address passes a network, and that unencrypted."""
    address = read_address(text, ("http", "https", "ws", "wss", *BROKERS))
    return address.scheme in ("http", "ws", "redis", "amqp") and not is_this_machine(address.host)


def is_this_machine(host: str) -> bool:
    """Whether a host is the machine that asks: nothing on the way can listen, and no proxy leads there."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _check_host(host: str) -> None:
    if host.startswith("["):
        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            raise MalformedAddress("its host in brackets is no IPv6 address") from None
        return
    if re.fullmatch(r"[\d.]+", host):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            raise MalformedAddress("its host is no IPv4 address") from None
        return
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise MalformedAddress("it has no host, or one with a sign that no host's name has")
