"""What `ingram doctor` says of the other site: each difference that a `site.toml` has not told of yet."""

import os
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingram_assets.doctor.examination import examination
from ingram_assets.doctor.ipage import COVER, PAGES, SEARCH, SIGN_IN
from ingram_assets.doctor.model import Finding, Outcome
from ingram_assets.doctor.running import findings
from ingram_assets.settings import environment
from ingram_assets_tests.other_site.books import LIST
from ingram_assets_tests.other_site.server import running_other_site
from ingram_assets_tests.other_site.state import OtherSite
from ingram_assets_tests.other_site.truth import SITE_FILE
from ingram_assets_tests.testing.shared_site import Shared

Look = Callable[..., dict[str, Finding]]


@pytest.fixture
def other() -> Iterator[OtherSite]:
    with running_other_site() as site:
        yield site


@pytest.fixture
def look(
    other: OtherSite, shared: Shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chromium: Path
) -> Look:
    """What is found of iPage, by name, with a `site.toml` that says this."""
    for name in [name for name in os.environ if name.startswith(("INGRAM_", "IPAGE_", "QUEUE_", "R2_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("INGRAM_ENV_DIR", str(tmp_path))

    def find(site_file: str, **settings: str) -> dict[str, Finding]:
        nobody = "http://127.0.0.1:9"
        scraper = {
            "IPAGE_BASE_URL": other.url,
            "IPAGE_SAVED_SEARCH_ID": LIST,
            "BROWSER_EXECUTABLE": str(chromium),
            "QUEUE_DB_URL": shared.queue.writer,
            **{"R2_ENDPOINT": nobody, "R2_PUBLIC_URL": nobody, "R2_BUCKET_NAME": "covers"},
            **{"R2_ACCESS_KEY_ID": "none", "R2_SECRET_ACCESS_KEY": "none"},
            **(settings or {"IPAGE_SESSION_COOKIE": other.signed_in_cookie()}),
        }
        dagster = "postgresql://dagster:none@127.0.0.1:9/dagster"
        common = {"DAGSTER_PG_URL": dagster, "INGRAM_STATE_DIR": str(tmp_path / "state")}
        for file, given in ((".env", common), (".env.scraper", scraper)):
            path = tmp_path / file
            path.touch(mode=0o600)
            path.write_text("".join(f"{name}='{value}'\n" for name, value in given.items()))
        (tmp_path / "site.toml").write_text(site_file)
        environment.warn_once.cache_clear()
        with examination() as checks:
            of_ipage = [one for one in checks if one.system in ("settings", "ipage")]
            return {found.name: found for found in findings(of_ipage)}

    return find


def without(section: str, key: str) -> str:
    """The whole file but one entry."""
    text = SITE_FILE.read_text()
    whole = tomllib.loads(text)[section]
    assert key in whole
    if re.search(rf"^{section} = ", text, re.MULTILINE):
        inline = {"centers": r'"?{}"? = "[A-Z]{{2}}",? ?', "numbers": r'{} = (?:"[^"]*"|\[[^\]]*\]),? ?'}
        return re.sub(inline[section].format(re.escape(key)), "", text, count=1).replace(", }", " }")
    return re.sub(rf"(\[{section}\][^\[]*(?:\n.*)*?\n){re.escape(key)} = .*\n", r"\1", text, count=1)


def said(found: dict[str, Finding], *names: str) -> str:
    return "\n".join("\n".join([found[name].words, *found[name].more]) for name in names)


def test_with_all_of_it_everything_is_read(look: Look) -> None:
    found = look(SITE_FILE.read_text())
    for name in (SIGN_IN, SEARCH, *PAGES, COVER):
        assert found[name].outcome in (Outcome.FINE, Outcome.NOTE), found[name].words
    assert "12 of 13 fields, stock of 4 centers" in found[PAGES[0]].words


def test_without_a_site_toml_the_address_of_the_sign_in_is_named_and_nothing_else_asked(
    look: Look, other: OtherSite
) -> None:
    found = look("", **account_of(other))
    assert found[SIGN_IN].outcome is Outcome.MISSING
    assert "[addresses] login, if your browser has it elsewhere than at /ipage/li001.jsp" in said(
        found, SIGN_IN
    )
    for name in (SEARCH, *PAGES, COVER):
        assert found[name].outcome is Outcome.NOT_TRIED
    assert set(other.asked) <= {"/ipage/li001.jsp", "/medien/logo.gif", "/favicon.ico"}


def test_words_of_a_sign_in_that_are_not_known_are_named(look: Look, other: OtherSite) -> None:
    found = look(without("sign_in", "user"), **account_of(other))
    told = said(found, SIGN_IN)
    assert "with the fields “Benutzerkennung”, “q” and the buttons “Weiter”" in told
    assert "new words of its fields and buttons go into [sign_in]" in told


def account_of(other: OtherSite) -> dict[str, str]:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    name, password = other.customer.name, other.customer.password
    return {
        **{"IPAGE_USERNAME": name, "IPAGE_PASSWORD": password},
        **{"IPAGE_MFA": "totp", "IPAGE_TOTP_SECRET": secret},
    }


@pytest.mark.parametrize(
    ("section", "key", "check", "words"),
    [
        ("addresses", "home", SIGN_IN, "[addresses] home, if your browser has it elsewhere"),
        ("addresses", "product", PAGES[0], "[addresses] product, if your browser has it elsewhere"),
        ("addresses", "search_export", SEARCH, "[addresses] search_export, if your browser has it elsewhere"),
        ("addresses", "covers", COVER, "[addresses] covers, if your browser has it elsewhere"),
        ("labels", "title", PAGES[0], "“Titel:”"),
        ("labels", "price", PAGES[0], 'price = ["Ladenpr."]'),
        ("labels", "pub_date", PAGES[0], "“Ersch.-Dat.:”"),
        ("labels", "weight", PAGES[0], "“Gew.:”"),
        ("headings", "on_hand", PAGES[0], "“Bestand”"),
        ("centers", "Nord", PAGES[0], '"Nord" = ""'),
        ("numbers", "decimal", PAGES[0], 'decimal = ","'),
        ("columns", "isbn", SEARCH, "“Art.-Nr.”"),
        ("columns", "isbn", SEARCH, "[columns] isbn of site.toml"),
    ],
)
def test_each_entry_that_is_missing_is_named_where_it_is_missed(
    look: Look, section: str, key: str, check: str, words: str
) -> None:
    assert words in said(look(without(section, key)), check)
