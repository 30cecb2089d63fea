"""Addresses: what two programs could read differently is refused, and no error quotes a part of one."""

from urllib.parse import quote, urlsplit

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.engine import make_url

from ingram_assets.domain.addresses import (
    POSTGRESQL_OPTIONS,
    MalformedAddress,
    browser_address,
    database_address,
    is_in_the_clear,
    is_this_machine,
    mailbox_address,
    web_address,
)

SECRET = "Tr0ub4dor"
SIGNS = "%@:/#?&\" '[]+=;,!$()*~\\^{}|<>é"
READERS = {
    "postgresql": database_address,
    "imaps": mailbox_address,
    "wss": browser_address,
    "https": web_address,
}


@pytest.mark.parametrize("sign", [*SIGNS, SIGNS])
def test_an_encoded_password_is_the_same_to_all_who_read_it(sign: str) -> None:
    password = f"{SECRET}{sign}3{sign}"
    url = f"postgresql://{quote(password, safe='')}:{quote(password, safe='')}@db.example:5433/q"
    for reader in (database_address(url), database_address(url.replace("postgresql", "postgres"))):
        libpq, alchemy = conninfo_to_dict(reader), make_url(reader)
        assert (libpq["user"], libpq["password"]) == (password, password)
        assert (alchemy.username, alchemy.password, alchemy.host, alchemy.port) == (
            *(password, password),
            *("db.example", 5433),
        )


@pytest.mark.parametrize("scheme", READERS)
@pytest.mark.parametrize(
    "sign", [*'%@/#?" []\\^{}|<>é\n\t\0', "%zz", "%%", "p@ss@", "%00", "%ff", "12/34", "1?x", "1#x", "[1]"]
)
def test_a_sign_that_is_not_encoded_is_refused(scheme: str, sign: str) -> None:
    for password in (f"{SECRET}{sign}3", f"{sign}{SECRET}", f"{SECRET}{sign}"):
        with pytest.raises(MalformedAddress) as told:
            READERS[scheme](f"{scheme}://user:{password}@host.example:99/name")
        assert SECRET not in str(told.value)
        assert told.value.__cause__ is None


@pytest.mark.parametrize("sign", "-._~!$&'()*+,;=:")
def test_what_needs_no_encoding_is_taken_as_it_is(sign: str) -> None:
    url = f"postgresql://u:{SECRET}{sign}3@db.example/q"
    read = database_address(url)
    assert conninfo_to_dict(read)["password"] == make_url(read).password == f"{SECRET}{sign}3"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("postgres://u:p@h/q", "postgresql://u:p@h/q"),
        ("POSTGRESQL://u:p@h/q", "postgresql://u:p@h/q"),
        ("postgresql+psycopg://u:p@h/q", "postgresql://u:p@h/q"),
        ("postgres+psycopg2://u:p@h/q", "postgresql://u:p@h/q"),
        ("postgresql://u@h/q", "postgresql://u@h/q"),
        ("postgresql://u:p@[::1]:5432/q?sslmode=require&connect_timeout=5", None),
        ("postgresql://u:p@127.0.0.1/q?options=-c%20statement_timeout%3D5000", None),
        ("postgresql:///q?host=/var/run/postgresql", None),
        ("postgresql://u:p@one.example:5432,two.example:5433/q", None),
        ("postgresql://u:p@%2Fvar%2Frun/q", None),
    ],
)
def test_a_database_s_address(written: str, read: str | None) -> None:
    assert database_address(written) == (read or written)
    conninfo_to_dict(database_address(written))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "db.example/q",
        f"host=db.example password={SECRET}",
        f"mysql://u:{SECRET}@h/q",
        f"postgresql:/u:{SECRET}@h/q",
        f"postgresql//u:{SECRET}@h/q",
        f"postgresql://u:{SECRET}@h:port/q",
        f"postgresql://u:{SECRET}@h:/q",
        f"postgresql://u:{SECRET}@h:0/q",
        f"postgresql://u:{SECRET}@h:65536/q",
        f"postgresql://u:{SECRET}@h:54 32/q",
        f"postgresql://u:{SECRET}@h:5432:5432/q",
        f"postgresql://u:{SECRET}@/h/q",
        f"postgresql://u:{SECRET}@h,:x/q",
        f"postgresql://u:{SECRET}@300.1.1.1/q",
        f"postgresql://u:{SECRET}@[::zz]/q",
        f"postgresql://u:{SECRET}@[::1/q",
        f"postgresql://u:{SECRET}@h_-/q",
        f"postgresql://u:{SECRET}@h/q/{SECRET}",
        f"postgresql://u:{SECRET}@h/q?{SECRET}",
        f"postgresql://u:{SECRET}@h/q?sslmod=require",
        f"postgresql://u:{SECRET}@h/q?sslmode=on",
        f"postgresql://u:{SECRET}@h/q?schema=public",
        f"postgresql://u:{SECRET}@h/q?connect_timeout=5s",
        f"postgresql://u:{SECRET}@h/q?sslmode=require=x",
        f"postgresql://u:{SECRET}@h/q#x",
    ],
)
def test_what_is_no_database_s_address(url: str) -> None:
    with pytest.raises(MalformedAddress) as told:
        database_address(url)
    assert SECRET not in str(told.value)


