"""What a piece of text says: counts, dates, prices, weights, clean words."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingram_assets.sources.ipage.pages import fields


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("410", 410),
        (" 410\u00a0", 410),
        ("1,410", 1410),
        ("199,999", 199999),
        ("1,234,567", 1234567),
        ("10,000,000", 10_000_000),
        ("410 copies", 410),
        ("On Hand: 410", 410),
        ("410*", 410),
    ],
)
def test_a_whole_number_is_read(text: str, count: int) -> None:
    assert fields.read_count(text) == (count, None)


@pytest.mark.parametrize(
    "text", ["", " ", "\u00a0", "-", "--", "—", "–", "N/A", "n/a", "NA", "N / A", "TBD", ".", "?"]
)
def test_a_cell_that_shows_no_number_is_unknown_and_no_problem(text: str) -> None:
    assert fields.read_count(text) == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        *("-5", "−5", "(5)", "3.5", "1.410", "1,41", "14,10", ",410", "410,", "1,,410", "1 410", "4 10"),
        *(
            "10,000,001",
            "99999999999999999999",
            "100+",
            ">100",
            "<10",
            "~5",
            "5-10",
            "5 of 9",
            "Low",
            "Yes",
            "None",
        ),
        *(
            "٤١٠",
            "4１0",
            "1e3",
            "0x1F",
            "007",
            "4\u200b10",
            "4\u00ad10",
            "4\ufffd10",
            "½",
            "②",
            "410 as of 3/5",
            "$5",
        ),
    ],
)
def test_anything_else_is_unknown_and_said(text: str) -> None:
    count, problem = fields.read_count(text)
    assert count is None
    assert problem


@given(st.integers(0, 10_000_000))
def test_every_count_survives_both_ways_of_writing_it(count: int) -> None:
    assert fields.read_count(f"{count:,}") == fields.read_count(str(count)) == (count, None)


@given(st.text(alphabet="0123456789,.- +()eEO oN/A*\u00a0", max_size=12))
def test_a_count_is_never_made_of_digits_that_do_not_stand_together(text: str) -> None:
    count, _ = fields.read_count(text)
    assert count is None or str(count) in text.replace(",", "")


FEB_3 = date(2027, 2, 3)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Feb 03, 2027",
            "Feb 3, 2027",
            "Feb. 3, 2027",
            "February 3, 2027",
            "FEBRUARY 03 2027",
            "Feb 3rd, 2027",
        ),
        *(
            "02/03/2027",
            "2/3/2027",
            "02/03/27",
            "2/3/27",
            "02-03-2027",
            "2027-02-03",
            "2027/02/03",
            "20270203",
        ),
        *("3 Feb 2027", "03-Feb-2027", "03-FEB-27", "3 February 2027", "Feb 3, '27", "2027-02-03T00:00:00"),
        *(
            "Wednesday, February 3, 2027",
            "Feb 03, 2027 (Hardcover)",
            "02/03/2027 12:00 AM",
            "3rd of February, 2027",
        ),
        *("February\u00a03,\u00a02027", "Feb 03, 2027 / 02/03/2027", "2027-Feb-03", "Feb-03-2027"),
    ],
)
def test_a_day_in_the_forms_of_the_us_trade(text: str) -> None:
    assert fields.read_date(text) == (FEB_3, None)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("13/02/2027", date(2027, 2, 13)),
        ("13.02.2027", date(2027, 2, 13)),
        ("Feb 29, 2028", date(2028, 2, 29)),
        ("11/20/98", date(1998, 11, 20)),
        ("Sept 1, 2026", date(2026, 9, 1)),
        ("May 4, 1850", date(1850, 5, 4)),
    ],
)
def test_a_day_that_can_be_only_one(text: str, day: date) -> None:
    assert fields.read_date(text) == (day, None)


@pytest.mark.parametrize("text", ["February 2027", "Feb 2027", "Feb, 2027", "02/2027", "2027-02"])
def test_a_month_is_its_first_day_and_said(text: str) -> None:
    day, problem = fields.read_date(text)
    assert day == date(2027, 2, 1)
    assert problem


@pytest.mark.parametrize(
    "text",
    [
        *(
            "2027",
            "Spring 2027",
            "Q1 2027",
            "02.03.2027",
            "Feb 30, 2027",
            "02/30/2027",
            "13/13/2027",
            "00/00/0000",
        ),
        *(
            "12/31/9999",
            "01/01/0001",
            "soon",
            "Feb",
            "February 3",
            "2/3",
            "Feb 03, 20271",
            "1/2/2027/3",
            "20279999",
        ),
        *("Feb 03, 2027 or Mar 03, 2027", "Marsh 3, 2027", "02/03/2027 - 02/05/2027", "3"),
    ],
)
def test_what_is_no_single_day_is_no_date_and_said(text: str) -> None:
    day, problem = fields.read_date(text)
    assert day is None
    assert problem


@pytest.mark.parametrize("text", ["", "N/A", "TBD", "-", "--"])
def test_no_date_is_no_problem(text: str) -> None:
    assert fields.read_date(text) == (None, None)


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)))
def test_every_day_is_read_in_every_form(day: date) -> None:
    for form in (
        "%b %d, %Y",
        "%B %d, %Y",
        "%m/%d/%Y",
        "%d %b %Y",
        "%Y-%m-%d",
        "%m-%d-%Y",
        "%d-%b-%Y",
        "%Y%m%d",
    ):
        assert fields.read_date(day.strftime(form)) == (day, None), form


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("$18.99", "18.99"),
        ("$18.99 (Discount: REG)", "18.99"),
        ("$18.99 (Discount: 40%)", "18.99"),
        ("$18.99 (Discount: $2.00)", "18.99"),
        ("$1,299.00", "1299.00"),
        ("USD 18.99", "18.99"),
        ("18.99 USD", "18.99"),
        ("USD18.99", "18.99"),
        ("US$18.99", "18.99"),
        ("US $18.99", "18.99"),
        ("18.99", "18.99"),
        ("$18", "18.00"),
        ("$ 18.9", "18.90"),
        ("$.99", "0.99"),
        ("$18.99 (CAN $24.99)", "18.99"),
        ("$18.99 CAN $24.99", "18.99"),
        ("CAN $24.99 US $18.99", "18.99"),
        ("$18.99 US / $24.99 CAN", "18.99"),
        ("$24.99 CAD / $18.99 USD", "18.99"),
        ("C$24.99, US$18.99", "18.99"),
        ("$18.99 CAN SRP: $24.99", "18.99"),
        ("US SRP: $18.99 | Canadian List Price: $24.99", "18.99"),
        ("$18.99 UK Price £14.99", "18.99"),
        ("£14.99 / $18.99", "18.99"),
        ("$18.99 $18.99", "18.99"),
        ("$18.99 (US)", "18.99"),
        ("U.S. $18.99 each", "18.99"),
    ],
)
def test_a_price_in_us_dollars(text: str, price: str) -> None:
    assert fields.read_price(text) == (Decimal(price), None)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "$0.00",
            "0",
            "-$18.99",
            "$-18.99",
            "$18.999",
            "$1.299,00",
            "$18,99",
            "$1,29.00",
            "$18.99 - $25.99",
        ),
        *(
            "$18.99 $16.99",
            "£14.99",
            "€18,99",
            "CAN $24.99",
            "$24.99 CAN",
            "24.99 CAD",
            "$99,999.00",
            "free",
            "$",
        ),
        *(
            "$24.99 (Canada)",
            "$24.99 in Canada",
            "$24.99 (CAN)",
            "MX$18.99",
            "HK$ 18.99",
            "R$18.99",
            "S$18.99",
        ),
        *(
            "NT$18.99",
            "J$18.99",
            "AR$18.99",
            "COL$18.99",
            "CLP$ 18.99",
            "BZ$18.99",
            "$18.99 MXN",
            "HKD $18.99",
        ),
        *("$ 18 . 99", "$18 99", "$18 .99", "$18. 99", "$18.", "$1 899.00", "($18.99)", "$18.99-", "−$18.99"),
        *(
            "$227.88 (case of 12)",
            "$18.99 per 10",
            "Save $3.00",
            "$3.00 off",
            "$3.00 shipping",
            "from $18.99",
        ),
        *("$18.99 until 12/31/2025", "$18.99 + tax", "$18.99 net", "$6\ufffd99"),
        *("$18.99x", "18.99 each or 30.00", "call", "1.8e1", "$1 8.99 $2", "09", "$018.99"),
        *("32", "1,299", "18.5", "18.999", "32 (Discount: REG)"),
    ],
)
def test_what_is_no_single_price_in_us_dollars_is_none_and_said(text: str) -> None:
    price, problem = fields.read_price(text)
    assert price is None
    assert problem


@pytest.mark.parametrize("text", ["", "N/A", "-", "TBD"])
def test_no_price_is_no_problem(text: str) -> None:
    assert fields.read_price(text) == (None, None)


@pytest.mark.parametrize("text", ["USD 32", "32 USD", "32 dollars", "$32", "$18.5"])
def test_a_currency_says_that_a_whole_number_is_money(text: str) -> None:
    assert fields.read_price(text)[0] is not None


@pytest.mark.parametrize(("text", "price"), [("32", "32.00"), ("18.5", "18.50"), ("1,299", "1299.00")])
def test_a_cell_of_a_sheet_may_hold_a_number_alone(text: str, price: str) -> None:
    assert fields.read_price(text, in_a_sheet=True) == (Decimal(price), None)


def test_a_decimal_comma_counts_only_where_the_sheet_uses_it() -> None:
    assert fields.read_price("18,99", decimal_comma=True) == (Decimal("18.99"), None)
    assert fields.read_price("18,99")[0] is None
    assert fields.read_price("1,299", in_a_sheet=True, decimal_comma=True) == (Decimal("1299.00"), None)


@given(st.decimals(Decimal("0.01"), fields.MAX_PRICE, places=2))
def test_every_price_survives(price: Decimal) -> None:
    for text in (f"${price:,.2f}", f"${price:.2f} (Discount: REG)", f"USD {price:.2f}"):
        assert fields.read_price(text) == (price, None)


@pytest.mark.parametrize(
    ("text", "pounds"),
    [
        ("0.35 kgs", "0.77"),
        ("0.77 lbs", "0.77"),
        ("1.2 pounds", "1.20"),
        ("350 g", "0.77"),
        ("350 grams", "0.77"),
        ("12 oz", "0.75"),
        ("12.3 oz.", "0.77"),
        ("1 lb 4 oz", "1.25"),
        ("1 lb. 4 oz.", "1.25"),
        ("0.77 lbs (0.35 kgs)", "0.77"),
        (".35 kg", "0.77"),
        ("1,200 g", "2.65"),
        ("350.5 g", "0.77"),
        ("0.77 lbs (349.266 g)", "0.77"),
        ("0.35kgs", "0.77"),
        ("2.3 cms H x 21.0 cms L x 14.0 cms W (0.35 kgs) 320 pages", "0.77"),
        ('0.9" H x 8.3" L x 5.5" W (0.77 lbs) 320 pages', "0.77"),
    ],
)
def test_a_weight_in_pounds(text: str, pounds: str) -> None:
    assert fields.read_weight(text) == (Decimal(pounds), None)


@pytest.mark.parametrize(
    "text",
    [
        "0 lbs",
        "0.35",
        "0,35 kg",
        "0,045 kg",
        "2.350 g",
        "-1 kg",
        "500 kg",
        "heavy",
        "1.5 lbs or 2 lbs",
        "0.35 kgs 0.40 kgs",
        "99999999999 kg",
    ],
)
def test_what_is_no_single_weight_is_none_and_said(text: str) -> None:
    pounds, problem = fields.read_weight(text)
    assert pounds is None
    assert problem


def test_no_weight_is_no_problem() -> None:
    assert fields.read_weight("") == fields.read_weight("N/A") == (None, None)


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("(0.35 kgs) 320 pages", 320),
        ("1,024 pages", 1024),
        ("320 pgs.", 320),
        ("320 p.", 320),
        ("xii, 320 pages", 320),
        ("0 pages", None),
        ("320", None),
        ("320 pages or 340 pages", None),
        ("9999999999999 pages", None),
        ("3.5 pages", None),
    ],
)
def test_pages(text: str, pages: int | None) -> None:
    assert fields.read_page_count(text) == pages


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("  Dune \n Messiah ", "Dune Messiah"),
        ("Simon &amp; Schuster", "Simon & Schuster"),
        ("Smith &#38; Sons &eacute;", "Smith & Sons é"),
        ("AT&T", "AT&T"),
        ("Cafe\u0301", "Café"),
        ("\u202etxt.exe\u202c", "txt.exe"),
        ("a\x07b\x1b[31m", "ab[31m"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("👩\u200d🚀 岩波書店", "👩\u200d🚀 岩波書店"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_clean_words(text: str, clean: str) -> None:
    assert fields.clean(text) == clean


@pytest.mark.parametrize("cut", ["\x17", "\u200b", "\u00ad", "\ufffd", "\x00", "\u202e"])
def test_a_number_with_something_odd_in_it_is_none(cut: str) -> None:
    assert fields.read_page_count(f"4{cut}76 pages") is None
    assert fields.read_price(f"$2{cut}8.99")[0] is None
    assert fields.read_price(f"$28{cut}.99")[0] is None
    assert fields.read_price(f"${cut}28.99")[0] in (None, Decimal("28.99"))
    assert fields.read_weight(f"1{cut}0.35 kgs")[0] is None
    assert fields.read_date(f"02/03/20{cut}27")[0] is None
    assert fields.read_count(f"4{cut}10")[0] is None


@given(
    st.sampled_from("1230"),
    st.integers(1, 6000),
    st.sampled_from(["{}", "${}", "${}.99", "{} kgs", "1/2/{}", "{} pages"]),
)
def test_a_monstrous_number_is_no_crash(digit: str, length: int, form: str) -> None:
    text = form.format(digit * length)
    count, _ = fields.read_count(text)
    assert count is None or str(count) == text
    price, _ = fields.read_price(text)
    assert price is None or length < 9
    fields.read_weight(text)
    fields.read_date(text)
    fields.read_page_count(text)


@pytest.mark.parametrize("unseen", [*"\u202a\u202c\u2066\u2069\u061c\u180e\0\u200b\u00ad\ufeff\u2060"])
def test_what_nobody_sees_around_a_count_is_no_part_of_it(unseen: str) -> None:
    for text in (f"7{unseen}", f"{unseen}7", f" {unseen} 7 {unseen}{unseen}"):
        assert fields.read_count(text) == (7, None)
    assert fields.read_count(f"4{unseen}10")[0] is None


@pytest.mark.parametrize("stars", [1, 2, 40, 4_000])
def test_a_count_with_stars_takes_no_longer_for_each(stars: int) -> None:
    assert fields.read_count("37" + "*" * stars) == (37, None)
    assert fields.read_count("37" + "*" * stars + "x")[0] is None
