"""The demo's settings as files: every command reads them as a shop's, and none holds another's secrets."""

from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from ingram_assets.settings.environment import environment_of, environment_of_owner
from ingram_assets.settings.file_of_setting import LOCATIONS
from ingram_demo.env_files import write_env_files
from ingram_demo.stack import environments_of


def test_they_say_what_the_demo_s_processes_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("DAGSTER_PG_URL", "ALERT_URLS", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    common = {"DAGSTER_PG_URL": "postgresql://dagster@127.0.0.1/dagster", "STOCK_WARN_AFTER": "60"}
    own = {
        "scraper": {"QUEUE_DB_URL": "postgresql://writer@127.0.0.1/queue", "IPAGE_PASSWORD": "it's #1"},
        "storefront": {"QUEUE_DB_URL": "postgresql://reader@127.0.0.1/queue", "MEDUSA_PASSWORD": '"s" # 2'},
        "operations": {"ALERT_URLS": ""},
    }
    machine = {"PATH": "/bin", "SSL_CERT_FILE": "/etc/ca.pem"}
    own["scraper"]["SSL_CERT_FILE"] = "/demo/ca.pem"
    environments = {name: machine | common | settings for name, settings in own.items()}
    folder = tmp_path / "settings"
    for _ in range(2):
        write_env_files(
            folder, {**environments, None: machine | common}, "postgresql://owner@127.0.0.1/queue"
        )
    assert environment_of_owner(folder)["QUEUE_OWNER_DB_URL"] == "postgresql://owner@127.0.0.1/queue"
    for location in LOCATIONS:
        given = environment_of(location, folder)
        for name, value in (common | own[location]).items():
            assert given.get(name, "") == value
        others = {name for other in own.values() for name in other} - own[location].keys()
        assert not others & given.keys()
    assert caplog.messages == [], "no setting in another's file, and none that others may read"


def test_whom_the_demo_tells_and_how_it_logs_is_taken_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"ALERT_URLS": "json://a", "HEARTBEAT_URL": "http://b", "QUIET_HOURS": "22:00-07:00"}
    for name, value in (asked | {"LOG_FORMAT": "json", "IPAGE_PASSWORD": "of a shop"}).items():
        monkeypatch.setenv(name, value)
    servers: list[Any] = [MagicMock() for _ in range(6)]
    environments = environments_of(tmp_path, servers[0], MagicMock(), *servers[1:5], tmp_path, {})
    told = environments["operations"]
    assert told.items() >= (asked | {"LOG_FORMAT": "json"}).items()
    assert "IPAGE_PASSWORD" not in told
    assert environments["storefront"]["LOG_FORMAT"] == "json"
    assert not asked.keys() & environments["storefront"].keys()
