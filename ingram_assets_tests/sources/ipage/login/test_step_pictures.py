"""Pictures of the sign-in: nothing that was typed, and no secret on the page, can be read on them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from ingram_assets.sources.ipage.login.browser import launch
from ingram_assets.sources.ipage.login.step_pictures import picture_of

FORM = """<style>b, select {{ display: inline-block; width: 150px }}</style><h1>Log in</h1><form>
<input name="username" value="{user}"><input type="password" value="{user}">
<input type="number" value="{number}">
<textarea>{user}</textarea><div contenteditable="true">{user}</div>
<select><option>{user}</option></select><button>Go</button></form>
<p>Welcome, <b>{user}</b></p><iframe srcdoc="<input value={user}>"></iframe>"""


@pytest.fixture(scope="module")
def page(chromium: Path) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = launch(playwright, str(chromium))
        yield browser.new_page()
        browser.close()


def drawn(page: Page, user: str, number: int, secrets: tuple[str, ...]) -> bytes:
    page.set_content(FORM.format(user=user, number=number))
    page.wait_for_timeout(200)
    picture = picture_of(page, secrets)
    assert picture is not None
    assert picture.startswith(b"\x89PNG")
    return picture


def test_two_people_look_the_same(page: Page) -> None:
    ada = drawn(page, "ada-lovelace", 481516, ("ada-lovelace", "x"))
    assert ada == drawn(page, "mary-shelley", 234299, ("mary-shelley", "x"))


def test_what_is_no_secret_can_be_read(page: Page) -> None:
    assert drawn(page, "ada-lovelace", 1, ()) != drawn(page, "mary-shelley", 1, ())
