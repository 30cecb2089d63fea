"""One process of the shop by itself, as a container or a unit of systemd has it, and whether it is well.

`python -m ingram_assets.runtime.serve SERVICE`, as `ingram serve`, where that command is not installed:
in the image of Dagster's page and daemon.
"""

import argparse
import fcntl
import logging
import os
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import filelock

from ingram_assets.domain.failures import IngramError, NeedsPerson
from ingram_assets.domain.formatting import moment
from ingram_assets.runtime.dagster_processes import daemon_argv, page_argv, where_code_servers_are
from ingram_assets.runtime.desk_process import DESK_PORT, desk_argv
from ingram_assets.runtime.instance import (
    EVENT_BATCH_SIZE,
    THIS_HOST,
    code_server_argv,
    dagster_home,
    dagster_instance,
    note_ports,
)
from ingram_assets.runtime.json_lines import print_as_json
from ingram_assets.runtime.ports import choose_port, http_ok, port_open
from ingram_assets.runtime.started_by import service_lock
from ingram_assets.runtime.started_with import note_settings
from ingram_assets.settings.base import Settings
from ingram_assets.settings.environment import environment_of, port_settings
from ingram_assets.settings.file_of_setting import LOCATIONS
from ingram_assets.settings.loading import check, load
from ingram_assets.settings.proxies import sparing_this_machine
from ingram_assets.settings.shared import CommonSettings, PaceSettings

PAGE, DAEMON, DESK = "page", "daemon", "desk"
SERVICES = (*LOCATIONS, DESK, PAGE, DAEMON)
PORTS = {"scraper": 4001, "storefront": 4002, "operations": 4003, DESK: DESK_PORT, PAGE: 3000}
"""Where each service listens unless `INGRAM_PORT_…` says otherwise. The daemon does not."""
_WELL_WITHIN = 5
_HEARD_WITHIN = 180
_ASKED_FOR = 30
_CODE_SERVERS_WITHIN = 30


def location_of_service(service: str) -> str | None:
    """The code location whose settings a service has; `None`: those that all may know."""
    return {**{name: name for name in LOCATIONS}, DESK: "storefront"}.get(service)


def serve(service: str, host: str = THIS_HOST) -> NoReturn:
    """Become one of `SERVICES`: this process, with that service's settings alone.

    Args:
        host: the address to listen at.

    Raises:
        SettingsError: a setting is missing or malformed.
        NeedsPerson: it is at work already with this state folder, by itself or as one of `ingram up`.
        PortBusy: another program has its port.
    """
    location = location_of_service(service)
    environment = environment_of(location)
    own: tuple[type[Settings], ...] = (LOCATIONS[location],) if location else ()
    check(environment, *own, CommonSettings, PaceSettings)
    common, ports = load(CommonSettings, environment), _ports(environment)
    if common.LOG_FORMAT == "json":
        print_as_json(service)
    home = dagster_home(common)
    _be_the_only_one(service, common.state_dir)
    if service in ports:
        choose_port(f"INGRAM_PORT_{'UI' if service == PAGE else service.upper()}", ports[service])
    if service == "storefront":  # Others do not know what the promise to the store is judged by.
        note_settings(home, environment)
    note_ports(home, {service: ports[service]} if service in ports else {})
    code_servers = where_code_servers_are(ports, environment)
    if service in (PAGE, DAEMON):
        _wait_for(code_servers)
    environment |= {
        "DAGSTER_HOME": str(home),
        "DAGSTER_PG_URL": common.DAGSTER_PG_URL.get_secret_value(),
        "DAGSTER_EVENT_BATCH_SIZE": EVENT_BATCH_SIZE,
        **sparing_this_machine(environment),
        **code_servers,
    }
    os.umask(0o077)
    os.chdir(home)
    os.execve(sys.executable, _argv(service, ports, host), environment)


