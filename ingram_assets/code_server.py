"""`python -m ingram_assets.code_server …`: Dagster's own gRPC server of a code location, with warm runs.

Dagster starts each run in a new interpreter, which first imports Dagster and the location: some four seconds
of processor, before every sweep and between a change and the store. Here Python's own fork server imports
them once, and each run is forked from it: a process of its own all the same, which starts within a fraction
of a second. Forking the gRPC server itself would not do, because it has threads.

Takes the options of `dagster api grpc`, `--module-name` among them. A module `warm` beside the location's
holds what its runs import late.
"""

import multiprocessing
import sys
from multiprocessing import forkserver
from typing import Any

WARM = ["dagster._grpc.impl", "ingram_assets.dagster_storage", "httpcore", "upath"]
"""What every run needs, besides its location."""


def main(arguments: list[str]) -> None:
    """Serve until told to stop; the options are `dagster api grpc`'s."""
    module = arguments[arguments.index("--module-name") + 1]
    late = f"{module.rpartition('.')[0]}.warm".lstrip(".")
    multiprocessing.set_forkserver_preload([*WARM, module, late])  # It passes over what is not there.
    forkserver.ensure_running()  # Now, so that both import their modules at the same time.

    from dagster._cli.api import grpc_command
    from dagster._grpc import server

    class WarmServer(server.DagsterApiServer):
        """Dagster's own, but for where the processes of its runs come from."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._mp_ctx = multiprocessing.get_context("forkserver")  # type: ignore[assignment]

    # The command knows no other way to be given one.
    server.DagsterApiServer = WarmServer  # type: ignore[misc]
    grpc_command.main(arguments, prog_name="ingram_assets.code_server")


if __name__ == "__main__":
    main(sys.argv[1:])
