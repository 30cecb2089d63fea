"""Wrong settings, one at a time: the doctor names exactly that one.

The table is made of the settings' classes: a new setting without a row fails.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ingram_assets.doctor import ipage
from ingram_assets.doctor.model import NamedSetting
from ingram_assets.settings.base import Settings
from ingram_assets.settings.file_of_setting import LOCATIONS, SHARED
from ingram_assets.settings.owner import MigrateSettings
from ingram_assets.settings.shared import CommonSettings, PaceSettings
from ingram_assets_tests.testing.examined_shop import ExaminedShop

pytestmark = pytest.mark.xdist_group("medusa")

SCRAPER, STOREFRONT, OPERATIONS = ".env.scraper", ".env.storefront", ".env.operations"
NOBODY = "http://127.0.0.1:9"
INVISIBLE = "some\u200bthing"


@dataclass(frozen=True)
class Wrong:
    """A value that is well written, and wrong: what is looked at, and what is named.

    Attributes:
        beside: other settings of the file, without which the value would not matter.
        with_it: settings that are named as well, since nobody can tell which of them is wrong.
    """

    value: str | Callable[[ExaminedShop], str]
    systems: tuple[str, ...]
    beside: dict[str, str] = field(default_factory=dict)
    with_it: tuple[str, ...] = ()


def _password(shop: ExaminedShop, file: str, name: str) -> str:
    """The same address with another password."""
    before, at, host = shop.files[file][name].rpartition("@")
    return f"{before}x{at}{host}"


def _table(folder: Path, text: str) -> str:
    file = folder / f"table-{abs(hash(text))}.csv"
    file.write_text(text)
    return str(file)


MEDUSA = ("postgresql", "medusa")
WITHOUT_ACCOUNT = {"IPAGE_USERNAME": "", "IPAGE_PASSWORD": ""}
AS_ADMIN = {"MEDUSA_API_KEY": ""}

WRONG: dict[tuple[str, str], Wrong] = {
    (SCRAPER, "IPAGE_BASE_URL"): Wrong(NOBODY, ("ipage",)),
    (SCRAPER, "IPAGE_USERNAME"): Wrong("nobody", ("ipage",), with_it=("IPAGE_PASSWORD",)),
    (SCRAPER, "IPAGE_PASSWORD"): Wrong("wrong", ("ipage",), with_it=("IPAGE_USERNAME",)),
    (SCRAPER, "IPAGE_SAVED_SEARCH_ID"): Wrong("7654321", ("ipage",)),
    (SCRAPER, "IPAGE_MFA"): Wrong("prompt", ("ipage",)),
    (SCRAPER, "IPAGE_MFA_IMAP_URL"): Wrong(
        lambda shop: _password(shop, SCRAPER, "IPAGE_MFA_IMAP_URL"), ("mailbox",)
    ),
    (SCRAPER, "IPAGE_MFA_SENDERS"): Wrong("elsewhere.example", ("ipage",), with_it=("IPAGE_MFA_IMAP_URL",)),
    (SCRAPER, "IPAGE_TOTP_SECRET"): Wrong(
        "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", ("ipage",), {"IPAGE_MFA": "totp"}, with_it=("IPAGE_MFA",)
    ),
    (SCRAPER, "IPAGE_SESSION_COOKIE"): Wrong("JSESSIONID=ended", ("ipage",), WITHOUT_ACCOUNT),
    (SCRAPER, "BROWSER_CDP_URL"): Wrong(NOBODY, ("browser",)),
    (SCRAPER, "BROWSER_EXECUTABLE"): Wrong("/bin/true", ("browser",)),
    (SCRAPER, "QUEUE_DB_URL"): Wrong(lambda shop: _password(shop, SCRAPER, "QUEUE_DB_URL"), ("postgresql",)),
    (SCRAPER, "R2_ENDPOINT"): Wrong(NOBODY, ("bucket",)),
    (SCRAPER, "R2_ACCESS_KEY_ID"): Wrong("nobody", ("bucket",)),
    (SCRAPER, "R2_SECRET_ACCESS_KEY"): Wrong("wrong", ("bucket",)),
    (SCRAPER, "R2_BUCKET_NAME"): Wrong("nowhere", ("bucket",)),
    (SCRAPER, "R2_PUBLIC_URL"): Wrong(
        lambda shop: f"{shop.files[SCRAPER]['R2_PUBLIC_URL']}-of-another",
        ("bucket",),
        with_it=("R2_BUCKET_NAME",),
    ),
    (SCRAPER, "SITE_FILE"): Wrong(lambda shop: _table(shop.folder, "[labels]\nprice = 1\n"), ()),
    (SCRAPER, "OPEN_LIBRARY_COVERS_URL"): Wrong(NOBODY, ("open library",)),
    (STOREFRONT, "MEDUSA_BACKEND_URL"): Wrong(NOBODY, MEDUSA),
    (STOREFRONT, "MEDUSA_API_KEY"): Wrong("sk_wrong", MEDUSA),
    (STOREFRONT, "MEDUSA_EMAIL"): Wrong(
        "nobody@bookstore.example", MEDUSA, AS_ADMIN | {"MEDUSA_PASSWORD": "right"}, ("MEDUSA_PASSWORD",)
    ),
    (STOREFRONT, "MEDUSA_PASSWORD"): Wrong(
        "wrong", MEDUSA, AS_ADMIN | {"MEDUSA_EMAIL": "admin@bookstore.example"}, ("MEDUSA_EMAIL",)
    ),
    (STOREFRONT, "MEDUSA_PUBLISHABLE_KEY"): Wrong("pk_wrong", MEDUSA),
    (STOREFRONT, "MEDUSA_SALES_CHANNEL"): Wrong("Nowhere", MEDUSA),
    (STOREFRONT, "MEDUSA_STOCK_LOCATION"): Wrong("sloc_nowhere", MEDUSA),
    (STOREFRONT, "RETURNS_TO"): Wrong("Nowhere", MEDUSA),
    (STOREFRONT, "QUEUE_DB_URL"): Wrong(
        lambda shop: _password(shop, STOREFRONT, "QUEUE_DB_URL"), ("postgresql",)
    ),
    (STOREFRONT, "STOREFRONT_DB_URL"): Wrong(
        lambda shop: f"{shop.files[STOREFRONT]['STOREFRONT_DB_URL']}_of_another", ("postgresql",)
    ),
    (STOREFRONT, "CATEGORIES_FILE"): Wrong(lambda shop: _table(shop.folder, "a,b,c\n1\n"), ()),
    (STOREFRONT, "LABELS_FILE"): Wrong(lambda shop: _table(shop.folder, "state,label\nx\n"), ()),
    (OPERATIONS, "ALERT_URLS"): Wrong("nosuchservice://someone", ("alerts",)),
    (".env", "DAGSTER_PG_URL"): Wrong(
        lambda shop: f"{shop.files['.env']['DAGSTER_PG_URL']}_of_another", ("postgresql",)
    ),
    (".env", "CELERY_BROKER_URL"): Wrong("redis://:password@127.0.0.1:9/0", ("broker",)),
    (".env", "CELERY_RESULT_BACKEND_URL"): Wrong("redis://:password@127.0.0.1:9/1", ("result_backend",)),
    (".env", "INGRAM_STATE_DIR"): Wrong("/dev/null/state", ()),
    (".env", "QUEUE_OWNER_DB_URL"): Wrong(
        lambda shop: f"{shop.files['.env']['QUEUE_OWNER_DB_URL']}_of_another", ("postgresql",)
    ),
    (".env", "QUEUE_WRITER_ROLE"): Wrong("nobody_at_all", ("postgresql",)),
    (".env", "QUEUE_READER_ROLE"): Wrong("nobody_at_all", ("postgresql",)),
}
"""Settings of outside systems."""

_A_CHOICE = "a choice of the shop's: each value that is well written may be meant"
_FROM_ELSEWHERE = "whether it is right can be seen from another machine alone"

CANT_BE_NOTICED = {
    (
        SCRAPER,
        "IPAGE_ACCOUNT",
    ): "iPage asks for it on few accounts' forms, and refuses it as it does a password",
    (SCRAPER, "SESSION_KEY"): "any key is good: with another one the next run signs in anew, and says why",
    (SCRAPER, "IPAGE_CONCURRENCY"): _A_CHOICE,
    (SCRAPER, "PAGES_PER_HOUR"): _A_CHOICE,
    (SCRAPER, "SWEEP_SHARD_SIZE"): _A_CHOICE,
    (SCRAPER, "HISTORY_RETENTION_DAYS"): _A_CHOICE,
    (SCRAPER, "GUARDRAIL_MAX_SEARCH_SHRINKAGE"): _A_CHOICE,
    (SCRAPER, "GUARDRAIL_MAX_UNREAD"): _A_CHOICE,
    (OPERATIONS, "HEARTBEAT_URL"): "to ask for it says that a sweep was good",
    (OPERATIONS, "QUIET_HOURS"): _A_CHOICE,
    (STOREFRONT, "DESK_URL"): _FROM_ELSEWHERE,
    (STOREFRONT, "DESK_PROXIES"): _FROM_ELSEWHERE,
    **{
        (STOREFRONT, name): _A_CHOICE
        for name in (
            *(
                "MODE",
                "INVENTORY_MODE",
                "SAFETY_STOCK",
                "STOCK_MAX_AGE",
                "STALE_STOCK",
                "LOW_STOCK_THRESHOLD",
            ),
            *("MIN_STOCK_DELTA", "PRICE_POLICY", "UNREAD_STOCK", "SELL_RESTRICTED", "AVAILABILITY_TAGS"),
            *("IMPORT_BATCH", "DESK_REQUESTS_PER_MINUTE", "GUARDRAIL_MAX_TURNING_TO_ZERO"),
            *("GUARDRAIL_MIN_TITLES_TURNING_TO_ZERO", "GUARDRAIL_MAX_UNREAD", "GUARDRAIL_MIN_TITLES"),
            *("GUARDRAIL_MAX_TURNING_DIGITAL", "GUARDRAIL_MAX_TURNING_UNMANAGED"),
            *("GUARDRAIL_MAX_TURNING_TO_PREORDER", "GUARDRAIL_MAX_TURNING_TO_BACKORDER"),
            *("GUARDRAIL_MAX_RISING", "GUARDRAIL_RISE_FACTOR", "GUARDRAIL_MAX_PRICES"),
            *("GUARDRAIL_MAX_PRICE_FALL", "GUARDRAIL_MAX_PRICE_RISE", "GUARDRAIL_PRICE_FLOOR"),
            "GUARDRAIL_PRICE_CEILING",
        )
    },
    (".env", "ALLOW_PLAIN_HTTP"): _A_CHOICE,
    (".env", "DAGSTER_HOME"): "a folder that is not there is made",
    (".env", "STORE_TIME_ZONE"): _A_CHOICE,
    (".env", "LOG_FORMAT"): _A_CHOICE,
    (".env", "INGRAM_UI_URL"): "it is where people open a page, which Dagster need not serve yet",
    **{(".env", name): _A_CHOICE for name in PaceSettings.model_fields if name != "ALLOW_PLAIN_HTTP"},
}
"""Settings of which no well written value can be told to be wrong, and why. Malformed ones are named, too."""


def _all_settings() -> set[tuple[str, str]]:
    """Of each class: the file where it is written, and its name."""
    owned = {name for of in LOCATIONS.values() for name in of.model_fields} - SHARED
    shared: tuple[type[Settings], ...] = (CommonSettings, PaceSettings, MigrateSettings)
    return {
        *((of.file, name) for of in LOCATIONS.values() for name in of.model_fields if name not in SHARED),
        *((".env", name) for of in shared for name in of.model_fields if name not in owned),
    }


ALL = sorted(_all_settings())


def test_every_setting_has_a_row() -> None:
    assert set(ALL) == WRONG.keys() | CANT_BE_NOTICED.keys()
    assert not WRONG.keys() & CANT_BE_NOTICED.keys()


@pytest.mark.parametrize(("file", "name"), ALL)
def test_what_can_not_be_read_is_named(shop: ExaminedShop, file: str, name: str) -> None:
    found = shop.examine("no system", changes={file: {name: INVISIBLE}})
    assert found.names == {NamedSetting(file, name)}
    assert INVISIBLE not in repr(found)


@pytest.mark.parametrize(("file", "name"), WRONG)
def test_what_is_wrong_is_named(
    shop: ExaminedShop, file: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = WRONG[file, name]
    if name == "IPAGE_MFA_SENDERS":
        monkeypatch.setattr(ipage, "CODE_PATIENCE", 1.0)
    value = wrong.value if isinstance(wrong.value, str) else wrong.value(shop)
    systems = wrong.systems or ("no system",)
    found = shop.examine(*systems, changes={file: {**wrong.beside, name: value}})
    assert found.names == {NamedSetting(file, one) for one in (name, *wrong.with_it)}, found.missing
