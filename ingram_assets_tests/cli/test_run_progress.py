"""`ingram report`: what is in the archive, and what is in none of it."""

import gzip
import json
import os
import re
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from dagster import job, op

from ingram_assets.cli import report_archive
from ingram_assets.cli.main import main
from ingram_assets.coordination.site import SharedSite
from ingram_assets.overview.report_facts import settings_given, shown_settings
from ingram_assets.runtime.instance import dagster_instance
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import CommonSettings
from ingram_assets.sources.ipage.access.kept_pages import packed_page
from ingram_assets_tests.testing.looked_at_shop import LookedAtShop
from ingram_assets_tests.testing.page_factory import product_page
from ingram_assets_tests.testing.planted import GREETED, KNOWN, LABELED, PERSONAL, SPELLINGS
from ingram_assets_tests.testing.secret_forms import forms
from ingram_assets_tests.testing.shared_site import KEY, Shared

pytestmark = pytest.mark.xdist_group("operations")

SECRETS = {
    "IPAGE_USERNAME": "ada.at.the.shop",
    "IPAGE_PASSWORD": "hunter2-S3cret!",
    "IPAGE_ACCOUNT": "20N4417",
    "IPAGE_TOTP_SECRET": "JBSWY3DPEHPK3PXP",
    "IPAGE_MFA_IMAP_URL": "imaps://codes%40the-shop.example:mailw0rd-77@imap.the-host.example:993",
    "R2_ENDPOINT": "https://0123456789abcdef0123456789abcdef.r2.example",
    "R2_ACCESS_KEY_ID": "AKIDNOBODYKNOWS",
    "R2_SECRET_ACCESS_KEY": "r2-secret-nobody-knows",
    "R2_BUCKET_NAME": "covers",
    "R2_PUBLIC_URL": "https://someone:pw-of-r2@covers.example/a?sig=sig-of-r2",
    "MEDUSA_API_KEY": "sk_nobodyknowsthiskey",
    "HEARTBEAT_URL": "https://hc-ping.example/H3ARTBEAT-T0KEN",
    "ALERT_URLS": "jsons://watch:al3rt-pw@hooks.example/T0KEN-OF-ALERTS/path",
    "BROWSER_CDP_URL": "wss://browser.example/devtools?token=cdp-token-77",
}
OPEN = [
    "H3ARTBEAT-T0KEN",
    *(
        "ada.at.the.shop",
        "hunter2-S3cret!",
        "20N4417",
        "JBSWY3DPEHPK3PXP",
        "codes@the-shop.example",
        "mailw0rd-77",
    ),
    *(
        "0123456789abcdef0123456789abcdef",
        "AKIDNOBODYKNOWS",
        "r2-secret-nobody-knows",
        "pw-of-r2",
        "sig-of-r2",
    ),
    *(
        "sk_nobodyknowsthiskey",
        "al3rt-pw",
        "T0KEN-OF-ALERTS",
        "H3ARTBEAT-T0KEN",
        "cdp-token-77",
        "session-cookie-77",
    ),
]
"""What must be in no file of the archive."""


@pytest.fixture
def secrets_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGRAM_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "none").mkdir()
    monkeypatch.setenv("INGRAM_ENV_DIR", str(tmp_path / "none"))
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def set_up(shop: LookedAtShop, secrets_set: None) -> LookedAtShop:
    return shop


