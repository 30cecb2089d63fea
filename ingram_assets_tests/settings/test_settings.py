"""Settings: each process is given its own and no other's, and a fault is named without its value."""

import os
import re
import traceback
from datetime import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr, ValidationError

from ingram_assets.defs.scraper.from_settings import site_profile
from ingram_assets.defs.storefront.from_settings import category_table, store_rules
from ingram_assets.domain import labels
from ingram_assets.domain.guardrails import Thresholds
from ingram_assets.domain.quiet_hours import QuietHours
from ingram_assets.settings.base import SettingsError, secret
from ingram_assets.settings.env_files import read_env
from ingram_assets.settings.environment import (
    PORTS,
    environment_of,
    port_settings,
    warn_once,
)
from ingram_assets.settings.file_of_setting import LOCATIONS, READ_FROM
from ingram_assets.settings.loading import check, load
from ingram_assets.settings.operations import OperationsSettings
from ingram_assets.settings.owner import MigrateSettings
from ingram_assets.settings.scraper import ScraperSettings
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets.settings.storefront import StorefrontSettings
from ingram_assets.sources.ipage.profile.site_profile import built_in
from ingram_assets.store.rules import StoreRules
from ingram_assets_tests.testing.processes import environment_kept
from ingram_demo.stack import ROLES, environments_of

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
    example = read_env((Path(__file__).parents[2] / ".env.storefront.example").read_bytes())
    given = {name: value for name, value in example.items() if name.startswith("GUARDRAIL_") and value}
    assert given.keys() == {name for name in StorefrontSettings.model_fields if name.startswith("GUARDRAIL_")}
    assert store_rules(load(StorefrontSettings, STOREFRONT | given)).thresholds == Thresholds()


def test_how_many_products_a_request_carries_reaches_the_rules_and_the_example_shows_the_default():
    for given, meant in (({}, 50), ({"IMPORT_BATCH": "25"}, 25), ({"IMPORT_BATCH": "500"}, 500)):
        assert store_rules(load(StorefrontSettings, STOREFRONT | given)).import_batch == meant
    example = read_env((Path(__file__).parents[2] / ".env.storefront.example").read_bytes())
    assert example["IMPORT_BATCH"] == str(StoreRules().import_batch)


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


@pytest.mark.parametrize("given", ["short", "k" * 43, "k" * 42 + "==", "ü" * 44, "", ","])
def test_what_is_no_key_of_the_session_is_refused_as_who_encrypts_with_it_would(given):
    good = Fernet.generate_key().decode()
    for value in (given, f"{good},{given}"):
        with pytest.raises(ValueError, match=r"."):
            [Fernet(key.strip()) for key in value.split(",")]
        with pytest.raises(SettingsError, match="SESSION_KEY"):
            load(ScraperSettings, SCRAPER | {"SESSION_KEY": value or ","})


def test_keys_of_the_session_are_parted_by_commas():
    keys = ", ".join(Fernet.generate_key().decode() for _ in range(3))
    assert secret(load(ScraperSettings, SCRAPER | {"SESSION_KEY": keys}).SESSION_KEY) == keys


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
    assert load(PaceSettings, {"SWEEP_RETRY_AFTER": "5,15"}).SWEEP_RETRY_AFTER == (5, 15)


def test_secrets_do_not_show_in_a_repr():
    assert "secret-1" not in repr(load(ScraperSettings, SCRAPER))


