"""`python -m ingram_assets.runtime.code_server …`: `dagster api grpc`, which forgets old files, too."""

import contextlib
import os
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

RUN_FILES_KEPT = timedelta(days=30)
TICK_FILES_KEPT = timedelta(days=2)
FORGET_EVERY = 3600.0


def forget_old_files(home: Path, now: float) -> int:
    """Deletes what runs and ticks printed long ago; how many files. `now` in seconds of the epoch.

    Dagster keeps a file of each tick that said something, 26,000 a day, two of each run, and deletes none.
    """
    gone = 0
    # By os.walk, which passes over what vanishes or can't be read on the way.
    walked = [Path(folder) / name for folder, _, names in os.walk(home / "storage") for name in names]
    for file in walked:
        if file.suffix not in (".err", ".out"):
            continue
        kept = RUN_FILES_KEPT if file.parent.name == "compute_logs" else TICK_FILES_KEPT
        with contextlib.suppress(OSError):  # Another one may be at it, and a file less is no matter.
            if file.stat().st_mtime < now - kept.total_seconds():
                file.unlink()
                gone += 1
                if file.parent.name == "compute_logs":
                    file.parent.rmdir()
                    file.parent.parent.rmdir()
    return gone


def _go_on_forgetting(home: Path) -> None:
    while True:
        forget_old_files(home, time.time())
        time.sleep(FORGET_EVERY)


if __name__ == "__main__":
    from ingram_assets.runtime.dagster_internals import cli as dagster_command

    # A daemon: it holds up no end.
    home = Path(os.environ["DAGSTER_HOME"])
    threading.Thread(target=_go_on_forgetting, args=(home,), name="forget files", daemon=True).start()
    dagster_command.main(["api", "grpc", *sys.argv[1:]], prog_name="dagster")
