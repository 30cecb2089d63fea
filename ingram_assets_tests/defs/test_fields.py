"""Sweeps over a site that changes: a field that vanishes is told of, and all else goes on being used."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ingram_assets.alerts.incidents import decide, open_incidents
from ingram_assets.alerts.model import Alert, AlertRules, IncidentLog
from ingram_assets.defs.operations import event_reader
from ingram_assets.defs.operations.watched import NAMES
from ingram_assets.domain.field_shares import NEW_NORMAL_AFTER
from ingram_assets_tests.testing.own_dagster import dagster_of_scraper
from ingram_assets_tests.testing.queue import Queue
from ingram_assets_tests.testing.swept_shop import Swept, SweptShop
from ingram_demo.embedded.postgres import Postgres
from ingram_demo.simulator import Simulator

pytestmark = pytest.mark.xdist_group("operations")

TITLES = 40
GONE = "iPage's pages have changed: list price can't be read on many"
numbers = itertools.count()


class Watch:
    """Who is told, by what the checks of the sweeps said."""

    RULES = AlertRules((300.0,), {}, ZoneInfo("America/Chicago"), "http://dagster.example", NAMES)

    def __init__(self) -> None:
        self.log, self.ids = IncidentLog(), itertools.count(1)

    def told(self, swept: Swept) -> list[Alert]:
        id_ = next(self.ids)
        now = 1_000_000.0 + 60 * id_
        seen = [event_reader.checked(one, (id_, now, f"run-{id_}")) for one in swept.evaluations]
        self.log, alerts = decide(self.log, seen, [], None, now, self.RULES)
        return alerts


@pytest.fixture
def shop(postgres: Postgres, site: Simulator, queue: Queue, tmp_path: Path) -> Iterator[SweptShop]:
    site.reset()
    queue.sql("TRUNCATE ingram_queue, ingram_unread, ingram_stock_history")
    with dagster_of_scraper(postgres, f"fields_{next(numbers)}", tmp_path, site, queue) as instance:
        shop = SweptShop(instance, site, queue)
        shop.track(shop.isbns)
        yield shop
    site.reset()


def prices(shop: SweptShop) -> dict[str, object]:
    return dict(shop.queue.sql("SELECT isbn, srp_price FROM ingram_queue"))


def shares(swept: Swept) -> dict[str, tuple[str, str]]:
    rows = [row.data for row in swept.metadata["fields_read"].records]
    return {str(row["field"]): (str(row["share"]), str(row["usual"])) for row in rows}


def test_a_label_that_vanishes_is_one_incident_and_everything_else_is_used(shop: SweptShop) -> None:
    watch = Watch()
    assert watch.told(shop.sweep()) == []
    known = prices(shop)
    shop.site.fault("no_label", label="US SRP")
    moved = shop.with_stock[0]
    shop.site.move(moved, "TN", on_hand=4321)
    done = shop.sweep()
    (alert,) = watch.told(done)
    assert (done.success, done.read) == (True, set(shop.isbns)), "nothing is held up by it"
    assert (shop.on_hand()[moved] or 0) >= 4321
    assert prices(shop) == known, "what is not on the page stands"
    assert alert.subject == GONE
    first = f"list price: read on 100% of the pages before, and on 0 of {TITLES} now (0%), 97"
    assert alert.body.startswith(first)
    assert shares(done)["list price"] == ("0%", "100%")
    assert first in " ".join(done.report["notes"])
    # It is told once, as long as it lasts.
    assert watch.told(shop.sweep()) == []
    shop.site.reset()
    back = shop.sweep()
    (over,) = watch.told(back)
    assert over.subject == f"Over: {GONE}"
    assert "Each field is read on as many pages as usual." in over.body
    assert shares(back)["list price"] == ("100%", "100%")
    assert watch.told(shop.sweep()) == []


def test_another_field_that_goes_later_is_told_too(shop: SweptShop) -> None:
    watch = Watch()
    shop.sweep()
    shop.site.fault("no_label", label="US SRP")
    assert [alert.subject for alert in watch.told(shop.sweep())] == [GONE]
    shop.site.reset()
    shop.site.fault("no_label", label="Binding")
    binding = "iPage's pages have changed: binding can't be read on many"
    assert [alert.subject for alert in watch.told(shop.sweep())] == [f"Over: {GONE}", binding]
    assert len(open_incidents(watch.log)) == 1


def test_a_whole_new_markup_of_labels_is_one_incident_that_names_each(shop: SweptShop) -> None:
    watch = Watch()
    shop.sweep()
    shop.site.fault("no_label", label="Physical Info")
    (alert,) = watch.told(shop.sweep())
    assert alert.subject == "iPage's pages have changed: pages, weight can't be read on many"


def test_a_person_says_that_the_pages_are_right_so(shop: SweptShop) -> None:
    watch = Watch()
    shop.sweep()
    shop.site.fault("no_label", label="US SRP")
    watch.told(shop.sweep())
    (over,) = watch.told(shop.sweep(let_through=True))
    assert "That is taken as usual from now on." in over.body
    assert watch.told(shop.sweep()) == []
    assert NEW_NORMAL_AFTER == 7 * 86400


def test_stock_tables_that_vanish_never_become_zero_and_the_rest_of_the_page_is_used(shop: SweptShop) -> None:
    watch = Watch()
    assert shop.sweep().success
    known = shop.on_hand()
    shop.queue.sql("UPDATE ingram_queue SET srp_price = 1.23")
    shop.site.fault("no_stock_table")
    done = shop.sweep()
    assert f"Stock table: read on {len(shop.with_stock) / TITLES:.0%} of the pages before" in (
        done.stopped_by or ""
    )
    assert [alert.subject for alert in watch.told(done)] == ["A guardrail stopped the stock sweep"], "one"
    assert shop.on_hand() == known
    assert all(known[isbn] for isbn in shop.with_stock if known[isbn] is not None and known[isbn])
    wrong = [isbn for isbn, price in prices(shop).items() if str(price) == "1.23"]
    assert not wrong, "the pages' prices were used all the same"
    shop.site.reset()
    assert [alert.subject for alert in watch.told(shop.sweep())] == [
        "Over: a guardrail stopped the stock sweep"
    ]


def test_a_label_without_which_a_page_is_no_reading_is_named_where_the_sweep_is_stopped(
    shop: SweptShop,
) -> None:
    assert shop.sweep().success
    known = shop.on_hand()
    shop.site.fault("layout", layout="missing_ean")
    assert "Not found or not understood on" in (shop.sweep().stopped_by or "")
    assert "pages: EAN, 97" in (shop.sweep().stopped_by or "")
    assert shop.on_hand() == known
