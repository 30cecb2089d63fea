"""Secrets: the shop is used, and errors are provoked; then everything that it wrote and runs is searched."""

import gzip
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

import psutil
import psycopg
import pytest
from cryptography.fernet import Fernet

from ingram_assets.runtime.processes import MARK
from ingram_assets_tests.testing.commands import Shell
from ingram_assets_tests.testing.memory import in_memory, templates_of
from ingram_assets_tests.testing.oracle import queue
from ingram_assets_tests.testing.running_shop import alone, forget_block
from ingram_assets_tests.testing.secret_forms import forms
from ingram_demo.stack import Stack

pytestmark = pytest.mark.timeout(900)

WRONG = "wr0ng-Unmistakable/&secret"
"""A secret that is refused: what is refused must not be repeated either."""

KEPT_IN = (
    "settings",
    *("passwords.json", "ports.json", "postgres", "s3/keys", "imap", "medusa/admin-password", "ipage.sqlite"),
    "state/ipage/session.key",
)
"""Where the demo's servers and the session keep what is theirs; each for its owner alone."""


def secrets_of(stack: Stack) -> dict[str, str]:
    """Name to value, of all that opens something."""
    database = {f"password of {role}": password for role, password in stack.passwords.items()}
    key = (stack.common.state_dir / "ipage" / "session.key").read_text()
    with queue(stack) as connection:
        (kept,) = connection.execute("SELECT sealed FROM scraper.sessions").fetchall()
    session = json.loads(Fernet(key).decrypt(bytes(kept["sealed"])))["session"]
    cookies = {f"cookie {of['name']}": of["value"] for of in session["cookies"] if len(of["value"]) > 12}
    assert cookies, "the session is signed in"
    return {
        **database,
        **cookies,
        "superuser's password": urlsplit(stack.postgres.url()).password or "",
        "bucket's secret": stack.s3.secret,
        "mailbox's password": urlsplit(stack.imap.url).password or "",
        "iPage's password": stack.simulator.account.password,
        "Medusa's password": stack.medusa.password,
        "wrong one": WRONG,
        "session's key": key,
    }


@pytest.fixture
def errors(stack: Stack, scraper: Shell, storefront: Shell, tmp_path: Path) -> str:
    """All that commands print when each of their secrets is a wrong one, as it would be mistyped."""
    folder = tmp_path
    wrong = quote(WRONG, safe="")

    def url(address: str) -> str:
        parts = urlsplit(address)
        return address.replace(parts.password or "", wrong)

    of = storefront.environment
    there = scraper.environment
    title = stack.simulator.isbns()[0]
    tries = [
        (storefront, ("push", "--json"), {"QUEUE_DB_URL": url(of["QUEUE_DB_URL"])}),
        (storefront, ("push", "--json"), {"STOREFRONT_DB_URL": url(of["STOREFRONT_DB_URL"])}),
        (storefront, ("push", "--json"), {"MEDUSA_PASSWORD": WRONG}),
        (storefront, ("push", "--json"), {"DAGSTER_PG_URL": url(of["DAGSTER_PG_URL"])}),
        (storefront, ("status",), {"QUEUE_DB_URL": url(of["QUEUE_DB_URL"])}),
        (scraper, ("enrich", title, "--json"), {"R2_SECRET_ACCESS_KEY": WRONG}),
        (scraper, ("enrich", title, "--json"), {"QUEUE_DB_URL": url(there["QUEUE_DB_URL"])}),
    ]
    printed = []
    for number, (shell, words, settings) in enumerate(tries):
        done = alone(shell, stack, folder / str(number), **settings)(*words)
        assert done.exit_code in (1, 2), (words, settings.keys(), done.output, done.errors)
        assert "Traceback" not in done.errors, done.errors
        printed += [done.output, done.errors]
    for root in [each for each in folder.rglob("*") if each.is_file() and each.name != "session.key"]:
        printed.append(root.read_bytes().decode(errors="replace"))
    test = scraper.with_(ALERT_URLS=f"jsons://user:{wrong}@127.0.0.1:9/{wrong}")("alert", "test", "--json")
    assert test.exit_code == 1
    return "\n".join([*printed, test.output, test.errors])


@pytest.mark.long
def test_no_secret_is_in_what_commands_say_and_keep(stack: Stack, errors: str) -> None:
    assert found_in(errors.encode(), secrets_of(stack)) == []