def test_each_location_is_given_its_own_settings_alone(tmp_path, monkeypatch):
    for settings in (CommonSettings, PaceSettings, MigrateSettings, *LOCATIONS.values()):
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


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (None, "{file}/.ingram"),
        (".ingram", "{file}/.ingram"),
        (" ./state/of the shop ", "{file}/./state/of the shop"),
        ("../state", "{file}/../state"),
        ("/var/lib/ingram", "/var/lib/ingram"),
        ("~/ingram", "{home}/ingram"),
        ("~nobody-of-this-name/ingram", "~nobody-of-this-name/ingram"),  # refused later, by its name
    ],
)
def test_a_path_in_a_file_begins_where_the_file_lies(tmp_path, monkeypatch, written, meant):
    """Not where a process works: those of `ingram up` work elsewhere than a command does."""
    for name in CommonSettings.model_fields:
        monkeypatch.delenv(name, raising=False)
    (elsewhere := tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(elsewhere)
    (tmp_path / ".env").write_text(f"INGRAM_STATE_DIR={written}\n" if written else "")
    meant = meant.format(file=tmp_path, home=Path.home())
    for location in (*LOCATIONS, None):
        assert environment_of(location, tmp_path)["INGRAM_STATE_DIR"] == meant


def test_a_path_in_the_environment_begins_where_the_command_was_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INGRAM_STATE_DIR", "state")
    monkeypatch.setenv("CATEGORIES_FILE", "my/categories.csv")
    given = environment_of("storefront", tmp_path / "elsewhere")
    assert given["INGRAM_STATE_DIR"] == f"{tmp_path}/state"
    assert given["CATEGORIES_FILE"] == f"{tmp_path}/my/categories.csv"


@pytest.mark.parametrize(
    ("settings", "name", "value", "sentence"),
    [
        (ScraperSettings, "IPAGE_CONCURRENCY", "0", "it has to be at least 1"),
        (ScraperSettings, "IPAGE_CONCURRENCY", "33", "it has to be at most 32"),
        (ScraperSettings, "IPAGE_MFA", "sms", "it has to be 'email', 'totp' or 'prompt'"),
        (StorefrontSettings, "GUARDRAIL_RISE_FACTOR", "1", "it has to be more than 1.0"),
        (StorefrontSettings, "GUARDRAIL_MAX_UNREAD", "20%", "it has to be a number with a point"),
        (PaceSettings, "SWEEP_RETRY_AFTER", "soon", "it has to be whole seconds"),
    ],
)
def test_a_fault_is_a_plain_sentence(settings, name, value, sentence):
    with pytest.raises(SettingsError, match=f"{name} is malformed: {sentence}") as told:
        load(settings, {**OF_CLASS[settings], name: value})
    assert "Input should" not in str(told.value)


OF_THE_SHOP = {"MEDUSA_BACKEND_URL", "MEDUSA_API_KEY", "MEDUSA_EMAIL", "MEDUSA_PASSWORD", "QUEUE_DB_URL"} | {
    *("STOREFRONT_DB_URL", "MEDUSA_PUBLISHABLE_KEY")
}


@pytest.mark.parametrize(
    ("file", "classes", "kept"),
    [
        (
            ".env",
            (CommonSettings, MigrateSettings),
            {"INGRAM_STATE_DIR", "STORE_TIME_ZONE", "INGRAM_PORT_UI", "INGRAM_PORT_DESK", "ALLOW_PLAIN_HTTP"}
            | {"STOCK_WARN_AFTER", "LOG_FORMAT"}
            | {"STOCK_FAIL_AFTER", "STORE_LAG_MAX"},
        ),
        (
            ".env.scraper",
            (ScraperSettings,),
            {"IPAGE_MFA", "IPAGE_MFA_SENDERS", "IPAGE_CONCURRENCY", "OPEN_LIBRARY_COVERS_URL"}
            | {"BROWSER_EXECUTABLE", "HISTORY_RETENTION_DAYS", "PAGES_PER_HOUR", "SWEEP_SHARD_SIZE"}
            | {"SITE_FILE"},
        ),
        (".env.storefront", (StorefrontSettings,), StorefrontSettings.model_fields.keys() - OF_THE_SHOP),
        (".env.operations", (OperationsSettings,), {"QUIET_HOURS"}),
    ],
)
def test_every_example_left_as_it_is_is_refused_by_name(file, classes, kept):
    """All but `kept`: defaults, and what a shop may have as well."""
    text = (Path(__file__).parents[2] / f"{file}.example").read_text()
    settings = re.sub(r"^# (?=[A-Z0-9_]+=)", "", text, flags=re.MULTILINE)
    example = read_env(settings.encode())
    with pytest.raises(SettingsError) as told:
        check(example, *classes)
    refused = set(re.findall(r"(\w+) is malformed: it is still the example's value", str(told.value)))
    assert example.keys() - refused == kept & example.keys()
    needed = {name for of in classes for name, field in of.model_fields.items() if field.is_required()}
    assert needed <= refused


@pytest.mark.parametrize(
    ("asked_by", "name"),
    [
        (of, name)
        for of in (CommonSettings, PaceSettings, MigrateSettings, *LOCATIONS.values())
        for name in of.model_fields
    ],
)
def test_a_message_names_the_file_in_which_the_setting_is_written(asked_by, name):
    """Which is the one whose example shows it; one that no example shows is a location's own, or `.env`'s."""
    root = Path(__file__).parents[2]
    shown = [
        file
        for file in (".env", ".env.scraper", ".env.storefront", ".env.operations")
        if re.search(rf"^(# )?{name}=", (root / f"{file}.example").read_text(), re.MULTILINE)
    ]
    is_own = asked_by.file in READ_FROM[name][1:] and shown != [".env"]
    file = asked_by.file if is_own or not shown else shown[0]
    with pytest.raises(SettingsError) as told:
        load(asked_by, {**OF_CLASS[asked_by], name: "\u200b1"})
    (sentence,) = [
        one for one in re.split(r"(?<=environment\.) ", str(told.value)) if f"{name} is malf" in one
    ]
    assert f"Set them in {file} (see {file}.example)" in sentence


def test_a_file_is_named_with_its_folder_where_a_person_chose_one(tmp_path, monkeypatch):
    monkeypatch.setenv("INGRAM_ENV_DIR", str(tmp_path))
    with pytest.raises(SettingsError, match=f"Set them in {tmp_path}/.env.scraper"):
        load(ScraperSettings, {})
    with pytest.raises(SettingsError, match=f"in {tmp_path}/.env or in the environment"):
        port_settings({"INGRAM_PORT_UI": "none"})
    (tmp_path / ".env").write_text("nonsense\n")
    with pytest.raises(SettingsError, match=f"^{tmp_path}/.env: line 1 is no setting"):
        environment_of(None)


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


# -- what counts is what is given ----------------------------------------------------------------------

OF_CLASS = {
    CommonSettings: {"DAGSTER_PG_URL": "postgresql://d:p@h/d"},
    ScraperSettings: SCRAPER,
    StorefrontSettings: STOREFRONT,
    OperationsSettings: {},
    MigrateSettings: {"QUEUE_OWNER_DB_URL": "postgresql://o:p@h/q"},
    PaceSettings: {},
}
EXPORTED = {
    **dict.fromkeys(READ_FROM, "7"),
    "DAGSTER_HOME": "/home/of/a/shop",
    "MEDUSA_PASSWORD": "another shop's",
    "IPAGE_SESSION_COOKIE": "JSESSIONID=another",
    "QUEUE_WRITER_ROLE": "another",
    "ALERT_URLS": "json://another.example",
    "HEARTBEAT_URL": "https://another.example/x",
    "QUIET_HOURS": "01:00-02:00",
}


@pytest.mark.parametrize("settings", OF_CLASS, ids=lambda settings: settings.__name__)
def test_what_is_exported_does_not_count_where_it_is_not_given(settings, monkeypatch):
    for name in READ_FROM:
        monkeypatch.delenv(name, raising=False)
    alone = load(settings, OF_CLASS[settings])
    for name, value in EXPORTED.items():
        monkeypatch.setenv(name, value)
        monkeypatch.setenv(name.lower(), value)
    assert load(settings, OF_CLASS[settings]) == alone
    check(OF_CLASS[settings], settings)
    # Nor does it stand in for what is missing.
    for missing in OF_CLASS[settings]:
        with pytest.raises(SettingsError, match=missing):
            load(settings, {name: value for name, value in OF_CLASS[settings].items() if name != missing})


def test_without_an_argument_this_process_s_environment_counts(monkeypatch):
    for name, value in STOREFRONT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SAFETY_STOCK", "3")
    assert load(StorefrontSettings).SAFETY_STOCK == 3


def test_the_demo_senvironments_of_are_its_own(monkeypatch, tmp_path):
    for name, value in EXPORTED.items():
        monkeypatch.setenv(name, value)
    for taken in ("ALERT_URLS", "HEARTBEAT_URL", "QUIET_HOURS", "LOG_FORMAT"):
        monkeypatch.delenv(taken)
    server = SimpleNamespace(
        url="http://127.0.0.1:1",
        search_id="1",
        ca_file=tmp_path,
        endpoint="http://127.0.0.1:1",
        public_url="http://127.0.0.1:1",
        open_library_url="http://127.0.0.1:1",
        key="k",
        secret="s",
        bucket="covers",
        email="a@b.example",
        password="p",
    )
    database = SimpleNamespace(url=lambda name, role, password: f"postgresql://{role}:{password}@h/{name}")
    passwords = dict.fromkeys(ROLES, "p")
    pace = {"SENSOR_INTERVAL": "4"}
    made = environments_of(tmp_path, database, passwords, server, server, server, server, tmp_path, pace)
    for name, environment in made.items():
        common = load(CommonSettings, environment)
        assert common.DAGSTER_HOME is None, name
        assert tmp_path / "state" == common.INGRAM_STATE_DIR, name
        assert load(PaceSettings, environment) == load(PaceSettings, pace), name
        assert "7" not in environment.values(), name


# -- kinds of values -----------------------------------------------------------------------------------

TAKEN = [
    (StorefrontSettings, "SAFETY_STOCK", "12", 12),
    (StorefrontSettings, "SAFETY_STOCK", " 12\r\n", 12),
    (StorefrontSettings, "INVENTORY_MODE", "On_Hand_Plus_Reserved", "on_hand_plus_reserved"),
    (StorefrontSettings, "PRICE_POLICY", "KEEP", "keep"),
    (StorefrontSettings, "STALE_STOCK", "Out_Of_Stock ", "out_of_stock"),
    (StorefrontSettings, "GUARDRAIL_MAX_UNREAD", ".25", 0.25),
    (StorefrontSettings, "MEDUSA_SALES_CHANNEL", "\u00a0Online Store\u3000", "Online Store"),
    (StorefrontSettings, "MEDUSA_STOCK_LOCATION", "„Nord“ #2 ($)", "„Nord“ #2 ($)"),
    (StorefrontSettings, "MEDUSA_BACKEND_URL", "HTTPS://store.example/", "https://store.example"),
    (StorefrontSettings, "MEDUSA_API_KEY", "\tsk_x\r\n", "sk_x"),
    (StorefrontSettings, "MEDUSA_PASSWORD", "a#b ${HOME} 'c\u00a0 ", "a#b ${HOME} 'c\u00a0 "),
    (StorefrontSettings, "MEDUSA_PASSWORD", "abc\r\n", "abc"),
    (StorefrontSettings, "QUEUE_DB_URL", "postgres://u:p@h/q ", "postgresql://u:p@h/q"),
    (StorefrontSettings, "DESK_URL", "https://Desk.example:8443/", "https://Desk.example:8443"),
    (StorefrontSettings, "DESK_URL", "http://127.0.0.1:3001", "http://127.0.0.1:3001"),
    (StorefrontSettings, "DESK_PROXIES", "127.0.0.1, fd00::/8,", ("127.0.0.1", "fd00::/8")),
    (ScraperSettings, "IPAGE_MFA", "EMAIL", "email"),
    (ScraperSettings, "BROWSER_CDP_URL", "http://127.0.0.1:9222", "http://127.0.0.1:9222"),
    (ScraperSettings, "IPAGE_TOTP_SECRET", "abcd efgh ijkl mnop", "abcd efgh ijkl mnop"),
    (ScraperSettings, "IPAGE_SESSION_COOKIE", "a\tb\nc\td", "a\tb\nc\td"),
    (ScraperSettings, "IPAGE_SESSION_COOKIE", "curl 'https://x' -b 'a=b'", "curl 'https://x' -b 'a=b'"),
    (OperationsSettings, "ALERT_URLS", " json://a , , mailto://u:p@h?to=a@b.example,c@d.example ", 3),
    (OperationsSettings, "HEARTBEAT_URL", "https://hc.example/ab-cd/ ", "https://hc.example/ab-cd"),
    (OperationsSettings, "HEARTBEAT_URL", "https://up.example/p?a=b&ping=", "https://up.example/p?a=b&ping="),
    (OperationsSettings, "HEARTBEAT_URL", "http://localhost:3002/push/x", "http://localhost:3002/push/x"),
    (OperationsSettings, "QUIET_HOURS", " 22:00 - 7:00", QuietHours(time(22), time(7))),
    (OperationsSettings, "QUIET_HOURS", "", None),
    (CommonSettings, "LOG_FORMAT", " JSON", "json"),
    (PaceSettings, "SWEEP_RETRY_AFTER", " 5 , 15, ", (5, 15)),
    *((CommonSettings, "ALLOW_PLAIN_HTTP", yes, True) for yes in ("true", "True", "YES", "on", "1")),
    *((CommonSettings, "ALLOW_PLAIN_HTTP", no, False) for no in ("false", "FALSE", "No", "off", "0", "")),
]


@pytest.mark.parametrize(("settings", "name", "written", "meant"), TAKEN)
def test_a_value_is_taken_as_it_is_meant(settings, name, written, meant):
    seen = getattr(load(settings, {**OF_CLASS[settings], name: written}), name)
    if name == "ALERT_URLS":
        seen = len(seen)
    assert (secret(seen) if isinstance(seen, SecretStr) else seen) == meant


SIGHT = "Tr0ub4dor"
REFUSED = [
    # Numbers with separators, units and other people's points.
    (StorefrontSettings, "STOCK_MAX_AGE", ["86,400", "86.400", "86_400", "86 400", "86'400", "1d", "1 day"]),
    (
        StorefrontSettings,
        "SAFETY_STOCK",
        ["-1", "1.0", "1e3", "\u0663", "0x10", "9" * 5000, "10000000000", "two"],
    ),
    (StorefrontSettings, "IMPORT_BATCH", ["0", "501", "-25", "25.0", "all"]),
    (StorefrontSettings, "LOW_STOCK_THRESHOLD", ["2 # two", "${TWO}", "\u00bd", "five", "+", "--1"]),
    (StorefrontSettings, "GUARDRAIL_MAX_UNREAD", ["0,2", "20%", "20", "nan", "inf", "1/5", "."]),
    (StorefrontSettings, "GUARDRAIL_RISE_FACTOR", ["inf", "10x", "1", "1,000"]),
    (PaceSettings, "SWEEP_RETRY_AFTER", ["300 900", "abc", "-5", "300;900", "5.5", "5,1.000", "5m"]),
    # Cookies that would be sent as nonsense.
    (
        ScraperSettings,
        "IPAGE_SESSION_COOKIE",
        [SIGHT, f"a={SIGHT}…", f"curl 'x' -H 'cookie: a={SIGHT}", f"['{SIGHT}'", f"a={SIGHT} b=2", "[]"],
    ),
    # One of a few words.
    (CommonSettings, "ALLOW_PLAIN_HTTP", ["maybe", "2", "truee", "none", "true false"]),
    (StorefrontSettings, "INVENTORY_MODE", ["on-hand", "onhand", "on hand", "0", "on_hand,"]),
    (ScraperSettings, "IPAGE_MFA", ["e-mail", "mail", "TOTP!", "email,totp", "none"]),
    # What was pasted along, or came from another encoding.
    (
        StorefrontSettings,
        "MEDUSA_SALES_CHANNEL",
        [f"On{sign}line" for sign in "\u200b\u00ad\ufeff\0\n\u2028\udce9"],
    ),
    (StorefrontSettings, "MEDUSA_PASSWORD", [f"{SIGHT}{sign}" for sign in "\u200b\u202e\x07\udce9\ue000"]),
    (
        StorefrontSettings,
        "MEDUSA_API_KEY",
        [f"sk_{SIGHT} x", f"pk_{SIGHT}", f"sk_\u00a0{SIGHT}", f"{SIGHT}\nx", f"sk_é{SIGHT}"],
    ),
    (ScraperSettings, "R2_SECRET_ACCESS_KEY", [f"{SIGHT} {SIGHT}", f"{SIGHT}\t{SIGHT}"]),
    (
        ScraperSettings,
        "R2_BUCKET_NAME",
        ["covers/", "https://r2/covers", "c o", "s3:covers", "c", "Covers", "a..b", "-covers"],
    ),
    (
        ScraperSettings,
        "IPAGE_SAVED_SEARCH_ID",
        [
            "12 34",
            "12&x=1",
            "../x",
            "12345#",
            "https://site.example/?searchId=12",
            "-5",
            "12,13",
            "/a b",
            "№5",
            "https://ipage.ingramcontent.com",
            "https://ipage.ingramcontent.com@site.example/x?searchId=12",
            "https://ipage.ingramcontent.com/ipage/li001.jsp?searchId=12",
            "https://ipage.ingramcontent.com/ipage/productdetail?ean_id=9780306406157",
            "javascript:open(12)",
        ],
    ),
    # Nothing is filled in.
    (StorefrontSettings, "MEDUSA_STOCK_LOCATION", ["${LOCATION}", "Lager ${NR}"]),
    (CommonSettings, "INGRAM_STATE_DIR", ["$HOME/x", "${HOME}/x", "~nobody-of-this-name/x"]),
    (CommonSettings, "DAGSTER_HOME", ["$DAGSTER_HOME"]),
    (ScraperSettings, "BROWSER_EXECUTABLE", ["/there/is/no/browser", "$HOME/chromium", "/tmp", __file__]),
    # Addresses.
    (
        StorefrontSettings,
        "MEDUSA_BACKEND_URL",
        ["store.example", "https://store.example/app", "https:store.example"],
    ),
    (
        StorefrontSettings,
        "MEDUSA_BACKEND_URL",
        [f"https://{of}@h" for of in (f"u:{SIGHT}", f"u:{SIGHT}%", SIGHT)],
    ),
    (
        StorefrontSettings,
        "MEDUSA_BACKEND_URL",
        [f"https://h:{port}" for port in ("port", "0", "99999", "80 80")],
    ),
    (StorefrontSettings, "DESK_URL", ["desk.example", "https://d.example/desk", "http://desk.example"]),
    (StorefrontSettings, "DESK_PROXIES", ["*", "proxy.example", "10.0.0.1/8", "10.0.0.1 10.0.0.2"]),
    (ScraperSettings, "IPAGE_BASE_URL", ["https://ipage.ingramcontent.com/ipage/li001.jsp"]),
    (ScraperSettings, "R2_ENDPOINT", ["https://account.r2.example/covers", "account.r2.example"]),
    (CommonSettings, "DAGSTER_PG_URL", [f"postgresql://u:{SIGHT}@h:port/q", f"sqlite:///{SIGHT}"]),
    (
        CommonSettings,
        "CELERY_BROKER_URL",
        [
            *(f"{scheme}://:{SIGHT}@broker.example/0" for scheme in ("redis", "amqp", "rpc", "https")),
            f"rediss://:{SIGHT}@h/name",
            f"rediss://:{SIGHT}@h/0?ssl_cert_reqs=none",
            f"amqps://u:{SIGHT}@h/a/b",
            f"amqps://u:{SIGHT}@",
            SIGHT,
        ],
    ),
    (
        CommonSettings,
        "CELERY_RESULT_BACKEND_URL",
        [
            *(f"{scheme}://:{SIGHT}@results.example/0" for scheme in ("redis", "amqps", "rpc", "https")),
            f"rediss://:{SIGHT}@h/name",
            f"rediss://:{SIGHT}@h/0?ssl_cert_reqs=none",
            f"rediss://:{SIGHT}@",
            SIGHT,
        ],
    ),
    (CommonSettings, "LOG_FORMAT", ["yaml", "json,text", "1"]),
    (CommonSettings, "INGRAM_UI_URL", ["javascript:alert(1)", "127.0.0.1:3000"]),
    (CommonSettings, "STORE_TIME_ZONE", ["CT", "america/chicago/x", "../etc/passwd", "America/New York"]),
    (ScraperSettings, "IPAGE_MFA_IMAP_URL", [f"imap://u:{SIGHT}@m.example", f"imaps://{SIGHT}@h", SIGHT]),
    (ScraperSettings, "BROWSER_CDP_URL", ["not an address", f"wss://h.example?apiKey={SIGHT} x", SIGHT]),
    (
        OperationsSettings,
        "ALERT_URLS",
        ["garbage", "json:/a", f"json://a json://{SIGHT}", "a,b", f"json://a,{SIGHT}"],
    ),
    (
        OperationsSettings,
        "HEARTBEAT_URL",
        [
            *("hc-ping.com/x", f"ftp://h/{SIGHT}", f"https://u:{SIGHT}@h/x", f"https://h/{SIGHT} x"),
            *(f"http://up.example/api/push/{SIGHT}", f"https://h/{SIGHT}#x", SIGHT),
        ],
    ),
    (OperationsSettings, "QUIET_HOURS", ["22-7", "10pm-7am", "22:00", "25:00-07:00", "22:00-22:00", "yes"]),
    # In the clear over a network.
    (
        StorefrontSettings,
        "MEDUSA_BACKEND_URL",
        [f"http://{host}" for host in ("store.example", "10.0.0.1", "medusa")],
    ),
    (StorefrontSettings, "MEDUSA_BACKEND_URL", ["http://localhost.example", "HTTP://[fe80::1]:9000"]),
    (ScraperSettings, "IPAGE_BASE_URL", ["http://ipage.ingramcontent.com"]),
    (ScraperSettings, "R2_ENDPOINT", ["http://account.r2.example"]),
    (ScraperSettings, "R2_PUBLIC_URL", ["http://covers.example"]),
    (ScraperSettings, "OPEN_LIBRARY_COVERS_URL", ["http://covers.openlibrary.org"]),
    (
        ScraperSettings,
        "BROWSER_CDP_URL",
        [f"{scheme}://b.example?apiKey={SIGHT}" for scheme in ("ws", "http")],
    ),
]


@pytest.mark.parametrize(
    ("settings", "name", "value"), [(settings, name, one) for settings, name, all in REFUSED for one in all]
)
def test_a_value_that_cannot_be_meant_is_refused_with_its_name(settings, name, value):
    with pytest.raises(SettingsError, match=f"{name} is malformed") as told:
        load(settings, {**OF_CLASS[settings], name: value})
    assert SIGHT not in str(told.value)
    with pytest.raises(SettingsError, match=name):
        check({**OF_CLASS[settings], name: value}, settings)


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        (StorefrontSettings, "MEDUSA_BACKEND_URL", "http://medusa.railway.internal:9000"),
        (ScraperSettings, "R2_ENDPOINT", "http://10.0.0.1:9000"),
        (ScraperSettings, "R2_PUBLIC_URL", "http://covers.lan"),
        (ScraperSettings, "IPAGE_BASE_URL", "http://simulator"),
        (ScraperSettings, "BROWSER_CDP_URL", "ws://browser:9222"),
        (CommonSettings, "CELERY_BROKER_URL", "redis://:password@broker:6379/0"),
        (CommonSettings, "CELERY_BROKER_URL", "amqp://user:password@broker"),
        (CommonSettings, "CELERY_RESULT_BACKEND_URL", "redis://:password@broker:6379/1"),
    ],
)
def test_plain_http_on_a_network_of_one_s_own_is_allowed_by_a_setting(settings, name, value):
    load(settings, {**OF_CLASS[settings], name: value, "ALLOW_PLAIN_HTTP": "true"})
    with pytest.raises(SettingsError, match=f"{name} .*ALLOW_PLAIN_HTTP=true"):
        load(settings, {**OF_CLASS[settings], name: value, "ALLOW_PLAIN_HTTP": "false"})


