"""How far the watch has read Dagster's events, as its sensor's cursor."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from ingram_assets.alerts.model import Alert, IncidentLog
from ingram_assets.alerts.tables import AlertTables, Pause, SeenEvent

Places = Mapping[str, int]
"""By type of event the id up to which all are done. What was seen beyond it is in the tables."""


def written(places: Places) -> str:
    """The cursor for these places."""
    return json.dumps({"version": 2, "places": places})


def read(cursor: str | None, tables: AlertTables) -> Places:
    """The places of a cursor; none for no cursor, or for what is none.

    In its first version it had all that the watch remembered. That is laid into the tables, once.
    """
    try:
        values: dict[str, Any] = json.loads(cursor or "{}")
    except json.JSONDecodeError:
        return {}
    if values.get("version") != 1:
        return dict(values.get("places", {}))
    outbox = values["outbox"]
    tables.take_over(
        TypeAdapter(IncidentLog).validate_python(values["book"]),
        [(name, Alert(**one["alert"])) for one in outbox["waiting"] for name in one["targets"]],
        [Pause(name, **down) for name, down in outbox["down"].items()],
        [SeenEvent(type_, id_) for type_, (_, seen) in values["places"].items() for id_ in seen],
    )
    return {type_: after for type_, (after, _) in values["places"].items()}
