"""Dagster's storage, set in `dagster.yaml`: PostgreSQL at `DAGSTER_PG_URL`.

dagster-postgres's own, but for one thing: `dagster definitions validate`, which loads `dagster.yaml` and
keeps nothing, works with no settings.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Mapping
from typing import Any

from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage

from ingram_assets.domain.failures import NeedsPerson


class PostgresStorage(DagsterPostgresStorage):
    """PostgreSQL at `DAGSTER_PG_URL`; its tables are made if they are missing."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing to configure but the environment."""
        return {}

    @classmethod
    def from_config_value(  # type: ignore[override]
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> DagsterStorage:
        """The storage of the environment.

        Raises:
            NeedsPerson: `DAGSTER_PG_URL` is missing, and this is more than a look at the definitions.
        """
        if url := os.environ.get("DAGSTER_PG_URL"):
            return cls(url, inst_data=inst_data)
        if os.environ.get("DAGSTER_IS_DEFS_VALIDATION_CLI"):
            folder = tempfile.mkdtemp(prefix="dagster-validate-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            return DagsterSqliteStorage.from_local(folder)
        raise NeedsPerson("DAGSTER_PG_URL is missing: set it to Dagster's database, postgresql://….")
