"""The shop as docs/deploying.md puts it on a machine with systemd, by the very lines of that document.

`ingram_assets_tests/testing/systemd_machine.py` says what the machine is. PostgreSQL, Medusa, iPage, the
mailbox and the bucket are the demo's, outside of it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from ingram_assets.runtime.ports import free_port
from ingram_assets.runtime.processes import Supervisor
from ingram_assets.runtime.serve import SERVICES
from ingram_assets_tests.testing import systemd_machine
from ingram_assets_tests.testing.containers import ROOT, levels_in_stock, set_lines, type_in_psql
from ingram_assets_tests.testing.systemd_machine import Machine
from ingram_demo.embedded.imap import Imap
from ingram_demo.embedded.medusa import Medusa
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.embedded.redis import start_redis, why_no_redis
from ingram_demo.embedded.s3 import S3
from ingram_demo.simulator import Simulator, running_simulator
from ingram_demo.simulator.mail import MaildirMailer

pytestmark = [
    pytest.mark.long,
    pytest.mark.xdist_group("medusa"),
    pytest.mark.timeout(3600),
    pytest.mark.skipif(systemd_machine.why_not() is not None, reason=str(systemd_machine.why_not())),
]

TITLES = 12
WORD = "word-of-a-test"
INSTALL, DATABASES, START, UPGRADE = systemd_machine.blocks(ROOT / "docs/deploying.md", "## systemd")


@pytest.fixture(scope="module")
def simulator(imap: Imap) -> Iterator[Simulator]:
    with running_simulator(titles=TITLES, mailer=MaildirMailer(imap.maildir)) as running:
        yield running


@pytest.fixture(scope="module")
def machine(servers_folder: Path, supervisor: Supervisor, imap: Imap) -> Iterator[Machine]:
    """One on which the program is installed, with a unit and a user for each service, and no settings yet."""
    folder = servers_folder / "systemd"
    folder.mkdir()
    root = systemd_machine.installed(folder, imap.ca_file)
    with systemd_machine.running(supervisor, root) as machine:
        packages, program, *lines = INSTALL
        assert packages.startswith("apt install ")
        assert program.endswith("/opt/ingram && cd /opt/ingram && ./just install")
        for line in lines:
            machine.said(line)
        yield machine


@pytest.fixture(scope="module")
def settings(machine: Machine, postgres: Postgres, medusa: Medusa, imap: Imap, s3: S3, simulator: Simulator):
    """Written into the examples' files, as a person does; and the databases as the document has them."""
    _make_databases(postgres, DATABASES)
    folder = machine.root / "etc/ingram"

    def at(user: str, database: str) -> str:
        return postgres.url(database, user, WORD)

    set_lines(
        folder / ".env.owner",
        QUEUE_OWNER_DB_URL=at("queue_owner", "catalog_import"),
        DAGSTER_PG_URL=at("dagster", "dagster"),
        R2_PUBLIC_URL=s3.public_url,
    )
    ports = {name: str(free_port()) for name in ("SCRAPER", "STOREFRONT", "OPERATIONS", "UI", "DESK")}
    shared = folder / ".env"
    lines = shared.read_text().splitlines()
    not_here = ("QUEUE_OWNER_DB_URL=", "INGRAM_STATE_DIR=")
    shared.write_text("\n".join(line for line in lines if not line.startswith(not_here)))
    set_lines(
        shared,
        DAGSTER_PG_URL=at("dagster_at_work", "dagster"),
        **{f"INGRAM_PORT_{name}": port for name, port in ports.items()},
    )
    set_lines(
        folder / ".env.scraper",
        IPAGE_BASE_URL=simulator.url,
        IPAGE_USERNAME=simulator.account.username,
        IPAGE_PASSWORD=simulator.account.password,
        IPAGE_ACCOUNT=simulator.account.account,
        IPAGE_SAVED_SEARCH_ID=simulator.search_id,
        IPAGE_MFA_IMAP_URL=imap.url,
        OPEN_LIBRARY_COVERS_URL=simulator.open_library_url,
        QUEUE_DB_URL=at("ingram_queue_writer", "catalog_import"),
        R2_ENDPOINT=s3.endpoint,
        R2_ACCESS_KEY_ID=s3.key,
        R2_SECRET_ACCESS_KEY=s3.secret,
        R2_BUCKET_NAME=s3.bucket,
        R2_PUBLIC_URL=s3.public_url,
    )
    set_lines(
        folder / ".env.storefront",
        QUEUE_DB_URL=at("ingram_queue_reader", "catalog_import"),
        STOREFRONT_DB_URL=at("storefront", "storefront"),
        MEDUSA_BACKEND_URL=medusa.url,
        MEDUSA_API_KEY="",
        MEDUSA_EMAIL=medusa.email,
        MEDUSA_PASSWORD=medusa.password,
        MODE="live",
    )
    set_lines(folder / ".env.operations", ALERT_URLS="")


