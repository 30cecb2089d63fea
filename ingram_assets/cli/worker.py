"""`ingram worker`: becomes a Celery worker of one code location, with that location's settings alone."""

import os
import sys
from collections.abc import Mapping
from typing import NoReturn

import click
import psycopg

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.postgres import Server, failure
from ingram_assets.runtime.broker import (
    WORKER_GRACE,
    WORKER_LOCATION,
    WORKER_RUNS,
    check_broker_answers,
    check_celery_is_installed,
)
from ingram_assets.runtime.instance import EVENT_BATCH_SIZE, dagster_home, dagster_instance
from ingram_assets.runtime.processes import MARK
from ingram_assets.settings.base import SettingsError
from ingram_assets.settings.belonging import LOCATIONS
from ingram_assets.settings.environment import environment_of
from ingram_assets.settings.files import example_of, own_file
from ingram_assets.settings.loading import check, load
from ingram_assets.settings.shared import CommonSettings, PaceSettings

_OF_RUNS = ("QUEUE_DB_URL", "STOREFRONT_DB_URL")
"""Settings that lead to the databases of a location's runs."""


def _check_databases(environment: Mapping[str, str], location: str) -> None:
    """Try the databases of the location's runs: one that can't work would take runs, and fail each.

    Raises:
        NeedsPerson: one of them does not let us in.
    """
    for setting in _OF_RUNS:
        if setting not in LOCATIONS[location].model_fields:
            continue
        server = Server(environment[setting], setting)
        try:
            server.connect().close()
        except psycopg.Error as error:
            raise NeedsPerson(str(failure(error, server, "begin"))) from None


def run_worker(location: str, concurrency: int, grace: int) -> NoReturn:
    """Check the location's settings, and become its worker: this process, with their environment alone.

    Raises:
        SettingsError: a setting is missing or malformed.
        NeedsPerson: Celery is not installed, or the broker or Dagster's database can't be reached.
    """
    environment = environment_of(location)
    check(environment, LOCATIONS[location], CommonSettings, PaceSettings)
    common = load(CommonSettings, environment)
    if common.CELERY_BROKER_URL is None:
        raise SettingsError(
            "CELERY_BROKER_URL is missing: a worker gets its runs from there. Set it in "
            f"{own_file('.env')} (see {example_of('.env')}) or in the environment, on every machine."
        )
    check_celery_is_installed()
    check_broker_answers(common.CELERY_BROKER_URL.get_secret_value())
    _check_databases(environment, location)
    home = dagster_home(common)
    with dagster_instance(common):
        pass  # It answers, and its tables are there.
    environment |= {
        "DAGSTER_HOME": str(home),
        "DAGSTER_PG_URL": os.environ["DAGSTER_PG_URL"],
        "DAGSTER_EVENT_BATCH_SIZE": EVENT_BATCH_SIZE,
        "CELERY_BROKER_URL": common.CELERY_BROKER_URL.get_secret_value(),
        WORKER_LOCATION: location,
        WORKER_RUNS: str(concurrency),
        WORKER_GRACE: str(grace),
        # By which a supervisor that started this process knows it, and what it starts.
        **{name: os.environ[name] for name in (MARK,) if name in os.environ},
    }
    words = [sys.executable, "-m", "celery", "-A", "ingram_assets.runtime.celery_worker", "worker"]
    words += ["-Q", location, "-n", f"{location}-{os.getpid()}@%h", "--concurrency", str(concurrency)]
    words += ["-O", "fair", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    words += ["--without-heartbeat"]
    click.echo(f"Worker of {location}: up to {concurrency} runs at a time. (Ctrl-C stops it)", err=True)
    os.chdir(home)
    os.execve(sys.executable, words, environment)
