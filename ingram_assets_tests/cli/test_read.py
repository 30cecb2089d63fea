"""`ingram read`: pages that were saved, and one that is fetched, told and compared."""

import ast
import gzip
import importlib
import json
import os
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import ingram_assets_tests.sources.ipage as ipage_tests
from ingram_assets.cli.main import main
from ingram_assets_tests.testing.page_factory import (
    BLOCK,
    EXPIRED,
    LOGIN,
    UPPER,
    product_page,
    replaced,
    stock_tables,
)
from ingram_assets_tests.testing.shared_site import Shared
from ingram_demo.simulator import Simulator, running_simulator
from ingram_demo.simulator.faults import Rule
from ingram_demo.simulator.layouts import LAYOUTS
from ingram_demo.simulator.product import render_product
from ingram_demo.simulator.site import Site

SAVED = Path(*ipage_tests.__path__) / "saved_pages"
TESTS = Path(*ipage_tests.__path__).parent.parent

Read = Callable[..., Result]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Types the command where no settings are."""
    (settings := tmp_path / "settings").mkdir()
    for name in [name for name in os.environ if name.startswith(("INGRAM_", "IPAGE_", "MEDUSA_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("INGRAM_ENV_DIR", str(settings))
    monkeypatch.setenv("COLUMNS", "160")

    def typed(*words: object, **environment: str) -> Result:
        done = CliRunner().invoke(main, ["read", *map(str, words)], env=environment)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        return done

    return typed


def told(done: Result) -> dict[str, Any]:
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["ok"] == (done.exit_code == 0)
    return dict(answer)


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A folder of three pages, and what belongs to one of them."""
    (folder := tmp_path / "pages").mkdir()
    (folder / "hail.html").write_text(product_page())
    (folder / "out.htm").write_text(
        product_page(stock=stock_tables(own=[("TN", "0", "0")], other=[("OR", "0", "0")]))
    )
    (folder / "new.html.gz").write_bytes(
        gzip.compress(product_page(upper=replaced(UPPER, US_SRP="ask"), title="New").encode())
    )
    (folder / "hail_files").mkdir()
    (folder / "hail_files" / "frame.html").write_text(LOGIN)
    (folder / "notes.txt").write_text("mine")
    return folder


def test_one_page_in_full(read: Read, pages: Path) -> None:
    done = read(pages / "hail.html")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert done.exit_code == 0
    assert lines[0] == "hail.html: Project Hail Mary"
    assert "list price $28.99 div.productDetailElements “US SRP:”" in lines
    assert "TN (primary) 1,410 0 table.newStockCheckTable, row “TN”, “On Hand” and “On Order”" in lines
    assert any("whole reading, of this page alone" in line for line in lines)
    assert lines[-1] == (
        "A push would make of it, by the defaults, since the storefront's settings are not here: “In stock” "
        "(in_stock), 1,450 copies, takes no back-orders, $28.99."
    )


def test_a_page_for_a_program(read: Read, pages: Path) -> None:
    answer = told(read(pages / "hail.html", "--json"))
    (page,) = answer["pages"]
    assert page["fields"]["srp_price"] == "28.99"
    assert page["fields"]["contributors"][0] == {"name": "Andy Weir", "role": "Author"}
    assert page["places"]["srp_price"] == [{"path": "div.productDetailElements", "words": "US SRP:"}]
    assert page["stock"]["TN"] == {"type": "primary", "onHand": 1410, "onOrder": 0}
    assert page["whole_stock"] is True
    assert page["push"] | {"status": "in_stock", "level": 1450, "price": "28.99"} == page["push"]
    assert answer["read"]["fields"]["srp_price"] == answer["read"]["product_pages"] == 1


