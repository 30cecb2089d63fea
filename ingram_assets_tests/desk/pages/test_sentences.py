"""What our own sentences become on a page, and that no template glues two sentences together."""

import re
from pathlib import Path

import pytest

from ingram_assets.desk.pages import rendering
from ingram_assets.desk.pages.sentences import for_pages


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "To have it back: ingram enrich 9780306406157, then ingram push. To do without it: "
            "ingram retire 9780306406157.",
            "To have it back: press “Read it now”, then “Push it to the store”. To do without it: "
            "press “Retire it…”.",
        ),
        (
            "If it is right: ingram push --let-through 9780306406157",
            "If it is right: press “Plan a push”, look at it, and let it through if it is right",
        ),
        (
            "Too many. The commands: ingram push --dry-run, and ingram push --let-through.",
            "Too many. Press “Plan a push”, look at it, and let it through if it is right.",
        ),
        ("If none comes by itself: ingram push.", "If none comes by itself: press “Push it to the store”."),
        ("ingram push brings all of it.", "“Plan a push” under Runs brings all of it."),
        ("5 on hand is more than the safety stock of 0.", "5 on hand."),
        ("5 on hand is more than the safety stock of 3.", "5 on hand is more than the safety stock of 3."),
        ("0 on hand is not more than the safety stock of 0; 4 are on order.", "0 on hand; 4 are on order."),
        ("allow_backorder false, availability in_stock", "no back-orders, shown as In stock"),
        ("allow_backorder becomes true (backorder).", "Back-orders become possible."),
        ("Metadata: availability, availability_label.", "In the store becomes new: status, label."),
        ("Level 5 becomes 3. (run 4f-1a)", "Level 5 becomes 3."),
        ("Undo of run 4f-1a.", "Undo of a run."),
        ("The availability of its copies.", "The availability of its copies."),
    ],
)
def test_a_sentence_as_a_page_tells_it(said: str, told: str):
    assert for_pages(said) == told


def test_after_a_tag_at_the_end_of_a_sentence_the_line_does_not_vanish():
    """Jinja drops the line after `%}`: a sentence that goes on below needs `+%}`."""
    glued = re.compile(r"[\w.)}>]\{% end(?:if|for) %\}\n(?:\w|<a |<strong>)[^\n]*")
    for template in Path(rendering.__file__).with_name("templates").glob("*.html"):
        text = template.read_text(encoding="utf-8")
        found = [one[0] for one in glued.finditer(text)]
        assert found == [], template.name
