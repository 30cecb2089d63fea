"""The site goes wrong: what could not be read stands, is named, and a guardrail stops what no day brings."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from ingram_assets_tests.testing.commands import Shell
from ingram_assets_tests.testing.demo import Done
from ingram_assets_tests.testing.oracle import await_quiet
from ingram_assets_tests.testing.running_shop import (
    Store,
    alone,
    blocked_until,
    forget_block,
    known,
    reasons,
    with_copies,
)
from ingram_demo.stack import Stack

pytestmark = [
    pytest.mark.usefixtures("good_weather"),
    pytest.mark.timeout(900),
]


def test_one_bad_hour(stack: Stack, scraper: Shell):
    """Two pages are wrong, which is no guardrail's matter; two prices are none that anybody asks."""
    before, store = known(stack), Store.of(stack)
    other, changed, free, dear = with_copies(stack)[:4]
    site = stack.simulator
    site.fault("wrong_title", isbns=[other])
    site.fault("layout", layout="renamed_headers", isbns=[changed])
    site.fault("price", price="0.00", isbns=[free])
    site.fault("price", price="99999", isbns=[dear])
    site.fault("login_form", kinds=["cover"], count=1)

    done = scraper("sync-stock", "--json")
    assert done.exit_code == 1, done.errors
    assert reasons(done).keys() == {other, changed}
    assert f"not of {other}, which was asked for" in reasons(done)[other]
    assert done.result["stopped"] is None

    # The prices are read with the details, by name.
    read = scraper("enrich", free, dear, "--json")
    assert read.exit_code == 0, read.errors
    assert read.result["pages_with_warnings"] == 2
    assert known(stack) == before, "neither a stock nor a price was touched"
    await_quiet(stack)
    assert Store.of(stack) == store


@pytest.mark.long
def test_all_zeros_are_stopped_until_a_person_lets_them_through(
    stack: Stack, scraper: Shell, storefront: Shell
):
    store, selling = Store.of(stack), with_copies(stack)
    stack.simulator.fault("zeros")
    swept = scraper("sync-stock", "--json")
    assert swept.exit_code == 0, swept.errors
    stopped = storefront("push", "--json")
    assert stopped.exit_code == 3, stopped.errors
    assert stopped.result["stopped"]["by"] == "guardrail"
    assert f"{len(selling)} of " in stopped.result["error"]
    assert "tracked titles would turn to zero at once" in stopped.result["error"]
    assert stopped.result.get("medusa_writes", 0) == 0
    assert Store.of(stack) == store
    through = storefront("push", "--let-through", "--json")
    assert through.exit_code == 0, through.errors
    assert {isbn: Store.of(stack).level(isbn) for isbn in selling} == dict.fromkeys(selling, 0)
    stack.simulator.reset()
    for command in (scraper("sync-stock", "--json"), storefront("push", "--json")):
        assert command.exit_code == 0, command.errors
    assert Store.of(stack) == store


@pytest.mark.long
def test_a_block_stops_every_run_at_once(stack: Stack, scraper: Shell):
    before, site = known(stack), stack.simulator
    site.fault("status", status=403, retry_after="7200", at=4)
    done = scraper("sync-stock", "--json")
    assert done.exit_code == 3, done.errors
    assert "it is left alone until" in done.result["error"]
    assert blocked_until(stack) - time.time() > 7000, "as long as the site asked for"
    site.clear_faults()
    site.reset_requests()
    again = scraper("sync-stock", "--json")
    assert again.exit_code == 3, again.errors
    assert sum(site.requests(log=False)["by_kind"].values()) == 0, "no run asks anything of it"
    assert known(stack) == before
    forget_block(stack)


@pytest.mark.long
def test_a_session_that_ends_at_every_tenth_page_loses_no_title(stack: Stack, scraper: Shell):
    stack.simulator.reset_requests()
    before = stack.simulator.requests(log=False)["sign_ins"]
    stack.simulator.fault("expire", every=10)
    done = scraper("sync-stock", "--json")
    assert done.exit_code == 0, done.errors
    assert done.result["ok"] is True
    assert done.result["stock_read"] + done.result["stock_unknown"] == len(stack.simulator.isbns())
    asked = stack.simulator.requests(log=False)
    sign_ins = asked["sign_ins"] - before
    # The session that was there may have been over by itself.
    assert 3 <= asked["by_fault"]["expire"] <= sign_ins <= asked["by_fault"]["expire"] + 1


