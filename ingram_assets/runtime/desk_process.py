"""The desk as the shop runs it: a process with the storefront's settings, and none of anybody else's."""

import sys
from collections.abc import Mapping
from pathlib import Path

from ingram_assets.runtime.instance import THIS_HOST
from ingram_assets.runtime.ports import choose_port, http_ok
from ingram_assets.runtime.processes import Supervisor
from ingram_assets.whole_files import write_whole

DESK_PORT = 3001
_FILE = "desk.url"


def start_desk(
    supervisor: Supervisor,
    state: Path,
    environment: Mapping[str, str],
    *,
    home: Path,
    ui_url: str,
    port: int | None,
) -> str:
    """Start the desk, brought back if it dies. Returns its address.

    Args:
        state: the state folder, which keeps the address.
        environment: the storefront's, whole, with Dagster's database.
        home: Dagster's; `ui_url`: where its web server answers on this machine.
        port: `None` or 0: any free one.

    Raises:
        PortBusy: the port is taken.
        ChildFailed: it did not come up; the message quotes its log.
    """
    chosen = choose_port("INGRAM_PORT_DESK", port)
    url = f"http://127.0.0.1:{chosen}"
    supervisor.start(
        "desk",
        desk_argv(chosen),
        env={**environment, "DAGSTER_HOME": str(home), "INGRAM_UI_URL": ui_url},
        cwd=state,
        ready=http_ok(f"{url}/healthz"),
        ready_seconds=60,
        restart=True,
        needs_dagster=True,
    )
    write_whole(state / _FILE, url)
    return url


def desk_argv(port: int, host: str = THIS_HOST) -> list[str]:
    """The command line of the desk."""
    return [sys.executable, "-m", "ingram_assets.desk", str(port), host]


def forget_desk(state: Path) -> None:
    """After the stop."""
    (state / _FILE).unlink(missing_ok=True)


def desk_at(state: Path) -> str | None:
    """Where the desk of `ingram up` or the demo answers; `None`: it does not."""
    try:
        url = (state / _FILE).read_text()
    except FileNotFoundError:
        return None
    return url if http_ok(f"{url}/healthz")() else None
