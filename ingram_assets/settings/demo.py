"""The demo at work on this machine: commands without settings of a shop speak to it."""

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from ingram_assets.settings import files
from ingram_assets.settings.environment import PORTS
from ingram_assets.settings.file_of_setting import LOCATIONS, READ_FROM
from ingram_assets.whole_files import write_whole

_MARK = "at_work"
SETTINGS = "settings"


@contextmanager
def at_work(folder: Path) -> Iterator[None]:
    """Marks that this process keeps a demo in a folder at work, until the block ends."""
    mark = folder / _MARK
    write_whole(mark, f"{os.getpid()} {_began(os.getpid())}")
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def shop_is_here() -> bool:
    """Whether settings of a shop are here: a folder that was chosen, a `.env` file, the environment."""
    if os.environ.get(files.ENV_DIR, "").strip():
        return True
    if any(os.environ.get(name, "").strip() for name in READ_FROM if name not in PORTS):
        return True
    own = files.env_dir()
    return any((own / name).exists() for name in (".env", *(of.file for of in LOCATIONS.values())))


def demo_to_speak_to() -> Path | None:
    """The folder of the demo's settings, if it is at work and no setting of a shop is anywhere here."""
    if shop_is_here():
        return None
    try:
        pid, began = (files.DEMO / _MARK).read_text().split()
    except (OSError, ValueError):
        return None
    return files.DEMO / SETTINGS if pid.isdecimal() and _began(int(pid)) == began else None


def _began(pid: int) -> str:
    """When a process began: another one may have its number by now. "": there is none."""
    with contextlib.suppress(psutil.Error):
        return f"{psutil.Process(pid).create_time():.0f}"
    return ""
