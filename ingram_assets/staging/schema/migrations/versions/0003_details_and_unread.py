"""More details of a title, pages that can't be read, and the current row of each ISBN."""

from functools import partial

from ingram_assets.staging.schema import run_sql

revision = "0003"
down_revision = "0002"
upgrade = partial(run_sql, "0003_details_and_unread.sql")
