"""A Chromium is found that really starts, and what is not one is refused with the reason."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from ingram_assets.runtime.node import FOR_PLAYWRIGHT, find_node
from ingram_demo.embedded.chromium import NoBrowser, ensure_chromium

NOWHERE = "http://127.0.0.1:1"


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_playwright_drives_what_was_found(chromium: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        page = browser.new_page()
        page.set_content("<input id=code><button onclick=\"document.title=code.value+'!'\">Ok</button>")
        page.fill("#code", "123456")
        page.click("button")
        assert page.title() == "123456!"
        browser.close()


def test_a_second_start_tries_nothing_again(
    chromium: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = tmp_path / "tried"
    counting = program(tmp_path / "bin" / "chromium", f'echo >> "{tried}"\nexec "{chromium}" "$@"')
    monkeypatch.setenv("PATH", str(counting.parent), prepend=":")
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "none"))

    found = [ensure_chromium(tmp_path / "tools") for _ in range(2)]

    assert found == [counting, counting]
    assert len(tried.read_text()) == 1


def test_a_browser_that_was_replaced_is_tried_again(
    chromium: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = program(tmp_path / "good" / "chromium", f'exec "{chromium}" "$@"')
    monkeypatch.setenv("PATH", str(good.parent), prepend=":")
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "none"))
    assert ensure_chromium(tmp_path / "tools") == good

    program(good, "exit 1")
    better = program(tmp_path / "better" / "google-chrome", f'exec "{chromium}" "$@"')
    monkeypatch.setenv("PATH", str(better.parent), prepend=":")

    assert ensure_chromium(tmp_path / "tools") == better


def test_no_browser_to_be_had_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(
        tmp_path / "bin" / "chromium", "echo error while loading shared libraries: libnss3.so >&2; exit 127"
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin/nowhere")
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "none"))
    monkeypatch.setenv("PLAYWRIGHT_DOWNLOAD_HOST", NOWHERE)
    monkeypatch.setenv("npm_config_registry", NOWHERE)
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))

    with pytest.raises(NoBrowser) as refusal:
        ensure_chromium(tmp_path / "tools")

    message = str(refusal.value)
    assert "install Google Chrome or Chromium, or set BROWSER_EXECUTABLE" in message
    assert f"{tmp_path / 'bin' / 'chromium'} does not start" in message
    assert "libnss3.so" in message
    for way in ("Playwright's download", "@sparticuz/chromium", "Debian's package"):
        assert way in message
    assert not (tmp_path / "tools" / "chromium.json").exists()


def test_a_given_browser_that_does_not_start_is_named_with_its_setting(tmp_path: Path) -> None:
    broken = program(tmp_path / "chrome", "exit 3")
    with pytest.raises(NoBrowser, match=f"BROWSER_EXECUTABLE names {broken}"):
        ensure_chromium(tmp_path / "tools", given=broken)
    with pytest.raises(NoBrowser, match="not there"):
        ensure_chromium(tmp_path / "tools", given=tmp_path / "absent")


def test_playwrights_node_is_chosen_before_a_browser_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(FOR_PLAYWRIGHT)
    with pytest.raises(NoBrowser, match="not there"):
        ensure_chromium(tmp_path / "tools", given=tmp_path / "absent")
    assert os.environ[FOR_PLAYWRIGHT] == str(find_node().program)
