"""The doctor in a shop of real servers: all in order, and what is said where it is not."""

import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import boto3
import certifi
import httpx
import psycopg
import pytest

from ingram_assets.covers.bucket import client_config
from ingram_assets.doctor.bucket import DELETE, PUBLIC, WRITE
from ingram_assets.doctor.clock import off_by
from ingram_assets.doctor.mailbox import MAILBOX
from ingram_assets.doctor.medusa import CURRENCY, LOCATION, READS, SHIPPING, SIGN_IN, WRITES
from ingram_assets.doctor.model import NamedSetting, Outcome
from ingram_assets.doctor.postgres import DAGSTER, JOURNAL, ONE_QUEUE, OWNER, READER, WRITER
from ingram_assets.store.journal import Journal, Known
from ingram_assets.store.location import OURS
from ingram_assets_tests.testing.examined_shop import ExaminedShop
from ingram_assets_tests.testing.queue import migrated
from ingram_demo.embedded.imap import Imap
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.embedded.s3 import S3

pytestmark = pytest.mark.xdist_group("medusa")

SYSTEMS = ("clock", "postgresql", "bucket", "open library", "medusa")


def rows_of(database: str) -> dict[str, int]:
    """Each table of a database to the rows that it has."""
    with psycopg.connect(database) as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
            )
        ]
        return {
            name: connection.execute(f"SELECT count(*) FROM {name}".encode()).fetchone()[0]  # type: ignore[index]
            for name in tables
        }


def databases_of(shop: ExaminedShop) -> list[str]:
    storefront, of_all = shop.files[".env.storefront"], shop.files[".env"]
    return [
        *(shop.queue.owner, storefront["STOREFRONT_DB_URL"], of_all["DAGSTER_PG_URL"]),
        shop.medusa.database_url,
    ]


def test_all_is_there_and_nothing_is_changed(shop: ExaminedShop, s3: S3) -> None:
    before = [*map(rows_of, databases_of(shop))], {*s3.files.rglob("*")}
    found = shop.examine(*SYSTEMS)
    assert not found.missing
    assert {one.name for one in found.found if one.outcome is Outcome.NOTE} == {LOCATION}
    assert {one.name for one in found.found if one.outcome is Outcome.NOT_TRIED} == {SHIPPING}
    files = {*s3.files.rglob("*")}
    assert not [file for file in files if file.is_file() and ".check" in str(file)]
    # The folder of the check itself is this server's, not S3's.
    assert ([*map(rows_of, databases_of(shop))], {one for one in files if ".check" not in one.name}) == (
        before[0],
        {one for one in before[1] if ".check" not in one.name},
    )


def test_a_queue_that_was_never_migrated(shop: ExaminedShop) -> None:
    changes = {".env.storefront": {"QUEUE_DB_URL": shop.empty_database}}
    found = shop.examine("postgresql", changes=changes)
    assert "has no tables of the queue. Run ingram queue migrate" in found.of(READER).words
    assert found.of(WRITER).outcome is Outcome.FINE


def test_a_queue_of_another_version(shop: ExaminedShop) -> None:
    version = "UPDATE ingram_queue_version SET version_num"
    ((now,),) = shop.queue.sql("SELECT version_num FROM ingram_queue_version")
    older = "ALTER FUNCTION public.ingram_no_room(text) RENAME TO no_room"
    for statement, back in (
        (older, "ALTER FUNCTION public.no_room(text) RENAME TO ingram_no_room"),
        (f"{version} = '0007'", f"{version} = '{now}'"),
    ):
        shop.queue.sql(statement)
        try:
            found = shop.examine("postgresql")
        finally:
            shop.queue.sql(back)
        names = {one.name for one in found.missing}
        assert names == ({WRITER, READER} if statement is older else {OWNER})


