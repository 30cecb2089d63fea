"""Looking at the shop before and after: what the store shows and what the queue knows, to be compared."""

import shutil
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from ingram_assets_tests.testing.commands import Shell
from ingram_assets_tests.testing.demo import Admin, Done
from ingram_assets_tests.testing.oracle import counts_of, queue
from ingram_demo.stack import Stack


@dataclass(frozen=True)
class Store:
    """What a shopper is told: (level, on order, may be back-ordered, status) by ISBN."""

    titles: dict[str, tuple[Any, ...]]

    @classmethod
    def of(cls, stack: Stack) -> "Store":
        """As it is now, over the Admin API."""
        admin = Admin(stack)
        levels = admin.levels()
        found = {}
        for product in admin.products():
            for variant in product["variants"]:
                level = levels.get(variant["sku"], {})
                found[variant["sku"]] = (
                    level.get("stocked_quantity"),
                    level.get("incoming_quantity"),
                    variant["allow_backorder"],
                    (variant["metadata"] or {}).get("availability"),
                )
        return cls(found)

    def level(self, isbn: str) -> int | None:
        """Its level at Ingram's location."""
        return self.titles[isbn][0]


def known(stack: Stack) -> dict[str, tuple[Any, Decimal | None, str]]:
    """(stock, price, title) of each title's current row in the queue."""
    with queue(stack) as connection:
        rows = connection.execute("SELECT isbn, stock_json, srp_price, title FROM ingram_current_titles")
        return {row["isbn"]: (counts_of(row["stock_json"]), row["srp_price"], row["title"]) for row in rows}


def with_copies(stack: Stack) -> list[str]:
    """Titles of which the store shows copies, in a fixed order."""
    return sorted(isbn for isbn, of in Store.of(stack).titles.items() if of[0])


def alone(shell: Shell, stack: Stack, folder: Path, **settings: str) -> Shell:
    """The shell on a machine where `ingram up` is not at work, with the session that the shop has already."""
    kept = stack.common.state_dir / "ipage"
    if kept.exists():
        shutil.copytree(kept, folder / "ipage", dirs_exist_ok=True)
    (folder / "dagster").mkdir(parents=True, exist_ok=True)
    shutil.copy(stack.common.state_dir / "dagster" / "dagster.yaml", folder / "dagster")
    return shell.with_(INGRAM_STATE_DIR=str(folder), **settings)


def reasons(done: Done) -> dict[str, str]:
    """ISBN to why it failed, of a command's `--json`."""
    return {one["isbn"]: one["reason"] for one in done.result["failed"]}


def forget_block(stack: Stack) -> None:
    """As a person who knows that iPage answers again."""
    with queue(stack) as connection:
        connection.execute("DELETE FROM scraper.breakers")


def blocked_until(stack: Stack) -> float:
    """Until when the breaker leaves the site alone, in seconds since 1970."""
    with queue(stack) as connection:
        row = connection.execute("SELECT open_until FROM scraper.breakers").fetchone()
    assert row is not None
    return float(row["open_until"].timestamp())
