"""Settings: each process is given its own and no other's, and a fault is named without its value."""

import os
import traceback
from pathlib import Path

import pytest
from dotenv import dotenv_values
from pydantic import ValidationError

from ingram_assets.domain.guardrails import Thresholds
from ingram_assets.settings import (
    LOCATIONS,
    CommonSettings,
    MigrateSettings,
    OperationsSettings,
    Pace,
    ScraperSettings,
    SettingsError,
    StorefrontSettings,
    check,
    environment_of,
    load,
)
from ingram_assets.shop_rules import store_rules
from ingram_assets_tests.conftest import environment_kept

SCRAPER = {
    "IPAGE_USERNAME": "user",
    "IPAGE_PASSWORD": "pass-word-1",
    "IPAGE_MFA_IMAP_URL": "imaps://u:p@h/INBOX",
    "QUEUE_DB_URL": "postgresql://w:secret-1@h/q",
    "R2_ENDPOINT": "http://127.0.0.1:1",
    "R2_ACCESS_KEY_ID": "key",
    "R2_SECRET_ACCESS_KEY": "secret-2",
    "R2_BUCKET_NAME": "covers",
    "R2_PUBLIC_URL": "http://127.0.0.1:2/",
}
STOREFRONT = {
    "MEDUSA_BACKEND_URL": "http://127.0.0.1:9000",
    "MEDUSA_API_KEY": "sk_example",
    "QUEUE_DB_URL": "postgresql://r:secret-3@h/q",
    "STOREFRONT_DB_URL": "postgresql://s:secret-4@h/s",
}


def test_defaults_and_trimmed_addresses():
    settings = load(ScraperSettings, SCRAPER)
    assert settings.IPAGE_CONCURRENCY == 8
    assert settings.IPAGE_BASE_URL == "https://ipage.ingramcontent.com"
    assert settings.R2_PUBLIC_URL == "http://127.0.0.1:2"


def test_the_guardrails_have_one_set_of_defaults_and_the_example_shows_it():
    settings = load(StorefrontSettings, STOREFRONT)
    assert store_rules(settings).thresholds == Thresholds()
    example = dotenv_values(Path(__file__).parents[1] / ".env.storefront.example")
    given = {name: value for name, value in example.items() if name.startswith("GUARDRAIL_") and value}
    assert given.keys() == {name for name in StorefrontSettings.model_fields if name.startswith("GUARDRAIL_")}
    assert store_rules(load(StorefrontSettings, STOREFRONT | given)).thresholds == Thresholds()


def test_a_floor_above_the_ceiling_is_named():
    wrong = {"GUARDRAIL_PRICE_FLOOR": "20", "GUARDRAIL_PRICE_CEILING": "20"}
    with pytest.raises(SettingsError, match="GUARDRAIL_PRICE_FLOOR has to be less than GUARDRAIL_PRICE"):
        load(StorefrontSettings, STOREFRONT | wrong)


@pytest.mark.parametrize("around", ["{} ", " {}", "{}\r", "\t{}\r\n"])
def test_blanks_and_carriage_returns_at_the_ends_are_no_part_of_a_setting(around):
    names = {"MEDUSA_STOCK_LOCATION": "Ingram (Drop-Ship)", "MEDUSA_SALES_CHANNEL": "Online Store"}
    more = {**names, "MEDUSA_EMAIL": "a@b.example", "PRICE_POLICY": "keep", "SAFETY_STOCK": "2"}
    given = {name: around.format(value) for name, value in more.items()}
    settings = load(StorefrontSettings, {**STOREFRONT, **given, "MEDUSA_PASSWORD": " a blank "})
    assert {name: str(getattr(settings, name)) for name in more} == more
    assert settings.MEDUSA_PASSWORD.get_secret_value() == " a blank "  # of a secret it may be a part


@pytest.mark.parametrize(
    ("given", "senders"),
    [
        ("", ("ingramcontent.com", "ingrambook.com", "okta.com")),
        ("okta.com", ("okta.com",)),
        (" Okta.com , no-reply@Ingram.example,", ("okta.com", "no-reply@ingram.example")),
        ("@okta.com,*.ingram.example,.a.example", ("okta.com", "ingram.example", "a.example")),
    ],
)
def test_senders_of_codes(given, senders):
    settings = load(ScraperSettings, SCRAPER | {"IPAGE_MFA_SENDERS": given})
    assert tuple(settings.IPAGE_MFA_SENDERS) == senders