@pytest.mark.parametrize("value", ["abc", "70000", "-1", "30 00", "3000.0", "\u0663000"])
def test_a_port_that_is_none_is_refused_with_its_name(value):
    for name in PORTS:
        with pytest.raises(SettingsError, match=f"{name} is malformed"):
            port_settings({name: value})


def test_ports():
    assert port_settings({"INGRAM_PORT_UI": " 3000\r", "INGRAM_PORT_S3": "0", "INGRAM_PORT_IMAP": ""}) == {
        "UI": 3000,
        "S3": 0,
    }


# -- files ---------------------------------------------------------------------------------------------


@pytest.fixture
def said(caplog):
    """Warnings, as if nothing had been said yet."""
    warn_once.cache_clear()
    caplog.set_level("WARNING", "ingram_assets")
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.fixture
def scraper_file(tmp_path, monkeypatch):
    """Writes `.env.scraper` and returns the environment that the scraper gets."""
    for name in READ_FROM:
        monkeypatch.delenv(name, raising=False)

    def write(text, mode=0o600, file=".env.scraper"):
        (tmp_path / file).write_bytes(text if isinstance(text, bytes) else text.encode())
        (tmp_path / file).chmod(mode)
        return environment_of("scraper", tmp_path)

    return write


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("IPAGE_PASSWORD=ab${HOME}cd", "ab${HOME}cd"),
        ("IPAGE_PASSWORD='abc '", "abc "),
        ("ipage_password=abc", "abc"),
        ("Ipage_Password = abc", "abc"),
        ("export IPAGE_PASSWORD=a#b\r", "a#b"),
    ],
)
def test_a_file_s_password_reaches_the_location(scraper_file, said, line, value):
    environment = scraper_file(f"{line}\n")
    assert environment["IPAGE_PASSWORD"] == value
    assert load(ScraperSettings, SCRAPER | environment).IPAGE_PASSWORD.get_secret_value() == value
    assert said() == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (f"IPAGE_PASSWORD='{SIGHT}\n", "IPAGE_PASSWORD in line 1"),
        (f"# a file\nIPAGE_PASSWORD={SIGHT} #x\n", "IPAGE_PASSWORD in line 2"),
        (f"IPAGE_PASSWORD: {SIGHT}\n", "line 1 is no setting"),
        (f"IPAGE_PASSWORD={SIGHT}é\n".encode("latin-1"), "IPAGE_PASSWORD"),
        (f"IPAGE_PASSWORD=a\nIPAGE_PASSWORD={SIGHT}\n", "IPAGE_PASSWORD stands in line 1 and in line 2"),
        (f"IPAGE_PASSWORD=a\nipage_password={SIGHT}\n", "IPAGE_PASSWORD stands there in small letters, too"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_shows_nothing(scraper_file, text, named):
    with pytest.raises(SettingsError, match=rf"^\.env\.scraper: .*{named}") as told:
        scraper_file(text)
    assert SIGHT not in str(told.value)
    assert told.value.__cause__ is None


def test_a_folder_in_a_file_s_place_is_named(tmp_path):
    (tmp_path / ".env").mkdir()
    with pytest.raises(SettingsError, match=r"\.env can't be read"):
        environment_of(None, tmp_path)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("IPAGE_PASSWORT=x", "is IPAGE_PASSWORD meant"),
        ("IPAGE_PASWORD=x", "is IPAGE_PASSWORD meant"),
        ("ipage_pasword=x", "is IPAGE_PASSWORD meant"),
        ("QUEUE_DB_URI=x", "is QUEUE_DB_URL meant"),
        ("R2_BUCKETNAME=x", "is R2_BUCKET_NAME meant"),
        ("INGRAM_PORT_UIS=3000", "is INGRAM_PORT_UI meant"),
        ("MEDUSA_API_KEY=x", "it belongs in .env.storefront"),
        ("ALERT_URLS=x", "it belongs in .env.operations"),
        ("QUEUE_OWNER_DB_URL=x", "it belongs in .env."),
    ],
)
def test_a_name_that_does_nothing_is_told(scraper_file, said, line, hint):
    scraper_file(f"{line}\n")
    (sentence,) = said()
    assert hint in sentence
    assert line.partition("=")[0] in sentence
    scraper_file(f"{line}\n")
    assert len(said()) == 1, "once in a process"


