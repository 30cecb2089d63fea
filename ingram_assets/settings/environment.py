"""The environment of each process: the machine's, what all may know, and what its code location may.

They come from the `.env` files of a folder, and from this process's environment, which wins.
"""

import difflib
import logging
import os
import re
import shlex
import stat
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from ingram_assets.settings import proxies
from ingram_assets.settings.base import SettingsError
from ingram_assets.settings.env_files import MalformedFile, made_out, read_env
from ingram_assets.settings.file_of_setting import LOCATIONS, READ_FROM, SHARED
from ingram_assets.settings.files import ENV_DIR, SITE_TOML, are_copies, env_dir, example_of, own_file
from ingram_assets.settings.kinds import trimmed
from ingram_assets.settings.shared import CommonSettings

log = logging.getLogger(__name__)

_PATHS = (
    *("DAGSTER_HOME", "INGRAM_STATE_DIR", "BROWSER_EXECUTABLE"),
    *("CATEGORIES_FILE", "LABELS_FILE", "SITE_FILE"),
)
"""Settings that name a file or folder."""

HOSTS = tuple(f"INGRAM_HOST_{name.upper()}" for name in LOCATIONS)
"""Where the code servers are, where each process of a shop is started by itself."""

_PORTS = "UI DESK SCRAPER STOREFRONT OPERATIONS POSTGRES S3 COVERS IMAP IPAGE MEDUSA"
PORTS = tuple(f"INGRAM_PORT_{name}" for name in _PORTS.split())
"""Ports that may be fixed: of `ingram up`'s processes, and of the demo's servers."""

_OF_THE_MACHINE = {
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH", "FONTCONFIG_FILE", "XDG_RUNTIME_DIR"),
    *("PLAYWRIGHT_NODEJS_PATH", "PLAYWRIGHT_BROWSERS_PATH"),
    *("VIRTUAL_ENV", "PYTHONPATH", "PYTHONUNBUFFERED"),
    # Most systems know the small spelling, some programs the other.
    *proxies.NAMES,
    *(name.upper() for name in proxies.NAMES),
    *proxies.SPARED,
}
_OF_DAGSTER = {"DAGSTER_EVENT_BATCH_SIZE", "FRESHNESS_DAEMON_INTERVAL_SECONDS"}
_NO_SETTINGS = {*_OF_THE_MACHINE, *_OF_DAGSTER, "INGRAM_TOOLS_DIR", "INGRAM_SUPERVISED_IN", ENV_DIR}
_NAMES = {*READ_FROM, *PORTS, *HOSTS}
_PREFIXES = {name.partition("_")[0] for name in _NAMES}


def environment_of(location: str | None, folder: Path | None = None) -> dict[str, str]:
    """The whole environment a process of a code location gets: the machine's, the common and its own.

    Args:
        location: "scraper", "storefront" or "operations"; `None` for the web server and the daemon, which
            know Dagster's database alone.
        folder: of the `.env` files; default: `env_dir()`.

    Raises:
        SettingsError: a file can't be read, or a line of it.
    """
    folder = folder or env_dir()
    own = [LOCATIONS[location]] if location else []
    wanted = {*_OF_THE_MACHINE, *_OF_DAGSTER, *SHARED, *(name for of in own for name in of.model_fields)}
    given = {"INGRAM_STATE_DIR": str(folder / CommonSettings.model_fields["INGRAM_STATE_DIR"].default)}
    # Whatever it is: what can't be read there is refused by its name, and not left out in silence.
    if "SITE_FILE" in wanted and os.path.lexists(folder / SITE_TOML):
        given["SITE_FILE"] = str(folder / SITE_TOML)
    return given | {
        name: trimmed(name, value) if name in READ_FROM else value
        for name, value in _written(folder, (".env", *(of.file for of in own))).items()
        if name in wanted or name in HOSTS or name.startswith("INGRAM_PORT_")
    }


def environment_of_owner(folder: Path | None = None) -> dict[str, str]:
    """What a person's command may know that is no code location's: `.env`, and this process's environment.

    Raises:
        SettingsError: as for `environment_of`.
    """
    return _written(folder or env_dir(), (".env",))


def all_made_out(folder: Path | None = None) -> tuple[list[tuple[str, str]], list[str]]:
    """Names and values that the `.env` files and this process's environment say, whatever is wrong with them.

    Returns:
        The pairs, a name with each value that it may have; and the files of which nothing can be read.
    """
    folder = folder or env_dir()
    found, unreadable = list(os.environ.items()), []
    for name in (".env", *(of.file for of in LOCATIONS.values())):
        try:
            data = (folder / name).read_bytes()
        except FileNotFoundError:
            continue
        except OSError:
            unreadable.append(name)
            continue
        pairs = made_out(data)
        found += pairs
        if not pairs and not all(
            line.startswith(b"#") for line in map(bytes.strip, data.splitlines()) if line
        ):
            unreadable.append(name)
    return [(_capital(name), value) for name, value in found], unreadable


