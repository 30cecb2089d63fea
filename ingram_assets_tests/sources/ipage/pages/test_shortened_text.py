"""Descriptions that are shown shortened: the whole text, once, without the words of the link."""

from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingram_assets.sources.ipage.pages import ProductPage, parse_product_page, shortened_text
from ingram_assets_tests.testing.page_factory import LOWER, UPPER, product_page, replaced

SHORT = "A lone astronaut must save the earth from"
REST = "a disaster. It is the far future."
WHOLE = f"{SHORT} {REST}"
NAME = "<strong>Annotation:</strong>"
AWAY = 'style="display: none"'
TABLE = '<table class="newStockCheckTable"'


def read(holder: str, behind: str = "") -> ProductPage:
    html = product_page(upper=replaced(UPPER, Annotation=None))
    return parse_product_page(
        html.replace(TABLE, f'<div class="productDetailElements">{holder}</div>{behind}{TABLE}', 1)
    )


SWITCHES = [
    *('<a href="#">more</a>', '<a href="#">…more</a>', "<a>More...</a>", "<a>more…</a>", "<a>[more]</a>"),
    *("<button>Read more</button>", "<button type=button>Show more »</button>", "<a><b>(more)</b></a>"),
    *("<span>Read more</span>", "<span>…more</span>", "<span>[more]</span>", "<span>(more)</span>"),
    *('<span class="toggle">more</span>', '<span onclick="f()">more</span>', "<span role=button>More</span>"),
    *("<label for=x>See more</label>", "<p><a>Read the full description</a></p>", "<a>Show&nbsp;all ▼</a>"),
    *("<div class=more-link><a>Continue reading →</a></div>", "<summary>Expand</summary>", "<a>+ more</a>"),
]

WHOLES = {
    "hidden, beside it": (f"{NAME} {SHORT} ...SWITCH<span {AWAY}>{WHOLE} <a>less</a></span>", ""),
    "hidden, the rest of it": (f"{NAME} {SHORT} <span>...</span><span hidden>{REST}</span> SWITCH", ""),
    "hidden, the rest within a word": (f"{NAME} {SHORT} a dis<i>…</i><i hidden>{REST[5:]}</i> SWITCH", ""),
    "hidden by its class": (f"{NAME}<p>{SHORT}…</p>SWITCH<p class='x d-none'>{WHOLE}</p>", ""),
    "hidden before the short one": (f"{NAME}<p hidden>{WHOLE}</p><p>{SHORT}…</p>SWITCH", ""),
    "by the style sheet": (f"{NAME}<div class=a>{SHORT}...</div>SWITCH<div class=b>{WHOLE}</div>SWITCH", ""),
    "by the style sheet, before it": (f"{NAME}<div>{WHOLE}</div><div>{SHORT} ...</div>SWITCH", ""),
    "behind its element": (f"{NAME} {SHORT}, ... SWITCH", f"<div {AWAY}><p>{WHOLE}</p>SWITCH</div>"),
    "behind it, with the name": (f"{NAME} {SHORT}… SWITCH", f"<div {AWAY}>Annotation: {WHOLE}</div>"),
    "in a box of its own": (f"{NAME} {SHORT}… SWITCH", f'<section id="fullAnnotation">{WHOLE}</section>'),
    "under a second name": (
        f"{NAME} {SHORT}… SWITCH",
        f"<div class=productDetailElements>{NAME} {WHOLE}</div>",
    ),
    "in an attribute": (f'{NAME} <span data-full="{WHOLE}">{SHORT}...</span> SWITCH', ""),
    "in an attribute, with markup": (
        f'{NAME} <span>{SHORT}...</span> SWITCH<i data-text="{escape(f"<p>{WHOLE}</p>")}"></i>',
        "",
    ),
    "in a title": (f'{NAME} <span title="{WHOLE}">{SHORT}...</span> SWITCH', ""),
    "in a field": (f"{NAME} {SHORT}... SWITCH<textarea>{WHOLE}</textarea>", ""),
    "without an ellipsis": (f"{NAME} <div>{SHORT}</div>SWITCH<div hidden>{WHOLE}</div>", ""),
    "without bold": (f"Annotation: {SHORT}... SWITCH", f"<div hidden>{WHOLE}</div>"),
    "nothing is shortened": (f"{NAME} {WHOLE} SWITCH", ""),
    "a description of the publisher's": (
        f"{NAME} {SHORT}... SWITCH",
        f"<div class=productDetailElements><b>Publisher Marketing:</b> {WHOLE}</div>",
    ),
}