def test_other_programs_names_are_nobody_s_business(scraper_file, said, monkeypatch):
    monkeypatch.setenv("MEDUSA_ADMIN_ONBOARDING_TYPE", "x")
    scraper_file("SHOP_COLOR=x\nDATABASE_URL=y\nhttps_proxy=http://proxy.example:1\n")
    scraper_file("QUEUE_OWNER_DB_URL=x\nMEDUSA_API_KEY=y\n", file=".env")
    assert said() == []


def test_a_misspelled_name_in_the_environment_is_told(scraper_file, said, monkeypatch):
    monkeypatch.setenv("IPAGE_PASSWORT", SIGHT)
    monkeypatch.setenv("ipage_account", "mine")
    assert scraper_file("")["IPAGE_ACCOUNT"] == "mine"
    (sentence,) = said()
    assert "IPAGE_PASSWORT in the environment" in sentence
    assert SIGHT not in sentence


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o666, 0o602])
def test_a_file_that_others_may_open_is_told_with_the_remedy(scraper_file, said, tmp_path, mode):
    scraper_file("IPAGE_ACCOUNT=x\n", mode)
    (sentence,) = said()
    assert f"chmod 600 {tmp_path / '.env.scraper'}" in sentence


def test_a_file_of_one_s_own_is_passed_over(scraper_file, said):
    scraper_file("IPAGE_ACCOUNT=x\n", 0o600)
    scraper_file("IPAGE_ACCOUNT=x\n", 0o400)
    assert said() == []


