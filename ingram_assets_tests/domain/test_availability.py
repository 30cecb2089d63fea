"""Availability: the whole table of rules, every combination of what can be known of a title."""

import calendar
import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingram_assets.domain.availability import (
    Availability,
    availability,
    is_out_of_print,
    release_of,
)
from ingram_assets.domain.labels import long_date
from ingram_assets.domain.stock import MAX_COUNT, DcStock

TODAY = date(2026, 11, 20)

counts = st.one_of(st.none(), st.sampled_from([0, 0, 1, 5]), st.integers(0, MAX_COUNT))
stocks = st.one_of(
    st.none(),
    st.dictionaries(
        st.sampled_from(["TN", "PA", "IN", "OR", "CA"]), st.builds(DcStock, counts, counts), max_size=5
    ),
)
dates = st.one_of(st.none(), st.dates(date(1900, 1, 1), date(2100, 1, 1)))
bindings = st.sampled_from(
    [None, "Paperback", "Hardcover", "E-Book", "Downloadable Audio", "Compact Disc", ""]
)
statuses = st.sampled_from(
    [None, "", "IP", "NY", "OP", "OI", "TP", "AB", "PP", "WS", "Available", "Out of Print"]
)


@st.composite
def titles(draw):
    return draw(stocks), {
        "today": TODAY,
        "publication_date": draw(dates),
        "binding": draw(bindings),
        "publisher_status": draw(statuses),
        "safety_stock": draw(st.integers(0, 20)),
        "reserved_quantity": draw(st.integers(0, 50)),
        "inventory_mode": draw(st.sampled_from(["on_hand", "on_hand_plus_reserved"])),
    }


def by_the_table(on_hand, on_order, future, digital, out_of_print, safety, kept_back):
    """The plan's table, row by row, on sums that are already made: status, level, back-order."""
    if digital:
        return "digital", None, None
    if future:
        return "preorder", None if on_hand is None else on_hand + kept_back, True
    if on_hand is None:
        return ("out_of_stock", kept_back, False) if out_of_print else ("unknown", None, None)
    if on_hand > safety:
        return "in_stock", on_hand - safety + kept_back, False
    if on_order is not None and on_order > 0:
        return "backorder", kept_back, True
    return "out_of_stock", kept_back, False


def test_the_whole_table():
    """Every combination: 4 x 3 x 5 x 3 x 3 x 3 x 2 x 2 titles."""
    cases = itertools.product(
        (None, 0, 3, 410),
        (None, 0, 199_999),
        (None, TODAY - timedelta(1), TODAY, TODAY + timedelta(1), TODAY + timedelta(365)),
        (None, "Paperback", "E-Book"),
        (None, "IP", "OP"),
        (0, 3, 5),
        (0, 2),
        ("on_hand", "on_hand_plus_reserved"),
    )
    seen = set()
    for on_hand, on_order, published, binding, status, safety, reserved, mode in cases:
        stock = {"TN": DcStock(on_hand, on_order, "primary")}
        found = availability(
            stock,
            today=TODAY,
            publication_date=published,
            binding=binding,
            publisher_status=status,
            safety_stock=safety,
            reserved_quantity=reserved,
            inventory_mode=mode,
        )
        kept_back = reserved if mode == "on_hand_plus_reserved" else 0
        future = published is not None and published > TODAY
        wanted = by_the_table(
            on_hand, on_order, future, binding == "E-Book", status == "OP", safety, kept_back
        )
        case = (on_hand, on_order, published, binding, status, safety, reserved, mode)
        assert (found.status, found.stocked_quantity, found.allow_backorder) == wanted, case
        assert found.manage_inventory is {"digital": False, "unknown": None}.get(found.status, True)
        if found.status not in ("digital", "unknown"):
            assert found.incoming_quantity == on_order
        seen.add(found.status)
    assert seen == {"digital", "preorder", "in_stock", "backorder", "out_of_stock", "unknown"}


@pytest.mark.parametrize(
    ("status", "label"),
    [
        ({"binding": "E-Book"}, "Available now"),
        ({"publication_date": date(2027, 2, 3)}, "Preorder, releases February 3, 2027"),
        ({}, "In stock"),
        ({"safety_stock": 500}, "Available to order, ships in 1–2 weeks"),
    ],
)
def test_labels(status, label):
    assert availability({"TN": DcStock(410, 7)}, today=TODAY, **status).label == label


