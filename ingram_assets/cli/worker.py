"""`ingram worker`: becomes a Celery worker of one code location, with that location's settings alone."""

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NoReturn

import click

from ingram_assets.domain.failures import IngramError, NeedsPerson
from ingram_assets.postgres import Client
from ingram_assets.runtime.broker import (
    WORKER_GRACE,
    WORKER_LOCATION,
    WORKER_RUNS,
    check_broker_answers,
    check_celery_is_installed,
)
from ingram_assets.runtime.instance import EVENT_BATCH_SIZE, OF_CELERY, dagster_home, dagster_instance
from ingram_assets.runtime.json_lines import print_as_json
from ingram_assets.runtime.processes import MARK
from ingram_assets.settings.base import SettingsError, secret
from ingram_assets.settings.environment import environment_of
from ingram_assets.settings.file_of_setting import LOCATIONS
from ingram_assets.settings.files import example_of, own_file
from ingram_assets.settings.loading import check, load
from ingram_assets.settings.shared import CommonSettings, PaceSettings

_DATABASES = ("DAGSTER_PG_URL", "QUEUE_DB_URL", "STOREFRONT_DB_URL")
"""Settings that lead to the databases of runs. A location knows some of them."""


def _check_databases(environment: Mapping[str, str]) -> None:
    """Try the databases of the location's runs, and our clock by theirs: else each run that we take fails.

    Raises:
        NeedsPerson: one of them does not let us in, or its clock differs from ours.
    """
    for setting in _DATABASES:
        if setting not in environment:
            continue
        try:
            with Client(environment[setting], setting=setting) as database:
                database.check_clock(datetime.now(UTC))
        except IngramError as error:
            raise NeedsPerson(str(error)) from None


def _try_results(common: CommonSettings) -> None:
    """A Redis of results that is away keeps no run from being done: it is said, and that is all."""
    from ingram_assets.runtime.celery_results import check_results_are_taken

    if address := secret(common.CELERY_RESULT_BACKEND_URL):
        try:
            check_results_are_taken(address)
        except NeedsPerson as error:
            click.echo(f"Note: {error} Until then it is not kept how runs end here.", err=True)


def run_worker(location: str, concurrency: int, grace: int) -> NoReturn:
    """Check the location's settings, and become its worker: this process, with their environment alone.

    Raises:
        SettingsError: a setting is missing or malformed.
        NeedsPerson: Celery is not installed, broker or database can't be reached, or our clock is wrong.
    """
    environment = environment_of(location)
    check(environment, LOCATIONS[location], CommonSettings, PaceSettings)
    common = load(CommonSettings, environment)
    if common.CELERY_BROKER_URL is None:
        raise SettingsError(
            "CELERY_BROKER_URL is missing: a worker gets its runs from there. Set it in "
            f"{own_file('.env')} (see {example_of('.env')}) or in the environment, on every machine."
        )
    if common.LOG_FORMAT == "json":
        print_as_json(f"worker-{location}")
    check_celery_is_installed()
    check_broker_answers(common.CELERY_BROKER_URL.get_secret_value())
    _try_results(common)
    _check_databases(environment)
    home = dagster_home(common)
    with dagster_instance(common):
        pass  # It answers, and its tables are there.
    environment |= {
        "DAGSTER_HOME": str(home),
        "DAGSTER_PG_URL": os.environ["DAGSTER_PG_URL"],
        "DAGSTER_EVENT_BATCH_SIZE": EVENT_BATCH_SIZE,
        WORKER_LOCATION: location,
        WORKER_RUNS: str(concurrency),
        WORKER_GRACE: str(grace),
        # By which a supervisor that started this process knows it, and what it starts.
        **{name: os.environ[name] for name in (MARK, *OF_CELERY) if name in os.environ},
    }
    words = [sys.executable, "-m", "celery", "-A", "ingram_assets.runtime.celery_worker", "worker"]
    words += ["-Q", location, "-n", f"{location}-{os.getpid()}@%h", "--concurrency", str(concurrency)]
    words += ["-O", "fair", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    words += ["--without-heartbeat"]
    click.echo(f"Worker of {location}: up to {concurrency} runs at a time. (Ctrl-C stops it)", err=True)
    os.chdir(home)
    os.execve(sys.executable, words, environment)