def test_roles_that_are_swapped(shop: ExaminedShop) -> None:
    changes = {
        ".env.scraper": {"QUEUE_DB_URL": shop.queue.reader},
        ".env.storefront": {"QUEUE_DB_URL": shop.queue.writer},
    }
    found = shop.examine("postgresql", changes=changes)
    assert "may not execute ingram_add_titles" in found.of(WRITER).words
    assert "has rights on the table ingram_queue" in found.of(WRITER).words
    assert "may not read ingram_queue" in found.of(READER).words


@pytest.mark.parametrize(
    ("right", "check", "words"),
    [
        ("SELECT ON ingram_queue TO ingram_queue_writer", WRITER, "has rights on the table ingram_queue"),
        ("INSERT ON ingram_queue TO ingram_queue_reader", READER, "may write to the table ingram_queue"),
        ("CREATE ON SCHEMA public TO ingram_queue_reader", READER, "may make tables here"),
    ],
)
def test_a_role_with_more_than_it_needs(shop: ExaminedShop, right: str, check: str, words: str) -> None:
    shop.queue.sql(f"GRANT {right}")
    try:
        found = shop.examine("postgresql")
    finally:
        shop.queue.sql(f"REVOKE {right.replace(' TO ', ' FROM ')}")
    assert [one.name for one in found.missing] == [check]
    assert words in found.of(check).words


def test_another_queue_than_the_others(shop: ExaminedShop, postgres: Postgres) -> None:
    other = migrated(postgres, "doctor_of_another")
    try:
        for file, name, url, named in (
            (".env.scraper", "QUEUE_DB_URL", other.writer, [".env.scraper", ".env.storefront"]),
            (".env.storefront", "QUEUE_DB_URL", other.reader, [".env.scraper", ".env.storefront"]),
            (".env", "QUEUE_OWNER_DB_URL", other.owner, [".env"]),
        ):
            (found,) = shop.examine("postgresql", changes={file: {name: url}}).missing
            assert found.name == ONE_QUEUE
            assert [one for one in (".env.scraper", ".env.storefront") if one in found.words] == [
                one for one in named if one != ".env"
            ]
            assert {one.name for one in found.settings} == {name}
    finally:
        postgres.drop_database("doctor_of_another")


def test_covers_that_the_queue_would_refuse(shop: ExaminedShop) -> None:
    shop.queue.sql("UPDATE ingram_limits SET cover_prefix = 'https://covers.elsewhere.example'")
    try:
        (found,) = shop.examine("postgresql").missing
    finally:
        shop.queue.sql("UPDATE ingram_limits SET cover_prefix = NULL")
    assert found.name == OWNER
    assert found.settings == (NamedSetting(".env.scraper", "R2_PUBLIC_URL"),)


def test_another_user_s_file_is_no_fault(shop: ExaminedShop, monkeypatch: pytest.MonkeyPatch) -> None:
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: ".scraper" not in str(path) and may(path, mode))
    found = shop.examine("bucket", "postgresql")
    assert not found.missing
    assert "is another user's" in found.of("Settings of the scraper").words


def test_a_role_with_less_than_it_needs(shop: ExaminedShop) -> None:
    shop.queue.sql("REVOKE UPDATE (imported_at) ON ingram_queue FROM ingram_queue_reader")
    try:
        found = shop.examine("postgresql")
    finally:
        shop.queue.sql("GRANT UPDATE (imported_at) ON ingram_queue TO ingram_queue_reader")
    assert "may not mark rows of ingram_queue (imported_at)" in found.of(READER).words


def test_databases_are_left_empty(shop: ExaminedShop) -> None:
    found = shop.examine("postgresql")
    assert "its tables are made at the first start" in found.of(JOURNAL).words
    assert "its tables are made at the first start" in found.of(DAGSTER).words


def test_a_journal_with_tables_says_whether_the_shop_watches(shop: ExaminedShop) -> None:
    url = shop.empty_database
    changes = {".env.storefront": {"STOREFRONT_DB_URL": url}}
    with Journal(url):
        pass
    found = shop.examine("postgresql", "medusa", changes=changes)
    assert "Watching only: nothing is written to the store." in found.of(JOURNAL).words
    assert found.of(LOCATION).outcome is Outcome.NOTE
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE store_journal_version SET version_num = '9999'")
        try:
            found = shop.examine("postgresql", "medusa", changes=changes)
        finally:
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    assert "install the newer program" in found.of(JOURNAL).words
    assert found.of(LOCATION).words == f"not tried: {JOURNAL} first."
    assert found.of(CURRENCY).outcome is Outcome.FINE


