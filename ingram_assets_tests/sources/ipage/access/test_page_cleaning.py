"""Pages for a stranger: what says whose they are is planted in them, and looked for afterwards."""

import base64
import html
import re
import time
from pathlib import Path
from urllib.parse import unquote

import pytest

from ingram_assets.domain.private_text import KnownValues, as_seen
from ingram_assets.domain.secret_forms import SecretForms
from ingram_assets.sources.ipage.access.kept_pages import MAX_PAGE_BYTES
from ingram_assets.sources.ipage.access.page_cleaning import PageCleaner
from ingram_assets.sources.ipage.pages import charsets
from ingram_assets.sources.ipage.pages.product_page import parse_product_page
from ingram_assets.sources.ipage.pages.recognize import recognize
from ingram_assets.sources.ipage.pages.saved_pages import page_in
from ingram_assets.sources.ipage.pages.understood import understand
from ingram_assets.sources.ipage.profile.site_profile import built_in
from ingram_assets_tests.sources import ipage as ipage_tests
from ingram_assets_tests.testing.page_factory import BLOCK, LOGIN, product_page
from ingram_assets_tests.testing.planted import (
    DISGUISES,
    GREETED,
    KNOWN,
    LABELED,
    PERSONAL,
    PLACES,
    known_plants,
    page_with,
)

SAVED = sorted(Path(*ipage_tests.__path__).glob("saved_pages/*.*html"))
CLEANER = PageCleaner(KnownValues(KNOWN.values()), built_in().labels)


