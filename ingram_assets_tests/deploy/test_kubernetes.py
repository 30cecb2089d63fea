"""The values for Dagster's Helm chart, by their form: no Kubernetes can be had here."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingram_assets.settings.file_of_setting import LOCATIONS

VALUES = Path(__file__).parents[2] / "deploy/kubernetes/values.yaml"
IMAGE = {"repository": None, "tag": None, "pullPolicy": None}
SECRETS: list[Any] = [{"name": None}]
KNOWN: dict[str, Any] = {
    "global": {"postgresqlSecretName": None},
    "generatePostgresqlPasswordSecret": None,
    "postgresql": {
        **dict.fromkeys(("enabled", "postgresqlHost", "postgresqlUsername", "postgresqlDatabase")),
        "service": {"port": None},
    },
    "telemetry": {"enabled": None},
    "pythonLogs": {"pythonLogLevel": None},
    "dagsterWebserver": {"image": IMAGE, "pathPrefix": None, "envSecrets": SECRETS},
    "dagsterDaemon": {
        "image": IMAGE,
        "envSecrets": SECRETS,
        "runCoordinator": {
            **dict.fromkeys(("enabled", "type")),
            "config": {
                "queuedRunCoordinator": dict.fromkeys(
                    ("dequeueIntervalSeconds", "dequeueUseThreads", "dequeueNumWorkers")
                )
            },
        },
        "runMonitoring": dict.fromkeys(
            (
                *("enabled", "startTimeoutSeconds", "cancelTimeoutSeconds", "pollIntervalSeconds"),
                "maxResumeRunAttempts",
            )
        ),
        "sensors": dict.fromkeys(("useThreads", "numWorkers")),
    },
    "additionalInstanceConfig": {
        "concurrency": {
            "runs": dict.fromkeys(("max_concurrent_runs", "tag_concurrency_limits")),
            "pools": dict.fromkeys(("default_limit", "granularity")),
        }
    },
    "runLauncher": {
        "type": None,
        "config": {"k8sRunLauncher": {"imagePullPolicy": None, "envSecrets": SECRETS}},
    },
    "dagster-user-deployments": {
        **dict.fromkeys(("enabled", "enableSubchart")),
        "deployments": [
            {
                **dict.fromkeys(("name", "dagsterApiGrpcArgs", "port")),
                "image": IMAGE,
                "envSecrets": SECRETS,
                "includeConfigInLaunchedRuns": {"enabled": None},
            }
        ],
    },
}
"""The keys of these values that Dagster's chart knows, by its `values.schema.json`."""


def _unknown(value: Any, known: Any, path: str = "") -> list[str]:
    if isinstance(known, list) and isinstance(value, list):
        return [fault for one in value for fault in _unknown(one, known[0], f"{path}[]")]
    if known is None or not isinstance(value, dict):
        return [] if known is None else [path]
    return [
        fault
        for name, one in value.items()
        for fault in (_unknown(one, known[name], f"{path}.{name}") if name in known else [f"{path}.{name}"])
    ]


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(VALUES.read_text())
    return read


def test_the_chart_knows_each_key(values: dict[str, Any]):
    assert not _unknown(values, KNOWN)
    assert VALUES.read_text().startswith("# NOT RUN HERE")


def test_each_location_has_its_own_secret_and_no_other_s(values: dict[str, Any]):
    deployments = {one["name"]: one for one in values["dagster-user-deployments"]["deployments"]}
    assert deployments.keys() == LOCATIONS.keys()
    for name, one in deployments.items():
        assert [secret["name"] for secret in one["envSecrets"]] == ["ingram-common", f"ingram-{name}"]
        assert one["includeConfigInLaunchedRuns"]["enabled"], "its runs have its secret"
        arguments = one["dagsterApiGrpcArgs"]
        assert arguments[arguments.index("--location-name") + 1] == name
        assert import_module(arguments[arguments.index("--module-name") + 1]).defs
    for of_all in ("dagsterWebserver", "dagsterDaemon"):
        assert values[of_all]["envSecrets"] == [{"name": "ingram-common"}]
    assert values["runLauncher"]["config"]["k8sRunLauncher"]["envSecrets"] == []