def test_no_secret_is_in_logs_state_files_and_kept_pages(stack: Stack, scraper: Shell) -> None:
    # A page that is kept for a person to look at, with the session's own cookies around it.
    stack.simulator.fault("layout", layout="redesign", isbns=stack.simulator.isbns()[:1])
    scraper("enrich", stack.simulator.isbns()[0], "--json")
    stack.simulator.reset()
    forget_block(stack)
    secrets, places = secrets_of(stack), []
    with queue(stack) as connection:
        pages = connection.execute("SELECT page FROM scraper.kept_pages").fetchall()
    assert pages
    for each in pages:
        places += found_in(gzip.decompress(bytes(each["page"])), secrets)
    for file, data in files_of(stack.supervisor.folder):
        places += [f"{file}: {name}" for name in found_in(data, secrets)]
    assert places == []


def files_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    for root, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if str(Path(root, each).relative_to(folder)) not in KEPT_IN]
        for name in files:
            path = Path(root, name)
            where = str(path.relative_to(folder))
            # The simulated site's own memory, with what SQLite keeps beside it, and the covers.
            theirs = where.startswith(("ipage.sqlite", "s3/files/"))
            if where in KEPT_IN or theirs or not path.is_file():
                continue
            try:
                data = path.read_bytes()
            except FileNotFoundError:  # The shop is at work.
                continue
            yield where, gzip.decompress(data) if name.endswith(".gz") else data


def test_no_secret_is_in_dagsters_database_nor_in_the_shops(stack: Stack) -> None:
    """Events with their metadata, runs with their configuration and tags, sensors' cursors, the journal."""
    secrets, places = secrets_of(stack), []
    for database in ("dagster", "storefront", "catalog_import"):
        with psycopg.connect(stack.postgres.url(database)) as connection:
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            ).fetchall()
            assert tables
            for (table,) in tables:
                rows = connection.execute(f'SELECT t::text FROM public."{table}" t').fetchall()
                data = "\n".join(row[0] for row in rows).encode()
                places += [f"{database}.{table}: {name}" for name in found_in(data, secrets)]
    assert places == []


def found_in(data: bytes, secrets: Mapping[str, str]) -> list[str]:
    return [name for name, secret in secrets.items() if any(form in data for form in forms(secret))]


def test_no_secret_is_in_the_process_list_and_each_process_has_its_own(stack: Stack) -> None:
    """The arguments of every process of the shop; all that Dagster's have in memory, which run our code."""
    secrets = secrets_of(stack)
    own = {
        "scraper": {
            *("password of ingram_queue_writer", "bucket's secret", "mailbox's password", "iPage's password"),
        },
        "storefront": {
            *("password of ingram_queue_reader", "password of storefront", "Medusa's password"),
        },
    }
    looked_at = 0
    for process in psutil.process_iter():
        try:
            environment = process.environ()
            if environment.get(MARK) != str(stack.supervisor.folder):
                continue
            arguments = " ".join(process.cmdline())
        except psutil.Error:
            continue
        looked_at += 1
        assert found_in(arguments.encode(), secrets) == [], process.name()
    assert looked_at >= 10
    looked_for = {name: forms(secret) for name, secret in secrets.items()}
    for name in ("scraper", "storefront", "operations", "web-server", "daemon", "desk"):
        process = psutil.Process(stack.supervisor.children[name].pid)
        for one in (process, *process.children(recursive=True)):
            try:
                held = in_memory(one.pid, looked_for)
            except psutil.NoSuchProcess:  # A run's worker that has ended since.
                assert one is not process, name
                continue
            own_of_name = own.get(name.replace("desk", "storefront"), set()) | {"password of dagster"}
            assert held <= own_of_name, name
            assert one is not process or own_of_name <= held, f"{name} can't be looked into"
    (template,) = templates_of(psutil.Process())
    assert in_memory(template.pid, looked_for) == set()


def test_state_files_are_their_owners_alone(stack: Stack) -> None:
    """The folder is closed, and so is each file in it: a copy of one elsewhere is no more open."""
    folder = stack.common.state_dir
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    opened, looked_at = {}, 0
    for root, _, files in os.walk(folder):
        for path in (Path(root, name) for name in files):
            with suppress(FileNotFoundError):  # The shop is at work.
                mode = path.stat().st_mode
                looked_at += 1
                if stat.S_ISREG(mode) and mode & 0o077:
                    opened[str(path.relative_to(folder))] = oct(stat.S_IMODE(mode))
    assert looked_at
    assert opened == {}
    for name in ("passwords.json", "postgres/password", "s3/keys", "medusa/admin-password"):
        assert stat.S_IMODE((stack.supervisor.folder / name).stat().st_mode) & 0o077 == 0, name