def found(value: str, page: str) -> bool:
    """Whether a person, or a program that tries, still finds the value in a page."""
    wanted = re.sub(r"[\s+]", "", value).casefold()
    texts = [page, html.unescape(page), unquote(page), unquote(unquote(html.unescape(page)))]
    texts.append(re.sub(r"\\u([0-9a-f]{4})", lambda sign: chr(int(sign[1], 16)), page))
    texts.append(unquote(re.sub(r"=([0-9A-F]{2})", r"%\1", page)))
    texts += [re.sub(r"<[^<>]*>", "", as_seen(text)) for text in list(texts)]
    for piece in re.findall(r"[A-Za-z0-9+/]{8,}={0,2}", page):
        for shift in range(4):
            cut = piece[shift:]
            try:
                texts.append(base64.b64decode(cut[: len(cut) // 4 * 4]).decode("utf-8", "ignore"))
            except ValueError:
                continue
        if len(piece) % 2 == 0 and re.fullmatch("[0-9a-fA-F]+", piece):
            texts.append(bytes.fromhex(piece).decode("utf-8", "ignore"))
    return any(wanted in re.sub(r"[\s+]", "", as_seen(text)).casefold() for text in texts)


SAID = (
    *(
        "<p>password: {}</p>",
        "<p>Your password is {}</p>",
        "<td>Passwort:</td><td>{}</td>",
        "<p>API key {}</p>",
    ),
    *("<p>session id {}</p>", "<p>Authorization: Bearer {}</p>", "<p>bearer {}</p>", "<p>csrf={}</p>"),
    *("<p>x csrf_token = '{}'</p>", "<p>JSESSIONID&#61;{}</p>", "<p>JSESSIONID%3D{}</p>", "<p>PIN: {}</p>"),
    '<div data-x=\'{{"owner":"{}"}}\'>x</div>',
    '<div data-x="{{&quot;owner&quot;:&quot;{}&quot;}}">x</div>',
    *("<div data-owner={}>x</div>", '<a href="/x#tok={}">x</a>', '<a href="/x#{}">x</a>'),
    *('<iframe src="/f?a={}#b"></iframe>', "<iframe src=/f?a=1#t={}></iframe>"),
    *('<div style="background: url(/x/{}.png)">x</div>', "<p style=\"background:url('/x?{}')\">x</p>"),
    *('<a href="/x;JSESSIONID={}?a=1">x</a>', '<a href="/x%3BJSESSIONID%3D{}">x</a>'),
    *('<a href="/x&#59;jsessionid&#61;{}">x</a>', '<a href="/x?a%3D{}">x</a>'),
    *("<a onclick=go('{}')>x</a>", '<a onclick="go({})">x</a>', "<a onclick=go({});stay()>x</a>"),
    *('<a href="javascript:go({})">x</a>', '<a href="java&#9;script:go({})">x</a>'),
    *("<a href=javascript:go('{}')>x</a>", '<input placeholder="{}">', '<img src="/photos/{}.jpg">'),
    *('<img srcset="/photos/{}.jpg 2x, /x.png">', "<a title=\"it's\" href='/x?u={}' ' >x</a>"),
    *(
        '<link href="https://x.example/?u={}">',
        '<x-y to="https://x.example/?u={}">',
        '<a href="/d/{}.pdf">x</a>',
    ),
    *('<a title="password: {}">x</a>', "<!x {}>", '<a download="{}.xlsx">x</a>'),
)
"""Where a secret or a name is told by what holds it."""


@pytest.mark.parametrize("markup", SAID)
def test_what_is_told_by_what_holds_it(markup: str) -> None:
    for value in ("hunterTEXTPASS", "zebediah-quuxley"):
        plant = markup.format(value)
        assert found(value, plant), "the search finds it"
        cleaned = CLEANER.clean(page_with(plant))
        assert not found(value, cleaned), cleaned[-400:]


@pytest.mark.parametrize(
    "value",
    [
        "sk_live_51AbcdEf",
        "eyJhbGciOiJI.eyJzdWIi.SflKx",
        "Bearer abcdefgh",
        "ghp_abcdEFGH1234",
        "AKIAIOSFODNN7EX",
    ],
)
def test_keys_are_known_by_their_looks(value: str) -> None:
    assert not found(value, CLEANER.clean(page_with(f"<p>see {value} here</p>")))


@pytest.mark.parametrize(
    "markup",
    [
        *('<img src="/covers/9780593135204.jpg">', '<a href="/titles?ean=9780593135204&amp;page=2">x</a>'),
        *('<td data-count="1410">x</td>', '<td data-isbn="9780593135204">x</td>', '<a href="#details">x</a>'),
        *("<p>The Password Book</p>", "<p>A Session at Sea: 1,410 copies at $9.99 on 2026-11-30</p>"),
        *(
            "<p>Forgot your password?</p>",
            "<p>The Secret: A Novel</p>",
            "<p>Token economics</p>",
            '<a title="More of this title">x</a>',
            "<p>Key of Secret Gardens</p>",
        ),
    ],
)
def test_what_is_useful_stays(markup: str) -> None:
    assert markup in CLEANER.clean(page_with(markup))


def test_what_is_looked_for_would_be_found() -> None:
    """The search is no use if it finds nothing in a page that was not cleaned."""
    missed = [name for name, plant, value in known_plants() if not found(value, plant)]
    assert missed == []


def test_known_values_are_taken_out_however_they_are_spelled() -> None:
    left = [name for name, plant, value in known_plants() if found(value, CLEANER.clean(page_with(plant)))]
    assert left == []


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_text_that_says_a_known_value_in_disguise_goes_whole(disguise: str) -> None:
    for value in ("lantern-and-quill", "20X4471", "ZDG5ofGIeY5gC3XUjtA1Jg"):
        spelled = DISGUISES[disguise](value)
        cleaner = PageCleaner(KnownValues([value, "of another setting"]), built_in().labels)
        page = page_with(f'<p>Pq [{spelled}] rs</p><a title="Pq [{spelled}] rs" href="/x">tu</a><p>vw</p>')
        cleaner.learn(page)
        cleaned = cleaner.clean(page)
        assert spelled not in cleaned
        left = re.search(r'.*<p>(.*?)</p><a title="(.*?)" href="/x">tu</a><p>vw</p>', cleaned, re.DOTALL)
        assert left, cleaned[-300:]
        # A form that is known goes by itself, and base64 of it may leave half a sign.
        texts = {re.sub(r"\n\w{1,2}==?", "", text) for text in left.groups()}
        assert texts <= {"[removed]", "Pq [[removed]] rs"}
        assert parse_product_page(cleaned) == parse_product_page(page_with())


def test_most_of_a_known_value_is_taken_for_all_of_it() -> None:
    cleaner = PageCleaner(KnownValues(["lantern-and-quill"]), built_in().labels)
    for said in ("lantern-and-qu", "xx Lantern.And.Qui", "iuq-dna-nretnal"):
        plant = f'<p>{said}</p><img alt="{said}">'
        assert '<p>[removed]</p><img alt="[removed]">' in cleaner.clean(page_with(plant)), said
    for said in ("The Lantern Protocol", "A Lantern among others", "Quill and Lantern"):
        assert f"<p>{said}</p>" in cleaner.clean(page_with(f"<p>{said}</p>"))


def test_a_known_number_within_an_isbn_or_a_short_word_within_others_is_no_disguise() -> None:
    disguised = SecretForms(["593135", "anders", "20X4471"])
    assert not disguised.is_in("EAN 9780593135204, Flanders and errors")
    assert not disguised.is_in("On Hand: 1,410 of 2026-11-30, 20 x 4471 pages of it".replace("20 x", "20 by"))
    assert disguised.is_in("5931-35")


@pytest.mark.parametrize(
    "said", ["User: alovelace", "Username alovelace", "Your IP: 203.0.113.77", "Terms account 12-345-6"]
)
def test_what_a_label_tells_in_an_attribute(said: str) -> None:
    cleaned = CLEANER.clean(page_with(f'<img title="{said}" alt="{said}">'))
    assert said.split()[-1] not in cleaned
    assert "<img title=" in cleaned


def test_amounts_of_an_account_are_no_prices_of_a_book() -> None:
    page = product_page(extra="<p>Credit limit: $18.99</p><td>Balance</td><p>New Balance: A Novel</p>")
    cleaner = PageCleaner(KnownValues([]), built_in().labels)
    cleaner.learn(page)
    cleaned = cleaner.clean(page)
    assert "<p>Credit limit: [removed]</p><td>Balance</td><p>New Balance: A Novel</p>" in cleaned
    assert parse_product_page(cleaned) == parse_product_page(product_page())


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        *(
            ("20N4417", "2 0 N 4 4 1 7"),
            ("20N4417", "20-N-4417"),
            ("20N4417", "20.n4.417"),
            ("20N4417", "20n&nbsp;4417"),
        ),
        *(("20N4417", "\uff12\uff10\uff2e\uff14\uff14\uff11\uff17"), ("lantern and quill", "Lantern-Quill")),
        *(("lantern and quill", "LanternAndQuill"), ("lantern and quill", "lantern &amp; quill")),
        *(("bookshop", "book-shop"), ("book-shop", "Book Shop"), ("book.shop.ada", "book_shop+ada")),
        ("Lantern & Quill", "lantern_and_quill"),
        ("Grüße-Laden", "GRÜSSE LADEN"),
    ],
)
def test_known_values_joined_in_another_way(value: str, spelled: str) -> None:
    cleaner = PageCleaner(KnownValues([value]), built_in().labels)
    for plant in (
        f"<p>x {spelled}, y</p>",
        f'<a title="x {spelled} y">z</a>',
        f'<i class="x {spelled}">z</i>',
    ):
        cleaned = cleaner.clean(page_with(plant))
        assert spelled not in cleaned
        assert "[removed]" in cleaned[cleaned.rindex("<p>x" if "<p>x" in plant else "x ") :]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("what", PERSONAL)
def test_what_is_told_by_its_looks(what: str, place: str) -> None:
    value = PERSONAL[what]
    for spelled in (
        value,
        "".join(f"&#{ord(sign)};" for sign in value),
        value.replace("@", "%40"),
        value.replace(" ", "&nbsp;"),
        value.replace("-", "‑") if "-" in value and what != "SAN" else value,
    ):
        cleaned = CLEANER.clean(page_with(PLACES[place](spelled)))
        assert not found(value.partition(",")[0], cleaned), (spelled, cleaned[-400:])


@pytest.mark.parametrize("what", PERSONAL)
def test_what_is_told_by_its_looks_is_so_in_pieces_of_a_line(what: str) -> None:
    value = PERSONAL[what]
    half = len(value) // 2
    cleaned = CLEANER.clean(page_with(f"<p><b>{value[:half]}</b><span class=x>{value[half:]}</span></p>"))
    assert not found(value.partition(",")[0], cleaned)


@pytest.mark.parametrize(("markup", "value"), LABELED, ids=[value for _, value in LABELED])
def test_what_is_told_by_what_stands_before_it(markup: str, value: str) -> None:
    for plant in (markup, markup.upper().replace("{}", "{}"), markup.replace(" ", "&nbsp;", 1)):
        plant = plant.replace("&NBSP;", "&nbsp;").format(value)
        cleaned = CLEANER.clean(page_with(plant))
        assert not found(value, cleaned), (plant, cleaned[-300:])


def test_whom_one_page_greets_is_named_on_none() -> None:
    cleaner = PageCleaner(KnownValues([]), built_in().labels)
    pages = [page_with(f"<header>{GREETED} ▾</header>"), page_with(f"<p>Welcome, {GREETED}.</p>")]
    for page in pages:
        cleaner.learn(page)
    assert not [page for page in pages if found(GREETED, cleaner.clean(page))]


def test_an_address_of_several_lines_goes_whole() -> None:
    lines = ("Bletchley Book Nook", "Hut 8, The Mansion", "Milton Keynes MK3 6EB", "United Kingdom")
    for markup in (
        f"<p><b>Ship To:</b><br>{'<br>'.join(lines)}</p>",
        f"<td>Ship To:</td><td>{'<br>'.join(lines)}</td>",
        "<div>Shipping Address</div>" + "".join(f"<div>{line}</div>" for line in lines),
    ):
        cleaned = CLEANER.clean(page_with(markup))
        assert not [line for line in lines if found(line, cleaned)], cleaned[-400:]


def test_what_a_page_says_of_its_book_is_understood_as_before() -> None:
    for page in (
        product_page(),
        product_page(title="Welcome, Ghosts"),
        page_with("<p>Welcome, Ada Byron</p><td>Ship To:</td><td>Nobody</td>"),
    ):
        assert parse_product_page(CLEANER.clean(page)) == parse_product_page(page)


@pytest.mark.parametrize("file", SAVED, ids=lambda file: file.stem)
def test_a_saved_page_is_understood_as_before(file: Path) -> None:
    cleaner = PageCleaner(KnownValues(KNOWN.values()), built_in().labels)
    text = charsets.decode(page_in(file.read_bytes()))
    cleaner.learn(text)
    before, after = (understand(one.encode(), built_in()) for one in (text, cleaner.clean(text)))
    assert (after.kind, after.page) == (before.kind, before.page)
    assert len(after.strange) == len(before.strange)


def test_other_kinds_of_pages_stay_what_they_are() -> None:
    for page in (BLOCK, LOGIN):
        assert recognize(CLEANER.clean(page)).kind is recognize(page).kind


def test_an_isbn_of_ten_digits_is_no_telephone_number() -> None:
    page = product_page(extra="<p>0593135202 and 6155550142</p><p>ISBN: 0439023521</p>")
    cleaned = CLEANER.clean(page)
    assert "<p>0593135202 and [removed]</p>" in cleaned
    assert "0439023521" in cleaned


@pytest.mark.parametrize(
    "page",
    [
        *("<b>" * 100_000, "<a title='" * 100_000, "a@" * 200_000, "Welcome, " * 100_000, "1 " * 300_000),
        *("Ship to " * 100_000, "&#" * 200_000, "a.b." * 100_000, "<" * 500_000, "account " * 100_000),
        "<p>" + "Ada Byron " * 60_000,
        "+1 (" * 100_000,
        "at dot " * 100_000,
        *("&amp;" * 100_000, "%25" * 150_000, "6c " * 160_000, "108 " * 120_000, "QWJj" * 120_000),
        *("\\\\u005c" * 60_000, "a::" * 150_000, "1.2." * 120_000, "balance due " * 40_000),
    ],
    ids=lambda page: page[:10],
)
def test_a_hostile_page_takes_no_time(page: str) -> None:
    began = time.monotonic()
    assert len(CLEANER.clean(page)) <= MAX_PAGE_BYTES
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("body", "kept", "gone"),
    [
        ("<p>PO 998877</p>", "PO", ["998877"]),
        ("<p>Order A-55512, Invoice 77123</p>", "Invoice", ["55512", "77123"]),
        ("<p>Confirmation: ZX81QQ</p>", "Confirmation", ["ZX81QQ"]),
        ("<p>EIN 12-3456789</p>", "", ["12-", "3456789"]),
        ("<p>IBAN DE89370400440532013000</p>", "IBAN", ["DE", "89"]),
        ("<p>routing AB021000021</p>", "routing", ["AB", "02100"]),
        ("<p>Acct#20X44710 of 20X4471</p>", "of", ["20X4471", "]0"]),
        ("<p>ada&#64;bookstore.example, ada%40bookstore.example</p>", "", ["ada"]),
        ("<p>ada [at] bookstore.example or ada(at)bookstore.example</p>", "or", ["ada"]),
        ('<a href="/x;jsessionid=A1?token=tok_9">P</a><textarea>Dear Ada</textarea>', ">P<", ["Ada"]),
        ("<noscript><p>Ada</p> sid=abc <b>x</b> more</noscript><p>Hand</p>", "Hand", ["Ada", "abc", "more"]),
        ("<select><option>Ada<option>Eve</select><p>On Order</p>", "On Order", ["Ada", "Eve"]),
    ],
)
def test_what_an_attacker_planted_is_gone_and_what_stands_beside_it_stays(
    body: str, kept: str, gone: list[str]
) -> None:
    """A value that is known is taken out first: what is left of an address or a number goes with it."""
    cleaner = PageCleaner(KnownValues(["20X4471", "bookstore.example"]), built_in().labels)
    page = f"<html><body>{body}</body></html>"
    cleaner.learn(page)
    cleaned = cleaner.clean(page)
    assert kept in cleaned
    assert not [one for one in gone if one in cleaned.replace("[removed]", "[]")], cleaned


def test_a_removed_cookie_does_not_break_the_tag_that_it_stands_in() -> None:
    link = '<a href="/x;jsessionid=ABCDEF0123456789?u=1">Title</a>'
    page = f'<body>{link}<textarea>Dear Ada</textarea><img alt="a > b"><p>On Hand: 148</p></body>'
    cleaned = CLEANER.clean(page)
    assert '">Title</a><textarea>' in cleaned
    assert "<p>On Hand: 148</p>" in cleaned
    assert "ABCDEF" not in cleaned
    assert "Ada" not in cleaned
