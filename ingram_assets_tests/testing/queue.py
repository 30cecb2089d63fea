"""A migrated queue database with each role's URL, and short ways to make what goes in."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from ingram_assets.domain.isbn import check_digit_13
from ingram_assets.domain.stock import DcStock
from ingram_assets.staging.schema import migrate
from ingram_demo.embedded.postgres import Postgres

WRITER, READER = "ingram_queue_writer", "ingram_queue_reader"

PASSWORD = "s3cret/&? of a role"

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)


@dataclass(frozen=True)
class Queue:
    """One database and its three URLs."""

    owner: str
    writer: str
    reader: str

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """As the owner."""
        with psycopg.connect(self.owner, autocommit=True) as connection:
            result = connection.execute(statement, values or None)
            return result.fetchall() if result.description else []


def migrated(postgres: Postgres, name: str) -> Queue:
    """A fresh database, migrated as a person would, its roles given a password."""
    owner = postgres.create_database(name)
    migrate(owner)
    queue = Queue(owner, postgres.url(name, WRITER, PASSWORD), postgres.url(name, READER, PASSWORD))
    for role in (WRITER, READER):
        queue.sql(f"ALTER ROLE {role} PASSWORD '{PASSWORD}'")
    return queue


def read_only(url: str) -> str:
    """The same database, which takes no writes, as a standby."""
    return f"{url}{'&' if '?' in url else '?'}options=-c%20default_transaction_read_only%3Don"


def isbn(number: int) -> str:
    first = f"978{number:09d}"
    return first + check_digit_13(first)


def title(number: int, **more: Any) -> dict[str, Any]:
    return {"isbn": isbn(number), "title": f"Title {number}", **more}


def reading(number: int, on_hand: int | None = 1, *, at: float = 0, **centers: DcStock) -> dict[str, Any]:
    """Of TN alone, `at` minutes after `NOW`; or of the centers named."""
    stock = centers or {"TN": DcStock(on_hand, 0, "primary")}
    return {"isbn": isbn(number), "observed_at": NOW + timedelta(minutes=at), "stock": stock}


def outcomes(answers: list[Any]) -> list[str]:
    return [answer.outcome for answer in answers]