@pytest.mark.parametrize("given", ["com", "okta.com;a.example", "Okta <x@okta.com>", ",", "a@b@c.example"])
def test_senders_of_codes_that_can_not_be(given):
    with pytest.raises(SettingsError, match="IPAGE_MFA_SENDERS is malformed: domains or addresses"):
        load(ScraperSettings, SCRAPER | {"IPAGE_MFA_SENDERS": given})


@pytest.mark.parametrize("missing", sorted(SCRAPER))
def test_a_missing_setting_is_named(missing):
    with pytest.raises(SettingsError, match=missing):
        load(ScraperSettings, {name: value for name, value in SCRAPER.items() if name != missing})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IPAGE_CONCURRENCY", "many-secret"),
        ("IPAGE_CONCURRENCY", "0"),
        ("IPAGE_MFA", "pigeon-secret"),
        ("R2_ENDPOINT", "not-a-url-secret"),
    ],
)
def test_a_malformed_setting_is_named_and_its_value_is_not_shown(name, value):
    with pytest.raises(SettingsError, match=name) as caught:
        load(ScraperSettings, SCRAPER | {name: value})
    assert "secret" not in str(caught.value).replace("IPAGE_TOTP_SECRET", "")


def test_a_captured_cookie_needs_no_account():
    only_cookie = {name: value for name, value in SCRAPER.items() if not name.startswith("IPAGE_")}
    assert (
        load(ScraperSettings, only_cookie | {"IPAGE_SESSION_COOKIE": "JSESSIONID=x"}).IPAGE_USERNAME is None
    )


def test_totp_needs_its_secret():
    with pytest.raises(SettingsError, match="IPAGE_TOTP_SECRET"):
        load(ScraperSettings, SCRAPER | {"IPAGE_MFA": "totp"})


def test_medusa_takes_a_key_or_a_login():
    without = {name: value for name, value in STOREFRONT.items() if name != "MEDUSA_API_KEY"}
    with pytest.raises(SettingsError, match="MEDUSA_API_KEY"):
        load(StorefrontSettings, without | {"MEDUSA_EMAIL": "a@b.example"})
    load(StorefrontSettings, without | {"MEDUSA_EMAIL": "a@b.example", "MEDUSA_PASSWORD": "x"})


def test_lists_are_comma_separated():
    urls = load(OperationsSettings, {"ALERT_URLS": "json://a.example , json://b.example,"}).ALERT_URLS
    assert [url.get_secret_value() for url in urls] == ["json://a.example", "json://b.example"]
    assert load(Pace, {"SWEEP_RETRY_AFTER": "5,15"}).SWEEP_RETRY_AFTER == (5, 15)


def test_secrets_do_not_show_in_a_repr():
    assert "secret-1" not in repr(load(ScraperSettings, SCRAPER))


def test_each_location_is_given_its_own_settings_alone(tmp_path, monkeypatch):
    for settings in (CommonSettings, Pace, MigrateSettings, *LOCATIONS.values()):
        for name in settings.model_fields:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MEDUSA_API_KEY", "sk_from_the_shell")
    monkeypatch.setenv("UNRELATED_TOKEN", "not-ours")
    (tmp_path / ".env").write_text(
        "DAGSTER_PG_URL=postgresql://d@h/d\nQUEUE_OWNER_DB_URL=postgresql://o@h/q\n"
    )
    (tmp_path / ".env.scraper").write_text("".join(f"{name}={value}\n" for name, value in SCRAPER.items()))
    (tmp_path / ".env.storefront").write_text("".join(f"{k}={v}\n" for k, v in STOREFRONT.items()))
    environments = {name: environment_of(name, tmp_path) for name in (*LOCATIONS, None)}

    assert environments["scraper"]["QUEUE_DB_URL"] == SCRAPER["QUEUE_DB_URL"]
    assert environments["storefront"]["QUEUE_DB_URL"] == STOREFRONT["QUEUE_DB_URL"]
    assert environments["storefront"]["MEDUSA_API_KEY"] == "sk_from_the_shell", "the shell wins over the file"
    for name, environment in environments.items():
        others = {
            setting
            for other, settings in LOCATIONS.items()
            if other != name
            for setting in settings.model_fields
        } - set(LOCATIONS[name].model_fields if name else ())
        assert not others & environment.keys(), name
        assert "UNRELATED_TOKEN" not in environment
        assert "QUEUE_OWNER_DB_URL" not in environment
        assert environment["DAGSTER_PG_URL"] == "postgresql://d@h/d"