def _make_databases(postgres: Postgres, lines: list[str]) -> None:
    type_in_psql(postgres, "".join(f"{line}\n" for line in lines).replace("…", WORD))


@pytest.fixture(scope="module")
def shop(machine: Machine, settings: None, postgres: Postgres, eventually: Callable[..., None]) -> Machine:
    """All services at work, by the lines with which the document starts them."""
    for line in START:
        if line.startswith("psql "):
            with psycopg.connect(postgres.url("catalog_import"), autocommit=True) as connection:
                for role in ("ingram_queue_writer", "ingram_queue_reader"):
                    connection.execute(f"ALTER ROLE {role} PASSWORD '{WORD}'".encode())
        elif not line.startswith("#"):
            machine.said(line)
    eventually(lambda: all(_is_well(machine, name) for name in SERVICES), seconds=300)
    return machine


def _is_well(machine: Machine, name: str) -> bool:
    return machine.run(f"deploy/as-service.sh {name} serve {name} --check").returncode == 0


def _is_right(machine: Machine) -> bool:
    return machine.run("deploy/as-service.sh storefront check-store").returncode == 0


def _journal(machine: Machine) -> str:
    return machine.said("journalctl --no-pager --output=cat --unit 'ingram-*'")


def test_a_first_reading_comes_to_the_store(shop: Machine, medusa: Medusa, eventually: Callable[..., None]):
    eventually(lambda: levels_in_stock(medusa) > 0, seconds=600)
    eventually(lambda: _is_right(shop), seconds=300)
    said = shop.said("deploy/as-service.sh storefront status")
    assert said.startswith("The store tells the truth.")
    assert "Changed since" not in said, "systemd's copies of the settings are no newer ones"
    assert "timer" in shop.said("systemctl list-timers --no-legend ingram-backup.timer")
    assert "Traceback" not in _journal(shop), "page and daemon wait for the code servers"


