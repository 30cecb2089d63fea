"""The log of requests, from the events of a real Dagster database."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from ingram_assets.defs.keys import STOCK, UNREAD_PAGES
from ingram_assets.overview.request_log import AttemptStatus, PageAttempt, WantedAttempts, attempts
from ingram_assets_tests.testing.own_dagster import dagster_on

A, B = "9780306406157", "9781639739134"
_numbers = itertools.count()


@pytest.fixture
def instance(database: str, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dagster_on(database, tmp_path) as instance:
        yield instance


def read(instance: dg.DagsterInstance, isbn: str, on_hand: int = 3) -> None:
    metadata = {"title": "A Book", "on_hand": on_hand, "on_order": 0, "page_seconds": 0.25}
    instance.report_runless_asset_event(dg.AssetMaterialization(STOCK, partition=isbn, metadata=metadata))


def silent(instance: dg.DagsterInstance, isbn: str) -> None:
    instance.report_runless_asset_event(dg.AssetObservation(STOCK, partition=isbn))


def failed(instance: dg.DagsterInstance, isbn: str, outcome: str = "blocked") -> None:
    metadata = {"outcome": outcome, "reason": "The site blocks this machine."}
    instance.report_runless_asset_event(dg.AssetObservation(UNREAD_PAGES, partition=isbn, metadata=metadata))


def told(found: list[PageAttempt]) -> list[tuple[str, str, str]]:
    return [(each.isbn, each.outcome, each.reason) for each in found]


def test_each_attempt_is_told_with_what_came_of_it_newest_first(instance: dg.DagsterInstance):
    read(instance, A, 1_410)
    silent(instance, B)
    failed(instance, A)
    found = attempts(instance, WantedAttempts(), 10)
    assert told(found) == [
        (A, "blocked", "The site blocks this machine."),
        (B, "no stock table", "The page shows no stock: normal for a title that is not out yet."),
        (A, "read", "1,410 on hand, 0 on order"),
    ]
    assert found[2].title == "A Book"
    assert found[2].seconds == 0.25


def test_attempts_are_filtered_by_title_and_status(instance: dg.DagsterInstance):
    for isbn in (A, B):
        read(instance, isbn)
        failed(instance, isbn, "not_found")
    only = attempts(instance, WantedAttempts(AttemptStatus.FAILED, (A,)), 10)
    assert [(each.isbn, each.outcome) for each in only] == [(A, "not found")]
    assert {each.isbn for each in attempts(instance, WantedAttempts(AttemptStatus.READ), 10)} == {A, B}
    assert attempts(instance, WantedAttempts(isbns=()), 10) == [], "no title is like that"


def test_failures_are_filtered_by_their_kind_page_by_page(instance: dg.DagsterInstance):
    for isbn in (A, B, A):
        failed(instance, isbn, "not_found")
        failed(instance, isbn, "blocked")
        read(instance, isbn)
    wanted = WantedAttempts(AttemptStatus.FAILED, outcome="not_found")
    found = attempts(instance, wanted, 2)
    assert [(each.isbn, each.outcome) for each in found] == [(A, "not found"), (B, "not found")]
    (oldest,) = attempts(instance, wanted, 2, before=found[-1].id)
    assert (oldest.isbn, oldest.outcome) == (A, "not found")
    only = attempts(instance, WantedAttempts(None, (B,), since=oldest.at, outcome="blocked"), 9)
    assert [(each.isbn, each.outcome) for each in only] == [(B, "blocked")]
    assert attempts(instance, WantedAttempts(None, (), outcome="blocked"), 9) == []
    assert attempts(instance, WantedAttempts(outcome="expired"), 9) == []


def test_every_attempt_is_in_one_page(instance: dg.DagsterInstance):
    for number in range(7):
        (read, silent, failed)[number % 3](instance, A)
    whole = [each.id for each in attempts(instance, WantedAttempts(), 100)]
    assert len(whole) == 7
    paged: list[int] = []
    while page := attempts(instance, WantedAttempts(), 2, before=paged[-1] if paged else None):
        paged += [each.id for each in page]
    assert paged == whole


def test_attempts_are_filtered_by_time(instance: dg.DagsterInstance):
    for isbn in (A, B, A):
        read(instance, isbn)
    all_of_them = attempts(instance, WantedAttempts(), 10)
    middle, oldest = all_of_them[1], all_of_them[2]
    since = attempts(instance, WantedAttempts(since=middle.at), 10)
    assert [each.id for each in since] == [all_of_them[0].id, middle.id]
    until = attempts(instance, WantedAttempts(until=middle.at), 10)
    assert [each.id for each in until] == [oldest.id]
    both = attempts(instance, WantedAttempts(since=oldest.at, until=middle.at), 10, before=middle.id)
    assert [each.id for each in both] == [oldest.id]
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert attempts(instance, WantedAttempts(since=tomorrow), 10) == []
    assert len(attempts(instance, WantedAttempts(until=tomorrow), 10)) == 3
    assert attempts(instance, WantedAttempts(until=tomorrow - timedelta(days=9)), 10) == []


def test_a_log_without_events_is_empty(instance: dg.DagsterInstance):
    assert attempts(instance, WantedAttempts(since=datetime.now(UTC)), 10) == []