def test_the_options_are_postgresql_s_own() -> None:
    assert {known.keyword.decode() for known in psycopg.pq.Conninfo.get_defaults()} >= POSTGRESQL_OPTIONS


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://store.example", None),
        ("https://store.example/", "https://store.example"),
        ("HTTPS://Store.Example:8443//", "https://Store.Example:8443"),
        ("http://127.0.0.1:9000", None),
        ("http://[::1]:9000/medusa/", "http://[::1]:9000/medusa"),
        ("https://store.example.", None),
        ("https://xn--bcher-kva.example", None),
    ],
)
def test_a_server_s_address(written: str, read: str | None) -> None:
    assert web_address(written) == (read or written)


@pytest.mark.parametrize(
    "url",
    [
        *("store.example", "https:/store.example", "https//store.example", "https://", "https:///app"),
        *("https://:9", ""),
        *(
            "ftp://store.example",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "https://https://store.example",
        ),
        *(
            "https://store .example",
            "https://store.example /x",
            "https://store.example:x",
            "https://-a.example",
        ),
        *("https://store.example?x=1", "https://store.example#x", "https://store..example", "https://a,b"),
        f"https://user:{SECRET}@store.example",
    ],
)
def test_what_is_no_server_s_address(url: str) -> None:
    with pytest.raises(MalformedAddress) as told:
        web_address(url)
    assert SECRET not in str(told.value)


@pytest.mark.parametrize("sign", SIGNS)
def test_a_mailbox_and_a_browser_with_any_password(sign: str) -> None:
    password = quote(f"{SECRET}{sign}", safe="")
    url = f"imaps://shop%40bookstore.example:{password}@mail.example:993/INBOX"
    assert urlsplit(mailbox_address(url)).password == password
    url = f"wss://connect.example?apiKey={password}"
    assert browser_address(url) == url


@pytest.mark.parametrize(
    "url",
    [
        *("imaps://mail.example/INBOX", "imaps://user@mail.example/INBOX", "imaps://:p@mail.example"),
        *(
            "imaps://u:p@mail.example:abc/INBOX",
            "imaps://u:p@/INBOX",
            "imaps://s@b.example:p@mail.example/INBOX",
        ),
        *("pop3://u:p@mail.example", "https://u:p@mail.example", "imaps://u:p@mail.example/INBOX?x"),
        "imap://u:p@mail.example/INBOX",
    ],
)
def test_what_is_no_mailbox_s_address(url: str) -> None:
    with pytest.raises(MalformedAddress):
        mailbox_address(url)


def test_a_mailbox_without_tls_is_this_machine_s() -> None:
    assert mailbox_address("imap://u:p@127.0.0.1:143/INBOX")
    with pytest.raises(MalformedAddress, match="unencrypted"):
        mailbox_address("imap://u:p@10.0.0.1:143/INBOX")


@pytest.mark.parametrize(
    ("host", "is_this"),
    [
        *(
            ("127.0.0.1", True),
            ("127.8.9.1", True),
            ("localhost", True),
            ("LOCALHOST.", True),
            ("[::1]", True),
        ),
        *(("shop.localhost", True), ("10.0.0.1", False), ("192.168.1.1", False), ("store.example", False)),
        *(("localhost.example", False), ("127.0.0.1.example", False), ("0.0.0.0", False), ("", False)),
    ],
)
def test_this_machine(host: str, is_this: bool) -> None:
    assert is_this_machine(host) is is_this
    if host:
        assert is_in_the_clear(f"http://{host}:80") is not is_this
        assert is_in_the_clear(f"ws://{host}") is not is_this
        assert not is_in_the_clear(f"https://{host}")
        assert not is_in_the_clear(f"wss://{host}")
