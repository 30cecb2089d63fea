"""ISBNs: every way of writing one comes to the same 13 digits, and nothing else passes."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingram_assets.domain.isbn import InvalidIsbn, check_digit_13, is_isbn13, parse_isbn

twelve = st.tuples(st.sampled_from(["978", "979"]), st.text("0123456789", min_size=9, max_size=9)).map(
    "".join
)
nine = st.text("0123456789", min_size=9, max_size=9)
separators = st.sampled_from(
    ["-", " ", "", "\u2010", "\u2011", "\u2013", "\u00ad", "\u200b", "\u00a0", "\ufeff"]
)


@st.composite
def isbn_13s(draw):
    """Made with another formula than the one under test: the sum weighed 1, 3, 1, … is a multiple of 10."""
    first = draw(twelve)
    return next(
        first + last
        for last in "0123456789"
        if sum(int(d) * (1, 3)[i % 2] for i, d in enumerate(first + last)) % 10 == 0
    )


@st.composite
def isbn_10s(draw):
    """The sum weighed 10, 9, … 1 is a multiple of 11; X stands for ten in the last place."""
    first = draw(nine)
    values = [int(d) for d in first]
    return next(
        first + last
        for value, last in enumerate("0123456789X")
        if sum(v * (10 - i) for i, v in enumerate([*values, value])) % 11 == 0
    )


@pytest.mark.parametrize(
    ("text", "isbn"),
    [
        ("9780306406157", "9780306406157"),
        ("978-0-306-40615-7", "9780306406157"),
        ("0-306-40615-2", "9780306406157"),
        ("080442957X", "9780804429573"),
        ("080442957x", "9780804429573"),
        ("ISBN: 978 0 306 40615 7", "9780306406157"),
        ("ISBN-13: 9780306406157", "9780306406157"),
        ("ISBN-10 0306406152", "9780306406157"),
        ("eISBN 9780306406157", "9780306406157"),
        ("EAN:9780306406157", "9780306406157"),
        ("９７８０３０６４０６１５７", "9780306406157"),
        ("  9798702930039\n", "9798702930039"),
        # An ISBN-10 that starts as the name of a form does: "ISBN 13…" is not "ISBN-13".
        ("ISBN 1338878921", "9781338878929"),
        ("ISBN1338878921", "9781338878929"),
        ("ISBN-10: 1000000001", "9781000000009"),
    ],
)
def test_ways_of_writing_one(text, isbn):
    assert parse_isbn(text) == isbn


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("9780306406158", "check digit 8 should be 7"),
        ("0306406153", "check digit 3 should be 2"),
        ("1234567890128", "starts with 123"),
        ("978030640615", "13 digits, or 10"),
        ("97803064061577", "13 digits, or 10"),
        ("X306406152", "13 digits, or 10"),
        ("", "13 digits, or 10"),
        ("٩٧٨٠٣٠٦٤٠٦١٥٧", "13 digits, or 10"),
        ("9.78031E+12", "13 digits, or 10"),
        ('="9780306406157"', "13 digits, or 10"),
    ],
)
def test_what_is_none(text, said):
    with pytest.raises(InvalidIsbn, match=said.replace(".", r"\.")):
        parse_isbn(text)


@pytest.mark.parametrize("value", [None, 9780306406157, 9.78e12, b"9780306406157"])
def test_only_text_is_taken(value):
    with pytest.raises(InvalidIsbn):
        parse_isbn(value)


def test_the_message_stays_short():
    with pytest.raises(InvalidIsbn) as caught:
        parse_isbn("9" * 100_000)
    assert len(str(caught.value)) < 200


def test_the_message_shows_what_was_written():
    for text, shown in [("x" * 40, "x" * 40), ("x" * 41, "x" * 40 + "…")]:
        with pytest.raises(InvalidIsbn) as caught:
            parse_isbn(text)
        assert f"{shown!r} is no ISBN" in str(caught.value)
    with pytest.raises(InvalidIsbn, match="it starts with 977, not 978 or 979"):
        parse_isbn("9771234567898")


@given(isbn_13s(), isbn_10s())
def test_an_isbn_counts_as_written_out_in_its_13_digits_alone(isbn, short):
    assert is_isbn13(isbn)
    assert is_isbn13(parse_isbn(short))
    wrong = isbn[:12] + str((int(isbn[12]) + 1) % 10)
    for other in (short, wrong, f"ISBN {isbn}", f"{isbn[:3]}-{isbn[3:]}", isbn + " ", isbn[:12], ""):
        assert not is_isbn13(other)


@given(isbn_13s())
def test_a_plain_isbn_13_is_itself(isbn):
    assert parse_isbn(isbn) == isbn
    assert check_digit_13(isbn[:12]) == isbn[12]


@given(isbn_10s())
def test_an_isbn_10_keeps_its_nine_digits(short):
    isbn = parse_isbn(short)
    assert isbn[:12] == "978" + short[:9]
    assert parse_isbn(isbn) == isbn


@given(
    st.one_of(isbn_13s(), isbn_10s()),
    st.lists(separators, min_size=14, max_size=14),
    st.sampled_from(["", "ISBN ", "ISBN: ", "isbn:", "EAN ", "ISBN-13: ", "ISBN-10: ", "ISBN 13 "]),
)
@example("1338878921", [""] * 14, "ISBN ")
def test_separators_and_prefixes_change_nothing(isbn, gaps, prefix):
    written = prefix + isbn[0] + "".join(gap + digit for gap, digit in zip(gaps, isbn[1:], strict=False))
    # "ISBN" right before "1-3…" can only be told from "ISBN-13" by the digits that follow.
    if prefix.strip(" :").endswith(("N", "n")) and isbn.startswith("1") and gaps[0] == "":
        written = prefix + isbn
    assert parse_isbn(written) == parse_isbn(isbn)


@given(isbn_13s(), st.integers(0, 12), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(isbn, place, by):
    wrong = isbn[:place] + str((int(isbn[place]) + by) % 10) + isbn[place + 1 :]
    with pytest.raises(InvalidIsbn):
        parse_isbn(wrong)


@given(isbn_10s(), st.integers(0, 8), st.integers(1, 9))
def test_one_wrong_digit_of_an_isbn_10_too(short, place, by):
    wrong = short[:place] + str((int(short[place]) + by) % 10) + short[place + 1 :]
    with pytest.raises(InvalidIsbn):
        parse_isbn(wrong)


@given(isbn_10s(), st.integers(0, 8))
def test_two_digits_changed_round_are_noticed_in_an_isbn_10(short, place):
    wrong = short[:place] + short[place + 1] + short[place] + short[place + 2 :]
    if wrong != short:
        with pytest.raises(InvalidIsbn):
            parse_isbn(wrong)


@given(st.one_of(st.text(), st.text("0123456789xX- ", min_size=8, max_size=18)))
def test_any_text_is_an_isbn_or_refused(text):
    try:
        isbn = parse_isbn(text)
    except InvalidIsbn:
        return
    assert len(isbn) == 13
    assert isbn.isascii()
    assert isbn.isdigit()
    assert isbn.startswith(("978", "979"))
    assert check_digit_13(isbn[:12]) == isbn[12]
    assert parse_isbn(isbn) == isbn


@given(st.text("0123456789", min_size=12, max_size=12).filter(lambda text: text[:3] not in ("978", "979")))
@example("977123456789")
def test_other_articles_have_numbers_too(first):
    """A magazine's 977 or a mug's 501 has a good check digit, and is no book."""
    with pytest.raises(InvalidIsbn, match="not 978 or 979"):
        parse_isbn(first + check_digit_13(first))


@pytest.mark.parametrize("unseen", [*"\u202a\u202c\u202e\u2066\u2069\u061c\u180e\0\u200b\u00ad\ufeff\u2060"])
def test_what_nobody_sees_is_passed_over(unseen):
    for text in ("9780306406157", "0306406152", "ISBN: 978-0-306-40615-7"):
        assert parse_isbn(unseen + text + unseen) == "9780306406157"
        assert parse_isbn(text[:-2] + unseen + text[-2:]) == "9780306406157"