@pytest.mark.parametrize("name", ["http_proxy", "https_proxy", "all_proxy", "no_proxy"])
@pytest.mark.parametrize("spelling", [str.lower, str.upper])
def test_proxies_reach_a_location_in_either_spelling(tmp_path, monkeypatch, name, spelling):
    monkeypatch.setenv(spelling(name), "http://proxy.example:3128")
    for location in (*LOCATIONS, None):
        assert environment_of(location, tmp_path)[spelling(name)] == "http://proxy.example:3128"


@pytest.mark.parametrize(
    "value",
    [f"http://u:{SIGHT}%@p", f"http://u:{SIGHT}@p:x", "socks5://p", "pro xy:3128", f"{SIGHT}@:3128"],
)
def test_a_proxy_that_cannot_be_used_is_named(value):
    for name in ("https_proxy", "ALL_PROXY"):
        with pytest.raises(SettingsError, match=f"{name} is malformed") as told:
            check({**STOREFRONT, name: value}, StorefrontSettings)
        assert SIGHT not in str(told.value)
    check({**STOREFRONT, "https_proxy": "proxy.example:3128", "HTTP_PROXY": ""}, StorefrontSettings)


@pytest.mark.parametrize("name", ["LABELS_FILE", "CATEGORIES_FILE"])
def test_a_table_in_excels_own_encoding_says_how_to_save_it(name: str, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_bytes("state,location,days,label\nbackorder,,,Ships in 1–2 weeks\n".encode("cp1252"))
    settings = load(StorefrontSettings, STOREFRONT | {name: str(table)})
    with pytest.raises(SettingsError, match=rf"{name} can't be read: Line 2 is not in UTF-8\. Save .*Excel"):
        (store_rules if name == "LABELS_FILE" else category_table)(settings)


def test_the_programs_own_table_is_checked_as_a_shops_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody edits it in place."""
    table = tmp_path / "labels.csv"
    table.write_text("state,location,days,label\nbackorder,,,Ships soon, or later\n")
    monkeypatch.setattr(labels, "TABLE_FILE", table)
    with pytest.raises(SettingsError, match=r"LABELS_FILE can't be read: Line 2"):
        store_rules(load(StorefrontSettings, STOREFRONT))


def test_the_site_file_is_the_one_that_is_named_else_the_one_beside_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SITE_FILE", raising=False)
    assert "SITE_FILE" not in environment_of("scraper", tmp_path)
    (tmp_path / "site.toml").write_text('[labels]\nprice = ["Preis"]')
    assert environment_of("scraper", tmp_path)["SITE_FILE"] == f"{tmp_path}/site.toml"
    for location in ("storefront", "operations", None):
        assert "SITE_FILE" not in environment_of(location, tmp_path)
    (tmp_path / ".env.scraper").write_text("SITE_FILE=my/portal.toml\n")
    assert environment_of("scraper", tmp_path)["SITE_FILE"] == f"{tmp_path}/my/portal.toml"
    with pytest.raises(SettingsError, match=r"SITE_FILE is malformed: there is no file .*my/portal\.toml"):
        check(SCRAPER | environment_of("scraper", tmp_path), ScraperSettings)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[labels]\nprise = ["Preis"]', "in site.toml, [labels] has no key prise: is price meant?"),
        ('[addresses]\nhome = "https://other.example/a"', "is of another host than the site's, site.example"),
        ("[labels]\nprice = [", "in site.toml, it is no TOML"),
    ],
)
def test_a_site_file_that_cannot_be_meant_is_refused_with_all_other_settings(
    tmp_path: Path, text: str, told: str
) -> None:
    (file := tmp_path / "site.toml").write_text(text)
    given = SCRAPER | {"IPAGE_BASE_URL": "https://site.example", "SITE_FILE": str(file)}
    with pytest.raises(SettingsError, match=rf"SITE_FILE is malformed: .*{re.escape(told)}"):
        check(given, ScraperSettings)
    with pytest.raises(SettingsError, match=r"IPAGE_CONCURRENCY.*SITE_FILE|SITE_FILE.*IPAGE_CONCURRENCY"):
        check(given | {"IPAGE_CONCURRENCY": "x"}, ScraperSettings)


def test_what_is_believed_of_the_site_is_ours_with_the_shops_own_over_it(tmp_path: Path) -> None:
    assert site_profile(load(ScraperSettings, SCRAPER)) is built_in()
    (file := tmp_path / "site.toml").write_text('[labels]\nprice = ["Preis"]')
    settings = load(ScraperSettings, SCRAPER | {"SITE_FILE": str(file)})
    assert site_profile(settings).labels.field_named("Preis") == ("price", 0)
    assert site_profile(settings).fingerprint != built_in().fingerprint
    file.write_text("[labels")
    with pytest.raises(SettingsError, match=r"SITE_FILE can't be used: in site\.toml, it is no TOML"):
        site_profile(settings)
    file.unlink()
    with pytest.raises(SettingsError, match=r"SITE_FILE can't be used: in site\.toml"):
        site_profile(settings)