def test_each_service_is_a_user_without_rights_who_reads_its_own_settings_alone(shop: Machine):
    users = set()
    for name in SERVICES:
        process = shop.process_of(f"ingram-{name}")
        assert process is not None
        users.add(process.uids().real)
        status = dict(
            line.split(":\t", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
        )
        rights = {status[key] for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
        assert (rights, status["NoNewPrivs"], status["Seccomp"]) == ({"0" * 16}, "1", "2")
        assert ("R2_SECRET_ACCESS_KEY" in process.environ()) == (name == "scraper")
    assert len(users) == len(SERVICES)
    assert 0 not in users
    for name in SERVICES:
        others = [f"/run/credentials/ingram-{each}.service/.env" for each in SERVICES if each != name]
        others += [f"/etc/ingram/{file.name}" for file in (shop.root / "etc/ingram").iterdir()]
        seen = shop.run(f"systemd-run --quiet --wait --pipe --uid=ingram-{name} cat {' '.join(others)}")
        assert (seen.stdout, seen.stderr.count("Permission denied")) == ("", len(others))


def test_the_browser_signs_in_with_the_rights_of_the_unit(shop: Machine, simulator: Simulator):
    simulator.expire_sessions()
    simulator.forget_devices()
    mails = len(simulator.mails())
    assert "12  pages read" in shop.said("deploy/as-service.sh scraper sync-stock")
    assert len(simulator.mails()) == mails + 1


def test_what_is_killed_comes_back(shop: Machine, eventually: Callable[..., None]):
    for name in ("daemon", "scraper", "storefront"):
        was = shop.process_of(f"ingram-{name}")
        shop.said(f"systemctl kill --signal=KILL ingram-{name}")
        eventually(
            lambda name=name, was=was: shop.process_of(f"ingram-{name}") not in (was, None), seconds=60
        )
        eventually(lambda name=name: _is_well(shop, name), seconds=120)
    assert "12  pages read" in shop.said("deploy/as-service.sh scraper sync-stock")


def test_a_backup_is_taken_and_the_shop_upgraded(shop: Machine, eventually: Callable[..., None]):
    for line in UPGRADE:
        shop.said(line.replace("git pull && ", ""))
    eventually(lambda: all(_is_well(shop, name) for name in SERVICES), seconds=300)
    (archive,) = shop.said("ls /var/lib/ingram-backup").split()
    assert archive.startswith("ingram-backup-")
    told = shop.said("journalctl --no-pager --unit ingram-backup")
    assert "could not be noted" not in told
    assert "keep them elsewhere, as in a password manager: .env, .env.storefront." in told


def test_the_services_wait_for_migrations_that_are_tried_again(
    shop: Machine, eventually: Callable[..., None]
):
    """A database that comes back after an hour, when nobody is there."""
    override = shop.root / "etc/systemd/system/ingram-migrate.service.d/fails.conf"
    override.parent.mkdir()

    def ends_with(code: int) -> None:
        command = f"ExecStart=/bin/sh -c 'exit {code}'"
        override.write_text(f"[Service]\nExecStart=\n{command}\nRestartSec=1\n")
        shop.said("systemctl daemon-reload")

    def ends_well() -> None:
        override.unlink()
        shop.said("systemctl daemon-reload")

    stop = next(line for line in UPGRADE if line.startswith("systemctl stop "))
    shop.said(stop)
    ends_with(1)
    shop.said("systemctl start --no-block ingram.target")
    eventually(lambda: int(shop.said("systemctl show --value -p NRestarts ingram-migrate")) > 2, seconds=60)
    assert {shop.state_of(f"ingram-{name}") for name in SERVICES} == {"inactive"}
    ends_well()
    eventually(lambda: all(_is_well(shop, name) for name in SERVICES), seconds=300)

    shop.said(stop)
    ends_with(2)
    assert shop.run("systemctl start ingram-migrate").returncode, "a person is told at once"
    ends_well()
    shop.said("systemctl start ingram.target")
    eventually(lambda: all(_is_well(shop, name) for name in SERVICES), seconds=300)


def test_a_wrong_setting_is_told_by_systemd_and_the_others_are_at_work(
    shop: Machine, eventually: Callable[..., None]
):
    own, owner = (shop.root / "etc/ingram" / name for name in (".env.scraper", ".env.owner"))
    right = {file: file.read_text() for file in (own, owner)}
    set_lines(own, IPAGE_CONCURRENCY="eight")
    set_lines(owner, QUEUE_OWNER_DB_URL="nonsense")
    assert shop.run("systemctl restart ingram-migrate").returncode
    shop.said("systemctl restart ingram-scraper")
    eventually(lambda: shop.state_of("ingram-scraper") == "failed", seconds=60)
    assert "IPAGE_CONCURRENCY is malformed" in shop.run("systemctl status --lines=20 ingram-scraper").stdout
    assert all(_is_well(shop, name) for name in SERVICES if name != "scraper")
    for file, text in right.items():
        file.write_text(text)
    shop.said("systemctl restart ingram-migrate ingram-scraper")
    eventually(lambda: _is_well(shop, "scraper"), seconds=120)


def test_a_backup_goes_into_new_databases(shop: Machine, postgres: Postgres, eventually: Callable[..., None]):
    shop.said("systemctl stop 'ingram-*'")
    for database in ("dagster", "storefront", "catalog_import"):
        postgres.drop_database(database)
    _make_databases(postgres, [line for line in DATABASES if not line.startswith("CREATE ROLE")])
    (archive,) = shop.said("ls /var/lib/ingram-backup").split()
    shop.said(f"deploy/as-service.sh backup restore /var/lib/ingram-backup/{archive} --yes")
    shop.said("systemctl start ingram.target")
    eventually(lambda: all(_is_well(shop, name) for name in SERVICES), seconds=300)
    assert shop.state_of("ingram-backup.timer") == "active"
    shop.said("deploy/as-service.sh scraper sync-stock")
    eventually(lambda: _is_right(shop), seconds=300)


@pytest.mark.skipif(why_no_redis() is not None, reason=str(why_no_redis()))
def test_workers_do_the_runs(shop: Machine, supervisor: Supervisor, eventually: Callable[..., None]):
    redis = start_redis(supervisor, supervisor.folder / "redis-of-systemd")
    set_lines(shop.root / "etc/ingram/.env", CELERY_BROKER_URL=redis.url)
    workers = " ".join(f"ingram-worker@{name}" for name in ("scraper", "storefront", "operations"))
    shop.said("systemctl stop 'ingram-*'")
    shop.said(f"systemctl start ingram.target {workers}")
    eventually(lambda: all(_is_well(shop, name) for name in SERVICES), seconds=300)
    assert "12  pages read" in shop.said("deploy/as-service.sh scraper sync-stock")
    assert "execute_job" in shop.said("journalctl --no-pager --unit ingram-worker@scraper")
    shop.said(f"systemctl stop {workers}")
    assert {shop.state_of(name) for name in workers.split()} == {"inactive"}


def test_nothing_was_refused(shop: Machine):
    """The last one: what all of them left in the journal."""
    for wrong in ("Permission denied", "Read-only file system", "not permitted", "holds secrets"):
        assert wrong not in _journal(shop)