def test_a_database_that_is_another_s_is_named(shop: ExaminedShop) -> None:
    """Nothing of ours is made in it at the first start."""
    dagster, journal = (
        shop.files[".env"]["DAGSTER_PG_URL"],
        shop.files[".env.storefront"]["STOREFRONT_DB_URL"],
    )
    for file, name, url, check, words in (
        (".env.storefront", "STOREFRONT_DB_URL", shop.queue.owner, JOURNAL, "is the queue's database"),
        (".env.storefront", "STOREFRONT_DB_URL", shop.queue.reader, JOURNAL, "is the queue's database"),
        (".env.storefront", "STOREFRONT_DB_URL", shop.medusa.database_url, JOURNAL, "is Medusa's database"),
        (".env", "DAGSTER_PG_URL", shop.queue.owner, DAGSTER, "is the queue's database"),
        # Both empty: the same one all the same.
        (".env", "DAGSTER_PG_URL", journal, DAGSTER, "is the journal's database"),
    ):
        found = shop.examine("postgresql", changes={file: {name: url}})
        assert words in found.of(check).words
        assert [one.name for one in found.missing] == [check]
        assert found.names == {NamedSetting(file, name)}
    with psycopg.connect(dagster, autocommit=True) as connection:
        connection.execute("CREATE TABLE runs (); CREATE TABLE event_logs ()")
        try:
            found = shop.examine("postgresql", changes={".env.storefront": {"STOREFRONT_DB_URL": dagster}})
            assert "is Dagster's database, and can't be the journal's as well" in found.of(JOURNAL).words
            assert not shop.examine("postgresql").missing
            connection.execute("DROP TABLE runs, event_logs; CREATE TABLE blog_post ()")
            (other,) = shop.examine("postgresql").missing
            assert "holds tables of another program (blog_post)" in other.words
        finally:
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


def test_a_journal_of_its_own_is_dagster_s_for_nobody(shop: ExaminedShop) -> None:
    url = shop.files[".env.storefront"]["STOREFRONT_DB_URL"]
    with Journal(url):
        pass
    try:
        assert not shop.examine("postgresql").missing
        found = shop.examine("postgresql", changes={".env": {"DAGSTER_PG_URL": url}})
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    assert "is the journal's database, and can't be Dagster's as well" in found.of(DAGSTER).words


def test_the_storefront_as_a_role_that_may_more_than_it_needs(shop: ExaminedShop, postgres: Postgres) -> None:
    file, journal = ".env.storefront", shop.files[".env.storefront"]["STOREFRONT_DB_URL"].rpartition("/")[2]
    found = shop.examine("postgresql", changes={file: {"STOREFRONT_DB_URL": postgres.url(journal)}})
    assert [one.name for one in found.missing] == [JOURNAL]
    assert f"{journal} is a superuser: " in found.of(JOURNAL).words
    found = shop.examine("postgresql", changes={file: {"QUEUE_DB_URL": shop.queue.owner}})
    assert [one.name for one in found.missing] == [READER]
    # As with a role that owns the queue, and is no superuser.
    shop.queue.sql(f"ALTER TABLE ingram_queue OWNER TO {journal}")
    try:
        found = shop.examine("postgresql")
    finally:
        shop.queue.sql("ALTER TABLE ingram_queue OWNER TO postgres")
    assert "is, or acts as, the role that owns the queue" in found.of(JOURNAL).words


