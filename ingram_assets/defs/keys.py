"""Names that all code locations share: asset keys, the partitions, run tags, pools."""

import dagster as dg

from ingram_assets.settings.shared import FIND_A_TITLE

ISBNS = dg.DynamicPartitionsDefinition(name="isbn")
"""A partition per tracked title. Discovery only adds; a person's command retires."""

ISBNS_NAME = "isbn"
RETIRED_NAME = "isbn_retired"
"""Names of the dynamic partitions that Dagster keeps: the tracked titles; those a person retired, which the
saved search does not bring back."""

SAVED_SEARCH = dg.AssetKey(["ipage", "saved_search"])
TITLE_DETAILS = dg.AssetKey(["ipage", "title_details"])
STOCK = dg.AssetKey(["ipage", "stock"])
UNREAD_PAGES = dg.AssetKey(["ipage", "unread_pages"])
STOCK_SWEEP = dg.AssetKey(["ipage", "stock_sweep"])
LIKELY_SELL_OUTS = dg.AssetKey(["ipage", "likely_sell_outs"])
COVER_SWEEP = dg.AssetKey(["r2", "cover_sweep"])
COVERS = dg.AssetKey(["r2", "covers"])
QUEUE_ROWS = dg.AssetKey(["queue", "rows"])
STOCK_LOCATION = dg.AssetKey(["medusa", "stock_location"])
PRODUCTS = dg.AssetKey(["medusa", "products"])
INVENTORY_LEVELS = dg.AssetKey(["medusa", "inventory_levels"])
ORDERS = dg.AssetKey(["medusa", "orders"])
STORE_INVENTORY = dg.AssetKey(["store", "inventory"])
BACKUP = dg.AssetKey(["shop", "backup"])

FIND_BY_NAME = f"A partition is a title's ISBN: [find it by the book's name]({FIND_A_TITLE})."
"""Of the description of an asset with a partition per title."""

FIELDS_READ = "fields_are_read"
"""The check on the sweep: each field is read on about as many pages as usual."""
GONE_FIELDS = "gone_fields"
"""The metadata key of its table: fields that are not, and a sentence on each."""

HELD_BY = "held_by"
"""The metadata key of the push's check: the guardrails behind which titles wait, each with its reason."""

SITE_POOL = "ipage"
STORE_POOL = "medusa"
"""Runs with a step of one pool never overlap: the run queue lets one at a time through (`dagster.yaml`)."""

ASKED_BY_TAG = "ingram/asked_by"
"""The person who asked for a run."""
AT_WORK_AT_BACKUP_TAG = "ingram/at_work_at_backup"
"""Of a run that a restore canceled: it was at work when the backup was made, and did not fail."""
PROGRESS_TAG = "ingram/progress"
"""How far a run is, in words, kept current while it runs."""

SWEEP_TAG, SHARD_TAG = "ingram/sweep", "ingram/shard"
"""Of the runs of a sweep that is split: the name that they share; which of them it is, as "2 of 4"."""
SHARD_JOB, WHOLE_JOB, SHARDS_SENSOR = "sweep_shard", "sweep_of_shards", "sweep_in_shards"

WEEK_JOB = "week_of_titles"
TITLE_WEEK = "title_week"
"""The job that looks up what became of titles in a week, and the metadata key under which it leaves that."""

PLAN_TAG = "ingram/only_plans"
"""Why a run that was asked to write only planned."""
