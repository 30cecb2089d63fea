"""What a piece of text says, or that it doesn't: counts, dates, prices, weights, clean words.

Every reader returns `(value, problem)`: a value with no problem, `None` with none where the text says
"nothing to see" (blank, dash, N/A), or `None` with the problem in words. None of them guesses.
"""

import contextlib
import html
import re
import unicodedata
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import TypeVar

from ingram_assets.domain.invisible import IN_WORDS_TOO, INVISIBLE
from ingram_assets.domain.isbn import InvalidIsbn, check_digit_13, parse_isbn
from ingram_assets.domain.stock import MAX_COUNT

POUNDS_PER_KILOGRAM = Decimal("2.2046226218")
MAX_PRICE = Decimal("20000")
"""Dollars. No trade book asks more; a larger figure is a misread one."""
MAX_WEIGHT = Decimal("200")
"""Pounds. The heaviest boxed sets weigh a quarter of it."""

_ABSENT = re.compile(
    r"(?:[-–—‒―−_.·*?\s\u00a0]*|n\.?\s*/?\s*a\.?|none|nil|null|tbd|tba|unknown|not\s+(?:available|applicable|given))",
    re.IGNORECASE,
)
_GROUPED = r"(?:0|[1-9][0-9]{0,2}(?:,[0-9]{3})+|[1-9][0-9]*)"
_COUNT = re.compile(
    rf"(?:(?:(?:qty|quantity|units?|copies|on[ -]hand|on[ -]order|available|in[ -]stock)[\s:]*)*)"
    rf"({_GROUPED})"
    rf"(?:\s*(?:units?|copies|copy|pcs?\.?|ea\.?|on[ -]hand|on[ -]order|available|in[ -]stock|\*|†|‡))*",
    re.IGNORECASE,
)

_GTIN = re.compile(r"^(?:gtin(?:[-\s]?1[234](?![0-9]))?|upc|\(01\))\s*:?\s*", re.IGNORECASE)
# "9 780593 135204 > 52899", as it stands under the bars.
_EAN_AND_ADD_ON = re.compile(r"(.*[0-9Xx])[\s+>|/]+(?:[0-9]{5}|[0-9]{2})\s*>?", re.DOTALL)
# With all thirteen digits before it, for a dash parts the groups of an ISBN as well.
_EAN_DASH_ADD_ON = re.compile(r"(97[89](?:[\s\-‐‑‒–]*[0-9]){10})\s*[\-‐‑‒–]\s*[0-9]{2}\s*>?")

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_YEAR = r"([0-9]{4}|'?[0-9]{2})"
_DATE_FORMS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"(?<![\w/.,-]){pattern}(?![\w/-]|[.,][0-9])", re.IGNORECASE), order)
    for pattern, order in (
        (rf"{_MONTH}\s*[-/, ]?\s*([0-9]{{1,2}})(?:st|nd|rd|th)?(?:\s*,\s*|\s+|\s*[-/]\s*){_YEAR}", "Mdy"),
        (rf"([0-9]{{1,2}})(?:st|nd|rd|th)?(?:\s+of\s+|\s*[-/., ]\s*){_MONTH}\s*[-/, ]?\s*{_YEAR}", "dMy"),
        (rf"([0-9]{{4}})\s*[-/. ]\s*{_MONTH}\s*[-/. ]\s*([0-9]{{1,2}})", "yMd"),
        (r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:T[0-9:.]+Z?)?", "ymd"),
        (r"([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})", "ymd"),
        (r"((?:1[4-9]|2[01])[0-9]{2})([0-9]{2})([0-9]{2})", "ymd"),
        (rf"([0-9]{{1,2}})/([0-9]{{1,2}})/{_YEAR}", "mdy"),
        (rf"([0-9]{{1,2}})-([0-9]{{1,2}})-{_YEAR}", "mdy"),
        (rf"([0-9]{{1,2}})\.([0-9]{{1,2}})\.{_YEAR}", "d.m"),
        (rf"{_MONTH}\s*[-/, ]?\s*([0-9]{{4}})", "My"),
        (r"([0-9]{1,2})/([0-9]{4})", "my"),
        (r"([0-9]{4})-([0-9]{1,2})", "ym"),
    )
)

