"""Which launcher a shop gets by its settings, and how the broker is spoken to."""

import ssl

import pytest
from celery import Celery

from ingram_assets.domain.failures import NeedsPerson
from ingram_assets.runtime import broker
from ingram_assets.runtime.broker import celery_settings
from ingram_assets.runtime.celery_launcher import CeleryLauncher
from ingram_assets.runtime.celery_results import result_settings
from ingram_assets.runtime.choose_launcher import LauncherOfSettings
from ingram_assets.runtime.run_launcher import WatchedRunLauncher


@pytest.mark.parametrize(
    ("address", "kind"),
    [("", WatchedRunLauncher), (" ", WatchedRunLauncher), ("redis://127.0.0.1/0", CeleryLauncher)],
)
def test_the_setting_chooses(monkeypatch: pytest.MonkeyPatch, address: str, kind: type):
    monkeypatch.setenv("CELERY_BROKER_URL", address)
    assert type(LauncherOfSettings.from_config_value(None, {})) is kind


@pytest.mark.parametrize("setting", ["CELERY_BROKER_URL", "CELERY_RESULT_BACKEND_URL"])
def test_a_malformed_address_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch, setting: str):
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1/0")
    monkeypatch.setenv(setting, "redis://:secret@127.0.0.1:port/0")
    with pytest.raises(NeedsPerson, match=f"{setting} is malformed") as told:
        LauncherOfSettings.from_config_value(None, {})
    assert "secret" not in str(told.value)


def test_celery_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1/0")
    monkeypatch.setattr(broker.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NeedsPerson, match=r"pip install 'ingram-assets\[celery\]'"):
        LauncherOfSettings.from_config_value(None, {})


@pytest.mark.parametrize(
    ("address", "checked"),
    [
        ("rediss://:p@broker.example/0", {"ssl_cert_reqs": ssl.CERT_REQUIRED}),
        (
            "amqps://u:p@broker.example/",
            {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": "broker.example"},
        ),
        ("redis://127.0.0.1/0", None),
        ("amqp://127.0.0.1/", None),
    ],
)
def test_the_broker_s_certificate_is_checked(address: str, checked: dict[str, object] | None):
    assert celery_settings(address, keeps_results=False)["broker_use_ssl"] == checked


@pytest.mark.parametrize(
    ("address", "checked"), [("rediss://:p@h.example/1", ssl.CERT_REQUIRED), ("redis://:p@127.0.0.1/1", None)]
)
def test_the_certificate_of_the_redis_of_results_is_checked(address: str, checked: ssl.VerifyMode | None):
    with Celery(config_source=result_settings(address), set_as_current=False) as app:
        connection = app.backend.connparams
    assert connection.get("ssl_cert_reqs") == checked
    assert (connection["password"], connection["db"]) == ("p", 1)
