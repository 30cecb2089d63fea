"""What shoppers read of each state, beside copies of the shop's own and restrictions: the README's words.

What is right stands here as a table, and is made by no rule of the product's. The store is filled by the
storefront's own jobs, and read as a storefront reads it, with Medusa's SDK.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from ingram_assets.domain.stock import DcStock
from ingram_assets.staging.writer import QueueWriter
from ingram_assets_tests.testing.js_storefront import ReadStore, read_store
from ingram_assets_tests.testing.storefront import Storefront

pytestmark = pytest.mark.xdist_group("medusa")

SOON, LATER = (date.today() + timedelta(days=days) for days in (10, 90))  # noqa: DTZ011


@dataclass(frozen=True)
class Situation:
    """What Ingram's page says of a title, and what a person fixed.

    `read`: copies on hand and on order, so many hours ago; `None`: its page was never read.
    """

    read: tuple[int, int] | None = (0, 0)
    hours_ago: float = 0
    details: Mapping[str, Any] = field(default_factory=dict)
    takes_backorders: bool | None = None


SITUATIONS = {
    "in stock": Situation((7, 0)),
    "on order": Situation((0, 5)),
    "out soon": Situation((4, 0), details={"publication_date": SOON}),
    "out later": Situation(details={"publication_date": LATER}),
    "counted too long ago": Situation((7, 0), hours_ago=48),
    "nowhere": Situation(),
    "out of print": Situation(None, details={"publisher_status": "OP"}),
    "e-book": Situation(None, details={"binding": "E-Book"}),
    "never read": Situation(None),
    "nowhere, a person takes back-orders": Situation(takes_backorders=True),
    "on order, a person takes no back-orders": Situation((0, 5), takes_backorders=False),
    "out soon, none there, a person takes no back-orders": Situation(
        details={"publication_date": SOON}, takes_backorders=False
    ),
}
RESTRICTIONS: dict[str, list[str]] = {
    "none": [],
    "one that SELL_RESTRICTED lets through": ["not_returnable"],
    "one that it does not": ["restricted"],
}
OWN_COPIES = (None, 0, 3)
"""At the shop's own location; `None`: the title has no level there."""

# A cart takes: "any" number of copies; those that are "there" and no more; "none".
# The copies are those that a storefront is told; "–": they are not counted.
SOLD = """
Ingram's page                    | own  | status       | state             | label                                 | in stock | release | copies | back-order | cart
in stock                         | none | in_stock     | in_stock          | In stock                              | yes      | –       | 7      | no         | there
on order                         | none | backorder    | backorder         | Available to order, ships in 1–2 weeks | no      | –       | 0      | yes        | any
out soon                         | none | preorder     | coming_soon       | Preorder, releases SOON               | no       | SOON    | 4      | yes        | any
out later                        | none | preorder     | not_yet_published | Preorder, releases LATER              | no       | LATER   | 0      | yes        | any
counted too long ago             | none | backorder    | special_order     | Available to order                    | no       | –       | 0      | yes        | any
nowhere                          | none | out_of_stock | hard_to_find      | Out of stock                          | no       | –       | 0      | no         | none
out of print                     | none | out_of_stock | hard_to_find      | Out of stock                          | no       | –       | 0      | no         | none
e-book                           | none | digital      | digital           | Available now                         | yes      | –       | –      | –          | any
never read                       | none | unknown      | not_read          | Ask us whether we can get it          | no       | –       | 0      | no         | none
nowhere, a person takes back-orders | none | backorder | special_order     | Available to order                    | no       | –       | 0      | yes        | any
on order, a person takes no back-orders | none | out_of_stock | hard_to_find  | Out of stock                          | no       | –       | 0      | no         | none
out soon, none there, a person takes no back-orders | none | out_of_stock | unavailable | Not available               | no       | –       | 0      | no         | none
in stock                         | 3    | in_stock     | on_shelf          | In stock, ships in 2 days             | yes      | –       | 10     | no         | there
on order                         | 3    | in_stock     | on_shelf          | In stock, ships in 2 days             | yes      | –       | 3      | yes        | any
out soon                         | 3    | preorder     | coming_soon       | Preorder, releases SOON               | no       | SOON    | 7      | yes        | any
out later                        | 3    | preorder     | not_yet_published | Preorder, releases LATER              | no       | LATER   | 3      | yes        | any
counted too long ago             | 3    | in_stock     | on_shelf          | In stock, ships in 2 days             | yes      | –       | 3      | yes        | any
nowhere                          | 3    | in_stock     | on_shelf          | In stock, ships in 2 days             | yes      | –       | 3      | no         | there
out of print                     | 3    | in_stock     | on_shelf          | In stock, ships in 2 days             | yes      | –       | 3      | no         | there
e-book                           | 3    | digital      | digital           | Available now                         | yes      | –       | –      | –          | any
never read                       | 3    | in_stock     | on_shelf          | In stock, ships in 2 days             | yes      | –       | 3      | no         | there
nowhere, a person takes back-orders | 3 | in_stock     | on_shelf          | In stock, ships in 2 days             | yes      | –       | 3      | yes        | any
on order, a person takes no back-orders | 3 | in_stock | on_shelf          | In stock, ships in 2 days             | yes      | –       | 3      | no         | there
out soon, none there, a person takes no back-orders | 3 | preorder | coming_soon | Preorder, releases SOON         | no       | SOON    | 3      | no         | there
"""  # noqa: E501
NOT_SOLD = """
every one                        | none | out_of_stock | unavailable       | Not available                         | no       | –       | 0      | no         | none
every one                        | 3    | in_stock     | on_shelf          | In stock, ships in 2 days             | yes      | –       | 3      | no         | there
out soon                         | 3    | preorder     | coming_soon       | Preorder, releases SOON               | no       | SOON    | 3      | no         | there
out later                        | 3    | preorder     | not_yet_published | Preorder, releases LATER              | no       | LATER   | 3      | no         | there
out soon, none there, a person takes no back-orders | 3 | preorder | coming_soon | Preorder, releases SOON         | no       | SOON    | 3      | no         | there
"""  # noqa: E501