def test_all_that_is_missing_is_named_at_once():
    with pytest.raises(SettingsError) as caught:
        load(ScraperSettings, {})
    assert all(name in str(caught.value) for name in SCRAPER)
    with pytest.raises(SettingsError) as caught:
        load(StorefrontSettings, {})
    assert all(name in str(caught.value) for name in STOREFRONT)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("QUEUE_DB_URL", "mysql://w:secret-1@h/q"),
        ("IPAGE_MFA_IMAP_URL", "https://u:secret-1@h"),
        ("IPAGE_TOTP_SECRET", "secret-1 is no base 32!"),
        ("BROWSER_EXECUTABLE", "/there/is/no/browser"),
    ],
)
def test_what_cannot_work_is_told_before_anything_starts(name, value):
    with pytest.raises(SettingsError, match=f"{name} is malformed") as caught:
        load(ScraperSettings, SCRAPER | {name: value})
    assert "secret-1" not in str(caught.value)


SECRETS = ("pass-word-1", "u:p@h", "secret-1", "secret-2", "secret-3", "secret-4", "sk_example")


@pytest.mark.parametrize(
    ("settings", "given", "wrong"),
    [
        *((ScraperSettings, SCRAPER, {name: None}) for name in SCRAPER if not name.startswith("IPAGE_")),
        (ScraperSettings, SCRAPER, {"QUEUE_DB_URL": "mysql://w:secret-1@h/q"}),
        (ScraperSettings, SCRAPER, {"IPAGE_MFA_IMAP_URL": "https://u:p@h"}),
        (ScraperSettings, SCRAPER, {"IPAGE_TOTP_SECRET": "secret-1 is no base 32!"}),
        (ScraperSettings, SCRAPER, {"R2_ENDPOINT": "secret-2"}),
        (ScraperSettings, SCRAPER, {"IPAGE_MFA": "pass-word-1"}),
        (StorefrontSettings, STOREFRONT, {"STOREFRONT_DB_URL": None}),
        (StorefrontSettings, STOREFRONT, {"MEDUSA_BACKEND_URL": "sk_example"}),
        (StorefrontSettings, STOREFRONT, {"SAFETY_STOCK": "sk_example"}),
        (OperationsSettings, {}, {"ALERT_URLS": ["json://secret-1@a.example", 5]}),
    ],
)
def test_a_validation_error_printed_whole_holds_no_secret(settings, given, wrong):
    """Left to itself, pydantic quotes what it was given, and a run's log would keep that."""
    given = {name: value for name, value in (given | wrong).items() if value is not None}
    with pytest.raises(ValidationError) as caught:
        settings.model_validate(given)
    printed = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert next(iter(wrong)) in printed
    assert [secret for secret in SECRETS if secret in printed] == []
    with pytest.raises(SettingsError) as told:
        check(given, settings)
    printed = "".join(traceback.format_exception(told.value)) + repr(told.value)
    assert next(iter(wrong)) in printed
    assert [secret for secret in SECRETS if secret in printed] == []


def test_what_a_test_writes_to_the_environment_ends_with_it(monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", "as it was")
    monkeypatch.delenv("DAGSTER_PG_URL", raising=False)
    with environment_kept():
        os.environ["DAGSTER_PG_URL"] = "postgresql://left@behind/d"
        os.environ["DAGSTER_HOME"] = "another"
    assert "DAGSTER_PG_URL" not in os.environ
    assert os.environ["DAGSTER_HOME"] == "as it was"
