"""`python -m ingram_assets.runtime.code_server …`: Dagster's gRPC server of a code location, with warm runs.

Dagster starts each run in a new interpreter, which first imports Dagster and the location: some four seconds
of processor, before every sweep and between a change and the store. Here each run is forked from a process
that has imported them, Python's own fork server: a process of its own all the same, which starts within a
fraction of a second. Forking the gRPC server itself would not do, because it has threads; but the fork server
is forked from it before it has any, so that both import only once, and share what they have in memory.

Takes the options of `dagster api grpc`, `--module-name` among them. A module `warm` beside the location's
holds what its runs import late: the fork server alone imports that.
"""

import contextlib
import gc
import importlib
import multiprocessing
import os
import sys
from collections.abc import Sequence
from multiprocessing import forkserver, resource_tracker, util
from typing import Any

WARM = ["dagster._grpc.impl", "ingram_assets.runtime.storage", "httpcore", "upath"]
"""What every run needs, besides its location."""


def import_for_both(module: str) -> None:
    """What the server and its runs need; none of it may start a thread. Frozen, so that it stays shared."""
    gc.disable()  # Nothing of what is imported is garbage.
    for name in [*WARM, "dagster._cli.api", module]:
        # The server says it better, if the location can't be imported.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    gc.freeze()
    gc.enable()


def _fork(_executable: Any, arguments: Sequence[Any], passed: Sequence[int]) -> int:
    """What a new interpreter would run (after `-c`), in a fork of this one, with these files open alone."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        for file in {*map(int, os.listdir("/dev/fd"))} - {0, 1, 2, *passed}:
            with contextlib.suppress(OSError):  # The listing's own is closed already.
                os.close(file)
        importlib.reload(forkserver)  # This process' own holds its lock just now, here for ever.
        exec(arguments[arguments.index("-c") + 1], {})
    except SystemExit:
        code = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def _start_fork_server() -> None:
    resource_tracker.ensure_running()  # The one other process that multiprocessing starts.
    spawn = util.spawnv_passfds
    util.spawnv_passfds = _fork  # type: ignore[assignment]  # Its parameters have names of their own.
    try:
        forkserver.ensure_running()
    finally:
        # Should it die, the next one is an interpreter of its own: by then there are threads.
        util.spawnv_passfds = spawn


def main(arguments: list[str]) -> None:
    """Serve until told to stop; the options are `dagster api grpc`'s."""
    module = arguments[arguments.index("--module-name") + 1]
    late = f"{module.rpartition('.')[0]}.warm".lstrip(".")
    import_for_both(module)
    multiprocessing.set_forkserver_preload([*WARM, module, late])  # It passes over what is not there.
    _start_fork_server()

    from ingram_assets.runtime.dagster_internals import grpc_command, server

    class WarmServer(server.DagsterApiServer):
        """Dagster's own, but for where the processes of its runs come from."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._mp_ctx = multiprocessing.get_context("forkserver")  # type: ignore[assignment]

    # The command knows no other way to be given one.
    server.DagsterApiServer = WarmServer  # type: ignore[misc]
    grpc_command.main(arguments, prog_name="ingram_assets.runtime.code_server")


if __name__ == "__main__":
    main(sys.argv[1:])
