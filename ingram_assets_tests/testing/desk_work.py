"""The pages of inventory, runs and requests on a real store, with somebody who is signed in."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from selectolax.lexbor import LexborHTMLParser, LexborNode
from starlette.testclient import TestClient

from ingram_assets.desk.lookups import Lookups
from ingram_assets.desk.pages import inventory, inventory_entry, ledger, requests, run, runs
from ingram_assets.desk.store_access import StoreAccess
from ingram_assets.runtime.ports import free_port
from ingram_assets.settings.loading import load
from ingram_assets.settings.shared import CommonSettings
from ingram_assets.store.client import MedusaClient
from ingram_assets_tests.testing.pages import page_app, visitor

ROUTERS = (inventory.router, ledger.router, inventory_entry.router, runs.router, run.router, requests.router)


def nowhere(kind: str = "postgresql") -> str:
    """An address where nothing answers."""
    return f"{kind}://nobody@127.0.0.1:{free_port()}/none"


def common_settings(folder: Path, dagster: str | None = None, ui_url: str | None = None) -> CommonSettings:
    given = {
        "DAGSTER_PG_URL": dagster or nowhere(),
        "DAGSTER_HOME": str(folder),
        "INGRAM_STATE_DIR": str(folder),
        "INGRAM_UI_URL": ui_url or f"http://127.0.0.1:{free_port()}",
    }
    return load(CommonSettings, given)


@contextmanager
def work_pages(
    client: MedusaClient, looks: MedusaClient, journal_url: str, queue_url: str, common: CommonSettings
) -> Iterator["Visit"]:
    """The pages, for one person."""
    app = page_app(ROUTERS)
    app.state.store_access = StoreAccess(client, journal_url, low=5)
    app.state.lookups = Lookups(looks, journal_url, queue_url, common)
    app.state.zone = ZoneInfo("America/Chicago")
    try:
        yield Visit(visitor(app))
    finally:
        app.state.lookups.close()
        app.state.store_access.close()


@dataclass
class Shown:
    """A page as it came."""

    status: int
    html: str
    headers: Any

    @property
    def tree(self) -> LexborHTMLParser:
        return LexborHTMLParser(self.html)

    @property
    def text(self) -> str:
        """What a person reads, in one line."""
        main = self.tree.css_first("main") or self.tree.body
        assert main
        return " ".join(main.text(separator=" ").split())

    def rows(self, label: str) -> list[str]:
        """The rows of a table by the label of its region."""
        found = self.tree.css(f'[aria-label="{label}"] tbody tr')
        return [" ".join(row.text(separator=" ").split()) for row in found]

    def form(self, action: str) -> dict[str, str]:
        """What a form sends as it stands."""
        form = self.tree.css_first(f'form[action="{action}"]')
        assert form, f"no form {action}"
        return sent(form)


def sent(form: LexborNode) -> dict[str, str]:
    values: dict[str, str] = {}
    for each in form.css("input"):
        name = each.attributes.get("name")
        if name and (each.attributes.get("type") != "checkbox" or "checked" in each.attributes):
            values[name] = unescape(each.attributes.get("value") or "")
    for each in form.css("select"):
        chosen = each.css_first("option[selected]") or each.css_first("option")
        values[str(each.attributes["name"])] = (chosen.attributes.get("value") or "") if chosen else ""
    return values


@dataclass
class Visit:
    """Somebody who looks at the pages and sends their forms."""

    http: TestClient

    def get(self, path: str, **query: str) -> Shown:
        answer = self.http.get(path, params=query or None)
        return Shown(answer.status_code, answer.text, answer.headers)

    def post(self, path: str, values: dict[str, str]) -> Shown:
        answer = self.http.post(path, data=values)
        return Shown(answer.status_code, answer.text, answer.headers)

    def send(self, page: Shown, action: str, **typed: str) -> Shown:
        """Sends a form of a page, with this typed into it; follows to where it leads."""
        answer = self.post(action, page.form(action) | typed)
        return self.get(answer.headers["location"]) if answer.status == 303 else answer


def entry_id(page: Shown, row: str) -> str:
    """The id of the entry in the row that has these words."""
    for each in page.tree.css("tbody tr"):
        if row in " ".join(each.text(separator=" ").split()):
            link = each.css_first("a")
            assert link
            found = re.search(r"/inventory/entries/(\w+)", link.attributes.get("href") or "")
            assert found
            return found[1]
    raise AssertionError(f"no row {row}: {page.text}")