def test_by_the_shop_s_own_rules(read: Read, pages: Path) -> None:
    labels = pages.parent / "labels.csv"
    labels.write_text(
        "state,location,days,label\n"
        + "".join(
            f"{state},,{days},{label}\n"
            for state, days, label in [
                *[("on_shelf", 2, "Here"), ("in_stock", 3, "Lieferbar"), ("backorder", 9, "Später")],
                *[("coming_soon", 30, "Bald"), ("not_yet_published", "", "Noch nicht")],
                *[("special_order", "", "Bestellbar"), ("hard_to_find", "", "Weg"), ("not_read", "", "?")],
                *[("unavailable", "", "Nein"), ("digital", "", "Datei")],
            ]
        )
    )
    shop = {
        "MEDUSA_BACKEND_URL": "http://127.0.0.1:9",
        "MEDUSA_API_KEY": "sk_own",
        "QUEUE_DB_URL": "postgresql://reader@127.0.0.1:1/queue",
        "STOREFRONT_DB_URL": "postgresql://storefront@127.0.0.1:1/storefront",
        "SAFETY_STOCK": "50",
        "LABELS_FILE": str(labels),
    }
    answer = told(read(pages / "hail.html", "--json", **shop))
    assert answer["rules"] == "by your shop's settings"
    push = answer["pages"][0]["push"]
    assert (push["label"], push["level"]) == ("Lieferbar", 1400)
    broken = told(read(pages / "hail.html", "--json", **shop | {"SAFETY_STOCK": "many"}))
    assert "can't be used (SAFETY_STOCK" in broken["rules"]
    assert broken["pages"][0]["push"]["label"] == "In stock"


def test_a_part_of_the_stock_is_no_zero(read: Read, tmp_path: Path) -> None:
    page = tmp_path / "half.html"
    page.write_text(product_page(stock=stock_tables(own=[("TN", "0", "0"), ("PA", "0", "0")], other=[])))
    (half,) = told(read(page, "--json"))["pages"]
    assert half["whole_stock"] is False
    assert half["push"]["status"] == "unknown"
    assert "counts as a part, of this page alone" in read(page).stdout


def test_pages_tell_together_what_a_whole_one_shows(read: Read, tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number}.html").write_text(product_page(stock=stock_tables(other=[])))
    answer = told(read(tmp_path, "--json"))
    assert all(page["whole_stock"] for page in answer["pages"])
    assert "of the pages read here" in answer["pages"][0]["wholeness"]


def test_a_folder_gives_a_table(read: Read, pages: Path) -> None:
    (pages / "wall.html").write_text(BLOCK)
    done = read(pages)
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert done.exit_code == 1
    assert "hail.html 9780593135204 Project Hail Mary $28.99 2021-05-04 1,450 In stock" in lines
    assert "new.html.gz 9780593135204 New – 2021-05-04 1,450 – 1" in lines
    assert "out.htm 9780593135204 Project Hail Mary $28.99 2021-05-04 0 Out of stock" in lines
    assert "wall.html the bot wall's page" in lines
    assert "publication date 3 of 3" in lines
    assert "list price 2 of 3" in lines
    assert not any("notes.txt" in line or "frame.html" in line for line in lines)


def test_what_was_not_understood_of_several(read: Read, pages: Path) -> None:
    (pages / "more.html").write_text(product_page(upper=[*UPPER, ("Verlag", "Klett")]))
    (pages / "most.html").write_text(product_page(upper=[*UPPER, ("verlag", "Insel"), ("Ort", "Ulm")]))
    answer = told(read(pages, "--json"))
    found = [(one["words"], one["pages"], one["example"], one["text"]) for one in answer["not_understood"]]
    assert found == [("Verlag:", 2, "more.html", "Klett"), ("Ort:", 1, "most.html", "Ulm")]
    assert "Verlag:" in read(pages).stdout


@pytest.mark.parametrize("way", ["--json", "--write-expected"])
def test_pages_become_a_test(read: Read, pages: Path, way: str) -> None:
    expected = pages.parent / "expected.json"
    if way == "--json":
        expected.write_text(read(pages, "--json").stdout)
    else:
        read(pages, "--write-expected", expected)
    assert read(pages, "--expect", expected).exit_code == 0
    assert told(read(pages, "--expect", expected, "--json"))["differences"] == []

    hail = pages / "hail.html"
    hail.write_text(hail.read_text().replace("$28.99", "$29.99").replace("1,410", "1,409"))
    (pages / "out.htm").write_text(EXPIRED)
    (pages / "new.html.gz").unlink()
    done = read(pages, "--expect", expected)
    assert done.exit_code == 1
    assert 'hail.html: srp_price was "28.99", and is "29.99" now.' in done.stdout
    found = told(read(pages, "--expect", expected, "--json"))["differences"]
    assert {(one["page"], one["what"]) for one in found} >= {
        *[("hail.html", "srp_price"), ("hail.html", "stock TN"), ("out.htm", "kind"), ("out.htm", "isbn")],
        ("new.html.gz", "page"),
    }


