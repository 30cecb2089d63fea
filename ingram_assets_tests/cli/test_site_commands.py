"""What a person does with what runs share of iPage: forget it, look at kept pages, make a key."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet

from ingram_assets.cli.main import main
from ingram_assets.coordination.site import SharedSite
from ingram_assets.domain.site_limits import Limits
from ingram_assets.sources.ipage.access.kept_pages import packed_page
from ingram_assets.sources.ipage.login.refused_password import RefusedPassword
from ingram_assets_tests.testing.page_factory import product_page
from ingram_assets_tests.testing.shared_site import KEY, Shared

SITE = "http://ipage.example"
ISBN = "9780593135204"


@pytest.fixture
def site(shared: Shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SharedSite:
    """What runs share, as they see it."""
    settings = {
        "INGRAM_ENV_DIR": str(tmp_path),
        "INGRAM_STATE_DIR": str(tmp_path / "state"),
        "DAGSTER_PG_URL": "postgresql://nobody@127.0.0.1:9/none",
        "QUEUE_DB_URL": shared.queue.writer,
        "IPAGE_BASE_URL": SITE,
        "ALLOW_PLAIN_HTTP": "true",
        "IPAGE_USERNAME": "shop",
        "SESSION_KEY": KEY,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return shared(SITE)


def typed(*words: object) -> Result:
    done = CliRunner().invoke(main, [*map(str, words)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return done


def test_a_session_is_forgotten_once(site: SharedSite):
    site.session("shop").save(b"kept")
    site.session("other").save(b"another's")
    assert "the next run signs in" in typed("forget", "session").output
    assert site.session("shop").load() is None
    assert site.session("other").load() == b"another's"
    assert "No session was kept." in typed("forget", "session").output


def test_a_refused_password_is_tried_again(site: SharedSite):
    refused = RefusedPassword(site.refusals("shop"), "secret")
    refused.remember("iPage refused it.")
    assert "ingram forget password" in (refused.reason() or "")
    done = typed("forget", "password", "--json")
    assert json.loads(done.stdout.splitlines()[-1])["forgotten"] is True
    assert refused.reason() is None


def test_a_block_ends(site: SharedSite):
    limits = site.limits(Limits())
    limits.trip("status 429", None, limits.look().now)
    assert limits.take(8, is_waiting=False)[0] is None
    assert "the next run asks iPage" in typed("forget", "block").output
    assert limits.take(8, is_waiting=False)[0] is not None


def test_kept_pages_are_told_and_written_for_read(site: SharedSite, tmp_path: Path):
    assert "No page was kept" in typed("kept-pages").output
    packed = packed_page(product_page(), run_id="run", isbn=ISBN, reason="price: it is nowhere")
    site.keep_page("run", ISBN, packed)
    told = typed("kept-pages", "--out", tmp_path / "pages").output
    assert "price: it is nowhere" in told
    assert "1 kept." in told
    assert f"run-{ISBN}.html" in [file.name for file in (tmp_path / "pages").iterdir()]
    read = typed("read", tmp_path / "pages", "--json")
    assert ISBN in read.stdout
    (page,) = json.loads(typed("kept-pages", "--json").stdout.splitlines()[-1])["pages"]
    assert (page["run"], page["isbn"]) == ("run", ISBN)


def test_a_key_is_made_that_the_settings_take():
    key = typed("session-key").stdout.strip()
    assert Fernet(key).decrypt(Fernet(key).encrypt(b"x")) == b"x"
    assert typed("session-key").stdout.strip() != key


def test_a_database_that_is_away_is_one_sentence(site: SharedSite, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("QUEUE_DB_URL", "postgresql://nobody@127.0.0.1:9/none")
    done = typed("forget", "block")
    assert done.exit_code in (1, 2)
    assert "127.0.0.1:9" in done.output
    assert "Traceback" not in done.output
