"""The figures say of the shop what its verdict says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ingram_assets.overview.board import count_board
from ingram_assets.overview.board_watch import BoardState
from ingram_assets.overview.failed_runs import FailedRun
from ingram_assets.overview.figures import shop_figures
from ingram_assets.overview.last_answer import LastAnswer
from ingram_assets.overview.verdict import ShopFacts, judge
from ingram_assets.store.observe_mode import Outlook, StoreMode

NOW = datetime(2026, 11, 29, 20, tzinfo=UTC)
FINE = ShopFacts(titles=3, within=timedelta(hours=2), is_running=True, oldest=NOW)


@pytest.mark.parametrize(
    ("facts", "begins", "figure"),
    [
        (FINE, "The store tells the truth. ", True),
        (
            replace(FINE, failed_runs=[FailedRun("push", "run", NOW, "No.")]),
            "The store tells the truth so far. ",
            True,
        ),
        (replace(FINE, failed=1), "The store tells the truth of all but some titles. ", True),
        (replace(FINE, late=1), "The store has not told the truth since ", False),
        (replace(FINE, not_asked=["Dagster is away."]), "Whether the store tells the truth is not ", None),
        (replace(FINE, titles=0), "There is nothing to tell the truth of yet", None),
        (replace(FINE, watching=Outlook(StoreMode("observe"))), "Watching only", None),
    ],
)
def test_the_figure_of_the_truth_is_what_the_first_sentence_says(
    facts: ShopFacts, begins: str, figure: bool | None
) -> None:
    verdict = judge(facts, NOW)
    assert verdict.sentence(ZoneInfo("America/Chicago")).startswith(begins)
    answers: list[LastAnswer] = [LastAnswer() for _ in range(4)]
    state = BoardState((), count_board(()), verdict, None, *answers)
    assert shop_figures(state, NOW, {}).tells_truth is figure
