import pytest

from ingram_assets.domain.let_through import GuardedChange, changed_since

ZERO = GuardedChange(frozenset({"zero"}), 0)


@pytest.mark.parametrize(
    ("plan", "now", "said"),
    [
        (ZERO, ZERO, None),
        (ZERO, GuardedChange(), None),
        (ZERO, GuardedChange(price=0.6), "its price would be $0.60, planned was none"),
        (GuardedChange(price=4.99), GuardedChange(price=4.99), None),
        (GuardedChange(price=4.99), GuardedChange(), None),
        (GuardedChange(price=4.99), GuardedChange(price=0.01), "its price would be $0.01, planned was $4.99"),
        (GuardedChange(price=4.99), ZERO, "it would turn to zero"),
        (ZERO, GuardedChange(frozenset({"preorder"}), 9), "it would turn to preorder"),
        (GuardedChange(frozenset({"rising"}), 900), GuardedChange(frozenset({"rising"}), 900), None),
        (GuardedChange(frozenset({"rising"}), 900), GuardedChange(frozenset({"rising"}), 100), None),
        (
            GuardedChange(frozenset({"rising"}), 900),
            GuardedChange(frozenset({"rising"}), 90_000),
            "its copies would rise to 90,000, planned were 900",
        ),
        (
            GuardedChange(),
            GuardedChange(frozenset({"digital", "unmanaged"}), None, 0.6),
            "it would turn into a file (digital), or cease to be one and it would sell without end and "
            "its price would be $0.60, planned was none",
        ),
    ],
)
def test_what_nobody_saw_of_a_change_is_said(plan: GuardedChange, now: GuardedChange, said: str | None):
    assert changed_since(plan, now) == said


def test_it_comes_back_from_a_report():
    for one in (ZERO, GuardedChange(), GuardedChange(frozenset({"rising", "digital"}), 9.0, 0.6)):
        assert GuardedChange.parse(one.as_json()) == one
