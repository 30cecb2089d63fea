"""The pages while the store, the journal, the queue or Dagster is away: never an error page."""

from collections.abc import Iterator

import pytest

from ingram_assets.store.client import MedusaClient
from ingram_assets_tests.testing.desk_work import Visit, common_settings, nowhere, work_pages

EMPTY = {"csrf_token": "x", "key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}


@pytest.fixture(scope="module")
def ada(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """Ada, of a shop of which nothing answers but the desk."""
    address = nowhere("http").replace("nobody@", "").removesuffix("/none")
    client, looks = (MedusaClient(address, api_key="sk_x", attempts=1) for _ in range(2))
    common = common_settings(tmp_path_factory.mktemp("dagster"))
    with work_pages(client, looks, nowhere(), nowhere(), common) as visit:
        yield visit


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/inventory", "Medusa can't be asked now"),
        ("/inventory/new", "Medusa can't be asked now"),
        ("/inventory/entries/ilev_1", "Medusa can't be asked now"),
        ("/inventory/entries/ilev_1/delete", "Medusa can't be asked now"),
        ("/inventory/ledger", "The ledger can't be asked now"),
        ("/inventory/ledger/1/undo", "The ledger can't be asked now"),
        ("/runs", "Dagster can't be asked now"),
        ("/runs/sync", "every title"),
        ("/runs/sync/now", "Dagster can't be asked now"),
        ("/runs/a-run", "Dagster can't be asked now"),
        ("/runs/a-run/state", "Dagster can't be asked now"),
        ("/runs/a-run/go", "does not answer"),
        ("/requests", "The log can't be asked now"),
        ("/requests?search=dune", "The queue"),
        ("/requests/store", "The journal can't be asked now"),
    ],
)
def test_a_page_says_what_is_away(ada: Visit, path: str, said: str):
    page = ada.get(path)
    assert page.status == 200
    assert said in page.text
    assert "No location of your own" not in page.text, "who was not asked has not said that there is none"


@pytest.mark.parametrize(
    ("path", "typed"),
    [
        ("/inventory/entries/ilev_1/adjust", {"quantity": "1"}),
        ("/inventory/new", {"isbn": "9780306406157", "location": "x", "quantity": "1"}),
        ("/inventory/ledger/1/undo", {}),
        ("/runs/plan", {}),
        ("/runs/sync", {}),
        ("/runs/a-run/stop", {}),
        ("/runs/a-run/undo-plan", {}),
    ],
)
def test_a_form_that_can_not_be_done_says_so(ada: Visit, path: str, typed: dict[str, str]):
    page = ada.post(path, EMPTY | typed)
    assert page.status == 503
    assert "not done" in page.text.lower() or "nothing was done" in page.text.lower()


def test_a_run_is_tried_again_with_the_same_key(ada: Visit):
    page = ada.post("/runs/plan", EMPTY)
    assert page.form("/runs/plan")["key"] == EMPTY["key"], "so that it is started once"
