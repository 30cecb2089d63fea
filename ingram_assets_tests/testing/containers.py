"""The images of deploy/Containerfile, built and run as compose.yaml says, where no container engine runs.

buildah builds them, on a Debian that mmdebstrap makes. What an engine does of a service, `unshare` does here:
the image's files for a root that can't be written to, its user without any right, the service's own secrets,
volumes and tmpfs, its command, and the image's environment beside compose's. Networks are this machine's own:
the services' names are addresses of it.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import yaml

from ingram_assets.runtime.processes import Supervisor
from ingram_demo.embedded.medusa import Medusa
from ingram_demo.embedded.postgres import Postgres

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "deploy" / "compose.yaml"
CONTAINERFILE = ROOT / "deploy" / "Containerfile"
SUITE = re.findall(r"^ARG BASE=debian:(\w+)-slim$", CONTAINERFILE.read_text(), re.M)[0]
BASE = f"localhost/ingram-test-debian-{SUITE}"
_TOOLS = ("buildah", "mmdebstrap", "unshare", "setpriv")
MACHINE_S_OWN = Path("/usr/local/share/ca-certificates")
_AS_A_CONTAINER = """\
set -eu
cd "$1"; shift
mount --make-rprivate /
mount --bind . .; cd "$PWD"
{mounts}
mount -t proc proc proc; mount --rbind /dev dev
mount -o remount,bind,ro .
pivot_root . .; umount -l .; cd /
exec env -i --chdir={folder} {environment} setpriv --reuid {uid} --regid {gid} --clear-groups \\
    --no-new-privs --inh-caps=-all --bounding-set=-all "$@"
"""


def why_not() -> str | None:
    """Why no image can be built here; `None`: it can."""
    if os.geteuid() != 0:
        return "only root can build images and mount them"
    if lacks := [name for name in _TOOLS if shutil.which(name) is None]:
        return f"{', '.join(lacks)}: not installed (apt install buildah mmdebstrap)"
    return None


def services() -> dict[str, Any]:
    """The services of compose.yaml."""
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def build(target: str, folder: Path) -> str:
    """Builds a target of the Containerfile, as far as it is not there. The image's name."""
    if not _said("buildah", "images", "-q", "-f", f"reference={BASE}"):
        _make_base(folder)
    name = f"localhost/ingram-test-{target}"
    run(
        *("buildah", "bud", "-q", "--layers", "--isolation", "chroot", "--build-arg", f"BASE={BASE}"),
        *("-f", CONTAINERFILE, "--target", target, "-t", name, ROOT),
    )
    return name


def make_debian(archive: Path, *packages: str) -> None:
    """A Debian with its essential packages and these, which trusts the authorities that this machine does."""
    own = [f"copy-in {file} {MACHINE_S_OWN}" for file in MACHINE_S_OWN.glob("*.crt")]
    hooks = [*own, 'chroot "$1" update-ca-certificates'] if own else []
    words = [f"--customize-hook={hook}" for hook in hooks]
    include = f"--include={','.join(('ca-certificates', *packages))}"
    run("mmdebstrap", "--variant=minbase", include, *words, SUITE, archive)


def _make_base(folder: Path) -> None:
    make_debian(folder / "root.tar")
    made = _said("buildah", "from", "scratch")
    run("buildah", "add", "-q", made, folder / "root.tar", "/")
    run("buildah", "commit", "-q", "--rm", made, BASE)
    (folder / "root.tar").unlink()


@dataclass(frozen=True)
class Root:
    """An image's files, with its configuration."""

    path: Path
    config: Mapping[str, Any]

    def python(self) -> Path:
        """The folder of the packages that are installed in it."""
        return next((self.path / "opt/ingram/lib").glob("python3*")) / "site-packages"


@contextmanager
def opened(image: str) -> Iterator[Root]:
    """An image's files, as they are for one who may write to them."""
    made = _said("buildah", "from", "--pull-never", image)
    try:
        config = json.loads(_said("buildah", "inspect", "--type", "image", image))["OCIv1"]["config"]
        yield Root(Path(_said("buildah", "mount", made)), config)
    finally:
        run("buildah", "rm", made)