def test_a_value_that_is_read_at_last_is_a_difference(read: Read, pages: Path) -> None:
    expected = pages.parent / "expected.json"
    read(pages / "new.html.gz", "--write-expected", expected)
    (pages / "new.html.gz").write_bytes(product_page(title="New").encode())
    found = told(read(pages, "--expect", expected, "--json"))["differences"]
    (price,) = [one for one in found if one["what"] == "srp_price"]
    assert (price["expected"], price["now"]) == (None, "28.99")
    assert {one["page"] for one in found} == {"new.html.gz"}


def test_what_a_person_took_out_of_the_file_is_not_compared(read: Read, pages: Path) -> None:
    expected = pages.parent / "expected.json"
    expected.write_text('{"pages": [{"page": "hail.html", "fields": {"binding": "Hardcover"}}]}')
    assert read(pages / "hail.html", "--expect", expected).exit_code == 0
    expected.write_text('{"pages": [{"page": "hail.html", "fields": {"binding": "Paper"}}]}')
    assert read(pages / "hail.html", "--expect", expected).exit_code == 1


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"pages": [1]}', '{"pages": [{"page": "a", "fields": 3}]}', "[" * 9_000],
    ids=["empty", "list", "object", "number", "fields", "deep"],
)
def test_a_file_that_expects_nothing_is_wrong_usage(read: Read, pages: Path, content: str) -> None:
    (bad := pages / "bad.json").write_text(content)
    done = read(pages, "--expect", bad)
    assert done.exit_code == 2
    assert "--write-expected" in done.stderr


def test_expectations_go_to_a_folder_that_is_there(read: Read, pages: Path) -> None:
    done = read(pages, "--write-expected", pages / "nowhere" / "expected.json")
    assert done.exit_code == 2
    assert "nowhere" in done.stderr


def test_a_bad_file_costs_no_other(read: Read, pages: Path) -> None:
    (pages / "empty.html").write_text("")
    (pages / "book.html").write_bytes(b"%PDF-1.4\n\x00\xff")
    (pages / "gone.html").symlink_to(pages / "nowhere")
    (empty := pages / "none").mkdir()
    done = read(pages, empty, "--json")
    problems = {page["page"]: page["problems"] for page in told(done)["pages"] if page["problems"]}
    assert done.exit_code == 1
    assert problems["empty.html"] == ["It is empty."]
    assert "no web page" in problems["book.html"][0]
    assert "No such file" in problems["gone.html"][0]
    assert "no saved page" in problems[str(empty)][0]
    assert len(told(done)["pages"]) == 7


def test_two_files_of_one_name_are_told_apart(read: Read, pages: Path) -> None:
    (other := pages.parent / "other").mkdir()
    (other / "hail.html").write_text(product_page())
    names = [page["page"] for page in told(read(pages, other, "--json"))["pages"]]
    assert {str(pages / "hail.html"), str(other / "hail.html")} <= {*names}
    assert len({*names}) == 4


@pytest.mark.parametrize("word", ["nowhere.html", "9780593135205", ""])
def test_what_is_neither_file_nor_isbn(read: Read, word: str) -> None:
    done = read(word)
    assert done.exit_code == 2
    assert "no ISBN" in done.stderr


