"""`ingram undo` of a run that wrote nothing, or that is not clearly meant: refused before one is started."""

import pytest

from ingram_assets.cli.title import run_to_undo
from ingram_assets.overview.run_ids import NoSuchRun
from ingram_assets.store.journal import Change, Journal

A_RUN, ANOTHER = "0b7e4c1e-3f52-4f0f-9c1d-2a60a3f4b7aa", "0b7e4c1e-3f52-4f0f-9c1d-2a60a3f4b7ab"


def test_the_run_that_is_meant_is_one_that_wrote_to_the_store(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {
        "MEDUSA_BACKEND_URL": "http://127.0.0.1:1",
        "MEDUSA_API_KEY": "sk_key",
        "QUEUE_DB_URL": "postgresql://reader@127.0.0.1:1/queue",
        "STOREFRONT_DB_URL": database,
        "DAGSTER_PG_URL": "postgresql://dagster@127.0.0.1:1/dagster",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with Journal(database) as journal:
        change = Change("level", "9780306406157", "ilev_1", {}, {"stocked_quantity": 1}, "New.")
        with journal.writing(A_RUN, [change]):
            pass
        assert run_to_undo(A_RUN) == run_to_undo("0b7e") == A_RUN
        with pytest.raises(NoSuchRun, match=f"No run's id begins with {ANOTHER}. Only runs that wrote to"):
            run_to_undo(ANOTHER)
        with journal.writing(ANOTHER, [change]):
            pass
    with pytest.raises(NoSuchRun, match="The ids of 2 runs begin with 0b7e4c1e: "):
        run_to_undo("0b7e4c1e")
    assert run_to_undo(ANOTHER) == ANOTHER