@dataclass
class Shop:
    """The services of compose.yaml, each as a process with the files of its image.

    Attributes:
        folder: has `settings`, as settings.sh made them, and `bucket`.
        roots: by image, as compose names them.
        beside: what each service's environment has beside compose's: ports of this machine that are free.
        files: files of this machine that all may read, by their path inside.
    """

    supervisor: Supervisor
    folder: Path
    roots: Mapping[str, Root]
    beside: Mapping[str, str]
    files: Mapping[str, Path] = field(default_factory=dict)

    def start(self, name: str, words: Sequence[str] | None = None) -> None:
        """Start a service, with its command or with `words` in place of that."""
        self.supervisor.start(name, self._argv(name, words), env={"PATH": os.environ["PATH"]})

    def run(self, name: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run its command, or `words` as `docker compose exec` does, to its end."""
        argv = self._argv(name, words or None, environment)
        env = {"PATH": os.environ["PATH"]}
        return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=600)

    def is_well(self, name: str) -> bool:
        """What the service's health check says."""
        kind, *words = services()[name]["healthcheck"]["test"]
        assert kind == "CMD"
        return self.run(name, *words).returncode == 0

    def _argv(
        self, name: str, words: Sequence[str] | None, environment: Mapping[str, str] | None = None
    ) -> list[str]:
        service = services()[name]
        root = self.roots[service["image"]]
        script = self.folder / f"{name}.sh"
        uid, gid = service["user"].split(":")
        given = dict(one.split("=", 1) for one in root.config["Env"])
        given |= service.get("environment", {}) | dict(self.beside) | dict(environment or {})
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        script.write_text(
            _AS_A_CONTAINER.format(
                mounts="\n".join(self._mounts(service, root.path)),
                folder=root.config.get("WorkingDir") or "/",
                environment=" ".join(shlex.quote(f"{key}={value}") for key, value in given.items()),
                uid=uid,
                gid=gid,
            )
        )
        entry = service.get("entrypoint") or root.config.get("Entrypoint") or []
        command = words or [str(word).replace("$$", "$") for word in service["command"]]
        return ["unshare", "--mount", "sh", str(script), str(root.path), *entry, *command]

    def _mounts(self, service: Mapping[str, Any], root: Path) -> Iterator[str]:
        """Lines that mount what a service has. The places are made first."""
        for each in service.get("tmpfs", []):
            place, _, options = each.partition(":")
            (root / place[1:]).mkdir(parents=True, exist_ok=True)
            yield f"mount -t tmpfs -o {options or 'mode=1777'} tmpfs .{place}"
        of_compose = yaml.safe_load(COMPOSE.read_text())["secrets"]
        for secret in service.get("secrets", []):
            long = secret if isinstance(secret, dict) else {"source": secret}
            place = long.get("target", f"/run/secrets/{long['source']}")
            yield self._bound(self.folder / of_compose[long["source"]]["file"], place, root)
        for volume in service.get("volumes", []):
            source, place = volume.removesuffix(":ro").split(":")
            there = self.folder / (source if source.startswith("./") else f"volumes/{source}")
            if not there.exists():
                there.mkdir(parents=True)
                os.chown(there, *map(int, service["user"].split(":")))
                there.chmod(0o700)
            yield self._bound(there, place, root)
            if volume.endswith(":ro"):
                yield f"mount -o remount,bind,ro .{place}"
        for place, source in self.files.items():
            yield self._bound(source, place, root)

    @staticmethod
    def _bound(source: Path, place: str, root: Path) -> str:
        inside = root / place[1:]
        if source.is_dir():
            inside.mkdir(parents=True, exist_ok=True)
        else:
            inside.parent.mkdir(parents=True, exist_ok=True)
            inside.touch()
        return f"mount --bind {shlex.quote(str(source.resolve()))} .{place}"


def type_in_psql(postgres: Postgres, script: str) -> None:
    """What a person types there as the superuser; `connect` leads to another database, as in psql."""
    first, *others = re.split(r"^\\connect (\w+)\n", script, flags=re.M)
    for database, statements in [("postgres", first), *zip(others[::2], others[1::2], strict=True)]:
        with psycopg.connect(postgres.url(database), autocommit=True) as connection:
            for statement in statements.split(";\n"):
                if statement.strip():
                    connection.execute(statement.encode())


def levels_in_stock(medusa: Medusa) -> int:
    """How many of the store's levels have copies."""
    query = "SELECT count(*) FROM inventory_level WHERE stocked_quantity > 0 AND deleted_at IS NULL"
    with psycopg.connect(medusa.database_url) as connection:
        ((found,),) = connection.execute(query).fetchall()
    return int(found)


def set_lines(file: Path, **settings: str) -> None:
    """Fill settings into a file, as a person does: a line of that name, be it a comment, is written anew."""
    text = file.read_text()
    for name, value in settings.items():
        line = f"{name}={value}"
        text, often = re.subn(rf"^(?:# )?{name}=.*$", line.replace("\\", r"\\"), text, count=1, flags=re.M)
        text = text if often else f"{text}\n{line}\n"
    file.write_text(text)


def run(*words: str | Path) -> None:
    """Run a program of this machine, which has to end well."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=3000)
    assert done.returncode == 0, f"{words}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def _said(*words: str | Path) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