@pytest.mark.long
@pytest.mark.parametrize(("every", "exit_code"), [(100, 1), (3, 3), (1, 3)], ids=["one", "third", "all"])
@pytest.mark.parametrize("layout", ["renamed_headers", "counts_in_words", "redesign", "missing_ean"])
def test_a_changed_layout(stack: Stack, scraper: Shell, layout: str, every: int, exit_code: int):
    before, store = known(stack), Store.of(stack)
    # A third is as good as 30 %: both are beyond what a sweep may leave unread.
    changed = with_copies(stack)[:1] if every == 100 else stack.simulator.isbns()[::every]
    stack.simulator.fault("layout", layout=layout, isbns=changed)
    done = scraper("sync-stock", "--json")
    assert done.exit_code == exit_code, (done.result, done.errors)
    unread = set(reasons(done))
    if layout == "counts_in_words":
        # The tables are there: what shows no count of a title shows no stock, unless all of them do so.
        assert unread <= set(changed)
    elif layout == "renamed_headers":
        # A page without a table has no headers to be renamed.
        assert {isbn for isbn in changed if stack.simulator.entry(isbn)["stock"]} <= unread <= set(changed)
    else:
        assert unread == set(changed)
    if exit_code == 3:
        assert done.result["stopped"]["by"] == "guardrail"
    assert known(stack) == before
    await_quiet(stack)
    assert Store.of(stack) == store


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "rule", "exit_code", "words"),
    [
        ("empty", {}, 1, "empty"),
        ("html", {}, 1, "export"),
        ("header_only", {}, 3, "lists 0 titles, last time it listed"),
        ("other_search", {}, 3, "100% fewer"),
        ("half", {}, None, ""),
    ],
)
def test_a_bad_export_adds_and_loses_nothing(
    stack: Stack, scraper: Shell, fault: str, rule: dict[str, Any], exit_code: int | None, words: str
):
    before, store = known(stack), Store.of(stack)
    stack.simulator.fault(fault, kinds=["export", "search"], **rule)
    done = scraper("sync-stock", "--json")
    stack.simulator.clear_faults()
    if exit_code is not None:
        assert done.exit_code == exit_code, (done.result, done.errors)
        assert words in done.result["error"]
    assert known(stack) == before, "discovery never takes a title away, and adds none of another's search"
    assert scraper("sync-stock", "--json").exit_code == 0
    await_quiet(stack)
    assert Store.of(stack) == store


@pytest.mark.long
def test_the_guardrails_stop_exactly_what_they_should(
    stack: Stack, scraper: Shell, storefront: Shell, tmp_path: Path
):
    """At their edges: what is at the threshold passes, one title more does not."""
    site, selling = stack.simulator, with_copies(stack)
    store = Store.of(stack)

    def zeros(titles: int) -> Done:
        """A sweep in which so many titles are sold out, and the push after it."""
        site.reset()
        assert scraper("sync-stock", "--json").exit_code == 0
        assert storefront("push", "--let-through", "--json").exit_code == 0
        assert Store.of(stack) == store
        site.fault("zeros", isbns=selling[:titles])
        assert scraper("sync-stock", "--json").exit_code == 0
        return storefront("push", "--json")

    stopped = zeros(len(selling))
    assert stopped.exit_code == 3
    found = re.search(r"(\d+) of (\d+) tracked titles", stopped.result["error"])
    assert found is not None
    most = int(0.30 * int(found[2]))
    assert 5 <= most < len(selling)
    assert zeros(most + 1).exit_code == 3
    assert zeros(most).exit_code == 0
    site.reset()
    assert scraper("sync-stock", "--json").exit_code == 0
    assert storefront("push", "--json").exit_code == 0

    # Pages: a quarter of them may be unread at 25 %, and each is named; one more may not.
    wary = alone(scraper, stack, tmp_path / "state", GUARDRAIL_MAX_UNREAD="0.25")
    titles = site.isbns()
    for unread, exit_code in ((len(titles) // 4, 1), (len(titles) // 4 + 1, 3)):
        site.reset()
        spread = titles[::3][:unread]
        site.fault("layout", layout="redesign", isbns=spread)
        done = wary("sync-stock", "--json")
        assert done.exit_code == exit_code, (done.result, done.errors)
        assert reasons(done).keys() == set(spread)