class Case(NamedTuple):
    """A title of the table."""

    situation: str
    own: int | None
    restriction: str


CASES = [Case(*each) for each in itertools.product(SITUATIONS, OWN_COPIES, RESTRICTIONS)]


def rows(table: str) -> Iterator[tuple[tuple[str, str], dict[str, str]]]:
    """Situation and own copies, to what is right."""
    _, *names = (each.strip() for each in SOLD.split("\n")[1].split("|"))
    for line in table.strip().splitlines():
        situation, own, *told = (each.strip() for each in line.split("|"))
        yield (situation, own), dict(zip(names[1:], told, strict=True))


def right(case: Case) -> dict[str, str]:
    """What the tables have of a case."""
    own = str(case.own or "none")
    table = dict(rows(NOT_SOLD if case.restriction == "one that it does not" else SOLD))
    found = table.get((case.situation, own)) or table["every one", own]
    for name, day in (("SOON", SOON), ("LATER", LATER)):
        found["label"] = found["label"].replace(name, f"{day:%B} {day.day}, {day.year}")
        found["release"] = found["release"].replace(name, day.isoformat())
    return found


def seen(title: Mapping[str, Any]) -> dict[str, str]:
    """What a storefront is told of a title, in the words of the table."""
    yes_no = {True: "yes", False: "no", None: "–"}
    counted = title["manage_inventory"]
    cart = {"any number": "any", "what is there": "there"}
    return {
        "status": title["availability"],
        "state": title["availability_state"],
        "label": title["availability_label"],
        "in stock": yes_no[title.get("in_stock")],
        "release": title.get("release_date") or "–",
        "copies": str(title["inventory_quantity"]) if counted else "–",
        "back-order": yes_no[title["allow_backorder"]] if counted else "–",
        "cart": cart.get(title["cart"], title["cart"]),
    }


@dataclass(frozen=True)
class FilledStore:
    """The store with a title of each case."""

    storefront: Storefront
    isbns: dict[Case, str]
    shown: ReadStore


@pytest.fixture(scope="module")
def filled(storefront: Storefront) -> Iterator[FilledStore]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SELL_RESTRICTED", "not_returnable")
        patch.setenv("AVAILABILITY_TAGS", "yes")
        isbns = dict(zip(CASES, storefront.titles(len(CASES), copies=None), strict=True))
        assert storefront.push().succeeded
        on_the_shelf(storefront, isbns)
        read_pages(storefront, isbns)
        assert storefront.push(let_through=True).succeeded
        yield FilledStore(storefront, isbns, read_store(storefront.shop.medusa))


def on_the_shelf(storefront: Storefront, isbns: Mapping[Case, str]) -> None:
    """What people do in Medusa's admin: copies of the shop's own are counted, back-orders are fixed."""
    shop = storefront.shop
    for case, isbn in isbns.items():
        if case.own is not None:
            shop.set_level(isbn, shop.medusa.store.store_front_id, case.own)
        if (fixed := SITUATIONS[case.situation].takes_backorders) is not None:
            shop.edit_product(isbn, metadata={"allow_backorder": fixed})


def read_pages(storefront: Storefront, isbns: Mapping[Case, str]) -> None:
    """What the scraper does once it has read each title's page."""
    details, readings = [], []
    for case, isbn in isbns.items():
        situation = SITUATIONS[case.situation]
        page = {"title": "A Book", **situation.details, "restrictions": RESTRICTIONS[case.restriction]}
        details.append({"isbn": isbn, **page})
        if situation.read is not None:
            at = datetime.now(UTC) - timedelta(hours=situation.hours_ago)
            readings.append(
                {"isbn": isbn, "observed_at": at, "stock": {"TN": DcStock(*situation.read, "primary")}}
            )
    with QueueWriter(storefront.queue.writer) as writer:
        done = [*writer.add_titles(details), *writer.record_stock(readings)]
    assert not [each for each in done if each.outcome == "refused"]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_shoppers_read_what_is_true(filled: FilledStore, situation: str) -> None:
    cases = [case for case in CASES if case.situation == situation]
    assert {case: seen(filled.shown.titles[filled.isbns[case]]) for case in cases} == {
        case: right(case) for case in cases
    }


def test_one_request_finds_the_titles_of_a_state(filled: FilledStore) -> None:
    wanted: dict[str, set[str]] = {}
    for case, isbn in filled.isbns.items():
        wanted.setdefault(f"availability: {right(case)['state'].replace('_', ' ')}", set()).add(isbn)
    assert len(wanted) == 10, "each state"
    found = {tag: set(isbns) for tag, isbns in filled.shown.by_tag.items() if tag.startswith("availability")}
    assert found == wanted


def test_all_of_it_is_in_step(filled: FilledStore) -> None:
    before = filled.storefront.written()
    assert filled.storefront.push().succeeded
    assert filled.storefront.written() == before
