"""What most of the shop's processes import: imported once, by the template that they are forked from.

Nothing here may start a thread, open a connection or read a setting.
"""

import alembic.config  # noqa: F401
import dagster_postgres  # noqa: F401
import fastapi  # noqa: F401
import httpx  # noqa: F401
import jinja2  # noqa: F401
import psycopg_pool  # noqa: F401
import stamina  # noqa: F401
import uvicorn  # noqa: F401

from ingram_assets.runtime import (  # noqa: F401
    choose_launcher,
    dagster_internals,
    run_coordinator,
    storage,
)
from ingram_assets.settings import loading, shared  # noqa: F401
