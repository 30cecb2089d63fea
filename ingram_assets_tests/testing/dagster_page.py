"""Dagster's web server over a test's own code location, on PostgreSQL, with no daemon: runs stay queued."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from ingram_assets.runtime.instance import code_server_argv, dagster_home, dagster_instance
from ingram_assets.runtime.ports import free_port, http_ok, port_open
from ingram_assets.runtime.processes import Child, Supervisor
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import DAGSTER_PATH, CommonSettings
from ingram_assets_tests.testing.code_location import ROOT

LOCATION = "storefront"
JOBS = """
import dagster as dg

maybe = dg.Field(bool, is_required=False)

plan = dg.Field(str, is_required=False)

@dg.op(
    config_schema={
        "isbns": dg.Field(list, is_required=False), "dry_run": maybe, "let_through": maybe, "plan": plan
    }
)
def push_titles(): pass

@dg.op(config_schema={"run_id": str, "dry_run": maybe})
def undo_run(): pass

@dg.job
def push(): push_titles()

@dg.job
def undo(): undo_run()

defs = dg.Definitions(jobs=[push, undo])
"""
"""The storefront's jobs by name and configuration, that do nothing."""


@dataclass(frozen=True)
class DagsterPage:
    """A Dagster whose web server answers."""

    url: str
    common: CommonSettings
    instance: dg.DagsterInstance
    web_server: Child


@contextmanager
def running_dagster_page(folder: Path, database: str) -> Iterator[DagsterPage]:
    """It answers as the shop's does, and ends with the block."""
    common = load(
        CommonSettings,
        {"DAGSTER_PG_URL": database, "DAGSTER_HOME": str(folder), "INGRAM_STATE_DIR": str(folder)},
    )
    dagster_home(common)
    (folder / "some_jobs.py").write_text(JOBS)
    code, web = free_port(), free_port()
    place = {"host": "127.0.0.1", "port": code, "location_name": LOCATION}
    (folder / "workspace.yaml").write_text(json.dumps({"load_from": [{"grpc_server": place}]}))
    argv = code_server_argv(LOCATION, code)
    argv[argv.index("--module-name") + 1] = "some_jobs"
    environment = {
        "PATH": "/usr/bin:/bin",
        "DAGSTER_HOME": str(folder),
        "DAGSTER_PG_URL": database,
        "PYTHONPATH": f"{folder}:{ROOT}",
    }
    with Supervisor(folder / "up") as supervisor, dagster_instance(common) as instance:
        supervisor.start("code", argv, env=environment, ready=port_open(code), ready_seconds=120)
        words = [sys.executable, "-m", "ingram_assets.runtime.dagster_page", str(web)]
        words += [str(folder / "workspace.yaml")]
        url = f"http://127.0.0.1:{web}{DAGSTER_PATH}"
        child = supervisor.start(
            "web", words, env=environment, ready=http_ok(f"{url}/server_info"), ready_seconds=180
        )
        yield DagsterPage(url, common, instance, child)
