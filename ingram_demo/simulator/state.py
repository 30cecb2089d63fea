"""What outlives a restart of the simulator: one small SQLite file of JSON values by kind and key."""

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class State:
    """Stock, edits of titles, trusted devices, sessions. Without a path it lives as long as the process.

    Every write is on disk when it returns to the caller, so that a killed simulator has lost nothing
    that a reader has seen.
    """

    def __init__(self, path: Path | None = None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS state (kind TEXT, key TEXT, value TEXT, PRIMARY KEY (kind, key))"
        )

    def all(self, kind: str) -> dict[str, Any]:
        """Key to value of everything of this kind."""
        rows = self._db.execute("SELECT key, value FROM state WHERE kind = ?", (kind,))
        return {key: json.loads(value) for key, value in rows}

    def put(self, kind: str, values: Iterable[tuple[str, Any]]) -> None:
        """Writes the values in one transaction; a value of `None` is stored as such."""
        self._db.execute("BEGIN")
        self._db.executemany(
            "INSERT OR REPLACE INTO state VALUES (?, ?, ?)",
            [(kind, key, json.dumps(value)) for key, value in values],
        )
        self._db.execute("COMMIT")

    def remove(self, kind: str, key: str | None = None) -> None:
        """Forgets one value, or all of a kind."""
        if key is None:
            self._db.execute("DELETE FROM state WHERE kind = ?", (kind,))
        else:
            self._db.execute("DELETE FROM state WHERE kind = ? AND key = ?", (kind, key))

    def close(self) -> None:
        self._db.close()
