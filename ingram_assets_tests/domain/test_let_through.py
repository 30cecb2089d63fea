import pytest

from ingram_assets.domain.let_through import Looked, changed_since

ZERO = Looked(frozenset({"zero"}), 0)


@pytest.mark.parametrize(
    ("plan", "now", "said"),
    [
        (ZERO, ZERO, None),
        (ZERO, Looked(), None),
        (ZERO, Looked(price=0.6), "its price would be $0.60, planned was none"),
        (Looked(price=4.99), Looked(price=4.99), None),
        (Looked(price=4.99), Looked(), None),
        (Looked(price=4.99), Looked(price=0.01), "its price would be $0.01, planned was $4.99"),
        (Looked(price=4.99), ZERO, "it would turn to zero"),
        (ZERO, Looked(frozenset({"preorder"}), 9), "it would turn to preorder"),
        (Looked(frozenset({"rising"}), 900), Looked(frozenset({"rising"}), 900), None),
        (Looked(frozenset({"rising"}), 900), Looked(frozenset({"rising"}), 100), None),
        (
            Looked(frozenset({"rising"}), 900),
            Looked(frozenset({"rising"}), 90_000),
            "its copies would rise to 90,000, planned were 900",
        ),
        (
            Looked(),
            Looked(frozenset({"digital", "unmanaged"}), None, 0.6),
            "it would turn into a file (digital), or cease to be one and it would sell without end and "
            "its price would be $0.60, planned was none",
        ),
    ],
)
def test_what_nobody_saw_of_a_change_is_said(plan: Looked, now: Looked, said: str | None):
    assert changed_since(plan, now) == said


def test_it_comes_back_from_a_report():
    for one in (ZERO, Looked(), Looked(frozenset({"rising", "digital"}), 9.0, 0.6)):
        assert Looked.parse(one.as_json()) == one
