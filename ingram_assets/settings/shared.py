"""Settings that every process of the project may know."""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from ingram_assets.settings.base import Settings, SettingsError
from ingram_assets.settings.kinds import (
    ANY_CASE,
    BrokerUrl,
    DatabaseUrl,
    FolderPath,
    PageUrl,
    ResultBackendUrl,
    TimeZone,
    Waits,
    Whole,
)

DAGSTER_PATH = "/dagster"
"""Below which Dagster's page lies: the same on its own server, and behind the desk's front door."""

FIND_A_TITLE = f"{DAGSTER_PATH}/find-a-title"
"""Leads to the desk's board, which knows titles by their names: Dagster knows ISBNs alone."""


class LogSettings(Settings):
    """How logs are written."""

    LOG_FORMAT: Annotated[Literal["text", "json"], ANY_CASE] = Field(
        "text", description="Of the logs of ingram up's processes"
    )


class CommonSettings(LogSettings):
    """Dagster's database, the state folder and the store's time zone."""

    DAGSTER_PG_URL: DatabaseUrl = Field(description="Dagster's own database, postgresql://…")
    CELERY_BROKER_URL: BrokerUrl | None = Field(
        None, description="The broker that carries runs to workers on several machines; unset: one machine"
    )
    CELERY_RESULT_BACKEND_URL: ResultBackendUrl | None = Field(
        None, description="Where Celery keeps for a week how runs ended on their workers; unset: nowhere"
    )
    DAGSTER_HOME: FolderPath | None = Field(
        None, description="Dagster's home; default: INGRAM_STATE_DIR/dagster"
    )
    INGRAM_STATE_DIR: FolderPath = Field(Path(".ingram"), description="Sessions, locks and logs")
    STORE_TIME_ZONE: TimeZone = Field(
        "America/Chicago", description="The zone whose midnight releases a preorder"
    )
    INGRAM_UI_URL: PageUrl = Field(
        f"http://127.0.0.1:3000{DAGSTER_PATH}", description="Where Dagster's UI is opened"
    )

    @property
    def state_dir(self) -> Path:
        """The state folder, absolute, made on first use and closed to other users."""
        folder = self.INGRAM_STATE_DIR.expanduser().resolve()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(f"INGRAM_STATE_DIR can't be made: {error.strerror}: {folder}.") from None
        return folder


class PaceSettings(Settings):
    """How fresh the stock has to be, in seconds; minutes stand for hours in the demo and tests.

    Dagster takes no freshness window below a minute.
    """

    STOCK_WARN_AFTER: Whole = Field(5400, ge=60)
    STOCK_FAIL_AFTER: Whole = Field(7200, ge=60)
    SEARCH_WARN_AFTER: Whole = Field(7 * 86400, ge=60)
    SEARCH_FAIL_AFTER: Whole = Field(8 * 86400, ge=60)
    SENSOR_INTERVAL: Whole = Field(10, ge=1)
    STORE_LAG_MAX: Whole = Field(600, ge=60)
    SWEEP_RETRY_AFTER: Waits = (300, 900)

    @model_validator(mode="after")
    def _warns_first(self) -> "PaceSettings":
        for what in ("STOCK", "SEARCH"):
            if getattr(self, f"{what}_WARN_AFTER") >= getattr(self, f"{what}_FAIL_AFTER"):
                raise ValueError(f"{what}_WARN_AFTER has to be less than {what}_FAIL_AFTER")
        return self

    @property
    def stock_sla(self) -> timedelta:
        """How old a reading may be before the promise is broken."""
        return timedelta(seconds=self.STOCK_FAIL_AFTER)


def store_time_zone(environment: Mapping[str, str] = os.environ) -> str:
    """`STORE_TIME_ZONE` or its default, where other settings may be missing, as when definitions load."""
    default: str = CommonSettings.model_fields["STORE_TIME_ZONE"].default
    name = environment.get("STORE_TIME_ZONE", "").strip() or default
    try:
        ZoneInfo(name)
    except Exception:
        return default  # Whoever starts a process has told of it by then.
    return name