def test_a_name_of_a_location_that_is_not_used_is_said(shop: ExaminedShop) -> None:
    url = shop.empty_database
    own = {"STOREFRONT_DB_URL": url}
    with httpx.Client(base_url=shop.medusa.url, timeout=60, trust_env=False) as client:
        key = shop.files[".env.storefront"]["MEDUSA_API_KEY"]
        client.auth = (key, "")
        made = client.post("/admin/stock-locations", json={"name": "Doctor's own"}).json()["stock_location"]
        channel = client.get("/admin/sales-channels", params={"q": "Online Store"}).json()["sales_channels"][
            0
        ]
        client.post(f"/admin/stock-locations/{made['id']}/sales-channels", json={"add": [channel["id"]]})
        try:
            with Journal(url) as journal:
                journal.know("location", [Known(OURS, made["id"], made["name"])])
            examined = [
                shop.examine("postgresql", "medusa", changes={".env.storefront": {**own, **more}}).of(
                    LOCATION
                )
                for more in (
                    {"MEDUSA_STOCK_LOCATION": "Bogus"},
                    {"MEDUSA_STOCK_LOCATION": "doctor's OWN"},
                    {"MEDUSA_STOCK_LOCATION": made["id"]},
                )
            ]
        finally:
            client.delete(f"/admin/stock-locations/{made['id']}")
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    bogus, *right = examined
    assert bogus.outcome is Outcome.NOTE
    assert "MEDUSA_STOCK_LOCATION is 'Bogus', and no location of this name is used" in bogus.more[-1]
    assert made["id"] in bogus.more[-1]
    assert [one.outcome for one in right] == 2 * [Outcome.FINE]


def test_without_the_file_of_a_location_the_others_are_looked_at(shop: ExaminedShop) -> None:
    found = shop.examine(*SYSTEMS, without=[".env.scraper"])
    assert not found.missing
    assert "is not set up here" in found.of("Settings of the scraper").words
    assert found.of(SIGN_IN).outcome is Outcome.FINE
    assert not [one for one in found.found if one.system == "bucket"]


def test_without_any_file_that_is_said(shop: ExaminedShop) -> None:
    found = shop.examine(without=[*shop.files])
    names = {one.name for one in found.missing}
    assert {"Settings of all", "Settings of the scraper", "Settings of the storefront"} <= names


def test_a_misspelled_setting_is_a_note(shop: ExaminedShop) -> None:
    found = shop.examine("no system", changes={".env.scraper": {"R2_BUCKET_NAMES": "covers"}})
    assert not found.missing
    assert any("R2_BUCKET_NAME meant?" in line for one in found.found for line in one.more)


def test_a_user_of_medusa_that_was_deleted_is_told_from_a_missing_right(shop: ExaminedShop) -> None:
    found = shop.examine("postgresql", "medusa", changes={".env.storefront": {"MEDUSA_API_KEY": "sk_none"}})
    assert "does not let the secret API key in (401" in found.of(SIGN_IN).words
    assert found.of(READS).outcome is found.of(WRITES).outcome is Outcome.NOT_TRIED


def test_a_bucket_that_nobody_may_read_keeps_nothing(shop: ExaminedShop, s3: S3) -> None:
    other = f"{s3.public_url}-of-another"
    found = shop.examine("bucket", changes={".env.scraper": {"R2_PUBLIC_URL": other}})
    assert f"{other} answers 404" in found.of(PUBLIC).words
    assert found.of(WRITE).outcome is found.of(DELETE).outcome is Outcome.FINE
    assert not [*s3.files.rglob(".check/*.jpg")]


def test_another_bucket_s_name_is_named_beside_the_public_address(shop: ExaminedShop, s3: S3) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=s3.endpoint,
        region_name="auto",
        aws_access_key_id=s3.key,
        aws_secret_access_key=s3.secret,
        config=client_config(),
    )
    client.create_bucket(Bucket="of-somebody-else")
    try:
        found = shop.examine("bucket", changes={".env.scraper": {"R2_BUCKET_NAME": "of-somebody-else"}})
    finally:
        client.delete_bucket(Bucket="of-somebody-else")
    assert [one.name for one in found.missing] == [PUBLIC]
    words = found.of(PUBLIC).words
    assert "Is R2_BUCKET_NAME (of-somebody-else) or R2_PUBLIC_URL right?" in words
    assert {one.name for one in found.of(PUBLIC).settings} == {"R2_BUCKET_NAME", "R2_PUBLIC_URL"}
    assert "everybody" not in words