def said_in_files(setting: str, folder: Path | None = None) -> dict[str, str]:
    """What the `.env` files say of a setting, by the file's name; one that can't be read says nothing."""
    folder, said = folder or env_dir(), {}
    for name in (".env", *(of.file for of in LOCATIONS.values())):
        with suppress(OSError, MalformedFile):
            if value := read_env((folder / name).read_bytes()).get(setting, "").strip():
                said[own_file(name)] = value
    return said


def environment_of_machine() -> dict[str, str]:
    """This process's environment without any setting."""
    return of_the_machine(os.environ)


def of_the_machine(environment: Mapping[str, str]) -> dict[str, str]:
    """What of an environment is no setting of ours: paths, certificates, proxies."""
    return {name: value for name, value in environment.items() if name in _OF_THE_MACHINE}


def port_settings(environment: Mapping[str, str]) -> dict[str, int]:
    """The ports that `INGRAM_PORT_…` fix, by what follows that in the setting's name; 0 is any free one.

    Raises:
        SettingsError: one is no port.
    """
    ports = {}
    for name in PORTS:
        if value := environment.get(name, "").strip():
            if not re.fullmatch(r"[0-9]{1,5}", value) or int(value) > 65_535:
                raise SettingsError(
                    f"{name} is malformed: a port is a whole number up to 65535, and 0 any free one. Set it "
                    f"in {own_file('.env')} or in the environment."
                )
            ports[name.removeprefix("INGRAM_PORT_")] = int(value)
    return ports


def _written(folder: Path, files: Iterable[str]) -> dict[str, str]:
    """What the files say, each over those before it, and this process's environment over all.

    A path in a file begins where the file lies, one of the environment where this process works: the
    processes that it starts work elsewhere, and all have to mean the same folder.
    """
    given: dict[str, str] = {}
    for name in files:
        found = {name: value for name, value in _file(folder / name).items() if value}
        given |= _with_whole_paths(found, folder)
    exported = _with_whole_paths(_called(os.environ), Path.cwd())
    _hint("in the environment", [name for name in exported if name.partition("_")[0] in _PREFIXES], ".env")
    return given | exported


def _with_whole_paths(given: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The settings, with those that name a file or folder from `folder` on."""
    whole = dict(given)
    for name in _PATHS:
        if path := os.path.expanduser(given.get(name, "").strip()):
            # One of a user who is not there stays as it is: it is refused by its name later.
            whole[name] = path if path.startswith("~") else os.path.join(folder, path)
    return whole


def _file(path: Path) -> dict[str, str]:
    """The settings of a `.env` file; none if it is not there."""
    try:
        with path.open("rb") as file:
            data, mode = file.read(), os.fstat(file.fileno()).st_mode
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{path} can't be read: {error.strerror}.") from None
    # The bits of a group are systemd's way to let the service's own user read its copy.
    if mode & (stat.S_IRWXG | stat.S_IRWXO) and not are_copies():
        warn_once(
            f"{own_file(path.name)} holds secrets and other users of this machine may open it: chmod 600 "
            f"{shlex.quote(str(path))}"
        )
    try:
        found = read_env(data)
        if twice := [name for name, often in Counter(map(_capital, found)).items() if often > 1]:
            raise MalformedFile(f"{twice[0]} stands there in small letters, too: keep one of them")
    except MalformedFile as error:
        raise SettingsError(f"{own_file(path.name)}: {error}. (See {example_of(path.name)}.)") from None
    settings = _called(found)
    _hint(f"in {own_file(path.name)}", settings, path.name)
    return settings


def _called(given: Mapping[str, str]) -> dict[str, str]:
    """By the settings' own names: one in small letters is taken, unless it is there in capitals, too."""
    return {
        _capital(name): value
        for name, value in given.items()
        if _capital(name) == name or _capital(name) not in given
    }


def _capital(name: str) -> str:
    """A setting's name in capitals; the name as it is where it is no setting's."""
    return name.upper() if name.upper() in _NAMES else name


def _hint(where: str, names: Iterable[str], file: str) -> None:
    """Warn of names that look like a setting's and are none, or are one that is not read from there."""
    for name in names:
        if name in READ_FROM:
            if file not in READ_FROM[name]:
                warn_once(f"{name} is not read {where}: it belongs in {own_file(READ_FROM[name][-1])}.")
        elif name not in _NAMES | _NO_SETTINGS and (
            close := difflib.get_close_matches(name.upper(), _NAMES, 1, 0.85)
        ):
            warn_once(f"{name} {where} is no setting and does nothing: is {close[0]} meant?")


@cache
def warn_once(sentence: str) -> None:
    """Warn, but once in a process: a command reads its files several times."""
    log.warning(sentence)