def test_hostile_text_moves_no_cursor(read: Read, tmp_path: Path) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\u202e\x9b31m"
    page = tmp_path / f"a{evil}.html"
    labels = [*UPPER, (f"V{evil}x", evil), ("Series", f"A{evil}B")]
    page.write_text(
        product_page(title=f"Evil {evil} [red]title[/red]", upper=labels, messages=(f"Restricted: {evil}",))
    )
    for words in ((page,), (tmp_path,), (page, "--json")):
        done = read(*words)
        assert not {*"\x1b\x07\x9b\u202e"} & {*done.output}
    assert "[red]title[/red]" in read(page).stdout


# All pages in the tests' folders


def _pages_in_tests() -> Iterator[str | bytes]:
    """Files, all that looks like a page in the tests of this room and their parameters, the simulator's."""
    yield from (
        path.read_bytes() for place in (TESTS, TESTS.parent / "ingram_demo") for path in place.rglob("*.html")
    )
    for module in pkgutil.walk_packages(ipage_tests.__path__, f"{ipage_tests.__name__}."):
        loaded = importlib.import_module(module.name)
        values = [value for name, value in vars(loaded).items() if not name.startswith("__")]
        for test in values:
            for mark in getattr(test, "pytestmark", ()) if callable(test) else ():
                values += mark.args[1:] if mark.name == "parametrize" else ()
        yield from _texts(values)
        source = Path(str(loaded.__file__)).read_text()
        yield from (
            node.value
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Constant) and _is_page(node.value)
        )
    site = Site(titles=12)
    for layout in LAYOUTS:
        yield from (
            render_product(site, isbn, Rule(fault="layout", layout=layout)) for isbn in site.book.titles
        )


def _is_page(value: object) -> bool:
    start = value[:200] if isinstance(value, str | bytes) else ""
    return "<" in (start if isinstance(start, str) else start.decode("latin-1"))


def _texts(value: Any) -> Iterator[str | bytes]:
    if isinstance(value, str | bytes):
        if _is_page(value):
            yield value
    elif isinstance(value, dict):
        yield from _texts([*value, *value.values()])
    elif isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from _texts(one)


def test_all_pages_of_the_tests_are_read(read: Read, tmp_path: Path) -> None:
    (folder := tmp_path / "all").mkdir()
    seen = dict.fromkeys(
        each if isinstance(each, bytes) else each.encode("utf-8", "replace") for each in _pages_in_tests()
    )
    for number, body in enumerate(seen):
        (folder / f"{number:05}.html").write_bytes(body)
    answer = told(read(folder, "--json"))
    kinds = {page["kind"] for page in answer["pages"]}
    assert len(answer["pages"]) == len(seen) > 700
    assert kinds >= {
        "product",
        "list",
        "other",
        "blocked",
        "sign_in",
        "expired",
        "closed",
        "not_found",
        "error",
    }
    assert not [
        page for page in answer["pages"] if any("Reading it failed" in why for why in page["problems"])
    ]
    assert answer["read"]["product_pages"] > 250
    assert read(*sorted(folder.iterdir())[::5]).exit_code == 1


def test_the_saved_pages_are_understood_as_before(read: Read) -> None:
    """To mend the parser for a page, add it to this folder, and write what is expected of it anew."""
    done = read(SAVED, "--expect", SAVED / "expected.json")
    assert done.exit_code == 0, done.stdout
    assert len(json.loads((SAVED / "expected.json").read_text())["pages"]) >= 12


# A page that is fetched


@pytest.fixture(scope="module")
def _running() -> Iterator[Simulator]:
    with running_simulator(titles=5) as running:
        yield running


@pytest.fixture
def site(_running: Simulator) -> Simulator:
    _running.reset()
    _running.reset_requests()
    return _running


@pytest.fixture
def scraper(site: Simulator, shared: Shared, tmp_path: Path) -> dict[str, str]:
    return {
        "IPAGE_BASE_URL": site.url,
        "IPAGE_SESSION_COOKIE": site.signed_in_cookie(),
        "QUEUE_DB_URL": shared.queue.writer,
        "DAGSTER_PG_URL": "postgresql://dagster@127.0.0.1:1/dagster",
        "R2_ENDPOINT": "http://127.0.0.1:9",
        "R2_ACCESS_KEY_ID": "key",
        "R2_SECRET_ACCESS_KEY": "secret",
        "R2_BUCKET_NAME": "covers",
        "R2_PUBLIC_URL": "http://127.0.0.1:9/covers",
        "INGRAM_STATE_DIR": str(tmp_path / "state"),
    }


