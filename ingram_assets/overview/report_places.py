"""Files and folders of this machine, told without the names of whose they are."""

import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from ingram_assets.settings.files import CHECKOUT, env_dir

_ROOTS = (
    *("home", "Users", "root", "srv", "opt", "var", "tmp", "mnt", "media", "usr", "etc", "private", "run"),
    *("Volumes", "data", "app", "lib", "bin"),
)
_PART = r"[^\s/\"'<>:;,|()\[\]]+"


class FolderNames:
    """What folders of this machine are called in a report.

    Args:
        state: the state folder.
        files: that settings name, of which the folders must not be told.
    """

    def __init__(self, state: Path, files: Iterable[Path] = ()) -> None:
        called: dict[Path, str] = {Path(tempfile.gettempdir()): "temporary", Path.home(): "home"}
        called = {file.expanduser().parent: "files" for file in files} | called
        called |= {CHECKOUT: "program", Path.cwd(): "here", env_dir(): "settings", state: "state"}
        self._called = _spelled(called)
        roots = {Path(one).parts[1] for one in self._called} | {*_ROOTS}
        alternatives = "|".join(map(re.escape, sorted(roots)))
        self._path = re.compile(
            rf"(?P<known>\[(?:{'|'.join({*called.values()})})\])(?P<rest>(?:/{_PART})+)|"
            rf"(?<![\w:/.~\]-])~?/(?:{alternatives})(?:/{_PART})+/?"
        )

    def named(self, text: str) -> str:
        """The text with the folders that are known called by what they are."""
        for path, name in self._called.items():
            text = re.sub(rf"{re.escape(path)}(?![\w-])", f"[{name}]", text)
        return text

    def told(self, text: str) -> str:
        """The text with each path as its file's name, with what folder it is in where that is known."""
        return self._path.sub(_last, self.named(text))


def _spelled(called: Mapping[Path, str]) -> dict[str, str]:
    """Each folder as it is given and as it is meant, the deepest first."""
    spelled = {str(one): name for path, name in called.items() for one in (path.absolute(), path.resolve())}
    deepest = sorted(spelled, key=len, reverse=True)
    return {path: spelled[path] for path in deepest if len(Path(path).parts) > 1}


def _last(found: re.Match[str]) -> str:
    written = found["rest"] or found[0]
    path = Path(written.rstrip("."))
    # A folder's name may be a person's; a file's tells what it is for.
    last = path.name if path.suffix or path.name.startswith(".") else "[folder]"
    end = written[len(written.rstrip(".")) :]
    return (f"{found['known']}/{last}" if found["known"] else last) + end
