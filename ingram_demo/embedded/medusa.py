"""A real Medusa: its npm packages installed once, its tables migrated once, then started in seconds."""

import json
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.runtime.node import Node, find_node
from ingram_assets.runtime.ports import free_port, http_ok
from ingram_assets.runtime.processes import Supervisor
from ingram_demo.embedded import tools
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.embedded.seed_store import SeededStore, seed_store

PROJECT = Path(__file__).parents[1] / "medusa_backend"
EMAIL = "admin@bookstore.example"
DATABASE = "medusa"

_OF_PATTERNS = re.compile(r"""['"`()\[\]{}*?!+|\\]""")
"""What a pattern of file names takes for its own: Medusa looks for its migrations with one."""


@dataclass(frozen=True)
class Medusa:
    """A running store, set up as `seed_store` says. `database_url` is for the tests that put it back."""

    url: str
    email: str
    password: str = field(repr=False)
    store: SeededStore
    version: str
    database_url: str = field(repr=False)


@dataclass(frozen=True)
class Installed:
    """Medusa's packages with the dump of a migrated database that has the admin user."""

    node: Node
    project: Path
    lock: str
    dump: Path
    password: str = field(repr=False)


def start_medusa(
    supervisor: Supervisor, folder: Path, tools_folder: Path, postgres: Postgres, *, port: int | None = None
) -> Medusa:
    """Installs what is missing, then starts Medusa on the database `medusa` of `postgres`. 6 to 8 s.

    The first time on a machine: 20 to 30 s for the packages and 20 s for the migrations. The database is kept
    from start to start; when the packages changed, it is migrated. Raises InstallFailed, ChildFailed.
    """
    installed = install_medusa(tools_folder, postgres)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    password = _database(folder, installed, postgres)
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    supervisor.start(
        "medusa",
        [installed.node.program, _cli(installed.project), "start", "-p", str(port), "-H", "127.0.0.1"],
        env=_environment(installed.node, folder.resolve(), postgres.url(DATABASE)),
        cwd=installed.project,
        ready=http_ok(f"{url}/health"),
        ready_seconds=120,
        restart=True,
    )
    return Medusa(
        url=url,
        email=EMAIL,
        password=password,
        store=seed_store(url, EMAIL, password),
        version=_version(installed.project),
        database_url=postgres.url(DATABASE),
    )


def install_medusa(tools_folder: Path, postgres: Postgres) -> Installed:
    """The npm packages and the dump, each made once for one lock file. `postgres` is used to migrate in."""
    node = find_node()
    project = tools_folder.resolve() / "medusa"
    if sign := _OF_PATTERNS.search(str(project)):
        raise NeedsPerson(
            f"Medusa finds none of its migrations below a folder with {sign[0]} in its name ({project}): set "
            "INGRAM_TOOLS_DIR to a folder without, or move the clone to one, and start again."
        )
    lock = tools.digest(PROJECT / "package.json", PROJECT / "package-lock.json", PROJECT / "medusa-config.js")
    dump, kept_password = project / "migrated.sql", project / "admin-password"
    with tools.one_at_a_time(tools_folder):
        if not tools.is_done(project / "packages.done", lock):
            tools.install_npm("Installing Medusa's npm packages", PROJECT, project, node, seconds=900)
            tools.mark_done(project / "packages.done", lock)
        if not tools.is_done(project / "migrated.done", lock):
            password = secrets.token_urlsafe(16)
            making = f"medusa_{secrets.token_hex(4)}"
            env = _environment(node, project, postgres.create_database(making))
            try:
                _migrate(node, project, env)
                tools.run(
                    "Making Medusa's admin user",
                    [node.program, _cli(project), "user", "-e", EMAIL, "-p", password],
                    seconds=120,
                    cwd=project,
                    env=env,
                )
                postgres.dump(making, dump)
            finally:
                postgres.drop_database(making)
            kept_password.touch(mode=0o600)
            kept_password.write_text(password)
            tools.mark_done(project / "migrated.done", lock)
    return Installed(node, project, lock, dump, kept_password.read_text())


def _database(folder: Path, installed: Installed, postgres: Postgres) -> str:
    """Makes sure of the database, migrated for these packages; the password of its admin user."""
    own_password, migrated = folder / "admin-password", folder / "migrated.done"
    if not postgres.has_database(DATABASE) or not own_password.exists():
        postgres.drop_database(DATABASE)
        # Under another name until whole: an interrupted start must not leave half a database to be used.
        postgres.drop_database(f"{DATABASE}_new")
        postgres.create_database(f"{DATABASE}_new")
        postgres.restore(f"{DATABASE}_new", installed.dump)
        own_password.touch(mode=0o600)
        own_password.write_text(installed.password)
        tools.mark_done(migrated, installed.lock)
        postgres.rename_database(f"{DATABASE}_new", DATABASE)
    elif not tools.is_done(migrated, installed.lock):
        environment = _environment(installed.node, folder.resolve(), postgres.url(DATABASE))
        _migrate(installed.node, installed.project, environment)
        tools.mark_done(migrated, installed.lock)
    return own_password.read_text()


def _migrate(node: Node, project: Path, env: dict[str, str]) -> None:
    tools.run(
        "Migrating Medusa's database",
        [node.program, _cli(project), "db:migrate"],
        seconds=300,
        cwd=project,
        env=env,
    )


def _cli(project: Path) -> Path:
    return project / "node_modules" / "@medusajs" / "cli" / "cli.js"


def _environment(node: Node, home: Path, database_url: str) -> dict[str, str]:
    return {
        "PATH": node.path(os.defpath),
        "HOME": str(home),  # Medusa's commands leave a folder there, which is not to be the user's own.
        "NODE_ENV": "production",
        "DATABASE_URL": database_url,
        # Sessions end with the server: nobody's stay signed in over a restart of a demo.
        "JWT_SECRET": secrets.token_hex(32),
        "COOKIE_SECRET": secrets.token_hex(32),
        "MEDUSA_DISABLE_TELEMETRY": "1",
    }


def _version(project: Path) -> str:
    package = project / "node_modules" / "@medusajs" / "medusa" / "package.json"
    return json.loads(package.read_text())["version"]