def test_an_isbn_s_page_is_fetched_once(read: Read, site: Simulator, scraper: dict[str, str]) -> None:
    isbn = site.isbns()[0]
    (page,) = told(read(isbn, "--json", **scraper))["pages"]
    assert page["page"] == page["fields"]["isbn"] == isbn
    assert site.requests(log=False)["by_kind"] == {"product": 1}


def test_without_settings_nothing_is_fetched(read: Read) -> None:
    done = read("9780593135204", "--json")
    assert done.exit_code == 2
    assert "IPAGE_USERNAME is missing" in told(done)["error"]


OF_ANOTHER_SHOP = """<html><body><h1 id="pd-title">Der Turm</h1>
<table><tr><th>EAN</th><td>9780306406157</td></tr>
<tr><th>Ladenpreis</th><td>18,99 $</td></tr><tr><th>Erscheint am</th><td>03.04.2026</td></tr></table>
<table><tr><th>Lager</th><th>Bestand</th><th>Bestellt</th></tr><tr><td>Nord</td><td>1.204</td><td>3</td></tr>
<tr><td>Ost</td><td>4</td><td>0</td></tr></table></body></html>"""


def test_what_it_says_can_be_pasted_into_the_shops_own_file(read: Read, tmp_path: Path) -> None:
    (page := tmp_path / "turm.html").write_text(OF_ANOTHER_SHOP)
    first = told(read(page, "--json"))
    assert first["pages"][0]["fields"]["srp_price"] is None
    lines = first["site_toml"]
    answers = [
        '# price = ["Ladenpreis"]  # beside it "18,99 $"',
        '# pub_date = ["Erscheint am"]  # beside it "03.04.2026"',
        '# center = ["Lager"]  # below it "Nord"',
    ]
    assert {*answers} <= {*lines}
    shown = read(page).stdout
    assert "Entries of your site.toml that would help (docs/site.md):\n" + "\n".join(lines) in shown
    own = "\n".join(line.removeprefix("# ") if line in answers else line for line in lines)
    own = own.replace("# on_hand = ", "on_hand = ", 1).replace("# on_hand = ", "on_order = ", 1)
    (beside := tmp_path / "settings" / "site.toml").write_text(own + '\n[centers]\nNord = "TN"\nOst = "PA"\n')
    second = told(read(page, "--json"))
    (again,) = second["pages"]
    assert (again["fields"]["srp_price"], again["fields"]["publication_date"]) == ("18.99", "2026-04-03")
    assert {dc: (of["onHand"], of["onOrder"]) for dc, of in again["stock"].items()} == {
        "TN": (1204, 3),
        "PA": (4, 0),
    }
    assert (again["reading"], second["site_toml"]) == (True, [])
    beside.write_text("[lables]")
    refused = read(page)
    assert refused.exit_code == 2
    assert (
        "SITE_FILE is malformed: in site.toml, [lables] is no section of it: is labels meant?"
        in refused.stderr
    )


def test_a_page_of_which_nobody_knows_what_it_is_may_be_named_by_its_words(
    read: Read, tmp_path: Path
) -> None:
    body = "<html><body><h3>Hinweis</h3><p>Ihre Sitzung ist abgelaufen. Neu anmelden.</p></body></html>"
    (page := tmp_path / "odd.html").write_text(body)
    lines = told(read(page, "--json"))["site_toml"]
    assert lines[0] == "[words]"
    assert lines[1].startswith("# odd.html: the bot wall (blocked), an ended session (expired)")
    assert lines[2] == '# expired = ["Ihre Sitzung ist abgelaufen"]'
    own = "\n".join(line.removeprefix("# ") if "=" in line else line for line in lines)
    (tmp_path / "settings" / "site.toml").write_text(own)
    answer = told(read(page, "--json"))
    assert (answer["pages"][0]["kind"], answer["site_toml"]) == ("expired", [])
