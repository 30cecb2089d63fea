"""Bounds that both the programs and the queue's SQL state: each pair says the same."""

import re
from datetime import UTC, datetime, timedelta
from importlib import resources

import psycopg
import pytest

from ingram_assets.domain.readings import CLOCKS_DIFFER
from ingram_assets.settings.scraper import ScraperSettings
from ingram_assets.staging.writer import LONGEST, MAX_ROWS, QueueWriter
from ingram_assets_tests.testing.queue import Queue, outcomes, reading, title

SQL = (resources.files("ingram_assets.staging.schema") / "functions" / "write.sql").read_text("utf-8")


def test_every_text_that_the_queue_bounds_is_cut_to_that() -> None:
    judged = SQL.split("FUNCTION public.ingram_title_problem")[1].split("$$;")[0]
    bounds = {name: int(most) for name, most in re.findall(r"text_problem\(item, '(\w+)', (\d+)\)", judged)}
    assert bounds.pop("publication_date") == len("2027-02-03")
    assert bounds == LONGEST


@pytest.mark.parametrize(("name", "longest"), LONGEST.items())
def test_the_longest_text_goes_in_and_a_longer_one_does_not(
    writer: QueueWriter, name: str, longest: int
) -> None:
    fits, too_long = writer.add_titles(
        [title(1, **{name: "x" * longest}), title(2, **{name: "x" * (longest + 1)})]
    )
    assert (fits.outcome, too_long.outcome) == ("added", "refused")
    assert f"{longest} are stored at most" in (too_long.reason or "")


def test_a_clock_may_be_ahead_by_as_much_for_both(writer: QueueWriter) -> None:
    writer.add_titles([title(1), title(2)])
    at = datetime.now(UTC) + CLOCKS_DIFFER
    slack = timedelta(seconds=30)
    rows = [{**reading(1), "observed_at": at - slack}, {**reading(2), "observed_at": at + slack}]
    assert outcomes(writer.record_stock(rows)) == ["first", "refused"]


def test_a_call_has_fewer_rows_than_the_queue_takes(queue: Queue) -> None:
    (most,) = {int(number) for number in re.findall(r"how_many <= (\d+)", SQL)}
    assert most >= MAX_ROWS


def test_no_setting_asks_for_history_that_the_queue_keeps_to_be_pruned(queue: Queue) -> None:
    fewest = next(
        each.ge
        for each in ScraperSettings.model_fields["HISTORY_RETENTION_DAYS"].metadata
        if hasattr(each, "ge")
    )
    with psycopg.connect(queue.writer) as writer:
        assert writer.execute("SELECT public.ingram_prune_history(%s)", [fewest]).fetchone() == (0,)
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            writer.execute("SELECT public.ingram_prune_history(%s)", [fewest - 1])
