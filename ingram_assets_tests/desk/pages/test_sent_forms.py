"""What a person types into a form."""

import pytest

from ingram_assets.desk.pages.sent_forms import FormFault, SentForm


@pytest.mark.parametrize(
    ("typed", "number"),
    [("3", 3), (" 1,500 ", 1500), ("12,345,678", 12_345_678), ("+ 4", 4), ("\u22122", -2)],
)
def test_a_whole_number(typed: str, number: int):
    assert SentForm({"quantity": typed}).whole("quantity", least=-10, most=10**9) == number


@pytest.mark.parametrize("typed", ["1,5", "1,50", "1500,000", ",5", "1.5", "3 copies", "\x00", "1e3"])
def test_what_may_be_meant_as_another_number_is_asked_for_anew(typed: str):
    with pytest.raises(FormFault, match="whole number"):
        SentForm({"quantity": typed}).whole("quantity", least=-10, most=10**9)


def test_a_quantity_that_stood_on_no_page_is_not_passed_over():
    assert SentForm({"expected_quantity": "7"}).seen() == 7
    assert SentForm({}).seen() is None
    with pytest.raises(FormFault, match="Load the page anew"):
        SentForm({"expected_quantity": "abc"}).seen()
