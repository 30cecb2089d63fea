"""Locations by whatever name a person or a program types."""

import pytest

from ingram_assets.domain.ownership import code_of
from ingram_assets.store.inventory.model import OperationRefused, RefusalKind
from ingram_assets.store.inventory.stock_locations import StockLocation, find_place

INGRAM = StockLocation("sloc_1", "Ingram (Drop-Ship)")
PLACES = [
    INGRAM,
    StockLocation("sloc_2", "Warehouse A"),
    StockLocation("sloc_3", "Čajovna č. 5"),
    StockLocation("sloc_4", "店"),
]


@pytest.mark.parametrize(
    "called",
    [
        "INGRAM_DROP_SHIP",
        "ingram_drop_ship",
        " Ingram (Drop-Ship) ",
        "ingram drop ship",
        "sloc_1",
        "Ｉngram drop-ship",
    ],
)
def test_any_spelling_is_the_same_location(called: str) -> None:
    assert find_place(PLACES, called) is INGRAM


def test_other_alphabets_are_names_too() -> None:
    assert code_of("Čajovna č. 5") == "ČAJOVNA_Č_5"
    assert find_place(PLACES, "čajovna_č_5").id == "sloc_3"
    assert find_place(PLACES, "店").id == "sloc_4"


def refused(called: str, places: list[StockLocation] = PLACES) -> str:
    with pytest.raises(OperationRefused) as error:
        find_place(places, called)
    assert error.value.refusal.kind is RefusalKind.UNKNOWN_LOCATION
    return str(error.value)


def test_the_nearest_are_named() -> None:
    assert refused("WAREHOSE_A") == "There is no location 'WAREHOSE_A'. The nearest: WAREHOUSE_A."
    assert "Those there are: INGRAM_DROP_SHIP, WAREHOUSE_A" in refused("xyz")
    assert (
        refused("")
        == "There is no location ''. Those there are: "
        + ", ".join(sorted(each.code for each in PLACES))
        + "."
    )
    assert refused("x" * 500, []).endswith("Those there are: none.")


def test_two_of_one_name_are_told_apart_by_id() -> None:
    twins = [StockLocation("sloc_1", "Back room"), StockLocation("sloc_2", "BACK-ROOM")]
    assert "Back room (sloc_1), BACK-ROOM (sloc_2)" in refused("back_room", twins)
    assert find_place(twins, "sloc_2") is twins[1]
