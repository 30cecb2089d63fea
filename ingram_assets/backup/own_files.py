"""The small files of a shop that a backup holds, and where they are put back; none of those with secrets."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ingram_assets.backup.archive import Archive, FilePart
from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.named_files import read_named
from ingram_assets.settings.environment import environment_of
from ingram_assets.settings.file_of_setting import LOCATIONS
from ingram_assets.settings.files import env_dir, own_file
from ingram_assets.whole_files import write_whole

_NAMED_BY = {"SITE_FILE": "scraper", "LABELS_FILE": "storefront", "CATEGORIES_FILE": "storefront"}
"""The settings that name them, each with whose it is."""
_LARGEST = 10_000_000


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file of the shop's, read."""

    setting: str
    path: Path
    data: bytes


def own_files() -> list[OwnFile]:
    """Those that the settings of this machine name.

    Raises:
        NeedsPerson: one can't be read.
    """
    found = []
    for setting, location in _NAMED_BY.items():
        if not (named := environment_of(location).get(setting)):
            continue
        path = Path(named)
        try:
            data = read_named(path, _LARGEST)
        except OSError as error:
            raise NeedsPerson(
                f"{setting} names {path}, which can't be read ({error.strerror}). Correct {setting}, or mend "
                "the file."
            ) from None
        if len(data) > _LARGEST:
            raise NeedsPerson(f"{setting} names {path}, which is far too large to be one of ours.")
        found.append(OwnFile(setting, path, data))
    return found


def secret_files() -> list[str]:
    """The settings' files that are here: a person has to keep them elsewhere, since a backup holds none."""
    names = (".env", *(of.file for of in LOCATIONS.values()))
    return [own_file(name) for name in names if (env_dir() / name).exists()]


def put_files_back(archive: Archive) -> Iterator[str]:
    """Write the files that are missing here; what was done about each, in words. Overwrites none."""
    for part in archive.manifest.files:
        if part.setting not in _NAMED_BY or Path(part.called).name != part.called or part.called[:1] == ".":
            yield f"{part.name} is none of the files that this program knows: it stays in the archive."
            continue
        named = environment_of(_NAMED_BY[part.setting]).get(part.setting)
        path = Path(named) if named else env_dir() / part.called
        yield _put(path, b"".join(archive.read(part)), part, named is not None)


def _put(path: Path, data: bytes, part: FilePart, is_named: bool) -> str:
    # site.toml beside the settings is found without a setting.
    then = "" if is_named or path.name == "site.toml" else f" Set {part.setting}={path}"
    try:
        if not path.exists():
            write_whole(path, data)
            return f"{path} is written.{then}"
        is_same = read_named(path, _LARGEST) == data
    except OSError as error:
        return (
            f"{path} can't be written ({error.strerror}): take {part.name} out of the archive (it is a zip)."
        )
    if is_same:
        return f"{path} is there already, as it was.{then}"
    return f"{path} is another one by now, and stays. The backup's is {part.name} in the archive, a zip."


Told = Callable[[str], None]
"""Is told what is done, in a sentence or less."""