@pytest.mark.parametrize("shape", WHOLES)
@pytest.mark.parametrize("switch", [SWITCHES[0], SWITCHES[6], SWITCHES[10], SWITCHES[18]])
def test_the_whole_text_is_taken_once(shape: str, switch: str) -> None:
    holder, behind = (part.replace("SWITCH", switch) for part in WHOLES[shape])
    assert read(holder, behind).description == WHOLE


@pytest.mark.parametrize("switch", SWITCHES)
def test_links_are_no_text(switch: str) -> None:
    assert read(f"{NAME} {WHOLE} {switch}").description == WHOLE
    assert read(f"{NAME} {SHORT} ... {switch}<div hidden>{WHOLE}</div>").description == WHOLE
    # Where there is no whole form, the text is as short as it says.
    assert read(f"{NAME} {SHORT} ... {switch}").description == f"{SHORT} ..."


def test_paragraphs_are_kept() -> None:
    whole = f"<div {AWAY}><p>{SHORT}</p><p>{REST}</p><a>less</a></div>"
    assert read(f"{NAME} A lone astronaut must save...<a>more</a>{whole}").description == f"{SHORT}\n\n{REST}"


@pytest.mark.parametrize(
    "text",
    [
        *("He wanted more", "He wanted more.", "He wanted <i>more</i>", "He wanted <em>more!</em>"),
        *("He wanted <span class=italic>more</span>", "Stories, songs, and more...", "What could be … more"),
        *("One for all", "Tales to read more than once", "Less", "<p>One.</p><p>And more</p>"),
        *("Less is more", "To be continued ...", "He went to see … all"),
        *('See <a href="#">more of them</a> at sea', "Enough is enough... Enough is enough... Or is it?"),
    ],
)
def test_a_text_that_ends_in_such_words_stays(text: str) -> None:
    shown = read(f"{NAME} {text}").description
    plain = parse_product_page(product_page(upper=replaced(UPPER, Annotation=text.replace("more", "mo0e"))))
    assert shown == (plain.description or "").replace("mo0e", "more")


@pytest.mark.parametrize(
    "tail", ["[more]", "(more)", "(Read more…)", "[ show less ]", "Read more »", "See more"]
)
def test_a_switch_that_is_no_element(tail: str) -> None:
    assert read(f"{NAME} {WHOLE} {tail}").description == WHOLE


def test_other_texts_are_not_taken_for_the_whole_one() -> None:
    other = f"<div hidden>Another lone astronaut. {REST}</div><div hidden>{SHORT}...</div>"
    assert read(f"{NAME} {SHORT}... <a>more</a>", other).description == f"{SHORT}..."
    hidden = f"{NAME} {WHOLE}<div hidden>Copyright 2026</div>"
    assert (read(hidden).description or "").startswith(WHOLE)


def test_a_link_is_no_subject() -> None:
    lower = replaced(LOWER, BISAC_Categories="FICTION / Science Fiction | FICTION / Thrillers | <a>more</a>")
    page = parse_product_page(product_page(lower=lower))
    assert page.bisac == ("FICTION / Science Fiction", "FICTION / Thrillers")


@given(st.text(alphabet="ab .…\n", max_size=120), st.text(alphabet="ab .…\n", max_size=120), st.booleans())
def test_any_two_forms_are_some_text(shown: str, every: str, has_switch: bool) -> None:
    text = shortened_text.whole(shown, every, [shortened_text.once(every, has_switch=has_switch)])
    assert shortened_text.without_switch(text) == text


@pytest.mark.timeout(120)
@pytest.mark.parametrize("row", ["-", ",", ";", " –", ": ", "-" * 50 + "x", "…-", "..,"])
def test_a_long_row_of_marks_is_read_at_once(row: str) -> None:
    """A pattern that begins anew at each of them takes half an hour."""
    text = row * (200_000 // len(row))
    shortened_text.once(text, has_switch=True)
    shortened_text.once(text, has_switch=False)
    shortened_text.is_short(text)