@pytest.fixture
def without_facts(secrets_set: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked but the files of this machine."""
    monkeypatch.setattr(report_archive, "facts", lambda given: {})


@pytest.fixture
def kept(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> SharedSite:
    """Where pages and the session are kept, of the account that the settings name."""
    site = shared("http://ipage.example", KEY)
    monkeypatch.setattr(
        report_archive, "session_and_pages_kept", lambda: (site.session("").load(), shared.pages())
    )
    return site


def keep(kept: SharedSite, page: str, isbn: str = "9780593135204", reason: str = "price: gone") -> None:
    run = "0b7e4c01-3f52-4f0f-9c1d-2a60a3f4b7aa"
    kept.keep_page(run, isbn, packed_page(page, run_id=run, isbn=isbn, reason=reason))


def typed(*words: object) -> Result:
    done = CliRunner().invoke(main, ["report", *map(str, words)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return done


def made(*words: object) -> tuple[dict[str, Any], dict[str, str], bytes]:
    """What the command tells a program; the files of the archive; and all its bytes unpacked, and packed."""
    done = typed("--json", *words)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout.splitlines()[-1])
    data = Path(told["path"]).read_bytes()
    with zipfile.ZipFile(told["path"]) as archive:
        assert archive.testzip() is None
        inside = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
        names = " ".join(archive.namelist()).encode()
    return (
        told,
        {name: text.decode() for name, text in inside.items()},
        b"\n".join([data, names, *inside.values()]),
    )


def test_what_is_in_it(set_up: LookedAtShop, kept: SharedSite) -> None:
    @op
    def breaks() -> None:
        raise ValueError("It broke: ask ada.byron@bookshop.example, 615-555-0143.")

    @job
    def a_job_that_breaks() -> None:
        breaks()

    with dagster_instance(load(CommonSettings)) as instance:
        a_job_that_breaks.execute_in_process(instance=instance, raise_on_error=False)
    keep(kept, product_page(), reason="US SRP: it is nowhere")
    told, files, _ = made()
    assert Path(told["path"]).parent == Path.cwd()
    assert re.fullmatch(r"ingram-report-\d{4}-\d\d-\d\d\.zip", Path(told["path"]).name)
    assert stat.S_IMODE(Path(told["path"]).stat().st_mode) == 0o600
    assert told["bytes"] == Path(told["path"]).stat().st_size
    assert [one["name"] for one in told["contents"]] == list(files)
    assert set(files) == {
        *("READ-ME-FIRST.txt", "versions.json", "settings.json", "migrations.json", "failures.json"),
        *("incidents.json", "runs.json", "pages/01-9780593135204.html", "understood.json"),
    }
    versions = json.loads(files["versions.json"])
    assert versions["packages"]["dagster"].count(".") == 2
    assert versions["postgresql"]["queue"] == versions["postgresql"]["journal"]
    assert "away" in versions["medusa"], "it is away, and costs itself alone"
    migrations = json.loads(files["migrations.json"])
    assert re.fullmatch(r"00\d\d", migrations["journal"])
    failures = json.loads(files["failures.json"])
    assert failures["titles"] == 3
    assert failures["failed_runs"][0]["job"] == "a_job_that_breaks"
    (run,) = json.loads(files["runs.json"])
    assert (run["outcome"], run["job"]) == ("failed", "a_job_that_breaks")
    assert "It broke: ask [removed], [removed]." in run["error"]
    (page,) = json.loads(files["understood.json"])
    assert page["why_kept"].endswith("US SRP: it is nowhere")
    assert page["fields"]["isbn"] == "9780593135204"
    assert page["stock"]["TN"]["onHand"] == 1410
    assert "look through it before you send it" in files["READ-ME-FIRST.txt"]


def test_settings_are_told_without_what_is_secret(set_up: LookedAtShop) -> None:
    _, files, _ = made()
    settings = json.loads(files["settings.json"])
    scraper, storefront = settings["scraper"], settings["storefront"]
    assert {scraper[name] for name in ("IPAGE_USERNAME", "IPAGE_PASSWORD", "R2_BUCKET_NAME")} == {"set"}
    assert scraper["IPAGE_SESSION_COOKIE"] == "not set"
    assert scraper["R2_PUBLIC_URL"] == "malformed", "it has a user and a password"
    assert scraper["R2_ENDPOINT"] == "https://….r2.example"
    assert scraper["IPAGE_MFA_IMAP_URL"] == "imaps://imap.the-host.example:993"
    assert scraper["BROWSER_CDP_URL"] == "wss://browser.example"
    assert storefront["MEDUSA_BACKEND_URL"] == "http://127.0.0.1:9"
    assert storefront["MODE"] == "live"
    assert re.fullmatch(r"postgresql://[\w.]+:\d+", storefront["QUEUE_DB_URL"])
    assert settings["operations"]["ALERT_URLS"] == settings["operations"]["HEARTBEAT_URL"] == "set"


@pytest.mark.parametrize(
    ("name", "of"),
    [
        *(("SAFETY_STOCK", "storefront"), ("INVENTORY_MODE", "storefront"), ("MODE", "storefront")),
        *(("STORE_TIME_ZONE", "shared"), ("SENSOR_INTERVAL", "shared"), ("PAGES_PER_HOUR", "scraper")),
        *(("R2_PUBLIC_URL", "scraper"), ("MEDUSA_BACKEND_URL", "storefront")),
    ],
)
def test_a_malformed_value_is_told_as_such(
    secrets_set: None, monkeypatch: pytest.MonkeyPatch, name: str, of: str
) -> None:
    monkeypatch.setenv(name, "hunterPWtwo")
    told = shown_settings(settings_given())
    assert told[of][name] == "malformed"
    assert "hunterPWtwo" not in json.dumps(told)


def test_whose_a_folder_is_is_told_nowhere(
    secrets_set: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "zebediah-quuxley" / "book-shop"
    for name in ("settings", "state of it", "here", "his files"):
        (own / name).mkdir(parents=True)
    monkeypatch.setenv("INGRAM_ENV_DIR", str(own / "settings"))
    monkeypatch.setenv("INGRAM_STATE_DIR", str(own / "state of it"))
    monkeypatch.setenv("SITE_FILE", str(own / "his files" / "none.toml"))
    monkeypatch.setenv("BROWSER_EXECUTABLE", str(own / "his files" / "none"))
    monkeypatch.setenv("CATEGORIES_FILE", "/home/zebediah-quuxley/categories.csv")
    monkeypatch.chdir(own / "here")
    (own / "settings" / ".env.operations").write_text("what is this")
    _, files, everything = made()
    assert b"quuxley" not in everything
    assert b"book-shop" not in everything
    assert "[settings]/.env" in files["settings.json"]
    assert "there is no file [files]/none.toml." in files["READ-ME-FIRST.txt"]


def test_names_of_systems_stay_though_a_role_or_a_database_is_called_so(
    without_facts: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_PG_URL", "postgresql://postgresql:sEcret9@db.internal/dagster")
    away = {"away": "The database of Dagster at db.internal does not answer."}
    told = {"versions": {"postgresql": {"dagster": away}}}
    monkeypatch.setattr(report_archive, "facts", lambda _: told)
    answer, files, _ = made()
    (note,) = [one for one in answer["notes"] if one.startswith("versions")]
    assert note.startswith("versions: postgresql: dagster: The database of Dagster at ")
    assert "sEcret9" not in str(files)


def test_a_run_s_id_stays(without_facts: None, kept: SharedSite) -> None:
    run = "12345678-1234-4234-9234-123456789012"
    packed = packed_page(product_page(), run_id=run, isbn="9780593135204", reason="x 615-555-0143")
    kept.keep_page(run, "9780593135204", packed)
    (page,) = json.loads(made()[1]["understood.json"])
    assert page["why_kept"] == f"run {run}, ISBN 9780593135204: x [removed]"


def test_nothing_of_the_shop_is_in_it(set_up: LookedAtShop, kept: SharedSite) -> None:
    """Planted past the cleaning of kept pages, as an older version may have left them."""
    session = {"session": {"cookies": [{"name": "JSESSIONID", "value": "session-cookie-77"}]}}
    kept.session("").save(json.dumps(session).encode())
    of_spelling = {
        name: "".join(
            f"<p>{spell(value)}</p><i title='{spell(value)}'>x</i>"
            for value in KNOWN.values()
            if value in OPEN
        )
        for name, spell in SPELLINGS.items()
    }
    plants = {
        **of_spelling,
        "open": "".join(f"<p>{value}</p>" for value in OPEN),
        "personal": "".join(f"<p>{value}</p>" for value in PERSONAL.values()),
        "labeled": "".join(markup.format(value) for markup, value in LABELED),
        "greeted": f"<p>Welcome, {GREETED}!</p>",
        "named": f"<header>{GREETED}</header>",
    }
    for number, (name, plant) in enumerate(plants.items()):
        why = f"<!-- run x, ISBN y: {name} {' '.join(OPEN)} {' '.join(PERSONAL.values())} -->\n"
        page = gzip.compress((why + product_page(extra=plant)).encode())
        kept.keep_page("run", f"home-{number}", page)
    _, files, everything = made()
    assert len([name for name in files if name.startswith("pages/")]) == len(plants)
    assert "1,410" in files["pages/01.html"]
    wanted = [*OPEN, *PERSONAL.values(), *(value for _, value in LABELED), GREETED]
    for value in wanted:
        assert value.encode() not in everything, value
        assert value.casefold() not in everything.decode(errors="replace").casefold(), value
    for value in OPEN:
        assert not [form for form in forms(value) if form in everything], value


@pytest.mark.parametrize(
    "file",
    [
        b"IPAGE_PASSWORD=once-only-77\nIPAGE_PASSWORD=" + SECRETS["IPAGE_PASSWORD"].encode(),
        b"# Gr\xfc\xdfe\nIPAGE_PASSWORD=" + SECRETS["IPAGE_PASSWORD"].encode(),
        b"what is this\nexport IPAGE_PASSWORD='" + SECRETS["IPAGE_PASSWORD"].encode() + b"\n",
        b"IPAGE_PASSWORD = " + SECRETS["IPAGE_PASSWORD"].encode() + b" # mine",
        b"\xff\xfe" + f"?\nIPAGE_PASSWORD={SECRETS['IPAGE_PASSWORD']}\n".encode("utf-16-le"),
        f"?\nIPAGE_PASSWORD={SECRETS['IPAGE_PASSWORD']}\n".encode("utf-16-le"),
        b"?\nipage_password=" + SECRETS["IPAGE_PASSWORD"].encode(),
        b"?\nIPAGE_PASWORD=" + SECRETS["IPAGE_PASSWORD"].encode(),
    ],
)
@pytest.mark.parametrize("name", [".env.scraper", ".env.storefront", ".env"])
def test_a_malformed_file_s_values_are_taken_out_all_the_same(
    kept: SharedSite,
    without_facts: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    file: bytes,
) -> None:
    monkeypatch.delenv("IPAGE_PASSWORD")
    (tmp_path / "none" / name).write_bytes(file)
    keep(kept, product_page(extra=f"<p>{SECRETS['IPAGE_PASSWORD']} once-only-77 1,410</p>"))
    _, files, everything = made()
    assert "1,410" in files["pages/01-9780593135204.html"]
    assert SECRETS["IPAGE_PASSWORD"].encode() not in everything
    if b"once" in file:
        assert b"once-only-77" not in everything


def test_pages_that_can_t_be_cleaned_are_left_out(
    kept: SharedSite, without_facts: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(kept, product_page())
    (tmp_path / "none" / ".env.scraper").write_bytes(b"\x80\x81 nothing of it is a setting")
    _, files, _ = made()
    assert not [name for name in files if name.startswith(("pages/", "understood"))]
    assert "nothing of .env.scraper can be read" in files["READ-ME-FIRST.txt"]
    (tmp_path / "none" / ".env.scraper").write_bytes(b"# nothing yet\n")
    assert "pages/01-9780593135204.html" in made("--out", tmp_path / "second.zip")[1]
    for name in ("IPAGE_USERNAME", "IPAGE_PASSWORD", "IPAGE_ACCOUNT"):
        monkeypatch.delenv(name)
    _, files, _ = made("--out", tmp_path / "third.zip")
    assert "no setting says whose account it is" in files["READ-ME-FIRST.txt"]


def test_the_shop_s_own_site_file_is_in_it(set_up: LookedAtShop, tmp_path: Path) -> None:
    own = tmp_path / "own-site.toml"
    own.write_text('# of shop@bookstore.example\n[labels]\nprice = ["ladenpreis"]\n')
    with pytest.MonkeyPatch.context() as given:
        given.setenv("SITE_FILE", str(own))
        _, files, _ = made()
    assert 'price = ["ladenpreis"]' in files["site.toml"]
    assert "shop@bookstore.example" not in files["site.toml"]


def test_an_archive_that_is_there_is_not_overwritten(set_up: LookedAtShop, tmp_path: Path) -> None:
    told, _, _ = made()
    before = Path(told["path"]).read_bytes()
    again = typed()
    assert again.exit_code == 2
    assert "is there already, and is not overwritten" in again.output
    assert Path(told["path"]).read_bytes() == before
    (tmp_path / "other").mkdir()
    assert Path(made("--out", tmp_path / "other")[0]["path"]).parent == tmp_path / "other"
    assert made("--out", tmp_path / "mine.zip")[0]["path"] == str(tmp_path / "mine.zip")
    nowhere = typed("--out", tmp_path / "no" / "where.zip")
    assert (nowhere.exit_code, "There is no folder" in nowhere.output) == (2, True)
    assert list(Path.cwd().iterdir()) == [Path(told["path"])], "nothing lies about"


def test_it_holds_the_newest_pages_up_to_a_size_and_says_what_is_left_out(
    kept: SharedSite, set_up: LookedAtShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        keep(kept, product_page(extra=f"<p>page {number}</p>"), isbn=str(number))
    monkeypatch.setattr(report_archive, "MAX_PAGES", 4)
    told, files, _ = made()
    assert "page 5" in files["pages/01.html"]
    assert len([name for name in files if name.startswith("pages/")]) == 4
    assert any(note.startswith("2 older pages are left out") for note in told["notes"])
    monkeypatch.setattr(report_archive, "MAX_BYTES", 40_000)
    told, files, _ = made("--out", tmp_path / "small.zip")
    assert sum(one["bytes"] for one in told["contents"]) <= 40_000
    assert any("older pages are left out" in note for note in told["notes"])
    assert "page 5" in files["pages/01.html"], "the newest is there"


def test_with_nothing_at_hand_it_is_written_all_the_same(
    kept: SharedSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No settings, no database: what there is to say is that."""
    for name in list(os.environ):
        if name.startswith(("INGRAM_", "IPAGE_", "MEDUSA_", "QUEUE_", "DAGSTER_", "STOREFRONT_", "R2_")):
            monkeypatch.delenv(name)
    (tmp_path / "none").mkdir()
    monkeypatch.setenv("INGRAM_ENV_DIR", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    told, files, _ = made()
    assert "QUEUE_DB_URL is missing" in json.loads(files["settings.json"])["storefront"]["problem"]
    assert any(note.startswith("failures: ") for note in told["notes"])
    assert "No page was kept" in files["READ-ME-FIRST.txt"]
    monkeypatch.setenv("QUEUE_DB_URL", "postgresql://nobody:sEcret-77@127.0.0.1:1/none")
    _, _, everything = made("--out", tmp_path / "again.zip")
    assert b"sEcret-77" not in everything


def test_a_person_is_told_what_is_in_it_and_how_large(set_up: LookedAtShop, kept: SharedSite) -> None:
    keep(kept, product_page())
    done = typed()
    assert done.exit_code == 0
    assert re.search(r"ingram-report-[\d-]+\.zip \([\d.]+ [kM]B; [\d.]+ [kM]B unpacked\):", done.stdout)
    assert "1 pages of iPage that were kept" in done.stdout
    assert "look through it before you send it" in done.stdout