def test_certificates_of_the_shell_s_choice_are_named_and_not_the_mailbox(
    shop: ExaminedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    (found,) = shop.examine("mailbox").missing
    assert found.name == MAILBOX
    words = f"SSL_CERT_FILE ({certifi.where()}, from the environment) says whose certificates are"
    assert words in found.words
    assert "take it out of the environment" in found.words
    assert [one.name for one in found.settings] == ["SSL_CERT_FILE"]
    assert "IPAGE_MFA_IMAP_URL" not in found.words
    monkeypatch.delenv("SSL_CERT_FILE")
    (found,) = shop.examine("mailbox").missing
    assert "IPAGE_MFA_IMAP_URL" in found.words


def test_certificates_of_the_shell_s_choice_are_told_from_a_file_s(
    shop: ExaminedShop, imap: Imap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment outranks the files: who mends the file alone has mended nothing."""
    file = str(shop.folder / ".env.scraper")
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    good = {".env.scraper": {"SSL_CERT_FILE": str(imap.ca_file)}}
    (found,) = shop.examine("mailbox", changes=good).missing
    assert f"SSL_CERT_FILE ({certifi.where()}, from the environment, over that of {file})" in found.words
    assert "take it out of the environment" in found.words
    monkeypatch.delenv("SSL_CERT_FILE")
    bad = {".env.scraper": {"SSL_CERT_FILE": certifi.where()}}
    (found,) = shop.examine("mailbox", changes=bad).missing
    assert f"SSL_CERT_FILE ({certifi.where()}, of {file})" in found.words
    assert found.words.endswith(f"or take it out of {file}.")


@pytest.fixture
def silent() -> Iterator[str]:
    """Host and port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def test_frozen_servers_are_waited_for_once(shop: ExaminedShop, silent: str) -> None:
    def at(file: str, name: str) -> str:
        before, _, after = shop.files[file][name].rpartition("@")
        return f"{before}@{silent}/{after.partition('/')[2]}"

    changes = {
        file: {name: at(file, name) for name in names}
        for file, names in (
            (".env", ("DAGSTER_PG_URL", "QUEUE_OWNER_DB_URL")),
            (".env.scraper", ("QUEUE_DB_URL",)),
            (".env.storefront", ("QUEUE_DB_URL", "STOREFRONT_DB_URL")),
        )
    }
    found = shop.examine("postgresql", changes=changes, patience=1.0)
    assert [one.name for one in found.missing] == [WRITER]
    for name in (READER, OWNER, JOURNAL, DAGSTER):
        assert found.of(name).words == f"not tried: {silent} did not answer in time ({WRITER})."


def test_a_frozen_bucket_is_waited_for_once(shop: ExaminedShop, silent: str) -> None:
    of_bucket = {".env.scraper": {"R2_ENDPOINT": f"http://{silent}"}}
    found = shop.examine("clock", "bucket", changes=of_bucket, without=[".env.storefront"], patience=1.0)
    assert [one.name for one in found.missing] == [WRITE]
    assert found.of(WRITE).words.startswith(f"{silent} did not answer in time (Clock): see whether it is up.")
    assert "R2_ENDPOINT" in found.of(WRITE).words
    assert found.of("Clock").words == f"not tried: {silent} did not answer in time."


def test_clocks() -> None:
    now = datetime.now(UTC)
    assert off_by(now, now + timedelta(seconds=60), "iPage").outcome is Outcome.FINE
    ahead = off_by(now, now + timedelta(seconds=61), "iPage")
    assert ahead.outcome is Outcome.MISSING
    assert "61 s ahead of that of iPage" in ahead.words
    assert "3,600 s behind that of Medusa" in off_by(now + timedelta(hours=1), now, "Medusa").words