_NUMBER = re.compile(r"(?<![0-9.,])(?:[0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)")
_MONEY = re.compile(rf"{_GROUPED}(?:\.[0-9]{{1,2}})?|\.[0-9]{{2}}")
_DOLLARS = r"(?:us|usd|u\.s\.|u\.s|us dollars?|dollars?)"
_BARE_PRICE = re.compile(rf"(?:{_DOLLARS}\s*)?({_NUMBER.pattern})(?:\s*{_DOLLARS})?", re.IGNORECASE)
_NO_MONEY = re.compile(r"[0-9][0-9,]*(?:\.[0-9])?")
"""A number as any may be, of copies, pages or pounds."""
_CURRENCY = (
    r"(?:can|cad|canada|canadian|cdn|ca|gbp|uk|eur|euros?|aud|au|nzd?|jpy|chf|inr|usd?|u\.s\.?)"
    r"(?:[\s:.]+(?:srp|list|retail|price|msrp))*"
)
_CURRENCY_BEFORE = re.compile(rf"(?<![a-z])(?:{_CURRENCY}[\s:.]*|[ac])$", re.IGNORECASE)
_CURRENCY_AFTER = re.compile(rf"\s*\(?\s*({_CURRENCY})(?![a-z])", re.IGNORECASE)
_FOREIGN = re.compile(
    r"(?<![a-z])(?:can|cad|canada|canadian|cdn|ca|gbp|uk|eur|euros?|aud?|nzd?|jpy|chf|inr|[ac])(?![a-z])",
    re.IGNORECASE,
)
_AMOUNT_IN_PARENTHESES = re.compile(r"\(\s*\$?\s*[0-9.,]+\s*\)")
"""A loss, as accountants write it."""
_BESIDE_PRICES = re.compile(
    rf"(?<![a-z])(?:{_CURRENCY}|{_DOLLARS}|[ac]|srp|list|retail|price|msrp|each|ea)(?![a-z])|[\s/|;,:()$£€¥₹]",
    re.IGNORECASE,
)
"""All that may stand beside the amounts; all else may change what they mean ("per 10", "MX", "save")."""

_WEIGHT = re.compile(
    r"(?<![\w.,/-])((?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)\s*"
    r"(kilograms?|kgs?|grams?|gms?|g|pounds?|lbs?|ounces?|oz)\b\.?",
    re.IGNORECASE,
)
_PAGES = re.compile(rf"(?<![\w.,/-])({_GROUPED})\s*(?:pages?|pgs?|pp?)\b\.?(?!\s*[0-9])", re.IGNORECASE)

_CONTROL = re.compile(rf"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{IN_WORDS_TOO}\ufffe\uffff\ud800-\udfff]")
_UNSEEN = re.compile(f"[{INVISIBLE}]+")
_UNSEEN_AROUND = re.compile(rf"\A[\s\x00{IN_WORDS_TOO}]+|[\s\x00{IN_WORDS_TOO}]+\Z")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_CUT_FIGURE = re.compile(rf"(?<=[0-9.,$£€])(?:{_CONTROL.pattern})+(?=[0-9.,])")
_BROKEN_FIGURE = re.compile("[0-9.,$£€]\ufffd|\ufffd[0-9.,]")


def _figures(text: str, length: int) -> str:
    """As `clean`, but what it takes out of the middle of a number leaves a mark, lest the halves be glued."""
    return clean(_CUT_FIGURE.sub("\ufffd", text[:length]))


def without_unseen(text: str) -> str:
    """The text without what nobody sees at its beginning and its end."""
    return _UNSEEN_AROUND.sub("", text)


def clean(text: str) -> str:
    """One line of readable text: entities unescaped, NFC, no control or text-direction characters."""
    return " ".join(_readable(text).split())