def test_labels_of_none():
    assert availability({"TN": DcStock(0, 0)}, today=TODAY).label == "Out of stock"
    assert availability(None, today=TODAY) == Availability("unknown", None, None, None, None, None)


def test_between_two_fires_is_in_stock_with_410():
    stock = {"TN": DcStock(187, 0), "PA": DcStock(96, 0), "IN": DcStock(84, 0), "OR": DcStock(43, 0)}
    found = availability(stock, today=TODAY, publication_date=date(2012, 10, 2), binding="Paperback")
    assert found == Availability("in_stock", "In stock", 410, 0, False, True, state="in_stock")


def test_an_outsider_calls_it_with_plain_values():
    """Tuples as stock, keywords or positions, and no day: then it is the machine's."""
    stock = {"TN": (410, 0, "primary")}
    assert availability(stock, date(2012, 10, 2), "Paperback", "IP", today=TODAY).stocked_quantity == 410
    assert availability(stock, publication_date=date(2012, 10, 2)).status == "in_stock"
    assert availability(stock, publication_date=date(9999, 1, 1)).status == "preorder"
    found = availability(
        stock=stock,
        publication_date=TODAY,
        binding="Hardcover",
        publisher_status="IP",
        safety_stock=10,
        today=TODAY,
    )
    assert (found.status, found.stocked_quantity) == ("in_stock", 400)


@pytest.mark.parametrize(
    "form", [lambda day: day, lambda day: datetime(day.year, day.month, day.day, 9, tzinfo=UTC), str]
)
def test_a_publication_date_in_whatever_form(form):
    stock = {"TN": (5, 0, "primary")}
    for offset, status in ((-1, "in_stock"), (0, "in_stock"), (1, "preorder")):
        found = availability(
            stock, form(TODAY + timedelta(offset)), today=form(TODAY) if form is not str else TODAY
        )
        assert found.status == status
    for nothing in ("", "Spring 2027", "0000-00-00", "99999-01-01", "2027"):
        assert availability(stock, nothing, today=TODAY).status == "in_stock"


def test_a_preorder_is_never_blocked():
    """None on hand, 199,999 on order, or no stock table at all: a cart may have it."""
    for stock in (None, {}, {"TN": DcStock(0, 199_999)}, {"TN": DcStock(0, 0)}, {"TN": DcStock(None, None)}):
        found = availability(stock, today=TODAY, publication_date=TODAY + timedelta(1))
        assert (found.status, found.allow_backorder) == ("preorder", True)


def test_a_title_is_out_on_its_publication_date():
    stock = {"TN": DcStock(5, 0)}
    days = {
        offset: availability(stock, today=TODAY, publication_date=TODAY + timedelta(offset))
        for offset in (-1, 0, 1)
    }
    assert [days[offset].status for offset in (-1, 0, 1)] == ["in_stock", "in_stock", "preorder"]


@given(titles())
def test_unknown_is_never_zero(title):
    """A title with no count read and no other reason to be gone leaves the store's level alone."""
    stock, facts = title
    found = availability(stock, **facts)
    nothing_read = not any(dc.on_hand is not None for dc in (stock or {}).values())
    if nothing_read and found.status != "out_of_stock":
        assert found.stocked_quantity is None
    if nothing_read and found.status == "out_of_stock":
        assert is_out_of_print(facts["publisher_status"])


@given(titles())
def test_a_level_is_never_negative_and_never_more_than_what_is_there(title):
    stock, facts = title
    found = availability(stock, **facts)
    if found.stocked_quantity is None:
        return
    there = sum(dc.on_hand or 0 for dc in (stock or {}).values())
    back = facts["reserved_quantity"] if facts["inventory_mode"] == "on_hand_plus_reserved" else 0
    assert 0 <= found.stocked_quantity <= there + back


@given(titles())
def test_a_cart_can_have_it_just_when_the_label_says_so(title):
    stock, facts = title
    found = availability(stock, **{**facts, "inventory_mode": "on_hand"})
    sellable = (
        found.manage_inventory is False or bool(found.allow_backorder) or (found.stocked_quantity or 0) > 0
    )
    assert sellable is (found.status in ("digital", "preorder", "in_stock", "backorder"))
    assert found.in_stock is (found.status in ("digital", "in_stock"))


