"""`ingram backup` and `ingram restore`, typed: what is in an archive, and what neither of them does."""

import errno
import gc
import io
import itertools
import json
import os
import signal
import stat
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from ingram_assets.backup.archive import Archive, ArchiveWriter
from ingram_assets.backup.client_tools import ClientProgram, found, to_dump, to_restore
from ingram_assets.defs.backups import last_backup
from ingram_assets.domain.backups import NotedBackup
from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.runtime.processes import Supervisor
from ingram_assets.staging.writer import QueueWriter
from ingram_assets.store.journal import InStep, Journal
from ingram_assets_tests.testing.backed_up_shop import ShopsDatabases
from ingram_assets_tests.testing.own_dagster import dagster_on
from ingram_assets_tests.testing.queue import PASSWORD, READER, WRITER, migrated, reading, title
from ingram_demo.embedded.postgres import Postgres

_numbers = itertools.count()
NAMES = ("queue", "journal", "dagster")


def made(postgres: Postgres, folder: Path) -> ShopsDatabases:
    """Empty databases, with the folder of their shop's settings."""
    folder.mkdir()
    number = next(_numbers)
    urls = [postgres.create_database(f"{name}_of_backup_{number}") for name in NAMES]
    return ShopsDatabases(*urls, folder)


@pytest.fixture(scope="module")
def shop(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> ShopsDatabases:
    folder = tmp_path_factory.mktemp("shop")
    queue = migrated(postgres, "queue_backed_up")
    with QueueWriter(queue.writer) as writer:
        writer.add_titles([title(number) for number in range(1, 4)])
        writer.record_stock([reading(1, 5), reading(2, 0)])
    journal, dagster = (postgres.create_database(f"{name}_backed_up") for name in NAMES[1:])
    with Journal(journal) as book:
        now = datetime.now(UTC)
        book.record_in_step([InStep(title(1)["isbn"], 1, now, None, now)])
    with psycopg.connect(journal) as connection:
        connection.execute(
            "INSERT INTO desk_session VALUES ('hash', 'ada', 'ada@shop.example', 'Ada', now(), now(), now())"
        )
    with dagster_on(dagster, folder) as instance:
        instance.add_dynamic_partitions("isbns", ["9781639739134"])
    (folder / "site.toml").write_text('[labels]\ntitle = ["Titel"]\n')
    (folder / ".env").write_text("STORE_TIME_ZONE=America/Chicago\n")
    (folder / ".env").chmod(0o600)
    return ShopsDatabases(queue.owner, journal, dagster, folder)


@pytest.fixture(scope="module")
def archive(shop: ShopsDatabases, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "shop.zip"
    done = shop.type("backup", str(path))
    assert done.exit_code == 0, done.errors
    return path


@pytest.fixture
def empty(postgres: Postgres, tmp_path: Path) -> Iterator[ShopsDatabases]:
    databases = made(postgres, tmp_path / "new")
    yield databases
    for url in (databases.queue, databases.journal, databases.dagster):
        postgres.drop_database(urlsplit(url).path[1:])


def rows_of(url: str) -> dict[str, list[Any]]:
    """Every row of every table, as text."""
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname IN ('public', 'scraper') ORDER BY 1"
        ).fetchall()
        return {
            name: connection.execute(f"SELECT t::text FROM {name} t ORDER BY 1").fetchall()
            for (name,) in names
        }


def is_empty(*urls: str) -> bool:
    return not any(rows_of(url) for url in urls)


def test_what_is_in_it(shop: ShopsDatabases, archive: Path) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    with zipfile.ZipFile(archive) as packed:
        names = {*packed.namelist()}
        manifest = json.loads(packed.read("manifest.json"))
        everything = b"".join(map(packed.read, names))
    assert names == {
        *("queue.dump", "journal.dump", "dagster.dump", "manifest.json", "files/SITE_FILE/site.toml")
    }
    versions = {name: one["version"] for name, one in manifest["databases"].items()}
    assert versions.keys() == {*NAMES}
    assert all(versions.values())
    assert {"made_at", "program", "dagster"} <= manifest.keys()
    for secret in (urlsplit(shop.queue).password, PASSWORD, "STORE_TIME_ZONE"):
        assert secret
        assert secret.encode() not in everything


def test_what_is_not_in_it_is_said_and_nothing_is_overwritten(shop: ShopsDatabases, tmp_path: Path) -> None:
    done = shop.type("backup", str(tmp_path))
    assert done.exit_code == 0, done.errors
    assert "Medusa's own database" in done.output
    assert str(shop.folder / ".env") in done.output
    assert "the queue:" in done.errors
    assert urlsplit(shop.queue).password not in done.output + done.errors
    (path,) = tmp_path.iterdir()
    before = path.read_bytes()
    done = shop.type("backup", str(path), "--json")
    assert (done.exit_code, done.result["ok"]) == (2, False)
    assert path.read_bytes() == before


def noted(shop: ShopsDatabases) -> NotedBackup | None:
    with dagster_on(shop.dagster, shop.folder) as instance:
        return last_backup(instance)


def test_that_one_is_whole_is_noted(shop: ShopsDatabases, tmp_path: Path) -> None:
    done = shop.type("backup", str(tmp_path), "--json")
    assert done.exit_code == 0, done.errors
    assert "noted" not in done.errors
    told = done.result
    made_at = datetime.fromisoformat(told["manifest"]["made_at"])
    assert noted(shop) == NotedBackup(made_at, "taken", told["bytes"], told["manifest"]["program"])
    assert shop.type("backup", told["path"]).exit_code == 2
    refused = noted(shop)
    assert refused is not None
    assert refused.at == made_at, "what was not taken is not noted"


@pytest.mark.parametrize("spoil", ["it may only be read", "older tables", "no state folder"])
def test_one_that_can_not_be_noted_is_whole_all_the_same(
    shop: ShopsDatabases, archive: Path, empty: ShopsDatabases, tmp_path: Path, spoil: str
) -> None:
    assert empty.type("restore", str(archive), "--yes").exit_code == 0
    before, settings = noted(empty), {}
    with psycopg.connect(empty.dagster, autocommit=True) as connection:
        if spoil == "older tables":
            connection.execute("ALTER TABLE asset_keys RENAME COLUMN last_run_id TO of_before")
        elif spoil == "no state folder":
            (tmp_path / "file").touch()
            settings["INGRAM_STATE_DIR"] = str(tmp_path / "file" / "state")
        else:
            connection.execute(
                f"ALTER DATABASE {connection.info.dbname} SET default_transaction_read_only = on"
            )
    done = empty.type("backup", str(path := tmp_path / "shop.zip"), "--json", **settings)
    assert done.exit_code == 0, done.errors
    assert done.result["path"] == str(path)
    (line,) = [one for one in done.errors.splitlines() if "noted" in one]
    assert line.startswith("The backup is whole, though `ingram status`")
    assert "Traceback" not in done.errors
    assert urlsplit(empty.queue).password not in line
    with Archive(path) as opened:
        opened.check(lambda _: None)
    if spoil != "older tables":
        assert noted(empty) == before


def test_what_is_put_back_counts_from_then_on(archive: Path, empty: ShopsDatabases, tmp_path: Path) -> None:
    old = retold(archive, tmp_path / "old.zip", lambda told: told.update(made_at="2026-01-01T09:30:00+00:00"))
    before = datetime.now(UTC)
    assert empty.type("restore", str(old), "--yes").exit_code == 0
    found = noted(empty)
    assert found is not None
    assert (found.how, found.bytes) == ("restored", old.stat().st_size)
    assert before - timedelta(seconds=5) < found.at < datetime.now(UTC) + timedelta(seconds=5)


def test_what_is_restored_is_what_was_there(
    shop: ShopsDatabases, archive: Path, empty: ShopsDatabases
) -> None:
    done = empty.type("restore", str(archive), "--yes")
    assert done.exit_code == 0, done.errors
    for whose in ("queue", "dagster"):
        before, after = (rows_of(getattr(one, whose)) for one in (shop, empty))
        assert len(before) > 5
        for tables in (before, after):
            tables.pop("public.ingram_limits", None)  # Each migration begins the day's limits anew.
            # Either has a note of its own: that it was backed up, that it was restored.
            for each in ("event_logs", "asset_keys"):
                tables.pop(f"public.{each}", None)
        assert after == before
    before, after = rows_of(shop.journal), rows_of(empty.journal)
    assert before.pop("public.store_in_step") != after.pop("public.store_in_step"), "the store may know more"
    assert before.pop("public.desk_session")
    assert not after.pop("public.desk_session"), "everybody signs in anew"
    assert after == before
    assert (empty.folder / "site.toml").read_text() == (shop.folder / "site.toml").read_text()
    for role in (WRITER, READER):
        with psycopg.connect(empty.queue) as connection:
            may = "SELECT has_database_privilege(%s, current_database(), 'CONNECT')"
            assert connection.execute(may, [role]).fetchone() == (True,)
    # Once more: it is not empty now.
    done = empty.type("restore", str(archive), "--yes")
    assert done.exit_code == 2
    assert "is not empty" in done.errors
    assert "DROP DATABASE" in done.errors


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-30],
        lambda data: data.replace(b"PGDMP", b"PGDMQ", 1),
        lambda data: data[:400] + bytes([data[400] ^ 1]) + data[401:],
        lambda _: b"nothing of ours",
    ],
    ids=["cut off", "another beginning", "a bit", "no archive"],
)
def test_a_damaged_archive_is_refused_before_anything_is_written(
    archive: Path, empty: ShopsDatabases, tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(spoil(archive.read_bytes()))
    done = empty.type("restore", str(damaged), "--yes", "--json")
    assert done.exit_code == 2, done.errors
    assert "Nothing was restored" in done.result["error"]
    assert is_empty(empty.queue, empty.journal, empty.dagster)


def retold(archive: Path, at: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The same archive with another manifest."""
    with zipfile.ZipFile(archive) as packed, zipfile.ZipFile(at, "w") as written:
        for name in packed.namelist():
            data = packed.read(name)
            if name == "manifest.json":
                told = json.loads(data)
                change(told)
                data = json.dumps(told).encode()
            written.writestr(name, data)
    return at


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda told: told["databases"]["journal"].update(version="9999"), "9999"),
        (lambda told: told.update(dagster="99.0.0"), "its dagster is 99.0.0"),
        (lambda told: told.update(program="99.0.0"), "its ingram-assets is 99.0.0"),
    ],
)
def test_one_of_a_newer_program_is_refused(
    archive: Path,
    empty: ShopsDatabases,
    tmp_path: Path,
    change: Callable[[dict[str, Any]], None],
    words: str,
) -> None:
    done = empty.type("restore", str(retold(archive, tmp_path / "newer.zip", change)), "--yes", "--json")
    assert done.exit_code == 2
    assert words in done.result["error"]
    assert is_empty(empty.queue, empty.journal, empty.dagster)


def test_dumps_that_were_swapped_are_refused(archive: Path, empty: ShopsDatabases, tmp_path: Path) -> None:
    def swap(told: dict[str, Any]) -> None:
        queue, journal = told["databases"]["queue"], told["databases"]["journal"]
        for name in ("name", "bytes", "sha256"):
            queue[name], journal[name] = journal[name], queue[name]

    done = empty.type("restore", str(retold(archive, tmp_path / "swapped.zip", swap)), "--yes", "--json")
    assert done.exit_code == 2, done.errors
    assert "queue.dump, for the journal, is the queue's database" in done.result["error"]
    assert is_empty(empty.queue, empty.journal, empty.dagster)


def test_a_shop_at_work_and_a_target_in_use_are_refused(
    shop: ShopsDatabases, archive: Path, empty: ShopsDatabases
) -> None:
    done = empty.type("restore", str(archive), "--json")
    assert done.exit_code == 2
    assert "ingram restore FILE --yes" in done.result["error"], "nobody can be asked"
    with Supervisor(empty.folder / "state" / "up"):
        done = empty.type("restore", str(archive), "--yes", "--json")
    assert done.exit_code == 2
    assert "ingram up is at work" in done.result["error"]
    used = ShopsDatabases(empty.queue, shop.journal, empty.dagster, empty.folder)
    done = used.type("restore", str(archive), "--yes", "--json")
    assert "STOREFRONT_DB_URL is not empty" in done.result["error"]
    twice = ShopsDatabases(empty.queue, empty.queue, empty.dagster, empty.folder)
    done = twice.type("restore", str(archive), "--yes", "--json")
    assert "lead to the same database" in done.result["error"]
    assert is_empty(empty.queue, empty.dagster)


def test_a_restore_that_fails_halfway_says_what_is_filled(archive: Path, empty: ShopsDatabases) -> None:
    with psycopg.connect(empty.journal, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    done = empty.type("restore", str(archive), "--yes", "--json")
    assert done.exit_code == 2
    assert "The queue is restored in" in done.result["error"]
    assert "before another restore" in done.result["error"]
    assert is_empty(empty.journal, empty.dagster)
    assert not is_empty(empty.queue)


def test_what_is_no_database_of_ours_is_not_backed_up(
    shop: ShopsDatabases, empty: ShopsDatabases, tmp_path: Path
) -> None:
    (target := tmp_path / "target").mkdir()
    done = shop.type("backup", str(target), "--json", STOREFRONT_DB_URL=shop.queue)
    assert done.exit_code == 2
    assert "is the queue's database" in done.result["error"]
    done = shop.type("backup", str(target), "--json", DAGSTER_PG_URL=empty.dagster)
    assert done.exit_code == 2
    assert "has no tables of ours yet" in done.result["error"]
    assert not [*target.iterdir()]


def test_all_three_are_as_of_one_moment(
    shop: ShopsDatabases, tmp_path: Path, eventually: Callable[..., None]
) -> None:
    path, later = tmp_path / "shop.zip", title(77)["isbn"]
    with psycopg.connect(shop.journal) as holder:
        holder.execute("LOCK TABLE store_plan IN ACCESS EXCLUSIVE MODE")
        command = shop.start("backup", str(path))
        eventually(lambda: "Dagster's database:" in command.errors, seconds=60)
        # The queue is not dumped yet, and the shop goes on.
        with psycopg.connect(shop.queue) as queue:
            queue.execute("INSERT INTO ingram_queue (isbn, title) VALUES (%s, 'Later')", [later])
    done = command.wait(60)
    with psycopg.connect(shop.queue) as queue:
        queue.execute("DELETE FROM ingram_queue WHERE isbn = %s", [later])
    assert done.exit_code == 0, done.errors
    with zipfile.ZipFile(path) as packed:
        words = [max(found("pg_restore"), key=lambda one: one.major).path, "-f", "-"]
        told = subprocess.run(words, input=packed.read("queue.dump"), capture_output=True, check=True).stdout
    assert title(1)["isbn"].encode() in told
    assert later.encode() not in told


def test_it_stops_when_it_is_told_to_and_leaves_nothing(
    shop: ShopsDatabases, tmp_path: Path, eventually: Callable[..., None]
) -> None:
    before = noted(shop)
    with psycopg.connect(shop.queue) as holder:
        holder.execute("LOCK TABLE ingram_unread IN ACCESS EXCLUSIVE MODE")
        command = shop.start("backup", str(tmp_path / "shop.zip"))

        def waits() -> list[psutil.Process]:
            family = psutil.Process(command.pid).children(recursive=True)
            return [
                one for one in family if "pg_dump" in one.name() and "--dbname" in " ".join(one.cmdline())
            ]

        eventually(lambda: "the journal:" in command.errors and waits(), seconds=60)
        (dumping,) = waits()
        password = urlsplit(shop.queue).password
        assert password
        assert password not in " ".join(dumping.cmdline())
        assert [one.name.startswith(".shop.zip.") for one in tmp_path.iterdir()] == [True]
        os.kill(command.pid, signal.SIGTERM)
        done = command.wait(30)
    assert done.exit_code == 130
    assert not [*tmp_path.iterdir()]
    assert not dumping.is_running()
    assert noted(shop) == before
    assert "Exception" not in done.errors


def test_it_says_what_it_waits_for(
    shop: ShopsDatabases, tmp_path: Path, eventually: Callable[..., None]
) -> None:
    with psycopg.connect(shop.journal, application_name="a report") as holder:
        holder.execute("LOCK TABLE store_plan IN ACCESS EXCLUSIVE MODE")
        command = shop.start("backup", str(tmp_path / "shop.zip"))
        words = f"the journal: waits for the table store_plan, which process {holder.info.backend_pid} of"
        eventually(lambda: words in command.errors and "a report) has locked" in command.errors, seconds=60)
    assert command.wait(60).exit_code == 0


def test_a_place_that_takes_no_file_is_said(shop: ShopsDatabases) -> None:
    done = shop.type("backup", "/proc", "--json")
    assert done.exit_code == 2, done.errors
    assert "name another folder" in done.result["error"]


def test_a_folder_that_is_not_there_is_no_file_s_name(shop: ShopsDatabases, tmp_path: Path) -> None:
    """As where a disk is not mounted: the next night it would be in the way."""
    done = shop.type("backup", str(tmp_path / "backups"), "--json")
    assert done.exit_code == 2, done.errors
    assert "There is no folder" in done.result["error"]
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_full_disk_is_told_once(tmp_path: Path) -> None:
    class Full(io.FileIO):
        def write(self, data: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"), Full(tmp_path / "a.zip", "w+") as file:  # noqa: SIM117
        with ArchiveWriter(cast(Any, file)) as archive:
            archive.add("queue.dump", io.BytesIO(b"1"), lambda _: None)
    del archive
    gc.collect()


def test_the_program_of_postgresql_fits_the_server() -> None:
    tools = [ClientProgram(Path(f"/{major}/pg"), major) for major in (18, 15, 16)]
    assert to_dump({"db": 16}, tools)["db"].major == 16
    assert to_dump({"db": 17}, tools)["db"].major == 18
    with pytest.raises(NeedsPerson, match="postgresql-client-19") as refused:
        to_dump({"db": 19}, tools)
    assert "18 (/18/pg)" in str(refused.value)
    with pytest.raises(NeedsPerson, match="there is none here"):
        to_dump({"db": 18}, [])
    assert to_restore(15, {"db": 16}, tools)["db"].major == 15
    assert to_restore(18, {"db": 18}, tools)["db"].major == 18
    with pytest.raises(NeedsPerson, match="17 or newer alone"):
        to_restore(18, {"db": 16}, tools)
    with pytest.raises(NeedsPerson, match="pg_restore of PostgreSQL 16"):
        to_restore(16, {"db": 16}, tools[:2])


def test_a_pipe_is_no_archive(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NeedsPerson, match="is no file"):
        Archive(tmp_path / "pipe")