def clean_paragraphs(text: str) -> str:
    """As `clean`, keeping line breaks; one empty line at most between paragraphs."""
    lines = [" ".join(line.split()) for line in _readable(text).splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _readable(text: str) -> str:
    # Old Java pages escape twice ("Simon &amp;amp; Schuster"); no title has an entity on purpose.
    if _ENTITY.search(text):
        text = html.unescape(text)
    return unicodedata.normalize("NFC", _CONTROL.sub("", text))


def is_absent(text: str) -> bool:
    """Whether the text stands for no value: blank, a dash, N/A, TBD."""
    return _ABSENT.fullmatch(text.strip()) is not None


def read_book_number(text: str) -> tuple[str, bool]:
    """The ISBN in what a list of books has for one; and whether it names a carton of the book, not a copy.

    Takes what `parse_isbn` does; a GTIN-14, whose first digit is 0 for a copy and another for a carton; the
    add-on of two or five digits beside an EAN's bars; and a number that a spreadsheet wrote as such.

    Raises:
        InvalidIsbn: it is none, or lacks digits that can't be told.
    """
    plain = _as_number(unicodedata.normalize("NFKC", _UNSEEN.sub("", text)).strip())
    try:
        return parse_isbn(plain), False
    except InvalidIsbn:
        if len(plain) > 60:
            raise
        if (with_add_on := _EAN_AND_ADD_ON.fullmatch(plain) or _EAN_DASH_ADD_ON.fullmatch(plain)) is not None:
            return read_book_number(with_add_on[1])
        digits = re.sub(r"[\s\-‐‑‒–]", "", _GTIN.sub("", plain))
        if re.fullmatch("97[89][0-9]{15}", digits):
            return parse_isbn(digits[:13]), False
        if re.fullmatch("[0-9]97[89][0-9]{10}", digits):
            return _of_gtin_14(digits, text)
        if digits != plain and len(digits) == 13:
            return parse_isbn(digits), False
        raise


def _of_gtin_14(digits: str, text: str) -> tuple[str, bool]:
    total = 3 * sum(map(int, digits[::2])) + sum(map(int, digits[1:13:2]))
    if str(-total % 10) != digits[13]:
        raise InvalidIsbn(f"{text[:40]!r} is no GTIN-14: its last digit should be {-total % 10}.")
    twelve = digits[1:13]
    return parse_isbn(twelve + check_digit_13(twelve)), digits[0] != "0"


def _as_number(text: str) -> str:
    """Without the decimals and groups of a number, and in plain digits if all of them are there."""
    if re.fullmatch(r"[0-9]{1,3}(?:,[0-9]{3}){3,4}(?:\.0+)?", text):
        text = text.replace(",", "")
    if (whole := re.fullmatch(r"([0-9]{9,14})[.,]0{1,6}", text)) is not None:
        return whole[1]
    if (exact := re.fullmatch(r"([0-9])\.([0-9]{12})[eE]\+?12", text)) is not None:
        return exact[1] + exact[2]
    return text


Value = TypeVar("Value")


def read_in_forms(
    read: Callable[[str], tuple[Value | None, str | None]], forms: Callable[[str], str], text: str
) -> tuple[Value | None, str | None]:
    """What a text says in the site's own forms of numbers and days; a problem quotes it as it stands there.

    Args:
        forms: puts it into the forms of the US.
    """
    of_us = forms(text)
    value, problem = read(of_us)
    if problem is not None and of_us != text:
        problem = f"“{clean(text)[:40]}”, read as {problem}"
    return value, problem


def read_count(text: str) -> tuple[int | None, str | None]:
    """Copies: a whole number, thousands commas in the right places, at most `MAX_COUNT`."""
    text = without_unseen(text)
    # "None" may be meant as zero copies: that is not for us to say.
    if is_absent(text) and text.lower() not in ("none", "nil", "null"):
        return None, None
    found = _COUNT.fullmatch(text)
    if found is None:
        return None, f"“{text[:40]}” is no whole number"
    digits = found[1].replace(",", "")
    if len(digits) > 9 or int(digits) > MAX_COUNT:
        return None, f"“{text[:40]}” is more than any warehouse holds"
    return int(digits), None


def read_date(text: str) -> tuple[date | None, str | None]:
    """A calendar day in the forms of the US trade; numeric forms are month first.

    A month without a day is its first day, as the trade counts it, and said in the problem. A year or a
    season alone is no date. Day and month that could be either, in a form the US doesn't use (3.2.2027),
    is no date.
    """
    text = _figures(text, 200)
    if is_absent(text):
        return None, None
    if _BROKEN_FIGURE.search(text):
        return None, f"“{text[:40]}” is damaged"
    rest = text
    found: list[tuple[date | None, str]] = []
    for pattern, order in _DATE_FORMS:
        found += [(_day(match.groups(), order), order) for match in pattern.finditer(rest)]
        rest = pattern.sub(" ", rest)
    days = {day for day, _ in found}
    if len(days) != 1 or None in days:
        return None, f"“{text[:40]}” is no date that can be told"
    day, order = found[0]
    has_day = "d" in order
    return day, None if has_day else f"“{text[:40]}” gives no day: read as the first of the month"


def days_in(text: str) -> list[date]:
    """Every calendar day that a text names, in the forms of `read_date`; a number that may be one is none."""
    rest, found = _figures(text, 300), list[date | None]()
    for pattern, order in _DATE_FORMS:
        if "d" in order:
            found += [_day(match.groups(), order) for match in pattern.finditer(rest)]
            rest = pattern.sub(" ", rest)
    return [day for day in found if day is not None]


def _day(parts: tuple[str, ...], order: str) -> date | None:
    if order == "d.m":
        first, second = int(parts[0]), int(parts[1])
        if first <= 12 and second <= 12 and first != second:
            return None
        order = "mdy" if second > 12 else "dmy"
    by_letter = dict(zip(order.lower(), parts, strict=True))
    year = int(year_text := by_letter["y"].lstrip("'"))
    if len(year_text) == 2:
        year += 2000 if year < 50 else 1900
    month_text = by_letter["m"]
    month = int(month_text) if month_text.isdigit() else _MONTHS.index(month_text[:3].lower()) + 1
    day = int(by_letter.get("d", "1"))
    if order == "mdy" and month > 12 and day <= 12:
        month, day = day, month
    with contextlib.suppress(ValueError):
        return date(year, month, day) if 1450 <= year <= 2100 else None
    return None


def read_price(
    text: str, *, in_a_sheet: bool = False, decimal_comma: bool = False
) -> tuple[Decimal | None, str | None]:
    """US dollars, to the cent. Prices in other currencies beside it are passed over.

    Two different dollar prices, no price asked ($0.00), or one above `MAX_PRICE` are no price. Neither is a
    number without a currency and without cents: under a label that a page means otherwise, 32 are copies.

    Args:
        in_a_sheet: where a cell holds a number and nothing else, 18.5 is a price as well.
        decimal_comma: "18,99" is eighteen dollars (a sheet exported with European settings).
    """
    text = _figures(text, 300)
    if is_absent(text):
        return None, None
    if _BROKEN_FIGURE.search(text):
        return None, f"“{text[:40]}” is damaged"
    if decimal_comma and re.fullmatch(r"(?:USD|\$)?\s*[0-9]+,[0-9]{2}\s*(?:USD|\$)?", text, re.IGNORECASE):
        text = text.replace(",", ".")
    # The price of one seller may be followed by a discount that has a figure of its own.
    asked = re.sub(r"\(?\s*discount\b[^)]*\)?", " ", text, flags=re.IGNORECASE).strip()
    if not in_a_sheet and _NO_MONEY.fullmatch(asked):
        return None, f"“{text[:40]}” has no currency and no cents, so nothing says that it is money"
    amounts = _dollar_amounts(asked)
    if len(amounts) != 1:
        return None, f"“{text[:40]}” is no single price in US dollars"
    amount = amounts.pop()
    if amount == 0:
        return None, f"“{text[:40]}” is no price that anybody asks"
    if amount > MAX_PRICE:
        return None, f"“{text[:40]}” is no plausible price"
    return amount.quantize(Decimal("0.01")), None


def _dollar_amounts(text: str) -> set[Decimal]:
    """Every amount that is in US dollars; an amount that can't be told makes it empty."""
    if (bare := _BARE_PRICE.fullmatch(text)) is not None:
        return {Decimal(bare[1].replace(",", ""))} if _MONEY.fullmatch(bare[1]) else set()
    marks, beside, end = [], [], 0
    for match in _NUMBER.finditer(text):
        before = text[: match.start()].rstrip()
        if before.endswith(("$", "£", "€", "¥", "₹")):
            marks.append((before[-1], before[:-1], match[0], text[match.end() :]))
            beside.append(text[end : match.start()])
            end = match.end()
    beside.append(text[end:])
    is_odd = _AMOUNT_IN_PARENTHESES.search(text) or any(_BESIDE_PRICES.sub("", each) for each in beside)
    if not marks or is_odd:
        return set()
    # "CAN $24.99" or "$24.99 CAN": the side on which the outermost price wears its currency.
    behind = not _CURRENCY_BEFORE.search(marks[0][1]) and _CURRENCY_AFTER.match(marks[-1][3])
    amounts, others = set(), False
    for sign, before, number, after in marks:
        currency = _CURRENCY_AFTER.match(after) if behind else _CURRENCY_BEFORE.search(before)
        is_foreign = (
            currency is not None and re.match(r"us|u\.s", currency[0].strip(" ("), re.IGNORECASE) is None
        )
        if sign != "$" or is_foreign:
            others = True
            continue
        if not _MONEY.fullmatch(number):
            return set()
        amounts.add(Decimal(number.replace(",", "")))
    # Of which amount another country's name speaks has to be told.
    return set() if not others and any(map(_FOREIGN.search, beside)) else amounts


def read_weight(text: str) -> tuple[Decimal | None, str | None]:
    """Pounds, to the hundredth, from pounds, ounces, kilograms or grams (also "1 lb 4 oz").

    Where both systems stand side by side the pounds are taken.
    """
    text = _figures(text, 2_000)
    if _BROKEN_FIGURE.search(text):
        return None, f"“{text[:60]}” is damaged"
    imperial, metric = [], []
    for number, unit in _WEIGHT.findall(text):
        if unit.lower().startswith("g") and re.fullmatch(r"[1-9][0-9]{0,2}\.[0-9]{3}", number):
            # No book is weighed to the thousandth of a gram: in other countries a point parts thousands.
            continue
        amount = Decimal(number.replace(",", ""))
        if (letter := unit[0].lower()) in "kg":
            metric.append(amount * POUNDS_PER_KILOGRAM / (1 if letter == "k" else 1000))
        else:
            imperial.append(("oz", amount / 16) if letter == "o" else ("lb", amount))
    if not imperial and not metric:
        return None, None if is_absent(text) else f"“{text[:40]}” gives no weight that can be told"
    if [unit for unit, _ in imperial] == ["lb", "oz"]:
        weights = {imperial[0][1] + imperial[1][1]}
    else:
        weights = {amount for _, amount in imperial} or set(metric)
    if max(weights) - min(weights) > Decimal("0.01"):
        return None, f"“{text[:60]}” gives more than one weight"
    pounds = min(weights).quantize(Decimal("0.01")) if min(weights) < 10**6 else MAX_WEIGHT + 1
    if not 0 < pounds <= MAX_WEIGHT:
        return None, f"“{text[:60]}” gives no plausible weight"
    return pounds, None


def read_page_count(text: str) -> int | None:
    """The number that stands before "pages"; `None` where none does, or two differ."""
    text = _figures(text, 2_000)
    if _BROKEN_FIGURE.search(text):
        return None
    numbers = {int(number.replace(",", "")) for number in _PAGES.findall(text) if len(number) < 8}
    return numbers.pop() if len(numbers) == 1 and 0 < min(numbers) < 100_000 else None
