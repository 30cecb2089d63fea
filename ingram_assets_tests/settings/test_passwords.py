"""Whole commands on a real PostgreSQL: a password of any signs works once encoded, and is never shown."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from ingram_assets.staging.reader import QueueReader
from ingram_assets.store.journal import Journal
from ingram_assets_tests.testing.secret_forms import forms
from ingram_demo.embedded.postgres import Postgres

PASSWORD = "Tr0ub4dor%@:/#?&\" '[+]\\"
WRONG = "Wr0ngh0rse%@:/#?&\" '[+]\\"
MARK = re.compile(r"Tr0ub4dor|Wr0ngh0rse")

ISBN = "9781639739134"

AT = """
import sys
from ingram_assets.cli.main import main
main(["--env-dir", *sys.argv[1:]])
"""


DAGSTER = """
from ingram_assets.runtime.instance import dagster_instance
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import CommonSettings
with dagster_instance(load(CommonSettings)) as instance:
    print(instance.get_runs_count())
"""


@pytest.fixture(scope="module")
def owner(postgres: Postgres) -> Iterator[tuple[str, str]]:
    """A role with that password, and its database."""
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        made = sql.SQL("CREATE ROLE odd LOGIN CREATEROLE PASSWORD {}").format(sql.Literal(PASSWORD))
        connection.execute(made)
        connection.execute("CREATE DATABASE odd OWNER odd")
    yield "odd", "odd"
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("DROP DATABASE odd WITH (FORCE)")
        connection.execute("DROP ROLE odd")  # the queue's roles are the whole server's, and other tests'


@pytest.fixture(scope="module")
def address(postgres: Postgres, owner: tuple[str, str]) -> str:
    """The database's address, encoded as the examples tell."""
    name, database = owner
    return f"postgresql://{name}:{quote(PASSWORD, safe='')}@127.0.0.1:{postgres.port}/{database}"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of settings."""
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="module")
def settings(address: str, root: Path) -> dict[str, str]:
    """Settings of the storefront and the scraper. Of the servers that they name PostgreSQL is there."""
    return {
        "DAGSTER_PG_URL": address,
        "INGRAM_STATE_DIR": str(root / "state"),
        "MEDUSA_BACKEND_URL": "http://127.0.0.1:1",
        "MEDUSA_API_KEY": "sk_x",
        "QUEUE_DB_URL": address,
        "STOREFRONT_DB_URL": address,
        "QUEUE_OWNER_DB_URL": address,
        "R2_ENDPOINT": "http://127.0.0.1:1",
        "R2_ACCESS_KEY_ID": "k",
        "R2_SECRET_ACCESS_KEY": "s",
        "R2_BUCKET_NAME": "covers",
        "R2_PUBLIC_URL": "http://127.0.0.1:1",
        "IPAGE_USERNAME": "u",
        "IPAGE_PASSWORD": "p",
        "IPAGE_MFA_IMAP_URL": "imaps://u:p@127.0.0.1:1/INBOX",
    }


def ingram(root: Path, settings: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    machine = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", AT, str(root), *words],
        env=machine | settings,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def shows_nothing(done: subprocess.CompletedProcess[str], setting: str, *, is_done: bool = False) -> None:
    """No form of a password, nor a part of one; one sentence that names the setting; no traceback."""
    said = done.stdout + done.stderr
    assert setting in said
    assert "Traceback" not in said
    assert MARK.search(said) is None, said
    assert not [form for secret in (PASSWORD, WRONG) for form in forms(secret) if form in said.encode()]
    assert is_done or done.stdout == "" or json.loads(done.stdout.splitlines()[-1])["ok"] is False


def test_every_client_signs_in_with_such_a_password(root: Path, settings: dict[str, str]) -> None:
    done = ingram(root, settings, "queue", "migrate", "--json")
    assert done.returncode == 0, done.stderr
    with Journal(settings["STOREFRONT_DB_URL"]) as journal, QueueReader(settings["QUEUE_DB_URL"]) as reader:
        assert (journal.history(ISBN), reader.rows_to_import()) == ([], [])
    done = subprocess.run(
        [sys.executable, "-c", DAGSTER],
        env={**os.environ, **settings, "DAGSTER_PG_URL": settings["DAGSTER_PG_URL"].replace("ql:", ":")},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.stdout.strip() == "0", done.stderr
    assert MARK.search(done.stdout + done.stderr) is None


USED_BY = {
    "STOREFRONT_DB_URL": ("history", ISBN),
    "QUEUE_DB_URL": ("status",),
    "QUEUE_OWNER_DB_URL": ("queue", "migrate"),
    "DAGSTER_PG_URL": ("push",),
}


def wrong(how: str, address: str) -> str:
    place = address.rpartition("@")[2]
    port = place.partition(":")[2].partition("/")[0]
    return {
        "password": address.replace(quote(PASSWORD, safe=""), quote(WRONG, safe="")),
        "database": f"{address}_not_there",
        "port": address.replace(f":{port}/", ":1/"),
        "host": address.replace("@127.0.0.1", "@nobody.invalid"),
    }[how]


@pytest.mark.parametrize(
    ("setting", "how"),
    [
        *((setting, how) for setting in USED_BY for how in ("password", "port")),
        # Dagster tries for a quarter of a minute.
        *((setting, how) for setting in list(USED_BY)[:3] for how in ("database", "host")),
    ],
)
def test_a_server_that_refuses_or_is_not_there(
    root: Path, settings: dict[str, str], address: str, setting: str, how: str
) -> None:
    done = ingram(root, settings | {setting: wrong(how, address)}, *USED_BY[setting], "--json")
    # The queue's server may be down for a while: then another try may succeed, and the code is 1.
    # `status` has looked, and says that the truth is not known.
    away = how in ("port", "host") and setting in ("QUEUE_DB_URL", "QUEUE_OWNER_DB_URL")
    code = 0 if USED_BY[setting] == ("status",) else 1 if away else 2
    assert done.returncode == code, done.stdout + done.stderr
    shows_nothing(done, "queue" if away else setting, is_done=code == 0)


UNREADABLE = {
    "not encoded": f"postgresql://odd:{PASSWORD}@127.0.0.1/odd",
    "a per cent sign": "postgresql://odd:Tr0ub4dor%&3@127.0.0.1/odd",
    "digits and a slash": "postgresql://odd:12/Tr0ub4dor@127.0.0.1/odd",
    "a question mark": "postgresql://odd:12?Tr0ub4dor@127.0.0.1/odd",
    "an at sign": "postgresql://odd:Tr0ub4dor@3@127.0.0.1/odd",
    "a port": "postgresql://odd:Tr0ub4dor@127.0.0.1:port/odd",
}


@pytest.mark.parametrize("how", UNREADABLE)
def test_an_address_that_cannot_be_read(root: Path, settings: dict[str, str], how: str) -> None:
    """All four at once, as `up` checks them."""
    wrong = dict.fromkeys(USED_BY, UNREADABLE[how])
    done = ingram(root, settings | wrong, "up", "--json")
    assert done.returncode == 2, done.stderr
    for setting in USED_BY:
        shows_nothing(done, f"{setting} is malformed")
    assert not (root / "state" / "up").exists(), "nothing was started"


@pytest.mark.parametrize("setting", USED_BY)
def test_each_command_checks_its_own(root: Path, settings: dict[str, str], setting: str) -> None:
    done = ingram(root, settings | {setting: UNREADABLE["not encoded"]}, *USED_BY[setting], "--json")
    assert done.returncode == 2, done.stderr
    shows_nothing(done, f"{setting} is malformed")
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("IPAGE_MFA_IMAP_URL", f"imaps://u:{PASSWORD}@127.0.0.1:993/INBOX"),
        ("IPAGE_MFA_IMAP_URL", "imaps://u:Tr0ub4dor@127.0.0.1:abc/INBOX"),
        ("BROWSER_CDP_URL", f"wss://u:{PASSWORD}@browser.example"),
        ("BROWSER_CDP_URL", "wss://browser.example?apiKey=Tr0ub4dor x"),
        ("R2_ENDPOINT", f"https://u:{PASSWORD}@r2.example"),
        ("IPAGE_BASE_URL", "https://u:Tr0ub4dor@ipage.example"),
        ("https_proxy", f"http://u:{PASSWORD}@proxy.example:3128"),
    ],
)
def test_other_addresses(root: Path, settings: dict[str, str], setting: str, value: str) -> None:
    done = ingram(root, settings | {setting: value}, "retire", ISBN, "--json")
    assert done.returncode == 2, done.stderr
    shows_nothing(done, f"{setting} is malformed")


@pytest.mark.parametrize("value", [f"https://u:{PASSWORD}@h", "https://u:Tr0ub4dor@h", " http://h"])
def test_the_store_s_address(root: Path, settings: dict[str, str], value: str) -> None:
    for words in (("push",), ("explain", ISBN)):
        done = ingram(root, settings | {"MEDUSA_BACKEND_URL": value}, *words, "--json")
        assert done.returncode == 2, done.stderr
        shows_nothing(done, "MEDUSA_BACKEND_URL is malformed")


def test_a_file_that_cannot_be_read_stops_a_command(root: Path, settings: dict[str, str]) -> None:
    file = root / ".env.storefront"
    file.write_text("MEDUSA_PASSWORD='Tr0ub4dor\n")
    file.chmod(0o600)
    try:
        for words in (("push",), ("status",), ("up",)):
            done = ingram(root, settings, *words, "--json")
            assert done.returncode == 2, done.stderr
            shows_nothing(done, ".env.storefront: MEDUSA_PASSWORD in line 1")
            assert len(done.stderr.strip().splitlines()) == 1
    finally:
        file.unlink()


def test_a_port_that_is_none_stops_up_before_anything_starts(root: Path, settings: dict[str, str]) -> None:
    done = ingram(root, settings | {"INGRAM_PORT_SCRAPER": "many"}, "up", "--json")
    assert done.returncode == 2, done.stderr
    shows_nothing(done, "INGRAM_PORT_SCRAPER is malformed")
    assert not (root / "state" / "up").exists()
