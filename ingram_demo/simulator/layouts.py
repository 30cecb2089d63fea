"""Layouts of the product page: the one that is known, and others that the site might send some day."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """What differs from the known page.

    `readable`: every figure still stands under its label or header, so a reader by label and header gets
    the book's own numbers. A page in another layout is changed beyond that: its reader may be right or say
    so, never wrong.
    """

    readable: bool
    note: str
    shuffled_labels: bool = False
    stock_first: bool = False
    label_style: str = "strong"
    """strong, nbsp, none, missing_ean, redesign."""
    columns: tuple[str, ...] = ("dc", "on_hand", "on_order")
    headers: tuple[tuple[str, str], ...] = (("dc", "DC"), ("on_hand", "On Hand"), ("on_order", "On Order"))
    main_header: bool = True
    alt_header: bool = False
    thead: bool = False
    rows_in_main: int = 2
    main_class: str = "newStockCheckTable"
    alt_class: str = "newAltStockCheckTable"
    cell_class: str = "scTabledata"
    total_row: bool = False
    alt_shown: bool = True
    last_dc: str = ""
    """The name of the last DC, where it is not its code."""
    counts_in_words: bool = False


LAYOUTS: dict[str, Layout] = {
    "classic": Layout(True, "the page as it is known"),
    "label_order": Layout(True, "the labels in another order", shuffled_labels=True),
    "stock_first": Layout(True, "the stock tables above everything", stock_first=True),
    "nbsp_labels": Layout(True, "no-break spaces and line breaks around labels", label_style="nbsp"),
    "extra_columns": Layout(
        True,
        "more columns in both tables",
        columns=("dc", "city", "on_hand", "reserved", "on_order", "next_due"),
        headers=(
            *(("dc", "DC"), ("city", "Location"), ("on_hand", "On Hand"), ("reserved", "Reserved")),
            *(("on_order", "On Order"), ("next_due", "Next Due")),
        ),
    ),
    "columns_swapped": Layout(True, "on order before on hand", columns=("dc", "on_order", "on_hand")),
    "alt_header": Layout(True, "a header row in the second table too", alt_header=True),
    "one_table": Layout(True, "all DCs in the first table", rows_in_main=99),
    "thead": Layout(True, "thead and tbody, DCs as links", thead=True),
    "total_row": Layout(True, "a row of totals under the other DCs", total_row=True),
    "renamed_tables": Layout(
        False,
        "the tables have other classes",
        main_class="stock-grid",
        alt_class="stock-grid-more",
        cell_class="cell",
    ),
    "renamed_headers": Layout(
        False,
        "other words in the header",
        headers=(("dc", "Whse"), ("on_hand", "Qty A"), ("on_order", "Qty B")),
    ),
    "no_header": Layout(False, "no header row at all", main_header=False),
    "no_header_swapped": Layout(
        False,
        "no header row, and on order before on hand",
        main_header=False,
        columns=("dc", "on_order", "on_hand"),
    ),
    "alt_renamed": Layout(False, "the second table alone has another class", alt_class="stock-grid-more"),
    "alt_missing": Layout(False, "the account's own table alone", alt_shown=False),
    "odd_dc": Layout(False, "the last DC has a name of three letters", last_dc="ROS"),
    "counts_in_words": Layout(False, "'100+' and 'Low' in place of counts", counts_in_words=True),
    "no_labels": Layout(False, "the labels are gone", label_style="none"),
    "missing_ean": Layout(False, "no EAN and no ISBN on the page", label_style="missing_ean"),
    "redesign": Layout(False, "an empty page that a script fills", label_style="redesign"),
}
