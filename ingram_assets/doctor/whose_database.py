"""Whose database it is by its tables, and whether a role may do more in it than its process needs."""

from collections.abc import Collection

import psycopg

_TABLES = """
    SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (
            SELECT FROM pg_depend d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
        )
    ORDER BY c.relname
"""
"""Each table but PostgreSQL's own and those of extensions. Everybody may read the catalog."""

_KNOWN_BY = {
    "the queue's": {"ingram_queue"},
    "the journal's": {"store_change", "store_known"},
    "Dagster's": {"runs", "event_logs"},
    "Medusa's": {"stock_location", "product_variant"},
}
JOURNAL, DAGSTER = "the journal's", "Dagster's"
_SHOWN = 3

_BEYOND = """
    SELECT r.rolsuper, %(owner)s::text IS NOT NULL AND pg_has_role(r.oid, %(owner)s::text, 'MEMBER')
    FROM pg_roles r WHERE r.rolname = current_user
"""


def tables_of(connection: psycopg.Connection) -> list[str]:
    """The names of all tables that programs made in this database."""
    return [str(name) for (name,) in connection.execute(_TABLES.encode())]


def whose_else(tables: Collection[str], own: str) -> str | None:
    """Whose database it is if it is not the `own` one, in words. Pure.

    An empty one may become anybody's; tables that nobody here knows may stand beside the own ones.
    """
    whose = [name for name, known_by in _KNOWN_BY.items() if known_by <= {*tables}]
    if others := [name for name in whose if name != own]:
        return f"is {' and '.join(others)} database"
    if own in whose or not tables:
        return None
    names = ", ".join(sorted(tables)[:_SHOWN])
    return f"holds tables of another program ({names}{', …' if len(tables) > _SHOWN else ''})"


def rights_beyond(connection: psycopg.Connection, queue_owner: str | None) -> str | None:
    """What the role that signed in may do beyond its own database, in words.

    Args:
        queue_owner: the role that owns the queue, if it is on the same server.
    """
    row = connection.execute(_BEYOND.encode(), {"owner": queue_owner}).fetchone()
    is_superuser, is_owner = row or (False, False)
    if is_superuser:
        return "is a superuser"
    return "is, or acts as, the role that owns the queue" if is_owner else None