@given(titles())
def test_more_on_hand_never_makes_a_title_less_available(title):
    stock, facts = title
    if not stock or any(dc.on_hand is None for dc in stock.values()):
        return
    dc = next(iter(stock))
    more = {**stock, dc: stock[dc]._replace(on_hand=stock[dc].on_hand + 1)}
    before, after = availability(stock, **facts), availability(more, **facts)
    if before.status == "in_stock":
        assert after.status == "in_stock"
        assert after.stocked_quantity == before.stocked_quantity + 1


@pytest.mark.parametrize(
    "binding",
    [
        *("E-Book", "eBook", "Ebooks", "Electronic book text", "Digital", "Downloadable Audio", "EPUB"),
        *("Kindle Edition", "Digital Download", "Online resource", "PDF", "Adobe PDF", "E-Book (EPUB)"),
        *("Digital Audiobook", "ebook - Adobe Digital Editions"),
    ],
)
def test_digital_bindings(binding):
    assert availability(None, today=TODAY, binding=binding).status == "digital"


@pytest.mark.parametrize(
    "binding",
    [
        "Paperback",
        "Hardcover",
        "Trade Cloth",
        "Compact Disc",
        "Mass Market Paperbound",
        "Board Books",
        "Spiral",
        "Paperback with digital download",
        "Hardcover + Download code",
        "Hard Cover with E-Book",
        "Digital print on demand paperback",
        "Digital Print on Demand",
        "Library Binding - Digital",
        "Trade Paper (with online PDF)",
        "Leather Bound + eBook",
        "Audio CD with digital booklet",
        "Mass Market, digitally printed, digital extras",
    ],
)
def test_bindings_of_paper_and_plastic(binding):
    assert availability(None, today=TODAY, binding=binding).status == "unknown"


@pytest.mark.parametrize(
    ("status", "gone"),
    [
        *(("OP", True), ("OI", True), ("AB", True), ("WS", True), (" op ", True)),
        *(("IP", False), ("NY", False), ("TP", False), ("PP", False), ("", False), (None, False)),
        *(("Out of Print", True), ("OUT-OF-PRINT", True), ("Out of Stock Indefinitely", True)),
        *(("Publication Cancelled", True), ("Canceled", True), ("Withdrawn from sale", True)),
        *(("Available", False), ("Temporarily Out of Stock", False), ("Not Yet Published", False)),
        *(("Print on Demand", False), ("Postponed", False)),
    ],
)
def test_out_of_print(status, gone):
    assert is_out_of_print(status) is gone


@given(st.dates())
def test_long_dates_read_the_same_in_every_locale(day):
    text = long_date(day)
    month, rest = text.split(" ", 1)
    assert rest == f"{day.day}, {day.year}"
    assert month == calendar.month_name[day.month]


@pytest.mark.parametrize(
    "status", ["AB", "ab", "Cancelled", "Title canceled", "Abandoned", "WS", "Withdrawn from sale"]
)
def test_what_the_publisher_gave_up_is_no_preorder(status):
    found = availability(None, TODAY + timedelta(90), publisher_status=status, today=TODAY)
    assert (found.status, found.allow_backorder) == ("out_of_stock", False)
    found = availability({"TN": DcStock(0, 0)}, TODAY + timedelta(90), publisher_status=status, today=TODAY)
    assert (found.status, found.allow_backorder) == ("out_of_stock", False)


@pytest.mark.parametrize("status", ["PP", "pp", "Postponed indefinitely", "POSTPONED - Indefinitely"])
def test_what_is_postponed_without_a_date_is_no_preorder(status):
    found = availability({"TN": DcStock(0, 0)}, TODAY + timedelta(90), publisher_status=status, today=TODAY)
    assert (found.status, found.allow_backorder) == ("out_of_stock", False)
    found = availability(None, TODAY + timedelta(90), publisher_status=status, today=TODAY)
    assert found.status == "unknown"


@pytest.mark.parametrize("status", ["IP", "NY", "OP", "Not yet published", "Postponed", "", None])
def test_what_is_still_to_come_is_a_preorder(status):
    found = availability(None, TODAY + timedelta(90), publisher_status=status, today=TODAY)
    assert found.status == "preorder"


@given(st.dates(min_value=date(1000, 1, 1)))
def test_the_day_of_a_preorder_is_read_back_from_its_label(day):
    label = availability(None, publication_date=day, today=day - timedelta(days=1)).label
    assert release_of(label) == day


@pytest.mark.parametrize(
    "label",
    [None, 7, "In stock", "Preorder, releases Smarch 3, 2027", "Preorder, releases February 31, 2027"],
)
def test_a_label_that_names_no_day(label):
    assert release_of(label) is None
