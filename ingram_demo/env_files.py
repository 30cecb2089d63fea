"""The demo's settings as `.env` files, so that any command can be tried on it: `ingram --env-dir FOLDER`."""

from collections.abc import Mapping
from pathlib import Path

from ingram_assets.settings.file_of_setting import LOCATIONS, READ_FROM, SHARED
from ingram_assets.whole_files import write_whole


def write_env_files(
    folder: Path, environments: Mapping[str | None, Mapping[str, str]], owner_url: str
) -> None:
    """Writes `.env` and a file for each code location, each setting where a shop has it.

    Args:
        environments: of each code location, and under `None` of all.
        owner_url: the queue's owner's, for `ingram queue`.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    files = {
        ".env": {
            **{name: value for name, value in environments[None].items() if name in SHARED},
            "QUEUE_OWNER_DB_URL": owner_url,
        }
    }
    for location, settings in LOCATIONS.items():
        # Whom the machine trusts is no setting; whom a location does instead is.
        own = environments[location].items() - environments[None].items()
        files[settings.file] = {
            name: value
            for name, value in sorted(own)
            if (name in READ_FROM and name not in SHARED) or name == "SSL_CERT_FILE"
        }
    for file, given in files.items():
        lines = [f"{name}={_quoted(value)}" for name, value in given.items() if value]
        write_whole(folder / file, "\n".join(["# Written by the demo at each start.", *lines, ""]))


def _quoted(value: str) -> str:
    """As it is, in a pair of quotes that it does not have."""
    quote = '"' if "'" in value else "'"
    return f"{quote}{value}{quote}"
