"""Commands whose Dagster goes away under them: they wait for what comes back, and say so if it does not."""

import json
import socket
import threading
from pathlib import Path

import pytest
from dagster import job, op
from pydantic import SecretStr
from sqlalchemy.exc import OperationalError

from ingram_assets.cli import launch
from ingram_assets.domain.failures import Transient
from ingram_assets.runtime import instance as dagster_of
from ingram_assets.runtime.dagster_internals import DagsterUserCodeUnreachableError
from ingram_assets.runtime.ports import free_port
from ingram_assets.runtime.processes import Supervisor
from ingram_assets.settings.shared import CommonSettings
from ingram_assets_tests.testing.queue import read_only
from ingram_demo.embedded.postgres import start_postgres

LONGER = 12.0


def settings(url: str, folder: Path) -> CommonSettings:
    return CommonSettings(DAGSTER_PG_URL=SecretStr(url), INGRAM_STATE_DIR=folder)


def test_a_command_outlives_a_restart_of_dagsters_database(servers_folder: Path, tmp_path: Path):
    with Supervisor(servers_folder / "restarted") as supervisor:
        folder = supervisor.folder / "postgres"
        postgres = start_postgres(supervisor, folder)
        common = settings(postgres.create_database("dagster"), tmp_path)
        with dagster_of.dagster_instance(common) as instance:
            supervisor.stop("postgres")
            # Longer than Dagster itself tries again.
            back = threading.Timer(LONGER, start_postgres, [supervisor, folder], {"port": postgres.port})
            back.start()
            # That it was asked and knows no such run, not that it could not be asked.
            with pytest.raises(launch.RunFailed, match="was deleted"):
                launch.follow(instance, "0b7e4c1e-3f52-4f0f-9c1d-2a60a3f4b7aa")
            back.join()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OperationalError("SELECT 1", {}, Exception("gone")), "Dagster's database answers no more"),
        (DagsterUserCodeUnreachableError("gone"), "A code server answers no more"),
    ],
    ids=["database", "code server"],
)
def test_what_stays_away_is_a_sentence(error: Exception, words: str):
    with pytest.raises(Transient, match=words), dagster_of.told_if_away():
        raise error


def test_a_database_of_dagster_that_takes_no_writes_is_not_said_to_be_away(database: str, tmp_path: Path):
    @op
    def look() -> None: ...

    @job
    def a_job() -> None:
        look()

    with dagster_of.dagster_instance(settings(database, tmp_path)) as instance:
        assert dagster_of.takes_writes(instance)
    standby = settings(read_only(database), tmp_path)
    with dagster_of.dagster_instance(standby) as instance:
        assert not dagster_of.takes_writes(instance)
        for write in (
            lambda: instance.create_run_for_job(a_job),
            lambda: instance.add_dynamic_partitions("isbn", ["9781639739134"]),
        ):
            told = "Dagster's database takes no writes: it is read-only, .* have DAGSTER_PG_URL lead to"
            with pytest.raises(Transient, match=told), dagster_of.told_if_away():
                write()


def test_up_is_at_work_while_one_of_its_servers_is_being_brought_back(tmp_path: Path):
    common = settings("postgresql://dagster@127.0.0.1/dagster", tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as answering:
        ports = {"scraper": free_port(), "storefront": answering.getsockname()[1]}
        (dagster_of.dagster_home(common) / dagster_of.PORTS_FILE).write_text(json.dumps(ports))
        assert dagster_of.running_ports(common) == ports
    assert dagster_of.running_ports(common) == {}