def _be_the_only_one(service: str, state: Path) -> None:
    """Hold a lock until this process ends, whatever it becomes."""
    # A process of `ingram up` would find its notes of ports and settings overwritten.
    of_up = filelock.FileLock(state / "up" / "lock", mode=0o600)
    (state / "up").mkdir(parents=True, exist_ok=True)
    try:
        of_up.acquire(timeout=0)
        of_up.release()
    except filelock.Timeout:
        raise NeedsPerson(f"ingram up is at work with {state}: it has a {service} already.") from None
    lock = os.open(service_lock(state, service), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise NeedsPerson(f"ingram serve {service} is at work already with {state}.") from None
    os.set_inheritable(lock, True)


def _wait_for(code_servers: Mapping[str, str]) -> None:
    """Until they answer, or for a while: of each that does not, Dagster writes two pages as it starts."""
    end = time.monotonic() + _CODE_SERVERS_WITHIN
    for location in LOCATIONS:
        host, port = (code_servers[f"INGRAM_{what}_{location.upper()}"] for what in ("HOST", "PORT"))
        answers = port_open(int(port), host)
        while not answers():
            if time.monotonic() > end:
                logging.warning("The code server of %s does not answer: begun without it.", location)
                break
            time.sleep(0.2)


def _argv(service: str, ports: Mapping[str, int], host: str) -> list[str]:
    if service in LOCATIONS:
        return code_server_argv(service, ports[service], host)
    if service == DAEMON:
        return daemon_argv()
    return (desk_argv if service == DESK else page_argv)(ports[service], host)


def _ports(environment: Mapping[str, str]) -> dict[str, int]:
    given = port_settings(environment)
    return {name: given.get("UI" if name == PAGE else name.upper()) or port for name, port in PORTS.items()}


@dataclass(frozen=True, slots=True)
class Wellness:
    """Whether a service is at work, and by what that is seen: a sentence."""

    is_well: bool
    sentence: str


def look_at(service: str) -> Wellness:
    """Whether a service on this machine is at work: it answers, or, of the daemon, it was heard of lately.

    Raises:
        SettingsError: a setting is missing or malformed.
    """
    environment = environment_of(location_of_service(service))
    if service == DAEMON:
        is_well, why = _daemon_is_heard(load(CommonSettings, environment))
    else:
        port = _ports(environment)[service]
        answers = _serves(port) if service in LOCATIONS else http_ok(f"http://{THIS_HOST}:{port}/healthz")()
        is_well, why = answers, f"it {'answers' if answers else 'does not answer'} at {THIS_HOST}:{port}"
    return Wellness(is_well, f"The service {service} is {'' if is_well else 'not '}well: {why}.")


def _serves(port: int) -> bool:
    import grpc
    from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
    from grpc_health.v1.health_pb2_grpc import HealthStub

    with grpc.insecure_channel(f"{THIS_HOST}:{port}", [("grpc.enable_http_proxy", 0)]) as channel:
        try:
            said = HealthStub(channel).Check(HealthCheckRequest(service="DagsterApi"), timeout=_WELL_WITHIN)
        except grpc.RpcError:
            return False
        return bool(said.status == HealthCheckResponse.SERVING)


def _daemon_is_heard(common: CommonSettings) -> tuple[bool, str]:
    told: Future[list[float]] = Future()

    def look() -> None:
        try:
            with dagster_instance(common) as instance:
                told.set_result([beat.timestamp for beat in instance.get_daemon_heartbeats().values()])
        except Exception as error:
            told.set_exception(error)

    # A database that takes the question and says nothing would be waited for by who watches over us, too.
    threading.Thread(target=look, daemon=True).start()
    try:
        heard = told.result(_ASKED_FOR)
    except TimeoutError:
        return False, f"Dagster's database does not answer within {_ASKED_FOR} s"
    if not heard:
        return False, "Dagster's database never heard of a daemon"
    ago = max(0.0, time.time() - max(heard))
    last = moment(datetime.fromtimestamp(max(heard), UTC))
    return ago < _HEARD_WITHIN, f"Dagster's database heard of a daemon last at {last}, {ago:,.0f} s ago"


def main() -> None:
    """Serve, or look."""
    parser = argparse.ArgumentParser(prog="python -m ingram_assets.runtime.serve", description=serve.__doc__)
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument("--host", default=THIS_HOST, help="the address to listen at")
    parser.add_argument("--check", action="store_true", help="only look whether it is well: exit code 0 or 1")
    given = parser.parse_args()
    try:
        if given.check:
            seen = look_at(given.service)
            sys.stdout.write(f"{seen.sentence}\n")
            sys.exit(0 if seen.is_well else 1)
        serve(given.service, given.host)
    except IngramError as error:
        logging.error("%s", error)
        sys.exit(2)


if __name__ == "__main__":
    main()
