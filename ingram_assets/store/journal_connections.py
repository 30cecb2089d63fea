"""Connections to the journal's database, for all that keeps tables there; their failures in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

from ingram_assets.domain.addresses import MalformedAddress, database_address
from ingram_assets.domain.failures import NeedsPerson, Transient

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

CONNECT_SECONDS = 20
"""So long a server may take to answer a new connection."""


class JournalLost(Transient):
    """The journal database went away in the middle of the work."""


def journal_address(url: str) -> str:
    """The address as the driver takes it.

    Raises:
        NeedsPerson: it is malformed.
    """
    try:
        return database_address(url)
    except MalformedAddress as error:
        raise NeedsPerson(f"STOREFRONT_DB_URL is malformed: {error}.") from None


def journal_pool(address: str, connections: int, *, autocommit: bool = True) -> "ConnectionPool":
    """Up to so many connections for threads; none is opened before it is needed."""
    from psycopg_pool import ConnectionPool  # Most of what opens the journal needs no pool.

    return ConnectionPool(
        address,
        min_size=0,
        max_size=connections,
        num_workers=1,
        open=True,
        kwargs={"autocommit": autocommit, "connect_timeout": CONNECT_SECONDS},
    )


@contextmanager
def journal_failures(consequence: str) -> Iterator[None]:
    """The failures of connections as ours.

    Args:
        consequence: a sentence on what becomes of the work, and what to do once the database is back.

    Raises:
        JournalLost: the database is gone, or all connections stay taken.
        NeedsPerson: its role may not do it.
    """
    try:
        yield
    except psycopg.OperationalError as error:  # A pool's timeout is one, too.
        raise JournalLost(
            f"The journal database of STOREFRONT_DB_URL went away ({type(error).__name__}). {consequence}"
        ) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise NeedsPerson(
            "The journal's role may not make or write its tables: let the role of STOREFRONT_DB_URL own its "
            "database."
        ) from error
