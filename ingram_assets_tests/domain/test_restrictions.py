"""The words in which a page says who may not buy a title."""

import pytest

from ingram_assets.domain.restrictions import LONGEST, Restriction, in_order, said

BOTH = (Restriction.RESTRICTED, Restriction.SOME_CUSTOMERS)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Restricted:  Not available to all customers.", BOTH),
        ("RESTRICTED: NOT AVAILABLE TO ALL CUSTOMERS", BOTH),
        ("Restricted:", (Restriction.RESTRICTED,)),
        ("Restricted: Yes", (Restriction.RESTRICTED,)),
        ("Restricted: No", ()),
        ("Restrictions: none", ()),
        ("Not available to all customers.", (Restriction.SOME_CUSTOMERS,)),
        ("This item is Not Returnable", (Restriction.NOT_RETURNABLE,)),
        ("* Non-Returnable", (Restriction.NOT_RETURNABLE,)),
        ("Available in some countries but not the United States.", (Restriction.SOME_COUNTRIES,)),
        ("Not available in the United States.", (Restriction.SOME_COUNTRIES,)),
        ("Available in all countries.", ()),
        ("This item is returnable", ()),
        ("Not returnable: her library book was three centuries overdue.", ()),
        ("Restricted: A Love Story", ()),
        ("Restricted", ()),
        ("Customers also ordered", ()),
        ("", ()),
    ],
)
def test_a_line_says_what_it_says(line: str, expected: tuple[Restriction, ...]) -> None:
    assert said(line) == expected
    if expected:
        assert said(line, is_message=True) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Restricted", ("restricted",)),
        ("Restricted: Embargoed in Canada.", ("restricted", "Restricted: Embargoed in Canada.")),
        ("May not be sold to libraries.", ("May not be sold to libraries.",)),
        ("May not be sold " + "x" * LONGEST, (("May not be sold " + "x" * LONGEST)[:LONGEST],)),
        ("Free shipping this week", ()),
        ("This item is returnable", ()),
    ],
)
def test_of_a_message_what_clearly_is_a_restriction_is_kept(line: str, expected: tuple[str, ...]) -> None:
    assert said(line, is_message=True) == expected


def test_each_is_named_once_the_known_ones_first() -> None:
    told = ["Ask first.", "not_returnable", "restricted", "Ask first.", Restriction.NOT_RETURNABLE]
    found = in_order(told)
    assert found == ("restricted", "not_returnable", "Ask first.")
    assert isinstance(found[0], Restriction)
