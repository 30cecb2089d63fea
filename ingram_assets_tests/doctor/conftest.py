"""One shop with every real server, for all tests of this folder."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import psycopg
import pytest

from ingram_assets_tests.testing.examined_shop import ExaminedShop
from ingram_assets_tests.testing.queue import migrated
from ingram_assets_tests.testing.shared_site import forget_what_runs_share
from ingram_assets_tests.testing.webhook import Webhook, webhook
from ingram_demo.embedded.imap import Imap
from ingram_demo.embedded.medusa import Medusa
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.embedded.s3 import S3
from ingram_demo.simulator import Account, Simulator, running_simulator
from ingram_demo.simulator.mail import MaildirMailer

DATABASES = [f"doctor_{name}" for name in ("queue", "journal", "dagster", "empty")]


PASSWORD = "s3cret of a process"


def owned(postgres: Postgres, name: str) -> str:
    """A database that a role of its own name owns, which may do nothing else."""
    as_superuser = postgres.create_database(name)
    with psycopg.connect(as_superuser, autocommit=True) as connection:
        connection.execute(f"DROP ROLE IF EXISTS {name}".encode())
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'".encode())
        connection.execute(f"ALTER DATABASE {name} OWNER TO {name}".encode())
    return postgres.url(name, name, PASSWORD)


@pytest.fixture(scope="package")
def hook() -> Iterator[Webhook]:
    with webhook() as running:
        yield running


@pytest.fixture(scope="package")
def _site(imap: Imap) -> Iterator[Simulator]:
    account = Account(email=imap.user)
    with running_simulator(titles=20, mailer=MaildirMailer(imap.maildir), account=account) as running:
        yield running


@pytest.fixture(scope="package")
def _shop(
    postgres: Postgres,
    medusa: Medusa,
    s3: S3,
    imap: Imap,
    chromium: Path,
    _site: Simulator,
    hook: Webhook,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ExaminedShop]:
    queue = migrated(postgres, DATABASES[0])
    journal, dagster, empty = (owned(postgres, name) for name in DATABASES[1:])
    files = {
        ".env": {
            "DAGSTER_PG_URL": dagster,
            "QUEUE_OWNER_DB_URL": queue.owner,
            "ALLOW_PLAIN_HTTP": "false",
        },
        ".env.scraper": {
            "IPAGE_BASE_URL": _site.url,
            "IPAGE_USERNAME": _site.account.username,
            "IPAGE_PASSWORD": _site.account.password,
            "IPAGE_ACCOUNT": _site.account.account,
            "IPAGE_SAVED_SEARCH_ID": _site.search_id,
            "IPAGE_MFA": "email",
            "IPAGE_MFA_IMAP_URL": imap.url,
            "BROWSER_EXECUTABLE": str(chromium),
            "QUEUE_DB_URL": queue.writer,
            "R2_ENDPOINT": s3.endpoint,
            "R2_ACCESS_KEY_ID": s3.key,
            "R2_SECRET_ACCESS_KEY": s3.secret,
            "R2_BUCKET_NAME": s3.bucket,
            "R2_PUBLIC_URL": s3.public_url,
            "OPEN_LIBRARY_COVERS_URL": _site.open_library_url,
        },
        ".env.storefront": {
            "MEDUSA_BACKEND_URL": medusa.url,
            # No other test makes one of this name in the same Medusa.
            "MEDUSA_STOCK_LOCATION": "Ingram, looked at by the doctor",
            "MEDUSA_API_KEY": _secret_key(medusa),
            "QUEUE_DB_URL": queue.reader,
            "STOREFRONT_DB_URL": journal,
        },
        ".env.operations": {"ALERT_URLS": hook.url},
    }
    yield ExaminedShop(tmp_path_factory.mktemp("shop"), files, queue, medusa, _site, empty)
    for name in DATABASES:
        postgres.drop_database(name)


@pytest.fixture
def shop(_shop: ExaminedShop, imap: Imap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ExaminedShop:
    """The shop in good order, its site asked by no run yet; nothing of this machine's own is a setting."""
    ours = "INGRAM_ IPAGE_ MEDUSA_ R2_ QUEUE_ DAGSTER_ CELERY_ ALERT_ BROWSER_"
    for name in [name for name in os.environ if name.startswith(tuple(ours.split()))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("INGRAM_ENV_DIR", str(_shop.folder))
    monkeypatch.setenv("SSL_CERT_FILE", str(imap.ca_file))
    monkeypatch.setenv("COLUMNS", "200")
    _shop.site.reset()
    _shop.site.forget_devices()
    _shop.site.reset_requests()
    forget_what_runs_share(_shop.queue)
    of_all = _shop.files[".env"] | {"INGRAM_STATE_DIR": str(tmp_path / "state")}
    own = replace(_shop, files={**_shop.files, ".env": of_all})
    own.write()
    return own


def _secret_key(medusa: Medusa) -> str:
    who = {"email": medusa.email, "password": medusa.password}
    with httpx.Client(base_url=medusa.url, timeout=60, trust_env=False) as client:
        token = client.post("/auth/user/emailpass", json=who).json()["token"]
        client.headers["authorization"] = f"Bearer {token}"
        made = client.post("/admin/api-keys", json={"title": "Sync", "type": "secret"}).json()
    return str(made["api_key"]["token"])
