"""`ingram undo` of a run that wrote nothing: refused before a run is started for it."""

import pytest

from ingram_assets.cli.title import UnknownRunId, check_run
from ingram_assets.store.journal import Change, Journal

A_RUN, ANOTHER = "0b7e4c1e-3f52-4f0f-9c1d-2a60a3f4b7aa", "0b7e4c1e-3f52-4f0f-9c1d-2a60a3f4b7ab"


def test_a_run_that_the_journal_does_not_know_is_refused(
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
    check_run(A_RUN)
    with pytest.raises(UnknownRunId, match=f"No run {ANOTHER} wrote anything to the store"):
        check_run(ANOTHER)
