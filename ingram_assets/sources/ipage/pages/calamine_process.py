"""Reads an Excel workbook in a process of its own, which `spreadsheets.py` starts. Imports nothing of ours.

calamine reserves the whole rectangle of a sheet, from its first cell to its last. A workbook with one cell
in the last corner is a few hundred bytes long, asks for 500 GB, and ends the process that reads it: so that
is this one, whose memory is bounded.

In: the workbook, on standard input; the most rows, and the most bytes of the answer, as arguments.
Out: JSON, `{"sheets": [[row, …], …]}` with visible sheets alone, or `{"problem": why}`.
"""

import contextlib
import io
import json
import sys
from typing import Any

from python_calamine import CalamineWorkbook, PasswordError, SheetVisibleEnum

MEMORY = 768 * 1024 * 1024
"""Bytes, on top of what the libraries take once they are loaded."""


def main() -> None:
    """Read, answer, end."""
    rows, size = int(sys.argv[1]), int(sys.argv[2])
    data = sys.stdin.buffer.read()
    _limit_memory()
    answer: dict[str, Any]
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        shown = [one.name for one in book.sheets_metadata if one.visible == SheetVisibleEnum.Visible]
        answer = {
            "sheets": [
                book.get_sheet_by_name(name).to_python(skip_empty_area=False, nrows=rows) for name in shown
            ]
        }
    except PasswordError:
        answer = {"problem": "it is locked with a password"}
    except MemoryError:
        answer = {"problem": "it is too large"}
    except Exception as error:  # whatever calamine says of a file that is none
        # The reason of an encrypted XLS has no type of its own.
        locked = "password" in str(error).lower() or "encrypt" in str(error).lower()
        answer = {"problem": "it is locked with a password" if locked else f"it is damaged ({error})"}
    said = json.dumps(answer, default=str)
    if len(said) > size:
        said = json.dumps({"problem": "it is too large"})
    sys.stdout.write(said)


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):  # not every system has these limits
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with open("/proc/self/statm") as sizes:
            now = int(sizes.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))


if __name__ == "__main__":
    main()
