"""What a run changed of a title, said once and in the words of the trade."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ingram_assets.overview.store_changes import told_once
from ingram_assets.store.journal import Entry

AT = datetime(2026, 11, 29, 20, tzinfo=UTC)
ISBN = "9781639739134"


def entry(
    kind: Any, before: dict[str, Any] | None, after: dict[str, Any] | None, reason: str = "", **more: Any
) -> Entry:
    given: dict[str, Any] = {"run_id": "run", "outcome": "written", "detail": None, "id": 1, "at": AT}
    return Entry(kind, ISBN, "it", before, after, reason, **given | more)


def level(before: int | None, after: int, ordered: tuple[int, int] = (0, 0), **more: Any) -> Entry:
    was = None if before is None else {"stocked_quantity": before, "incoming_quantity": ordered[0]}
    now = {"stocked_quantity": after, "incoming_quantity": ordered[1]}
    return entry("level", was, now, **more)


def flags(status: str, before: str | None = None, **more: Any) -> Entry:
    was = {"metadata.availability": before, "metadata.stock_observed_at": "a"}
    return entry("variant", was, {"metadata.availability": status, "metadata.stock_observed_at": "b"}, **more)


STAMP = {"metadata.stock_observed_at": "b", "metadata.ingram_stock": {}}


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([level(410, 230), flags("in_stock", "in_stock")], "410 → 230, in stock"),
        ([level(3, 0, (0, 40)), flags("backorder", "in_stock")], "3 → 0, on order 0 → 40, backorder"),
        ([flags("out_of_stock", "in_stock")], "out of stock"),
        ([level(1410, 1230)], "1,410 → 1,230"),
        (
            [entry("product", None, {"title": "A Book", "prices": 9}, "New in the store."), level(None, 230)],
            "new in the store, 230 copies",
        ),
        ([entry("product", {"prices": 9}, {"prices": 10})], "prices brought up to date"),
        ([entry("variant", {"allow_backorder": False}, {"allow_backorder": True})], "may be back-ordered"),
        ([entry("product", {"sku": ISBN}, None)], "taken out of the store"),
    ],
)
def test_it_is_said_once(entries: list[Entry], words: str) -> None:
    (told,) = told_once(entries)
    assert told.words == words


def test_the_status_is_known_from_an_earlier_change() -> None:
    first = [level(410, 230), flags("in_stock")]
    (_, told) = told_once([*first, level(230, 200, run_id="later")])
    assert told.sentence == "230 → 200, in stock"


def test_a_reason_says_what_the_figures_do_not() -> None:
    reason = "Level 3 becomes 8. Metadata: availability, in_stock. Somebody else had changed it."
    (told,) = told_once([level(3, 8, reason=reason), flags("in_stock", "in_stock", reason=reason)])
    assert told.sentence == "3 → 8, in stock. Somebody else had changed it."


def test_a_new_time_of_a_reading_is_no_change() -> None:
    assert told_once([entry("variant", {"metadata.stock_observed_at": "a"}, STAMP)]) == []


def test_what_did_not_arrive_is_said() -> None:
    told = told_once([level(3, 8), flags("in_stock", "backorder", outcome="failed", detail="No.")])
    assert [one.sentence for one in told] == ["3 → 8", "FAILED, No. Wanted: in stock"]
    (lost,) = told_once([level(3, 8, outcome="pending")])
    assert lost.sentence == "not known to have arrived, the run broke off: 3 → 8"
