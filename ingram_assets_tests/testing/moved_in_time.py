"""A database's rows brought to another time, as if all of it had happened later."""

import re
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

_EPOCH = re.compile(r"(?<![\d.])1[6-9]\d{8}(?:\.\d+)?(?![\d.])")
"""Seconds since 1970, of this decade and the next, as they stand in a text."""
_ISO = re.compile(r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[+-]\d\d:\d\d|Z)?")
_COLUMNS = """
SELECT table_schema, table_name, array_agg(column_name::text), array_agg(data_type::text)
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'
GROUP BY 1, 2
"""


def move(url: str, by: timedelta) -> None:
    """Move each moment in each table: columns of times or of seconds since 1970, and both in texts."""
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")  # No trigger takes it for a change.
        for schema, table, columns, kinds in connection.execute(_COLUMNS).fetchall():
            name = sql.Identifier(schema, table)
            for column, kind in zip(columns, kinds, strict=True):
                _move_column(connection, name, sql.Identifier(column), kind, by)


def _move_column(
    connection: psycopg.Connection, table: sql.Identifier, column: sql.Identifier, kind: str, by: timedelta
) -> None:
    if kind.startswith("timestamp"):
        query = sql.SQL("UPDATE {} SET {} = {} + %s WHERE isfinite({})")
        connection.execute(query.format(table, column, column, column), [by])
    elif kind == "double precision":
        query = sql.SQL("UPDATE {} SET {} = {} + %s WHERE {} > 1600000000")
        connection.execute(query.format(table, column, column, column), [by.total_seconds()])
    elif kind in ("text", "jsonb", "character varying"):
        cast = sql.SQL("jsonb" if kind == "jsonb" else "text")
        query = sql.SQL("SELECT ctid::text, {}::text FROM {} WHERE {} IS NOT NULL")
        rows = connection.execute(query.format(column, table, column)).fetchall()
        update = sql.SQL("UPDATE {} SET {} = %s::{} WHERE ctid = %s::tid").format(table, column, cast)
        changed = [(later, row) for row, value in rows if (later := moved(value, by)) != value]
        connection.cursor().executemany(update, changed)


def moved(text: str, by: timedelta) -> str:
    """A text with each moment in it moved."""

    def later(found: re.Match[str]) -> str:
        at: Any = datetime.fromisoformat(found[0].replace("Z", "+00:00")) + by
        return str(at.isoformat()).replace("+00:00", "Z" if found[0].endswith("Z") else "+00:00")

    seconds = by.total_seconds()

    def later_number(found: re.Match[str]) -> str:
        return repr(float(found[0]) + seconds) if "." in found[0] else str(int(found[0]) + int(seconds))

    return _ISO.sub(later, _EPOCH.sub(later_number, text))
